//! The system's table of processes, as `/proc` shows it. On systems without `/proc` it is empty.

use std::collections::BTreeSet;
use std::fs;

use rustix::process::{Pid, Signal, WaitIdOptions, WaitOptions};

/// What the table says of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub pid: u32,
    pub state: char,
    pub parent: u32,
    pub group: u32,
    pub session: u32,
    /// Clock ticks since boot.
    pub start: u64,
}

impl Process {
    /// Reads one process; `None` when it is gone.
    pub fn read(pid: u32) -> Option<Self> {
        parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Whether it can still do anything.
    pub fn alive(&self) -> bool {
        !matches!(self.state, 'Z' | 'X' | 'x')
    }
}

/// Every process that can be seen, in the order of their ids.
pub(super) fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let pids: BTreeSet<u32> = pids.collect();
    pids.into_iter().filter_map(Process::read).collect()
}

/// The children of a process and theirs, itself not included, dead ones not included.
pub(super) fn descendants(root: u32) -> Vec<u32> {
    let table = all();
    let mut family = BTreeSet::from([root]);
    loop {
        let before = family.len();
        family.extend(table.iter().filter(|each| family_has(&family, each)).map(|each| each.pid).collect::<Vec<_>>());
        if family.len() == before {
            break;
        }
    }
    family.remove(&root);
    table.iter().filter(|each| family.contains(&each.pid) && each.alive()).map(|each| each.pid).collect()
}

fn family_has(family: &BTreeSet<u32>, process: &Process) -> bool {
    family.contains(&process.parent)
}

/// Whether this process has any child, dead or alive; exact, and cheap.
pub(super) fn have_children() -> bool {
    use rustix::process::{WaitId, waitid};
    let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::All, peek), Err(rustix::io::Errno::CHILD))
}

/// Takes note of the end of children that others left to this process; `leader` has somebody who waits for it.
pub(super) fn reap_orphans(leader: Option<u32>) {
    let this = std::process::id();
    for process in all() {
        if process.parent == this && process.state == 'Z' && Some(process.pid) != leader {
            let _ = rustix::process::waitpid(to_pid(process.pid), WaitOptions::NOHANG);
        }
    }
}

/// Sends a signal; a process that is gone is none of our business.
pub(super) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = to_pid(pid) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// The command line as one line that a person can read; without control characters.
pub(super) fn command_line(pid: u32) -> String {
    let raw = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&raw);
    let line = text.trim_end_matches('\0').replace('\0', " ");
    line.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

fn to_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// The name in brackets may hold anything, so the fields are counted from its last bracket. See proc(5).
fn parse_stat(text: &str) -> Option<Process> {
    let pid = text.split(' ').next()?.parse().ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    let start = fields.nth(15)?.parse().ok()?;
    Some(Process { pid, state, parent, group, session, start })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_whose_name_looks_like_fields_is_read_right() {
        let stat = "42 (a) R 9 (b) S 7 42 40 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 98765 1000 10";
        let process = parse_stat(stat).unwrap();
        let expected = Process { pid: 42, state: 'S', parent: 7, group: 42, session: 40, start: 98765 };
        assert_eq!(process, expected);
    }

    #[test]
    fn this_process_is_in_the_table() {
        let this = std::process::id();
        assert!(all().iter().any(|process| process.pid == this && process.alive()));
        assert!(command_line(this).contains("locum"));
    }

    #[test]
    fn a_child_and_its_child_are_descendants() {
        let child = duct::cmd!("sh", "-c", "sleep 30 & wait").start().unwrap();
        let parent = child.pids()[0];
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while descendants(parent).is_empty() {
            assert!(std::time::Instant::now() < deadline, "the shell starts its child");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let family = descendants(std::process::id());
        assert!(family.contains(&parent) && descendants(parent).iter().all(|pid| family.contains(pid)));
        // The shell first: it would end well by itself as soon as its child is gone.
        let children = descendants(parent);
        [parent].into_iter().chain(children).for_each(|pid| signal(pid, Signal::KILL));
        child.wait().unwrap_err();
        while !descendants(parent).is_empty() {
            assert!(std::time::Instant::now() < deadline, "they are gone");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}
