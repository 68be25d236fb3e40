//! Output as the redactor reads it: without colours, or without colours and line breaks, each byte with its place.

use std::borrow::Cow;

/// Longest `ESC [ … m` that counts as a colour, in bytes.
const LONGEST_SGR: usize = 64;

/// Most bytes of colours between two characters that are read over; it bounds what the redactor has to hold.
const LONGEST_COLOURS: usize = 256;

const ESC: u8 = 0x1b;

/// What is left out of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// Colours.
    Colours,
    /// Colours, and line breaks one at a time: an empty line ends every base64 and hex text.
    ColoursAndBreaks,
}

/// Some of the bytes of a buffer, in order.
pub struct View<'a> {
    pub bytes: Cow<'a, [u8]>,
    /// `(in view, in buffer)`, ascending; between two entries the bytes run in step.
    runs: Vec<(usize, usize)>,
}

impl<'a> View<'a> {
    /// The whole buffer.
    pub fn whole(buffer: &'a [u8]) -> Self {
        Self { bytes: Cow::Borrowed(buffer), runs: vec![(0, 0)] }
    }

    /// The buffer without what is to be skipped; `None` if there is nothing to skip, so that it equals the whole.
    pub fn without(buffer: &'a [u8], skip: Skip) -> Option<Self> {
        let mut view = Builder { buffer, bytes: Vec::new(), runs: vec![(0, 0)], copied: 0 };
        let (mut colours, mut broken) = (0, false);
        let mut at = 0;
        while let Some(found) = next_special(&buffer[at..], skip) {
            if found > 0 {
                (colours, broken) = (0, false);
            }
            at += found;
            let length = special_length(&buffer[at..]);
            let skipped = match buffer[at] {
                ESC if length > 1 && colours + length <= LONGEST_COLOURS => {
                    colours += length;
                    true
                }
                ESC => false,
                _ => !std::mem::replace(&mut broken, true),
            };
            if skipped {
                view.leave_out(at, length);
            }
            at += length;
        }
        view.build()
    }

    /// The place in the buffer of a byte of the view; for the end of the view, the end of the buffer.
    pub fn in_buffer(&self, at: usize) -> usize {
        let (view, place) = self.runs[self.runs.partition_point(|(view, _)| *view <= at) - 1];
        place + (at - view)
    }
}

/// Where a colour that is not complete yet begins at the end of the buffer; its length if there is none.
pub fn unfinished_colour(buffer: &[u8]) -> usize {
    let from = buffer.len().saturating_sub(LONGEST_SGR - 1);
    match memchr::memrchr(ESC, &buffer[from..]) {
        Some(at) if matches!(sgr(&buffer[from + at..]), Sgr::Beginning) => from + at,
        _ => buffer.len(),
    }
}

/// The same place, or the beginning of the colour that it would cut in two.
pub fn not_inside_colour(buffer: &[u8], place: usize) -> usize {
    let from = place.saturating_sub(LONGEST_SGR - 1);
    match memchr::memrchr(ESC, &buffer[from..place]) {
        Some(at) if matches!(sgr(&buffer[from + at..]), Sgr::Whole(length) if from + at + length > place) => from + at,
        _ => place,
    }
}

enum Sgr {
    None,
    Beginning,
    Whole(usize),
}

fn sgr(bytes: &[u8]) -> Sgr {
    if bytes.len() < 2 {
        return Sgr::Beginning;
    }
    if bytes[1] != b'[' {
        return Sgr::None;
    }
    let parameters = bytes[2..].iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b';' | b':')).count();
    let length = 2 + parameters + 1;
    match bytes.get(length - 1) {
        _ if length > LONGEST_SGR => Sgr::None,
        Some(b'm') => Sgr::Whole(length),
        Some(_) => Sgr::None,
        None => Sgr::Beginning,
    }
}

fn next_special(bytes: &[u8], skip: Skip) -> Option<usize> {
    match skip {
        Skip::Colours => memchr::memchr(ESC, bytes),
        Skip::ColoursAndBreaks => memchr::memchr3(ESC, b'\n', b'\r', bytes),
    }
}

