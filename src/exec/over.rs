//! A command on another machine over the OpenSSH client: the process that stands in for it here.
//!
//! There the command runs in a session of its own, under a small wrapper that leaves its output and its exit code in a
//! private folder ([`super::remote`]). When the line is cut, the command goes on; this process connects again and reads
//! on where it was. An end counts only with its code on a line that begins with a word nobody can guess: without it
//! this process ends by a signal, which means that the end is not known. It never starts a command twice.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::remote::{Order, script};
use super::sockets::Sockets;
use super::spec::Streams;

/// The hidden first argument of this process.
pub(super) const OVER: &str = "__over";

/// How long is waited before it is tried again.
const BETWEEN: Duration = Duration::from_secs(2);
/// How often it is tried while nothing was heard at all.
const FIRST_TRIES: u32 = 3;

/// What shall run there.
#[derive(Debug, Serialize, Deserialize)]
pub struct Over {
    pub host: String,
    /// Options of `ssh` for the line there.
    pub line: Vec<String>,
    /// Where connections that are shared have their sockets.
    #[serde(default)]
    pub sockets: Sockets,
    /// Names the folder there; the same key never starts a second time.
    pub key: String,
    /// A script for `sh` that becomes the command.
    pub run: String,
    pub stdin: Option<String>,
    /// Variables that reach the command through the shells there, and no file.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// What it reads is a secret too.
    #[serde(default)]
    pub input: Input,
    pub streams: Streams,
    pub cut: Cut,
}

/// How the standard input of a command gets to it there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// By a file that only the account there can read, until the command has ended.
    #[default]
    File,
    /// By a pipe: it is a secret.
    Pipe,
}

/// The longest secret that is piped to a command there, in bytes: what a pipe holds without a reader.
pub const LONGEST_PIPED: usize = 32 << 10;

impl Over {
    /// The words of the process that stands in for the command here; this goes to its standard input.
    pub fn argv() -> Vec<String> {
        vec![super::program::this_binary().to_string_lossy().into_owned(), OVER.to_owned()]
    }

    /// For its standard input.
    pub fn order(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts are JSON")
    }
}

/// What a cut line means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cut {
    /// A look: it cannot be told.
    Once,
    /// A change: it is tried until its end is known, or somebody wants it to end.
    Again,
    /// A change that was started earlier: its end is asked for, as long as it runs, and it is never started.
    Find,
}

/// How one connection ended.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Ended(u8),
    /// It runs, and the line is gone.
    Begun,
    /// It is gone there without a word.
    Gone,
    Nothing,
}

/// The hidden subcommand.
pub(super) fn over_main() -> ExitCode {
    let mut text = String::new();
    let read = io::stdin().read_to_string(&mut text);
    let Some(over) = read.ok().and_then(|_| serde_json::from_str::<Over>(&text).ok()) else { return ExitCode::from(2) };
    if !over.secrets.is_empty() || over.input == Input::Pipe {
        super::dumps::hide_memory();
        super::dumps::limit(super::spec::CoreDumps::Off);
    }
    // Only its end is asked for: a screen that dies meanwhile is no wish to end what runs over there.
    #[cfg(target_os = "linux")]
    if over.cut == Cut::Find && rustix::process::set_parent_process_death_signal(None).is_err() {
        return ExitCode::from(2);
    }
    let asked = Arc::new(AtomicBool::new(false));
    let heard = signal_hook::flag::register(signal_hook::consts::SIGTERM, asked.clone());
    if heard.is_err() {
        return ExitCode::from(2);
    }
    match carry(&over, &asked) {
        Some(code) => ExitCode::from(code),
        None => unknown(),
    }
}

/// To the end, where it can be known.
fn carry(over: &Over, asked: &AtomicBool) -> Option<u8> {
    let nonce = crate::text::hex(&crate::host::random::bytes::<16>());
    let mut passed = Passed::default();
    let (mut begun, mut told, mut tries) = (false, false, 0);
    loop {
        let order = match (asked.load(Ordering::Relaxed), begun || over.cut == Cut::Find) {
            (true, _) => Order::End,
            (false, true) => Order::Attach,
            (false, false) => Order::Start,
        };
        if order == Order::End && told {
            return None;
        }
        told = order == Order::End;
        match connect(over, &script(over, order, &nonce, (passed.out, passed.err)), &nonce, &mut passed) {
            Heard::Ended(code) => return Some(code),
            Heard::Gone => return None,
            Heard::Begun => begun = true,
            Heard::Nothing => tries += 1,
        }
        let hopeless = over.cut == Cut::Once || (!begun && tries >= FIRST_TRIES);
        if hopeless && !asked.load(Ordering::Relaxed) {
            return None;
        }
        let mut left = BETWEEN;
        while !left.is_zero() && !asked.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(50));
            left = left.saturating_sub(Duration::from_millis(50));
        }
    }
}

