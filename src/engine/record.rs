//! What the journal holds: one [`Record`] a line. State is what the records fold to.

mod guards;
mod shell;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::key::{AttemptId, Key};
use super::position::Advance;
use crate::model::Risk;

pub use super::access::Access;
pub use guards::{Changed, Guards};
pub use shell::ShellOpening;

/// When something was asked or happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// UTC with milliseconds and `Z`.
    pub t: String,
    /// Milliseconds of `CLOCK_BOOTTIME`.
    pub mono: u64,
    /// The boot, where it changed since the record before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot: Option<String>,
}

/// One line of the journal, without the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The version of the journal's format.
    pub v: u8,
    pub run: String,
    pub epoch: u32,
    pub seq: u64,
    #[serde(flatten)]
    pub at: Moment,
    #[serde(flatten)]
    pub event: Event,
}

/// Who says that they act; a claim is not a proof.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    pub claimed: String,
    pub uid: u32,
    pub euid: u32,
    pub host: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Which runbook, byte for byte.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunbookRef {
    pub id: String,
    pub version: String,
    /// `sha256:` over everything in the bundle.
    pub digest: String,
    /// The tip of the default branch, which the bytes were compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether the bytes are others than those of the commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dirty: Option<bool>,
    /// The default branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Why the bytes are not the reviewed ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_reviewed: Option<String>,
    /// Why they were run all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
}

/// Runs that were open on the same places when this one was started, and why it was started all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Also {
    pub runs: Vec<String>,
    pub reason: String,
}

/// On what the run acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The real system.
    #[default]
    Live,
    /// A lab.
    Drill,
    /// The real system, looks only.
    Look,
    /// The real system: whether one can get in, and the looks of diagnose, once.
    Preflight,
}

impl Mode {
    /// Whether nothing can be changed in it.
    pub const fn only_looks(self) -> bool {
        matches!(self, Self::Look | Self::Preflight)
    }
}

/// What an attempt does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Does {
    /// Changes nothing.
    Look,
    Change,
    /// Goes a way back.
    Undo,
}

/// What resume may do with an attempt whose end is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rerun {
    /// It changes nothing.
    Look,
    /// The step says that it is repeatable.
    Safe,
    /// `done_when` tells.
    AfterCheck,
    Never,
}

/// How a change was confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// `typed`, `y`, `answers-file`.
    pub how: String,
    pub text: String,
}

/// The place, checked just before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub want: String,
    pub got: String,
    pub by: String,
}

/// The way back of an attempt, as it enters the ledger at GO.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum WayBack {
    /// The copy of the scope taken before; number of files, read back.
    Copy {
        entries: u64,
        /// Where it lies on other machines, as `masato:/root/...`; empty where it lies with the run.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        on: Vec<String>,
    },
    /// The author's command.
    Command,
    /// A person does it.
    ByHand,
    /// There is none, and why.
    None { why: String },
}

/// A way back that the supervisor of the step goes by itself, unless somebody confirms: part of the step's own intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Armed {
    /// Seconds from the beginning of the command.
    pub after_s: u64,
    /// Exactly what runs then.
    pub argv: Vec<String>,
}

/// How an armed way back ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum Disarmed {
    /// Somebody confirmed, over this login: it was not gone.
    Confirmed { by: String },
    /// It was gone, and this came of it.
    WentBack {
        judged: Judged,
        why: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<i32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<i32>,
    },
}

/// A captured stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// File name under `blobs/`.
    pub blob: String,
    pub sha256: String,
    pub bytes: u64,
    pub kept: u64,
    pub cut: bool,
}

/// What kept a look from changing something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// A fence: it could write nothing outside of a folder of its own.
    Fenced,
    /// Nothing but its author's promise.
    Promised,
}

impl Held {
    /// In one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fenced => "fenced",
            Self::Promised => "promised",
        }
    }
}

/// The raw end of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndResult {
    Exited,
    Signaled,
    TimedOut,
    NotStarted,
    /// No process: a probe, a test that held already, a person's deed.
    Measured,
}

/// The verdict on a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judged {
    Passed,
    Failed,
    /// It could not be told: an unreachable host, a timed-out change.
    Unknown,
}

