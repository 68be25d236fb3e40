//! What the look over there said, read as strictly as it was framed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::words::{Frames, cut};
use crate::guard::path_text::to_text;
use crate::guard::{Entry, GuardError, Kind, Measure};

/// A line of `stat`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stat {
    mode: u32,
    uid: u32,
    gid: u32,
    size: u64,
    device: (u32, u32),
    /// Inode, and the times of the last changes: what tells that it was still.
    still: (u64, i64, i64),
}

impl Stat {
    fn read(line: &str) -> Result<Self, GuardError> {
        let words: Vec<_> = line.split(' ').collect();
        let [mode, uid, gid, size, major, minor, inode, written, changed] = words.as_slice() else { return Err(cut()) };
        let hex = |word: &str| u32::from_str_radix(word, 16).map_err(|_| cut());
        let number = |word: &str| word.parse::<u64>().map_err(|_| cut());
        let id = |word: &str| word.parse::<u32>().map_err(|_| cut());
        let time = |word: &str| word.parse::<i64>().map_err(|_| cut());
        Ok(Self {
            mode: hex(mode)?,
            uid: id(uid)?,
            gid: id(gid)?,
            size: number(size)?,
            device: (hex(major)?, hex(minor)?),
            still: (number(inode)?, time(written)?, time(changed)?),
        })
    }

    fn entry(&self) -> Entry {
        let (kind, target) = match self.mode & 0o170_000 {
            0o100_000 => (Kind::File, None),
            0o040_000 => (Kind::Dir, None),
            0o120_000 => (Kind::Link, None),
            0o010_000 => (Kind::Other, Some("named pipe".to_owned())),
            0o140_000 => (Kind::Other, Some("socket".to_owned())),
            0o020_000 => (Kind::Other, Some(format!("character device {}:{}", self.device.0, self.device.1))),
            0o060_000 => (Kind::Other, Some(format!("block device {}:{}", self.device.0, self.device.1))),
            _ => (Kind::Other, Some("unknown".to_owned())),
        };
        let mode = if kind == Kind::Link { 0o777 } else { self.mode & 0o7777 };
        Entry { kind, mode, uid: self.uid, gid: self.gid, size: 0, sha256: None, target }
    }
}

/// The measure, and which of the inner roots exist.
pub(super) fn read(answer: &[u8]) -> Result<(Measure, BTreeMap<PathBuf, bool>), GuardError> {
    let mut frames = Frames::of(answer);
    let (mut measure, mut stats, mut inner) = (Measure::default(), BTreeMap::new(), BTreeMap::new());
    loop {
        let (kind, text) = frames.next()?;
        match kind {
            b'A' => entries(&mut frames, count(text)?, &mut measure, &mut stats)?,
            b'B' => files(&mut frames, count(text)?, &mut measure, &stats)?,
            b'L' => links(&mut frames, count(text)?, &mut measure)?,
            b'M' => _ = measure.missing.insert(path(frames.text()?)?),
            b'I' => _ = inner.insert(path(frames.text()?)?, text == "1"),
            b'Z' => break,
            _ => return Err(cut()),
        }
    }
    if !frames.rest().is_empty() {
        return Err(cut());
    }
    // What has no digest or no target was not there any more when it was its turn.
    let half = |entry: &Entry| match entry.kind {
        Kind::File => entry.sha256.is_none(),
        Kind::Link => entry.target.is_none(),
        Kind::Dir | Kind::Other => false,
    };
    match measure.entries.iter().find(|(_, entry)| half(entry)) {
        Some((path, _)) => Err(GuardError::Moving(path.clone())),
        None => Ok((measure, inner)),
    }
}

fn count(text: &str) -> Result<usize, GuardError> {
    text.parse().map_err(|_| cut())
}

pub(super) fn path(bytes: &[u8]) -> Result<PathBuf, GuardError> {
    let path = Path::new(OsStr::from_bytes(bytes));
    if path.is_absolute() { Ok(path.to_owned()) } else { Err(cut()) }
}

fn paths(frames: &mut Frames, count: usize) -> Result<Vec<PathBuf>, GuardError> {
    (0..count).map(|_| path(frames.text()?)).collect()
}

