//! Where something is measured: a folder with a home, a state and runbooks of its own, and what the machine has.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// The program that is measured: the one that was built for this, or `LOCUM_BENCH_EXE`, absolute.
pub fn exe() -> &'static Path {
    static EXE: LazyLock<PathBuf> = LazyLock::new(|| {
        std::env::var_os("LOCUM_BENCH_EXE").map_or_else(|| env!("CARGO_BIN_EXE_locum").into(), PathBuf::from)
    });
    &EXE
}

/// The runbooks of a bench are in a plain folder, where nobody reviews them.
pub const UNREVIEWED: &str = "--accept-unreviewed=a bench";

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Everything once and small: does it work?
    Small,
    Full,
}

impl Scale {
    /// A number that is smaller where nothing is meant to be learned from it.
    pub fn of(self, full: usize, small: usize) -> usize {
        match self {
            Self::Full => full,
            Self::Small => small,
        }
    }
}

/// A folder that goes away with what it holds. It lies where `TMPDIR` says; a disk in memory would make syncs free.
pub struct Room {
    folder: tempfile::TempDir,
}

impl Room {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("locum-bench-").tempdir().unwrap();
        for name in ["home", "runbooks"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, with the folders above it.
    pub fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// locum in this room, silent.
    pub fn locum(&self, words: &[&str]) -> Command {
        let mut command = self.silent(exe(), words);
        if words.first() == Some(&"run") {
            command.arg(UNREVIEWED);
        }
        command
    }

    /// Another program in this room, silent.
    pub fn silent(&self, program: impl AsRef<Path>, words: &[&str]) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .args(words)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("TERM", "xterm-256color")
            .env("LOCUM_STATE", self.path("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Forgets every run.
    pub fn forget(&self) {
        let _ = fs::remove_dir_all(self.path("state"));
    }

    /// The folder of the only run.
    pub fn run(&self) -> PathBuf {
        let mut entries = fs::read_dir(self.path("state/runs")).unwrap();
        entries.next().expect("a run").unwrap().path()
    }
}

/// How long a command takes from its start to its end. It must end well: what fails is not measured.
#[track_caller]
pub fn timed(command: &mut Command) -> Duration {
    let begun = Instant::now();
    let status = command.status().unwrap();
    let time = begun.elapsed();
    assert!(status.success(), "{command:?}: {status}");
    time
}

/// Where a program lies, if it is on `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let places = std::env::var_os("PATH")?;
    std::env::split_paths(&places).map(|place| place.join(name)).find(|path| path.is_file())
}

/// The machine, as a reader of the figures wants to know it.
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let profile = if cfg!(debug_assertions) { "dev profile: the figures mean nothing" } else { "optimised" };
    format!("{profile}, {cores} cores, load {load}")
}

/// All bytes below a folder.
pub fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| if entry.path().is_dir() { bytes_below(&entry.path()) } else { entry.metadata().unwrap().len() })
        .sum()
}
