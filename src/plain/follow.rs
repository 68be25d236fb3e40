//! The output of a step as it comes: the first lines of it, through the sanitizer.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::text::{Colours, Sanitizer};

/// Lines that are shown of one step; the rest is in its file.
const MOST_LINES: usize = 200;

/// Bytes that are read at once.
const CHUNK: u64 = 64 * 1024;

/// Follows one growing file.
pub struct Follow {
    path: PathBuf,
    offset: u64,
    lines: usize,
    sanitizer: Sanitizer,
}

impl Follow {
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), offset: 0, lines: 0, sanitizer: Sanitizer::new(Colours::Drop) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what came since the last time.
    pub fn write(&mut self, out: &mut dyn Write) -> io::Result<()> {
        while self.lines < MOST_LINES {
            let mut bytes = Vec::new();
            let Ok(mut file) = File::open(&self.path) else { return Ok(()) };
            file.seek(SeekFrom::Start(self.offset))?;
            file.take(CHUNK).read_to_end(&mut bytes)?;
            if bytes.is_empty() {
                return Ok(());
            }
            self.offset += bytes.len() as u64;
            let mut text = String::new();
            self.sanitizer.push(&bytes, &mut text);
            self.show(&text, out)?;
        }
        Ok(())
    }

    fn show(&mut self, text: &str, out: &mut dyn Write) -> io::Result<()> {
        for piece in text.split_inclusive('\n') {
            if self.lines >= MOST_LINES {
                writeln!(out, "  ... more output in {}", self.path.display())?;
                return Ok(());
            }
            out.write_all(piece.as_bytes())?;
            self.lines += usize::from(piece.ends_with('\n'));
        }
        out.flush()
    }

    /// Ends the last line.
    pub fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.write(out)?;
        let mut text = String::new();
        self.sanitizer.finish(&mut text);
        self.show(&text, out)
    }
}
