//! The side shell: a person looks around, or does what the runbook does not say, on a terminal of its own under a
//! supervisor; each command is judged and on record before it runs, and the guards are measured when it ends.
//!
//! The shell asks through a [`Gate`]; its questions come as messages like everything else, so there is one decider and
//! one writer. While nobody holds the run, nothing new runs in it.

use std::path::PathBuf;
use std::sync::mpsc::channel;

use super::ask::{Asker, Wanted, chain, facts_of, measured};
use super::control::{Busy, Handing, Notice, Trouble};
use super::found::{Found, Whereabouts, found};
use super::resume::end_of;
use super::stop::Stop;
use super::task::{Msg, guards_after, send, watch_to_end};
use super::watch::{Sight, Watch};
use super::{Session, failed, journal_trouble};
use crate::engine::command::{Command, Typed};
use crate::engine::record::{EndResult, Facts, Guards, Judged, Mode, ShellOpening};
use crate::engine::resolve::Resolver;
use crate::engine::{AttemptId, Exit, Position, may_open_shell};
use crate::exec::{
    self, Answered, CommandSpec, Gate, Head, OnTimeout, Question, SideShell, Size, Supervised, SupervisorPlace,
    TerminalSpec,
};
use crate::journal::Evidence;
use crate::text::plain;

/// The gate of the shell that is open.
pub(super) struct Kept {
    _gate: Gate,
    door: PathBuf,
}

/// A side shell with its end, and what is measured now.
#[derive(Debug)]
pub struct ShellSettled {
    shell: AttemptId,
    facts: Facts,
    guards: Option<Guards>,
    sight: Option<Sight>,
}

/// What goes on beside the screen for a side shell.
struct ShellTask {
    shell: AttemptId,
    asker: Asker,
    watch: Watch,
    blob: PathBuf,
    stop: Stop,
    to: std::sync::mpsc::Sender<Msg>,
}

impl Session {
    /// What can be said before anything is measured, then the measure.
    pub(super) fn begin_shell(&mut self, reason: &str) -> Result<(), Trouble> {
        may_open_shell(&self.plan, &self.run, reason)?;
        let shell = self.next_attempt();
        self.stop = Stop::default();
        self.measured.begin();
        self.busy = Some(Busy::OpeningShell);
        let (task, before, reason) = (self.shell_task(&shell), self.sight.clone(), reason.to_owned());
        self.beside.run(move || {
            let measured = task.asker.sight(&task.watch, &task.blob, &task.stop).and_then(|now| {
                let Some(now) = now else { return Ok(None) };
                let guards = task.watch.held_to(before.as_ref(), &now).map_err(|error| chain(&error))?;
                Ok(Some((guards, now)))
            });
            send(&task.to, Msg::ShellMeasured { shell: task.shell, reason, measured });
        });
        Ok(())
    }

    fn shell_task(&self, shell: &AttemptId) -> ShellTask {
        ShellTask {
            shell: shell.clone(),
            asker: self.asker(shell),
            watch: self.watch.clone(),
            blob: self.folder.blobs().join(format!("{shell}.out")),
            stop: self.stop.clone(),
            to: self.outbox.clone(),
        }
    }

    /// Opens it: supervised, on record, told to go.
    pub(super) fn shell_measured(
        &mut self,
        shell: &AttemptId,
        reason: String,
        measured: Result<Option<(Guards, Sight)>, String>,
    ) -> Result<(), Trouble> {
        self.busy = None;
        let measured = measured.map_err(|why| failed(format!("{why}; no side shell was opened"), Exit::Environment))?;
        let (guards, sight) = measured.unzip();
        if guards.as_ref().is_some_and(|guards| !guards.broken.is_empty()) {
            let opening = Box::new(ShellOpening { shell: shell.clone(), reason, ..ShellOpening::default() });
            return self.commit(Command::OpenShell { opening, guards }).map(|_| ());
        }
        if let Some(sight) = &sight {
            self.keep_sight(&shell.to_string(), sight)?;
            self.remember(Some(sight))?;
        }
        let files = Evidence::prepare(&self.folder, &shell.0).map_err(|error| journal_trouble(&error))?;
        let (spec, opening) = self.shell_spec(shell, &reason, &files)?;
        let task = self.shell_task(shell);
        let place = SupervisorPlace {
            lock: files.lock(),
            started: files.started(),
            exit: files.exit(),
            blob: task.blob.clone(),
        };
        let kept = self.keep_gate(shell, &files)?;
        let supervised = exec::supervise(&self.program, &spec, &place, &self.place.secrets.redaction(&[]));
        let mut supervised = supervised.map_err(|error| failed(chain(&error), Exit::Environment))?;
        let command = Command::OpenShell { opening: Box::new(opening), guards };
        let went = self.commit_and(command, |effects| {
            if effects.is_empty() {
                return Ok(());
            }
            supervised.go().map_err(|error| failed(chain(&error), Exit::Environment))
        });
        if let Err(trouble) = went {
            // Whether GO was heard is in what the supervisor leaves behind.
            let _ = supervised.abandon();
            let boot = self.run.boot.clone();
            let _ = self.find_shell(boot.as_deref());
            return Err(trouble);
        }
        self.sight.clone_from(&sight);
        self.shell = Some(kept);
        self.busy = Some(Busy::Shell);
        self.notices.push(Notice::HandOver);
        self.beside.run(move || task.carry(supervised, sight));
        Ok(())
    }

