//! The way back on the built binary: one that fails, one of which nobody knows the end, and what a person may decide.

use std::io::Write;
use std::process::{Child, Stdio};

use locum::engine::Position;
use locum::engine::position::StopReason;
use locum::engine::record::{Does, Event, Judged};
use locum::engine::run::Attempt;

use crate::stage::{Stage, Told, kill};

/// A change that makes a file, with this way back; then a deed by hand that waits for daylight.
fn night(undo: &str) -> Stage {
    let text = format!(
        "locum: 1\ntitle: A file\nrepair:\n  - id: make\n    change: touch DIR/made\n    risk: low\n    undo: {undo}\nfollow_up:\n  - {{ id: tell, by_hand: Tell komari. }}\n"
    );
    let stage = Stage::new(&text);
    stage.answers("answers: { repair: enter, make: make }\n");
    stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]).exits(20).says("tell: a person must decide");
    // From now on everything is answered: whatever goes on by itself goes to the end.
    stage.answers("answers: { repair: enter, make: make, tell: done }\n");
    stage
}

/// A way back that waits for `go`, and writes into a ledger each time it is gone.
const SLOW: &str = "'echo back >> DIR/ledger; touch DIR/runs; until test -e DIR/go; do sleep 0.01; done; rm DIR/made'";

fn back(stage: &Stage, input: &str) -> Told {
    stage.fed(&["resume", &stage.run_id(), "--plain"], input.as_bytes())
}

/// The newest attempt of all.
fn newest(stage: &Stage) -> Attempt {
    stage.run().attempts.values().next_back().expect("an attempt").clone()
}

/// Begins the way back and kills the screen in the middle of it, and whoever would know how it ends.
fn lost(stage: &Stage) -> String {
    let mut child = begins(stage);
    stage.wait_for("runs");
    kill(child.id());
    child.wait().unwrap();
    let attempt = newest(stage);
    assert_eq!(attempt.intent.does, Does::Undo);
    stage.kill_step(&attempt);
    attempt.intent.attempt.0
}

