//! A run of five steps whose every call may fail, and what must hold afterwards.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use locum::engine::record::{EndResult, Event, Judged, Record};
use locum::engine::run::Attempt;
use locum::engine::{Position, Run};
use locum::journal::audit;

use crate::disk::Disk;
use crate::stage::{Stage, Told};

/// Five steps: a look, a change of each kind of `rerun`, and a look at the end.
const RUNBOOK: &str = r#"locum: 1
title: Five steps of which every call may fail
summary: Each change writes a line into a ledger.
scope: { files: [DIR] }
diagnose:
  - id: look
    check: test -d DIR
repair:
  - id: once
    change: 'echo once; echo "once $LOCUM_ATTEMPT" >> DIR/ledger'
    risk: low
    may_change: [ledger]
  - id: again
    change: 'echo again; echo "again $LOCUM_ATTEMPT" >> DIR/ledger'
    risk: low
    repeatable: true
    may_change: [ledger]
  - id: checked
    change: 'echo checked; echo "checked $LOCUM_ATTEMPT" >> DIR/ledger'
    risk: low
    may_change: [ledger]
    done_when: grep -q ^checked DIR/ledger
verify:
  - id: proof
    check: grep -q ^again DIR/ledger
"#;

const ANSWERS: &str = "answers: { repair: enter, once: once, again: again, checked: checked }\n";

/// How often a run is gone on with before it must have come to its end.
const ROUNDS: usize = 8;

/// What the fault falls into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A run from its first file on.
    Run,
    /// Going on with a run that was cut off in the middle of a step, and in the middle of a line.
    Resume,
}

/// One run of the five steps.
pub struct Scene {
    /// Under the state folder, where the power may be cut. Gone before the stage is: a mounted folder stays.
    disk: Option<Disk>,
    pub stage: Stage,
    act: Act,
    /// How often the power was cut; each time another boot begins.
    cuts: usize,
}

/// What people and the world have seen of a run by some instant.
pub struct Seen {
    said: Vec<u8>,
    ledger: Option<Vec<u8>>,
}

/// Another boot, as far as a process can tell.
const REBOOTED: &str = r#"mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@""#;

/// Something that must hold and does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(pub String);

type Held = Result<(), Violation>;

fn stage() -> Stage {
    let stage = Stage::in_memory(RUNBOOK);
    stage.answers(ANSWERS);
    stage
}

fn broken<T>(text: impl Into<String>) -> Result<T, Violation> {
    Err(Violation(text.into()))
}

impl Scene {
    pub fn new(act: Act) -> Self {
        Self { disk: None, stage: stage(), act, cuts: 0 }.begun()
    }

    /// The same, its state on a disk of which it is known what has reached it.
    pub fn on_a_disk(act: Act) -> Result<Self, String> {
        let stage = stage();
        let disk = Disk::new(&stage.path("disk-0"), &stage.state())?;
        Ok(Self { disk: Some(disk), stage, act, cuts: 0 }.begun())
    }

    fn begun(self) -> Self {
        if self.act == Act::Resume {
            self.cut_off();
        }
        self
    }

    /// What has reached the disk by now.
    pub fn disk_bytes(&self) -> Vec<u8> {
        self.disk.as_ref().map_or_else(Vec::new, Disk::bytes)
    }

    /// What people and the world have seen by now.
    pub fn seen(&self) -> Seen {
        let said = fs::read(self.stage.path("said")).unwrap_or_default();
        Seen { said, ledger: fs::read(self.stage.path("dir/ledger")).ok() }
    }

    /// The power was cut when this had reached the disk, and that had been seen.
    pub fn after_the_cut(&mut self, disk: &[u8], seen: &Seen) -> Result<(), String> {
        self.cuts += 1;
        self.disk = None;
        self.disk =
            Some(Disk::after_a_cut(&self.stage.path(&format!("disk-{}", self.cuts)), disk, &self.stage.state())?);
        fs::write(self.stage.path("said"), &seen.said).unwrap();
        match &seen.ledger {
            Some(ledger) => fs::write(self.stage.path("dir/ledger"), ledger).unwrap(),
            None => drop(fs::remove_file(self.stage.path("dir/ledger"))),
        }
        fs::write(self.boot(), format!("00000000-0000-4000-8000-{:012}\n", self.cuts)).unwrap();
        Ok(())
    }

