//! The beginning of an attempt: everything that must hold before a process may be started.

use super::{Draft, here, idle, reason, straight};
use crate::engine::command::{Beginning, Effect};
use crate::engine::key::{AttemptId, Key};
use crate::engine::position::Position;
use crate::engine::record::{Armed, Confirm, Does, EditDraft, Event, Intent, Matched, Mode, Rerun, WayBack};
use crate::engine::refusal::Refusal;
use crate::engine::resolve::{Resolved, Resolver, UndoLine, Work, forbidden, guards};
use crate::engine::run::{Attempt, StepState};
use crate::model::Risk;

/// What is typed to send an announcement.
pub const SEND: &str = "send";

pub(super) fn begin(draft: &mut Draft, beginning: &Beginning) -> Result<(), Refusal> {
    let resolved = ready(draft, beginning)?;
    if resolved.does == Does::Change && draft.plan.is_guarded() && beginning.guards.is_none() {
        return Err(Refusal::NotMeasured("what must not change".to_owned()));
    }
    if let Some(guards) =
        beginning.guards.as_ref().filter(|guards| resolved.does == Does::Change && !guards.broken.is_empty())
    {
        draft.push(Event::GuardsBefore { attempt: None, guards: guards.clone() });
        let advance =
            straight(Position::Frozen { attempt: None }).because("a guard was broken between two steps, not by one");
        draft.push(Event::WentTo { why: "a guard is broken".to_owned(), advance });
        return Ok(());
    }
    if resolved.does == Does::Change {
        needed(&beginning.needs, &resolved)?;
    }
    if resolved.does != Does::Look {
        resolved.at.is_proved(&beginning.target)?;
    }
    let intent = intent(draft, beginning, &resolved)?;
    if let Some(guards) = &beginning.guards {
        draft.push(Event::GuardsBefore { attempt: Some(beginning.attempt.clone()), guards: guards.clone() });
    }
    let how = beginning.confirm.as_ref().map_or("", |confirm| &confirm.how);
    match resolved.does {
        Does::Undo => undo_again(draft, beginning.again.as_deref(), how),
        Does::Change => once_more(draft, &beginning.step, beginning.again.as_deref(), how),
        Does::Look => {}
    }
    draft.push(Event::StepIntended(Box::new(intent)));
    draft.effects.push(Effect::Go(beginning.attempt.clone()));
    Ok(())
}

/// What a person made of a file is on record before it can be confirmed.
pub(super) fn draft_edit(draft: &mut Draft, step: &Key, edit: &EditDraft, how: &str) -> Result<(), Refusal> {
    here(draft.run, step)?;
    let resolved = Resolver::new(draft.plan, draft.run, Some(step)).step(step);
    let Work::Edit { .. } = resolved.map_err(|why| Refusal::Unresolved { text: why.0 })?.work else {
        return Err(Refusal::NotNow(format!("step `{step}` edits nothing")));
    };
    if draft.run.mode().only_looks() {
        return Err(Refusal::LookOnly);
    }
    if edit.before == edit.after {
        return Err(Refusal::NotNow("the file is as it was; nothing is to be replaced".to_owned()));
    }
    draft.push(Event::Drafted { step: step.clone(), draft: edit.clone(), how: how.to_owned() });
    Ok(())
}

