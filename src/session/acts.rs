//! What a screen may do with a run.

use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::control::{Busy, Control, Edited, Editing, Handing, Notice, Trouble};
use super::stop::Stop;
use super::task::{AskDone, Msg};
use super::{Pending, Session, failed};
use crate::engine::command::{Answer, Choice, Command};
use crate::engine::record::{Close, Confirm, Does, Mode};
use crate::engine::resolve::{Resolved, Resolver, TargetLine, Work};
use crate::engine::{AttemptId, Exit, Key, Plan, Position, Refusal, Run};

impl Session {
    /// The step the run stands at.
    fn here(&self) -> Result<Key, Trouble> {
        match &self.run.position {
            Position::Step { step } => Ok(step.clone()),
            Position::Frozen { .. } => Err(Refusal::Frozen.into()),
            _ => Err(Refusal::NotNow("the run does not stand at a step".to_owned()).into()),
        }
    }

    /// Nothing goes on, and what would go on could be recorded.
    fn idle(&self) -> Result<(), Trouble> {
        if self.writer.is_suspect() {
            let message = "the journal could not be written, so nothing more is started; leave with q, then go on in another folder";
            return Err(failed(message, Exit::JournalNotWritable));
        }
        match &self.busy {
            None => Ok(()),
            Some(busy) => Err(Refusal::NotNow(format!("something goes on already: {busy:?}")).into()),
        }
    }

    pub(super) fn resolved(&self, key: &Key) -> Result<Resolved, Trouble> {
        let resolved = Resolver::new(&self.plan, &self.run, Some(key)).step(key);
        let resolved = resolved.map_err(|why| Trouble::Refused(Refusal::Unresolved { text: why.0 }))?;
        self.reachable(&resolved)?;
        Ok(resolved)
    }

    fn reachable(&self, resolved: &Resolved) -> Result<(), Trouble> {
        let in_words = |at: &TargetLine| self.place.goes_in_words(at);
        self.place.secrets.reach(resolved, &in_words).map_err(|fault| failed(fault.to_string(), Exit::PersonNeeded))?;
        self.place.reaches(resolved).map_err(|outside| failed(outside.to_string(), Exit::WrongTarget))
    }

    fn take(&mut self, msg: Msg) -> Result<(), Trouble> {
        match msg {
            Msg::Looked(ending) => {
                self.busy = None;
                self.commit(Command::Finish(ending)).map(|_| ())
            }
            Msg::Prepared(Ok(prepared)) => self.prepared(*prepared),
            Msg::Prepared(Err(why)) => {
                self.busy = None;
                self.pending = None;
                Err(failed(format!("{why}; nothing ran"), Exit::Environment))
            }
            Msg::Settling => {
                if let Some(Busy::Running { attempt, step }) = self.busy.clone() {
                    self.measured.begin();
                    self.busy = Some(Busy::Settling { attempt, step });
                    self.notices.push(Notice::Changed);
                }
                Ok(())
            }
            Msg::Settled(Ok(settled)) => self.settled(*settled),
            Msg::Settled(Err(why)) => {
                self.busy = None;
                Err(failed(why, Exit::Environment))
            }
            Msg::Held { step, how, held } => {
                self.busy = None;
                self.commit(Command::AlreadyDone { step, held, how }).map(|_| ())
            }
            Msg::Concluded { step, answer, how, done } => {
                self.busy = None;
                self.commit(Command::Conclude { step, answer, how, done }).map(|_| ())
            }
            Msg::Needs { step, needs } => {
                self.busy = None;
                self.commit(Command::Needs { step, needs }).map(|_| ())
            }
            Msg::Deeded(Ok(deeded)) => {
                self.busy = None;
                self.deeded(*deeded)
            }
            Msg::Deeded(Err(why)) => {
                self.busy = None;
                Err(failed(format!("{why}; how it ended is not recorded yet: answer once more"), Exit::Environment))
            }
            Msg::Entered { how, measured } => {
                self.busy = None;
                self.entered(how, measured)
            }
            Msg::ShellMeasured { shell, reason, measured } => self.shell_measured(&shell, reason, measured),
            Msg::ShellAsks { shell, question, tell } => {
                let verdict = self.judge(shell, question);
                // Whoever asked may not wait any more; then nothing runs.
                let _ = tell.send(verdict);
                Ok(())
            }
            Msg::ShellEnded => {
                self.shell_ended();
                Ok(())
            }
            Msg::ShellSettled(Ok(settled)) => self.shell_settled(*settled),
            Msg::ShellSettled(Err(why)) => {
                (self.busy, self.shell) = (None, None);
                Err(failed(why, Exit::Environment))
            }
            Msg::Said(text) => {
                self.notices.push(Notice::Said(self.place.secrets.redact(&text)));
                Ok(())
            }
        }
    }
}

