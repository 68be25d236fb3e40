//! What a screen may do with a run. [`super::Session`] is the one that does it; tests of screens bring their own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engine::command::{Answer, Choice};
use crate::engine::record::{Close, Confirm};
use crate::engine::{AttemptId, Exit, Key, Plan, Refusal, Run};

/// What goes on just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Busy {
    /// A look or a wait runs.
    Looking { attempt: AttemptId, step: Key },
    /// Before a change: guards are measured, the scope is copied and read back, `needs` are asked.
    Preparing { step: Key },
    /// What a deed by hand needs is measured, before the person is told to do it.
    Asking { step: Key },
    /// On the way into repair: guards are measured.
    Entering,
    /// A change or an undo runs under its supervisor.
    Running { attempt: AttemptId, step: Key },
    /// After it: expectations, `done_when`, guards.
    Settling { attempt: AttemptId, step: Key },
    /// Before a side shell: guards are measured.
    OpeningShell,
    /// A side shell is open.
    Shell,
    /// After it: guards.
    ClosingShell,
}

/// What a screen may want to know; may be dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The run changed: draw again.
    Changed,
    /// There is more output of this attempt.
    Output(AttemptId),
    /// Something to say in the footer: a step runs longer than usual, a leftover process.
    Said(String),
    /// A program waits for the terminal: hand it over.
    HandOver,
    /// `done_when` holds before the change: offer to take the step as done.
    AlreadyDone { step: Key, held: Vec<String> },
}

/// A private copy, ready to be edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Editing {
    /// The words of the editor, the copy last. It runs on the person's own terminal.
    pub argv: Vec<String>,
}

/// A program that the person's terminal can be handed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handing {
    /// The way in.
    pub door: PathBuf,
    /// What it is and where, for the person.
    pub what: String,
    /// What else must be known inside.
    pub note: Option<String>,
}

/// What came of an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edited {
    /// The difference is on the card; nothing is replaced before it is confirmed.
    Drafted,
    /// The file is as it was: nothing happens.
    Unchanged,
}

/// Why an act did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Not allowed now; nothing changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The world failed; nothing was started.
    #[error("{message}")]
    Failed { message: String, exit: Exit },
}

impl Trouble {
    pub fn exit(&self) -> Exit {
        match self {
            Self::Refused(refusal) => refusal.exit(),
            Self::Failed { exit, .. } => *exit,
        }
    }
}

/// The acts of an operator. Acts that start something return at once; [`Control::poll`] drives them on.
pub trait Control {
    fn plan(&self) -> &Plan;
    fn run(&self) -> &Run;
    fn busy(&self) -> Option<&Busy>;

    /// How many files the newest measure of the guards has seen so far.
    fn measured(&self) -> u64;

    /// The file that holds the output of an attempt, growing while it runs.
    fn output(&self, attempt: &AttemptId) -> Option<PathBuf>;

    /// Waits at most `wait` for something to happen, and takes in what did.
    fn poll(&mut self, wait: Duration) -> Result<Vec<Notice>, Trouble>;

    /// Begins the check or wait the run stands at.
    fn look(&mut self) -> Result<(), Trouble>;

    /// Sends the announcement the run stands at, through the channels of the user's configuration; `shown` as for a change.
    fn announce(&mut self, shown: &str, confirm: Confirm) -> Result<(), Trouble>;

    /// Makes the private copy of the file that the step at hand edits.
    fn begin_edit(&mut self) -> Result<Editing, Trouble>;

    /// Takes what was made of the copy, or the content of another file, and puts the difference on record.
    fn end_edit(&mut self, content: Option<&Path>, how: &str) -> Result<Edited, Trouble>;

    /// Begins the change the run stands at. `shown` is the digest of the card that was confirmed
    /// ([`crate::engine::resolve::Resolved::digest`]); `again` the reason where it passed or failed before.
    fn change(&mut self, shown: &str, confirm: Confirm, again: Option<String>) -> Result<(), Trouble>;

    /// Goes the newest way back; `shown` as for a change, `again` the reason where it was tried before.
    fn undo(&mut self, shown: &str, confirm: Confirm, again: Option<String>) -> Result<(), Trouble>;

    /// The program that runs on a terminal of its own, where one does.
    fn terminal(&self) -> Option<Handing> {
        None
    }

    /// Takes a step whose `done_when` holds as done.
    fn already_done(&mut self, step: &Key, how: &str) -> Result<(), Trouble>;

    fn answer(&mut self, step: &Key, answer: Answer, how: &str) -> Result<(), Trouble>;

    /// Measures what the deed by hand at hand needs, before the person is told to do it.
    fn measure_needs(&mut self, step: &Key) -> Result<(), Trouble>;

    /// The gate before repair: measures the guards and goes in.
    fn enter_repair(&mut self, how: &str) -> Result<(), Trouble>;

    fn skip(&mut self, step: &Key, reason: &str) -> Result<(), Trouble>;

    fn decide(&mut self, attempt: &AttemptId, choice: Choice, reason: &str, how: &str) -> Result<(), Trouble>;

    fn go_on(&mut self, reason: &str, how: &str) -> Result<(), Trouble>;

    fn repair_again(&mut self, reason: &str, how: &str) -> Result<(), Trouble>;

    /// Opens a side shell, with a reason; its terminal is handed over when it is there.
    fn open_shell(&mut self, reason: &str) -> Result<(), Trouble>;

    fn note(&mut self, text: &str) -> Result<(), Trouble>;

    fn close(&mut self, outcome: Close, reason: &str) -> Result<(), Trouble>;

    /// Ends what runs: TERM, grace, KILL. Never called by Ctrl-C alone.
    fn cancel(&mut self) -> Result<(), Trouble>;
}
