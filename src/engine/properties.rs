//! What holds for every runbook and every order of commands: the properties of the engine over random runs.

mod book;
mod play;

use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde_json::json;

use super::ahead::Ahead;
use super::command::{Command, Effect, Evidence};
use super::record::{Does, EndResult, Event, Record, Rerun};
use super::run::StepState;
use super::testkit::{Conversation, asked, facts};
use super::{AttemptId, Key, Plan, Position, Run, decide};
use crate::engine::command::Ending;
use crate::engine::record::Judged;
use crate::model::Phase;
use book::Book;
use play::{Act, play};

/// Fewer than proptest's own default, so that every test run has time for them; `PROPTEST_CASES=5000` asks for more.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = if default.cases == 256 { 64 } else { default.cases };
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 4000, ..default }
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec(any::<(u8, u8, u8)>().prop_map(|(what, how, which)| Act { what, how, which }), 0..60)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_replay_of_every_prefix_is_the_live_state(book in Book::any(), acts in acts()) {
        let played = play(&book, &acts);
        let mut replayed = Run::new("7f3a-k2");
        for (record, live) in played.records.iter().zip(&played.states) {
            let text = serde_json::to_string(record).expect("a record is JSON");
            replayed.apply(&serde_json::from_str(&text).expect("it reads back"));
            prop_assert_eq!(&replayed, live);
        }
        let half = played.records.len() / 2;
        prop_assert_eq!(&Run::replay("7f3a-k2", &played.records[..=half]), &played.states[half]);
    }

    #[test]
    fn a_clock_that_jumps_decides_nothing(book in Book::any(), acts in acts()) {
        let played = play(&book, &acts);
        let records: Vec<_> = played.records.iter().enumerate().map(|(at, record)| {
            let mut jumped = record.clone();
            jumped.at.t = format!("20{:02}-01-01T00:00:00.000Z", 97 * (at + 1) % 89);
            jumped.at.mono = (played.records.len() - at) as u64;
            jumped
        }).collect();
        let (run, live) = (Run::replay("7f3a-k2", &records), played.states.last().expect("it was opened"));
        prop_assert_eq!(&run.position, &live.position);
        prop_assert_eq!(&run.steps, &live.steps);
        prop_assert_eq!(&run.captured, &live.captured);
        let durations = |run: &Run| -> Vec<_> { run.attempts.values().map(|attempt| attempt.end.as_ref().map(|end| end.dur_ms)).collect() };
        prop_assert_eq!(durations(&run), durations(live));
    }

    #[test]
    fn the_same_question_has_the_same_answer_and_a_refusal_changes_nothing(book in Book::any(), acts in acts()) {
        let played = play(&book, &acts);
        for (before, asked, decision) in &played.asked {
            let copy = before.clone();
            prop_assert_eq!(&decide(&played.plan, before, asked), decision);
            prop_assert_eq!(&copy, before);
            if let Ok(decision) = decision {
                let goes = decision.effects.iter().all(|Effect::Go(id)| decision.records.iter().any(|record| begins(record, &id.0)));
                prop_assert!(goes, "GO without an intent on record");
            }
        }
    }

    #[test]
    fn every_record_is_the_next_one_and_survives_as_text(book in Book::any(), acts in acts()) {
        let played = play(&book, &acts);
        for (at, record) in played.records.iter().enumerate() {
            prop_assert_eq!(record.seq, at as u64 + 1);
            let mut value = serde_json::to_value(record).expect("a record is JSON");
            value["of-a-later-version"] = json!({ "x": [1] });
            prop_assert_eq!(&serde_json::from_value::<Record>(value.clone()).expect("it reads back"), record);
            value["kind"] = json!("step.of-a-later-version");
            prop_assert_eq!(serde_json::from_value::<Record>(value).expect("it is read").event, Event::Later);
        }
    }

    #[test]
    fn what_is_laid_over_a_run_is_what_the_fold_makes_of_it(book in Book::any(), acts in acts()) {
        let played = play(&book, &acts);
        let mut run = Run::new("7f3a-k2");
        for record in &played.records {
            let ahead = Ahead::after(&run, &record.event);
            let mut after = run.clone();
            after.apply(&without_way_on(record));
            for key in after.steps.keys() {
                prop_assert_eq!(ahead.state(key), after.state(key), "{} after {:?}", key, record.event);
            }
            let captured: std::collections::BTreeMap<_, _> = ahead.captured().map(|(name, value)| (name.clone(), value.clone())).collect();
            prop_assert_eq!(captured, after.captured);
            run.apply(record);
        }
    }

    #[test]
    fn a_crash_at_any_record_leaves_nothing_running_and_starts_nothing(book in Book::any(), acts in acts()) {
        let played = play(&book, &acts);
        for run in &played.states {
            let Some(attempt) = run.running() else { continue };
            let id = attempt.intent.attempt.clone();
            let ended = |judged| Evidence::Ended(Box::new(Ending { attempt: id.clone(), facts: facts(judged), got: Vec::new(), guards: None }));
            let unknown = Evidence::Unknown { why: "gone".to_owned(), survivors: Vec::new() };
            for evidence in [Evidence::NotStarted, unknown, ended(Judged::Passed), ended(Judged::Failed), ended(Judged::Unknown)] {
                let decision = decide(&played.plan, run, &asked(999, Command::Recover { attempt: id.clone(), evidence })).expect("it is recovered");
                prop_assert_eq!(&decision.effects, &[]);
                let mut after = run.clone();
                decision.records.iter().for_each(|record| after.apply(record));
                prop_assert!(after.running().is_none());
                let frozen = |run: &Run| matches!(run.position, Position::Frozen { .. });
                prop_assert!(after.broken.is_none() || frozen(&after), "a broken guard is a frozen run");
                prop_assert!(!frozen(run) || frozen(&after) || attempt.intent.does == Does::Undo, "a crash thaws nothing");
            }
        }
    }

    #[test]
    fn what_must_never_run_twice_does_not_without_a_decision(book in Book::any(), acts in acts()) {
        let played = play(&book, &acts);
        // Two attempts of a step have a way back each; both can be gone.
        let mut unsettled: Vec<(Key, Does, Option<AttemptId>)> = Vec::new();
        for record in &played.records {
            match &record.event {
                Event::StepIntended(intent) if intent.rerun == Rerun::Never => {
                    let this = (intent.step.clone(), intent.does, intent.undoes.clone());
                    prop_assert!(!unsettled.contains(&this), "{} is begun twice", intent.step);
                    unsettled.push(this);
                }
                Event::StepEnded { step, facts, .. } if facts.result == EndResult::NotStarted => unsettled.retain(|(key, ..)| key != step),
                Event::Decided { .. } => unsettled.clear(),
                _ => {}
            }
        }
    }

    #[test]
    fn in_a_frozen_run_only_a_way_back_begins(book in Book::any(), acts in acts()) {
        let played = play(&book, &acts);
        for (before, _, decision) in &played.asked {
            let (Position::Frozen { .. }, Ok(decision)) = (&before.position, decision) else { continue };
            let changes = decision.records.iter().any(|record| matches!(&record.event, Event::StepIntended(intent) if intent.does != Does::Undo));
            prop_assert!(!changes);
        }
    }

    #[test]
    fn a_run_that_comes_to_its_end_is_proved(book in Book::any(), acts in acts()) {
        let played = play(&book, &acts);
        for run in &played.states {
            match &run.position {
                Position::Step { step } => prop_assert!(played.plan.item(&step.id).is_some_and(|item| !item.is_group())),
                Position::AtEnd { nothing_to_repair: false } => prop_assert!(is_proved(&played.plan, run), "{:?}", run.steps),
                Position::AtEnd { nothing_to_repair: true } => prop_assert!(!run.is_changed()),
                Position::EnterRepair | Position::NotRepaired | Position::Stopped { .. } | Position::Frozen { .. } | Position::Closed => {}
            }
        }
    }

    #[test]
    fn looks_alone_lead_to_a_person_or_an_end(book in Book::any(), faults in any::<u64>()) {
        // Each turn of each step is come to three times at most.
        let most = 3 * book.most_turns();
        let mut looks = play::open(&book);
        for look in 0..=most {
            let Some(step) = play::look_at_hand(&looks) else { return Ok(()) };
            let judged = if faults >> (look % 64) & 1 == 1 { Judged::Failed } else { Judged::Passed };
            looks.runs(&step, play::found(&step, facts(judged), look));
        }
        prop_assert!(false, "{:?} after {} looks", looks.run.position, most);
    }
}

