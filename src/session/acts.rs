//! What a screen may do with a run.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;

use super::ask::{Purpose, measured};
use super::bundle::Bundle;
use super::control::{Busy, Control, Notice, Trouble};
use super::stop::Stop;
use super::task::{AskDone, Msg, Prepared, Settled, Task};
use super::{Pending, Session, failed};
use crate::engine::command::{Answer, Beginning, Choice, Command, Deed, Effect};
use crate::engine::record::{Guards, Close, Confirm, Does, Judged, Target};
use crate::engine::resolve::{Resolved, Resolver, Work};
use crate::engine::{AttemptId, Exit, Key, Plan, Position, Refusal, Run};
use crate::exec::{self, SupervisorPlace};
use crate::journal::Evidence;

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
            let message = "the journal could not be written, so nothing more is started; `locum resume` goes on once it can be";
            return Err(failed(message, Exit::JournalNotWritable));
        }
        match &self.busy {
            None => Ok(()),
            Some(busy) => Err(Refusal::NotNow(format!("something goes on already: {busy:?}")).into()),
        }
    }

    fn resolved(&self, key: &Key) -> Result<Resolved, Trouble> {
        let resolved = Resolver::new(&self.plan, &self.run, Some(key)).step(key);
        let resolved = resolved.map_err(|why| Trouble::Refused(Refusal::Unresolved { text: why.0 }))?;
        self.reachable(&resolved)?;
        Ok(resolved)
    }

    fn reachable(&self, resolved: &Resolved) -> Result<(), Trouble> {
        self.place.reaches(resolved).map_err(|outside| failed(outside.to_string(), Exit::WrongTarget))
    }

    fn beginning(&self, resolved: &Resolved, attempt: &AttemptId, shown: &str) -> Beginning {
        let belongs = super::place::Belongs { run: self.run.id.clone(), epoch: self.run.epoch, attempt: attempt.to_string() };
        let (env, cwd) = match command_of(resolved) {
            Some(line) => {
                let spec = self.place.change(line, &belongs);
                (spec.env.into_keys().collect(), spec.cwd)
            }
            None => (Vec::new(), self.place.cwd.clone()),
        };
        Beginning {
            step: resolved.key.clone(),
            attempt: attempt.clone(),
            undoes: None,
            shown: shown.to_owned(),
            confirm: None,
            again: None,
            target: Target { want: self.place.host.clone(), got: crate::host::actor::host(), by: "uname".to_owned() },
            env,
            cwd: cwd.display().to_string(),
            needs: Vec::new(),
            guards: None,
            way_back: None,
        }
    }

    /// Refuses early what would be refused anyway, so that nothing is measured or copied for it.
    fn would_refuse(&self, beginning: &Beginning) -> Result<(), Trouble> {
        let asked = crate::engine::Asked { at: self.clock.moment(), command: Command::Begin(Box::new(beginning.clone())) };
        crate::engine::decide(&self.plan, &self.run, &asked)?;
        Ok(())
    }

    fn begin_change(&mut self, pending: Pending, ask_done: AskDone) -> Result<(), Trouble> {
        let mut beginning = self.beginning(&pending.task.resolved, &pending.task.attempt, &pending.shown);
        beginning.confirm = Some(pending.confirm.clone());
        beginning.again.clone_from(&pending.again);
        beginning.undoes.clone_from(&pending.undoes);
        self.would_refuse(&beginning)?;
        self.busy = Some(Busy::Preparing { step: pending.task.resolved.key.clone() });
        let task = pending.task.clone();
        let before = if pending.undoes.is_some() { None } else { self.sight.clone() };
        self.pending = Some(pending);
        thread::spawn(move || task.prepare(before.as_ref(), ask_done));
        Ok(())
    }

    fn prepared(&mut self, prepared: Prepared) -> Result<(), Trouble> {
        let Some(pending) = self.pending.take() else { return Ok(()) };
        self.busy = None;
        if !prepared.done.is_empty() && prepared.done.iter().all(|test| test.held) {
            let held = prepared.done.iter().map(|test| test.what.clone()).collect();
            self.notices.push(Notice::AlreadyDone { step: pending.task.resolved.key.clone(), held });
            return Ok(());
        }
        let task = pending.task;
        let mut beginning = self.beginning(&task.resolved, &task.attempt, &pending.shown);
        beginning.confirm = Some(pending.confirm);
        beginning.again = pending.again;
        beginning.undoes = pending.undoes;
        beginning.needs = prepared.needs;
        beginning.guards = prepared.guards;
        beginning.way_back = prepared.way_back;
        if let Some(sight) = &prepared.sight {
            self.keep_sight(&task.attempt.to_string(), sight)?;
        }
        let before = self.before_of(&beginning, prepared.sight);
        match &task.resolved.work {
            Work::Command(_) => self.supervise(task, beginning, before),
            Work::Restore => self.restore(task, beginning, before),
            Work::ByHand(_) => self.undone_by_hand(task, beginning, before),
            Work::Test(_) | Work::Wait { .. } | Work::Question { .. } => unreachable!("only changes are prepared"),
        }
    }

    /// What the guards are compared with afterwards: for a way back, what was there before the change it undoes.
    fn before_of(&self, beginning: &Beginning, now: Option<super::watch::Sight>) -> Option<super::watch::Sight> {
        match &beginning.undoes {
            Some(undone) => self.kept_sight(&undone.to_string()),
            None => now,
        }
    }

    fn supervise(&mut self, task: Task, beginning: Beginning, before: Option<super::watch::Sight>) -> Result<(), Trouble> {
        let Some(line) = command_of(&task.resolved) else { return Ok(()) };
        let spec = self.place.change(line, &task.asker.belongs);
        let files = Evidence::prepare(&self.folder, &task.attempt.0).map_err(|error| super::journal_trouble(&error))?;
        let place = SupervisorPlace { lock: files.lock(), started: files.started(), exit: files.exit(), blob: task.blob.clone() };
        let supervised = exec::supervise(&self.program, &spec, &place, &[]);
        let mut supervised = supervised.map_err(|error| failed(super::ask::chain(&error), Exit::Environment))?;
        let bundle = Arc::clone(&self.bundle);
        let went = self.commit_and(Command::Begin(Box::new(beginning)), |effects| {
            if effects.is_empty() {
                return Ok(());
            }
            still_the_same(&bundle)?;
            supervised.go().map_err(|error| failed(super::ask::chain(&error), Exit::Environment))
        });
        let went = match went {
            Ok(effects) => !effects.is_empty(),
            Err(trouble) => {
                // Whether GO was heard is in what the supervisor leaves behind.
                let _ = supervised.abandon();
                let boot = self.run.boot.clone();
                let _ = self.find_out(boot.as_deref());
                return Err(trouble);
            }
        };
        if !went {
            let _ = supervised.abandon();
            return Ok(());
        }
        self.busy = Some(Busy::Running { attempt: task.attempt.clone(), step: task.resolved.key.clone() });
        thread::spawn(move || task.carry(supervised, before));
        Ok(())
    }

    fn restore(&mut self, mut task: Task, beginning: Beginning, before: Option<super::watch::Sight>) -> Result<(), Trouble> {
        let undone = beginning.undoes.clone();
        still_the_same(&self.bundle)?;
        let effects = self.commit(Command::Begin(Box::new(beginning)))?;
        let (Some(undone), true) = (undone, effects.contains(&Effect::Go(task.attempt.clone()))) else { return Ok(()) };
        task.copy = self.folder.copies().join(undone.to_string());
        let strays = self.folder.copies().join(format!("{}.strays", task.attempt));
        self.busy = Some(Busy::Running { attempt: task.attempt.clone(), step: task.resolved.key.clone() });
        thread::spawn(move || task.restore(&strays, before));
        Ok(())
    }

    fn undone_by_hand(&mut self, task: Task, beginning: Beginning, before: Option<super::watch::Sight>) -> Result<(), Trouble> {
        self.commit(Command::Begin(Box::new(beginning)))?;
        self.busy = Some(Busy::Settling { attempt: task.attempt.clone(), step: task.resolved.key.clone() });
        thread::spawn(move || task.settle(measured(Judged::Passed), before));
        Ok(())
    }

    pub(super) fn settled(&mut self, settled: Settled) -> Result<(), Trouble> {
        self.busy = None;
        self.end(settled, |ending| Command::Finish(Box::new(ending)))
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
            Msg::Said(text) => {
                self.notices.push(Notice::Said(text));
                Ok(())
            }
        }
    }

    /// Measures all guards now, for no attempt.
    fn look_around(&self) -> Result<Option<super::watch::Sight>, String> {
        let attempt = self.next_attempt().to_string();
        let belongs = super::place::Belongs { run: self.run.id.clone(), epoch: self.run.epoch, attempt: attempt.clone() };
        let asker = super::ask::Asker { place: self.place.clone(), belongs, program: self.program.clone() };
        asker.sight(&self.watch, &self.folder.blobs().join(attempt), &Stop::default())
    }

    /// A deed by hand changes something, so everything is measured around it as around a command.
    fn deed(&mut self, resolved: Resolved, answer: Answer, how: &str) -> Result<(), Trouble> {
        let attempt = self.next_attempt();
        let Beginning { target, cwd, .. } = self.beginning(&resolved, &attempt, "");
        self.stop = Stop::default();
        let task = self.task(resolved, attempt.clone());
        let needs = task.asker.all(&task.resolved.needs, &task.blob, Purpose::Needs, &task.stop);
        let done_when: &[_] = if answer == Answer::Done { &task.resolved.done_when } else { &[] };
        let done = task.asker.all(done_when, &task.blob, Purpose::After, &task.stop);
        let measured = self.guards_after_hand(&task.resolved.may_change)?;
        let (guards, sight) = measured.unzip();
        let broken = guards.as_ref().is_some_and(|guards| !guards.broken.is_empty());
        let step = task.resolved.key.clone();
        let deed = Deed { step, attempt, answer, how: how.to_owned(), target, cwd, needs, done, guards };
        self.commit(Command::ByHand(Box::new(deed)))?;
        if let (Some(sight), false) = (sight, broken) {
            self.keep_sight("newest", &sight)?;
            self.sight = Some(sight);
        }
        Ok(())
    }

    /// What a person did to the guards; nothing before repair was entered.
    fn guards_after_hand(&self, may_change: &[String]) -> Result<Option<(Guards, super::watch::Sight)>, Trouble> {
        let Some(before) = &self.sight else { return Ok(None) };
        let Some(now) = self.look_around().map_err(|why| failed(why, Exit::Environment))? else { return Ok(None) };
        let guards = self.watch.compare(before, &now, may_change);
        let guards = guards.map_err(|error| failed(super::ask::chain(&error), Exit::Environment))?;
        Ok(Some((guards, now)))
    }
}

