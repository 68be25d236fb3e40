//! One captured stream on disk: its first and last part, its length, and the digest of all of it.
//!
//! A blob that cannot be written never stops the command: counting and digest go on, and the gap is named. While the
//! stream runs, offsets in the file are offsets in the stream; the middle is given back to the disk as a hole. At the
//! end the last part is moved up to the first, so that the file holds what was kept and nothing else.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::facts::StreamFacts;
use crate::text::hex;

/// How much of the beginning of a stream is kept, in bytes. In a blob that was cut, the last part starts here.
pub const HEAD: u64 = 64 << 20;
/// How much of its end is kept, in bytes.
pub const TAIL: u64 = 64 << 20;

const STEP: usize = 1 << 20;
const PAGE: u64 = 4096;

/// A stream being written.
pub(super) struct Blob {
    file: Option<File>,
    limits: Limits,
    digest: Sha256,
    /// Bytes that came.
    bytes: u64,
    /// Bytes of the stream that were taken out of the file's middle by moving the tail up.
    moved: u64,
    /// Where the hole ends; what lies between the head and this offset is gone.
    hole: u64,
    holes: Holes,
    length: u64,
    gap: Option<String>,
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
struct Limits {
    head: u64,
    tail: u64,
    /// How far the file may grow beyond both before the middle is given back.
    slack: u64,
}

/// Whether the file system can give back the middle of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holes {
    Possible,
    Impossible,
}

impl Blob {
    /// A new blob. Where it cannot be made, that is its gap.
    pub fn create(path: &Path) -> Self {
        Self::limited(path, Limits { head: HEAD, tail: TAIL, slack: 32 << 20 }, Holes::Possible)
    }

