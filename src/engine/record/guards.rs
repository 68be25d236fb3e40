//! A measure of what must not change, as it is recorded.

use serde::{Deserialize, Serialize};

/// One thing that is not as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    pub path: String,
    /// `contents`, `mode`, `owner`, `kind`, `added`, `removed`, `target`, `output`.
    pub what: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub before: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub after: String,
}

/// What a measure of all guards gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guards {
    /// Digest over every entry of scope and guards.
    pub digest: String,
    /// How many files of the scope were measured: everything but folders, as the copy of it is counted.
    pub entries: u64,
    /// Changes that no step lists in `may_change`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<Changed>,
    /// Changes that the step lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<Changed>,
}