/// Bytes that were passed on already.
#[derive(Clone, Copy, Debug, Default)]
struct Passed {
    out: u64,
    err: u64,
}

/// One connection: the script goes in on stdin, output comes back, and words of the wrapper among the second stream.
fn connect(over: &Over, script: &str, nonce: &str, passed: &mut Passed) -> Heard {
    let (Ok((out, out_end)), Ok((err, err_end))) = (os_pipe::pipe(), os_pipe::pipe()) else { return Heard::Nothing };
    let Ok(input) = super::program::standard_input(Some(script.as_bytes())) else { return Heard::Nothing };
    let started = duct::cmd("ssh", ssh_words(over))
        .stdin_file(input)
        .stdout_file(out_end)
        .stderr_file(err_end)
        .env_remove("LOCUM_ATTEMPT")
        .unchecked()
        .start();
    let handle = match started {
        Ok(handle) => handle,
        Err(error) => {
            let _ = writeln!(io::stderr(), "cannot start ssh: {error}");
            return Heard::Nothing;
        }
    };
    let output = match thread::Builder::new().spawn(move || pass_on(out)) {
        Ok(output) => output,
        Err(error) => {
            let _ = writeln!(io::stderr(), "cannot make a thread: {error}");
            let _ = handle.kill();
            return Heard::Nothing;
        }
    };
    let (heard, err) = listen(err, &mut io::stderr(), nonce);
    passed.out += output.join().unwrap_or(0);
    passed.err += err;
    let _ = handle.wait();
    heard
}

fn pass_on(mut from: os_pipe::PipeReader) -> u64 {
    io::copy(&mut from, &mut io::stdout().lock()).unwrap_or(0)
}

/// Passes the second stream on, and takes the wrapper's own lines out of it, each with the line break before it.
fn listen(from: impl Read, to: &mut impl Write, nonce: &str) -> (Heard, u64) {
    let (mut heard, mut passed, mut line) = (Heard::Nothing, 0, Vec::new());
    let mut from = BufReader::new(from);
    let mut held_back = false;
    let mut pass = |bytes: &[u8]| {
        passed += bytes.len() as u64;
        let _ = to.write_all(bytes);
    };
    loop {
        line.clear();
        let read = from.by_ref().take(64 << 10).read_until(b'\n', &mut line).unwrap_or(0);
        if let Some(word) = word(&line, nonce) {
            (heard, held_back) = (word, false);
            continue;
        }
        if held_back {
            pass(b"\n");
        }
        if read == 0 {
            return (heard, passed);
        }
        held_back = line.pop_if(|last| *last == b'\n').is_some();
        pass(&line);
    }
}

/// A line of the wrapper.
fn word(line: &[u8], nonce: &str) -> Option<Heard> {
    let line = std::str::from_utf8(line).ok()?.trim_end();
    let rest = line.strip_prefix(nonce)?.trim_start();
    Some(match rest.split_once(' ') {
        Some(("end", code)) => code.parse().map_or(Heard::Gone, Heard::Ended),
        _ if rest == "gone" => Heard::Gone,
        _ => Heard::Begun,
    })
}

/// The words of the same client where a person is there to be asked: for a passphrase, a code, about a host key. What it
/// opens is shared with the commands that follow.
pub fn ssh_on_terminal(line: &[String], host: &str, sockets: &Sockets) -> Vec<String> {
    let mut words = vec!["ssh".to_owned()];
    words.extend(line_words(line, "auto", sockets));
    words.extend(["--", host, "true"].map(str::to_owned));
    words
}

/// What every line has: limits of its own, the connection that is shared, and the options of its place. `master` says
/// whether it may start one to be shared.
fn line_words(line: &[String], master: &str, sockets: &Sockets) -> Vec<String> {
    let limits = ["ConnectTimeout=10", "ServerAliveInterval=10"].map(str::to_owned);
    let sharing = sockets.folder().map(|folder| {
        [format!("ControlMaster={master}"), format!("ControlPath={folder}/%C"), "ControlPersist=10m".to_owned()]
    });
    let options = limits.into_iter().chain(sharing.into_iter().flatten());
    options.flat_map(|option| ["-o".to_owned(), option]).chain(line.iter().cloned()).collect()
}

