//! The card of a stop: why the run stands, and the ways on.

use super::expectation::meanings;
use super::place::{question, who_to_ask};
use super::result::{found, got};
use super::{Card, Tone, about, common};
use crate::engine::position::StopReason;
use crate::engine::record::{Close, Judged};
use crate::engine::{Key, Plan, Run};
use crate::view::key_hint::{Act, KeyHint};
use crate::view::row::{Label, Rows};
use crate::view::words;

/// The card of a stop.
pub(super) fn stopped(plan: &Plan, run: &Run, by: StopReason, step: Option<&Key>) -> Card {
    let mut rows = Rows::default();
    let title = step.map_or_else(|| "a step".to_owned(), |key| format!("`{key}` ({})", words::title(plan, run, key)));
    rows.one(Label::What, format!("The run stands at {title}. Nothing runs."));
    rows.one(Label::Why, run.why.as_deref().unwrap_or_else(|| why(by)));
    if let Some(key) = step {
        rows.add(Label::YouGot, got(plan, run, key));
        rows.add(Label::Printed, found(run, key));
        if matches!(by, StopReason::Runbook | StopReason::OfferUndo) {
            rows.add(Label::Means, meanings(plan, run, key));
        }
    }
    rows.one(Label::Means, means(by));
    rows.one(
        Label::Ask,
        question(
            plan,
            run,
            &format!("stopped at {title}: {}. What now?", headline(by).to_lowercase().trim_end_matches('.')),
        ),
    );
    rows.add(Label::HandOver, who_to_ask(plan));
    let by_itself = step.and_then(|key| run.newest_attempt(key)?.end.as_ref()?.went_back()) == Some(Judged::Passed);
    let headline =
        if by == StopReason::Undone && by_itself { "NOT CONFIRMED, SO IT WENT BACK BY ITSELF." } else { headline(by) };
    let mut card = about(Tone::Stop, format!("{headline} Nothing runs."), rows.0, common(run, keys(run, by, step)));
    card.key = step.cloned();
    card
}

fn keys(run: &Run, by: StopReason, step: Option<&Key>) -> Vec<KeyHint> {
    let attempt = run.at_stop().filter(|attempt| {
        attempt.unknown.is_some() || attempt.end.as_ref().is_some_and(|end| end.judged != Judged::Passed)
    });
    let mut keys = Vec::new();
    if by == StopReason::WayBack {
        keys.push(KeyHint::new("u", "go the way back again", Act::ShowWayBack).only(run.newest_way_back().is_some()));
        keys.push(KeyHint::new("d", "all of it is back, with a reason", Act::ItIsDone).only(attempt.is_some()));
    }
    if by == StopReason::OfferUndo && run.newest_way_back().is_some() {
        keys.push(KeyHint::new("u", "way back (the runbook advises it)", Act::ShowWayBack));
    }
    if attempt.is_some() && matches!(by, StopReason::StepFailed | StopReason::Unknown) {
        keys.push(KeyHint::new("r", "not done: run it again, with a reason", Act::RunAgain));
        keys.push(KeyHint::new("d", "it is done after all, with a reason", Act::ItIsDone));
    }
    if by != StopReason::Unknown {
        let what = match by {
            StopReason::Undone => "stand at the step again, with a reason",
            StopReason::WayBack => "leave it so, stand at the step again, with a reason",
            StopReason::StepFailed
            | StopReason::Unknown
            | StopReason::Runbook
            | StopReason::OfferUndo
            | StopReason::TooManyVisits
            | StopReason::NameNotKnown => "go on behind it, with a reason",
        };
        keys.push(KeyHint::new("g", what, Act::GoOn).only(step.is_some()));
    }
    keys.push(KeyHint::new("x", "close as not repaired, with a reason", Act::Close(Close::NotRepaired)));
    keys
}

