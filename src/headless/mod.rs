//! The same session without a person: looks run, everything else wants an answer from a file.
//!
//! A missing answer ends it before anything of that step runs.

pub mod answers;
mod back;
pub mod decisions;
mod stops;

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use answers::{Answers, AnswersError, REPAIR, UNDO};
pub use decisions::{Decided, DecisionError, Decisions, Repeatable};

use crate::engine::command::Answer;
use crate::engine::position::StopReason;
use crate::engine::record::{Close, Confirm, Does, Judged, Mode};
use crate::engine::resolve::{ChoiceLine, Resolved, Resolver, Work};
use crate::engine::run::StepState;
use crate::engine::{Exit, Key, Position, SEND};
use crate::session::{Busy, Control, Edited, Notice, Trouble};
use crate::text::plain;

/// How long one wait for something to happen lasts.
const WAIT: Duration = Duration::from_millis(200);

/// How answers are recorded.
const HOW: &str = "answers-file";

/// Why a run without a person ended early.
#[derive(Debug, thiserror::Error)]
pub enum HeadlessError {
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// A signal came; what runs goes on without this process.
    #[error("interrupted; `locum resume` goes on with the run")]
    Interrupted,
    #[error("cannot write")]
    Write(#[from] io::Error),
}

/// A run driven by a file.
pub struct Headless<'a> {
    control: &'a mut dyn Control,
    answers: &'a Answers,
    decisions: Decisions,
    interrupted: Arc<AtomicBool>,
    out: &'a mut dyn Write,
}

impl<'a> Headless<'a> {
    pub fn new(control: &'a mut dyn Control, answers: &'a Answers, out: &'a mut dyn Write) -> Self {
        Self { control, answers, decisions: Decisions::default(), interrupted: Arc::default(), out }
    }

    /// With what a person decided beforehand.
    #[must_use]
    pub fn decided(mut self, decisions: Decisions) -> Self {
        self.decisions = decisions;
        self
    }

    /// With a flag that a signal sets.
    #[must_use]
    pub fn interrupted_by(mut self, flag: Arc<AtomicBool>) -> Self {
        self.interrupted = flag;
        self
    }

    /// Goes as far as the answers lead.
    pub fn run(&mut self) -> Result<Exit, HeadlessError> {
        // What still ran when the run was resumed.
        if let Some(Busy::Running { step, .. }) = self.control.busy().cloned() {
            self.say(&format!("{step}: still runs"))?;
            self.wait()?;
            self.told(&step)?;
        }
        loop {
            self.wait()?;
            let end = match self.control.run().position.clone() {
                Position::Step { step } => self.step(&step)?,
                Position::EnterRepair => self.enter()?,
                Position::NotRepaired => {
                    self.say("not repaired: not every step of verify holds; the run stays open")?;
                    Some(Exit::StepFailed)
                }
                Position::Stopped { by: StopReason::Unknown, step: Some(step) } => self.unknown(&step)?,
                Position::Stopped { by: StopReason::WayBack, step: Some(step) } => self.half_back(&step)?,
                Position::Stopped { by, step } => Some(self.stopped(by, step.as_ref())?),
                Position::Frozen { .. } => self.frozen()?,
                Position::AtEnd { nothing_to_repair } => {
                    let outcome = if nothing_to_repair { Close::NothingToRepair } else { Close::Done };
                    self.control.close(outcome, "")?;
                    None
                }
                Position::Closed => Some(self.closed()?),
            };
            if let Some(exit) = end {
                return Ok(exit);
            }
        }
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{}", plain(text))
    }

