//! The lines of a file that a diagnostic shows, made harmless and short, with its places in them.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::source::{SourceFile, Span};
use crate::text::invisible::{is_invisible, push_visible};

/// Most lines that one place may cover; of a longer one its first line is shown.
const MOST_LINES: usize = 6;

/// Longest line that is shown whole, in characters.
const LONGEST_LINE: usize = 400;

/// Characters before the place that are kept of a longer line.
const BEFORE: usize = 100;

/// Lines from the first to the last that matter; those between that do not are empty.
pub struct Excerpt {
    /// The text to show.
    pub text: String,
    /// The number of its first line in the file.
    pub first_line: usize,
    /// The places that were asked for, in its bytes and in their order.
    pub places: Vec<Range<usize>>,
}

impl Excerpt {
    /// The lines under some places, the first of which matters most.
    pub fn of(file: &SourceFile, spans: &[Span]) -> Self {
        let spans: Vec<_> = spans.iter().map(|span| narrow(file, *span)).collect();
        let mut lines: BTreeSet<_> = spans.iter().flat_map(|span| lines(file, *span)).collect();
        // A single line between two others is drawn, more of them are left out.
        let between: Vec<_> = lines.iter().filter(|line| lines.contains(&(*line + 2))).map(|line| line + 1).collect();
        lines.extend(between);
        let first_line = lines.first().copied().unwrap_or(1);
        let mut copy = Copy { text: String::new(), places: Vec::new() };
        let mut number = first_line;
        for line in lines {
            copy.text.extend(std::iter::repeat_n('\n', line - number));
            number = line;
            let start = file.line_start(line).unwrap_or_default();
            let end = file.line_start(line + 1).unwrap_or(file.text().len());
            let anchor = spans.iter().map(|span| span.start).find(|at| (start..end).contains(at)).unwrap_or(start);
            copy.line(file.text(), start..end, anchor);
        }
        if copy.text.ends_with('\n') {
            // The renderer takes no notice of a last line without a character.
            copy.text.push(' ');
        }
        let places = spans.iter().map(|span| copy.place(span.start)..copy.place(span.end)).collect();
        Self { text: copy.text, first_line, places }
    }

    /// The column at which the first place stands in the excerpt, from 1.
    pub fn column(&self) -> usize {
        let before = &self.text[..self.places.first().map_or(0, |place| place.start)];
        before.rsplit('\n').next().unwrap_or_default().chars().count() + 1
    }
}

/// The span within the file, on character borders, without the white space at its end, and not too long.
fn narrow(file: &SourceFile, span: Span) -> Span {
    let text = file.text();
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.ceil_char_boundary(span.end.clamp(start, text.len()));
    let trimmed = text[start..end].trim_end();
    let shown = match trimmed.lines().count() {
        0..=MOST_LINES => trimmed,
        _ => trimmed.lines().next().unwrap_or_default(),
    };
    // A place that is nothing but white space is pointed at by its first character.
    let length = if shown.is_empty() { text[start..end].chars().next().map_or(0, char::len_utf8) } else { shown.len() };
    Span::new(start, start + length)
}

fn lines(file: &SourceFile, span: Span) -> std::ops::RangeInclusive<usize> {
    let last = span.end.saturating_sub(1).max(span.start);
    file.place(span.start).line..=file.place(last).line
}

struct Copy {
    text: String,
    /// `(in file, in text)` of every character copied and of both ends of what was left out, ascending.
    places: Vec<(usize, usize)>,
}

impl Copy {
    /// Copies one line, cut around `anchor` if it is too long.
    fn line(&mut self, source: &str, line: Range<usize>, anchor: usize) {
        let end = line.start + source[line.clone()].trim_end_matches(['\n', '\r']).len();
        let (mut from, mut to) = (line.start, end);
        if source[from..to].chars().nth(LONGEST_LINE).is_some() {
            let anchor = anchor.min(end);
            from = source[from..anchor].char_indices().rev().nth(BEFORE - 1).map_or(from, |(at, _)| from + at);
            to = source[from..to].char_indices().nth(LONGEST_LINE).map_or(to, |(at, _)| from + at);
        }
        if from > line.start {
            self.text.push_str("...");
        }
        for (at, letter) in source[from..to].char_indices() {
            self.places.push((from + at, self.text.len()));
            if letter != '\t' && (letter.is_control() || is_invisible(letter)) {
                push_visible(letter, &mut self.text);
            } else {
                self.text.push(letter);
            }
        }
        // What is left out at the end of the line, its line break too, stands where the line ends.
        self.places.extend([(to, self.text.len()), (to.max(line.end.saturating_sub(1)), self.text.len())]);
        if to < end {
            self.text.push_str("...");
        }
    }

    /// Where a byte of the file stands; the nearest place after it that was copied, for one that was not.
    fn place(&self, offset: usize) -> usize {
        let at = self.places.partition_point(|(file, _)| *file < offset);
        self.places.get(at).or(self.places.last()).map_or(0, |(_, text)| *text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(text: &str, spans: &[(usize, usize)]) -> Excerpt {
        let spans: Vec<_> = spans.iter().map(|(start, end)| Span::new(*start, *end)).collect();
        Excerpt::of(&SourceFile::new("a.yaml", text), &spans)
    }

    fn under(excerpt: &Excerpt) -> Vec<&str> {
        excerpt.places.iter().map(|place| &excerpt.text[place.clone()]).collect()
    }

    #[test]
    fn only_the_lines_that_matter_have_text() {
        let text = "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n";
        let excerpt = excerpt(text, &[(20, 21), (5, 6)]);
        assert_eq!(excerpt.text, "b: 2\n\n\ne: 5");
        assert_eq!(excerpt.first_line, 2);
        assert_eq!(under(&excerpt), ["e", "b"]);
        assert_eq!(self::excerpt(text, &[(5, 6), (15, 16)]).text, "b: 2\nc: 3\nd: 4");
    }

    #[test]
    fn hidden_characters_are_shown_and_places_follow() {
        let excerpt = excerpt("ti\u{202e}tel: x\x1b\r\n", &[(5, 8), (10, 11)]);
        assert_eq!(excerpt.text, "ti<U+202E>tel: x\\x1b");
        assert_eq!(under(&excerpt), ["tel", "x"]);
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{}HERE{}", "é".repeat(100_000), "b".repeat(100_000));
        let excerpt = excerpt(&text, &[(200_000, 200_004)]);
        assert!(excerpt.text.starts_with("...é") && excerpt.text.ends_with("b..."));
        assert_eq!(excerpt.text.chars().count(), LONGEST_LINE + 6);
        assert_eq!(under(&excerpt), ["HERE"]);
    }

    #[test]
    fn a_place_without_an_end_is_shown_by_its_first_line() {
        let text = "- a\n".repeat(50);
        let excerpt = excerpt(&text, &[(4, 200)]);
        assert_eq!((excerpt.text.as_str(), excerpt.first_line), ("- a", 2));
    }

    #[test]
    fn a_few_lines_are_shown_whole_and_white_space_at_the_end_is_not() {
        let excerpt = excerpt("a: |\n  x\n  y\n\nb: 1\n", &[(0, 14)]);
        assert_eq!(under(&excerpt), ["a: |\n  x\n  y"]);
    }

    #[test]
    fn places_outside_of_the_file_are_at_its_end() {
        assert_eq!(under(&excerpt("a: é", &[(4, 5), (99, 120)])), ["é", ""]);
        assert_eq!(under(&excerpt("", &[(0, 0)])), [""]);
        assert_eq!(excerpt("a\n", &[(2, 2)]).first_line, 2);
    }
}
