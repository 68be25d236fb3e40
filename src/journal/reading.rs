//! Reading a journal: its lines in order, and what can be said of it.
//!
//! Reading writes nothing and takes no lock, so that it works on a copy, on a read-only disk and beside a live writer.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::chain::{Anchor, Walk, unreadable_path, walk};
use super::line::VERSION;
use super::lock::Flock;
use super::{Class, Digest, Line, RunFolder, Segment};

/// How long a writer may take to finish the line that it is writing while we read.
const SETTLE: Duration = Duration::from_secs(1);

/// The lines of a journal up to the first damage, and its class.
#[derive(Debug)]
pub struct Reading {
    /// In order of epoch and `seq`.
    pub lines: Vec<Line>,
    pub class: Class,
    pub segments: Vec<Segment>,
    /// `h` of the last line; zeros before the first.
    pub head: Digest,
    /// The run that every line names.
    pub run: Option<String>,
    /// The highest version of the format above ours.
    pub newer: Option<u64>,
}

impl Reading {
    /// Why nothing may be added to this journal, as a sentence; `None` when it may. A torn tail is no reason.
    pub fn read_only(&self) -> Option<String> {
        match (&self.class, self.newer) {
            (Class::Ok | Class::Torn { .. }, None) => None,
            (Class::Ok | Class::Torn { .. }, Some(newer)) => Some(format!(
                "the journal is of version {newer} and this locum knows version {VERSION}, so it is only read and never written"
            )),
            (class, _) => Some(class.to_string()),
        }
    }

    /// The `seq` that the next record of an epoch must have.
    pub fn next_seq(&self, epoch: u32) -> u64 {
        self.lines.last().filter(|last| last.epoch == epoch).map_or(1, |last| last.seq + 1)
    }
}

/// Reads the journal of a run. A line that a live writer has not finished yet is waited for and is no damage.
pub fn read(folder: &RunFolder) -> Reading {
    read_against(folder, &[])
}

/// Reads the journal of a run that must contain what the anchors name.
pub fn read_against(folder: &RunFolder, anchors: &[Anchor]) -> Reading {
    settled(folder, || read_now(folder, anchors), |reading| &reading.class)
}

/// Reads segments wherever they stand; files that are no segments by their name are left out.
pub fn read_segments(paths: &[PathBuf]) -> Reading {
    let mut segments: Vec<Segment> = paths.iter().filter_map(|path| Segment::parse(path)).collect();
    segments.sort_by(|a, b| (a.epoch, &a.path).cmp(&(b.epoch, &b.path)));
    collect(segments, &[])
}

/// One reading as it is in this instant: what the holder of `append.lock` wants.
pub(super) fn read_now(folder: &RunFolder, anchors: &[Anchor]) -> Reading {
    match folder.segments() {
        Ok(segments) => collect(segments, anchors),
        Err(error) => {
            let class = unreadable_path(folder.root(), &error);
            Reading { lines: Vec::new(), class, segments: Vec::new(), head: Digest::ZERO, run: None, newer: None }
        }
    }
}

/// Looks again when the first look ends in a torn line, after the writer had the time to finish it.
pub(super) fn settled<T>(folder: &RunFolder, look: impl Fn() -> T, class: impl Fn(&T) -> &Class) -> T {
    let first = look();
    if !matches!(class(&first), Class::Torn { .. }) {
        return first;
    }
    let end = Instant::now() + SETTLE;
    while Instant::now() < end && Flock::is_held(&folder.append_lock()).unwrap_or(false) {
        std::thread::sleep(Duration::from_millis(5));
    }
    look()
}

fn collect(segments: Vec<Segment>, anchors: &[Anchor]) -> Reading {
    let mut lines = Vec::new();
    let Walk { class, head, run, newer, .. } = walk(&segments, anchors, &mut |link| {
        let (raw, sealed) = (&link.raw, &link.sealed);
        lines.push(Line {
            offset: raw.offset,
            raw_body: String::from_utf8_lossy(sealed.body).into_owned(),
            value: serde_json::from_slice(raw.bytes).expect("the check read the same bytes by the same rules"),
            prev: sealed.prev,
            h: sealed.h,
            epoch: sealed.epoch,
            seq: sealed.seq,
        });
    });
    Reading { lines, class, segments, head, run, newer }
}
