//! What a secret may be, and where its name may stand: `env:` and `stdin:` of a step, and nowhere else.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::words::key_span;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::decode::Cx;
use crate::model::runbook::Input;
use crate::model::secret::Origin;
use crate::model::target::WrittenVia;
use crate::model::{Command, Name, Runbook, Step, StepKind, Text};
use crate::source::Span;
use crate::template::{lone_name, secrets_in};
use crate::yaml::Node;

/// Checks inputs and captures that are secret, and that they can get to where they are used.
pub(super) fn check(runbook: &Runbook, tree: &Node, cx: &mut Cx) {
    for (name, input) in &runbook.head.inputs {
        check_input(name, input, tree, cx);
    }
    for (_, step) in runbook.steps() {
        check_captures(step, cx);
    }
    let way = Way { runbook, secrets: names(runbook) };
    for phase in Runbook::PHASES {
        for step in runbook.phase(phase).iter().filter(|_| !way.secrets.is_empty()) {
            way.check(runbook.head.r#where.as_ref(), step, cx);
        }
    }
}

fn check_input(name: &str, input: &Input, tree: &Node, cx: &mut Cx) {
    let at = |key: &str| key_span(tree, &["inputs", name, key]);
    if !input.secret {
        if input.from.is_some() {
            let problem =
                cx.problem(Code::Contradiction, at("from"), format!("`from` of `{name}`, which is no secret"));
            cx.push(problem.help("add `secret: true`, or leave `from` out: other inputs are given with `-i`"));
        }
        return;
    }
    let keys = [("default", input.default.is_some()), ("choices", !input.choices.is_empty()), ("list", input.list)];
    for (key, _) in keys.into_iter().filter(|(_, there)| *there) {
        let problem = cx.problem(Code::Contradiction, at(key), format!("the secret `{name}` with `{key}`"));
        cx.push(problem.help(match key {
            "list" => "make an input of each secret",
            _ => "what stands in a runbook is no secret; say with `from` where it comes from",
        }));
    }
    if let Some(Origin::Command(command)) = &input.from
        && texts(command).iter().any(|text| text.contains("{{") || text.contains("{%"))
    {
        let problem = cx.problem(Code::Template, command.span(), format!("`from` of `{name}` with a template"));
        cx.push(problem.help("it runs before anything has a value; write the command out"));
    }
}

fn texts(command: &Command) -> &[Text] {
    match command {
        Command::Script(text) => std::slice::from_ref(text),
        Command::Argv(words, _) => words,
    }
}

fn check_captures(step: &Step, cx: &mut Cx) {
    for capture in step.fields.capture.0.iter().filter(|capture| capture.secret) {
        let name = &capture.name;
        let message = match (&step.kind, capture.lines) {
            (StepKind::Question(_), _) => format!("the answer `{}` as a secret: it is shown and recorded", name.value),
            (_, true) => format!("the secret `{}` as a list of lines", name.value),
            (_, false) => continue,
        };
        let problem = cx.problem(Code::Contradiction, name.span, message);
        cx.push(problem.help("make it an input with `secret: true`, or capture one value"));
    }
}

/// How secrets get to the place of a step.
struct Way<'a> {
    runbook: &'a Runbook,
    secrets: BTreeSet<&'a str>,
}

impl Way<'_> {
    /// An environment that travels as words of another program is seen in its list of words.
    fn check(&self, around: Option<&Name>, step: &Step, cx: &mut Cx) {
        let place = step.fields.r#where.as_ref().or(around);
        let target = place.and_then(|place| self.runbook.head.targets.get(&place.value));
        let prefix = target.is_some_and(|target| matches!(target.via, Some(WrittenVia::Prefix(_))));
        let user = step.fields.user.is_some() || target.is_some_and(|target| target.user.is_some());
        for text in step.fields.env.values().filter(|_| prefix || user) {
            if let Some(name) = secrets_in(text, &|name| self.secrets.contains(name)).into_iter().next() {
                let way = if prefix { "words before a command (`via`)" } else { "`sudo` (`user`)" };
                let message = format!("the secret `{}` in an environment that goes by {way}", name.name);
                let problem = cx.problem(Code::SecretPlace, text.span_of(name.range), message);
                cx.push(problem.help("everybody on the machine can list these words; hand it over with `stdin:`"));
            }
        }
        for child in step.children() {
            self.check(place, child, cx);
        }
    }
}

