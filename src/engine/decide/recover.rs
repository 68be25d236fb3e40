//! After a crash: what is known of an open attempt. Starts nothing.

use super::Draft;
use super::finish::finish;
use crate::engine::command::{Ending, Evidence};
use crate::engine::key::AttemptId;
use crate::engine::record::{EndResult, Event, Facts, Judged, Rerun};
use crate::engine::refusal::Refusal;

pub(super) fn recover(draft: &mut Draft, id: &AttemptId, evidence: &Evidence) -> Result<(), Refusal> {
    let attempt = draft.run.attempts.get(id).filter(|attempt| attempt.is_open());
    let attempt = attempt.ok_or_else(|| Refusal::NotRunning(id.clone()))?.clone();
    match evidence {
        Evidence::Running => Ok(()),
        Evidence::Ended(ending) => finish(draft, ending, Some("found after the screen had gone".to_owned())),
        Evidence::NotStarted => finish(draft, &nothing_ran(id), Some("the command had not been started".to_owned())),
        // What only looks is as good as not run: it is simply run again.
        Evidence::Unknown { .. } if attempt.intent.rerun == Rerun::Look => {
            finish(draft, &nothing_ran(id), Some("a look was cut off; it changed nothing".to_owned()))
        }
        Evidence::Unknown { why, survivors } => {
            draft.push(Event::StepUnknown {
                attempt: id.clone(),
                step: attempt.intent.step.clone(),
                why: why.clone(),
                survivors: survivors.clone(),
            });
            Ok(())
        }
    }
}

fn nothing_ran(id: &AttemptId) -> Ending {
    let facts = Facts {
        result: EndResult::NotStarted,
        code: None,
        signal: None,
        dur_ms: 0,
        leftover: Vec::new(),
        stdout: None,
        stderr: None,
        judged: Judged::Unknown,
        matched: Vec::new(),
        captured: std::collections::BTreeMap::new(),
        found: Vec::new(),
        redacted: std::collections::BTreeMap::new(),
        evidence: None,
    };
    Ending { attempt: id.clone(), facts, got: Vec::new(), guards: None }
}
