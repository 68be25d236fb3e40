//! What a subcommand gives, and how a failure is told: `error:`, its causes, its exit code.

use std::fmt;

use crate::book::people::PeopleError;
use crate::config::ConfigError;
use crate::engine::Exit;
use crate::headless::{AnswersError, DecisionError, HeadlessError};
use crate::plain::PlainError;
use crate::session::Trouble;
use crate::session::bundle::BundleError;
use crate::session::inputs::InputError;
use crate::site::SiteError;
use crate::workspace::WorkspaceError;

/// A failure with the exit code it ends in.
#[derive(Debug)]
pub struct CliError {
    pub exit: Exit,
    pub error: anyhow::Error,
}

impl CliError {
    /// Said in words.
    pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, error: anyhow::anyhow!("{message}") }
    }
}

/// One table: which error ends in which exit code.
macro_rules! exits {
    ($($error:ty => $exit:expr,)*) => {
        $(impl From<$error> for CliError {
            fn from(error: $error) -> Self {
                let exit: fn(&$error) -> Exit = $exit;
                Self { exit: exit(&error), error: error.into() }
            }
        })*
    };
}

exits! {
    Trouble => Trouble::exit,
    WorkspaceError => |error| match error {
        WorkspaceError::Read { .. } => Exit::Environment,
        WorkspaceError::TooLarge { .. } | WorkspaceError::Outside { .. } => Exit::InvalidRunbook,
        WorkspaceError::NotFound | WorkspaceError::NotAFolder(_) | WorkspaceError::NoRunbook { .. } | WorkspaceError::BadId(_) => Exit::Usage,
    },
    ConfigError => |error| match error {
        ConfigError::Read { .. } => Exit::Environment,
        ConfigError::Syntax { .. }
        | ConfigError::Zone { .. }
        | ConfigError::Channel { .. }
        | ConfigError::NoHome => Exit::Usage,
    },
    InputError => |_| Exit::Usage,
    BundleError => |error| match error {
        BundleError::Outside { .. }
        | BundleError::NotAFile { .. }
        | BundleError::TooLarge { .. }
        | BundleError::TooMany { .. } => Exit::InvalidRunbook,
        BundleError::Read { .. } => Exit::Environment,
        BundleError::Write { .. } => Exit::JournalNotWritable,
        BundleError::Differs { .. } => Exit::NotTrusted,
        BundleError::Kept { .. } => Exit::Corrupt,
    },
    AnswersError => |_| Exit::Usage,
    DecisionError => |_| Exit::Usage,
    HeadlessError => |error| match error {
        HeadlessError::Trouble(trouble) => trouble.exit(),
        HeadlessError::Interrupted => Exit::Interrupted,
        HeadlessError::Write(_) => Exit::Environment,
    },
    PlainError => |error| match error {
        PlainError::Trouble(trouble) => trouble.exit(),
        PlainError::Write(_) => Exit::Environment,
    },
    SiteError => |error| match error {
        SiteError::NotOurs(_) | SiteError::Twice(_) | SiteError::Outside { .. } | SiteError::Empty => Exit::Usage,
        SiteError::Write { .. } | SiteError::Read { .. } | SiteError::Draw(_) => Exit::Environment,
    },
    PeopleError => |_| Exit::Usage,
    std::io::Error => |_| Exit::Environment,
    anyhow::Error => |_| Exit::Environment,
}

/// Tells a failure; gives the exit code of either.
pub fn tell(result: Result<Exit, CliError>) -> Exit {
    match result {
        Ok(exit) => exit,
        Err(error) => {
            // A pipe that was closed by its reader is no failure of ours.
            let closed = error.error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
            if closed.into_iter().any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe) {
                return Exit::Done;
            }
            let mut causes = error.error.chain();
            if let Some(first) = causes.next() {
                eprintln!("error: {}", said(first));
            }
            for cause in causes {
                eprintln!("cause: {}", said(cause));
            }
            error.exit
        }
    }
}

/// What leaves the program on its standard error: no secret, nothing that a terminal obeys.
fn said(error: &dyn std::error::Error) -> String {
    crate::text::plain_lines(&crate::session::secrets::last_words(&error.to_string()))
}