    /// The id of the boot that came after a cut.
    fn boot(&self) -> PathBuf {
        self.stage.path("boot-id")
    }

    /// Goes on with the run without a person, to the end of this process; after a cut, in another boot.
    fn resume(&self, more: &[&str]) -> Told {
        let run = self.stage.run_id();
        let words = ["resume", &run, "--headless", "--answers", "answers.yaml"];
        let here = self.stage.command(&[&words, more].concat());
        if self.cuts == 0 {
            return Told::of(&{ here }.output().unwrap());
        }
        let mut elsewhere = Command::new("unshare");
        elsewhere.args(["-m", "sh", "-c", REBOOTED]).arg(self.boot()).arg(here.get_program()).args(here.get_args());
        self.stage.dress(&mut elsewhere);
        Told::of(&elsewhere.output().unwrap())
    }

    /// The command into which the fault falls.
    pub fn command(&self) -> Command {
        let run = self.stage.run_id();
        match self.act {
            Act::Run => self.stage.command(&["run", "x", "--headless", "--answers", "answers.yaml"]),
            Act::Resume => {
                self.stage.command(&["resume", &run, "--headless", "--answers", "answers.yaml", "--rerun-safe"])
            }
        }
    }

    /// Where what it says is kept.
    pub fn said_to(&self) -> File {
        File::options().create(true).append(true).open(self.stage.path("said")).unwrap()
    }

    /// Everything that was said so far.
    pub fn said(&self) -> String {
        fs::read_to_string(self.stage.path("said")).unwrap_or_default()
    }

    /// `again` has left its line and nobody saw its end; half a line is behind the last record.
    fn cut_off(&self) {
        let mut child = self.stage.headless();
        crate::stage::eventually("`again` ran", || self.ran("again") > 0);
        child.kill().unwrap();
        child.wait().unwrap();
        if let Some(attempt) = self.stage.run().running().cloned() {
            self.stage.kill_step(&attempt);
        }
        let segment = self.stage.folder().segments().unwrap()[0].path.clone();
        let mut bytes = fs::read(&segment).unwrap();
        bytes.extend_from_slice(b"{\"v\":1,\"run\"");
        fs::write(&segment, bytes).unwrap();
    }

    fn ran(&self, step: &str) -> usize {
        self.stage.ledger().iter().filter(|line| line.split(' ').next() == Some(step)).count()
    }

    /// What must hold at every instant: I1 to I5.
    pub fn check(&self) -> Held {
        if let Some(at) = self.said().find("panicked at") {
            return broken(format!("a panic: {}", &self.said()[at..]));
        }
        if let Some(run) = self.said().lines().find_map(|line| line.strip_prefix("run ")).map(str::to_owned)
            && run != self.stage.run_id()
        {
            return broken(format!("I4: it was said that run {run} is open, and it is not there"));
        }
        if self.stage.run_id().is_empty() {
            let ran = self.stage.ledger();
            return if ran.is_empty() { Ok(()) } else { broken(format!("I1: {ran:?} ran without a run")) };
        }
        let audit = audit(&self.stage.folder());
        if !matches!(audit.exit_code(), 0 | 10) {
            return broken(format!("I5: {audit}"));
        }
        let (records, run) = (self.stage.records(), self.stage.run());
        let attempts: BTreeSet<_> = run.attempts.keys().map(|id| id.0.clone()).collect();
        for line in self.stage.ledger() {
            let attempt = line.split_once(' ').map_or("", |(_, attempt)| attempt);
            if !attempts.contains(attempt) {
                return broken(format!("I1: `{line}` ran without an intent"));
            }
        }
        for step in ["once", "checked"] {
            let decided = records.iter().filter(|record| again(record, step, &run)).count();
            if self.ran(step) > 1 + decided {
                return broken(format!("I3: `{step}` ran {} times, {decided} of them decided", self.ran(step)));
            }
        }
        for step in self.said().lines().filter_map(|line| line.strip_suffix(": ok")) {
            let durable = run.attempts.values().any(|attempt| {
                attempt.intent.step.id == step && attempt.end.as_ref().is_some_and(|end| end.judged == Judged::Passed)
            });
            if !durable {
                return broken(format!("I2, I4: it was said that `{step}` is ok, and the journal does not know it"));
            }
        }
        Ok(())
    }

