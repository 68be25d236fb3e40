//! Ways back: the ledger, its order, its values, and what an undo leaves behind.

use crate::engine::command::{Beginning, Choice, Command, Ending, Evidence};
use crate::engine::record::{Close, Confirm, Event, Facts, Judged, Rerun, WayBack};
use crate::engine::resolve::Resolver;
use crate::engine::testkit::{Conversation, facts, guards, key};
use crate::engine::{AttemptId, Effect, Exit, Refusal, Run};

const GUARDED: &str = "scope: { files: [/etc/x] }\nrepair: [ { id: a, change: 'true' }, { id: b, change: 'true' } ]\n";

fn begin(beginning: Beginning) -> Command {
    Command::Begin(Box::new(beginning))
}

/// The newest way back once more, with a reason.
fn again(run: &Conversation, why: &str) -> Command {
    begin(Beginning { again: Some(why.to_owned()), ..run.way_back() })
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
    run.undo(Judged::Failed).stands("way_back at a").because("the way back failed");
    assert_eq!(run.refuses(begin(run.way_back())), Refusal::WentBackAlready(key("a")));
    assert_eq!(run.refuses(again(&run, " ")), Refusal::ReasonMissing);
    let effects = run.ask(again(&run, "the disk was full")).expect("it begins");
    assert!(matches!(effects.as_slice(), [Effect::Go(_)]));
    assert_eq!(run.run.remarks.last().expect("a remark").text, "run-again: the disk was full");
}

#[test]
fn the_copy_is_put_back_again_without_a_reason() {
    let mut run = Conversation::new(GUARDED);
    run.enter().ok("a").undo(Judged::Failed).stands("way_back at a").undo(Judged::Passed).stands("undone at a");
    assert_eq!(run.run.remarks, []);
}

/// What was changed may be there in part: whatever was true before is not called so any more.
#[test]
fn a_way_back_that_did_not_bring_everything_back_ends_nothing_as_done() {
    let text = "repair: [ { id: a, change: 'true', undo: ls } ]\nverify: [ { id: v, check: 'true' } ]\n";
    for (judged, why, exit) in [
        (Judged::Failed, "the way back failed", Exit::StepFailed),
        (Judged::Unknown, "it is not known whether all of it was put back", Exit::PersonNeeded),
    ] {
        let mut run = Conversation::new(text);
        run.enter().ok("a").ok("v").stands("at the end").undo(judged);
        run.stands("way_back at a").because(why).ends("a unknown, v open");
        assert_eq!(run.run.way_back_exit(), exit);
        assert!(matches!(run.refuses(run.close(Close::Done)), Refusal::NotNow(_)));
        run.go_on().stands("a").ends("a unknown");
        run.skip("a").stands("v").ok("v").stands("at the end");
    }
}

#[test]
fn a_way_back_that_was_cut_off_at_the_end_stands_at_its_step() {
    let mut run = Conversation::new("repair: [ { id: a, change: 'true', undo: ls } ]\n");
    run.enter().ok("a").stands("at the end");
    let (attempt, command) = (run.next_attempt(), begin(run.way_back()));
    run.does(command).loses(&attempt).stands("way_back at a").ends("a unknown");
    assert_eq!(run.run.way_back_exit(), Exit::PersonNeeded);
    assert!(matches!(run.refuses(run.close(Close::Done)), Refusal::NotNow(_)));
}

/// A run that was cut off on its way back from `a`, which is `undo`.
fn cut_off(undo: &str) -> (Conversation, AttemptId) {
    let mut run = Conversation::new(&format!("repair: [ {{ id: a, change: 'true', undo: {undo} }} ]\n"));
    run.enter().ok("a");
    let (attempt, command) = (run.next_attempt(), begin(run.way_back()));
    run.does(command).loses(&attempt).stands("way_back at a");
    (run, attempt)
}

fn decision(attempt: &AttemptId, choice: Choice) -> Command {
    let (reason, how) = ("looked at it".to_owned(), "--decide".to_owned());
    Command::Decide { attempt: attempt.clone(), choice, reason, how }
}

#[test]
fn a_way_back_of_unknown_end_is_decided_by_a_person() {
    let (mut run, attempt) = cut_off("ls");
    run.does(decision(&attempt, Choice::Done)).stands("undone at a").ends("a open");
    assert!(run.run.newest_way_back().is_none());
    assert!(matches!(run.refuses(decision(&attempt, Choice::RunAgain)), Refusal::NotNow(_)));

    let (mut run, attempt) = cut_off("ls");
    run.does(decision(&attempt, Choice::RunAgain)).stands("way_back at a").ends("a unknown");
    run.undo(Judged::Passed).stands("undone at a");

    let (mut run, attempt) = cut_off("ls");
    run.does(decision(&attempt, Choice::Abort)).stands("way_back at a").because("left so");
    assert_eq!(run.refuses(begin(run.way_back())), Refusal::WentBackAlready(key("a")));
    let nothing = Command::Decide { attempt, choice: Choice::Done, reason: " ".to_owned(), how: "key".to_owned() };
    assert_eq!(run.refuses(nothing), Refusal::ReasonMissing);
}

/// JOURNAL.md, Resume: the classes of a way back.
#[test]
fn what_resume_may_do_with_a_way_back_depends_on_what_can_be_asked() {
    let rerun = |run: &Conversation| run.resolved_back().rerun;
    assert_eq!(rerun(&cut_off("ls").0), Rerun::Never);
    assert_eq!(rerun(&cut_off("{ by_hand: x }").0), Rerun::Never);
    assert_eq!(rerun(&cut_off("{ change: ls, done_when: { file: /x } }").0), Rerun::AfterCheck);
    let mut copy = Conversation::new(GUARDED);
    copy.enter().ok("a");
    assert_eq!(rerun(&copy), Rerun::Safe);
}

#[test]
fn what_can_be_asked_may_say_that_a_way_back_of_unknown_end_is_whole() {
    let (mut run, attempt) = cut_off("{ change: ls, done_when: { file: /x } }");
    run.finish(&attempt, facts(Judged::Passed)).stands("undone at a").ends("a open");

    let (mut run, attempt) = cut_off("{ change: ls, done_when: { file: /x } }");
    run.does(decision(&attempt, Choice::RunAgain));
    let late = Command::Finish(Box::new(run.ending(&attempt, facts(Judged::Passed))));
    assert_eq!(run.refuses(late), Refusal::NotRunning(attempt), "a person has decided already");
}

#[test]
fn while_a_guard_is_broken_a_way_back_can_be_gone_again_but_not_called_done() {
    let mut run = Conversation::new(GUARDED.replace("change: 'true' }, {", "change: 'true', undo: ls }, {").as_str());
    run.enter().breaks("a", &["ca.crt"]);
    let (attempt, command) = (run.next_attempt(), begin(run.way_back()));
    run.does(command).loses(&attempt).stands("frozen");
    assert_eq!(run.refuses(decision(&attempt, Choice::Done)), Refusal::Frozen);
    run.does(decision(&attempt, Choice::RunAgain)).stands("frozen").undo(Judged::Passed).stands("undone at a");
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
    run.does(Command::Begin(Box::new(beginning))).loses(&attempt).stands("frozen").ends("a unknown");
    run.undo(Judged::Passed).stands("undone at a");
}
