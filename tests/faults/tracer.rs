//! Follows every process and thread of a command, and may let one call of the system fail, kill its caller, or stop the
//! world at it.
//!
//! strace can do most of this, but it counts calls by thread and tells files by their whole names, which are drawn
//! anew for each run. Here calls on one folder have one order over all processes, so that a trial has one fault.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::call::{Call, Point, read_call};

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Pass,
    /// It is not made; its caller is told this.
    Fail(Errno),
    /// It is not made; its caller is told that it was.
    Pretend,
    /// It is not made; the process that would have made it is killed.
    Kill,
    /// It is made; then everything is killed at once.
    KillAll,
}

/// How a traced command ended.
#[derive(Debug, Default)]
pub struct Traced {
    /// The exit code of the command itself; `None` where a signal ended it.
    pub code: Option<i32>,
    /// It did not end by itself in time, and was killed.
    pub hung: bool,
}

/// Longer than any trial takes on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(90);

/// A call that was seen to begin.
#[derive(Default)]
struct Inside {
    call: Option<Call>,
    deed: Option<Deed>,
}

/// One command under the eyes of this thread.
pub struct Tracer {
    /// Calls on what lies below are told.
    folder: PathBuf,
    /// This program's own calls are told wherever they go.
    program: PathBuf,
    inside: BTreeMap<i32, Inside>,
    /// Every process and thread that is there, for whoever has to end them.
    seen: Arc<Mutex<BTreeSet<i32>>>,
    /// Everything was killed; what appears now was being born then.
    over: bool,
}

impl Tracer {
    pub fn new(folder: PathBuf, program: &Path) -> Self {
        let program = program.canonicalize().unwrap_or_else(|_| program.to_owned());
        Self { folder, program, inside: BTreeMap::new(), seen: Arc::default(), over: false }
    }

    /// Runs a command until it and all that it started have ended. `told` hears of each call before it is made and
    /// decides; it hears of it again, with its result, when it was made.
    #[expect(clippy::zombie_processes, reason = "every child is waited for below, by its id")]
    pub fn run(mut self, command: &Command, said: &File, told: &mut dyn FnMut(&Call, Point) -> Deed) -> Traced {
        let mut child = held_back(command, said);
        let root = Pid::from_raw(child.id().cast_signed());
        let options = Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_TRACEFORK
            | Options::PTRACE_O_TRACEVFORK
            | Options::PTRACE_O_TRACEEXEC
            | Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_EXITKILL;
        ptrace::seize(root, options).expect("a child of ours can be traced");
        ptrace::interrupt(root).expect("it runs");
        self.saw(root);
        let watch = Watchdog::over(&self.seen);
        let mut go = child.stdin.take();
        let mut traced = Traced::default();
        loop {
            match waitpid(None, Some(WaitPidFlag::__WALL)) {
                Err(Errno::ECHILD) => break,
                Err(Errno::EINTR) => {}
                Err(error) => panic!("waitpid: {error}"),
                Ok(WaitStatus::Exited(pid, code)) => {
                    self.forget(pid);
                    if pid == root {
                        traced.code = Some(code);
                    }
                }
                Ok(WaitStatus::Signaled(pid, ..)) => self.forget(pid),
                Ok(WaitStatus::PtraceSyscall(pid)) => self.at_call(pid, told),
                Ok(WaitStatus::PtraceEvent(pid, ..)) => {
                    self.saw(pid);
                    go_on(pid, None);
                    // The first stop is the one that was asked for: from here on its calls are seen.
                    if let Some(mut go) = go.take() {
                        let _ = go.write_all(b"\n");
                    }
                }
                Ok(WaitStatus::Stopped(pid, signal)) => {
                    self.saw(pid);
                    go_on(pid, Some(signal));
                }
                Ok(_) => {}
            }
        }
        traced.hung = watch.stop();
        traced
    }

