//! What a person can do at a place, and with which key: the one table from which keys are read, the footer is
//! written and the help is made.

use crate::engine::Run;
use crate::engine::record::{Close, Mode};

/// What a key asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Run the look.
    Look,
    /// Confirm the change on the card; what else must be typed stands in [`super::Card::confirm`].
    Change,
    /// The same for a step that ran before: a reason is asked for first.
    ChangeAgain,
    /// Measure what a deed by hand needs.
    Needs,
    EnterRepair,
    /// Show the card of the newest way back.
    ShowWayBack,
    /// Confirm the way back on its card.
    Undo,
    Done,
    CouldNot,
    /// Follow nothing.
    NotSure,
    /// Hand the terminal to the program that runs on one.
    GoIn,
    /// Open the file in the editor of the person.
    Edit,
    /// Send the announcement; `send` is typed for it.
    Send,
    Yes,
    No,
    /// The answer at this place of the list, from 0.
    Choose(usize),
    /// Type a value, or an answer out of a long list.
    Value,
    /// Take the step as done: what it would bring about holds already.
    AlreadyDone,
    Skip,
    Note,
    /// Open a shell beside the steps.
    Shell,
    /// A change of unknown or bad end is done all the same.
    ItIsDone,
    /// A change of unknown or bad end is to be run again.
    RunAgain,
    /// Go on from a stop: a deviation.
    GoOn,
    RepairAgain,
    Close(Close),
    Output,
    Help,
    Leave,
    /// Away from this card.
    Back,
}

impl Act {
    /// Whether the run is another one afterwards; such keys are deaf for a moment after a new card.
    pub const fn acts(&self) -> bool {
        !matches!(
            self,
            Self::ShowWayBack
                | Self::NotSure
                | Self::GoIn
                | Self::Note
                | Self::Shell
                | Self::Output
                | Self::Help
                | Self::Leave
                | Self::Back
        )
    }
}

/// A key that is valid here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHint {
    /// `y`, `Enter`, `Esc`, `1`.
    pub key: String,
    /// What it does, in a few words.
    pub what: String,
    pub act: Act,
    pub enabled: bool,
}

impl KeyHint {
    pub fn new(key: impl Into<String>, what: impl Into<String>, act: Act) -> Self {
        Self { key: key.into(), what: what.into(), act, enabled: true }
    }

    /// The key that leaves. What is left of a drill is its record alone, since its lab ends with it.
    pub fn leave(run: &Run) -> Self {
        let what = if run.mode() == Mode::Drill { "leave (the lab ends)" } else { "leave (kept)" };
        Self::new("q", what, Act::Leave)
    }

    /// Only where `enabled` holds; the key stays on the list, so that a person knows that it exists.
    #[must_use]
    pub fn only(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_around_is_no_act() {
        for act in [Act::Help, Act::Output, Act::Back, Act::NotSure, Act::ShowWayBack] {
            assert!(!act.acts(), "{act:?}");
        }
        for act in [Act::Change, Act::Look, Act::Yes, Act::No, Act::GoOn, Act::Close(Close::Done)] {
            assert!(act.acts(), "{act:?}");
        }
    }
}
