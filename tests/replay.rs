//! A run is shown once more from its record alone: with its outputs, its terminal, its damage; nothing runs, and
//! nothing but text comes out.

use std::fs;

use crate::stage::pty::Pty;
use crate::stage::{Stage, Told};

/// A look and a change that print what would attack a terminal.
const ATTACKS: &str = r"locum: 1
title: Attacks
diagnose:
  - id: look
    check: printf 'one\n\033]0;title\007two\033[2J\033[31m red \302\233x\r\nthr\303\251e\n'
repair:
  - id: change
    change: printf 'done \033]52;c;ZXZpbA==\007\033[?1049h all\n' | tee DIR/told
    risk: low
    no_undo: x
";

const ANSWERS: &str = "answers: { repair: enter, change: change }\n";

fn stage() -> Stage {
    let stage = Stage::new(ATTACKS);
    stage.answers(ANSWERS);
    stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]).exits(0);
    stage
}

#[track_caller]
fn only_text(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).expect("it is text");
    let bad = text.chars().find(|letter| letter.is_control() && *letter != '\n');
    assert_eq!(bad, None, "{text:?}");
}

#[test]
fn every_record_comes_in_order_with_its_output_and_nothing_runs() {
    let stage = stage();
    fs::remove_file(stage.path("dir/told")).unwrap();
    let before = stage.records().len();
    let output = stage.command(&["replay", &stage.run_id(), "--zone", "Asia/Tokyo"]).output().unwrap();
    only_text(&output.stdout);
    let told = Told::of(&output);
    told.exits(0).says("    | one\n").says("    | thrée\n").says("JST  ");
    let places: Vec<_> =
        ["opened a LIVE run", "look: look began", "    | one", "change: change began", "    | done", "closed"]
            .iter()
            .map(|text| told.out.find(text).unwrap_or_else(|| panic!("no `{text}` in\n{}", told.out)))
            .collect();
    assert!(places.is_sorted(), "{}", told.out);
    assert!(!stage.has("told") && stage.records().len() == before, "nothing ran, nothing was recorded");
    // The words of the log, one by one.
    let log = stage.locum(&["log", &stage.run_id(), "--zone", "Asia/Tokyo"]);
    for line in log.out.lines() {
        assert!(told.out.lines().any(|shown| shown == line), "{line}");
    }
}

#[test]
fn a_terminal_is_shown_as_text() {
    let inside = "locum: 1\ntitle: T\nrepair:\n  - { id: inside, terminal: \"printf 'a\\\\033[2Jb\\\\033]0;t\\\\007c\\\\n'; read -r x\", risk: low, no_undo: x }\n";
    let stage = Stage::new(inside);
    let mut pty = Pty::start(&stage.command(&["run", "x", "--plain"]));
    pty.wait_for("BEHIND THIS GATE", 1);
    pty.answer("y");
    pty.wait_for("YOU WORK IN A PROGRAM", 1);
    pty.answer("y");
    pty.wait_for("Ctrl-] takes your terminal back", 1);
    pty.press("x\r");
    pty.wait_for("THE PROGRAM HAS ENDED", 1);
    pty.answer("q");
    let output = stage.command(&["replay"]).output().unwrap();
    only_text(&output.stdout);
    Told::of(&output).exits(0).says("    a terminal:\n    | abc\n");
}

#[test]
fn on_a_terminal_it_waits_and_there_too_nothing_but_text_comes() {
    let stage = stage();
    let pty = Pty::start(&stage.command(&["replay", "--speed", "1000"]));
    pty.wait_for("closed, done", 1);
    let shown: Vec<u8> = pty.bytes().into_iter().filter(|byte| *byte != b'\r').collect();
    only_text(&shown);
}

#[test]
fn damage_is_told_as_the_log_tells_it() {
    let stage = stage();
    let run = stage.run_id();
    let path = stage.folder().segments().unwrap()[0].path.clone();
    let whole = fs::read(&path).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    for (bytes, code) in [(whole[..last + 20].to_vec(), 10), (flipped(last / 2), 11)] {
        fs::write(&path, bytes).unwrap();
        let (log, replay) = (stage.locum(&["log", &run]), stage.locum(&["replay", &run]));
        replay.exits(code).says("what stands before that is shown");
        assert_eq!((log.code, &log.err), (replay.code, &replay.err));
    }
}

#[test]
fn an_output_that_is_gone_is_said_and_the_rest_is_shown() {
    let stage = stage();
    let attempt = stage.attempt("look");
    fs::remove_file(stage.folder().blobs().join(format!("{}.out", attempt.intent.attempt))).unwrap();
    stage.locum(&["replay"]).exits(0).says("cannot be shown: No such file").says("    | done");
}

#[test]
fn a_pace_is_a_number() {
    let stage = stage();
    for speed in ["0", "-1", "fast"] {
        stage.locum(&["replay", "--speed", speed]).exits(2);
    }
    stage.locum(&["replay", "--no-wait"]).exits(0);
    stage.locum(&["replay", "--help"]).exits(0).says("--no-wait");
}
