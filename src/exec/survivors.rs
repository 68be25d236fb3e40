//! Where we are, and what an attempt left running: the questions that resume asks before it concludes anything.

use std::fs;
use std::os::unix::fs::MetadataExt;

use sha2::{Digest, Sha256};

use super::facts::{Leftover, Started, cut};
use super::processes::{Process, all, command_line};
use crate::host::clock::boot_id;
use crate::text::hex;

/// The longest command line that is shown of a process, in bytes.
const LONGEST_COMMAND: usize = 100;

/// Processes whose environment says that they belong to an attempt. Those of other users cannot be seen.
pub fn survivors(attempt: &str) -> Vec<Leftover> {
    if attempt.is_empty() {
        return Vec::new();
    }
    let marked = |pid: &u32| Environment::of(*pid).get("LOCUM_ATTEMPT").as_deref() == Some(attempt);
    alive().filter(marked).map(|pid| leftover(pid, &|line| line.to_owned())).collect()
}

/// Processes whose environment says that they belong to a run, with their attempts. Those of other users cannot be seen.
pub(super) fn of_run(run: &str) -> Vec<(u32, String)> {
    let attempt = |pid| {
        let environment = Environment::of(pid);
        let belongs = environment.get("LOCUM_RUN").as_deref() == Some(run);
        belongs.then(|| (pid, environment.get("LOCUM_ATTEMPT").unwrap_or_default()))
    };
    alive().filter_map(attempt).collect()
}

fn alive() -> impl Iterator<Item = u32> {
    all().into_iter().filter(Process::alive).map(|process| process.pid)
}

/// The environment that a process began with; empty where it cannot be read.
struct Environment(Vec<u8>);

impl Environment {
    fn of(pid: u32) -> Self {
        Self(fs::read(format!("/proc/{pid}/environ")).unwrap_or_default())
    }

    fn get(&self, name: &str) -> Option<String> {
        let mut variables = self.0.split(|byte| *byte == 0);
        let value = variables.find_map(|variable| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
        Some(String::from_utf8_lossy(value).into_owned())
    }
}

/// What is said of a process; `filter` takes out what must not be written down, before anything is cut.
pub(super) fn leftover(pid: u32, filter: &dyn Fn(&str) -> String) -> Leftover {
    let mut command = filter(&command_line(pid));
    cut(&mut command, LONGEST_COMMAND);
    Leftover { pid, command }
}

/// A digest of the machine's id, since the id itself is meant to stay on the machine (machine-id(5)); empty if there is none.
pub fn machine_id() -> String {
    let id = ["/etc/machine-id", "/var/lib/dbus/machine-id"].iter().find_map(|path| fs::read_to_string(path).ok());
    let Some(id) = id.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()) else { return String::new() };
    hex(&Sha256::digest(format!("locum machine {id}"))[..16])
}

/// The inode of the pid namespace, in which pids mean something; 0 where the system does not say.
pub fn pid_namespace() -> u64 {
    fs::metadata("/proc/self/ns/pid").map_or(0, |metadata| metadata.ino())
}

/// When a process was started, in clock ticks since boot; `None` when it is gone. With the pid it names a process for good.
pub fn process_start(pid: u32) -> Option<u64> {
    Process::read(pid).map(|process| process.start)
}

/// This process as a supervisor, its command not yet spawned.
pub(super) fn this_supervisor() -> Started {
    let supervisor_pid = std::process::id();
    Started {
        supervisor_pid,
        supervisor_start: process_start(supervisor_pid).unwrap_or(0),
        command_pid: None,
        command_start: None,
        command_end: None,
        boot_id: boot_id().unwrap_or_default(),
        machine_id: machine_id(),
        pid_ns: pid_namespace(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_found_by_its_attempt() {
        let attempt = format!("1-5-{}", std::process::id());
        let child = duct::cmd!("sleep", "30").env("LOCUM_ATTEMPT", &attempt).start().unwrap();
        let found = survivors(&attempt);
        let longer = survivors(&attempt[..attempt.len() - 1]);
        child.kill().unwrap();
        assert_eq!(found, [Leftover { pid: child.pids()[0], command: "sleep 30".into() }]);
        assert!(longer.is_empty(), "the beginning of an attempt's id is another attempt");
        child.wait().unwrap_err();
        assert!(survivors(&attempt).is_empty());
    }

    #[test]
    fn no_attempt_has_no_survivors() {
        assert!(survivors("").is_empty());
    }

    #[test]
    fn the_place_is_known() {
        assert_eq!(boot_id().unwrap().len(), 36);
        assert_ne!(pid_namespace(), 0);
        let machine = fs::read_to_string("/etc/machine-id").unwrap_or_default();
        assert!(machine.trim().is_empty() || !machine_id().contains(machine.trim()));
        let started = this_supervisor();
        assert_eq!(process_start(started.supervisor_pid), Some(started.supervisor_start));
    }

    #[test]
    fn a_leftover_is_filtered_before_it_is_cut() {
        let child = duct::cmd!("sh", "-c", format!("kill -STOP $$; : {}", "s3cret".repeat(40))).start().unwrap();
        let seen = leftover(child.pids()[0], &|line| line.replace("s3cret", "*"));
        child.kill().unwrap();
        child.wait().unwrap_err();
        assert_eq!(seen.command, format!("sh -c kill -STOP $$; : {}", "*".repeat(40)));
    }
}
