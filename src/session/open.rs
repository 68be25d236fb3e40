//! The beginning of a run: its folder, its bundle, its first record.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;

use serde_json::Value;

use super::beside::Beside;
use super::bundle::Bundle;
use super::place::Place;
use super::stop::Stop;
use super::watch::Watch;
use super::{Session, Trouble, ask, failed, journal_trouble};
use crate::engine::command::{Command, Opening};
use crate::engine::record::{Mode, RunbookRef, Who};
use crate::engine::{Exit, Plan, Run, resolve};
use crate::guard::Progress;
use crate::host::Clock;
use crate::journal::{Holder, JournalError, RunFolder, RunLock, Writer, new_run_id};
use crate::model::Runbook;
use crate::trust::Review;

/// How often a name for a run is tried before we give up.
const TRIES: u32 = 20;

/// Everything a run begins with.
pub struct Start {
    pub runbook: Arc<Runbook>,
    pub bundle: Bundle,
    pub inputs: BTreeMap<String, Value>,
    pub who: Who,
    pub tz: String,
    pub mode: Mode,
    /// The name of the lab, in a drill.
    pub lab: Option<String>,
    pub place: Place,
    /// Whether the bundle is the reviewed one.
    pub review: Review,
    /// Why a bundle that is not is run all the same.
    pub accepted: Option<String>,
    /// Where runs are kept.
    pub state: PathBuf,
    /// This program.
    pub program: PathBuf,
}

/// Opens a run: nothing of it can run before this is on disk.
pub fn open(start: Start) -> Result<Session, Trouble> {
    let folder = new_folder(&start.state)?;
    let id = folder.id().to_owned();
    let lock = RunLock::try_lock(&folder, &holder(&start.who)).map_err(|error| journal_trouble(&error))?;
    let written = start.bundle.write(&folder.bundle());
    written.map_err(|error| failed(ask::chain(&error), Exit::JournalNotWritable))?;
    let writer =
        Writer::create(&folder, 1, &start.who.claimed, &start.who.host).map_err(|error| journal_trouble(&error))?;
    let runbook = RunbookRef {
        id: start.runbook.id.clone(),
        version: start.runbook.version().to_owned(),
        digest: start.bundle.digest(),
        dirty: start.review.commit.as_ref().map(|_| start.review.fault.is_some()),
        commit: start.review.commit,
        branch: start.review.branch,
        accepted: start.accepted.filter(|_| start.review.fault.is_some()),
        not_reviewed: start.review.fault.map(|fault| fault.to_string()),
    };
    let opening = Opening {
        who: start.who,
        tz: start.tz,
        runbook,
        mode: start.mode,
        inputs: start.inputs,
        lab: start.lab,
        cwd: start.place.cwd.display().to_string(),
    };
    let pieces = Pieces {
        plan: Plan::new(start.runbook),
        run: Run::new(id),
        folder,
        writer,
        lock,
        bundle: start.bundle,
        place: start.place,
        program: start.program,
    };
    let mut session = pieces.into_session()?;
    session.commit(Command::Open(Box::new(opening)))?;
    session.watch()?;
    Ok(session)
}

fn new_folder(state: &std::path::Path) -> Result<RunFolder, Trouble> {
    for _ in 0..TRIES {
        let id = new_run_id(crate::host::random::bytes(), Clock.now().date_naive());
        match RunFolder::create(state, &id) {
            Ok(folder) => return Ok(folder),
            Err(JournalError::Exists { .. }) => {}
            Err(error) => return Err(journal_trouble(&error)),
        }
    }
    Err(failed(format!("cannot find a free name for a run in `{}`", state.display()), Exit::JournalNotWritable))
}

/// What is said to whoever finds the run held.
pub(super) fn holder(who: &Who) -> Holder {
    let since = Clock.moment().t;
    Holder { pid: std::process::id(), who: who.claimed.clone(), host: who.host.clone(), since }
}

/// The pieces of a session before they are joined.
pub(super) struct Pieces {
    pub plan: Plan,
    pub run: Run,
    pub folder: RunFolder,
    pub writer: Writer,
    pub lock: RunLock,
    pub bundle: Bundle,
    pub place: Place,
    pub program: PathBuf,
}

impl Pieces {
    pub fn into_session(self) -> Result<Session, Trouble> {
        let (outbox, inbox) = channel();
        let beside = Beside::start()
            .map_err(|error| failed(format!("cannot make a thread: {error}; nothing ran"), Exit::Environment))?;
        Ok(Session {
            plan: self.plan,
            run: self.run,
            folder: self.folder,
            writer: self.writer,
            _lock: self.lock,
            bundle: Arc::new(self.bundle),
            place: self.place,
            watch: Watch::nothing(),
            sight: None,
            clock: Clock,
            program: self.program,
            busy: None,
            pending: None,
            stop: Stop::default(),
            measured: Progress::default(),
            inbox,
            outbox,
            beside,
            notices: Vec::new(),
        })
    }
}

impl Session {
    /// Finds out what is guarded; in a drill all of it is inside the lab.
    pub(super) fn watch(&mut self) -> Result<(), Trouble> {
        let lines = resolve::guards(&self.plan, &self.run)
            .map_err(|why| failed(format!("guards: {why}"), Exit::InvalidRunbook))?;
        let watch = Watch::new(lines, &self.place.home, &self.place.cwd);
        self.watch = watch.map_err(|error| failed(ask::chain(&error), Exit::InvalidRunbook))?;
        let outside = self.place.watches(self.watch.paths());
        outside.map_err(|outside| failed(outside.to_string(), Exit::WrongTarget))
    }
}