    fn limited(path: &Path, limits: Limits, holes: Holes) -> Self {
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path);
        let (file, gap) = match opened {
            Ok(file) => (Some(file), None),
            Err(error) => (None, Some(format!("cannot make the output file: {error}"))),
        };
        let digest = Sha256::new();
        Self { file, limits, digest, bytes: 0, moved: 0, hole: limits.head, holes, length: 0, gap }
    }

    /// Takes the next bytes of the stream.
    pub fn write(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
        if self.file.is_none() {
            return;
        }
        if let Err(error) = self.append(bytes).and_then(|()| self.bound()) {
            self.give_up(format!("cannot write the output file: {error}"));
        }
    }

    /// The stream has ended. Gives its facts, and why there is a gap in it, if there is one.
    pub fn finish(mut self, drained: bool) -> (StreamFacts, Option<String>) {
        if self.file.is_some()
            && self.length > self.limits.head + self.limits.tail
            && let Err(error) = self.move_up()
        {
            self.give_up(format!("cannot shorten the output file: {error}"));
        }
        // An empty file needs no sync: its digest says what was in it.
        if let Some(file) = &self.file
            && self.bytes > 0
            && let Err(error) = file.sync_data()
        {
            self.give_up(format!("cannot sync the output file: {error}"));
        }
        let facts = StreamFacts {
            bytes: self.bytes,
            kept: self.length,
            cut: self.length < self.bytes,
            sha256: hex(&self.digest.finalize()),
            drained,
        };
        (facts, self.gap)
    }

    /// Never tries again on a file that failed once.
    fn give_up(&mut self, cause: String) {
        self.file = None;
        self.gap.get_or_insert(cause);
    }

    fn append(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        while !bytes.is_empty() {
            match file.write_at(bytes, self.length) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.length += written as u64;
                    bytes = &bytes[written..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Keeps what the file takes of the disk bounded while the stream runs.
    fn bound(&mut self) -> io::Result<()> {
        let Limits { head, tail, slack } = self.limits;
        if self.length - (self.hole - head) <= head + tail + slack {
            return Ok(());
        }
        let to = (self.length - tail) / PAGE * PAGE;
        if self.holes == Holes::Possible && self.punch(self.hole, to) {
            self.hole = to;
            return Ok(());
        }
        self.holes = Holes::Impossible;
        self.move_up()
    }

    #[cfg(target_os = "linux")]
    fn punch(&self, from: u64, to: u64) -> bool {
        use rustix::fs::{FallocateFlags, fallocate};
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        self.file.as_ref().is_some_and(|file| fallocate(file, flags, from, to.saturating_sub(from)).is_ok())
    }

    #[cfg(not(target_os = "linux"))]
    fn punch(&self, _from: u64, _to: u64) -> bool {
        false
    }

    /// Moves the last part to the end of the first, and gives back what it leaves, so that a full disk can do it too.
    fn move_up(&mut self) -> io::Result<()> {
        let Limits { head, tail, .. } = self.limits;
        let (mut from, mut to, end) = (self.length - tail, head, self.length);
        let mut buffer = vec![0; STEP];
        while from < end {
            let size = usize::try_from(end - from).unwrap_or(STEP).min(STEP);
            let Some(file) = &self.file else { break };
            let moved =
                file.read_exact_at(&mut buffer[..size], from).and_then(|()| file.write_all_at(&buffer[..size], to));
            if let Err(error) = moved {
                self.length = to;
                let _ = file.set_len(to);
                return Err(error);
            }
            let source = from;
            from += size as u64;
            to += size as u64;
            if self.holes == Holes::Possible && source > to {
                self.punch(source, from);
            }
        }
        self.moved += end - to;
        self.length = to;
        self.hole = head;
        self.file.as_ref().map_or(Ok(()), |file| file.set_len(to))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    const SMALL: Limits = Limits { head: 8192, tail: 8192, slack: 8192 };

    fn stream(length: usize) -> Vec<u8> {
        (0..length).map(|at| u8::try_from(at / 7 % 251).unwrap()).collect()
    }

    fn kept(path: &Path, limits: Limits, holes: Holes, bytes: &[u8]) -> (Vec<u8>, StreamFacts, Option<String>) {
        let mut blob = Blob::limited(path, limits, holes);
        bytes.chunks(1000).for_each(|chunk| blob.write(chunk));
        let (facts, gap) = blob.finish(true);
        (std::fs::read(path).unwrap(), facts, gap)
    }

    #[test]
    fn a_short_stream_is_kept_whole_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.out");
        let (file, facts, gap) = kept(&path, SMALL, Holes::Possible, b"hello\n");
        assert_eq!(file, b"hello\n");
        assert_eq!((facts.bytes, facts.kept, facts.cut, gap), (6, 6, false, None));
        assert_eq!(facts.sha256, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn of_a_long_stream_the_first_and_the_last_part_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        for holes in [Holes::Possible, Holes::Impossible] {
            for length in [16_384, 16_385, 24_576, 24_577, 100_000, 1_000_003] {
                let bytes = stream(length);
                let (file, facts, gap) = kept(&folder.path().join("b.out"), SMALL, holes, &bytes);
                let expected = [&bytes[..8192], &bytes[length - 8192..]].concat();
                assert!(file == expected, "{length} bytes");
                assert_eq!((facts.bytes, facts.kept, gap), (length as u64, 16_384, None));
                assert_eq!(facts.cut, length > 16_384);
                assert_eq!(facts.sha256, hex(&Sha256::digest(&bytes)));
            }
        }
    }

    #[test]
    fn while_it_runs_the_file_does_not_take_more_than_its_share_of_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.out");
        let limits = Limits { head: 1 << 20, tail: 1 << 20, slack: 1 << 20 };
        let mut blob = Blob::limited(&path, limits, Holes::Possible);
        let chunk = stream(1 << 18);
        for _ in 0..80 {
            blob.write(&chunk);
            assert!(path.metadata().unwrap().blocks() * 512 <= 4 << 20);
        }
    }

    #[test]
    fn a_blob_that_cannot_be_made_still_counts_and_digests() {
        let folder = tempfile::tempdir().unwrap();
        let mut blob = Blob::create(&folder.path().join("no/such/folder/d.out"));
        blob.write(b"hello\n");
        let (facts, gap) = blob.finish(true);
        assert_eq!((facts.bytes, facts.kept, facts.cut), (6, 0, true));
        assert!(facts.sha256.starts_with("5891b5b5"));
        assert!(gap.unwrap().starts_with("cannot make the output file: "));
    }

    #[test]
    fn a_full_disk_leaves_a_gap_and_no_error() {
        let mut blob = Blob::limited(Path::new("/dev/full"), SMALL, Holes::Possible);
        blob.write(b"hello\n");
        blob.write(b"hello\n");
        let (facts, gap) = blob.finish(true);
        assert_eq!((facts.bytes, facts.kept, facts.cut), (12, 0, true));
        assert!(gap.unwrap().contains("space"), "/dev/full says that no space is left");
    }
}
