//! `when`: a condition over values and the ends of steps.

use std::collections::BTreeMap;

use minijinja::{Error, ErrorKind};

use super::engine::{environment, problem};
use super::names::{Name, of_expression};
use super::problem::{Problem, ProblemKind};
use super::syntax::{Expression, parse_expression};
use super::token::Kind;
use super::values::Values;

/// How steps ended, for `passed("id")` and `failed("id")`.
pub trait StepResults {
    /// Has the step of this id passed?
    fn passed(&self, id: &str) -> bool;
    /// Has the step of this id failed?
    fn failed(&self, id: &str) -> bool;
}

const CALLS: &[&str] = &["passed", "failed"];

/// Is the condition true? It must be `true` or `false` itself: a text such as `"no"` is an error, not a yes.
pub fn evaluate(expression: &str, values: &Values, state: &dyn StepResults) -> Result<bool, Problem> {
    let parsed = read(expression)?;
    let steps = steps(&parsed);
    if let Some(name) = of_expression(&parsed).into_iter().find(|name| !name.optional && !values.contains(&name.name)) {
        return Err(Problem::undefined(&name.name, name.range));
    }
    let mut environment = environment();
    let answers = |ask: &dyn Fn(&str) -> bool| -> BTreeMap<String, bool> {
        steps.iter().map(|step| (step.name.clone(), ask(&step.name))).collect()
    };
    for (name, answers) in [("passed", answers(&|id| state.passed(id))), ("failed", answers(&|id| state.failed(id)))] {
        environment.add_function(name, move |id: &str| {
            // only ids written as texts get here, and each of them was asked about
            answers.get(id).copied().ok_or_else(|| Error::from(ErrorKind::InvalidOperation))
        });
    }
    let value = environment
        .compile_expression(expression)
        .and_then(|compiled| compiled.eval(values.context()))
        .map_err(|error| problem(&error, expression, values))?;
    bool::try_from(value.clone()).map_err(|_| {
        let found = if value.is_undefined() { "nothing".to_owned() } else { format!("`{value}`") };
        Problem::new(
            ProblemKind::Value,
            parsed.range.clone(),
            format!("the condition gives {found}, expected true or false"),
            "compare it with something, as in `mode == \"full\"`",
        )
    })
}

/// Every name that a condition reads, as [`super::names`] does for a template.
pub fn expression_names(expression: &str) -> Result<Vec<Name>, Problem> {
    Ok(of_expression(&read(expression)?))
}

/// The ids in `passed("id")` and `failed("id")`; the range is the id without its quotes. Empty for what cannot be read.
pub fn expression_steps(expression: &str) -> Vec<Name> {
    read(expression).map(|parsed| steps(&parsed)).unwrap_or_default()
}

/// Reads a condition, in which a step is named by a text, so that it can be checked before the run.
fn read(source: &str) -> Result<Expression, Problem> {
    let parsed = parse_expression(source)?;
    parsed.permitted(CALLS)?;
    for (at, token) in parsed.tokens.iter().enumerate() {
        let Some(name) = token.name().filter(|name| CALLS.contains(name)) else { continue };
        let next = |ahead: usize| parsed.tokens.get(at + ahead);
        let named = matches!(next(2).map(|token| &token.kind), Some(Kind::Text(id)) if !id.contains('\\'));
        if !next(1).is_some_and(|token| token.is("(")) || !named || !next(3).is_some_and(|token| token.is(")")) {
            let message = format!("`{name}` does not name a step, expected `{name}(\"id\")`");
            let help = "write the step's id in quotes";
            return Err(Problem::new(ProblemKind::NotAllowed, token.range.clone(), message, help));
        }
    }
    Ok(parsed)
}

fn steps(parsed: &Expression) -> Vec<Name> {
    uses_of_calls(parsed)
        .filter_map(|at| match &parsed.tokens.get(at + 2)?.kind {
            Kind::Text(id) => {
                let range = &parsed.tokens[at + 2].range;
                Some(Name { name: id.clone(), range: range.start + 1..range.end - 1, optional: false })
            }
            _ => None,
        })
        .collect()
}

fn uses_of_calls(parsed: &Expression) -> impl Iterator<Item = usize> {
    let tokens = &parsed.tokens;
    (0..tokens.len()).filter(|at| tokens[*at].name().is_some_and(|name| CALLS.contains(&name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ends;

    impl StepResults for Ends {
        fn passed(&self, id: &str) -> bool {
            id == "leaf"
        }

        fn failed(&self, id: &str) -> bool {
            id == "same-ca"
        }
    }

    fn values() -> Values {
        let mut values = Values::default();
        values.insert_text("mode", "full");
        values.insert_text("no", "no");
        values.insert_list("hosts", vec!["masato".into(), "riki".into()]);
        values.insert_flag("force", false);
        values
    }

    fn ask(expression: &str) -> Result<bool, ProblemKind> {
        evaluate(expression, &values(), &Ends).map_err(|problem| {
            assert!(!problem.help.is_empty());
            problem.kind
        })
    }

    #[test]
    fn a_condition_reads_values_and_the_ends_of_steps() {
        for (expression, answer) in [
            ("passed(\"leaf\")", true),
            ("failed('same-ca') and not passed('same-ca')", true),
            ("mode == \"full\" and not force", true),
            ("'riki' in hosts and hosts | length == 2", true),
            ("force or mode is startingwith('x')", false),
            ("other is defined", false),
            ("(other | default('a')) == 'a'", true),
        ] {
            assert_eq!(ask(expression), Ok(answer), "{expression}");
        }
    }

    #[test]
    fn a_text_is_neither_yes_nor_no() {
        for expression in ["no", "mode", "hosts", "1", "none", "true if force"] {
            assert_eq!(ask(expression), Err(ProblemKind::Value), "{expression}");
        }
    }

    #[test]
    fn an_unknown_name_is_named_at_its_place() {
        let problem = evaluate("force and nmae == 1", &values(), &Ends).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::Undefined { name: "nmae".into() });
        assert_eq!(problem.range, 10..14);
    }

    #[test]
    fn a_step_is_named_by_a_text() {
        for expression in ["passed(mode)", "passed()", "passed", "passed('a', 'b')", "x.failed('a')", "run('leaf')"] {
            assert_eq!(ask(expression), Err(ProblemKind::NotAllowed), "{expression}");
        }
        assert_eq!(ask(""), Err(ProblemKind::Syntax));
        assert_eq!(ask("force and"), Err(ProblemKind::Syntax));
    }

    #[test]
    fn names_and_steps_are_found_with_their_places() {
        let source = "passed(\"leaf\") and (mode == 'x' or failed('same-ca'))";
        let steps: Vec<_> = expression_steps(source).into_iter().map(|step| &source[step.range]).collect();
        assert_eq!(steps, ["leaf", "same-ca"]);
        let names: Vec<_> = expression_names(source).unwrap().into_iter().map(|name| name.name).collect();
        assert_eq!(names, ["mode"]);
    }
}
