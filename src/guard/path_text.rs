//! Paths as text and back, whatever bytes they are made of.
//!
//! A path in a file name's own bytes may be no UTF-8, and may hold line breaks or escape sequences. Such bytes are
//! written `\xNN` and a backslash `\\`; everything else stands as it is.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// One line of printable text for any path.
pub fn to_text(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\\' => text.push_str("\\\\"),
                letter if letter.is_control() => {
                    let mut bytes = [0; 4];
                    letter.encode_utf8(&mut bytes).bytes().for_each(|byte| escape(&mut text, byte));
                }
                letter => text.push(letter),
            }
        }
        chunk.invalid().iter().for_each(|byte| escape(&mut text, *byte));
    }
    text
}

/// The path that [`to_text`] wrote; none if it did not write this.
pub fn from_text(text: &str) -> Option<PathBuf> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('\\') {
            bytes.push(b'\\');
            rest = after;
        } else {
            let digits = rest.strip_prefix('x')?.get(..2)?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[3..];
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(PathBuf::from(OsString::from_vec(bytes)))
}

fn escape(text: &mut String, byte: u8) {
    write!(text, "\\x{byte:02x}").expect("a String takes every write");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_ordinary_path_reads_as_it_is() {
        assert_eq!(to_text(Path::new("/etc/kubernetes/pki/ca.crt")), "/etc/kubernetes/pki/ca.crt");
    }

    #[test]
    fn a_line_break_an_escape_and_a_stray_byte_are_spelled_out() {
        let path = PathBuf::from(OsString::from_vec(b"/a\n\x1b[2J\\\xff".to_vec()));
        assert_eq!(to_text(&path), "/a\\x0a\\x1b[2J\\\\\\xff");
    }

    #[test]
    fn text_that_was_never_written_is_refused() {
        for bad in ["\\", "/a\\q", "/a\\x", "/a\\xg0", "/a\\x\u{e9}1"] {
            assert_eq!(from_text(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_path_comes_back(bytes in proptest::collection::vec(1_u8.., 0..40)) {
            let path = PathBuf::from(OsString::from_vec(bytes));
            let text = to_text(&path);
            prop_assert!(!text.chars().any(char::is_control));
            prop_assert_eq!(from_text(&text), Some(path));
        }
    }
}
