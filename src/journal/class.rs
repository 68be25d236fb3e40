//! What can be said of a journal as a whole: the classes of damage, with their exit codes.

use std::fmt;

use serde::Serialize;

use crate::engine::Exit;

/// One journal has one class: the first damage that is found in the order of the chain, and never a guess.
///
/// Files are named without their folder, lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "class", rename_all = "kebab-case")]
pub enum Class {
    /// Every line is whole and in its place.
    Ok,
    /// The last write was cut off; nothing before it is touched.
    Torn { file: String, offset: u64, bytes: u64, why: String },
    /// A line is not what was written, or stands where it does not belong. `line` is 0 for the file as a whole.
    Corrupt { file: String, line: u64, why: String },
    /// Two histories follow one head.
    Fork { first: String, second: String, why: String },
    /// Records that are known to have existed are missing at the end.
    RolledBack { anchor: String, epoch: u32, seq: u64 },
    /// The bytes could not be had, so nothing is known about them.
    Unreadable { file: String, why: String },
}

impl Class {
    /// How a program ends that only looked at the journal.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Ok => Exit::Done,
            Self::Torn { .. } => Exit::Torn,
            Self::Corrupt { .. } => Exit::Corrupt,
            Self::Fork { .. } => Exit::Fork,
            Self::RolledBack { .. } => Exit::RolledBack,
            Self::Unreadable { .. } => Exit::Environment,
        }
    }

    /// The same as a number.
    pub const fn exit_code(&self) -> u8 {
        self.exit().code()
    }

    /// No damage at all.
    pub const fn is_ok(&self) -> bool {
        matches!(self, Self::Ok)
    }
}

/// One sentence for a person.
impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("every line is whole and in its place"),
            Self::Torn { file, bytes, why, .. } => {
                write!(f, "the last write was cut off: the last line of `{file}` ({bytes} bytes) {why}")
            }
            Self::Corrupt { file, line: 0, why } => write!(f, "`{file}` {why}"),
            Self::Corrupt { file, line, why } => write!(f, "line {line} of `{file}` {why}"),
            Self::Fork { first, second, why } if first == second => {
                write!(f, "`{first}` holds two histories of one run: {why}")
            }
            Self::Fork { first, second, why } => {
                write!(f, "`{first}` and `{second}` are two histories of one run: {why}")
            }
            Self::RolledBack { anchor, epoch: 0, .. } => write!(f, "the journal is empty, but {anchor}"),
            Self::RolledBack { anchor, epoch, seq } => {
                write!(f, "the journal ends with record {epoch}-{seq}, but {anchor}")
            }
            Self::Unreadable { file, why } => write!(f, "`{file}` cannot be read: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_one_sentence_and_names_the_place() {
        let corrupt = Class::Corrupt {
            file: "seg-0001-pepe.mio.jsonl".into(),
            line: 3,
            why: "is not what its `h` was made of".into(),
        };
        assert_eq!(corrupt.to_string(), "line 3 of `seg-0001-pepe.mio.jsonl` is not what its `h` was made of");
        assert_eq!(corrupt.exit_code(), 11);
    }

    #[test]
    fn a_class_is_tagged_in_json() {
        let json = serde_json::to_value(Class::RolledBack { anchor: "a".into(), epoch: 1, seq: 2 }).unwrap();
        assert_eq!(json, serde_json::json!({"class": "rolled-back", "anchor": "a", "epoch": 1, "seq": 2}));
        assert_eq!(serde_json::to_value(Class::Ok).unwrap(), serde_json::json!({"class": "ok"}));
    }
}
