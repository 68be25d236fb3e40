//! What a runbook means, typed. Each record is one table from which type, loader and schema come.

mod belongs;
pub mod branch;
pub mod command;
pub mod decode;
pub mod fields;
mod parts;
pub mod probe;
pub mod runbook;
pub mod scalar;
pub mod secret;
pub mod shape;
pub mod step;
pub mod target;
pub mod test;

pub use branch::{Branch, Choices, Destination};
pub use command::Command;
pub use probe::Probe;
pub use runbook::Runbook;
pub use scalar::{Located, Name, OneOrMany, Text};
pub use step::{Kind as StepKind, Phase, Risk, Step};
pub use target::Target;
pub use test::Test;
