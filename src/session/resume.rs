//! Going on with a run after a crash, a lost line, or a pause: what is known of an open attempt is found out first,
//! and nothing is started for it.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use super::bundle::Bundle;
use super::open::Pieces;
use super::place::Place;
use super::stop::Stop;
use super::{Busy, Session, Trouble, ask, failed, journal_trouble};
use crate::engine::command::{Command, Ending, Evidence};
use crate::engine::record::{Record, Rerun};
use crate::engine::resolve::{Resolved, Resolver, Work};
use crate::engine::run::Attempt;
use crate::engine::{Exit, Plan, Run};
use crate::exec;
use crate::host;
use crate::journal::{self, Class, Evidence as Files, RunFolder, RunLock, SupLock, Writer};
use crate::load;
use crate::source::SourceFile;

/// How often a step that still runs is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is needed besides the run's own folder.
pub struct Again {
    pub folder: RunFolder,
    pub who: crate::engine::record::Who,
    /// Makes the surroundings of the commands, from the run as it was opened.
    pub place: Box<dyn FnOnce(&Run) -> Result<Place, Trouble>>,
    pub program: PathBuf,
}

/// The records of a run, checked; a damaged journal is an error with its exit code.
pub fn records(folder: &RunFolder) -> Result<(Vec<Record>, Class), Trouble> {
    let reading = journal::read(folder);
    let mut records = Vec::new();
    for line in reading.lines {
        let (epoch, seq) = (line.epoch, line.seq);
        let record = serde_json::from_value(serde_json::Value::Object(line.value));
        records.push(record.map_err(|error| failed(format!("record {epoch}-{seq} cannot be read: {error}"), Exit::Corrupt))?);
    }
    Ok((records, reading.class))
}

/// The runbook of a run, from its own bundle.
pub fn plan(bundle: &Bundle, id: &str) -> Result<Plan, Trouble> {
    let loaded = load::load(id, SourceFile::new("runbook.yaml", bundle.runbook()));
    let runbook = loaded.runbook.filter(|_| loaded.diagnostics.iter().all(|problem| !problem.is_error()));
    let runbook = runbook.ok_or_else(|| failed("the runbook in the bundle of this run cannot be read", Exit::InvalidRunbook))?;
    Ok(Plan::new(std::sync::Arc::new(runbook)))
}

/// Opens an interrupted run again.
pub fn resume(again: Again) -> Result<Session, Trouble> {
    let folder = again.folder;
    let lock = RunLock::try_lock(&folder, &super::open::holder(&again.who)).map_err(|error| journal_trouble(&error))?;
    let (records, class) = records(&folder)?;
    match &class {
        Class::Ok | Class::Torn { .. } => {}
        Class::Corrupt { .. } | Class::Fork { .. } | Class::RolledBack { .. } | Class::Unreadable { .. } => {
            return Err(failed(class.to_string(), exit_of(&class)));
        }
    }
    let run = Run::replay(folder.id(), &records);
    let opened = run.opened.clone().ok_or_else(|| failed("the run was never opened; there is nothing to go on with", Exit::Torn))?;
    if run.closed.is_some() {
        return Err(failed(format!("run {} is closed", run.id), Exit::Usage));
    }
    let mut bundle = Bundle::read(&folder.bundle()).map_err(|error| failed(ask::chain(&error), Exit::Corrupt))?;
    if bundle.digest() != opened.runbook.digest {
        return Err(failed("the bundle is not the one this run began with", Exit::Corrupt));
    }
    let plan = plan(&bundle, &opened.runbook.id)?;
    bundle.came_from(std::path::Path::new(&opened.cwd));
    let segments = folder.segments().map_err(|error| journal_trouble(&error))?;
    let newest = segments.last().ok_or_else(|| failed("the run has no journal", Exit::Corrupt))?;
    let (writer, recovered) = Writer::resume(&folder, &newest.path).map_err(|error| journal_trouble(&error))?;
    let file = newest.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let place = (again.place)(&run)?;
    let pieces = Pieces { plan, run, folder, writer, lock, bundle, place, program: again.program };
    let mut session = pieces.into_session();
    session.watch()?;
    session.sight = session.kept_sight("newest");
    if let Some(torn) = recovered.torn {
        let kept_as = torn.kept.display().to_string();
        let command = Command::TornTail { file, offset: torn.offset, bytes: torn.bytes, kept_as };
        session.commit(command)?;
    }
    session.find_out()?;
    Ok(session)
}

fn exit_of(class: &Class) -> Exit {
    Exit::ALL.iter().copied().find(|exit| exit.code() == class.exit_code()).unwrap_or(Exit::Corrupt)
}

