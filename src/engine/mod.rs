//! The pure engine. [`command::Command`]s come in; [`record::Record`]s and [`command::Effect`]s go out, or a
//! [`refusal::Refusal`]. [`decide::decide`] reads and never writes; [`run::Run::apply`] writes and never decides;
//! so a replay cannot run anything twice.

mod access;
pub mod ahead;
mod as_root;
pub mod command;
pub mod decide;
pub mod exit;
pub mod key;
pub mod known;
pub mod ledger;
pub mod needed;
pub mod plan;
pub mod position;
#[cfg(test)]
mod properties;
pub mod record;
pub mod refusal;
pub mod resolve;
mod reviewed;
pub mod run;
#[cfg(test)]
pub mod testkit;
pub mod walk;

pub use as_root::NotAsRoot;
pub use command::{Asked, Command, Effect};
pub use decide::{Decision, SEND, decide, may_begin, may_open_shell};
pub use exit::Exit;
pub use key::{AttemptId, Key};
pub use ledger::Ledger;
pub use plan::Plan;
pub use position::{Advance, Position};
pub use record::Record;
pub use refusal::Refusal;
pub use run::Run;