fn begins(stage: &Stage) -> Child {
    let mut command = stage.command(&["resume", &stage.run_id(), "--plain"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(b"u\ny\nundo\n").unwrap();
    child
}

fn stands_half_back(stage: &Stage) {
    let run = stage.run();
    assert!(matches!(run.position, Position::Stopped { by: StopReason::WayBack, .. }), "{:?}", run.position);
    assert!(run.closed.is_none());
    stage.locum(&["audit", &run.id]).exits(0);
}

#[test]
fn a_way_back_that_failed_stops_at_its_step_and_the_run_never_ends_as_done() {
    let stage = night("'echo cannot; exit 3'");
    back(&stage, "u\ny\nundo\nq\n")
        .exits(21)
        .says("THE WAY BACK IS NOT WHOLE.")
        .says("It is not safe to walk away now");
    for _ in 0..2 {
        stage.resume(&[]).exits(21).says("make: stopped: the way back failed");
    }
    stands_half_back(&stage);
}

#[test]
fn a_second_try_of_a_way_back_wants_a_reason_of_a_person() {
    let stage = night("'test -e DIR/go && rm DIR/made'");
    back(&stage, "u\ny\nundo\nq\n").exits(21);
    stage.touch("go");
    back(&stage, "u\ny\n\nundo\nq\n");
    assert!(stage.has("made"), "no reason, no way back");
    back(&stage, "u\ny\nthe disk was full\nundo\n").says("YOU WENT BACK.");
    assert!(!stage.has("made"));
    let reasons = stage.records().into_iter().filter_map(|record| match record.event {
        Event::Decided { choice, reason, .. } => Some((choice, reason)),
        _ => None,
    });
    assert_eq!(reasons.collect::<Vec<_>>(), [("run-again".to_owned(), "the disk was full".to_owned())]);
}

#[test]
fn a_way_back_of_unknown_end_waits_for_a_person_however_often_it_is_resumed() {
    let stage = night(SLOW);
    let attempt = lost(&stage);
    for _ in 0..2 {
        stage.resume(&["--rerun-safe"]).exits(20).says(&format!("--decide {attempt}=done|run-again|abort"));
    }
    assert_eq!(stage.ledger().len(), 1);
    stands_half_back(&stage);
    stage.resume(&["--decide", &format!("{attempt}=abort"), "--reason", "komari looks at it"]).exits(23);
    stands_half_back(&stage);
}

#[test]
fn a_person_says_whether_a_way_back_of_unknown_end_is_whole() {
    let stage = night(SLOW);
    let attempt = lost(&stage);
    let decided = format!("{attempt}=done");
    stage.resume(&["--decide", &decided, "--reason", "the file is gone"]).exits(20);
    let run = stage.run();
    assert!(matches!(run.position, Position::Stopped { by: StopReason::Undone, .. }), "{:?}", run.position);
    assert!(run.newest_way_back().is_none());
    assert_eq!(stage.ledger().len(), 1);

    let stage = night(SLOW);
    let attempt = lost(&stage);
    stage.touch("go");
    let decided = format!("{attempt}=run-again");
    stage.resume(&["--decide", &decided, "--reason", "the file is there"]).exits(20).says("make: stopped");
    assert_eq!((stage.ledger().len(), stage.has("made")), (2, false));
    assert_eq!(newest(&stage).intent.confirm.unwrap().how, "--decide");
}

#[test]
fn a_way_back_of_unknown_end_is_whole_when_its_test_says_so() {
    let stage = night(&format!("{{ change: {SLOW}, done_when: test ! -e DIR/made }}"));
    lost(&stage);
    stage.resume(&[]).exits(20).says("make: stopped: its supervisor is gone");
    assert_eq!(newest(&stage).end.map(|end| end.judged), None);
    std::fs::remove_file(stage.path("dir/made")).unwrap();
    stage.resume(&[]).exits(20).says("make: stopped: test ! -e");
    let end = newest(&stage).end.unwrap();
    assert_eq!((end.judged, stage.ledger().len()), (Judged::Passed, 1), "it was whole, so it was not gone again");
    assert_eq!(end.evidence.as_deref(), Some("asked after the screen had gone"));
}

#[test]
fn a_way_back_that_goes_on_is_attached_to() {
    let stage = night(SLOW);
    let mut child = begins(&stage);
    stage.wait_for("runs");
    kill(child.id());
    child.wait().unwrap();
    stage.touch("go");
    stage.resume(&[]).exits(20).says("make: stopped");
    assert!(newest(&stage).end.is_some_and(|end| end.judged == Judged::Passed));
    assert_eq!((stage.ledger().len(), stage.has("made")), (1, false));
}

fn undo(stage: &Stage, answers: &str) -> Told {
    stage.answers(answers);
    stage.locum(&["undo", &stage.run_id(), "--headless", "--answers", "answers.yaml"])
}

#[test]
fn locum_undo_goes_back_only_from_the_step_that_the_answers_name() {
    let stage = night("rm DIR/made");
    undo(&stage, "answers: {}\n").exits(20).says("make: a person must decide: go back (`undo: make` in the answers)");
    undo(&stage, "answers: { undo: tell }\n").exits(5).says("the newest way back is that of `make`, not of `tell`");
    undo(&stage, "answers: { undone: make }\n").exits(2);
    assert!(stage.has("made"));
    undo(&stage, "answers: { undo: make }\n").exits(0).says("make: undone");
    assert!(!stage.has("made"));
    undo(&stage, "answers: { undo: make }\n").exits(20).says("there is no way back to go: nothing was changed");
    stage.locum(&["undo", &stage.run_id(), "--plain"]).exits(20).says("has changed nothing that is not undone");
}

#[test]
fn locum_undo_begins_with_the_card_of_the_newest_way_back_and_its_ledger() {
    let stage = night("rm DIR/made");
    let run = stage.run_id();
    let told = stage.fed(&["undo", &run, "--plain"], b"q\n");
    told.exits(23).says("THIS WAY BACK CHANGES").says("Everything that this run changed comes back.");
    assert!(stage.has("made"));
    stage.fed(&["undo", &run, "--plain"], b"y\nmake\n").says("not confirmed; nothing was changed");
    assert!(stage.has("made"));
    stage.fed(&["undo", &run, "--plain"], b"y\nundo\nq\n").exits(23).says("YOU WENT BACK.");
    assert!(!stage.has("made"));
}

#[test]
fn a_backup_that_a_later_way_back_needs_is_not_skipped() {
    let text = "locum: 1\ntitle: A file\nrepair:\n  - { id: backup, change: mktemp, capture: copy, no_undo: a copy stays, confirm: backup }\n  \
                - { id: renew, change: touch DIR/made, undo: 'cp -- {{ copy }} DIR/made' }\n";
    let stage = Stage::new(text);
    let told = stage.fed(&["run", "x", "--plain"], b"y\ns\nin a hurry\nq\n");
    told.says("step `backup` cannot be skipped: the way back of `renew` needs `copy`, which it gives");
    assert!(stage.run().remarks.is_empty());
}
