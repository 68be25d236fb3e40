//! The guards of another place: the same measure, copy and way back, made by small POSIX scripts that run over there.
//!
//! What a script needs is what a plain Debian, RHEL or busybox system has: `find`, `stat -c`, `sha256sum`, `readlink`,
//! and for a copy `cp -a`. Where one of them is missing, or says something that cannot be read to its end, nothing is
//! guessed: it is an error. Names go out as octal bytes and come back ended by NUL, whatever they are made of.
//!
//! Not responsible for how a script gets there: whoever calls gives [`Ask`].

mod copy;
mod look;
mod read;
mod restore;
mod words;

pub use copy::{CopyThere, copy_there};
pub use look::measure_there;
pub use restore::restore_there;
pub use words::{file_there, write_there};

use super::GuardError;

/// Runs a script for `sh` over there and gives what it printed; in words, why not.
pub type Ask<'a> = dyn Fn(&str) -> Result<Vec<u8>, String> + 'a;

fn there(reason: impl Into<String>) -> GuardError {
    GuardError::There(reason.into())
}

#[cfg(test)]
mod testing {
    //! A place over there is a shell of this machine.

    /// Runs a script as a place would.
    #[expect(clippy::disallowed_methods, reason = "a test is an edge: it starts a shell as sshd would")]
    pub fn ask_in(home: &std::path::Path) -> impl Fn(&str) -> Result<Vec<u8>, String> + use<> {
        let home = home.to_owned();
        move |script: &str| {
            let shell = std::env::var("LOCUM_TEST_SHELL").unwrap_or_else(|_| "sh".to_owned());
            let mut words = shell.split(' ');
            let mut command = std::process::Command::new(words.next().unwrap());
            let out = command.args(words).args(["-c", script]).env("HOME", &home).output().unwrap();
            if out.status.success() { Ok(out.stdout) } else { Err(String::from_utf8_lossy(&out.stderr).into_owned()) }
        }
    }
}
