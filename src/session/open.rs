//! The beginning of a run: its folder, its bundle, its first record.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;

use serde_json::Value;

use super::beside::Beside;
use super::bundle::Bundle;
use super::others::{Other, Reach, others};
use super::place::{OutsideLab, Place};
use super::stop::Stop;
use super::watch::Watch;
use super::{Session, Trouble, ask, failed, journal_trouble};
use crate::engine::command::{Asked, Command, Opening};
use crate::engine::record::{Also, Mode, Moment, RunbookRef, Who};
use crate::engine::{Exit, Plan, Run, decide, resolve};
use crate::guard::Progress;
use crate::host::Clock;
use crate::journal::{Holder, JournalError, RunFolder, RunLock, StartLock, Writer, add_note, new_run_id};
use crate::model::Runbook;
use crate::text::Zone;
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
    /// Why it is started although another one is open on the same places.
    pub also: Option<String>,
    /// Where runs are kept.
    pub state: PathBuf,
    /// This program.
    pub program: PathBuf,
}

/// Opens a run: nothing of it can run before this is on disk.
pub fn open(start: Start) -> Result<Session, Trouble> {
    let open = open_texts(&start.bundle, &start.who, &start.place, start.mode);
    let inputs = start.inputs.iter().map(|(name, value)| (format!("the input `{name}`"), value.to_string()));
    let told = start.place.secrets.open_texts(open.into_iter().chain(inputs).collect());
    told.map_err(|fault| failed(format!("{fault}; nothing ran"), Exit::Usage))?;
    let _one = match start.mode {
        Mode::Live => Some(StartLock::take(&start.state).map_err(|error| journal_trouble(&error))?),
        Mode::Drill | Mode::Look | Mode::Preflight => None,
    };
    let others = beside(&start)?;
    let folder = new_folder(&start.state)?;
    let id = folder.id().to_owned();
    let lock = RunLock::try_lock(&folder, &holder(&start.who)).map_err(|error| journal_trouble(&error))?;
    let written = start.bundle.write(&folder.bundle());
    written.map_err(|error| failed(ask::chain(&error), Exit::JournalNotWritable))?;
    let writer =
        Writer::create(&folder, 1, &start.who.claimed, &start.who.host).map_err(|error| journal_trouble(&error))?;
    let also = also(&start, &others);
    let noted = also.clone().map(|also| (also.reason, start.runbook.id.clone(), start.who.clone()));
    let runbook = RunbookRef {
        id: start.runbook.id.clone(),
        version: start.runbook.version().to_owned(),
        digest: start.bundle.digest(),
        dirty: start.review.commit.as_ref().map(|_| start.review.fault.is_some()),
        commit: start.review.commit.clone(),
        branch: start.review.branch.clone(),
        accepted: start.accepted.clone().filter(|_| start.review.fault.is_some()),
        not_reviewed: start.review.fault.as_ref().map(ToString::to_string),
    };
    let opening = opening_of(&start, runbook, also);
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
    if let Some((reason, runbook, who)) = noted {
        session.tell_others(&others, &runbook, &who, &reason)?;
    }
    session.watch()?;
    Ok(session)
}

/// The open runs on the same places; they are refused unless somebody says why this one is started all the same.
fn beside(start: &Start) -> Result<Vec<Other>, Trouble> {
    if start.mode != Mode::Live {
        return Ok(Vec::new());
    }
    let plan = Plan::new(start.runbook.clone());
    let runbook = RunbookRef { id: start.runbook.id.clone(), ..RunbookRef::default() };
    let run = in_memory(&plan, opening_of(start, runbook, None))?;
    let mine = Reach::of(&plan, &run, &start.place.home);
    let zone = start.tz.parse().unwrap_or(Zone::UTC);
    let others = others(&start.state, &mine, &start.place.home, zone);
    match (others.first(), start.also.as_deref().map(str::trim)) {
        (Some(_), Some("")) => Err(failed("`--also` wants a reason; it is recorded", Exit::Usage)),
        (None, _) | (Some(_), Some(_)) => Ok(others),
        (Some(first), None) => {
            let words: Vec<_> = others.iter().map(|other| other.words.as_str()).collect();
            let id = first.folder.id();
            let help = format!(
                "help: to go on with it: locum resume {id}\n\
                 help: to see where it stands: locum report {id}\n\
                 help: if both must go on, say why, with the same words and: --also 'REASON'"
            );
            Err(failed(format!("{}; nothing ran\n{help}", words.join("; ")), Exit::HeldByAnother))
        }
    }
}

