//! A run: what its records fold to. Only [`Run::apply`] changes it, and it never decides.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::Value;

use super::key::{AttemptId, Key};
use super::position::{Advance, Position, StopReason};
use super::record::{
    Changed, Close, Does, EndResult, Event, Facts, Guards, Intent, Judged, Mode, Record, RunbookRef, WayBack, Who,
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
    /// Its way back was gone.
    pub undone: bool,
}

impl Attempt {
    pub fn is_open(&self) -> bool {
        self.end.is_none() && self.unknown.is_none()
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
    pub position: Position,
    /// Why it stands, in words.
    pub why: Option<String>,
    pub steps: BTreeMap<Key, StepState>,
    pub visits: BTreeMap<Key, u32>,
    pub loops: BTreeMap<Key, Vec<String>>,
    pub attempts: IndexMap<AttemptId, Attempt>,
    pub captured: BTreeMap<String, Value>,
    pub answers: BTreeMap<Key, String>,
    pub findings: Vec<Finding>,
    /// The newest measure.
    pub guards: Option<Guards>,
    pub broken: Option<Broken>,
    pub remarks: Vec<Remark>,
    pub closed: Option<(Close, String, String)>,
    /// The time of the newest record.
    pub last_at: String,
}

impl Run {
    /// A run before its first record.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            epoch: 1,
            next_seq: 1,
            boot: None,
            opened: None,
            position: Position::EnterRepair,
            why: None,
            steps: BTreeMap::new(),
            visits: BTreeMap::new(),
            loops: BTreeMap::new(),
            attempts: IndexMap::new(),
            captured: BTreeMap::new(),
            answers: BTreeMap::new(),
            findings: Vec::new(),
            guards: None,
            broken: None,
            remarks: Vec::new(),
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

    /// The attempt that is under way.
    pub fn running(&self) -> Option<&Attempt> {
        self.attempts.values().find(|attempt| attempt.is_open())
    }

    /// The newest attempt of a step that is not an undo.
    pub fn newest_attempt(&self, key: &Key) -> Option<&Attempt> {
        self.attempts.values().rev().find(|attempt| attempt.intent.step == *key && attempt.intent.does != Does::Undo)
    }

    /// The ways back, newest first; those gone already are not in it.
    pub fn ledger(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.values().rev().filter(|attempt| {
            let started = attempt.end.as_ref().is_none_or(|end| end.result != EndResult::NotStarted);
            attempt.intent.does == Does::Change && attempt.intent.undo.is_some() && !attempt.undone && started
        })
    }

    /// The newest way back that is one.
    pub fn newest_way_back(&self) -> Option<&Attempt> {
        self.ledger().next().filter(|attempt| !matches!(attempt.intent.undo, Some(WayBack::None { .. }) | None))
    }

    pub fn mode(&self) -> Mode {
        self.opened.as_ref().map(|opened| opened.mode).unwrap_or_default()
    }

    /// Takes in one record.
    pub fn apply(&mut self, record: &Record) {
        self.epoch = record.epoch;
        self.next_seq = record.seq + 1;
        self.last_at.clone_from(&record.at.t);
        if record.at.boot.is_some() {
            self.boot.clone_from(&record.at.boot);
        }
        let at = record.at.t.clone();
        match &record.event {
            Event::RunOpened { who, tz, runbook, mode, inputs, lab, cwd, advance } => {
                self.opened = Some(Opened {
                    who: who.clone(),
                    tz: tz.clone(),
                    runbook: runbook.clone(),
                    mode: *mode,
                    inputs: inputs.clone(),
                    lab: lab.clone(),
                    cwd: cwd.clone(),
                    at,
                });
                self.advance(advance);
            }
            Event::StepIntended(intent) => self.begin(intent, at, record.seq),
            Event::StepEnded { attempt, step, facts, advance } => self.end(attempt, step, facts, advance.as_ref(), at),
            Event::StepUnknown { attempt, step, why, .. } => {
                if let Some(attempt) = self.attempts.get_mut(attempt) {
                    attempt.unknown = Some(why.clone());
                }
                self.steps.insert(step.clone(), StepState::Unknown);
                self.stand(StopReason::Unknown, Some(step.clone()), why);
            }
            Event::StepSkipped { step, reason, advance } => {
                self.steps.insert(step.clone(), StepState::Skipped(reason.clone()));
                self.remark(at, Some(step), "skipped", reason);
                self.advance(advance);
            }
            Event::GuardsBefore { attempt, guards } | Event::GuardsAfter { attempt, guards } => {
                self.measure(attempt.as_ref(), guards, at);
            }
            Event::Answered { step, answer, judged, captured, how: _, advance } => {
                self.answers.insert(step.clone(), answer.clone());
                self.captured.extend(captured.clone());
                self.judge(step, *judged);
                self.find(step, *judged, answer);
                self.advance(advance);
            }
            Event::WentTo { why, advance } => {
                self.why = Some(why.clone());
                self.advance(advance);
            }
            Event::Decided { attempt, choice, reason, how: _, advance } => {
                let step = attempt.as_ref().and_then(|attempt| self.attempts.get(attempt)).map(|attempt| attempt.intent.step.clone());
                self.decide_unknown(attempt.as_ref(), choice);
                self.remark(at, step.as_ref(), "decision", &format!("{choice}: {reason}"));
                self.advance(advance);
            }
            Event::Noted { text } => self.remark(at, None, "note", text),
            Event::Deviated { step, text } => self.remark(at, step.as_ref(), "deviation", text),
            Event::Paused { why } => self.remark(at, None, "pause", why),
            Event::Recovered { file, bytes, .. } => {
                self.remark(at, None, "recovered", &format!("{bytes} torn bytes of {file} were set aside"));
            }
            Event::RecordingGap { attempt, what } => {
                let step = self.attempts.get(attempt).map(|attempt| attempt.intent.step.clone());
                self.remark(at, step.as_ref(), "recording gap", what);
            }
            Event::RunClosed { outcome, reason } => {
                self.closed = Some((*outcome, reason.clone(), at));
                self.position = Position::Closed;
            }
            Event::Later => {}
        }
    }

