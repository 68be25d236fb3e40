//! What must not happen: a change that nobody confirmed, a step that ends with its screen, a record that is left out.
//! The traps of DESIGN §10 are named by their numbers.

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use locum::engine::record::Event;
use rustix::process::Signal;

use crate::stage::pty::Pty;
use crate::stage::{Stage, eventually, signal};

/// A look, and a change with a high risk.
const CHANGE: &str = "locum: 1
title: One dangerous change
diagnose:
  - id: look
    check: test -d DIR
repair:
  - id: wipe
    change: echo ran >> DIR/ledger
    risk: high
    confirm: wipe
    no_undo: a line stays
";

/// The same, slow, and told when to end.
const SLOW: &str = "locum: 1
title: One slow change
diagnose:
  - id: look
    check: 'sleep 1'
repair:
  - id: wipe
    change: 'echo ran >> DIR/ledger; touch DIR/runs; while test -d DIR -a ! -e DIR/go; do sleep 0.01; done; echo all of it'
    risk: high
    confirm: wipe
    no_undo: a line stays
";

/// What leads to the change, on a pipe.
const DIALOGUE: [&str; 3] = ["\n", "y\n", "wipe\n"];

fn plain(runbook: &str, input: &[u8]) -> (Stage, crate::stage::Told) {
    let stage = Stage::new(runbook);
    let told = stage.fed(&["run", "x", "--plain"], input);
    (stage, told)
}

fn headless(stage: &Stage) -> crate::stage::Told {
    stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"])
}

#[test]
fn trap_1_yes_changes_nothing() {
    for input in [
        "y\n".repeat(100_000),
        "\n".repeat(100_000),
        "yes\n".repeat(1000),
        "y\ny\n".to_owned(),
        "\ny\ny\ny\n".to_owned(),
    ] {
        let (stage, told) = plain(CHANGE, input.as_bytes());
        assert_eq!(stage.ledger().len(), 0, "{}", told.out);
        assert!(matches!(told.code, Some(5 | 23)), "{told:?}");
    }
}

#[test]
fn trap_1_the_end_of_the_input_changes_nothing_wherever_it_comes() {
    for lines in 0..=DIALOGUE.len() {
        let (stage, _) = plain(CHANGE, DIALOGUE[..lines].concat().as_bytes());
        assert_eq!(stage.ledger().len(), usize::from(lines == DIALOGUE.len()), "after {lines} lines");
    }
    let (stage, _) = plain(CHANGE, b"\ny\nwip");
    assert_eq!(stage.ledger().len(), 0);
}

#[test]
fn trap_1_no_and_typos_and_other_words_change_nothing() {
    for word in ["n", "no", "wipr", "wip", "Wipe", "WIPE", "wipe wipe", "look", "y", "yes", "Y", "'wipe'", "\u{1b}[A"] {
        let (stage, told) = plain(CHANGE, format!("\ny\n{word}\n").as_bytes());
        assert_eq!(stage.ledger().len(), 0, "{word}: {}", told.out);
    }
}

#[test]
fn a_deed_by_hand_is_not_done_because_something_says_yes() {
    let runbook = CHANGE.replace("change: echo ran >> DIR/ledger", "by_hand: Pull the plug.");
    for input in ["y\n".repeat(1000), "\n".repeat(1000), "yes\n".repeat(1000)] {
        let (stage, told) = plain(&runbook, input.as_bytes());
        assert!(stage.run().answers.is_empty(), "{}", told.out);
        assert!(stage.run().attempts.values().all(|attempt| attempt.intent.step.id != "wipe"), "{}", told.out);
    }
}

#[test]
fn trap_2_nothing_has_run_when_the_question_stands() {
    let stage = Stage::new(CHANGE);
    let mut pty = Pty::start(&stage.command(&["run", "x", "--plain"]));
    pty.wait_for("> ", 1);
    pty.answer("");
    pty.wait_for("go into repair", 1);
    pty.answer("y");
    pty.wait_for("echo ran", 1);
    pty.answer("y");
    pty.wait_for("type `wipe`", 1);
    assert_eq!(stage.ledger().len(), 0);
    assert!(stage.run().attempts.values().all(|attempt| attempt.intent.step.id != "wipe"));
    pty.answer("wipe");
    eventually("it ran", || stage.ledger().len() == 1);
    let confirm = stage.attempt("wipe").intent.confirm.unwrap();
    assert_eq!((confirm.how.as_str(), confirm.text.as_str()), ("typed", "wipe"));
}

