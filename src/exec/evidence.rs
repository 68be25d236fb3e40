//! Evidence as files, in the form of the journal's: `JSON LF HEX64 LF zeros`, 4 KiB, overwritten in place, so that a
//! full disk cannot take away the end of a command, and what is not whole is plainly not whole.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use sha2::{Digest, Sha256};

use super::blob::hexadecimal;
use super::facts::{Evidence, Exit, Started};

/// What an evidence file holds, in bytes.
const SIZE: usize = 4096;

/// The two evidence files of an attempt.
pub struct FileEvidence {
    started: PathBuf,
    exit: PathBuf,
}

impl FileEvidence {
    /// Evidence at these paths; the files may exist already.
    pub fn new(started: impl Into<PathBuf>, exit: impl Into<PathBuf>) -> Self {
        Self { started: started.into(), exit: exit.into() }
    }
}

impl Evidence for FileEvidence {
    fn started(&mut self, started: &Started) -> io::Result<()> {
        overwrite(&self.started, started)?.sync_data()
    }

    fn spawned(&mut self, started: &Started) -> io::Result<()> {
        overwrite(&self.started, started).map(drop)
    }

    fn exit(&mut self, exit: &Exit) -> io::Result<()> {
        overwrite(&self.exit, exit)?.sync_data()
    }
}

/// Reads what one file says; `None` if it is missing, blank or not whole.
pub fn read_evidence<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let block = std::fs::read(path).ok()?;
    let mut lines = block.split(|byte| *byte == b'\n');
    let (json, seal) = (lines.next()?, lines.next()?);
    (seal == hexadecimal(&Sha256::digest(json)).as_bytes()).then(|| serde_json::from_slice(json).ok()).flatten()
}

/// Whether anything was ever written to a file that was prepared blank, whole or not. What cannot be read may have been.
pub fn says_anything(path: &Path) -> bool {
    match std::fs::read(path) {
        Ok(block) => block.iter().any(|byte| *byte != 0),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

fn overwrite(path: &Path, record: &impl Serialize) -> io::Result<File> {
    let mut block = serde_json::to_vec(record)?;
    let seal = hexadecimal(&Sha256::digest(&block));
    block.extend_from_slice(format!("\n{seal}\n").as_bytes());
    if block.len() > SIZE {
        return Err(io::Error::other("the record is too long for its file"));
    }
    block.resize(SIZE, 0);
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.write_all_at(&block, 0)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_read_as_it_was_written_last() {
        let folder = tempfile::tempdir().unwrap();
        let (started, exit) = (folder.path().join("a.started"), folder.path().join("a.exit"));
        let mut evidence = FileEvidence::new(&started, &exit);
        assert_eq!(read_evidence::<Started>(&started), None);
        let mut facts = Started { supervisor_pid: 1_234_567, command_pid: Some(99), ..Started::default() };
        evidence.started(&facts).unwrap();
        facts.command_pid = None;
        evidence.spawned(&facts).unwrap();
        assert_eq!(read_evidence::<Started>(&started), Some(facts));
        evidence.exit(&Exit::not_started("no GO")).unwrap();
        assert_eq!(read_evidence::<Exit>(&exit), Some(Exit::not_started("no GO")));
        assert_eq!(exit.metadata().unwrap().len(), 4096);
    }

    #[test]
    fn every_damage_to_a_record_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.exit");
        let mut evidence = FileEvidence::new("/none", &path);
        evidence.exit(&Exit { result: crate::exec::Ending::Exited, code: Some(0), ..Exit::default() }).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let end = whole.iter().rposition(|byte| *byte == b'\n').unwrap();
        for at in 0..=end {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, damaged).unwrap();
            assert_eq!(read_evidence::<Exit>(&path), None, "byte {at}");
            assert!(says_anything(&path));
        }
    }

    #[test]
    fn a_blank_file_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.started");
        assert!(!says_anything(&path));
        std::fs::write(&path, [0; SIZE]).unwrap();
        assert_eq!((read_evidence::<Started>(&path), says_anything(&path)), (None, false));
    }

    #[test]
    fn the_journal_reads_the_same_form() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.started");
        let started = Started { command_pid: Some(2), command_start: Some(3), ..Started::default() };
        FileEvidence::new(&path, "/none").started(&started).unwrap();
        assert_eq!(crate::journal::read_evidence::<Started>(&path), Some(started));
    }
}
