//! A run: what its records fold to. Only [`Run::apply`] changes it, and it never decides.

mod apply;
mod shell;

pub use apply::Outcome;
pub use shell::{ShellCommand, SideShell};

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::Value;

use super::exit::Exit;
use super::key::{AttemptId, Key};
use super::position::{Position, StopReason};
use super::record::{
    Access, Changed, Close, Does, EditDraft, EndResult, Facts, Guards, Intent, Judged, Matched, Mode, Record, Rerun,
    RunbookRef, WayBack, Who,
};

/// How a step ended, or that it has not.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum StepState {
    #[default]
    Open,
    Running(AttemptId),
    Passed,
    Failed,
    /// It ran, and what it found cannot be told, or its end is not known.
    Unknown,
    Skipped(String),
    NotTaken,
}

/// An attempt from intent to end.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    pub intent: Intent,
    pub begun_at: String,
    pub seq: u64,
    pub end: Option<Facts>,
    pub ended_at: Option<String>,
    /// Why its end is not known, where it is not.
    pub unknown: Option<String>,
    /// What changed that the step lists.
    pub allowed: Vec<Changed>,
    /// A person went its way back.
    pub undone: bool,
    /// A person decided, with a reason, that it may be done once more.
    pub decided: bool,
    /// What a person said about its end, where that alone tells.
    pub answered: Option<String>,
    /// What was captured when it was begun, and the lists of the loops it stood in: the names its way back means.
    pub captured: BTreeMap<String, Value>,
    pub loops: BTreeMap<Key, Vec<String>>,
}

impl Attempt {
    pub fn is_open(&self) -> bool {
        self.end.is_none() && self.unknown.is_none()
    }

    /// A change whose end is known, and not what came of it.
    fn is_left_to_say(&self) -> bool {
        let ended = self.end.as_ref().is_some_and(|end| end.judged == Judged::Unknown);
        ended && self.intent.does == Does::Change && self.answered.is_none() && !self.decided
    }

    /// Whether it may have done something: all but those that are known never to have been started.
    pub fn was_started(&self) -> bool {
        self.end.as_ref().is_none_or(|end| end.result != EndResult::NotStarted)
    }

    /// Whether its own supervisor went its way back, and not all of it is back.
    pub fn is_half_back(&self) -> bool {
        !self.undone && self.end.as_ref().and_then(Facts::went_back).is_some_and(|judged| judged != Judged::Passed)
    }

    /// Whether it is over and nobody knows what it did.
    pub fn is_unknown(&self) -> bool {
        self.unknown.is_some() || self.end.as_ref().is_some_and(|end| end.judged == Judged::Unknown)
    }
}

/// What a look found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub step: Key,
    pub judged: Judged,
    pub text: String,
}

/// A guard that is broken.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    pub attempt: Option<AttemptId>,
    pub changed: Vec<Changed>,
    pub at: String,
}

/// How a run was opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    pub who: Who,
    pub tz: String,
    pub runbook: RunbookRef,
    pub mode: Mode,
    pub inputs: BTreeMap<String, Value>,
    pub lab: Option<String>,
    pub cwd: String,
    pub at: String,
}

/// Something people wrote or decided, with the time.
#[derive(Clone, Debug, PartialEq)]
pub struct Remark {
    pub at: String,
    pub step: Option<Key>,
    pub what: &'static str,
    pub text: String,
}

/// The state of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub id: String,
    pub epoch: u32,
    /// The sequence number of the next record.
    pub next_seq: u64,
    pub boot: Option<String>,
    pub opened: Option<Opened>,
    /// What the newest try of each place gave.
    pub access: IndexMap<String, Access>,
    pub position: Position,
    /// Why it stands, in words.
    pub why: Option<String>,
    pub steps: BTreeMap<Key, StepState>,
    pub visits: BTreeMap<Key, u32>,
    pub loops: BTreeMap<Key, Vec<String>>,
    pub attempts: IndexMap<AttemptId, Attempt>,
    pub captured: BTreeMap<String, Value>,
    pub answers: BTreeMap<Key, String>,
    /// Edits that replace nothing yet.
    pub drafts: BTreeMap<Key, EditDraft>,
    pub findings: Vec<Finding>,
    /// What the deed by hand at hand needs, as it was measured since the run came to it.
    pub needs: Option<(Key, Vec<Matched>)>,
    /// The newest measure.
    pub guards: Option<Guards>,
    pub broken: Option<Broken>,
    pub remarks: Vec<Remark>,
    /// Side shells, the newest last.
    pub shells: Vec<SideShell>,
    pub closed: Option<(Close, String, String)>,
    /// The time of the newest record.
    pub last_at: String,
}

impl Run {
    /// The next record is the first of a new epoch.
    pub fn begin_epoch(&mut self, epoch: u32) {
        (self.epoch, self.next_seq) = (epoch, 1);
    }

