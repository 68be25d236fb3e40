//! Scripts of this program in another place: how they get there, and what came back.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::ask::{self, Asker};
use super::stop::Stop;
use super::watch::Hands;
use crate::engine::resolve::{CommandLine, SecretTexts, TargetLine};
use crate::exec::Ending;

/// How long a script may take: a scope can be large, and the machine slow.
const LIMIT: Duration = Duration::from_mins(10);

/// What looks and acts in other places for a task.
pub struct Reaching<'a> {
    asker: &'a Asker,
    blob: &'a Path,
    stop: &'a Stop,
    count: AtomicU32,
}

impl<'a> Reaching<'a> {
    pub const fn new(asker: &'a Asker, blob: &'a Path, stop: &'a Stop) -> Self {
        Self { asker, blob, stop, count: AtomicU32::new(0) }
    }

    /// Output goes through a file that nobody else has, and that is gone afterwards.
    fn spool(&self, word: &str) -> PathBuf {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        self.blob.with_extension(format!("{word}-{number}.out"))
    }

    fn run(&self, at: &TargetLine, line: &CommandLine, spool: &Path) -> Result<Vec<u8>, String> {
        let there = Asker { place: self.asker.place.at(at), ..self.asker.clone() };
        let (exit, _) = there.run_look(line, spool, self.stop).map_err(|error| ask::chain(&error))?;
        if exit.stdout.as_ref().is_some_and(|stdout| stdout.cut) {
            return Err("it says more than can be kept".to_owned());
        }
        match (exit.result, exit.code) {
            (Ending::Exited, Some(0)) => std::fs::read(spool).map_err(|error| error.to_string()),
            (Ending::Exited, Some(code)) => Err(said(format!("exit {code}"), spool)),
            (Ending::NotStarted, _) => Err(exit.reason.unwrap_or_else(|| "it could not be started".to_owned())),
            (Ending::Signaled | Ending::TimedOut | Ending::Exited, _) => {
                Err(said("the line gave no end, or it took too long".to_owned(), spool))
            }
        }
    }
}

/// Why, with the last that was said about it.
fn said(why: String, spool: &Path) -> String {
    let last = ask::last_lines(&crate::exec::stderr_blob(spool), 1);
    std::iter::once(why).chain(last).collect::<Vec<_>>().join(": ")
}

impl Hands for Reaching<'_> {
    fn output(&self, at: &TargetLine, line: &CommandLine) -> Result<Vec<u8>, String> {
        self.run(at, line, &self.spool("guard"))
    }

    fn script(&self, at: &TargetLine, script: &str) -> Result<Vec<u8>, String> {
        let spool = self.spool("there");
        let answer = self.run(at, &line(script, None), &spool);
        for file in [spool.clone(), crate::exec::stderr_blob(&spool)] {
            let _ = std::fs::remove_file(file);
        }
        answer
    }
}

/// A script as a command, with what it reads.
pub(super) fn line(script: &str, stdin: Option<String>) -> CommandLine {
    CommandLine {
        argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
        shown: String::new(),
        env: std::collections::BTreeMap::new(),
        cwd: None,
        stdin,
        timeout: Some(LIMIT),
        warn_after: None,
        split: true,
        keep: true,
        secrets: SecretTexts::default(),
    }
}
