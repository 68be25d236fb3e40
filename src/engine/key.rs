//! Names inside a run: a step with its turn in loops, an attempt.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A step of a run: its id, and in loops which turn it is, from 1, outermost first: `restart[2]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub id: String,
    pub turns: Vec<u32>,
}

impl Key {
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), turns: Vec::new() }
    }

    /// Another step in the same turns.
    #[must_use]
    pub fn beside(&self, id: impl Into<String>, turns: usize) -> Self {
        Self { id: id.into(), turns: self.turns[..turns.min(self.turns.len())].to_vec() }
    }

    /// One loop further in.
    #[must_use]
    pub fn turn(mut self, turn: u32) -> Self {
        self.turns.push(turn);
        self
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)?;
        if !self.turns.is_empty() {
            let turns: Vec<_> = self.turns.iter().map(u32::to_string).collect();
            write!(f, "[{}]", turns.join("."))?;
        }
        Ok(())
    }
}

/// A text that is not a step's name.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not the name of a step, expected one such as `renew` or `restart[2]`")]
pub struct NotAKey(String);

impl FromStr for Key {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let Some((id, turns)) = text.split_once('[') else { return Ok(Self::new(text)) };
        let turns = turns.strip_suffix(']').ok_or_else(|| NotAKey(text.to_owned()))?;
        let turns: Result<_, _> = turns.split('.').map(str::parse).collect();
        Ok(Self { id: id.to_owned(), turns: turns.map_err(|_| NotAKey(text.to_owned()))? })
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// One try of one step: `<epoch>-<seq>-<4 random>`; the key by which a command can know that it ran before.
#[derive(Default, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptId(pub String);

impl AttemptId {
    pub fn new(epoch: u32, seq: u64, random: [u8; 2]) -> Self {
        Self(format!("{epoch}-{seq}-{:02x}{:02x}", random[0], random[1]))
    }

    /// The epoch in which it was intended.
    pub fn epoch(&self) -> Option<u32> {
        self.0.split('-').next()?.parse().ok()
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_says_in_which_epoch_it_was_intended() {
        assert_eq!(AttemptId::new(12, 4, [0xab, 1]).epoch(), Some(12));
        assert_eq!(AttemptId("no-1-abcd".to_owned()).epoch(), None);
    }

    #[test]
    fn a_key_reads_as_it_is_written() {
        for text in ["renew", "restart[2]", "restart[2.1]"] {
            assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
        }
        assert!("restart[x]".parse::<Key>().is_err());
        assert!("restart[1".parse::<Key>().is_err());
    }
}
