//! What must hold for a step where it stands: its phase, its depth, and fields that exclude each other.

use std::time::Duration;

use super::words::key_span;
use crate::diagnostic::Code;
use crate::model::decode::Cx;
use crate::model::fields::UndoHow;
use crate::model::step::{Kind, Phase};
use crate::model::{Command, Runbook, Step};
use crate::source::Span;
use crate::text::human;
use crate::text::suggestion::suggest;
use crate::yaml::Node;

/// Deepest group in a group.
const DEEPEST: usize = 3;

/// Longest command in bytes, rendered; what is longer as written is longer rendered.
const LONGEST_COMMAND: usize = 16 * 1024;

/// How long an armed way back can wait, counted from the beginning of its change.
const SHORTEST_ARMED: Duration = Duration::from_secs(2);
const LONGEST_ARMED: Duration = Duration::from_hours(1);

/// Fields of `by_hand` that only mean something where it changes something.
const OF_A_CHANGE: [&str; 8] =
    ["risk", "needs", "done_when", "may_change", "undo", "no_undo", "unsafe_until", "confirm"];

/// Checks every step.
pub(super) fn check(runbook: &Runbook, tree: &Node, cx: &mut Cx) {
    let steps = runbook.steps();
    if steps.is_empty() {
        let problem = cx.problem(Code::NoSteps, key_span(tree, &["title"]), "a runbook without a step");
        cx.push(problem.help(
            "add a list under `diagnose:`, `repair:`, `verify:` or `follow_up:`; a step can be one line of text",
        ));
    }
    for phase in Runbook::PHASES {
        for step in runbook.phase(phase) {
            check_depth(step, 0, cx);
        }
    }
    for (phase, step) in steps {
        check_phase(phase, step, cx);
        check_fields(step, cx);
        check_unsafe_until(runbook, step, cx);
        if !step.fields.may_change.is_empty() && runbook.head.scope.is_none() {
            let span = step.fields.may_change[0].span;
            let problem = cx.problem(Code::MayChangeWithoutScope, span, "`may_change` without a `scope`");
            cx.push(
                problem
                    .help("add `scope: { files: [...] }` to the runbook: what is in it and not listed here is guarded"),
            );
        }
        for command in step.commands() {
            check_command(command, cx);
        }
    }
    let guards = runbook.head.must_not_change.iter().filter_map(|guard| guard.output_of.as_ref());
    for command in guards.chain(runbook.head.labs.values().map(|lab| &lab.start)) {
        check_command(command, cx);
    }
}

fn check_depth(step: &Step, depth: usize, cx: &mut Cx) {
    let Kind::Steps(children) = &step.kind else { return };
    if depth == DEEPEST {
        let problem = cx.problem(
            Code::GroupDepth,
            step.place(),
            format!("a group {} levels deep, expected at most {DEEPEST}", depth + 1),
        );
        cx.push(problem.help("move the inner group up, or into a phase of its own"));
        return;
    }
    if children.is_empty() {
        let problem = cx.problem(
            Code::NoSteps,
            step.fields.title.as_ref().map_or(step.span, |title| title.span),
            "a group without a step",
        );
        cx.push(problem.help("add steps under `steps:`, or remove the group"));
    }
    for child in children {
        check_depth(child, depth + 1, cx);
    }
}

