//! Attends to a running command until it has ended: its output, its time, a wish to end it, and what holds its pipe.
//!
//! One queue, one decider: the pumps, the waiting thread and whoever cancels send messages, and order is decided here.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::ending::end_all;
use super::facts::{Ending, Exit};
use super::filter::{Bytes, Filters};
use super::pump::{Pump, Pumped};
use super::spec::{CommandSpec, OnTimeout, Streams, TerminalSpec, stderr_blob};
use super::tty::{self, Keeping};
use os_pipe::PipeWriter;

/// How long a pipe is read after the command has ended, when something else still holds it.
const DRAIN: Duration = Duration::from_secs(1);
/// At most this often it is said that there is more output.
const BETWEEN_NOTICES: Duration = Duration::from_millis(33);

/// What the queue carries.
pub(super) enum Message {
    /// The command has ended.
    Ended(io::Result<ExitStatus>),
    /// A stream has ended.
    Drained,
    /// There is more output.
    Grown,
    /// Somebody wants it to end.
    Cancel,
}

/// What a view may want to know meanwhile; it may be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputNotice {
    /// It runs.
    Started {
        /// Its process id.
        pid: u32,
    },
    /// There is more output.
    Grown {
        /// Bytes so far, of all its streams, before the filter.
        bytes: u64,
    },
    /// Its time is up, and it goes on.
    Overdue,
    /// It was told to end, and then made to, and something of it is still there.
    CannotEnd,
}

/// The streams of a command that is about to be spawned.
pub(super) struct Outputs {
    pumps: Vec<Pump>,
    inbox: Receiver<Message>,
    tell: Sender<Message>,
}

/// The writing ends for the command; they must be dropped once it is spawned.
pub(super) struct Ends {
    pub stdout: PipeWriter,
    /// Absent where the streams are joined.
    pub stderr: Option<PipeWriter>,
}

/// Waits for a command once it has one.
pub(super) struct Waiter(Sender<duct::Handle>);

impl Waiter {
    /// From now on it waits.
    pub fn wait_for(self, handle: duct::Handle) {
        self.0.send(handle).expect("the one who waits is there until it has something to wait for");
    }
}

/// A command that runs.
pub(super) struct Running<'a> {
    pub spec: &'a CommandSpec,
    pub pid: u32,
    /// Its processes that are alive, itself included.
    pub members: &'a dyn Fn() -> Vec<u32>,
    pub notices: &'a dyn Fn(OutputNotice),
}

/// An ended command, and the pipes that something else still holds.
pub(super) struct Attended {
    pub exit: Exit,
    pub open: Vec<os_pipe::PipeReader>,
}

impl Outputs {
    /// Pipes and pumps for a command.
    pub fn open(streams: Streams, blob: &Path, filters: &Filters) -> io::Result<(Self, Ends)> {
        let (tell, inbox) = channel();
        let (pump, stdout) = Pump::start(blob, filters.stream(Bytes::Output), tell.clone())?;
        let mut outputs = Self { pumps: vec![pump], inbox, tell };
        let stderr = match streams {
            Streams::Joined => None,
            Streams::Split => {
                let filter = filters.stream(Bytes::Errors);
                let (pump, stderr) = Pump::start(&stderr_blob(blob), filter, outputs.tell.clone())?;
                outputs.pumps.push(pump);
                Some(stderr)
            }
        };
        Ok((outputs, Ends { stdout, stderr }))
    }

    /// A terminal for a program, and the end of it that is the program's.
    pub fn on_terminal(
        terminal: &TerminalSpec,
        door: UnixListener,
        keeping: Keeping,
    ) -> io::Result<(Self, std::fs::File)> {
        let (tell, inbox) = channel();
        let (pump, theirs) = tty::start(terminal.size, door, keeping, tell.clone())?;
        Ok((Self { pumps: vec![pump], inbox, tell }, theirs))
    }

    /// Where to send what the attendant must know.
    pub fn sender(&self) -> Sender<Message> {
        self.tell.clone()
    }

    /// Somebody who will wait for the command and tell when it has ended. Made before the command is spawned: one that
    /// nobody waits for would never be known to end.
    pub fn waiter(&self) -> io::Result<Waiter> {
        let tell = self.tell.clone();
        let (hand, handed) = channel::<duct::Handle>();
        std::thread::Builder::new().name("wait".into()).spawn(move || {
            if let Ok(handle) = handed.recv() {
                let _ = tell.send(Message::Ended(handle.wait().map(|output| output.status)));
            }
        })?;
        Ok(Waiter(hand))
    }