impl Judged {
    /// What a look found, as people read it.
    pub const fn finding(self) -> &'static str {
        match self {
            Self::Passed => "ok",
            Self::Failed => "FAULT",
            Self::Unknown => "cannot tell",
        }
    }

    /// Several tests that must all hold: one that does not is a fault, one that could not be asked leaves it open.
    pub fn of_all(tests: &[Matched]) -> Self {
        if tests.iter().any(|test| !test.held && !test.unknown) {
            Self::Failed
        } else if tests.iter().any(|test| !test.held) {
            Self::Unknown
        } else {
            Self::Passed
        }
    }
}

/// One expectation, held or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matched {
    /// As a person reads it: `contains "Done renewing certificates"`.
    pub what: String,
    pub held: bool,
    /// Nobody can tell whether it holds: it could not be asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

impl Matched {
    /// What is said of a test that does not hold, or of which nobody can tell.
    pub fn missed(&self) -> Option<String> {
        (!self.held).then(|| format!("{} {}", if self.unknown { "cannot tell:" } else { "not" }, self.what))
    }
}

/// What one of several machines gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OnHost {
    pub host: String,
    pub judged: Judged,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout: Option<Stream>,
}

/// What is known of an attempt when it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    pub result: EndResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    pub dur_ms: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leftover: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout: Option<Stream>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<Stream>,
    /// The recording of a terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cast: Option<Stream>,
    pub judged: Judged,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matched: Vec<Matched>,
    /// Name to text or list.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub captured: BTreeMap<String, Value>,
    /// What was found, in words with units: the lines of a probe, the last lines of an output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub redacted: BTreeMap<String, u64>,
    /// What each of several machines gave, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<OnHost>,
    /// Evidence after a crash; empty in the ordinary case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// Of a look by a command: what kept it from changing something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// How the armed way back ended, where the step had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub armed: Option<Disarmed>,
    /// How often the line to another machine was lost while it ran there.
    #[serde(default, skip_serializing_if = "is_never")]
    pub line_lost: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_never(times: &u32) -> bool {
    *times == 0
}

impl Facts {
    /// An end of which nothing more is known.
    pub const fn new(result: EndResult, judged: Judged) -> Self {
        Self {
            result,
            code: None,
            signal: None,
            dur_ms: 0,
            leftover: Vec::new(),
            stdout: None,
            stderr: None,
            cast: None,
            judged,
            matched: Vec::new(),
            captured: BTreeMap::new(),
            found: Vec::new(),
            redacted: BTreeMap::new(),
            hosts: Vec::new(),
            evidence: None,
            held: None,
            armed: None,
            line_lost: 0,
        }
    }

    /// What came of the way back that was gone by itself, where it was.
    pub fn went_back(&self) -> Option<Judged> {
        match &self.armed {
            Some(Disarmed::WentBack { judged, .. }) => Some(*judged),
            Some(Disarmed::Confirmed { .. }) | None => None,
        }
    }
}

/// What a person made of a file, before it replaces anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditDraft {
    /// SHA-256 of the file as it was.
    pub before: String,
    /// SHA-256 of the file as it will be.
    pub after: String,
    /// Lines that come, and lines that go.
    pub added: u64,
    pub removed: u64,
    /// The lines that differ, with those around them, as far as they are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diff: Vec<String>,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Close {
    /// Every verify step passed.
    Done,
    /// Diagnose found nothing to repair.
    NothingToRepair,
    NotRepaired,
    /// A preflight that looked at everything it could.
    Preflight,
}

/// Everything that is fixed when an attempt begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    pub attempt: AttemptId,
    pub step: Key,
    pub does: Does,
    /// Exactly what runs; a probe or a deed by hand is described.
    pub argv: Vec<String>,
    pub cmd_sha256: String,
    /// Names of the environment.
    pub env: Vec<String>,
    pub cwd: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<u64>,
    pub target: Target,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm: Option<Confirm>,
    pub rerun: Rerun,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<WayBack>,
    /// The way back that is gone by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub armed: Option<Armed>,
    /// For an undo: the attempt whose way back it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undoes: Option<AttemptId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<AttemptId>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
