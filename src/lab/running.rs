//! A lab that runs: started, spoken to, ended with all that it started.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use duct::Handle;
use indexmap::IndexMap;
use rustix::process::{Pid, Signal, kill_process_group};

use super::LabError;
use super::environment::{SITE, TEMPORARY, environment};
use super::fault::failed;
use super::marks::end_all;
use super::sweep::Record;
use super::words::{Word, take};

/// How long a lab may take to tidy up after TERM.
const GRACE: Duration = Duration::from_secs(3);
/// Bytes of one line, and of the log, that are kept at most.
const LINE: u64 = 64 * 1024;
const LOG: u64 = 4 * 1024 * 1024;

/// How a lab is started.
#[derive(Clone, Debug)]
pub struct LabSpec {
    /// A program and its arguments; a program with a `/` in it is looked for from `cwd`.
    pub start: Vec<String>,
    /// Where it is started: the folder of the runbook.
    pub cwd: PathBuf,
    /// More variables, beside [`environment`].
    pub env_extra: Vec<(String, String)>,
}

/// A lab that is ready. It ends with [`Lab::end`] or when it is dropped.
#[derive(Debug)]
pub struct Lab {
    folder: PathBuf,
    handle: Handle,
    reader: JoinHandle<()>,
    group: Option<Pid>,
    inputs: IndexMap<String, String>,
}

impl Lab {
    /// Starts a lab in a folder that is made or is empty, and waits until it is ready.
    ///
    /// # Errors
    /// A program that is not there, ends early, takes too long or prints nonsense; it is ended before this returns.
    pub fn start(spec: &LabSpec, folder: &Path, ready_within: Duration) -> Result<Self, LabError> {
        let folder = prepare(folder)?;
        let (words, spoken) = mpsc::channel();
        let (handle, reader) = spawn(spec, &folder, words)?;
        let group = handle.pids().first().and_then(|pid| Pid::from_raw(i32::try_from(*pid).ok()?));
        let mut lab = Self { folder, handle, reader, group, inputs: IndexMap::new() };
        Record::of_this_process(&lab.folder, group).write()?;
        lab.listen(&spoken, ready_within)?;
        Ok(lab)
    }

    /// The `name=value` lines, in their order.
    pub fn inputs(&self) -> &IndexMap<String, String> {
        &self.inputs
    }

    /// The folder that everything of this lab lies in, without links.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it printed so far, at most the first 4 MiB.
    pub fn log(&self) -> PathBuf {
        self.folder.join("lab.log")
    }

    /// Does its program still run?
    pub fn is_running(&self) -> bool {
        matches!(self.handle.try_wait(), Ok(None))
    }

    /// Ends it with all its processes; its folder stays, see [`super::clear`].
    pub fn end(self) {
        drop(self);
    }

    fn listen(&mut self, spoken: &Receiver<Word>, within: Duration) -> Result<(), LabError> {
        let until = Instant::now() + within;
        loop {
            match spoken.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Word::Ready) => return Ok(()),
                Ok(Word::Input { name, value }) => take(&mut self.inputs, name, value)?,
                Ok(Word::Talk) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(LabError::Ended { said: self.last_words() }),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(LabError::NotReady { waited: within, said: self.last_words() });
                }
            }
            if Instant::now() >= until {
                return Err(LabError::NotReady { waited: within, said: self.last_words() });
            }
        }
    }

    /// The end of the log, on one line, without control characters.
    fn last_words(&self) -> String {
        // What it prints on its way out may still be on its way to the log.
        let _ = self.handle.wait_timeout(Duration::from_millis(200));
        let text = String::from_utf8_lossy(&fs::read(self.log()).unwrap_or_default()).into_owned();
        let lines = text.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>();
        let last = lines[lines.len().saturating_sub(4)..].join(" / ");
        let said = last.chars().filter(|letter| !letter.is_control()).take(500).collect::<String>();
        if said.is_empty() { "it printed nothing".to_owned() } else { said }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // Once its leader is reaped the number is free for others, so the group gets signals only before that.
            if matches!(self.handle.try_wait(), Ok(None)) {
                let _ = kill_process_group(group, Signal::TERM);
            }
            let until = Instant::now() + GRACE;
            while matches!(self.handle.try_wait(), Ok(None)) && Instant::now() < until {
                thread::sleep(Duration::from_millis(5));
            }
            if matches!(self.handle.try_wait(), Ok(None)) {
                let _ = kill_process_group(group, Signal::KILL);
                let _ = self.handle.wait_timeout(GRACE);
            }
        }
        end_all(&self.folder, Duration::ZERO);
        // Its last words are still on their way; but one that fled where it cannot be seen may hold the pipe for ever.
        let until = Instant::now() + Duration::from_secs(1);
        while !self.reader.is_finished() && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Makes the folder and what is in it; gives its path without links.
