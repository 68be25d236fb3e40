//! The few things a writer does to its file, as a trait, so that tests can let each of them fail.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::durable;

/// A file that records are added to.
pub(super) trait Sink: Send {
    /// Its length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// One `write(2)` at the end; tells how many bytes were taken.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// `fdatasync`.
    fn sync(&mut self) -> io::Result<()>;
    /// Makes the file itself durable: `fsync`, and its entries in the folders above.
    fn sync_new(&mut self) -> io::Result<()>;
    fn truncate(&mut self, len: u64) -> io::Result<()>;
    /// Sets disk space aside behind the end, without changing the length.
    fn reserve(&mut self, from: u64, bytes: u64) -> io::Result<Reserve>;
}

/// Whether space is set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reserve {
    Kept,
    /// This file system cannot.
    Unknown,
}

/// A segment on a disk, open for appending.
pub(super) struct FileSink {
    file: File,
    run: PathBuf,
}

impl FileSink {
    pub(super) fn new(file: File, run: &Path) -> Self {
        Self { file, run: run.to_owned() }
    }
}

impl Sink for FileSink {
    fn len(&self) -> io::Result<u64> {
        self.file.metadata().map(|metadata| metadata.len())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.file.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => return written,
            }
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn sync_new(&mut self) -> io::Result<()> {
        self.file.sync_all()?;
        for folder in [Some(&*self.run), self.run.parent()].into_iter().flatten() {
            durable::sync_folder(folder).map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    #[cfg(target_os = "linux")]
    fn reserve(&mut self, from: u64, bytes: u64) -> io::Result<Reserve> {
        use rustix::fs::{FallocateFlags, fallocate};
        use rustix::io::Errno;
        loop {
            match fallocate(&self.file, FallocateFlags::KEEP_SIZE, from, bytes) {
                Ok(()) => return Ok(Reserve::Kept),
                Err(Errno::INTR) => {}
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(Reserve::Unknown),
                Err(error) => return Err(error.into()),
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn reserve(&mut self, _: u64, _: u64) -> io::Result<Reserve> {
        Ok(Reserve::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_set_aside_without_a_change_of_length() {
        let scratch = tempfile::tempdir().unwrap();
        let file = durable::make_file(&scratch.path().join("a")).unwrap();
        let mut sink = FileSink::new(file, scratch.path());
        assert_eq!(sink.write(b"abc").unwrap(), 3);
        sink.reserve(3, 1 << 20).unwrap();
        assert_eq!(sink.len().unwrap(), 3);
        sink.truncate(1).unwrap();
        assert_eq!(sink.write(b"x").unwrap(), 1);
        sink.sync().unwrap();
        sink.sync_new().unwrap();
        assert_eq!(std::fs::read(scratch.path().join("a")).unwrap(), b"ax");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_said_and_not_swallowed() {
        let full = std::fs::OpenOptions::new().append(true).open("/dev/full").unwrap();
        let mut sink = FileSink::new(full, Path::new("/dev"));
        assert_eq!(sink.write(b"abc").unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
