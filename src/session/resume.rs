//! Going on with a run after a crash, a lost line, or a pause: what is known of an open attempt is found out first,
//! and nothing is started for it.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::ask::Purpose;
use super::bundle::Bundle;
use super::found::{Found, Whereabouts, exit_in, found};
use super::open::Pieces;
use super::place::Place;
use super::stop::Stop;
use super::task::{Msg, Settled, Task};
use super::{Busy, Session, Trouble, ask, failed, journal_trouble};
use crate::engine::command::{Command, Ending, Evidence};
use crate::engine::position::StopReason;
use crate::engine::record::{Does, Event, Facts, Judged, Record, Rerun};
use crate::engine::resolve::{Resolved, Resolver, Via, Work};
use crate::engine::run::Attempt;
use crate::engine::{AttemptId, Exit, Plan, Position, Run};
use crate::exec::{self, Leftover, Started};
use crate::journal::{self, Class, Evidence as Files, RunFolder, RunLock, SupLock, Writer, read_evidence};
use crate::load;
use crate::source::SourceFile;
use crate::text::plain;
use crate::text::shell::single_quote;

/// How long, after the time of an armed way back, its machine is asked how that ended.
const IS_BACK_AT_MOST: Duration = Duration::from_mins(10);

/// How often a step that still runs is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How many looks in a row may fail before it is said that nothing can be seen.
const BLIND: u32 = 50;

/// Makes the place of the commands of a run, or says why there is none any more.
pub type MakePlace = Box<dyn FnOnce(&Run, &Plan) -> Result<Place, Trouble>>;

/// What is needed besides the run's own folder.
pub struct Again {
    pub folder: RunFolder,
    pub who: crate::engine::record::Who,
    /// Makes the surroundings of the commands, from the run as it was opened.
    pub place: MakePlace,
    pub program: PathBuf,
    /// Where it was, where it goes on in another folder than it began.
    pub from: Option<PathBuf>,
}

/// The records of a run, checked; a damaged journal is an error with its exit code.
pub fn records(folder: &RunFolder) -> Result<(Vec<Record>, Class), Trouble> {
    let reading = journal::read(folder);
    let mut records = Vec::new();
    for line in reading.lines {
        let (epoch, seq) = (line.epoch, line.seq);
        let record = serde_json::from_value(serde_json::Value::Object(line.value));
        records.push(
            record.map_err(|error| failed(format!("record {epoch}-{seq} cannot be read: {error}"), Exit::Corrupt))?,
        );
    }
    Ok((records, reading.class))
}

/// The runbook of a run, from its own bundle.
pub fn plan(bundle: &Bundle, id: &str) -> Result<Plan, Trouble> {
    let other = |id: &str| Some(SourceFile::new(format!("{id}.yaml"), bundle.included_text(id)?));
    let loaded = load::load_with(id, SourceFile::new("runbook.yaml", bundle.runbook()), &other);
    let runbook = loaded.runbook.filter(|_| loaded.diagnostics.iter().all(|problem| !problem.is_error()));
    let runbook =
        runbook.ok_or_else(|| failed("the runbook in the bundle of this run cannot be read", Exit::InvalidRunbook))?;
    Ok(Plan::new(std::sync::Arc::new(runbook)))
}

