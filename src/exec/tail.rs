//! A view's index over a blob that still grows: any lines by number, without the file in memory.
//!
//! It reads bytes and knows nothing of terminals: what it gives still needs the sanitizer.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A checkpoint is made after so many lines, or so many bytes, whichever comes first.
const LINES_APART: u64 = 1000;
const BYTES_APART: u64 = 1 << 20;
/// What is given of one line at most, in bytes.
pub const LONGEST_LINE: usize = 64 << 10;
const CHUNK: usize = 256 << 10;

/// Line numbers to offsets. Lines are counted from 0; text after the last newline is a line too.
pub struct LineIndex {
    path: PathBuf,
    file: Option<File>,
    checkpoints: Vec<Checkpoint>,
    /// How far the file was read.
    scanned: u64,
    /// Newlines up to there.
    newlines: u64,
    /// Where the last line that was seen starts.
    last_start: u64,
}

/// A line whose place is known.
#[derive(Clone, Copy)]
struct Checkpoint {
    line: u64,
    offset: u64,
}

/// What changed since the last look at the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// Nothing.
    Same,
    /// There are more bytes; all of them were read.
    Grown,
    /// There are more bytes than were read this time.
    Behind,
    /// The file became shorter and is read again from the start: its middle was given up when it ended.
    Restarted,
}

/// One line, without its newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 0.
    pub number: u64,
    /// Its bytes, at most [`LONGEST_LINE`].
    pub bytes: Vec<u8>,
    /// Whether there is more of it than that.
    pub cut: bool,
}

impl LineIndex {
    /// An index over a file, which need not exist yet.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            file: None,
            checkpoints: vec![Checkpoint { line: 0, offset: 0 }],
            scanned: 0,
            newlines: 0,
            last_start: 0,
        }
    }

    /// Reads what has come since, at most about `budget` bytes, so that a view stays quick.
    pub fn refresh(&mut self, budget: u64) -> io::Result<Growth> {
        if self.file.is_none() {
            self.file = match File::open(&self.path) {
                Ok(file) => Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Growth::Same),
                Err(error) => return Err(error),
            };
        }
        let length = self.length()?;
        let restarted = length < self.scanned;
        if restarted {
            *self = Self { file: self.file.take(), ..Self::new(&self.path) };
        }
        let before = self.scanned;
        let until = length.min(self.scanned.saturating_add(budget.max(1)));
        self.scan(until)?;
        Ok(match self.scanned {
            _ if restarted => Growth::Restarted,
            scanned if scanned < length => Growth::Behind,
            scanned if scanned > before => Growth::Grown,
            _ => Growth::Same,
        })
    }

    /// How many lines there are as far as the file was read.
    pub fn lines(&self) -> u64 {
        self.newlines + u64::from(self.scanned > self.last_start)
    }

    /// How many bytes were read.
    pub fn bytes(&self) -> u64 {
        self.scanned
    }

    /// `count` lines from `first` on, or as many as there are.
    pub fn window(&self, first: u64, count: usize) -> io::Result<Vec<Line>> {
        let last = first.saturating_add(count as u64).min(self.lines());
        let Some(file) = self.file.as_ref().filter(|_| first < last) else { return Ok(Vec::new()) };
        let after = self.checkpoints.partition_point(|checkpoint| checkpoint.line <= first);
        let Checkpoint { mut line, offset } = self.checkpoints[after - 1];
        let mut lines = Vec::new();
        let mut open = Line { number: line, bytes: Vec::new(), cut: false };
        let mut reader = Chunks { file, offset, until: self.scanned, buffer: Vec::new() };
        while let Some(chunk) = reader.next()? {
            let mut rest = chunk;
            while let Some(end) = memchr::memchr(b'\n', rest) {
                open.take(&rest[..end], first);
                rest = &rest[end + 1..];
                line += 1;
                let done = std::mem::replace(&mut open, Line { number: line, bytes: Vec::new(), cut: false });
                if done.number >= first {
                    lines.push(done);
                }
                if line == last {
                    return Ok(lines);
                }
            }
            open.take(rest, first);
            // Nothing more of it is given, however long it is: on to the line behind it.
            if open.cut && line + 1 == last {
                break;
            }
            if let Some(offset) = self.start_of(line + 1).filter(|_| open.cut) {
                reader.offset = offset;
                line += 1;
                lines.push(std::mem::replace(&mut open, Line { number: line, bytes: Vec::new(), cut: false }));
            }
        }
        lines.push(open);
        Ok(lines)
    }

    /// Where a line starts, if that was kept; it was for every line behind a very long one.
    fn start_of(&self, line: u64) -> Option<u64> {
        let at = self.checkpoints.binary_search_by_key(&line, |checkpoint| checkpoint.line).ok()?;
        Some(self.checkpoints[at].offset)
    }

    fn length(&self) -> io::Result<u64> {
        self.file.as_ref().map_or(Ok(0), |file| Ok(file.metadata()?.len()))
    }

    fn scan(&mut self, until: u64) -> io::Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let mut reader = Chunks { file: &file, offset: self.scanned, until, buffer: Vec::new() };
        let scanned = loop {
            match reader.next() {
                Ok(Some(chunk)) => self.count(chunk),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.file = Some(file);
        scanned
    }

    fn count(&mut self, chunk: &[u8]) {
        for end in memchr::memchr_iter(b'\n', chunk) {
            self.newlines += 1;
            self.last_start = self.scanned + end as u64 + 1;
            let last = self.checkpoints[self.checkpoints.len() - 1];
            if self.newlines >= last.line + LINES_APART || self.last_start >= last.offset + BYTES_APART {
                self.checkpoints.push(Checkpoint { line: self.newlines, offset: self.last_start });
            }
        }
        self.scanned += chunk.len() as u64;
    }
}