/// The names of a runbook whose values must not be seen.
pub(super) fn names(runbook: &Runbook) -> BTreeSet<&str> {
    let inputs = runbook.head.inputs.iter().filter(|(_, input)| input.secret).map(|(name, _)| name.as_str());
    let captures = runbook.steps().into_iter().flat_map(|(_, step)| &step.fields.capture.0);
    inputs.chain(captures.filter(|capture| capture.secret).map(|capture| capture.name.value.as_str())).collect()
}

/// What is given to an included runbook: a secret where it asks for one, and only there.
pub(super) fn check_given(runbook: &Runbook, given: &IndexMap<String, Text>, child: &Runbook, cx: &mut Cx) {
    let secrets = names(runbook);
    for (name, text) in given {
        let Some(input) = child.head.inputs.get(name) else { continue };
        let whole = lone_name(text).is_some_and(|name| secrets.contains(name.as_str()));
        let some = secrets_in(text, &|name| secrets.contains(name)).into_iter().next();
        let (message, help) = match (input.secret, whole, some) {
            (true, true, _) | (false, _, None) => continue,
            (true, false, _) => (
                format!("`{name}` of `{}` is a secret, and this is none", child.id),
                format!(
                    "declare an input with `secret: true` here, and give `{name}: \"{{{{ ... }}}}\"` with its name"
                ),
            ),
            (false, _, Some(secret)) => (
                format!("the secret `{}` is given to `{name}` of `{}`, which is none", secret.name, child.id),
                format!("add `secret: true` to the input `{name}` of `{}`", child.id),
            ),
        };
        let problem = cx.problem(Code::SecretPlace, text.span, message);
        cx.push(problem.help(help));
    }
}

/// How a misplaced secret would be seen.
#[derive(Clone, Copy, Debug)]
pub(super) enum Seen {
    InCommand,
    InText,
}

/// A secret where it would be seen or kept.
pub(super) fn misplaced(name: &str, span: Span, seen: Seen, cx: &Cx) -> Diagnostic {
    let variable = name.to_uppercase();
    let env = format!("`env: {{ {variable}: \"{{{{ {name} }}}}\" }}`");
    let (place, help) = match seen {
        Seen::InCommand => (
            "a command, where everybody on the machine can list it",
            format!("write {env} and \"${variable}\" in the command, or `stdin: \"{{{{ {name} }}}}\"`"),
        ),
        Seen::InText => (
            "a text that is shown and recorded",
            format!("a secret reaches a step by {env} or by `stdin:`, and stands nowhere else"),
        ),
    };
    cx.problem(Code::SecretPlace, span, format!("the secret `{name}` in {place}")).help(help)
}

#[cfg(test)]
mod tests {
    use super::super::{load, problems_in};
    use crate::source::SourceFile;

    const SECRET: &str = "inputs: { token: { secret: true }, node: { pattern: '[a-z]+' } }\n";

    fn problems(rest: &str) -> Vec<String> {
        problems_in(&format!("{SECRET}{rest}"))
    }

    #[test]
    fn a_secret_reaches_a_step_by_environment_and_input() {
        let rest = "repair:\n  - { change: 'call \"$TOKEN\"', no_undo: x, env: { TOKEN: 'Bearer {{ token }} {{ node }}' } }\n  - { change: login, no_undo: x, stdin: '{{ token }}' }\n";
        assert_eq!(problems(rest), Vec::<String>::new());
    }

