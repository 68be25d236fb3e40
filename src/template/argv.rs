//! A command as a list: each element is one word, and no shell reads it.

use super::COMMAND_LIMIT;
use super::audit::{Reading, audit};
use super::command::NameRule;
use super::engine::{Filling, Piece, pieces};
use super::lexer::{Command, Lexed, Part, Word};
use super::names::names;
use super::place::{Hole, found};
use super::problem::{Problem, ProblemKind};
use super::syntax::{Expression, Node, parse};
use super::values::Values;

/// Renders a command given as a list: values as they are, since no shell reads them. A list that is the whole of an
/// element is several words. An element that the program evaluates again (`[sh, -c, "… {{ x }}"]`) is a problem, as
/// in a command; [`Problem::element`] says which. Whether a value may begin with `-` is for the author to know.
pub fn render_argv(template: &[String], values: &Values) -> Result<Vec<String>, Problem> {
    let mut words = Vec::new();
    let mut audited = Audited::default();
    for (element, text) in template.iter().enumerate() {
        let pieces = pieces(text, values).map_err(|problem| problem.in_element(element))?;
        if let [Piece::Hole { filling: Filling::Several(items), .. }] = pieces.as_slice() {
            words.extend(items.iter().cloned());
        } else {
            words.push(joined(text, &pieces).map_err(|problem| problem.in_element(element))?);
        }
        audited.push(element, pieces);
    }
    if let Some(problem) = audited.problems(template, Knowledge::Values).into_iter().next() {
        return Err(problem);
    }
    if words.iter().map(|word| word.len() + 1).sum::<usize>() > COMMAND_LIMIT {
        let message = format!("the command is longer than {} KiB", COMMAND_LIMIT / 1024);
        return Err(Problem::new(ProblemKind::TooLong, 0..0, message, "give long values by `stdin:`"));
    }
    Ok(words)
}

/// Checks a command given as a list without values. Branches are not followed: what stands in one is looked at as if
/// it were always there.
pub fn check_argv(template: &[String], allowed: &dyn Fn(&str) -> NameRule) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut audited = Audited::default();
    for (element, text) in template.iter().enumerate() {
        match names(text).and_then(|names| Ok((names, parse(text)?))) {
            Err(problem) => problems.push(problem.in_element(element)),
            Ok((names, nodes)) => {
                let unknown = names.into_iter().filter(|name| !allowed(&name.name).known);
                problems.extend(unknown.map(|name| Problem::undefined(&name.name, name.range).in_element(element)));
                let mut pieces = Vec::new();
                flatten(text, &nodes, &mut pieces);
                audited.push(element, pieces);
            }
        }
    }
    problems.extend(audited.problems(template, Knowledge::Nothing));
    problems.sort_by_key(|problem| (problem.element, problem.range.start));
    problems
}

fn joined(text: &str, pieces: &[Piece]) -> Result<String, Problem> {
    let mut word = String::new();
    for piece in pieces {
        match piece {
            Piece::Text { text, .. } => word.push_str(text),
            Piece::Hole { filling: Filling::One(value), .. } => word.push_str(value),
            Piece::Hole { range, filling: Filling::Several(_) } => {
                return Err(Hole { expression: &text[range.clone()], range: range.clone() }.list());
            }
        }
    }
    Ok(word)
}

