//! The side shell: it opens with a reason, each command is judged and on record before it runs, and what it did to the
//! guards is measured when it ends.

use super::finish::frozen;
use super::{Draft, reason, sound, straight};
use crate::engine::command::{Effect, Typed};
use crate::engine::key::AttemptId;
use crate::engine::position::Position;
use crate::engine::record::{Event, Facts, Guards, ShellOpening};
use crate::engine::refusal::Refusal;
use crate::engine::resolve::forbids;
use crate::engine::run::SideShell;

/// Whether a side shell would be refused whatever is measured for it.
pub(super) fn ready(draft: &Draft, why: &str) -> Result<(), Refusal> {
    sound(draft.run)?;
    if draft.run.mode().only_looks() {
        return Err(Refusal::LookOnly);
    }
    reason(why).map(|_| ())
}

pub(super) fn open(draft: &mut Draft, opening: &ShellOpening, guards: Option<&Guards>) -> Result<(), Refusal> {
    ready(draft, &opening.reason)?;
    if guards.is_none() && draft.plan.is_guarded() {
        return Err(Refusal::NotMeasured("what must not change".to_owned()));
    }
    if let Some(guards) = guards {
        draft.push(Event::GuardsBefore { attempt: Some(opening.shell.clone()), guards: guards.clone() });
        if !guards.broken.is_empty() {
            draft.push(Event::WentTo { why: "a guard is broken".to_owned(), advance: frozen(None, guards) });
            return Ok(());
        }
    }
    let opening = ShellOpening { reason: opening.reason.trim().to_owned(), step: standing(draft), ..opening.clone() };
    draft.effects.push(Effect::Go(opening.shell.clone()));
    draft.push(Event::ShellOpened(Box::new(opening)));
    Ok(())
}

/// The step at which the run stands, stopped or not.
fn standing(draft: &Draft) -> Option<crate::engine::Key> {
    match &draft.run.position {
        Position::Step { step } | Position::Stopped { step: Some(step), .. } => Some(step.clone()),
        Position::EnterRepair
        | Position::NotRepaired
        | Position::Stopped { step: None, .. }
        | Position::Frozen { .. }
        | Position::AtEnd { .. }
        | Position::Closed => None,
    }
}

fn shell<'a>(draft: &Draft<'a>, id: &AttemptId) -> Result<&'a SideShell, Refusal> {
    let open = draft.run.open_shell().filter(|shell| shell.opening.shell == *id);
    open.ok_or_else(|| Refusal::NotNow("this side shell is not open any more; nothing ran".to_owned()))
}

/// What was typed: forbidden, which goes on record too, or a deviation that is let go.
pub(super) fn typed(draft: &mut Draft, id: &AttemptId, typed: &Typed) -> Result<(), Refusal> {
    let open = shell(draft, id)?;
    let (Typed::Line(text) | Typed::Inner(text)) = typed;
    if text.trim().is_empty() {
        return Err(Refusal::NotNow("there is no command; nothing ran".to_owned()));
    }
    if let Some((pattern, because)) = forbids(&draft.plan.runbook, text) {
        let why = Refusal::Forbidden { pattern, because }.to_string();
        draft.push(Event::ShellRefused { shell: id.clone(), text: text.clone(), why });
        return Ok(());
    }
    // Part of a line that is on record already; a line that was not seen as a whole goes on record in its parts.
    let part = matches!(typed, Typed::Inner(_)) && open.pending().is_some();
    if !part {
        let step = open.opening.step.clone();
        draft.push(Event::Deviated { step, text: text.clone(), shell: Some(id.clone()) });
    }
    draft.effects.push(Effect::Go(id.clone()));
    Ok(())
}

/// The newest command has ended, where there is one of which that was not heard.
pub(super) fn ended(draft: &mut Draft, id: &AttemptId, code: i32) -> Result<(), Refusal> {
    if shell(draft, id)?.pending().is_some() {
        draft.push(Event::ShellCommandEnded { shell: id.clone(), code });
    }
    Ok(())
}

/// The shell has ended. What it did to the guards comes first: cut off before its end, it is still open.
pub(super) fn close(draft: &mut Draft, id: &AttemptId, facts: &Facts, guards: Option<&Guards>) -> Result<(), Refusal> {
    let commands = shell(draft, id)?.ran().count() as u64;
    let mut advance = None;
    if let Some(guards) = guards {
        draft.push(Event::GuardsAfter { attempt: Some(id.clone()), guards: guards.clone() });
        advance = (!guards.broken.is_empty()).then(|| frozen(Some(id), guards));
    } else if let Some(broken) = &draft.run.broken {
        advance = Some(straight(Position::Frozen { attempt: broken.attempt.clone() }));
    }
    draft.push(Event::ShellClosed { shell: id.clone(), commands, facts: Box::new(facts.clone()), advance });
    Ok(())
}
