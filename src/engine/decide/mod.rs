//! From a command to records and effects, or a refusal. Reads the run, never writes it.

mod answer;
mod begin;
mod choose;
mod finish;
mod recover;

use super::command::{Asked, Command, Effect};
use super::key::Key;
use super::plan::Plan;
use super::position::{Advance, Position};
use super::record::{Event, Moment, Record};
use super::refusal::Refusal;
use super::run::Run;
use super::walk::Walk;
use crate::engine::record::Close;

/// What follows from a command.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub records: Vec<Record>,
    pub effects: Vec<Effect>,
}

/// Collects records, and keeps the run as it will be when they are applied.
struct Draft<'a> {
    plan: &'a Plan,
    run: Run,
    at: Moment,
    records: Vec<Record>,
    effects: Vec<Effect>,
}

impl Draft<'_> {
    fn push(&mut self, event: Event) {
        let record = self.record(event);
        self.at.boot = None;
        self.run.apply(&record);
        self.records.push(record);
    }

    /// Pushes an event whose way on is found on the run as it is after it.
    fn push_onward(&mut self, event: impl Fn(Advance) -> Event, onward: impl FnOnce(&Self) -> Advance) {
        let before = self.run.clone();
        let record = self.record(event(straight(before.position.clone())));
        self.run.apply(&record);
        let advance = onward(self);
        self.run = before;
        self.push(event(advance));
    }

    fn record(&self, event: Event) -> Record {
        Record { v: 1, run: self.run.id.clone(), epoch: self.run.epoch, seq: self.run.next_seq, at: self.at.clone(), event }
    }

    fn walk(&self) -> Walk<'_> {
        Walk::new(self.plan, self.run.clone())
    }
}

/// What follows from a command, or why it is not allowed now.
pub fn decide(plan: &Plan, run: &Run, asked: &Asked) -> Result<Decision, Refusal> {
    if run.position == Position::Closed && run.opened.is_some() {
        return Err(Refusal::Closed);
    }
    let mut at = asked.at.clone();
    if at.boot == run.boot {
        at.boot = None;
    }
    let mut draft = Draft { plan, run: run.clone(), at, records: Vec::new(), effects: Vec::new() };
    if run.opened.is_none() && !matches!(asked.command, Command::Open(_)) {
        return Err(Refusal::NotNow("the run is not open yet".to_owned()));
    }
    match &asked.command {
        Command::Open(opening) => choose::open(&mut draft, opening)?,
        Command::EnterRepair { guards, how } => choose::enter_repair(&mut draft, guards.as_ref(), how)?,
        Command::Begin(beginning) => begin::begin(&mut draft, beginning)?,
        Command::Finish(ending) => finish::finish(&mut draft, ending, None)?,
        Command::AlreadyDone { step, held, how } => choose::already_done(&mut draft, step, held, how)?,
        Command::Answer { step, answer, how, guards } => answer::answer(&mut draft, step, (answer, how), guards.as_ref())?,
        Command::Skip { step, reason } => choose::skip(&mut draft, step, reason)?,
        Command::Decide { attempt, choice, reason, how } => choose::decide_attempt(&mut draft, attempt, *choice, reason, how)?,
        Command::GoOn { reason, how } => choose::go_on(&mut draft, reason, how)?,
        Command::RepairAgain { reason, how } => choose::repair_again(&mut draft, reason, how)?,
        Command::Recover { attempt, evidence } => recover::recover(&mut draft, attempt, evidence)?,
        Command::TornTail { file, offset, bytes, kept_as } => draft.push(Event::Recovered {
            file: file.clone(),
            offset: *offset,
            bytes: *bytes,
            kept_as: kept_as.clone(),
        }),
        Command::Gap { attempt, what } => draft.push(Event::RecordingGap { attempt: attempt.clone(), what: what.clone() }),
        Command::Note { text } => draft.push(Event::Noted { text: reason(text)?.to_owned() }),
        Command::Pause { why } => draft.push(Event::Paused { why: why.clone() }),
        Command::Close { outcome, reason } => close(&mut draft, *outcome, reason)?,
    }
    Ok(Decision { records: draft.records, effects: draft.effects })
}

/// Closing a run; what it is closed as must be true.
fn close(draft: &mut Draft, outcome: Close, why: &str) -> Result<(), Refusal> {
    idle(&draft.run)?;
    let fits = match (outcome, &draft.run.position) {
        (Close::Done, Position::AtEnd { nothing_to_repair }) => !nothing_to_repair,
        (Close::NothingToRepair, Position::AtEnd { nothing_to_repair }) => *nothing_to_repair,
        (Close::NothingToRepair, Position::EnterRepair) => true,
        (Close::NotRepaired, _) => true,
        (Close::Done | Close::NothingToRepair, _) => false,
    };
    if !fits {
        return Err(Refusal::NotNow("not every step has its end; the run can only be closed as not repaired, with a reason".to_owned()));
    }
    if outcome == Close::NotRepaired {
        reason(why)?;
    }
    draft.push(Event::RunClosed { outcome, reason: why.trim().to_owned() });
    Ok(())
}

/// Nothing runs.
fn idle(run: &Run) -> Result<(), Refusal> {
    match run.running() {
        Some(attempt) => {
            Err(Refusal::StillRunning { step: attempt.intent.step.clone(), attempt: attempt.intent.attempt.clone() })
        }
        None => Ok(()),
    }
}

/// The run stands at this step, nothing runs, no guard is broken.
fn here(run: &Run, step: &Key) -> Result<(), Refusal> {
    idle(run)?;
    match &run.position {
        Position::Step { step: at } if at == step => Ok(()),
        Position::Frozen { .. } => Err(Refusal::Frozen),
        position => Err(Refusal::NotHere { at: place(position), asked: step.clone() }),
    }
}

/// Where it stands, for a message.
fn place(position: &Position) -> String {
    match position {
        Position::Step { step } => format!("`{step}`"),
        Position::EnterRepair => "the entry into repair".to_owned(),
        Position::NotRepaired => "the end of verify, where not everything held".to_owned(),
        Position::Stopped { step: Some(step), .. } => format!("`{step}`, stopped"),
        Position::Stopped { step: None, .. } => "a stop".to_owned(),
        Position::Frozen { .. } => "a broken guard".to_owned(),
        Position::AtEnd { .. } => "its end".to_owned(),
        Position::Closed => "its end, closed".to_owned(),
    }
}

/// A reason in words.
fn reason(text: &str) -> Result<&str, Refusal> {
    let text = text.trim();
    if text.is_empty() { Err(Refusal::ReasonMissing) } else { Ok(text) }
}

/// Straight to a place, with nothing on the way.
fn straight(to: Position) -> Advance {
    Advance::to(to)
}