/// Opens an interrupted run again.
pub fn resume(again: Again) -> Result<Session, Trouble> {
    let folder = again.folder;
    if let Some(to) = folder.moved_to() {
        let state = to.parent().and_then(Path::parent).unwrap_or(&to).display().to_string();
        let help = format!("help: locum resume {} --state {}", folder.id(), single_quote(&state));
        return Err(failed(format!("run {} went on in `{}`\n{help}", folder.id(), to.display()), Exit::Fenced));
    }
    let lock = RunLock::try_lock(&folder, &super::open::holder(&again.who)).map_err(|error| journal_trouble(&error))?;
    let (records, class) = records(&folder)?;
    match &class {
        Class::Ok | Class::Torn { .. } => {}
        Class::Corrupt { .. } | Class::Fork { .. } | Class::RolledBack { .. } | Class::Unreadable { .. } => {
            return Err(failed(class.to_string(), class.exit()));
        }
    }
    let run = Run::replay(folder.id(), &records);
    let opened = run
        .opened
        .clone()
        .ok_or_else(|| failed("the run was never opened; there is nothing to go on with", Exit::Torn))?;
    if run.closed.is_some() {
        return Err(failed(format!("run {} is closed", run.id), Exit::Usage));
    }
    let mut bundle = Bundle::read(&folder.bundle()).map_err(|error| failed(ask::chain(&error), Exit::Corrupt))?;
    if bundle.digest() != opened.runbook.digest {
        return Err(failed("the bundle is not the one this run began with", Exit::Corrupt));
    }
    let plan = plan(&bundle, &opened.runbook.id)?;
    let place = (again.place)(&run, &plan)?;
    let open = super::open::open_texts(&bundle, &opened.who, &place, opened.mode);
    let told = place.secrets.open_texts(open);
    told.map_err(|fault| failed(format!("{fault}; nothing ran"), Exit::Usage))?;
    bundle.came_from(Path::new(&opened.cwd));
    let segments = folder.segments().map_err(|error| journal_trouble(&error))?;
    let newest = segments.last().ok_or_else(|| failed("the run has no journal", Exit::Corrupt))?;
    let (writer, recovered) = Writer::resume(&folder, &newest.path).map_err(|error| journal_trouble(&error))?;
    let writer = match &again.from {
        Some(_) => Writer::create(&folder, writer.epoch() + 1, &again.who.claimed, &again.who.host)
            .map_err(|error| journal_trouble(&error))?,
        None => writer,
    };
    let epoch = writer.epoch();
    let file = newest.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let intended = boot_of_open_attempt(&run, &records);
    let shell_boot = boot_of_open_shell(&records);
    let pieces = Pieces { plan, run, folder, writer, lock, bundle, place, program: again.program };
    let mut session = pieces.into_session()?;
    if epoch > session.run.epoch {
        session.run.begin_epoch(epoch);
    }
    if let Some(from) = again.from {
        let what =
            format!("nothing could be written any more in `{}`; the journal goes on in another folder", from.display());
        session.commit(Command::Gap { attempt: None, what })?;
    }
    if let Some(torn) = recovered.torn {
        let kept_as = torn.kept.display().to_string();
        let command = Command::TornTail { file, offset: torn.offset, bytes: torn.bytes, kept_as };
        session.commit(command)?;
    }
    session.watch()?;
    session.sight = session.newest_sight(&records)?;
    session.find_out(intended.as_deref())?;
    session.weigh_unknown()?;
    session.find_shell(shell_boot.as_deref())?;
    Ok(session)
}

/// The boot in which the attempt that has no end was intended. The newest record may be of a later one.
fn boot_of_open_attempt(run: &Run, records: &[Record]) -> Option<String> {
    let attempt = run.running()?;
    let epoch = attempt.intent.attempt.epoch().unwrap_or(run.epoch);
    let until = records.iter().take_while(|record| (record.epoch, record.seq) <= (epoch, attempt.seq));
    until.filter_map(|record| record.at.boot.clone()).last()
}

/// The boot in which the newest side shell was opened.
fn boot_of_open_shell(records: &[Record]) -> Option<String> {
    let opened = records.iter().rposition(|record| matches!(record.event, Event::ShellOpened(_)))?;
    records[..=opened].iter().filter_map(|record| record.at.boot.clone()).next_back()
}

impl Session {
    /// What is guarded is compared with the newest measure that is on record and broke nothing.
    fn newest_sight(&self, records: &[Record]) -> Result<Option<super::watch::Sight>, Trouble> {
        let whole = records.iter().rev().find_map(|record| match &record.event {
            Event::GuardsBefore { guards, .. } | Event::GuardsAfter { guards, .. } if guards.broken.is_empty() => {
                Some(guards)
            }
            _ => None,
        });
        let Some(guards) = whole else { return Ok(None) };
        let sight = self.kept_sight(&guards.digest)?.filter(|sight| sight.guards().digest == guards.digest);
        sight.map(Some).ok_or_else(|| {
            failed("the measure of what must not change is damaged, so nothing can be compared with it", Exit::Corrupt)
        })
    }

    /// Finds out what became of the attempt that has an intent and no end.
    pub(super) fn find_out(&mut self, intended: Option<&str>) -> Result<(), Trouble> {
        let Some(attempt) = self.run.running().cloned() else {
            self.end_orphans();
            return Ok(());
        };
        let id = attempt.intent.attempt.clone();
        if attempt.intent.rerun == Rerun::Look {
            let why = "the screen was gone before its end".to_owned();
            let left = self.end_orphans();
            let survivors = left.iter().map(|left| format!("{} {}", left.pid, plain(&left.command))).collect();
            return self.recover(&attempt, Evidence::Unknown { why, survivors });
        }
        let resolved = self.resolved_again(&attempt)?;
        if !matches!(resolved.work, Work::Command(_) | Work::Terminal(_) | Work::Edit { .. }) {
            let why = "locum ended in the middle of it; going back can begin again from the start".to_owned();
            return self.recover(&attempt, Evidence::Unknown { why, survivors: Vec::new() });
        }
        match found(&self.evidence(&id)?, &id, intended, &Whereabouts::here()) {
            Found::Ended(exit) => self.settle_found(&attempt, resolved, &exit),
            Found::Running => self.attach(&attempt, resolved),
            Found::NotStarted => self.recover(&attempt, Evidence::NotStarted),
            Found::Lost { .. } if is_kept_there(&resolved) => self.find_there(&attempt, resolved),
            Found::Lost { why, survivors } => {
                let back = if attempt.intent.armed.is_some() {
                    "; nor is it known whether it went back by itself"
                } else {
                    ""
                };
                self.recover(&attempt, Evidence::Unknown { why: format!("{why}{back}"), survivors })
            }
        }
    }

