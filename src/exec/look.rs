//! Looks: commands that change nothing. Direct children, each in a session of its own without a terminal.
//!
//! Ctrl-C cannot reach such a child, and it cannot write past the sanitizer to the operator's terminal. The session is
//! made by the binary itself, re-executed in the child, which closes the fence around itself and becomes the command.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::attend::{Ends, Message, OutputNotice, Outputs, Running};
use super::error::ExecError;
use super::facts::Exit;
use super::fence::Fence;
use super::filter::Filters;
use super::processes::all;
use super::program::{resolve, standard_input};
use super::spec::{CommandSpec, CoreDumps};
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
    filters: &Filters,
    around: &Around<'_>,
) -> Result<Exit, ExecError> {
    let program = match resolve(spec) {
        Ok(program) => program,
        Err(reason) => return Ok(Exit::not_started(filters.words(&reason))),
    };
    let own = OwnFolder::of(spec);
    let (outputs, ends) = Outputs::open(spec.streams, blob, filters).map_err(ExecError::Control)?;
    let waiter = match outputs.waiter() {
        Ok(waiter) => waiter,
        Err(error) => {
            outputs.discard();
            return Err(ExecError::Control(error));
        }
    };
    let (ours, theirs) = UnixStream::pair().map_err(ExecError::Control)?;
    let handle = match start(exe, &program, &own.dress(spec), ends, theirs) {
        Ok(handle) => handle,
        Err(source) => {
            outputs.discard();
            return Err(ExecError::Start { program: exe.to_owned(), source });
        }
    };
    let pid = handle.pids()[0];
    waiter.wait_for(handle);
    let refused = become_command(ours, &own.message(spec));
    around.cancel.listen(outputs.sender());
    let members = || family(pid, spec.attempt());
    let mut attended = outputs.attend(&Running { spec, pid, members: &members, notices: around.notices });
    if let Some(reason) = refused {
        return Ok(Exit::not_started(filters.words(&reason)));
    }
    if !attended.open.is_empty() {
        let left = members().into_iter().map(|pid| leftover(pid, &|line| filters.words(line)));
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

/// Hands the child what it needs and hears whether it became the command; if not, why.
fn become_command(mut control: UnixStream, message: &[u8]) -> Option<String> {
    let mut said = String::new();
    let told = control
        .write_all(message)
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
    let told = Told::read(&told).ok_or_else(|| io::Error::other("nobody waits for it any more"))?;
    super::dumps::limit(told.dumps);
    rustix::stdio::dup2_stdin(standard_input(told.stdin)?)?;
    told.fence.close(told.own.as_deref())
}

/// The folder of a fenced look, gone with this value. Where none can be made, as on a full disk, the look has none.
struct OwnFolder(Option<tempfile::TempDir>);

impl OwnFolder {
    fn of(spec: &CommandSpec) -> Self {
        if spec.fence == Fence::None {
            return Self(None);
        }
        let parent = spec.env.get("TMPDIR").map_or("/tmp", String::as_str);
        Self(tempfile::Builder::new().prefix("locum-look-").tempdir_in(parent).ok())
    }

    /// The same command, told where it may write.
    fn dress(&self, spec: &CommandSpec) -> CommandSpec {
        let mut spec = spec.clone();
        if let Some(own) = &self.0 {
            spec.env.insert("TMPDIR".to_owned(), own.path().to_string_lossy().into_owned());
        }
        spec
    }

    /// What the child is told: its fence, the folder with its length before it, whether a core dump may be made
    /// of it, whether it has an input, and the input.
    fn message(&self, spec: &CommandSpec) -> Vec<u8> {
        let own = self.0.as_ref().map(|own| own.path().as_os_str().as_bytes()).unwrap_or_default();
        let fence = match spec.fence {
            Fence::None => b'n',
            Fence::Files => b'f',
            Fence::FilesAndSignals => b's',
        };
        let length = u16::try_from(own.len()).unwrap_or_default().to_be_bytes();
        let own = &own[..usize::from(u16::from_be_bytes(length))];
        let stdin = spec.stdin.as_deref();
        let flags = [u8::from(spec.dumps == CoreDumps::Off), u8::from(stdin.is_some())];
        [&[fence], &length[..], own, &flags, stdin.unwrap_or_default()].concat()
    }
}

/// What a child was told.
struct Told<'a> {
    fence: Fence,
    own: Option<PathBuf>,
    dumps: CoreDumps,
    stdin: Option<&'a [u8]>,
}

impl<'a> Told<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (fence, rest) = bytes.split_first()?;
        let fence = match fence {
            b'n' => Fence::None,
            b'f' => Fence::Files,
            b's' => Fence::FilesAndSignals,
            _ => return None,
        };
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (own, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let ([no_dumps, has_stdin], stdin) = rest.split_first_chunk::<2>()?;
        let dumps = if *no_dumps == 1 { CoreDumps::Off } else { CoreDumps::AsEver };
        let own = (!own.is_empty()).then(|| PathBuf::from(OsString::from_vec(own.to_vec())));
        Some(Self { fence, own, dumps, stdin: (*has_stdin == 1).then_some(stdin) })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_child_reads_what_it_is_told() {
        for fence in [Fence::None, Fence::Files, Fence::FilesAndSignals] {
            for stdin in [None, Some(Vec::new()), Some(b"\0in".to_vec())] {
                let mut spec = CommandSpec::new(vec!["true".to_owned()], BTreeMap::new(), "/");
                (spec.fence, spec.stdin) = (fence, stdin.clone());
                let own = OwnFolder::of(&spec);
                let message = own.message(&spec);
                let told = Told::read(&message).unwrap();
                assert_eq!((told.fence, told.stdin), (fence, stdin.as_deref()));
                assert_eq!(told.own.as_deref(), own.0.as_ref().map(tempfile::TempDir::path));
                assert_eq!(told.own.is_some(), fence != Fence::None);
                assert!((0..3).all(|cut| Told::read(&message[..cut]).is_none()));
            }
        }
    }

    #[test]
    fn a_look_without_a_place_for_its_folder_is_fenced_all_the_same() {
        let env = BTreeMap::from([("TMPDIR".to_owned(), "/no/such/folder".to_owned())]);
        let mut spec = CommandSpec::new(vec!["true".to_owned()], env, "/");
        spec.fence = Fence::Files;
        let own = OwnFolder::of(&spec);
        assert_eq!(own.dress(&spec), spec);
        assert_eq!(Told::read(&own.message(&spec)).unwrap().fence, Fence::Files);
    }
}
