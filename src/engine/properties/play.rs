//! Plays a random run: most acts are what a person would do at the place where the run stands, some are wild.

use serde_json::json;

use super::book::Book;
use crate::engine::command::{Answer, Asked, Beginning, Choice, Command, Evidence};
use crate::engine::record::{Close, EditDraft, EndResult, Facts, Judged, Mode, Record};
use crate::engine::resolve::{Resolver, Work};
use crate::engine::testkit::{Conversation, facts, guards, key};
use crate::engine::{AttemptId, Decision, Key, Plan, Position, Refusal, Run, decide};

/// One thing that is done: what, how it goes, to which.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    pub what: u8,
    pub how: u8,
    pub which: u8,
}

/// A run with everything that was asked on its way.
pub struct Played {
    pub plan: Plan,
    pub records: Vec<Record>,
    /// The run after each record.
    pub states: Vec<Run>,
    pub asked: Vec<(Run, Asked, Result<Decision, Refusal>)>,
}

/// Plays to the end of the acts.
pub fn play(book: &Book, acts: &[Act]) -> Played {
    let mut run = open(book);
    let mut played = Played { plan: run.plan.clone(), records: Vec::new(), states: Vec::new(), asked: Vec::new() };
    for record in run.records.clone() {
        played.records.push(record);
        played.states.push(run.run.clone());
    }
    for act in acts {
        let Some(command) = command(&run, *act) else { continue };
        let asked = crate::engine::testkit::asked(run.run.next_seq, command);
        let before = run.run.clone();
        let decision = decide(&run.plan, &run.run, &asked);
        for record in decision.iter().flat_map(|decision| &decision.records) {
            run.run.apply(record);
            played.records.push(record.clone());
            played.states.push(run.run.clone());
        }
        played.asked.push((before, asked, decision));
    }
    played
}

/// An opened run of a runbook.
pub fn open(book: &Book) -> Conversation {
    Conversation::with(&book.text(), Mode::Live, &[("nodes", json!(["n", "m"])), ("one", json!("x"))])
}

/// The step that the run waits for, where it is a look that runs by itself.
pub fn look_at_hand(run: &Conversation) -> Option<String> {
    let Position::Step { step } = &run.run.position else { return None };
    let resolved = Resolver::new(&run.plan, &run.run, Some(step)).step(step).ok()?;
    matches!(resolved.work, Work::Test(_) | Work::Wait { .. }).then(|| step.to_string())
}

/// What a look gives: one of the steps lists something.
pub fn found(step: &str, mut facts: Facts, which: usize) -> Facts {
    if step == "list" && facts.judged == Judged::Passed {
        let lists = [json!([]), json!(["k"]), json!(["k", "l"])];
        facts.captured.insert("pods".to_owned(), lists[which % 3].clone());
    }
    facts
}

fn command(run: &Conversation, act: Act) -> Option<Command> {
    if let Some(attempt) = run.run.running().map(|attempt| attempt.intent.attempt.clone()) {
        return Some(end(run, &attempt, act));
    }
    match act.what % 32 {
        0..=23 => at_place(run, act),
        24 => undo(run, act),
        25 => Some(Command::Skip { step: some_step(run, act), reason: "x".to_owned() }),
        26 => Some(Command::Skip { step: here(run)?, reason: "x".to_owned() }),
        27 => Some(Command::GoOn { reason: "x".to_owned(), how: "key".to_owned() }),
        28 => decision(run, act),
        29 => {
            Some(run.close([Close::Done, Close::NothingToRepair, Close::NotRepaired][usize::from(act.how % 8).min(2)]))
        }
        30 => begin(run, &some_step(run, act), act),
        _ => Some(Command::Note { text: "x".to_owned() }),
    }
}

/// What a person would do where the run stands.
fn at_place(run: &Conversation, act: Act) -> Option<Command> {
    let why = || "x".to_owned();
    Some(match &run.run.position {
        Position::Step { step } => return begin(run, step, act),
        Position::EnterRepair => {
            Command::EnterRepair { guards: run.plan.is_guarded().then(|| guards(&[])), how: why() }
        }
        Position::NotRepaired => Command::RepairAgain { reason: why(), how: why() },
        Position::Stopped { .. } if act.which.is_multiple_of(2) => return decision(run, act),
        Position::Stopped { .. } => Command::GoOn { reason: why(), how: why() },
        Position::Frozen { .. } => return undo(run, act),
        Position::AtEnd { nothing_to_repair: true } => run.close(Close::NothingToRepair),
        Position::AtEnd { nothing_to_repair: false } => run.close(Close::Done),
        Position::Closed => Command::Note { text: why() },
    })
}

