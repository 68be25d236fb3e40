//! Deeds by hand that change something: attempts like any other.

use crate::engine::Refusal;
use crate::engine::command::{Answer, Choice, Command, Deed};
use crate::engine::record::{Does, EndResult, Event, Judged, Rerun, WayBack};
use crate::engine::testkit::{Conversation, facts, guards, key, matched};

const DEED: &str = "repair:\n  - { id: a, by_hand: Pull the cable., needs: { file: /n }, done_when: { file: /d }, undo: { by_hand: Put it back. } }\n  - { id: b, check: x }\n";

fn by_hand(deed: Deed) -> Command {
    Command::ByHand(Box::new(deed))
}

#[test]
fn a_deed_is_an_attempt_with_intent_and_outcome() {
    let mut run = Conversation::new(DEED);
    run.enter().needs("a", true);
    run.does(by_hand(run.deed("a", Answer::Done))).stands("b").ends("a passed");
    let kinds: Vec<_> = run.records.iter().rev().take(2).map(|record| &record.event).collect();
    let [Event::StepEnded { facts, .. }, Event::StepIntended(intent)] = kinds.as_slice() else { panic!("{kinds:?}") };
    assert_eq!(
        (facts.result, facts.judged, facts.found.join(", ")),
        (EndResult::Measured, Judged::Passed, "done".to_owned())
    );
    assert_eq!((intent.does, intent.rerun, intent.risk.is_some()), (Does::Change, Rerun::AfterCheck, true));
    assert_eq!(intent.argv, ["by hand", "Pull the cable."]);
    assert_eq!(run.run.newest_way_back().expect("a way back").intent.undo, Some(WayBack::ByHand));
    run.undo(Judged::Passed).stands("undone at a");
}

#[test]
fn what_could_not_be_done_failed_and_may_have_done_half() {
    let mut run = Conversation::new(DEED);
    run.enter();
    let deed = Deed { done: Vec::new(), ..run.deed("a", Answer::CouldNot) };
    run.does(by_hand(deed)).stands("step_failed at a").ends("a failed");
    assert!(run.run.newest_way_back().is_some());
    run.decides("a", Choice::RunAgain);
    run.needs("a", true);
    run.does(by_hand(run.deed("a", Answer::Done))).stands("b");
}

#[test]
fn done_is_believed_only_if_the_test_says_so_too() {
    let mut run = Conversation::new(DEED);
    run.enter().needs("a", true);
    let deed = |run: &Conversation, done| by_hand(Deed { done, ..run.deed("a", Answer::Done) });
    assert_eq!(run.refuses(deed(&run, Vec::new())).to_string(), "not measured: whether step `a` is done; nothing ran");
    run.does(deed(&run, vec![matched("file /d exists", false)])).stands("step_failed at a");
    assert_eq!(
        run.run.newest_attempt(&key("a")).expect("an attempt").end.as_ref().expect("an end").found[0],
        "not file /d exists"
    );
}

#[test]
fn what_a_deed_needs_must_be_measured_before_it_and_hold() {
    let mut run = Conversation::new(DEED);
    run.enter();
    let unmeasured = Refusal::NotMeasured("what step `a` needs".to_owned());
    assert_eq!(run.refuses(by_hand(run.deed("a", Answer::Done))), unmeasured);
    assert_eq!(run.refuses(run.answer("a", Answer::Done)), unmeasured);
    assert_eq!(run.refuses(Command::Needs { step: key("a"), needs: Vec::new() }), unmeasured);
    run.needs("a", false).stands("a");
    let refusal = run.refuses(by_hand(run.deed("a", Answer::Done)));
    assert!(matches!(refusal, Refusal::NeedsNotMet(what) if what.contains("/n")));
    run.needs("a", true);
    run.does(by_hand(run.deed("a", Answer::Done))).stands("b");
}

#[test]
fn who_could_not_do_it_is_not_asked_what_it_needs() {
    let mut run = Conversation::new(DEED);
    run.enter().needs("a", false);
    let deed = Deed { done: Vec::new(), ..run.deed("a", Answer::CouldNot) };
    run.does(by_hand(deed)).stands("step_failed at a");
}

#[test]
fn a_measure_of_what_it_needs_is_good_for_one_visit() {
    let mut run = Conversation::new(&format!("{DEED}  - {{ id: c, check: x, if_not: a }}\n"));
    run.enter().needs("a", true);
    run.does(by_hand(run.deed("a", Answer::Done))).ok("b").fault("c").stands("a");
    assert_eq!(run.run.needs_of(&key("a")), []);
    assert!(matches!(run.refuses(by_hand(run.deed("a", Answer::Done))), Refusal::NotMeasured(_)));
}

#[test]
fn a_plain_answer_is_enough_where_nothing_is_to_be_measured() {
    let mut run = Conversation::new("repair: [ { id: a, by_hand: x } ]\nfollow_up: [ { id: b, by_hand: y } ]\n");
    run.enter().answers("a", Answer::Done).answers("b", Answer::CouldNot).stands("step_failed at b");
    assert_eq!(run.run.attempts.len(), 2);
    let attempt = run.run.newest_attempt(&key("a")).expect("an attempt");
    assert_eq!(attempt.intent.undo, Some(WayBack::None { why: "the runbook gives none".to_owned() }));
}

#[test]
fn a_deed_that_broke_a_guard_freezes() {
    let mut run = Conversation::new("scope: { files: [/etc/x] }\nrepair: [ { id: a, by_hand: x } ]\n");
    run.enter();
    let deed = Deed { guards: Some(guards(&["ca.crt"])), ..run.deed("a", Answer::Done) };
    let attempt = deed.attempt.clone();
    run.does(by_hand(deed)).stands("frozen");
    assert_eq!(run.run.broken.as_ref().expect("it is broken").attempt, Some(attempt));
    let none = WayBack::None { why: "it was done by hand, and no copy was taken before".to_owned() };
    assert_eq!(run.run.ledger().next().expect("it is in the ledger").intent.undo, Some(none));
}

#[test]
fn a_deed_can_be_begun_and_ended_apart() {
    let mut run = Conversation::new(&format!(
        "scope: {{ files: [/etc/x] }}\n{}",
        DEED.replace(", undo: { by_hand: Put it back. }", "")
    ));
    let attempt = run.enter().begin("a");
    assert!(matches!(run.refuses(by_hand(run.deed("a", Answer::Done))), Refusal::StillRunning { .. }));
    run.finish(&attempt, facts(Judged::Passed)).stands("b");
    assert_eq!(
        run.run.newest_way_back().expect("a way back").intent.undo,
        Some(WayBack::Copy { entries: 63, on: Vec::new() })
    );
}

#[test]
fn done_once_more_is_on_record() {
    let mut run = Conversation::new("repair: [ { id: a, by_hand: x }, { id: b, check: x, if_not: a } ]\n");
    run.enter().answers("a", Answer::Done).fault("b").stands("a").ends("a open").answers("a", Answer::Done).stands("b");
    assert_eq!(run.run.remarks[0].text, "run-again: done by hand once more");
}

#[test]
fn only_a_deed_by_hand_is_one() {
    let mut run = Conversation::new("diagnose: [ { id: a, by_hand: x } ]\nrepair: [ { id: b, change: x } ]\n");
    let refusal = run.refuses(by_hand(run.deed("a", Answer::Done)));
    assert_eq!(refusal.to_string(), "step `a` is not a deed by hand that changes something");
    run.answers("a", Answer::Done).enter();
    assert!(matches!(run.refuses(by_hand(run.deed("b", Answer::Done))), Refusal::NotNow(_)));
}