    /// The shell as it will run, and as it goes on record.
    fn shell_spec(
        &self,
        shell: &AttemptId,
        reason: &str,
        files: &Evidence,
    ) -> Result<(CommandSpec, ShellOpening), Trouble> {
        // The hooks of the shell start this program by its name.
        let exe = std::fs::canonicalize(&self.program).map_err(|error| {
            failed(format!("the program that would record it was replaced or moved: {error}"), Exit::Environment)
        })?;
        let not_on = self.elsewhere();
        let (host, account) = (crate::host::actor::host(), crate::host::actor::account());
        let drill = self.run.mode() == Mode::Drill;
        let head = Head {
            host: host.clone(),
            account: account.clone(),
            run: self.run.id.clone(),
            drill,
            not_on: not_on.clone(),
        };
        let kind = exec::shell_here(&self.place.environment, &self.place.cwd);
        let side = SideShell { shell: kind, exe, gate: exec::gate_of(&files.lock()), head };
        let rc = files.lock().with_extension("rc");
        super::keep::write_private(&rc, side.rc().as_bytes())
            .map_err(|error| failed(format!("cannot write `{}`: {error}", rc.display()), Exit::JournalNotWritable))?;
        let spec = self.beside_the_steps(side.argv(&rc), shell);
        let env = spec.env.keys().cloned().collect();
        let cwd = spec.cwd.display().to_string();
        let argv = spec.argv.clone();
        let opening = ShellOpening {
            shell: shell.clone(),
            reason: plain(reason),
            host,
            account,
            not_on,
            argv,
            env,
            cwd,
            step: None,
        };
        Ok((spec, opening))
    }

    /// On this machine, and given nothing that a step alone is given.
    fn beside_the_steps(&self, argv: Vec<String>, shell: &AttemptId) -> CommandSpec {
        let mut env = self.place.environment.clone();
        env.extend(self.asker(shell).belongs.environment());
        // What is typed is read as it stands: no key of the user's own means something else.
        env.insert("INPUTRC".to_owned(), "/dev/null".to_owned());
        let terminal = TerminalSpec { size: Size::default(), marker: "side shell".to_owned() };
        let spec = CommandSpec::new(argv, env, &self.place.cwd);
        CommandSpec { terminal: Some(terminal), on_timeout: OnTimeout::Warn, ..spec }
    }

    /// The machine that the step at hand is about, where it is not this one.
    fn elsewhere(&self) -> Option<String> {
        let (Position::Step { step } | Position::Stopped { step: Some(step), .. }) = &self.run.position else {
            return None;
        };
        let resolved = Resolver::new(&self.plan, &self.run, Some(step)).step(step).ok()?;
        (!resolved.at.is_here()).then(|| plain(&resolved.at.host))
    }

    fn keep_gate(&self, shell: &AttemptId, files: &Evidence) -> Result<Kept, Trouble> {
        let (to, shell) = (self.outbox.clone(), shell.clone());
        let answer = move |question| {
            let (tell, told) = channel();
            send(&to, Msg::ShellAsks { shell: shell.clone(), question, tell });
            told.recv().unwrap_or_else(|_| Answered::Refused("the run was left; nothing ran".to_owned()))
        };
        let gate = Gate::keep(&exec::gate_of(&files.lock()), answer);
        let gate =
            gate.map_err(|error| failed(format!("cannot keep the gate of the shell: {error}"), Exit::Environment))?;
        Ok(Kept { _gate: gate, door: exec::knock_at(&files.lock()) })
    }

    /// Judges and records what was typed. What cannot be recorded does not run.
    pub(super) fn judge(&mut self, shell: AttemptId, question: Question) -> Answered {
        if self.writer.is_suspect() {
            return Answered::Refused(
                "the journal could not be written, so nothing can be recorded; nothing ran".to_owned(),
            );
        }
        let typed = match question {
            Question::Line(text) => Typed::Line(text),
            Question::Command(text) => Typed::Inner(text),
            Question::Ended(code) => {
                let _ = self.commit(Command::Typed { shell, code });
                return Answered::Go;
            }
        };
        match self.commit(Command::Type { shell: shell.clone(), typed }) {
            Ok(effects) if !effects.is_empty() => Answered::Go,
            Ok(_) => {
                let newest = self.run.shell(&shell).and_then(|shell| shell.commands.last());
                let why = newest.and_then(|command| command.refused.clone());
                Answered::Refused(why.unwrap_or_else(|| "it is refused; nothing ran".to_owned()))
            }
            Err(Trouble::Refused(refusal)) => Answered::Refused(refusal.to_string()),
            Err(Trouble::Failed { message, .. }) => {
                Answered::Refused(format!("it cannot be recorded ({message}); nothing ran"))
            }
        }
    }

