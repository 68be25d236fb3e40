//! What sudo reads a person's password from, where it asks for one and there is no terminal: a socket of this process.
//!
//! The password stays in memory: sudo starts a small script, the script starts this binary, and that asks here. When this
//! process ends nobody answers any more, and sudo says that it was given none.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::survivors::process_start;
use crate::text::shell::single_quote;

/// The hidden first argument of the process that sudo starts through the script.
pub(super) const ASKPASS: &str = "__askpass";

/// The variable in which sudo looks for a program to ask.
pub const SUDO_ASKPASS: &str = "SUDO_ASKPASS";

/// What stands in place of a process id when nobody is told any more.
const LAST: [u8; 4] = [0; 4];

/// How long either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(5);

/// A password that sudo can ask for, until this value is gone.
#[derive(Debug)]
pub struct Askpass {
    folder: tempfile::TempDir,
}

impl Askpass {
    /// Answers with this password from now on. `exe` is this program's own binary.
    ///
    /// # Errors
    /// No private folder, socket or thread can be made.
    pub fn open(exe: &Path, password: String) -> io::Result<Self> {
        let own = std::fs::Permissions::from_mode(0o700);
        let mut folder = tempfile::Builder::new();
        let folder = folder.prefix("locum-askpass-").permissions(own);
        // Where /tmp is mounted so that nothing is executed from it, the folder of a login is not.
        let login = PathBuf::from(format!("/run/user/{}", rustix::process::geteuid().as_raw()));
        let folder = folder.tempdir_in(login).or_else(|_| folder.tempdir())?;
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket)?;
        let exe = std::fs::canonicalize(exe)?;
        let words = [exe.to_string_lossy().as_ref(), ASKPASS, socket.to_string_lossy().as_ref()].map(single_quote);
        let mut script = std::fs::OpenOptions::new();
        let mut script = script.write(true).create_new(true).mode(0o700).open(folder.path().join("askpass"))?;
        writeln!(script, "#!/bin/sh\nexec {}", words.join(" "))?;
        std::thread::Builder::new().name("askpass".into()).spawn(move || answer(&listener, &password))?;
        Ok(Self { folder })
    }

    /// The program that prints the password, for [`SUDO_ASKPASS`].
    pub fn program(&self) -> PathBuf {
        self.folder.path().join("askpass")
    }
}

impl Drop for Askpass {
    /// Lets the thread see that its folder goes.
    fn drop(&mut self) {
        let socket = self.folder.path().join("socket");
        if let Ok(mut last) = UnixStream::connect(&socket) {
            let _ = last.write_all(&LAST);
        }
    }
}

/// Until somebody says the last word, every sudo is told, once: one that asks again was told the wrong one, and each further try
/// would bring the account nearer to being locked. Only who acts as this person can enter the folder.
fn answer(listener: &UnixListener, password: &str) {
    let mut told = BTreeSet::new();
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { return };
        let _ = stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
        let mut word = [0; 4];
        if stream.read_exact(&mut word).is_err() {
            continue;
        }
        if word == LAST {
            return;
        }
        let pid = u32::from_be_bytes(word);
        if told.insert((pid, process_start(pid))) {
            let _ = writeln!(stream, "{password}");
        }
    }
}

/// The hidden subcommand: prints what it is told; sudo's own question is not repeated.
pub(super) fn askpass_main(mut words: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let Some(socket) = words.next() else { return ExitCode::from(2) };
    let sudo = rustix::process::getppid().map_or(u32::MAX, |pid| pid.as_raw_nonzero().get().unsigned_abs());
    match asked(Path::new(&socket), sudo) {
        Ok(told) if told.is_empty() => {
            eprintln!("locum: that password was not the right one");
            ExitCode::FAILURE
        }
        Ok(told) if io::stdout().write_all(&told).is_ok() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("locum: who was given your password is gone: {error}");
            ExitCode::FAILURE
        }
    }
}

fn asked(socket: &Path, sudo: u32) -> io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&sudo.to_be_bytes())?;
    let mut told = Vec::new();
    stream.read_to_end(&mut told)?;
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_is_told_until_it_is_gone() {
        let askpass = Askpass::open(Path::new("/bin/true"), "two words".to_owned()).unwrap();
        let socket = askpass.folder.path().join("socket");
        assert_eq!(asked(&socket, 1).unwrap(), b"two words\n");
        assert_eq!(asked(&socket, 2).unwrap(), b"two words\n", "each step asks anew");
        assert_eq!(asked(&socket, 1).unwrap(), b"", "and gives up when it was wrong");
        let script = std::fs::read_to_string(askpass.program()).unwrap();
        assert!(script.contains(ASKPASS) && !script.contains("two words"), "{script}");
        for (path, mode) in [(askpass.folder.path().to_owned(), 0o700), (askpass.program(), 0o700)] {
            assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, mode);
        }
        drop(askpass);
        assert!(asked(&socket, 3).is_err());
    }

    #[test]
    fn one_who_says_nothing_keeps_nobody_from_asking_for_long() {
        let askpass = Askpass::open(Path::new("/bin/true"), "secret".to_owned()).unwrap();
        let socket = askpass.folder.path().join("socket");
        drop(UnixStream::connect(&socket).unwrap());
        assert_eq!(asked(&socket, 1).unwrap(), b"secret\n");
    }
}
