//! Lines from a person or a pipe. From a person nothing is taken that was typed before the question was there.

use std::io::{self, BufRead, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::termios::{QueueSelector, tcflush};

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    Text(String),
    /// Ctrl-C.
    Interrupted,
    /// End of input, or the terminal is gone.
    End,
    /// Nothing yet.
    Nothing,
}

/// Where lines come from.
pub trait Lines {
    /// Whether a person types them.
    fn is_terminal(&self) -> bool;
    /// Forgets what was typed ahead; what a pipe holds stays.
    fn drain(&mut self);
    /// Whether Ctrl-C came since it was asked last.
    fn interrupted(&mut self) -> bool;
    /// Whether a signal said that the terminal is gone, or that we should be.
    fn gone(&self) -> bool;
    /// Waits for a line.
    fn next(&mut self, wait: Duration) -> Line;
}

/// A line that comes sooner than this after the question was not an answer to it.
const TOO_SOON: Duration = Duration::from_millis(400);

/// Standard input, read beside; Ctrl-C, TERM and HUP as messages.
pub struct Stdin {
    terminal: bool,
    lines: Receiver<Option<String>>,
    interrupted: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
    asked: Instant,
}

impl Stdin {
    /// Takes over standard input and the signals.
    pub fn open() -> io::Result<Self> {
        let interrupted = Arc::new(AtomicBool::new(false));
        let ended = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal_hook::consts::SIGINT, interrupted.clone())?;
        for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
            signal_hook::flag::register(signal, ended.clone())?;
        }
        let (to, lines) = channel();
        thread::spawn(move || {
            for line in io::stdin().lock().lines() {
                let Ok(line) = line else { break };
                if to.send(Some(line)).is_err() {
                    return;
                }
            }
            let _ = to.send(None);
        });
        Ok(Self { terminal: io::stdin().is_terminal(), lines, interrupted, ended, asked: Instant::now() })
    }
}

impl Lines for Stdin {
    fn is_terminal(&self) -> bool {
        self.terminal
    }

    fn drain(&mut self) {
        if self.terminal {
            let _ = tcflush(io::stdin(), QueueSelector::IFlush);
            while let Ok(Some(_)) = self.lines.try_recv() {}
        }
        self.asked = Instant::now();
    }

    fn interrupted(&mut self) -> bool {
        self.interrupted.swap(false, Ordering::SeqCst)
    }

    fn gone(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    fn next(&mut self, wait: Duration) -> Line {
        if self.interrupted() {
            return Line::Interrupted;
        }
        if self.gone() {
            return Line::End;
        }
        match self.lines.recv_timeout(wait) {
            Ok(Some(_)) if self.terminal && self.asked.elapsed() < TOO_SOON => Line::Nothing,
            Ok(Some(line)) => Line::Text(line),
            Ok(None) | Err(RecvTimeoutError::Disconnected) => Line::End,
            Err(RecvTimeoutError::Timeout) => Line::Nothing,
        }
    }
}
