//! Beginnings: confirmations, needs, forbidden commands, guards before, running twice.

use crate::engine::command::{Answer, Beginning, Choice, Command};
use crate::engine::record::{Confirm, Does, EditDraft, Event, Judged, Mode, Record, Rerun, WayBack};
use crate::engine::testkit::{Conversation, guards, key, matched};
use crate::engine::{Refusal, may_begin};

const CHANGE: &str = "repair: [ { id: a, change: 'true' }, { id: b, change: 'true' } ]\n";

fn begin(beginning: Beginning) -> Command {
    Command::Begin(Box::new(beginning))
}

fn confirmed(run: &Conversation, how: &str, text: &str) -> Beginning {
    Beginning { confirm: Some(Confirm { how: how.to_owned(), text: text.to_owned() }), ..run.beginning("a") }
}

/// Which of these confirmations start a change of this risk.
fn started_by(fields: &str, tries: &[(&str, &str)]) -> Vec<bool> {
    let mut run = Conversation::new(&format!("repair: [ {{ id: a, change: 'true', {fields} }} ]\n"));
    run.enter();
    tries.iter().map(|(how, text)| may_begin(&run.plan, &run.run, &confirmed(&run, how, text)).is_ok()).collect()
}

const TRIES: [(&str, &str); 8] = [
    ("key", "y"),
    ("typed", "y"),
    ("typed", "a"),
    ("typed", "word"),
    ("typed", "kyousuke"),
    ("typed", ""),
    ("answers-file", "a"),
    ("answers-file", "y"),
];

#[test]
fn a_low_risk_is_confirmed_by_y_or_the_id() {
    assert_eq!(started_by("risk: low", &TRIES), [true, false, true, false, false, false, true, false]);
    assert_eq!(started_by("risk: low, confirm: word", &TRIES), [true, false, true, true, false, false, true, false]);
}

#[test]
fn a_high_risk_is_confirmed_by_its_word_and_without_a_terminal_also_by_the_id() {
    assert_eq!(
        started_by("takes: 1s", &TRIES),
        [false, false, true, false, false, false, true, false],
        "unsaid acts as high"
    );
    assert_eq!(started_by("risk: high, confirm: word", &TRIES), [false, false, false, true, false, false, true, false]);
}

#[test]
fn a_destructive_step_is_confirmed_by_its_place_or_its_word() {
    assert_eq!(started_by("risk: destructive", &TRIES), [false, false, false, false, true, false, false, false]);
    assert_eq!(
        started_by("risk: destructive, confirm: word", &TRIES),
        [false, false, false, true, false, false, false, false]
    );
}

#[test]
fn nothing_typed_confirms_nothing_even_where_the_word_is_empty() {
    let text = "inputs: { word: { default: x } }\nrepair: [ { id: a, change: 'true', confirm: '{{ word }}' } ]\n";
    let mut run = Conversation::with(text, Mode::Live, &[("word", "".into())]);
    run.enter();
    let refusal = run.refuses(begin(confirmed(&run, "typed", "")));
    assert_eq!(refusal, Refusal::NotConfirmed { found: String::new(), expected: "a".to_owned() });
    let refusal = run.refuses(begin(Beginning { confirm: None, ..run.beginning("a") }));
    assert_eq!(refusal, Refusal::NotConfirmed { found: String::new(), expected: "a".to_owned() });
}

#[test]
fn in_a_loop_the_turn_can_be_named() {
    let mut run = Conversation::new("repair: [ { id: a, change: 'true', for_each: { x: [p, q] } } ]\n");
    run.enter();
    let confirm = Some(Confirm { how: "answers-file".to_owned(), text: "a[1]".to_owned() });
    run.does(begin(Beginning { confirm, ..run.beginning("a[1]") }));
}

