//! Templates in every text of a runbook: the names they read are known there, and no value can become syntax.
//!
//! What a template may say, and where a value can stand in a command, is decided by `template`; here is which names
//! are known where, and where in the file a problem stands.

use std::collections::{BTreeMap, BTreeSet};

use super::names::HOST;
use super::scope::{Lead, Scope, of_capture, of_input, of_items, of_text};
use super::secrets::{Seen, misplaced};
use super::steps::unknown_step;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::decode::Cx;
use crate::model::fields::{Items, UndoHow};
use crate::model::step::{Kind, Phase};
use crate::model::target::WrittenVia;
use crate::model::{Choices, Command, Runbook, Step, Target, Test, Text};
use crate::source::Span;
use crate::template::{self, NameRule, Problem, ProblemKind};
use crate::text::suggestion::suggest;

/// Checks every text, in the order in which names become known.
pub(super) fn check(runbook: &Runbook, cx: &mut Cx) {
    let mut setters = BTreeMap::new();
    for (_, step) in runbook.steps() {
        for capture in &step.fields.capture.0 {
            setters.entry(capture.name.value.as_str()).or_insert(step.id.value.as_str());
        }
    }
    let secrets = super::secrets::names(runbook);
    let mut check = Check { runbook, cx, scope: Scope::default(), setters, secrets };
    check.before_the_run();
    check.head();
    for phase in Runbook::PHASES {
        for step in runbook.phase(phase) {
            check.step(step);
        }
        if phase == Phase::Diagnose {
            check.guards();
        }
    }
}

struct Check<'a, 'c, 'f> {
    runbook: &'a Runbook,
    cx: &'c mut Cx<'f>,
    scope: Scope<'a>,
    /// Names that are captured somewhere, each with the first step that does.
    setters: BTreeMap<&'a str, &'a str>,
    /// Names whose values must not be seen.
    secrets: BTreeSet<&'a str>,
}

impl<'a> Check<'a, '_, '_> {
    /// A lab starts before any value is there; a default may use the inputs above it.
    fn before_the_run(&mut self) {
        let head = &self.runbook.head;
        for lab in head.labs.values() {
            self.command(&lab.start);
            self.texts(lab.inputs.values());
        }
        for (name, input) in &head.inputs {
            self.texts(input.default.iter().chain(&input.choices));
            self.scope.add(name, of_input(input));
        }
    }

    fn head(&mut self) {
        let head = &self.runbook.head;
        self.scope.add(HOST, Lead::NoDash);
        for (name, value) in &head.values {
            self.text(value);
            self.scope.add(name, of_text(value));
        }
        for target in head.targets.values() {
            self.target(target);
        }
        self.texts([&head.summary, &head.impact, &head.applies_to].into_iter().flatten());
        self.texts(head.expires.iter().filter_map(|expiry| expiry.certificate.as_ref()));
    }

    fn target(&mut self, target: &Target) {
        self.texts(target.host.iter().chain(target.env.values()));
        self.texts(
            [&target.address, &target.jump, &target.login, &target.user, &target.prints, &target.cwd]
                .into_iter()
                .flatten(),
        );
        if let Some(WrittenVia::Prefix(words)) = &target.via {
            self.command(&Command::Argv(words.clone(), target.span));
        }
        if let Some(prove) = &target.prove {
            self.command(prove);
        }
    }

    /// Guards are measured when repair is entered: what diagnose captured is known.
    fn guards(&mut self) {
        let head = &self.runbook.head;
        let broken = head.scope.iter().filter_map(|scope| scope.if_broken.as_ref());
        let broken = broken.chain(head.must_not_change.iter().filter_map(|guard| guard.if_broken.as_ref()));
        for words in broken {
            self.texts([&words.means, &words.worse_with_time, &words.do_not].into_iter().flatten());
        }
        self.texts(head.scope.iter().flat_map(|scope| &scope.files));
        for guard in &head.must_not_change {
            self.texts(guard.files.iter().flatten());
            if let Some(command) = &guard.output_of {
                self.command(command);
            }
        }
    }

