//! A terminal for a program that a person works in, as its supervisor holds it.
//!
//! The supervisor keeps the master, so the program lives on when the person's own terminal is gone, and whoever comes
//! back goes in again through the [door](super::door). What the program shows goes through the filter to the disk
//! first. What is typed goes to the program and nowhere else.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use os_pipe::PipeReader;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::attend::Message;
use super::blob::Blob;
use super::cast::Cast;
use super::door::Frame;
use super::filter::Filter;
use super::modes::Modes;
use super::pump::{Grown, Pump, Pumped};
use super::spec::Size;

/// The hidden first argument of the process that becomes a program on a terminal.
pub(super) const TTY: &str = "__tty";

const CHUNK: usize = 64 << 10;
/// How much is still read when the program has ended and something else goes on to write.
const REST: usize = 1 << 20;
/// What was shown before anybody came in is kept for the first who does, up to this.
const EARLY: usize = 256 << 10;
/// What a person's terminal has not taken yet; the program waits, as on any terminal.
const UNSENT: usize = 256 << 10;
/// What the program has not read yet; the person waits.
const UNREAD: usize = 64 << 10;
/// How long a terminal that takes nothing holds the program up before it is let go.
const STUCK: Duration = Duration::from_secs(10);
/// How long a filter may hold back what a person waits for.
const HELD: Duration = Duration::from_millis(40);
/// How long the terminal of a program is another size, so that it draws everything once more.
const NUDGE: Duration = Duration::from_millis(80);

/// What a terminal writes to.
pub(super) struct Keeping {
    pub blob: Blob,
    pub cast: Cast,
    /// For the disk; it may hold back as long as it likes.
    pub filter: Box<dyn Filter>,
    /// For the person's own terminal; made anew after each pause.
    pub live: Box<dyn Fn() -> Box<dyn Filter> + Send>,
}

/// A terminal and the thread that holds its other end; the file is the program's.
pub(super) fn start(
    size: Size,
    door: UnixListener,
    keeping: Keeping,
    tell: Sender<Message>,
) -> io::Result<(Pump, File)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?.into_string().map_err(|_| io::ErrorKind::InvalidData)?;
    let noctty = rustix::fs::OFlags::NOCTTY.bits().cast_signed();
    let slave = File::options().read(true).write(true).custom_flags(noctty).open(name)?;
    resize(&slave, size)?;
    speaks_utf8(&slave);
    rustix::io::ioctl_fionbio(&master, true)?;
    let master = File::from(master);
    let pump = Pump::spawn(tell, move |stopped, grown| Room::new(master, door, keeping).attend(stopped, grown))?;
    Ok((pump, slave))
}

fn resize(terminal: &File, Size { cols, rows }: Size) -> io::Result<()> {
    Ok(tcsetwinsize(terminal, Winsize { ws_col: cols, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 })?)
}

/// So that one key takes one character away, and not one byte of it.
fn speaks_utf8(terminal: &File) {
    #[cfg(target_os = "linux")]
    if let Ok(mut modes) = rustix::termios::tcgetattr(terminal) {
        modes.input_modes |= rustix::termios::InputModes::IUTF8;
        let _ = rustix::termios::tcsetattr(terminal, rustix::termios::OptionalActions::Now, &modes);
    }
}

/// The hidden subcommand: makes a session that its standard input controls, and becomes the program.
#[expect(clippy::disallowed_methods, reason = "this process becomes the program; duct can only start another")]
pub(super) fn tty_main(mut words: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let (Some(program), Some(name)) = (words.next(), words.next()) else { return ExitCode::from(2) };
    let taken = rustix::process::setsid().and_then(|_| rustix::process::ioctl_tiocsctty(io::stdin()));
    let error = match taken {
        Ok(()) => Command::new(program).arg0(name).args(words).exec(),
        Err(error) => error.into(),
    };
    let _ = writeln!(io::stderr(), "cannot start the program: {error}");
    ExitCode::from(127)
}

/// The terminal with whoever is in it.
struct Room {
    master: File,
    door: UnixListener,
    keeping: Keeping,
    live: Live,
    modes: Modes,
    guest: Option<Guest>,
    /// What nobody has seen yet; `None` once somebody came in.
    early: Option<Vec<u8>>,
    unread: Vec<u8>,
    size_again: Option<(Instant, Size)>,
    spare: Vec<u8>,
}

/// The way to the person, with secrets taken out of it.
struct Live {
    filter: Box<dyn Filter>,
    /// Since when something may be held back.
    since: Option<Instant>,
}

/// A person who works in the program.
struct Guest {
    stream: UnixStream,
    typed: Vec<u8>,
    unsent: Vec<u8>,
    /// Since when the other end has taken nothing.
    stuck: Option<Instant>,
    greeted: bool,
}