fn begin(run: &Conversation, step: &Key, act: Act) -> Option<Command> {
    let resolved = Resolver::new(&run.plan, &run.run, Some(step)).step(step).ok()?;
    let step = step.to_string();
    let answer = |answer| run.answer(&step, answer);
    Some(match &resolved.work {
        Work::Question { choices, .. } if !choices.is_empty() => {
            answer(Answer::Choice(choices[usize::from(act.how) % choices.len()].answer.clone()))
        }
        Work::Question { .. } => answer(if act.how.is_multiple_of(2) { Answer::Yes } else { Answer::No }),
        Work::ByHand(_) | Work::Announce { .. } => {
            answer(if act.how.is_multiple_of(2) { Answer::Done } else { Answer::CouldNot })
        }
        Work::Edit { draft: None, .. } => {
            let draft = EditDraft { before: "a".to_owned(), after: act.which.to_string(), ..EditDraft::default() };
            Command::Draft { step: step.parse().expect("a key"), draft, how: "x".to_owned() }
        }
        Work::Terminal(_) if run.run.unanswered(&step.parse().expect("a key")).is_some() => Command::Conclude {
            step: step.parse().expect("a key"),
            answer: if act.how.is_multiple_of(2) { Answer::Done } else { Answer::CouldNot },
            how: "x".to_owned(),
            done: Vec::new(),
        },
        Work::Test(_)
        | Work::Wait { .. }
        | Work::Command(_)
        | Work::Terminal(_)
        | Work::Edit { .. }
        | Work::Restore => {
            let broken: &[&str] = if act.which % 16 == 15 { &["ca.crt"] } else { &[] };
            let beginning = run.beginning(&step);
            let guards = beginning.guards.as_ref().map(|_| guards(broken));
            let again = (act.how.is_multiple_of(4)).then(|| "x".to_owned());
            Command::Begin(Box::new(Beginning { again, guards, ..beginning }))
        }
    })
}

fn undo(run: &Conversation, act: Act) -> Option<Command> {
    run.run.newest_way_back()?;
    let again = act.how.is_multiple_of(2).then(|| "x".to_owned());
    Some(Command::Begin(Box::new(Beginning { again, ..run.way_back() })))
}

fn end(run: &Conversation, attempt: &AttemptId, act: Act) -> Command {
    let judged = [Judged::Passed, Judged::Failed, Judged::Passed, Judged::Unknown][usize::from(act.how % 4)];
    let result = if act.which % 16 == 3 { EndResult::TimedOut } else { EndResult::Exited };
    let step = run.run.attempts[attempt].intent.step.to_string();
    let facts = found(&step, Facts { result, ..facts(judged) }, usize::from(act.which));
    let mut ending = run.ending(attempt, facts);
    let broken: &[&str] = if act.which % 16 == 5 { &["ca.crt"] } else { &[] };
    ending.guards = ending.guards.map(|_| guards(broken));
    if act.which % 16 == 4 {
        ending.guards = None;
    }
    let recover = |evidence| Command::Recover { attempt: attempt.clone(), evidence };
    match act.what % 16 {
        12 => recover(Evidence::NotStarted),
        13 => recover(Evidence::Unknown { why: "gone".to_owned(), survivors: Vec::new() }),
        14 => recover(Evidence::Ended(Box::new(ending))),
        15 => Command::Skip { step: some_step(run, act), reason: "x".to_owned() },
        _ => Command::Finish(Box::new(ending)),
    }
}

fn decision(run: &Conversation, act: Act) -> Option<Command> {
    let of_step = || run.run.newest_attempt(&here(run)?);
    let attempt = run.run.at_stop().or_else(of_step)?.intent.attempt.clone();
    let choice = [Choice::Done, Choice::RunAgain, Choice::Abort][usize::from(act.how) % 3];
    Some(Command::Decide { attempt, choice, reason: "x".to_owned(), how: "key".to_owned() })
}

fn here(run: &Conversation) -> Option<Key> {
    match &run.run.position {
        Position::Step { step } | Position::Stopped { step: Some(step), .. } => Some(step.clone()),
        Position::Stopped { step: None, .. }
        | Position::EnterRepair
        | Position::NotRepaired
        | Position::Frozen { .. }
        | Position::AtEnd { .. }
        | Position::Closed => None,
    }
}

fn some_step(run: &Conversation, act: Act) -> Key {
    let items = run.plan.items();
    key(&items[usize::from(act.which) % items.len()].step.id.value)
}
