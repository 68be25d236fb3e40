//! What can go wrong around a process, as far as the world is to blame.
//!
//! A command that cannot be started is no error: it is an [`Exit`](super::Exit) with `not_started` and a reason.

use std::io;
use std::path::PathBuf;

/// Why a look or a change could not be attended to.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The program that attends to the command (this same binary) cannot be started.
    #[error("cannot start `{}`", program.display())]
    Start {
        /// The binary that should have been started.
        program: PathBuf,
        /// Why the system refused.
        #[source]
        source: io::Error,
    },
    /// A pipe to the attending process broke.
    #[error("cannot talk to the process that attends to the step")]
    Control(#[source] io::Error),
    /// The supervisor said no before anything ran.
    #[error("the supervisor refused: {why}")]
    Refused {
        /// Its own words.
        why: String,
    },
    /// The supervisor did not become ready in time.
    #[error("the supervisor was not ready after {seconds} s")]
    NotReady {
        /// How long it was waited for.
        seconds: u64,
    },
    /// The supervisor ended without telling how the command ended.
    #[error("the supervisor ended without a word; what is known is in its evidence files")]
    Gone,
}
