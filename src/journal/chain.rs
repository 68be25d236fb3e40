//! The chain over all segments: is every line in its place, and if not, what happened?
//!
//! Lines are checked one by one in batches, on all cores; only their order is looked at one after the other. The walk
//! stops at the first damage, so that what was shown before it is exactly what can be believed.

use std::ops::ControlFlow;
use std::path::Path;

use super::line::{self, Flaw, Sealed, VERSION};
use super::scan::{self, Batch, RawLine};
use super::{Class, Digest, JournalError, Segment};
use crate::host::cores;

/// A batch below this many bytes is not worth waking other threads.
const WORTH_SHARING: usize = 256 * 1024;

/// A record that is known to exist from somewhere else: a seal, a push, what a person wrote down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Its epoch.
    pub epoch: u32,
    /// Its number.
    pub seq: u64,
    /// Its `h`.
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

    fn line(
        &mut self,
        earlier: &[Segment],
        segment: &Segment,
        raw: RawLine<'_>,
        checked: Result<Sealed<'_>, Flaw>,
    ) -> Result<(), Class> {
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
        if let Some(run) = self.walk.run.as_ref().filter(|run| **run != line.run) {
            return wrong(format!("belongs to run `{}`, expected `{run}`", line.run));
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
            Some(anchor) => {
                Err(Class::Fork { first: segment.name(), second: "another copy".into(), why: anchor.from.clone() })
            }
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
        let sealed = &link.sealed;
        self.walk.run.get_or_insert_with(|| sealed.run.clone().into_owned());
        if sealed.version > VERSION {
            self.walk.newer = self.walk.newer.max(Some(sealed.version));
        }
        self.before = Some(sealed.prev);
        self.walk.head = sealed.h;
        self.walk.at = (sealed.epoch, sealed.seq);
        self.walk.records += 1;
        self.walk.bytes += link.raw.bytes.len() as u64;
        (self.keep)(link);
    }
}

