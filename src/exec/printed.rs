//! A command whose output is wanted in memory and nowhere else: what prints a secret.
//!
//! It keeps the operator's terminal, since the keeper of a password asks for its own there.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::program::resolve;
use super::spec::CommandSpec;
use crate::text::plain_lines;

/// The longest output, in bytes.
const MOST: u64 = 64 << 10;
/// How long a person may take to open the keeper of a password.
const LIMIT: Duration = Duration::from_mins(5);
/// How many lines of its complaints are told.
const TOLD_LINES: usize = 3;

/// Runs a command to its end and gives what it printed.
///
/// # Errors
/// In words, why there is nothing; what it printed is not among them.
pub fn printed(spec: &CommandSpec) -> Result<Vec<u8>, String> {
    let program = resolve(spec)?;
    let failed = |error: std::io::Error| format!("cannot start it: {error}");
    let (out, out_end) = os_pipe::pipe().map_err(failed)?;
    let (err, err_end) = os_pipe::pipe().map_err(failed)?;
    let name = spec.argv[0].clone();
    let command = duct::cmd(program, &spec.argv[1..])
        .full_env(&spec.env)
        .dir(&spec.cwd)
        .stdin_null()
        .stdout_file(out_end)
        .stderr_file(err_end)
        .unchecked()
        .before_spawn(move |command| {
            command.arg0(&name);
            Ok(())
        });
    let handle = command.start().map_err(failed)?;
    // The writing ends in the command are closed with it.
    drop(command);
    let (out, err) = (reading(out), reading(err));
    let until = Instant::now() + spec.timeout.unwrap_or(LIMIT);
    let left = || until.saturating_duration_since(Instant::now());
    let ended = handle.wait_timeout(left()).map_err(|error| format!("cannot tell how it ended: {error}"))?;
    let Some(ended) = ended else {
        let _ = handle.kill();
        return Err("it did not end in time".to_owned());
    };
    if !ended.status.success() {
        return Err(complaint(ended.status, &err));
    }
    let bytes = out.recv_timeout(left()).map_err(|_| "something that it started still writes".to_owned())?;
    if bytes.len() as u64 > MOST {
        return Err(format!("it printed more than {MOST} bytes"));
    }
    Ok(bytes)
}

/// How it ended, and the last lines of its second stream.
fn complaint(status: std::process::ExitStatus, err: &Receiver<Vec<u8>>) -> String {
    let code = status.code().map_or_else(|| "a signal ended it".to_owned(), |code| format!("exit {code}"));
    let said = err.recv_timeout(Duration::from_millis(200)).unwrap_or_default();
    let said = plain_lines(&String::from_utf8_lossy(&said));
    let lines: Vec<_> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(TOLD_LINES)..].iter().map(|line| (*line).to_owned());
    [code].into_iter().chain(last).collect::<Vec<_>>().join(": ")
}

/// Reads to the end, in a thread of its own; of what is too long only the beginning.
fn reading(mut from: os_pipe::PipeReader) -> Receiver<Vec<u8>> {
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.by_ref().take(MOST + 1).read_to_end(&mut bytes);
        let _ = tell.send(bytes);
        let _ = std::io::copy(&mut from, &mut std::io::sink());
    });
    told
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::exec::{Shell, shell_argv};

    fn of(script: &str) -> Result<String, String> {
        let env = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
        let mut spec = CommandSpec::new(shell_argv(Shell::Sh, script), env, "/");
        spec.timeout = Some(Duration::from_secs(2));
        printed(&spec).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn what_it_prints_comes_back_and_what_it_complains_does_not() {
        assert_eq!(of("echo hunter2; echo 'a warning' >&2").unwrap(), "hunter2\n");
        assert_eq!(of("cat").unwrap(), "", "it reads nothing");
    }

    #[test]
    fn a_failure_says_why_and_not_what_was_printed() {
        assert_eq!(of("echo hunter2; echo 'no such \x1b[31mkey' >&2; exit 3").unwrap_err(), "exit 3: no such key");
        assert!(of("nosuchcommand").unwrap_err().starts_with("exit 127: "));
        let none = CommandSpec::new(vec!["nosuchcommand".to_owned()], BTreeMap::new(), "/");
        assert_eq!(printed(&none).unwrap_err(), "command not found: `nosuchcommand`");
    }

    #[test]
    fn it_ends_in_time_and_says_little() {
        assert_eq!(of("exec sleep 60").unwrap_err(), "it did not end in time");
        assert_eq!(of("head -c 70000 /dev/zero").unwrap_err(), "it printed more than 65536 bytes");
    }
}