    /// Looks that were cut off with their screen, and tests around a step that never began, have nobody to report to.
    /// They are ended; what cannot be is given.
    fn end_orphans(&self) -> Vec<Leftover> {
        let looks = |attempt: &str| {
            let is_shell = self.run.shell(&AttemptId(attempt.to_owned())).is_some();
            !is_shell
                && self
                    .run
                    .attempts
                    .get(&AttemptId(attempt.to_owned()))
                    .is_none_or(|known| known.intent.rerun == Rerun::Look)
        };
        exec::end_orphans(&self.run.id, &looks, exec::GRACE)
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
        let again = match undone {
            Some(undone) => resolver.way_back(undone),
            None => resolver.step(&attempt.intent.step),
        };
        again.map_err(|why| failed(why.to_string(), Exit::InvalidRunbook))
    }

    fn before_attempt(&self, attempt: &Attempt) -> Result<Option<super::watch::Sight>, Trouble> {
        let named = attempt.intent.undoes.as_ref().unwrap_or(&attempt.intent.attempt);
        self.kept_sight(&named.to_string())
    }

    /// Its end is on disk: what it did is measured now, and the outcome recorded with where it was found.
    fn settle_found(&mut self, attempt: &Attempt, resolved: Resolved, exit: &exec::Exit) -> Result<(), Trouble> {
        let before = self.before_attempt(attempt)?;
        let task = self.task(resolved, attempt.intent.attempt.clone());
        task.settle_exit(Some(exit), lost(), before);
        let settled = loop {
            match self.inbox.recv() {
                Ok(Msg::Settled(settled)) => break settled.map_err(|why| failed(why, Exit::Environment))?,
                Ok(_) => {}
                Err(_) => unreachable!("the session holds a sender"),
            }
        };
        self.end(*settled, |ending| Command::Recover {
            attempt: ending.attempt.clone(),
            evidence: Evidence::Ended(Box::new(ending)),
        })
    }

    /// It still runs: wait for it as if it had been started here.
    fn attach(&mut self, attempt: &Attempt, resolved: Resolved) -> Result<(), Trouble> {
        let id = attempt.intent.attempt.clone();
        self.stop = Stop::default();
        let task = self.task(resolved, id.clone());
        let before = self.before_attempt(attempt)?;
        let files = self.evidence(&id)?;
        self.busy = Some(Busy::Running { attempt: id, step: attempt.intent.step.clone() });
        self.say_armed();
        self.beside.run(move || match end_of(&files, &task.stop) {
            Ok(exit) => task.settle_exit(exit.as_ref(), lost(), before),
            Err(why) => super::task::send(&task.to, Msg::Settled(Err(why))),
        });
        Ok(())
    }

    /// Nothing is known of it here, but the machine where it ran keeps its end: it is asked, and waited for.
    fn find_there(&mut self, attempt: &Attempt, resolved: Resolved) -> Result<(), Trouble> {
        let id = attempt.intent.attempt.clone();
        self.stop = Stop::default();
        let task = self.task(resolved, id.clone());
        let before = self.before_attempt(attempt)?;
        self.busy = Some(Busy::Running { attempt: id, step: attempt.intent.step.clone() });
        self.beside.run(move || {
            let exit = match &task.resolved.work {
                Work::Command(line) => {
                    let back = task.resolved.armed.map(|after| after + IS_BACK_AT_MOST);
                    let amend = |over: &mut exec::Over| (over.told, over.patience) = (Some(task.there.clone()), back);
                    task.asker.find(line, &task.blob, amend, &task.stop)
                }
                _ => None,
            };
            task.settle_exit(exit.as_ref(), Err("the output that gave it is over there".to_owned()), before);
        });
        Ok(())
    }

