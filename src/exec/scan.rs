//! Reads a blob as text, window by window, for what is looked for in it. Memory stays bounded whatever its length.
//!
//! Windows are cut at line borders and overlap by 64 KiB, so a match of up to that length is found wherever it stands.
//! A line of more than 4 MiB is read in parts. Colours are left out; bytes that are no UTF-8 are `U+FFFD`.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::blob::HEAD;
use super::facts::StreamFacts;
use super::tail::Chunks;

const WINDOW: usize = 4 << 20;
const OVERLAP: usize = 64 << 10;

static COLOUR: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\x1b\[[0-9;:]*[mK]").expect("the pattern is right"));

/// Some lines of a blob.
pub(super) struct Window {
    pub text: String,
    /// The number of its first line, from 1; `None` behind the part that was not kept.
    pub line: Option<u64>,
}

impl Window {
    /// The number of the line that holds a place in this window.
    pub fn line_at(&self, offset: usize) -> Option<u64> {
        let before = &self.text.as_bytes()[..offset];
        self.line.map(|line| line + memchr::memchr_iter(b'\n', before).count() as u64)
    }
}

/// Hands out the windows of a blob until `look` has seen enough.
pub(super) fn scan(blob: &Path, facts: &StreamFacts, look: &mut dyn FnMut(&Window) -> Looking) -> io::Result<()> {
    if facts.kept == 0 {
        return Ok(());
    }
    let seam = if facts.cut { facts.kept.min(HEAD) } else { facts.kept };
    scan_around(&File::open(blob)?, seam, facts.kept, look)
}

/// A match across the part that was not kept would be no match, so each side of it is read for itself.
fn scan_around(file: &File, seam: u64, kept: u64, look: &mut dyn FnMut(&Window) -> Looking) -> io::Result<()> {
    for (from, until) in [(0, seam), (seam, kept)] {
        if let Looking::Done = scan_part(file, (from, until), look)? {
            break;
        }
    }
    Ok(())
}

/// Whether more is to be seen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Looking {
    On,
    Done,
}

fn scan_part(file: &File, (from, until): (u64, u64), look: &mut dyn FnMut(&Window) -> Looking) -> io::Result<Looking> {
    let mut chunks = Chunks { file, offset: from, until, buffer: Vec::new() };
    let mut buffer = Vec::new();
    let mut line = (from == 0).then_some(1);
    let mut at_end = from >= until;
    while !at_end {
        let carried = buffer.len();
        while buffer.len() < WINDOW.max(carried + 1) && !at_end {
            match chunks.next()? {
                Some(chunk) => buffer.extend_from_slice(chunk),
                None => at_end = true,
            }
        }
        let end = if at_end { buffer.len() } else { last_line_end(&buffer, carried) };
        let text = plain(&buffer[..end]);
        if look(&Window { text, line }) == Looking::Done {
            return Ok(Looking::Done);
        }
        let keep = line_start(&buffer[..end], end.saturating_sub(OVERLAP));
        line = line.map(|line| line + memchr::memchr_iter(b'\n', &buffer[..keep]).count() as u64);
        buffer.drain(..keep);
    }
    Ok(Looking::On)
}

fn plain(bytes: &[u8]) -> String {
    if memchr::memchr(b'\x1b', bytes).is_none() {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    String::from_utf8_lossy(&COLOUR.replace_all(bytes, &b""[..])).into_owned()
}

/// Where the last whole line ends, if that is behind what was seen before; else the end.
fn last_line_end(buffer: &[u8], seen: usize) -> usize {
    memchr::memrchr(b'\n', &buffer[seen..]).map_or(buffer.len(), |at| seen + at + 1)
}

/// The first start of a line at `from` or behind; without one, `from` itself.
fn line_start(buffer: &[u8], from: usize) -> usize {
    if from == 0 {
        return 0;
    }
    memchr::memchr(b'\n', &buffer[from - 1..buffer.len() - 1]).map_or(from, |at| from + at)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A blob with this content, and its facts.
    pub(in crate::exec) fn blob(folder: &tempfile::TempDir, content: &[u8]) -> (std::path::PathBuf, StreamFacts) {
        let path = folder.path().join("a.out");
        std::fs::write(&path, content).unwrap();
        let length = content.len() as u64;
        let facts = StreamFacts { bytes: length, kept: length, cut: false, sha256: String::new(), drained: true };
        (path, facts)
    }

    fn first_line_with(content: &[u8], needle: &str) -> Option<u64> {
        let folder = tempfile::tempdir().unwrap();
        let (path, facts) = blob(&folder, content);
        let mut found = None;
        scan(&path, &facts, &mut |window| match window.text.find(needle) {
            Some(at) => {
                found = window.line_at(at);
                Looking::Done
            }
            None => Looking::On,
        })
        .unwrap();
        found
    }

    #[test]
    fn lines_are_numbered_across_windows() {
        let content = (1..=700_000).map(|line| format!("line {line}.")).collect::<Vec<_>>().join("\n");
        for line in [1, 2, 300_000, 333_333, 512_345, 700_000] {
            assert_eq!(first_line_with(content.as_bytes(), &format!("line {line}.")), Some(line));
        }
        assert_eq!(first_line_with(content.as_bytes(), "line 700001."), None);
    }

    #[test]
    fn a_text_across_the_border_of_two_windows_is_found() {
        for at in [WINDOW - 20, WINDOW - 3, WINDOW, WINDOW + 1] {
            let mut content = vec![b'.'; at];
            content.extend_from_slice(b"two\nlines");
            content.resize(at + WINDOW, b'.');
            assert_eq!(first_line_with(&content, "two\nlines"), Some(1), "at {at}");
        }
    }

    #[test]
    fn colours_are_not_part_of_the_text() {
        assert_eq!(first_line_with(b"a\n\x1b[1;32mDo\x1b[0mne\x1b[K\n", "Done\n"), Some(2));
    }

    #[test]
    fn what_was_not_kept_separates() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.out");
        std::fs::write(&path, "one\nheadtail\nlast\n").unwrap();
        let mut seen = Vec::new();
        let mut look = |window: &Window| {
            seen.extend(["headtail", "last"].map(|text| window.text.find(text).map(|at| window.line_at(at))));
            Looking::On
        };
        scan_around(&File::open(&path).unwrap(), 8, 18, &mut look).unwrap();
        let found: Vec<_> = seen.into_iter().flatten().collect();
        assert_eq!(found, [None], "`last` has no number, and `headtail` is not there");
    }
}
