//! Answers: questions of every kind, deeds by hand that only look.

use serde_json::json;

use crate::engine::Refusal;
use crate::engine::command::{Answer, Beginning, Command, Ending};
use crate::engine::record::{Confirm, Judged, Mode};
use crate::engine::testkit::{Conversation, facts, key};

fn unknown(found: &str, expected: &str) -> Refusal {
    Refusal::UnknownAnswer { found: found.to_owned(), expected: expected.to_owned() }
}

fn text(text: &str) -> Answer {
    Answer::Text(text.to_owned())
}

#[test]
fn a_question_without_choices_is_answered_yes_or_no() {
    let look = "diagnose: [ { id: a, question: Is it up?, then: c, if_not: d }, { id: b, check: x }, { id: c, check: x }, { id: d, check: x } ]\n";
    Conversation::new(look).answers("a", Answer::Yes).stands("c").ends("a passed");
    Conversation::new(look).answers("a", Answer::No).stands("d").ends("a failed");
    let mut run = Conversation::new(look);
    for answer in [Answer::Done, Answer::CouldNot, text("maybe"), Answer::Choice("yes".to_owned())] {
        assert_eq!(run.refuses(run.answer("a", answer.clone())), unknown(answer.text(), "`yes`, `no`"));
    }
    run.stands("a");
}

#[test]
fn no_without_a_branch_is_what_a_failure_is_in_that_phase() {
    let text = |phase: &str| format!("{phase}: [ {{ id: a, question: Is it up? }}, {{ id: b, check: x }} ]\n");
    Conversation::new(&text("diagnose")).answers("a", Answer::No).stands("b");
    Conversation::new(&text("verify")).answers("a", Answer::No).ok("b").stands("not repaired");
    Conversation::new(&text("repair")).enter().answers("a", Answer::No).stands("step_failed at a");
    Conversation::new(&text("follow_up")).answers("a", Answer::No).stands("step_failed at a");
}

#[test]
fn the_way_of_a_choice_beats_the_way_of_its_step() {
    let runbook = "diagnose:\n  - { id: a, question: Which?, choices: [ one, { answer: two, then: d }, { answer: three, then: next } ], then: c }\n  \
                   - { id: b, check: x }\n  - { id: c, check: x }\n  - { id: d, check: x }\n";
    Conversation::new(runbook).chooses("a", "one").stands("c");
    Conversation::new(runbook).chooses("a", "two").stands("d");
    Conversation::new(runbook).chooses("a", "three").stands("b");
    let mut run = Conversation::new(runbook);
    assert_eq!(run.refuses(run.answer("a", Answer::Choice("Two".to_owned()))), unknown("Two", "`one`, `two`, `three`"));
    assert_eq!(run.refuses(run.answer("a", Answer::Yes)), unknown("yes", "`one`, `two`, `three`"));
}

#[test]
fn a_choice_gives_its_value() {
    let runbook = "diagnose:\n  - { id: a, question: Which?, choices: [ { answer: The first, value: etcd-1 } ], capture: pod }\n  - { id: b, check: 'ls -- {{ pod }}' }\n";
    let mut run = Conversation::new(runbook);
    assert_eq!(run.chooses("a", "The first").stands("b").shown("b"), "ls -- etcd-1");
    assert_eq!(run.run.answers[&key("a")], "The first");
}

#[test]
fn a_captured_list_can_be_chosen_from() {
    let runbook = "diagnose:\n  - { id: a, check: ls, capture: { pods: { lines: true } } }\n  - { id: b, question: Which?, choices: pods, capture: pod }\n";
    let mut run = Conversation::new(runbook);
    run.gives("a", "pods", json!(["etcd", "api"]));
    assert_eq!(run.shown("b"), "etcd, api");
    assert_eq!(run.refuses(run.answer("b", Answer::Choice("dns".to_owned()))), unknown("dns", "`etcd`, `api`"));
    run.chooses("b", "api");
    assert_eq!(run.run.captured["pod"], "api");
    let mut run = Conversation::new(runbook);
    run.skip("a");
    let refusal = run.refuses(run.answer("b", Answer::Choice("api".to_owned())));
    assert_eq!(refusal, Refusal::Unresolved { text: "`pods` is not known yet; step `a` sets it".to_owned() });
}

