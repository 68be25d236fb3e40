//! Why a command is not allowed now: an answer of the engine, as data.

use super::exit::Exit;
use super::key::{AttemptId, Key};
use super::needed::Needed;

/// Why not. Nothing was changed, nothing was recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the run is closed")]
    Closed,
    #[error("the run was opened already")]
    OpenedAlready,
    #[error("the run stands at {at}, not at `{asked}`")]
    NotHere { at: String, asked: Key },
    #[error("step `{step}` still runs (attempt {attempt}); wait for it or cancel it")]
    StillRunning { step: Key, attempt: AttemptId },
    #[error("attempt {0} is not running")]
    NotRunning(AttemptId),
    #[error("a guard is broken: nothing runs but the way back")]
    Frozen,
    #[error("not confirmed: found `{found}`, expected `{expected}`; nothing ran")]
    NotConfirmed { found: String, expected: String },
    #[error("WRONG PLACE: {host} answered `{got}`, expected `{want}`; nothing ran, and no key overrides this")]
    WrongPlace { host: String, want: String, got: String },
    #[error("what it needs does not hold: {0}; nothing ran")]
    NeedsNotMet(String),
    #[error("forbidden: `{pattern}`, because {because}; nothing ran")]
    Forbidden { pattern: String, because: String },
    #[error("the command is not the one that was shown; look at the card again, nothing ran")]
    CommandDiffers,
    #[error("this run only looks; a change is not possible in it")]
    LookOnly,
    #[error("step `{0}` passed already; running it again needs a reason")]
    AlreadyPassed(Key),
    #[error("step `{0}` ran already; running it again needs a reason")]
    RanAlready(Key),
    #[error("the way back from `{0}` was tried before; going it again needs a reason")]
    WentBackAlready(Key),
    #[error("step `{step}` cannot be skipped: {}`{}` needs `{}`, which it gives", .needed.part, .needed.by, .needed.name)]
    NeededLater { step: Key, needed: Needed },
    #[error("not measured: {0}; nothing ran")]
    NotMeasured(String),
    #[error("a reason is needed: say in a few words why")]
    ReasonMissing,
    #[error("`{found}` is not one of the answers: {expected}")]
    UnknownAnswer { found: String, expected: String },
    #[error("there is no way back to go: {0}")]
    NoWayBack(String),
    #[error("{0}")]
    NotNow(String),
    #[error("{text}")]
    Unresolved { text: String },
}

impl Refusal {
    /// The exit code of a run without a person.
    pub fn exit(&self) -> Exit {
        match self {
            Self::NotConfirmed { .. } | Self::WrongPlace { .. } | Self::Forbidden { .. } | Self::CommandDiffers => {
                Exit::WrongTarget
            }
            Self::Frozen => Exit::GuardBroken,
            Self::NeedsNotMet(_) => Exit::StepFailed,
            Self::Closed
            | Self::OpenedAlready
            | Self::NotHere { .. }
            | Self::StillRunning { .. }
            | Self::NotRunning(_)
            | Self::LookOnly
            | Self::AlreadyPassed(_)
            | Self::RanAlready(_)
            | Self::WentBackAlready(_)
            | Self::NeededLater { .. }
            | Self::NotMeasured(_)
            | Self::ReasonMissing
            | Self::UnknownAnswer { .. }
            | Self::NoWayBack(_)
            | Self::NotNow(_)
            | Self::Unresolved { .. } => Exit::PersonNeeded,
        }
    }
}
