//! What somebody asks of a run, with everything that the engine must not find out by itself.

use std::collections::BTreeMap;

use serde_json::Value;

use super::key::{AttemptId, Key};
use super::record::{
    Access, Also, Close, Confirm, EditDraft, Facts, Guards, Matched, Mode, Moment, RunbookRef, ShellOpening, Target,
    WayBack, Who,
};

/// A command with its moment.
#[derive(Clone, Debug)]
pub struct Asked {
    pub at: Moment,
    pub command: Command,
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Command {
    Open(Box<Opening>),
    /// A place was tried before anything else.
    GetIn(Access),
    /// The gate before repair: go in. With the baseline of all guards.
    EnterRepair {
        guards: Option<Guards>,
        how: String,
    },
    /// Begin an attempt of the step at hand.
    Begin(Box<Beginning>),
    /// An attempt ended.
    Finish(Box<Ending>),
    /// `done_when` holds before the change, or after one whose end is not known: take it as done.
    AlreadyDone {
        step: Key,
        held: Vec<Matched>,
        how: String,
    },
    /// A question was answered, or a deed by hand that only looks. A deed by hand that changes something can be
    /// answered so too where nothing had to be measured for it; [`Command::ByHand`] is the whole of it.
    Answer {
        step: Key,
        answer: Answer,
        how: String,
        guards: Option<Guards>,
    },
    /// What a deed by hand needs was measured, before the person is told to do it.
    Needs {
        step: Key,
        needs: Vec<Matched>,
    },
    /// A deed by hand that changes something was done, or could not be: an attempt from intent to end.
    ByHand(Box<Deed>),
    /// What came of a program that a person worked in, as they say, with `done_when` measured.
    Conclude {
        step: Key,
        answer: Answer,
        how: String,
        done: Vec<Matched>,
    },
    /// A file was edited in a private copy.
    Draft {
        step: Key,
        draft: EditDraft,
        how: String,
    },
    Skip {
        step: Key,
        reason: String,
    },
    /// What to do with an attempt whose end is unknown, or with a failed one.
    Decide {
        attempt: AttemptId,
        choice: Choice,
        reason: String,
        how: String,
    },
    /// From a stop: go on behind the step, with a reason; a deviation.
    GoOn {
        reason: String,
        how: String,
    },
    /// After verify did not hold: into repair again.
    RepairAgain {
        reason: String,
        how: String,
    },
    /// What is known of an open attempt after a crash.
    Recover {
        attempt: AttemptId,
        evidence: Evidence,
    },
    /// The torn tail that was set aside.
    TornTail {
        file: String,
        offset: u64,
        bytes: u64,
        kept_as: String,
    },
    /// The output of an attempt could not be kept whole.
    Gap {
        attempt: Option<AttemptId>,
        what: String,
    },
    /// Open a side shell; with the guards as they were measured just now.
    OpenShell {
        opening: Box<ShellOpening>,
        guards: Option<Guards>,
    },
    /// Something was typed into it: may it run?
    Type {
        shell: AttemptId,
        typed: Typed,
    },
    /// The newest command in it has ended.
    Typed {
        shell: AttemptId,
        code: i32,
    },
    /// It has ended; with the guards as they were measured after it.
    CloseShell {
        shell: AttemptId,
        facts: Box<Facts>,
        guards: Option<Guards>,
    },
    Note {
        text: String,
    },
    Pause {
        why: String,
    },
    Close {
        outcome: Close,
        reason: String,
    },
}

/// What was typed into a side shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A whole line.
    Line(String),
    /// A simple command of one, as it is behind aliases and inside functions.
    Inner(String),
}

/// How a run begins.
#[derive(Clone, Debug)]
pub struct Opening {
    pub who: Who,
    pub tz: String,
    pub runbook: RunbookRef,
    pub mode: Mode,
    pub inputs: BTreeMap<String, Value>,
    pub lab: Option<String>,
    pub cwd: String,
    /// Runs that are open on the same places, and why this one is started all the same.
    pub also: Option<Also>,
}

/// What was prepared for an attempt, just before it.
#[derive(Clone, Debug)]
pub struct Beginning {
    pub step: Key,
    pub attempt: AttemptId,
    /// For an undo: the attempt whose way back it goes.
    pub undoes: Option<AttemptId>,
    /// Digest of what was shown on the card; see [`super::resolve::Resolved::digest`].
    pub shown: String,
    pub confirm: Option<Confirm>,
    /// Why a step that passed or failed runs again.
    pub again: Option<String>,
    pub target: Target,
    /// Names of the whole environment, and the folder.
    pub env: Vec<String>,
    pub cwd: String,
    /// `needs`, measured just now.
    pub needs: Vec<Matched>,
    /// Guards, measured just now; changes only.
    pub guards: Option<Guards>,
    pub way_back: Option<WayBack>,
}

/// A deed by hand in repair or follow-up, with everything that was measured after it.
#[derive(Clone, Debug)]
pub struct Deed {
    pub step: Key,
    pub attempt: AttemptId,
    /// Done, or could not.
    pub answer: Answer,
    pub how: String,
    pub target: Target,
    pub cwd: String,
    /// `done_when`, measured after; not asked where it could not be done.
    pub done: Vec<Matched>,
    /// Guards, measured after.
    pub guards: Option<Guards>,
}

/// What was measured after an attempt.
#[derive(Clone, Debug)]
pub struct Ending {
    pub attempt: AttemptId,
    pub facts: Facts,
    /// Which `got` of the step's branches are in the output, by their place in the list.
    pub got: Vec<bool>,
    /// Guards, measured after a change or an undo.
    pub guards: Option<Guards>,
}

/// What a person says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Done,
    CouldNot,
    Yes,
    No,
    /// One of the choices, by its text.
    Choice(String),
    /// A value that was asked for.
    Text(String),
}

impl Answer {
    /// As it is recorded and typed.
    pub fn text(&self) -> &str {
        match self {
            Self::Done => "done",
            Self::CouldNot => "could not",
            Self::Yes => "yes",
            Self::No => "no",
            Self::Choice(text) | Self::Text(text) => text,
        }
    }
}

/// What to do with an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It is done.
    Done,
    /// It is not done: run it again.
    RunAgain,
    /// Leave it so.
    Abort,
}

impl Choice {
    /// As it is recorded and typed.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::RunAgain => "run-again",
            Self::Abort => "abort",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Done, Self::RunAgain, Self::Abort].into_iter().find(|choice| choice.word() == word)
    }
}

/// What is known of an open attempt.
#[derive(Clone, Debug)]
pub enum Evidence {
    /// Its end was found.
    Ended(Box<Ending>),
    /// It still runs; nothing is to be done but to attach.
    Running,
    /// It was never started.
    NotStarted,
    /// Nobody can know.
    Unknown { why: String, survivors: Vec<String> },
}

/// What the driver must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Give GO to this attempt.
    Go(AttemptId),
}
