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
use super::{AppendLock, Class, Digest, JournalError, RunFolder, durable};

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
    pub seq: u64,
    pub head: Digest,
}

/// Where a writer goes on.
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

    pub(super) fn start(folder: &RunFolder, path: &Path, sink: Box<dyn Sink>, at: Position) -> Result<Self, JournalError> {
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

    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    pub fn epoch(&self) -> u32 {
        self.epoch
    }

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
        f.debug_struct("Writer").field("path", path).field("next_seq", next_seq).field("head", head).field("health", health).finish_non_exhaustive()
    }
}

/// The head of a journal that a new epoch may follow.
fn head_to_take_over(folder: &RunFolder) -> Result<Digest, JournalError> {
    let reading = read_now(folder, &[]);
    match (reading.class, reading.newer) {
        (Class::Ok, None) => Ok(reading.head),
        (Class::Ok, Some(found)) => Err(JournalError::NewerVersion { found }),
        (class, _) => Err(JournalError::ReadOnly { class: Box::new(class) }),
    }
}
