//! Does the order of the records make sense, as far as their kinds and attempts tell?
//!
//! The chain proves that nobody changed a line; this finds a writer that wrote the wrong lines.

use std::collections::BTreeMap;

use serde::Serialize;

use super::line::Sealed;

/// A record that contradicts those before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Disorder {
    pub epoch: u32,
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
        let wrong = match line.kind() {
            "run.open" if self.opened => Some("a second `run.open`".to_owned()),
            kind if !self.opened && kind != "run.open" => Some(format!("`{kind}` before `run.open`")),
            "step.intent" if self.closed => Some("`step.intent` after `run.close`".to_owned()),
            kind => self.attempt(kind, line.members.text("attempt")),
        };
        self.opened = true;
        self.closed |= line.kind() == "run.close";
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
