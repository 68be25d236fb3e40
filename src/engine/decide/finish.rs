//! The end of an attempt: the verdict, and where the run goes from there.

use super::{Draft, straight};
use crate::engine::command::Ending;
use crate::engine::key::{AttemptId, Key};
use crate::engine::position::{Advance, Position, StopReason};
use crate::engine::record::{Does, EndResult, Event, Facts, Guards, Intent, Judged};
use crate::engine::refusal::Refusal;
use crate::engine::run::{Attempt, Broken};
use crate::engine::walk::{Walk, branch_of};
use crate::model::branch::To;
use crate::model::{Phase, StepKind};

/// What is said where a change was not measured afterwards.
const NOT_MEASURED: &str = "what must not change was not measured after it";

pub(super) fn finish(draft: &mut Draft, ending: &Ending) -> Result<(), Refusal> {
    let attempt = draft.run.attempts.get(&ending.attempt).filter(|attempt| can_end(draft, attempt));
    let attempt = attempt.ok_or_else(|| Refusal::NotRunning(ending.attempt.clone()))?;
    let intent = attempt.intent.clone();
    close_attempt(draft, &intent, ending);
    Ok(())
}

/// It runs; or its end was not known, and nobody has decided about it yet.
fn can_end(draft: &Draft, attempt: &Attempt) -> bool {
    if attempt.is_open() {
        return true;
    }
    let same = |newest: Option<&Attempt>| newest.is_some_and(|newest| newest.intent.attempt == attempt.intent.attempt);
    let key = &attempt.intent.step;
    let undecided = match (attempt.intent.does, &draft.run.position) {
        (Does::Undo, _) => !attempt.decided && same(draft.run.unfinished_way_back()),
        (Does::Look | Does::Change, Position::Stopped { by: StopReason::Unknown, step: Some(step) }) => {
            step == key && same(draft.run.newest_attempt(key))
        }
        (Does::Look | Does::Change, _) => false,
    };
    attempt.is_unknown() && undecided && draft.run.running().is_none()
}

/// Records how an attempt ended. First what ran, then what it did to the guards, then where that leads.
pub(super) fn close_attempt(draft: &mut Draft, intent: &Intent, ending: &Ending) {
    let facts = judged(draft, intent, ending);
    let outcome = |advance| Event::StepEnded {
        attempt: intent.attempt.clone(),
        step: intent.step.clone(),
        facts: Box::new(facts.clone()),
        advance,
    };
    let Some(guards) = &ending.guards else {
        let advance = match &draft.run.broken {
            // Measured before the screen was gone, or before a way back that did not start: it counts until it is measured again.
            Some(broken) => still_frozen(draft, broken),
            None => onward(draft, &outcome(None), intent, &facts, &ending.got),
        };
        draft.push(outcome(Some(advance)));
        return;
    };
    // The outcome comes last and says where it leads: cut off before it, the attempt is still open, and what is known of
    // it is found out again.
    draft.push(Event::GuardsAfter { attempt: Some(intent.attempt.clone()), guards: guards.clone() });
    let advance = if guards.broken.is_empty() {
        onward(draft, &outcome(None), intent, &facts, &ending.got)
    } else {
        frozen(Some(&intent.attempt), guards)
    };
    draft.push(outcome(Some(advance)));
}

/// The verdict: a change that timed out, or after which nobody measured what must not change, is unknown.
fn judged(draft: &Draft, intent: &Intent, ending: &Ending) -> Facts {
    let mut facts = ending.facts.clone();
    if intent.does == Does::Look || facts.result == EndResult::NotStarted {
        return facts;
    }
    match facts.went_back() {
        Some(Judged::Passed) => return Facts { judged: Judged::Failed, ..facts },
        Some(Judged::Failed | Judged::Unknown) => return Facts { judged: Judged::Unknown, ..facts },
        None => {}
    }
    if facts.result == EndResult::TimedOut {
        facts.judged = Judged::Unknown;
    }
    let by_hand = draft.plan.item(&intent.step.id).is_some_and(|item| matches!(item.step.kind, StepKind::ByHand(_)));
    let must_be_measured = draft.plan.is_guarded() && (intent.does == Does::Undo || !by_hand);
    let would_go_on = facts.judged == Judged::Passed || a_person_tells(draft, intent, &facts);
    if would_go_on && must_be_measured && ending.guards.is_none() {
        facts.judged = Judged::Unknown;
        facts.found.insert(0, NOT_MEASURED.to_owned());
    }
    facts
}

/// A program that a person worked in has ended: how it went is theirs to say.
fn a_person_tells(draft: &Draft, intent: &Intent, facts: &Facts) -> bool {
    let item = draft.plan.item(&intent.step.id);
    intent.does == Does::Change
        && matches!(facts.result, EndResult::Exited | EndResult::Signaled)
        && item.is_some_and(|item| matches!(item.step.kind, StepKind::Terminal(_)))
        && facts.found.first().is_none_or(|found| found != NOT_MEASURED)
}

/// Nothing goes on but the way back.
pub(super) fn frozen(attempt: Option<&AttemptId>, guards: &Guards) -> Advance {
    let first = guards.broken.first().map_or_else(String::new, |first| format!(": {} ({})", first.path, first.what));
    let why = format!("{} of what must not change did{first}", guards.broken.len());
    straight(Position::Frozen { attempt: attempt.cloned() }).because(why)
}

