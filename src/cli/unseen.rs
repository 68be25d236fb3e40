//! What is typed without being seen: a line from the terminal itself, with nothing echoed.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

/// How a line ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed {
    Line(String),
    /// Ctrl-C, Esc, or the end of the input.
    Nothing,
}

/// The terminal while it shows nothing of what is typed; it is given back as it was.
struct Silent {
    terminal: File,
    before: Termios,
}

impl Silent {
    fn new() -> io::Result<Self> {
        let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN);
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        // What was typed ahead was typed for something else.
        tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Flush, &self.before);
        let _ = self.terminal.write_all(b"\n");
    }
}

/// Asks on the terminal, whatever standard input and output are.
///
/// # Errors
/// There is no terminal.
pub fn ask(question: &str) -> io::Result<Typed> {
    let mut silent = Silent::new()?;
    silent.terminal.write_all(question.as_bytes())?;
    let reader = silent.terminal.try_clone()?;
    read_line(reader)
}

/// Reads one line of keys: a backspace takes back, Ctrl-U takes back all.
fn read_line(mut keys: impl Read) -> io::Result<Typed> {
    let mut line: Vec<u8> = Vec::new();
    let mut key = [0];
    loop {
        if keys.read(&mut key)? == 0 {
            return Ok(Typed::Nothing);
        }
        match key[0] {
            b'\r' | b'\n' => break,
            0x03 | 0x1b => return Ok(Typed::Nothing),
            0x04 if line.is_empty() => return Ok(Typed::Nothing),
            0x04 => {}
            0x08 | 0x7f => {
                // A letter of several bytes goes as a whole.
                while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            0x15 => line.clear(),
            byte => line.push(byte),
        }
    }
    String::from_utf8(line).map(Typed::Line).map_err(|_| io::Error::other("what was typed is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> Typed {
        read_line(keys).unwrap()
    }

    #[test]
    fn a_line_ends_with_enter() {
        assert_eq!(typed(b"hunter2\rmore"), Typed::Line("hunter2".to_owned()));
        assert_eq!(typed(b"\n"), Typed::Line(String::new()));
    }

    #[test]
    fn letters_are_taken_back_as_a_whole() {
        assert_eq!(typed("hé\u{7f}\u{7f}x\r".as_bytes()), Typed::Line("x".to_owned()));
        assert_eq!(typed(b"\x7f\x7fab\x15c\r"), Typed::Line("c".to_owned()));
    }

    #[test]
    fn whoever_goes_away_has_said_nothing() {
        for keys in [b"abc\x03".as_slice(), b"abc\x1b", b"\x04", b"abc"] {
            assert_eq!(typed(keys), Typed::Nothing, "{keys:?}");
        }
        assert_eq!(typed(b"a\x04b\r"), Typed::Line("ab".to_owned()));
    }
}
