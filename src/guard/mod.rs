//! What must not change: measured, compared, copied, put back.
//!
//! [`measure`] says what a scope is made of, [`compare`] what became of it, [`MayChange`] what a step may touch.
//! [`copy()`] keeps the scope before a change, [`restore`] is the way back and proves itself. Symbolic links are
//! never followed inside a scope: every step down is made from a directory that is held open.
//!
//! Not responsible for when this happens (the engine decides) nor for what the person sees.

mod aside;
mod copy;
mod difference;
mod duplicate;
mod entry;
mod fault;
mod may_change;
mod measure;
mod path_text;
mod place;
mod progress;
mod restore;
mod roots;
mod there;
mod way;

pub use copy::{Copy, MANIFEST, copy};
pub use difference::{Change, Difference, broken, compare};
pub use duplicate::copy_folder;
pub use entry::{Entry, Kind};
pub use fault::GuardError;
pub use may_change::MayChange;
pub use measure::{Measure, measure, measure_seen};
pub use progress::Progress;
pub use restore::{Restored, restore};
pub use roots::Roots;
pub use there::{Ask, CopyThere, copy_there, file_there, measure_there, restore_there, write_there};