    fn step(&mut self, step: &'a Step) {
        let fields = &step.fields;
        let each = fields.for_each.as_ref();
        if let Some(each) = each {
            if let Items::Listed(items) = &each.items {
                self.texts(items);
            }
            let lead = of_items(&each.items, &self.scope);
            self.scope.add(&each.name, lead);
        }
        // It is asked for each turn, so it may name the value of the turn.
        if let Some(when) = &fields.when {
            self.expression(when);
        }
        self.for_people(step);
        self.what_it_does(step);
        for child in step.children() {
            self.step(child);
        }
        if let Some(each) = each {
            self.scope.remove(&each.name);
        }
        for capture in &fields.capture.0 {
            self.scope.add(&capture.name, of_capture(step, capture));
        }
        // What is said after it ran may use what it gave.
        for branch in &fields.if_not.0 {
            self.texts([&branch.got, &branch.means].into_iter().flatten());
        }
    }

    /// Texts that are shown.
    fn for_people(&mut self, step: &Step) {
        let fields = &step.fields;
        self.texts(
            [&fields.title, &fields.why, &fields.how, &fields.caution, &fields.confirm, &fields.no_undo]
                .into_iter()
                .flatten(),
        );
        self.texts(fields.links.iter().chain(fields.looks_alike.iter()));
        if let Kind::ByHand(text) | Kind::Question(text) | Kind::Announce(text) | Kind::Edit(text) = &step.kind {
            self.text(text);
        }
        if let Some(Choices::Listed(choices)) = &fields.choices {
            for choice in choices {
                self.text(&choice.answer);
                self.texts([&choice.value, &choice.means].into_iter().flatten());
            }
        }
        for name in fields.show.iter().filter(|name| self.secrets.contains(&***name)) {
            let problem = misplaced(name, name.span, Seen::InText, self.cx);
            self.cx.push(problem);
        }
        for name in fields.show.iter().filter(|name| !self.scope.knows(name)).cloned().collect::<Vec<_>>() {
            let problem = self.undefined(
                &name,
                name.span,
                format!("`show` names `{}`, which nothing gives a value before this step", &*name),
            );
            self.cx.push(problem);
        }
    }

