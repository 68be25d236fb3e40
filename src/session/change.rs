//! A change, from its confirmation to its end: measured, copied, recorded, told to go.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::ask::measured;
use super::bundle::Bundle;
use super::control::{Busy, Notice, Trouble};
use super::task::{AskDone, Prepared, Settled, Task};
use super::{Pending, Session, failed};
use crate::engine::command::{Beginning, Command, Effect};
use crate::engine::record::{Judged, Target};
use crate::engine::resolve::{CommandLine, Resolved, UndoLine, Via, Work};
use crate::engine::{AttemptId, Exit, may_begin};
use crate::exec::{self, Armed, CommandSpec, OnTimeout, Over, SupervisorPlace};
use crate::journal::Evidence;

/// How long a line is waited for that a change may cut by itself.
const LINE_COMES_BACK: Duration = Duration::from_mins(10);

impl Session {
    pub(super) fn beginning(&self, resolved: &Resolved, attempt: &AttemptId, shown: &str) -> Beginning {
        let belongs =
            super::place::Belongs { run: self.run.id.clone(), epoch: self.run.epoch, attempt: attempt.to_string() };
        let (env, cwd) = match self.line_of(resolved) {
            Some(line) => {
                let spec = self.place.at(&resolved.at).change(&line, &belongs);
                let mut names: Vec<_> = spec.env.into_keys().chain(line.secrets.env.into_keys()).collect();
                names.sort_unstable();
                names.dedup();
                (names, spec.cwd)
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
            target: self.whereabouts(resolved),
            env,
            cwd: cwd.display().to_string(),
            needs: Vec::new(),
            guards: None,
            way_back: None,
        }
    }

    /// The place as it is wanted. This machine says at once which one it is; another one is asked just before a change.
    fn whereabouts(&self, resolved: &Resolved) -> Target {
        let at = &resolved.at;
        if at.name.is_empty() {
            return Target { want: self.place.host.clone(), got: crate::host::actor::host(), by: "uname".to_owned() };
        }
        let hosts = resolved.on.iter().map(|one| one.at.host.as_str()).collect::<Vec<_>>().join(", ");
        let want = if resolved.on.is_empty() { at.host.clone() } else { hosts };
        let got = if at.is_here() && at.prove.is_none() { crate::host::actor::host() } else { String::new() };
        let by = if got.is_empty() { "not asked" } else { "uname" };
        Target { want, got, by: by.to_owned() }
    }

    /// Refuses early what would be refused anyway, so that nothing is measured or copied for it.
    fn would_refuse(&self, beginning: &Beginning) -> Result<(), Trouble> {
        Ok(may_begin(&self.plan, &self.run, beginning)?)
    }

    pub(super) fn begin_change(&mut self, pending: Pending, ask_done: AskDone) -> Result<(), Trouble> {
        let mut beginning = self.beginning(&pending.task.resolved, &pending.task.attempt, &pending.shown);
        beginning.confirm = Some(pending.confirm.clone());
        beginning.again.clone_from(&pending.again);
        beginning.undoes.clone_from(&pending.undoes);
        self.would_refuse(&beginning)?;
        self.measured.begin();
        self.busy = Some(Busy::Preparing { step: pending.task.resolved.key.clone() });
        let task = pending.task.clone();
        let before = if pending.undoes.is_some() { None } else { self.sight.clone() };
        self.pending = Some(pending);
        self.beside.run(move || task.prepare(before.as_ref(), ask_done));
        Ok(())
    }

    pub(super) fn prepared(&mut self, prepared: Prepared) -> Result<(), Trouble> {
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
        if let Some(target) = prepared.target {
            task.resolved.at.is_proved(&target)?;
            beginning.target = target;
        }
        if let Some(sight) = &prepared.sight {
            self.keep_sight(&task.attempt.to_string(), sight)?;
            self.remember(Some(sight))?;
        }
        let before = self.before_of(&beginning, prepared.sight)?;
        self.tell_rewritten()?;
        match &task.resolved.work {
            Work::Command(_) | Work::Terminal(_) | Work::Edit { .. } => self.supervise(task, beginning, before),
            Work::Restore => self.restore(task, beginning, before),
            Work::ByHand(_) => self.undone_by_hand(task, beginning, before),
            Work::Test(_) | Work::Wait { .. } | Work::Question { .. } | Work::Announce { .. } => {
                unreachable!("only changes are prepared")
            }
        }
    }

    /// The runbook in the repository may change while a run goes on: the run keeps to what was confirmed, and says so.
    fn tell_rewritten(&mut self) -> Result<(), Trouble> {
        let Some(path) = self.bundle.rewritten().first().map(|path| path.display().to_string()) else { return Ok(()) };
        let text = format!("`{path}` was changed since this run began; the run goes on with the copy it began with");
        if self.run.remarks.iter().any(|remark| remark.text == text) {
            return Ok(());
        }
        self.commit(Command::Note { text: text.clone() })?;
        self.notices.push(Notice::Said(text));
        Ok(())
    }

    /// What the guards are compared with afterwards: for a way back, what was there before the change it undoes.
    fn before_of(
        &self,
        beginning: &Beginning,
        now: Option<super::watch::Sight>,
    ) -> Result<Option<super::watch::Sight>, Trouble> {
        match &beginning.undoes {
            Some(undone) => self.kept_sight(&undone.to_string()),
            None => Ok(now),
        }
    }

    /// The command of a step, where it has one; an edit is one of this program.
    fn line_of(&self, resolved: &Resolved) -> Option<CommandLine> {
        match &resolved.work {
            Work::Edit { path, draft } => Some(self.replacing(&resolved.at, path, draft.as_ref()?)),
            _ => command_of(resolved).cloned(),
        }
    }

    fn supervise(
        &mut self,
        task: Task,
        beginning: Beginning,
        before: Option<super::watch::Sight>,
    ) -> Result<(), Trouble> {
        let Some(line) = self.line_of(&task.resolved) else { return Ok(()) };
        let files = Evidence::prepare(&self.folder, &task.attempt.0).map_err(|error| super::journal_trouble(&error))?;
        let place = &task.asker.place;
        let spec = match &task.resolved.work {
            Work::Terminal(_) => place.terminal(&line, &task.asker.belongs, &task.resolved.key.to_string()),
            _ => place.change(&line, &task.asker.belongs),
        };
        let terminal = spec.terminal.is_some();
        let spec = self.armed(spec, &task, &files);
        let spec = over_the_line(spec, &task);
        let place = SupervisorPlace {
            lock: files.lock(),
            started: files.started(),
            exit: files.exit(),
            blob: task.blob.clone(),
        };
        let redaction = self.place.secrets.redaction(&task.resolved.captures);
        let supervised = exec::supervise(&self.program, &spec, &place, &redaction);
        let mut supervised = supervised.map_err(|error| failed(super::ask::chain(&error), Exit::Environment))?;
        let (bundle, kept) = (Arc::clone(&self.bundle), self.folder.bundle());
        let went = self.commit_and(Command::Begin(Box::new(beginning)), |effects| {
            if effects.is_empty() {
                return Ok(());
            }
            still_the_same(&bundle, &kept)?;
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
        if terminal {
            self.notices.push(Notice::HandOver);
        }
        self.say_armed();
        self.beside.run(move || task.carry(supervised, before));
        Ok(())
    }

    /// The command of a step with its dead man: what still runs when the time is up is ended, and its way back is gone.
    fn armed(&self, spec: CommandSpec, task: &Task, files: &Evidence) -> CommandSpec {
        let (Some(after), UndoLine::Command(line)) = (task.resolved.armed, &task.resolved.undo) else { return spec };
        if task.resolved.at.via == Via::Ssh {
            let back = task.asker.place.armed_there(line, &task.asker.belongs, after);
            let mut spec = CommandSpec { timeout: None, on_timeout: OnTimeout::Warn, ..spec };
            Over::amend(&mut spec, |over| {
                over.armed = Some(back);
                over.patience = Some(after + LINE_COMES_BACK);
            });
            return spec;
        }
        let undo = task.asker.place.change(line, &task.asker.belongs);
        let undo = CommandSpec { timeout: None, on_timeout: OnTimeout::Warn, ..undo };
        let blob = self.folder.blobs().join(format!("{}.back.out", task.attempt));
        let armed = Armed { undo, after, verdict: files.verdict(), blob };
        CommandSpec { timeout: Some(after), on_timeout: OnTimeout::Kill, armed: Some(Box::new(armed)), ..spec }
    }

    /// Says how the step that runs is kept from going back by itself.
    pub(super) fn say_armed(&mut self) {
        let Some((attempt, armed)) = self.run.running().and_then(|one| Some((one, one.intent.armed.as_ref()?))) else {
            return;
        };
        let over_ssh = self.resolved(&attempt.intent.step).is_ok_and(|resolved| resolved.at.via == Via::Ssh);
        let how = if over_ssh { "Keep it over a NEW line" } else { "Keep it from a NEW login" };
        let words = format!(
            "ARMED: `{}` goes back by itself {} s after it began. {how}: locum confirm {} {}",
            attempt.intent.step,
            armed.after_s,
            self.run.id,
            super::confirm::code(&attempt.intent.attempt)
        );
        self.notices.push(Notice::Said(words));
    }

    fn restore(
        &mut self,
        mut task: Task,
        beginning: Beginning,
        before: Option<super::watch::Sight>,
    ) -> Result<(), Trouble> {
        let undone = beginning.undoes.clone();
        still_the_same(&self.bundle, &self.folder.bundle())?;
        let effects = self.commit(Command::Begin(Box::new(beginning)))?;
        let (Some(undone), true) = (undone, effects.contains(&Effect::Go(task.attempt.clone()))) else { return Ok(()) };
        task.copy = self.folder.copies().join(undone.to_string());
        self.busy = Some(Busy::Running { attempt: task.attempt.clone(), step: task.resolved.key.clone() });
        self.beside.run(move || task.put_back(before));
        Ok(())
    }

    fn undone_by_hand(
        &mut self,
        task: Task,
        beginning: Beginning,
        before: Option<super::watch::Sight>,
    ) -> Result<(), Trouble> {
        self.commit(Command::Begin(Box::new(beginning)))?;
        self.busy = Some(Busy::Settling { attempt: task.attempt.clone(), step: task.resolved.key.clone() });
        self.beside.run(move || task.settle(measured(Judged::Passed), before));
        Ok(())
    }

    pub(super) fn settled(&mut self, settled: Settled) -> Result<(), Trouble> {
        self.busy = None;
        self.end(settled, |ending| Command::Finish(Box::new(ending)))
    }
}

/// What stands in here for a command over ssh says besides what it knows, and waits no longer than is worth it.
fn over_the_line(mut spec: CommandSpec, task: &Task) -> CommandSpec {
    Over::amend(&mut spec, |over| {
        over.told = Some(task.there.clone());
        if task.resolved.may_disconnect {
            over.patience.get_or_insert(LINE_COMES_BACK);
        }
    });
    spec
}

/// The files that commands call, and what the run keeps, are still what it began with.
fn still_the_same(bundle: &Bundle, kept: &Path) -> Result<(), Trouble> {
    bundle.still_the_same().map_err(|error| failed(super::ask::chain(&error), Exit::NotTrusted))?;
    bundle.is_kept_in(kept).map_err(|error| failed(super::ask::chain(&error), Exit::Corrupt))
}

/// The command of a step, where it has one.
fn command_of(resolved: &Resolved) -> Option<&crate::engine::resolve::CommandLine> {
    use crate::engine::resolve::TestLine;
    match &resolved.work {
        Work::Command(line)
        | Work::Terminal(line)
        | Work::Test(TestLine::Command(line))
        | Work::Wait { test: TestLine::Command(line), .. } => Some(line),
        Work::Test(TestLine::Probe(_))
        | Work::Wait { test: TestLine::Probe(_), .. }
        | Work::Restore
        | Work::ByHand(_)
        | Work::Question { .. }
        | Work::Edit { .. }
        | Work::Announce { .. } => None,
    }
}
