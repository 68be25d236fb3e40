//! A runbook that changes systems, and nobody says how fresh it is.

use super::Ground;
use crate::diagnostic::{Code, Diagnostic};

pub(super) fn check(ground: &Ground, problems: &mut Vec<Diagnostic>) {
    let head = &ground.runbook.head;
    let reviewed = head.review.as_ref().is_some_and(|review| review.last.is_some() || review.every.is_some());
    if reviewed || head.part || !ground.runbook.steps().iter().any(|(_, step)| step.changes()) {
        return;
    }
    let problem = Diagnostic::new(
        Code::NoReview,
        ground.file,
        head.title.span,
        "a runbook that changes systems, without a review",
    );
    problems.push(
        problem
            .help("add `review: { last: \"2026-11-01\", every: 90d }` with the day on which somebody read it through"),
    );
}

#[cfg(test)]
mod tests {
    use super::super::warnings_in;

    #[test]
    fn a_runbook_that_changes_systems_is_reviewed() {
        let rest = "repair: [{ change: a, undo: b }]\nverify: [x]\n";
        assert_eq!(warnings_in(rest), ["2:8 no-review: a runbook that changes systems, without a review"]);
        assert!(warnings_in(&format!("{rest}review: {{ every: 90d }}\n")).is_empty());
        assert!(warnings_in("repair: [Restart it.]\n").is_empty());
    }
}
