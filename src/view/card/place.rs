//! The cards of places that are no step: the gate before repair, the end of the proof, the end.

use super::{Card, Tone, about, common};
use crate::engine::record::{Close, Judged, Mode};
use crate::engine::resolve::guards;
use crate::engine::run::StepState;
use crate::engine::{Plan, Run};
use crate::model::Phase;
use crate::view::key_hint::{Act, KeyHint};
use crate::view::map::{self, MapLine, Mark};
use crate::view::row::{Label, Rows};
use crate::view::words;

/// Before the first change.
pub(super) fn enter_repair(plan: &Plan, run: &Run) -> Card {
    let mut rows = Rows::default();
    rows.add(Label::Found, findings(plan, run, Phase::Diagnose));
    rows.add(Label::Next, ahead(plan, run, Phase::Repair));
    if let Ok(lines) = guards(plan, run) {
        let (files, on) = (lines.files(), lines.on());
        let scope = files.iter().map(|path| format!("everything in {path}{on}, except what a step lists"));
        rows.add(Label::MustNot, scope.chain(lines.others()));
        if !lines.scope.is_empty() || !lines.others.is_empty() {
            rows.one(Label::Before, "going in measures all of this; every change is measured against it");
        }
    }
    rows.add(Label::Review, words::review(run, Tone::Change));
    let looks_only = run.mode().only_looks();
    let well = !run
        .findings
        .iter()
        .any(|finding| finding.judged != Judged::Passed && of(plan, &finding.step.id, Phase::Diagnose));
    let mut keys = Vec::new();
    if looks_only {
        rows.one(Label::Caution, "this run only looks; repair cannot be entered in it");
    } else {
        keys.push(KeyHint::new("y", "go into repair (nothing runs yet)", Act::EnterRepair));
    }
    keys.push(KeyHint::new("c", "close: nothing to repair", Act::Close(Close::NothingToRepair)).only(well));
    keys.push(KeyHint::new("x", "close as not repaired, with a reason", Act::Close(Close::NotRepaired)));
    let headline = if looks_only {
        "You have looked at everything.".to_owned()
    } else {
        format!("BEHIND THIS GATE STEPS CHANGE {}. This is what was found.", words::place(run).to_uppercase())
    };
    about(Tone::Person, headline, rows.0, common(run, keys))
}

/// Not everything held in the proof.
pub(super) fn not_repaired(plan: &Plan, run: &Run) -> Card {
    let mut rows = Rows::default();
    rows.add(Label::Found, findings(plan, run, Phase::Verify));
    rows.one(
        Label::Means,
        "The proof does not hold, so this is not repaired. That is not your fault; it is what the proof is for.",
    );
    rows.one(Label::Ask, question(plan, run, "the proof does not hold. Repair again, or go back?"));
    let keys = vec![
        KeyHint::new("r", "repair again, with a reason", Act::RepairAgain),
        KeyHint::new("x", "close as not repaired, with a reason", Act::Close(Close::NotRepaired)),
    ];
    about(Tone::Stop, "NOT REPAIRED YET. Nothing runs.", rows.0, common(run, keys))
}

/// Every step has its end.
pub(super) fn at_end(plan: &Plan, run: &Run, nothing_to_repair: bool) -> Card {
    let mut rows = Rows::default();
    let title = words::line(&plan.runbook.head.title);
    let (headline, over, close, what) = if nothing_to_repair {
        (
            "NOTHING TO REPAIR. Close the run.",
            "The looks found nothing to repair.",
            Close::NothingToRepair,
            "close: nothing to repair",
        )
    } else {
        ("IT IS DONE. Close the run.", "Every step of the proof has its end.", Close::Done, "close: done")
    };
    rows.one(Label::What, over);
    rows.add(Label::Found, findings(plan, run, if nothing_to_repair { Phase::Diagnose } else { Phase::Verify }));
    rows.one(Label::TellPeople, tell(plan, run, &title, nothing_to_repair));
    rows.add(Label::Daylight, daylight(plan, run));
    rows.one(Label::Report, format!("locum report {}", run.id));
    rows.one(Label::OneThing, "Where did you hesitate? m writes it down, and makes the runbook better.");
    let keys = vec![KeyHint::new("y", what, Act::Close(close))];
    about(Tone::End, headline, rows.0, common(run, keys))
}

