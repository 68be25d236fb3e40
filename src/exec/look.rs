//! Looks: commands that change nothing. Direct children, each in a session of its own without a terminal.
//!
//! Ctrl-C cannot reach such a child, and it cannot write past the sanitizer to the operator's terminal. The session is
//! made by the binary itself, re-executed in the child, which then becomes the command.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::attend::{Ends, Message, OutputNotice, Outputs, Running};
use super::error::ExecError;
use super::facts::Exit;
use super::filter::{MakeFilter, filtered};
use super::processes::all;
use super::program::{resolve, standard_input};
use super::spec::CommandSpec;
use super::survivors::{leftover, survivors};

/// The hidden first argument of the process that becomes a look.
pub(super) const LOOK: &str = "__look";

/// The wish that a look end. Clones are the same wish.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Mutex<Wish>>);

#[derive(Default)]
struct Wish {
    asked: bool,
    tell: Option<Sender<Message>>,
}

impl Cancel {
    /// Ends the look, or the next one that is started with this wish. Returns at once.
    pub fn cancel(&self) {
        let mut wish = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        wish.asked = true;
        if let Some(tell) = &wish.tell {
            let _ = tell.send(Message::Cancel);
        }
    }

    fn listen(&self, tell: Sender<Message>) {
        let mut wish = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if wish.asked {
            let _ = tell.send(Message::Cancel);
        }
        wish.tell = Some(tell);
    }
}

/// What goes on around a look.
pub struct Around<'a> {
    /// The wish to end it.
    pub cancel: &'a Cancel,
    /// Who is told meanwhile, in the calling thread.
    pub notices: &'a dyn Fn(OutputNotice),
}

/// Runs a command that changes nothing, until it has ended. `exe` is this program's own binary.
///
/// The output is in `blob` (and in the `.err` beside it, if split) when this returns.
pub fn run_look(
    exe: &Path,
    spec: &CommandSpec,
    blob: &Path,
    make: MakeFilter<'_>,
    around: &Around<'_>,
) -> Result<Exit, ExecError> {
    let program = match resolve(spec) {
        Ok(program) => program,
        Err(reason) => return Ok(Exit::not_started(filtered(make, &reason))),
    };
    let (outputs, ends) = Outputs::open(spec.streams, blob, make).map_err(ExecError::Control)?;
    let waiter = match outputs.waiter() {
        Ok(waiter) => waiter,
        Err(error) => {
            outputs.discard();
            return Err(ExecError::Control(error));
        }
    };
    let (ours, theirs) = UnixStream::pair().map_err(ExecError::Control)?;
    let handle = match start(exe, &program, spec, ends, theirs) {
        Ok(handle) => handle,
        Err(source) => {
            outputs.discard();
            return Err(ExecError::Start { program: exe.to_owned(), source });
        }
    };
    let pid = handle.pids()[0];
    waiter.wait_for(handle);
    let refused = become_command(ours, spec.stdin.as_deref());
    around.cancel.listen(outputs.sender());
    let members = || family(pid, spec.attempt());
    let mut attended = outputs.attend(&Running { spec, pid, members: &members, notices: around.notices });
    if let Some(reason) = refused {
        return Ok(Exit::not_started(filtered(make, &reason)));
    }
    if !attended.open.is_empty() {
        let left = members().into_iter().map(|pid| leftover(pid, &|line| filtered(make, line)));
        attended.exit.leftover = left.collect();
    }
    attended.exit.fit();
    Ok(attended.exit)
}

fn start(exe: &Path, program: &Path, spec: &CommandSpec, ends: Ends, control: UnixStream) -> io::Result<duct::Handle> {
    let words = [LOOK.into(), program.as_os_str().to_owned()].into_iter();
    let child = duct::cmd(exe, words.chain(spec.argv.iter().map(Into::into)))
        .full_env(&spec.env)
        .dir(&spec.cwd)
        .stdin_file(control)
        .unchecked();
    let child = match ends.stderr {
        Some(stderr) => child.stderr_file(stderr),
        None => child.stderr_to_stdout(),
    };
    child.stdout_file(ends.stdout).start()
}

/// Hands the child its input and hears whether it became the command; if not, why.
fn become_command(mut control: UnixStream, stdin: Option<&[u8]>) -> Option<String> {
    let mut said = String::new();
    let told = control
        .write_all(&[u8::from(stdin.is_some())])
        .and_then(|()| control.write_all(stdin.unwrap_or_default()))
        .and_then(|()| control.shutdown(Shutdown::Write))
        .and_then(|()| control.read_to_string(&mut said));
    match told {
        Ok(_) if said.is_empty() => None,
        Ok(_) => Some(said),
        Err(error) => Some(format!("the process that should have become the command is gone: {error}")),
    }
}

/// A look's processes: its session, its group, and whatever went away but carries its attempt.
fn family(leader: u32, attempt: &str) -> Vec<u32> {
    let related = all().into_iter().filter(|process| {
        process.alive() && (process.pid == leader || process.session == leader || process.group == leader)
    });
    let mut pids: Vec<u32> = related.map(|process| process.pid).collect();
    let elsewhere = survivors(attempt).into_iter().map(|left| left.pid);
    pids.extend(elsewhere.filter(|pid| *pid != std::process::id()));
    pids.sort_unstable();
    pids.dedup();
    pids
}

/// The hidden subcommand: makes a session, takes its input, and becomes the command.
#[expect(clippy::disallowed_methods, reason = "this process becomes the command; duct can only start another")]
pub(super) fn look_main(mut words: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let (Some(program), Some(name)) = (words.next(), words.next()) else { return ExitCode::from(2) };
    // Held back from the command by close-on-exec: that it closes is the message that all went well.
    let Ok(control) = rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3) else { return ExitCode::from(2) };
    let mut control = UnixStream::from(control);
    let error = match prepare(&mut control) {
        Ok(()) => Command::new(program).arg0(name).args(words).exec(),
        Err(error) => error,
    };
    let _ = write!(control, "cannot start the command: {error}");
    ExitCode::from(127)
}

/// Whether the other end is gone for good, and not only has nothing more to say.
fn is_alone(control: &UnixStream) -> bool {
    let mut polled = [PollFd::new(control, PollFlags::empty())];
    poll(&mut polled, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
        && polled[0].revents().contains(PollFlags::HUP)
}

fn prepare(control: &mut UnixStream) -> io::Result<()> {
    // A look whose screen is killed has nobody to report to. The thread that started it waits for its end.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
    rustix::process::setsid()?;
    let mut told = Vec::new();
    control.read_to_end(&mut told)?;
    if is_alone(control) {
        return Err(io::Error::other("nobody waits for it any more"));
    }
    let stdin = match told.split_first() {
        Some((1, bytes)) => Some(bytes),
        Some(_) => None,
        None => return Err(io::Error::other("nobody waits for it any more")),
    };
    Ok(rustix::stdio::dup2_stdin(standard_input(stdin)?)?)
}
