//! The one writer of one epoch.
//!
//! A record that `append` returned is on the disk. A record that it did not return may be there or not, and after
//! that the writer adds nothing more: what a disk does behind a failed sync, nobody knows.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::append_lock::WAIT;
use super::line::{self, VERSION};
use super::reading::read_now;
use super::run_id::check_name;
use super::sink::{FileSink, Reserve, Sink};
use super::{AppendLock, Class, Digest, JournalError, RunFolder, Segment, durable};

/// Space that is set aside, so that a run can be recorded on a disk that others fill.
const RESERVE: u64 = 1024 * 1024;

/// Less than this is topped up: the next two records, however long.
const LOW: u64 = 2 * line::MAX_LINE as u64;

/// Adds records to one segment.
pub struct Writer {
    folder: RunFolder,
    path: PathBuf,
    epoch: u32,
    next_seq: u64,
    head: Digest,
    /// Where the next record begins.
    end: u64,
    /// Up to where space is set aside.
    reserved: u64,
    sink: Box<dyn Sink>,
    health: Health,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Sound,
    Suspect,
}

/// A record that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its number.
    pub seq: u64,
    /// Its `h`.
    pub head: Digest,
}

/// Where a writer goes on.
#[derive(Clone, Copy)]
pub(super) struct Position {
    pub(super) epoch: u32,
    pub(super) next_seq: u64,
    pub(super) head: Digest,
    pub(super) end: u64,
}

impl Writer {
    /// Begins an epoch: makes its segment, which must be the next one, and sets space aside. The first record makes
    /// it durable. For a later epoch the journal must be whole, and the chain goes on from its head.
    pub fn create(folder: &RunFolder, epoch: u32, writer: &str, host: &str) -> Result<Self, JournalError> {
        check_name("the id of the run", folder.id())?;
        let _lock = AppendLock::take(folder, WAIT)?;
        let highest = folder.highest_epoch()?;
        if epoch <= highest {
            return Err(JournalError::Fenced { ours: epoch, highest });
        }
        if epoch != highest + 1 {
            return Err(JournalError::Epoch { found: epoch, expected: highest + 1 });
        }
        let head = head_to_take_over(folder)?;
        let path = folder.segment(epoch, writer, host);
        let file = durable::make_file(&path).map_err(JournalError::io("make journal", &path))?;
        let sink = Box::new(FileSink::new(file, folder.root()));
        Self::start(folder, &path, sink, Position { epoch, next_seq: 1, head, end: 0 })
    }

    pub(super) fn start(
        folder: &RunFolder,
        path: &Path,
        sink: Box<dyn Sink>,
        at: Position,
    ) -> Result<Self, JournalError> {
        let Position { epoch, next_seq, head, end } = at;
        let (folder, path) = (folder.clone(), path.to_owned());
        let mut writer = Self { folder, path, epoch, next_seq, head, end, reserved: end, sink, health: Health::Sound };
        writer.reserve().map_err(JournalError::io("reserve space for", &writer.path))?;
        Ok(writer)
    }

    /// Adds a record and returns when it is durable. `prev` and `h` are added here, everything else is the caller's,
    /// and must fit: version, run, epoch and the next `seq`.
    pub fn append(&mut self, record: Map<String, Value>) -> Result<Appended, JournalError> {
        let lock = self.guard_append()?;
        self.append_under(&lock, record)
    }

    /// The same under a lock that the caller holds on to, as from the epoch check to GO.
    #[expect(clippy::needless_pass_by_value, reason = "a record is spent when it is written")]
    pub fn append_under(&mut self, lock: &AppendLock, record: Map<String, Value>) -> Result<Appended, JournalError> {
        self.check_sound()?;
        lock.check_epoch(&self.folder, self.epoch)?;
        self.check_record(&record)?;
        let (line, h) = line::seal(&record, self.head)?;
        self.put(&line)?;
        let appended = Appended { seq: self.next_seq, head: h };
        self.head = h;
        self.next_seq += 1;
        self.end += line.len() as u64;
        if self.reserved.saturating_sub(self.end) < LOW {
            // Best effort: the record is safe, and the next write tells when the disk is full.
            let _ = self.reserve();
        }
        Ok(appended)
    }

    /// Takes `append.lock` and makes sure that this epoch still has control. Held from here through append and GO.
    pub fn guard_append(&self) -> Result<AppendLock, JournalError> {
        self.check_sound()?;
        let lock = AppendLock::take(&self.folder, WAIT)?;
        lock.check_epoch(&self.folder, self.epoch)?;
        Ok(lock)
    }

