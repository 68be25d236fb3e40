//! The driver: where engine, journal, exec, probe, guard and host meet.
//!
//! Write-ahead: decide, append and sync, apply, then the deed. [`Session`] holds the pieces, [`open`] begins a run,
//! [`resume`] goes on with one, [`acts`] is what a screen may do, [`task`] is what goes on beside it.

pub mod acts;
pub mod ask;
mod at_once;
mod beside;
pub mod bundle;
mod change;
pub mod confirm;
pub mod control;
mod copies;
mod deed;
mod edit;
pub mod elsewhere;
mod fence;
pub mod found;
pub mod get_in;
mod handing;
mod hosts;
pub mod inputs;
mod keep;
mod line;
pub mod open;
mod others;
pub mod place;
mod place_there;
pub mod resume;
pub mod secrets;
mod side_shell;
pub mod stop;
pub mod task;
mod there;
mod versions;
pub mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use serde_json::{Map, Value};

use crate::engine::command::{Asked, Command, Effect};
use crate::engine::record::{Confirm, Record};
use crate::engine::run::SideShell;
use crate::engine::{AttemptId, Exit, Plan, Run, decide};
use crate::guard::Progress;
use crate::host::Clock;
use crate::journal::{JournalError, RunFolder, RunLock, Writer};

use ask::Asker;
use beside::Beside;
use bundle::Bundle;
use place::{Belongs, Place};
use stop::Stop;
use task::{Msg, Task};
use watch::{Sight, Watch};

pub use edit::run_on_terminal;

pub use control::{Busy, Control, Edited, Editing, Handing, Notice, Trouble};
pub use handing::{HandedBack, hand_over};

/// A run, held by this process.
pub struct Session {
    plan: Plan,
    run: Run,
    folder: RunFolder,
    writer: Writer,
    /// Says who is here, and frees itself with this process.
    _lock: RunLock,
    bundle: Arc<Bundle>,
    place: Place,
    watch: Watch,
    /// The newest measure of all guards; none before repair was entered.
    sight: Option<Sight>,
    clock: Clock,
    /// This program, to start supervisors from.
    program: PathBuf,
    busy: Option<Busy>,
    pending: Option<Pending>,
    stop: Stop,
    /// How far the newest measure of the guards is.
    measured: Progress,
    inbox: Receiver<Msg>,
    outbox: Sender<Msg>,
    beside: Beside,
    /// The side shell that is open, and asks here.
    shell: Option<side_shell::Kept>,
    /// The side shell that was open when the run was gone on with.
    found_open: Option<AttemptId>,
    notices: Vec<Notice>,
}

/// A change between its confirmation and its end.
struct Pending {
    task: Task,
    shown: String,
    confirm: Confirm,
    again: Option<String>,
    undoes: Option<AttemptId>,
}

impl Drop for Session {
    /// A password that sudo asks for is held as long as its session.
    fn drop(&mut self) {
        self.place.secrets.exchange_password(None);
    }
}

impl Session {
    /// The id of the run.
    pub fn id(&self) -> &str {
        &self.run.id
    }

    /// The people, as they were written when the run began.
    pub fn people(&self) -> Option<String> {
        self.bundle.people_text()
    }

    /// The folder of the run.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// The side shell that was open when the run was gone on with.
    pub fn shell_found_open(&self) -> Option<&SideShell> {
        self.run.shell(self.found_open.as_ref()?)
    }

    /// Whether the journal could not be written: nothing more is started.
    pub fn is_suspect(&self) -> bool {
        self.writer.is_suspect()
    }

    /// Decides, records, applies; returns what must be done.
    fn commit(&mut self, command: Command) -> Result<Vec<Effect>, Trouble> {
        self.commit_and(command, |_| Ok(()))
    }

