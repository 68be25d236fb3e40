//! A file in batches of whole lines, with bounded memory whatever its bytes are.

use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;

use super::line::MAX_LINE;
use super::{JournalError, durable};

/// A batch ends with the first line that reaches this many bytes.
const BATCH: usize = 1024 * 1024;

/// Some lines of a file, one after the other.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// Where each line ends in `bytes`.
    ends: Vec<usize>,
    /// What stands in the file before this batch.
    lines_before: u64,
    bytes_before: u64,
}

/// The bytes of one line, with its newline if it has one. A line that is too long comes cut, one byte over the
/// limit, and is the last.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawLine<'a> {
    /// From 1.
    pub(super) number: u64,
    pub(super) offset: u64,
    pub(super) bytes: &'a [u8],
}

impl Batch {
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = RawLine<'_>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let numbers = self.lines_before + 1..;
        numbers.zip(starts).zip(&self.ends).map(|((number, start), end)| RawLine {
            number,
            offset: self.bytes_before + start as u64,
            bytes: &self.bytes[start..*end],
        })
    }

    /// Reads the next lines in place of the present ones; `Break` when these are the last.
    fn fill(&mut self, reader: &mut impl BufRead) -> std::io::Result<ControlFlow<()>> {
        self.lines_before += self.ends.len() as u64;
        self.bytes_before += self.bytes.len() as u64;
        self.bytes.clear();
        self.ends.clear();
        while self.bytes.len() < BATCH {
            let read = reader.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', &mut self.bytes)?;
            if read > 0 {
                self.ends.push(self.bytes.len());
            }
            if read == 0 || read > MAX_LINE {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Shows a file to `visit`, batch by batch, until it has seen enough.
pub(super) fn scan(path: &Path, mut visit: impl FnMut(&Batch) -> ControlFlow<()>) -> Result<(), JournalError> {
    let file = durable::open_plain(path).map_err(JournalError::io("open journal", path))?;
    let mut reader = BufReader::with_capacity(BATCH / 4, file);
    let mut batch = Batch::default();
    loop {
        let more = batch.fill(&mut reader).map_err(JournalError::io("read journal", path))?;
        if visit(&batch).is_break() || more.is_break() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<(u64, u64, usize)> {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("a");
        std::fs::write(&path, bytes).unwrap();
        let mut seen = Vec::new();
        scan(&path, |batch| {
            seen.extend(batch.lines().map(|line| (line.number, line.offset, line.bytes.len())));
            ControlFlow::Continue(())
        })
        .unwrap();
        seen
    }

    #[test]
    fn lines_are_counted_and_placed() {
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"ab\n\nc"), [(1, 0, 3), (2, 3, 1), (3, 4, 1)]);
    }

    #[test]
    fn lines_go_on_over_the_border_of_a_batch() {
        let line = [b'x'; 999].into_iter().chain([b'\n']).collect::<Vec<u8>>();
        let seen = lines(&line.repeat(3000));
        assert_eq!(seen.len(), 3000);
        assert_eq!(seen[2999], (3000, 2_999_000, 1000));
    }

    #[test]
    fn a_line_without_an_end_is_cut_at_the_limit() {
        assert_eq!(lines(&vec![b'x'; 40 * MAX_LINE]), [(1, 0, MAX_LINE + 1)]);
        assert_eq!(lines(&vec![b'x'; MAX_LINE]), [(1, 0, MAX_LINE)]);
    }
}
