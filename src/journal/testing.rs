//! A state folder that goes away, and records that mean nothing.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::sink::{FileSink, Reserve, Sink};
use super::{Digest, RunFolder, Writer, durable, line};

pub(super) const RUN: &str = "7f3a-k2";

pub(super) struct Scratch {
    state: TempDir,
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self { state: tempfile::tempdir().unwrap() }
    }

    pub(super) fn state(&self) -> &Path {
        self.state.path()
    }

    pub(super) fn folder(&self, id: &str) -> RunFolder {
        RunFolder::create(self.state(), id).unwrap()
    }

    /// A writer of the first epoch of a new run.
    pub(super) fn writer_of(&self, id: &str) -> Writer {
        Writer::create(&self.folder(id), 1, "pepe", "kyousuke").unwrap()
    }

    /// A run with these kinds of records in its first epoch, as a writer would have left it. Nothing is synced:
    /// many tests damage many journals.
    pub(super) fn run_with(&self, kinds: &[&str]) -> Run {
        let root = self.state().join("runs").join(RUN);
        fs::create_dir_all(&root).unwrap();
        let folder = RunFolder::open_existing(&root).unwrap();
        fs::create_dir_all(folder.torn()).unwrap();
        let mut head = Digest::ZERO;
        let mut bytes = Vec::new();
        for (seq, kind) in (1..).zip(kinds) {
            let (line, h) = line::seal(&record(1, seq, kind), head).unwrap();
            bytes.extend(line);
            head = h;
        }
        let run = Run { path: folder.segment(1, "pepe", "kyousuke"), folder };
        fs::write(&run.path, bytes).unwrap();
        run
    }
}

/// A run without a writer.
pub(super) struct Run {
    pub(super) folder: RunFolder,
    /// Of its first segment.
    pub(super) path: PathBuf,
}

impl Run {
    pub(super) fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap()
    }

    pub(super) fn set(&self, bytes: &[u8]) {
        // A file that is written over is synced by some file systems, and a new one is not.
        fs::remove_file(&self.path).unwrap();
        fs::write(&self.path, bytes).unwrap();
    }

    pub(super) fn lines(&self) -> Vec<Vec<u8>> {
        self.bytes().split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    }
}

pub(super) fn record(epoch: u32, seq: u64, kind: &str) -> Map<String, Value> {
    let t = format!("2026-11-25T03:14:{:02}.000Z", seq % 60);
    let Value::Object(record) = json!({
        "v": 1, "run": RUN, "epoch": epoch, "seq": seq, "kind": kind, "t": t, "mono": seq * 1000,
    }) else {
        unreachable!("it is an object")
    };
    record
}

/// A record with some members more.
pub(super) fn record_with(epoch: u32, seq: u64, kind: &str, more: &Value) -> Map<String, Value> {
    let mut record = record(epoch, seq, kind);
    record.extend(more.as_object().unwrap().clone());
    record
}

/// What goes wrong next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A write takes half of its bytes.
    Short,
    /// A write takes nothing.
    Full,
    Sync,
    Truncate,
    Reserve,
}

/// A real file whose calls fail in a given order; a fault waits for its own kind of call.
pub(super) struct FaultySink {
    sink: FileSink,
    faults: VecDeque<Fault>,
}

impl FaultySink {
    pub(super) fn around(writer: &Writer, faults: &[Fault]) -> Self {
        let file = durable::open_plain_to_append(writer.path()).unwrap();
        let run = writer.path().parent().unwrap();
        Self { sink: FileSink::new(file, run), faults: faults.iter().copied().collect() }
    }

    fn fails(&mut self, fault: Fault) -> bool {
        let hit = self.faults.front() == Some(&fault);
        if hit {
            self.faults.pop_front();
        }
        hit
    }

    fn check(&mut self, fault: Fault) -> io::Result<()> {
        if self.fails(fault) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Sink for FaultySink {
    fn len(&self) -> io::Result<u64> {
        self.sink.len()
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check(Fault::Full)?;
        let end = if self.fails(Fault::Short) { bytes.len() / 2 } else { bytes.len() };
        self.sink.write(&bytes[..end])
    }

    fn sync(&mut self) -> io::Result<()> {
        self.check(Fault::Sync)?;
        self.sink.sync()
    }

    fn sync_new(&mut self) -> io::Result<()> {
        self.check(Fault::Sync)?;
        self.sink.sync_new()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.check(Fault::Truncate)?;
        self.sink.truncate(len)
    }

    fn reserve(&mut self, from: u64, bytes: u64) -> io::Result<Reserve> {
        self.check(Fault::Reserve)?;
        self.sink.reserve(from, bytes)
    }
}
