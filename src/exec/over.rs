//! A command on another machine over the OpenSSH client: the process that stands in for it here.
//!
//! There the command runs in a session of its own, under a small wrapper that leaves its output and its exit code in a
//! private folder ([`super::remote`]). When the line is cut, the command goes on; this process connects again and reads
//! on where it was. An end counts only with its code on a line that begins with a word nobody can guess: without it
//! this process ends by a signal, which means that the end is not known. It never starts a command twice.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::afar::Afar;
use super::filter::{Secret, redactor};
use super::remote::{Order, script};
use super::sockets::Sockets;
use super::spec::{CommandSpec, Streams};
use super::until_gone::UntilGone;

/// The hidden first argument of this process.
pub(super) const OVER: &str = "__over";

/// How long is waited before it is tried again.
const BETWEEN: Duration = Duration::from_secs(2);
/// How often a client that has ended is looked at before its last words are taken for all of them.
const LAST_WORDS: u32 = 40;
/// How often it is tried to tell the machine that something shall end.
const ENDING_TRIES: u32 = 2;
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
    /// The words that make a command that of the account it runs as, to end what only that account may end.
    #[serde(default)]
    pub user: Vec<String>,
    /// A way back that goes by itself over there.
    #[serde(default)]
    pub armed: Option<ArmedThere>,
    /// Where it is told what is known besides.
    #[serde(default)]
    pub told: Option<PathBuf>,
    /// How long a lost line is waited for; without it, until somebody wants it to end.
    #[serde(default)]
    pub patience: Option<Duration>,
}

/// A way back that goes by itself over there, without this machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ArmedThere {
    /// A script for `sh` that becomes the command.
    pub run: String,
    /// Seconds from the beginning of the change.
    pub after_s: u64,
    /// Variables that reach it through the shells there.
    pub secrets: BTreeMap<String, String>,
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

    /// Nothing to run, but what is known of a key there.
    fn of(line: &[String], host: &str, key: &str) -> Self {
        Self {
            host: host.to_owned(),
            line: line.to_vec(),
            sockets: Sockets::default(),
            key: key.to_owned(),
            run: String::new(),
            stdin: None,
            secrets: BTreeMap::new(),
            input: Input::File,
            streams: Streams::Joined,
            cut: Cut::Once,
            user: Vec::new(),
            armed: None,
            told: None,
            patience: None,
        }
    }

    /// Changes what a command over ssh is to do; another command stays as it is.
    pub fn amend(spec: &mut CommandSpec, change: impl FnOnce(&mut Self)) {
        let order = spec.stdin.as_deref().filter(|_| spec.argv.get(1).is_some_and(|word| word == OVER));
        if let Some(mut over) = order.and_then(|order| serde_json::from_slice::<Self>(order).ok()) {
            change(&mut over);
            spec.stdin = Some(over.order());
        }
    }

    /// What is told of it, without what it was given in secret.
    fn filter(&self) -> impl Fn(&str) -> String + use<> {
        let piped = self.stdin.iter().filter(|_| self.input == Input::Pipe).map(|text| ("stdin", text));
        let back = self.armed.iter().flat_map(|armed| &armed.secrets);
        let given = self.secrets.iter().chain(back).map(|(name, value)| (name.as_str(), value)).chain(piped);
        let secrets: Vec<_> =
            given.map(|(name, value)| Secret { name: name.to_owned(), value: value.clone().into_bytes() }).collect();
        let redactor = redactor(&secrets);
        move |text: &str| match &redactor {
            Ok(Some(redactor)) => redactor.whole(text),
            Ok(None) => text.to_owned(),
            // It was too short to be looked for, so nothing is said at all.
            Err(_) => "(not shown)".to_owned(),
        }
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
    let mut afar = over.told.as_deref().map(Afar::read).unwrap_or_default();
    afar.left.clear();
    let filter = over.filter();
    let (mut begun, mut ends, mut tries) = (false, 0, 0);
    let mut lost = Instant::now();
    let code = loop {
        let order = match (asked.load(Ordering::Relaxed), begun || over.cut == Cut::Find) {
            (true, _) => Order::End,
            (false, true) => Order::Attach,
            (false, false) => Order::Start,
        };
        if order == Order::End {
            if ends == ENDING_TRIES {
                break None;
            }
            ends += 1;
            // Said before it is tried: whoever waits for this may not wait as long as the line takes.
            afar.not_told = true;
            tell(over, &afar);
        }
        // A connection that is shared may be the one that was lost.
        let sharing = if tries % 2 == 0 { Sharing::Yes } else { Sharing::No };
        let quit = (order != Order::End).then_some(asked);
        let line = Line { words: ssh_words(over, sharing), nonce: &nonce, quit };
        let heard = line.connect(&script(over, &order, &nonce, (passed.out, passed.err)), &mut passed, &mut |word| {
            afar.hear(word, &filter)
        });
        afar.not_told &= heard == Heard::Nothing;
        match heard {
            Heard::Ended(code) => break Some(code),
            Heard::Gone => break None,
            Heard::Begun => {
                begun = true;
                ends = 0;
                if !asked.load(Ordering::Relaxed) {
                    afar.lost += 1;
                    lost = Instant::now();
                    tell(over, &afar);
                }
            }
            Heard::Nothing => {}
        }
        tries += 1;
        let hopeless = over.cut == Cut::Once || (!begun && over.patience.is_none() && tries >= FIRST_TRIES);
        let patient = over.patience.is_none_or(|most| lost.elapsed() < most);
        if (hopeless || !patient) && !asked.load(Ordering::Relaxed) {
            break None;
        }
        let mut left = BETWEEN;
        while !left.is_zero() && !asked.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(50));
            left = left.saturating_sub(Duration::from_millis(50));
        }
    };
    tell(over, &afar);
    code
}

