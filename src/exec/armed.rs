//! The dead man: a way back that the supervisor of a step goes by itself, unless somebody confirms in time.
//!
//! Whoever comes first writes the verdict, and whoever comes second reads it: a confirmation and the end of the time
//! can never both hold. What counts as a confirmation is said in [`super::login`] and asked by the driver.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::facts::Ending;
use super::spec::CommandSpec;

/// How often the verdict is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A way back that is gone by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Armed {
    /// The command that goes back.
    pub undo: CommandSpec,
    /// How long after the command began. What still runs then is ended first.
    pub after: Duration,
    /// `sup/<attempt>.verdict`.
    pub verdict: PathBuf,
    /// Where its output goes.
    pub blob: PathBuf,
}

/// What is decided about an armed way back, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Somebody confirmed: by which login.
    Confirmed { by: String },
    /// Nobody did in time, or the step was called off.
    GoBack { why: String },
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum Disarmed {
    /// It was not gone.
    Confirmed { by: String },
    /// It was gone.
    WentBack {
        why: String,
        result: Ending,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<i32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<i32>,
        /// Why it could not be begun.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// Writes a verdict where there is none yet; gives the one that stands.
///
/// # Errors
/// Nothing could be written, and there is none.
pub fn pronounce(path: &Path, verdict: &Verdict) -> io::Result<Verdict> {
    let mine = path.with_extension(format!("verdict-{}", std::process::id()));
    let written = write_new(&mine, verdict).and_then(|()| fs::hard_link(&mine, path));
    let _ = fs::remove_file(&mine);
    match written {
        Ok(()) => {
            if let Some(folder) = path.parent() {
                fs::File::open(folder)?.sync_all()?;
            }
            Ok(verdict.clone())
        }
        Err(error) => read(path).ok_or(error),
    }
}

/// The verdict, where there is one.
pub fn read(path: &Path) -> Option<Verdict> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn write_new(path: &Path, verdict: &Verdict) -> io::Result<()> {
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&serde_json::to_vec(verdict)?)?;
    file.sync_all()
}

impl Armed {
    /// Waits for the verdict; at the end of the time, or once the step is called off, it is to go back.
    pub(super) fn wait(&self, began: Instant, called_off: &dyn Fn() -> bool) -> Verdict {
        loop {
            if let Some(verdict) = read(&self.verdict) {
                return verdict;
            }
            let left = self.after.saturating_sub(began.elapsed());
            let why = match (called_off(), left.is_zero()) {
                (true, _) => "the step was called off".to_owned(),
                (false, true) => format!("nobody confirmed within {}", crate::text::human(self.after)),
                (false, false) => {
                    std::thread::sleep(left.min(LOOK_EVERY));
                    continue;
                }
            };
            let back = Verdict::GoBack { why };
            // A disk that takes no verdict does not take away the way back.
            return pronounce(&self.verdict, &back).unwrap_or(back);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn armed(folder: &Path, after: Duration) -> Armed {
        let undo = CommandSpec::new(vec!["true".into()], BTreeMap::new(), "/");
        Armed { undo, after, verdict: folder.join("1-4-abcd.verdict"), blob: folder.join("1-4-abcd.back.out") }
    }

    fn confirmed() -> Verdict {
        Verdict::Confirmed { by: "sshd 4711".into() }
    }

    #[test]
    fn whoever_comes_second_reads_what_the_first_one_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.verdict");
        let back = Verdict::GoBack { why: "late".into() };
        assert_eq!(read(&path), None);
        assert_eq!(pronounce(&path, &confirmed()).unwrap(), confirmed());
        assert_eq!(pronounce(&path, &back).unwrap(), confirmed());
        assert_eq!(read(&path), Some(confirmed()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn without_a_confirmation_in_time_it_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let armed = armed(folder.path(), Duration::from_millis(20));
        let verdict = armed.wait(Instant::now(), &|| false);
        assert!(
            matches!(&verdict, Verdict::GoBack { why } if why.starts_with("nobody confirmed within")),
            "{verdict:?}"
        );
        assert_eq!(pronounce(&armed.verdict, &confirmed()).unwrap(), verdict, "a confirmation comes too late");
    }

    #[test]
    fn a_confirmation_in_time_keeps_it_from_going_back_and_calling_off_does_not_wait() {
        let folder = tempfile::tempdir().unwrap();
        let armed = armed(folder.path(), Duration::from_mins(10));
        assert!(matches!(armed.wait(Instant::now(), &|| true), Verdict::GoBack { .. }));
        fs::remove_file(&armed.verdict).unwrap();
        pronounce(&armed.verdict, &confirmed()).unwrap();
        assert_eq!(armed.wait(Instant::now(), &|| true), confirmed());
    }

    #[test]
    fn a_disk_that_takes_no_verdict_does_not_take_away_the_way_back() {
        let folder = tempfile::tempdir().unwrap();
        let armed = armed(&folder.path().join("gone"), Duration::ZERO);
        assert!(matches!(armed.wait(Instant::now(), &|| false), Verdict::GoBack { .. }));
        assert!(pronounce(&armed.verdict, &confirmed()).is_err());
    }
}
