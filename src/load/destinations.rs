//! Where steps lead: every destination exists and can be reached from where it is named.

use super::words::{closes, destination_words};
use crate::diagnostic::Code;
use crate::model::branch::To;
use crate::model::decode::Cx;
use crate::model::step::Phase;
use crate::model::{Choices, Destination, Runbook, Step};
use crate::text::suggestion::suggest;

/// Checks `then`, `if_not` and the `then` of answers, in every list of steps.
pub(super) fn check(runbook: &Runbook, cx: &mut Cx) {
    for phase in Runbook::PHASES {
        check_list(runbook, phase, runbook.phase(phase), cx);
    }
}

fn check_list(runbook: &Runbook, phase: Phase, list: &[Step], cx: &mut Cx) {
    for step in list {
        for destination in destinations(step) {
            check_one(runbook, phase, list, destination, cx);
        }
        check_list(runbook, phase, step.children(), cx);
    }
}

/// Every destination that a step names.
pub(super) fn destinations(step: &Step) -> impl Iterator<Item = &Destination> {
    let fields = &step.fields;
    let answers = match &fields.choices {
        Some(Choices::Listed(choices)) => choices.as_slice(),
        Some(Choices::Captured(_)) | None => &[],
    };
    let branches = fields.if_not.0.iter().filter_map(|branch| branch.then.as_ref());
    fields.then.iter().chain(branches).chain(answers.iter().filter_map(|choice| choice.then.as_ref()))
}

fn check_one(runbook: &Runbook, phase: Phase, list: &[Step], destination: &Destination, cx: &mut Cx) {
    let span = destination.span;
    if closes(&destination.to) && phase != Phase::Diagnose {
        let message = format!("`done` in {}, expected in diagnose only", phase.word());
        let problem =
            cx.problem(Code::DestinationNotHere, span, message).label("would close a run that nothing has proved");
        cx.push(problem.help("go to `verify`; the run is done when every step there has passed"));
        return;
    }
    let To::Step(id) = &destination.to else { return };
    if list.iter().any(|step| step.id.value == *id) {
        return;
    }
    if let Some(step) = runbook.step(id) {
        let problem = cx.problem(Code::DestinationNotHere, span, format!("step `{id}` stands in another list"));
        let problem = problem.also(step.id.span, "it stands here");
        cx.push(problem.help("a group is left only by its end, by a phase (`repair`) or by a word (`stop`)"));
        return;
    }
    let words = destination_words();
    let steps = list.iter().map(|step| step.id.value.as_str());
    let known: Vec<_> = steps.chain(words.iter().copied()).collect();
    let problem = cx.problem(Code::UnknownDestination, span, format!("unknown destination `{id}`"));
    let named: Vec<_> = list.iter().filter(|step| step.named).map(|step| step.id.value.as_str()).collect();
    cx.push(match suggest(id, known.iter().copied()) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None if named.is_empty() => {
            problem.help(format!("no step here has an `id`; the words are {}", words.join(", ")))
        }
        None => problem.help(format!("from here one can go to {}, or to {}", named.join(", "), words.join(", "))),
    });
}

#[cfg(test)]
mod tests {
    use super::super::{load, problems_in};
    use crate::source::SourceFile;

    #[test]
    fn an_unknown_step_has_a_suggestion() {
        let text = "locum: 1\ntitle: t\nrepair:\n  - { by_hand: x, id: restart-queue }\n  - { by_hand: y, then: restart-qeue }\n";
        let loaded = load("a", SourceFile::new("a.yaml", text));
        let problem = &loaded.diagnostics[0];
        assert_eq!(problem.message, "unknown destination `restart-qeue`");
        assert_eq!(problem.help, ["did you mean `restart-queue`?"]);
        assert_eq!(loaded.file.slice(problem.primary.span), "restart-qeue");
    }

    #[test]
    fn words_phases_and_steps_of_the_same_list_are_reached() {
        assert!(problems_in("diagnose:\n  - { check: x, id: a, then: done, if_not: [{ got: x, then: repair }, stop] }\n  - { question: q, choices: [{ answer: b, then: a }, c] }\nrepair: [{ by_hand: x, if_not: undo }]\n").is_empty());
    }

    #[test]
    fn a_group_is_left_only_by_its_end_a_phase_or_a_word() {
        let rest = "repair:\n  - { by_hand: x, id: a, then: inner }\n  - title: g\n    steps:\n      - { by_hand: y, id: inner, then: a }\n      - { by_hand: y, then: verify }\n";
        assert_eq!(
            problems_in(rest),
            [
                "4:32 destination-not-here: step `inner` stands in another list",
                "7:40 destination-not-here: step `a` stands in another list",
            ]
        );
    }

    #[test]
    fn done_closes_only_what_needed_no_repair() {
        assert_eq!(
            problems_in("repair: [{ by_hand: x, then: done }]\n"),
            ["3:30 destination-not-here: `done` in repair, expected in diagnose only"]
        );
    }
}