    /// The run stands at an attempt of which nobody knows the end: what it did to the guards is measured now, so that
    /// nothing goes on over a broken one, and what can be asked may tell that it is done.
    fn weigh_unknown(&mut self) -> Result<(), Trouble> {
        let Some(attempt) = self.in_doubt().filter(|attempt| attempt.is_unknown() && !attempt.decided).cloned() else {
            return Ok(());
        };
        let task = self.task(self.resolved_again(&attempt)?, attempt.intent.attempt.clone());
        let proof = self.proof_of(&attempt, &task);
        if attempt.unknown.is_some() || proof.is_some() {
            let before = self.before_attempt(&attempt)?;
            let why = attempt.unknown.clone().unwrap_or_default();
            let facts = proof.unwrap_or_else(|| Facts { found: vec![why], ..ask::measured(Judged::Unknown) });
            if let Some(settled) = task.weigh(facts, before).map_err(|why| failed(why, Exit::Environment))? {
                self.end(settled, |ending| Command::Finish(Box::new(ending)))?;
            }
        }
        let Position::Stopped { by: StopReason::Unknown, step: Some(step) } = self.run.position.clone() else {
            return Ok(());
        };
        if attempt.intent.rerun != Rerun::AfterCheck {
            return Ok(());
        }
        let held = task.asker.all(&task.resolved.done_when, &task.blob, Purpose::After, &task.stop);
        if held.iter().all(|test| test.held) {
            self.commit(Command::AlreadyDone { step, held, how: "done_when".to_owned() })?;
        }
        Ok(())
    }

    /// What the run stands at, where its end may not be known; a way back also where a guard is broken.
    fn in_doubt(&self) -> Option<&Attempt> {
        match &self.run.position {
            Position::Stopped { by: StopReason::Unknown, step: Some(step) } => {
                self.run.newest_attempt(step).filter(|attempt| attempt.intent.does == Does::Change)
            }
            Position::Stopped { by: StopReason::WayBack, .. } | Position::Frozen { .. } => {
                self.run.unfinished_way_back()
            }
            Position::Stopped { .. }
            | Position::Step { .. }
            | Position::EnterRepair
            | Position::NotRepaired
            | Position::AtEnd { .. }
            | Position::Closed => None,
        }
    }

    /// What tells without a person that an attempt did what it should: the `done_when` of a way back holds, or a file
    /// has the content that was confirmed for it.
    fn proof_of(&self, attempt: &Attempt, task: &Task) -> Option<Facts> {
        let proved = |found: String, matched| Facts {
            found: vec![found],
            matched,
            evidence: Some("asked after the screen had gone".to_owned()),
            ..ask::measured(Judged::Passed)
        };
        match (attempt.intent.does, &task.resolved.work) {
            (Does::Undo, _) if attempt.intent.rerun == Rerun::AfterCheck => {
                let held = task.asker.all(&task.resolved.done_when, &task.blob, Purpose::After, &task.stop);
                let all: Vec<_> = held.iter().map(|test| test.what.clone()).collect();
                held.iter().all(|test| test.held).then(|| proved(all.join("; "), held))
            }
            (Does::Change, Work::Edit { path, draft: Some(draft) }) => {
                let is_there = self.has_content(&task.resolved.at, path, &draft.after);
                is_there.then(|| proved(format!("`{}` has the new content", plain(path)), Vec::new()))
            }
            _ => None,
        }
    }

    /// Records an end, and what is now there to compare with.
    pub(super) fn end(&mut self, settled: Settled, command: impl FnOnce(Ending) -> Command) -> Result<(), Trouble> {
        let broken = settled.ending.guards.as_ref().is_some_and(|guards| !guards.broken.is_empty());
        self.remember(settled.sight.as_ref())?;
        self.commit(command(settled.ending))?;
        if let (Some(sight), false) = (settled.sight, broken) {
            self.sight = Some(sight);
        }
        Ok(())
    }
}

/// A secret that a command gave was told to whoever began it, and to nobody since.
fn lost() -> exec::Taken {
    Err("the secret that it gave is lost: it was told only to the session that began the step".to_owned())
}

/// The machine where it ran knows its end, and that of a way back that is armed there; a terminal leaves none.
fn is_kept_there(resolved: &Resolved) -> bool {
    resolved.at.via == Via::Ssh && matches!(resolved.work, Work::Command(_))
}

/// Waits for the end of a step that another process began; it is told to stop where that is wished. In words, why nobody
/// can see any more whether it runs.
pub(super) fn end_of(files: &Files, stop: &Stop) -> Result<Option<exec::Exit>, String> {
    let (mut told, mut blind) = (false, 0);
    loop {
        if let Some(exit) = exit_in(files) {
            return Ok(Some(exit));
        }
        match SupLock::look(&files.lock()) {
            Ok(true) => blind = 0,
            Ok(false) => return Ok(exit_in(files)),
            Err(_) if blind < BLIND => blind += 1,
            Err(error) => return Err(format!("it cannot be seen whether the step still runs: {}", ask::chain(&error))),
        }
        if stop.is_asked() && !told {
            told = read_evidence::<Started>(&files.started()).is_some_and(|started| exec::cancel_running(&started));
        }
        thread::sleep(LOOK_EVERY);
    }
}
