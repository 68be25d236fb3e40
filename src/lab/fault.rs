//! Why a lab did not start or end.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The world or the lab's own program did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    #[error("the lab has no command to start")]
    NoCommand,
    /// A lab starts in a folder of its own.
    #[error("the folder `{}` is not empty, expected an empty one for the lab", .0.display())]
    NotEmpty(PathBuf),
    #[error("cannot {act} `{}`", path.display())]
    Io {
        act: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// It ended before it was ready; with the last words that it printed.
    #[error("the lab ended before it was ready: {said}")]
    Ended { said: String },
    /// It took too long; with the last words that it printed.
    #[error("the lab was not ready within {} s: {said}", waited.as_secs())]
    NotReady { waited: Duration, said: String },
    /// A line before `ready` that gives a name twice or holds control characters.
    #[error("the lab printed `{line}`: {reason}")]
    Line { line: String, reason: &'static str },
}

/// Turns the error of a call into ours: `.map_err(failed("make", path))`.
pub(super) fn failed<E: Into<io::Error>>(act: &'static str, path: &Path) -> impl FnOnce(E) -> LabError {
    let path = path.to_owned();
    move |source| LabError::Io { act, path, source: source.into() }
}
