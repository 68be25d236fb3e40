//! A terminal that is looked at with a stopwatch.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

const ROWS: u16 = 24;
const COLUMNS: u16 = 80;
/// Nothing is said for so long: the frame is full.
const SILENCE: Duration = Duration::from_millis(40);
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program on a terminal of 24 lines and 80 columns.
pub struct Pty {
    child: Child,
    master: File,
    parser: vt100::Parser,
    begun: Instant,
}

impl Pty {
    /// Starts a command with the terminal as its standard streams. The terminal controls nobody, which saves a process
    /// between the stopwatch and the program.
    pub fn start(command: &mut Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let noctty = rustix::fs::OFlags::NOCTTY.bits().cast_signed();
        let slave = File::options().read(true).write(true).custom_flags(noctty).open(name).unwrap();
        let end = || Stdio::from(OwnedFd::from(slave.try_clone().unwrap()));
        command.stdin(end()).stdout(end()).stderr(end());
        let begun = Instant::now();
        let child = command.spawn().unwrap();
        Self { child, master: File::from(master), parser: vt100::Parser::new(ROWS, COLUMNS, 0), begun }
    }

    /// From the start to the last byte of the first full frame: something stands on it, and then nothing is said.
    pub fn first_frame(&mut self) -> Duration {
        let mut last = self.begun;
        loop {
            let wait = if self.text().trim().is_empty() { PATIENCE } else { SILENCE };
            if !self.hear(wait) {
                return last - self.begun;
            }
            last = Instant::now();
        }
    }

    /// From a key to the first byte of an answer.
    pub fn first_byte(&mut self, key: &str) -> Duration {
        let begun = self.press(key);
        assert!(self.hear(PATIENCE), "no answer to `{key}` on:\n{}", self.text());
        begun.elapsed()
    }

    /// From a key to a screen that fits.
    pub fn until(&mut self, key: &str, fits: impl Fn(&str) -> bool) -> Duration {
        let begun = self.press(key);
        while !fits(&self.text()) {
            let heard = self.hear(PATIENCE);
            assert!(heard && begun.elapsed() < PATIENCE, "`{key}` does not lead anywhere:\n{}", self.text());
        }
        begun.elapsed()
    }

    /// Hears everything that is said within this time.
    pub fn listen(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            self.hear(left);
        }
    }

    /// What stands on the screen.
    pub fn text(&self) -> String {
        self.parser.screen().contents()
    }

    fn press(&mut self, key: &str) -> Instant {
        let begun = Instant::now();
        self.master.write_all(key.as_bytes()).unwrap();
        begun
    }

    /// Takes in what is said next, within a time; whether anything was.
    fn hear(&mut self, wait: Duration) -> bool {
        let timeout = Timespec::try_from(wait).unwrap();
        let mut sources = [PollFd::new(&self.master, PollFlags::IN)];
        if !matches!(poll(&mut sources, Some(&timeout)), Ok(1..)) {
            return false;
        }
        let mut bytes = [0; 16384];
        let Ok(read @ 1..) = self.master.read(&mut bytes) else { return false };
        self.parser.process(&bytes[..read]);
        true
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