#[test]
fn a_look_begins_without_a_word_and_gives_go() {
    let mut run = Conversation::new("diagnose: [ { id: a, check: 'true' } ]\n");
    let beginning = run.beginning("a");
    assert_eq!(beginning.confirm, None);
    let attempt = run.begin("a");
    let Event::StepIntended(intent) = &run.records.last().expect("a record").event else { panic!("no intent") };
    assert_eq!((intent.does, intent.rerun, &intent.attempt, &intent.undo), (Does::Look, Rerun::Look, &attempt, &None));
    assert_eq!(intent.argv, ["bash", "-euo", "pipefail", "-c", "true"]);
}

#[test]
fn only_the_step_at_hand_begins_and_only_one() {
    let mut run = Conversation::new(CHANGE);
    let refusal = run.refuses(begin(run.beginning("a")));
    assert_eq!(refusal, Refusal::NotHere { at: "the entry into repair".to_owned(), asked: key("a") });
    run.enter();
    assert!(matches!(run.refuses(begin(run.beginning("b"))), Refusal::NotHere { .. }));
    let attempt = run.begin("a");
    assert_eq!(
        run.refuses(begin(run.beginning("a"))),
        Refusal::StillRunning { step: key("a"), attempt: attempt.clone() }
    );
    run.finish(&attempt, crate::engine::testkit::facts(Judged::Passed));
    let again = Beginning { attempt: attempt.clone(), ..run.beginning("b") };
    assert_eq!(run.refuses(begin(again)).to_string(), format!("attempt {attempt} was begun before"));
}

#[test]
fn what_is_answered_is_not_begun() {
    let mut run = Conversation::new("diagnose: [ { id: a, question: x? }, { id: b, by_hand: x } ]\n");
    assert_eq!(run.refuses(begin(run.beginning("a"))).to_string(), "step `a` is not run, it is answered");
    run.answers("a", Answer::Yes);
    assert_eq!(run.refuses(begin(run.beginning("b"))).to_string(), "step `b` is not run, it is answered");
}

#[test]
fn what_was_shown_is_what_runs() {
    let mut run = Conversation::new(CHANGE);
    run.enter();
    let other = Beginning { shown: run.resolved("b").digest(), ..run.beginning("a") };
    assert_eq!(run.refuses(begin(other)), Refusal::CommandDiffers);
}

#[test]
fn a_run_that_only_looks_changes_nothing() {
    let text =
        "diagnose: [ { id: a, check: 'true' } ]\nfollow_up: [ { id: b, change: 'true' }, { id: c, by_hand: x } ]\n";
    let mut run = Conversation::with(text, Mode::Look, &[]);
    run.ok("a").stands("b");
    assert_eq!(run.refuses(begin(run.beginning("b"))), Refusal::LookOnly);
    run.skip("b");
    assert_eq!(run.refuses(run.answer("c", Answer::Done)), Refusal::LookOnly);
    let mut run = Conversation::with(CHANGE, Mode::Look, &[]);
    assert_eq!(run.refuses(Command::EnterRepair { guards: None, how: "key".to_owned() }), Refusal::LookOnly);
}

#[test]
fn what_a_change_needs_must_be_asked_and_hold() {
    let mut run = Conversation::new("repair: [ { id: a, change: 'true', needs: [ { file: /x }, { file: /y } ] } ]\n");
    run.enter();
    let with = |run: &Conversation, needs| begin(Beginning { needs, ..run.beginning("a") });
    let unmet = vec![matched("file /x exists", true), matched("file /y exists", false)];
    assert_eq!(run.refuses(with(&run, unmet)), Refusal::NeedsNotMet("file /y exists".to_owned()));
    assert_eq!(run.refuses(with(&run, Vec::new())).to_string(), "not measured: what step `a` needs; nothing ran");
    assert_eq!(
        run.refuses(with(&run, vec![matched("file /x exists", true)])).to_string(),
        "not measured: what step `a` needs; nothing ran"
    );
    assert_eq!(may_begin(&run.plan, &run.run, &Beginning { needs: Vec::new(), ..run.beginning("a") }), Ok(()));
    run.ok("a");
}