fn begins(record: &Record, attempt: &str) -> bool {
    matches!(&record.event, Event::StepIntended(intent) if intent.attempt.0 == attempt)
}

/// The same record, leading nowhere.
fn without_way_on(record: &Record) -> Record {
    let mut value = serde_json::to_value(record).expect("a record is JSON");
    if let Some(advance) = value.get_mut("advance") {
        *advance = json!({ "to": { "at": "enter_repair" } });
    }
    serde_json::from_value(value).expect("it reads back")
}

/// Said in other words than in the walk: whatever has a state in verify holds, and what has none was left out by one
/// of the groups or loops around it.
fn is_proved(plan: &Plan, run: &Run) -> bool {
    let holds = |state: &StepState| matches!(state, StepState::Passed | StepState::Skipped(_) | StepState::NotTaken);
    let of_verify = |key: &Key| plan.item(&key.id).is_some_and(|item| item.phase == Phase::Verify && !item.is_group());
    let left_out = |mut at: usize| loop {
        let item = &plan.items()[at];
        if run.steps.iter().any(|(key, state)| key.id == item.step.id.value && *state != StepState::Open) {
            return true;
        }
        match item.parent {
            Some(parent) => at = parent,
            None => return false,
        }
    };
    let all_hold =
        run.steps.iter().filter(|(key, _)| of_verify(key)).all(|(_, state)| holds(state) || *state == StepState::Open);
    let leaves =
        (0..plan.items().len()).filter(|at| plan.items()[*at].phase == Phase::Verify && !plan.items()[*at].is_group());
    all_hold && leaves.into_iter().all(left_out)
}

