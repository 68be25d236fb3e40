//! What became of a scope between two measures, in words a person can act on.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::path_text::{from_text, to_text};
use super::{Entry, Kind, MayChange, Measure};

/// One way in which one path is not as before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    #[serde(serialize_with = "write_path", deserialize_with = "read_path")]
    pub path: PathBuf,
    pub what: Change,
}

/// What changed, from what to what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum Change {
    Added {
        kind: Kind,
    },
    Removed {
        kind: Kind,
    },
    /// Digests in hex.
    Contents {
        before: String,
        after: String,
    },
    Mode {
        before: u32,
        after: u32,
    },
    /// User and group, as numbers.
    Owner {
        before: (u32, u32),
        after: (u32, u32),
    },
    Kind {
        before: Kind,
        after: Kind,
    },
    /// Where a link leads, or which special file it is.
    Target {
        before: String,
        after: String,
    },
}

/// Every difference, in the order of the paths. A path that changed its kind is told as that alone.
pub fn compare(before: &Measure, after: &Measure) -> Vec<Difference> {
    let mut found = Vec::new();
    for (path, was) in &before.entries {
        let changes = match after.entries.get(path) {
            None => vec![Change::Removed { kind: was.kind }],
            Some(is) => changes(was, is),
        };
        found.extend(changes.into_iter().map(|what| Difference { path: path.clone(), what }));
    }
    for (path, is) in &after.entries {
        if !before.entries.contains_key(path) {
            found.push(Difference { path: path.clone(), what: Change::Added { kind: is.kind } });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The differences that a step had no leave to make.
pub fn broken<'a>(differences: &'a [Difference], may: &MayChange) -> Vec<&'a Difference> {
    differences.iter().filter(|difference| !may.allows(&difference.path)).collect()
}

fn changes(was: &Entry, is: &Entry) -> Vec<Change> {
    if was.kind != is.kind {
        return vec![Change::Kind { before: was.kind, after: is.kind }];
    }
    let mut found = Vec::new();
    if let (Some(before), Some(after)) = (&was.sha256, &is.sha256)
        && before != after
    {
        found.push(Change::Contents { before: before.clone(), after: after.clone() });
    }
    if let (Some(before), Some(after)) = (&was.target, &is.target)
        && before != after
    {
        found.push(Change::Target { before: before.clone(), after: after.clone() });
    }
    if was.mode != is.mode {
        found.push(Change::Mode { before: was.mode, after: is.mode });
    }
    if (was.uid, was.gid) != (is.uid, is.gid) {
        found.push(Change::Owner { before: (was.uid, was.gid), after: (is.uid, is.gid) });
    }
    found
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", to_text(&self.path), self.what)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added { kind } => write!(f, "is new: {kind} that was not there before"),
            Self::Removed { kind } => write!(f, "is gone: {kind} that was there before"),
            Self::Contents { before, after } => {
                write!(f, "has other contents: sha256 {} before, {} now", short(before), short(after))
            }
            Self::Mode { before, after } => write!(f, "has other permissions: {before:04o} before, {after:04o} now"),
            Self::Owner { before, after } => {
                write!(f, "has another owner: {}:{} before, {}:{} now", before.0, before.1, after.0, after.1)
            }
            Self::Kind { before, after } => write!(f, "is another kind of thing: {before} before, {after} now"),
            Self::Target { before, after } => write!(f, "leads elsewhere: `{before}` before, `{after}` now"),
        }
    }
}

/// Enough of a digest to tell two apart by eye; the record has all of it.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

#[expect(clippy::ptr_arg, reason = "the signature that serde asks for")]
fn write_path<S: serde::Serializer>(path: &PathBuf, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&to_text(path))
}

fn read_path<'de, D: serde::Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
    let text = String::deserialize(from)?;
    from_text(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a path as measures write it")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(mode: u32, uid: u32, contents: &str) -> Entry {
        let sha256 = Some(contents.to_owned());
        Entry { kind: Kind::File, mode, uid, gid: 0, size: 0, sha256, target: None }
    }

    fn link(target: &str) -> Entry {
        Entry { kind: Kind::Link, mode: 0o777, uid: 0, gid: 0, size: 0, sha256: None, target: Some(target.to_owned()) }
    }

    fn scope(entries: &[(&str, Entry)]) -> Measure {
        let entries = entries.iter().map(|(path, entry)| (PathBuf::from(path), entry.clone())).collect();
        Measure { entries, ..Measure::default() }
    }

    fn told(before: &Measure, after: &Measure) -> Vec<String> {
        compare(before, after).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn equal_measures_have_no_difference() {
        let scope = scope(&[("/a", file(0o600, 0, "x"))]);
        assert_eq!(compare(&scope, &scope), []);
    }

    #[test]
    fn every_way_to_change_is_told_from_what_to_what() {
        let before = scope(&[
            ("/b-removed", file(0o600, 0, "x")),
            ("/c-written", file(0o600, 0, "aaaaaaaaaaaaaaaaaaaa")),
            ("/d-opened", file(0o600, 0, "x")),
            ("/e-given", file(0o600, 0, "x")),
            ("/f-swapped", file(0o600, 0, "x")),
            ("/g-turned", link("v1")),
        ]);
        let after = scope(&[
            ("/a-added", file(0o600, 0, "x")),
            ("/c-written", file(0o600, 0, "bbbbbbbbbbbbbbbbbbbb")),
            ("/d-opened", file(0o644, 0, "x")),
            ("/e-given", file(0o600, 33, "x")),
            ("/f-swapped", link("/tmp/x")),
            ("/g-turned", link("v2")),
        ]);
        assert_eq!(
            told(&before, &after),
            [
                "/a-added: is new: a file that was not there before",
                "/b-removed: is gone: a file that was there before",
                "/c-written: has other contents: sha256 aaaaaaaaaaaa before, bbbbbbbbbbbb now",
                "/d-opened: has other permissions: 0600 before, 0644 now",
                "/e-given: has another owner: 0:0 before, 33:0 now",
                "/f-swapped: is another kind of thing: a file before, a link now",
                "/g-turned: leads elsewhere: `v1` before, `v2` now",
            ]
        );
    }

    #[test]
    fn contents_and_mode_of_one_file_are_two_differences() {
        let before = scope(&[("/a", file(0o600, 0, "x"))]);
        let after = scope(&[("/a", file(0o644, 0, "y"))]);
        assert_eq!(compare(&before, &after).len(), 2);
    }

    #[test]
    fn a_difference_survives_json() {
        let before = scope(&[("/a\u{7}", file(0o600, 0, "x"))]);
        let after = scope(&[("/a\u{7}", file(0o644, 1, "y"))]);
        let found = compare(&before, &after);
        let json = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Difference>>(&json).unwrap(), found);
    }
}
