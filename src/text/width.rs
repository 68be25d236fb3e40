//! Text in columns of a terminal: how wide it is, and how it is wrapped, padded and shortened.
//!
//! Widths are those of whole grapheme clusters, so that an accent is never parted from its letter. The text is
//! expected to have passed the sanitizer.

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr;

/// Columns between two tab stops.
const TAB: usize = 8;

/// The columns that a text without line breaks and tabs takes.
pub fn columns(text: &str) -> usize {
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// Lines of at most `columns` columns that together hold every character of `text`.
///
/// A line break of the text starts a new line; a break made here takes the place of at most one space. A word
/// that is longer than a line goes on in the next one. Tabs become spaces. Only a character that is itself wider
/// than `columns` makes a line wider.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    text.split('\n').flat_map(|line| wrap_line(&expand_tabs(line), columns.max(1))).collect()
}

/// `text` with spaces behind it up to `width` columns; a wider text stays as it is.
pub fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// `text` if it fits into `width` columns, otherwise as much of it as fits with `…` behind it.
///
/// For names in a list only: a command, a guard or a way back is never shortened, see [`wrap`].
pub fn shorten(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut taken = 1;
    for cluster in text.graphemes(true) {
        taken += cluster.width();
        if taken > width {
            break;
        }
        short.push_str(cluster);
    }
    if width > 0 {
        short.push('…');
    }
    short
}

/// One line with its tabs as spaces up to the next tab stop.
pub fn expand_tabs(line: &str) -> String {
    let mut expanded = String::with_capacity(line.len());
    for (at, part) in line.split('\t').enumerate() {
        if at > 0 {
            let stop = TAB - columns(&expanded) % TAB;
            expanded.push_str(&" ".repeat(stop));
        }
        expanded.push_str(part);
    }
    expanded
}

fn wrap_line(line: &str, room: usize) -> Vec<String> {
    let mut lines = Lines { room, full: Vec::new(), current: String::new(), width: 0 };
    for piece in pieces(line) {
        let width = columns(piece);
        if lines.width + width <= room {
            lines.push(piece, width);
        } else if piece == " " {
            lines.end();
        } else {
            lines.next_word(piece, width);
        }
    }
    lines.end();
    lines.full
}

/// Single spaces, and the words between them.
fn pieces(line: &str) -> impl Iterator<Item = &str> {
    line.split_inclusive(' ').flat_map(|part| match part.strip_suffix(' ') {
        Some(word) => [word, " "],
        None => [part, ""],
    })
}

struct Lines {
    room: usize,
    full: Vec<String>,
    current: String,
    width: usize,
}

impl Lines {
    fn push(&mut self, piece: &str, width: usize) {
        self.current.push_str(piece);
        self.width += width;
    }

    fn end(&mut self) {
        self.full.push(std::mem::take(&mut self.current));
        self.width = 0;
    }

    /// A word for which the current line has no room.
    fn next_word(&mut self, word: &str, width: usize) {
        // Behind an indentation alone the word begins here all the same, or the indentation would be an empty line.
        if self.current.chars().any(|letter| letter != ' ') {
            if self.current.ends_with(' ') {
                self.current.pop();
            }
            self.end();
            if width <= self.room {
                return self.push(word, width);
            }
        }
        for cluster in word.graphemes(true) {
            let width = cluster.width();
            if self.width + width > self.room && !self.current.is_empty() {
                self.end();
            }
            self.push(cluster, width);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_move_to_the_next_line() {
        assert_eq!(wrap("Renew the 10 leaf certificates.", 14), ["Renew the 10", "leaf", "certificates."]);
        assert_eq!(wrap("hello world", 5), ["hello", "world"]);
        assert_eq!(wrap("", 5), [""]);
        assert_eq!(wrap("a\n\nb", 5), ["a", "", "b"]);
    }

    #[test]
    fn a_long_word_goes_on_and_loses_nothing() {
        assert_eq!(wrap("cat /etc/kubernetes/pki/ca.crt", 12), ["cat", "/etc/kuberne", "tes/pki/ca.c", "rt"]);
        assert_eq!(wrap("abc", 1), ["a", "b", "c"]);
        assert_eq!(wrap("abc", 0), ["a", "b", "c"]);
    }

    #[test]
    fn an_indentation_stays_and_makes_no_empty_line() {
        assert_eq!(wrap("    longword", 8), ["    long", "word"]);
        assert_eq!(wrap("  a b", 4), ["  a", "b"]);
    }

    #[test]
    fn wide_characters_count_twice_and_accents_stay_with_their_letter() {
        assert_eq!(columns("鍵"), 2);
        assert_eq!(wrap("鍵鍵鍵", 5), ["鍵鍵", "鍵"]);
        assert_eq!(wrap("e\u{301}e\u{301}", 1), ["e\u{301}", "e\u{301}"]);
        assert_eq!(wrap("鍵a", 1), ["鍵", "a"]);
    }

    #[test]
    fn tabs_become_spaces_up_to_the_next_stop() {
        assert_eq!(expand_tabs("a\tb\t\tc"), "a       b               c");
        assert_eq!(wrap("\ta", 20), ["        a"]);
    }

    #[test]
    fn padding_fills_and_never_cuts() {
        assert_eq!(pad("鍵", 4), "鍵  ");
        assert_eq!(pad("longer", 4), "longer");
    }

    #[test]
    fn shortening_says_that_it_cut() {
        assert_eq!(shorten("restart", 7), "restart");
        assert_eq!(shorten("restart", 4), "res…");
        assert_eq!(shorten("鍵鍵鍵", 4), "鍵…");
        assert_eq!(shorten("restart", 0), "");
    }

    /// Whether the lines hold the text, each break in the place of nothing or of one space.
    fn holds(lines: &[String], text: &str) -> bool {
        let Some((first, rest)) = lines.split_first() else { return text.is_empty() };
        let Some(left) = text.strip_prefix(first.as_str()) else { return false };
        if rest.is_empty() {
            return left.is_empty();
        }
        holds(rest, left) || left.strip_prefix(' ').is_some_and(|left| holds(rest, left))
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_asked(text in "[ -~é鍵\u{301}\t\n]{0,60}|.{0,60}", room in 2_usize..20) {
            for line in wrap(&text, room) {
                prop_assert!(columns(&line) <= room, "{line:?}");
            }
        }

        #[test]
        fn no_character_is_lost(text in "[ ab鍵]{0,40}", room in 0_usize..10) {
            prop_assert!(holds(&wrap(&text, room), &text));
        }

        #[test]
        fn a_shortened_text_fits(text in ".{0,30}", room in 0_usize..20) {
            prop_assert!(columns(&shorten(&text, room)) <= room);
        }
    }
}
