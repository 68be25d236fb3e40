//! Names of values: inputs, values, captures, loops. They share one space, in which each means one thing.

use std::collections::BTreeMap;

use super::words::{check_id, check_name, key_span, keys_under};
use crate::diagnostic::Code;
use crate::model::decode::Cx;
use crate::model::fields::{ForEach, Items};
use crate::model::{Choices, Name, Runbook, Step};
use crate::source::Span;
use crate::text::suggestion::suggest;
use crate::yaml::Node;

/// The name that is there without being declared: the machine that the step runs on.
pub(super) const HOST: &str = "host";

/// Checks how names are written, that none is given twice, and that the lists which are named exist.
pub(super) fn check(runbook: &Runbook, tree: &Node, cx: &mut Cx) {
    let mut taken = Taken(BTreeMap::from([(HOST, ("the machine of the step", None))]));
    for (name, span) in keys_under(tree, "inputs") {
        check_name("the input", name, span, cx);
        taken.take(name, "an input", span, cx);
    }
    for (name, span) in keys_under(tree, "values") {
        check_name("the value", name, span, cx);
        taken.take(name, "a value", span, cx);
    }
    for (name, span) in keys_under(tree, "labs") {
        check_id("the lab", name, span, cx);
        check_lab_inputs(runbook, tree, name, cx);
    }
    let mut lists: Vec<&str> =
        runbook.head.inputs.iter().filter(|(_, input)| input.list).map(|(name, _)| name.as_str()).collect();
    for (_, step) in runbook.steps() {
        check_step(step, &taken, &mut lists, cx);
        if let Some(each) = &step.fields.for_each {
            check_inner_loops(step, each, cx);
        }
    }
}

/// A loop in a loop has a name of its own.
fn check_inner_loops(step: &Step, outer: &ForEach, cx: &mut Cx) {
    for child in step.children() {
        child.walk(&mut |inner| {
            let same = inner.fields.for_each.as_ref().filter(|each| each.name.value == outer.name.value);
            if let Some(each) = same {
                let problem = cx.problem(
                    Code::NameTaken,
                    each.name.span,
                    format!("`{}` is already the name of the loop around", each.name.value),
                );
                cx.push(problem.also(outer.name.span, "here").help("choose another name"));
            }
        });
    }
}

/// What a name already means, and where that was said.
struct Taken<'a>(BTreeMap<&'a str, (&'static str, Option<Span>)>);

impl<'a> Taken<'a> {
    fn take(&mut self, name: &'a str, what: &'static str, span: Span, cx: &mut Cx) {
        if !self.refuse(name, span, cx) {
            self.0.insert(name, (what, Some(span)));
        }
    }

    /// Pushes a problem where the name is taken.
    fn refuse(&self, name: &str, span: Span, cx: &mut Cx) -> bool {
        let Some((what, first)) = self.0.get(name) else { return false };
        let mut problem = cx.problem(Code::NameTaken, span, format!("`{name}` is already {what}"));
        if let Some(first) = first {
            problem = problem.also(*first, "here");
        }
        cx.push(problem.help("choose another name"));
        true
    }
}

fn check_step<'a>(step: &'a Step, taken: &Taken, lists: &mut Vec<&'a str>, cx: &mut Cx) {
    let fields = &step.fields;
    if let Some(each) = &fields.for_each {
        check_name("the name", &each.name, each.name.span, cx);
        taken.refuse(&each.name, each.name.span, cx);
        if let Items::Named(list) = &each.items {
            check_list(list, "for_each", lists, cx);
        }
    }
    if let Some(Choices::Captured(list)) = &fields.choices {
        check_list(list, "choices", lists, cx);
    }
    for name in fields.env.keys().filter(|name| !is_variable(name)) {
        let problem = cx.problem(Code::BadName, step.span, format!("`{name}` in `env` is no name of a variable"));
        cx.push(problem.help("a variable has letters, digits and `_`, no digit first"));
    }
    for capture in &fields.capture.0 {
        check_name("the capture", &capture.name, capture.name.span, cx);
        taken.refuse(&capture.name, capture.name.span, cx);
        if capture.lines {
            lists.push(&capture.name);
        }
    }
}

