//! The person's end of a terminal: theirs is handed to the program raw, and taken back as it was, whatever ends it.
//!
//! It ends when the program ends, when the person takes it back (Ctrl-]), when a signal comes, or when the terminal is
//! gone. In all but the first case the program goes on: its supervisor holds the other end.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetwinsize, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH};

use super::door::{Frame, LONGEST, beside, enter};
use super::modes::Modes;
use super::spec::Size;
use super::tty::again;

/// Ctrl-], as terminals send it: plainly, and in the two ways in which programs can ask for more exact keys.
const KEYS: [&[u8]; 3] = [b"\x1d", b"\x1b[93;5u", b"\x1b[27;5;93~"];
/// Pressed twice within this time it is one for the program.
const TWICE: Duration = Duration::from_millis(400);
/// Input that the program has not taken; more is not read from the person.
const MOST: usize = 1 << 20;

/// How the terminal came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandedBack {
    /// The program has ended, or its terminal is gone.
    Ended,
    /// The person took it back; the program goes on.
    Taken,
    /// A signal came; the program goes on.
    Signal(i32),
    /// The person's terminal is gone; the program goes on.
    Gone,
}

/// The way in to the program of an attempt, by the lock of its supervisor.
pub fn knock_at(lock: &Path) -> PathBuf {
    beside(lock)
}

/// Hands the terminal of this process to the program behind a door, until it comes back.
///
/// # Errors
/// There is no terminal to hand over, or nobody opens the door. The terminal is as it was.
pub fn hand_over(door: &Path) -> io::Result<HandedBack> {
    let terminal = match File::options().read(true).write(true).open("/dev/tty") {
        Ok(terminal) => terminal,
        // A terminal may be there that is not the session's own.
        Err(_) if io::stdin().is_terminal() => File::from(io::stdin().as_fd().try_clone_to_owned()?),
        Err(error) => return Err(error),
    };
    let lent = Lent::of(terminal)?;
    let stream = enter(door, lent.size())?;
    Hand { lent, stream, modes: Modes::default(), unsent: Vec::new(), pressed: None }.work()
}

/// The person's terminal, raw; given back when this is dropped.
struct Lent {
    terminal: File,
    before: Termios,
    /// Signals that came, one byte each, and how to stop catching them.
    woken: UnixStream,
    caught: Vec<signal_hook::SigId>,
    signals: Vec<(i32, std::sync::Arc<std::sync::atomic::AtomicBool>)>,
}

impl Lent {
    fn of(terminal: File) -> io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let (woken, wake) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        let mut lent = Self { terminal, before, woken, caught: Vec::new(), signals: Vec::new() };
        for signal in [SIGTERM, SIGHUP, SIGINT, SIGQUIT] {
            let came = std::sync::Arc::default();
            lent.caught.push(signal_hook::flag::register(signal, std::sync::Arc::clone(&came))?);
            lent.caught.push(signal_hook::low_level::pipe::register(signal, wake.try_clone()?)?);
            lent.signals.push((signal, came));
        }
        lent.caught.push(signal_hook::low_level::pipe::register(SIGWINCH, wake)?);
        // What was typed ahead was not meant for the program.
        let _ = tcflush(&lent.terminal, QueueSelector::IFlush);
        let mut raw = lent.before.clone();
        raw.make_raw();
        tcsetattr(&lent.terminal, OptionalActions::Flush, &raw)?;
        Ok(lent)
    }

    fn size(&self) -> Size {
        match tcgetwinsize(&self.terminal) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Size { cols: size.ws_col, rows: size.ws_row },
            Ok(_) | Err(_) => Size::default(),
        }
    }

    /// A signal that ends it.
    fn signal(&self) -> Option<i32> {
        let came = |came: &std::sync::atomic::AtomicBool| came.load(std::sync::atomic::Ordering::SeqCst);
        self.signals.iter().find(|(_, flag)| came(flag)).map(|(signal, _)| *signal)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // What was typed last was meant for the program. Nothing can be done about an error: the terminal may be gone.
        let _ = tcflush(&self.terminal, QueueSelector::IFlush);
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
        for id in self.caught.drain(..) {
            signal_hook::low_level::unregister(id);
        }
    }
}

/// Between the terminal and the door.
struct Hand {
    lent: Lent,
    stream: UnixStream,
    modes: Modes,
    unsent: Vec<u8>,
    /// When the key that takes the terminal back was pressed.
    pressed: Option<Instant>,
}