#[expect(clippy::large_enum_variant, reason = "an opening is as large as it is, and there is one a run")]
pub enum Event {
    #[serde(rename = "run.open")]
    RunOpened {
        who: Who,
        tz: String,
        runbook: RunbookRef,
        mode: Mode,
        /// Text, list of texts, or nothing where an optional input was left out.
        inputs: BTreeMap<String, Value>,
        #[serde(skip_serializing_if = "Option::is_none")]
        lab: Option<String>,
        /// Places that commands see: `HOME`, working folder.
        cwd: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        also: Option<Also>,
        advance: Advance,
    },
    /// A place was tried, before anything else.
    #[serde(rename = "access")]
    GotIn(Access),
    #[serde(rename = "step.intent")]
    StepIntended(Box<Intent>),
    #[serde(rename = "step.outcome")]
    StepEnded {
        attempt: AttemptId,
        step: Key,
        #[serde(flatten)]
        facts: Box<Facts>,
        #[serde(skip_serializing_if = "Option::is_none")]
        advance: Option<Advance>,
    },
    #[serde(rename = "step.unknown")]
    StepUnknown { attempt: AttemptId, step: Key, why: String, survivors: Vec<String> },
    #[serde(rename = "step.skip")]
    StepSkipped { step: Key, reason: String, advance: Advance },
    #[serde(rename = "guard.before")]
    GuardsBefore { attempt: Option<AttemptId>, guards: Guards },
    #[serde(rename = "guard.after")]
    GuardsAfter { attempt: Option<AttemptId>, guards: Guards },
    /// What a deed by hand needs, measured before the person is told to do it.
    #[serde(rename = "step.needs")]
    NeedsMeasured { step: Key, needs: Vec<Matched> },
    #[serde(rename = "answer")]
    Answered {
        step: Key,
        answer: String,
        /// Passed (done, yes, a choice), failed (no, could not); not sure is no answer.
        judged: Judged,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        captured: BTreeMap<String, Value>,
        /// `done_when`, measured when a person said how a terminal went.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        matched: Vec<Matched>,
        how: String,
        advance: Advance,
    },
    /// A file was edited in a private copy; nothing is replaced yet.
    #[serde(rename = "draft")]
    Drafted { step: Key, draft: EditDraft, how: String },
    #[serde(rename = "goto")]
    WentTo { why: String, advance: Advance },
    #[serde(rename = "decision")]
    Decided {
        #[serde(skip_serializing_if = "Option::is_none")]
        attempt: Option<AttemptId>,
        choice: String,
        reason: String,
        how: String,
        advance: Advance,
    },
    #[serde(rename = "note")]
    Noted { text: String },
    #[serde(rename = "deviation")]
    Deviated {
        step: Option<Key>,
        text: String,
        /// The side shell in which it was typed; it is on record before it runs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shell: Option<AttemptId>,
    },
    /// A person opened a shell beside the steps.
    #[serde(rename = "shell.open")]
    ShellOpened(Box<ShellOpening>),
    /// How the newest command of a side shell ended.
    #[serde(rename = "shell.ended")]
    ShellCommandEnded { shell: AttemptId, code: i32 },
    /// A command that was typed into a side shell and did not run.
    #[serde(rename = "shell.refused")]
    ShellRefused { shell: AttemptId, text: String, why: String },
    #[serde(rename = "shell.close")]
    ShellClosed {
        shell: AttemptId,
        /// How many commands ran in it.
        commands: u64,
        #[serde(flatten)]
        facts: Box<Facts>,
        #[serde(skip_serializing_if = "Option::is_none")]
        advance: Option<Advance>,
    },
    #[serde(rename = "pause")]
    Paused { why: String },
    #[serde(rename = "recovered")]
    Recovered { file: String, offset: u64, bytes: u64, kept_as: String },
    #[serde(rename = "recording_gap")]
    RecordingGap {
        /// None where the journal itself has the gap.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<AttemptId>,
        what: String,
    },
    #[serde(rename = "run.close")]
    RunClosed { outcome: Close, reason: String },
    /// A kind of a later version: kept and hashed, not understood.
    #[serde(other)]
    Later,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_could_not_be_asked_is_no_fault_and_no_proof() {
        let test = |held, unknown| Matched { what: "file /srv/spare exists".to_owned(), held, unknown, line: None };
        let (yes, no, open) = (test(true, false), test(false, false), test(false, true));
        assert_eq!(Judged::of_all(&[]), Judged::Passed);
        assert_eq!(Judged::of_all(&[yes.clone(), yes.clone()]), Judged::Passed);
        assert_eq!(Judged::of_all(&[yes.clone(), open.clone()]), Judged::Unknown);
        assert_eq!(Judged::of_all(&[open.clone(), no.clone()]), Judged::Failed);
        let said = [yes, open, no].map(|test| test.missed());
        let said: Vec<_> = said.iter().map(Option::as_deref).collect();
        assert_eq!(said, [None, Some("cannot tell: file /srv/spare exists"), Some("not file /srv/spare exists")]);
    }
}
