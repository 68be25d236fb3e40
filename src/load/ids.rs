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
            let problem = cx.problem(
                Code::BadName,
                id.span,
                format!("a step cannot be called `{}`, which is a destination of its own", id.value),
            );
            cx.push(problem.help("say what the step does, such as `restart-queue`"));
        }
        if let Some(first) = seen.get(id.value.as_str()) {
            let problem = cx.problem(Code::DuplicateId, id.span, format!("a second step has the id `{}`", id.value));
            cx.push(problem.also(first.span, "first here").help("give one of them another id"));
            continue;
        }
        seen.insert(id, id);
        if let Some(first) = shapes.insert(shape(id), id) {
            let problem = cx.problem(
                Code::LookAlike,
                id.span,
                format!("the ids `{}` and `{}` look alike", first.value, id.value),
            );
            cx.push(
                problem
                    .also(first.span, "the other one")
                    .help("a person must tell them apart at night: give one of them another name"),
            );
        }
    }
}

/// What a tired reader sees: letters and digits that look alike become one.
fn shape(id: &str) -> String {
    id.replace("rn", "m").replace("vv", "w").replace(['1', '|'], "l").replace('0', "o").replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::super::{load, problems_in};
    use crate::source::SourceFile;

    fn ids(rest: &str) -> Vec<String> {
        let loaded = load("a", SourceFile::new("a.yaml", format!("locum: 1\ntitle: t\n{rest}")));
        let runbook = loaded.runbook.unwrap_or_else(|| panic!("{}", loaded.diagnostics[0].message));
        runbook.steps().into_iter().map(|(_, step)| step.id.value.clone()).collect()
    }

    #[test]
    fn steps_without_an_id_are_named_after_their_title() {
        let rest = "diagnose:\n  - Is it up?\n  - { check: 'true', id: is-it-up-2 }\nrepair:\n  - Is it up?\n  - title: Restart {{ host }}\n    steps: [Is it up?]\n";
        assert_eq!(ids(rest), ["is-it-up", "is-it-up-2", "is-it-up-3", "restart-host", "is-it-up-4"]);
    }

    #[test]
    fn no_step_is_called_like_a_destination() {
        assert_eq!(ids("repair: [Done, Repair, 日本語, 日本語]\n"), ["done-2", "repair-2", "step", "step-2"]);
        assert_eq!(
            problems_in("repair: [{ change: x, id: stop, no_undo: y }]\n"),
            ["3:27 bad-name: a step cannot be called `stop`, which is a destination of its own"]
        );
    }

    #[test]
    fn an_id_is_given_once_in_the_whole_runbook() {
        let problems = problems_in("diagnose: [{ check: x, id: a }]\nrepair: [{ steps: [{ by_hand: y, id: a }] }]\n");
        assert_eq!(problems, ["4:38 duplicate-id: a second step has the id `a`"]);
    }

    #[test]
    fn ids_are_no_paths() {
        for path in ["../b", "a/b", "a\\b", ".."] {
            let problems = problems_in(&format!("repair: [{{ by_hand: y, id: '{path}' }}]\n"));
            assert_eq!(problems, [format!("3:28 bad-name: the id `{path}` is a path, expected a word")]);
        }
        assert_eq!(
            problems_in("repair: [{ by_hand: y, id: Ab }]\n"),
            ["3:28 bad-name: the id `Ab` has characters that an id cannot have"]
        );
    }

    #[test]
    fn ids_that_look_alike_are_refused() {
        assert_eq!(
            problems_in("repair: [{ by_hand: y, id: rеnew }]\n"),
            ["3:28 look-alike: the id `rеnew` has `е` (U+0435), which looks like `e`"]
        );
        assert_eq!(
            problems_in("repair:\n  - { by_hand: y, id: node-1 }\n  - { by_hand: y, id: node-l }\n"),
            ["5:23 look-alike: the ids `node-1` and `node-l` look alike"]
        );
    }
}
