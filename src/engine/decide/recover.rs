//! After a crash: what is known of an open attempt. Starts nothing.

use super::Draft;
use super::finish::close_attempt;
use crate::engine::command::{Ending, Evidence};
use crate::engine::key::AttemptId;
use crate::engine::record::{EndResult, Event, Facts, Judged, Rerun};
use crate::engine::refusal::Refusal;

pub(super) fn recover(draft: &mut Draft, id: &AttemptId, evidence: &Evidence) -> Result<(), Refusal> {
    let attempt = draft.run.attempts.get(id).filter(|attempt| attempt.is_open());
    let intent = attempt.ok_or_else(|| Refusal::NotRunning(id.clone()))?.intent.clone();
    match evidence {
        Evidence::Running => {}
        Evidence::Ended(ending) if ending.attempt != *id => return Err(Refusal::NotRunning(ending.attempt.clone())),
        Evidence::Ended(ending) => {
            let evidence = Some("found after the screen had gone".to_owned());
            let facts = Facts { evidence, ..ending.facts.clone() };
            close_attempt(draft, &intent, &Ending { facts, ..(**ending).clone() });
        }
        Evidence::NotStarted => close_attempt(draft, &intent, &nothing_ran(id, "the command had not been started")),
        // What only looks is as good as not run: it is simply run again.
        Evidence::Unknown { survivors, .. } if intent.rerun == Rerun::Look => {
            let mut ending = nothing_ran(id, "a look was cut off; it changed nothing");
            ending.facts.leftover.clone_from(survivors);
            close_attempt(draft, &intent, &ending);
        }
        Evidence::Unknown { why, survivors } => draft.push(Event::StepUnknown {
            attempt: id.clone(),
            step: intent.step.clone(),
            why: why.clone(),
            survivors: survivors.clone(),
        }),
    }
    Ok(())
}

fn nothing_ran(id: &AttemptId, evidence: &str) -> Ending {
    let facts = Facts { evidence: Some(evidence.to_owned()), ..Facts::new(EndResult::NotStarted, Judged::Unknown) };
    Ending { attempt: id.clone(), facts, got: Vec::new(), guards: None }
}