    /// Texts of what it does.
    fn what_it_does(&mut self, step: &Step) {
        let fields = &step.fields;
        for command in step.commands() {
            self.command(command);
        }
        for test in step.tests() {
            if let Test::Probe(probe) = test {
                self.texts(probe.texts());
            }
        }
        self.texts([&fields.cwd, &fields.user].into_iter().flatten());
        self.texts(fields.may_change.iter());
        // The only places where a secret may stand.
        for text in fields.stdin.iter().chain(fields.env.values()).chain(fields.inputs.values()) {
            self.handed_over(text);
        }
        if let Some(UndoHow::ByHand(text)) = fields.undo.as_ref().map(|undo| &undo.how) {
            self.text(text);
        }
        if let Some(expect) = &fields.expect {
            self.texts(expect.contains.iter().chain(&expect.not_contains));
            self.texts([&expect.equals, &expect.matches, &expect.not_matches].into_iter().flatten());
        }
        for capture in &fields.capture.0 {
            self.texts([&capture.r#match, &capture.json, &capture.pattern].into_iter().flatten());
        }
    }

    fn texts<'t>(&mut self, texts: impl IntoIterator<Item = &'t Text>) {
        texts.into_iter().for_each(|text| self.text(text));
    }

    fn text(&mut self, text: &Text) {
        self.no_secret(text, Seen::InText);
        self.handed_over(text);
    }

    /// A text that a process is given and nobody else.
    fn handed_over(&mut self, text: &Text) {
        if !has_template(text) {
            return;
        }
        match template::names(text) {
            Err(problem) => self.push(text, problem),
            Ok(names) => self.names(text, names),
        }
        if let Err(problem) = template::check_secrets(text, &|name| self.secrets.contains(name))
            && problem.kind == ProblemKind::Value
        {
            let problem =
                self.cx.problem(Code::SecretPlace, text.span_of(problem.range), problem.message).help(problem.help);
            self.cx.push(problem);
        }
    }

    fn no_secret(&mut self, text: &Text, seen: Seen) {
        if self.secrets.is_empty() {
            return;
        }
        for name in template::secrets_in(text, &|name| self.secrets.contains(name)) {
            let problem = misplaced(&name.name, text.span_of(name.range), seen, self.cx);
            self.cx.push(problem);
        }
    }

    fn names(&mut self, text: &Text, names: Vec<template::Name>) {
        for name in names {
            let somewhere = name.optional && self.setters.contains_key(name.name.as_str());
            if !somewhere && !self.scope.knows(&name.name) {
                let message = format!("nothing gives `{}` a value before this", name.name);
                let problem = self.undefined(&name.name, text.span_of(name.range), message);
                self.cx.push(problem);
            }
        }
    }

    fn expression(&mut self, text: &Text) {
        match template::expression_names(text) {
            Err(problem) => return self.push(text, problem),
            Ok(names) => {
                for name in names.iter().filter(|name| self.secrets.contains(name.name.as_str())) {
                    let problem = misplaced(&name.name, text.span_of(name.range.clone()), Seen::InText, self.cx);
                    self.cx.push(problem);
                }
                self.names(text, names);
            }
        }
        for step in template::expression_steps(text) {
            if self.runbook.step(&step.name).is_none() {
                let problem = self.cx.problem(
                    Code::UnknownStep,
                    text.span_of(step.range),
                    format!("unknown step `{}`", step.name),
                );
                let problem = unknown_step(self.runbook, &step.name, problem);
                self.cx.push(problem);
            }
        }
    }

    fn command(&mut self, command: &Command) {
        match command {
            Command::Script(script) => self.no_secret(script, Seen::InCommand),
            Command::Argv(words, _) => words.iter().for_each(|word| self.no_secret(word, Seen::InCommand)),
        }
        match command {
            Command::Script(script) if has_template(script) => {
                for problem in template::check_command(script, &|name| self.rule(name)) {
                    self.push(script, problem);
                }
            }
            Command::Argv(words, _) if words.iter().any(has_template) => {
                let templates: Vec<_> = words.iter().map(|word| word.source.clone()).collect();
                for problem in template::check_argv(&templates, &|name| self.rule(name)) {
                    self.push(&words[problem.element], problem);
                }
            }
            Command::Script(_) | Command::Argv(..) => {}
        }
    }

    fn rule(&self, name: &str) -> NameRule {
        self.scope.rule(name)
    }

    fn push(&mut self, text: &Text, problem: Problem) {
        let span = text.span_of(problem.range);
        let code = match problem.kind {
            ProblemKind::Undefined { name } => {
                let undefined = self.undefined(&name, span, format!("nothing gives `{name}` a value before this"));
                return self.cx.push(undefined);
            }
            ProblemKind::Syntax | ProblemKind::NotAllowed | ProblemKind::TooLong | ProblemKind::Value => Code::Template,
            ProblemKind::Place => Code::HolePlace,
            ProblemKind::EvaluatedAgain => Code::HoleEvaluated,
            ProblemKind::LeadingDash => Code::HoleDash,
        };
        let placed = self.cx.problem(code, span, problem.message).help(problem.help);
        self.cx.push(placed);
    }

    /// A name without a value, with the nearest one, or the step that gives it later.
    fn undefined(&self, name: &str, span: Span, message: String) -> Diagnostic {
        let problem = self.cx.problem(Code::UndefinedName, span, message);
        if let Some(step) = self.setters.get(name) {
            return problem.help(format!("step `{step}` captures it; move that step before this one"));
        }
        match suggest(name, self.scope.names()) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => {
                problem.help(format!("declare `{name}` under `inputs` or `values`, or capture it in an earlier step"))
            }
        }
    }
}