    #[test]
    fn a_secret_in_a_command_is_refused_with_the_remedy() {
        let rest = "repair:\n  - { change: 'call -- {{ token }}', no_undo: x, needs: 'test -- {{ token }}', undo: 'back -- {{ token }}' }\n  - { change: [call, '{{ token }}'], no_undo: x }\n";
        let found = problems(&rest.replace("no_undo: x, needs", "needs"));
        assert_eq!(
            found.iter().filter(|line| line.contains("secret-place: the secret `token` in a command")).count(),
            4,
            "{found:?}"
        );
        let text = format!("locum: 1\ntitle: t\n{SECRET}diagnose: [{{ check: 'x -- {{{{ token }}}}' }}]\n");
        let loaded = load("a", SourceFile::new("a.yaml", text));
        assert_eq!(loaded.file.slice(loaded.diagnostics[0].primary.span), "token");
        assert!(loaded.diagnostics[0].help[0].contains("env: { TOKEN: \"{{ token }}\" }"), "{:?}", loaded.diagnostics);
    }

    #[test]
    fn a_secret_in_a_text_that_is_shown_is_refused() {
        let rest = "values: { v: '{{ token }}' }\ntargets: { t: { host: '{{ token }}', env: { A: '{{ token }}' } } }\ndiagnose:\n  - { check: x, title: 'a {{ token }}', why: '{{ token }}', expect: '{{ token }}', when: 'token == \"a\"' }\n  - { check: { file: '/x/{{ token }}' } }\n  - { question: 'is it {{ token }}?', show: [token] }\nrepair: [{ announce: '{{ token }}' }, { by_hand: 'type {{ token }}' }, { change: x, no_undo: '{{ token }}', cwd: '{{ token }}' }]\nscope: { files: ['/{{ token }}'] }\n";
        let found = problems(rest);
        assert_eq!(found.iter().filter(|line| line.contains("secret-place")).count(), 15, "{found:#?}");
    }

    #[test]
    fn a_secret_is_handed_over_as_it_is() {
        let rest = "repair: [{ change: x, no_undo: y, env: { A: '{{ token | upper }}' }, stdin: '{% if token %}x{% endif %}' }]\n";
        let found = problems(rest);
        assert_eq!(found.iter().filter(|line| line.contains("stands in an expression")).count(), 2, "{found:?}");
    }

    #[test]
    fn a_secret_does_not_travel_in_the_words_of_another_program() {
        let rest = "targets: { pod: { host: x, via: [kubectl, exec, x, --] } }\nrepair:\n  - { change: a, no_undo: y, where: pod, env: { T: '{{ token }}' } }\n  - { change: a, no_undo: y, user: postgres, env: { T: '{{ token }}' } }\n  - { change: a, no_undo: y, where: pod, stdin: '{{ token }}' }\n";
        assert_eq!(
            problems(rest),
            [
                "6:56 secret-place: the secret `token` in an environment that goes by words before a command (`via`)",
                "7:60 secret-place: the secret `token` in an environment that goes by `sudo` (`user`)",
            ]
        );
    }

    #[test]
    fn what_stands_in_a_runbook_is_no_secret() {
        let rest = "inputs:\n  a: { secret: true, default: x }\n  b: { secret: true, choices: [x] }\n  c: { secret: true, list: true }\n  d: { from: pass show x }\n  e: { secret: true, from: 'pass show {{ d }}' }\nrepair: [x]\n";
        assert_eq!(
            problems_in(rest),
            [
                "4:22 contradiction: the secret `a` with `default`",
                "5:22 contradiction: the secret `b` with `choices`",
                "6:22 contradiction: the secret `c` with `list`",
                "7:8 contradiction: `from` of `d`, which is no secret",
                "8:28 template: `from` of `e` with a template",
            ]
        );
    }

    #[test]
    fn one_value_of_an_output_can_be_a_secret() {
        let rest = "repair:\n  - { change: x, no_undo: y, capture: { key: { secret: true } } }\n  - { change: x, no_undo: y, env: { KEY: '{{ key }}' } }\n  - { change: 'x -- {{ key }}', no_undo: y }\n  - { change: x, no_undo: y, capture: { keys: { secret: true, lines: true } } }\n  - { question: x, capture: { word: { secret: true } } }\n";
        let found = problems(rest);
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(found[0].contains("7:24 secret-place"), "{found:?}");
        assert!(found[1].contains("as a list of lines") && found[2].contains("it is shown and recorded"), "{found:?}");
    }
}
