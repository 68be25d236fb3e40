//! Who is in a run right now.
//!
//! The lock itself is the truth and frees itself with its holder; what the file says about the holder is
//! information for the next person.

use std::fmt;
use std::fs;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::lock::Flock;
use super::{JournalError, RunFolder};

/// Long enough that a mere look at the lock does not look like a holder.
const WAIT: Duration = Duration::from_millis(100);

/// What the holder of a run says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// Its claimed name.
    pub who: String,
    /// Its machine.
    pub host: String,
    /// UTC, as in the journal.
    pub since: String,
}

impl Holder {
    pub(super) fn or_unknown(holder: Option<&Self>) -> String {
        holder.map_or_else(|| "somebody who has not said who".to_owned(), ToString::to_string)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` on `{}` since {} (process {})", self.who, self.host, self.since, self.pid)
    }
}

/// Whether somebody is in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The lock is free.
    Nobody,
    /// The holder has said who it is, or has not come to it yet.
    Somebody(Option<Holder>),
}

/// One process is in this run, until this is dropped or the process ends.
#[derive(Debug)]
pub struct RunLock {
    _lock: Flock,
}

impl RunLock {
    /// Enters a run; `Held` with what is known of the one who is in it.
    pub fn try_lock(folder: &RunFolder, holder: &Holder) -> Result<Self, JournalError> {
        let path = folder.run_lock();
        let Some(lock) = Flock::take(&path, WAIT).map_err(JournalError::io("lock", &path))? else {
            return Err(JournalError::Held { holder: said(folder).map(Box::new) });
        };
        let text = serde_json::to_string(holder).expect("a holder is plain text and numbers");
        // A full disk must not keep anybody out of a run: the lock is held, only its note is missing.
        let _ = lock.note(&format!("{text}\n"));
        Ok(Self { _lock: lock })
    }

    /// Looks who is in a run, without entering it.
    pub fn look(folder: &RunFolder) -> Result<Presence, JournalError> {
        let path = folder.run_lock();
        let held = Flock::is_held(&path).map_err(JournalError::io("look at", &path))?;
        Ok(if held { Presence::Somebody(said(folder)) } else { Presence::Nobody })
    }
}

fn said(folder: &RunFolder) -> Option<Holder> {
    serde_json::from_slice(&fs::read(folder.run_lock()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::super::testing::Scratch;
    use super::*;

    fn pepe() -> Holder {
        Holder { pid: 4242, who: "pepe".into(), host: "kyousuke".into(), since: "2026-11-25T03:14:00.000Z".into() }
    }

    #[test]
    fn a_held_run_says_by_whom() {
        let scratch = Scratch::new();
        let folder = scratch.folder("7f3a-k2");
        let lock = RunLock::try_lock(&folder, &pepe()).unwrap();
        let error = RunLock::try_lock(&folder, &pepe()).unwrap_err();
        let text = "the run is held by `pepe` on `kyousuke` since 2026-11-25T03:14:00.000Z (process 4242)";
        assert_eq!((error.to_string(), error.exit_code()), (text.to_owned(), 7));
        assert_eq!(RunLock::look(&folder).unwrap(), Presence::Somebody(Some(pepe())));
        drop(lock);
        assert_eq!(RunLock::look(&folder).unwrap(), Presence::Nobody);
    }

    #[test]
    fn the_lock_file_stays_when_its_holder_goes() {
        let scratch = Scratch::new();
        let folder = scratch.folder("7f3a-k2");
        drop(RunLock::try_lock(&folder, &pepe()).unwrap());
        assert!(folder.run_lock().exists());
        RunLock::try_lock(&folder, &pepe()).unwrap();
    }

    #[test]
    fn a_note_that_cannot_be_read_changes_nothing_about_the_lock() {
        let scratch = Scratch::new();
        let folder = scratch.folder("7f3a-k2");
        let _lock = RunLock::try_lock(&folder, &pepe()).unwrap();
        fs::write(folder.run_lock(), "{").unwrap();
        let error = RunLock::try_lock(&folder, &pepe()).unwrap_err();
        assert_eq!(error.to_string(), "the run is held by somebody who has not said who");
    }
}
