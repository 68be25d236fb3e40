//! A stage for runs that are cut off: a folder with runbooks, a state folder, the real binary, and the journal as it is.

#![expect(clippy::disallowed_methods, reason = "a test is an edge: it starts the binary and reads its own environment")]

pub mod pty;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use locum::engine::Run;
use locum::engine::record::Record;
use locum::engine::run::Attempt;
use locum::exec::Started;
use locum::journal::{self, Evidence, RunFolder, SupLock, read_evidence};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::case::{accepted, as_we_run};

pub const EXE: &str = env!("CARGO_BIN_EXE_locum");

/// Longer than anything here takes, on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// One runbook and everything that its runs leave behind.
pub struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    /// A stage whose runbook `x` is this text; `DIR` in it is the folder that it may write in.
    pub fn new(runbook: &str) -> Self {
        Self::within(tempfile::tempdir().unwrap(), runbook)
    }

    /// The same in memory where the machine has such a place: a killed process loses nothing there either.
    pub fn in_memory(runbook: &str) -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self::within(folder.unwrap(), runbook)
    }

    fn within(folder: tempfile::TempDir, runbook: &str) -> Self {
        let stage = Self { folder };
        for name in ["runbooks", "dir", "home"] {
            fs::create_dir(stage.path(name)).unwrap();
        }
        let text = runbook.replace("DIR", stage.path("dir").to_str().unwrap());
        fs::write(stage.path("runbooks/x.yaml"), as_we_run(&text)).unwrap();
        stage
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// Writes an answers file.
    pub fn answers(&self, text: &str) -> &Self {
        fs::write(self.path("answers.yaml"), text).unwrap();
        self
    }

    /// The binary with these words, in this stage.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(EXE);
        self.dress(command.args(words).args(accepted(words)));
        command
    }

    /// Gives a command the place and the environment of this stage.
    pub fn dress(&self, command: &mut Command) {
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("LOCUM_STATE", self.state())
            .env("LOCUM_RUNBOOKS", self.path("runbooks"))
            .stdin(Stdio::null());
    }

    /// Runs the binary to its end.
    pub fn locum(&self, words: &[&str]) -> Told {
        Told::of(&self.command(words).output().unwrap())
    }

    /// Runs the binary with these bytes as its standard input.
    pub fn fed(&self, words: &[&str], input: &[u8]) -> Told {
        let mut fed = self.command(words);
        let mut child = fed.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // It may end before it has read everything.
        let feeder = std::thread::spawn(move || drop(std::io::Write::write_all(&mut stdin, &input)));
        let told = Told::of(&child.wait_with_output().unwrap());
        feeder.join().unwrap();
        told
    }

    /// Starts a run without a person, its words going nowhere.
    pub fn headless(&self) -> Child {
        let mut command = self.command(&["run", "x", "--headless", "--answers", "answers.yaml"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Goes on with the run without a person, to the end of this process.
    pub fn resume(&self, more: &[&str]) -> Told {
        let run = self.run_id();
        let words = ["resume", &run, "--headless", "--answers", "answers.yaml"];
        self.locum(&[&words, more].concat())
    }

    /// The only run of this stage; empty before there is one.
    pub fn run_id(&self) -> String {
        let entries = fs::read_dir(self.state().join("runs")).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().into_string().unwrap()).next().unwrap_or_default()
    }

    /// The process that holds the run.
    pub fn holder(&self) -> u32 {
        let text = fs::read_to_string(self.state().join("runs").join(self.run_id()).join("run.lock")).unwrap();
        let holder: serde_json::Value = serde_json::from_str(&text).unwrap();
        u32::try_from(holder["pid"].as_u64().unwrap()).unwrap()
    }

    pub fn folder(&self) -> RunFolder {
        RunFolder::open(&self.state(), &self.run_id()).unwrap()
    }

    /// Every record that can be read.
    pub fn records(&self) -> Vec<Record> {
        if self.run_id().is_empty() {
            return Vec::new();
        }
        let lines = journal::read(&self.folder()).lines.into_iter();
        lines.map(|line| serde_json::from_value(serde_json::Value::Object(line.value)).unwrap()).collect()
    }

    /// The run, as its journal folds.
    pub fn run(&self) -> Run {
        Run::replay(&self.run_id(), &self.records())
    }

    /// The newest attempt of a step.
    pub fn attempt(&self, step: &str) -> Attempt {
        self.run().newest_attempt(&step.parse().unwrap()).unwrap_or_else(|| panic!("`{step}` was never begun")).clone()
    }

    pub fn evidence(&self, attempt: &Attempt) -> Evidence {
        Evidence::at(&self.folder().sup(), &attempt.intent.attempt.0).unwrap()
    }

    /// Waits until the command of a step runs.
    pub fn wait_for(&self, name: &str) {
        eventually(&format!("`{name}` is made"), || self.path("dir").join(name).exists());
    }

    /// Waits until a look with these words runs: it writes nothing that could be waited for.
    pub fn wait_for_look(&self, words: &str) {
        let words = words.replace("DIR", self.path("dir").to_str().unwrap());
        let runs = |entry: fs::DirEntry| {
            let said = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&said).contains(&words)
        };
        eventually(&format!("`{words}` runs"), || fs::read_dir("/proc").unwrap().flatten().any(runs));
    }

    /// Makes a file that a step waits for.
    pub fn touch(&self, name: &str) {
        fs::write(self.path("dir").join(name), "").unwrap();
    }

    pub fn has(&self, name: &str) -> bool {
        self.path("dir").join(name).exists()
    }

    /// The lines of a file that steps append to.
    pub fn ledger(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("dir/ledger")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Ends the supervisor of an attempt and its command, without a word from either.
    pub fn kill_step(&self, attempt: &Attempt) {
        let files = self.evidence(attempt);
        let started: Started = read_evidence(&files.started()).expect("it was started");
        kill(started.supervisor_pid);
        eventually("the supervisor is gone", || !SupLock::is_held(&files.lock()));
        for left in locum::exec::survivors(&attempt.intent.attempt.0) {
            kill(left.pid);
        }
    }
}

impl Drop for Stage {
    /// Nothing that a test started outlives it.
    fn drop(&mut self) {
        if self.run_id().is_empty() {
            return;
        }
        for attempt in self.run().attempts.into_keys() {
            let started: Option<Started> =
                Evidence::at(&self.folder().sup(), &attempt.0).ok().and_then(|files| read_evidence(&files.started()));
            let alive = |pid: u32, start: u64| locum::exec::process_start(pid) == Some(start);
            if let Some(started) = started.filter(|started| alive(started.supervisor_pid, started.supervisor_start)) {
                kill(started.supervisor_pid);
            }
            for left in locum::exec::survivors(&attempt.0) {
                kill(left.pid);
            }
        }
    }
}

/// What a process said, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Told {
    /// What a process that has ended left.
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// It ended with this code, or what it said instead.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "\n{}\n{}", self.out, self.err);
        self
    }

    /// It said this on either stream.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.out.contains(text) || self.err.contains(text), "no `{text}` in:\n{}\n{}", self.out, self.err);
        self
    }
}

pub fn kill(pid: u32) {
    signal(pid, Signal::KILL);
}

pub fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let _ = kill_process(pid, signal);
}

#[track_caller]
pub fn eventually(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
