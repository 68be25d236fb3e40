//! A deed by hand that changes something: an attempt like any other, whose process is a person.
//!
//! What it needs is measured and recorded before the person is told to do it; the attempt when the person says how it
//! ended. No copy was taken for it, so it has a way back only where its
//! author gives one.

use super::begin::{needed, once_more};
use super::finish::close_attempt;
use super::{Draft, here};
use crate::engine::command::{Answer, Deed, Ending};
use crate::engine::key::{AttemptId, Key};
use crate::engine::record::{Confirm, Does, EndResult, Event, Facts, Intent, Judged, Matched, WayBack};
use crate::engine::refusal::Refusal;
use crate::engine::resolve::{Resolved, Resolver, UndoLine, Work, forbidden};

/// Why a deed by hand has no way back where the runbook only has the copy of its scope.
const NO_COPY: &str = "it was done by hand, and no copy was taken before";

/// What a deed needs, measured while nobody has been told to do it yet. Whether it holds is on record either way.
pub(super) fn needs(draft: &mut Draft, step: &Key, needs: &[Matched]) -> Result<(), Refusal> {
    let resolved = at_hand(draft, step)?;
    if needs.len() < resolved.needs.len() {
        return Err(Refusal::NotMeasured(format!("what step `{step}` needs")));
    }
    draft.push(Event::NeedsMeasured { step: step.clone(), needs: needs.to_vec() });
    Ok(())
}

/// The deed by hand that the run stands at.
fn at_hand(draft: &Draft, step: &Key) -> Result<Resolved, Refusal> {
    here(draft.run, step)?;
    let resolver = Resolver::new(draft.plan, draft.run, Some(step));
    let resolved = resolver.step(step).map_err(|why| Refusal::Unresolved { text: why.0 })?;
    let (Work::ByHand(_), Does::Change) = (&resolved.work, resolved.does) else {
        return Err(Refusal::NotNow(format!("step `{step}` is not a deed by hand that changes something")));
    };
    if draft.run.mode().only_looks() {
        return Err(Refusal::LookOnly);
    }
    if let Some((pattern, because)) = forbidden(&draft.plan.runbook, &resolved) {
        return Err(Refusal::Forbidden { pattern, because });
    }
    Ok(resolved)
}

pub(super) fn by_hand(draft: &mut Draft, deed: &Deed) -> Result<(), Refusal> {
    let resolved = at_hand(draft, &deed.step)?;
    if draft.run.attempts.contains_key(&deed.attempt) {
        return Err(Refusal::NotNow(format!("attempt {} was begun before", deed.attempt)));
    }
    if deed.answer == Answer::Done {
        needed(draft.run.needs_of(&deed.step), &resolved)?;
    }
    let facts = facts(deed, &resolved)?;
    let before = draft.run.newest_started(&deed.step).is_some_and(|before| !before.decided);
    once_more(draft, &deed.step, before.then_some("done by hand once more"), &deed.how);
    let intent = intent(draft, deed, &resolved);
    draft.push(Event::StepIntended(Box::new(intent.clone())));
    let ending = Ending { attempt: deed.attempt.clone(), facts, got: Vec::new(), guards: deed.guards.clone() };
    close_attempt(draft, &intent, &ending);
    Ok(())
}

/// How it ended: what the person says, and `done_when`.
fn facts(deed: &Deed, resolved: &Resolved) -> Result<Facts, Refusal> {
    let done = word(&deed.answer)? == "done";
    if done && deed.done.len() < resolved.done_when.len() {
        return Err(Refusal::NotMeasured(format!("whether step `{}` is done", deed.step)));
    }
    let missed = deed.done.iter().filter_map(Matched::missed);
    let found: Vec<_> = missed.chain([word(&deed.answer)?.to_owned()]).collect();
    let judged = if done { Judged::of_all(&deed.done) } else { Judged::Failed };
    Ok(Facts { matched: deed.done.clone(), found, ..Facts::new(EndResult::Measured, judged) })
}

pub(super) fn word(answer: &Answer) -> Result<&'static str, Refusal> {
    match answer {
        Answer::Done => Ok("done"),
        Answer::CouldNot => Ok("could not"),
        Answer::Yes | Answer::No | Answer::Choice(_) | Answer::Text(_) => {
            Err(Refusal::UnknownAnswer { found: answer.text().to_owned(), expected: "`done`, `could not`".to_owned() })
        }
    }
}

fn intent(draft: &Draft, deed: &Deed, resolved: &Resolved) -> Intent {
    let retry_of = draft.run.newest_attempt(&deed.step).map(|attempt| attempt.intent.attempt.clone());
    Intent {
        attempt: deed.attempt.clone(),
        step: deed.step.clone(),
        does: Does::Change,
        argv: resolved.argv(),
        cmd_sha256: resolved.digest(),
        env: Vec::new(),
        cwd: deed.cwd.clone(),
        timeout_s: None,
        target: deed.target.clone(),
        confirm: Some(Confirm { how: deed.how.clone(), text: deed.answer.text().to_owned() }),
        rerun: resolved.rerun,
        risk: resolved.risk,
        undo: Some(match &resolved.undo {
            UndoLine::Command(_) => WayBack::Command,
            UndoLine::ByHand(_) => WayBack::ByHand,
            UndoLine::None { why } => WayBack::None { why: why.clone() },
            UndoLine::Copy => WayBack::None { why: NO_COPY.to_owned() },
        }),
        armed: None,
        undoes: None,
        retry_of,
    }
}

/// An id for a deed that no command has to know.
pub(super) fn attempt(draft: &Draft) -> AttemptId {
    AttemptId::new(draft.run.epoch, draft.run.next_seq, [0, 0])
}