    /// A run before its first record.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            epoch: 1,
            next_seq: 1,
            boot: None,
            opened: None,
            access: IndexMap::new(),
            position: Position::EnterRepair,
            why: None,
            steps: BTreeMap::new(),
            visits: BTreeMap::new(),
            loops: BTreeMap::new(),
            attempts: IndexMap::new(),
            captured: BTreeMap::new(),
            answers: BTreeMap::new(),
            drafts: BTreeMap::new(),
            findings: Vec::new(),
            needs: None,
            guards: None,
            broken: None,
            remarks: Vec::new(),
            shells: Vec::new(),
            closed: None,
            last_at: String::new(),
        }
    }

    /// Folds records in order.
    pub fn replay<'a>(id: &str, records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut run = Self::new(id);
        for record in records {
            run.apply(record);
        }
        run
    }

    pub fn state(&self, key: &Key) -> &StepState {
        self.steps.get(key).unwrap_or(&StepState::Open)
    }

    /// The attempt that is under way: the newest, for nothing begins while something runs.
    pub fn running(&self) -> Option<&Attempt> {
        self.attempts.values().next_back().filter(|attempt| attempt.is_open())
    }

    /// The newest attempt of a step that is not an undo.
    pub fn newest_attempt(&self, key: &Key) -> Option<&Attempt> {
        self.attempts_of(key).next()
    }

    /// The same, and it may have done something.
    pub fn newest_started(&self, key: &Key) -> Option<&Attempt> {
        self.attempts_of(key).find(|attempt| attempt.was_started())
    }

    fn attempts_of(&self, key: &Key) -> impl Iterator<Item = &Attempt> {
        // A step without a state was never attempted; that is not looked for in a long run.
        let attempts = self.steps.contains_key(key).then(|| self.attempts.values().rev());
        attempts
            .into_iter()
            .flatten()
            .filter(move |attempt| attempt.intent.step == *key && attempt.intent.does != Does::Undo)
    }

    /// The newest attempt of a step whose end is known while nobody has said yet how it went.
    pub fn unanswered(&self, key: &Key) -> Option<&Attempt> {
        let here = self.position == Position::Step { step: key.clone() } && *self.state(key) == StepState::Unknown;
        self.newest_started(key).filter(|attempt| here && attempt.is_left_to_say())
    }

    /// What was changed and is not undone, newest first, with its way back or why there is none.
    pub fn ledger(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.values().rev().filter(|attempt| {
            attempt.intent.does == Does::Change
                && attempt.intent.undo.is_some()
                && !attempt.undone
                && attempt.was_started()
        })
    }

    /// The newest way back: the only one that can be gone. What has none is passed over; its author said why.
    pub fn newest_way_back(&self) -> Option<&Attempt> {
        self.ledger().find(|attempt| !matches!(attempt.intent.undo, Some(WayBack::None { .. }) | None))
    }

    /// The newest try of the newest way back, where it has not brought everything back: it failed, or nobody knows.
    pub fn unfinished_way_back(&self) -> Option<&Attempt> {
        let undoes = &self.newest_way_back()?.intent.attempt;
        let tries = self.attempts.values().rev().filter(|attempt| attempt.intent.undoes.as_ref() == Some(undoes));
        tries.into_iter().find(|attempt| attempt.was_started() && !attempt.is_open())
    }

    /// Whether the newest way back was tried before, so that a person says why it is gone once more.
    pub fn back_wants_reason(&self) -> bool {
        let tried = self.unfinished_way_back().filter(|before| before.intent.rerun != Rerun::Safe);
        let by_itself = || self.newest_way_back().filter(|attempt| attempt.is_half_back());
        tried.or_else(by_itself).is_some_and(|before| !before.decided)
    }

    /// The exit code of a run that stands at a way back which did not bring everything back.
    pub fn way_back_exit(&self) -> Exit {
        let failed = |end: &Facts| end.judged == Judged::Failed;
        let failed = self.unfinished_way_back().and_then(|attempt| attempt.end.as_ref()).is_some_and(failed);
        if failed { Exit::StepFailed } else { Exit::PersonNeeded }
    }

    /// The attempt of which nobody knows the end, or whose end is bad, at the stop where the run stands: of the step
    /// itself, or of a way back.
    pub fn at_stop(&self) -> Option<&Attempt> {
        match &self.position {
            Position::Stopped { by: StopReason::WayBack, .. } | Position::Frozen { .. } => {
                // Where its own supervisor went back, the step has no other attempt.
                self.unfinished_way_back().or_else(|| self.newest_way_back().filter(|attempt| attempt.is_half_back()))
            }
            Position::Stopped { step: Some(step), .. } => self.newest_attempt(step),
            Position::Stopped { step: None, .. }
            | Position::Step { .. }
            | Position::EnterRepair
            | Position::NotRepaired
            | Position::AtEnd { .. }
            | Position::Closed => None,
        }
    }

    /// What was measured of the needs of the step at hand; nothing where nothing was.
    pub fn needs_of(&self, key: &Key) -> &[Matched] {
        self.needs.as_ref().filter(|(step, _)| step == key).map_or(&[], |(_, needs)| needs)
    }

    /// Whether a guard is broken, as the newest measure says; also where the records that freeze the run were cut off.
    pub fn is_frozen(&self) -> bool {
        self.broken.is_some() || matches!(self.position, Position::Frozen { .. })
    }

    /// Whether anything was changed that is not undone.
    pub fn is_changed(&self) -> bool {
        self.ledger().next().is_some()
    }

    /// Whether somebody can go on with it: not closed, no drill, whose lab ended with it, and no preflight.
    pub fn waits(&self) -> bool {
        self.closed.is_none() && !matches!(self.mode(), Mode::Drill | Mode::Preflight)
    }

    pub fn mode(&self) -> Mode {
        self.opened.as_ref().map(|opened| opened.mode).unwrap_or_default()
    }
}
