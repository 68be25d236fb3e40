//! What people said and decided, what is not known, and how it ended.

use std::fmt::Write as _;

use super::place::{close_words, named, stands};
use super::times::Times;
use crate::engine::run::StepState;
use crate::engine::{Plan, Run};
use crate::text::markdown::inline;

/// Answers, skips, decisions, deviations, notes, pauses.
pub fn said(plan: &Plan, run: &Run, times: Times) -> String {
    let mut out = String::new();
    for remark in &run.remarks {
        let step = remark.step.as_ref().map_or_else(String::new, |step| format!(" at {}", named(plan, run, step)));
        let _ = writeln!(out, "- {}, **{}**{step}: {}", times.full(&remark.at), remark.what, inline(&remark.text));
    }
    for (key, answer) in &run.answers {
        let _ = writeln!(out, "- answer at {}: {}", named(plan, run, key), inline(answer));
    }
    out
}

/// Attempts and steps of which nobody knows the end.
pub fn unknown(plan: &Plan, run: &Run, times: Times) -> String {
    let mut out = String::new();
    for attempt in run.attempts.values().filter(|attempt| attempt.end.is_none()) {
        let why = attempt.unknown.as_ref().map_or_else(|| "it has no end in the journal".to_owned(), |why| inline(why));
        let _ = writeln!(
            out,
            "- {}, begun {}: {why}",
            named(plan, run, &attempt.intent.step),
            times.full(&attempt.begun_at)
        );
    }
    let told = |key: &crate::engine::Key| {
        run.attempts.values().any(|attempt| attempt.end.is_none() && attempt.intent.step == *key)
    };
    for (key, _) in run.steps.iter().filter(|(key, state)| **state == StepState::Unknown && !told(key)) {
        let _ = writeln!(out, "- {}: it could not be told", named(plan, run, key));
    }
    out
}

/// How it ended, or that it did not.
pub fn ending(run: &Run, times: Times) -> String {
    match &run.closed {
        Some((outcome, reason, at)) => {
            let reason = if reason.is_empty() { String::new() } else { format!(" ({})", inline(reason)) };
            format!("{}: {}{reason}.\n", times.full(at), close_words(*outcome))
        }
        None => format!("It did not: the run is open, {}.\n", inline(&stands(run))),
    }
}
