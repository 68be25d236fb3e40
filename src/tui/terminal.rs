//! The terminal is borrowed: whatever ends the screen (a return, an error, a panic, a signal) gives it back as it was.

use std::io::{self, Stdout, Write as _, stdout};
use std::sync::Arc;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crossterm::cursor::Show;
use crossterm::event::{self, DisableBracketedPaste, EnableBracketedPaste, Event};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use rustix::event::{PollFd, PollFlags, Timespec};
use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Whether there is something to give back.
static BORROWED: AtomicBool = AtomicBool::new(false);

/// The terminal while it is borrowed.
pub struct Borrowed {
    pub terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Borrowed {
    /// Takes the terminal: raw mode, the other screen, bracketed paste.
    pub fn take() -> io::Result<Self> {
        restore_in_panics();
        enable_raw_mode()?;
        BORROWED.store(true, Ordering::SeqCst);
        let taken = execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste);
        let terminal = taken.and_then(|()| Terminal::new(CrosstermBackend::new(stdout())));
        if terminal.is_err() {
            restore();
        }
        Ok(Self { terminal: terminal? })
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back, once. Nothing can be done about an error here, and the terminal may be gone.
fn restore() {
    if BORROWED.swap(false, Ordering::SeqCst) {
        let _ = disable_raw_mode();
        let _ = execute!(stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show);
        let _ = stdout().flush();
    }
}

/// A panic first gives the terminal back, so that its message can be read.
fn restore_in_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            before(panic);
        }));
    });
}

/// Signals that end the screen; the run is kept.
pub struct Signals {
    caught: Arc<AtomicUsize>,
    ids: Vec<SigId>,
}

impl Signals {
    /// Catches TERM, HUP and INT.
    pub fn catch() -> io::Result<Self> {
        let mut signals = Self { caught: Arc::default(), ids: Vec::new() };
        for signal in [SIGTERM, SIGHUP, SIGINT] {
            let number = usize::try_from(signal).unwrap_or_default();
            signals.ids.push(signal_hook::flag::register_usize(signal, signals.caught.clone(), number)?);
        }
        Ok(signals)
    }

    /// The signal that came.
    pub fn caught(&self) -> Option<i32> {
        let signal = self.caught.load(Ordering::SeqCst);
        i32::try_from(signal).ok().filter(|signal| *signal != 0)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.ids.drain(..) {
            signal_hook::low_level::unregister(id);
        }
    }
}

/// Where keys come from.
pub trait Input {
    /// The next event, within `wait`. An error is the end of input.
    fn next(&mut self, wait: Duration) -> io::Result<Option<Event>>;

    /// Whether a signal ends the screen.
    fn signal(&self) -> Option<i32>;

    /// Gives the terminal to somebody else for as long as that lasts, and takes it back.
    fn lend(&mut self, deed: &mut dyn FnMut()) -> io::Result<()> {
        deed();
        Ok(())
    }
}

/// The keyboard.
pub struct Keyboard {
    pub signals: Signals,
}

impl Input for Keyboard {
    fn next(&mut self, wait: Duration) -> io::Result<Option<Event>> {
        // crossterm reads for ever from a terminal that is gone, so it is asked only while there is one.
        for wait in [Duration::ZERO, wait] {
            let typed = match typed(wait) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(None),
                typed => typed?,
            };
            if (typed || wait.is_zero()) && event::poll(Duration::ZERO)? {
                return event::read().map(Some);
            }
        }
        Ok(None)
    }

    fn signal(&self) -> Option<i32> {
        self.signals.caught()
    }

    fn lend(&mut self, deed: &mut dyn FnMut()) -> io::Result<()> {
        restore();
        deed();
        // A Ctrl-C there was meant for whoever had the terminal.
        let _ = self.signals.caught.compare_exchange(
            usize::try_from(SIGINT).unwrap_or_default(),
            0,
            Ordering::SeqCst,
            Ordering::SeqCst,
        );
        enable_raw_mode()?;
        BORROWED.store(true, Ordering::SeqCst);
        execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste)
    }
}

/// Waits for bytes from the terminal. A terminal that is gone is the end of input.
fn typed(wait: Duration) -> io::Result<bool> {
    let stdin = io::stdin();
    let mut watched = [PollFd::new(&stdin, PollFlags::IN)];
    let wait = Timespec { tv_sec: wait.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: wait.subsec_nanos().into() };
    rustix::event::poll(&mut watched, Some(&wait))?;
    let seen = watched[0].revents();
    if seen.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(seen.contains(PollFlags::IN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caught_signal_is_told_and_does_not_end_the_process() {
        let signals = Signals::catch().expect("signals can be caught");
        assert_eq!(signals.caught(), None);
        signal_hook::low_level::raise(SIGHUP).expect("raised");
        assert_eq!(signals.caught(), Some(SIGHUP));
    }

    #[test]
    fn what_was_not_borrowed_is_not_given_back() {
        BORROWED.store(false, Ordering::SeqCst);
        restore();
        assert!(!BORROWED.load(Ordering::SeqCst));
    }
}
