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
    /// The process that watches.
    pub supervisor_pid: u32,
    /// Start time in clock ticks since boot, as in `/proc/<pid>/stat`: a pid alone is used again.
    pub supervisor_start: u64,
    /// The process that was started.
    pub command_pid: u32,
    /// As `supervisor_start`.
    pub command_start: u64,
    /// Changes with every boot.
    pub boot_id: String,
    /// Of the installation.
    pub machine_id: String,
    /// Inode of the pid namespace.
    pub pid_ns: u64,
}

/// The command ended, or never began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// How it ended.
    pub result: Ending,
    /// When it exited.
    pub code: Option<i32>,
    /// When it was ended by one.
    pub signal: Option<i32>,
    /// Milliseconds from start to end.
    pub dur_ms: u64,
    /// Children that still run, one text each. Cut when there are too many for the file.
    pub leftover: Vec<String>,
    /// Output, or both streams in order.
    pub stdout: StreamFacts,
    /// Only when the streams were captured apart.
    pub stderr: Option<StreamFacts>,
}

/// How an attempt ended: the raw fact, apart from any verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// By itself, with a code.
    Exited,
    /// By a signal.
    Signaled,
    /// By us, at its limit.
    TimedOut,
    /// GO never came, or it could not be started.
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

    /// Where [`Started`] is written.
    pub fn started(&self) -> PathBuf {
        self.sup.join(format!("{}.started", self.attempt))
    }

    /// Where [`Exit`] is written.
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
        overwrite(&self.exit(), &fitting(exit))
    }
}

/// The end must be written whatever it left running: as many leftovers as fit, and how many there are more.
fn fitting(exit: &Exit) -> Vec<u8> {
    let mut text = json(exit);
    let mut shown = exit.leftover.len();
    while text.len() + SEAL > SIZE && shown > 0 {
        shown -= shown.div_ceil(8);
        let mut leftover = exit.leftover[..shown].to_vec();
        leftover.push(format!("and {} more", exit.leftover.len() - shown));
        text = json(&Exit { leftover, ..exit.clone() });
    }
    text
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


#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use super::super::testing::{RUN, Scratch};
    use super::*;

    fn started() -> Started {
        Started {
            supervisor_pid: 41,
            supervisor_start: 1000,
            command_pid: 42,
            command_start: 1001,
            boot_id: "b".into(),
            machine_id: "m".into(),
            pid_ns: 4_026_531_836,
        }
    }

    fn exit(leftover: Vec<String>) -> Exit {
        let stdout = StreamFacts { bytes: 3, kept: 3, cut: false, sha256: Digest::of(b"abc") };
        Exit { result: Ending::TimedOut, code: None, signal: Some(15), dur_ms: 30_000, leftover, stdout, stderr: None }
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
        assert_eq!((read_started(&evidence.started()), read_exit(&evidence.exit())), (None, None));
    }

    #[test]
    fn evidence_comes_back_as_it_was_written() {
        let scratch = Scratch::new();
        let folder = scratch.folder(RUN);
        let evidence = Evidence::prepare(&folder, "1-4-ab12").unwrap();
        evidence.write_started(&started()).unwrap();
        evidence.write_exit(&exit(vec!["77 sshd".into()])).unwrap();
        let again = Evidence::at(&folder.sup(), "1-4-ab12").unwrap();
        assert_eq!(read_started(&again.started()), Some(started()));
        assert_eq!(read_exit(&again.exit()), Some(exit(vec!["77 sshd".into()])));
        assert_eq!(fs::metadata(again.exit()).unwrap().size(), 4096);
    }

    #[test]
    fn every_flip_and_every_cut_makes_evidence_invalid() {
        let scratch = Scratch::new();
        let evidence = Evidence::prepare(&scratch.folder(RUN), "a").unwrap();
        evidence.write_started(&started()).unwrap();
        let block = fs::read(evidence.started()).unwrap();
        let used = block.iter().position(|byte| *byte == 0).unwrap();
        for at in 0..used {
            let mut bad = block.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(evidence.started(), &bad).unwrap();
            assert_eq!(read_started(&evidence.started()), None, "byte {at}");
            bad.copy_from_slice(&block);
            bad[at..].fill(0);
            fs::write(evidence.started(), &bad).unwrap();
            assert_eq!(read_started(&evidence.started()), None, "zeros from {at}");
        }
        fs::write(evidence.started(), &block[..used]).unwrap();
        assert_eq!(read_started(&evidence.started()), None);
        fs::write(evidence.started(), block).unwrap();
        assert_eq!(read_started(&evidence.started()), Some(started()));
    }

    #[test]
    fn an_end_is_written_whatever_it_left_running() {
        let scratch = Scratch::new();
        let evidence = Evidence::prepare(&scratch.folder(RUN), "a").unwrap();
        let all: Vec<String> = (0..5000).map(|pid| format!("{pid} sleep")).collect();
        evidence.write_exit(&exit(all.clone())).unwrap();
        let leftover = read_exit(&evidence.exit()).unwrap().leftover;
        let shown = leftover.len() - 1;
        assert!(shown > 100 && leftover[..shown] == all[..shown]);
        assert_eq!(leftover[shown], format!("and {} more", 5000 - shown));
        evidence.write_exit(&exit(vec!["x".repeat(9000)])).unwrap();
        assert_eq!(read_exit(&evidence.exit()).unwrap().leftover, ["and 1 more"]);
    }

    #[test]
    fn an_attempt_is_prepared_once_and_is_never_a_path() {
        let scratch = Scratch::new();
        let folder = scratch.folder(RUN);
        Evidence::prepare(&folder, "a").unwrap();
        assert!(Evidence::prepare(&folder, "a").is_err());
        assert!(matches!(Evidence::prepare(&folder, "../a"), Err(JournalError::Name { .. })));
        assert!(Evidence::at(&folder.sup(), "b").unwrap().write_started(&started()).is_err());
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

    #[test]
    fn endings_have_the_names_of_the_journal() {
        let names = [Ending::Exited, Ending::Signaled, Ending::TimedOut, Ending::NotStarted].map(|ending| serde_json::to_string(&ending).unwrap());
        assert_eq!(names, ["\"exited\"", "\"signaled\"", "\"timed_out\"", "\"not_started\""]);
    }
}