    /// Goes on without a fault until the run is closed, as a person does who looks into the ledger.
    pub fn finish(&self) -> Held {
        let mut decision: Vec<String> = Vec::new();
        for _ in 0..ROUNDS {
            let records = self.stage.records();
            if !records.iter().any(|record| matches!(record.event, Event::RunOpened { .. })) {
                return if self.ran("once") == 0 {
                    Ok(())
                } else {
                    broken("I1: something ran before the run was opened")
                };
            }
            if records.iter().any(|record| matches!(record.event, Event::RunClosed { .. })) {
                return self.check_end();
            }
            let mut words = vec!["--rerun-safe"];
            words.extend(decision.iter().map(String::as_str));
            let told = self.resume(&words);
            self.note(&told);
            self.check()?;
            decision = match told.code {
                Some(0) => Vec::new(),
                Some(20) => self.decision().unwrap_or_default(),
                // A command that was killed before its first deed has failed, and a proof that cannot be made proves
                // nothing: that is what is said, and a person goes on from it.
                Some(21) if self.was_killed() || self.cannot_be_proved() => return Ok(()),
                _ => return broken(format!("it cannot be gone on with:\n{}", self.said())),
            };
        }
        broken(format!("it comes to no end:\n{}", self.said()))
    }

    /// The newest change ended by a signal and left no line.
    fn was_killed(&self) -> bool {
        let run = self.stage.run();
        let Some((id, newest)) = run.attempts.last() else { return false };
        let signaled = newest.end.as_ref().is_some_and(|end| end.result == EndResult::Signaled);
        signaled && !self.stage.ledger().iter().any(|line| line.ends_with(id.0.as_str()))
    }

    /// The run stands behind a proof that nobody could make, and nothing was done twice.
    fn cannot_be_proved(&self) -> bool {
        let run = self.stage.run();
        let newest = run.attempts.values().last().filter(|newest| newest.intent.step.id == "proof");
        let unknown = newest.is_some_and(|newest| newest.end.as_ref().is_some_and(|end| end.judged == Judged::Unknown));
        unknown && run.position == Position::NotRepaired && self.check_end().is_ok()
    }

    fn note(&self, told: &Told) {
        let text = format!("{}{}= {:?}\n", told.out, told.err, told.code);
        std::io::Write::write_all(&mut self.said_to(), text.as_bytes()).unwrap();
    }

    fn check_end(&self) -> Held {
        let ran = ["once", "again", "checked"].map(|step| self.ran(step));
        if ran[0] != 1 || ran[1] < 1 || ran[2] != 1 {
            return broken(format!("the ledger at the end: {:?}\n{}", self.stage.ledger(), self.said()));
        }
        match audit(&self.stage.folder()) {
            audit if audit.exit_code() == 0 => Ok(()),
            audit => broken(format!("the audit at the end: {audit}")),
        }
    }

    /// What a person would decide who looks into the ledger, about the attempt whose end is not known.
    fn decision(&self) -> Option<Vec<String>> {
        let run = self.stage.run();
        let unknown = |attempt: &&Attempt| {
            attempt.unknown.is_some() || attempt.end.as_ref().is_some_and(|end| end.judged == Judged::Unknown)
        };
        let attempt = run.attempts.values().rev().find(unknown)?;
        let id = &attempt.intent.attempt.0;
        let done = self.stage.ledger().iter().any(|line| line.ends_with(id.as_str()));
        let choice = if done { "done" } else { "run-again" };
        Some(["--decide", &format!("{id}={choice}"), "--reason", "seen in the ledger"].map(str::to_owned).to_vec())
    }
}

/// Whether a person decided that this step runs again.
fn again(record: &Record, step: &str, run: &Run) -> bool {
    matches!(&record.event, Event::Decided { attempt: Some(id), choice, .. }
        if choice == "run-again" && run.attempts.get(id).is_some_and(|attempt| attempt.intent.step.id == step))
}
