//! What to say about a hole that no value can go into, and what to do instead.

use std::ops::Range;

use super::audit::{Finding, FindingKind, Subject};
use super::lexer::Refusal;
use super::problem::{Problem, ProblemKind};

/// A hole in the template: its expression and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hole<'a> {
    pub expression: &'a str,
    pub range: Range<usize>,
}

impl Hole<'_> {
    fn problem(&self, kind: ProblemKind, said: &str, help: String) -> Problem {
        Problem::new(kind, self.range.clone(), format!("`{}` {said}", self.shown()), help)
    }

    fn shown(&self) -> String {
        format!("{{{{ {} }}}}", self.expression)
    }

    /// The first name in it.
    fn name(&self) -> &str {
        let end = self.expression.find(|c: char| c != '_' && !c.is_ascii_alphanumeric());
        let name = &self.expression[..end.unwrap_or(self.expression.len())];
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) { "value" } else { name }
    }

    /// The variable an input of this name is exported as.
    fn exported(&self) -> String {
        format!("LOCUM_INPUT_{}", self.name().to_ascii_uppercase())
    }

    /// Why no value can be quoted here.
    pub(super) fn refused(&self, refusal: &Refusal) -> Problem {
        let shown = self.shown();
        let exported = self.exported();
        let assign = format!("set a variable first, `value={shown}`, and write `$value` here");
        let (said, help): (&str, String) = match refusal {
            Refusal::Comment => (
                "stands in a comment, which a new line in the value would end",
                "take it out of the comment, or quote the `#`".to_owned(),
            ),
            Refusal::HereDocument => (
                "stands in a here-document, where a value cannot be quoted",
                format!(
                    "give the text by `stdin:`, which needs no quotes; an input is also `${exported}` here, if the delimiter has no quotes"
                ),
            ),
            Refusal::HereDelimiter => {
                ("is the delimiter of a here-document", "write a fixed word, or use `stdin:`".to_owned())
            }
            Refusal::Arithmetic => (
                "stands in arithmetic, which evaluates its value",
                "compare with `[ … -gt … ]`, or compute in a step of its own and capture the result".to_owned(),
            ),
            Refusal::Expansion => ("stands in `${ }`, where a value cannot be quoted", assign),
            Refusal::Backtick => {
                ("stands in backticks, which are read twice", "write `$( … )` instead of the backticks".to_owned())
            }
            Refusal::AnsiQuote => {
                ("stands in `$'…'`, which reads backslashes", "write it in ordinary quotes".to_owned())
            }
            Refusal::LocaleQuote => {
                ("stands in `$\"…\"`, which is translated", "take the `$` away from the quotes".to_owned())
            }
            Refusal::Backslash => {
                ("stands behind a backslash", "take the backslash out; values are quoted by themselves".to_owned())
            }
            Refusal::Dollar => ("stands behind a `$`", "take the `$` out; a hole needs none".to_owned()),
            Refusal::Variable(name) => (
                "is glued to a variable, whose name it would make longer",
                format!("write `${{{name}}}` instead of `${name}`"),
            ),
            Refusal::Subscript => ("stands in the subscript of an array, which is computed", assign),
            Refusal::Name => ("is the name of a function or a variable", "write a fixed name".to_owned()),
            Refusal::Descriptor => (
                "stands behind `>&` or `<&`, where a number or `-` means a descriptor",
                "write `>` for a file, or a fixed descriptor".to_owned(),
            ),
        };
        self.problem(ProblemKind::Place, said, help)
    }

    /// A list inside a word, in quotes, or where only one word may stand.
    pub(super) fn list(&self) -> Problem {
        let help = format!(
            "join it, `{{{{ {} | join(',') }}}}`, or let it stand alone as words of a command",
            self.expression
        );
        self.problem(ProblemKind::Value, "is a list where one word is expected", help)
    }

    fn again(&self, by: &str) -> Problem {
        let exported = self.exported();
        let shown = self.shown();
        let help = if by.ends_with(" -c") || by == "-c" {
            format!(
                "hand it over behind the script, `{by} '… \"$1\" …' sh {shown}`, or use `stdin:` or `env:` (an input is also `${exported}`, inside single quotes)"
            )
        } else {
            format!("use `stdin:` or `env:` (an input is also exported as `{exported}`)")
        };
        self.problem(ProblemKind::EvaluatedAgain, &format!("is evaluated again by `{by}`"), help)
    }

    fn dash(&self, program: &str, separator: bool) -> Problem {
        let shown = self.shown();
        let pattern = format!("give `{}` a `pattern` that forbids a leading `-`", self.name());
        let help = if program == "echo" {
            format!("write `printf '%s\\n' {shown}`, or {pattern}")
        } else if separator {
            format!("put `--` before it, glue it to its option as in `--name={shown}`, or {pattern}")
        } else {
            format!(
                "glue it to its option, write `./{shown}` for a file, or {pattern} (`--` does not help with `{program}`)"
            )
        };
        self.problem(ProblemKind::LeadingDash, &format!("could be read as an option of `{program}`"), help)
    }
}

/// What an audit found, as a problem.
pub(super) fn found<'a>(finding: &Finding, hole: impl Fn(usize) -> Hole<'a>) -> Problem {
    match (&finding.subject, &finding.kind) {
        (Subject::Hole(at), FindingKind::Again(by)) => hole(*at).again(by),
        (Subject::Hole(at), FindingKind::Dash { program, separator }) => hole(*at).dash(program, *separator),
        (Subject::Hole(at), FindingKind::Conditions) => hole(*at).problem(
            ProblemKind::EvaluatedAgain,
            "stands among several conditions in one `[ ]`, where it may be read as an operator",
            "write one condition in each, `[ … ] && [ … ]`, or `[[ ]]`".to_owned(),
        ),
        (Subject::Variable { name, start, end }, kind) => {
            let by = if let FindingKind::Again(by) = kind { by.as_str() } else { "the program" };
            Problem::new(
                ProblemKind::EvaluatedAgain,
                *start..*end,
                format!("`${name}` holds a value that is evaluated again by `{by}`"),
                "use `stdin:`, or let the inner shell read the variable: put it into single quotes, as in `sh -c '… \"$name\" …'`",
            )
        }
    }
}
