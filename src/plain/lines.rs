//! Lines from a person or a pipe. From a person nothing is taken that was typed before the question was there.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
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
    /// Leaves the terminal to somebody else for as long as that lasts.
    fn lend(&mut self, deed: &mut dyn FnMut()) {
        deed();
    }
}

/// A line that comes sooner than this after the question was not an answer to it.
const TOO_SOON: Duration = Duration::from_millis(400);

/// How long one look for input lasts; whoever wants the terminal waits no longer.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Standard input, read beside; Ctrl-C, TERM and HUP as messages.
pub struct Stdin {
    terminal: bool,
    lines: Receiver<Option<String>>,
    interrupted: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
    asked: Instant,
    /// Held by whoever reads; while the terminal is lent, nobody here does.
    reads: Arc<Mutex<()>>,
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
        let reads = Arc::new(Mutex::new(()));
        let reading = reads.clone();
        thread::Builder::new().spawn(move || {
            let _ = read_lines(&reading, &to);
            let _ = to.send(None);
        })?;
        Ok(Self { terminal: io::stdin().is_terminal(), lines, interrupted, ended, asked: Instant::now(), reads })
    }
}

/// Reads standard input line by line, and only while nobody else has the terminal.
fn read_lines(reads: &Mutex<()>, to: &Sender<Option<String>>) -> io::Result<()> {
    let (stdin, mut held, mut buffer) = (io::stdin(), Vec::new(), [0; 4096]);
    loop {
        {
            let _mine = reads.lock();
            let mut watched = [PollFd::new(&stdin, PollFlags::IN)];
            let ready = rustix::event::poll(&mut watched, Some(&LOOK));
            if matches!(ready, Ok(0) | Err(rustix::io::Errno::INTR)) {
                // Whoever waits for the terminal comes first.
            } else {
                let count = match rustix::io::read(&stdin, &mut buffer) {
                    Err(rustix::io::Errno::INTR) => continue,
                    count => count?,
                };
                held.extend(&buffer[..count]);
                if count == 0 {
                    if let (false, Ok(line)) = (held.is_empty(), String::from_utf8(std::mem::take(&mut held))) {
                        let _ = to.send(Some(line));
                    }
                    return Ok(());
                }
            }
        }
        while let Some(end) = held.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = held.drain(..=end).collect();
            let line = String::from_utf8(line).map_err(|_| io::ErrorKind::InvalidData)?;
            if to.send(Some(line.trim_end_matches(['\n', '\r']).to_owned())).is_err() {
                return Ok(());
            }
        }
        thread::sleep(Duration::from_millis(1));
    }
}

impl Lines for Stdin {
    fn lend(&mut self, deed: &mut dyn FnMut()) {
        let reads = self.reads.clone();
        let _mine = reads.lock();
        deed();
        // A Ctrl-C there was meant for whoever had the terminal.
        self.interrupted.store(false, Ordering::SeqCst);
    }

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
