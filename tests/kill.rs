//! A run that is cut off at any instant can be gone on with, and no step that must not run twice does.
//!
//! The whole pid namespace is killed, screen, supervisor and command at once, at instants drawn from a seed; then the
//! run is resumed, and killed again, until it is closed. After each kill the journal is compared with what was said and
//! with a ledger that every change writes into. `LOCUM_KILLS` and `LOCUM_KILL_SEED` change how often and when.

#![expect(clippy::disallowed_methods, reason = "a test is an edge: it starts the binary and reads its own environment")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use locum::engine::record::{Event, Judged, Record, Rerun};
use locum::engine::run::Attempt;
use locum::journal::{Presence, RunLock, audit};

use crate::stage::{EXE, Stage, eventually, kill};
use crate::support::case::accepted;

/// Five steps: a look, a change of each kind of `rerun`, and a look at the end.
const RUNBOOK: &str = r#"locum: 1
title: Five steps that can be cut off anywhere
summary: Each change writes a line into a ledger.
scope: { files: [DIR] }
diagnose:
  - id: look
    check: test -d DIR
repair:
  - id: once
    change: 'sleep 0.05; echo "once $LOCUM_ATTEMPT" >> DIR/ledger; sleep 0.1'
    risk: low
    no_undo: a line in a ledger stays
    may_change: [ledger]
  - id: again
    change: 'sleep 0.05; echo "again $LOCUM_ATTEMPT" >> DIR/ledger; sleep 0.05'
    risk: low
    repeatable: true
    no_undo: a line in a ledger stays
    may_change: [ledger]
  - id: checked
    change: 'sleep 0.1; echo "checked $LOCUM_ATTEMPT" >> DIR/ledger; sleep 0.05'
    risk: low
    no_undo: a line in a ledger stays
    may_change: [ledger]
    done_when: grep -q ^checked DIR/ledger
verify:
  - id: proof
    check: grep -q ^again DIR/ledger
"#;

const ANSWERS: &str = "answers: { repair: enter, once: once, again: again, checked: checked }\n";

/// Numbers that look random and are the same every time: splitmix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }
}

/// What dies with the process that is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Everything: the pid namespace.
    Namespace,
    /// The screen and its group alone: the supervisor and the command go on.
    Screen,
}

/// How a process ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Killed,
    Exited(i32),
}

/// One run, from its beginning to its close.
struct Case<'a> {
    stage: Stage,
    reach: Reach,
    dice: &'a mut Dice,
    /// How long a whole run takes, in microseconds.
    whole: u64,
    count: &'a Count,
}

/// How often something was killed.
#[derive(Default)]
struct Count {
    kills: AtomicUsize,
    /// Between the first record and the last.
    open: AtomicUsize,
    decisions: AtomicUsize,
}