fn flatten(text: &str, nodes: &[Node], pieces: &mut Vec<Piece>) {
    for node in nodes {
        match node {
            Node::Text(range) => pieces.push(Piece::Text { text: text[range.clone()].to_owned(), at: range.start }),
            Node::Hole(Expression { range, .. }) => {
                pieces.push(Piece::Hole { range: range.clone(), filling: Filling::One(String::new()) });
            }
            Node::If(arms) => arms.iter().for_each(|arm| flatten(text, &arm.body, pieces)),
            Node::For(each) => {
                flatten(text, &each.body, pieces);
                flatten(text, &each.otherwise, pieces);
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Knowledge {
    Values,
    Nothing,
}

/// The elements as words of a command, for the audit.
#[derive(Default)]
struct Audited {
    command: Command,
    /// For each hole, its element and its place in it.
    holes: Vec<(usize, std::ops::Range<usize>)>,
    fillings: Vec<Filling>,
}

impl Audited {
    fn push(&mut self, element: usize, pieces: Vec<Piece>) {
        let first = self.holes.len();
        let mut word = Word { parts: Vec::new(), holes: first..first };
        for piece in pieces {
            match piece {
                Piece::Text { text, .. } => word.parts.push(Part::Text { text, quoted: true }),
                Piece::Hole { range, filling } => {
                    word.parts.push(Part::Hole(self.holes.len()));
                    self.holes.push((element, range));
                    self.fillings.push(filling);
                }
            }
        }
        word.holes.end = self.holes.len();
        self.command.words.push(word);
    }

    fn problems(self, template: &[String], knowledge: Knowledge) -> Vec<Problem> {
        let holes = self.holes;
        let lexed = Lexed { commands: vec![self.command], ..Lexed::default() };
        let anything = vec![true; holes.len()];
        let reading = match knowledge {
            Knowledge::Values => Reading::Values(&self.fillings),
            Knowledge::Nothing => Reading::Rules(&anything),
        };
        let hole = |at: usize| {
            let (element, range) = &holes[at];
            Hole { expression: &template[*element][range.clone()], range: range.clone() }
        };
        let mut problems = Vec::new();
        for finding in audit(&lexed, &reading) {
            let super::audit::Subject::Hole(at) = finding.subject else { continue };
            let problem = found(&finding, hole).in_element(holes[at].0);
            if problem.kind == ProblemKind::EvaluatedAgain {
                problems.push(problem);
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn argv(template: &[&str], values: &Values) -> Result<Vec<String>, Problem> {
        render_argv(&template.iter().map(|&text| text.to_owned()).collect::<Vec<_>>(), values)
    }

    proptest! {
        #[test]
        fn a_list_passes_through_untouched(items in prop::collection::vec("[^\0]{0,12}", 0..6), one in "[^\0]{0,20}") {
            let mut values = Values::default();
            values.insert_list("items", items.clone());
            values.insert_text("one", &one);
            let mut expected = vec!["cp".to_owned(), format!("--from={one}")];
            expected.extend(items);
            expected.push("$(literal) 'text'".to_owned());
            prop_assert_eq!(argv(&["cp", "--from={{ one }}", "{{ items }}", "$(literal) 'text'"], &values).unwrap(), expected);
        }
    }

    #[test]
    fn a_list_inside_an_element_and_a_nul_are_refused_in_their_element() {
        let mut values = Values::default();
        values.insert_list("items", vec!["a".into()]);
        values.insert_text("nul", "\0");
        for template in [["cp", "x={{ items }}"], ["cp", "{{ nul }}"]] {
            let problem = argv(&template, &values).unwrap_err();
            assert_eq!((problem.kind, problem.element), (ProblemKind::Value, 1), "{template:?}");
        }
    }

    #[test]
    fn an_element_that_is_evaluated_again_is_refused() {
        let mut values = Values::default();
        values.insert_text("x", "$(touch pwned)");
        let problem = argv(&["sudo", "bash", "-ec", "echo {{ x }}"], &values).unwrap_err();
        assert_eq!((problem.kind, problem.element), (ProblemKind::EvaluatedAgain, 3));
        assert!(argv(&["bash", "-c", "echo \"$1\"", "sh", "{{ x }}"], &values).is_ok());
        let template = ["ssh", "kyousuke", "{{ x }}", "{{ y }}"].map(str::to_owned);
        let rule = |name: &str| NameRule { known: name == "x", may_lead: false };
        let kinds: Vec<_> =
            check_argv(&template, &rule).into_iter().map(|problem| (problem.element, problem.kind)).collect();
        assert_eq!(
            kinds,
            [
                (2, ProblemKind::EvaluatedAgain),
                (3, ProblemKind::Undefined { name: "y".into() }),
                (3, ProblemKind::EvaluatedAgain)
            ]
        );
    }

    #[test]
    fn a_long_list_is_too_long() {
        let mut values = Values::default();
        values.insert_list("items", vec!["x".repeat(100); 200]);
        assert_eq!(argv(&["cp", "{{ items }}"], &values).unwrap_err().kind, ProblemKind::TooLong);
    }
}