    /// Until nothing goes on.
    fn wait(&mut self) -> Result<(), HeadlessError> {
        while let Some(busy) = self.control.busy().cloned() {
            if self.interrupted.load(Ordering::SeqCst) {
                if let Busy::Running { step, .. } = busy {
                    self.say(&format!("{step}: goes on without this process"))?;
                }
                return Err(HeadlessError::Interrupted);
            }
            for notice in self.control.poll(WAIT)? {
                match notice {
                    Notice::AlreadyDone { step, held } => {
                        self.say(&format!("{step}: done already: {}", held.join("; ")))?;
                        self.control.already_done(&step, HOW)?;
                    }
                    Notice::Said(text) => self.say(&text)?,
                    Notice::Changed | Notice::Output(_) | Notice::HandOver => {}
                }
            }
        }
        Ok(())
    }

    fn step(&mut self, step: &Key) -> Result<Option<Exit>, HeadlessError> {
        let resolved = Resolver::new(self.control.plan(), self.control.run(), Some(step)).step(step);
        let resolved = match resolved {
            Ok(resolved) => resolved,
            Err(why) => {
                self.say(&format!("{step}: {why}"))?;
                return Ok(Some(Exit::PersonNeeded));
            }
        };
        let looks = matches!(resolved.work, Work::Test(_) | Work::Wait { .. });
        let answer = self.answers.get(step).map(str::to_owned);
        let (false, Some(answer)) = (looks, &answer) else {
            if looks {
                return self.look(step);
            }
            self.say(&format!("{step}: a person must decide: {}; nothing of this step ran", resolved.title))?;
            return Ok(Some(Exit::PersonNeeded));
        };
        match &resolved.work {
            Work::Terminal(_) => {
                self.say(&format!("{step}: a terminal needs a person in it; nothing of this step ran"))?;
                return Ok(Some(Exit::PersonNeeded));
            }
            Work::Edit { .. } => return self.edit(step, answer),
            Work::Command(_) => {
                if *self.control.run().state(step) == StepState::Passed {
                    self.say(&format!("{step}: it passed already; a person must decide"))?;
                    return Ok(Some(Exit::PersonNeeded));
                }
                let confirm = Confirm { how: HOW.to_owned(), text: answer.clone() };
                self.control.change(&resolved.digest(), confirm, None)?;
                self.wait()?;
                self.told(step)?;
            }
            Work::Announce { .. } => return self.announce(step, &resolved, answer),
            Work::ByHand(_) => {
                let measured = self.control.run().needs_of(step);
                let hold = !measured.is_empty() && measured.iter().all(|need| need.held);
                if resolved.does == Does::Change && !resolved.needs.is_empty() && !hold {
                    self.control.measure_needs(step)?;
                    self.wait()?;
                }
                self.control.answer(step, by_hand(answer), HOW)?;
            }
            Work::Question { choices, .. } => {
                let answer = question(answer, choices, !resolved.captures.is_empty());
                self.control.answer(step, answer, HOW)?;
            }
            Work::Test(_) | Work::Wait { .. } | Work::Restore => unreachable!("looks were taken before"),
        }
        Ok(None)
    }

    /// The answer is a file with the new content.
    fn edit(&mut self, step: &Key, answer: &str) -> Result<Option<Exit>, HeadlessError> {
        if *self.control.run().state(step) == StepState::Passed {
            self.say(&format!("{step}: it passed already; a person must decide"))?;
            return Ok(Some(Exit::PersonNeeded));
        }
        if self.control.end_edit(Some(std::path::Path::new(answer.trim())), HOW)? == Edited::Unchanged {
            let why = "the file has this content already; nothing was replaced";
            self.say(&format!("{step}: {why}"))?;
            self.control.skip(step, why)?;
            return Ok(None);
        }
        let resolved = Resolver::new(self.control.plan(), self.control.run(), Some(step)).step(step);
        let digest = resolved.map(|resolved| resolved.digest()).unwrap_or_default();
        self.control.change(&digest, Confirm { how: HOW.to_owned(), text: step.to_string() }, None)?;
        self.wait()?;
        self.told(step)?;
        Ok(None)
    }

