//! Decisions of people: open, enter repair, skip, go on, run again.

use std::collections::BTreeMap;

use super::{Draft, here, idle, reason, straight};
use crate::engine::command::{Choice, Opening};
use crate::engine::key::{AttemptId, Key};
use crate::engine::position::{Position, StopReason};
use crate::engine::record::{Event, Guards, Judged, Matched, Mode};
use crate::engine::refusal::Refusal;
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
        advance,
    };
    // The first step may have a `when` over inputs, so it is found on the opened run.
    draft.push_onward(event, |draft| draft.walk().start());
    Ok(())
}

pub(super) fn enter_repair(draft: &mut Draft, guards: Option<&Guards>, how: &str) -> Result<(), Refusal> {
    idle(&draft.run)?;
    if draft.run.position != Position::EnterRepair {
        return Err(Refusal::NotNow("the run does not stand at the entry into repair".to_owned()));
    }
    if draft.run.mode() == Mode::Look {
        return Err(Refusal::LookOnly);
    }
    if let Some(guards) = guards {
        draft.push(Event::GuardsBefore { attempt: None, guards: guards.clone() });
    }
    let advance = draft.walk().repair();
    draft.push(Event::WentTo { why: format!("repair was entered ({how})"), advance });
    Ok(())
}

pub(super) fn already_done(draft: &mut Draft, step: &Key, held: &[Matched], how: &str) -> Result<(), Refusal> {
    match &draft.run.position {
        Position::Stopped { step: Some(at), by: StopReason::Unknown } if at == step => idle(&draft.run)?,
        _ => here(&draft.run, step)?,
    }
    let has_test = draft.plan.item(&step.id).is_some_and(|item| !item.step.fields.done_when.0.is_empty());
    if !has_test || held.is_empty() || held.iter().any(|held| !held.held) {
        return Err(Refusal::NotNow(format!("it does not hold that `{step}` is done already")));
    }
    let what: Vec<_> = held.iter().map(|held| held.what.as_str()).collect();
    let event = |advance| Event::Answered {
        step: step.clone(),
        answer: format!("already done: {}", what.join("; ")),
        judged: Judged::Passed,
        captured: BTreeMap::new(),
        how: how.to_owned(),
        advance,
    };
    let then = super::finish::then(draft, step);
    draft.push_onward(event, |draft| draft.walk().from(step, &then));
    Ok(())
}

pub(super) fn skip(draft: &mut Draft, step: &Key, why: &str) -> Result<(), Refusal> {
    here_or_stopped(draft, step)?;
    let why = reason(why)?;
    let event = |advance| Event::StepSkipped { step: step.clone(), reason: why.to_owned(), advance };
    draft.push_onward(event, |draft| draft.walk().from(step, &To::Next));
    draft.push(Event::Deviated { step: Some(step.clone()), text: format!("`{step}` was skipped: {why}") });
    Ok(())
}

fn here_or_stopped(draft: &Draft, step: &Key) -> Result<(), Refusal> {
    match &draft.run.position {
        Position::Stopped { step: Some(at), by: StopReason::StepFailed | StopReason::NameNotKnown } if at == step => idle(&draft.run),
        _ => here(&draft.run, step),
    }
}

pub(super) fn decide_attempt(draft: &mut Draft, id: &AttemptId, choice: Choice, why: &str, how: &str) -> Result<(), Refusal> {
    idle(&draft.run)?;
    if let Position::Frozen { .. } = draft.run.position {
        return Err(Refusal::Frozen);
    }
    let why = reason(why)?;
    let attempt = draft.run.attempts.get(id).ok_or_else(|| Refusal::NotNow(format!("there is no attempt {id}")))?;
    let step = attempt.intent.step.clone();
    let newest = draft.run.newest_attempt(&step).is_some_and(|newest| newest.intent.attempt == *id);
    let stands = match &draft.run.position {
        Position::Stopped { step: Some(at), .. } | Position::Step { step: at } => *at == step,
        _ => false,
    };
    if !newest || !stands {
        return Err(Refusal::NotNow(format!("attempt {id} is not the one the run stands at")));
    }
    let open_end = attempt.unknown.is_some() || attempt.end.as_ref().is_some_and(|end| end.judged != Judged::Passed);
    if choice == Choice::Done && !open_end {
        return Err(Refusal::NotNow(format!("attempt {id} has its end")));
    }
    let event = |advance| Event::Decided {
        attempt: Some(id.clone()),
        choice: choice.word().to_owned(),
        reason: why.to_owned(),
        how: how.to_owned(),
        advance,
    };
    let then = super::finish::then(draft, &step);
    draft.push_onward(event, |draft| match choice {
        Choice::Done => draft.walk().from(&step, &then),
        Choice::RunAgain => straight(Position::Step { step: step.clone() }),
        Choice::Abort => straight(draft.run.position.clone()).because("left so"),
    });
    Ok(())
}

pub(super) fn go_on(draft: &mut Draft, why: &str, how: &str) -> Result<(), Refusal> {
    idle(&draft.run)?;
    let why = reason(why)?;
    let (by, step) = match &draft.run.position {
        Position::Stopped { by, step: Some(step) } => (*by, step.clone()),
        Position::Frozen { .. } => return Err(Refusal::Frozen),
        _ => return Err(Refusal::NotNow("the run does not stand still".to_owned())),
    };
    if by == StopReason::Unknown {
        return Err(Refusal::NotNow("the end of the step is not known: decide `done` or `run-again`, with a reason".to_owned()));
    }
    // After a way back the step is open again: going on means to stand at it once more.
    let advance = if by == StopReason::Undone {
        straight(Position::Step { step: step.clone() })
    } else {
        draft.walk().from(&step, &To::Next)
    };
    draft.push(Event::Deviated { step: Some(step), text: format!("went on after a stop: {why}") });
    draft.push(Event::Decided { attempt: None, choice: "go-on".to_owned(), reason: why.to_owned(), how: how.to_owned(), advance });
    Ok(())
}

pub(super) fn repair_again(draft: &mut Draft, why: &str, how: &str) -> Result<(), Refusal> {
    idle(&draft.run)?;
    let why = reason(why)?;
    if draft.run.position != Position::NotRepaired {
        return Err(Refusal::NotNow("the run does not stand at the end of verify".to_owned()));
    }
    let mut advance = straight(Position::EnterRepair);
    let looks = draft.run.steps.keys().filter(|key| {
        let phase = draft.plan.item(&key.id).map(|item| item.phase);
        phase == Some(crate::model::Phase::Verify)
    });
    advance.opened = looks.cloned().collect();
    draft.push(Event::Decided { attempt: None, choice: "repair-again".to_owned(), reason: why.to_owned(), how: how.to_owned(), advance });
    Ok(())
}
