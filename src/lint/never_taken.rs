//! Branches that can never be taken.

use super::Ground;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::step::Kind;

pub(super) fn check(ground: &Ground, problems: &mut Vec<Diagnostic>) {
    for (_, step) in ground.runbook.steps() {
        let branches = &step.fields.if_not.0;
        if let Some(first) = branches.first()
            && matches!(step.kind, Kind::Question(_))
            && step.fields.choices.is_some()
        {
            let problem = Diagnostic::new(
                Code::NeverTaken,
                ground.file,
                first.span,
                "a question with choices is never answered with no",
            );
            problems.push(problem.help("write `then:` at the choice that is meant"));
            continue;
        }
        let Some(all) = branches.iter().position(|branch| branch.got.is_none()) else { continue };
        for branch in &branches[all + 1..] {
            let problem = Diagnostic::new(Code::NeverTaken, ground.file, branch.span, "a branch that is never taken");
            problems.push(
                problem
                    .also(branches[all].span, "this one has no `got` and takes everything")
                    .help("move the branch without `got` to the end"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::warnings_in;

    #[test]
    fn the_branch_that_takes_everything_stands_last() {
        let rest = "diagnose:\n  - { check: x, if_not: [{ got: a, then: stop }, repair, { got: b, then: done }] }\n";
        assert_eq!(warnings_in(rest), ["4:58 never-taken: a branch that is never taken"]);
    }

    #[test]
    fn choices_lead_by_themselves() {
        assert_eq!(
            warnings_in("diagnose: [{ question: x, choices: [a, b], if_not: stop }, { question: y, if_not: stop }]\n"),
            ["3:52 never-taken: a question with choices is never answered with no"]
        );
    }
}
