//! One start at a time: between the look for open runs and the first record of a new one nobody else begins.

use std::path::Path;
use std::time::Duration;

use super::lock::Flock;
use super::{JournalError, durable};

/// How long another start may take.
const WAIT: Duration = Duration::from_secs(10);

/// Nobody else of this account starts a run, until this is dropped.
#[derive(Debug)]
pub struct StartLock {
    _lock: Flock,
}

impl StartLock {
    pub fn take(state: &Path) -> Result<Self, JournalError> {
        durable::make_folders(state)?;
        let path = state.join("start.lock");
        let lock = Flock::take(&path, WAIT).map_err(JournalError::io("lock", &path))?;
        let lock = lock.ok_or(JournalError::Held { holder: None })?;
        Ok(Self { _lock: lock })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_start_waits_for_the_first() {
        let scratch = tempfile::tempdir().unwrap();
        let state = scratch.path().join("state");
        let first = StartLock::take(&state).unwrap();
        let second = std::thread::spawn({
            let state = state.clone();
            move || StartLock::take(&state).map(|_| ())
        });
        std::thread::sleep(Duration::from_millis(50));
        assert!(!second.is_finished());
        drop(first);
        second.join().unwrap().unwrap();
    }
}
