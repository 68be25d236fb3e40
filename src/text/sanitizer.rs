//! The one gate before every terminal: whatever bytes come in, only text, line breaks, tabs and colours go out.
//!
//! Nothing that a program prints may move the cursor, overwrite or hide what stands on the screen, set a title, reach
//! the clipboard or change the terminal. Complete control sequences are dropped as a terminal would swallow them; what
//! is no complete sequence, and every other control or invisible character, is shown in ASCII (`\x1b`, `<U+202E>`), so
//! that a sequence without an end cannot swallow what follows it. The control characters U+0080 to U+009F are shown
//! and begin nothing.
//!
//! The sequences are those of ECMA-48, chapter 5, and of xterm's `ctlseqs`. Memory is bounded by [`LONGEST_STRING`].

use super::invisible::{is_invisible, push_visible};
use super::sgr::{Leaves, Sgr};
use super::utf8::Decoder;

/// Longest `ESC [ …` that is taken for a sequence, in bytes.
const LONGEST_CSI: usize = 64;

/// Longest `ESC ( …` that is taken for a sequence, in bytes.
const LONGEST_ESCAPE: usize = 8;

/// Longest OSC, DCS, APC, PM or SOS that is dropped, in bytes; a longer one is shown. Links to files fit in.
const LONGEST_STRING: usize = 4096;

/// Whether colours of captured output are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// Colours pass; they are reset at the end.
    Keep,
    /// Text alone passes.
    Drop,
}

/// A stream of bytes on its way to a terminal; the same bytes give the same text, in whatever chunks they come.
#[derive(Clone, Debug)]
pub struct Sanitizer {
    colours: Colours,
    decoder: Decoder,
    state: State,
    /// The sequence so far, from its ESC on.
    held: String,
    line: Line,
    leaves: Leaves,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ground,
    /// After ESC.
    Escape,
    /// After ESC and characters such as `(`.
    Intermediate,
    /// After `ESC [`.
    Csi,
    /// In an OSC, DCS, APC, PM or SOS.
    String,
    /// After an ESC in one of those: its end, if `\` follows.
    StringEscape,
}

/// What stands on the current line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Empty,
    Text,
    /// Text, then a carriage return: what comes next would overwrite it.
    Returned,
}

impl Sanitizer {
    /// A sanitizer at the start of a stream.
    pub fn new(colours: Colours) -> Self {
        let (state, line, leaves) = (State::Ground, Line::Empty, Leaves::Plain);
        Self { colours, decoder: Decoder::default(), state, held: String::new(), line, leaves }
    }

    /// Takes the next bytes and appends what may be shown.
    pub fn push(&mut self, bytes: &[u8], out: &mut String) {
        let mut decoder = std::mem::take(&mut self.decoder);
        decoder.push(bytes, |text| self.text(text, out));
        self.decoder = decoder;
    }

    /// The stream ends: a sequence without an end is shown, colours are reset.
    pub fn finish(&mut self, out: &mut String) {
        let mut decoder = std::mem::take(&mut self.decoder);
        decoder.finish(|text| self.text(text, out));
        self.abandon(out);
        self.settle(out);
        if self.leaves == Leaves::Coloured {
            out.push_str("\x1b[0m");
        }
        *self = Self::new(self.colours);
    }

