//! The beginning of an attempt: everything that must hold before a process may be started.

use super::{Draft, here, idle, reason, straight};
use crate::engine::command::{Beginning, Effect};
use crate::engine::position::Position;
use crate::engine::record::{Confirm, Does, Event, Intent, Mode};
use crate::engine::refusal::Refusal;
use crate::engine::resolve::{Resolved, Resolver, UndoLine, forbidden};
use crate::engine::run::{Attempt, StepState};
use crate::model::{Phase, Risk};

pub(super) fn begin(draft: &mut Draft, beginning: &Beginning) -> Result<(), Refusal> {
    idle(&draft.run)?;
    let undoes = undone_attempt(draft, beginning)?;
    if undoes.is_none() {
        here(&draft.run, &beginning.step)?;
    }
    let resolver = Resolver::new(draft.plan, &draft.run, Some(&beginning.step));
    let resolved = match &undoes {
        Some(attempt) => resolver.way_back(attempt),
        None => resolver.step(&beginning.step),
    };
    let resolved = resolved.map_err(|why| Refusal::Unresolved { text: why.0 })?;
    allowed(draft, beginning, &resolved)?;
    if let Some(guards) = &beginning.guards {
        draft.push(Event::GuardsBefore { attempt: Some(beginning.attempt.clone()), guards: guards.clone() });
        if !guards.broken.is_empty() && resolved.does != Does::Undo {
            let advance = straight(Position::Frozen { attempt: None }).because("a guard was broken between two steps, not by one");
            draft.push(Event::WentTo { why: "a guard is broken".to_owned(), advance });
            return Ok(());
        }
    }
    let intent = intent(draft, beginning, &resolved);
    draft.push(Event::StepIntended(Box::new(intent)));
    draft.effects.push(Effect::Go(beginning.attempt.clone()));
    Ok(())
}

fn undone_attempt(draft: &Draft, beginning: &Beginning) -> Result<Option<Attempt>, Refusal> {
    let Some(undoes) = &beginning.undoes else { return Ok(None) };
    match draft.run.newest_way_back() {
        Some(attempt) if attempt.intent.attempt == *undoes => Ok(Some(attempt.clone())),
        Some(attempt) => Err(Refusal::NoWayBack(format!("the newest way back is that of `{}`", attempt.intent.step))),
        None => Err(Refusal::NoWayBack("nothing was changed that has one".to_owned())),
    }
}

fn allowed(draft: &Draft, beginning: &Beginning, resolved: &Resolved) -> Result<(), Refusal> {
    if resolved.digest() != beginning.shown {
        return Err(Refusal::CommandDiffers);
    }
    if let Some((pattern, because)) = forbidden(&draft.plan.runbook, resolved) {
        return Err(Refusal::Forbidden { pattern, because });
    }
    if resolved.does == Does::Look {
        return Ok(());
    }
    if draft.run.mode() == Mode::Look {
        return Err(Refusal::LookOnly);
    }
    if resolved.does == Does::Change {
        if let StepState::Passed = draft.run.state(&beginning.step) {
            let again = beginning.again.as_deref().ok_or_else(|| Refusal::AlreadyPassed(beginning.step.clone()))?;
            reason(again)?;
        }
        if let Some(need) = beginning.needs.iter().find(|need| !need.held) {
            return Err(Refusal::NeedsNotMet(need.what.clone()));
        }
    }
    confirmed(beginning.confirm.as_ref(), resolved)
}

/// A change was confirmed by a person: `y` for a low risk, else the word that tells it from others.
pub(super) fn confirmed(confirm: Option<&Confirm>, resolved: &Resolved) -> Result<(), Refusal> {
    let expected = resolved.confirm_word.clone();
    let Some(confirm) = confirm else { return Err(Refusal::NotConfirmed { found: String::new(), expected }) };
    let low = resolved.risk == Some(Risk::Low) && confirm.how == "key" && confirm.text == "y";
    if low || confirm.text == expected || confirm.text == resolved.key.to_string() && resolved.risk == Some(Risk::Low) {
        return Ok(());
    }
    Err(Refusal::NotConfirmed { found: confirm.text.clone(), expected })
}

fn intent(draft: &Draft, beginning: &Beginning, resolved: &Resolved) -> Intent {
    let timeout = match &resolved.work {
        crate::engine::resolve::Work::Command(line) => line.timeout,
        _ => None,
    };
    let retry_of = draft.run.newest_attempt(&beginning.step).map(|attempt| attempt.intent.attempt.clone());
    let changes = resolved.does == Does::Change && resolved.phase != Phase::Diagnose;
    Intent {
        attempt: beginning.attempt.clone(),
        step: beginning.step.clone(),
        does: resolved.does,
        argv: resolved.argv(),
        cmd_sha256: resolved.digest(),
        env: beginning.env.clone(),
        cwd: beginning.cwd.clone(),
        timeout_s: timeout.map(|time| time.as_secs()),
        target: beginning.target.clone(),
        confirm: beginning.confirm.clone(),
        rerun: resolved.rerun,
        risk: resolved.risk,
        undo: changes.then(|| beginning.way_back.clone().unwrap_or_else(|| way_back_of(&resolved.undo))),
        undoes: beginning.undoes.clone(),
        retry_of: retry_of.filter(|_| resolved.does != Does::Undo),
    }
}

fn way_back_of(undo: &UndoLine) -> crate::engine::record::WayBack {
    use crate::engine::record::WayBack;
    match undo {
        UndoLine::Copy => WayBack::Copy { entries: 0 },
        UndoLine::Command(_) => WayBack::Command,
        UndoLine::ByHand(_) => WayBack::ByHand,
        UndoLine::None { why } => WayBack::None { why: why.clone() },
    }
}
