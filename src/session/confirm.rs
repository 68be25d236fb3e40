//! The confirmation of an armed step: that somebody still gets in, over a connection made after the step has ended.

use super::bundle::Bundle;
use super::found::{Whereabouts, exit_in};
use super::resume::records;
use super::{Trouble, failed, journal_trouble};
use crate::engine::resolve::{Resolver, TargetLine, Via};
use crate::engine::{AttemptId, Exit, Key, Run};
use crate::exec::{self, Asking, Login, Started, Verdict};
use crate::journal::{Evidence, RunFolder, SupLock, read_evidence};
use crate::text::plain;

/// A step that waits for its confirmation.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub step: Key,
    pub attempt: AttemptId,
    /// Seconds from its beginning until it is undone.
    pub after_s: u64,
    files: Evidence,
    /// The machine where it waits, if it is another one.
    there: Option<TargetLine>,
}

impl Waiting {
    /// The armed step of a run that has no end yet, where there is one.
    pub fn of(folder: &RunFolder) -> Result<Option<Self>, Trouble> {
        let (records, _) = records(folder)?;
        let run = Run::replay(folder.id(), &records);
        let armed = run.running().and_then(|attempt| Some((attempt, attempt.intent.armed.as_ref()?)));
        let Some((attempt, armed)) = armed else { return Ok(None) };
        let id = attempt.intent.attempt.clone();
        let files = Evidence::at(&folder.sup(), &id.0).map_err(|error| journal_trouble(&error))?;
        let there = over_ssh(folder, &run, &attempt.intent.step)?;
        Ok(Some(Self { step: attempt.intent.step.clone(), attempt: id, after_s: armed.after_s, files, there }))
    }

    /// What is typed to confirm it: the end of the attempt's id.
    pub fn code(&self) -> &str {
        code(&self.attempt)
    }

    /// Where it waits, if that is another machine.
    pub fn there(&self) -> Option<&TargetLine> {
        self.there.as_ref()
    }

    /// Confirms it over a line of its own to the machine where it waits; says by whom, or why it does not count.
    pub fn confirm_there(
        &self,
        typed: &str,
        at: &TargetLine,
        claimed: &str,
        asking: Asking,
    ) -> Result<String, Trouble> {
        self.is_code(typed)?;
        let said = exec::confirm_there(&at.line, &at.host, &self.attempt.0, claimed, asking);
        said.map(|by| plain(&by)).map_err(|why| no(&plain(&why)))
    }

    fn is_code(&self, typed: &str) -> Result<(), Trouble> {
        if typed == self.code() {
            Ok(())
        } else {
            Err(no(&format!("`{typed}` is not the code of the step that waits")))
        }
    }

    /// Confirms it for a login; says by which one, or why it does not count.
    pub fn confirm(&self, typed: &str, login: Option<Login>) -> Result<String, Trouble> {
        self.is_code(typed)?;
        let no = |why: String| no(&why);
        let started: Option<Started> = read_evidence(&self.files.started());
        let started = started.ok_or_else(|| no("the step has not begun".to_owned()))?;
        let here = Whereabouts::here();
        if (&started.boot_id, started.pid_ns) != (&here.boot, here.pids) {
            return Err(no(
                "it runs on another machine, or among other processes than can be seen from here".to_owned()
            ));
        }
        if exit_in(&self.files).is_some() || !SupLock::is_held(&self.files.lock()) {
            return Err(no("nothing waits any more; `locum resume` says how it ended".to_owned()));
        }
        let ended = started.command_end.ok_or_else(|| no("the step still runs; wait for its end".to_owned()))?;
        let login = login.ok_or_else(|| {
            no("this terminal belongs to no login whose beginning can be told; log in anew, outside tmux and screen".to_owned())
        })?;
        let by = format!("{} {}", login.name, login.pid);
        if login.start <= ended {
            let age = exec::seconds(ended - login.start);
            return Err(no(format!(
                "this login ({by}) was made {age} s before the step ended, so it proves nothing; log in anew and confirm there"
            )));
        }
        let after = exec::seconds(login.start - ended);
        let by = format!("{by}, a login made {after} s after the step");
        match exec::pronounce(&self.files.verdict(), &Verdict::Confirmed { by: by.clone() }) {
            Ok(Verdict::Confirmed { .. }) => Ok(by),
            Ok(Verdict::GoBack { why }) => Err(no(format!("too late, its way back has begun ({why})"))),
            Err(error) => Err(failed(format!("the confirmation cannot be written: {error}"), Exit::JournalNotWritable)),
        }
    }
}

