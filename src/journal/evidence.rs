//! What a supervisor leaves behind about one attempt, so that its end is known although nobody watched.
//!
//! ```text
//! sup/<attempt>.started | .exit      JSON LF HEX64 LF zeros, 4 KiB; HEX64 = sha256(JSON)
//! ```
//! Both files are made, filled and durable before the intent is, and overwritten in place later: a full disk cannot
//! take away the end of a command that it let begin.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::lock::Flock;
use super::run_id::check_name;
use super::{Digest, JournalError, RunFolder, durable};

const SIZE: usize = 4096;
/// A newline, the digest, a newline.
const SEAL: usize = 66;

/// Long enough that a mere look at the lock does not look like a supervisor.
const WAIT: Duration = Duration::from_millis(100);

/// The evidence files of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    sup: PathBuf,
    attempt: String,
}

/// The command runs: who watches it, and where that means something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    pub supervisor_pid: u32,
    /// Start time in clock ticks since boot, as in `/proc/<pid>/stat`: a pid alone is used again.
    pub supervisor_start: u64,
    pub command_pid: u32,
    pub command_start: u64,
    pub boot_id: String,
    pub machine_id: String,
    /// Inode of the pid namespace.
    pub pid_ns: u64,
}

/// The command ended, or never began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    pub result: Ending,
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub dur_ms: u64,
    /// Children that still run, one text each. Cut when there are too many for the file.
    pub leftover: Vec<String>,
    pub stdout: StreamFacts,
    /// Only when the streams were captured apart.
    pub stderr: Option<StreamFacts>,
}

/// How an attempt ended: the raw fact, apart from any verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    Exited,
    Signaled,
    TimedOut,
    NotStarted,
}

/// What is known of one captured stream, after redaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamFacts {
    /// Of the whole stream.
    pub bytes: u64,
    /// Of the blob.
    pub kept: u64,
    /// The middle was dropped, or the blob could not be written.
    pub cut: bool,
    /// Of the whole stream, also where the middle was dropped.
    pub sha256: Digest,
}

impl Evidence {
    /// Makes both files, blank, and durable on return. An attempt is prepared once.
    pub fn prepare(folder: &RunFolder, attempt: &str) -> Result<Self, JournalError> {
        let evidence = Self::at(&folder.sup(), attempt)?;
        for path in [evidence.started(), evidence.exit()] {
            let blank = |mut file: File| file.write_all(&[0; SIZE]).and_then(|()| file.sync_all());
            durable::make_file(&path).and_then(blank).map_err(JournalError::io("prepare evidence", &path))?;
        }
        durable::sync_folder(&evidence.sup)?;
        Ok(evidence)
    }

    /// The evidence of an attempt in the folder `sup`, whether it is there or not.
    pub fn at(sup: &Path, attempt: &str) -> Result<Self, JournalError> {
        check_name("the attempt", attempt)?;
        Ok(Self { sup: sup.to_owned(), attempt: attempt.to_owned() })
    }

    pub fn started(&self) -> PathBuf {
        self.sup.join(format!("{}.started", self.attempt))
    }

    pub fn exit(&self) -> PathBuf {
        self.sup.join(format!("{}.exit", self.attempt))
    }

    /// The lock that the supervisor holds while it lives.
    pub fn lock(&self) -> PathBuf {
        self.sup.join(format!("{}.lock", self.attempt))
    }

    /// Records that the command runs; durable on return.
    pub fn write_started(&self, started: &Started) -> Result<(), JournalError> {
        overwrite(&self.started(), &json(started))
    }

    /// Records how the command ended; durable on return.
    pub fn write_exit(&self, exit: &Exit) -> Result<(), JournalError> {
        let mut exit = exit.clone();
        let mut text = json(&exit);
        let all = exit.leftover.len();
        while text.len() + SEAL > SIZE && !exit.leftover.is_empty() {
            // The end must be written whatever it left running.
            exit.leftover.truncate(exit.leftover.len().saturating_sub(2));
            exit.leftover.push(format!("and {} more", all - exit.leftover.len()));
            if exit.leftover.len() == 1 {
                exit.leftover = vec![format!("{all} processes")];
                text = json(&exit);
                break;
            }
            text = json(&exit);
        }
        overwrite(&self.exit(), &text)
    }
}

/// What a supervisor wrote when it started its command; `None` when it is blank, missing or damaged.
pub fn read_started(path: &Path) -> Option<Started> {
    read(path)
}

/// What a supervisor wrote when its command ended; `None` when it is blank, missing or damaged.
pub fn read_exit(path: &Path) -> Option<Exit> {
    read(path)
}

/// A supervisor lives, until this is dropped or its process ends.
#[derive(Debug)]
pub struct SupLock {
    _lock: Flock,
}

impl SupLock {
    /// Taken once, by the supervisor, before it answers *ready*.
    pub fn take(path: &Path) -> Result<Self, JournalError> {
        match Flock::take(path, WAIT).map_err(JournalError::io("lock", path))? {
            Some(lock) => Ok(Self { _lock: lock }),
            None => Err(JournalError::Supervised { path: path.to_owned() }),
        }
    }

    /// Whether a supervisor lives. When that cannot be found out, it is taken to live: a command that may still run
    /// must not run twice.
    pub fn is_held(path: &Path) -> bool {
        Flock::is_held(path).unwrap_or(true)
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("evidence is plain text and numbers")
}

fn overwrite(path: &Path, json: &[u8]) -> Result<(), JournalError> {
    if json.len() + SEAL > SIZE {
        return Err(JournalError::TooLong { bytes: json.len() });
    }
    let mut block = json.to_vec();
    block.push(b'\n');
    block.extend_from_slice(&Digest::of(json).to_hex());
    block.push(b'\n');
    block.resize(SIZE, 0);
    let write = |file: File| file.write_all_at(&block, 0).and_then(|()| file.sync_data());
    durable::open_plain_in_place(path).and_then(write).map_err(JournalError::io("write evidence", path))
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let mut block = Vec::with_capacity(SIZE + 1);
    let file = durable::open_plain(path).ok()?;
    file.take(SIZE as u64 + 1).read_to_end(&mut block).ok()?;
    let end = block.iter().position(|byte| *byte == b'\n')?;
    let (json, seal) = block.split_at(end);
    let sealed = block.len() == SIZE && Digest::parse(seal.get(1..SEAL - 1)?)? == Digest::of(json) && seal[SEAL - 1] == b'\n';
    sealed.then(|| serde_json::from_slice(json).ok()).flatten()
}

