//! The fold: what each record does to a run. It never decides; what a record leads to is written in the record.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Attempt, Broken, Finding, Opened, Remark, Run, StepState};
use crate::engine::key::{AttemptId, Key};
use crate::engine::position::{Advance, Position, StopReason};
use crate::engine::record::{Does, EndResult, Event, Facts, Guards, Intent, Judged, Record};

/// What an event says about the end of a step, and the values it gives.
#[derive(Debug, Default)]
pub struct Outcome<'e> {
    pub step: Option<(Key, StepState)>,
    pub captured: Option<&'e BTreeMap<String, Value>>,
}

impl Run {
    /// What an event does to the steps, before its way on.
    pub fn outcome<'e>(&self, event: &'e Event) -> Outcome<'e> {
        match event {
            Event::StepIntended(intent) if intent.does != Does::Undo => {
                step(&intent.step, StepState::Running(intent.attempt.clone()))
            }
            Event::StepEnded { attempt, step, facts, .. } => self.ended(attempt, step, facts),
            // What a way back that was cut off has put back, nobody knows either.
            Event::StepUnknown { step: key, .. } => step(key, StepState::Unknown),
            // What has passed stays so: skipping it means not to do it once more.
            Event::StepSkipped { step: key, reason, .. } => match self.state(key) {
                StepState::Passed => Outcome::default(),
                StepState::Open
                | StepState::Running(_)
                | StepState::Failed
                | StepState::Unknown
                | StepState::Skipped(_)
                | StepState::NotTaken => step(key, StepState::Skipped(reason.clone())),
            },
            Event::Answered { step, judged, captured, .. } => {
                Outcome { step: Some((step.clone(), state(*judged))), captured: Some(captured) }
            }
            Event::Decided { attempt: Some(attempt), choice, .. } => {
                let intent = self.attempts.get(attempt).map(|attempt| &attempt.intent);
                let intent = intent.map(|intent| (&intent.step, intent.does == Does::Undo));
                match (intent, choice.as_str()) {
                    (Some((key, false)), "done") => step(key, StepState::Passed),
                    (Some((key, false)), "run-again") | (Some((key, true)), "done") => step(key, StepState::Open),
                    (Some(_) | None, _) => Outcome::default(),
                }
            }
            Event::StepIntended(_)
            | Event::Decided { attempt: None, .. }
            | Event::RunOpened { .. }
            | Event::GotIn(_)
            | Event::GuardsBefore { .. }
            | Event::GuardsAfter { .. }
            | Event::NeedsMeasured { .. }
            | Event::WentTo { .. }
            | Event::Drafted { .. }
            | Event::Noted { .. }
            | Event::Deviated { .. }
            | Event::ShellOpened(_)
            | Event::ShellCommandEnded { .. }
            | Event::ShellRefused { .. }
            | Event::ShellClosed { .. }
            | Event::Paused { .. }
            | Event::Recovered { .. }
            | Event::RecordingGap { .. }
            | Event::RunClosed { .. }
            | Event::Later => Outcome::default(),
        }
    }

    fn does(&self, attempt: &AttemptId) -> Option<Does> {
        self.attempts.get(attempt).map(|attempt| attempt.intent.does)
    }

    fn ended<'e>(&self, attempt: &AttemptId, key: &Key, facts: &'e Facts) -> Outcome<'e> {
        if self.does(attempt) == Some(Does::Undo) {
            return match (facts.result, facts.judged) {
                (EndResult::NotStarted, _) => Outcome::default(),
                (_, Judged::Passed) => step(key, StepState::Open),
                // Neither the change nor what was before it: nobody knows how much is back.
                (_, Judged::Failed | Judged::Unknown) => step(key, StepState::Unknown),
            };
        }
        let state = match facts.went_back() {
            Some(Judged::Passed) => StepState::Open,
            Some(Judged::Failed | Judged::Unknown) => StepState::Unknown,
            None if facts.result == EndResult::NotStarted => StepState::Open,
            None => state(facts.judged),
        };
        Outcome { step: Some((key.clone(), state)), captured: Some(&facts.captured) }
    }

    fn undone_by(&self, attempt: &AttemptId) -> Option<AttemptId> {
        self.attempts.get(attempt)?.intent.undoes.clone()
    }

    /// Takes in one record.
    pub fn apply(&mut self, record: &Record) {
        self.epoch = record.epoch;
        self.next_seq = record.seq + 1;
        self.last_at.clone_from(&record.at.t);
        if record.at.boot.is_some() {
            self.boot.clone_from(&record.at.boot);
        }
        let outcome = self.outcome(&record.event);
        self.steps.extend(outcome.step);
        self.captured.extend(outcome.captured.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
        self.note(record);
        if let Some(advance) = advance_of(&record.event) {
            self.advance(advance);
        }
    }

    /// Everything but the ends of steps and the way on.
    fn note(&mut self, record: &Record) {
        let at = record.at.t.clone();
        match &record.event {
            Event::RunOpened { who, tz, runbook, mode, inputs, lab, cwd, also, advance: _ } => {
                if let Some(also) = also {
                    let text = format!(
                        "{} is open on the same place; this one was started all the same: {}",
                        also.runs.join(", "),
                        also.reason
                    );
                    self.remark(at.clone(), None, "also", &text);
                }
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
            }
            Event::GotIn(access) => {
                self.access.insert(access.place.clone(), access.clone());
            }
            Event::StepIntended(intent) => self.begin(intent, at, record.seq),
            Event::StepEnded { attempt, step, facts, advance: _ } => self.end(attempt, step, facts, at),
            Event::StepUnknown { attempt, step, why, .. } => self.lose(attempt, step, why),
            Event::StepSkipped { step, reason, advance: _ } => self.remark(at, Some(step), "skipped", reason),
            Event::GuardsBefore { attempt, guards } | Event::GuardsAfter { attempt, guards } => {
                self.measure(attempt.as_ref(), guards, at);
            }
            Event::Answered { step, answer, judged, .. } => {
                self.answers.insert(step.clone(), answer.clone());
                let newest = self.newest_started(step).filter(|attempt| attempt.is_left_to_say());
                if let Some(id) = newest.map(|attempt| attempt.intent.attempt.clone()) {
                    self.attempts[&id].answered = Some(answer.clone());
                }
                self.forget(step);
                self.find(step, *judged, answer);
            }
            Event::Drafted { step, draft, .. } => {
                self.drafts.insert(step.clone(), draft.clone());
            }
            Event::NeedsMeasured { step, needs } => self.needs = Some((step.clone(), needs.clone())),
            Event::WentTo { .. } | Event::Later => {}
            Event::Decided { attempt, choice, reason, .. } => self.take_decision(attempt.as_ref(), choice, reason, at),
            Event::Noted { text } => self.remark(at, None, "note", text),
            Event::Deviated { text, shell: Some(shell), .. } => self.typed(shell, text, None, at),
            Event::Deviated { step, text, shell: None } => self.remark(at, step.as_ref(), "deviation", text),
            Event::ShellOpened(opening) => self.open_side_shell(opening, at),
            Event::ShellCommandEnded { shell, code } => self.typed_ended(shell, *code),
            Event::ShellRefused { shell, text, why } => self.typed(shell, text, Some(why), at),
            Event::ShellClosed { shell, facts, .. } => self.close_side_shell(shell, facts, at),
            Event::Paused { why } => self.remark(at, None, "pause", why),
            Event::Recovered { file, bytes, .. } => {
                self.remark(at, None, "recovered", &format!("{bytes} torn bytes of {file} were set aside"));
            }
            Event::RecordingGap { attempt, what } => {
                let step = attempt
                    .as_ref()
                    .and_then(|attempt| self.attempts.get(attempt))
                    .map(|attempt| attempt.intent.step.clone());
                self.remark(at, step.as_ref(), "recording gap", what);
            }
            Event::RunClosed { outcome, reason } => {
                self.closed = Some((*outcome, reason.clone(), at));
                self.position = Position::Closed;
            }
        }
    }

    fn begin(&mut self, intent: &Intent, at: String, seq: u64) {
        self.needs = None;
        let keep = intent.does == Does::Change;
        let around = |key: &Key| key.turns.len() < intent.step.turns.len() && intent.step.turns.starts_with(&key.turns);
        let attempt = Attempt {
            intent: intent.clone(),
            begun_at: at,
            seq,
            end: None,
            ended_at: None,
            unknown: None,
            allowed: Vec::new(),
            undone: false,
            decided: false,
            answered: None,
            captured: if keep { self.captured.clone() } else { BTreeMap::new() },
            loops: self
                .loops
                .iter()
                .filter(|(key, _)| keep && around(key))
                .map(|(key, list)| (key.clone(), list.clone()))
                .collect(),
        };
        self.attempts.insert(intent.attempt.clone(), attempt);
    }

    fn end(&mut self, id: &AttemptId, step: &Key, facts: &Facts, at: String) {
        let looked = self.attempts.get(id).filter(|attempt| attempt.intent.does == Does::Look);
        let looked = looked.map(|attempt| attempt.intent.retry_of.is_some());
        let undone =
            self.undone_by(id).filter(|_| facts.judged == Judged::Passed && facts.result != EndResult::NotStarted);
        if let Some(attempt) = self.attempts.get_mut(id) {
            attempt.end = Some(facts.clone());
            attempt.unknown = None;
            attempt.ended_at = Some(at);
            attempt.undone |= facts.went_back() == Some(Judged::Passed);
        }
        // What replaced the file, or could not, is no draft any more; where nobody knows, it tells what would be there.
        if facts.result != EndResult::NotStarted && facts.judged != Judged::Unknown {
            self.drafts.remove(step);
        }
        if let Some(undone) = undone.and_then(|undone| self.attempts.get_mut(&undone)) {
            undone.undone = true;
        }
        if let Some(again) = looked.filter(|_| facts.result != EndResult::NotStarted) {
            if again {
                self.forget(step);
            }
            self.find(step, facts.judged, &facts.found.join("; "));
        }
    }

    fn lose(&mut self, id: &AttemptId, step: &Key, why: &str) {
        let Some(attempt) = self.attempts.get_mut(id) else { return };
        attempt.unknown = Some(why.to_owned());
        let by = if attempt.intent.does == Does::Undo { StopReason::WayBack } else { StopReason::Unknown };
        self.position = match (&self.broken, &self.position) {
            // A broken guard stays one, also where it was measured anew for the way back that was cut off.
            (Some(broken), _) => Position::Frozen { attempt: broken.attempt.clone() },
            (None, frozen @ Position::Frozen { .. }) => frozen.clone(),
            (None, _) => Position::Stopped { by, step: Some(step.clone()) },
        };
        self.why = Some(why.to_owned());
    }

    fn measure(&mut self, attempt: Option<&AttemptId>, guards: &Guards, at: String) {
        self.guards = Some(guards.clone());
        if let Some(attempt) = attempt.and_then(|attempt| self.attempts.get_mut(attempt)) {
            attempt.allowed.extend(guards.allowed.clone());
        }
        let changed = guards.broken.clone();
        self.broken = (!changed.is_empty()).then(|| Broken { attempt: attempt.cloned(), changed, at });
    }

    fn take_decision(&mut self, attempt: Option<&AttemptId>, choice: &str, reason: &str, at: String) {
        let undone = attempt.and_then(|attempt| self.undone_by(attempt)).filter(|_| choice == "done");
        let attempt = attempt.and_then(|attempt| self.attempts.get_mut(attempt));
        let step = attempt.map(|attempt| {
            attempt.decided |= matches!(choice, "run-again" | "go-on");
            attempt.intent.step.clone()
        });
        if let Some(undone) = undone.and_then(|undone| self.attempts.get_mut(&undone)) {
            undone.undone = true;
        }
        self.remark(at, step.as_ref(), "decision", &format!("{choice}: {reason}"));
    }

    fn forget(&mut self, step: &Key) {
        self.findings.retain(|finding| finding.step != *step);
    }

    fn find(&mut self, step: &Key, judged: Judged, text: &str) {
        self.findings.push(Finding { step: step.clone(), judged, text: text.to_owned() });
    }

    fn remark(&mut self, at: String, step: Option<&Key>, what: &'static str, text: &str) {
        self.remarks.push(Remark { at, step: step.cloned(), what, text: text.to_owned() });
    }

    fn advance(&mut self, advance: &Advance) {
        self.needs = None;
        for key in &advance.opened {
            self.steps.insert(key.clone(), StepState::Open);
        }
        for key in &advance.not_taken {
            self.steps.insert(key.clone(), StepState::NotTaken);
        }
        self.loops.extend(advance.loops.iter().cloned());
        if let (Position::Step { step }, true) = (&advance.to, advance.came) {
            *self.visits.entry(step.clone()).or_default() += 1;
        }
        self.why.clone_from(&advance.why);
        self.position = advance.to.clone();
    }
}

