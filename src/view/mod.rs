//! What people see of a run, as values: the map, a card, the footer, the help. No drawing: the screen and the plain
//! transcript both show these, so that they cannot disagree.
//!
//! Every text that comes from a runbook, a command or its output passes [`words`] (the sanitizer) on its way in here.

pub mod card;
pub mod compare;
pub mod footer;
pub mod help;
pub mod key_hint;
pub mod map;
pub mod row;
#[cfg(test)]
pub mod sample;
pub mod walk;
pub mod where_was_i;
pub mod words;

/// Which card a run is shown with first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum First {
    /// The one of the place where it stands.
    #[default]
    Place,
    /// The one of the newest way back.
    WayBack,
}

pub use card::{Card, Confirm, already_done_card, card, here, outcome, undo_card};
pub use footer::{Footer, PersonClock, footer};
pub use help::{Help, help};
pub use key_hint::{Act, KeyHint};
pub use map::{MapLine, Mark, StepLine, map};
pub use row::{Label, Row};
pub use walk::{Walk, walk};
pub use where_was_i::where_was_i;
