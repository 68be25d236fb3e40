//! Ids of steps: given to those without one, unique in the whole runbook, and none that looks like another.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{check_id, is_reserved};
use crate::diagnostic::Code;
use crate::model::decode::Cx;
use crate::model::step::Kind;
use crate::model::{Name, Runbook, Step};
use crate::text::slug::slug;

/// Gives an id to each step without one: the slug of its title, with `-2`, `-3` where it is taken.
pub(super) fn give(runbook: &mut Runbook) {
    let mut taken: BTreeSet<String> =
        runbook.steps().into_iter().filter(|(_, step)| step.named).map(|(_, step)| step.id.value.clone()).collect();
    for phase in Runbook::PHASES {
        for step in runbook.phase_mut(phase) {
            give_below(step, &mut taken);
        }
    }
}

fn give_below(step: &mut Step, taken: &mut BTreeSet<String>) {
    if !step.named {
        let base = slug(&step.title);
        let mut id = base.clone();
        let mut next = 2;
        while is_reserved(&id) || !taken.insert(id.clone()) {
            id = format!("{base}-{next}");
            next += 1;
        }
        step.id.value = id;
    }
    if let Kind::Steps(children) = &mut step.kind {
        for child in children {
            give_below(child, taken);
        }
    }
}

/// Checks the ids that the author gave.
pub(super) fn check(runbook: &Runbook, cx: &mut Cx) {
    let mut seen: BTreeMap<&str, &Name> = BTreeMap::new();
    let mut shapes: BTreeMap<String, &Name> = BTreeMap::new();
    for (_, step) in runbook.steps() {
        let id = &step.id;
        if !step.named {
            continue;
        }
        check_id("the id", id, id.span, cx);
        if is_reserved(id) {
            let problem = cx.problem(Code::BadName, id.span, format!("a step cannot be called `{}`, which is a destination of its own", id.value));
            cx.push(problem.help("say what the step does, such as `restart-queue`"));
        }
        if let Some(first) = seen.get(id.value.as_str()) {
            let problem = cx.problem(Code::DuplicateId, id.span, format!("a second step has the id `{}`", id.value));
            cx.push(problem.also(first.span, "first here").help("give one of them another id"));
            continue;
        }
        seen.insert(id, id);
        if let Some(first) = shapes.insert(shape(id), id) {
            let problem = cx.problem(Code::LookAlike, id.span, format!("the ids `{}` and `{}` look alike", first.value, id.value));
            cx.push(problem.also(first.span, "the other one").help("a person must tell them apart at night: give one of them another name"));
        }
    }
}

/// What a tired reader sees: letters and digits that look alike become one.
fn shape(id: &str) -> String {
    id.replace("rn", "m").replace("vv", "w").replace(['1', '|'], "l").replace('0', "o").replace('_', "-")
}
