//! The opening of a side shell, as it is recorded.

use serde::{Deserialize, Serialize};

use crate::engine::key::{AttemptId, Key};

/// A side shell, as it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellOpening {
    /// Its id, made as that of an attempt.
    pub shell: AttemptId,
    /// Why, in the words of the person.
    pub reason: String,
    /// The machine and the account, as the system names them.
    pub host: String,
    pub account: String,
    /// The machine that the step is about, where it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_on: Option<String>,
    pub argv: Vec<String>,
    /// Names of the environment.
    pub env: Vec<String>,
    pub cwd: String,
    /// The step at which the run stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Key>,
}