    /// `h` of the last record; what the next one points at.
    pub fn head(&self) -> Digest {
        self.head
    }

    /// The number that the next record must have.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The epoch that is written.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The segment that is written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A write failed: nothing is added to this file any more.
    pub fn is_suspect(&self) -> bool {
        self.health == Health::Suspect
    }

    fn check_sound(&self) -> Result<(), JournalError> {
        match self.health {
            Health::Sound => Ok(()),
            Health::Suspect => Err(JournalError::Suspect { path: self.path.clone() }),
        }
    }

    fn check_record(&self, record: &Map<String, Value>) -> Result<(), JournalError> {
        let expected: [(&str, Value); 4] = [
            ("v", VERSION.into()),
            ("run", self.folder.id().into()),
            ("epoch", self.epoch.into()),
            ("seq", self.next_seq.into()),
        ];
        for (key, expected) in expected {
            let found = record.get(key).unwrap_or(&Value::Null);
            if *found != expected {
                return Err(JournalError::Record { why: format!("it has `{key}` {found}, expected {expected}") });
            }
        }
        match ["prev", "h"].into_iter().find(|key| record.contains_key(*key)) {
            Some(key) => Err(JournalError::Record { why: format!("it has `{key}`, which is the writer's to add") }),
            None => Ok(()),
        }
    }

    /// Brings one line to the disk. Whatever fails leaves the file as it was, or the writer suspect.
    fn put(&mut self, line: &[u8]) -> Result<(), JournalError> {
        let found = self.sink.len().map_err(JournalError::io("look at journal", &self.path))?;
        if found != self.end {
            self.health = Health::Suspect;
            return Err(JournalError::Foreign { path: self.path.clone(), found, expected: self.end });
        }
        // Until the record is durable, a way out is a failure.
        self.health = Health::Suspect;
        if self.write_whole(line).is_err() {
            self.restore()?;
            if let Err(error) = self.write_whole(line) {
                self.restore()?;
                return Err(JournalError::io("append to journal", &self.path)(error));
            }
        }
        let synced = if self.end == 0 { self.sink.sync_new() } else { self.sink.sync() };
        synced.map_err(JournalError::io("sync journal", &self.path))?;
        self.health = Health::Sound;
        Ok(())
    }

    fn write_whole(&mut self, line: &[u8]) -> io::Result<()> {
        match self.sink.write(line)? {
            written if written == line.len() => Ok(()),
            _ => Err(io::ErrorKind::StorageFull.into()),
        }
    }

    /// Back to the end of the last record, with space for another try.
    fn restore(&mut self) -> Result<(), JournalError> {
        self.sink.truncate(self.end).map_err(JournalError::io("truncate journal", &self.path))?;
        self.reserved = self.end;
        let reserved = self.reserve();
        self.sink.sync().map_err(JournalError::io("sync journal", &self.path))?;
        reserved.map_err(JournalError::io("reserve space for", &self.path))
    }

    fn reserve(&mut self) -> io::Result<()> {
        if self.sink.reserve(self.end, RESERVE)? == Reserve::Kept {
            self.reserved = self.end + RESERVE;
        }
        Ok(())
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, next_seq, head, health, .. } = self;
        write!(f, "Writer({}, next {next_seq}, head {head}, {health:?})", path.display())
    }
}