/// The length of the colour or line break at the start; 1 for an ESC that begins no colour.
fn special_length(bytes: &[u8]) -> usize {
    match bytes {
        [ESC, ..] => match sgr(bytes) {
            Sgr::Whole(length) => length,
            Sgr::None | Sgr::Beginning => 1,
        },
        [b'\r', b'\n', ..] => 2,
        _ => 1,
    }
}

struct Builder<'a> {
    buffer: &'a [u8],
    bytes: Vec<u8>,
    runs: Vec<(usize, usize)>,
    /// Everything before it has been copied or left out.
    copied: usize,
}

impl<'a> Builder<'a> {
    fn leave_out(&mut self, at: usize, length: usize) {
        self.bytes.extend_from_slice(&self.buffer[self.copied..at]);
        self.copied = at + length;
        self.runs.push((self.bytes.len(), self.copied));
    }

    fn build(mut self) -> Option<View<'a>> {
        if self.copied == 0 {
            return None;
        }
        self.bytes.extend_from_slice(&self.buffer[self.copied..]);
        Some(View { bytes: Cow::Owned(self.bytes), runs: self.runs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(buffer: &str, skip: Skip) -> Option<String> {
        let view = View::without(buffer.as_bytes(), skip)?;
        Some(String::from_utf8(view.bytes.into_owned()).expect("text"))
    }

    #[test]
    fn colours_are_read_over() {
        assert_eq!(seen("a\x1b[31mb\x1b[mc\x1b[Kd", Skip::Colours).as_deref(), Some("abc\x1b[Kd"));
        assert_eq!(seen("plain\ntext", Skip::Colours), None);
    }

    #[test]
    fn single_line_breaks_are_read_over_and_empty_lines_are_not() {
        assert_eq!(seen("a\nb\r\nc\rd", Skip::ColoursAndBreaks).as_deref(), Some("abcd"));
        assert_eq!(seen("a\n\nb", Skip::ColoursAndBreaks).as_deref(), Some("a\nb"));
        assert_eq!(seen("a\n\x1b[m\nb", Skip::ColoursAndBreaks).as_deref(), Some("a\nb"));
    }

    #[test]
    fn a_flood_of_colours_is_not_read_over() {
        let flood = "\x1b[31m".repeat(100);
        let view = seen(&format!("a{flood}b"), Skip::Colours).expect("some are");
        assert_eq!(view.len(), 2 + flood.len() - LONGEST_COLOURS / 5 * 5);
        assert_eq!(seen(&format!("\x1b[{}m", "1;".repeat(40)), Skip::Colours), None);
        let colour = |length: usize| format!("\x1b[{}m", "1".repeat(length - 3));
        assert_eq!(seen(&colour(LONGEST_SGR), Skip::Colours).as_deref(), Some(""));
        assert_eq!(seen(&colour(LONGEST_SGR + 1), Skip::Colours), None);
        assert_eq!(unfinished_colour(colour(LONGEST_SGR).trim_end_matches('m').as_bytes()), 0);
        assert_eq!(unfinished_colour(colour(LONGEST_SGR + 1).trim_end_matches('m').as_bytes()), LONGEST_SGR);
        assert_eq!(not_inside_colour(colour(LONGEST_SGR).as_bytes(), LONGEST_SGR - 1), 0);
    }

    #[test]
    fn every_byte_keeps_its_place() {
        let buffer = b"ab\x1b[31mcd\ne";
        let view = View::without(buffer, Skip::ColoursAndBreaks).expect("something to skip");
        let places: Vec<_> = (0..=view.bytes.len()).map(|at| view.in_buffer(at)).collect();
        assert_eq!(places, [0, 1, 7, 8, 10, 11]);
    }

    #[test]
    fn an_unfinished_colour_is_known() {
        for (text, at) in [("ab\x1b", 2), ("ab\x1b[", 2), ("ab\x1b[3;", 2), ("ab\x1b[3m", 6), ("ab\x1bc", 4), ("", 0)] {
            assert_eq!(unfinished_colour(text.as_bytes()), at, "{text:?}");
        }
    }

    #[test]
    fn no_cut_goes_through_a_colour() {
        let buffer = b"ab\x1b[31mcd";
        let cuts: Vec<_> = (0..=buffer.len()).map(|place| not_inside_colour(buffer, place)).collect();
        assert_eq!(cuts, [0, 1, 2, 2, 2, 2, 2, 7, 8, 9]);
    }
}
