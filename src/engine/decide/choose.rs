//! Decisions of people: open, enter repair, skip, go on, run again.

use std::collections::BTreeMap;

use super::finish::{frozen, phase, proofs, undone};
use super::{Draft, here, idle, reason, sound, straight};
use crate::engine::ahead::Ahead;
use crate::engine::command::{Choice, Opening};
use crate::engine::key::{AttemptId, Key};
use crate::engine::needed::needed_later;
use crate::engine::position::{Advance, Position, StopReason};
use crate::engine::record::{Does, Event, Guards, Judged, Matched, Record};
use crate::engine::refusal::Refusal;
use crate::engine::run::{Attempt, StepState};
use crate::engine::walk::Walk;
use crate::model::Phase;
use crate::model::branch::To;

pub(super) fn open(draft: &mut Draft, opening: &Opening) -> Result<(), Refusal> {
    if draft.run.opened.is_some() {
        return Err(Refusal::OpenedAlready);
    }
    let event = |advance| Event::RunOpened {
        who: opening.who.clone(),
        tz: opening.tz.clone(),
        runbook: opening.runbook.clone(),
        mode: opening.mode,
        inputs: opening.inputs.clone(),
        lab: opening.lab.clone(),
        cwd: opening.cwd.clone(),
        also: opening.also.clone(),
        advance,
    };
    // The first step may have a `when` over inputs, so it is found on the opened run.
    let mut opened = draft.run.clone();
    let (run, epoch, seq) = (opened.id.clone(), opened.epoch, opened.next_seq);
    opened.apply(&Record { v: 1, run, epoch, seq, at: draft.at.clone(), event: event(draft.stay()) });
    let advance = Walk::new(draft.plan, Ahead::of(&opened)).start();
    draft.push(event(advance));
    Ok(())
}

pub(super) fn enter_repair(draft: &mut Draft, guards: Option<&Guards>, how: &str) -> Result<(), Refusal> {
    sound(draft.run)?;
    if draft.run.position != Position::EnterRepair {
        return Err(Refusal::NotNow("the run does not stand at the entry into repair".to_owned()));
    }
    if draft.run.mode().only_looks() {
        return Err(Refusal::LookOnly);
    }
    if guards.is_none() && draft.plan.is_guarded() {
        return Err(Refusal::NotMeasured("what must not change".to_owned()));
    }
    if let Some(guards) = guards {
        draft.push(Event::GuardsBefore { attempt: None, guards: guards.clone() });
        if !guards.broken.is_empty() {
            draft.push(Event::WentTo { why: "a guard is broken".to_owned(), advance: frozen(None, guards) });
            return Ok(());
        }
    }
    let advance = draft.walk().repair();
    draft.push(Event::WentTo { why: format!("repair was entered ({how})"), advance });
    Ok(())
}

pub(super) fn already_done(draft: &mut Draft, step: &Key, held: &[Matched], how: &str) -> Result<(), Refusal> {
    here_or_stopped(draft, step, &[StopReason::Unknown])?;
    let tests = draft.plan.item(&step.id).map_or(0, |item| item.step.fields.done_when.0.len());
    if tests == 0 || held.len() < tests || held.iter().any(|held| !held.held) {
        return Err(Refusal::NotNow(format!("it does not hold that `{step}` is done already")));
    }
    let what: Vec<_> = held.iter().map(|held| held.what.as_str()).collect();
    let event = |advance| Event::Answered {
        step: step.clone(),
        answer: format!("already done: {}", what.join("; ")),
        judged: Judged::Passed,
        captured: BTreeMap::new(),
        matched: Vec::new(),
        how: how.to_owned(),
        advance,
    };
    draft.push_onward(event, |walk| walk.passed(step));
    Ok(())
}

pub(super) fn skip(draft: &mut Draft, step: &Key, why: &str) -> Result<(), Refusal> {
    here_or_stopped(draft, step, &[StopReason::StepFailed, StopReason::NameNotKnown])?;
    if let Some(needed) = needed_later(draft.plan, draft.run, step) {
        return Err(Refusal::NeededLater { step: step.clone(), needed });
    }
    push_skip(draft, step, reason(why)?);
    Ok(())
}

fn push_skip(draft: &mut Draft, step: &Key, why: &str) {
    let event = |advance| Event::StepSkipped { step: step.clone(), reason: why.to_owned(), advance };
    draft.push_onward(event, |walk| walk.from(step, &To::Next));
    draft.push(Event::Deviated { step: Some(step.clone()), text: format!("`{step}` was skipped: {why}"), shell: None });
}

/// The run stands at this step, or stands still there for one of these reasons.
fn here_or_stopped(draft: &Draft, step: &Key, reasons: &[StopReason]) -> Result<(), Refusal> {
    match &draft.run.position {
        Position::Stopped { step: Some(at), by } if at == step && reasons.contains(by) => sound(draft.run),
        _ => here(draft.run, step),
    }
}