/// The random runs are worth nothing if they never leave the first step.
#[test]
fn random_runs_come_everywhere() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut places = std::collections::BTreeMap::<String, u32>::new();
    for _ in 0..200 {
        let (book, acts) = (Book::any(), acts()).new_tree(&mut runner).expect("a run").current();
        for run in play(&book, &acts).states {
            let value = serde_json::to_value(&run.position).expect("JSON");
            let by = value.get("by").and_then(|by| by.as_str()).unwrap_or_default();
            *places.entry(format!("{}{by}", value["at"].as_str().expect("a word"))).or_default() += 1;
        }
    }
    let names: Vec<_> = places.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "at_end",
            "closed",
            "enter_repair",
            "frozen",
            "not_repaired",
            "step",
            "stoppedname_not_known",
            "stoppedoffer_undo",
            "stoppedrunbook",
            "stoppedstep_failed",
            "stoppedtoo_many_visits",
            "stoppedundone",
            "stoppedunknown",
            "stoppedway_back",
        ],
        "{places:?}"
    );
}

/// Engine time of a long run, in time of the processor: nothing is copied at each step.
#[test]
fn a_thousand_looks_are_cheap() {
    let steps: String = (0..1000).map(|n| format!("  - {{ id: s{n}, check: look }}\n")).collect::<Vec<_>>().concat();
    let mut run = Conversation::new(&format!("diagnose:\n{steps}"));
    let now = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(u64::try_from(time.tv_sec).expect("seconds"), u32::try_from(time.tv_nsec).expect("nanoseconds"))
    };
    let mut spent = Duration::ZERO;
    for n in 0..1000 {
        let beginning = Box::new(run.beginning(&format!("s{n}")));
        let attempt = beginning.attempt.clone();
        for command in
            [Command::Begin(beginning), Command::Finish(Box::new(run.ending(&attempt, facts(Judged::Passed))))]
        {
            let begun = now();
            let decision = decide(&run.plan, &run.run, &asked(n, command)).expect("it is decided");
            decision.records.iter().for_each(|record| run.run.apply(record));
            spent += now().saturating_sub(begun);
        }
    }
    run.stands("at the end");
    assert!(spent < Duration::from_secs(1), "{spent:?}");
}
