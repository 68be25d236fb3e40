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
    /// What the chain is.
    pub class: Class,
    /// The files of the chain, in order of epoch.
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
                "the journal is of version {newer} and this locum knows version {VERSION}, so it is read and never written"
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{Run, Scratch};
    use super::super::{Writer, audit};
    use super::*;

    const FOUR: [&str; 4] = ["run.open", "note", "pause", "run.close"];

    fn class_of(run: &Run, bytes: &[u8]) -> Class {
        run.set(bytes);
        // As it is: the wait for a live writer has its own test.
        read_now(&run.folder, &[]).class
    }

    #[test]
    fn lines_come_back_in_order() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&FOUR);
        let reading = read(&run.folder);
        let kinds: Vec<_> = reading.lines.iter().map(Line::kind).collect();
        assert_eq!((reading.class, kinds), (Class::Ok, FOUR.to_vec()));
        assert_eq!(reading.lines[2].prev, reading.lines[1].h);
        let bytes = run.bytes();
        for line in &reading.lines {
            let at = usize::try_from(line.offset).unwrap();
            assert!(bytes[at..].starts_with(line.raw_body.as_bytes()));
        }
    }

    #[test]
    fn every_flip_of_a_bit_is_seen() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&FOUR);
        let whole = run.bytes();
        let last = whole.len() - run.lines()[3].len();
        for at in 0..whole.len() {
            for mask in [1 << (at % 8), 0x20] {
                let mut bytes = whole.clone();
                bytes[at] ^= mask;
                let class = class_of(&run, &bytes);
                let torn = at >= last && !bytes[at..].starts_with(b"\n") || at + 1 == last || at + 1 == whole.len();
                assert_eq!(class.exit_code(), if torn { 10 } else { 11 }, "byte {at} ^ {mask}: {class}");
            }
        }
    }

    #[test]
    fn every_truncation_is_torn_or_ends_at_a_border() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&FOUR);
        let whole = run.bytes();
        for end in 0..whole.len() {
            let lines = whole[..end].split(|byte| *byte == b'\n').count() - 1;
            let border = end == 0 || whole[end - 1] == b'\n';
            let class = class_of(&run, &whole[..end]);
            assert_eq!(class.exit_code(), if border { 0 } else { 10 }, "{end}: {class}");
            assert_eq!(read_now(&run.folder, &[]).lines.len(), lines);
        }
    }

    #[test]
    fn of_all_orders_of_lines_only_the_beginnings_hold() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&FOUR);
        let lines = run.lines();
        let mut held = 0;
        for code in 0..5_usize.pow(5) {
            let digits = (0..5).map(|place| code / 5_usize.pow(place) % 5);
            let digits: Vec<usize> = digits.take_while(|digit| *digit < 4).collect();
            let bytes: Vec<u8> = digits.iter().flat_map(|digit| lines[*digit].clone()).collect();
            let beginning = digits.iter().copied().eq(0..digits.len());
            let class = class_of(&run, &bytes);
            assert_eq!(class.is_ok(), beginning, "{digits:?}: {class}");
            assert!(class.exit_code() != 10, "a line that was written whole is not torn: {digits:?}: {class}");
            held += usize::from(beginning);
        }
        assert!(held >= 5);
    }

    #[test]
    fn a_bad_line_hides_no_earlier_one() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&FOUR);
        let lines = run.lines();
        run.set(&[&lines[0][..], &lines[1], b"{}\n", &lines[2]].concat());
        let reading = read(&run.folder);
        assert_eq!(reading.lines.len(), 2);
        let name = run.path.file_name().unwrap().to_string_lossy();
        assert_eq!(reading.read_only().unwrap(), format!("line 3 of `{name}` does not end in `prev` and `h`"));
    }

    #[test]
    fn converted_line_endings_are_named() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&FOUR);
        let text = String::from_utf8(run.bytes()).unwrap().replace('\n', "\r\n");
        let class = class_of(&run, text.as_bytes());
        assert!(class.to_string().contains("line endings were converted"), "{class}");
    }

    #[test]
    fn a_line_that_never_ends_is_corrupt_and_not_kept_in_memory() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&FOUR);
        let file = std::fs::OpenOptions::new().write(true).open(&run.path).unwrap();
        // A hole of a terabyte: reading it to its end would not come back.
        file.set_len(1 << 40).unwrap();
        let class = read_now(&run.folder, &[]).class;
        assert!(matches!(&class, Class::Corrupt { line: 5, why, .. } if why.contains("longer than")), "{class}");
    }

    #[test]
    fn a_segment_that_cannot_be_read_is_unreadable_and_not_corrupt() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&FOUR);
        std::fs::remove_file(&run.path).unwrap();
        std::fs::create_dir(&run.path).unwrap();
        let class = read(&run.folder).class;
        assert_eq!((class.exit_code(), class.to_string().contains("not a plain file")), (27, true), "{class}");
        std::fs::remove_dir_all(run.folder.root()).unwrap();
        assert_eq!((read(&run.folder).class.exit_code(), audit(&run.folder).exit_code()), (27, 27));
    }

    #[test]
    fn a_line_that_is_being_written_is_waited_for() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&FOUR);
        let whole = run.bytes();
        run.set(&whole[..whole.len() - 9]);
        let lock = Flock::take(&run.folder.append_lock(), Duration::ZERO).unwrap().unwrap();
        let path = run.path.clone();
        let writer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            std::fs::write(path, whole).unwrap();
            drop(lock);
        });
        assert_eq!(read(&run.folder).class, Class::Ok);
        writer.join().unwrap();
    }

    #[test]
    fn reading_leaves_no_trace() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&FOUR);
        run.set(&run.bytes()[..50]);
        let names = || {
            let entries = std::fs::read_dir(run.folder.root()).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let before = (names(), run.bytes());
        read(&run.folder);
        audit(&run.folder);
        assert_eq!((names(), run.bytes()), before);
    }

    #[test]
    fn a_segment_can_be_read_without_its_folder() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&FOUR);
        let reading = read_segments(&[run.path.clone(), run.folder.run_lock()]);
        assert_eq!((reading.lines.len(), reading.segments.len(), reading.class), (4, 1, Class::Ok));
    }

    #[test]
    fn a_big_journal_is_read_by_many_threads_in_order() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&[]);
        let (mut bytes, mut head) = (Vec::new(), Digest::ZERO);
        for seq in 1..=3000 {
            let mut record = super::super::testing::record(1, seq, if seq == 1 { "run.open" } else { "note" });
            record.insert("text".into(), "x".repeat(700).into());
            let (line, h) = super::super::line::seal(&record, head).unwrap();
            bytes.extend(line);
            head = h;
        }
        run.set(&bytes);
        let reading = read(&run.folder);
        assert_eq!((reading.lines.len(), reading.head, &reading.class), (3000, head, &Class::Ok));
        assert!(reading.lines.is_sorted_by_key(|line| line.seq));
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        run.set(&bytes);
        assert_eq!(read(&run.folder).class.exit_code(), 11);
    }

    fn some_bytes() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'"'), Just(b'{'), any::<u8>()], 0..300)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn any_bytes_have_a_class(bytes in some_bytes(), keep in 0..5_usize) {
            let scratch = Scratch::new();
            let run = scratch.run_with(&FOUR);
            let start = run.lines()[..keep.min(4)].concat();
            let class = class_of(&run, &[&start[..], &bytes].concat());
            prop_assert!(bytes.is_empty() || matches!(class.exit_code(), 10 | 11), "{}", class);
            prop_assert_eq!(read_now(&run.folder, &[]).lines.len(), keep.min(4));
        }

        #[test]
        fn a_journal_that_is_cut_anywhere_goes_on(place in any::<prop::sample::Index>()) {
            let scratch = Scratch::new();
            let run = scratch.run_with(&FOUR);
            let whole = run.bytes();
            let end = place.index(whole.len() + 1);
            run.set(&whole[..end]);
            let (mut writer, recovered) = Writer::resume(&run.folder, &run.path).unwrap();
            let good = recovered.reading.lines.len();
            let good_bytes: usize = run.lines().iter().map(Vec::len).sum();
            prop_assert_eq!(recovered.torn.map_or(0, |torn| torn.bytes), (end - good_bytes) as u64);
            writer.append(super::super::testing::record(1, good as u64 + 1, "recovered")).unwrap();
            let reading = read(&run.folder);
            prop_assert_eq!((reading.lines.len(), reading.class), (good + 1, Class::Ok));
        }
    }
}
