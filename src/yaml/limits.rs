//! How large a file may be, and what is said when it is larger or no text at all.

use crate::diagnostic::{Code, Diagnostic};
use crate::source::{SourceFile, Span};

/// Largest file, in bytes. Who reads files looks at the size first, so that no more is ever in memory.
pub const MAX_FILE: u64 = 1 << 20;

/// Deepest nesting of lists and mappings.
pub const MAX_DEPTH: usize = 64;

/// Most values and keys of a file.
pub const MAX_NODES: usize = 20_000;

/// A file that is not read, since it has `bytes` bytes.
pub fn file_too_large(name: &str, bytes: u64) -> Diagnostic {
    let file = SourceFile::new(name, "");
    let message = format!("the file has {bytes} bytes, expected at most {MAX_FILE}");
    Diagnostic::new(Code::TooLarge, &file, Span::default(), message)
        .help("a runbook is text for people; put data and scripts into files of their own and name them under `files:`")
}

/// Bytes as a text. Where they are none, the problem names the first wrong byte, and the text shows it as `\u{fffd}`.
pub fn read_text(name: &str, bytes: Vec<u8>) -> (SourceFile, Option<Diagnostic>) {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return (SourceFile::new(name, text), None),
        Err(error) => error.into_bytes(),
    };
    let file = SourceFile::new(name, String::from_utf8_lossy(&bytes).into_owned());
    let wrong = file.text().find('\u{fffd}').unwrap_or_default();
    let byte = bytes.utf8_chunks().find_map(|chunk| chunk.invalid().first().copied()).unwrap_or_default();
    let message = format!("the byte {byte:#04x} is not UTF-8 text");
    let problem = Diagnostic::new(Code::NotText, &file, Span::new(wrong, wrong + '\u{fffd}'.len_utf8()), message);
    (file, Some(problem.help("save the file as UTF-8")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_named_with_their_place() {
        let (file, problem) = read_text("a.yaml", b"locum: 1\ntitle: \xe5\n".to_vec());
        let problem = problem.expect("0xe5 alone is not UTF-8");
        assert_eq!(problem.message, "the byte 0xe5 is not UTF-8 text");
        let place = file.place(problem.primary.span.start);
        assert_eq!((place.line, place.column), (2, 8));
    }

    #[test]
    fn text_is_taken_as_it_is() {
        let (file, problem) = read_text("a.yaml", "å\r\n".as_bytes().to_vec());
        assert!(problem.is_none());
        assert_eq!(file.text(), "å\r\n");
    }
}
