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
    /// Where the tail began.
    pub offset: u64,
    /// How long it was.
    pub bytes: u64,
    /// The file in `torn/`.
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
            Class::Torn { file: name, offset, bytes, .. } if *name == ours.name() => {
                Some(cut(folder, &file, &ours, *offset, *bytes)?)
            }
            // A torn tail of an earlier epoch lies behind the head that ours took over: nobody may touch it any more.
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
        Some(run) if run != folder.id() => Err(JournalError::Record {
            why: format!("the folder is `{}`, expected `{run}`, the run it holds", folder.id()),
        }),
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

#[cfg(test)]
mod tests {
    use super::super::testing::{RUN, Run, Scratch, record};
    use super::super::{audit, read};
    use super::*;

    const THREE: [&str; 3] = ["run.open", "note", "note"];

    fn kept(run: &Run) -> Vec<Vec<u8>> {
        let mut paths: Vec<_> =
            std::fs::read_dir(run.folder.torn()).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
    }

    #[test]
    fn a_writer_goes_on_where_the_last_one_stopped() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&THREE);
        let (mut writer, recovered) = Writer::resume(&run.folder, &run.path).unwrap();
        assert_eq!((recovered.torn, recovered.reading.lines.len(), writer.next_seq()), (None, 3, 4));
        writer.append(record(1, 4, "pause")).unwrap();
        let reading = read(&run.folder);
        assert_eq!((reading.class, reading.lines[3].kind()), (Class::Ok, "pause"));
    }

    #[test]
    fn a_torn_tail_is_kept_and_cut_off() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&THREE);
        let whole = run.bytes();
        let last = run.lines()[2].len();
        let good = whole.len() - last;
        run.set(&whole[..whole.len() - 5]);
        let (mut writer, recovered) = Writer::resume(&run.folder, &run.path).unwrap();
        let torn = recovered.torn.unwrap();
        assert_eq!((torn.offset, torn.bytes, writer.next_seq()), (good as u64, last as u64 - 5, 3));
        assert_eq!(std::fs::read(&torn.kept).unwrap(), whole[good..whole.len() - 5]);
        writer.append(record(1, 3, "recovered")).unwrap();
        assert_eq!(audit(&run.folder).exit_code(), 0);
    }

    #[test]
    fn the_same_place_can_be_torn_again() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&THREE);
        let whole = run.bytes();
        for tail in [&b"{\"v\""[..], b"{"] {
            run.set(&[&whole, tail].concat());
            Writer::resume(&run.folder, &run.path).unwrap();
        }
        assert_eq!(run.bytes(), whole);
        assert_eq!(kept(&run), [&b"{\"v\""[..], b"{"]);
    }

    #[test]
    fn a_segment_without_a_record_is_gone_on_with() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&[]);
        let (mut writer, _) = Writer::resume(&run.folder, &run.path).unwrap();
        writer.append(record(1, 1, "run.open")).unwrap();
        assert_eq!(read(&run.folder).class, Class::Ok);
    }

    #[test]
    fn damage_other_than_a_torn_tail_is_left_alone() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&THREE);
        let mut bytes = run.bytes();
        bytes[20] ^= 1;
        run.set(&bytes);
        let error = Writer::resume(&run.folder, &run.path).unwrap_err();
        assert_eq!(error.exit_code(), 11);
        assert_eq!((run.bytes(), kept(&run).len()), (bytes, 0));
    }

    #[test]
    fn a_stale_epoch_is_not_resumed() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&THREE);
        Writer::create(&run.folder, 2, "komari", "mio").unwrap();
        let error = Writer::resume(&run.folder, &run.path).unwrap_err();
        assert!(matches!(error, JournalError::Fenced { ours: 1, highest: 2 }), "{error}");
    }

    #[test]
    fn a_torn_tail_behind_a_take_over_stays_and_stops_nobody() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&THREE);
        let mut second = Writer::create(&run.folder, 2, "komari", "mio").unwrap();
        second.append(record(2, 1, "control.take")).unwrap();
        let torn = [&run.bytes()[..], b"{"].concat();
        run.set(&torn);
        assert_eq!(read(&run.folder).class.exit_code(), 10);
        let (_, recovered) = Writer::resume(&run.folder, second.path()).unwrap();
        assert_eq!((recovered.torn, run.bytes()), (None, torn));
        Writer::create(&run.folder, 3, "pepe", "mio").unwrap();
    }

    #[test]
    fn a_copy_under_another_name_is_only_read() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&THREE);
        let copy = run.folder.root().with_file_name("copy");
        std::fs::rename(run.folder.root(), &copy).unwrap();
        let folder = RunFolder::open_existing(&copy).unwrap();
        assert_eq!(read(&folder).class, Class::Ok);
        let segment = copy.join(run.path.file_name().unwrap());
        let error = Writer::resume(&folder, &segment).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the record does not fit: the folder is `copy`, expected `{RUN}`, the run it holds")
        );
    }

    #[test]
    fn a_newer_version_is_read_and_never_written() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&[]);
        let mut newer = record(1, 1, "run.open");
        newer.insert("v".into(), 2.into());
        run.set(&super::super::line::seal(&newer, super::super::Digest::ZERO).unwrap().0);
        let reading = read(&run.folder);
        assert_eq!((reading.lines.len(), &reading.class), (1, &Class::Ok));
        assert!(reading.read_only().unwrap().contains("version 2"));
        let error = Writer::resume(&run.folder, &run.path).unwrap_err();
        assert!(matches!(error, JournalError::NewerVersion { found: 2 }), "{error}");
    }
}
