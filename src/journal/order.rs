//! Does the order of the records make sense, as far as their kinds and attempts tell?
//!
//! The chain proves that nobody changed a line; this finds a writer that wrote the wrong lines.

use std::collections::BTreeMap;

use serde::Serialize;

use super::line::Sealed;

/// A record that contradicts those before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Disorder {
    /// Its epoch.
    pub epoch: u32,
    /// Its number.
    pub seq: u64,
    /// One clause for a person.
    pub what: String,
}

/// What is known of the run after the records so far.
#[derive(Debug, Default)]
pub(super) struct Order {
    attempts: BTreeMap<String, Progress>,
    opened: bool,
    closed: bool,
    pub(super) disorder: Vec<Disorder>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    Intended,
    Started,
    Unknown,
    Ended,
}

impl Order {
    pub(super) fn observe(&mut self, line: &Sealed<'_>) {
        let wrong = match &*line.kind {
            "run.open" if self.opened => Some("a second `run.open`".to_owned()),
            kind if !self.opened && kind != "run.open" => Some(format!("`{kind}` before `run.open`")),
            "step.intent" if self.closed => Some("`step.intent` after `run.close`".to_owned()),
            kind => self.attempt(kind, line.attempt.as_deref()),
        };
        self.opened = true;
        self.closed |= line.kind == "run.close";
        self.disorder.extend(wrong.map(|what| Disorder { epoch: line.epoch, seq: line.seq, what }));
    }

    /// Attempts whose end nobody recorded, neither as an outcome nor as unknown.
    pub(super) fn open_attempts(&self) -> Vec<String> {
        let open = |progress: &Progress| *progress < Progress::Unknown;
        self.attempts.iter().filter(|(_, progress)| open(progress)).map(|(attempt, _)| attempt.clone()).collect()
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    fn attempt(&mut self, kind: &str, attempt: Option<&str>) -> Option<String> {
        let next = match kind {
            "step.intent" => Progress::Intended,
            "step.started" => Progress::Started,
            "step.unknown" => Progress::Unknown,
            "step.outcome" => Progress::Ended,
            _ => return None,
        };
        let Some(attempt) = attempt else { return Some(format!("`{kind}` without an `attempt`")) };
        let before = self.attempts.get(attempt).copied();
        match (before, next) {
            (None, Progress::Intended) => {}
            (None, _) => return Some(format!("`{kind}` of attempt `{attempt}` without an intent")),
            (Some(_), Progress::Intended) => return Some(format!("a second intent of attempt `{attempt}`")),
            (Some(before), next) if before < next => {}
            // An end can stay unknown for several operators, one after the other.
            (Some(Progress::Unknown), Progress::Unknown) => {}
            (Some(_), _) => return Some(format!("`{kind}` of attempt `{attempt}` comes too late")),
        }
        self.attempts.insert(attempt.to_owned(), next);
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::audit;
    use super::super::testing::{Scratch, record_with};

    const A: &str = "1-2-ab12";

    /// What an audit says about these kinds of records, all of one attempt.
    fn disorder(kinds: &[&str]) -> Vec<String> {
        let scratch = Scratch::new();
        let mut writer = scratch.writer_of(super::super::testing::RUN);
        for (seq, kind) in (1..).zip(kinds) {
            let attempt = if kind.starts_with("step.") { json!({"attempt": A}) } else { json!({}) };
            writer.append(record_with(1, seq, kind, &attempt)).unwrap();
        }
        let audit = audit(&super::super::RunFolder::open(scratch.state(), super::super::testing::RUN).unwrap());
        assert_eq!(audit.exit_code(), if audit.disorder.is_empty() { 0 } else { 11 });
        audit.disorder.into_iter().map(|found| found.what).collect()
    }

    #[test]
    fn a_step_goes_from_intent_to_outcome() {
        let none: [&str; 0] = [];
        assert_eq!(disorder(&["run.open", "step.intent", "step.started", "step.outcome", "run.close"]), none);
        assert_eq!(disorder(&["run.open", "step.intent", "step.outcome"]), none);
    }

    #[test]
    fn an_unknown_end_can_stay_unknown_or_become_known() {
        let none: [&str; 0] = [];
        assert_eq!(disorder(&["run.open", "step.intent", "step.unknown", "step.unknown", "step.outcome"]), none);
    }

    #[test]
    fn an_outcome_needs_an_intent() {
        assert_eq!(disorder(&["run.open", "step.outcome"]), ["`step.outcome` of attempt `1-2-ab12` without an intent"]);
    }

    #[test]
    fn an_attempt_is_intended_and_ends_once() {
        assert_eq!(disorder(&["run.open", "step.intent", "step.intent"]), ["a second intent of attempt `1-2-ab12`"]);
        let twice = ["run.open", "step.intent", "step.outcome", "step.outcome"];
        assert_eq!(disorder(&twice), ["`step.outcome` of attempt `1-2-ab12` comes too late"]);
        let late = ["run.open", "step.intent", "step.outcome", "step.started"];
        assert_eq!(disorder(&late), ["`step.started` of attempt `1-2-ab12` comes too late"]);
    }

    #[test]
    fn a_run_is_opened_first_and_once_and_closed_last() {
        assert_eq!(disorder(&["note"]), ["`note` before `run.open`"]);
        assert_eq!(disorder(&["run.open", "run.open"]), ["a second `run.open`"]);
        assert_eq!(disorder(&["run.open", "run.close", "step.intent"]), ["`step.intent` after `run.close`"]);
        assert_eq!(disorder(&["run.open", "run.close", "note"]), [""; 0]);
    }
}