fn check_all(batch: &Batch) -> Vec<(RawLine<'_>, Result<Sealed<'_>, Flaw>)> {
    if batch.len() < WORTH_SHARING {
        return batch.lines().map(|raw| (raw, line::check(raw.bytes))).collect();
    }
    cores::share(batch.lines().collect(), |raw| (raw, line::check(raw.bytes)))
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::testing::{RUN, Run, Scratch, record};
    use super::super::{RunFolder, Writer, line, read, read_against};
    use super::*;

    /// Three records of epoch 1, two of epoch 2.
    fn two_epochs(scratch: &Scratch) -> Run {
        let run = scratch.run_with(&["run.open", "note", "control.offer"]);
        let mut second = Writer::create(&run.folder, 2, "komari", "mio").unwrap();
        second.append(record(2, 1, "control.take")).unwrap();
        second.append(record(2, 2, "note")).unwrap();
        run
    }

    fn class(run: &Run) -> Class {
        read(&run.folder).class
    }

    #[test]
    fn a_later_epoch_goes_on_from_the_head_it_took_over() {
        let scratch = Scratch::new();
        let run = two_epochs(&scratch);
        let reading = read(&run.folder);
        let order: Vec<_> = reading.lines.iter().map(|line| (line.epoch, line.seq)).collect();
        assert_eq!((reading.class, order), (Class::Ok, vec![(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]));
    }

    #[test]
    fn an_epoch_in_which_nothing_was_recorded_is_no_gap() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&["run.open"]);
        Writer::create(&run.folder, 2, "komari", "mio").unwrap();
        let mut third = Writer::create(&run.folder, 3, "pepe", "mio").unwrap();
        third.append(record(3, 1, "control.take")).unwrap();
        assert_eq!(class(&run), Class::Ok);
    }

    #[test]
    fn two_files_of_one_epoch_are_a_fork() {
        let scratch = Scratch::new();
        let run = two_epochs(&scratch);
        fs::copy(run.folder.segment(2, "komari", "mio"), run.folder.segment(2, "masato", "riki")).unwrap();
        let class = class(&run);
        assert_eq!(class.exit_code(), 12);
        let text = "`seg-0002-komari.mio.jsonl` and `seg-0002-masato.riki.jsonl` are two histories of one run: both hold epoch 2";
        assert_eq!(class.to_string(), text);
    }

    #[test]
    fn a_stale_writer_that_went_on_is_a_fork() {
        let scratch = Scratch::new();
        let run = two_epochs(&scratch);
        let head = read(&run.folder).lines[2].h;
        let late = line::seal(&record(1, 4, "note"), head).unwrap().0;
        run.set(&[run.bytes(), late].concat());
        let class = class(&run);
        assert!(matches!(&class, Class::Fork { why, .. } if why.contains("before line 4")), "{class}");
    }

    #[test]
    fn two_writers_of_one_file_are_a_fork() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&["run.open", "note"]);
        let head = read(&run.folder).lines[0].h;
        let other = line::seal(&record(1, 2, "pause"), head).unwrap().0;
        run.set(&[run.bytes(), other].concat());
        let class = class(&run);
        assert!(matches!(&class, Class::Fork { why, .. } if why.contains("line 3")), "{class}");
    }

    #[test]
    fn an_epoch_that_lost_what_was_taken_over_is_rolled_back() {
        let scratch = Scratch::new();
        let run = two_epochs(&scratch);
        run.set(&run.lines()[..2].concat());
        let class = class(&run);
        assert_eq!(class.exit_code(), 15);
        assert_eq!(class.to_string(), "the journal ends with record 1-2, but epoch 2 took over a later one");
    }

    #[test]
    fn damage_in_a_record_that_was_taken_over_is_no_torn_write() {
        let scratch = Scratch::new();
        let run = two_epochs(&scratch);
        let mut bytes = run.bytes();
        let at = bytes.len() - 10;
        bytes[at] ^= 1;
        run.set(&bytes);
        let class = class(&run);
        assert!(matches!(&class, Class::Corrupt { file, .. } if file.starts_with("seg-0001")), "{class}");
    }

    #[test]
    fn a_missing_segment_is_a_gap() {
        let scratch = Scratch::new();
        let run = two_epochs(&scratch);
        fs::remove_file(&run.path).unwrap();
        let class = class(&run);
        assert_eq!(class.to_string(), "`seg-0002-komari.mio.jsonl` is there, but the segment of epoch 1 is missing");
        assert_eq!(class.exit_code(), 11);
    }

    #[test]
    fn a_segment_under_the_name_of_another_epoch_or_run_is_corrupt() {
        let scratch = Scratch::new();
        let run = two_epochs(&scratch);
        let second = run.folder.segment(2, "komari", "mio");
        fs::copy(&run.path, &second).unwrap();
        assert!(class(&run).to_string().ends_with("belongs to epoch 1, expected 2"), "{}", class(&run));
        let mut strange = record(2, 1, "control.take");
        strange.insert("run".into(), "other".into());
        fs::write(&second, line::seal(&strange, read(&run.folder).lines[2].h).unwrap().0).unwrap();
        assert!(class(&run).to_string().ends_with("belongs to run `other`, expected `7f3a-k2`"), "{}", class(&run));
    }

    #[test]
    fn an_anchor_is_there_or_missing_or_of_another_history() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&["run.open", "note", "note"]);
        let last = &read(&run.folder).lines[2];
        let mut anchor = Anchor { epoch: 1, seq: 3, h: last.h, from: "the seal of komari names record 1-3".into() };
        assert_eq!(read_against(&run.folder, &[anchor.clone()]).class, Class::Ok);
        anchor.h = last.prev;
        assert_eq!(read_against(&run.folder, &[anchor.clone()]).class.exit_code(), 12);
        run.set(&run.lines()[..2].concat());
        let class = read_against(&run.folder, &[anchor]).class;
        assert_eq!(class.to_string(), "the journal ends with record 1-2, but the seal of komari names record 1-3");
        assert_eq!(class.exit_code(), 15);
    }

    #[test]
    fn a_run_without_a_record_is_whole() {
        let scratch = Scratch::new();
        let folder: RunFolder = scratch.folder(RUN);
        let reading = read(&folder);
        assert_eq!((reading.class, reading.head, reading.run), (Class::Ok, Digest::ZERO, None));
    }
}