fn check_list(list: &Name, key: &str, lists: &[&str], cx: &mut Cx) {
    if lists.contains(&list.value.as_str()) {
        return;
    }
    let problem = cx.problem(
        Code::UnknownList,
        list.span,
        format!("`{key}` names `{}`, which is no list that is known here", list.value),
    );
    cx.push(match suggest(list, lists.iter().copied()) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => {
            problem.help("write a list, or name an input with `list: true` or an earlier capture with `lines: true`")
        }
    });
}

/// A lab sets inputs; one that the runbook does not have would be dropped in silence.
fn check_lab_inputs(runbook: &Runbook, tree: &Node, lab: &str, cx: &mut Cx) {
    let Some(inputs) = runbook.head.labs.get(lab).map(|lab| &lab.inputs) else { return };
    for name in inputs.keys().filter(|name| !runbook.head.inputs.contains_key(*name)) {
        let span = key_span(tree, &["labs", lab, "inputs", name]);
        let problem =
            cx.problem(Code::UndefinedName, span, format!("the lab sets `{name}`, which is no input of this runbook"));
        cx.push(match suggest(name, runbook.head.inputs.keys().map(String::as_str)) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help("declare it under `inputs`, or remove it here"),
        });
    }
}

fn is_variable(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::problems_in;

    #[test]
    fn a_name_means_one_thing() {
        let rest = "inputs: { node: x, host: y }\nvalues: { node: z }\nrepair:\n  - { change: x, no_undo: y, capture: node, for_each: { host: [a] } }\n";
        assert_eq!(
            problems_in(rest),
            [
                "3:20 name-taken: `host` is already the machine of the step",
                "4:11 name-taken: `node` is already an input",
                "6:39 name-taken: `node` is already an input",
                "6:57 name-taken: `host` is already the machine of the step",
            ]
        );
    }

    #[test]
    fn names_can_stand_in_a_template() {
        let rest = "inputs: { Node-Name: x }\nrepair:\n  - { change: x, no_undo: y, capture: 1st, env: { 'A-B': x } }\nlabs: { 'a/b': { start: x } }\n";
        assert_eq!(
            problems_in(rest),
            [
                "3:11 bad-name: the input `Node-Name` has characters that a name cannot have",
                "5:5 bad-name: `A-B` in `env` is no name of a variable",
                "5:39 bad-name: the capture `1st` has characters that a name cannot have",
                "6:9 bad-name: the lab `a/b` is a path, expected a word",
            ]
        );
    }

    #[test]
    fn a_named_list_is_known_where_it_is_used() {
        let rest = "inputs: { pods: { list: true }, one: x }\nrepair:\n  - { by_hand: x, for_each: { p: pods } }\n  - { by_hand: x, for_each: { p: pod } }\n  - { by_hand: x, for_each: { p: one } }\n  - { question: x, choices: disks }\n  - { change: x, no_undo: y, capture: { disks: { lines: true } } }\n  - { question: x, choices: disks }\n";
        assert_eq!(
            problems_in(rest),
            [
                "6:34 unknown-list: `for_each` names `pod`, which is no list that is known here",
                "7:34 unknown-list: `for_each` names `one`, which is no list that is known here",
                "8:29 unknown-list: `choices` names `disks`, which is no list that is known here",
            ]
        );
    }

    #[test]
    fn a_loop_in_a_loop_has_a_name_of_its_own() {
        let rest = "repair:\n  - for_each: { a: [x] }\n    steps: [{ by_hand: x, for_each: { a: [y] } }, { by_hand: x, for_each: { b: [y] } }]\n";
        assert_eq!(problems_in(rest), ["5:39 name-taken: `a` is already the name of the loop around"]);
    }

    #[test]
    fn a_lab_sets_only_inputs_that_exist() {
        let rest = "inputs: { port: x }\nrepair: [x]\nlabs: { default: { start: lab.sh, inputs: { prot: '1' } } }\n";
        assert_eq!(problems_in(rest), ["5:45 undefined-name: the lab sets `prot`, which is no input of this runbook"]);
    }
}
