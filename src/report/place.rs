//! Where a run stands and what comes next, in words; every step with its end.

use std::fmt::Write as _;

use crate::engine::position::StopReason;
use crate::engine::record::{Close, Mode};
use crate::engine::resolve::Resolver;
use crate::engine::run::StepState;
use crate::engine::{Key, Plan, Position, Run};
use crate::model::Phase;
use crate::text::markdown::{code, inline};

/// The title of a step with the names that are known filled in, as text for Markdown.
pub fn title(plan: &Plan, run: &Run, key: &Key) -> String {
    let item = plan.item(&key.id);
    item.map_or_else(
        || inline(&key.to_string()),
        |item| inline(&Resolver::new(plan, run, Some(key)).prose(&item.step.title)),
    )
}

/// A step for a sentence: its title and its name.
pub fn named(plan: &Plan, run: &Run, key: &Key) -> String {
    format!("{} ({})", title(plan, run, key), code(&key.to_string()))
}

/// Where it stands, in plain words without markup.
pub fn stands(run: &Run) -> String {
    match &run.position {
        Position::Step { step } => match run.running() {
            Some(_) => format!("step {step} runs"),
            None => format!("at step {step}"),
        },
        Position::EnterRepair => "before repair: nothing was changed yet".to_owned(),
        Position::NotRepaired => "not repaired: verify did not hold".to_owned(),
        Position::Stopped { by, step } => {
            let step = step.as_ref().map_or_else(String::new, |step| format!(" at step {step}"));
            format!("stopped{step}: {}", stop_words(*by))
        }
        Position::Frozen { .. } => "FROZEN: a guard is broken".to_owned(),
        Position::AtEnd { nothing_to_repair: true } => "at its end: nothing to repair; not closed yet".to_owned(),
        Position::AtEnd { nothing_to_repair: false } => "at its end: everything is done; not closed yet".to_owned(),
        Position::Closed => match &run.closed {
            Some((outcome, _, _)) => format!("closed: {}", close_words(*outcome)),
            None => "closed".to_owned(),
        },
    }
}

/// How a run ended, in words.
pub const fn close_words(outcome: Close) -> &'static str {
    match outcome {
        Close::Done => "done, every verify step passed",
        Close::NothingToRepair => "nothing to repair",
        Close::NotRepaired => "NOT REPAIRED",
        Close::Preflight => "a preflight, nothing was changed",
    }
}

const fn stop_words(by: StopReason) -> &'static str {
    match by {
        StopReason::StepFailed => "the step failed",
        StopReason::Unknown => "how the step ended is not known",
        StopReason::Runbook => "the runbook says stop",
        StopReason::OfferUndo => "the runbook offers the way back",
        StopReason::Undone => "you went back",
        StopReason::WayBack => "the way back did not bring everything back",
        StopReason::TooManyVisits => "the step was reached too often",
        StopReason::NameNotKnown => "a value is not known yet",
    }
}

/// What the next person does.
pub fn next(plan: &Plan, run: &Run) -> String {
    let resume = code(&format!("locum resume {}", run.id));
    match &run.position {
        Position::Step { step } => format!("{resume}, then {}", named(plan, run, step)),
        Position::EnterRepair => format!("{resume}, read the findings, then enter repair or leave it"),
        Position::NotRepaired => format!("{resume}: repair again, go a way back, ask, or close as not repaired"),
        Position::Stopped { by: StopReason::Unknown, .. } => {
            format!("{resume}: look whether the change happened, then decide")
        }
        Position::Stopped { .. } => format!("{resume}: ask, go a way back, or go on with a reason"),
        Position::Frozen { .. } => format!("{resume}: go the way back, or ask first. Change nothing by hand"),
        Position::AtEnd { .. } => format!("{resume}, and close it"),
        Position::Closed => match run.closed.as_ref().map(|(outcome, ..)| *outcome) {
            Some(Close::NotRepaired) => "it is still broken: start again, or ask".to_owned(),
            Some(Close::Done | Close::NothingToRepair | Close::Preflight) | None => {
                "nothing; keep this report".to_owned()
            }
        },
    }
}

/// What is not over.
pub fn open(plan: &Plan, run: &Run) -> Vec<String> {
    let mut open = Vec::new();
    if let Some(attempt) = run.running() {
        open.push(format!("{} has begun and has no end in the journal", named(plan, run, &attempt.intent.step)));
    }
    if let Some(broken) = &run.broken {
        open.push(match broken.changed.len() {
            1 => "1 guarded thing is not as it was".to_owned(),
            many => format!("{many} guarded things are not as they were"),
        });
    }
    for (key, state) in &run.steps {
        match state {
            StepState::Unknown => open.push(format!("{}: not known", named(plan, run, key))),
            StepState::Failed if run.closed.is_none() && !is_look_for_the_cause(plan, key) => {
                open.push(format!("{}: does not hold", named(plan, run, key)));
            }
            StepState::Open
            | StepState::Running(_)
            | StepState::Passed
            | StepState::Failed
            | StepState::Skipped(_)
            | StepState::NotTaken => {}
        }
    }
    open
}

/// A fault that diagnose finds is what the run is about, and nothing that is open.
fn is_look_for_the_cause(plan: &Plan, key: &Key) -> bool {
    plan.item(&key.id).is_some_and(|item| item.phase == Phase::Diagnose)
}

/// Every step of the runbook with its end.
pub fn steps(plan: &Plan, run: &Run) -> String {
    let mut out = String::new();
    for item in plan.items() {
        let indent = "  ".repeat(item.depth);
        if item.is_group() {
            let _ = writeln!(out, "{indent}- {}:", inline(&item.step.title));
            continue;
        }
        let turns: Vec<_> = run.steps.iter().filter(|(key, _)| key.id == item.step.id.value).collect();
        if turns.is_empty() {
            let key = Key::new(&item.step.id.value);
            let _ = writeln!(out, "{indent}- open: {}", named(plan, run, &key));
        }
        for (key, state) in turns {
            let _ = writeln!(out, "{indent}- {}: {}", state_words(state), named(plan, run, key));
        }
    }
    out
}

fn state_words(state: &StepState) -> String {
    match state {
        StepState::Open => "open".to_owned(),
        StepState::Running(_) => "**running**".to_owned(),
        StepState::Passed => "passed".to_owned(),
        StepState::Failed => "**failed**".to_owned(),
        StepState::Unknown => "**not known**".to_owned(),
        StepState::Skipped(reason) => format!("**skipped** ({})", inline(reason)),
        StepState::NotTaken => "not taken".to_owned(),
    }
}

/// The mode, loud.
pub const fn mode_words(mode: Mode) -> &'static str {
    match mode {
        Mode::Live => "LIVE",
        Mode::Drill => "DRILL",
        Mode::Look => "LOOK ONLY",
        Mode::Preflight => "PREFLIGHT",
    }
}