impl Session {
    /// Finds out what became of the attempt that has an intent and no end.
    fn find_out(&mut self) -> Result<(), Trouble> {
        let Some(attempt) = self.run.running().cloned() else { return Ok(()) };
        let id = attempt.intent.attempt.clone();
        if attempt.intent.rerun == Rerun::Look {
            let why = "the screen was gone before its end".to_owned();
            return self.recover(&attempt, Evidence::Unknown { why, survivors: Vec::new() });
        }
        let resolved = self.resolved_again(&attempt)?;
        if !matches!(resolved.work, Work::Command(_)) {
            let why = "locum was gone in the middle of it; it can be gone again from the start".to_owned();
            return self.recover(&attempt, Evidence::Unknown { why, survivors: Vec::new() });
        }
        let files = self.evidence(&id)?;
        if exit_in(&files).is_some() {
            return self.settle_found(&attempt, resolved);
        }
        if SupLock::is_held(&files.lock()) {
            return self.attach(&attempt, resolved);
        }
        let here = host::clock::boot_id() == self.run.boot;
        match exec::read_evidence::<exec::Started>(&files.started()) {
            None if here => self.recover(&attempt, Evidence::NotStarted),
            started => {
                let survivors = if here { exec::survivors(&id.0) } else { Vec::new() };
                let survivors = survivors.iter().map(|left| format!("{} {}", left.pid, crate::text::plain(&left.command))).collect();
                let why = match (here, started) {
                    (false, _) => "the machine was started anew since, or this is another one",
                    (true, _) => "its supervisor is gone without a word",
                };
                self.recover(&attempt, Evidence::Unknown { why: why.to_owned(), survivors })
            }
        }
    }

    fn evidence(&self, attempt: &crate::engine::AttemptId) -> Result<Files, Trouble> {
        Files::at(&self.folder.sup(), &attempt.0).map_err(|error| journal_trouble(&error))
    }

    fn recover(&mut self, attempt: &Attempt, evidence: Evidence) -> Result<(), Trouble> {
        self.commit(Command::Recover { attempt: attempt.intent.attempt.clone(), evidence }).map(|_| ())
    }

    /// The step as it was when it began.
    fn resolved_again(&self, attempt: &Attempt) -> Result<Resolved, Trouble> {
        let resolver = Resolver::new(&self.plan, &self.run, Some(&attempt.intent.step));
        let undone = attempt.intent.undoes.as_ref().and_then(|undone| self.run.attempts.get(undone));
        let resolved = match undone {
            Some(undone) => resolver.way_back(undone),
            None => resolver.step(&attempt.intent.step),
        };
        resolved.map_err(|why| failed(why.to_string(), Exit::InvalidRunbook))
    }

    fn before_attempt(&self, attempt: &Attempt) -> Option<super::watch::Sight> {
        let named = attempt.intent.undoes.as_ref().unwrap_or(&attempt.intent.attempt);
        self.kept_sight(&named.to_string())
    }

    /// Its end is on disk: what it did is measured now, and the outcome recorded with where it was found.
    fn settle_found(&mut self, attempt: &Attempt, resolved: Resolved) -> Result<(), Trouble> {
        let files = self.evidence(&attempt.intent.attempt)?;
        let exit = exit_in(&files);
        let before = self.before_attempt(attempt);
        let task = self.task(resolved, attempt.intent.attempt.clone());
        task.settle_exit(exit.as_ref(), before);
        let settled = loop {
            match self.inbox.recv() {
                Ok(super::task::Msg::Settled(settled)) => break settled.map_err(|why| failed(why, Exit::Environment))?,
                Ok(_) => {}
                Err(_) => unreachable!("the session holds a sender"),
            }
        };
        let broken = settled.ending.guards.as_ref().is_some_and(|guards| !guards.broken.is_empty());
        let ending: Ending = settled.ending;
        self.recover(attempt, Evidence::Ended(Box::new(ending)))?;
        if let (Some(sight), false) = (settled.sight, broken) {
            self.keep_sight("newest", &sight)?;
            self.sight = Some(sight);
        }
        Ok(())
    }

    /// It still runs: wait for it as if it had been started here.
    fn attach(&mut self, attempt: &Attempt, resolved: Resolved) -> Result<(), Trouble> {
        let id = attempt.intent.attempt.clone();
        self.stop = Stop::default();
        let task = self.task(resolved, id.clone());
        let before = self.before_attempt(attempt);
        let files = self.evidence(&id)?;
        self.busy = Some(Busy::Running { attempt: id, step: attempt.intent.step.clone() });
        thread::spawn(move || {
            while exit_in(&files).is_none() && SupLock::is_held(&files.lock()) {
                thread::sleep(LOOK_EVERY);
            }
            let exit = exit_in(&files);
            task.settle_exit(exit.as_ref(), before);
        });
        Ok(())
    }
}

/// The end of a command, where its supervisor wrote it.
fn exit_in(files: &Files) -> Option<exec::Exit> {
    exec::read_evidence(&files.exit())
}