/// Closed.
pub(super) fn closed(plan: &Plan, run: &Run) -> Card {
    let mut rows = Rows::default();
    let (outcome, reason, at) = run.closed.clone().unwrap_or((Close::NotRepaired, String::new(), run.last_at.clone()));
    let headline = match outcome {
        Close::Done => "CLOSED: DONE.",
        Close::NothingToRepair => "CLOSED: NOTHING TO REPAIR.",
        Close::NotRepaired => "CLOSED: NOT REPAIRED.",
        Close::Preflight => "CLOSED: PREFLIGHT.",
    };
    rows.one(Label::What, format!("closed at {}", words::clock(&at, words::zone(run))));
    rows.one(Label::Why, reason);
    rows.add(Label::Daylight, daylight(plan, run));
    rows.one(Label::Report, format!("locum report {}", run.id));
    let keys = vec![
        KeyHint::new("Enter", "leave", Act::Leave),
        KeyHint::new("o", "output", Act::Output).only(!run.attempts.is_empty()),
        KeyHint::new("?", "help", Act::Help),
        KeyHint::new("q", "leave", Act::Leave),
    ];
    about(Tone::End, headline, rows.0, keys)
}

fn of(plan: &Plan, id: &str, phase: Phase) -> bool {
    plan.item(id).is_some_and(|item| item.phase == phase)
}

/// What a phase found, a line each, the mark first.
pub(super) fn findings(plan: &Plan, run: &Run, phase: Phase) -> Vec<String> {
    let lines = map::map(plan, run);
    let of_phase = map::steps(&lines).filter(|line| of(plan, &line.key.id, phase));
    of_phase
        .filter(|line| line.mark != Mark::Then)
        .map(|line| {
            let note = line.note.as_ref().map_or_else(String::new, |note| format!(": {note}"));
            format!("{:<6} {}{note}", line.mark.text(), line.title)
        })
        .collect()
}

/// The steps that are still to come in a phase.
fn ahead(plan: &Plan, run: &Run, phase: Phase) -> Vec<String> {
    let lines = map::map(plan, run);
    let mut inside = false;
    let mut ahead = Vec::new();
    for line in &lines {
        match line {
            MapLine::Phase(of) => inside = *of == phase,
            MapLine::Step(step) if inside => {
                let star = if step.unsafe_here { " *" } else { "" };
                ahead.push(format!("{:w$}{}{star}", "", step.title, w = step.depth * 2));
            }
            MapLine::Group { depth, title, .. } if inside => ahead.push(format!("{:w$}{title}", "", w = depth * 2)),
            MapLine::Step(_) | MapLine::Group { .. } | MapLine::GetIn | MapLine::Access { .. } => {}
        }
    }
    ahead
}

fn tell(plan: &Plan, run: &Run, title: &str, nothing_to_repair: bool) -> String {
    let head = &plan.runbook.head;
    let service = head.service.as_ref().map_or_else(|| words::place(run), |service| words::line(&service.value));
    match (run.mode(), nothing_to_repair) {
        (Mode::Drill, _) => "nobody; this was a drill".to_owned(),
        (Mode::Live | Mode::Look | Mode::Preflight, true) => {
            format!("{service}: looked at, nothing to repair: {title}.")
        }
        (Mode::Live | Mode::Look | Mode::Preflight, false) => format!("{service}: done: {title}. The proof holds."),
    }
}

/// What is left for daylight: skipped steps, deviations, follow-up that was not done.
fn daylight(plan: &Plan, run: &Run) -> Vec<String> {
    let lines = map::map(plan, run);
    let mut left: Vec<_> = map::steps(&lines)
        .filter_map(|line| match run.state(&line.key) {
            StepState::Skipped(why) => Some(format!("skipped: {}: {}", line.title, words::line(why))),
            StepState::Open if of(plan, &line.key.id, Phase::FollowUp) => Some(format!("to do: {}", line.title)),
            StepState::Failed | StepState::Unknown if of(plan, &line.key.id, Phase::FollowUp) => {
                Some(format!("not done: {}", line.title))
            }
            _ => None,
        })
        .collect();
    let skipped = |text: &str| text.contains("was skipped: ");
    let deviations = run.remarks.iter().filter(|remark| remark.what == "deviation" && !skipped(&remark.text));
    left.extend(deviations.map(|remark| format!("deviation: {}", words::line(&remark.text))));
    left
}

/// Most characters that fit into one text message everywhere.
const MESSAGE: usize = 160;

/// A question that is ready for a phone.
pub(super) fn question(plan: &Plan, run: &Run, what: &str) -> String {
    let title = words::line(&plan.runbook.head.title);
    let text = format!("locum {} on {}, \"{title}\": {what}", run.id, words::place(run));
    crate::text::width::shorten(&text, MESSAGE)
}