    /// Attends until the command has ended and its output is on the disk.
    pub fn attend(self, running: &Running<'_>) -> Attended {
        (running.notices)(OutputNotice::Started { pid: running.pid });
        let began = now_ms();
        let mut watch = Watch::new(running.spec, self.pumps.len());
        let status = loop {
            match watch.next(&self.inbox) {
                Next::Message(Message::Ended(status)) => break status,
                Next::Message(Message::Drained) => watch.open_streams -= 1,
                Next::Message(Message::Grown) => watch.grown(),
                Next::Message(Message::Cancel) => {
                    watch.cancelled = true;
                    end(running);
                }
                Next::TimeUp => match running.spec.on_timeout {
                    OnTimeout::Warn => (running.notices)(OutputNotice::Overdue),
                    OnTimeout::Kill => {
                        watch.timed_out = true;
                        end(running);
                    }
                },
                Next::Notice => {
                    let bytes = self.pumps.iter().map(Pump::grown).sum();
                    (running.notices)(OutputNotice::Grown { bytes });
                }
            }
        };
        let dur_ms = now_ms().saturating_sub(began);
        let streams = self.finish(watch.open_streams);
        let mut exit = ended(status, &watch);
        exit.dur_ms = dur_ms;
        Attended { open: gather(&mut exit, streams), exit }
    }

    /// The command was not spawned: nothing more will come.
    pub fn discard(self) {
        for pump in self.pumps {
            pump.stop();
        }
    }

    fn finish(self, mut open_streams: usize) -> Vec<Pumped> {
        let until = Instant::now() + DRAIN;
        while open_streams > 0
            && let Ok(message) = self.inbox.recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            open_streams -= usize::from(matches!(message, Message::Drained));
        }
        self.pumps.into_iter().map(Pump::stop).collect()
    }
}

/// What has been asked and seen so far, and when to wake up next.
struct Watch {
    time_up: Option<Instant>,
    notice_due: Option<Instant>,
    last_notice: Option<Instant>,
    open_streams: usize,
    cancelled: bool,
    timed_out: bool,
}

enum Next {
    Message(Message),
    TimeUp,
    Notice,
}

impl Watch {
    fn new(spec: &CommandSpec, open_streams: usize) -> Self {
        let time_up = spec.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Self { time_up, notice_due: None, last_notice: None, open_streams, cancelled: false, timed_out: false }
    }

    fn grown(&mut self) {
        let now = Instant::now();
        self.notice_due = Some(self.last_notice.map_or(now, |last| now.max(last + BETWEEN_NOTICES)));
    }

    /// The next message, or what became due before one came. Each due thing comes once.
    fn next(&mut self, inbox: &Receiver<Message>) -> Next {
        loop {
            let now = Instant::now();
            if self.time_up.is_some_and(|at| at <= now) {
                self.time_up = None;
                return Next::TimeUp;
            }
            if self.notice_due.is_some_and(|at| at <= now) {
                self.notice_due = None;
                self.last_notice = Some(now);
                return Next::Notice;
            }
            let due = [self.time_up, self.notice_due].into_iter().flatten().min();
            let message = match due {
                Some(at) => inbox.recv_timeout(at - now),
                None => inbox.recv().map_err(RecvTimeoutError::from),
            };
            match message {
                Ok(message) => return Next::Message(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => unreachable!("the attendant itself holds a sender"),
            }
        }
    }
}

/// What cannot be ended, another person's for one, is said.
fn end(running: &Running<'_>) {
    if !end_all(running.members, running.spec.grace) {
        (running.notices)(OutputNotice::CannotEnd);
    }
}

fn ended(status: io::Result<ExitStatus>, watch: &Watch) -> Exit {
    let mut exit = Exit { cancelled: watch.cancelled, ..Exit::default() };
    match status {
        Ok(status) => {
            (exit.code, exit.signal) = (status.code(), status.signal());
            exit.result = if status.code().is_some() { Ending::Exited } else { Ending::Signaled };
        }
        Err(error) => {
            exit.result = Ending::Signaled;
            exit.note_gap(Some(format!("cannot tell how the command ended: {error}")));
        }
    }
    if watch.timed_out {
        exit.result = Ending::TimedOut;
    }
    exit
}

/// Puts the streams into the exit and gives the pipes that are still open.
fn gather(exit: &mut Exit, streams: Vec<Pumped>) -> Vec<os_pipe::PipeReader> {
    let mut open = Vec::new();
    let mut facts = Vec::new();
    let mut redacted: BTreeMap<String, u64> = BTreeMap::new();
    for stream in streams {
        exit.note_gap(stream.gap);
        for (name, count) in stream.redacted {
            *redacted.entry(name).or_default() += count;
        }
        facts.push(stream.facts);
        exit.cast = exit.cast.take().or(stream.cast);
        open.extend(stream.open);
    }
    let mut facts = facts.into_iter();
    (exit.stdout, exit.stderr, exit.redacted) = (facts.next(), facts.next(), redacted);
    open
}

/// Milliseconds that go on while the machine sleeps, where the system has such a clock.
fn now_ms() -> u64 {
    use rustix::time::{ClockId, clock_gettime};
    #[cfg(target_os = "linux")]
    let clock = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = ClockId::Monotonic;
    let now = clock_gettime(clock);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}