/// The head of a journal that a new epoch may follow.
fn head_to_take_over(folder: &RunFolder) -> Result<Digest, JournalError> {
    let reading = read_now(folder, &[]);
    let last = reading.segments.last().map(Segment::name);
    match (reading.class, reading.newer) {
        // The last segment has to be recovered first, so that its tail is kept; earlier ones nobody may touch.
        (Class::Torn { file, offset, bytes, why }, _) if Some(&file) == last.as_ref() => {
            Err(JournalError::ReadOnly { class: Box::new(Class::Torn { file, offset, bytes, why }) })
        }
        (Class::Ok | Class::Torn { .. }, None) => Ok(reading.head),
        (Class::Ok | Class::Torn { .. }, Some(found)) => Err(JournalError::NewerVersion { found }),
        (class, _) => Err(JournalError::ReadOnly { class: Box::new(class) }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fault, FaultySink, RUN, Scratch, record};
    use super::super::{audit, read};
    use super::*;

    /// A writer with one record, whose next calls to the disk fail like this.
    fn failing(scratch: &Scratch, faults: &[Fault]) -> Writer {
        let mut writer = scratch.writer_of(RUN);
        writer.append(record(1, 1, "run.open")).unwrap();
        let sink = FaultySink::around(&writer, faults);
        writer.sink = Box::new(sink);
        writer
    }

    fn records(scratch: &Scratch) -> usize {
        let reading = read(&RunFolder::open(scratch.state(), RUN).unwrap());
        assert_eq!(reading.class, Class::Ok);
        reading.lines.len()
    }

    #[test]
    fn a_record_comes_back_as_it_was_given_with_prev_and_h() {
        let scratch = Scratch::new();
        let mut writer = scratch.writer_of(RUN);
        let first = writer.append(record(1, 1, "run.open")).unwrap();
        let second = writer.append(record(1, 2, "note")).unwrap();
        let reading = read(&RunFolder::open(scratch.state(), RUN).unwrap());
        let line = &reading.lines[1];
        let mut value = line.value.clone();
        assert_eq!(value.shift_remove("prev").unwrap(), first.head.to_string());
        assert_eq!(value.shift_remove("h").unwrap(), second.head.to_string());
        assert_eq!(value, record(1, 2, "note"));
        assert_eq!((line.seq, line.h, reading.head, writer.head()), (2, second.head, second.head, second.head));
    }

    #[test]
    fn a_segment_is_the_owners_alone_and_has_space_set_aside() {
        use std::os::unix::fs::MetadataExt;
        let scratch = Scratch::new();
        let mut writer = scratch.writer_of(RUN);
        writer.append(record(1, 1, "run.open")).unwrap();
        let metadata = writer.path().metadata().unwrap();
        assert_eq!(metadata.mode() & 0o7777, 0o600);
        assert_eq!(metadata.size(), writer.end);
        assert!(writer.reserved == 0 || metadata.blocks() * 512 >= RESERVE, "{} blocks", metadata.blocks());
    }

    #[test]
    fn a_record_that_does_not_fit_is_refused_and_harms_nothing() {
        let scratch = Scratch::new();
        let mut writer = scratch.writer_of(RUN);
        for (key, value) in [("v", "2"), ("run", "\"b\""), ("epoch", "2"), ("seq", "2"), ("h", "\"\""), ("kind", "1")] {
            let mut wrong = record(1, 1, "run.open");
            wrong.insert(key.to_owned(), serde_json::from_str(value).unwrap());
            let error = writer.append(wrong).unwrap_err();
            assert!(matches!(&error, JournalError::Record { why } if why.contains(key)), "{error}");
        }
        let mut long = record(1, 1, "run.open");
        long.insert("text".into(), "x".repeat(line::MAX_LINE).into());
        assert!(matches!(writer.append(long), Err(JournalError::TooLong { .. })));
        writer.append(record(1, 1, "run.open")).unwrap();
        assert_eq!(records(&scratch), 1);
    }

    #[test]
    fn a_short_write_is_taken_back_and_tried_once_more() {
        for fault in [Fault::Short, Fault::Full] {
            let scratch = Scratch::new();
            let mut writer = failing(&scratch, &[fault]);
            writer.append(record(1, 2, "note")).unwrap();
            assert_eq!((records(&scratch), writer.is_suspect()), (2, false));
        }
    }

    #[test]
    fn a_disk_that_stays_full_leaves_a_whole_journal_and_a_suspect_writer() {
        let scratch = Scratch::new();
        let mut writer = failing(&scratch, &[Fault::Short, Fault::Short]);
        let error = writer.append(record(1, 2, "note")).unwrap_err();
        assert!(error.help().unwrap().contains("--state"), "{error}");
        assert_eq!((error.exit_code(), records(&scratch), writer.is_suspect()), (6, 1, true));
        assert!(matches!(writer.append(record(1, 2, "note")), Err(JournalError::Suspect { .. })));
        assert_eq!(records(&scratch), 1);
    }

    #[test]
    fn without_space_for_another_try_there_is_none() {
        let scratch = Scratch::new();
        let mut writer = failing(&scratch, &[Fault::Short, Fault::Reserve]);
        let error = writer.append(record(1, 2, "note")).unwrap_err();
        assert!(error.to_string().starts_with("cannot reserve space for"), "{error}");
        assert_eq!((records(&scratch), writer.is_suspect()), (1, true));
    }

    #[test]
    fn a_failed_sync_is_never_tried_again() {
        let scratch = Scratch::new();
        let mut writer = failing(&scratch, &[Fault::Sync]);
        let error = writer.append(record(1, 2, "note")).unwrap_err();
        assert!(error.to_string().starts_with("cannot sync journal"), "{error}");
        assert!(writer.is_suspect());
        let before = std::fs::read(writer.path()).unwrap();
        assert!(matches!(writer.append(record(1, 3, "note")), Err(JournalError::Suspect { .. })));
        assert!(matches!(writer.guard_append(), Err(JournalError::Suspect { .. })));
        assert_eq!(std::fs::read(writer.path()).unwrap(), before);
    }

    #[test]
    fn what_cannot_be_taken_back_is_a_torn_tail() {
        let scratch = Scratch::new();
        let mut writer = failing(&scratch, &[Fault::Short, Fault::Truncate]);
        assert!(writer.append(record(1, 2, "note")).is_err());
        assert!(writer.is_suspect());
        assert_eq!(audit(&writer.folder).exit_code(), 10);
    }

    #[test]
    fn bytes_of_somebody_else_stop_the_writer() {
        let scratch = Scratch::new();
        let mut writer = failing(&scratch, &[]);
        let other = std::fs::read(writer.path()).unwrap();
        std::fs::write(writer.path(), [&other[..], b"x\n"].concat()).unwrap();
        assert!(matches!(writer.append(record(1, 2, "note")), Err(JournalError::Foreign { .. })));
        assert!(writer.is_suspect());
    }

    #[test]
    fn space_is_topped_up_before_it_runs_out() {
        let scratch = Scratch::new();
        let mut writer = scratch.writer_of(RUN);
        for seq in 1..=20 {
            let mut long = record(1, seq, "run.open");
            long.insert("text".into(), "x".repeat(60_000).into());
            writer.append(long).unwrap();
            assert!(writer.reserved == 0 || writer.reserved - writer.end >= LOW);
        }
    }

    #[test]
    fn a_taken_over_writer_adds_nothing() {
        let scratch = Scratch::new();
        let mut first = scratch.writer_of(RUN);
        let head = first.append(record(1, 1, "run.open")).unwrap().head;
        let mut second = Writer::create(&first.folder, 2, "komari", "mio").unwrap();
        assert_eq!(second.head(), head);
        assert!(matches!(first.append(record(1, 2, "note")), Err(JournalError::Fenced { ours: 1, highest: 2 })));
        assert!(matches!(first.guard_append(), Err(JournalError::Fenced { .. })));
        second.append(record(2, 1, "control.take")).unwrap();
        assert_eq!(records(&scratch), 2);
    }

    #[test]
    fn an_epoch_is_made_once_and_in_order() {
        let scratch = Scratch::new();
        let writer = scratch.writer_of(RUN);
        assert!(matches!(Writer::create(&writer.folder, 1, "komari", "mio"), Err(JournalError::Fenced { .. })));
        assert!(matches!(
            Writer::create(&writer.folder, 3, "komari", "mio"),
            Err(JournalError::Epoch { found: 3, expected: 2 })
        ));
        assert!(matches!(Writer::create(&writer.folder, 0, "komari", "mio"), Err(JournalError::Fenced { .. })));
    }

    #[test]
    fn a_damaged_journal_is_not_taken_over() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&["run.open", "note"]);
        run.set(&run.bytes()[..run.bytes().len() - 1]);
        assert_eq!(Writer::create(&run.folder, 2, "komari", "mio").unwrap_err().exit_code(), 10);
        run.set(b"{}\n{}\n");
        assert_eq!(Writer::create(&run.folder, 2, "komari", "mio").unwrap_err().exit_code(), 11);
        assert_eq!(run.folder.highest_epoch().unwrap(), 1);
    }

    #[test]
    fn a_take_over_waits_for_the_lock_that_a_deed_holds() {
        let scratch = Scratch::new();
        let mut writer = scratch.writer_of(RUN);
        let lock = writer.guard_append().unwrap();
        writer.append_under(&lock, record(1, 1, "run.open")).unwrap();
        let folder = writer.folder.clone();
        let taker = std::thread::spawn(move || Writer::create(&folder, 2, "komari", "mio").map(|writer| writer.head()));
        std::thread::sleep(std::time::Duration::from_millis(30));
        let second = writer.append_under(&lock, record(1, 2, "note")).unwrap();
        drop(lock);
        assert_eq!(taker.join().unwrap().unwrap(), second.head);
    }

    #[test]
    fn a_folder_that_is_gone_is_an_error_of_the_world() {
        let scratch = Scratch::new();
        let mut writer = scratch.writer_of(RUN);
        std::fs::remove_dir_all(writer.folder.root()).unwrap();
        assert_eq!(writer.append(record(1, 1, "run.open")).unwrap_err().exit_code(), 6);
        assert_eq!(Writer::create(&writer.folder, 1, "pepe", "mio").unwrap_err().exit_code(), 6);
    }
}
