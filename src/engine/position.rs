//! Where a run stands, and how it gets from there to the next place.

use serde::{Deserialize, Serialize};

use super::key::{AttemptId, Key};

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case")]
pub enum Position {
    /// At a step.
    Step { step: Key },
    /// Before the first change: it is asked, and the findings are shown.
    EnterRepair,
    /// After verify, not everything held: repair again, way back, ask, or close as not repaired.
    NotRepaired,
    /// Standing still; going on needs a reason.
    Stopped { by: StopReason, step: Option<Key> },
    /// A guard is broken: only the way back, asking, handing over, or leaving it so.
    Frozen { attempt: Option<AttemptId> },
    /// Every step has its end; the run can be closed.
    AtEnd { nothing_to_repair: bool },
    /// Closed.
    Closed,
}

/// Why a run stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// A change failed.
    StepFailed,
    /// The end of a change is not known.
    Unknown,
    /// `then: stop`.
    Runbook,
    /// `then: undo`: the newest way back is offered.
    OfferUndo,
    /// A person went back.
    Undone,
    /// A way back failed, or its end is not known: what the step changed may be there in part.
    WayBack,
    /// A step was visited a fourth time.
    TooManyVisits,
    /// A name that is not known yet.
    NameNotKnown,
}

/// From one place to the next: where to, which steps were not taken on the way, which lists were resolved, which
/// steps were opened again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advance {
    pub to: Position,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_taken: Vec<Key>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loops: Vec<(Key, Vec<String>)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opened: Vec<Key>,
    /// Whether the step was come to, and not only stayed at: this is counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub came: bool,
    /// Why it stands, in words, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Advance {
    /// Straight to a place.
    pub fn to(to: Position) -> Self {
        Self { to, not_taken: Vec::new(), loops: Vec::new(), opened: Vec::new(), came: false, why: None }
    }

    /// With words about it.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }
}
