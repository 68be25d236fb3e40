//! The chain over all segments: is every line in its place, and if not, what happened?
//!
//! Lines are checked one by one in batches, on all cores; only their order is looked at one after the other. The walk
//! stops at the first damage, so that what was shown before it is exactly what can be believed.

use std::ops::ControlFlow;
use std::path::Path;

use rayon::prelude::*;

use super::line::{self, Flaw, Sealed, VERSION};
use super::scan::{self, Batch, RawLine};
use super::{Class, Digest, JournalError, Segment};

/// A batch below this many bytes is not worth waking other threads.
const WORTH_SHARING: usize = 256 * 1024;

/// A record that is known to exist from somewhere else: a seal, a push, what a person wrote down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    pub epoch: u32,
    pub seq: u64,
    pub h: Digest,
    /// Who says so; reads on after "but": `the seal of komari names record 1-7`.
    pub from: String,
}

/// What a walk found.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) class: Class,
    /// `h` of the last line in place; zeros before the first.
    pub(super) head: Digest,
    /// Its epoch and number; zeros before the first.
    pub(super) at: (u32, u64),
    pub(super) run: Option<String>,
    /// The highest version above ours that was seen.
    pub(super) newer: Option<u64>,
    pub(super) records: u64,
    /// Bytes of the lines in place.
    pub(super) bytes: u64,
}

/// A line in its place.
pub(super) struct Link<'a> {
    pub(super) raw: RawLine<'a>,
    pub(super) sealed: Sealed<'a>,
}

/// Walks over the segments, which stand in order of epoch, and hands each line in its place to `keep`.
pub(super) fn walk(segments: &[Segment], anchors: &[Anchor], keep: &mut dyn FnMut(&Link<'_>)) -> Walk {
    let start = Walk { class: Class::Ok, head: Digest::ZERO, at: (0, 0), run: None, newer: None, records: 0, bytes: 0 };
    let mut walker = Walker { walk: start, before: None, bad: None, torn: None, anchors, keep };
    for (at, segment) in segments.iter().enumerate() {
        if let Err(class) = walker.segment(&segments[..at], segment) {
            walker.walk.class = class;
            return walker.walk;
        }
    }
    walker.walk.class = walker.missing_anchor().or(walker.torn).unwrap_or(Class::Ok);
    walker.walk
}

struct Walker<'k> {
    walk: Walk,
    /// `prev` of the last line in place.
    before: Option<Digest>,
    /// A line that is damaged for certain, and damage or a torn write depending on what follows.
    bad: Option<(u64, u64, Flaw)>,
    torn: Option<Class>,
    anchors: &'k [Anchor],
    keep: &'k mut dyn FnMut(&Link<'_>),
}

