//! The lock that is held from the epoch check to the end of an append, or to GO.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::lock::Flock;
use super::{JournalError, RunFolder};

/// How long an append of somebody else may take. A sync on a sick disk takes seconds.
pub(super) const WAIT: Duration = Duration::from_secs(10);

/// Proof that nobody else checks an epoch, appends or takes over while it lives.
#[derive(Debug)]
pub struct AppendLock {
    _lock: Flock,
    root: PathBuf,
}

impl AppendLock {
    /// Takes the lock of a run. `AppendHeld` names the process that stands in the way, which may be stopped.
    pub(super) fn take(folder: &RunFolder, wait: Duration) -> Result<Self, JournalError> {
        let path = folder.append_lock();
        let Some(lock) = Flock::take(&path, wait).map_err(JournalError::io("lock", &path))? else {
            let pid = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
            return Err(JournalError::AppendHeld { pid });
        };
        // Information for whoever finds it held; of one length, so that it is never half a number.
        let _ = lock.note(&format!("{:>10}\n", std::process::id()));
        Ok(Self { _lock: lock, root: folder.root().to_owned() })
    }

    /// Whether `ours` is still the highest epoch; `Fenced` when it is not.
    pub(super) fn check_epoch(&self, folder: &RunFolder, ours: u32) -> Result<(), JournalError> {
        if self.root != folder.root() {
            return Err(JournalError::Record { why: format!("the lock is that of `{}`", self.root.display()) });
        }
        match folder.highest_epoch()? {
            highest if highest == ours => Ok(()),
            highest => Err(JournalError::Fenced { ours, highest }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Scratch;
    use super::*;

    #[test]
    fn the_process_that_stands_in_the_way_is_named() {
        let scratch = Scratch::new();
        let folder = scratch.folder("7f3a-k2");
        let _held = AppendLock::take(&folder, WAIT).unwrap();
        let pid = std::process::id();
        let error = AppendLock::take(&folder, Duration::from_millis(5)).unwrap_err();
        assert_eq!(error.to_string(), format!("process {pid} has not finished its append to the journal"));
        assert_eq!(error.exit_code(), 7);
    }

    #[test]
    fn the_lock_of_one_run_is_no_proof_for_another() {
        let scratch = Scratch::new();
        let lock = AppendLock::take(&scratch.folder("one"), WAIT).unwrap();
        assert!(lock.check_epoch(&scratch.folder("two"), 0).is_err());
    }
}
