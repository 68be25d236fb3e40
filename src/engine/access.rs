//! What getting in at a place gave, as it is recorded.

use serde::{Deserialize, Serialize};

use super::record::Judged;

/// What getting in at one place gave, before anything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The machine, as whom, by which words.
    pub place: String,
    pub judged: Judged,
    /// What holds there: `ssh`, `sudo`, programs, what it says that it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<String>,
    /// Versions of programs that the run uses there, as they say themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// What does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The account that this person acts as there only with a password, which this session holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_for: Option<String>,
}

impl Access {
    /// The place with what holds there.
    pub fn words(&self) -> String {
        if self.held.is_empty() { self.place.clone() } else { format!("{}: {}", self.place, self.held.join(", ")) }
    }
}

impl Default for Access {
    fn default() -> Self {
        Self {
            place: String::new(),
            judged: Judged::Unknown,
            held: Vec::new(),
            versions: Vec::new(),
            found: Vec::new(),
            remedy: None,
            password_for: None,
        }
    }
}
