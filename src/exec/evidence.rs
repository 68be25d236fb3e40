//! Evidence in the journal's sealed files, which were prepared before the intent was recorded.

use std::io;
use std::path::PathBuf;

use super::facts::{Evidence, Exit, Started};
use crate::journal::{Durable, JournalError, write_evidence};

/// The two evidence files of an attempt.
pub struct FileEvidence {
    started: PathBuf,
    exit: PathBuf,
}

impl FileEvidence {
    /// Evidence at these paths; the files exist already.
    pub fn new(started: impl Into<PathBuf>, exit: impl Into<PathBuf>) -> Self {
        Self { started: started.into(), exit: exit.into() }
    }
}

impl Evidence for FileEvidence {
    fn started(&mut self, started: &Started) -> io::Result<()> {
        write_evidence(&self.started, started, Durable::Now).map_err(|error| in_words(&error))
    }

    fn spawned(&mut self, started: &Started) -> io::Result<()> {
        write_evidence(&self.started, started, Durable::WithTheSystem).map_err(|error| in_words(&error))
    }

    fn exit(&mut self, exit: &Exit) -> io::Result<()> {
        write_evidence(&self.exit, exit, Durable::Now).map_err(|error| in_words(&error))
    }
}

/// With its cause, since only words go over the control pipe.
fn in_words(error: &JournalError) -> io::Error {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    io::Error::other(format!("{error}{}", cause.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{is_blank, read_evidence};

    fn blank(folder: &tempfile::TempDir, name: &str) -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, [0; 4096]).unwrap();
        path
    }

    #[test]
    fn evidence_is_read_as_it_was_written_last() {
        let folder = tempfile::tempdir().unwrap();
        let (started, exit) = (blank(&folder, "a.started"), blank(&folder, "a.exit"));
        let mut evidence = FileEvidence::new(&started, &exit);
        assert_eq!((read_evidence::<Started>(&started), is_blank(&started)), (None, true));
        let mut facts = Started { supervisor_pid: 1_234_567, command_pid: Some(99), ..Started::default() };
        evidence.started(&facts).unwrap();
        facts.command_pid = None;
        evidence.spawned(&facts).unwrap();
        assert_eq!((read_evidence(&started), is_blank(&started)), (Some(facts), false));
        evidence.exit(&Exit::not_started("no GO")).unwrap();
        assert_eq!(read_evidence(&exit), Some(Exit::not_started("no GO")));
    }

    #[test]
    fn the_longest_exit_fits() {
        let folder = tempfile::tempdir().unwrap();
        let path = blank(&folder, "b.exit");
        let leftover = (0..99).map(|pid| crate::exec::Leftover { pid, command: "\"".repeat(100) }).collect();
        let mut exit = Exit { leftover, ..Exit::not_started("\u{e000}".repeat(2000)) };
        exit.fit();
        FileEvidence::new("/none", &path).exit(&exit).unwrap();
        assert_eq!(read_evidence(&path), Some(exit));
    }

    #[test]
    fn a_half_written_file_says_something_that_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = blank(&folder, "c.started");
        std::fs::write(&path, "{\"supervisor_pid\":1").unwrap();
        assert_eq!((read_evidence::<Started>(&path), is_blank(&path)), (None, false));
    }
}
