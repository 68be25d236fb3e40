//! Does a program run? The table of processes, as `/proc` shows it.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use super::words::span;
use super::{Probed, Verdict};

/// Bytes that are read of a file in `/proc` at most.
const LIMIT: u64 = 64 * 1024;
/// Bytes of a name that the kernel keeps.
const KEPT: usize = 15;

/// Counts the programs of a name. `mark` restricts it to processes with these bytes in their environment.
pub fn look(name: &str, running: bool, mark: Option<&str>) -> Probed {
    let all = match table() {
        Ok(all) => all,
        Err(reason) => return Probed::new(Verdict::CannotTell, format!("cannot look: {reason}")),
    };
    let named = all.into_iter().filter(|pid| is_called(*pid, name) && mark.is_none_or(|mark| is_marked(*pid, mark)));
    let mut found: Vec<_> = named.filter_map(Found::read).collect();
    let dead = found.iter().filter(|process| process.dead).count();
    found.retain(|process| !process.dead);
    found.sort_by_key(|process| (process.start, process.pid));
    let verdict = if found.is_empty() == running { Verdict::Fault } else { Verdict::Ok };
    let Some(oldest) = found.first() else {
        if !everything_is_seen() {
            let line = format!("no `{name}` among the processes that this account may see; others are hidden from it");
            return Probed::new(Verdict::CannotTell, line);
        }
        let zombies =
            if dead > 0 { format!("; {dead} ended and nobody took note of it (zombies)") } else { String::new() };
        return counted(Probed::new(verdict, format!("no process `{name}` runs{zombies}")), 0);
    };
    let since = oldest.age().map(|age| format!(" since {}", span(age))).unwrap_or_default();
    let line = match found.len() {
        1 => format!("`{name}` runs{since} (pid {})", oldest.pid),
        many => format!("`{name}` runs {many} times, the oldest{since} (pid {})", oldest.pid),
    };
    let mut probed = counted(Probed::new(verdict, line), found.len());
    probed.values.insert("pid".to_owned(), oldest.pid.to_string());
    if let Some(age) = oldest.age() {
        probed.values.insert("seconds".to_owned(), age.as_secs().to_string());
    }
    probed
}

fn counted(mut probed: Probed, count: usize) -> Probed {
    probed.values.insert("count".to_owned(), count.to_string());
    probed
}

fn table() -> Result<Vec<u32>, String> {
    let entries = fs::read_dir("/proc").map_err(|_| "this machine has no `/proc`".to_owned())?;
    let pids: Vec<u32> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    if pids.is_empty() { Err("`/proc` shows no process".to_owned()) } else { Ok(pids) }
}

/// With `hidepid`, an account sees its own processes only, and not the first one.
fn everything_is_seen() -> bool {
    Path::new("/proc/1/stat").exists()
}

fn read(path: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(LIMIT).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// By the name that the kernel keeps, or by the word it was started with: either can be another one.
fn is_called(pid: u32, name: &str) -> bool {
    let started = read(&format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let word = started.split(|byte| *byte == 0).next().unwrap_or_default();
    let word = String::from_utf8_lossy(word);
    let word = word.rsplit('/').next().unwrap_or_default();
    let kept = read(&format!("/proc/{pid}/comm")).unwrap_or_default();
    let kept = String::from_utf8_lossy(&kept);
    let is_kept = kept.trim_end() == name && name.len() <= KEPT;
    let is_kernels = started.is_empty() && name.len() > KEPT && name.get(..KEPT) == Some(kept.trim_end());
    word == name || is_kept || is_kernels
}

/// What cannot be read belongs to somebody else.
fn is_marked(pid: u32, mark: &str) -> bool {
    let environment = read(&format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
}

struct Found {
    pid: u32,
    dead: bool,
    /// Clock ticks since boot.
    start: u64,
}

impl Found {
    fn read(pid: u32) -> Option<Self> {
        let stat = read(&format!("/proc/{pid}/stat"))?;
        let stat = String::from_utf8_lossy(&stat);
        // The name stands in parentheses and may hold any of them itself.
        let mut rest = stat.rsplit_once(')')?.1.split_whitespace();
        let dead = matches!(rest.next()?, "Z" | "X" | "x");
        Some(Self { pid, dead, start: rest.nth(18)?.parse().ok()? })
    }

    fn age(&self) -> Option<Duration> {
        let started = Duration::from_secs(self.start) / u32::try_from(rustix::param::clock_ticks_per_second()).ok()?;
        Duration::from_millis(crate::host::clock::milliseconds_since_boot()).checked_sub(started)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "real processes to look at")]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    /// A `sleep` under a name of its own.
    struct Sleeper(Child);

    impl Sleeper {
        fn start(name: &str, mark: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(name);
            // By another program: what a fork of another thread holds open for writing cannot be started.
            assert!(Command::new("cp").arg("/bin/sleep").arg(&path).status().unwrap().success());
            let child = Command::new(&path).arg("60").env("LOCUM_MARK", mark).spawn().unwrap();
            let sleeper = Self(child);
            while !is_called(sleeper.0.id(), name) {
                std::thread::sleep(Duration::from_millis(2));
            }
            sleeper
        }
    }

    impl Drop for Sleeper {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_program_that_runs_is_found_and_one_that_does_not_is_not() {
        let mut sleeper = Sleeper::start("locum-sleeps", "");
        let said = look("locum-sleeps", true, None);
        assert_eq!((said.verdict, said.values["count"].as_str()), (Verdict::Ok, "1"), "{said:?}");
        assert_eq!(said.values["pid"], sleeper.0.id().to_string());
        assert!(said.lines[0].starts_with("`locum-sleeps` runs since "), "{said:?}");
        assert_eq!(look("locum-sleeps", false, None).verdict, Verdict::Fault);
        sleeper.0.kill().unwrap();
        while !Found::read(sleeper.0.id()).unwrap().dead {
            std::thread::sleep(Duration::from_millis(2));
        }
        let said = look("locum-sleeps", true, None);
        assert_eq!(said.verdict, Verdict::Fault, "a zombie does not run");
        sleeper.0.wait().unwrap();
        let said = look("locum-sleeps", true, None);
        assert_eq!(said.lines, ["no process `locum-sleeps` runs"]);
        assert_eq!(look("locum-sleeps", false, None).verdict, Verdict::Ok);
    }

    #[test]
    fn a_name_longer_than_the_kernel_keeps_is_whole() {
        let _long = Sleeper::start("locum-sleeps-for-a-long-time", "");
        assert_eq!(look("locum-sleeps-for-a-long-time", true, None).values["count"], "1");
        assert_eq!(look("locum-sleeps-for-a-long-night", true, None).verdict, Verdict::Fault);
    }

    #[test]
    fn several_are_counted_and_a_mark_tells_them_apart() {
        let (_one, two) = (Sleeper::start("locum-twice", "1"), Sleeper::start("locum-twice", "2"));
        let said = look("locum-twice", true, None);
        assert!(said.lines[0].starts_with("`locum-twice` runs 2 times, the oldest since "), "{said:?}");
        assert_eq!(look("locum-twice", true, Some("LOCUM_MARK=2")).values["pid"], two.0.id().to_string());
        assert_eq!(look("locum-twice", true, Some("LOCUM_MARK=3")).verdict, Verdict::Fault);
    }
}
