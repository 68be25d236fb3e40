//! The driver: where engine, journal, exec, probe, guard and host meet.

pub mod control;

pub use control::{Busy, Control, Notice, Trouble};
