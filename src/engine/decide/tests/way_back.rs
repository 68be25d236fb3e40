//! Ways back: the ledger, its order, its values, and what an undo leaves behind.

use crate::engine::command::{Beginning, Choice, Command, Ending, Evidence};
use crate::engine::record::{Confirm, Event, Facts, Judged, WayBack};
use crate::engine::resolve::Resolver;
use crate::engine::testkit::{Conversation, facts, guards, key};
use crate::engine::{Effect, Refusal, Run};

const GUARDED: &str = "scope: { files: [/etc/x] }\nrepair: [ { id: a, change: 'true' }, { id: b, change: 'true' } ]\n";

fn begin(beginning: Beginning) -> Command {
    Command::Begin(Box::new(beginning))
}

#[test]
fn the_way_back_enters_the_ledger_at_go() {
    let text = "repair:\n  - { id: a, change: 'true', undo: ls }\n  - { id: b, change: 'true', undo: { by_hand: x } }\n  \
                - { id: c, change: 'true', no_undo: it only reads }\n  - { id: d, change: 'true' }\n";
    let mut run = Conversation::new(text);
    run.enter().ok("a").fault("b").decides("b", Choice::Done).ok("c");
    run.begin("d");
    let ledger: Vec<_> =
        run.run.ledger().map(|attempt| (attempt.intent.step.to_string(), attempt.intent.undo.clone())).collect();
    let none = |why: &str| Some(WayBack::None { why: why.to_owned() });
    assert_eq!(
        ledger,
        [
            ("d".to_owned(), none("the runbook gives none")),
            ("c".to_owned(), none("it only reads")),
            ("b".to_owned(), Some(WayBack::ByHand)),
            ("a".to_owned(), Some(WayBack::Command)),
        ]
    );
    assert_eq!(run.run.newest_way_back().expect("a way back").intent.step, key("b"));
}

#[test]
fn only_the_newest_way_back_is_gone() {
    let mut run =
        Conversation::new("repair: [ { id: a, change: 'true', undo: ls }, { id: b, change: 'true', undo: ls } ]\n");
    run.enter().ok("a");
    let older = run.way_back();
    run.ok("b");
    let refusal = run.refuses(begin(older));
    assert_eq!(refusal, Refusal::NoWayBack("the newest way back is that of `b`".to_owned()));
    run.undo(Judged::Passed).stands("undone at b").ends("a passed, b open");
    run.undo(Judged::Passed).stands("undone at a").ends("a open, b open");
    assert!(run.run.newest_way_back().is_none());
    let gone = Beginning { undoes: run.run.attempts.keys().next().cloned(), ..run.beginning("a") };
    assert_eq!(run.refuses(begin(gone)), Refusal::NoWayBack("nothing was changed that has one".to_owned()));
}

#[test]
fn a_way_back_means_the_values_of_its_attempt() {
    let text = "repair:\n  - { id: a, change: mktemp, capture: backup, no_undo: x }\n  - { id: b, change: 'true', undo: 'ls -- {{ backup }}' }\n  \
                - { id: c, check: 'true', if_not: a }\n";
    let mut run = Conversation::new(text);
    run.enter().gives("a", "backup", "/first".into()).ok("b").fault("c").stands("a");
    let again = Beginning { again: Some("another copy".to_owned()), ..run.beginning("a") };
    let attempt = again.attempt.clone();
    run.does(begin(again));
    let captured = [("backup".to_owned(), "/second".into())].into();
    run.finish(&attempt, Facts { captured, ..facts(Judged::Passed) });
    let resolver = Resolver::new(&run.plan, &run.run, None);
    let back = resolver.way_back(run.run.newest_way_back().expect("a way back")).expect("it resolves");
    assert_eq!(back.shown(), "ls -- /first");
}

#[test]
fn a_way_back_is_confirmed_by_undo_and_its_second_try_is_on_record() {
    let mut run = Conversation::new("repair: [ { id: a, change: 'true', undo: ls } ]\n");
    run.enter().ok("a");
    let wrong =
        Beginning { confirm: Some(Confirm { how: "typed".to_owned(), text: "a".to_owned() }), ..run.way_back() };
    assert_eq!(run.refuses(begin(wrong)), Refusal::NotConfirmed { found: "a".to_owned(), expected: "undo".to_owned() });
    run.undo(Judged::Failed).stands("at the end").because("the way back failed");
    let effects = run.ask(begin(run.way_back())).expect("it begins");
    assert!(matches!(effects.as_slice(), [Effect::Go(_)]));
    assert_eq!(
        run.run.remarks.last().expect("a remark").text,
        "run-again: the way back was tried before, and is gone once more"
    );
}

#[test]
fn a_way_back_that_leaves_a_guard_broken_leaves_the_run_frozen() {
    let mut run = Conversation::new(GUARDED);
    run.enter().breaks("a", &["ca.crt"]);
    let beginning = run.way_back();
    let attempt = beginning.attempt.clone();
    run.does(Command::Begin(Box::new(beginning)));
    let ending = Ending { guards: Some(guards(&["ca.crt"])), ..run.ending(&attempt, facts(Judged::Passed)) };
    run.does(Command::Finish(Box::new(ending))).stands("frozen");
}

/// The journal can end between the measure and the outcome that freezes the run.
#[test]
fn a_broken_guard_counts_from_its_measure_on() {
    let mut run = Conversation::new(GUARDED);
    run.enter().breaks("a", &["ca.crt"]);
    let measured = run.records.iter().position(|record| matches!(&record.event, Event::GuardsAfter { .. }));
    let cut = &run.records[..=measured.expect("a measure")];
    run.run = Run::replay("7f3a-k2", cut);
    let attempt = run.run.running().expect("it is open again").intent.attempt.clone();
    run.loses(&attempt).stands("frozen");
    for choice in [Choice::Done, Choice::RunAgain] {
        assert_eq!(run.refuses(run.decision("a", choice)), Refusal::Frozen);
    }
    run.undo(Judged::Passed).stands("undone at a");
}

#[test]
fn a_way_back_that_did_not_start_does_not_thaw() {
    let mut run = Conversation::new(GUARDED);
    run.enter().ok("a");
    let beginning = Beginning { guards: Some(guards(&["ca.crt"])), ..run.way_back() };
    let attempt = beginning.attempt.clone();
    run.does(begin(beginning));
    let evidence = Evidence::NotStarted;
    run.does(Command::Recover { attempt, evidence }).stands("frozen");
}

#[test]
fn a_way_back_that_was_cut_off_does_not_thaw() {
    let mut run = Conversation::new(GUARDED);
    run.enter().breaks("a", &["ca.crt"]);
    let beginning = run.way_back();
    let attempt = beginning.attempt.clone();
    run.does(Command::Begin(Box::new(beginning))).loses(&attempt).stands("frozen").ends("a passed");
    run.undo(Judged::Passed).stands("undone at a");
}
