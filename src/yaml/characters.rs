//! Characters that deceive: those nobody sees, and those that look like others.
//!
//! Sources: Unicode's `Default_Ignorable_Code_Point` and `Bidi_Control`, and from UTS 39 (confusables) the letters
//! that stand for a letter of the format.

use std::ops::Range;

use crate::diagnostic::{Code, Diagnostic};
use crate::source::{SourceFile, Span};
use crate::text::invisible::is_invisible;

/// More of one kind are not reported for a file; the first ones say it.
const MOST: usize = 10;

/// A character that is taken for an ASCII one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookAlike {
    pub found: char,
    /// What it looks like.
    pub like: char,
}

/// Why a character is hidden: what it is in words, and the remedy.
type Why = (&'static str, &'static str);

const REMOVE: &str = "remove it; what is read must be what is run";

fn why_hidden(c: char) -> Option<Why> {
    Some(match c {
        '\t' | '\n' | ' '..='~' => return None,
        '\0' => ("a NUL", REMOVE),
        '\r' => ("a carriage return without a line feed", "end lines with a line feed alone, or with both"),
        '\u{1}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => {
            ("a control character", "remove it, or let `printf` make it in the command")
        }
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' => {
            ("a space that no shell takes for one", "type an ordinary space")
        }
        '\u{2028}' | '\u{2029}' => ("a line separator that YAML does not know", "end the line in the ordinary way"),
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            ("a mark that changes the reading direction", REMOVE)
        }
        '\u{fe00}'..='\u{fe0f}' | '\u{2800}' => ("a character that nobody sees", REMOVE),
        c if is_invisible(c) => ("a character that nobody sees", REMOVE),
        _ => return None,
    })
}

/// A variation selector behind a symbol makes an emoji; anywhere else it only hides.
fn makes_emoji(text: &str, at: usize, c: char) -> bool {
    matches!(c, '\u{fe0e}' | '\u{fe0f}')
        && text[..at].chars().next_back().is_some_and(|before| before >= '\u{2190}' && why_hidden(before).is_none())
}

/// The hidden characters of a text, with the range of each.
fn hidden(text: &str) -> impl Iterator<Item = (Range<usize>, char, Why)> {
    text.char_indices().filter_map(move |(at, c)| {
        let why = why_hidden(c)?;
        (!makes_emoji(text, at, c)).then(|| (at..at + c.len_utf8(), c, why))
    })
}

fn problem(file: &SourceFile, span: Span, c: char, (what, remedy): Why) -> Diagnostic {
    let message = format!("U+{:04X}, {what}", u32::from(c));
    Diagnostic::new(Code::HiddenCharacter, file, span, message).help(remedy)
}

/// Problems of the characters as they stand in the file. A byte order mark at its start and `\r\n` are tolerated:
/// editors of Windows write them, and nothing is hidden by them.
pub(super) fn of_file(file: &SourceFile) -> Vec<Diagnostic> {
    let text = file.text();
    if text.bytes().all(|byte| matches!(byte, b'\n' | b' '..=b'~')) {
        return Vec::new();
    }
    hidden(text)
        .filter(|(range, c, _)| {
            !(*c == '\u{feff}' && range.start == 0 || *c == '\r' && text[range.end..].starts_with('\n'))
        })
        .take(MOST)
        .map(|(range, c, why)| problem(file, Span::new(range.start, range.end), c, why))
        .collect()
}

/// Whether there is a control character: behind one the parser's lines are not the lines of the file.
pub(super) fn breaks_the_parser(text: &str) -> bool {
    let bytes = text.as_bytes();
    let control = |(at, byte): (usize, &u8)| match byte {
        b'\t' | b'\n' => false,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        byte => byte.is_ascii_control(),
    };
    bytes.iter().enumerate().any(control)
}

/// Problems of characters that escapes made: `place` maps a range of the text to the file.
pub(super) fn of_escapes(file: &SourceFile, text: &str, place: impl Fn(Range<usize>) -> Span) -> Vec<Diagnostic> {
    hidden(text)
        .take(MOST)
        .map(|(range, c, why)| problem(file, place(range), c, why).label("made by this escape"))
        .collect()
}