const fn headline(by: StopReason) -> &'static str {
    match by {
        StopReason::StepFailed => "A STEP FAILED.",
        StopReason::Unknown => "HOW IT ENDED IS NOT KNOWN.",
        StopReason::Runbook => "THE RUNBOOK SAYS: STOP.",
        StopReason::OfferUndo => "THE RUNBOOK SAYS: GO BACK.",
        StopReason::Undone => "YOU WENT BACK.",
        StopReason::WayBack => "THE WAY BACK IS NOT WHOLE.",
        StopReason::TooManyVisits => "ROUND IN CIRCLES.",
        StopReason::NameNotKnown => "A VALUE IS MISSING.",
    }
}

const fn why(by: StopReason) -> &'static str {
    match by {
        StopReason::StepFailed => "a step failed",
        StopReason::Unknown => "the end of a change is not known",
        StopReason::Runbook => "the runbook stops here",
        StopReason::OfferUndo => "the runbook offers the way back here",
        StopReason::Undone => "the way back was taken",
        StopReason::WayBack => "the way back did not bring everything back",
        StopReason::TooManyVisits => "a step would be reached for the fourth time",
        StopReason::NameNotKnown => "a name is not known yet",
    }
}

const fn means(by: StopReason) -> &'static str {
    match by {
        StopReason::StepFailed => "It ran, and it failed. Look at the output (o) before you decide.",
        StopReason::Unknown => "It may have been done, in part or in whole. Look at the system before you decide.",
        StopReason::Runbook => "Going on is a deviation: it needs a reason, and is on record.",
        StopReason::OfferUndo => "Going on instead is a deviation: it needs a reason, and is on record.",
        StopReason::Undone => "What the step changed is back; the step is open again.",
        StopReason::WayBack => "What the step changed may be back in part. Look at the system before you decide.",
        StopReason::TooManyVisits => "The steps do not lead out of this. A person must see why.",
        StopReason::NameNotKnown => "A step that sets it was skipped or not taken.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::card::here;
    use crate::view::sample::{self, Found};

    fn acts(card: &Card) -> Vec<Act> {
        card.keys.iter().filter(|hint| hint.enabled && hint.act.acts()).map(|hint| hint.act.clone()).collect()
    }

    #[test]
    fn a_stop_of_the_runbook_says_what_it_means_and_wants_a_reason() {
        let mut sample = sample::certificate();
        sample.look("leaf", Found::Fault("expired"));
        sample.look("same-ca", Found::Fault("self-signed certificate in chain"));
        let card = here(&sample.plan, &sample.run);
        assert_eq!(card.headline, "THE RUNBOOK SAYS: STOP. Nothing runs.");
        let means = card.rows.iter().find(|row| row.label == Label::Means).expect("what it means");
        assert!(means.lines[0].starts_with("Two CAs are in play."), "{means:?}");
        assert_eq!(acts(&card), [Act::GoOn, Act::Close(Close::NotRepaired)]);
    }

    #[test]
    fn after_an_unknown_end_nobody_simply_goes_on() {
        let mut sample = sample::at_the_change();
        let attempt = sample.begin("renew", None);
        sample.lose(attempt);
        let card = here(&sample.plan, &sample.run);
        assert_eq!(card.headline, "HOW IT ENDED IS NOT KNOWN. Nothing runs.");
        assert_eq!(acts(&card), [Act::RunAgain, Act::ItIsDone, Act::Close(Close::NotRepaired)]);
        assert!(card.key_for("u").is_some(), "the way back is there");
    }

    #[test]
    fn a_failed_change_offers_again_done_on_and_back() {
        let mut sample = sample::at_the_change();
        sample.change("renew", Found::Fault("permission denied"));
        let card = here(&sample.plan, &sample.run);
        assert_eq!(acts(&card), [Act::RunAgain, Act::ItIsDone, Act::GoOn, Act::Close(Close::NotRepaired)]);
        assert_eq!(card.key_for("u").map(|hint| &hint.act), Some(&Act::ShowWayBack));
    }
}