/// The client as the user has configured it. Nothing here makes it trust more than it would.
fn ssh_words(over: &Over) -> Vec<String> {
    let mut words = ["-T", "-o", "BatchMode=yes"].map(str::to_owned).to_vec();
    // A master that a change started would be taken for something the change left behind.
    let master = if over.cut == Cut::Once { "auto" } else { "no" };
    words.extend(line_words(&over.line, master, &over.sockets));
    words.extend(["--".to_owned(), over.host.clone(), "exec sh".to_owned()]);
    words
}

/// The words that give a script a terminal on another machine: the person answers what ssh asks there.
pub fn ssh_terminal(line: &[String], host: &str, sockets: &Sockets, script: &str) -> Vec<String> {
    let mut words = ["ssh", "-t"].map(str::to_owned).to_vec();
    // A connection that is there is used; one that this would start would be taken for something left behind.
    words.extend(line_words(line, "no", sockets));
    let script = format!("exec sh -c {}", crate::text::shell::single_quote(script));
    words.extend(["--".to_owned(), host.to_owned(), script]);
    words
}

/// Ends as no command does: by the signal for a line that was cut.
fn unknown() -> ExitCode {
    use rustix::process::{Signal, getpid, kill_process};
    let _ = kill_process(getpid(), Signal::HUP);
    thread::sleep(Duration::from_secs(1));
    ExitCode::from(255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_line_with_the_word_nobody_can_guess_is_an_end() {
        assert_eq!(word(b"abc end 0\n", "abc"), Some(Heard::Ended(0)));
        assert_eq!(word(b"abc end 255\n", "abc"), Some(Heard::Ended(255)));
        assert_eq!(word(b"abc begun\n", "abc"), Some(Heard::Begun));
        assert_eq!(word(b"abc gone\n", "abc"), Some(Heard::Gone));
        assert_eq!(word(b"abc end x\n", "abc"), Some(Heard::Gone));
        assert_eq!(word(b"end 0\n", "abc"), None);
        assert_eq!(word(b" abc end 0\n", "abc"), None);
    }

    #[test]
    fn only_what_the_command_said_is_passed_on_and_counted() {
        let passed = |stream: &str| {
            let mut to = Vec::new();
            let (heard, count) = listen(stream.as_bytes(), &mut to, "abc");
            assert_eq!(count, to.len() as u64);
            (heard, String::from_utf8(to).unwrap())
        };
        assert_eq!(passed("\nabc begun\n\nabc end 0\n"), (Heard::Ended(0), String::new()));
        assert_eq!(passed("\nabc begun\nwarning\n\nabc end 3\n"), (Heard::Ended(3), "warning\n".to_owned()));
        assert_eq!(passed("\nabc begun\nno break\nabc end 3\n"), (Heard::Ended(3), "no break".to_owned()));
        assert_eq!(passed("\nabc begun\na\n\nb\n"), (Heard::Begun, "a\n\nb\n".to_owned()));
        assert_eq!(passed("ssh: no route"), (Heard::Nothing, "ssh: no route".to_owned()));
    }

    #[test]
    fn the_client_is_not_told_to_trust_and_the_host_is_no_option() {
        let over = Over {
            host: "kyousuke".to_owned(),
            line: ["-J", "masato"].map(str::to_owned).to_vec(),
            sockets: Sockets::default(),
            key: "k".to_owned(),
            run: String::new(),
            stdin: None,
            secrets: BTreeMap::new(),
            input: Input::File,
            streams: Streams::Joined,
            cut: Cut::Again,
        };
        let words = ssh_words(&over);
        assert_eq!(words[words.len() - 5..], ["-J", "masato", "--", "kyousuke", "exec sh"]);
        let weak = ["StrictHostKey", "UserKnownHosts", "ForwardAgent", "PermitLocal", "-A", "-F"];
        let asked = ssh_on_terminal(&over.line, "kyousuke", &over.sockets);
        assert!(!words.iter().chain(&asked).any(|word| weak.iter().any(|weak| word.contains(weak))), "{words:?}");
        assert!(!asked.iter().any(|word| word.contains("BatchMode")), "a person is there to be asked");
        assert!(!words.iter().any(|word| word == "ControlMaster=auto"));
    }
}