fn also(start: &Start, others: &[Other]) -> Option<Also> {
    let reason = start.also.as_deref()?.trim().to_owned();
    let runs: Vec<_> = others.iter().map(|other| other.folder.id().to_owned()).collect();
    (!runs.is_empty()).then_some(Also { runs, reason })
}

/// A run that is opened in memory only, to know what it would know.
fn in_memory(plan: &Plan, opening: Opening) -> Result<Run, Trouble> {
    let mut run = Run::new("not-yet");
    let asked = Asked { at: Moment::default(), command: Command::Open(Box::new(opening)) };
    let decision = decide(plan, &run, &asked)?;
    decision.records.iter().for_each(|record| run.apply(record));
    Ok(run)
}

fn opening_of(start: &Start, runbook: RunbookRef, also: Option<Also>) -> Opening {
    Opening {
        who: start.who.clone(),
        tz: start.tz.clone(),
        runbook,
        mode: start.mode,
        inputs: start.inputs.clone(),
        lab: start.lab.clone(),
        cwd: start.place.cwd.display().to_string(),
        also,
    }
}

/// Everything a run is made of that everybody may read. A lab gives its own secrets, which are none.
pub(super) fn open_texts(bundle: &Bundle, who: &Who, place: &Place, mode: Mode) -> Vec<(String, String)> {
    let file = |(name, bytes): (&str, &[u8])| (format!("`{name}`"), String::from_utf8_lossy(bytes).into_owned());
    let files = bundle.files().filter(|_| mode != Mode::Drill).map(file);
    let around = [
        ("the name of the machine", who.host.clone()),
        ("the name of the operator", who.claimed.clone()),
        ("the folder of the run", place.cwd.display().to_string()),
    ];
    files.chain(around.map(|(what, text)| (what.to_owned(), text))).collect()
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
            shell: None,
            found_open: None,
            notices: Vec::new(),
        })
    }
}

impl Session {
    /// Leaves word at the runs that this one was started beside.
    fn tell_others(&self, others: &[Other], runbook: &str, who: &Who, reason: &str) -> Result<(), Trouble> {
        for other in others {
            let text = format!("run {} of `{runbook}` was also started on the same place: {reason}", self.run.id);
            let at = serde_json::to_value(self.clock.moment()).unwrap_or_default();
            let mut record = at.as_object().cloned().unwrap_or_default();
            record.insert("kind".to_owned(), "note".into());
            record.insert("text".to_owned(), text.into());
            record.insert("who".to_owned(), serde_json::to_value(who).unwrap_or_default());
            add_note(&other.folder, &who.claimed, &who.host, record).map_err(|error| journal_trouble(&error))?;
        }
        Ok(())
    }

    /// Finds out what is guarded; in a drill all of it is inside the lab.
    pub(super) fn watch(&mut self) -> Result<(), Trouble> {
        let lines = resolve::guards(&self.plan, &self.run)
            .map_err(|why| failed(format!("guards: {why}"), Exit::InvalidRunbook))?;
        let watch = Watch::new(lines, &self.place.home, &self.place.cwd);
        self.watch = watch.map_err(|error| failed(ask::chain(&error), Exit::InvalidRunbook))?;
        let away = self.watch.elsewhere().filter(|_| self.place.lab.is_some());
        let outside = match away {
            Some(host) => Err(OutsideLab(host.to_owned())),
            None => self.place.watches(self.watch.paths()),
        };
        outside.map_err(|outside| failed(outside.to_string(), Exit::WrongTarget))
    }
}