impl Walker<'_> {
    fn segment(&mut self, earlier: &[Segment], segment: &Segment) -> Result<(), Class> {
        let expected = earlier.last().map_or(1, |last| last.epoch.saturating_add(1));
        if let Some(twin) = earlier.last().filter(|last| last.epoch == segment.epoch) {
            return Err(fork(twin, segment, format!("both hold epoch {}", segment.epoch)));
        }
        if segment.epoch != expected {
            return Err(corrupt(segment, 0, format!("is there, but the segment of epoch {expected} is missing")));
        }
        let mut damage = None;
        let mut end = 0;
        scan::scan(&segment.path, |batch| {
            end = batch.lines().last().map_or(end, |raw| raw.offset + raw.bytes.len() as u64);
            for (raw, checked) in check_all(batch) {
                if let Err(class) = self.line(earlier, segment, raw, checked) {
                    damage = Some(class);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })
        .map_err(|error| unreadable(segment, &error))?;
        damage.map_or(Ok(()), Err)?;
        if let Some((_, offset, flaw)) = self.bad.take() {
            self.torn = Some(Class::Torn { file: segment.name(), offset, bytes: end - offset, why: flaw.to_string() });
        }
        Ok(())
    }

    fn line(&mut self, earlier: &[Segment], segment: &Segment, raw: RawLine<'_>, checked: Result<Sealed<'_>, Flaw>) -> Result<(), Class> {
        if let Some((number, _, flaw)) = &self.bad {
            return Err(corrupt(segment, *number, flaw.to_string()));
        }
        match checked {
            Err(flaw) if flaw.can_be_torn() => self.bad = Some((raw.number, raw.offset, flaw)),
            Err(flaw) => return Err(corrupt(segment, raw.number, flaw.to_string())),
            Ok(sealed) => {
                self.place(earlier, segment, raw.number, &sealed)?;
                self.accept(&Link { raw, sealed });
            }
        }
        Ok(())
    }

    /// Whether a whole line stands where it belongs.
    fn place(&self, earlier: &[Segment], segment: &Segment, number: u64, line: &Sealed<'_>) -> Result<(), Class> {
        let wrong = |why| Err(corrupt(segment, number, why));
        if let Some(run) = self.walk.run.as_ref().filter(|run| *run != line.run()) {
            return wrong(format!("belongs to run `{}`, expected `{run}`", line.run()));
        }
        if line.epoch != segment.epoch {
            return wrong(format!("belongs to epoch {}, expected {}", line.epoch, segment.epoch));
        }
        let follows = self.walk.at.0 == segment.epoch;
        if follows && line.h == self.walk.head {
            return wrong("repeats the line before".to_owned());
        }
        if follows && Some(line.prev) == self.before {
            return Err(fork(segment, segment, format!("line {number} and the line before it follow one head")));
        }
        let expected = if follows { self.walk.at.1 + 1 } else { 1 };
        if line.seq != expected {
            return wrong(format!("has `seq` {}, expected {expected}", line.seq));
        }
        if line.prev == self.walk.head {
            self.contradiction(segment, line)
        } else if follows || segment.epoch == 1 {
            wrong("does not follow the line before: its `prev` is another".to_owned())
        } else {
            Err(self.strange_takeover(earlier, segment, line.prev))
        }
    }

    /// An epoch begins at a head that is not the last one we have. Either that head is further back, and somebody went
    /// on behind it; or it is gone.
    fn strange_takeover(&self, earlier: &[Segment], segment: &Segment, head: Digest) -> Class {
        match child_of(earlier, head) {
            Err(class) => class,
            Ok(Some((other, line))) => {
                let why = format!("epoch {} took over before line {line} of the first", segment.epoch);
                fork(other, segment, why)
            }
            Ok(None) => match &self.torn {
                Some(Class::Torn { file, why, .. }) => {
                    let why = format!("{why}, at its last line, which epoch {} took over whole", segment.epoch);
                    Class::Corrupt { file: file.clone(), line: 0, why }
                }
                _ => self.rolled_back(format!("epoch {} took over a later one", segment.epoch)),
            },
        }
    }

    fn contradiction(&self, segment: &Segment, line: &Sealed<'_>) -> Result<(), Class> {
        let same_place = |anchor: &&Anchor| (anchor.epoch, anchor.seq) == (line.epoch, line.seq);
        match self.anchors.iter().find(|anchor| same_place(anchor) && anchor.h != line.h) {
            Some(anchor) => Err(Class::Fork { first: segment.name(), second: "another copy".into(), why: anchor.from.clone() }),
            None => Ok(()),
        }
    }

    fn missing_anchor(&self) -> Option<Class> {
        let missing = self.anchors.iter().find(|anchor| (anchor.epoch, anchor.seq) > self.walk.at)?;
        Some(self.rolled_back(missing.from.clone()))
    }

    fn rolled_back(&self, anchor: String) -> Class {
        Class::RolledBack { anchor, epoch: self.walk.at.0, seq: self.walk.at.1 }
    }

    fn accept(&mut self, link: &Link<'_>) {
        let line = &link.sealed;
        self.walk.run.get_or_insert_with(|| line.run().to_owned());
        if line.version > VERSION {
            self.walk.newer = self.walk.newer.max(Some(line.version));
        }
        self.before = Some(line.prev);
        self.walk.head = line.h;
        self.walk.at = (line.epoch, line.seq);
        self.walk.records += 1;
        self.walk.bytes += link.raw.bytes.len() as u64;
        (self.keep)(link);
    }
}

fn check_all(batch: &Batch) -> Vec<(RawLine<'_>, Result<Sealed<'_>, Flaw>)> {
    if batch.len() < WORTH_SHARING {
        return batch.lines().map(|raw| (raw, line::check(raw.bytes))).collect();
    }
    let lines: Vec<_> = batch.lines().collect();
    lines.into_par_iter().map(|raw| (raw, line::check(raw.bytes))).collect()
}

/// The segment that holds a head, and the number of the line behind it.
fn child_of(segments: &[Segment], head: Digest) -> Result<Option<(&Segment, u64)>, Class> {
    for segment in segments {
        let mut found = None;
        scan::scan(&segment.path, |batch| {
            let holds = |line: &Result<Sealed<'_>, Flaw>| line.as_ref().is_ok_and(|line| line.h == head);
            found = check_all(batch).into_iter().find(|(_, line)| holds(line)).map(|(raw, _)| raw.number + 1);
            if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .map_err(|error| unreadable(segment, &error))?;
        if let Some(number) = found {
            return Ok(Some((segment, number)));
        }
    }
    Ok(None)
}

fn corrupt(segment: &Segment, line: u64, why: String) -> Class {
    Class::Corrupt { file: segment.name(), line, why }
}

fn fork(first: &Segment, second: &Segment, why: String) -> Class {
    Class::Fork { first: first.name(), second: second.name(), why }
}

fn unreadable(segment: &Segment, error: &JournalError) -> Class {
    unreadable_path(&segment.path, error)
}

/// A file that could not be read, as a class.
pub(super) fn unreadable_path(path: &Path, error: &JournalError) -> Class {
    let cause = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    Class::Unreadable { file: path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(), why: cause }
}
