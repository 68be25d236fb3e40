//! A real terminal with a program in it: keys go in, a screen comes out.

#![expect(clippy::disallowed_methods, reason = "a test is an edge: it starts the binary and reads its own environment")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::PATIENCE;

/// A program on a terminal of 24 lines and 80 columns.
pub struct Pty {
    child: Mutex<Child>,
    /// The terminal's own end; gone when it was closed.
    keys: Option<File>,
    said: Arc<Mutex<Vec<u8>>>,
    closed: Arc<AtomicBool>,
    shown: Option<JoinHandle<()>>,
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
        size_of(&master, 80, 24);
        let child = under.stdin(open()).stdout(open()).stderr(open()).spawn().unwrap();
        let keys = File::from(master);
        let said = Arc::new(Mutex::new(Vec::new()));
        let closed = Arc::new(AtomicBool::new(false));
        let (screen, heard, close) = (keys.try_clone().unwrap(), Arc::clone(&said), Arc::clone(&closed));
        let shown = std::thread::spawn(move || show(screen, &heard, &close));
        Self { child: Mutex::new(child), keys: Some(keys), said, closed, shown: Some(shown) }
    }

    /// Closes the terminal, as a window that is closed or a line that is cut does. The program on it is left alone.
    pub fn close(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        if let Some(shown) = self.shown.take() {
            shown.join().unwrap();
        }
        self.keys = None;
    }

    fn keys(&self) -> &File {
        self.keys.as_ref().expect("the terminal is open")
    }

    /// Whether the program on it has ended.
    pub fn has_ended(&self) -> bool {
        self.child.lock().unwrap().try_wait().unwrap().is_some()
    }

    /// Whether it reads lines and shows what is typed, as a shell left it.
    pub fn is_cooked(&self) -> bool {
        let modes = tcgetattr(self.keys()).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }

    /// Makes the terminal another size.
    pub fn resize(&self, columns: u16, lines: u16) {
        size_of(self.keys(), columns, lines);
    }

    /// Everything that was shown so far, byte by byte.
    pub fn bytes(&self) -> Vec<u8> {
        self.said.lock().unwrap().clone()
    }

    /// Everything that was shown so far, as plain text.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&self.said.lock().unwrap()).replace('\r', "")
    }

    /// What stands on the screen now, line by line: cursor moves, clearing and letters are all that a screen draws with.
    pub fn screen(&self) -> String {
        let mut lines = vec![vec![' '; 200]; 60];
        let (mut at, mut column) = (0, 0);
        let said = self.said();
        let mut letters = said.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '\u{1b}' if letters.next_if_eq(&'[').is_some() => {
                    let mut numbers = String::new();
                    while let Some(more) = letters.next_if(|letter| !letter.is_ascii_alphabetic()) {
                        numbers.push(more);
                    }
                    let end = letters.next().unwrap_or(' ');
                    match (end, numbers.split_once(';')) {
                        ('H', Some((line, row))) => {
                            (at, column) = (line.parse().unwrap_or(1) - 1, row.parse().unwrap_or(1) - 1);
                        }
                        ('H', None) => (at, column) = (0, 0),
                        ('J', _) => lines = vec![vec![' '; 200]; 60],
                        ('h' | 'l', _) if numbers == "?1049" => {
                            lines = vec![vec![' '; 200]; 60];
                            (at, column) = (0, 0);
                        }
                        _ => {}
                    }
                }
                '\n' => (at, column) = (at + 1, 0),
                letter => {
                    if let Some(cell) = lines.get_mut(at).and_then(|line: &mut Vec<char>| line.get_mut(column)) {
                        *cell = letter;
                    }
                    column += 1;
                }
            }
        }
        let lines = lines.iter().map(|line| line.iter().collect::<String>().trim_end().to_owned());
        lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }

    /// Waits until a text stands on the screen.
    #[track_caller]
    pub fn shows(&self, text: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.screen().contains(text) {
            assert!(Instant::now() < until, "no `{text}` on:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Types keys as a person does who does not look at the screen.
    pub fn type_blindly(&mut self, keys: &str) {
        self.keys().write_all(keys.as_bytes()).unwrap();
    }

    /// Presses a key once the card was read.
    pub fn press(&mut self, key: &str) {
        std::thread::sleep(Duration::from_millis(600));
        self.type_blindly(key);
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

/// Keeps what is shown, until the terminal is closed from either side.
fn show(mut screen: File, said: &Mutex<Vec<u8>>, closed: &AtomicBool) {
    let mut buffer = [0; 4096];
    let moment = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
    while !closed.load(Ordering::SeqCst) {
        let mut polled = [PollFd::new(&screen, PollFlags::IN)];
        if poll(&mut polled, Some(&moment)) == Ok(0) {
            continue;
        }
        let Ok(read @ 1..) = screen.read(&mut buffer) else { return };
        said.lock().unwrap().extend_from_slice(&buffer[..read]);
    }
}

fn size_of(terminal: &impl std::os::fd::AsFd, columns: u16, lines: u16) {
    let size = Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).unwrap();
}

impl Drop for Pty {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}
