//! A lock that ends with its holder: `flock` on a file that stays.
//!
//! The file is never deleted, since two holders of two files of one name would both believe to be alone. It is
//! close-on-exec, as every file the standard library opens, so that no command inherits it.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use super::durable;

/// How often a lock that somebody holds is asked for again.
const PAUSE: Duration = Duration::from_millis(2);

/// An exclusive lock, held until it is dropped or its process ends.
#[derive(Debug)]
pub(super) struct Flock {
    file: File,
}

impl Flock {
    /// Takes the lock; `None` when somebody still holds it after the wait.
    ///
    /// Someone who only looks holds it for an instant, so that a wait of zero could be refused by a mere look.
    pub(super) fn take(path: &Path, wait: Duration) -> io::Result<Option<Self>> {
        let file = open(path)?;
        let end = Instant::now() + wait;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Some(Self { file })),
                Err(Errno::WOULDBLOCK) if Instant::now() >= end => return Ok(None),
                Err(Errno::WOULDBLOCK) => std::thread::sleep(PAUSE),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether somebody holds it. A file that is missing is held by nobody.
    pub(super) fn is_held(path: &Path) -> io::Result<bool> {
        let file = match durable::open_plain(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            opened => opened?,
        };
        loop {
            match flock(&file, FlockOperation::NonBlockingLockShared) {
                Ok(()) => return Ok(false),
                Err(Errno::WOULDBLOCK) => return Ok(true),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Replaces what the file says about its holder: information only, so it is not synced.
    pub(super) fn note(&self, text: &str) -> io::Result<()> {
        self.file.write_all_at(text.as_bytes(), 0)?;
        self.file.set_len(text.len() as u64)
    }
}

/// Given back by word, not by closing: a process that is just being started has a copy of every file for a moment.
impl Drop for Flock {
    fn drop(&mut self) {
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600).custom_flags(flags);
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            file.set_permissions(Permissions::from_mode(0o600))?;
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.open(path),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_by_one_and_ends_with_it() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("lock");
        assert!(!Flock::is_held(&path).unwrap());
        let first = Flock::take(&path, Duration::ZERO).unwrap().unwrap();
        assert!(Flock::is_held(&path).unwrap());
        assert!(Flock::take(&path, Duration::from_millis(5)).unwrap().is_none());
        drop(first);
        assert!(!Flock::is_held(&path).unwrap());
        assert!(Flock::take(&path, Duration::ZERO).unwrap().is_some());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "as bare a process as there is")]
    fn a_command_does_not_inherit_a_lock() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("lock");
        let lock = Flock::take(&path, Duration::ZERO).unwrap().unwrap();
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        drop(lock);
        let held = Flock::is_held(&path).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!held);
    }

    #[test]
    fn a_note_replaces_the_longer_one_before() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("lock");
        let lock = Flock::take(&path, Duration::ZERO).unwrap().unwrap();
        lock.note("long note").unwrap();
        lock.note("short").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "short");
    }
}
