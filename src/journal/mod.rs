//! The record of who did what: lines, chain, files, damage.
//!
//! It stores and returns JSON objects and knows nothing of what the records mean to a run. What it does know is
//! which bytes are durable, in which order they stand, who may add to them, and what damage looks like.
//!
//! ```text
//! Writer::append -> line::seal -> Sink (one write, fdatasync) -> seg-0001-<writer>.<host>.jsonl
//! seg-*.jsonl -> scan (batches of lines) -> line::check -> chain::walk -+-> read   (lines, class)
//!                                                                       '-> audit  (class, order, blobs)
//! ```
//!
//! | question | file |
//! |---|---|
//! | where does it stand? | `folder` `segment` `run_id` `durable` |
//! | who may write? | `lock` `run_lock` `append_lock` `start_lock` |
//! | what do others write to it? | `notes` |
//! | what is a line? | `line` `glance` `digest` |
//! | how is it written? | `writer` `resume` `sink` |
//! | what is there, and is it whole? | `scan` `chain` `class` `reading` `audit` `order` `blobs` |
//! | what did the supervisor see? | `evidence` |

mod append_lock;
mod audit;
mod blobs;
mod chain;
mod class;
mod digest;
mod durable;
mod error;
mod evidence;
mod folder;
mod glance;
mod line;
mod lock;
mod notes;
mod order;
mod reading;
mod resume;
mod run_id;
mod run_lock;
mod scan;
mod segment;
mod sink;
mod start_lock;
#[cfg(test)]
mod testing;
mod writer;

pub use append_lock::AppendLock;
pub use audit::{Audit, audit};
pub use blobs::{BlobCount, BlobMismatch};
pub use chain::Anchor;
pub use class::Class;
pub use digest::Digest;
pub use error::JournalError;
pub use evidence::{Durable, Evidence, SupLock, is_blank, read_evidence, write_evidence};
pub use folder::{Listed, MOVED, RunFolder};
pub use line::{Line, MAX_LINE, VERSION};
pub use notes::{Notes, add_note, notes};
pub use order::Disorder;
pub use reading::{Reading, read, read_against, read_segments};
pub use resume::{Recovered, TornTail};
pub use run_id::new_run_id;
pub use run_lock::{Holder, Presence, RunLock};
pub use segment::Segment;
pub use start_lock::StartLock;
pub use writer::{Appended, Writer};