impl Case<'_> {
    /// Starts the binary, and kills it after a while that is drawn, or not at all.
    fn run(&mut self, words: &[&str], wait: Option<Duration>) -> End {
        let said = fs::File::options().create(true).append(true).open(self.stage.path("said")).unwrap();
        let mut command = match self.reach {
            Reach::Namespace => {
                let mut command = Command::new("unshare");
                command.args(["--pid", "--fork", "--kill-child", "--mount-proc", EXE]);
                command
            }
            Reach::Screen => Command::new(EXE),
        };
        self.stage.dress(command.args(words).args(accepted(words)));
        let errors = said.try_clone().unwrap();
        let mut child = command.stdout(said).stderr(errors).process_group(0).spawn().unwrap();
        let begun = Instant::now();
        let Some(wait) = wait else { return End::Exited(child.wait().unwrap().code().unwrap_or(-1)) };
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return End::Exited(status.code().unwrap_or(-1));
            }
            let left = wait.saturating_sub(begun.elapsed());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(Duration::from_millis(5)));
        }
        match (self.reach, child_of(child.id())) {
            // The first process of a namespace is waited for when all others of it are gone.
            (Reach::Namespace, Some(first)) => kill(first),
            (Reach::Namespace, None) | (Reach::Screen, _) => kill(child.id()),
        }
        child.wait().unwrap();
        End::Killed
    }

    fn instant(&mut self) -> Duration {
        Duration::from_micros(self.dice.below(self.whole + self.whole / 20))
    }

    /// Kills the run again and again until it has been killed enough, then lets it come to its end.
    fn go(&mut self, enough: &dyn Fn() -> bool) {
        let wait = self.instant();
        let mut end = self.run(&["run", "x", "--headless", "--answers", "answers.yaml"], Some(wait));
        loop {
            if end == End::Killed {
                self.count.kills.fetch_add(1, Ordering::SeqCst);
            }
            let records = self.check();
            if !records.iter().any(|record| matches!(record.event, Event::RunOpened { .. })) {
                assert_eq!(end, End::Killed, "{}", self.said());
                return;
            }
            if records.iter().any(|record| matches!(record.event, Event::RunClosed { .. })) {
                break;
            }
            if end == End::Killed {
                self.count.open.fetch_add(1, Ordering::SeqCst);
            }
            assert!(matches!(end, End::Killed | End::Exited(20)), "{end:?}\n{}", self.said());
            let decision = if end == End::Exited(20) { self.decision() } else { Vec::new() };
            // Every second resume is let go, so that each run comes to its end.
            let wait = (!enough() && self.dice.below(2) == 0).then(|| self.instant());
            let id = self.stage.run_id();
            let mut words = vec!["resume", &id, "--headless", "--answers", "answers.yaml", "--rerun-safe"];
            words.extend(decision.iter().map(String::as_str));
            end = self.run(&words, wait);
        }
        let lines = self.stage.ledger();
        let times = |step: &str| lines.iter().filter(|line| line.starts_with(step)).count();
        assert_eq!(times("once"), 1, "{lines:?}\n{}", self.said());
        assert!(times("again") >= 1 && times("checked") == 1, "{lines:?}\n{}", self.said());
        assert_eq!(audit(&self.stage.folder()).exit_code(), 0);
    }

    /// What a person would decide who looks into the ledger.
    fn decision(&self) -> Vec<String> {
        let run = self.stage.run();
        let unknown = |attempt: &&Attempt| {
            attempt.unknown.is_some() || attempt.end.as_ref().is_some_and(|end| end.judged == Judged::Unknown)
        };
        let attempt = run.attempts.values().rev().find(unknown);
        let attempt = attempt.unwrap_or_else(|| panic!("nothing is unknown:\n{}", self.said()));
        assert_eq!(self.reach, Reach::Namespace, "a supervisor that lives knows the end:\n{}", self.said());
        assert!(matches!(attempt.intent.rerun, Rerun::Never | Rerun::AfterCheck), "{}", self.said());
        self.count.decisions.fetch_add(1, Ordering::SeqCst);
        let id = &attempt.intent.attempt.0;
        let choice = if self.stage.ledger().iter().any(|line| line.ends_with(id)) { "done" } else { "run-again" };
        ["--decide", &format!("{id}={choice}"), "--reason", "seen in the ledger"].map(str::to_owned).to_vec()
    }

    fn said(&self) -> String {
        fs::read_to_string(self.stage.path("said")).unwrap_or_default()
    }

    /// What must hold at every instant.
    fn check(&self) -> Vec<Record> {
        if self.stage.run_id().is_empty() {
            return Vec::new();
        }
        let audit = audit(&self.stage.folder());
        assert!(matches!(audit.exit_code(), 0 | 10), "{audit}\n{}", self.said());
        let records = self.stage.records();
        let run = self.stage.run();
        let attempts: BTreeSet<_> = run.attempts.keys().map(|id| id.0.clone()).collect();
        for line in self.stage.ledger() {
            let (_, attempt) = line.split_once(' ').unwrap();
            assert!(attempts.contains(attempt), "`{line}` ran without an intent\n{}", self.said());
        }
        for step in ["once", "checked"] {
            let ran = self.stage.ledger().iter().filter(|line| line.starts_with(step)).count();
            let decided = records.iter().filter(|record| {
                matches!(&record.event, Event::Decided { attempt: Some(id), choice, .. }
                if choice == "run-again" && run.attempts[id].intent.step.id == step)
            });
            assert!(ran <= 1 + decided.count(), "`{step}` ran {ran} times\n{}", self.said());
        }
        for said in self.said().lines().filter_map(|line| line.strip_suffix(": ok")) {
            let ended = run.attempts.values().any(|attempt| {
                attempt.intent.step.id == said && attempt.end.as_ref().is_some_and(|end| end.judged == Judged::Passed)
            });
            assert!(ended, "it was said that `{said}` is ok, and the journal does not know it");
        }
        records
    }
}

/// The first child of a process.
fn child_of(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// Kills runs until it was done often enough.
fn kill_often(reach: Reach, seed: u64, count: &Count, enough: &dyn Fn() -> bool) {
    let mut dice = Dice(seed);
    let begun = Instant::now();
    let whole = Stage::in_memory(RUNBOOK);
    whole.answers(ANSWERS);
    whole.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]).exits(0);
    let whole = u64::try_from(begun.elapsed().as_micros()).unwrap();
    while !enough() {
        let stage = Stage::in_memory(RUNBOOK);
        stage.answers(ANSWERS);
        Case { stage, reach, dice: &mut dice, whole, count }.go(enough);
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
#[ignore = "needs root, for pid namespaces"]
fn killed_with_everything_that_runs_no_step_runs_twice_by_itself() {
    let (kills, seed) = (usize::try_from(number("LOCUM_KILLS", 200)).unwrap(), number("LOCUM_KILL_SEED", 7));
    let count = Count::default();
    let enough = || count.kills.load(Ordering::SeqCst) >= kills && count.open.load(Ordering::SeqCst) >= kills / 2;
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (count, enough) = (&count, &enough);
            scope.spawn(move || kill_often(Reach::Namespace, seed + worker, count, enough));
        }
    });
    let (kills, open) = (count.kills.into_inner(), count.open.into_inner());
    println!("{kills} kills, {open} of them in an open run, {} decisions of a person", count.decisions.into_inner());
}

#[test]
fn killed_without_its_supervisor_a_run_needs_no_decision_at_all() {
    let count = Count::default();
    let enough = || count.kills.load(Ordering::SeqCst) >= 10;
    kill_often(Reach::Screen, 11, &count, &enough);
    assert_eq!(count.decisions.into_inner(), 0);
}

#[test]
fn a_run_that_is_killed_lets_go_of_its_lock() {
    let stage = Stage::new(RUNBOOK);
    stage.answers(ANSWERS);
    let mut child = stage.headless();
    eventually("the run is there", || !stage.run_id().is_empty() && !stage.records().is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    // A child that had been forked and was not yet another program holds it a moment longer.
    eventually("the lock is free", || RunLock::look(&stage.folder()).unwrap() == Presence::Nobody);
}
