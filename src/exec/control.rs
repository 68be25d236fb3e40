//! What the driver and a step's supervisor say to each other: one JSON object a line, over two pipes.

use std::io::{self, BufRead, Write};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::facts::{Exit, Leftover, Started};
use super::filter::Redaction;
use super::spec::CommandSpec;
use super::withhold::Taken;

/// Where a supervisor finds its lock and leaves what it knows. All paths are absolute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupervisorPlace {
    /// `sup/<attempt>.lock`, held while the supervisor lives.
    pub lock: PathBuf,
    /// `sup/<attempt>.started`.
    pub started: PathBuf,
    /// `sup/<attempt>.exit`.
    pub exit: PathBuf,
    /// `blobs/<attempt>.out`.
    pub blob: PathBuf,
}

/// From the driver. The end of this pipe before `Go` means that nothing shall run; after it, nothing at all.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    /// What shall run; it is not run yet.
    Prepare(Box<Work>),
    /// The intent is durable: run it.
    Go,
    /// End it.
    Cancel,
}

/// What a supervisor shall do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Work {
    pub spec: CommandSpec,
    pub place: SupervisorPlace,
    pub redaction: Redaction,
}

/// From the supervisor. That nobody listens is no reason to stop.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// The lock is held; GO is waited for.
    Ready,
    /// Nothing will run.
    Refused(String),
    /// It runs.
    Started(Started),
    /// Its time is up, and it goes on.
    Overdue,
    /// It was told to end, and these are still there.
    CannotEnd(Vec<Leftover>),
    /// The secrets that its output gave.
    Taken(Taken),
    /// It has ended, and what is known of it is on the disk.
    Ended(Box<Exit>),
}

/// Writes one message.
pub(super) fn send(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)?;
    to.flush()
}

/// Reads one message; `None` at the end of the pipe, also where it breaks off inside a line.
pub(super) fn receive<M: DeserializeOwned>(from: &mut impl BufRead) -> io::Result<Option<M>> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Ok(None);
    }
    serde_json::from_slice(&line).map(Some).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_one_by_one() {
        let mut pipe = Vec::new();
        send(&mut pipe, &Order::Go).unwrap();
        send(&mut pipe, &Order::Cancel).unwrap();
        let mut pipe = pipe.as_slice();
        assert!(matches!(receive(&mut pipe), Ok(Some(Order::Go))));
        assert!(matches!(receive(&mut pipe), Ok(Some(Order::Cancel))));
        assert!(matches!(receive::<Order>(&mut pipe), Ok(None)));
    }

    #[test]
    fn half_a_go_is_no_go() {
        assert!(matches!(receive::<Order>(&mut b"\"go\"".as_slice()), Ok(None)));
        assert!(receive::<Order>(&mut b"\"gone\"\n".as_slice()).is_err());
    }
}