impl Control for Session {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn run(&self) -> &Run {
        &self.run
    }

    fn busy(&self) -> Option<&Busy> {
        self.busy.as_ref()
    }

    fn measured(&self) -> u64 {
        self.measured.files()
    }

    fn output(&self, attempt: &AttemptId) -> Option<PathBuf> {
        let path = self.folder.blobs().join(format!("{attempt}.out"));
        path.exists().then_some(path)
    }

    fn poll(&mut self, wait: Duration) -> Result<Vec<Notice>, Trouble> {
        if self.notices.is_empty() {
            match self.inbox.recv_timeout(wait) {
                Ok(msg) => self.take(msg)?,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
        while let Ok(msg) = self.inbox.try_recv() {
            self.take(msg)?;
        }
        if let Some(Busy::Running { attempt, .. } | Busy::Looking { attempt, .. }) = &self.busy {
            self.notices.push(Notice::Output(attempt.clone()));
        }
        Ok(std::mem::take(&mut self.notices))
    }

    fn look(&mut self) -> Result<(), Trouble> {
        self.idle()?;
        let key = self.here()?;
        let resolved = self.resolved(&key)?;
        if resolved.does != Does::Look
            || matches!(resolved.work, Work::ByHand(_) | Work::Question { .. } | Work::Announce { .. })
        {
            return Err(Refusal::NotNow(format!("step `{key}` is not a look")).into());
        }
        let attempt = self.next_attempt();
        let beginning = self.beginning(&resolved, &attempt, &resolved.digest());
        self.stop = Stop::default();
        let mut task = self.task(resolved, attempt.clone());
        if let (Mode::Preflight, Work::Wait { at_most, hold, .. }) = (self.run.mode(), &mut task.resolved.work) {
            // It is asked once; who waits is the one who repairs.
            (*at_most, *hold) = (Duration::ZERO, Duration::ZERO);
        }
        self.commit(Command::Begin(Box::new(beginning)))?;
        self.busy = Some(Busy::Looking { attempt, step: key });
        self.beside.run(move || task.look());
        Ok(())
    }

    fn terminal(&self) -> Option<Handing> {
        self.handing()
    }

    fn begin_edit(&mut self) -> Result<Editing, Trouble> {
        self.idle()?;
        let resolved = self.resolved(&self.here()?)?;
        self.private_copy(&resolved)
    }

    fn end_edit(&mut self, content: Option<&Path>, how: &str) -> Result<Edited, Trouble> {
        self.idle()?;
        let resolved = self.resolved(&self.here()?)?;
        self.take_edit(&resolved, content, how)
    }

    fn announce(&mut self, shown: &str, confirm: Confirm) -> Result<(), Trouble> {
        self.idle()?;
        let key = self.here()?;
        let resolved = self.resolved(&key)?;
        let Work::Announce { to, .. } = &resolved.work else {
            return Err(Refusal::NotNow(format!("step `{key}` announces nothing")).into());
        };
        if let Some(missing) = to.iter().find(|name| !self.place.channels.contains_key(*name)) {
            let message = format!("there is no channel `{missing}` in your configuration; copy the text");
            return Err(Refusal::NotNow(message).into());
        }
        if to.is_empty() {
            return Err(Refusal::NotNow(format!("step `{key}` names no channel in `to`; copy the text")).into());
        }
        let attempt = self.next_attempt();
        let mut beginning = self.beginning(&resolved, &attempt, shown);
        beginning.confirm = Some(confirm);
        self.stop = Stop::default();
        let task = self.task(resolved, attempt.clone());
        self.commit(Command::Begin(Box::new(beginning)))?;
        self.busy = Some(Busy::Looking { attempt, step: key });
        self.beside.run(move || task.announce());
        Ok(())
    }

    fn change(&mut self, shown: &str, confirm: Confirm, again: Option<String>) -> Result<(), Trouble> {
        self.idle()?;
        let key = self.here()?;
        let resolved = self.resolved(&key)?;
        if resolved.does != Does::Change {
            return Err(Refusal::NotNow(format!("step `{key}` changes nothing")).into());
        }
        self.stop = Stop::default();
        let task = self.task(resolved, self.next_attempt());
        let ask_done = if again.is_some() { AskDone::No } else { AskDone::Yes };
        self.begin_change(Pending { task, shown: shown.to_owned(), confirm, again, undoes: None }, ask_done)
    }

    fn undo(&mut self, shown: &str, confirm: Confirm, again: Option<String>) -> Result<(), Trouble> {
        self.idle()?;
        let Some(attempt) = self.run.newest_way_back().cloned() else {
            return Err(Refusal::NoWayBack("nothing was changed that has one".to_owned()).into());
        };
        let way_back = Resolver::new(&self.plan, &self.run, Some(&attempt.intent.step)).way_back(&attempt);
        let resolved = way_back.map_err(|why| Trouble::Refused(Refusal::Unresolved { text: why.0 }))?;
        self.reachable(&resolved)?;
        self.stop = Stop::default();
        let task = self.task(resolved, self.next_attempt());
        let undoes = Some(attempt.intent.attempt.clone());
        self.begin_change(Pending { task, shown: shown.to_owned(), confirm, again, undoes }, AskDone::No)
    }

    fn already_done(&mut self, step: &Key, how: &str) -> Result<(), Trouble> {
        self.idle()?;
        self.stop = Stop::default();
        let task = self.task(self.resolved(step)?, self.next_attempt());
        self.busy = Some(Busy::Preparing { step: step.clone() });
        let how = how.to_owned();
        self.beside.run(move || task.ask_done(how));
        Ok(())
    }

    fn answer(&mut self, step: &Key, answer: Answer, how: &str) -> Result<(), Trouble> {
        self.idle()?;
        let resolved = self.resolved(step)?;
        if matches!(resolved.work, Work::Terminal(_)) {
            return self.conclude(resolved, answer, how);
        }
        if matches!(resolved.work, Work::ByHand(_)) && resolved.does == Does::Change {
            self.deed(resolved, answer, how);
            return Ok(());
        }
        self.commit(Command::Answer { step: step.clone(), answer, how: how.to_owned(), guards: None }).map(|_| ())
    }

    fn measure_needs(&mut self, step: &Key) -> Result<(), Trouble> {
        self.idle()?;
        self.ask_needs(step)
    }

    fn enter_repair(&mut self, how: &str) -> Result<(), Trouble> {
        self.idle()?;
        self.measure_entry(how)
    }

    fn skip(&mut self, step: &Key, reason: &str) -> Result<(), Trouble> {
        self.idle()?;
        self.commit(Command::Skip { step: step.clone(), reason: reason.to_owned() }).map(|_| ())
    }

    fn decide(&mut self, attempt: &AttemptId, choice: Choice, reason: &str, how: &str) -> Result<(), Trouble> {
        self.idle()?;
        let (attempt, reason, how) = (attempt.clone(), reason.to_owned(), how.to_owned());
        self.commit(Command::Decide { attempt, choice, reason, how }).map(|_| ())
    }

    fn go_on(&mut self, reason: &str, how: &str) -> Result<(), Trouble> {
        self.idle()?;
        self.commit(Command::GoOn { reason: reason.to_owned(), how: how.to_owned() }).map(|_| ())
    }

    fn repair_again(&mut self, reason: &str, how: &str) -> Result<(), Trouble> {
        self.idle()?;
        self.commit(Command::RepairAgain { reason: reason.to_owned(), how: how.to_owned() }).map(|_| ())
    }

    fn open_shell(&mut self, reason: &str) -> Result<(), Trouble> {
        self.idle()?;
        self.begin_shell(reason)
    }

    fn note(&mut self, text: &str) -> Result<(), Trouble> {
        self.commit(Command::Note { text: text.to_owned() }).map(|_| ())
    }

    fn close(&mut self, outcome: Close, reason: &str) -> Result<(), Trouble> {
        self.idle()?;
        self.commit(Command::Close { outcome, reason: reason.to_owned() }).map(|_| ())
    }

    fn cancel(&mut self) -> Result<(), Trouble> {
        self.stop.ask();
        Ok(())
    }
}
