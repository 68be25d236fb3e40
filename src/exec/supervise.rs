//! The driver's end of a change: starts the supervisor, gives GO, and hears how it ended. JOURNAL.md, F2 and F4.
//!
//! Nothing here keeps the step alive: when this process dies, the supervisor and the command go on.

use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use os_pipe::{PipeReader, PipeWriter};

use super::control::{Answer, Order, SupervisorPlace, Work, receive, send};
use super::error::ExecError;
use super::facts::{Exit, Leftover, Started};
use super::filter::Redaction;
use super::spec::CommandSpec;
use super::withhold::Taken;

/// The hidden first argument of a supervisor.
pub(super) const SUPERVISE: &str = "__supervise";

/// How long a supervisor may take to hold its lock.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// A supervisor that holds its lock, and the command that it runs once it is told to.
#[derive(Debug)]
pub struct Supervised {
    orders: PipeWriter,
    answers: Receiver<Answer>,
    pid: u32,
    started: Option<Started>,
    overdue: bool,
    cannot_end: Vec<Leftover>,
    taken: Taken,
    ended: Option<Exit>,
}

/// Starts a supervisor for a change and returns when it is ready. Nothing runs before [`Supervised::go`].
///
/// `exe` is this program's own binary. An error means that nothing ran and nothing will.
pub fn supervise(
    exe: &Path,
    spec: &CommandSpec,
    place: &SupervisorPlace,
    redaction: &Redaction,
) -> Result<Supervised, ExecError> {
    let (heard, orders) = os_pipe::pipe().map_err(ExecError::Control)?;
    let (answers, said) = os_pipe::pipe().map_err(ExecError::Control)?;
    let handle =
        start(exe, spec, heard, said).map_err(|source| ExecError::Start { program: exe.to_owned(), source })?;
    let pid = handle.pids()[0];
    let mut supervised = Supervised {
        orders,
        answers: listen(answers, handle).map_err(ExecError::Control)?,
        pid,
        started: None,
        overdue: false,
        cannot_end: Vec::new(),
        taken: Ok(Vec::new()),
        ended: None,
    };
    let place = absolute(place).map_err(ExecError::Control)?;
    let work = Work { spec: spec.clone(), place, redaction: redaction.clone() };
    let told = supervised.order(&Order::Prepare(Box::new(work)));
    match supervised.answers.recv_timeout(READY_WITHIN) {
        Ok(Answer::Ready) => told.map(|()| supervised),
        Ok(Answer::Refused(why)) => Err(ExecError::Refused { why }),
        Ok(_) | Err(RecvTimeoutError::Disconnected) => Err(ExecError::Gone),
        Err(RecvTimeoutError::Timeout) => Err(ExecError::NotReady { seconds: READY_WITHIN.as_secs() }),
    }
}

impl Supervised {
    /// GO: the intent is durable. Returns when the supervisor has been told, not when the command runs.
    ///
    /// After an error nobody knows whether it was heard: the evidence files and the lock tell.
    pub fn go(&mut self) -> Result<(), ExecError> {
        self.order(&Order::Go)
    }

    /// GO will not come: the supervisor notes `not_started`, which is waited for.
    pub fn abandon(mut self) -> Result<Exit, ExecError> {
        let (_, closed) = os_pipe::pipe().map_err(ExecError::Control)?;
        self.orders = closed;
        self.wait(Some(READY_WITHIN))?.ok_or(ExecError::Gone)
    }

    /// Waits for the end, at most so long (without a limit: until it comes); `None` if it has not come.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<Option<Exit>, ExecError> {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        while self.ended.is_none() {
            let answer = match until {
                Some(until) => self.answers.recv_timeout(until.saturating_duration_since(Instant::now())),
                None => self.answers.recv().map_err(RecvTimeoutError::from),
            };
            match answer {
                Ok(answer) => self.hear(answer)?,
                Err(RecvTimeoutError::Timeout) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => return Err(ExecError::Gone),
            }
        }
        Ok(self.ended.clone())
    }

    /// Asks for the end of the command and of everything that it started. Returns at once; the end is waited for.
    pub fn cancel(&mut self) -> Result<(), ExecError> {
        self.order(&Order::Cancel)
    }

    /// The supervisor's process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Where it runs, once that was heard by [`Self::wait`].
    pub fn started(&self) -> Option<&Started> {
        self.started.as_ref()
    }

    /// Whether its time is up and it goes on, as heard by [`Self::wait`].
    pub fn overdue(&self) -> bool {
        self.overdue
    }

    /// What was told to end and is still there, as heard by [`Self::wait`]; each time it was tried anew.
    pub fn cannot_end(&mut self) -> Vec<Leftover> {
        std::mem::take(&mut self.cannot_end)
    }

    /// The secrets that its output gave, once its end was heard by [`Self::wait`].
    pub fn taken(&self) -> &Taken {
        &self.taken
    }

    fn order(&mut self, order: &Order) -> Result<(), ExecError> {
        send(&mut self.orders, order).map_err(ExecError::Control)
    }

    fn hear(&mut self, answer: Answer) -> Result<(), ExecError> {
        match answer {
            Answer::Ready => {}
            Answer::Refused(why) => return Err(ExecError::Refused { why }),
            Answer::Started(started) => self.started = Some(started),
            Answer::Overdue => self.overdue = true,
            Answer::CannotEnd(left) => self.cannot_end = left,
            Answer::Taken(taken) => self.taken = taken,
            Answer::Ended(exit) => self.ended = Some(*exit),
        }
        Ok(())
    }
}

