//! Ends processes: politely, and after a grace for certain.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::facts::Leftover;
use super::processes::signal;
use super::survivors::{leftover, of_run};

/// How long it is tried to end what does not go away; a process inside the kernel may not.
const KILLING: Duration = Duration::from_secs(5);

/// Ends whatever `members` gives, until it gives nothing. False where something cannot be ended: another person's, for one.
pub(super) fn end_all(members: &dyn Fn() -> Vec<u32>, grace: Duration) -> bool {
    end_within(members, grace, KILLING)
}

fn end_within(members: &dyn Fn() -> Vec<u32>, grace: Duration, killing: Duration) -> bool {
    for pid in members() {
        signal(pid, Signal::TERM);
        // A stopped process cannot take the hint.
        signal(pid, Signal::CONT);
    }
    let until = Instant::now() + grace;
    while Instant::now() < until && !members().is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let until = Instant::now() + killing;
    loop {
        let left = members();
        if left.is_empty() {
            return true;
        }
        if Instant::now() > until {
            return false;
        }
        for pid in left {
            signal(pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Ends what carries a run in its environment, and an attempt of which `ends` holds; nobody attends to it any more.
/// Gives what could not be ended. Processes of other users cannot be seen.
pub fn end_orphans(run: &str, ends: &dyn Fn(&str) -> bool, grace: Duration) -> Vec<Leftover> {
    let this = std::process::id();
    let members = || -> Vec<u32> {
        let carriers = of_run(run).into_iter();
        carriers.filter(|(pid, attempt)| *pid != this && ends(attempt)).map(|(pid, _)| pid).collect()
    };
    if members().is_empty() || end_all(&members, grace) {
        return Vec::new();
    }
    members().into_iter().map(|pid| leftover(pid, &|line| line.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_ended_is_not_tried_for_ever() {
        let moment = Duration::from_millis(20);
        assert!(end_within(&Vec::new, moment, moment));
        assert!(!end_within(&|| vec![u32::MAX], moment, moment), "no process has this number");
    }

    #[test]
    fn only_the_orphans_of_a_run_that_are_meant_are_ended() {
        let run = format!("ending-{}", std::process::id());
        let start = |run: &str, attempt: &str| {
            duct::cmd!("sleep", "60").env("LOCUM_RUN", run).env("LOCUM_ATTEMPT", attempt).unchecked().start().unwrap()
        };
        let (look, change, other) = (start(&run, "1-4-ab"), start(&run, "1-5-ab"), start("another", "1-4-ab"));
        assert_eq!(end_orphans(&run, &|attempt| attempt == "1-4-ab", Duration::from_secs(5)), []);
        assert!(look.try_wait().unwrap().is_some());
        assert!(change.try_wait().unwrap().is_none() && other.try_wait().unwrap().is_none());
        for process in [change, other] {
            process.kill().unwrap();
        }
    }
}
