//! A change without a way back, and without a word why.

use super::Ground;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::StepKind;

pub(super) fn check(ground: &Ground, problems: &mut Vec<Diagnostic>) {
    if ground.runbook.head.scope.is_some() {
        return;
    }
    for (_, step) in ground.runbook.steps() {
        let fields = &step.fields;
        if matches!(step.kind, StepKind::Change(_) | StepKind::Terminal(_))
            && fields.undo.is_none()
            && fields.no_undo.is_none()
        {
            let problem = Diagnostic::new(Code::NoWayBack, ground.file, step.place(), "a change without a way back");
            problems.push(
                problem
                    .help(
                        "add `undo:` with the command that goes back, or `no_undo:` with the reason why there is none",
                    )
                    .help("or give the runbook a `scope:`; what is in it is copied before each change"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::warnings_in;

    const REST: &str = "review: { every: 90d }\nverify: [x]\n";

    #[test]
    fn a_change_says_how_it_is_undone() {
        let steps = "repair:\n  - change: a\n  - { change: b, undo: c }\n  - { change: d, no_undo: it only restarts }\n  - By hand.\n";
        assert_eq!(warnings_in(&format!("{REST}{steps}")), ["6:13 no-way-back: a change without a way back"]);
    }

    #[test]
    fn a_scope_is_a_way_back() {
        assert!(warnings_in(&format!("{REST}scope: {{ files: [/etc/x] }}\nrepair: [{{ change: a }}]\n")).is_empty());
    }
}
