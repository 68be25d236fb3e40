//! The login that a process belongs to, and when it was made: what tells a new connection from an old one.
//!
//! A login is the nearest process above that serves one connection or one console: what `sshd` makes for each
//! connection, or `login`. Its start is the time of the connection, which the process below cannot choose. What hangs
//! below a server of its own (tmux, screen, a daemon, a container) belongs to no login that could be told.

use std::fs;

use super::processes::Process;

/// Names of processes that serve one connection or console. `sshd` is also the name of the listener, which no shell
/// has right above itself.
const SERVERS: [&str; 4] = ["sshd-session", "sshd", "dropbear", "login"];
/// No family is as deep.
const DEEPEST: usize = 64;

/// A login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    pub pid: u32,
    /// The program that serves it.
    pub name: String,
    /// When it was made, in clock ticks since boot.
    pub start: u64,
}

/// The login of a process; none where it belongs to none, or that cannot be seen.
pub fn login_of(pid: u32) -> Option<Login> {
    let mut at = Process::read(pid)?;
    for _ in 0..DEEPEST {
        let parent = Process::read(at.parent).filter(|parent| parent.pid > 1)?;
        let name = name(parent.pid)?;
        if SERVERS.contains(&name.as_str()) {
            return Some(Login { pid: parent.pid, name, start: parent.start });
        }
        at = parent;
    }
    None
}

fn name(pid: u32) -> Option<String> {
    Some(fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim_end().to_owned())
}

/// Now, in clock ticks since boot, as the start of a process is given; none where the system does not say.
pub fn ticks() -> Option<u64> {
    use rustix::time::{ClockId, clock_gettime};
    #[cfg(target_os = "linux")]
    let now = clock_gettime(ClockId::Boottime);
    #[cfg(not(target_os = "linux"))]
    let now = clock_gettime(ClockId::Monotonic);
    let (seconds, nanos) = (u64::try_from(now.tv_sec).ok()?, u64::try_from(now.tv_nsec).ok()?);
    let each = rustix::param::clock_ticks_per_second();
    Some(seconds * each + nanos * each / 1_000_000_000)
}

/// Clock ticks as whole seconds.
pub fn seconds(ticks: u64) -> u64 {
    ticks / rustix::param::clock_ticks_per_second().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_that_of_the_table_of_processes() {
        let before = ticks().unwrap();
        let child = duct::cmd!("sleep", "30").start().unwrap();
        let start = Process::read(child.pids()[0]).unwrap().start;
        child.kill().unwrap();
        let after = ticks().unwrap();
        assert!(before <= start && start <= after, "{before} {start} {after}");
    }

    #[test]
    fn a_process_below_one_that_serves_a_login_belongs_to_it() {
        let folder = tempfile::tempdir().unwrap();
        // A shell under another name is as good as the server, to whoever reads the table of processes.
        let sshd = folder.path().join("sshd-session");
        std::os::unix::fs::symlink("/bin/sh", &sshd).unwrap();
        let child = duct::cmd!(&sshd, "-c", "sleep 30 & wait; true").start().unwrap();
        let server = child.pids()[0];
        let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
        let below = loop {
            let below = super::super::processes::descendants(server);
            if let Some(below) = below.first() {
                break *below;
            }
            assert!(std::time::Instant::now() < until, "the shell starts its child");
        };
        let login = login_of(below);
        for pid in [server, below] {
            super::super::processes::signal(pid, rustix::process::Signal::KILL);
        }
        child.wait().unwrap_err();
        let login = login.expect("a login");
        assert_eq!((login.pid, login.name.as_str()), (server, "sshd-session"));
    }

    #[test]
    fn a_process_that_is_gone_belongs_to_no_login() {
        assert_eq!(login_of(u32::MAX), None);
    }
}
