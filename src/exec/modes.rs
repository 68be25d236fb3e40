//! What a program has set on a terminal, and how to take it back: alternate screen, mouse, paste, cursor.
//!
//! Whoever comes back to a program needs the terminal as the program believes it to be; whoever takes the terminal
//! back needs it as it was. Only switches are followed here, not what is drawn.

use std::collections::BTreeSet;

/// Private modes that are followed, as `CSI ? n h` sets them. What is none of these does not outlive the program harmfully.
const FOLLOWED: [u16; 16] = [1, 5, 6, 9, 47, 1000, 1002, 1003, 1004, 1005, 1006, 1007, 1015, 1047, 1049, 2004];
/// Private modes that are on where nobody says otherwise: the cursor is shown, lines wrap.
const ON: [u16; 2] = [7, 25];

/// The switches of a terminal, as far as a program has touched them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Modes {
    on: BTreeSet<u16>,
    off: BTreeSet<u16>,
    keypad: bool,
    /// A sequence that has not come whole.
    partial: Vec<u8>,
}

impl Modes {
    /// Takes in what a program shows.
    pub fn see(&mut self, bytes: &[u8]) {
        let bytes = [std::mem::take(&mut self.partial).as_slice(), bytes].concat();
        let mut at = 0;
        while let Some(found) = memchr::memchr(0x1b, &bytes[at..]) {
            let start = at + found;
            match sequence(&bytes[start..]) {
                Sequence::Modes { numbers, on, length } => {
                    for number in numbers {
                        self.switch(number, on);
                    }
                    at = start + length;
                }
                Sequence::Keypad(on) => {
                    self.keypad = on;
                    at = start + 2;
                }
                Sequence::Other => at = start + 1,
                Sequence::Unfinished => {
                    self.partial = bytes[start..].to_vec();
                    return;
                }
            }
        }
    }

    fn switch(&mut self, number: u16, on: bool) {
        let (changed, ordinary) = match (FOLLOWED.contains(&number), ON.contains(&number)) {
            (true, _) => (&mut self.on, !on),
            (_, true) => (&mut self.off, on),
            (false, false) => return,
        };
        if ordinary {
            changed.remove(&number);
        } else {
            changed.insert(number);
        }
    }

    /// What makes a terminal as the program believes it to be.
    pub fn set(&self) -> Vec<u8> {
        let on = self.on.iter().map(|number| format!("\x1b[?{number}h"));
        let off = self.off.iter().map(|number| format!("\x1b[?{number}l"));
        let keypad = self.keypad.then(|| "\x1b=".to_owned());
        on.chain(off).chain(keypad).collect::<String>().into_bytes()
    }

    /// What makes the terminal as it was before the program: a string that was begun is ended, everything that was
    /// touched is taken back, colours and lines are plain.
    pub fn unset(&self) -> Vec<u8> {
        let on = self.on.iter().rev().map(|number| format!("\x1b[?{number}l"));
        let off = self.off.iter().map(|number| format!("\x1b[?{number}h"));
        // Margins, character set and the keyboard are set back without a look whether they were touched: it shows nothing.
        let plain = "\x1b7\x1b[r\x1b8\x1b(B\x1b[4l\x1b[>4m\x1b>\x1b[0m".to_owned();
        let all = std::iter::once("\x1b\\".to_owned()).chain(on).chain(off).chain([plain]);
        all.collect::<String>().into_bytes()
    }
}

enum Sequence {
    Modes {
        numbers: Vec<u16>,
        on: bool,
        length: usize,
    },
    Keypad(bool),
    Other,
    /// It may become one.
    Unfinished,
}

/// Longest sequence that is waited for.
const LONGEST: usize = 64;

fn sequence(bytes: &[u8]) -> Sequence {
    match bytes.get(1) {
        None => return Sequence::Unfinished,
        Some(b'=') => return Sequence::Keypad(true),
        Some(b'>') => return Sequence::Keypad(false),
        Some(b'[') => {}
        Some(_) => return Sequence::Other,
    }
    match bytes.get(2) {
        None => return Sequence::Unfinished,
        Some(b'?') => {}
        Some(_) => return Sequence::Other,
    }
    let digits = bytes[3..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
    match bytes.get(3 + digits) {
        None if bytes.len() < LONGEST => Sequence::Unfinished,
        Some(end @ (b'h' | b'l')) => {
            let text = String::from_utf8_lossy(&bytes[3..3 + digits]);
            let numbers = text.split(';').filter_map(|number| number.parse().ok()).collect();
            Sequence::Modes { numbers, on: *end == b'h', length: 4 + digits }
        }
        None | Some(_) => Sequence::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(pieces: &[&[u8]]) -> Modes {
        let mut modes = Modes::default();
        for piece in pieces {
            modes.see(piece);
        }
        modes
    }

    #[test]
    fn what_a_program_sets_is_set_again_and_taken_back() {
        let modes = after(&[b"\x1b[?1049h\x1b[?1;1006h\x1b[?25lhello\x1b=\x1b[1m"]);
        assert_eq!(modes.set(), b"\x1b[?1h\x1b[?1006h\x1b[?1049h\x1b[?25l\x1b=");
        let back = String::from_utf8(modes.unset()).unwrap();
        for part in ["\u{1b}[?1049l", "\u{1b}[?1l", "\u{1b}[?1006l", "\u{1b}[?25h", "\u{1b}>", "\u{1b}[0m"] {
            assert!(back.contains(part), "{part:?} is not in {back:?}");
        }
        assert!(back.starts_with("\u{1b}\\"), "a string that was begun is ended first");
    }

    #[test]
    fn what_a_program_took_back_itself_is_not_taken_back_again() {
        let modes = after(&[b"\x1b[?1049h\x1b[?25l", b"\x1b[?25h\x1b[?1049l"]);
        assert_eq!((modes.set(), modes.clone()), (Vec::new(), Modes::default()));
        assert!(!String::from_utf8(modes.unset()).unwrap().contains("1049"));
    }

    #[test]
    fn a_sequence_in_pieces_is_one() {
        assert_eq!(after(&[b"a\x1b", b"[?10", b"49", b"h"]).set(), b"\x1b[?1049h");
    }

    #[test]
    fn what_never_ends_is_not_waited_for() {
        let endless = [b"\x1b[?".as_slice(), &[b'1'; 200]].concat();
        assert!(after(&[&endless]).partial.is_empty());
        assert_eq!(after(&[&endless, b"h\x1b[?25l"]).set(), b"\x1b[?25l");
    }

    #[test]
    fn modes_that_nobody_knows_are_left_alone() {
        assert_eq!(after(&[b"\x1b[?9999h\x1b[?2026h\x1b[4h"]), Modes::default());
    }
}
