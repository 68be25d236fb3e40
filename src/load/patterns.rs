//! Regular expressions and globs can be read; defaults of inputs fit what the inputs allow.

use regex::Regex;

use super::words::key_span;
use crate::diagnostic::Code;
use crate::model::decode::Cx;
use crate::model::runbook::Input;
use crate::model::{Runbook, Step, Text};
use crate::yaml::Node;

/// Checks every pattern that is written without a template.
pub(super) fn check(runbook: &Runbook, tree: &Node, cx: &mut Cx) {
    for (name, input) in &runbook.head.inputs {
        check_input(name, input, tree, cx);
    }
    for (_, step) in runbook.steps() {
        check_step(step, cx);
    }
}

fn check_step(step: &Step, cx: &mut Cx) {
    let fields = &step.fields;
    let expected = fields.expect.iter().flat_map(|expect| expect.matches.iter().chain(&expect.not_matches));
    let captured = fields.capture.0.iter().flat_map(|capture| capture.r#match.iter().chain(&capture.pattern));
    for text in expected.chain(captured) {
        check_regex(text, text, cx);
    }
    for glob in fields.may_change.iter() {
        check_glob(glob, cx);
    }
}

/// Reads `source`, which stands in `text`; a template can only be read when it is rendered.
fn check_regex(source: &str, text: &Text, cx: &mut Cx) {
    // To compile it costs a hundred times as much, and can only fail where something is repeated many times.
    if source.len() > SHORT || source.contains('{') {
        compile(source, text, cx);
    } else if let Err(error) = regex_syntax::parse(source) {
        unreadable(&error.to_string(), text, cx);
    }
}

/// The longest pattern without a number of repetitions that is surely not too large when it is compiled, in bytes.
const SHORT: usize = 200;

/// Compiles `source`, which stands in `text`.
fn compile(source: &str, text: &Text, cx: &mut Cx) -> Option<Regex> {
    if text.contains("{{") {
        return None;
    }
    Regex::new(source).map_err(|error| unreadable(&error.to_string(), text, cx)).ok()
}

fn unreadable(error: &str, text: &Text, cx: &mut Cx) {
    let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
    let problem = cx.problem(Code::BadPattern, text.span, format!("a regular expression that cannot be read: {why}"));
    cx.push(problem.help("put `\\` before a sign that is meant as itself"));
}

fn check_glob(glob: &Text, cx: &mut Cx) {
    if glob.contains("{{") {
        return;
    }
    let path = glob.strip_prefix('!').unwrap_or(glob);
    let (message, help) = if path.trim_end_matches('/').is_empty() {
        ("an empty glob".to_owned(), "write a path relative to an entry of `scope.files`, such as `pki/*.crt`")
    } else if path.split('/').any(|part| part == "..") {
        (format!("`{path}` goes up with `..`"), "add the place that is meant to `scope.files`")
    } else if path.starts_with("~/") {
        (format!("`{path}` begins with `~`"), "write it relative to an entry of `scope.files`")
    } else {
        match globset::GlobBuilder::new(path).literal_separator(true).backslash_escape(true).build() {
            Ok(_) => return,
            Err(error) => (
                format!("a glob that cannot be read: {}", error.kind()),
                "put `\\` before a sign that is meant as itself",
            ),
        }
    };
    let problem = cx.problem(Code::BadPattern, glob.span, message);
    cx.push(problem.help(help));
}

fn check_input(name: &str, input: &Input, tree: &Node, cx: &mut Cx) {
    let compared = !input.choices.is_empty() || input.default.is_some();
    let pattern = match input.whole_pattern().zip(input.pattern.as_ref()) {
        Some((whole, text)) if compared => compile(&whole, text, cx),
        Some((whole, text)) => {
            check_regex(&whole, text, cx);
            None
        }
        None => None,
    };
    let fits = |value: &str| pattern.as_ref().is_none_or(|pattern| pattern.is_match(value));
    for choice in input.choices.iter().filter(|choice| !fits(choice)) {
        let problem = cx.problem(
            Code::InputDefault,
            choice.span,
            format!("the choice `{}` does not match the pattern of `{name}`", &**choice),
        );
        cx.push(problem.help("change the choice or the pattern"));
    }
    let Some(default) = input.default.as_ref().filter(|default| !default.contains("{{")) else { return };
    if input.optional {
        let span = key_span(tree, &["inputs", name, "optional"]);
        let problem =
            cx.problem(Code::Contradiction, span, format!("the input `{name}` is optional and has a default"));
        cx.push(
            problem.also(default.span, "the default").help("keep one of the two: with a default it is never left out"),
        );
    }
    let values = if input.list {
        default.split(['\n', ',']).map(str::trim).filter(|item| !item.is_empty()).collect()
    } else {
        vec![&**default]
    };
    for value in values {
        let choice = input.choices.is_empty() || input.choices.iter().any(|choice| &**choice == value);
        let message = match (choice, fits(value)) {
            (true, true) => continue,
            (false, _) => format!("the default `{value}` of `{name}` is none of its choices"),
            (true, false) => format!("the default `{value}` of `{name}` does not match its pattern"),
        };
        let problem = cx.problem(Code::InputDefault, default.span, message);
        let choices: Vec<_> = input.choices.iter().map(|choice| &**choice).collect();
        cx.push(if choice {
            problem.help("change the default or the pattern")
        } else {
            problem.help(format!("the choices are {}", choices.join(", ")))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::problems_in;
    use super::*;

    #[test]
    fn patterns_can_be_read() {
        let rest = "scope: { files: [/etc/x] }\ninputs: { a: { pattern: '[' } }\nrepair:\n  - change: x\n    expect: { matches: '(' }\n    capture: { b: { match: 'a{{2}}', pattern: '*' } }\n    may_change: ['*.crt', '!ca.*', '[', '../y', '!']\n";
        assert_eq!(
            problems_in(rest),
            [
                "4:25 bad-pattern: a regular expression that cannot be read: unclosed character class",
                "7:24 bad-pattern: a regular expression that cannot be read: unclosed group",
                "8:47 bad-pattern: a regular expression that cannot be read: repetition operator missing expression",
                "9:36 bad-pattern: a glob that cannot be read: unclosed character class; missing ']'",
                "9:41 bad-pattern: `../y` goes up with `..`",
                "9:49 bad-pattern: an empty glob",
            ]
        );
    }

    #[test]
    fn a_pattern_that_grows_too_large_cannot_be_read() {
        let rest = r"repair:
  - change: x
    expect: { matches: '\w{900}{900}' }
";
        let problems = problems_in(rest);
        assert!(
            problems[0]
                .starts_with("5:24 bad-pattern: a regular expression that cannot be read: Compiled regex exceeds"),
            "{problems:?}"
        );
        assert!(Regex::new(&r"\w*".repeat(SHORT / 3)).is_ok(), "a short one cannot");
    }

    #[test]
    fn defaults_fit_their_input() {
        let rest = "inputs:\n  a: { choices: [x, y], default: z }\n  b: { pattern: '[a-z]+', default: a1 }\n  c: { pattern: '[a-z]+', list: true, default: 'a, b' }\n  d: { pattern: '[a-z]+', choices: [x, '1'] }\n  e: { default: x, optional: true }\nrepair: [x]\n";
        assert_eq!(
            problems_in(rest),
            [
                "4:34 input-default: the default `z` of `a` is none of its choices",
                "5:36 input-default: the default `a1` of `b` does not match its pattern",
                "7:40 input-default: the choice `1` does not match the pattern of `d`",
                "8:20 contradiction: the input `e` is optional and has a default",
            ]
        );
    }
}
