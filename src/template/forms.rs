//! Every form a command can take: each combination of its branches, each loop run not at all, once and twice.

use super::problem::{Problem, ProblemKind};
use super::syntax::{Expression, Node};

/// One way through the template.
pub(super) type Form<'a> = Vec<Step<'a>>;

/// A text or a hole on the way.
#[derive(Clone, Debug)]
pub(super) enum Step<'a> {
    Text(std::ops::Range<usize>),
    /// With the variables of the loops around and the lists they come from, innermost last.
    Hole(&'a Expression, Vec<Bound<'a>>),
}

/// A variable of a loop and the list it comes from.
#[derive(Clone, Debug)]
pub(super) struct Bound<'a> {
    pub name: &'a str,
    pub list: &'a Expression,
}

/// A command with more forms than this is several commands.
const LIMIT: usize = 256;

/// All forms, or the problem that there are too many to look at.
pub(super) fn forms(nodes: &[Node], length: usize) -> Result<Vec<Form<'_>>, Problem> {
    expand(nodes, &[]).ok_or_else(|| {
        let message = format!("the branches and loops give more than {LIMIT} different commands");
        Problem::new(ProblemKind::TooLong, 0..length, message, "split it into steps with `when`")
    })
}

fn expand<'a>(nodes: &'a [Node], bound: &[Bound<'a>]) -> Option<Vec<Form<'a>>> {
    let mut forms: Vec<Form<'a>> = vec![Vec::new()];
    for node in nodes {
        let ways: Vec<Form<'a>> = match node {
            Node::Text(range) => vec![vec![Step::Text(range.clone())]],
            Node::Hole(hole) => vec![vec![Step::Hole(hole, bound.to_vec())]],
            Node::If(arms) => {
                let mut ways = Vec::new();
                for arm in arms {
                    ways.extend(expand(&arm.body, bound)?);
                }
                ways
            }
            Node::For(each) => {
                let mut inner = bound.to_vec();
                inner.extend(each.names.iter().map(|name| Bound { name, list: &each.list }));
                let once = expand(&each.body, &inner)?;
                let mut ways = expand(&each.otherwise, bound)?;
                ways.extend(product(&once, &once)?);
                ways.extend(once);
                ways
            }
        };
        forms = product(&forms, &ways)?;
    }
    Some(forms)
}

fn product<'a>(left: &[Form<'a>], right: &[Form<'a>]) -> Option<Vec<Form<'a>>> {
    if left.len() * right.len() > LIMIT {
        return None;
    }
    Some(left.iter().flat_map(|left| right.iter().map(|right| [left.as_slice(), right.as_slice()].concat())).collect())
}

#[cfg(test)]
mod tests {
    use super::super::syntax::parse;
    use super::*;

    fn texts(template: &str) -> Vec<String> {
        let nodes = parse(template).unwrap();
        let show = |step: &Step<'_>| match step {
            Step::Text(range) => template[range.clone()].to_owned(),
            Step::Hole(hole, _) => format!("<{}>", &template[hole.range.clone()]),
        };
        forms(&nodes, template.len()).unwrap().iter().map(|form| form.iter().map(show).collect()).collect()
    }

    #[test]
    fn each_combination_of_branches_is_a_form() {
        assert_eq!(texts("{% if a %}1{% else %}2{% endif %}-{% if b %}3{% endif %}"), ["1-3", "1-", "2-3", "2-"]);
    }

    #[test]
    fn a_loop_runs_not_at_all_once_and_twice() {
        assert_eq!(texts("a{% for x in y %} {{ x }}{% else %}!{% endfor %}"), ["a!", "a <x> <x>", "a <x>"]);
    }

    #[test]
    fn too_many_forms_are_a_problem() {
        let nodes = "{% if a %}x{% endif %}".repeat(9);
        assert_eq!(forms(&parse(&nodes).unwrap(), 1).unwrap_err().kind, ProblemKind::TooLong);
    }
}
