//! Evidence as plain files: each record is one JSON object, overwritten in place and padded, so that a full disk and a
//! crash in the middle leave something that can be read or is plainly not whole.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

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

/// Reads what one file says; `None` if it says nothing whole.
pub fn read_evidence<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn overwrite(path: &Path, record: &impl Serialize) -> io::Result<File> {
    let mut text = serde_json::to_vec(record)?;
    text.resize(text.len().max(SIZE - 1), b' ');
    text.push(b'\n');
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.write_all_at(&text, 0)?;
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
    fn half_a_record_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let exit = folder.path().join("b.exit");
        std::fs::write(&exit, r#"{"result":"exi"#).unwrap();
        assert_eq!(read_evidence::<Exit>(&exit), None);
    }
}