    /// `send` goes through the channels. One that fails does not stop the repair: that nobody was told is said, and on record.
    fn announce(&mut self, step: &Key, resolved: &Resolved, answer: &str) -> Result<Option<Exit>, HeadlessError> {
        if answer.trim() != SEND {
            self.control.answer(step, by_hand(answer), HOW)?;
            return Ok(None);
        }
        let sent = self.control.announce(&resolved.digest(), Confirm { how: HOW.to_owned(), text: SEND.to_owned() });
        let why = match sent {
            Ok(()) => {
                self.wait()?;
                self.told(step)?;
                "not every channel took it".to_owned()
            }
            Err(Trouble::Refused(why)) => why.to_string(),
            Err(trouble) => return Err(trouble.into()),
        };
        if self.control.run().position == (Position::Step { step: step.clone() }) {
            self.say(&format!("{step}: not announced: {why}"))?;
            self.control.skip(step, &why)?;
        }
        Ok(None)
    }

    fn look(&mut self, step: &Key) -> Result<Option<Exit>, HeadlessError> {
        self.control.look()?;
        self.wait()?;
        let judged = self.told(step)?;
        let stands = self.control.run().position == Position::Step { step: step.clone() };
        // A look that cannot be told is not asked for ever.
        Ok((stands && judged != Some(Judged::Passed)).then_some(Exit::PersonNeeded))
    }

    /// Says how the newest attempt of a step ended.
    fn told(&mut self, step: &Key) -> Result<Option<Judged>, HeadlessError> {
        let end = self.control.run().newest_attempt(step).and_then(|attempt| attempt.end.clone());
        let Some(end) = end else { return Ok(None) };
        let verdict = end.judged.finding();
        let found = if end.found.is_empty() { String::new() } else { format!(": {}", end.found.join("; ")) };
        self.say(&format!("{step}: {verdict}{found}"))?;
        Ok(Some(end.judged))
    }

    fn enter(&mut self) -> Result<Option<Exit>, HeadlessError> {
        if self.control.run().mode() == Mode::Look {
            self.control.close(Close::NotRepaired, "looked only")?;
            return Ok(None);
        }
        let answer = self.answers.answers.get(REPAIR).map(|answer| answer.trim().to_owned());
        if answer.as_deref() == Some("enter") {
            self.control.enter_repair(HOW)?;
            return Ok(None);
        }
        self.say(
            "repair: a person must decide whether to enter it (`repair: enter` in the answers); nothing of it ran",
        )?;
        Ok(Some(Exit::PersonNeeded))
    }

    fn closed(&mut self) -> Result<Exit, HeadlessError> {
        let closed = self.control.run().closed.clone();
        let fault = self.control.run().findings.iter().any(|finding| finding.judged != Judged::Passed);
        let (words, exit) = match closed.map(|(close, ..)| close) {
            Some(Close::Done) => ("done", Exit::Done),
            Some(Close::NothingToRepair) => ("nothing to repair", Exit::Done),
            Some(Close::NotRepaired) | None if self.control.run().mode() == Mode::Look => {
                ("looked only", if fault { Exit::Findings } else { Exit::Done })
            }
            Some(Close::Preflight) => ("preflight", if fault { Exit::Findings } else { Exit::Done }),
            Some(Close::NotRepaired) | None => ("not repaired", Exit::StepFailed),
        };
        self.say(words)?;
        Ok(exit)
    }
}

/// What a written answer says about a deed by hand.
pub fn by_hand(text: &str) -> Answer {
    match text.trim() {
        "done" => Answer::Done,
        "could not" => Answer::CouldNot,
        other => Answer::Text(other.to_owned()),
    }
}

/// What a written answer says to a question.
pub fn question(text: &str, choices: &[ChoiceLine], wants_value: bool) -> Answer {
    let text = text.trim();
    if !choices.is_empty() {
        return Answer::Choice(text.to_owned());
    }
    match text {
        "yes" if !wants_value => Answer::Yes,
        "no" if !wants_value => Answer::No,
        other => Answer::Text(other.to_owned()),
    }
}
