//! What a person decided, before a run goes on without one, about attempts whose end is not known.

use std::collections::BTreeSet;

use crate::engine::command::Choice;
use crate::engine::record::Rerun;
use crate::engine::run::Attempt;
use crate::engine::{AttemptId, Key};

/// How a decision of the command line is recorded.
const DECIDED: &str = "--decide";
/// How it is recorded that a repeatable step runs again.
const SAFE: &str = "--rerun-safe";

/// Whether steps that say that they are repeatable run again by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeatable {
    #[default]
    AskFirst,
    RunAgain,
}

/// Decisions, each for one attempt and used once.
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    decided: Vec<(AttemptId, Choice)>,
    reason: String,
    repeatable: Repeatable,
    /// Steps that ran again by themselves: once is enough.
    again: BTreeSet<Key>,
}

/// One decision as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    pub choice: Choice,
    pub reason: String,
    pub how: &'static str,
}

/// A decision that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecisionError {
    #[error("`--decide {0}` is no decision, expected `ATTEMPT=done`, `ATTEMPT=run-again` or `ATTEMPT=abort`")]
    Syntax(String),
    #[error("a decision needs a reason: say in a few words why, with `--reason TEXT`")]
    NoReason,
    #[error("this run has no attempt `{0}`")]
    NoAttempt(AttemptId),
}

impl Decisions {
    /// From the words of the command line.
    pub fn new(decided: &[String], reason: &str, repeatable: Repeatable) -> Result<Self, DecisionError> {
        let decided = decided.iter().map(|text| {
            let pair = text.split_once('=').map(|(attempt, choice)| (attempt, Choice::from_word(choice)));
            match pair {
                Some((attempt, Some(choice))) if !attempt.is_empty() => Ok((AttemptId(attempt.to_owned()), choice)),
                Some(_) | None => Err(DecisionError::Syntax(text.clone())),
            }
        });
        let decided: Vec<_> = decided.collect::<Result<_, _>>()?;
        if !decided.is_empty() && reason.trim().is_empty() {
            return Err(DecisionError::NoReason);
        }
        Ok(Self { decided, reason: reason.trim().to_owned(), repeatable, again: BTreeSet::new() })
    }

    /// Every decision is about an attempt of this run.
    pub fn check(&self, run: &crate::engine::Run) -> Result<(), DecisionError> {
        match self.decided.iter().find(|(attempt, _)| !run.attempts.contains_key(attempt)) {
            Some((attempt, _)) => Err(DecisionError::NoAttempt(attempt.clone())),
            None => Ok(()),
        }
    }

    /// What was decided about an attempt whose end is not known.
    pub fn take(&mut self, attempt: &Attempt) -> Option<Decided> {
        let intent = &attempt.intent;
        if let Some(at) = self.decided.iter().position(|(id, _)| *id == intent.attempt) {
            let (_, choice) = self.decided.remove(at);
            return Some(Decided { choice, reason: self.reason.clone(), how: DECIDED });
        }
        let safe = intent.rerun == Rerun::Safe && self.repeatable == Repeatable::RunAgain;
        if safe && self.again.insert(intent.step.clone()) {
            return Some(Decided { choice: Choice::RunAgain, reason: "the step is repeatable".to_owned(), how: SAFE });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::record::{Does, Intent, Target};

    fn attempt(id: &str, rerun: Rerun) -> Attempt {
        let intent = Intent {
            attempt: AttemptId(id.to_owned()),
            step: Key::new("renew"),
            does: Does::Change,
            argv: Vec::new(),
            cmd_sha256: String::new(),
            env: Vec::new(),
            cwd: String::new(),
            timeout_s: None,
            target: Target::default(),
            confirm: None,
            rerun,
            risk: None,
            undo: None,
            armed: None,
            undoes: None,
            retry_of: None,
        };
        Attempt {
            intent,
            begun_at: String::new(),
            seq: 1,
            end: None,
            ended_at: None,
            unknown: Some("gone".to_owned()),
            allowed: Vec::new(),
            undone: false,
            decided: false,
            answered: None,
            captured: std::collections::BTreeMap::new(),
            loops: std::collections::BTreeMap::new(),
        }
    }

    fn decisions(decided: &[&str], repeatable: Repeatable) -> Decisions {
        let decided: Vec<_> = decided.iter().map(|&text| text.to_owned()).collect();
        Decisions::new(&decided, " seen in its log ", repeatable).unwrap()
    }

    #[test]
    fn a_decision_is_for_one_attempt_and_used_once() {
        let mut decisions = decisions(&["1-4-ab=done", "1-9-cd=run-again"], Repeatable::AskFirst);
        assert_eq!(decisions.take(&attempt("1-5-xy", Rerun::Never)), None);
        let decided = Decided { choice: Choice::Done, reason: "seen in its log".to_owned(), how: "--decide" };
        assert_eq!(decisions.take(&attempt("1-4-ab", Rerun::Never)), Some(decided));
        assert_eq!(decisions.take(&attempt("1-4-ab", Rerun::Never)), None);
        assert_eq!(decisions.take(&attempt("1-9-cd", Rerun::Never)).unwrap().choice, Choice::RunAgain);
    }

    #[test]
    fn only_a_repeatable_step_runs_again_by_itself_and_only_once() {
        let mut safe = decisions(&[], Repeatable::RunAgain);
        assert_eq!(safe.take(&attempt("a", Rerun::Never)), None);
        assert_eq!(safe.take(&attempt("a", Rerun::AfterCheck)), None);
        assert_eq!(safe.take(&attempt("a", Rerun::Safe)).unwrap().how, "--rerun-safe");
        assert_eq!(safe.take(&attempt("b", Rerun::Safe)), None, "a step that is lost twice needs a person");
        assert_eq!(decisions(&[], Repeatable::AskFirst).take(&attempt("a", Rerun::Safe)), None);
    }

    #[test]
    fn words_that_are_no_decision_are_refused() {
        for text in ["1-4-ab", "1-4-ab=", "=done", "1-4-ab=Done", "1-4-ab=yes"] {
            let error = Decisions::new(&[text.to_owned()], "why", Repeatable::AskFirst).unwrap_err();
            assert_eq!(error, DecisionError::Syntax(text.to_owned()));
        }
        let error = Decisions::new(&["1-4-ab=done".to_owned()], "  ", Repeatable::AskFirst).unwrap_err();
        assert_eq!(error, DecisionError::NoReason);
    }
}