fn step<'e>(key: &Key, state: StepState) -> Outcome<'e> {
    Outcome { step: Some((key.clone(), state)), captured: None }
}

const fn state(judged: Judged) -> StepState {
    match judged {
        Judged::Passed => StepState::Passed,
        Judged::Failed => StepState::Failed,
        Judged::Unknown => StepState::Unknown,
    }
}

/// Where an event leads.
fn advance_of(event: &Event) -> Option<&Advance> {
    match event {
        Event::RunOpened { advance, .. }
        | Event::StepSkipped { advance, .. }
        | Event::Answered { advance, .. }
        | Event::WentTo { advance, .. }
        | Event::Decided { advance, .. } => Some(advance),
        Event::StepEnded { advance, .. } | Event::ShellClosed { advance, .. } => advance.as_ref(),
        Event::StepIntended(_)
        | Event::GotIn(_)
        | Event::StepUnknown { .. }
        | Event::Drafted { .. }
        | Event::GuardsBefore { .. }
        | Event::GuardsAfter { .. }
        | Event::NeedsMeasured { .. }
        | Event::Noted { .. }
        | Event::Deviated { .. }
        | Event::ShellOpened(_)
        | Event::ShellCommandEnded { .. }
        | Event::ShellRefused { .. }
        | Event::Paused { .. }
        | Event::Recovered { .. }
        | Event::RecordingGap { .. }
        | Event::RunClosed { .. }
        | Event::Later => None,
    }
}
