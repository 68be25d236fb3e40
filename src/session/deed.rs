//! A deed by hand, as tasks beside the screen: what it needs is measured before the person is told to do it, what must
//! hold and the guards after the person said how it ended.

use super::ask::Purpose;
use super::control::{Busy, Trouble};
use super::stop::Stop;
use super::task::{Msg, Task, send};
use super::watch::Sight;
use super::{Session, failed};
use crate::engine::command::{Answer, Beginning, Command, Deed};
use crate::engine::record::Guards;
use crate::engine::resolve::Resolved;
use crate::engine::{Exit, Key, Refusal};

/// A deed with what was measured after it.
#[derive(Debug)]
pub struct Deeded {
    pub deed: Deed,
    pub sight: Option<Sight>,
}

impl Session {
    /// Measures what the deed at hand needs.
    pub(super) fn ask_needs(&mut self, step: &Key) -> Result<(), Trouble> {
        let resolved = self.resolved(step)?;
        if resolved.needs.is_empty() {
            return Err(Refusal::NotNow(format!("step `{step}` needs nothing that could be measured")).into());
        }
        self.stop = Stop::default();
        let task = self.task(resolved, self.next_attempt());
        self.busy = Some(Busy::Asking { step: step.clone() });
        self.beside.run(move || task.ask_needs());
        Ok(())
    }

    /// A deed by hand changes something, so everything is measured after it as after a command.
    pub(super) fn deed(&mut self, resolved: Resolved, answer: Answer, how: &str) {
        let attempt = self.next_attempt();
        let Beginning { target, cwd, step, .. } = self.beginning(&resolved, &attempt, "");
        self.stop = Stop::default();
        let deed = Deed { step, attempt, answer, how: how.to_owned(), target, cwd, done: Vec::new(), guards: None };
        let task = self.task(resolved, deed.attempt.clone());
        let before = self.sight.clone();
        self.measured.begin();
        self.busy = Some(Busy::Settling { attempt: deed.attempt.clone(), step: deed.step.clone() });
        self.beside.run(move || task.weigh_deed(deed, before.as_ref()));
    }

    /// Records a deed.
    pub(super) fn deeded(&mut self, deeded: Deeded) -> Result<(), Trouble> {
        let Deeded { deed, sight } = deeded;
        let broken = deed.guards.as_ref().is_some_and(|guards| !guards.broken.is_empty());
        self.remember(sight.as_ref())?;
        self.commit(Command::ByHand(Box::new(deed)))?;
        if let (Some(sight), false) = (sight, broken) {
            self.sight = Some(sight);
        }
        Ok(())
    }

    /// The gate before repair: everything is measured beside the screen, then the run goes in.
    pub(super) fn measure_entry(&mut self, how: &str) -> Result<(), Trouble> {
        if self.watch.is_empty() {
            return self.commit(Command::EnterRepair { guards: None, how: how.to_owned() }).map(|_| ());
        }
        self.stop = Stop::default();
        let (asker, watch, stop, to) =
            (self.asker(&self.next_attempt()), self.watch.clone(), self.stop.clone(), self.outbox.clone());
        let blob = self.folder.blobs().join(format!("{}.out", asker.belongs.attempt));
        // Whoever goes in again is held to what was there before.
        let before = self.sight.clone();
        let how = how.to_owned();
        self.measured.begin();
        self.busy = Some(Busy::Entering);
        self.beside.run(move || {
            let measured = asker.sight(&watch, &blob, &stop).and_then(|now| {
                let Some(now) = now else { return Ok(None) };
                let guards = watch.held_to(before.as_ref(), &now).map_err(|error| super::ask::chain(&error))?;
                Ok(Some((guards, now)))
            });
            send(&to, Msg::Entered { how, measured });
        });
        Ok(())
    }

    /// Goes into repair with what was measured.
    pub(super) fn entered(
        &mut self,
        how: String,
        measured: Result<Option<(Guards, Sight)>, String>,
    ) -> Result<(), Trouble> {
        let measured = measured.map_err(|why| failed(format!("{why}; nothing ran"), Exit::Environment))?;
        let (guards, sight) = measured.unzip();
        if guards.as_ref().is_some_and(|guards| guards.broken.is_empty()) {
            self.remember(sight.as_ref())?;
            self.sight = sight;
        }
        self.commit(Command::EnterRepair { guards, how }).map(|_| ())
    }
}

impl Task {
    fn ask_needs(self) {
        let needs = self.asker.all(&self.resolved.needs, &self.blob, Purpose::Needs, &self.stop);
        send(&self.to, Msg::Needs { step: self.resolved.key.clone(), needs });
    }

    fn weigh_deed(self, mut deed: Deed, before: Option<&Sight>) {
        if deed.answer == Answer::Done {
            deed.done = self.asker.all(&self.resolved.done_when, &self.blob, Purpose::After, &self.stop);
        }
        // Before repair was entered nothing was measured that could be compared with.
        let measured = before.map_or(Ok(None), |before| self.compared(before));
        let deeded = measured.map(|measured| {
            let (guards, sight) = measured.unzip();
            deed.guards = guards;
            Box::new(Deeded { deed, sight })
        });
        send(&self.to, Msg::Deeded(deeded));
    }

    fn compared(&self, before: &Sight) -> Result<Option<(Guards, Sight)>, String> {
        let Some(now) = self.asker.sight(&self.watch, &self.blob, &self.stop)? else { return Ok(None) };
        let guards = self.watch.compare(before, &now, &self.resolved.may_change, &self.resolved.at);
        Ok(Some((guards.map_err(|error| super::ask::chain(&error))?, now)))
    }
}