fn prepare(folder: &Path) -> Result<PathBuf, LabError> {
    let make = |path: &Path| DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("make", path));
    make(folder)?;
    let folder = fs::canonicalize(folder).map_err(failed("find", folder))?;
    if fs::read_dir(&folder).map_err(failed("list", &folder))?.next().is_some() {
        return Err(LabError::NotEmpty(folder));
    }
    make(&folder.join(SITE))?;
    make(&folder.join(TEMPORARY))?;
    Ok(folder)
}

fn spawn(spec: &LabSpec, folder: &Path, words: Sender<Word>) -> Result<(Handle, JoinHandle<()>), LabError> {
    let (program, arguments) = spec.start.split_first().ok_or(LabError::NoCommand)?;
    let program = if program.contains('/') { spec.cwd.join(program) } else { PathBuf::from(program) };
    let path = folder.join("lab.log");
    let log = OpenOptions::new().create_new(true).append(true).mode(0o600).open(&path);
    let log = log.map_err(failed("make", &path))?;
    let errors = log.try_clone().map_err(failed("make", &path))?;
    let (reader, writer) = os_pipe::pipe().map_err(failed("make a pipe for", &program))?;
    let mut variables = environment(folder);
    variables.extend(spec.env_extra.iter().cloned());
    // As a text: duct takes a path without a `/` for a file in this folder.
    let handle = duct::cmd(program.as_os_str(), arguments)
        .dir(&spec.cwd)
        .full_env(variables)
        .stdin_null()
        .stdout_file(writer)
        .stderr_file(errors)
        .unchecked()
        .before_spawn(|command| {
            command.process_group(0);
            Ok(())
        })
        .start()
        .map_err(failed("start", &program))?;
    let reader = thread::Builder::new().spawn(move || drain(reader, log, &words));
    let reader = reader.map_err(failed("read", &program))?;
    Ok((handle, reader))
}

