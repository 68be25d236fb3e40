//! The end of an attempt: the verdict, and where the run goes from there.

use super::{Draft, straight};
use crate::engine::command::Ending;
use crate::engine::key::{AttemptId, Key};
use crate::engine::position::{Advance, Position, StopReason};
use crate::engine::record::{Does, EndResult, Event, Facts, Guards, Judged};
use crate::engine::refusal::Refusal;
use crate::engine::walk::branch_for;
use crate::model::branch::To;
use crate::model::Phase;

pub(super) fn finish(draft: &mut Draft, ending: &Ending, evidence: Option<String>) -> Result<(), Refusal> {
    let attempt = draft.run.attempts.get(&ending.attempt).filter(|attempt| attempt.end.is_none());
    let attempt = attempt.ok_or_else(|| Refusal::NotRunning(ending.attempt.clone()))?.clone();
    let mut facts = ending.facts.clone();
    facts.evidence = evidence.or(facts.evidence);
    let step = attempt.intent.step.clone();
    let does = attempt.intent.does;
    let broken = ending.guards.as_ref().is_some_and(|guards| !guards.broken.is_empty());
    let outcome = |advance| Event::StepEnded {
        attempt: ending.attempt.clone(),
        step: step.clone(),
        facts: Box::new(facts.clone()),
        advance,
    };
    let Some(guards) = &ending.guards else {
        draft.push_onward(|advance| outcome(Some(advance)), |draft| onward(draft, &step, does, &facts, ending));
        return Ok(());
    };
    // The outcome comes last and says where it leads: cut off before it, the attempt is still open, and what is known of
    // it is found out again.
    draft.push(Event::GuardsAfter { attempt: Some(ending.attempt.clone()), guards: guards.clone() });
    match broken {
        true => draft.push(outcome(Some(frozen(Some(&ending.attempt), guards)))),
        false => draft.push_onward(|advance| outcome(Some(advance)), |draft| onward(draft, &step, does, &facts, ending)),
    }
    Ok(())
}

/// Nothing goes on but the way back.
pub(super) fn frozen(attempt: Option<&AttemptId>, guards: &Guards) -> Advance {
    let first = &guards.broken[0];
    let why = format!("{} of what must not change did: {} ({})", guards.broken.len(), first.path, first.what);
    straight(Position::Frozen { attempt: attempt.cloned() }).because(why)
}

fn onward(draft: &Draft, step: &Key, does: Does, facts: &Facts, ending: &Ending) -> Advance {
    if facts.result == EndResult::NotStarted {
        return straight(draft.run.position.clone()).because("it was not started");
    }
    match does {
        Does::Undo if facts.judged == Judged::Passed => {
            straight(Position::Stopped { by: StopReason::Undone, step: Some(step.clone()) }).because(facts.found.join("; "))
        }
        Does::Undo => straight(draft.run.position.clone()).because("the way back failed"),
        Does::Look => after_look(draft, step, facts, &ending.got),
        Does::Change => after_change(draft, step, facts, &ending.got),
    }
}

/// The phase of a step.
pub(super) fn phase(draft: &Draft, step: &Key) -> Phase {
    draft.plan.item(&step.id).map_or(Phase::Diagnose, |item| item.phase)
}

/// `then` of a step, or the next one.
pub(super) fn then(draft: &Draft, step: &Key) -> To {
    let item = draft.plan.item(&step.id);
    item.and_then(|item| item.step.fields.then.as_ref()).map_or(To::Next, |then| then.to.clone())
}

/// Where a failed step leads: its branch, or what its phase says.
pub(super) fn failed(draft: &Draft, step: &Key, got: &[bool], why: &str) -> Advance {
    if let Some(to) = branch_for(&draft.plan.runbook, &step.id, got) {
        return draft.walk().from(step, &to);
    }
    match phase(draft, step) {
        Phase::Diagnose | Phase::Verify => draft.walk().from(step, &To::Next),
        Phase::Repair | Phase::FollowUp => {
            straight(Position::Stopped { by: StopReason::StepFailed, step: Some(step.clone()) }).because(why)
        }
    }
}

fn after_look(draft: &Draft, step: &Key, facts: &Facts, got: &[bool]) -> Advance {
    match facts.judged {
        Judged::Passed => draft.walk().from(step, &then(draft, step)),
        Judged::Failed => failed(draft, step, got, "a look in repair did not hold"),
        Judged::Unknown => match phase(draft, step) {
            // A finding, as good as any other; nothing follows from it.
            Phase::Diagnose | Phase::Verify => draft.walk().from(step, &To::Next),
            Phase::Repair | Phase::FollowUp => straight(draft.run.position.clone()).because("it cannot be told; look again, or skip it with a reason"),
        },
    }
}

fn after_change(draft: &Draft, step: &Key, facts: &Facts, got: &[bool]) -> Advance {
    match facts.judged {
        Judged::Passed => draft.walk().from(step, &then(draft, step)),
        Judged::Failed => failed(draft, step, got, "the change failed"),
        Judged::Unknown => straight(Position::Stopped { by: StopReason::Unknown, step: Some(step.clone()) })
            .because("it is not known whether the change was made"),
    }
}