#[test]
fn forbidden_commands_are_refused_wherever_they_stand() {
    let rules = "forbidden: [ { match: forumctl ca, unless: '--dry-run', because: it cannot be made again } ]\n";
    let hidden = |step: &str| {
        let text = format!("inputs: {{ what: x }}\n{rules}repair: [ {{ id: a, {step} }} ]\n");
        let mut run = Conversation::with(&text, Mode::Live, &[("what", "ca".into())]);
        run.enter();
        run
    };
    for fields in [
        "change: 'forumctl -- {{ what }}'",
        "change: [forumctl, '--', '{{ what }}']",
        "change: 'true', undo: 'forumctl -- {{ what }}'",
        "change: 'true', needs: 'forumctl -- {{ what }}'",
        "change: 'true', done_when: 'forumctl -- {{ what }}'",
        "by_hand: x, needs: 'forumctl -- {{ what }}'",
    ] {
        let mut run = hidden(fields);
        let refusal = match run.resolved("a").work {
            crate::engine::resolve::Work::ByHand(_) => {
                run.refuses(Command::ByHand(Box::new(run.deed("a", Answer::Done))))
            }
            _ => run.refuses(begin(run.beginning("a"))),
        };
        let expected =
            Refusal::Forbidden { pattern: "forumctl ca".to_owned(), because: "it cannot be made again".to_owned() };
        assert_eq!(refusal, expected, "{fields}");
    }
    hidden("change: 'forumctl --dry-run -- {{ what }}'").ok("a");
}

#[test]
fn a_name_that_is_not_known_refuses_the_step_and_says_who_sets_it() {
    let text = "repair:\n  - { id: a, change: 'true', capture: backup }\n  - { id: b, change: 'true', undo: 'ls -- {{ backup }}' }\n";
    let mut run = Conversation::new(text);
    let command = begin(run.enter().beginning("a"));
    run.fault("a").go_on().stands("b");
    let Command::Begin(mut beginning) = command else { unreachable!() };
    beginning.step = key("b");
    let refusal = run.refuses(Command::Begin(beginning));
    assert_eq!(refusal, Refusal::Unresolved { text: "`backup` is not known yet; step `a` sets it".to_owned() });
}

const SCOPE: &str = "scope: { files: [/etc/x] }\n";

#[test]
fn what_must_not_change_is_measured_before_a_change_and_copied() {
    let mut run = Conversation::new(&format!("{SCOPE}{CHANGE}"));
    let refusal = run.refuses(Command::EnterRepair { guards: None, how: "key".to_owned() });
    assert_eq!(refusal.to_string(), "not measured: what must not change; nothing ran");
    run.enter();
    let unmeasured = begin(Beginning { guards: None, ..run.beginning("a") });
    assert_eq!(run.refuses(unmeasured).to_string(), "not measured: what must not change; nothing ran");
    let uncopied = begin(Beginning { way_back: None, ..run.beginning("a") });
    assert_eq!(
        run.refuses(uncopied).to_string(),
        "not measured: the copy of the scope, which is the way back; nothing ran"
    );
    run.ok("a");
}

#[test]
fn a_guard_that_was_broken_between_two_steps_freezes_before_anything_runs() {
    let mut run = Conversation::new(&format!("{SCOPE}{CHANGE}"));
    run.enter().ok("a");
    let beginning = Beginning { guards: Some(guards(&["/etc/x/ca.crt"])), ..run.beginning("b") };
    assert_eq!(run.ask(begin(beginning)).expect("it is decided"), []);
    run.stands("frozen").because("a guard was broken between two steps, not by one").ends("b open");
    assert!(run.run.running().is_none());
}

