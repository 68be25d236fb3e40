//! The step supervisor: a session and a family of its own around one change. JOURNAL.md, F2 and F4 to F7.
//!
//! It outlives the screen, and nothing outlives it unseen: orphans of the command become its children. It ends nothing
//! of its own accord; signals go out only when it is asked (an order, or TERM to itself) or when the time is up.

use std::fs::File;
use std::io::{self, BufReader, Stdin};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use super::armed::{Armed, Disarmed, Verdict};
use super::attend::{Attended, Ends, Message, OutputNotice, Outputs, Running};
use super::blob::Blob;
use super::cast::Cast;
use super::control::{Answer, Order, SupervisorPlace, Work, receive, send};
use super::door;
use super::drain::leave_drains;
use super::facts::{Evidence, Exit, Started, cut};
use super::filter::{Bytes, Filters, Redaction};
use super::login::ticks;
use super::processes::{descendants, have_children, reap_orphans};
use super::program::{resolve, standard_input, this_binary};
use super::spec::{CommandSpec, CoreDumps};
use super::survivors::{leftover, process_start, survivors, this_supervisor};
use super::tty::{self, Keeping, TTY};
use crate::journal::SupLock;

/// What a supervisor is given by the layers around it.
pub struct Seams {
    /// Where its evidence goes.
    pub evidence: fn(&SupervisorPlace) -> io::Result<Box<dyn Evidence>>,
}

/// The hidden subcommand. Says everything over its standard output; its exit code means nothing.
pub fn supervisor_main(seams: &Seams) -> ExitCode {
    let mut orders = BufReader::new(io::stdin());
    let asked = match leave_the_screen() {
        Ok(asked) => asked,
        Err(error) => return refuse(&format!("cannot leave the screen: {error}")),
    };
    let Ok(Some(Order::Prepare(work))) = receive(&mut orders) else { return refuse("it was not told what to run") };
    match Supervisor::prepare(&work, seams) {
        Ok(supervisor) => supervisor.run(orders, asked),
        Err(why) => refuse(&why),
    }
}

/// A supervisor that holds its lock.
struct Supervisor<'a> {
    work: &'a Work,
    filters: Filters,
    evidence: Box<dyn Evidence>,
    lock: SupLock,
    /// The way into its terminal, where it has one; nobody waits at a door that is not there yet.
    door: Option<UnixListener>,
    me: Started,
}

/// Where a command reads and writes.
enum Way {
    Pipes(Ends),
    Terminal(File),
}

impl<'a> Supervisor<'a> {
    fn prepare(work: &'a Work, seams: &'a Seams) -> Result<Self, String> {
        if work.redaction != Redaction::default() || work.spec.dumps == CoreDumps::Off {
            super::dumps::hide_memory();
        }
        let filters = Filters::new(&work.redaction)?;
        let lock = SupLock::take(&work.place.lock).map_err(|error| error.to_string())?;
        let evidence = (seams.evidence)(&work.place).map_err(|error| format!("cannot keep evidence: {error}"))?;
        let door = work.spec.terminal.is_some().then(|| door::open(&door::beside(&work.place.lock))).transpose();
        let door = door.map_err(|error| format!("cannot make the door of its terminal: {error}"))?;
        Ok(Self { work, filters, evidence, lock, door, me: this_supervisor() })
    }

    /// What the command reads and writes, and what attends to it.
    fn outputs(&mut self) -> io::Result<(Outputs, Way)> {
        let blob = &self.work.place.blob;
        let (Some(terminal), Some(door)) = (&self.work.spec.terminal, self.door.take()) else {
            let (outputs, ends) = Outputs::open(self.work.spec.streams, blob, &self.filters)?;
            return Ok((outputs, Way::Pipes(ends)));
        };
        let kind = self.work.spec.env.get("TERM").map(String::as_str);
        let cast = Cast::create(&tty::cast_beside(blob), terminal, kind);
        let shown = self.filters.of_another_command();
        let live = Box::new(move || shown.stream(Bytes::Output));
        let keeping = Keeping { blob: Blob::create(blob), cast, filter: self.filters.stream(Bytes::Output), live };
        let (outputs, theirs) = Outputs::on_terminal(terminal, door, keeping)?;
        Ok((outputs, Way::Terminal(theirs)))
    }

    fn run(mut self, mut orders: BufReader<Stdin>, asked: Receiver<()>) -> ExitCode {
        answer(&Answer::Ready);
        let exit = match receive(&mut orders) {
            Ok(Some(Order::Go)) => self.change(orders, asked),
            Ok(Some(Order::Cancel)) => (Exit::not_started("it was called off before it began"), Vec::new()),
            _ => (Exit::not_started("GO never came"), Vec::new()),
        };
        self.conclude(exit);
        ExitCode::SUCCESS
    }