/// In diagnose and verify nothing changes.
fn check_phase(phase: Phase, step: &Step, cx: &mut Cx) {
    if matches!(phase, Phase::Repair | Phase::FollowUp) {
        return;
    }
    match &step.kind {
        Kind::Change(command) => {
            let problem = cx.problem(
                Code::KindInPhase,
                command.span(),
                format!("a `change` in {}, which changes nothing", phase.word()),
            );
            cx.push(
                problem
                    .help("if it only looks, make it a `check`")
                    .help("if it changes something, move it to `repair`"),
            );
        }
        Kind::Terminal(command) => {
            let message = format!("a `terminal` in {}, which changes nothing", phase.word());
            let problem = cx.problem(Code::KindInPhase, command.span(), message);
            cx.push(
                problem
                    .help("nobody can tell what a person does in it; move it to `repair`")
                    .help("if they only look, let them do it `by_hand`"),
            );
        }
        Kind::Edit(path) => {
            let message = format!("an `edit` in {}, which changes nothing", phase.word());
            let problem = cx.problem(Code::KindInPhase, path.span, message);
            cx.push(problem.help("move it to `repair`"));
        }
        Kind::ByHand(_) => {
            for field in OF_A_CHANGE.into_iter().filter(|field| has(step, field)) {
                let message = format!("`{field}` on a `by_hand` in {}, where it is a look", phase.word());
                let problem = cx.problem(Code::FieldOfOtherKind, step.place(), message);
                cx.push(problem.help(format!("remove `{field}`, or move the step to `repair`")));
            }
        }
        Kind::Check(_)
        | Kind::Wait { .. }
        | Kind::Question(_)
        | Kind::Announce(_)
        | Kind::Include { .. }
        | Kind::Steps(_) => {}
    }
}

fn has(step: &Step, field: &str) -> bool {
    let fields = &step.fields;
    match field {
        "risk" => fields.risk.is_some(),
        "needs" => !fields.needs.0.is_empty(),
        "done_when" => !fields.done_when.0.is_empty(),
        "may_change" => !fields.may_change.is_empty(),
        "undo" => fields.undo.is_some(),
        "no_undo" => fields.no_undo.is_some(),
        "unsafe_until" => fields.unsafe_until.is_some(),
        _ => fields.confirm.is_some(),
    }
}

fn check_fields(step: &Step, cx: &mut Cx) {
    let fields = &step.fields;
    if let (Some(undo), Some(no_undo)) = (&fields.undo, &fields.no_undo) {
        let problem = cx.problem(Code::Contradiction, no_undo.span, "`no_undo` together with `undo`");
        cx.push(problem.also(undo.span, "the way back").help("keep the one that is true"));
    }
    check_dead_man(step, cx);
    check_line(step, cx);
    for capture in &fields.capture.0 {
        if let (Some(first), Some(json)) = (&capture.r#match, &capture.json) {
            let problem = cx.problem(
                Code::Contradiction,
                json.span,
                format!("the capture `{}` with both `match` and `json`", capture.name.value),
            );
            cx.push(problem.also(first.span, "the other one").help("keep one of the two"));
        }
    }
    if let Some(exit) = fields.expect.as_ref().and_then(|expect| expect.exit.map(|exit| (exit, expect.span)))
        && !(0..=255).contains(&exit.0)
    {
        let problem = cx.problem(Code::OutOfRange, exit.1, format!("exit code {}, expected 0 to 255", exit.0));
        cx.push(problem.help("a program ends with a number from 0 to 255"));
    }
    if let Kind::Wait { every, at_most, hold, .. } = &step.kind {
        check_wait(step, *every, *at_most, *hold, cx);
    }
    if fields.risk.is_some() && fields.confirm.as_ref().is_some_and(|confirm| confirm.trim().is_empty()) {
        let span = fields.confirm.as_ref().map_or(step.span, |confirm| confirm.span);
        let problem = cx.problem(Code::OutOfRange, span, "`confirm` is empty, expected a word to type");
        cx.push(problem.help("leave it out, or write the word that tells this command from a similar one"));
    }
}

/// What tells how it ended when the line does not.
fn check_line(step: &Step, cx: &mut Cx) {
    if step.fields.may_disconnect && step.fields.done_when.0.is_empty() {
        let message = "`may_disconnect` without `done_when`: nothing could tell how it ended when its line is lost";
        let problem = cx.problem(Code::MissingKey, step.span, message);
        cx.push(problem.help("add `done_when:` with a test that holds when it is done, and not before"));
    }
}