/// Ends a command whose supervisor was started by another process, as cancel does. Says whether it was asked.
///
/// Only on the same boot and in the same pid namespace, and only if the pid still is that supervisor.
pub fn cancel_running(started: &Started) -> bool {
    let here = crate::host::clock::boot_id().unwrap_or_default() == started.boot_id
        && super::survivors::pid_namespace() == started.pid_ns
        && !started.boot_id.is_empty();
    here && signal_exactly(started.supervisor_pid, started.supervisor_start)
}

/// The handle is taken before the start time is compared, so that the pid cannot change hands in between.
#[cfg(target_os = "linux")]
fn signal_exactly(pid: u32, start: u64) -> bool {
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
    let Some(handle) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    let Ok(handle) = pidfd_open(handle, PidfdFlags::empty()) else { return false };
    super::survivors::process_start(pid) == Some(start) && pidfd_send_signal(handle, Signal::TERM).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn signal_exactly(_pid: u32, _start: u64) -> bool {
    false
}

/// Starts the binary again. It inherits no environment, and its folder pins no file system.
fn start(exe: &Path, spec: &CommandSpec, heard: PipeReader, said: PipeWriter) -> io::Result<duct::Handle> {
    // The attempt is for people who look at the list of processes.
    duct::cmd(exe, [SUPERVISE, spec.attempt()])
        .full_env(std::iter::empty::<(String, String)>())
        .dir("/")
        .stdin_file(heard)
        .stdout_file(said)
        .stderr_null()
        .unchecked()
        .start()
}

/// Reads what the supervisor says, and takes note of its end.
fn listen(answers: PipeReader, handle: duct::Handle) -> io::Result<Receiver<Answer>> {
    let (tell, told) = channel();
    std::thread::Builder::new().name("supervised".into()).spawn(move || {
        let mut answers = BufReader::new(answers);
        while let Ok(Some(answer)) = receive(&mut answers) {
            let _ = tell.send(answer);
        }
        drop(tell);
        let _ = handle.wait();
    })?;
    Ok(told)
}

fn absolute(place: &SupervisorPlace) -> io::Result<SupervisorPlace> {
    let absolute = |path: &PathBuf| std::path::absolute(path);
    Ok(SupervisorPlace {
        lock: absolute(&place.lock)?,
        started: absolute(&place.started)?,
        exit: absolute(&place.exit)?,
        blob: absolute(&place.blob)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::survivors::this_supervisor;

    #[test]
    fn a_process_that_is_another_by_now_is_not_signalled() {
        let mut other = this_supervisor();
        other.supervisor_start += 1;
        assert!(!cancel_running(&other));
        let mut elsewhere = this_supervisor();
        elsewhere.boot_id = "another boot".into();
        assert!(!cancel_running(&elsewhere));
        let mut contained = this_supervisor();
        contained.pid_ns += 1;
        assert!(!cancel_running(&contained));
    }

    #[test]
    fn a_binary_that_is_not_there_is_named() {
        let spec = CommandSpec::new(vec!["true".into()], std::collections::BTreeMap::new(), "/");
        let path = PathBuf::from("/no/such");
        let place = SupervisorPlace { lock: path.clone(), started: path.clone(), exit: path.clone(), blob: path };
        let error = supervise(Path::new("/no/such/locum"), &spec, &place, &Redaction::default()).unwrap_err();
        assert_eq!(error.to_string(), "cannot start `/no/such/locum`");
    }
}