/// Everything that can be said before anything is measured.
pub(super) fn ready(draft: &Draft, beginning: &Beginning) -> Result<Resolved, Refusal> {
    idle(draft.run)?;
    let undone = undone_attempt(draft, beginning)?;
    let resolver = Resolver::new(draft.plan, draft.run, Some(&beginning.step));
    let resolved = if let Some(attempt) = undone {
        resolver.way_back(attempt)
    } else {
        here(draft.run, &beginning.step)?;
        resolver.step(&beginning.step)
    };
    let resolved = resolved.map_err(|why| Refusal::Unresolved { text: why.0 })?;
    runs(&resolved)?;
    if draft.run.attempts.contains_key(&beginning.attempt) {
        return Err(Refusal::NotNow(format!("attempt {} was begun before", beginning.attempt)));
    }
    if resolved.digest() != beginning.shown {
        return Err(Refusal::CommandDiffers);
    }
    if let Some((pattern, because)) = forbidden(&draft.plan.runbook, &resolved) {
        return Err(Refusal::Forbidden { pattern, because });
    }
    if let Work::Announce { .. } = &resolved.work {
        may_tell(draft, beginning.confirm.as_ref())?;
    }
    if let Work::Edit { draft: None, .. } = &resolved.work {
        return Err(Refusal::NotNow(format!("step `{}` has no difference yet: edit the file first", resolved.key)));
    }
    if resolved.does == Does::Look {
        return Ok(resolved);
    }
    if draft.run.mode().only_looks() {
        return Err(Refusal::LookOnly);
    }
    if resolved.does == Does::Undo {
        may_go_again(draft, &beginning.step, beginning.again.as_deref())?;
    }
    if resolved.does == Does::Change {
        guards(draft.plan, draft.run).map_err(|why| Refusal::Unresolved { text: why.0 })?;
        may_repeat(draft, &beginning.step, beginning.again.as_deref())?;
    }
    confirmed(beginning.confirm.as_ref(), &resolved)?;
    Ok(resolved)
}

/// What is answered is not begun; a deed by hand that changes something can be both.
fn runs(resolved: &Resolved) -> Result<(), Refusal> {
    match (&resolved.work, resolved.does) {
        (Work::Question { .. }, _) | (Work::ByHand(_), Does::Look) => {
            Err(Refusal::NotNow(format!("step `{}` is not run, it is answered", resolved.key)))
        }
        (Work::ByHand(_), Does::Change | Does::Undo)
        | (
            Work::Test(_)
            | Work::Wait { .. }
            | Work::Command(_)
            | Work::Terminal(_)
            | Work::Restore
            | Work::Edit { .. }
            | Work::Announce { .. },
            _,
        ) => Ok(()),
    }
}

/// People are told only of what is real, and only when a person says so.
fn may_tell(draft: &Draft, confirm: Option<&Confirm>) -> Result<(), Refusal> {
    if draft.run.mode() != Mode::Live {
        return Err(Refusal::NotNow("only a live run sends anything; the text is there to be copied".to_owned()));
    }
    match confirm.map(|confirm| confirm.text.as_str()) {
        Some(SEND) => Ok(()),
        found => Err(Refusal::NotConfirmed { found: found.unwrap_or_default().to_owned(), expected: SEND.to_owned() }),
    }
}

fn undone_attempt<'a>(draft: &Draft<'a>, beginning: &Beginning) -> Result<Option<&'a Attempt>, Refusal> {
    let Some(undoes) = &beginning.undoes else { return Ok(None) };
    match draft.run.newest_way_back() {
        Some(attempt) if attempt.intent.attempt == *undoes && attempt.intent.step == beginning.step => {
            Ok(Some(attempt))
        }
        Some(attempt) => Err(Refusal::NoWayBack(format!("the newest way back is that of `{}`", attempt.intent.step))),
        None => Err(Refusal::NoWayBack("nothing was changed that has one".to_owned())),
    }
}

/// A change that passed, or one that must never run twice, runs again only if a person says why.
fn may_repeat(draft: &Draft, step: &Key, again: Option<&str>) -> Result<(), Refusal> {
    let before = draft.run.newest_started(step).filter(|before| !before.decided);
    let passed = *draft.run.state(step) == StepState::Passed;
    let never = before.is_some_and(|before| before.intent.rerun == Rerun::Never);
    match again {
        Some(again) => reason(again).map(|_| ()),
        None if passed => Err(Refusal::AlreadyPassed(step.clone())),
        None if never => Err(Refusal::RanAlready(step.clone())),
        None => Ok(()),
    }
}

/// The same for a way back; the copy can be put back as often as one likes, and proves itself.
fn may_go_again(draft: &Draft, step: &Key, again: Option<&str>) -> Result<(), Refusal> {
    match again {
        Some(again) => reason(again).map(|_| ()),
        None if draft.run.back_wants_reason() => Err(Refusal::WentBackAlready(step.clone())),
        None => Ok(()),
    }
}

/// The decision to run a step again goes on record before it runs.
pub(super) fn once_more(draft: &mut Draft, step: &Key, again: Option<&str>, how: &str) {
    let Some(again) = again else { return };
    let attempt = draft.run.newest_started(step).map(|attempt| attempt.intent.attempt.clone());
    push_decision(draft, attempt, again, how);
}

