//! The names a template reads, with their places.

use std::ops::Range;

use super::problem::Problem;
use super::syntax::{Arm, Expression, Node, parse};

/// A name at the top of an expression: `host` in `host.name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// As it is written.
    pub name: String,
    /// Bytes of the template.
    pub range: Range<usize>,
    /// It renders without the name too: `x is defined` stands around it, or `| default(…)` behind it. The name must
    /// still be one that exists somewhere, or it is a slip of the pen.
    pub optional: bool,
}

/// Every name that a template reads from outside, in the order of the text, each use on its own. The variables of
/// loops are not among them.
pub fn names(template: &str) -> Result<Vec<Name>, Problem> {
    let mut found = Vec::new();
    walk(&parse(template)?, &mut Scope::default(), &mut found);
    Ok(found)
}

/// The names that a lone expression reads.
pub(super) fn of_expression(expression: &Expression) -> Vec<Name> {
    let mut found = Vec::new();
    collect(expression, &Scope::default(), &mut found);
    found
}

/// Names that mean something else here than outside.
#[derive(Default)]
struct Scope {
    /// Variables of the loops around.
    bound: Vec<String>,
    /// Names whose being there is tested around.
    tested: Vec<String>,
}

fn walk(nodes: &[Node], scope: &mut Scope, found: &mut Vec<Name>) {
    for node in nodes {
        match node {
            Node::Text(_) => {}
            Node::Hole(hole) => collect(hole, scope, found),
            Node::If(arms) => walk_arms(arms, scope, found),
            Node::For(each) => {
                collect(&each.list, scope, found);
                let before = scope.bound.len();
                scope.bound.extend(each.names.iter().cloned());
                scope.bound.push("loop".to_owned());
                if let Some(filter) = &each.filter {
                    collect(filter, scope, found);
                }
                walk(&each.body, scope, found);
                scope.bound.truncate(before);
                walk(&each.otherwise, scope, found);
            }
        }
    }
}

fn walk_arms(arms: &[Arm], scope: &mut Scope, found: &mut Vec<Name>) {
    let before = scope.tested.len();
    for arm in arms {
        if let Some(condition) = &arm.condition {
            collect(condition, scope, found);
            scope.tested.extend(tested(condition));
        }
        walk(&arm.body, scope, found);
    }
    scope.tested.truncate(before);
}

fn collect(expression: &Expression, scope: &Scope, found: &mut Vec<Name>) {
    let tested = tested(expression);
    for (name, at) in uses(expression) {
        if !scope.bound.iter().any(|bound| bound == name) {
            let optional =
                tested.iter().chain(&scope.tested).any(|tested| tested == name) || has_default(expression, at);
            let range = expression.tokens[at].range.clone();
            found.push(Name { name: name.to_owned(), range, optional });
        }
    }
}

/// The names of an expression and which token each is, without attributes, filters, tests, calls and keywords of calls.
pub(super) fn uses(expression: &Expression) -> impl Iterator<Item = (&str, usize)> {
    expression.tokens.iter().enumerate().filter_map(|(at, token)| {
        let name = token.name()?;
        let before = |mark| at.checked_sub(1).is_some_and(|at| expression.tokens[at].is(mark));
        let after = |mark| expression.tokens.get(at + 1).is_some_and(|next| next.is(mark));
        let other = before(".") || before("|") || after("(") || after("=") || expression.is_test(at);
        (!other).then_some((name, at))
    })
}

/// Names of which the expression asks whether they are there.
fn tested(expression: &Expression) -> Vec<String> {
    let tokens = &expression.tokens;
    uses(expression)
        .filter(|(_, at)| {
            let word = |ahead: usize, word| tokens.get(at + ahead).is_some_and(|token| token.is_word(word));
            let test = if word(2, "not") { 3 } else { 2 };
            word(1, "is") && (word(test, "defined") || word(test, "undefined"))
        })
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn has_default(expression: &Expression, at: usize) -> bool {
    let next = |ahead: usize| expression.tokens.get(at + ahead);
    next(1).is_some_and(|token| token.is("|")) && next(2).is_some_and(|token| token.is_word("default"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(template: &str) -> Vec<String> {
        names(template)
            .unwrap()
            .into_iter()
            .map(|name| {
                assert_eq!(&template[name.range], name.name);
                format!("{}{}", name.name, if name.optional { "?" } else { "" })
            })
            .collect()
    }

    #[test]
    fn each_use_is_found_at_its_place() {
        assert_eq!(
            read("{{ node }}:{{ host.name }} {{ a ~ b[c] }} {{ node }}"),
            ["node", "host", "a", "b", "c", "node"]
        );
        assert_eq!(read("{% if not a and b == 'c' %}{{ true }}{% endif %}"), ["a", "b"]);
        assert_eq!(read("plain ${x} text"), Vec::<String>::new());
    }

    #[test]
    fn filters_tests_and_keywords_are_no_names() {
        assert_eq!(read("{{ x | join(', ') | replace(from, 'b') }}"), ["x", "from"]);
        assert_eq!(read("{{ x | default(value=y) }}{% if z is startingwith w %}{% endif %}"), ["x?", "y", "z", "w"]);
    }

    #[test]
    fn the_variable_of_a_loop_is_known_only_inside() {
        assert_eq!(
            read("{% for h in hosts if h != me %}{{ h }}{{ loop.index }}{{ x }}{% else %}{{ h }}{% endfor %}{{ h }}"),
            ["hosts", "me", "x", "h", "h"]
        );
    }

    #[test]
    fn what_is_tested_or_has_a_default_is_optional() {
        assert_eq!(read("{{ x | default('a') }} {{ x | upper | default('a') }}"), ["x?", "x"]);
        assert_eq!(read("{% if x is defined and y %}{{ x }}{{ y }}{% endif %}{{ x }}"), ["x?", "y", "x?", "y", "x"]);
        assert_eq!(read("{% if x is not defined %}a{% else %}{{ x }}{% endif %}"), ["x?", "x?"]);
        assert_eq!(read("{{ x if x is defined else y }}"), ["x?", "x?", "y"]);
    }
}
