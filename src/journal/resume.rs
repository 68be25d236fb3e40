//! Going on in a segment after its writer is gone: cut off what it could not finish, keep the bytes, go on.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::append_lock::WAIT;
use super::reading::read_now;
use super::run_id::check_name;
use super::sink::FileSink;
use super::writer::Position;
use super::{AppendLock, Class, JournalError, Reading, RunFolder, Segment, Writer, durable};

/// What a writer found when it came back.
#[derive(Debug)]
pub struct Recovered {
    /// The tail that was cut off; the caller records it (`recovered`).
    pub torn: Option<TornTail>,
    /// The journal without it.
    pub reading: Reading,
}

/// Bytes that were cut off a segment, and where they are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    pub offset: u64,
    pub bytes: u64,
    pub kept: PathBuf,
}

impl Writer {
    /// Goes on in the segment of the highest epoch. Its torn tail is copied to `torn/` first and then cut off; any
    /// other damage is left alone and refused. What is returned as read is durable, also if the writer before
    /// ended between a write and its sync.
    pub fn resume(folder: &RunFolder, segment: &Path) -> Result<(Self, Recovered), JournalError> {
        check_name("the id of the run", folder.id())?;
        let lock = AppendLock::take(folder, WAIT)?;
        let Some(ours) = Segment::parse(segment) else {
            return Err(JournalError::io("resume journal", segment)(io::ErrorKind::InvalidFilename.into()));
        };
        lock.check_epoch(folder, ours.epoch)?;
        let mut reading = writable(read_now(folder, &[]))?;
        let file = durable::open_plain_to_append(segment).map_err(JournalError::io("open journal", segment))?;
        let torn = match &reading.class {
            Class::Torn { file: name, offset, bytes, .. } if *name == ours.name() => Some(cut(folder, &file, &ours, *offset, *bytes)?),
            Class::Torn { .. } => return Err(JournalError::ReadOnly { class: Box::new(reading.class) }),
            _ => None,
        };
        file.sync_all().map_err(JournalError::io("sync journal", segment))?;
        durable::sync_folder(folder.root())?;
        if torn.is_some() {
            reading = writable(read_now(folder, &[]))?;
        }
        check_run(folder, &reading)?;
        let end = file.metadata().map_err(JournalError::io("look at journal", segment))?.len();
        let at = Position { epoch: ours.epoch, next_seq: reading.next_seq(ours.epoch), head: reading.head, end };
        let writer = Self::start(folder, segment, Box::new(FileSink::new(file, folder.root())), at)?;
        Ok((writer, Recovered { torn, reading }))
    }
}

fn writable(reading: Reading) -> Result<Reading, JournalError> {
    match (&reading.class, reading.newer) {
        (Class::Ok | Class::Torn { .. }, None) => Ok(reading),
        (Class::Ok | Class::Torn { .. }, Some(found)) => Err(JournalError::NewerVersion { found }),
        _ => Err(JournalError::ReadOnly { class: Box::new(reading.class) }),
    }
}

/// A copy of a run under another name can be read, but going on in it would make two histories.
fn check_run(folder: &RunFolder, reading: &Reading) -> Result<(), JournalError> {
    match &reading.run {
        Some(run) if run != folder.id() => {
            Err(JournalError::Record { why: format!("the folder is `{}`, expected `{run}`, the run it holds", folder.id()) })
        }
        _ => Ok(()),
    }
}

/// Keeps the bytes behind the last good line, durably, before it cuts them off.
fn cut(folder: &RunFolder, file: &File, segment: &Segment, offset: u64, bytes: u64) -> Result<TornTail, JournalError> {
    let torn = folder.torn();
    durable::make_folders(&torn)?;
    let (kept, mut copy) = new_file(&torn, &format!("{}.{offset}", segment.name()))?;
    let mut source = file;
    source.seek(SeekFrom::Start(offset)).map_err(JournalError::io("read journal", &segment.path))?;
    io::copy(&mut source.take(bytes), &mut copy).map_err(JournalError::io("keep torn bytes in", &kept))?;
    copy.sync_all().map_err(JournalError::io("sync", &kept))?;
    durable::sync_folder(&torn)?;
    file.set_len(offset).map_err(JournalError::io("truncate journal", &segment.path))?;
    Ok(TornTail { offset, bytes, kept })
}

/// A file under the first name that is free: the same place can be torn again.
fn new_file(folder: &Path, name: &str) -> Result<(PathBuf, File), JournalError> {
    for attempt in 1_u32.. {
        let path = folder.join(format!("{name}-{attempt}"));
        match durable::make_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|file| (path.clone(), file)).map_err(JournalError::io("make file", &path)),
        }
    }
    unreachable!("a folder has fewer files than there are numbers")
}
