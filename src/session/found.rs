//! What is known of an attempt that has an intent and no end: the evidence of its supervisor, weighed. JOURNAL.md, Resume.

use crate::engine::AttemptId;
use crate::exec::{self, Exit, Started};
use crate::host::clock::boot_id;
use crate::journal::{Evidence, SupLock, is_blank, read_evidence};
use crate::text::plain;

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Its end is known.
    Ended(Box<Exit>),
    /// Its supervisor lives.
    Running,
    /// GO never came, or the command was never spawned.
    NotStarted,
    /// Nobody can know.
    Lost { why: &'static str, survivors: Vec<String> },
}

/// Where a supervisor lived or lives, as far as it can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    pub boot: String,
    pub machine: String,
    pub pids: u64,
}

impl Whereabouts {
    /// This boot of this machine, and the processes that can be seen from here.
    pub fn here() -> Self {
        Self { boot: boot_id().unwrap_or_default(), machine: exec::machine_id(), pids: exec::pid_namespace() }
    }
}

/// Weighs the evidence of an attempt; `intended` is the boot in which its intent was recorded.
pub fn found(files: &Evidence, attempt: &AttemptId, intended: Option<&str>, here: &Whereabouts) -> Found {
    if let Some(exit) = exit_in(files) {
        return Found::Ended(Box::new(exit));
    }
    if SupLock::is_held(&files.lock()) {
        return Found::Running;
    }
    // It may have ended between the two looks.
    if let Some(exit) = exit_in(files) {
        return Found::Ended(Box::new(exit));
    }
    let same_boot = intended.is_some_and(|boot| boot == here.boot && !boot.is_empty());
    let untouched = is_blank(&files.started()) && is_blank(&files.exit());
    let why = match read_evidence::<Started>(&files.started()) {
        Some(started) => elsewhere(&started, here),
        None if untouched && same_boot => return Found::NotStarted,
        None if untouched => Some(ANOTHER_BOOT),
        None => Some("what its supervisor left is damaged"),
    };
    let survivors =
        exec::survivors(&attempt.0).into_iter().map(|left| format!("{} {}", left.pid, plain(&left.command)));
    Found::Lost { why: why.unwrap_or("its supervisor is gone without a word"), survivors: survivors.collect() }
}

const ANOTHER_BOOT: &str = "the machine was started anew since, or this is another one";

/// Why what was started cannot be seen from here; `None` where it could be.
fn elsewhere(started: &Started, here: &Whereabouts) -> Option<&'static str> {
    if started.machine_id != here.machine {
        Some("it was started on another machine")
    } else if started.boot_id != here.boot || here.boot.is_empty() {
        Some(ANOTHER_BOOT)
    } else if started.pid_ns != here.pids {
        Some("it was started among other processes than can be seen from here, and they are gone")
    } else {
        None
    }
}

/// The end of a command, where its supervisor wrote it.
pub fn exit_in(files: &Evidence) -> Option<Exit> {
    read_evidence(&files.exit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Durable, RunFolder, write_evidence};

    struct Scene {
        _state: tempfile::TempDir,
        files: Evidence,
        attempt: AttemptId,
        here: Whereabouts,
    }

    impl Scene {
        fn new() -> Self {
            let state = tempfile::tempdir().unwrap();
            let folder = RunFolder::create(state.path(), "7f3a-k2").unwrap();
            let attempt = AttemptId("1-4-abcd".to_owned());
            let files = Evidence::prepare(&folder, &attempt.0).unwrap();
            drop(SupLock::take(&files.lock()).unwrap());
            let here = Whereabouts { boot: "this boot".to_owned(), machine: "kyousuke".to_owned(), pids: 7 };
            Self { _state: state, files, attempt, here }
        }

        fn found(&self) -> Found {
            found(&self.files, &self.attempt, Some("this boot"), &self.here)
        }

        fn started(&self, change: impl Fn(&mut Started)) -> &Self {
            let mut started = Started {
                boot_id: "this boot".to_owned(),
                machine_id: "kyousuke".to_owned(),
                pid_ns: 7,
                ..Started::default()
            };
            change(&mut started);
            write_evidence(&self.files.started(), &started, Durable::WithTheSystem).unwrap();
            self
        }

        fn why(&self) -> &'static str {
            match self.found() {
                Found::Lost { why, .. } => why,
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn an_end_on_the_disk_is_known_whoever_lives() {
        let scene = Scene::new();
        let exit = Exit { code: Some(3), result: exec::Ending::Exited, ..Exit::default() };
        write_evidence(&scene.files.exit(), &exit, Durable::WithTheSystem).unwrap();
        let _held = SupLock::take(&scene.files.lock()).unwrap();
        assert_eq!(scene.found(), Found::Ended(Box::new(exit)));
    }

    #[test]
    fn a_held_lock_means_that_it_runs() {
        let scene = Scene::new();
        let _held = SupLock::take(&scene.files.lock()).unwrap();
        assert_eq!(scene.found(), Found::Running);
        scene.started(|_| ());
        assert_eq!(scene.found(), Found::Running);
    }

    #[test]
    fn without_a_word_in_the_same_boot_nothing_was_started() {
        assert_eq!(Scene::new().found(), Found::NotStarted);
    }

    #[test]
    fn without_a_word_after_another_boot_nobody_can_know() {
        let mut scene = Scene::new();
        scene.here.boot = "the next boot".to_owned();
        assert_eq!(scene.why(), ANOTHER_BOOT);
        let unsaid = found(&scene.files, &scene.attempt, None, &scene.here);
        assert!(matches!(unsaid, Found::Lost { why: ANOTHER_BOOT, .. }), "{unsaid:?}");
    }

    #[test]
    fn what_was_started_and_has_no_end_is_lost() {
        assert_eq!(Scene::new().started(|_| ()).why(), "its supervisor is gone without a word");
    }

    #[test]
    fn what_was_started_elsewhere_is_lost_and_says_where() {
        assert_eq!(Scene::new().started(|started| started.boot_id = "the last boot".to_owned()).why(), ANOTHER_BOOT);
        let machine = Scene::new().started(|started| started.machine_id = "masato".to_owned()).why();
        assert_eq!(machine, "it was started on another machine");
        assert!(
            Scene::new()
                .started(|started| started.pid_ns = 8)
                .why()
                .starts_with("it was started among other processes")
        );
    }

    #[test]
    fn evidence_that_is_damaged_or_gone_never_means_that_nothing_ran() {
        let scene = Scene::new();
        std::fs::write(scene.files.started(), b"{\"supervisor_pid\":1").unwrap();
        assert_eq!(scene.why(), "what its supervisor left is damaged");
        std::fs::remove_file(scene.files.started()).unwrap();
        assert_eq!(scene.why(), "what its supervisor left is damaged");
        let scene = Scene::new();
        std::fs::write(scene.files.exit(), b"{\"result\":\"exited\"").unwrap();
        assert_eq!(scene.why(), "what its supervisor left is damaged");
    }

    #[test]
    fn what_still_runs_for_a_lost_attempt_is_named() {
        let mut scene = Scene::new();
        scene.attempt = AttemptId(format!("1-4-lost{}", std::process::id()));
        scene.started(|_| ());
        let child = duct::cmd!("sleep", "30").env("LOCUM_ATTEMPT", &scene.attempt.0).start().unwrap();
        let found = scene.found();
        child.kill().unwrap();
        let named = format!("{} sleep 30", child.pids()[0]);
        assert!(matches!(&found, Found::Lost { survivors, .. } if *survivors == [named.as_str()]), "{found:?}");
    }
}