pub(super) fn decide_attempt(
    draft: &mut Draft,
    id: &AttemptId,
    choice: Choice,
    why: &str,
    how: &str,
) -> Result<(), Refusal> {
    let attempt = draft.run.attempts.get(id).ok_or_else(|| Refusal::NotNow(format!("there is no attempt {id}")))?;
    if attempt.intent.does == Does::Undo {
        return decide_way_back(draft, attempt, choice, why, how);
    }
    sound(draft.run)?;
    let why = reason(why)?;
    let step = attempt.intent.step.clone();
    let newest = draft.run.newest_attempt(&step).is_some_and(|newest| newest.intent.attempt == *id);
    let stands = match &draft.run.position {
        Position::Stopped { step: Some(at), .. } | Position::Step { step: at } => *at == step,
        Position::Stopped { step: None, .. }
        | Position::EnterRepair
        | Position::NotRepaired
        | Position::Frozen { .. }
        | Position::AtEnd { .. }
        | Position::Closed => false,
    };
    if !newest || !stands {
        return Err(Refusal::NotNow(format!("attempt {id} is not the one the run stands at")));
    }
    if attempt.is_half_back() && choice != Choice::Abort {
        let why = "its own way back was gone and is not whole: go the way back again, or leave it so, with a reason";
        return Err(Refusal::NotNow(why.to_owned()));
    }
    if choice == Choice::Done {
        may_be_called_done(draft, attempt)?;
    }
    let event = |advance| Event::Decided {
        attempt: Some(id.clone()),
        choice: choice.word().to_owned(),
        reason: why.to_owned(),
        how: how.to_owned(),
        advance,
    };
    let stay = draft.stay().because("left so");
    draft.push_onward(event, |walk| match choice {
        Choice::Done => walk.passed(&step),
        Choice::RunAgain => straight(Position::Step { step: step.clone() }),
        Choice::Abort => stay,
    });
    Ok(())
}

/// The same about a way back. It can be gone again while a guard is broken; it is not called done then.
fn decide_way_back(draft: &mut Draft, attempt: &Attempt, choice: Choice, why: &str, how: &str) -> Result<(), Refusal> {
    idle(draft.run)?;
    let why = reason(why)?;
    let (id, step) = (attempt.intent.attempt.clone(), attempt.intent.step.clone());
    if draft.run.unfinished_way_back().is_none_or(|newest| newest.intent.attempt != id) {
        return Err(Refusal::NotNow(format!("attempt {id} is not the newest try of the newest way back")));
    }
    let advance = match choice {
        Choice::Done => {
            sound(draft.run)?;
            undone(draft, &step, "a person says that all of it is back")
        }
        Choice::RunAgain => draft.stay().because("the way back is to be gone once more"),
        Choice::Abort => draft.stay().because("left so"),
    };
    let (choice, reason, how) = (choice.word().to_owned(), why.to_owned(), how.to_owned());
    draft.push(Event::Decided { attempt: Some(id), choice, reason, how, advance });
    Ok(())
}

/// Nobody talks a look of diagnose or verify into having held; and what has passed is done.
fn may_be_called_done(draft: &Draft, attempt: &Attempt) -> Result<(), Refusal> {
    let step = &attempt.intent.step;
    let proof = attempt.intent.does == Does::Look && matches!(phase(draft, step), Phase::Diagnose | Phase::Verify);
    if proof {
        return Err(Refusal::NotNow(format!(
            "step `{step}` is a look: it holds or it does not; look again, or skip it with a reason"
        )));
    }
    if *draft.run.state(step) == StepState::Passed || attempt.undone {
        return Err(Refusal::NotNow(format!("attempt {} has its end", attempt.intent.attempt)));
    }
    Ok(())
}

pub(super) fn go_on(draft: &mut Draft, why: &str, how: &str) -> Result<(), Refusal> {
    sound(draft.run)?;
    let why = reason(why)?;
    let (by, step) = match &draft.run.position {
        Position::Stopped { by, step: Some(step) } => (*by, step.clone()),
        Position::Stopped { step: None, .. }
        | Position::Frozen { .. }
        | Position::Step { .. }
        | Position::EnterRepair
        | Position::NotRepaired
        | Position::AtEnd { .. }
        | Position::Closed => return Err(Refusal::NotNow("the run does not stand still".to_owned())),
    };
    let mut attempt = None;
    let advance = match by {
        StopReason::Unknown => {
            let why = "the end of the step is not known: decide `done` or `run-again`, with a reason";
            return Err(Refusal::NotNow(why.to_owned()));
        }
        // After a way back, also one that did not bring all of it back: going on means to stand at the step once more.
        StopReason::Undone | StopReason::WayBack => {
            attempt = draft.run.newest_started(&step).map(|attempt| attempt.intent.attempt.clone());
            Advance { opened: proofs(draft), ..straight(Position::Step { step: step.clone() }) }
        }
        // What was never done is left out by this.
        StopReason::TooManyVisits | StopReason::NameNotKnown => {
            push_skip(draft, &step, why);
            return Ok(());
        }
        StopReason::StepFailed | StopReason::Runbook | StopReason::OfferUndo => draft.walk().from(&step, &To::Next),
    };
    draft.push(Event::Deviated { step: Some(step), text: format!("went on after a stop: {why}"), shell: None });
    draft.push(Event::Decided {
        attempt,
        choice: "go-on".to_owned(),
        reason: why.to_owned(),
        how: how.to_owned(),
        advance,
    });
    Ok(())
}

pub(super) fn repair_again(draft: &mut Draft, why: &str, how: &str) -> Result<(), Refusal> {
    sound(draft.run)?;
    let why = reason(why)?;
    if draft.run.position != Position::NotRepaired {
        return Err(Refusal::NotNow("the run does not stand at the end of verify".to_owned()));
    }
    let advance = draft.walk().repair_again();
    draft.push(Event::Decided {
        attempt: None,
        choice: "repair-again".to_owned(),
        reason: why.to_owned(),
        how: how.to_owned(),
        advance,
    });
    Ok(())
}