fn still_frozen(draft: &Draft, broken: &Broken) -> Advance {
    match &draft.run.position {
        Position::Frozen { .. } => draft.stay(),
        Position::Step { .. }
        | Position::EnterRepair
        | Position::NotRepaired
        | Position::Stopped { .. }
        | Position::AtEnd { .. }
        | Position::Closed => straight(Position::Frozen { attempt: broken.attempt.clone() }),
    }
    .because("a guard is broken, and was not measured again")
}

fn onward(draft: &Draft, ended: &Event, intent: &Intent, facts: &Facts, got: &[bool]) -> Advance {
    let step = &intent.step;
    if facts.result == EndResult::NotStarted {
        return draft.stay().because("it was not started");
    }
    let tells = draft.plan.item(&step.id).is_some_and(|item| matches!(item.step.kind, StepKind::Announce(_)));
    if tells && facts.judged != Judged::Passed {
        return draft.stay().because("it was not sent everywhere; copy the text, tell them, then say that it is done");
    }
    if let Some(back) = facts.went_back() {
        let why = facts.found.first().cloned().unwrap_or_default();
        return if back == Judged::Passed { undone(draft, step, why) } else { half_back(draft, step).because(why) };
    }
    if a_person_tells(draft, intent, facts) {
        return draft.stay().because("the program has ended; say how it went");
    }
    match (intent.does, facts.judged) {
        (Does::Undo, judged) => after_undo(draft, step, judged, facts),
        (Does::Look | Does::Change, Judged::Passed) => draft.walk_after(ended).passed(step),
        (Does::Look, Judged::Failed) => failed(draft, draft.walk_after(ended), step, got, "a look did not hold"),
        (Does::Change, Judged::Failed) => {
            let why = format!("the change failed{}", how_far(draft, step));
            failed(draft, draft.walk_after(ended), step, got, &why)
        }
        (Does::Look, Judged::Unknown) => match phase(draft, step) {
            // A finding, as good as any other; nothing follows from it.
            Phase::Diagnose | Phase::Verify => draft.walk_after(ended).from(step, &To::Next),
            Phase::Repair | Phase::FollowUp => {
                draft.stay().because("it cannot be told; look again, or skip it with a reason")
            }
        },
        (Does::Change, Judged::Unknown) => {
            let why = facts.found.first().filter(|found| *found == NOT_MEASURED);
            let why = why.map_or("it is not known whether the change was made", |why| why);
            let why = format!("{why}{}", how_far(draft, step));
            straight(Position::Stopped { by: StopReason::Unknown, step: Some(step.clone()) }).because(why)
        }
    }
}

/// Of several machines that are changed one after the other: which are done, and which were not begun.
fn how_far(draft: &Draft, step: &Key) -> String {
    let loops = draft.plan.loops_of(&step.id);
    let over_hosts = loops.iter().position(|at| draft.plan.items()[*at].by_host);
    let Some((level, turn)) = over_hosts.and_then(|level| Some((level, *step.turns.get(level)? as usize))) else {
        return String::new();
    };
    let hosts = draft.run.loops.get(&draft.plan.loop_key(step, loops[level]));
    let Some((hosts, here)) = hosts.and_then(|hosts| Some((hosts, hosts.get(turn.checked_sub(1)?)?))) else {
        return String::new();
    };
    let rest = match &hosts[turn..] {
        [] => String::new(),
        rest => format!("; not begun: {}", rest.join(", ")),
    };
    format!(" on {here}; {} of {} machines done{rest}", turn - 1, hosts.len())
}

fn after_undo(draft: &Draft, step: &Key, judged: Judged, facts: &Facts) -> Advance {
    match judged {
        Judged::Passed => undone(draft, step, facts.found.join("; ")),
        Judged::Failed => half_back(draft, step).because("the way back failed"),
        Judged::Unknown => half_back(draft, step).because("it is not known whether all of it was put back"),
    }
}

/// The step is open again.
pub(super) fn undone(draft: &Draft, step: &Key, why: impl Into<String>) -> Advance {
    let advance = straight(Position::Stopped { by: StopReason::Undone, step: Some(step.clone()) }).because(why);
    Advance { opened: proofs(draft), ..advance }
}

/// Nobody goes on from here, and nothing is called done, before it is decided.
fn half_back(draft: &Draft, step: &Key) -> Advance {
    let advance = match &draft.run.position {
        // It was to mend a broken guard, and did not.
        Position::Frozen { .. } => draft.stay(),
        Position::Step { .. }
        | Position::EnterRepair
        | Position::NotRepaired
        | Position::Stopped { .. }
        | Position::AtEnd { .. }
        | Position::Closed => straight(Position::Stopped { by: StopReason::WayBack, step: Some(step.clone()) }),
    };
    Advance { opened: proofs(draft), ..advance }
}

/// What was proved was proved about something that is no more.
pub(super) fn proofs(draft: &Draft) -> Vec<Key> {
    draft.run.steps.keys().filter(|key| phase(draft, key) == Phase::Verify).cloned().collect()
}

/// The phase of a step.
pub(super) fn phase(draft: &Draft, step: &Key) -> Phase {
    draft.plan.item(&step.id).map_or(Phase::Diagnose, |item| item.phase)
}

/// Where a failed step leads: its branch, or what its phase says.
pub(super) fn failed(draft: &Draft, walk: Walk, step: &Key, got: &[bool], why: &str) -> Advance {
    if let Some(to) = branch_of(draft.plan, &step.id, got) {
        return walk.from(step, &to);
    }
    match phase(draft, step) {
        Phase::Diagnose | Phase::Verify => walk.from(step, &To::Next),
        Phase::Repair | Phase::FollowUp => {
            straight(Position::Stopped { by: StopReason::StepFailed, step: Some(step.clone()) }).because(why)
        }
    }
}
