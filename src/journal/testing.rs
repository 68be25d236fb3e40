//! A state folder that goes away, and records that mean nothing.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::{RunFolder, Writer};

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

    /// A run with these kinds of records in its first epoch.
    pub(super) fn run_with(&self, kinds: &[&str]) -> Run {
        let mut writer = self.writer_of(RUN);
        for (seq, kind) in (1..).zip(kinds) {
            writer.append(record(1, seq, kind)).unwrap();
        }
        Run { folder: RunFolder::open(self.state(), RUN).unwrap(), path: writer.path().to_owned() }
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