fn stats_of(frames: &mut Frames, count: usize) -> Result<Vec<Stat>, GuardError> {
    (0..count).map(|_| Stat::read(frames.line()?)).collect()
}

fn entries(
    frames: &mut Frames,
    count: usize,
    measure: &mut Measure,
    stats: &mut BTreeMap<PathBuf, Stat>,
) -> Result<(), GuardError> {
    let paths = paths(frames, count)?;
    for (path, stat) in paths.into_iter().zip(stats_of(frames, count)?) {
        if measure.entries.insert(path.clone(), stat.entry()).is_some() {
            return Err(cut());
        }
        stats.insert(path, stat);
    }
    Ok(())
}

fn files(
    frames: &mut Frames,
    count: usize,
    measure: &mut Measure,
    stats: &BTreeMap<PathBuf, Stat>,
) -> Result<(), GuardError> {
    let paths = paths(frames, count)?;
    let before = stats_of(frames, count)?;
    let digests = (0..count).map(|_| digest(frames.line()?)).collect::<Result<Vec<_>, _>>()?;
    let after = stats_of(frames, count)?;
    for (((path, before), digest), after) in paths.into_iter().zip(before).zip(digests).zip(after) {
        if before != after || stats.get(&path) != Some(&after) {
            return Err(GuardError::Moving(path));
        }
        let entry = measure.entries.get_mut(&path).ok_or_else(cut)?;
        (entry.size, entry.sha256) = (after.size, Some(digest));
    }
    Ok(())
}

/// The digest at the beginning of a line; before it a backslash, where the name after it was escaped.
fn digest(line: &str) -> Result<String, GuardError> {
    let digest = line.strip_prefix('\\').unwrap_or(line).get(..64).ok_or_else(cut)?;
    let hex = digest.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if hex { Ok(digest.to_owned()) } else { Err(cut()) }
}

fn links(frames: &mut Frames, count: usize, measure: &mut Measure) -> Result<(), GuardError> {
    for _ in 0..count {
        let (path, target) = (path(frames.text()?)?, Path::new(OsStr::from_bytes(frames.text()?)));
        let entry = measure.entries.get_mut(&path).filter(|entry| entry.kind == Kind::Link);
        entry.ok_or(GuardError::Moving(path))?.target = Some(to_text(target));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "81a4 0 0 3 0 0 7 1 1";

    fn said(text: &str) -> Result<Measure, GuardError> {
        read(text.as_bytes()).map(|(measure, _)| measure)
    }

    #[test]
    fn what_was_not_still_is_no_measure() {
        let digest = "0".repeat(64);
        let whole = format!("A1\0/a\0{STAT}\nB1\0/a\0{STAT}\n{digest}  /a\n{STAT}\nZ\0");
        assert_eq!(said(&whole).unwrap().entries.len(), 1);
        let moved = whole.replacen("7 1 1\nZ", "7 1 2\nZ", 1);
        assert!(matches!(said(&moved), Err(GuardError::Moving(_))));
        let other = whole.replacen("A1\0/a\081a4 0 0 3 0 0 7", "A1\0/a\081a4 0 0 3 0 0 8", 1);
        assert!(matches!(said(&other), Err(GuardError::Moving(_))));
        let unread = format!("A1\0/a\0{STAT}\nZ\0");
        assert!(matches!(said(&unread), Err(GuardError::Moving(_))));
    }

    #[test]
    fn what_is_not_framed_as_it_should_be_is_refused() {
        for bad in [
            "",
            "Z",
            "Q\0Z\0",
            "A1\0a\081a4 0 0 3 0 0 7 1 1\nZ\0",
            "A2\0/a\081a4 0 0 3 0 0 7 1 1\nZ\0",
            "Z\0more",
            "A1\0/a\0x\nZ\0",
        ] {
            assert!(said(bad).is_err(), "{bad:?}");
        }
        let twice = format!("A2\0/d\0/d\0{0}\n{0}\nZ\0", STAT.replace("81a4", "41ed"));
        assert!(said(&twice).is_err(), "a path is said once");
        assert_eq!(said("Xthere is no stat\0").unwrap_err().to_string(), "over there: there is no stat");
    }
}
