//! What can go wrong while a scope is measured, copied or put back.

use std::io;
use std::path::{Path, PathBuf};

/// The world did not let us look at, copy or put back a path.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// An entry of `scope.files` that cannot be a place.
    #[error("`{}` in `scope.files` is not an absolute path without `..`", .0.display())]
    Root(PathBuf),
    /// An entry of `scope.files` that is reached only through a link in another entry.
    #[error("`{}` lies behind a symbolic link inside `scope.files`; name the place it leads to", .0.display())]
    BehindLink(PathBuf),
    /// A pattern of `may_change` that means nothing.
    #[error("`{pattern}` in `may_change` is not a pattern: {reason}")]
    Pattern { pattern: String, reason: String },
    /// An act on a path failed.
    #[error("cannot {act} `{}`", path.display())]
    Io {
        act: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Somebody else was writing.
    #[error("`{}` changed while it was being read", .0.display())]
    Moving(PathBuf),
    /// What was written is not what is read back.
    #[error("the copy of `{}` does not read back as it was", .0.display())]
    NotReadBack(PathBuf),
    /// The folder holds no finished copy.
    #[error("`{}` holds no finished copy: {reason}", folder.display())]
    NoCopy { folder: PathBuf, reason: String },
    /// In words of another place.
    #[error("over there: {0}")]
    There(String),
}

impl GuardError {
    /// The path that it is about, if it is about one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Root(path)
            | Self::BehindLink(path)
            | Self::Moving(path)
            | Self::NotReadBack(path)
            | Self::Io { path, .. }
            | Self::NoCopy { folder: path, .. } => Some(path),
            Self::Pattern { .. } | Self::There(_) => None,
        }
    }
}

/// Turns the error of a call into ours: `.map_err(failed("open", path))`.
pub(super) fn failed<E: Into<io::Error>>(act: &'static str, path: &Path) -> impl FnOnce(E) -> GuardError {
    let path = path.to_owned();
    move |source| GuardError::Io { act, path, source: source.into() }
}