#[test]
fn trap_3_a_run_without_a_person_confirms_nothing_by_itself() {
    let stage = Stage::new(CHANGE);
    stage.answers("answers: { repair: enter }\n");
    headless(&stage).exits(20).says("wipe: a person must decide");
    assert_eq!(stage.ledger().len(), 0);
    for wrong in ["yes", "y", "true", "Wipe"] {
        let stage = Stage::new(CHANGE);
        stage.answers(&format!("answers: {{ repair: enter, wipe: \"{wrong}\" }}\n"));
        headless(&stage).exits(5).says("not confirmed");
        assert_eq!(stage.ledger().len(), 0, "{wrong}");
    }
}

#[test]
fn trap_3_each_turn_of_a_loop_is_confirmed_by_itself() {
    let runbook = CHANGE.replace("    change: echo ran", "    for_each: { pod: [one, two] }\n    change: echo ran");
    let (stage, _) = plain(&runbook, DIALOGUE.concat().as_bytes());
    assert_eq!(stage.ledger().len(), 1);
}

#[test]
fn trap_4_a_run_stands_at_the_id_of_a_step_whatever_becomes_of_the_file() {
    let stage = Stage::new(CHANGE);
    stage.answers("answers: { repair: enter }\n");
    headless(&stage).exits(20);
    let path = stage.path("runbooks/x.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let evil = "repair:\n  - id: other\n    change: echo other >> /dev/null\n    risk: low\n    no_undo: none\n";
    fs::write(&path, text.replace("repair:\n", evil)).unwrap();
    stage.answers("answers: { wipe: wipe }\n");
    stage.resume(&[]).exits(0);
    assert_eq!(stage.ledger(), ["ran"]);
    assert!(stage.run().attempts.values().all(|attempt| attempt.intent.step.id != "other"));
}

#[test]
fn trap_5_where_nothing_can_be_recorded_nothing_runs() {
    let stage = Stage::new(CHANGE);
    stage.answers("answers: { repair: enter, wipe: wipe }\n");
    fs::write(stage.state(), "a file where a folder should be").unwrap();
    headless(&stage).exits(6);
    stage.fed(&["run", "x", "--plain"], DIALOGUE.concat().as_bytes()).exits(6);
    assert_eq!(stage.ledger().len(), 0);
}

#[test]
fn trap_5_when_the_journal_fails_in_the_middle_nothing_more_is_started() {
    let stage = Stage::new(CHANGE);
    let mut command = stage.command(&["run", "x", "--plain"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut keys = child.stdin.take().unwrap();
    keys.write_all(b"\n").unwrap();
    eventually("the look is recorded", || {
        stage.records().iter().any(|record| matches!(record.event, Event::StepEnded { .. }))
    });
    let segment = stage.folder().segments().unwrap()[0].path.clone();
    let mut file = fs::File::options().append(true).open(segment).unwrap();
    file.write_all(b"{\"somebody\":\"else\"}\n").unwrap();
    keys.write_all(b"y\nwipe\nwipe\ny\nq\n").unwrap();
    drop(keys);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("somebody else wrote to it"), "{said}");
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert_eq!(stage.ledger().len(), 0);
}

#[test]
fn trap_6_the_whole_output_is_kept_whatever_the_screen_shows() {
    let (stage, told) = plain(&CHANGE.replace("echo ran", "seq 5000; echo ran"), DIALOGUE.concat().as_bytes());
    let blob = stage.folder().blobs().join(format!("{}.out", stage.attempt("wipe").intent.attempt));
    assert_eq!(fs::read_to_string(&blob).unwrap().lines().count(), 5000);
    told.says(&format!("more output in {}", blob.display()));
}

#[test]
fn trap_7_what_a_step_says_is_enforced() {
    let with = |fields: &str| {
        let stage = Stage::new(&format!("{CHANGE}{fields}"));
        stage.answers("answers: { repair: enter, wipe: wipe }\n");
        stage
    };
    let stage = with("    needs: test -e /no/such/file\n");
    headless(&stage).exits(21);
    assert_eq!(stage.ledger().len(), 0, "`needs` does not hold");
    headless(&with("    expect: a word that does not come\n")).exits(21);
    headless(&with("    done_when: test -e /no/such/file\n")).exits(21);
    let scope = Stage::new(&CHANGE.replace("diagnose:", "scope: { files: [DIR] }\ndiagnose:"));
    scope.answers("answers: { repair: enter, wipe: wipe }\n");
    headless(&scope).exits(24).says("ledger: added");
    let forbidden =
        Stage::new(&CHANGE.replace("diagnose:", "forbidden: [{ match: echo ran, because: it is a test }]\ndiagnose:"));
    forbidden.answers("answers: { repair: enter, wipe: wipe }\n");
    assert!(matches!(headless(&forbidden).code, Some(3 | 5)));
    assert_eq!(forbidden.ledger().len(), 0);
}

#[test]
fn trap_7_a_change_whose_time_is_up_is_unknown_and_never_failed() {
    let stage = Stage::new(
        &CHANGE
            .replace("echo ran", "sleep 60; echo ran")
            .replace("    risk: high\n", "    risk: high\n    timeout: 1s\n"),
    );
    stage.answers("answers: { repair: enter, wipe: wipe }\n");
    headless(&stage).exits(22).says("wipe: stopped");
    let end = stage.attempt("wipe").end.unwrap();
    assert_eq!(end.judged, locum::engine::record::Judged::Unknown);
    assert_eq!(end.result, locum::engine::record::EndResult::TimedOut);
    stage.resume(&[]).exits(22);
}

#[test]
fn trap_8_a_dry_run_shows_the_command_and_leaves_nothing() {
    let stage = Stage::new(CHANGE);
    let told = stage.locum(&["run", "x", "--dry-run"]);
    told.exits(0).says(&format!("echo ran >> {}/ledger", stage.path("dir").display()));
    assert!(stage.ledger().is_empty() && stage.run_id().is_empty());
}

#[test]
fn trap_9_a_step_that_failed_makes_nothing_green() {
    let stage = Stage::new(&CHANGE.replace("echo ran >>", "false | cat; echo ran >>"));
    stage.answers("answers: { repair: enter, wipe: wipe }\n");
    headless(&stage).exits(21).says("wipe: stopped");
    assert_eq!(stage.ledger().len(), 0);
    for _ in 0..2 {
        stage.resume(&[]).exits(21);
    }
    assert_eq!(stage.run().attempts.len(), 2, "nothing was tried again behind anybody's back");
}

#[test]
fn keys_that_are_typed_ahead_change_nothing() {
    let stage = Stage::new(SLOW);
    let mut pty = Pty::start(&stage.command(&["run", "x", "--plain"]));
    pty.wait_for("> ", 1);
    pty.answer("");
    // The look takes a second: whatever is typed meanwhile was typed before its question stood there.
    pty.type_blindly("y\ny\nwipe\ny\nwip");
    pty.wait_for("go into repair", 1);
    pty.type_blindly("y\n");
    std::thread::sleep(Duration::from_secs(1));
    assert!(stage.records().iter().all(|record| !matches!(record.event, Event::WentTo { .. })), "{}", pty.said());
    assert_eq!(stage.ledger().len(), 0);
    pty.answer("y");
    pty.wait_for("while test -d", 1);
    pty.answer("y");
    pty.wait_for("type `wipe`", 1);
    pty.answer("Wipe");
    pty.wait_for("not confirmed", 1);
    assert_eq!(stage.ledger().len(), 0);
}

#[test]
fn control_c_lets_the_step_go_on() {
    let stage = Stage::new(&SLOW.replace("sleep 1", "true"));
    let mut pty = Pty::start(&stage.command(&["run", "x", "--plain"]));
    pty.wait_for("> ", 1);
    pty.answer("");
    pty.wait_for("go into repair", 1);
    pty.answer("y");
    pty.wait_for("while test -d", 1);
    pty.answer("y");
    pty.wait_for("type `wipe`", 1);
    pty.answer("wipe");
    stage.wait_for("runs");
    pty.type_blindly("\u{3}");
    pty.wait_for("the step goes on", 1);
    stage.touch("go");
    pty.wait_for("all of it", 1);
    eventually("it has its end", || stage.attempt("wipe").end.is_some());
    let end = stage.attempt("wipe").end.unwrap();
    assert_eq!((end.code, end.signal, end.judged), (Some(0), None, locum::engine::record::Judged::Passed));
}

#[test]
fn a_terminal_that_goes_away_takes_no_step_with_it() {
    for told in [Signal::HUP, Signal::TERM, Signal::KILL] {
        let stage = Stage::new(&SLOW.replace("sleep 1", "true"));
        let mut command = stage.command(&["run", "x", "--plain"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut keys = child.stdin.take().unwrap();
        keys.write_all(DIALOGUE.concat().as_bytes()).unwrap();
        stage.wait_for("runs");
        signal(child.id(), told);
        child.wait().unwrap();
        assert!(stage.attempt("wipe").is_open(), "{told:?}");
        stage.touch("go");
        stage.answers("answers: {}\n");
        stage.resume(&[]).exits(0);
        assert_eq!(stage.ledger(), ["ran"], "{told:?}");
    }
}
