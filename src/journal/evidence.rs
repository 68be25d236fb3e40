//! What a supervisor leaves behind about one attempt, so that its end is known although nobody watched.
//!
//! ```text
//! sup/<attempt>.started | .exit      JSON LF HEX64 LF zeros, 4 KiB; HEX64 = sha256(JSON)
//! ```
//! Both files are made, filled and durable before the intent is, and overwritten in place later: a full disk cannot
//! take away the end of a command that it let begin. What the JSON says is the supervisor's business.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::lock::Flock;
use super::run_id::check_name;
use super::{Digest, JournalError, RunFolder, durable};

/// Of a file.
const SIZE: usize = 4096;
/// Of a newline, the digest, a newline.
const SEAL: usize = 66;

/// Long enough that a mere look at the lock does not look like a supervisor.
const WAIT: Duration = Duration::from_millis(100);

/// The evidence files of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    sup: PathBuf,
    attempt: String,
}

/// Whether evidence must outlive a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durable {
    /// It is on the disk when the call returns.
    Now,
    /// It outlives its process. Good for a pid, which means nothing after the next boot.
    WithTheSystem,
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

    /// Where it is written that the command runs.
    pub fn started(&self) -> PathBuf {
        self.sup.join(format!("{}.started", self.attempt))
    }

    /// Where it is written how the command ended.
    pub fn exit(&self) -> PathBuf {
        self.sup.join(format!("{}.exit", self.attempt))
    }

    /// Where it is decided, once, whether an armed way back is gone.
    pub fn verdict(&self) -> PathBuf {
        self.sup.join(format!("{}.verdict", self.attempt))
    }

    /// What is known of a command on another machine besides its output and its end.
    pub fn there(&self) -> PathBuf {
        self.sup.join(format!("{}.there", self.attempt))
    }

    /// The lock that the supervisor holds while it lives.
    pub fn lock(&self) -> PathBuf {
        self.sup.join(format!("{}.lock", self.attempt))
    }

    /// Records that the command runs; durable on return.
    pub fn write_started(&self, started: &impl Serialize) -> Result<(), JournalError> {
        write_evidence(&self.started(), started, Durable::Now)
    }

    /// Records how the command ended; durable on return.
    pub fn write_exit(&self, exit: &impl Serialize) -> Result<(), JournalError> {
        write_evidence(&self.exit(), exit, Durable::Now)
    }

    /// What was recorded when the command began.
    pub fn read_started<T: DeserializeOwned>(&self) -> Option<T> {
        read_evidence(&self.started())
    }

    /// What was recorded when the command ended.
    pub fn read_exit<T: DeserializeOwned>(&self) -> Option<T> {
        read_evidence(&self.exit())
    }
}

/// Overwrites one prepared file. `TooLong` when the JSON and its seal do not fit 4 KiB.
pub fn write_evidence(path: &Path, facts: &impl Serialize, durable: Durable) -> Result<(), JournalError> {
    let failed = JournalError::io("write evidence", path);
    let mut block = match serde_json::to_vec(facts) {
        Ok(json) => json,
        Err(error) => return Err(failed(error.into())),
    };
    if block.len() + SEAL > SIZE {
        return Err(JournalError::TooLong { bytes: block.len(), limit: SIZE - SEAL });
    }
    let seal = Digest::of(&block);
    block.push(b'\n');
    block.extend_from_slice(&seal.to_hex());
    block.push(b'\n');
    block.resize(SIZE, 0);
    let write = |file: File| {
        file.write_all_at(&block, 0)?;
        if durable == Durable::Now { file.sync_data() } else { Ok(()) }
    };
    durable::open_plain_in_place(path).and_then(write).map_err(failed)
}

/// What one file says; `None` when it is blank, missing, damaged or says something else.
pub fn read_evidence<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let mut block = Vec::with_capacity(SIZE + 1);
    let file = durable::open_plain(path).ok()?;
    file.take(SIZE as u64 + 1).read_to_end(&mut block).ok()?;
    let end = block.iter().position(|byte| *byte == b'\n')?;
    let (json, seal) = block.split_at(end);
    let digest = seal.get(1..SEAL).and_then(|seal| Digest::parse(seal.strip_suffix(b"\n")?))?;
    let whole = block.len() == SIZE && digest == Digest::of(json);
    whole.then(|| serde_json::from_slice(json).ok()).flatten()
}