/// What can be done without waiting.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each thing that is waited for")]
struct Ready {
    shown: bool,
    writable: bool,
    stop: bool,
    knock: bool,
    guest: bool,
}

impl Room {
    fn new(master: File, door: UnixListener, keeping: Keeping) -> Self {
        let live = Live { filter: (keeping.live)(), since: None };
        let (modes, spare, unread) = (Modes::default(), Vec::new(), Vec::new());
        Self {
            master,
            door,
            keeping,
            live,
            modes,
            guest: None,
            early: Some(Vec::new()),
            unread,
            size_again: None,
            spare,
        }
    }

    fn attend(mut self, stopped: &PipeReader, grown: &Grown) -> Pumped {
        let mut buffer = vec![0; CHUNK];
        let mut rest = REST;
        let at_end = loop {
            let ready = self.wait(stopped);
            if ready.shown && !(ready.stop && rest == 0) {
                match self.master.read(&mut buffer) {
                    Ok(0) => break true,
                    Ok(count) => {
                        self.show(&buffer[..count]);
                        grown.note(count as u64);
                        rest = if ready.stop { rest.saturating_sub(count) } else { rest };
                    }
                    Err(error) if again(&error) => {}
                    // Nobody holds the other end any more.
                    Err(_) => break true,
                }
            } else if ready.stop {
                break false;
            }
            if ready.knock {
                self.knock();
            }
            if ready.guest || ready.writable {
                self.serve();
            }
            self.due();
        };
        self.end(at_end)
    }

    fn wait(&self, stopped: &PipeReader) -> Ready {
        let full = self.guest.as_ref().is_some_and(|guest| guest.unsent.len() >= UNSENT);
        let mut of_master = if full { PollFlags::empty() } else { PollFlags::IN };
        of_master.set(PollFlags::OUT, !self.unread.is_empty());
        let mut watched = vec![
            PollFd::new(&self.master, of_master),
            PollFd::new(stopped, PollFlags::IN),
            PollFd::new(&self.door, PollFlags::IN),
        ];
        if let Some(guest) = &self.guest {
            let mut of_guest = if self.unread.len() < UNREAD { PollFlags::IN } else { PollFlags::empty() };
            of_guest.set(PollFlags::OUT, !guest.unsent.is_empty());
            watched.push(PollFd::new(&guest.stream, of_guest));
        }
        let until = self.next_due().map(|at| at.saturating_duration_since(Instant::now()));
        let until = until.map(|wait| Timespec {
            tv_sec: wait.as_secs().try_into().unwrap_or(1),
            tv_nsec: wait.subsec_nanos().into(),
        });
        if poll(&mut watched, until.as_ref()).is_err() {
            return Ready::default();
        }
        let seen = |at: usize| watched.get(at).map_or(PollFlags::empty(), PollFd::revents);
        let ended = seen(0).intersects(PollFlags::HUP | PollFlags::ERR);
        if ended && full {
            // It would be told again and again that it has ended.
            std::thread::sleep(Duration::from_millis(5));
        }
        Ready {
            shown: seen(0).contains(PollFlags::IN) || (ended && !full),
            writable: seen(0).contains(PollFlags::OUT),
            stop: !seen(1).is_empty(),
            knock: !seen(2).is_empty(),
            guest: !seen(3).is_empty(),
        }
    }

    fn next_due(&self) -> Option<Instant> {
        let held = self.live.since.map(|since| since + HELD);
        let stuck = self.guest.as_ref().and_then(|guest| guest.stuck).map(|since| since + STUCK);
        let size = self.size_again.map(|(at, _)| at);
        [held, stuck, size].into_iter().flatten().min()
    }

    /// What the program shows: to the disk, then to whoever is here.
    fn show(&mut self, bytes: &[u8]) {
        let kept = self.keeping.filter.through(bytes, &mut self.spare);
        self.keeping.blob.write(kept);
        self.keeping.cast.output(kept);
        self.modes.see(bytes);
        let shown = self.live.filter.through(bytes, &mut self.spare).to_vec();
        self.live.since = Some(self.live.since.unwrap_or_else(Instant::now));
        self.give_out(&shown);
    }

    fn give_out(&mut self, bytes: &[u8]) {
        match (&mut self.guest, &mut self.early) {
            (Some(guest), _) if guest.greeted => guest.unsent.extend_from_slice(bytes),
            (_, Some(early)) => {
                early.extend_from_slice(bytes);
                let over = early.len().saturating_sub(EARLY);
                early.drain(..over);
            }
            (_, None) => {}
        }
        self.pour();
    }

    fn pour(&mut self) {
        if self.guest.as_mut().is_some_and(|guest| guest.pour().is_err()) {
            self.guest = None;
        }
    }