    /// The way into the shell that is open.
    pub(super) fn shell_handing(&self) -> Option<Handing> {
        let (kept, open) = (self.shell.as_ref()?, self.run.open_shell()?);
        let elsewhere = open.opening.not_on.as_ref();
        let elsewhere = elsewhere.map_or_else(String::new, |other| format!(", and NOT {other}"));
        let note = format!(
            "this is {} as {}{elsewhere}; each command is on record before it runs, and is a deviation; exit ends it",
            open.opening.host, open.opening.account
        );
        Some(Handing { door: kept.door.clone(), what: "the side shell".to_owned(), note: Some(note) })
    }

    /// It has ended: what it did to the guards is measured.
    pub(super) fn shell_ended(&mut self) {
        self.shell = None;
        self.measured.begin();
        self.busy = Some(Busy::ClosingShell);
        self.notices.push(Notice::Changed);
    }

    pub(super) fn shell_settled(&mut self, settled: ShellSettled) -> Result<(), Trouble> {
        (self.busy, self.shell) = (None, None);
        let ShellSettled { shell, facts, guards, sight } = settled;
        let broken = guards.as_ref().is_some_and(|guards| !guards.broken.is_empty());
        self.remember(sight.as_ref())?;
        let measured = guards.is_some();
        self.commit(Command::CloseShell { shell: shell.clone(), facts: Box::new(facts), guards })?;
        if let (Some(sight), false) = (sight, broken) {
            self.sight = Some(sight);
        }
        let count = self.run.shell(&shell).map_or(0, |shell| shell.ran().count());
        let guards = match (measured, broken) {
            (_, true) => "A GUARD IS BROKEN",
            (true, false) => "the guards hold",
            (false, false) => "nothing is guarded",
        };
        let commands = if count == 1 { "1 command".to_owned() } else { format!("{count} commands") };
        self.notices.push(Notice::Said(format!("the side shell has ended: {commands}, each a deviation; {guards}")));
        Ok(())
    }

    /// A shell that was open when the screen ended: it goes on, or its end is found and what it did is measured.
    pub(super) fn find_shell(&mut self, intended: Option<&str>) -> Result<(), Trouble> {
        let Some(open) = self.run.open_shell() else { return Ok(()) };
        let shell = open.opening.shell.clone();
        self.found_open = Some(shell.clone());
        let files = Evidence::at(&self.folder.sup(), &shell.0).map_err(|error| journal_trouble(&error))?;
        let before = self.kept_sight(&shell.to_string())?;
        self.stop = Stop::default();
        let task = self.shell_task(&shell);
        let facts = match found(&files, &shell, intended, &Whereabouts::here()) {
            Found::Running => {
                self.shell = Some(self.keep_gate(&shell, &files)?);
                self.busy = Some(Busy::Shell);
                self.beside.run(move || match end_of(&files, &task.stop) {
                    Ok(exit) => {
                        let facts = task.facts(exit.as_ref());
                        task.settle(facts, before);
                    }
                    Err(why) => send(&task.to, Msg::ShellSettled(Err(why))),
                });
                return Ok(());
            }
            Found::Ended(exit) => task.facts(Some(&exit)),
            Found::NotStarted => Facts::new(EndResult::NotStarted, Judged::Unknown),
            Found::Lost { why, survivors } => {
                Facts { found: vec![why.to_owned()], leftover: survivors, ..measured(Judged::Unknown) }
            }
        };
        task.settle(facts, before);
        loop {
            match self.inbox.recv() {
                Ok(Msg::ShellSettled(settled)) => {
                    return self.shell_settled(*settled.map_err(|why| failed(why, Exit::Environment))?);
                }
                Ok(_) => {}
                Err(_) => unreachable!("the session holds a sender"),
            }
        }
    }
}

impl ShellTask {
    /// While it is open, and after it.
    fn carry(self, mut supervised: Supervised, before: Option<Sight>) {
        let exit = watch_to_end(&mut supervised, &self.stop, &self.to);
        let facts = self.facts(exit.ok().as_ref());
        self.settle(facts, before);
    }

    /// How it ended; nothing that it printed is judged.
    fn facts(&self, exit: Option<&exec::Exit>) -> Facts {
        let Some(exit) = exit else {
            let left = exec::survivors(&self.shell.0).into_iter();
            let leftover = left.map(|left| format!("{} {}", left.pid, plain(&left.command))).collect();
            let found = vec!["its supervisor is gone without a word".to_owned()];
            return Facts { leftover, found, ..measured(Judged::Unknown) };
        };
        let mut facts = facts_of(exit, &self.blob, &Wanted::NOTHING);
        (facts.judged, facts.matched) = (Judged::Unknown, Vec::new());
        facts.found.clear();
        facts
    }

    fn settle(self, facts: Facts, before: Option<Sight>) {
        send(&self.to, Msg::ShellEnded);
        let mut facts = facts;
        let after = guards_after((&self.asker, &self.watch), (&self.blob, &self.stop), before, &[]);
        let settled = after.map(|(guards, sight, why)| {
            facts.found.extend(why);
            Box::new(ShellSettled { shell: self.shell.clone(), facts, guards, sight })
        });
        send(&self.to, Msg::ShellSettled(settled));
    }
}
