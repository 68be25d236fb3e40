//! Closing: a run is closed only as what it is.

use crate::engine::Refusal;
use crate::engine::command::Command;
use crate::engine::record::{Close, Judged};
use crate::engine::testkit::Conversation;

const RUNBOOK: &str = "diagnose: [ { id: a, check: x } ]\nrepair: [ { id: b, change: 'true', undo: ls } ]\nverify: [ { id: c, check: x } ]\n";

fn closes(run: &mut Conversation) -> [bool; 3] {
    [Close::Done, Close::NothingToRepair, Close::NotRepaired].map(|outcome| {
        let asked = crate::engine::testkit::asked(99, run.close(outcome));
        crate::engine::decide(&run.plan, &run.run, &asked).is_ok()
    })
}

#[test]
fn done_is_closed_at_the_end_alone() {
    let mut run = Conversation::new(RUNBOOK);
    assert_eq!(closes(&mut run), [false, false, true]);
    run.ok("a").enter().ok("b");
    assert_eq!(closes(&mut run), [false, false, true]);
    run.ok("c").stands("at the end");
    assert_eq!(closes(&mut run), [true, false, true]);
    run.does(run.close(Close::Done)).stands("closed");
    assert_eq!(run.run.closed.as_ref().map(|closed| closed.0), Some(Close::Done));
}

#[test]
fn a_proof_that_does_not_hold_is_never_done() {
    let mut run = Conversation::new(RUNBOOK);
    run.ok("a").enter().ok("b").fault("c").stands("not repaired");
    assert_eq!(closes(&mut run), [false, false, true]);
}

#[test]
fn nothing_to_repair_is_believed_where_nothing_was_found_or_changed() {
    let mut run = Conversation::new(RUNBOOK);
    run.ok("a").stands("enter repair");
    assert_eq!(closes(&mut run), [false, true, true]);
    let mut run = Conversation::new(RUNBOOK);
    run.fault("a").stands("enter repair");
    assert_eq!(closes(&mut run), [false, false, true], "a fault was found");
    let mut run = Conversation::new(RUNBOOK);
    run.ok("a").enter().ok("b").fault("c").repair_again();
    assert_eq!(closes(&mut run), [false, false, true], "something was changed");
    run.undo(Judged::Passed);
    assert_eq!(closes(&mut run), [false, false, true]);
}

#[test]
fn a_runbook_can_say_that_there_is_nothing_to_repair() {
    let mut run = Conversation::new(&RUNBOOK.replacen("check: x }", "check: x, then: done }", 1));
    run.ok("a").stands("nothing to repair");
    assert_eq!(closes(&mut run), [false, true, true]);
}

#[test]
fn not_repaired_needs_a_reason() {
    let mut run = Conversation::new(RUNBOOK);
    let refusal = run.refuses(Command::Close { outcome: Close::NotRepaired, reason: " ".to_owned() });
    assert_eq!(refusal, Refusal::ReasonMissing);
}

#[test]
fn a_frozen_run_can_be_left_so() {
    let mut run = Conversation::new(&format!("scope: {{ files: [/etc/x] }}\n{RUNBOOK}"));
    run.ok("a").enter().breaks("b", &["ca.crt"]);
    assert_eq!(closes(&mut run), [false, false, true]);
}

#[test]
fn in_a_closed_run_nothing_is_possible() {
    let mut run = Conversation::new(RUNBOOK);
    run.does(run.close(Close::NotRepaired));
    for command in [
        Command::Note { text: "x".to_owned() },
        run.close(Close::NotRepaired),
        Command::Begin(Box::new(run.beginning("a"))),
        Command::Open(Box::new(crate::engine::testkit::opening(crate::engine::record::Mode::Live, &[]))),
    ] {
        assert_eq!(run.refuses(command), Refusal::Closed);
    }
    assert_eq!(crate::engine::may_begin(&run.plan, &run.run, &run.beginning("a")), Err(Refusal::Closed));
}
