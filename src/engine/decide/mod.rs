//! From a command to records and effects, or a refusal. Reads the run, never writes it.

mod answer;
mod begin;
mod by_hand;
mod choose;
mod finish;
mod recover;
mod shell;
#[cfg(test)]
mod tests;

pub use begin::SEND;

use super::ahead::Ahead;
use super::command::{Asked, Beginning, Command, Effect};
use super::key::Key;
use super::plan::Plan;
use super::position::{Advance, Position};
use super::record::{Close, Event, Judged, Mode, Moment, Record};
use super::refusal::Refusal;
use super::run::Run;
use super::walk::Walk;
use crate::model::Phase;

/// What follows from a command.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub records: Vec<Record>,
    pub effects: Vec<Effect>,
}

/// Collects records. The run itself is only read: what it will be is laid over it where somebody has to know.
struct Draft<'a> {
    plan: &'a Plan,
    run: &'a Run,
    at: Moment,
    records: Vec<Record>,
    effects: Vec<Effect>,
}

impl<'a> Draft<'a> {
    fn push(&mut self, event: Event) {
        let seq = self.run.next_seq + self.records.len() as u64;
        let mut at = self.at.clone();
        // Only the first record says that the boot is another one.
        at.boot = at.boot.filter(|_| self.records.is_empty());
        self.records.push(Record { v: 1, run: self.run.id.clone(), epoch: self.run.epoch, seq, at, event });
    }

    /// Pushes an event whose way on is found on the run as it is after it.
    fn push_onward(&mut self, event: impl Fn(Advance) -> Event, onward: impl FnOnce(Walk<'a>) -> Advance) {
        let advance = onward(self.walk_after(&event(self.stay())));
        self.push(event(advance));
    }

    /// A walk over the run as it is.
    fn walk(&self) -> Walk<'a> {
        Walk::new(self.plan, Ahead::of(self.run))
    }

    /// A walk over the run as it is after an event.
    fn walk_after(&self, event: &Event) -> Walk<'a> {
        Walk::new(self.plan, Ahead::after(self.run, event))
    }

    /// Where it stands.
    fn stay(&self) -> Advance {
        straight(self.run.position.clone())
    }
}

/// What follows from a command, or why it is not allowed now.
pub fn decide(plan: &Plan, run: &Run, asked: &Asked) -> Result<Decision, Refusal> {
    match (&run.opened, &asked.command) {
        (None, Command::Open(_)) => {}
        (None, _) => return Err(Refusal::NotNow("the run is not open yet".to_owned())),
        (Some(_), _) if run.position == Position::Closed => return Err(Refusal::Closed),
        (Some(_), _) => {}
    }
    let mut draft = draft(plan, run, asked.at.clone());
    match &asked.command {
        Command::Open(opening) => choose::open(&mut draft, opening)?,
        Command::GetIn(access) => draft.push(Event::GotIn(access.clone())),
        Command::EnterRepair { guards, how } => choose::enter_repair(&mut draft, guards.as_ref(), how)?,
        Command::Begin(beginning) => begin::begin(&mut draft, beginning)?,
        Command::Finish(ending) => finish::finish(&mut draft, ending)?,
        Command::AlreadyDone { step, held, how } => choose::already_done(&mut draft, step, held, how)?,
        Command::Answer { step, answer, how, guards } => {
            answer::answer(&mut draft, step, (answer, how), guards.as_ref())?;
        }
        Command::Needs { step, needs } => by_hand::needs(&mut draft, step, needs)?,
        Command::ByHand(deed) => by_hand::by_hand(&mut draft, deed)?,
        Command::Conclude { step, answer, how, done } => {
            answer::conclude(&mut draft, step, (answer, how), done)?;
        }
        Command::Draft { step, draft: edit, how } => begin::draft_edit(&mut draft, step, edit, how)?,
        Command::Skip { step, reason } => choose::skip(&mut draft, step, reason)?,
        Command::Decide { attempt, choice, reason, how } => {
            choose::decide_attempt(&mut draft, attempt, *choice, reason, how)?;
        }
        Command::GoOn { reason, how } => choose::go_on(&mut draft, reason, how)?,
        Command::RepairAgain { reason, how } => choose::repair_again(&mut draft, reason, how)?,
        Command::Recover { attempt, evidence } => recover::recover(&mut draft, attempt, evidence)?,
        Command::TornTail { file, offset, bytes, kept_as } => draft.push(Event::Recovered {
            file: file.clone(),
            offset: *offset,
            bytes: *bytes,
            kept_as: kept_as.clone(),
        }),
        Command::Gap { attempt, what } => {
            draft.push(Event::RecordingGap { attempt: attempt.clone(), what: what.clone() });
        }
        Command::OpenShell { opening, guards } => shell::open(&mut draft, opening, guards.as_ref())?,
        Command::Type { shell, typed } => shell::typed(&mut draft, shell, typed)?,
        Command::Typed { shell, code } => shell::ended(&mut draft, shell, *code)?,
        Command::CloseShell { shell, facts, guards } => shell::close(&mut draft, shell, facts, guards.as_ref())?,
        Command::Note { text } => draft.push(Event::Noted { text: reason(text)?.to_owned() }),
        Command::Pause { why } => draft.push(Event::Paused { why: why.clone() }),
        Command::Close { outcome, reason } => close(&mut draft, *outcome, reason)?,
    }
    Ok(Decision { records: draft.records, effects: draft.effects })
}

