//! The answers file of a run without a person: inputs, and one answer for each step that wants one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::Deserialize;

use crate::engine::Plan;
use crate::text::suggest;

/// The answer to the gate before repair.
pub const REPAIR: &str = "repair";

/// The step from which `locum undo` goes back.
pub const UNDO: &str = "undo";

/// What is in the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// Values for the runbook's inputs.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    /// Step id to answer: the word that confirms a change, `done`, `could not`, `yes`, `no`, a choice, a value; and
    /// `repair: enter` for the gate before the first change, `undo: STEP` for the step that `locum undo` goes back from. A step in a loop can have an answer for each turn, as `restart[2]`.
    #[serde(default)]
    pub answers: IndexMap<String, String>,
}

/// Why an answers file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum AnswersError {
    #[error("cannot read the answers `{path}`")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("`{path}` is not an answers file: {source}")]
    Syntax { path: PathBuf, source: serde_yaml::Error },
    #[error("`{path}` answers `{id}`, which is no step of this runbook{}", .near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    UnknownStep { path: PathBuf, id: String, near: Option<String> },
}

impl Answers {
    pub fn read(path: &Path) -> Result<Self, AnswersError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| AnswersError::Read { path: path.to_owned(), source })?;
        serde_yaml::from_str(&text).map_err(|source| AnswersError::Syntax { path: path.to_owned(), source })
    }

    /// Every answer belongs to a step of the plan.
    pub fn check(&self, plan: &Plan, path: &Path) -> Result<(), AnswersError> {
        for id in self.answers.keys() {
            let base = id.split('[').next().unwrap_or_default();
            if base != REPAIR && id != UNDO && plan.item(base).is_none() {
                let ids = plan.items().iter().map(|item| item.step.id.value.as_str());
                let near = suggest(base, ids).map(str::to_owned);
                return Err(AnswersError::UnknownStep { path: path.to_owned(), id: id.clone(), near });
            }
        }
        Ok(())
    }

    /// The answer for a step, in its turn or in any.
    pub fn get(&self, key: &crate::engine::Key) -> Option<&str> {
        let of_turn = self.answers.get(&key.to_string());
        of_turn.or_else(|| self.answers.get(&key.id)).map(String::as_str)
    }
}