#[test]
fn a_value_must_match_its_pattern_as_a_whole() {
    let runbook = "diagnose:\n  - { id: a, question: How many?, capture: { many: { pattern: '[0-9]+|all' } } }\n  - { id: b, check: x }\n";
    let mut run = Conversation::new(runbook);
    for wrong in ["3 pods", "x", "all3", "3\n"] {
        assert_eq!(run.refuses(run.answer("a", text(wrong))), unknown(wrong, "a value that matches `[0-9]+|all`"));
    }
    assert_eq!(run.refuses(run.answer("a", text(" "))), unknown(" ", "a value"));
    assert_eq!(run.refuses(run.answer("a", Answer::Yes)), unknown("yes", "a value"));
    run.answers("a", text("all")).stands("b");
    assert_eq!(run.run.captured["many"], "all");
}

#[test]
fn a_deed_by_hand_that_looks_is_answered() {
    let runbook = "diagnose: [ { id: a, by_hand: Look at the lamp., then: c, if_not: d }, { id: b, check: x }, { id: c, check: x }, { id: d, check: x } ]\n";
    Conversation::new(runbook).answers("a", Answer::Done).stands("c").ends("a passed");
    let mut run = Conversation::new(runbook);
    run.answers("a", Answer::CouldNot).stands("d").ends("a failed");
    assert!(run.run.attempts.is_empty(), "nothing was attempted");
    let mut run = Conversation::new(runbook);
    assert_eq!(run.refuses(run.answer("a", Answer::Yes)), unknown("yes", "`done`, `could not`"));
}

#[test]
fn what_runs_is_not_answered() {
    let mut run = Conversation::new("diagnose: [ { id: a, check: x } ]\n");
    assert_eq!(run.refuses(run.answer("a", Answer::Done)).to_string(), "step `a` is not answered, it is run");
}

#[test]
fn not_sure_follows_nothing() {
    let mut run =
        Conversation::new("diagnose: [ { id: a, question: Is it up?, then: b, if_not: stop }, { id: b, check: x } ]\n");
    run.does(Command::Note { text: "I am not sure".to_owned() })
        .does(Command::Pause { why: "asked komari".to_owned() })
        .stands("a")
        .ends("a open");
}

/// An announcement as it stands, confirmed by this word.
fn telling(run: &Conversation, word: Option<&str>) -> Command {
    let confirm = word.map(|word| Confirm { how: "typed".to_owned(), text: word.to_owned() });
    Command::Begin(Box::new(Beginning { confirm, ..run.beginning("a") }))
}

const TELLS: &str = "repair: [ { id: a, announce: It is being repaired., to: [team] }, { id: b, by_hand: x } ]\n";

#[test]
fn people_are_told_only_for_the_word_and_only_of_what_is_real() {
    let mut run = Conversation::new(TELLS);
    run.enter().stands("a");
    for word in [None, Some("y"), Some("a"), Some("")] {
        let refusal = run.refuses(telling(&run, word));
        assert_eq!(
            refusal,
            Refusal::NotConfirmed { found: word.unwrap_or_default().to_owned(), expected: "send".to_owned() }
        );
    }
    run.does(telling(&run, Some("send")));
    let mut drill = Conversation::with(TELLS, Mode::Drill, &[]);
    drill.enter();
    assert!(matches!(drill.refuses(telling(&drill, Some("send"))), Refusal::NotNow(_)));
    drill.answers("a", Answer::Done).stands("b");
}

#[test]
fn an_announcement_that_did_not_go_stands_until_they_are_told() {
    let mut run = Conversation::new(TELLS);
    run.enter();
    let attempt = run.next_attempt();
    run.does(telling(&run, Some("send")));
    let ending = Ending { attempt, facts: facts(Judged::Unknown), got: Vec::new(), guards: None };
    run.does(Command::Finish(Box::new(ending))).stands("a").ends("a unknown");
    run.answers("a", Answer::Done).stands("b").ends("a passed");
}
