//! Labs: throw-away copies to drill in, and what a drill may touch.
//!
//! A lab is a program that stays in the foreground, prints `name=value` lines, then `ready`, and ends on TERM. It runs
//! in a process group of its own, in a folder of its own, without the operator's environment:
//!
//! ```text
//! <folder>/          HOME
//!   lab.json         who runs it: found by the sweep of the next drill if this one crashes
//!   lab.log          all that it printed
//!   site/            $LOCUM_LAB, empty at the start
//!   tmp/             TMPDIR
//! ```
//!
//! Not responsible for the steps that are run against a lab.

mod environment;
mod fault;
#[cfg(test)]
mod flagship;
mod marks;
mod reach;
mod running;
mod sweep;
mod words;

pub use environment::{environment, mark, missing};
pub use fault::LabError;
pub use reach::{inside, is_loopback};
pub use running::{Lab, LabSpec};
pub use sweep::{clear, sweep};
