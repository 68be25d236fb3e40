//! A repair that changes something, and no step that proves that it helped.

use super::Ground;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::step::Phase;

pub(super) fn check(ground: &Ground, problems: &mut Vec<Diagnostic>) {
    let runbook = ground.runbook;
    if !runbook.phase(Phase::Verify).is_empty() || runbook.head.part {
        return;
    }
    let steps = runbook.steps();
    let Some((_, change)) = steps.iter().find(|(phase, step)| *phase == Phase::Repair && step.changes()) else {
        return;
    };
    let problem = Diagnostic::new(
        Code::RepairUnproved,
        ground.file,
        change.place(),
        "this changes something, and no `verify` step proves that it helped",
    );
    problems.push(problem.help("add `verify:` with a `check` of what was wrong, seen from outside"));
}

#[cfg(test)]
mod tests {
    use super::super::warnings_in;

    #[test]
    fn a_change_is_proved() {
        let change = "review: { every: 90d }\nrepair: [{ change: a, undo: b }]\n";
        assert_eq!(
            warnings_in(change),
            ["4:20 repair-unproved: this changes something, and no `verify` step proves that it helped"]
        );
        assert!(warnings_in(&format!("{change}verify: [{{ check: c }}]\n")).is_empty());
        assert!(warnings_in(&format!("{change}part: true\n")).is_empty(), "a part is proved by what includes it");
    }

    #[test]
    fn what_a_person_does_needs_no_proof_by_rule() {
        assert!(warnings_in("repair: [Restart it.]\n").is_empty());
    }
}