/// The same for a way back.
fn undo_again(draft: &mut Draft, again: Option<&str>, how: &str) {
    let before =
        draft.run.unfinished_way_back().or_else(|| draft.run.newest_way_back().filter(|one| one.is_half_back()));
    let before = before.map(|attempt| attempt.intent.attempt.clone());
    if let (Some(before), Some(again)) = (before, again) {
        push_decision(draft, Some(before), again, how);
    }
}

fn push_decision(draft: &mut Draft, attempt: Option<AttemptId>, why: &str, how: &str) {
    let (choice, reason, advance) = ("run-again".to_owned(), why.trim().to_owned(), draft.stay());
    draft.push(Event::Decided { attempt, choice, reason, how: how.to_owned(), advance });
}

/// Every need was asked, and holds.
pub(super) fn needed(needs: &[Matched], resolved: &Resolved) -> Result<(), Refusal> {
    if let Some(need) = needs.iter().find(|need| !need.held) {
        return Err(Refusal::NeedsNotMet(need.what.clone()));
    }
    if needs.len() < resolved.needs.len() {
        return Err(Refusal::NotMeasured(format!("what step `{}` needs", resolved.key)));
    }
    Ok(())
}

/// A change was confirmed by a person: `y` for a low risk, else the word that tells it from others. Not on a terminal
/// (an answers file, a pipe) the step's id counts as that word, unless the risk is destructive.
fn confirmed(confirm: Option<&Confirm>, resolved: &Resolved) -> Result<(), Refusal> {
    let expected = resolved.confirm_word.clone();
    let (how, text) = confirm.map_or(("", ""), |confirm| (confirm.how.as_str(), confirm.text.as_str()));
    let on_terminal = matches!(how, "key" | "typed");
    let low = resolved.risk == Some(Risk::Low);
    let key = low && how == "key" && text == "y";
    let is_id = text == resolved.key.id || text == resolved.key.to_string();
    let id = is_id && resolved.does == Does::Change && (low || !on_terminal && resolved.risk == Some(Risk::High));
    if confirm.is_some() && !text.is_empty() && (key || id || text == expected) {
        return Ok(());
    }
    Err(Refusal::NotConfirmed { found: text.to_owned(), expected })
}

fn armed(resolved: &Resolved) -> Option<Armed> {
    let (after, UndoLine::Command(line)) = (resolved.armed?, &resolved.undo) else { return None };
    let argv = resolved.at.way().into_iter().chain(line.argv.clone()).collect();
    Some(Armed { after_s: after.as_secs(), argv })
}

fn intent(draft: &Draft, beginning: &Beginning, resolved: &Resolved) -> Result<Intent, Refusal> {
    let timeout = match &resolved.work {
        Work::Command(line) | Work::Terminal(line) => line.timeout,
        Work::Test(_)
        | Work::Wait { .. }
        | Work::Restore
        | Work::ByHand(_)
        | Work::Question { .. }
        | Work::Edit { .. }
        | Work::Announce { .. } => None,
    };
    let undo = match (resolved.does, &resolved.undo) {
        (Does::Look | Does::Undo, _) => None,
        (Does::Change, UndoLine::Copy) => match &beginning.way_back {
            Some(copy @ WayBack::Copy { .. }) => Some(copy.clone()),
            Some(WayBack::Command | WayBack::ByHand | WayBack::None { .. }) | None => {
                return Err(Refusal::NotMeasured("the copy of the scope, which is the way back".to_owned()));
            }
        },
        (Does::Change, UndoLine::Command(_)) => Some(WayBack::Command),
        (Does::Change, UndoLine::ByHand(_)) => Some(WayBack::ByHand),
        (Does::Change, UndoLine::None { why }) => Some(WayBack::None { why: why.clone() }),
    };
    let retry_of = draft.run.newest_attempt(&beginning.step).map(|attempt| attempt.intent.attempt.clone());
    Ok(Intent {
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
        undo,
        armed: armed(resolved),
        undoes: beginning.undoes.clone(),
        retry_of: retry_of.filter(|_| resolved.does != Does::Undo),
    })
}
