//! A terminal is handed to a program: raw, recorded, without a word of what is typed; taken back whatever ends it; and
//! the program outlives the screen.

use std::fs;
use std::path::Path;

use locum::engine::Position;
use locum::engine::record::{Event, Judged};
use locum::engine::run::StepState;
use rustix::process::Signal;

use crate::stage::pty::Pty;
use crate::stage::{Stage, eventually, kill, signal};
use crate::support::{Case, has};

/// A program that asks for a password, and tells what it was told on another way.
const ASKS: &str = "locum: 1
title: Mend it by hand
scope: { files: [DIR/etc] }
repair:
  - id: inside
    title: Set the new word
    terminal: |
      stty size > DIR/size
      printf 'wo%s? ' rd; read -rs word; echo; echo \"${#word} letters\"
      printf 'and? '; read -r and; echo \"$word $and\" > DIR/etc/told
    risk: low
    may_change: [told]
    done_when: test -s DIR/etc/told
verify:
  - { id: whole, check: grep -q x DIR/etc/told }
";

fn stage(runbook: &str) -> Stage {
    let stage = Stage::new(runbook);
    fs::create_dir(stage.path("dir/etc")).unwrap();
    stage
}

/// At the step, confirmed: the program has the terminal.
fn inside(stage: &Stage) -> Pty {
    let mut pty = Pty::start(&stage.command(&["run", "x", "--plain"]));
    pty.wait_for("BEHIND THIS GATE", 1);
    pty.answer("y");
    pty.wait_for("YOU WORK IN A PROGRAM", 1);
    pty.answer("y");
    pty.wait_for("Ctrl-] takes your terminal back", 1);
    pty.wait_for("word? ", 1);
    pty
}

fn cast(stage: &Stage, step: &str) -> String {
    let end = stage.attempt(step).end.expect("it has ended");
    fs::read_to_string(stage.folder().blobs().join(end.cast.expect("a recording").blob)).unwrap()
}

fn state_of(stage: &Stage, step: &str) -> StepState {
    stage.run().state(&step.parse().unwrap()).clone()
}

#[test]
fn a_program_gets_the_terminal_gives_it_back_and_nothing_that_is_typed_is_kept() {
    let stage = stage(ASKS);
    let mut pty = inside(&stage);
    pty.type_blindly("hunter2hunter2\r");
    pty.wait_for("14 letters", 1);
    pty.type_blindly("x\r");
    pty.wait_for("THE PROGRAM HAS ENDED", 1);
    assert!(pty.is_cooked(), "lines are lines again");
    assert!(matches!(stage.run().position, Position::Step { .. }), "how it went is not said yet");
    pty.answer("d");
    pty.wait_for("This look changes nothing", 1);
    pty.answer("q");
    assert_eq!(fs::read_to_string(stage.path("dir/size")).unwrap(), "24 80\n");
    assert_eq!(fs::read_to_string(stage.path("dir/etc/told")).unwrap(), "hunter2hunter2 x\n");
    let cast = cast(&stage, "inside");
    let lines: Vec<serde_json::Value> = cast.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["version"], &lines[1][1], &lines[1][2]), (&3.into(), &"m".into(), &"inside".into()));
    assert!(lines[1..].iter().all(|event| event[1] != "i"), "{cast}");
    assert!(cast.contains("14 letters"));
    for entry in walk(&stage.state()) {
        let bytes = fs::read(&entry).unwrap_or_default();
        // The copy of the scope and the measure of it hold what the program wrote; what was typed is nowhere else.
        let typed = String::from_utf8_lossy(&bytes).contains("hunter2hunter2");
        assert!(!typed, "{}", entry.display());
    }
    let run = stage.run_id();
    stage.locum(&["audit", &run]).exits(0).says("every line is whole and in its place");
    stage.locum(&["log", &run]).exits(0).says("inside: answered \"done\" (passed)");
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn the_key_takes_it_back_the_program_goes_on_and_one_goes_in_again() {
    let stage = stage(ASKS);
    let mut pty = inside(&stage);
    pty.type_blindly("one\x1d");
    pty.wait_for("type `g` to go in again", 1);
    assert!(pty.is_cooked());
    pty.answer("g");
    pty.wait_for("Ctrl-] takes your terminal back", 2);
    // Twice is one for the program, which takes it as a letter.
    pty.press("\x1d\x1d\r");
    pty.wait_for("4 letters", 1);
    pty.type_blindly("x\r");
    pty.wait_for("THE PROGRAM HAS ENDED", 1);
    pty.answer("q");
    assert_eq!(fs::read_to_string(stage.path("dir/etc/told")).unwrap(), "one\u{1d} x\n");
}

#[test]
fn a_killed_screen_leaves_the_program_and_a_returning_operator_goes_in() {
    let stage = stage(ASKS);
    let mut pty = inside(&stage);
    pty.type_blindly("one\r");
    pty.wait_for("3 letters", 1);
    kill(stage.holder());
    drop(pty);
    let run = stage.run_id();
    let mut back = Pty::start(&stage.command(&["resume", &run, "--plain"]));
    back.wait_for("the program runs; type `g` to go in", 1);
    back.answer("g");
    back.wait_for("Ctrl-] takes your terminal back", 1);
    back.press("x\r");
    back.wait_for("THE PROGRAM HAS ENDED", 1);
    back.answer("d");
    back.wait_for("This look changes nothing", 1);
    back.answer("q");
    assert_eq!(fs::read_to_string(stage.path("dir/etc/told")).unwrap(), "one x\n");
    assert_eq!(state_of(&stage, "inside"), StepState::Passed);
    let begun = stage.records().into_iter().filter(|record| matches!(record.event, Event::StepIntended(_)));
    assert_eq!(begun.count(), 1, "it was started once");
}

