//! Where a run without a person stands still: what was decided beforehand, or which code it ends with.

use std::io;

use super::decisions::Decided;
use super::{Headless, HeadlessError};
use crate::engine::command::Choice;
use crate::engine::position::StopReason;
use crate::engine::record::{Confirm, EndResult};
use crate::engine::resolve::Resolver;
use crate::engine::{AttemptId, Exit, Key};

impl Headless<'_> {
    /// Nobody knows how it ended: what was decided about it, or else a person must decide.
    pub(super) fn unknown(&mut self, step: &Key) -> Result<Option<Exit>, HeadlessError> {
        let Some((id, decided)) = self.decided_now() else {
            let exit = self.stopped(StopReason::Unknown, Some(step))?;
            self.how_to_decide()?;
            return Ok(Some(exit));
        };
        self.control.decide(&id, decided.choice, &decided.reason, decided.how)?;
        self.say(&format!("{step}: decided ({}): {}", decided.how, decided.choice.word()))?;
        Ok((decided.choice == Choice::Abort).then_some(Exit::StoppedByOperator))
    }

    /// What was decided beforehand about the attempt that the run stands at.
    fn decided_now(&mut self) -> Option<(AttemptId, Decided)> {
        let attempt = self.control.run().at_stop()?;
        let decided = self.decisions.take(attempt)?;
        Some((attempt.intent.attempt.clone(), decided))
    }

    fn how_to_decide(&mut self) -> io::Result<()> {
        let run = self.control.run();
        let Some(attempt) = run.at_stop() else { return Ok(()) };
        let words = format!(
            "when it is known: locum resume {} --headless --answers FILE --decide {}=done|run-again|abort --reason TEXT",
            run.id, attempt.intent.attempt
        );
        self.say(&words)
    }

    /// A way back that did not bring everything back: what was decided about it, or else a person must decide. To run it
    /// again is to confirm it once more.
    pub(super) fn half_back(&mut self, step: &Key) -> Result<Option<Exit>, HeadlessError> {
        let Some(decided) = self.decided_now() else {
            let exit = self.stopped(StopReason::WayBack, Some(step))?;
            self.how_to_decide()?;
            return Ok(Some(exit));
        };
        self.back_as_decided(step, decided)
    }

    fn back_as_decided(
        &mut self,
        step: &Key,
        (id, decided): (AttemptId, Decided),
    ) -> Result<Option<Exit>, HeadlessError> {
        self.say(&format!("{step}: the way back: decided ({}): {}", decided.how, decided.choice.word()))?;
        if decided.choice != Choice::RunAgain {
            self.control.decide(&id, decided.choice, &decided.reason, decided.how)?;
            return Ok((decided.choice == Choice::Abort).then_some(Exit::StoppedByOperator));
        }
        let run = self.control.run();
        let Some(back) = run.newest_way_back() else { return Ok(Some(Exit::PersonNeeded)) };
        let resolved = Resolver::new(self.control.plan(), run, Some(step)).way_back(back);
        let resolved = match resolved {
            Ok(resolved) => resolved,
            Err(why) => {
                self.say(&format!("{step}: {why}"))?;
                return Ok(Some(Exit::PersonNeeded));
            }
        };
        let confirm = Confirm { how: decided.how.to_owned(), text: resolved.confirm_word.clone() };
        self.control.undo(&resolved.digest(), confirm, Some(decided.reason))?;
        self.wait()?;
        Ok(None)
    }

    pub(super) fn stopped(&mut self, by: StopReason, step: Option<&Key>) -> Result<Exit, HeadlessError> {
        let why = self.control.run().why.clone().unwrap_or_default();
        let place = step.map_or_else(|| "stopped".to_owned(), ToString::to_string);
        self.say(&format!("{place}: stopped: {why}"))?;
        if by == StopReason::OfferUndo && self.control.run().newest_way_back().is_some() {
            let words = format!("the runbook says to go back: locum undo {}", self.control.run().id);
            self.say(&words)?;
        }
        let timed_out =
            step.and_then(|step| self.control.run().newest_attempt(step)).and_then(|attempt| attempt.end.as_ref());
        let timed_out = timed_out.is_some_and(|end| end.result == EndResult::TimedOut);
        Ok(match by {
            StopReason::Unknown if timed_out => Exit::TimedOut,
            StopReason::Unknown | StopReason::NameNotKnown | StopReason::TooManyVisits | StopReason::Undone => {
                Exit::PersonNeeded
            }
            StopReason::StepFailed => Exit::StepFailed,
            StopReason::WayBack => self.control.run().way_back_exit(),
            StopReason::Runbook | StopReason::OfferUndo => Exit::StoppedByRunbook,
        })
    }

    /// A guard is broken: nothing runs but the way back, where somebody decided that it is gone again.
    pub(super) fn frozen(&mut self) -> Result<Option<Exit>, HeadlessError> {
        if let Some(decided) = self.decided_now() {
            let step = self.control.run().attempts[&decided.0].intent.step.clone();
            return self.back_as_decided(&step, decided);
        }
        self.say("a guard is broken; nothing runs but the way back, and that needs a person:")?;
        let changed = self.control.run().broken.as_ref().map(|broken| broken.changed.clone()).unwrap_or_default();
        for change in changed {
            self.say(&format!("  {}: {} {} -> {}", change.path, change.what, change.before, change.after))?;
        }
        Ok(Some(Exit::GuardBroken))
    }
}