/// Who can be asked: the owner first.
pub(super) fn who_to_ask(plan: &Plan) -> Option<String> {
    let people = plan.runbook.people();
    let (first, others) = people.split_first()?;
    let first = words::line(first);
    let others: Vec<_> = others.iter().map(|name| words::line(name)).collect();
    Some(if others.is_empty() { format!("call {first}") } else { format!("call {first}, or {}", others.join(", ")) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::command::Command;
    use crate::view::card::here;
    use crate::view::row::Row;
    use crate::view::sample::{self, Found};

    fn row(card: &Card, label: Label) -> Vec<String> {
        card.rows.iter().filter(|row| row.label == label).flat_map(|row: &Row| row.lines.clone()).collect()
    }

    #[test]
    fn the_gate_shows_the_findings_and_what_comes() {
        let sample = sample::at_the_gate();
        let card = here(&sample.plan, &sample.run);
        assert_eq!(card.headline, "BEHIND THIS GATE STEPS CHANGE KYOUSUKE. This is what was found.");
        assert_eq!(
            row(&card, Label::Found),
            ["FAULT  Is the certificate still valid?: expired 61 d", "ok     Was it signed by the CA on disk?"]
        );
        assert_eq!(row(&card, Label::Next)[0], "Renew the leaf certificate, and only it *");
        assert_eq!(card.key_for("y").map(|hint| &hint.act), Some(&Act::EnterRepair));
        assert!(card.key_for("c").is_none(), "with a fault it cannot be closed as nothing to repair");
    }

    #[test]
    fn where_all_is_well_the_gate_offers_to_close() {
        let mut sample = sample::certificate();
        sample.look("leaf", Found::Ok(""));
        sample.look("same-ca", Found::Ok("OK"));
        let card = here(&sample.plan, &sample.run);
        assert_eq!(card.key_for("c").map(|hint| &hint.act), Some(&Act::Close(Close::NothingToRepair)));
    }

    #[test]
    fn a_run_that_only_looks_has_no_way_into_repair() {
        let mut sample = sample::open_as(sample::CERTIFICATE, Mode::Look);
        sample.look("leaf", Found::Fault("expired"));
        sample.look("same-ca", Found::Ok("OK"));
        let card = here(&sample.plan, &sample.run);
        assert!(card.keys.iter().all(|hint| hint.act != Act::EnterRepair));
    }

    #[test]
    fn what_was_not_proved_is_not_repaired() {
        let mut sample = sample::in_the_loop();
        sample.change("restart[1]", Found::Ok(""));
        sample.change("restart[2]", Found::Ok(""));
        sample.look("served", Found::Fault("the old one"));
        let card = here(&sample.plan, &sample.run);
        // The follow-up comes first, then the verdict.
        assert_eq!(card.headline, "NOT REPAIRED YET. Nothing runs.");
        assert!(row(&card, Label::Found)[0].starts_with("FAULT"));
        assert!(card.key_for("u").is_some());
    }

    #[test]
    fn the_end_says_what_to_tell_people_and_what_is_left() {
        let mut sample = sample::in_the_loop();
        sample.change("restart[1]", Found::Ok(""));
        let step = "restart[2]".parse().expect("a key");
        sample.ask(Command::Skip { step, reason: "it restarted itself".into() }).expect("skipped");
        sample.look("served", Found::Ok("CN=kube-apiserver"));
        sample.answer("calendar", crate::engine::command::Answer::Done);
        let card = here(&sample.plan, &sample.run);
        assert_eq!(card.headline, "IT IS DONE. Close the run.");
        assert!(row(&card, Label::TellPeople)[0].starts_with("kubernetes: done: Renew an expired certificate."));
        assert_eq!(row(&card, Label::Daylight), ["skipped: Restart it: it restarted itself"]);
        assert_eq!(row(&card, Label::Report), ["locum report 7f3a-k2"]);
    }

    #[test]
    fn a_closed_run_has_nothing_to_do() {
        let mut sample = sample::at_the_end();
        sample.ask(Command::Close { outcome: Close::Done, reason: String::new() }).expect("closed");
        let card = here(&sample.plan, &sample.run);
        assert_eq!(card.headline, "CLOSED: DONE.");
        assert!(card.keys.iter().all(|hint| !hint.act.acts()));
    }

    #[test]
    fn a_question_fits_into_one_message() {
        let sample = sample::frozen();
        let text = question(&sample.plan, &sample.run, &"very long ".repeat(40));
        assert!(text.chars().count() <= MESSAGE);
        assert_eq!(who_to_ask(&sample.plan).as_deref(), Some("call komari, or pepe"));
    }
}
