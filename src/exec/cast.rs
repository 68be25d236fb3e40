//! The recording of a terminal: asciicast version 3, a line an event, as `asciinema play` reads it.
//!
//! What the program shows is in it, and the sizes of the terminal. What is typed is not: there is no `i` event.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::blob::Blob;
use super::facts::StreamFacts;
use super::spec::{Size, TerminalSpec};
use crate::host::Clock;

/// A recording being made.
pub(super) struct Cast {
    out: Blob,
    began: Instant,
    /// When the last event was, since the beginning.
    last: Duration,
    /// The first bytes of a character that has not come whole.
    partial: Vec<u8>,
}

impl Cast {
    /// A new recording, which begins with a marker.
    pub fn create(path: &Path, terminal: &TerminalSpec, kind: Option<&str>) -> Self {
        let mut cast =
            Self { out: Blob::create(path), began: Instant::now(), last: Duration::ZERO, partial: Vec::new() };
        let Size { cols, rows } = terminal.size;
        let mut term = json!({ "cols": cols, "rows": rows });
        if let Some(kind) = kind {
            term["type"] = kind.into();
        }
        let header =
            json!({ "version": 3, "term": term, "timestamp": Clock.now().timestamp(), "title": terminal.marker });
        cast.line(&header);
        cast.event("m", &terminal.marker);
        cast
    }

    /// The program shows something.
    pub fn output(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        let text = whole(&mut self.partial);
        if !text.is_empty() {
            self.event("o", &text);
        }
    }

    /// The terminal has another size.
    pub fn resized(&mut self, size: Size) {
        self.event("r", &format!("{}x{}", size.cols, size.rows));
    }

    /// Nothing more will come.
    pub fn finish(mut self) -> (StreamFacts, Option<String>) {
        if !self.partial.is_empty() {
            let rest = String::from_utf8_lossy(&std::mem::take(&mut self.partial)).into_owned();
            self.event("o", &rest);
        }
        self.out.finish(true)
    }

    /// Times are those between two events; rounding does not add up.
    fn event(&mut self, code: &str, text: &str) {
        let now = Duration::from_millis(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX));
        let since = now.saturating_sub(self.last);
        self.last = now;
        self.line(&json!([since.as_secs_f64(), code, text]));
    }

    fn line(&mut self, value: &serde_json::Value) {
        let mut line = value.to_string().into_bytes();
        line.push(b'\n');
        self.out.write(&line);
    }
}

/// Takes the characters that are whole. What can be none is shown as such.
fn whole(bytes: &mut Vec<u8>) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes.as_slice();
    loop {
        match std::str::from_utf8(rest) {
            Ok(valid) => {
                text.push_str(valid);
                rest = &[];
                break;
            }
            Err(error) => {
                let (valid, after) = rest.split_at(error.valid_up_to());
                text.push_str(std::str::from_utf8(valid).expect("it is valid up to there"));
                let Some(bad) = error.error_len() else {
                    rest = after;
                    break;
                };
                text.push(char::REPLACEMENT_CHARACTER);
                rest = &after[bad..];
            }
        }
    }
    *bytes = rest.to_vec();
    text
}

/// What a recording shows, in order and with its colours; a line that cannot be read is left out.
pub fn shown(recording: &[u8]) -> Vec<u8> {
    played(recording).into_iter().flat_map(|(_, text)| text.into_bytes()).collect()
}

/// The same, each piece with the time since the one before.
pub fn played(recording: &[u8]) -> Vec<(Duration, String)> {
    let lines = recording.split(|byte| *byte == b'\n').skip(1);
    let events = lines.filter_map(|line| serde_json::from_slice::<(f64, String, String)>(line).ok());
    let (mut pieces, mut since) = (Vec::new(), Duration::ZERO);
    for (after, code, text) in events {
        since = since.saturating_add(Duration::try_from_secs_f64(after).unwrap_or_default());
        if code == "o" {
            pieces.push((std::mem::take(&mut since), text));
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(pieces: &[&[u8]]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.cast");
        let terminal = TerminalSpec { size: Size { cols: 80, rows: 24 }, marker: "look-inside".to_owned() };
        let mut cast = Cast::create(&path, &terminal, Some("xterm"));
        for piece in pieces {
            cast.output(piece);
        }
        cast.resized(Size { cols: 40, rows: 20 });
        let (facts, gap) = cast.finish();
        let text = std::fs::read_to_string(path).unwrap();
        assert!(gap.is_none() && facts.bytes == text.len() as u64);
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_recording_has_a_header_a_marker_output_and_sizes() {
        let lines = made(&[b"a\x1b[1m", b"b\r\n"]);
        let header: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!((header["version"].as_u64(), header["term"]["cols"].as_u64()), (Some(3), Some(80)));
        assert!(header["timestamp"].as_u64().is_some_and(|at| at > 1_700_000_000));
        let events: Vec<(f64, String, String)> =
            lines[1..].iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let events: Vec<_> = events.iter().map(|(_, code, text)| (code.as_str(), text.as_str())).collect();
        assert_eq!(events, [("m", "look-inside"), ("o", "a\u{1b}[1m"), ("o", "b\r\n"), ("r", "40x20")]);
        assert_eq!(shown(lines.join("\n").as_bytes()), b"a\x1b[1mb\r\n");
    }

    #[test]
    fn the_time_of_what_shows_nothing_is_time_too() {
        let recording =
            b"{}\n[0.5, \"o\", \"a\"]\n[1, \"r\", \"40x20\"]\nno event\n[-3, \"m\", \"x\"]\n[0.25, \"o\", \"b\"]\n";
        let (a, b) = ((Duration::from_millis(500), "a".to_owned()), (Duration::from_millis(1250), "b".to_owned()));
        assert_eq!(played(recording), [a, b]);
    }

    #[test]
    fn a_character_that_comes_in_two_pieces_is_one() {
        let lines = made(&[b"\xc3", b"\xa4\xff\xe2\x82"]);
        let shown = shown(lines.join("\n").as_bytes());
        assert_eq!(String::from_utf8(shown).unwrap(), "ä\u{fffd}\u{fffd}");
    }
}
