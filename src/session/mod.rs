//! The driver: where engine, journal, exec, probe, guard and host meet.

pub mod bundle;
pub mod control;
pub mod inputs;
pub mod watch;

pub use control::{Busy, Control, Notice, Trouble};