/// A way back that goes by itself is a command of a command, and leaves time to log in.
fn check_dead_man(step: &Step, cx: &mut Cx) {
    let Some(undo) = &step.fields.undo else { return };
    let Some(after) = &undo.unless_confirmed else { return };
    let is_command = matches!((&step.kind, &undo.how), (Kind::Change(_), UndoHow::Change(_)));
    if !is_command {
        let message = "`unless_confirmed` where no command changes something, or none goes back";
        let problem = cx.problem(Code::Contradiction, after.span, message);
        cx.push(problem.help(
            "only the command of a `change` goes back by itself, with `undo: { change: ..., unless_confirmed: 60s }`",
        ));
    } else if !(SHORTEST_ARMED..=LONGEST_ARMED).contains(&after.value) {
        let found = human(after.value);
        let problem =
            cx.problem(Code::OutOfRange, after.span, format!("`unless_confirmed` is {found}, expected 2s to 1h"));
        cx.push(problem.help("it counts from the beginning of the change: leave time for its end, and to log in anew"));
    }
}

fn check_wait(step: &Step, every: Duration, at_most: Duration, hold: Duration, cx: &mut Cx) {
    let span = step.fields.at_most.as_ref().map_or(step.span, |at_most| at_most.span);
    let message = if hold >= at_most && !hold.is_zero() {
        "`at_most` is no longer than `hold`, so the wait could never pass"
    } else if every.is_zero() {
        "`every` is nothing, expected a time between two tries such as `5s`"
    } else if at_most.is_zero() {
        "`at_most` is nothing, expected a time such as `2m`"
    } else {
        return;
    };
    let problem = cx.problem(Code::OutOfRange, span, message);
    cx.push(
        problem.help(
            "`every` is the time between two tries, `hold` how long the test must hold, `at_most` when to give up",
        ),
    );
}

fn check_unsafe_until(runbook: &Runbook, step: &Step, cx: &mut Cx) {
    let Some(until) = &step.fields.unsafe_until else { return };
    let known = runbook.step(until);
    if known.is_some_and(|known| known.span != step.span) {
        return;
    }
    let message = match known {
        Some(_) => format!("`unsafe_until` names its own step `{}`", until.value),
        None => format!("`unsafe_until` names the unknown step `{}`", until.value),
    };
    let problem = cx.problem(Code::UnknownStep, until.span, message);
    cx.push(unknown_step(runbook, until, problem));
}

/// Help for a step that does not exist.
pub(super) fn unknown_step(
    runbook: &Runbook,
    id: &str,
    problem: crate::diagnostic::Diagnostic,
) -> crate::diagnostic::Diagnostic {
    let steps = runbook.steps();
    let named: Vec<_> = steps.iter().filter(|(_, step)| step.named).map(|(_, step)| step.id.value.as_str()).collect();
    match suggest(id, named.iter().copied()).filter(|near| *near != id) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None if named.is_empty() => problem.help("give the step that is meant an `id`"),
        None => problem.help(format!("the ids are {}", named.join(", "))),
    }
}

fn check_command(command: &Command, cx: &mut Cx) {
    match command {
        Command::Script(script) if script.len() > LONGEST_COMMAND => {
            let problem = cx.problem(
                Code::TooLarge,
                script.span,
                format!("a command of {} bytes, expected at most {LONGEST_COMMAND}", script.len()),
            );
            cx.push(problem.help("put it into a script of its own, and name that under `files:`"));
        }
        Command::Script(_) => {}
        Command::Argv(words, span) => check_program(words.first().map(|word| &**word), words.len(), *span, cx),
    }
}

