//! One conversation with the program: what it is told, what it says, how it ends.
//!
//! The status is said last; it is what runs the program. Streams that nothing is expected of must be silent. Nothing of
//! the machine gets in but `PATH`: home, state and runbooks are folders of the case, and go with it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use super::expected::{Expected, misses};

/// How long a conversation may last.
const AT_MOST: Duration = Duration::from_mins(2);

/// A conversation that is being prepared.
#[must_use = "a case runs when its status is said"]
pub struct Case {
    room: Room,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    stdin: String,
    stdout: Vec<Expected>,
    stderr: Vec<Expected>,
    review: Review,
}

/// What a conversation says of runbooks that nobody reviewed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Review {
    /// They are accepted: most tests are about how a run goes, not about who read its runbook.
    Accepted,
    /// Nothing.
    Unsaid,
}

/// The folders of one or more conversations: `home`, and `work` with `runbooks` in it.
#[derive(Clone)]
pub struct Room {
    folder: Rc<tempfile::TempDir>,
}

/// A conversation that is over, as it was expected.
pub struct Ended {
    pub room: Room,
    pub stdout: String,
}

impl Room {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("locum-case-").tempdir().unwrap();
        for name in ["home", "work/runbooks"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        Self { folder: Rc::new(folder) }
    }

    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Where the program is started; `runbooks` lies in it.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// The folder of a run.
    pub fn run(&self, id: &str) -> PathBuf {
        self.home().join(".local/state/locum/runs").join(id)
    }

    /// The journal of a run, one record a value.
    pub fn journal(&self, id: &str) -> Vec<serde_json::Value> {
        let mut segments: Vec<_> = fs::read_dir(self.run(id)).unwrap().map(|entry| entry.unwrap().path()).collect();
        segments.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        segments.sort();
        let text: String = segments.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The next conversation in this room.
    pub fn case(&self) -> Case {
        Case {
            room: self.clone(),
            args: Vec::new(),
            env: BTreeMap::new(),
            stdin: String::new(),
            stdout: Vec::new(),
            stderr: Vec::new(),
            review: Review::Accepted,
        }
    }
}

impl Case {
    pub fn new() -> Self {
        Room::new().case()
    }

    /// The folders of this conversation, for those that follow.
    pub fn room(&self) -> Room {
        self.room.clone()
    }

    /// A runbook `id.yaml`.
    pub fn runbook(self, id: &str, text: &str) -> Self {
        self.file(&format!("runbooks/{id}.yaml"), text)
    }

    /// A file in the working folder.
    pub fn file(self, path: &str, text: &str) -> Self {
        let path = self.room.work().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = if path.extension().is_some_and(|it| it == "yaml") { as_we_run(text) } else { text.to_owned() };
        fs::write(path, text).unwrap();
        self
    }

    pub fn args<const N: usize>(mut self, args: [&str; N]) -> Self {
        self.args.extend(args.map(str::to_owned));
        self
    }

    /// Nothing is said of runbooks that nobody reviewed.
    pub fn reviewed_or_not(mut self) -> Self {
        self.review = Review::Unsaid;
        self
    }

    /// Arguments that are not known before.
    pub fn more(mut self, args: Vec<String>) -> Self {
        self.args.extend(args);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn stdin(mut self, text: &str) -> Self {
        text.clone_into(&mut self.stdin);
        self
    }

    pub fn stdout(mut self, expected: Expected) -> Self {
        self.stdout.push(expected);
        self
    }

    pub fn stderr(mut self, expected: Expected) -> Self {
        self.stderr.push(expected);
        self
    }

    /// Runs the program and holds it to everything that was said.
    pub fn status(mut self, status: i32) -> Ended {
        if self.review == Review::Accepted {
            self.args.extend(accepted(&self.args));
        }
        let told = format!("locum {}", self.args.join(" "));
        let command = duct::cmd(env!("CARGO_BIN_EXE_locum"), &self.args)
            .full_env(self.environment())
            .dir(self.room.work())
            .stdin_bytes(self.stdin)
            .stdout_capture()
            .stderr_capture()
            .unchecked();
        let running = command.start().unwrap();
        let Some(output) = running.wait_timeout(AT_MOST).unwrap() else {
            running.kill().unwrap();
            panic!("`{told}` did not end within {AT_MOST:?}");
        };
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let mut wrong = misses("stdout", &self.stdout, &stdout) + &misses("stderr", &self.stderr, &stderr);
        if output.status.code() != Some(status) {
            let _ = writeln!(wrong, "it ended with {:?}, expected {status}", output.status);
        }
        assert!(wrong.is_empty(), "`{told}`:\n{wrong}-- stdout --\n{stdout}\n-- stderr --\n{stderr}");
        Ended { room: self.room, stdout }
    }

    fn environment(&self) -> BTreeMap<String, String> {
        let mut environment = self.env.clone();
        environment.entry("PATH".to_owned()).or_insert_with(|| std::env::var("PATH").unwrap());
        environment.entry("HOME".to_owned()).or_insert_with(|| self.room.home().to_str().unwrap().to_owned());
        environment
    }
}

impl Ended {
    /// The run that the output names.
    pub fn run(&self) -> String {
        let run = regex::Regex::new(r"(?m)\brun ([a-z0-9]{4}-[a-z0-9]{2})\b").unwrap();
        let found = run.captures(&self.stdout).unwrap_or_else(|| panic!("no run is named in:\n{}", self.stdout));
        found[1].to_owned()
    }

    /// The records of that run.
    pub fn journal(&self) -> Vec<serde_json::Value> {
        self.room.journal(&self.run())
    }
}

/// The runbook as these tests can run it: where they run as root, it says so.
pub fn as_we_run(text: &str) -> String {
    let root = rustix::process::geteuid().is_root();
    let (runbook, says) = (text.contains("locum: 1\n"), text.contains("user: root"));
    let end = if text.ends_with('\n') { "" } else { "\n" };
    if root && runbook && !says { format!("{text}{end}user: root\n") } else { text.to_owned() }
}

/// What a run of a runbook in a plain folder must be told besides.
pub fn accepted<T: AsRef<str>>(words: &[T]) -> Vec<String> {
    let said = |word: &str| words.iter().any(|found| found.as_ref() == word);
    let live = words.first().is_some_and(|word| word.as_ref() == "run") && !said("--dry-run") && !said("--look");
    if live { vec!["--accept-unreviewed=a test".to_owned()] } else { Vec::new() }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