    fn begin(&mut self, intent: &Intent, at: String, seq: u64) {
        if intent.does != Does::Undo {
            self.steps.insert(intent.step.clone(), StepState::Running(intent.attempt.clone()));
        }
        let attempt = Attempt {
            intent: intent.clone(),
            begun_at: at,
            seq,
            end: None,
            ended_at: None,
            unknown: None,
            allowed: Vec::new(),
            undone: false,
        };
        self.attempts.insert(intent.attempt.clone(), attempt);
    }

    fn end(&mut self, id: &AttemptId, step: &Key, facts: &Facts, advance: Option<&Advance>, at: String) {
        let mut does = Does::Look;
        let mut undoes = None;
        if let Some(attempt) = self.attempts.get_mut(id) {
            attempt.end = Some(facts.clone());
            attempt.unknown = None;
            attempt.ended_at = Some(at);
            does = attempt.intent.does;
            undoes.clone_from(&attempt.intent.undoes);
        }
        if does == Does::Undo {
            if facts.judged == Judged::Passed
                && let Some(undone) = undoes.and_then(|undoes| self.attempts.get_mut(&undoes))
            {
                undone.undone = true;
                let step = undone.intent.step.clone();
                self.steps.insert(step, StepState::Open);
            }
        } else {
            self.captured.extend(facts.captured.clone());
            self.judge(step, facts.judged);
            if facts.result == EndResult::NotStarted {
                self.steps.insert(step.clone(), StepState::Open);
            } else if does == Does::Look {
                self.find(step, facts.judged, &facts.found.join("; "));
            }
        }
        if let Some(advance) = advance {
            self.advance(advance);
        }
    }

    fn measure(&mut self, attempt: Option<&AttemptId>, guards: &Guards, at: String) {
        self.guards = Some(guards.clone());
        if let Some(attempt) = attempt.and_then(|attempt| self.attempts.get_mut(attempt)) {
            attempt.allowed.extend(guards.allowed.clone());
        }
        if guards.broken.is_empty() {
            self.broken = None;
        } else {
            self.broken = Some(Broken { attempt: attempt.cloned(), changed: guards.broken.clone(), at });
        }
    }

    fn decide_unknown(&mut self, attempt: Option<&AttemptId>, choice: &str) {
        let Some(attempt) = attempt.and_then(|attempt| self.attempts.get(attempt)) else { return };
        let step = attempt.intent.step.clone();
        match choice {
            "done" => self.judge(&step, Judged::Passed),
            "run-again" => {
                self.steps.insert(step, StepState::Open);
            }
            _ => {}
        }
    }

    fn judge(&mut self, step: &Key, judged: Judged) {
        let state = match judged {
            Judged::Passed => StepState::Passed,
            Judged::Failed => StepState::Failed,
            Judged::Unknown => StepState::Unknown,
        };
        self.steps.insert(step.clone(), state);
    }

    fn find(&mut self, step: &Key, judged: Judged, text: &str) {
        self.findings.retain(|finding| finding.step != *step);
        self.findings.push(Finding { step: step.clone(), judged, text: text.to_owned() });
    }

    fn stand(&mut self, by: StopReason, step: Option<Key>, why: &str) {
        self.position = Position::Stopped { by, step };
        self.why = Some(why.to_owned());
    }

    fn remark(&mut self, at: String, step: Option<&Key>, what: &'static str, text: &str) {
        self.remarks.push(Remark { at, step: step.cloned(), what, text: text.to_owned() });
    }

    fn advance(&mut self, advance: &Advance) {
        for key in &advance.opened {
            self.steps.insert(key.clone(), StepState::Open);
        }
        for key in &advance.not_taken {
            self.steps.insert(key.clone(), StepState::NotTaken);
        }
        self.loops.extend(advance.loops.clone());
        if let Position::Step { step } = &advance.to {
            *self.visits.entry(step.clone()).or_default() += u32::from(self.position != advance.to);
        }
        self.why.clone_from(&advance.why);
        self.position = advance.to.clone();
    }
}
