//! The step supervisor: a session and a family of its own around one change. JOURNAL.md, F2 and F4 to F7.
//!
//! It outlives the screen, and nothing outlives it unseen: orphans of the command become its children. It ends nothing
//! of its own accord; signals go out only when it is asked (an order, or TERM to itself) or when the time is up.

use std::io::{self, BufReader, Stdin};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use super::attend::{Attended, Ends, Message, OutputNotice, Outputs, Running};
use super::control::{Answer, Order, SupervisorPlace, Work, receive, send};
use super::drain::leave_drains;
use super::facts::{Evidence, Exit, Started};
use super::filter::{Filter, FilterOf, MakeFilter, filtered};
use super::processes::{descendants, have_children, reap_orphans};
use super::program::{resolve, standard_input};
use super::spec::CommandSpec;
use super::survivors::{leftover, process_start, survivors, this_supervisor};
use crate::journal::SupLock;

/// What a supervisor is given by the layers around it.
pub struct Seams {
    /// Where its evidence goes.
    pub evidence: fn(&SupervisorPlace) -> io::Result<Box<dyn Evidence>>,
    /// What takes secrets out of a stream, or why it cannot.
    pub filter: FilterOf,
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
    make: Box<dyn Fn() -> Box<dyn Filter> + 'a>,
    evidence: Box<dyn Evidence>,
    lock: SupLock,
    me: Started,
}

impl<'a> Supervisor<'a> {
    fn prepare(work: &'a Work, seams: &'a Seams) -> Result<Self, String> {
        (seams.filter)(&work.secrets)?;
        let make = || (seams.filter)(&work.secrets).expect("the same secrets made a filter before");
        let lock = SupLock::take(&work.place.lock).map_err(|error| error.to_string())?;
        let evidence = (seams.evidence)(&work.place).map_err(|error| format!("cannot keep evidence: {error}"))?;
        Ok(Self { work, make: Box::new(make), evidence, lock, me: this_supervisor() })
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
        let spec = &self.work.spec;
        let make: MakeFilter<'_> = &*self.make;
        let nothing = |reason: String| (Exit::not_started(filtered(make, &reason)), Vec::new());
        if asked.try_recv().is_ok() {
            return nothing("it was called off before it began".into());
        }
        let program = match resolve(spec) {
            Ok(program) => program,
            Err(reason) => return nothing(reason),
        };
        let (outputs, ends) = match Outputs::open(spec.streams, &self.work.place.blob, make) {
            Ok(opened) => opened,
            Err(error) => return nothing(format!("cannot make a pipe: {error}")),
        };
        // Whoever waits and listens is there before the command is: without them its end could not be known or asked for.
        let cancels = outputs.sender();
        let attendants = outputs.waiter().and_then(|waiter| listen(orders, asked, cancels).map(|()| waiter));
        let waiter = match attendants {
            Ok(waiter) => waiter,
            Err(error) => {
                outputs.discard();
                return nothing(format!("cannot make a thread: {error}"));
            }
        };
        let spawned = match self.evidence.started(&self.me) {
            Ok(()) => spawn(&program, spec, ends).map_err(|error| format!("cannot start the command: {error}")),
            Err(error) => Err(format!("cannot note that it starts: {error}")),
        };
        let handle = match spawned {
            Ok(handle) => handle,
            Err(reason) => {
                outputs.discard();
                return nothing(reason);
            }
        };
        let pid = handle.pids()[0];
        // First noted, then waited for: until then the pid is the command's, even when it has ended already.
        let noted = self.note_spawned(pid);
        waiter.wait_for(handle);
        let Attended { mut exit, open } = self.attend(outputs, pid);
        exit.note_gap(noted.err().map(|error| format!("after the start: {error}")));
        (exit, open)
    }

    fn note_spawned(&mut self, pid: u32) -> io::Result<()> {
        (self.me.command_pid, self.me.command_start) = (Some(pid), process_start(pid));
        let noted = self.evidence.spawned(&self.me);
        answer(&Answer::Started(self.me.clone()));
        noted
    }

    fn attend(&self, outputs: Outputs, pid: u32) -> Attended {
        let make: MakeFilter<'_> = &*self.make;
        let members = || descendants(self.me.supervisor_pid);
        let notices = |notice| match notice {
            OutputNotice::Overdue => answer(&Answer::Overdue),
            OutputNotice::CannotEnd => {
                let left = members().into_iter().map(|pid| leftover(pid, &|line| filtered(make, line)));
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
            let left = left.into_iter().map(|pid| leftover(pid, &|line| filtered(make, line)));
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
        drop(self.lock);
        leave_drains(open);
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

/// Spawns the command in a group of its own, so that a signal to its group does not reach the supervisor.
fn spawn(program: &Path, spec: &CommandSpec, ends: Ends) -> io::Result<duct::Handle> {
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
fn listen(mut orders: BufReader<Stdin>, asked: Receiver<()>, cancels: Sender<Message>) -> io::Result<()> {
    let by_signal = cancels.clone();
    std::thread::Builder::new().name("orders".into()).spawn(move || {
        while let Ok(Some(order)) = receive(&mut orders) {
            if matches!(order, Order::Cancel) {
                let _ = cancels.send(Message::Cancel);
            }
        }
    })?;
    std::thread::Builder::new().name("asked".into()).spawn(move || {
        while asked.recv().is_ok() {
            let _ = by_signal.send(Message::Cancel);
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
