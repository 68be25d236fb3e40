//! What can go wrong between the journal and the world, with exit code and remedy.

use std::io;
use std::path::{Path, PathBuf};

use super::line::VERSION;
use super::{Class, Holder};
use crate::engine::Exit;

/// What helps where nothing can be written any more.
const ELSEWHERE: &str = "keep runs in another folder, on another disk, with `--state DIR`; an open run goes on there by `locum resume RUN --state DIR`";
const FULL: &str = "free some space, or keep runs on another disk with `--state DIR`; an open run goes on there by `locum resume RUN --state DIR`";

/// Why the journal could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("cannot {action} `{}`", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{what} is `{found}`, expected lower-case letters, digits and `-`, at most 64 of them")]
    Name { what: &'static str, found: String },
    #[error("`{}` is there already", path.display())]
    Exists { path: PathBuf },
    /// A later epoch exists: this writer has lost control and may add nothing.
    #[error("epoch {ours} has no control any more, epoch {highest} has taken over")]
    Fenced { ours: u32, highest: u32 },
    #[error("epoch {found} cannot be made, expected {expected}, the next one")]
    Epoch { found: u32, expected: u32 },
    /// The journal is damaged in a way that forbids to add to it.
    #[error("the journal cannot be written: {class}")]
    ReadOnly { class: Box<Class> },
    #[error("the journal is of version {found}, and this locum writes version {VERSION}")]
    NewerVersion { found: u64 },
    #[error("a record of {bytes} bytes is too long, expected at most {limit}")]
    TooLong { bytes: usize, limit: usize },
    /// The caller's record does not fit the journal it is meant for.
    #[error("the record does not fit: {why}")]
    Record { why: String },
    /// The bytes behind the last record are not ours.
    #[error("`{}` has {found} bytes, expected {expected}: somebody else wrote to it", path.display())]
    Foreign { path: PathBuf, found: u64, expected: u64 },
    /// An earlier write failed; nothing is added to this file any more.
    #[error("an earlier write to `{}` failed, so nothing more is written to it", path.display())]
    Suspect { path: PathBuf },
    /// Somebody is in this run.
    #[error("the run is held by {}", Holder::or_unknown(holder.as_deref()))]
    Held { holder: Option<Box<Holder>> },
    /// A process stands between its epoch check and the end of its append.
    #[error("process {} has not finished its append to the journal", or_unknown(*pid))]
    AppendHeld { pid: Option<u32> },
    /// The supervisor of this attempt lives.
    #[error("`{}` is held by a supervisor that lives", path.display())]
    Supervised { path: PathBuf },
}

impl JournalError {
    /// For `map_err`: the same with what was done, and to which file.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// How the program ends when nothing can be done about it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Name { .. } => Exit::Usage,
            Self::Io { .. }
            | Self::Exists { .. }
            | Self::Epoch { .. }
            | Self::NewerVersion { .. }
            | Self::TooLong { .. }
            | Self::Record { .. }
            | Self::Foreign { .. }
            | Self::Suspect { .. } => Exit::JournalNotWritable,
            Self::Held { .. } | Self::AppendHeld { .. } | Self::Supervised { .. } => Exit::HeldByAnother,
            Self::Fenced { .. } => Exit::Fenced,
            Self::ReadOnly { class } => class.exit(),
        }
    }

    /// The same as a number.
    pub fn exit_code(&self) -> u8 {
        self.exit().code()
    }

    /// What a person can do about it.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Suspect { .. } => Some(ELSEWHERE),
            Self::Held { .. } => Some("let them go on, or ask them; `locum report RUN` tells where it stands"),
            Self::AppendHeld { .. } => Some("end that process, or let it go on if it is stopped, then try again"),
            Self::NewerVersion { .. } => Some("it can be read here; to go on in it, use the locum that wrote it"),
            Self::Foreign { .. } => Some("run `locum audit` on it before anything else"),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => Some(FULL),
            Self::Io { .. } if self.exit() == Exit::JournalNotWritable => Some(ELSEWHERE),
            _ => None,
        }
    }
}

fn or_unknown(pid: Option<u32>) -> String {
    pid.map_or_else(|| "?".to_owned(), |pid| pid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_file_and_keeps_its_cause() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let error = JournalError::io("append to journal", Path::new("/runs/a"))(full);
        assert_eq!(error.to_string(), "cannot append to journal `/runs/a`");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "no storage space");
        assert!(error.help().unwrap().contains("--state"));
        assert_eq!(error.exit_code(), 6);
    }

    #[test]
    fn a_fenced_writer_and_a_held_run_have_exit_codes_of_their_own() {
        assert_eq!(JournalError::Fenced { ours: 1, highest: 2 }.exit_code(), 8);
        assert_eq!(JournalError::Held { holder: None }.exit_code(), 7);
        let torn = Class::Torn { file: "a".into(), offset: 0, bytes: 1, why: "no newline at the end".into() };
        assert_eq!(JournalError::ReadOnly { class: Box::new(torn) }.exit_code(), 10);
    }
}