/// The files that commands call are still those that the run began with.
fn still_the_same(bundle: &Bundle) -> Result<(), Trouble> {
    bundle.still_the_same().map_err(|error| failed(super::ask::chain(&error), Exit::NotTrusted))
}

/// The command of a step, where it has one.
fn command_of(resolved: &Resolved) -> Option<&crate::engine::resolve::CommandLine> {
    use crate::engine::resolve::TestLine;
    match &resolved.work {
        Work::Command(line) | Work::Test(TestLine::Command(line)) | Work::Wait { test: TestLine::Command(line), .. } => Some(line),
        Work::Test(TestLine::Probe(_))
        | Work::Wait { test: TestLine::Probe(_), .. }
        | Work::Restore
        | Work::ByHand(_)
        | Work::Question { .. } => None,
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
        if resolved.does != Does::Look || matches!(resolved.work, Work::ByHand(_) | Work::Question { .. }) {
            return Err(Refusal::NotNow(format!("step `{key}` is not a look")).into());
        }
        let attempt = self.next_attempt();
        let beginning = self.beginning(&resolved, &attempt, &resolved.digest());
        self.stop = Stop::default();
        let task = self.task(resolved, attempt.clone());
        self.commit(Command::Begin(Box::new(beginning)))?;
        self.busy = Some(Busy::Looking { attempt, step: key });
        thread::spawn(move || task.look());
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

    fn undo(&mut self, shown: &str, confirm: Confirm) -> Result<(), Trouble> {
        self.idle()?;
        let Some(attempt) = self.run.newest_way_back().cloned() else {
            return Err(Refusal::NoWayBack("nothing was changed that has one".to_owned()).into());
        };
        let resolver = Resolver::new(&self.plan, &self.run, Some(&attempt.intent.step));
        let resolved = resolver.way_back(&attempt).map_err(|why| Trouble::Refused(Refusal::Unresolved { text: why.0 }))?;
        self.reachable(&resolved)?;
        self.stop = Stop::default();
        let task = self.task(resolved, self.next_attempt());
        let undoes = Some(attempt.intent.attempt.clone());
        self.begin_change(Pending { task, shown: shown.to_owned(), confirm, again: None, undoes }, AskDone::No)
    }

    fn already_done(&mut self, step: &Key, how: &str) -> Result<(), Trouble> {
        self.idle()?;
        self.stop = Stop::default();
        let task = self.task(self.resolved(step)?, self.next_attempt());
        self.busy = Some(Busy::Preparing { step: step.clone() });
        let how = how.to_owned();
        thread::spawn(move || task.ask_done(how));
        Ok(())
    }

    fn answer(&mut self, step: &Key, answer: Answer, how: &str) -> Result<(), Trouble> {
        self.idle()?;
        let resolved = self.resolved(step)?;
        if matches!(resolved.work, Work::ByHand(_)) && resolved.does == Does::Change {
            return self.deed(resolved, answer, how);
        }
        self.commit(Command::Answer { step: step.clone(), answer, how: how.to_owned(), guards: None }).map(|_| ())
    }

    fn enter_repair(&mut self, how: &str) -> Result<(), Trouble> {
        self.idle()?;
        let mut guards = None;
        if !self.watch.is_empty() {
            let sight = self.look_around().map_err(|why| failed(format!("{why}; nothing ran"), Exit::Environment))?;
            if let Some(sight) = sight {
                guards = Some(sight.guards());
                self.keep_sight("newest", &sight)?;
                self.sight = Some(sight);
            }
        }
        self.commit(Command::EnterRepair { guards, how: how.to_owned() }).map(|_| ())
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