    /// Everything between GO and the end of the command.
    fn change(&mut self, orders: BufReader<Stdin>, asked: Receiver<()>) -> (Exit, Vec<os_pipe::PipeReader>) {
        let work = self.work;
        let spec = &work.spec;
        let words = self.filters.of_another_command();
        let nothing = |reason: String| (Exit::not_started(words.words(&reason)), Vec::new());
        if asked.try_recv().is_ok() {
            return nothing("it was called off before it began".into());
        }
        let program = match resolve(spec) {
            Ok(program) => program,
            Err(reason) => return nothing(reason),
        };
        let (outputs, way) = match self.outputs() {
            Ok(opened) => opened,
            Err(error) => return nothing(format!("cannot make a pipe or a terminal: {error}")),
        };
        // Whoever waits and listens is there before the command is: without them its end could not be known or asked for.
        let cancels = outputs.sender();
        let off = Arc::new(AtomicBool::new(false));
        let attendants = outputs.waiter().and_then(|waiter| listen(orders, asked, &cancels, &off).map(|()| waiter));
        let waiter = match attendants {
            Ok(waiter) => waiter,
            Err(error) => {
                outputs.discard();
                return nothing(format!("cannot make a thread: {error}"));
            }
        };
        let spawned = match self.evidence.started(&self.me) {
            Ok(()) => spawn(&program, spec, way).map_err(|error| format!("cannot start the command: {error}")),
            Err(error) => Err(format!("cannot note that it starts: {error}")),
        };
        let handle = match spawned {
            Ok(handle) => handle,
            Err(reason) => {
                outputs.discard();
                return nothing(reason);
            }
        };
        let began = Instant::now();
        let pid = handle.pids()[0];
        // First noted, then waited for: until then the pid is the command's, even when it has ended already.
        let noted = self.note_spawned(pid);
        waiter.wait_for(handle);
        let Attended { mut exit, open } = self.attend(outputs, pid);
        exit.note_gap(noted.err().map(|error| format!("after the start: {error}")));
        if let Some(armed) = &spec.armed {
            exit.armed = Some(self.hold(armed, began, &off));
        }
        (exit, open)
    }

    /// The command has ended: waits until somebody confirms, or goes back.
    fn hold(&mut self, armed: &Armed, began: Instant, off: &AtomicBool) -> Disarmed {
        self.me.command_end = ticks();
        // Without it nobody can confirm, and it goes back: that is the safe side.
        let _ = self.evidence.spawned(&self.me);
        match armed.wait(began, &|| off.load(Ordering::SeqCst)) {
            Verdict::Confirmed { by } => Disarmed::Confirmed { by },
            Verdict::GoBack { why } => self.go_back(armed, why),
        }
    }

    fn go_back(&self, armed: &Armed, why: String) -> Disarmed {
        let exit = self.run_back(armed).unwrap_or_else(|reason| Exit::not_started(self.filters.words(&reason)));
        let Exit { result, code, signal, mut reason, .. } = exit;
        // The evidence has little room.
        if let Some(reason) = &mut reason {
            cut(reason, 400);
        }
        Disarmed::WentBack { why, result, code, signal, reason }
    }

    fn run_back(&self, armed: &Armed) -> Result<Exit, String> {
        let spec = &armed.undo;
        let program = resolve(spec)?;
        let opened = Outputs::open(spec.streams, &armed.blob, &self.filters.of_another_command());
        let (outputs, ends) = opened.map_err(|error| format!("cannot make a pipe: {error}"))?;
        let spawned = outputs.waiter().and_then(|waiter| Ok((waiter, spawn(&program, spec, Way::Pipes(ends))?)));
        let (waiter, handle) = match spawned {
            Ok(spawned) => spawned,
            Err(error) => {
                outputs.discard();
                return Err(format!("cannot start the way back: {error}"));
            }
        };
        let pid = handle.pids()[0];
        waiter.wait_for(handle);
        let members = || descendants(self.me.supervisor_pid);
        Ok(outputs.attend(&Running { spec, pid, members: &members, notices: &|_| () }).exit)
    }

    fn note_spawned(&mut self, pid: u32) -> io::Result<()> {
        (self.me.command_pid, self.me.command_start) = (Some(pid), process_start(pid));
        let noted = self.evidence.spawned(&self.me);
        answer(&Answer::Started(self.me.clone()));
        noted
    }