const PAIRS: &[(&str, &str)] = &[
    // Cyrillic
    ("асԁеһіјԛорѕԝхуғкмтнвгпӏэ", "acdehijqopswxyfkmthbrnle"),
    ("АВСЕНІЈКМОРЅТХУ", "ABCEHIJKMOPSTXY"),
    // Greek
    ("αβεικνορτυχγωη", "abeiknoptuxywn"),
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"),
    // Armenian, Latin and Roman numerals
    ("օսոհցıɑɡɩⅰⅼⅽⅾⅿⅴⅹ", "ounhgiagiilcdmvx"),
    // punctuation
    ("‐‑‒–—―−－﹣⁃˗ー", "------------"),
    ("‘’‚‛′“”„‟″", "'''''\"\"\"\"\""),
    ("∕⁄∶꞉ː․‥", "//:::.."),
];

/// The ASCII character that `found` is taken for.
pub fn look_alike(found: char) -> Option<LookAlike> {
    let like = match found {
        '\0'..='~' => return None,
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(found) - 0xfee0)?,
        '\u{1d400}'..='\u{1d6a3}' => {
            let at = u8::try_from((u32::from(found) - 0x1d400) % 52).ok()?;
            char::from(if at < 26 { b'A' + at } else { b'a' + at - 26 })
        }
        _ => {
            PAIRS
                .iter()
                .find_map(|(found_in, like_in)| found_in.chars().zip(like_in.chars()).find(|(one, _)| *one == found))?
                .1
        }
    };
    Some(LookAlike { found, like })
}

/// A problem where a key is not plain ASCII: every key and name of the format is.
pub(super) fn of_key(file: &SourceFile, name: &str, span: Span) -> Option<Diagnostic> {
    let c = name.chars().find(|c| !c.is_ascii() && why_hidden(*c).is_none())?;
    let code = u32::from(c);
    let problem = match look_alike(c) {
        Some(LookAlike { like, .. }) => {
            let message = format!("key `{name}` has `{c}` (U+{code:04X}), which looks like `{like}`");
            let meant: String = name.chars().map(|c| look_alike(c).map_or(c, |found| found.like)).collect();
            Diagnostic::new(Code::LookAlike, file, span, message).help(format!("type `{meant}` by hand"))
        }
        None => Diagnostic::new(
            Code::LookAlike,
            file,
            span,
            format!("key `{name}` has `{c}` (U+{code:04X}), expected plain ASCII"),
        )
        .help("keys and names are made of a-z, 0-9, `_` and `-`; titles may have any letter"),
    };
    Some(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        of_file(&SourceFile::new("a.yaml", text)).into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn the_table_of_pairs_is_whole() {
        for (found, like) in PAIRS {
            assert_eq!(found.chars().count(), like.chars().count(), "{found}");
            assert!(like.is_ascii(), "{like}");
        }
    }

    #[test]
    fn bidirectional_and_invisible_characters_are_found() {
        assert_eq!(found("a: \u{202e}x"), ["U+202E, a mark that changes the reading direction"]);
        assert_eq!(found("# \u{200b}"), ["U+200B, a character that nobody sees"]);
        assert_eq!(found("a: x\u{a0}y"), ["U+00A0, a space that no shell takes for one"]);
        assert_eq!(found("a: x\u{1b}[31m"), ["U+001B, a control character"]);
        assert_eq!(found("a\rb"), ["U+000D, a carriage return without a line feed"]);
    }

    #[test]
    fn ordinary_files_have_nothing_to_hide() {
        assert!(found("\u{feff}a: å ☕\u{fe0f} 日本語 עברית\r\nb: c\n").is_empty());
    }

    #[test]
    fn a_byte_order_mark_in_the_middle_is_hidden() {
        assert_eq!(found("a: \u{feff}b"), ["U+FEFF, a character that nobody sees"]);
    }

    #[test]
    fn a_variation_selector_behind_a_letter_is_hidden() {
        assert_eq!(found("rm\u{fe0f}"), ["U+FE0F, a character that nobody sees"]);
    }

    #[test]
    fn a_flood_is_reported_ten_times() {
        assert_eq!(found(&"\u{200b}".repeat(1000)).len(), MOST);
    }

    #[test]
    fn letters_of_other_scripts_look_like_ours() {
        let like = |c| look_alike(c).map(|found| found.like);
        assert_eq!(like('а'), Some('a'));
        assert_eq!(like('ｂ'), Some('b'));
        assert_eq!(like('𝐜'), Some('c'));
        assert_eq!(like('–'), Some('-'));
        assert_eq!(like('a'), None);
        assert_eq!(like('日'), None);
    }
}