/// Whether nothing was ever written to a prepared file. One that is missing or cannot be read may have said something.
pub fn is_blank(path: &Path) -> bool {
    let mut block = Vec::with_capacity(SIZE + 1);
    let read = durable::open_plain(path).and_then(|file| file.take(SIZE as u64 + 1).read_to_end(&mut block));
    read.is_ok() && block == [0; SIZE]
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
        Self::look(path).unwrap_or(true)
    }

    /// The same, or why it cannot be found out.
    pub fn look(path: &Path) -> std::io::Result<bool> {
        Flock::is_held(path)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use serde_json::{Value, json};

    use super::super::testing::{RUN, Scratch};
    use super::*;

    fn started() -> Value {
        json!({"supervisor_pid": 41, "command_pid": 42, "boot_id": "b"})
    }

    #[test]
    fn prepared_evidence_is_blank_and_has_its_space() {
        let scratch = Scratch::new();
        let evidence = Evidence::prepare(&scratch.folder(RUN), "1-4-ab12").unwrap();
        for path in [evidence.started(), evidence.exit()] {
            let metadata = fs::metadata(&path).unwrap();
            assert_eq!((metadata.size(), metadata.mode() & 0o7777), (4096, 0o600));
            assert!(metadata.blocks() * 512 >= 4096);
        }
        assert_eq!((evidence.read_started::<Value>(), evidence.read_exit::<Value>()), (None, None));
        assert!(is_blank(&evidence.started()) && is_blank(&evidence.exit()));
    }

    #[test]
    fn only_a_prepared_file_that_was_never_written_is_blank() {
        let scratch = Scratch::new();
        let evidence = Evidence::prepare(&scratch.folder(RUN), "a").unwrap();
        evidence.write_started(&started()).unwrap();
        assert!(!is_blank(&evidence.started()));
        fs::write(evidence.exit(), [0; 100]).unwrap();
        assert!(!is_blank(&evidence.exit()), "a part of a file is no blank file");
        fs::remove_file(evidence.exit()).unwrap();
        assert!(!is_blank(&evidence.exit()));
    }

    #[test]
    fn evidence_comes_back_as_it_was_written_last() {
        let scratch = Scratch::new();
        let folder = scratch.folder(RUN);
        let evidence = Evidence::prepare(&folder, "1-4-ab12").unwrap();
        evidence
            .write_started(&json!({"supervisor_pid": 41, "command_pid": null, "boot_id": "long".repeat(200)}))
            .unwrap();
        write_evidence(&evidence.started(), &started(), Durable::WithTheSystem).unwrap();
        evidence.write_exit(&json!({"result": "exited", "code": 0})).unwrap();
        let again = Evidence::at(&folder.sup(), "1-4-ab12").unwrap();
        assert_eq!(again.read_started(), Some(started()));
        assert_eq!(again.read_exit(), Some(json!({"result": "exited", "code": 0})));
        assert_eq!(fs::metadata(again.exit()).unwrap().size(), 4096);
    }

    #[test]
    fn every_flip_and_every_cut_makes_evidence_invalid() {
        let scratch = Scratch::new();
        let evidence = Evidence::prepare(&scratch.folder(RUN), "a").unwrap();
        evidence.write_started(&started()).unwrap();
        let read = |bytes: &[u8]| {
            fs::remove_file(evidence.started()).unwrap();
            fs::write(evidence.started(), bytes).unwrap();
            evidence.read_started::<Value>()
        };
        let block = fs::read(evidence.started()).unwrap();
        let used = block.iter().position(|byte| *byte == 0).unwrap();
        for at in 0..used {
            let mut bad = block.clone();
            bad[at] ^= 1 << (at % 8);
            assert_eq!(read(&bad), None, "byte {at}");
            bad.copy_from_slice(&block);
            bad[at..].fill(0);
            assert_eq!(read(&bad), None, "zeros from {at}");
        }
        assert_eq!(read(&block[..used]), None);
        assert_eq!(read(&[&block[..], b"x"].concat()), None);
        assert_eq!(read(&block), Some(started()));
    }

    #[test]
    fn what_is_too_long_is_refused_and_harms_nothing() {
        let scratch = Scratch::new();
        let evidence = Evidence::prepare(&scratch.folder(RUN), "a").unwrap();
        let longest = "x".repeat(SIZE - SEAL - 2);
        evidence.write_exit(&longest).unwrap();
        let error = evidence.write_exit(&"x".repeat(SIZE - SEAL - 1)).unwrap_err();
        assert_eq!(error.to_string(), "a record of 4031 bytes is too long, expected at most 4030");
        assert_eq!(evidence.read_exit(), Some(longest));
    }

    #[test]
    fn an_attempt_is_prepared_once_and_is_never_a_path() {
        let scratch = Scratch::new();
        let folder = scratch.folder(RUN);
        Evidence::prepare(&folder, "a").unwrap();
        assert!(Evidence::prepare(&folder, "a").is_err());
        assert!(matches!(Evidence::prepare(&folder, "../a"), Err(JournalError::Name { .. })));
    }

    #[test]
    fn evidence_that_was_not_prepared_is_not_written() {
        let scratch = Scratch::new();
        let evidence = Evidence::at(&scratch.folder(RUN).sup(), "b").unwrap();
        assert!(evidence.write_started(&started()).is_err());
        assert!(!evidence.started().exists());
    }

    #[test]
    fn a_supervisor_is_seen_while_it_lives() {
        let scratch = Scratch::new();
        let lock = Evidence::at(&scratch.folder(RUN).sup(), "a").unwrap().lock();
        assert!(!SupLock::is_held(&lock));
        let held = SupLock::take(&lock).unwrap();
        assert!(SupLock::is_held(&lock));
        assert!(matches!(SupLock::take(&lock), Err(JournalError::Supervised { .. })));
        drop(held);
        assert!(!SupLock::is_held(&lock));
    }

    #[test]
    fn a_lock_that_cannot_be_looked_at_counts_as_held() {
        let scratch = Scratch::new();
        assert!(SupLock::is_held(scratch.state()));
    }
}