fn no(why: &str) -> Trouble {
    failed(format!("not confirmed: {why}"), Exit::WrongTarget)
}

/// The place of a step, if it is reached by ssh.
fn over_ssh(folder: &RunFolder, run: &Run, step: &Key) -> Result<Option<TargetLine>, Trouble> {
    let Some(opened) = &run.opened else { return Ok(None) };
    let bundle = Bundle::read(&folder.bundle()).map_err(|error| failed(super::ask::chain(&error), Exit::Corrupt))?;
    let plan = super::resume::plan(&bundle, &opened.runbook.id)?;
    let resolved = Resolver::new(&plan, run, Some(step)).step(step);
    let at = resolved.map_err(|why| failed(why.0, Exit::InvalidRunbook))?.at;
    Ok((at.via == Via::Ssh).then_some(at))
}

/// What is typed to confirm an attempt.
pub fn code(attempt: &AttemptId) -> &str {
    attempt.0.rsplit('-').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Durable, write_evidence};

    struct Scene {
        _state: tempfile::TempDir,
        waiting: Waiting,
        _supervisor: SupLock,
    }

    impl Scene {
        /// A step that ended at tick 1000, and waits.
        fn new() -> Self {
            let state = tempfile::tempdir().unwrap();
            let folder = RunFolder::create(state.path(), "7f3a-k2").unwrap();
            let attempt = AttemptId("1-4-abcd".to_owned());
            let files = Evidence::prepare(&folder, &attempt.0).unwrap();
            let supervisor = SupLock::take(&files.lock()).unwrap();
            let here = Whereabouts::here();
            let started =
                Started { boot_id: here.boot, pid_ns: here.pids, command_end: Some(1000), ..Started::default() };
            write_evidence(&files.started(), &started, Durable::WithTheSystem).unwrap();
            let waiting = Waiting { step: Key::new("open"), attempt, after_s: 60, files, there: None };
            Self { _state: state, waiting, _supervisor: supervisor }
        }

        fn says(&self, code: &str, login: Option<Login>) -> String {
            match self.waiting.confirm(code, login) {
                Ok(by) => by,
                Err(trouble) => {
                    assert_eq!(trouble.exit(), Exit::WrongTarget);
                    trouble.to_string()
                }
            }
        }
    }

    fn login(start: u64) -> Login {
        Login { pid: 4711, name: "sshd-session".to_owned(), start }
    }

    #[test]
    fn only_a_login_that_was_made_after_the_step_counts() {
        let scene = Scene::new();
        for start in [1, 999, 1000] {
            assert!(scene.says("abcd", Some(login(start))).contains("so it proves nothing"), "{start}");
        }
        assert!(scene.says("abcd", None).contains("belongs to no login"));
        assert_eq!(exec::read_verdict(&scene.waiting.files.verdict()), None);
        assert!(scene.says("abcd", Some(login(1001))).starts_with("sshd-session 4711, a login made"));
        assert!(matches!(exec::read_verdict(&scene.waiting.files.verdict()), Some(Verdict::Confirmed { .. })));
    }

    #[test]
    fn another_code_or_a_step_that_still_runs_is_not_confirmed() {
        let scene = Scene::new();
        assert!(scene.says("abce", Some(login(2000))).contains("is not the code"));
        let here = Whereabouts::here();
        let runs = Started { boot_id: here.boot, pid_ns: here.pids, ..Started::default() };
        write_evidence(&scene.waiting.files.started(), &runs, Durable::WithTheSystem).unwrap();
        assert!(scene.says("abcd", Some(login(2000))).contains("still runs"));
        let elsewhere = Started { boot_id: "another".into(), command_end: Some(1), ..runs };
        write_evidence(&scene.waiting.files.started(), &elsewhere, Durable::WithTheSystem).unwrap();
        assert!(scene.says("abcd", Some(login(2000))).contains("on another machine"));
    }

    #[test]
    fn a_confirmation_that_comes_too_late_says_so() {
        let scene = Scene::new();
        exec::pronounce(&scene.waiting.files.verdict(), &Verdict::GoBack { why: "nobody confirmed".into() }).unwrap();
        assert!(scene.says("abcd", Some(login(2000))).contains("too late, its way back has begun"));
    }
}
