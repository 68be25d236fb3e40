//! The gate of a side shell: before anything in it runs, the shell asks here, and waits for the answer.
//!
//! A socket beside the evidence of the shell. Whoever holds the run answers; with nobody there the answer is no. One
//! question a connection: the shell's hooks start this binary for each ([`GATE`]).

use std::io::{self, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::{Deserialize, Serialize};

use super::control::{receive, send};
use super::door;
use crate::text::plain;

/// The hidden first argument of the process that asks: then the socket, what is asked, and with `ended` the code.
pub(super) const GATE: &str = "__gate";

/// Longest command that is judged and recorded, in bytes.
pub const LONGEST_TYPED: u64 = 16 << 10;

/// How long one look for a question lasts, and so how long the gate lives on when it is closed.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// Whoever knocks and then says nothing is not waited for.
const MUTE: Duration = Duration::from_secs(5);

/// What a shell asks or says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// A line, as it was typed, before anything of it begins.
    Line(String),
    /// A simple command of it, with aliases and functions resolved.
    Command(String),
    /// The shell shows its prompt again; the code of the last command.
    Ended(i32),
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    /// Go on.
    Go,
    /// It does not run, and why.
    Refused(String),
}

/// The way to the gate of the shell that has this lock.
pub fn gate_of(lock: &Path) -> PathBuf {
    lock.with_extension("gate")
}

/// A gate that is kept; closed when this is dropped.
#[derive(Debug)]
pub struct Gate {
    path: PathBuf,
    closed: Arc<AtomicBool>,
}

impl Gate {
    /// Keeps a gate: each question goes to `answer`, one after the other.
    ///
    /// # Errors
    /// The socket cannot be made, or no thread.
    pub fn keep(path: &Path, answer: impl Fn(Question) -> Answered + Send + 'static) -> io::Result<Self> {
        let listener = door::open(path)?;
        let gate = Self { path: path.to_owned(), closed: Arc::default() };
        let closed = Arc::clone(&gate.closed);
        std::thread::Builder::new().name("gate".into()).spawn(move || {
            while !closed.load(Ordering::SeqCst) {
                let mut watched = [PollFd::new(&listener, PollFlags::IN)];
                let _ = poll(&mut watched, Some(&LOOK));
                while let Ok((stream, _)) = listener.accept() {
                    // Whoever does not wait for the answer gets none, and does not go on.
                    let _ = converse(&stream, &answer);
                }
            }
        })?;
        Ok(gate)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        let _ = std::fs::remove_file(&self.path);
    }
}

fn converse(stream: &UnixStream, answer: &impl Fn(Question) -> Answered) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(MUTE))?;
    let mut from = BufReader::new(stream.try_clone()?.take(8 * LONGEST_TYPED));
    let Some(question) = receive(&mut from)? else { return Ok(()) };
    send(&mut &*stream, &answer(question))
}

/// The hidden subcommand: asks, says why not, and ends with 0 only where the answer is yes.
pub(super) fn gate_main(mut words: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let (Some(path), Some(what)) = (words.next(), words.next()) else { return ExitCode::from(2) };
    let question = match what.to_str() {
        Some("ended") => {
            let code = words.next().and_then(|code| code.to_str()?.parse().ok());
            return match code.map(|code| ask(Path::new(&path), &Question::Ended(code))) {
                Some(Ok(_)) => ExitCode::SUCCESS,
                Some(Err(_)) | None => ExitCode::FAILURE,
            };
        }
        Some("line") => read().map(Question::Line),
        Some("command") => read().map(Question::Command),
        _ => return ExitCode::from(2),
    };
    let why = match question.map(|question| ask(Path::new(&path), &question)) {
        Ok(Ok(Answered::Go)) => return ExitCode::SUCCESS,
        Ok(Ok(Answered::Refused(why))) => why,
        Ok(Err(error)) => {
            format!("nobody records this shell any more ({error}); nothing ran. `locum resume` takes it up again")
        }
        Err(error) => format!("it cannot be recorded ({error}); nothing ran"),
    };
    let _ = writeln!(io::stderr(), "locum: {}", plain(&why));
    ExitCode::FAILURE
}

/// The command, from standard input.
fn read() -> io::Result<String> {
    let mut bytes = Vec::new();
    io::stdin().take(LONGEST_TYPED + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST_TYPED {
        return Err(io::Error::other("it is longer than 16 KiB: put it into a file"));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn ask(path: &Path, question: &Question) -> io::Result<Answered> {
    let stream = door::through(path, |short| UnixStream::connect(short))?;
    send(&mut &stream, question)?;
    let answer = receive(&mut BufReader::new(&stream))?;
    answer.ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "no answer came"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_answered_and_a_closed_gate_says_no() {
        let folder = tempfile::tempdir().unwrap();
        let path = gate_of(&folder.path().join("1-4-abcd.lock"));
        let gate = Gate::keep(&path, |question| match question {
            Question::Line(text) if text == "ls" => Answered::Go,
            other => Answered::Refused(format!("{other:?}")),
        });
        let gate = gate.unwrap();
        assert_eq!(ask(&path, &Question::Line("ls".to_owned())).unwrap(), Answered::Go);
        assert_eq!(ask(&path, &Question::Ended(3)).unwrap(), Answered::Refused("Ended(3)".to_owned()));
        // Somebody who says nothing holds nobody up for ever.
        drop(UnixStream::connect(&path).unwrap());
        assert_eq!(ask(&path, &Question::Line("ls".to_owned())).unwrap(), Answered::Go);
        drop(gate);
        assert!(ask(&path, &Question::Line("ls".to_owned())).is_err());
    }
}