/// Whether a text can be anything but itself.
fn has_template(text: &Text) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::super::{load, problems_in};
    use crate::source::SourceFile;

    const INPUTS: &str = "inputs: { node: { pattern: '[a-z]+' }, any: x }\n";

    fn problems(steps: &str) -> Vec<String> {
        problems_in(&format!("{INPUTS}{steps}"))
    }

    #[test]
    fn a_name_that_nothing_gives_a_value_is_placed_in_the_text() {
        let text = format!(
            "locum: 1\ntitle: t\n{INPUTS}repair:\n  - change: |\n      echo\n      echo {{{{ nodes }}}}\n    no_undo: x\n"
        );
        let loaded = load("a", SourceFile::new("a.yaml", text));
        let problem = &loaded.diagnostics[0];
        assert_eq!(loaded.file.slice(problem.primary.span), "nodes");
        assert_eq!(problem.message, "nothing gives `nodes` a value before this");
        assert_eq!(problem.help, ["did you mean `node`?"]);
    }

    #[test]
    fn a_name_is_known_from_the_step_on_that_gives_it() {
        let steps = "repair:\n  - { by_hand: 'x {{ id }}' }\n  - { change: 'x {{ node }}', no_undo: y, capture: id, done_when: 'y -- {{ id }}', if_not: { means: 'it gave {{ id }}', then: stop } }\n  - { by_hand: 'x {{ id }} on {{ host }}' }\n";
        assert_eq!(
            problems(steps),
            [
                "5:22 undefined-name: nothing gives `id` a value before this",
                "6:76 undefined-name: nothing gives `id` a value before this",
            ]
        );
    }

    #[test]
    fn loops_give_names_to_what_is_in_them() {
        let steps = "repair:\n  - for_each: { pod: [a, b] }\n    title: Restart {{ pod }}\n    steps: [{ change: 'x {{ pod }}', no_undo: y }]\n  - { by_hand: '{{ pod }}' }\n";
        assert_eq!(problems(steps), ["8:20 undefined-name: nothing gives `pod` a value before this"]);
    }

    #[test]
    fn values_see_inputs_and_the_values_above_them() {
        assert_eq!(
            problems("values: { a: '{{ node }}', b: '{{ a }} {{ c }}', c: x }\nrepair: [x]\n"),
            ["4:43 undefined-name: nothing gives `c` a value before this"]
        );
    }

    #[test]
    fn conditions_name_values_and_steps() {
        let steps = "repair:\n  - { by_hand: x, id: first }\n  - { by_hand: x, when: 'passed(\"frist\") and nodes == \"a\"' }\n";
        assert_eq!(
            problems(steps),
            [
                "6:34 unknown-step: unknown step `frist`",
                "6:46 undefined-name: nothing gives `nodes` a value before this",
            ]
        );
    }

    #[test]
    fn a_hole_stands_where_its_value_can_be_quoted() {
        let steps = "repair:\n  - change: |\n      cat <<END\n      {{ node }}\n      END\n    no_undo: x\n  - { change: \"sh -c 'x {{ node }}'\", no_undo: x }\n  - { change: [sh, -c, 'x {{ node }}'], no_undo: x }\n  - { change: 'rm {{ any }}', no_undo: x }\n  - { change: 'rm -- {{ any }}; rm {{ node }}', no_undo: x }\n";
        let codes: Vec<_> =
            problems(steps).iter().map(|line| line.split(": ").next().unwrap_or_default().to_owned()).collect();
        assert_eq!(
            codes,
            ["7:10 hole-place", "10:28 hole-evaluated-again", "11:30 hole-evaluated-again", "12:22 hole-leading-dash"]
        );
    }

    #[test]
    fn guards_know_what_diagnose_found() {
        let rest = "diagnose: [{ check: x, capture: dir }]\nscope: { files: ['/etc/{{ dir }}', '/x/{{ late }}'] }\nrepair: [{ change: y, capture: late }]\nlabs: { default: { start: 'lab.sh {{ node }}' } }\n";
        assert_eq!(
            problems(rest),
            [
                "5:43 undefined-name: nothing gives `late` a value before this",
                "7:38 undefined-name: nothing gives `node` a value before this",
            ]
        );
    }

    #[test]
    fn what_is_shown_is_known() {
        let steps = "diagnose:\n  - { check: x, capture: out }\n  - { question: y, show: [out, uot] }\n";
        assert_eq!(
            problems(steps),
            ["6:32 undefined-name: `show` names `uot`, which nothing gives a value before this step"]
        );
    }

    #[test]
    fn templates_have_a_short_list_of_parts() {
        assert_eq!(problems("repair: ['{% set a = 1 %}x']\n").len(), 1);
        assert_eq!(problems("repair: ['{{ node']\n").len(), 1);
    }
}