    fn text(&mut self, text: &str, out: &mut String) {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            // Only where it is used: in a sequence it would look through the rest once for every letter.
            let plain = match self.state {
                State::Ground => rest.bytes().position(|byte| !matches!(byte, b' '..=b'~')).unwrap_or(rest.len()),
                _ => 0,
            };
            if plain > 0 {
                self.settle(out);
                out.push_str(&rest[..plain]);
                self.line = Line::Text;
                rest = &rest[plain..];
            } else {
                self.letter(first, out);
                rest = &rest[first.len_utf8()..];
            }
        }
    }

    fn letter(&mut self, letter: char, out: &mut String) {
        match self.state {
            State::Ground => self.ground(letter, out),
            State::Escape | State::Intermediate => self.escape(letter, out),
            State::Csi => self.csi(letter, out),
            State::String => self.string(letter, out),
            State::StringEscape if letter == '\\' => self.drop_held(),
            State::StringEscape => {
                self.held.pop();
                self.abandon(out);
                self.ground('\x1b', out);
                self.letter(letter, out);
            }
        }
    }

    fn ground(&mut self, letter: char, out: &mut String) {
        match letter {
            '\x1b' => self.hold(letter, State::Escape),
            '\n' => {
                out.push('\n');
                self.line = Line::Empty;
            }
            '\r' if self.line == Line::Empty => {}
            '\r' => self.line = Line::Returned,
            _ => self.show(letter, out),
        }
    }

    fn escape(&mut self, letter: char, out: &mut String) {
        match letter {
            '[' if self.state == State::Escape => self.hold(letter, State::Csi),
            ']' | 'P' | 'X' | '^' | '_' if self.state == State::Escape => self.hold(letter, State::String),
            ' '..='/' if self.held.len() < LONGEST_ESCAPE => self.hold(letter, State::Intermediate),
            '0'..='~' => self.drop_held(),
            _ => self.show_held_and(letter, out),
        }
    }

    fn csi(&mut self, letter: char, out: &mut String) {
        match letter {
            ' '..='?' if self.held.len() + 1 < LONGEST_CSI => self.hold(letter, State::Csi),
            'm' => {
                let sgr = Sgr::read(&self.held["\x1b[".len()..]);
                self.drop_held();
                if let (Some(sgr), Colours::Keep) = (sgr, self.colours) {
                    out.extend(["\x1b[", &sgr.parameters, "m"]);
                    self.leaves = sgr.leaves;
                }
            }
            '@'..='~' => self.drop_held(),
            _ => self.show_held_and(letter, out),
        }
    }

    fn string(&mut self, letter: char, out: &mut String) {
        match letter {
            '\x07' | '\u{9c}' => self.drop_held(),
            '\x1b' => self.hold(letter, State::StringEscape),
            _ if letter.is_control() || self.held.len() >= LONGEST_STRING => self.show_held_and(letter, out),
            _ => self.hold(letter, State::String),
        }
    }

    fn hold(&mut self, letter: char, state: State) {
        self.held.push(letter);
        self.state = state;
    }

    fn drop_held(&mut self) {
        self.held.clear();
        self.state = State::Ground;
    }

    fn show_held_and(&mut self, letter: char, out: &mut String) {
        self.abandon(out);
        self.ground(letter, out);
    }

    /// What looked like a sequence was none: it is text.
    fn abandon(&mut self, out: &mut String) {
        self.state = State::Ground;
        for letter in std::mem::take(&mut self.held).chars() {
            self.show(letter, out);
        }
    }

    fn show(&mut self, letter: char, out: &mut String) {
        self.settle(out);
        if letter != '\t' && (letter.is_control() || is_invisible(letter)) {
            push_visible(letter, out);
        } else {
            out.push(letter);
        }
        self.line = Line::Text;
    }

    /// A carriage return without a line feed becomes a line break as soon as something would overwrite the line.
    fn settle(&mut self, out: &mut String) {
        if self.line == Line::Returned {
            out.push('\n');
            self.line = Line::Empty;
        }
    }
}

/// A text from a file or a command as one line without colours, for a title, a name or a message.
///
/// Line breaks inside become `\n`, those at the end go, tabs become spaces.
pub fn plain(text: &str) -> String {
    plain_lines(text).trim_end_matches('\n').replace('\n', "\\n").replace('\t', " ")
}

/// A text from a file or a command without colours; line breaks and tabs stay.
pub fn plain_lines(text: &str) -> String {
    let mut sanitizer = Sanitizer::new(Colours::Drop);
    let mut out = String::with_capacity(text.len());
    sanitizer.push(text.as_bytes(), &mut out);
    sanitizer.finish(&mut out);
    out
}

#[cfg(test)]
mod tests;