struct Ready {
    typed: PollFlags,
    shown: PollFlags,
    woken: bool,
}

impl Hand {
    fn work(mut self) -> io::Result<HandedBack> {
        let ended = self.copy();
        // Also after an error: what the program left on the terminal is taken back.
        let _ = self.lent.terminal.write_all(&self.modes.unset());
        ended
    }

    fn copy(&mut self) -> io::Result<HandedBack> {
        let mut buffer = vec![0; 32 << 10];
        loop {
            let ready = self.wait();
            if let Some(signal) = self.lent.signal() {
                return Ok(HandedBack::Signal(signal));
            }
            if ready.woken {
                let _ = (&self.lent.woken).read(&mut buffer);
                Frame::Size(self.lent.size()).write(&mut self.unsent);
            }
            if self.pressed.is_some_and(|pressed| pressed.elapsed() >= TWICE) {
                return Ok(HandedBack::Taken);
            }
            if !ready.shown.is_empty() {
                match self.stream.read(&mut buffer) {
                    Ok(0) => return Ok(HandedBack::Ended),
                    Ok(count) => {
                        self.modes.see(&buffer[..count]);
                        if self.lent.terminal.write_all(&buffer[..count]).is_err() {
                            return Ok(HandedBack::Gone);
                        }
                    }
                    Err(error) if again(&error) => {}
                    Err(_) => return Ok(HandedBack::Ended),
                }
            }
            if !ready.typed.is_empty() {
                match self.lent.terminal.read(&mut buffer) {
                    Ok(0) => return Ok(HandedBack::Gone),
                    Ok(count) => {
                        if self.typed(&buffer[..count]) == Typed::Taken {
                            return Ok(HandedBack::Taken);
                        }
                    }
                    Err(error) if again(&error) => {}
                    Err(_) => return Ok(HandedBack::Gone),
                }
            }
            self.send();
        }
    }

    fn wait(&self) -> Ready {
        let open = self.unsent.len() < MOST;
        let mut of_door = PollFlags::IN;
        of_door.set(PollFlags::OUT, !self.unsent.is_empty());
        let mut watched = [
            PollFd::from_borrowed_fd(self.lent.terminal.as_fd(), if open { PollFlags::IN } else { PollFlags::empty() }),
            PollFd::new(&self.stream, of_door),
            PollFd::new(&self.lent.woken, PollFlags::IN),
        ];
        let left = self.pressed.map(|pressed| TWICE.saturating_sub(pressed.elapsed()));
        let left = left.map(|left| Timespec { tv_sec: 0, tv_nsec: left.subsec_nanos().into() });
        let _ = poll(&mut watched, left.as_ref());
        let seen = |at: usize| watched[at].revents();
        Ready { typed: seen(0), shown: seen(1).difference(PollFlags::OUT), woken: !seen(2).is_empty() }
    }

    /// What the person typed goes to the program, up to the key that takes the terminal back.
    fn typed(&mut self, bytes: &[u8]) -> Typed {
        let mut rest = bytes;
        while !rest.is_empty() {
            let key = KEYS.iter().find(|key| rest.starts_with(key));
            match (key, self.pressed.take()) {
                (Some(key), Some(_)) => {
                    self.pass(key);
                    rest = &rest[key.len()..];
                }
                (Some(key), None) => {
                    self.pressed = Some(Instant::now());
                    rest = &rest[key.len()..];
                }
                // Another key after it: it was meant.
                (None, Some(_)) => return Typed::Taken,
                (None, None) => {
                    let next = (1..rest.len()).find(|at| KEYS.iter().any(|key| rest[*at..].starts_with(key)));
                    let (plain, after) = rest.split_at(next.unwrap_or(rest.len()));
                    self.pass(plain);
                    rest = after;
                }
            }
        }
        Typed::Passed
    }

    fn pass(&mut self, bytes: &[u8]) {
        bytes.chunks(LONGEST).for_each(|chunk| Frame::Typed(chunk.to_vec()).write(&mut self.unsent));
    }

    /// What the door does not take now is tried again when it does; that it is gone is seen where it is read.
    fn send(&mut self) {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(0) | Err(_) => return,
                Ok(count) => drop(self.unsent.drain(..count)),
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Typed {
    Passed,
    Taken,
}