fn tell(over: &Over, afar: &Afar) {
    if let Some(path) = &over.told {
        afar.write(path);
    }
}

/// Bytes that were passed on already.
#[derive(Clone, Copy, Debug, Default)]
struct Passed {
    out: u64,
    err: u64,
}

/// Whether a connection that is there already may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    Yes,
    No,
}

/// One connection.
struct Line<'a> {
    words: Vec<String>,
    nonce: &'a str,
    /// When this is set, it is given up for the one that ends the command.
    quit: Option<&'a AtomicBool>,
}

impl Line<'_> {
    /// The script goes in on stdin, output comes back, and words of the wrapper among the second stream.
    fn connect(&self, script: &str, passed: &mut Passed, hear: &mut dyn FnMut(&str) -> bool) -> Heard {
        let (Ok((out, out_end)), Ok((err, err_end))) = (os_pipe::pipe(), os_pipe::pipe()) else {
            return Heard::Nothing;
        };
        let Ok(input) = super::program::standard_input(Some(script.as_bytes())) else { return Heard::Nothing };
        let started = duct::cmd(&self.words[0], &self.words[1..])
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
        let gone = Arc::new(AtomicBool::new(false));
        let (out, err) = (UntilGone::new(out, &gone), UntilGone::new(err, &gone));
        let output = match thread::Builder::new().spawn(move || pass_on(out)) {
            Ok(output) => output,
            Err(error) => {
                let _ = writeln!(io::stderr(), "cannot make a thread: {error}");
                let _ = handle.kill();
                return Heard::Nothing;
            }
        };
        let over = AtomicBool::new(false);
        let (heard, err) = thread::scope(|scope| {
            let _ = thread::Builder::new().spawn_scoped(scope, || self.watch(&handle, &over, &gone));
            let heard = listen(err, &mut io::stderr(), self.nonce, hear);
            passed.out += output.join().unwrap_or(0);
            over.store(true, Ordering::SeqCst);
            heard
        });
        passed.err += err;
        let _ = handle.wait();
        heard
    }

    /// Ends a client that shall be given up: one that shares a connection does not go by itself when it is told to. And
    /// notes that one has gone, since what it shared may keep its pipes.
    fn watch(&self, handle: &duct::Handle, over: &AtomicBool, gone: &AtomicBool) {
        let mut looks: u32 = 0;
        while !over.load(Ordering::SeqCst) {
            if self.quit.is_some_and(|quit| quit.load(Ordering::SeqCst)) {
                let _ = handle.kill();
                gone.store(true, Ordering::SeqCst);
                return;
            }
            if !matches!(handle.try_wait(), Ok(None)) {
                looks += 1;
                if looks == LAST_WORDS {
                    gone.store(true, Ordering::SeqCst);
                    return;
                }
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

fn pass_on(mut from: impl Read) -> u64 {
    io::copy(&mut from, &mut io::stdout().lock()).unwrap_or(0)
}

/// Passes the second stream on, and takes the wrapper's own lines out of it, each with the line break before it.
fn listen(from: impl Read, to: &mut impl Write, nonce: &str, hear: &mut dyn FnMut(&str) -> bool) -> (Heard, u64) {
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
        if let Some(said) = said(&line, nonce) {
            held_back = false;
            if !hear(said) {
                heard = word(said);
            }
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

/// What the wrapper said in a line, if it is one of its own.
fn said<'a>(line: &'a [u8], nonce: &str) -> Option<&'a str> {
    Some(std::str::from_utf8(line).ok()?.strip_prefix(nonce)?.trim())
}

/// A word about the command.
fn word(said: &str) -> Heard {
    match said.split_once(' ') {
        Some(("end", code)) => code.parse().map_or(Heard::Gone, Heard::Ended),
        _ if said == "gone" => Heard::Gone,
        _ => Heard::Begun,
    }
}

/// The words of the same client where a person is there to be asked: for a passphrase, a code, about a host key. What it
/// opens is shared with the commands that follow.
pub fn ssh_on_terminal(line: &[String], host: &str, sockets: &Sockets) -> Vec<String> {
    let mut words = vec!["ssh".to_owned()];
    words.extend(line_words(line, "auto", sockets));
    words.extend(["--", host, "true"].map(str::to_owned));
    words
}

/// What came of a confirmation over a line of its own.
///
/// # Errors
/// In words, why it does not count.
pub fn confirm_there(line: &[String], host: &str, key: &str, by: &str, asking: Asking) -> Result<String, String> {
    let over = Over::of(line, host, key);
    let nonce = crate::text::hex(&crate::host::random::bytes::<16>());
    let mut words = ["ssh", "-T"].map(str::to_owned).to_vec();
    if asking == Asking::Nobody {
        words.extend(["-o", "BatchMode=yes"].map(str::to_owned));
    }
    words.extend(alone(line).into_iter().chain(["--".to_owned(), host.to_owned(), "exec sh".to_owned()]));
    let ask = |by: Option<String>| {
        let mut answer = None;
        let line = Line { words: words.clone(), nonce: &nonce, quit: None };
        line.connect(&script(&over, &Order::Confirm { by }, &nonce, (0, 0)), &mut Passed::default(), &mut |word| {
            answer = Some(word.to_owned());
            true
        });
        answer.ok_or_else(|| format!("no line could be made to {host}, so nothing shows that it can be reached"))
    };
    // The line that confirms is made when it is known already that the step has ended.
    let first = ask(None)?;
    let answer = if first == "ended" { ask(Some(by.to_owned()))? } else { first };
    match answer.split_once(' ') {
        Some(("verdict", verdict)) => match verdict.split_once(' ') {
            Some(("confirmed", by)) => Ok(by.to_owned()),
            Some((_, why)) => Err(format!("too late, its way back has begun ({why})")),
            None => Err("what was decided there cannot be read".to_owned()),
        },
        Some(("cannot", why)) => Err(why.to_owned()),
        _ => Err(format!("{host} gave no answer that can be read")),
    }
}

/// Who can be asked by the client for a passphrase or a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// The person at this terminal.
    Person,
    Nobody,
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

/// The same for a connection of its own, whatever the user's configuration shares.
fn alone(line: &[String]) -> Vec<String> {
    let options = ["ConnectTimeout=10", "ServerAliveInterval=10", "ControlMaster=no", "ControlPath=none"];
    options.into_iter().flat_map(|option| ["-o", option]).map(str::to_owned).chain(line.iter().cloned()).collect()
}

/// The client as the user has configured it. Nothing here makes it trust more than it would.
fn ssh_words(over: &Over, sharing: Sharing) -> Vec<String> {
    let mut words = ["ssh", "-T", "-o", "BatchMode=yes"].map(str::to_owned).to_vec();
    // A master that a change started would be taken for something the change left behind.
    let master = if over.cut == Cut::Once { "auto" } else { "no" };
    match sharing {
        Sharing::Yes => words.extend(line_words(&over.line, master, &over.sockets)),
        Sharing::No => words.extend(alone(&over.line)),
    }
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
        let heard = |line: &[u8]| said(line, "abc").map(word);
        assert_eq!(heard(b"abc end 0\n"), Some(Heard::Ended(0)));
        assert_eq!(heard(b"abc end 255\n"), Some(Heard::Ended(255)));
        assert_eq!(heard(b"abc begun\n"), Some(Heard::Begun));
        assert_eq!(heard(b"abc gone\n"), Some(Heard::Gone));
        assert_eq!(heard(b"abc end x\n"), Some(Heard::Gone));
        assert_eq!(heard(b"end 0\n"), None);
        assert_eq!(heard(b" abc end 0\n"), None);
    }

    #[test]
    fn only_what_the_command_said_is_passed_on_and_counted() {
        let passed = |stream: &str| {
            let mut to = Vec::new();
            let (heard, count) = listen(stream.as_bytes(), &mut to, "abc", &mut |word| word.starts_with("left "));
            assert_eq!(count, to.len() as u64);
            (heard, String::from_utf8(to).unwrap())
        };
        assert_eq!(passed("\nabc begun\n\nabc end 0\n"), (Heard::Ended(0), String::new()));
        assert_eq!(passed("\nabc begun\nwarning\n\nabc end 3\n"), (Heard::Ended(3), "warning\n".to_owned()));
        assert_eq!(passed("\nabc begun\nno break\nabc end 3\n"), (Heard::Ended(3), "no break".to_owned()));
        assert_eq!(passed("\nabc begun\na\n\nb\n"), (Heard::Begun, "a\n\nb\n".to_owned()));
        assert_eq!(passed("\nabc left 7 x\n\nabc end 0\n"), (Heard::Ended(0), String::new()));
        assert_eq!(passed("ssh: no route"), (Heard::Nothing, "ssh: no route".to_owned()));
    }

    #[test]
    fn the_client_is_not_told_to_trust_and_the_host_is_no_option() {
        let over = Over { cut: Cut::Again, ..Over::of(&["-J", "masato"].map(str::to_owned), "kyousuke", "k") };
        let words = ssh_words(&over, Sharing::Yes);
        let fresh = ssh_words(&over, Sharing::No);
        assert!(fresh.iter().any(|word| word == "ControlPath=none"), "{fresh:?}");
        assert_eq!(words[words.len() - 5..], ["-J", "masato", "--", "kyousuke", "exec sh"]);
        let weak = ["StrictHostKey", "UserKnownHosts", "ForwardAgent", "PermitLocal", "-A", "-F"];
        let asked = ssh_on_terminal(&over.line, "kyousuke", &over.sockets);
        assert!(!words.iter().chain(&asked).any(|word| weak.iter().any(|weak| word.contains(weak))), "{words:?}");
        assert!(!asked.iter().any(|word| word.contains("BatchMode")), "a person is there to be asked");
        assert!(!words.iter().any(|word| word == "ControlMaster=auto"));
    }
}
