//! Ends: verdicts, guards after, ends that come late.

use crate::engine::Refusal;
use crate::engine::command::{Choice, Command, Ending};
use crate::engine::record::{EndResult, Facts, Judged};
use crate::engine::testkit::{Conversation, facts, guards, key};

const GUARDED: &str = "scope: { files: [/etc/x] }\nrepair: [ { id: a, change: 'true' }, { id: b, change: 'true' } ]\nverify: [ { id: c, check: 'true' } ]\n";

#[test]
fn a_change_that_timed_out_is_unknown_and_never_failed() {
    let mut run = Conversation::new("repair: [ { id: a, change: 'true', if_not: next }, { id: b, change: 'true' } ]\n");
    run.enter().runs("a", Facts { result: EndResult::TimedOut, ..facts(Judged::Failed) });
    run.stands("unknown at a").because("it is not known whether the change was made").ends("a unknown");
}

#[test]
fn a_look_that_timed_out_is_what_its_driver_says() {
    let mut run = Conversation::new("diagnose: [ { id: a, check: 'true' }, { id: b, check: 'true' } ]\n");
    run.runs("a", Facts { result: EndResult::TimedOut, ..facts(Judged::Failed) }).stands("b").ends("a failed");
}

#[test]
fn what_only_looked_is_a_finding_and_a_newer_one_takes_its_place() {
    let mut run = Conversation::new(
        "diagnose: [ { id: a, check: 'true' }, { id: b, check: 'true', if_not: a } ]\nrepair: [ { id: c, change: 'true' } ]\n",
    );
    run.ok("a").fault("b").fault("a").ok("b").enter().ok("c");
    let findings: Vec<_> = run.run.findings.iter().map(|finding| (finding.step.to_string(), finding.judged)).collect();
    assert_eq!(findings, [("a".to_owned(), Judged::Failed), ("b".to_owned(), Judged::Passed)]);
}

#[test]
fn a_guard_broken_by_a_change_freezes_whatever_the_change_says() {
    for judged in [Judged::Passed, Judged::Failed, Judged::Unknown] {
        let mut run = Conversation::new(GUARDED);
        let attempt = run.enter().begin("a");
        let ending = Ending { guards: Some(guards(&["ca.crt", "ca.key"])), ..run.ending(&attempt, facts(judged)) };
        run.does(Command::Finish(Box::new(ending)))
            .stands("frozen")
            .because("2 of what must not change did: ca.crt (contents)");
        assert_eq!(run.run.broken.as_ref().expect("it is broken").attempt.as_ref(), Some(&attempt));
    }
}

#[test]
fn in_a_frozen_run_nothing_goes_on_but_the_way_back() {
    let mut run = Conversation::new(GUARDED);
    run.enter().breaks("a", &["ca.crt"]);
    let key = || key("a");
    let reason = || "I am in a hurry".to_owned();
    for command in [
        Command::Begin(Box::new(run.beginning("b"))),
        Command::Begin(Box::new(run.beginning("a"))),
        Command::Skip { step: key(), reason: reason() },
        Command::GoOn { reason: reason(), how: "key".to_owned() },
        run.decision("a", Choice::Done),
        run.decision("a", Choice::RunAgain),
        run.decision("a", Choice::Abort),
        Command::AlreadyDone { step: key(), held: Vec::new(), how: "key".to_owned() },
    ] {
        assert_eq!(run.refuses(command), Refusal::Frozen);
    }
    let enter = Command::EnterRepair { guards: Some(guards(&[])), how: "key".to_owned() };
    assert_eq!(run.refuses(enter), Refusal::Frozen);
    run.undo(Judged::Failed).stands("frozen").undo(Judged::Unknown).stands("frozen").ends("a unknown");
    run.undo(Judged::Passed).stands("undone at a").ends("a open");
    assert_eq!(run.run.broken, None);
    run.go_on().stands("a").ok("a").stands("b");
}

#[test]
fn a_change_after_which_nobody_measured_is_not_known_to_be_good() {
    let mut run = Conversation::new(GUARDED);
    let attempt = run.enter().begin("a");
    let ending = Ending { guards: None, ..run.ending(&attempt, facts(Judged::Passed)) };
    run.does(Command::Finish(Box::new(ending)));
    run.stands("unknown at a").because("what must not change was not measured after it");
}

#[test]
fn what_was_proved_before_a_way_back_is_proved_no_more() {
    let mut run = Conversation::new(GUARDED);
    run.enter().ok("a").ok("b").ok("c").stands("at the end").undo(Judged::Passed).stands("undone at b").ends("c open");
    run.go_on().ok("b").stands("c").ok("c").stands("at the end");
}

#[test]
fn an_end_belongs_to_an_attempt_that_runs() {
    let mut run = Conversation::new("repair: [ { id: a, change: 'true' }, { id: b, change: 'true' } ]\n");
    let attempt = run.enter().begin("a");
    run.finish(&attempt, facts(Judged::Passed));
    assert_eq!(
        run.refuses(Command::Finish(Box::new(run.ending(&attempt, facts(Judged::Failed))))),
        Refusal::NotRunning(attempt)
    );
}

#[test]
fn an_end_that_comes_late_counts_until_a_person_has_decided() {
    let text = "repair: [ { id: a, change: 'true' }, { id: b, change: 'true' } ]\n";
    let mut run = Conversation::new(text);
    let attempt = run.enter().begin("a");
    run.loses(&attempt).stands("unknown at a").finish(&attempt, facts(Judged::Passed)).stands("b");
    let mut run = Conversation::new(text);
    let attempt = run.enter().begin("a");
    run.loses(&attempt).decides("a", Choice::Done).stands("b");
    assert_eq!(
        run.refuses(Command::Finish(Box::new(run.ending(&attempt, facts(Judged::Failed))))),
        Refusal::NotRunning(attempt)
    );
}

#[test]
fn what_was_not_started_leaves_the_run_where_it_stands() {
    let mut run = Conversation::new(GUARDED);
    let attempt = run.enter().begin("a");
    run.finish(&attempt, Facts::new(EndResult::NotStarted, Judged::Unknown))
        .stands("a")
        .because("it was not started")
        .ends("a open");
    assert!(run.run.ledger().next().is_none());
}