/// Whether an attempt would be refused whatever is measured for it: asked before anything is measured or copied.
pub fn may_begin(plan: &Plan, run: &Run, beginning: &Beginning) -> Result<(), Refusal> {
    if run.position == Position::Closed {
        return Err(Refusal::Closed);
    }
    begin::ready(&draft(plan, run, Moment::default()), beginning).map(|_| ())
}

/// Whether a side shell would be refused whatever is measured for it.
pub fn may_open_shell(plan: &Plan, run: &Run, reason: &str) -> Result<(), Refusal> {
    if run.position == Position::Closed {
        return Err(Refusal::Closed);
    }
    shell::ready(&draft(plan, run, Moment::default()), reason)
}

fn draft<'a>(plan: &'a Plan, run: &'a Run, mut at: Moment) -> Draft<'a> {
    if at.boot == run.boot {
        at.boot = None;
    }
    Draft { plan, run, at, records: Vec::new(), effects: Vec::new() }
}

/// Closing a run; what it is closed as must be true.
fn close(draft: &mut Draft, outcome: Close, why: &str) -> Result<(), Refusal> {
    idle(draft.run)?;
    let fits = match (outcome, &draft.run.position) {
        (Close::Done, Position::AtEnd { nothing_to_repair }) => !nothing_to_repair,
        (Close::NothingToRepair, Position::AtEnd { nothing_to_repair }) => *nothing_to_repair,
        (Close::NothingToRepair, Position::EnterRepair) => all_is_well(draft),
        (Close::NotRepaired, _) => true,
        (Close::Preflight, _) => draft.run.mode() == Mode::Preflight,
        (Close::Done | Close::NothingToRepair, _) => false,
    };
    if !fits {
        let why = "it would not be true; this run can only be closed as not repaired, with a reason";
        return Err(Refusal::NotNow(why.to_owned()));
    }
    if outcome == Close::NotRepaired {
        reason(why)?;
    }
    draft.push(Event::RunClosed { outcome, reason: why.trim().to_owned() });
    Ok(())
}

/// Nothing was changed, and no look of diagnose found a fault or could not tell.
fn all_is_well(draft: &Draft) -> bool {
    let phase = |key: &Key| draft.plan.item(&key.id).map(|item| item.phase);
    let mut faults = draft.run.findings.iter().filter(|finding| finding.judged != Judged::Passed);
    !draft.run.is_changed() && !faults.any(|finding| phase(&finding.step) == Some(Phase::Diagnose))
}

/// Nothing runs, and no side shell is open.
fn idle(run: &Run) -> Result<(), Refusal> {
    if run.open_shell().is_some() {
        return Err(Refusal::NotNow("a side shell is open; end it first".to_owned()));
    }
    match run.running() {
        Some(attempt) => {
            Err(Refusal::StillRunning { step: attempt.intent.step.clone(), attempt: attempt.intent.attempt.clone() })
        }
        None => Ok(()),
    }
}

/// The run stands at this step, nothing runs, no guard is broken.
fn here(run: &Run, step: &Key) -> Result<(), Refusal> {
    sound(run)?;
    match &run.position {
        Position::Step { step: at } if at == step => Ok(()),
        position => Err(Refusal::NotHere { at: place(position), asked: step.clone() }),
    }
}

/// Nothing runs, and no guard is broken.
fn sound(run: &Run) -> Result<(), Refusal> {
    idle(run)?;
    if run.is_frozen() { Err(Refusal::Frozen) } else { Ok(()) }
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
