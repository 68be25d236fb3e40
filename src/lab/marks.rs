//! Which processes belong to a lab, and whether the one who runs it still lives.
//!
//! A process is known by the folder in its first environment, which it cannot lose by changing its parent or session;
//! its runner by number and start time, which no later process shares.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde::{Deserialize, Serialize};

use super::environment::{MARK, SITE};
use crate::host::clock::boot_id;

/// A process that cannot be mistaken for a later one of the same number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    pid: i32,
    /// Clock ticks after the boot, where the system says so.
    started: Option<u64>,
    boot: Option<String>,
    /// The namespace that the number means something in.
    namespace: Option<PathBuf>,
}

impl Identity {
    pub fn of_this_process() -> Self {
        Self::of(rustix::process::getpid())
    }

    pub fn of(pid: Pid) -> Self {
        Self { pid: pid.as_raw_pid(), started: started(pid.as_raw_pid()), boot: boot_id(), namespace: namespace() }
    }

    /// Does it live? In doubt, yes: a lab of somebody else is left alone.
    pub fn lives(&self) -> bool {
        if self.boot != boot_id() {
            return false;
        }
        if self.namespace != namespace() {
            return true;
        }
        match (self.started, Pid::from_raw(self.pid)) {
            (Some(_), _) => started(self.pid) == self.started,
            (None, Some(pid)) => test_kill_process(pid).is_ok(),
            (None, None) => false,
        }
    }
}

/// How long a killed process may take to be gone: a busy machine lets it wait for its turn to die.
const KILLED_WITHIN: Duration = Duration::from_secs(5);

/// Ends every process of a lab, politely first; says how many there were.
pub(super) fn end_all(folder: &Path, grace: Duration) -> usize {
    let found = marked(folder);
    signal(&found, Signal::TERM);
    let until = Instant::now() + grace;
    while !marked(folder).is_empty() && Instant::now() < until {
        sleep(Duration::from_millis(10));
    }
    // More than once: one that is forking has a child that was not seen.
    let until = Instant::now() + KILLED_WITHIN;
    while let left @ [_, ..] = marked(folder).as_slice()
        && Instant::now() < until
    {
        signal(left, Signal::KILL);
        sleep(Duration::from_millis(2));
    }
    found.len()
}

/// One that is gone already is what was wanted.
fn signal(processes: &[Pid], signal: Signal) {
    for process in processes {
        let _ = kill_process(*process, signal);
    }
}

/// The living processes that carry the mark of a lab, without this one; none where the system does not tell.
pub(super) fn marked(folder: &Path) -> Vec<Pid> {
    let mark = [MARK.as_bytes(), b"=", folder.join(SITE).as_os_str().as_bytes()].concat();
    let Ok(all) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = all.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let carries = |pid: &i32| {
        fs::read(format!("/proc/{pid}/environ")).is_ok_and(|list| list.split(|byte| *byte == 0).any(|one| one == mark))
    };
    let own = rustix::process::getpid();
    numbers.filter(carries).filter_map(Pid::from_raw).filter(|pid| *pid != own).collect()
}

/// When a process started; none if it is gone or only waits to be reaped.
fn started(pid: i32) -> Option<u64> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything; the state is field 3, the start field 22 (proc_pid_stat(5)).
    let mut fields = line[line.rfind(')')? + 1..].split_ascii_whitespace();
    let state = fields.next()?;
    let start = fields.nth(18)?.parse().ok()?;
    (state != "Z" && state != "X").then_some(start)
}

fn namespace() -> Option<PathBuf> {
    fs::read_link("/proc/self/ns/pid").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_one_of_its_number_before_it_does_not() {
        let this = Identity::of_this_process();
        assert!(this.lives());
        assert!(!Identity { started: Some(1), ..this.clone() }.lives());
        assert!(!Identity { boot: Some("another".into()), ..this.clone() }.lives());
        assert!(Identity { started: Some(1), namespace: Some("another".into()), ..this }.lives(), "in doubt it lives");
    }

    #[test]
    fn a_process_that_ended_does_not_live() {
        let child = duct::cmd!("sleep", "60").unchecked().start().unwrap();
        let pid = Pid::from_raw(i32::try_from(child.pids()[0]).unwrap()).unwrap();
        let identity = Identity::of(pid);
        assert!(identity.lives());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!identity.lives());
    }
}
