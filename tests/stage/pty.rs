//! A real terminal with a program in it: keys go in, a screen comes out.

#![expect(clippy::disallowed_methods, reason = "a test is an edge: it starts the binary and reads its own environment")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::PATIENCE;

/// A program on a terminal of 24 lines and 80 columns.
pub struct Pty {
    child: Child,
    keys: File,
    said: Arc<Mutex<Vec<u8>>>,
}

impl Pty {
    /// Starts a command with the terminal as its standard streams, in a session of its own that it controls.
    pub fn start(command: &Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let open = || {
            use std::os::unix::fs::OpenOptionsExt;
            let noctty = rustix::fs::OFlags::NOCTTY.bits().cast_signed();
            let slave = File::options().read(true).write(true).custom_flags(noctty).open(&name).unwrap();
            Stdio::from(OwnedFd::from(slave))
        };
        // `setsid --ctty` makes the session and takes the terminal: that cannot be done here without `unsafe`.
        let mut under = Command::new("setsid");
        under.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args());
        under.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(folder) = command.get_current_dir() {
            under.current_dir(folder);
        }
        let child = under.stdin(open()).stdout(open()).stderr(open()).spawn().unwrap();
        let keys = File::from(master);
        let said = Arc::new(Mutex::new(Vec::new()));
        let (mut screen, heard) = (keys.try_clone().unwrap(), Arc::clone(&said));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = screen.read(&mut buffer) {
                heard.lock().unwrap().extend_from_slice(&buffer[..read]);
            }
        });
        Self { child, keys, said }
    }

    /// Everything that was shown so far, as plain text.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&self.said.lock().unwrap()).replace('\r', "")
    }

    /// Types keys as a person does who does not look at the screen.
    pub fn type_blindly(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Types a line once the question was read.
    pub fn answer(&mut self, keys: &str) {
        std::thread::sleep(Duration::from_millis(600));
        self.type_blindly(&format!("{keys}\n"));
    }

    /// Waits for a text to appear the `times`th time.
    #[track_caller]
    pub fn wait_for(&self, text: &str, times: usize) {
        let until = Instant::now() + PATIENCE;
        while self.said().matches(text).count() < times {
            assert!(Instant::now() < until, "no `{text}` on:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