    /// Somebody comes in; whoever was here goes.
    fn knock(&mut self) {
        while let Ok((stream, _)) = self.door.accept() {
            if stream.set_nonblocking(true).is_ok() {
                self.guest = Some(Guest { stream, typed: Vec::new(), unsent: Vec::new(), stuck: None, greeted: false });
            }
        }
    }

    /// What the person types, and what the program takes of it.
    fn serve(&mut self) {
        self.pour();
        let Some(guest) = &mut self.guest else { return self.feed() };
        let came = guest.listen();
        loop {
            let frame = self.guest.as_mut().map(|guest| Frame::take(&mut guest.typed));
            match frame {
                Some(Ok(Some(Frame::Typed(bytes)))) => self.unread.extend_from_slice(&bytes),
                Some(Ok(Some(Frame::Size(size)))) => self.sized(size),
                Some(Ok(None)) => break,
                Some(Err(_)) | None => {
                    self.guest = None;
                    break;
                }
            }
        }
        if came.is_err() {
            self.guest = None;
        }
        self.feed();
    }

    /// Gives the program what it has room for.
    fn feed(&mut self) {
        while !self.unread.is_empty() {
            match self.master.write(&self.unread) {
                Ok(0) | Err(_) => return,
                Ok(count) => drop(self.unread.drain(..count)),
            }
        }
    }

    /// The person's terminal has this size. The first time this is the greeting.
    fn sized(&mut self, size: Size) {
        let Some(guest) = &mut self.guest else { return };
        if !guest.greeted {
            guest.greeted = true;
            let Some(early) = self.early.take() else {
                guest.unsent.extend(self.modes.set());
                // Another size for a moment, so that the program draws everything once more.
                let narrow = Size { rows: size.rows.saturating_sub(1).max(1), ..size };
                let _ = resize(&self.master, narrow);
                self.size_again = Some((Instant::now() + NUDGE, size));
                return self.pour();
            };
            guest.unsent.extend(early);
        }
        self.set_size(size);
        self.pour();
    }

    fn set_size(&mut self, size: Size) {
        self.size_again = None;
        if resize(&self.master, size).is_ok() {
            self.keeping.cast.resized(size);
        }
    }

    /// What must not wait any longer.
    fn due(&mut self) {
        let now = Instant::now();
        if self.live.since.is_some_and(|since| since + HELD <= now) {
            self.let_go();
        }
        if let Some((_, size)) = self.size_again.filter(|(at, _)| *at <= now) {
            self.set_size(size);
        }
        if self.guest.as_ref().and_then(|guest| guest.stuck).is_some_and(|since| since + STUCK <= now) {
            self.guest = None;
        }
    }

    /// A person sees what they wait for, even where it could still become a secret.
    fn let_go(&mut self) {
        let mut rest = Vec::new();
        self.live.filter.finish(&mut rest);
        self.live = Live { filter: (self.keeping.live)(), since: None };
        if !rest.is_empty() {
            self.give_out(&rest);
        }
    }

    fn end(mut self, at_end: bool) -> Pumped {
        self.let_go();
        self.last_words();
        let mut rest = Vec::new();
        self.keeping.filter.finish(&mut rest);
        self.keeping.blob.write(&rest);
        self.keeping.cast.output(&rest);
        let (facts, gap) = self.keeping.blob.finish(at_end);
        let (cast, cast_gap) = self.keeping.cast.finish();
        let redacted = self.keeping.filter.counts();
        // What still holds the terminal loses it, as on any terminal that is closed.
        Pumped { facts, gap: gap.or(cast_gap), redacted, open: None, cast: Some(cast) }
    }

    /// What the person has not been shown yet, as long as their terminal takes it.
    fn last_words(&mut self) {
        let until = Instant::now() + Duration::from_secs(1);
        while let Some(guest) = self.guest.as_ref().filter(|guest| !guest.unsent.is_empty()) {
            let mut watched = [PollFd::new(&guest.stream, PollFlags::OUT)];
            let tick = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
            let _ = poll(&mut watched, Some(&tick));
            self.pour();
            if Instant::now() > until {
                return;
            }
        }
    }
}

impl Guest {
    fn pour(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.unsent.drain(..count);
                    self.stuck = None;
                }
                Err(error) if again(&error) => {
                    self.stuck.get_or_insert_with(Instant::now);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what is there; an error is the end of it.
    fn listen(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        while self.typed.len() < UNREAD {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.typed.extend_from_slice(&buffer[..count]),
                Err(error) if again(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// It would have to wait, or was woken: not an end.
pub(super) fn again(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Where the recording of an attempt lies, beside its output.
pub fn cast_beside(blob: &Path) -> std::path::PathBuf {
    blob.with_extension("cast")
}