/// The bites of `[ -f x ]`: the first word of a list is a program.
fn check_program(program: Option<&str>, words: usize, span: Span, cx: &mut Cx) {
    let program = program.unwrap_or_default();
    let of_test = program.starts_with('-') || program.starts_with("! ") || program.is_empty();
    if of_test || (words == 1 && program.contains(char::is_whitespace)) {
        let problem = cx.problem(Code::ListCommand, span, format!("a list whose program would be `{program}`"));
        cx.push(
            problem
                .help("if it is text for the shell, put it in quotes or write it under `|`")
                .help("if it is a list, give each word an entry of its own"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::problems_in;

    #[test]
    fn a_runbook_and_a_group_have_a_step() {
        assert_eq!(problems_in("owner: komari\n"), ["2:1 no-steps: a runbook without a step"]);
        assert_eq!(problems_in("repair: [{ title: g, steps: [] }]\n"), ["3:19 no-steps: a group without a step"]);
    }

    #[test]
    fn diagnose_and_verify_change_nothing() {
        let rest = "diagnose:\n  - steps: [{ change: rm x, no_undo: y }]\nverify:\n  - { by_hand: look, risk: low }\n  - { by_hand: look, title: fine }\n";
        assert_eq!(
            problems_in(rest),
            [
                "4:23 kind-in-phase: a `change` in diagnose, which changes nothing",
                "6:16 field-of-other-kind: `risk` on a `by_hand` in verify, where it is a look",
            ]
        );
    }

    #[test]
    fn groups_are_three_deep_at_most() {
        let nested = |depth: usize| {
            format!(
                "repair: {}x{}\n",
                "[{ title: g, steps: ".repeat(depth) + "[",
                "]".to_owned() + &" }]".repeat(depth)
            )
        };
        assert!(problems_in(&nested(3)).is_empty());
        assert_eq!(problems_in(&nested(4)), ["3:79 group-depth: a group 4 levels deep, expected at most 3"]);
    }

    #[test]
    fn fields_that_exclude_each_other_are_refused() {
        let rest = "repair:\n  - { change: x, undo: y, no_undo: z }\n  - { change: x, no_undo: y, expect: { exit: 300 }, capture: { a: { match: x, json: y } } }\n  - { change: x, no_undo: y, may_change: [a] }\n";
        assert_eq!(
            problems_in(rest),
            [
                "4:36 contradiction: `no_undo` together with `undo`",
                "5:38 out-of-range: exit code 300, expected 0 to 255",
                "5:85 contradiction: the capture `a` with both `match` and `json`",
                "6:43 may-change-without-scope: `may_change` without a `scope`",
            ]
        );
    }

    #[test]
    fn a_wait_can_pass() {
        let rest = "verify:\n  - { wait: x, at_most: 10s, hold: 10s }\n  - { wait: x, at_most: 10s, every: 0s }\n  - { wait: x, at_most: 10s, hold: 5s }\n";
        assert_eq!(
            problems_in(rest),
            [
                "4:25 out-of-range: `at_most` is no longer than `hold`, so the wait could never pass",
                "5:25 out-of-range: `every` is nothing, expected a time between two tries such as `5s`",
            ]
        );
    }

    #[test]
    fn unsafe_until_names_another_step() {
        let rest = "repair:\n  - { change: x, no_undo: y, id: a, unsafe_until: a }\n  - { change: x, no_undo: y, unsafe_until: b }\n  - { change: x, no_undo: y, unsafe_until: a }\n";
        assert_eq!(
            problems_in(rest),
            [
                "4:51 unknown-step: `unsafe_until` names its own step `a`",
                "5:44 unknown-step: `unsafe_until` names the unknown step `b`",
            ]
        );
    }

    #[test]
    fn the_brackets_of_a_test_are_no_program() {
        let rest = "diagnose:\n  - check: [ -f x ]\n  - check: [ \"$x = y\" ]\n  - check: [test, -f, x]\n  - check: [uptime]\n";
        assert_eq!(
            problems_in(rest),
            [
                "4:12 list-command: a list whose program would be `-f x`",
                "5:12 list-command: a list whose program would be `$x = y`",
            ]
        );
    }

    #[test]
    fn a_command_has_a_limit() {
        let rest = format!("repair:\n  - {{ no_undo: x, change: \"{}\" }}\n", "x".repeat(17_000));
        assert_eq!(problems_in(&rest), ["4:27 too-large: a command of 17000 bytes, expected at most 16384"]);
    }
}