#[test]
fn a_change_that_passed_runs_again_only_with_a_reason_that_is_on_record() {
    let mut run = Conversation::new(
        "repair: [ { id: a, change: 'true', repeatable: true }, { id: b, check: 'true', if_not: a } ]\n",
    );
    run.enter().ok("a").fault("b").stands("a");
    assert_eq!(run.refuses(begin(run.beginning("a"))), Refusal::AlreadyPassed(key("a")));
    let again = |run: &Conversation, why: &str| begin(Beginning { again: Some(why.to_owned()), ..run.beginning("a") });
    assert_eq!(run.refuses(again(&run, "  ")), Refusal::ReasonMissing);
    run.does(again(&run, "it did not take"));
    let kinds: Vec<_> = run.records.iter().rev().take(2).map(kind).collect();
    assert_eq!(kinds, ["step.intent", "decision"]);
    assert_eq!(run.run.remarks.last().expect("a remark").text, "run-again: it did not take");
}

#[test]
fn what_must_never_run_twice_does_not_even_after_it_failed() {
    let text =
        |more: &str| format!("repair: [ {{ id: a, check: 'true' }}, {{ id: b, change: 'true', if_not: a{more} }} ]\n");
    let mut run = Conversation::new(&text(""));
    run.enter().ok("a").fault("b").ok("a").stands("b").ends("b open");
    assert_eq!(run.refuses(begin(run.beginning("b"))), Refusal::RanAlready(key("b")));
    run.does(begin(Beginning { again: Some("it changed nothing".to_owned()), ..run.beginning("b") }));
    let mut run = Conversation::new(&text(", repeatable: true"));
    run.enter().ok("a").fault("b").ok("a").ok("b");
}

#[test]
fn a_decision_to_run_again_is_reason_enough() {
    let mut run = Conversation::new(CHANGE);
    run.enter().fault("a").decides("a", Choice::RunAgain).stands("a").fault("a").stands("step_failed at a");
}

#[test]
fn an_attempt_that_was_not_started_does_not_count() {
    let mut run = Conversation::new(CHANGE);
    let attempt = run.enter().begin("a");
    run.does(Command::Recover { attempt, evidence: crate::engine::command::Evidence::NotStarted });
    run.stands("a").ends("a open").ok("a");
    assert!(run.run.newest_attempt(&key("a")).expect("an attempt").intent.retry_of.is_some());
}

fn kind(record: &Record) -> String {
    serde_json::to_value(record).expect("JSON")["kind"].as_str().expect("a kind").to_owned()
}

const EDITS: &str = "repair: [ { id: a, edit: /etc/site.conf }, { id: b, by_hand: x } ]\n";

fn drafted(after: &str) -> Command {
    let draft = EditDraft { before: "old".to_owned(), after: after.to_owned(), ..EditDraft::default() };
    Command::Draft { step: key("a"), draft, how: "editor".to_owned() }
}

#[test]
fn a_file_is_replaced_only_by_what_was_drafted_and_shown() {
    let mut run = Conversation::new(EDITS);
    run.enter().stands("a");
    assert!(matches!(run.refuses(Command::Begin(Box::new(run.beginning("a")))), Refusal::NotNow(_)));
    assert!(matches!(run.refuses(drafted("old")), Refusal::NotNow(_)), "nothing differs");
    run.does(drafted("new"));
    let shown = run.beginning("a");
    run.does(drafted("newer"));
    assert_eq!(run.refuses(Command::Begin(Box::new(shown))), Refusal::CommandDiffers);
    run.does(Command::Begin(Box::new(run.beginning("a"))));
}

#[test]
fn a_draft_is_gone_once_it_replaced_the_file_or_could_not() {
    let mut run = Conversation::new(EDITS);
    run.enter().does(drafted("new")).ok("a").stands("b");
    assert!(run.run.drafts.is_empty());
    let undo = run.run.newest_way_back().map(|attempt| attempt.intent.undo.clone());
    assert!(matches!(undo, Some(Some(WayBack::Copy { .. }))), "its way back is the file from before: {undo:?}");
}

#[test]
fn a_run_that_only_looks_drafts_nothing() {
    let mut run = Conversation::with("repair: [x]\nfollow_up: [ { id: a, edit: /etc/site.conf } ]\n", Mode::Look, &[]);
    assert!(run.ask(drafted("new")).is_err());
}