#[test]
fn a_signal_gives_the_terminal_back_and_the_program_goes_on() {
    for told in [Signal::TERM, Signal::HUP] {
        let stage = stage(ASKS);
        let pty = inside(&stage);
        assert!(!pty.is_cooked());
        signal(stage.holder(), told);
        eventually("it has ended", || pty.has_ended());
        assert!(pty.is_cooked(), "still raw after {told:?}");
        assert!(stage.attempt("inside").is_open());
        assert!(!locum::exec::survivors(&stage.attempt("inside").intent.attempt.0).is_empty());
    }
}

#[test]
fn on_the_screen_too_and_another_size_is_passed_on() {
    let stage = stage(&ASKS.replace("read -r and;", "read -r and; stty size > DIR/later;"));
    let mut pty = Pty::start(&stage.command(&["run", "x"]));
    pty.shows("BEHIND THIS GATE");
    pty.press("y");
    pty.shows("YOU WORK IN A PROGRAM");
    pty.press(" ");
    pty.press(" ");
    pty.press("y");
    pty.wait_for("word? ", 1);
    pty.press("one\r");
    pty.wait_for("3 letters", 1);
    pty.resize(40, 20);
    pty.press("\x1d");
    pty.shows("g goes in again");
    pty.press("g");
    pty.wait_for("Ctrl-] takes your terminal back", 2);
    pty.press("x\r");
    pty.shows("THE PROGRAM HAS ENDED");
    assert!(!pty.is_cooked(), "the screen has it again");
    pty.press("d");
    pty.shows("This look changes");
    pty.press("q");
    eventually("it has ended", || pty.has_ended());
    assert!(pty.is_cooked());
    assert_eq!(fs::read_to_string(stage.path("dir/later")).unwrap(), "20 40\n");
    assert!(cast(&stage, "inside").contains(r#""r","40x20""#));
}

#[test]
fn done_counts_only_where_it_holds_and_not_sure_follows_nothing() {
    let stage = stage(&ASKS.replace("test -s DIR/etc/told", "grep -q never DIR/etc/told"));
    let mut pty = inside(&stage);
    pty.type_blindly("one\r");
    pty.wait_for("3 letters", 1);
    pty.type_blindly("x\r");
    pty.wait_for("THE PROGRAM HAS ENDED", 1);
    pty.answer("n");
    pty.wait_for("nothing was changed; ? says", 1);
    assert_eq!(state_of(&stage, "inside"), StepState::Unknown);
    pty.wait_for("THE PROGRAM HAS ENDED", 2);
    pty.answer("d");
    pty.wait_for("you say that it is done, but it does not hold: grep -q never", 1);
    pty.answer("q");
    assert_eq!(state_of(&stage, "inside"), StepState::Failed);
}

#[test]
fn what_a_program_breaks_freezes_the_run_before_anybody_is_asked() {
    let stage = stage(&ASKS.replace("may_change: [told]", "may_change: [other]"));
    let mut pty = inside(&stage);
    pty.type_blindly("one\r");
    pty.wait_for("3 letters", 1);
    pty.type_blindly("x\r");
    pty.wait_for("etc/told", 1);
    eventually("it has ended", || stage.run().running().is_none());
    assert!(stage.run().is_frozen());
    let end = stage.attempt("inside").end.unwrap();
    assert_eq!((end.code, end.judged), (Some(0), Judged::Unknown));
    pty.answer("q");
}

const NIGHT: &str = "locum: 1\ntitle: N\ndiagnose: [{ id: look, check: test -d / }]\nrepair: [{ id: inside, terminal: vi x, risk: low }]\n";

#[test]
fn without_a_person_nothing_runs_at_all() {
    let answers = "answers: { repair: enter, inside: inside }\n";
    // Not even the id of a run is said.
    Case::new()
        .runbook("night", NIGHT)
        .file("answers.yaml", answers)
        .args(["run", "night", "--headless", "--answers", "answers.yaml"])
        .stderr(has("step `inside` is a terminal, which needs a person in it; nothing ran"))
        .status(20);
}

#[test]
fn it_is_shown_before_it_runs() {
    let case = || Case::new().runbook("night", NIGHT);
    case()
        .args(["run", "night", "--dry-run"])
        .stdout(has("inside [terminal] vi x\n"))
        .stdout(has("\n    | vi x\n"))
        .status(0);
    case().args(["show", "night"]).stdout(has("You work in:\nvi x\n")).status(0);
}

#[test]
fn it_has_no_place_where_nothing_changes_and_no_output_that_could_be_judged() {
    let night = "locum: 1\ntitle: N\ndiagnose: [{ terminal: vi x }]\nrepair: [{ terminal: vi x, no_undo: y, expect: z, stdin: q }]\n";
    Case::new()
        .runbook("night", night)
        .args(["lint", "--format", "concise"])
        .stdout(has("a `terminal` in diagnose, which changes nothing"))
        .status(1);
    for field in ["expect", "stdin"] {
        let said = format!("`{field}` does not belong to a `terminal` step");
        Case::new().runbook("night", night).args(["lint", "--format", "concise"]).stdout(has(&said)).status(1);
    }
}

#[test]
fn a_forbidden_command_is_refused_on_a_terminal_too() {
    let forbidden = "forbidden: [{ match: vi x, because: nobody asks }]\n";
    Case::new()
        .runbook("night", &format!("{NIGHT}{forbidden}"))
        .args(["lint", "--format", "concise"])
        .stdout(has("nobody asks"))
        .status(1);
}
