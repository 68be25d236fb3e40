//! The dead man: what the end of an armed way back makes of its step.

use crate::engine::Refusal;
use crate::engine::command::{Choice, Command, Ending, Evidence};
use crate::engine::record::{Armed, Disarmed, Facts, Judged};
use crate::engine::testkit::{Conversation, facts, guards, key};

const DOOR: &str =
    "repair: [ { id: a, change: close, undo: { change: open, unless_confirmed: 60s } }, { id: b, check: 'true' } ]\n";

fn went_back(judged: Judged) -> Facts {
    let why = "nobody confirmed within 60 s".to_owned();
    let armed = Some(Disarmed::WentBack { judged, why: why.clone(), code: Some(0), signal: None });
    // The command itself ended well: that says nothing.
    Facts { armed, found: vec![why], ..facts(Judged::Passed) }
}

#[test]
fn it_is_part_of_the_intent_of_the_step_and_of_nothing_else() {
    let mut run = Conversation::new(DOOR);
    let attempt = run.enter().begin("a");
    let armed = run.run.attempts[&attempt].intent.armed.clone().expect("it is armed");
    let Armed { after_s, argv } = armed;
    assert_eq!((after_s, argv.last().map(String::as_str)), (60, Some("open")));
    run.finish(&attempt, facts(Judged::Passed)).undo(Judged::Passed);
    assert!(run.run.attempts.values().next_back().expect("the undo").intent.armed.is_none());
}

#[test]
fn another_time_is_another_card() {
    let other = Conversation::new(&DOOR.replace("60s", "61s"));
    assert_ne!(Conversation::new(DOOR).resolved("a").digest(), other.resolved("a").digest());
}

#[test]
fn a_confirmed_step_is_as_good_as_any() {
    let mut run = Conversation::new(DOOR);
    let armed = Some(Disarmed::Confirmed { by: "sshd 4711".to_owned() });
    run.enter().runs("a", Facts { armed, ..facts(Judged::Passed) }).stands("b").ends("a passed");
    assert!(run.run.newest_way_back().is_some(), "a person can still go back");
}

#[test]
fn a_step_that_went_back_is_open_again_and_has_no_way_back_left() {
    let mut run = Conversation::new(DOOR);
    run.enter().runs("a", went_back(Judged::Passed)).stands("undone at a").ends("a open, b open");
    run.because("nobody confirmed within 60 s");
    assert!(run.run.newest_way_back().is_none() && !run.run.is_changed());
    run.go_on().stands("a");
}

#[test]
fn the_same_is_known_after_a_crash() {
    let mut run = Conversation::new(DOOR);
    let attempt = run.enter().begin("a");
    let ending = Ending { attempt: attempt.clone(), facts: went_back(Judged::Passed), got: Vec::new(), guards: None };
    run.does(Command::Recover { attempt, evidence: Evidence::Ended(Box::new(ending)) }).stands("undone at a");
}

#[test]
fn a_way_back_that_failed_by_itself_is_gone_again_only_with_a_reason() {
    let mut run = Conversation::new(DOOR);
    run.enter().runs("a", went_back(Judged::Failed)).stands("way_back at a").ends("a unknown");
    assert!(matches!(run.refuses(run.decision("a", Choice::Done)), Refusal::NotNow(_)));
    let back = run.way_back();
    assert_eq!(run.refuses(Command::Begin(Box::new(back.clone()))), Refusal::WentBackAlready(key("a")));
    let again = crate::engine::command::Beginning { again: Some("it can open now".to_owned()), ..back };
    let attempt = again.attempt.clone();
    run.does(Command::Begin(Box::new(again))).finish(&attempt, facts(Judged::Passed)).stands("undone at a");
}

#[test]
fn a_guard_that_is_broken_all_the_same_freezes() {
    let mut run = Conversation::new(&format!("scope: {{ files: [/etc/x] }}\n{DOOR}"));
    let attempt = run.enter().begin("a");
    let facts = went_back(Judged::Passed);
    let ending = Ending { guards: Some(guards(&["ca.crt"])), ..run.ending(&attempt, facts) };
    run.does(Command::Finish(Box::new(ending))).stands("frozen");
}