    fn saw(&mut self, pid: Pid) {
        self.seen.lock().unwrap().insert(pid.as_raw());
        if self.over {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }

    /// Its id may be another's from now on.
    fn forget(&mut self, pid: Pid) {
        self.inside.remove(&pid.as_raw());
        self.seen.lock().unwrap().remove(&pid.as_raw());
    }

    fn at_call(&mut self, pid: Pid, told: &mut dyn FnMut(&Call, Point) -> Deed) {
        let Ok(mut registers) = ptrace::getregs(pid) else { return go_on(pid, None) };
        match self.inside.remove(&pid.as_raw()) {
            None => {
                let call = read_call(pid, &registers, &self.folder, &self.program);
                let deed = call.as_ref().map_or(Deed::Pass, |call| told(call, Point::Before));
                match deed {
                    Deed::Pass | Deed::KillAll => {}
                    Deed::Fail(_) | Deed::Pretend => {
                        // No call has this number: the system refuses it, and the refusal is given another name below.
                        registers.orig_rax = u64::MAX;
                        let _ = ptrace::setregs(pid, registers);
                    }
                    Deed::Kill => {
                        let _ = kill(Pid::from_raw(group_of(pid)), Signal::SIGKILL);
                        return;
                    }
                }
                self.inside.insert(pid.as_raw(), Inside { call, deed: Some(deed) });
            }
            Some(Inside { call, deed }) => {
                let instead = match deed {
                    Some(Deed::Fail(errno)) => Some(-i64::from(errno as i32)),
                    Some(Deed::Pretend) => Some(0),
                    Some(Deed::Pass | Deed::Kill | Deed::KillAll) | None => None,
                };
                if let Some(result) = instead {
                    registers.rax = result.cast_unsigned();
                    let _ = ptrace::setregs(pid, registers);
                }
                if let Some(mut call) = call {
                    call.result = registers.rax.cast_signed();
                    told(&call, Point::After);
                }
                if deed == Some(Deed::KillAll) {
                    self.over = true;
                    for pid in self.seen.lock().unwrap().iter() {
                        let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
                    }
                    return;
                }
            }
        }
        go_on(pid, None);
    }
}

/// The command behind a shell that waits for a line, so that not one of its calls is missed.
fn held_back(command: &Command, said: &File) -> Child {
    let mut shell = Command::new("sh");
    shell.args(["-c", "read go; exec \"$@\" </dev/null", "sh"]).arg(command.get_program()).args(command.get_args());
    shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    let said = || said.try_clone().unwrap();
    shell.stdin(Stdio::piped()).stdout(said()).stderr(said()).spawn().unwrap()
}

fn go_on(pid: Pid, signal: Option<Signal>) {
    let signal = signal.filter(|signal| !matches!(signal, Signal::SIGTRAP));
    let _ = ptrace::syscall(pid, signal);
}

/// The process of a thread.
fn group_of(pid: Pid) -> i32 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let group = status.lines().find_map(|line| line.strip_prefix("Tgid:")).and_then(|text| text.trim().parse().ok());
    group.unwrap_or(pid.as_raw())
}

/// Ends everything that was seen when it takes too long.
struct Watchdog {
    done: std::sync::mpsc::Sender<()>,
    barked: std::thread::JoinHandle<bool>,
}

impl Watchdog {
    fn over(seen: &Arc<Mutex<BTreeSet<i32>>>) -> Self {
        let (done, over) = std::sync::mpsc::channel::<()>();
        let seen = Arc::clone(seen);
        let barked = std::thread::spawn(move || {
            let until = Instant::now() + PATIENCE;
            let left = until.saturating_duration_since(Instant::now());
            let late = over.recv_timeout(left) == Err(std::sync::mpsc::RecvTimeoutError::Timeout);
            if late {
                for pid in seen.lock().unwrap().iter() {
                    let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
                }
            }
            late
        });
        Self { done, barked }
    }

    fn stop(self) -> bool {
        drop(self.done);
        self.barked.join().unwrap()
    }
}