/// Copies what a lab prints into the log, and hands its words on until it is ready; goes on to the end, so that the
/// lab never waits for a reader.
fn drain(from: impl Read, log: File, words: &Sender<Word>) {
    let mut reader = BufReader::with_capacity(64 * 1024, from);
    let mut log = Log { file: log, kept: 0 };
    let mut line = Vec::new();
    loop {
        line.clear();
        match reader.by_ref().take(LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        log.keep(&line);
        let text = String::from_utf8_lossy(&line);
        let word = Word::read(text.strip_suffix('\n').unwrap_or(&text));
        let ready = word == Word::Ready;
        if words.send(word).is_err() || ready {
            break;
        }
    }
    while let Ok(chunk) = reader.fill_buf() {
        let count = chunk.len();
        if count == 0 {
            return;
        }
        log.keep(chunk);
        reader.consume(count);
    }
}

/// A log that stops growing.
struct Log {
    file: File,
    kept: u64,
}

impl Log {
    fn keep(&mut self, bytes: &[u8]) {
        if self.kept < LOG {
            self.kept += bytes.len() as u64;
            // A full disk must not stop the lab.
            let _ = self.file.write_all(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::marks::marked;
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn start(script: &str, within: Duration) -> (tempfile::TempDir, Result<Lab, LabError>) {
        let world = tempfile::tempdir().unwrap();
        let start = ["sh", "-c", script].map(str::to_owned).to_vec();
        let spec = LabSpec { start, cwd: world.path().to_owned(), env_extra: vec![("EXTRA".into(), "more".into())] };
        let lab = Lab::start(&spec, &world.path().join("lab"), within);
        (world, lab)
    }

    #[test]
    fn a_lab_gives_its_inputs_in_order_and_keeps_its_words() {
        let (_world, lab) =
            start("echo making; echo b=1; echo a=$LOCUM_LAB; echo oops >&2; echo ready; exec sleep 60", LIMIT);
        let lab = lab.unwrap();
        let site = lab.folder().join("site");
        assert_eq!(
            lab.inputs().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>(),
            ["b=1".to_owned(), format!("a={}", site.display())]
        );
        assert!(site.is_dir() && lab.is_running());
        let log = fs::read_to_string(lab.log()).unwrap();
        assert!(log.contains("making\n") && log.contains("oops\n"), "{log}");
    }

    #[test]
    fn a_lab_sees_nothing_of_the_operator() {
        let (_world, lab) =
            start("echo seen=$(env | cut -d= -f1 | sort | tr '\\n' ' '); echo ready; exec sleep 60", LIMIT);
        assert_eq!(lab.unwrap().inputs()["seen"], "EXTRA HOME LC_ALL LOCUM_LAB PATH PWD TERM TMPDIR");
    }

    #[test]
    fn the_end_takes_every_process_with_it_even_one_that_fled() {
        let script = "trap 'echo bye; exit 0' TERM; sleep 61 & setsid sleep 62 & (trap '' TERM; exec sleep 63) & \
                      echo ready; while :; do sleep 0.01; done";
        let (_world, lab) = start(script, LIMIT);
        let lab = lab.unwrap();
        let (folder, log) = (lab.folder().to_owned(), lab.log());
        let until = Instant::now() + LIMIT;
        while marked(&folder).len() < 4 {
            assert!(Instant::now() < until, "{:?}", marked(&folder));
        }
        lab.end();
        assert_eq!(marked(&folder), []);
        assert!(fs::read_to_string(log).unwrap().ends_with("bye\n"), "it could tidy up");
    }

    #[test]
    fn a_lab_that_ends_early_is_quoted() {
        let (_world, lab) = start("echo 'lab: openssl is missing' >&2; exit 3", LIMIT);
        let said = lab.unwrap_err().to_string();
        assert_eq!(said, "the lab ended before it was ready: lab: openssl is missing");
    }

    #[test]
    fn a_lab_that_is_never_ready_is_ended() {
        let (world, lab) = start("echo still busy; exec sleep 60", Duration::from_millis(300));
        let said = lab.unwrap_err().to_string();
        assert!(said.starts_with("the lab was not ready within 0 s: still busy"), "{said}");
        assert_eq!(marked(&fs::canonicalize(world.path().join("lab")).unwrap()), []);
    }

    #[test]
    fn a_lab_that_floods_does_not_fill_the_disk_or_wait() {
        let (_world, lab) = start("echo ready; yes | head -c 9000000; exec sleep 60", LIMIT);
        let lab = lab.unwrap();
        let until = Instant::now() + LIMIT;
        let size = || fs::metadata(lab.log()).unwrap().len();
        while size() < LOG {
            assert!(Instant::now() < until, "{}", size());
            thread::sleep(Duration::from_millis(10));
        }
        assert!(size() <= LOG + LINE);
    }

    #[test]
    fn what_cannot_start_is_named() {
        let world = tempfile::tempdir().unwrap();
        let spec = |start: &[&str]| LabSpec {
            start: start.iter().map(ToString::to_string).collect(),
            cwd: world.path().to_owned(),
            env_extra: Vec::new(),
        };
        let fail = |start: &[&str], folder: &str| {
            Lab::start(&spec(start), &world.path().join(folder), LIMIT).unwrap_err().to_string()
        };
        assert!(fail(&["labs/none.sh"], "a").contains("labs/none.sh"));
        assert_eq!(fail(&[], "b"), "the lab has no command to start");
        assert!(fail(&["true"], "a").contains("is not empty"));
    }
}
