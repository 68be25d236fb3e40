//! After a crash: each kind of evidence meets each kind of step. Nothing is ever started.

use crate::engine::command::{Beginning, Command, Ending, Evidence};
use crate::engine::record::{Does, Event, Judged, Rerun};
use crate::engine::testkit::{Conversation, facts, guards, key, matched};
use crate::engine::{AttemptId, Refusal};

/// A run that was cut off in the middle of a step of this kind.
fn cut_off(rerun: Rerun) -> (Conversation, AttemptId) {
    let step = match rerun {
        Rerun::Look => "check: 'true'",
        Rerun::Safe => "change: 'true', repeatable: true",
        Rerun::AfterCheck => "change: 'true', done_when: { file: /x }",
        Rerun::Never => "change: 'true'",
    };
    let mut run = Conversation::new(&format!("repair: [ {{ id: a, {step} }}, {{ id: b, check: 'true' }} ]\n"));
    let attempt = run.enter().begin("a");
    assert_eq!(run.run.attempts[&attempt].intent.rerun, rerun);
    (run, attempt)
}

fn unknown() -> Evidence {
    Evidence::Unknown { why: "another boot".to_owned(), survivors: vec!["12 sleep".to_owned()] }
}

/// Where it stands, and how the step ended, for each evidence.
fn recovered(rerun: Rerun, evidence: impl Fn(&Conversation, &AttemptId) -> Evidence) -> String {
    let (mut run, attempt) = cut_off(rerun);
    let evidence = evidence(&run, &attempt);
    let effects = run.ask(Command::Recover { attempt, evidence }).expect("it is recovered");
    assert_eq!(effects, [], "nothing is started");
    format!("{}, {}", run.place(), crate::engine::testkit::word(run.run.state(&key("a"))))
}

const ALL: [Rerun; 4] = [Rerun::Look, Rerun::Safe, Rerun::AfterCheck, Rerun::Never];

#[test]
fn an_end_that_was_found_is_the_end() {
    for rerun in ALL {
        let ended = |judged| {
            move |run: &Conversation, attempt: &AttemptId| Evidence::Ended(Box::new(run.ending(attempt, facts(judged))))
        };
        assert_eq!(recovered(rerun, ended(Judged::Passed)), "b, passed");
        assert_eq!(recovered(rerun, ended(Judged::Failed)), "step_failed at a, failed");
    }
}

#[test]
fn what_was_not_started_is_open_again() {
    for rerun in ALL {
        assert_eq!(recovered(rerun, |_, _| Evidence::NotStarted), "a, open");
    }
}

#[test]
fn what_runs_is_attached_to() {
    for rerun in ALL {
        assert_eq!(recovered(rerun, |_, _| Evidence::Running), "a, running");
    }
}

#[test]
fn an_unknown_end_of_a_change_stops_and_of_a_look_does_not_matter() {
    assert_eq!(recovered(Rerun::Look, |_, _| unknown()), "a, open");
    for rerun in [Rerun::Safe, Rerun::AfterCheck, Rerun::Never] {
        assert_eq!(recovered(rerun, |_, _| unknown()), "unknown at a, unknown");
    }
}

#[test]
fn the_evidence_is_on_record() {
    let (mut run, attempt) = cut_off(Rerun::Never);
    let ending = run.ending(&attempt, facts(Judged::Passed));
    run.does(Command::Recover { attempt, evidence: Evidence::Ended(Box::new(ending)) });
    let Event::StepEnded { facts, .. } = &run.records.last().expect("a record").event else { panic!("no outcome") };
    assert_eq!(facts.evidence.as_deref(), Some("found after the screen had gone"));
    let (mut run, attempt) = cut_off(Rerun::Never);
    run.does(Command::Recover { attempt, evidence: unknown() });
    let Event::StepUnknown { why, survivors, .. } = &run.records.last().expect("a record").event else {
        panic!("no record")
    };
    assert_eq!((why.as_str(), survivors.as_slice()), ("another boot", &["12 sleep".to_owned()][..]));
}

#[test]
fn only_what_is_open_is_recovered() {
    let (mut run, attempt) = cut_off(Rerun::Never);
    let other = AttemptId("1-99-0000".to_owned());
    let recover = |attempt: &AttemptId, evidence| Command::Recover { attempt: attempt.clone(), evidence };
    assert_eq!(run.refuses(recover(&other, unknown())), Refusal::NotRunning(other.clone()));
    let foreign = Ending { attempt: other.clone(), ..run.ending(&attempt, facts(Judged::Passed)) };
    assert_eq!(run.refuses(recover(&attempt, Evidence::Ended(Box::new(foreign)))), Refusal::NotRunning(other));
    run.loses(&attempt);
    assert_eq!(run.refuses(recover(&attempt, unknown())), Refusal::NotRunning(attempt.clone()));
}

#[test]
fn a_guard_that_was_broken_meanwhile_freezes() {
    let mut run = Conversation::new("scope: { files: [/etc/x] }\nrepair: [ { id: a, change: 'true' } ]\n");
    let attempt = run.enter().begin("a");
    let ending = Ending { guards: Some(guards(&["ca.crt"])), ..run.ending(&attempt, facts(Judged::Passed)) };
    run.does(Command::Recover { attempt, evidence: Evidence::Ended(Box::new(ending)) }).stands("frozen");
}

#[test]
fn a_change_of_unknown_end_whose_test_holds_is_done() {
    let (mut run, attempt) = cut_off(Rerun::AfterCheck);
    run.loses(&attempt);
    run.does(Command::AlreadyDone {
        step: key("a"),
        held: vec![matched("file /x exists", true)],
        how: "resume".to_owned(),
    })
    .stands("b");
}

#[test]
fn a_way_back_that_was_cut_off_can_be_gone_again() {
    let mut run = Conversation::new("repair: [ { id: a, change: 'true', undo: ls }, { id: b, check: 'true' } ]\n");
    run.enter().ok("a");
    let beginning = run.way_back();
    let attempt = beginning.attempt.clone();
    run.does(Command::Begin(Box::new(beginning)));
    assert_eq!(run.run.attempts[&attempt].intent.does, Does::Undo);
    run.loses(&attempt).stands("way_back at a").ends("a unknown, b open");
    let back = Beginning { again: Some("it had not come far".to_owned()), ..run.way_back() };
    let attempt = back.attempt.clone();
    run.does(Command::Begin(Box::new(back))).finish(&attempt, facts(Judged::Passed));
    run.stands("undone at a").ends("a open");
}

#[test]
fn torn_tails_and_gaps_are_remarks() {
    let (mut run, attempt) = cut_off(Rerun::Look);
    run.does(Command::TornTail { file: "seg-0001".to_owned(), offset: 900, bytes: 12, kept_as: "torn/1".to_owned() });
    run.does(Command::Gap { attempt: Some(attempt), what: "the disk is full".to_owned() });
    let remarks: Vec<_> = run.run.remarks.iter().map(|remark| (remark.what, remark.text.as_str())).collect();
    assert_eq!(
        remarks,
        [("recovered", "12 torn bytes of seg-0001 were set aside"), ("recording gap", "the disk is full")]
    );
}
