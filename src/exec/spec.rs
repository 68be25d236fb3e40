//! A command as it will run: every byte of it is decided before it gets here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::armed::Armed;
use super::fence::Fence;

/// The time between the polite signal and the one that cannot be refused.
pub const GRACE: Duration = Duration::from_secs(5);

/// The same where the end is asked for over a line: the line must be there first, and the grace is over there.
pub const GRACE_AFAR: Duration = Duration::from_secs(45);

/// A command, complete: nothing is inherited but the user, the groups and the file mode mask.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandSpec {
    /// The program and its arguments; a program without `/` is looked for in `PATH` of `env`.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// The folder to run in, absolute.
    pub cwd: PathBuf,
    /// What it reads; without it, nothing (`/dev/null`).
    pub stdin: Option<Vec<u8>>,
    /// When its time is up.
    pub timeout: Option<Duration>,
    /// What happens then.
    pub on_timeout: OnTimeout,
    /// What happens to its two outputs.
    pub streams: Streams,
    /// The time between TERM and KILL.
    pub grace: Duration,
    /// What keeps it from changing something; a change has none.
    #[serde(default)]
    pub fence: Fence,
    /// The way back that its supervisor goes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub armed: Option<Box<Armed>>,
    /// A terminal of its own, in place of the input and the streams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<TerminalSpec>,
    /// Whether a core dump may be made of it.
    pub dumps: CoreDumps,
}

/// The terminal of a program that a person works in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalSpec {
    /// Until the person's own size is known.
    pub size: Size,
    /// What the recording says that it is of: the id of the step.
    pub marker: String,
}

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    pub cols: u16,
    pub rows: u16,
}

/// What a terminal was for decades; for one that says no size.
impl Default for Size {
    fn default() -> Self {
        Self { cols: 80, rows: 24 }
    }
}

/// Whether the memory of a command may be written to a disk when it dies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoreDumps {
    /// As the operator's own limits say.
    #[default]
    AsEver,
    /// It is given a secret.
    Off,
}

/// What happens when the time of a command is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnTimeout {
    /// It is ended, with everything that it started.
    Kill,
    /// It is said, and the command goes on.
    Warn,
}

/// Where the two outputs of a command go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Streams {
    /// Through one pipe into one blob, in the order in which they were written.
    Joined,
    /// Each into its own blob; the order between them is lost.
    Split,
}

/// A shell that runs a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shell {
    /// The default: unset names and failures inside a pipeline are failures.
    Bash,
    /// For machines without bash.
    Sh,
}

impl CommandSpec {
    /// A command that reads nothing, has no time limit, and joins its outputs.
    pub fn new(argv: Vec<String>, env: BTreeMap<String, String>, cwd: impl Into<PathBuf>) -> Self {
        Self {
            argv,
            env,
            cwd: cwd.into(),
            stdin: None,
            timeout: None,
            on_timeout: OnTimeout::Kill,
            streams: Streams::Joined,
            grace: GRACE,
            fence: Fence::None,
            armed: None,
            terminal: None,
            dumps: CoreDumps::AsEver,
        }
    }

    /// The attempt that this command belongs to; empty for a command outside a run.
    pub fn attempt(&self) -> &str {
        self.env.get("LOCUM_ATTEMPT").map_or("", String::as_str)
    }
}

/// Names of variables only: values may be secrets.
impl std::fmt::Debug for CommandSpec {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let env: Vec<&String> = self.env.keys().collect();
        formatter
            .debug_struct("CommandSpec")
            .field("argv", &self.argv)
            .field("env", &env)
            .field("cwd", &self.cwd)
            .finish_non_exhaustive()
    }
}

/// The argv that runs a script in a shell, strictly.
pub fn shell_argv(shell: Shell, script: &str) -> Vec<String> {
    let words: &[&str] = match shell {
        Shell::Bash => &["bash", "-euo", "pipefail", "-c"],
        Shell::Sh => &["sh", "-eu", "-c"],
    };
    words.iter().copied().chain([script]).map(str::to_owned).collect()
}

/// The blob of the second stream, beside that of the first: `<attempt>.out` and `<attempt>.err`.
pub fn stderr_blob(stdout_blob: &Path) -> PathBuf {
    stdout_blob.with_extension("err")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_run_strictly() {
        assert_eq!(shell_argv(Shell::Bash, "a | b"), ["bash", "-euo", "pipefail", "-c", "a | b"]);
        assert_eq!(shell_argv(Shell::Sh, "a"), ["sh", "-eu", "-c", "a"]);
    }

    #[test]
    fn a_command_does_not_show_its_values() {
        let env = BTreeMap::from([("TOKEN".to_owned(), "hunter2hunter2".to_owned())]);
        let mut spec = CommandSpec::new(vec!["true".into()], env, "/");
        spec.stdin = Some(b"hunter2hunter2".to_vec());
        let shown = format!("{spec:?}");
        assert!(shown.contains("TOKEN") && !shown.contains("hunter2") && !shown.contains("104"), "{shown}");
    }

    #[test]
    fn the_second_blob_is_beside_the_first() {
        assert_eq!(stderr_blob(Path::new("/run/blobs/1-2-abcd.out")), Path::new("/run/blobs/1-2-abcd.err"));
    }

    #[test]
    fn a_command_travels_as_json() {
        let mut spec = CommandSpec::new(shell_argv(Shell::Sh, "true"), BTreeMap::new(), "/");
        spec.timeout = Some(Duration::from_millis(1500));
        spec.stdin = Some(vec![0, 255]);
        let json = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<CommandSpec>(&json).unwrap(), spec);
    }
}