impl Line {
    /// Takes a part of this line, if it is one that is wanted.
    fn take(&mut self, part: &[u8], first: u64) {
        if self.number >= first {
            let room = LONGEST_LINE - self.bytes.len();
            self.cut |= part.len() > room;
            self.bytes.extend_from_slice(&part[..part.len().min(room)]);
        }
    }
}

/// A part of a file, chunk by chunk.
pub(super) struct Chunks<'a> {
    pub file: &'a File,
    pub offset: u64,
    pub until: u64,
    pub buffer: Vec<u8>,
}

impl Chunks<'_> {
    /// The next chunk; `None` at the end, also where the file is shorter than was said.
    pub fn next(&mut self) -> io::Result<Option<&[u8]>> {
        let want = usize::try_from(self.until.saturating_sub(self.offset)).unwrap_or(CHUNK).min(CHUNK);
        self.buffer.resize(want, 0);
        let count = loop {
            match self.file.read_at(&mut self.buffer, self.offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.offset += count as u64;
        Ok((count > 0).then(|| &self.buffer[..count]))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn text(line: &Line) -> (u64, &str) {
        (line.number, std::str::from_utf8(&line.bytes).unwrap())
    }

    fn all(index: &mut LineIndex) -> Growth {
        index.refresh(u64::MAX).unwrap()
    }

    #[test]
    fn of_a_very_long_line_only_the_beginning_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.out");
        let long = 3 << 20;
        std::fs::write(&path, [&vec![b'x'; long], b"\nbehind\n".as_slice(), &vec![b'y'; long]].concat()).unwrap();
        let mut index = LineIndex::new(&path);
        all(&mut index);
        // What nobody reads can become anything.
        let file = File::options().write(true).open(&path).unwrap();
        for offset in [2 << 20, 5 << 20] {
            file.write_at(b"\nread\n", offset).unwrap();
        }
        let window = index.window(0, 9).unwrap();
        let seen: Vec<_> = window.iter().map(|line| (line.number, line.bytes.len(), line.cut)).collect();
        assert_eq!(seen, [(0, LONGEST_LINE, true), (1, 6, false), (2, LONGEST_LINE, true)]);
        assert_eq!(window[1].bytes, b"behind");
    }

    #[test]
    fn a_file_is_followed_while_it_grows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.out");
        let mut index = LineIndex::new(&path);
        assert_eq!((all(&mut index), index.lines()), (Growth::Same, 0));
        let mut file = File::create(&path).unwrap();
        file.write_all(b"one\ntw").unwrap();
        assert_eq!((all(&mut index), index.lines()), (Growth::Grown, 2));
        assert_eq!(index.window(0, 9).unwrap().iter().map(text).collect::<Vec<_>>(), [(0, "one"), (1, "tw")]);
        file.write_all(b"o\n\nlast\n").unwrap();
        assert_eq!((all(&mut index), index.lines()), (Growth::Grown, 4));
        assert_eq!(index.window(1, 2).unwrap().iter().map(text).collect::<Vec<_>>(), [(1, "two"), (2, "")]);
        assert_eq!(index.window(3, 9).unwrap().iter().map(text).collect::<Vec<_>>(), [(3, "last")]);
        assert_eq!(index.window(4, 9).unwrap(), []);
        assert_eq!(all(&mut index), Growth::Same);
    }

    #[test]
    fn any_window_of_many_lines_is_right() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.out");
        let lines = (0..123_456).map(|line| format!("{line} {}\n", "x".repeat(line % 40)));
        std::fs::write(&path, lines.collect::<Vec<_>>().concat()).unwrap();
        let mut index = LineIndex::new(&path);
        assert_eq!((all(&mut index), index.lines()), (Growth::Grown, 123_456));
        for first in [0, 1, 998, 999, 1000, 1001, 65_535, 99_999, 123_450] {
            let window = index.window(first, 4).unwrap();
            assert_eq!(window.len(), 4);
            for (line, number) in window.iter().zip(first..) {
                let expected = format!("{number} {}", "x".repeat(usize::try_from(number).unwrap() % 40));
                assert_eq!((line.number, line.bytes.as_slice()), (number, expected.as_bytes()));
            }
        }
        assert!(index.checkpoints.len() < 130);
    }

    #[test]
    fn a_budget_spreads_the_reading() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.out");
        std::fs::write(&path, "0123456789\n".repeat(100)).unwrap();
        let mut index = LineIndex::new(&path);
        assert_eq!((index.refresh(600).unwrap(), index.bytes()), (Growth::Behind, 600));
        assert_eq!((index.refresh(600).unwrap(), index.lines()), (Growth::Grown, 100));
    }

    #[test]
    fn a_line_without_end_is_cut_and_the_next_one_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.out");
        std::fs::write(&path, [&vec![b'x'; 3 << 20][..], b"\nnext\n"].concat()).unwrap();
        let mut index = LineIndex::new(&path);
        all(&mut index);
        let window = index.window(0, 2).unwrap();
        assert_eq!((window[0].bytes.len(), window[0].cut), (LONGEST_LINE, true));
        assert_eq!((text(&window[1]), window[1].cut), ((1, "next"), false));
        assert_eq!(index.checkpoints.len(), 2, "a long line makes a checkpoint of its own");
    }

    #[test]
    fn a_file_that_became_shorter_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("e.out");
        std::fs::write(&path, "one\ntwo\nthree\n").unwrap();
        let mut index = LineIndex::new(&path);
        all(&mut index);
        std::fs::write(&path, "one\nlast\n").unwrap();
        assert_eq!((all(&mut index), index.lines()), (Growth::Restarted, 2));
        assert_eq!(text(&index.window(1, 1).unwrap()[0]), (1, "last"));
    }
}