    fn attend(&self, outputs: Outputs, pid: u32) -> Attended {
        let members = || descendants(self.me.supervisor_pid);
        let notices = |notice| match notice {
            OutputNotice::Overdue => answer(&Answer::Overdue),
            OutputNotice::CannotEnd => {
                let left = members().into_iter().map(|pid| leftover(pid, &|line| self.filters.words(line)));
                answer(&Answer::CannotEnd(left.collect()));
            }
            OutputNotice::Started { .. } | OutputNotice::Grown { .. } => {}
        };
        let running = Running { spec: &self.work.spec, pid, members: &members, notices: &notices };
        let mut attended = outputs.attend(&running);
        // Whatever the command started is a descendant still; without a child there is none, which is cheap to know.
        if have_children() {
            reap_orphans(None);
            let mut left = members();
            left.extend(survivors(self.work.spec.attempt()).into_iter().map(|each| each.pid));
            left.sort_unstable();
            left.dedup();
            let left = left.into_iter().map(|pid| leftover(pid, &|line| self.filters.words(line)));
            attended.exit.leftover = left.collect();
        }
        attended
    }

    /// Leaves what is known, then the lock, then the word.
    fn conclude(mut self, (mut exit, open): (Exit, Vec<os_pipe::PipeReader>)) {
        exit.fit();
        if let Err(error) = self.evidence.exit(&exit) {
            exit.note_gap(Some(format!("cannot note how it ended: {error}")));
        }
        if self.work.spec.terminal.is_some() {
            let _ = std::fs::remove_file(door::beside(&self.work.place.lock));
        }
        drop(self.lock);
        leave_drains(open);
        // Over the pipe and in no file: whoever asked for them is there, or they are lost.
        if !self.work.redaction.captures.is_empty() {
            answer(&Answer::Taken(self.filters.taken()));
        }
        answer(&Answer::Ended(Box::new(exit)));
    }
}

/// Makes a session, becomes the one to whom orphans go, and takes signals as messages. Gives the wishes to end.
///
/// They are handled, not ignored: what is ignored would be inherited by the command.
fn leave_the_screen() -> io::Result<Receiver<()>> {
    rustix::process::setsid()?;
    #[cfg(target_os = "linux")]
    {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        let _ = rustix::thread::set_name(c"locum-step");
    }
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM])?;
    let (tell, asked) = channel();
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            if signal == SIGTERM {
                let _ = tell.send(());
            }
        }
    })?;
    Ok(asked)
}

/// Spawns the command in a group of its own, so that a signal to its group does not reach the supervisor; on a terminal,
/// in a session of its own.
fn spawn(program: &Path, spec: &CommandSpec, way: Way) -> io::Result<duct::Handle> {
    super::dumps::limit(spec.dumps);
    let ends = match way {
        Way::Pipes(ends) => ends,
        Way::Terminal(theirs) => {
            let words = [TTY.into(), program.as_os_str().to_owned()].into_iter();
            return duct::cmd(this_binary(), words.chain(spec.argv.iter().map(Into::into)))
                .full_env(&spec.env)
                .dir(&spec.cwd)
                .stdin_file(theirs.try_clone()?)
                .stderr_file(theirs.try_clone()?)
                .stdout_file(theirs)
                .unchecked()
                .start();
        }
    };
    let name = spec.argv[0].clone();
    let child = duct::cmd(program, &spec.argv[1..])
        .full_env(&spec.env)
        .dir(&spec.cwd)
        .stdin_file(standard_input(spec.stdin.as_deref())?)
        .unchecked()
        .before_spawn(move |command| {
            command.arg0(&name).process_group(0);
            Ok(())
        });
    let child = match ends.stderr {
        Some(stderr) => child.stderr_file(stderr),
        None => child.stderr_to_stdout(),
    };
    child.stdout_file(ends.stdout).start()
}

/// From now on an order and a TERM mean the same; that the driver is gone means nothing.
/// `off` is set too, for what comes after the command.
fn listen(
    mut orders: BufReader<Stdin>,
    asked: Receiver<()>,
    cancels: &Sender<Message>,
    off: &Arc<AtomicBool>,
) -> io::Result<()> {
    let cancel = || {
        let (off, cancels) = (Arc::clone(off), cancels.clone());
        move || {
            off.store(true, Ordering::SeqCst);
            let _ = cancels.send(Message::Cancel);
        }
    };
    let (by_order, by_signal) = (cancel(), cancel());
    std::thread::Builder::new().name("orders".into()).spawn(move || {
        while let Ok(Some(order)) = receive(&mut orders) {
            if matches!(order, Order::Cancel) {
                by_order();
            }
        }
    })?;
    std::thread::Builder::new().name("asked".into()).spawn(move || {
        while asked.recv().is_ok() {
            by_signal();
        }
    })?;
    Ok(())
}

fn refuse(why: &str) -> ExitCode {
    answer(&Answer::Refused(why.to_owned()));
    ExitCode::FAILURE
}

/// Says something to a driver that may be gone; one message at a time.
fn answer(what: &Answer) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    let _ = send(&mut io::stdout().lock(), what);
}