    /// The same, and does the deed while the journal is still held: between the check of the epoch and GO nobody
    /// else can take the run.
    fn commit_and(
        &mut self,
        command: Command,
        deed: impl FnOnce(&[Effect]) -> Result<(), Trouble>,
    ) -> Result<Vec<Effect>, Trouble> {
        let decision = decide(&self.plan, &self.run, &Asked { at: self.clock.moment(), command })?;
        let held = self.writer.guard_append().map_err(|error| journal_trouble(&error))?;
        for record in &decision.records {
            let record = self.place.secrets.redact_record(record);
            self.writer.append_under(&held, line(&record)).map_err(|error| journal_trouble(&error))?;
            self.run.apply(&record);
        }
        deed(&decision.effects)?;
        drop(held);
        self.notices.push(Notice::Changed);
        Ok(decision.effects)
    }

    /// An id for the next attempt.
    fn next_attempt(&self) -> AttemptId {
        AttemptId::new(self.run.epoch, self.run.next_seq, crate::host::random::bytes())
    }

    fn asker(&self, attempt: &AttemptId) -> Asker {
        let belongs = Belongs { run: self.run.id.clone(), epoch: self.run.epoch, attempt: attempt.to_string() };
        Asker { place: self.place.clone(), belongs, program: self.program.clone(), measured: self.measured.clone() }
    }

    fn task(&self, resolved: crate::engine::resolve::Resolved, attempt: AttemptId) -> Task {
        Task {
            blob: self.folder.blobs().join(format!("{attempt}.out")),
            copy: self.folder.copies().join(attempt.to_string()),
            there: self.folder.sup().join(format!("{attempt}.there")),
            asker: Asker { place: self.place.at(&resolved.at), ..self.asker(&attempt) },
            resolved,
            watch: self.watch.clone(),
            attempt,
            stop: self.stop.clone(),
            to: self.outbox.clone(),
        }
    }

    /// Keeps a measure beside the run, so that whoever goes on compares with the same.
    fn keep_sight(&self, name: &str, sight: &Sight) -> Result<(), Trouble> {
        let path = self.folder.guards().join(format!("{name}.json"));
        let bytes = serde_json::to_vec(sight).map_err(std::io::Error::from);
        bytes.and_then(|bytes| keep::write_private(&path, &bytes)).map_err(|error| Trouble::Failed {
            message: format!("cannot keep the measure of the guards `{}`: {error}", path.display()),
            exit: Exit::JournalNotWritable,
        })
    }

    /// Keeps what was measured under its own digest, before anything is recorded that names it.
    fn remember(&self, sight: Option<&Sight>) -> Result<(), Trouble> {
        let Some(sight) = sight else { return Ok(()) };
        let name = sight.guards().digest;
        if matches!(self.kept_sight(&name), Ok(Some(_))) {
            return Ok(());
        }
        self.keep_sight(&name, sight)
    }

    /// None where it was never kept, or is damaged. What cannot be read may be there: it is no measure that nobody took.
    fn kept_sight(&self, name: &str) -> Result<Option<Sight>, Trouble> {
        let path = self.folder.guards().join(format!("{name}.json"));
        match std::fs::read(&path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                let why = format!("the measure of the guards `{}` cannot be read: {error}", path.display());
                Err(failed(why, Exit::Environment))
            }
        }
    }
}

/// A record as the journal takes it.
fn line(record: &Record) -> Map<String, Value> {
    match serde_json::to_value(record) {
        Ok(Value::Object(map)) => map,
        _ => unreachable!("a record is an object"),
    }
}

/// What a failure of the journal means for the person.
fn journal_trouble(error: &JournalError) -> Trouble {
    let help = error.help().map_or_else(String::new, |help| format!("\nhelp: {help}"));
    failed(format!("{}{help}", ask::chain(error)), error.exit())
}

/// What the world did not give; what it said may hold a secret.
fn failed(message: impl Into<String>, exit: Exit) -> Trouble {
    Trouble::Failed { message: secrets::last_words(&message.into()), exit }
}
