//! Commands for a shell: checked without values, rendered with them.

use super::COMMAND_LIMIT;
use super::audit::{Reading, audit};
use super::engine::{Filling, Piece, environment, has_no_hole, pieces, problem};
use super::forms::{Bound, Form, Step, forms};
use super::lexer::{Lexed, Place, Role, Site, Source, lex};
use super::names::names;
use super::place::{Hole, found};
use super::problem::{Problem, ProblemKind};
use super::quote::{inside_double, inside_single, is_plain, single_quoted};
use super::syntax::{Expression, parse};
use super::token::Kind;
use super::values::Values;

/// Which shell reads the command. Quotes are read alike by both; in a command with holes for `sh`, what only `bash` has
/// is refused before the first word of it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// `bash -euo pipefail -c`
    Bash,
    /// `sh -eu -c`
    Sh,
}

/// What is known of a name before it has a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameRule {
    /// There is such a name.
    pub known: bool,
    /// Its value may stand at the beginning of a word: it cannot begin with `-`, since its pattern forbids that,
    /// its choices have none, or it is a number.
    pub may_lead: bool,
}

/// Checks a command without values: unknown names, holes where no value can be quoted, words that are evaluated
/// again, words that could be options. All problems of all forms ([`forms`]), in the order of the text.
///
/// What only values show is left to [`render_command`]: a list inside a word, a text that is too long.
pub fn check_command(template: &str, allowed: &dyn Fn(&str) -> NameRule) -> Vec<Problem> {
    match check(template, allowed) {
        Ok(mut problems) => {
            problems.sort_by(|a, b| (a.range.start, &a.kind).cmp(&(b.range.start, &b.kind)));
            problems.dedup_by(|later, first| later.range == first.range && later.kind == first.kind);
            problems
        }
        Err(problem) => vec![problem],
    }
}

/// Renders a command, each value quoted for its place. At most [`COMMAND_LIMIT`] bytes.
pub fn render_command(template: &str, values: &Values, shell: Shell) -> Result<String, Problem> {
    let pieces = pieces(template, values)?;
    let mut source = Source::default();
    let mut fillings = Vec::new();
    let mut ranges = Vec::new();
    for piece in &pieces {
        match piece {
            Piece::Text { text, at } => source.push_text(text, *at),
            Piece::Hole { range, filling } => {
                source.push_hole(range.start);
                fillings.push(filling.clone());
                ranges.push(range.clone());
            }
        }
    }
    let lexed = lex(&source);
    let hole = |at: usize| Hole { expression: &template[ranges[at].clone()], range: ranges[at].clone() };
    let mut problems = problems(&lexed, &Reading::Values(&fillings), fillings.len(), hole);
    if let Some((at, what)) = lexed.only_bash.filter(|_| shell == Shell::Sh && !fillings.is_empty()) {
        let message = format!("`{what}` is not in every `sh`");
        problems.push(Problem::new(
            ProblemKind::Syntax,
            at..at + 1,
            message,
            "leave `shell: sh` out, so that `bash` reads it",
        ));
    }
    if let Some(problem) = problems.into_iter().min_by_key(|problem| problem.range.start) {
        return Err(problem);
    }
    let mut command = String::with_capacity(template.len());
    let mut at = 0;
    for piece in &pieces {
        match piece {
            Piece::Text { text, .. } => command.push_str(text),
            Piece::Hole { filling, .. } => {
                command.push_str(&quoted(filling, &lexed.sites[at]).ok_or_else(|| hole(at).list())?);
                at += 1;
            }
        }
        if command.len() > COMMAND_LIMIT {
            return Err(too_long(template));
        }
    }
    Ok(command)
}

fn too_long(template: &str) -> Problem {
    let message = format!("the command is longer than {} KiB", COMMAND_LIMIT / 1024);
    Problem::new(ProblemKind::TooLong, 0..template.len(), message, "give long values by `stdin:`")
}

/// A value as it must stand in its place; nothing for a list where one word is expected.
fn quoted(filling: &Filling, site: &Site) -> Option<String> {
    let value = match filling {
        Filling::One(value) => value,
        Filling::Several(items) => {
            let several = site.place == Place::Bare && site.alone && matches!(site.role, Role::Argument | Role::Item);
            return several.then(|| items.iter().map(|item| bare(item, site)).collect::<Vec<_>>().join(" "));
        }
    };
    Some(match site.place {
        Place::Double => inside_double(value),
        Place::Single => inside_single(value),
        Place::Bare | Place::Refused(_) => bare(value, site),
    })
}

fn bare(value: &str, site: &Site) -> String {
    // a program without a folder could be a reserved word or an alias
    let plain = site.plain && is_plain(value) && (site.role != Role::Program || value.contains('/'));
    if plain { value.to_owned() } else { single_quoted(value) }
}

/// What is wrong with the holes of a command that was read.
fn problems<'a>(lexed: &Lexed, reading: &Reading<'_>, holes: usize, hole: impl Fn(usize) -> Hole<'a>) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for (at, site) in lexed.sites.iter().enumerate() {
        if let Place::Refused(refusal) = &site.place {
            problems.push(hole(at).refused(refusal));
        }
    }
    // a fault in front of a refused hole is its doing more often than not
    let fault = lexed.fault.as_ref().filter(|_| holes > 0 && problems.is_empty());
    for finding in audit(lexed, reading) {
        problems.push(found(&finding, &hole));
    }
    if let Some(fault) = fault {
        let range = fault.at..fault.at + 1;
        problems.push(Problem::new(ProblemKind::Syntax, range, fault.message.clone(), fault.help.clone()));
    }
    problems
}

fn check(template: &str, allowed: &dyn Fn(&str) -> NameRule) -> Result<Vec<Problem>, Problem> {
    let mut problems: Vec<Problem> = names(template)?
        .into_iter()
        .filter(|name| !allowed(&name.name).known)
        .map(|name| Problem::undefined(&name.name, name.range))
        .collect();
    let nodes = parse(template)?;
    if !has_no_hole(template) {
        environment().template_from_str(template).map_err(|error| problem(&error, template, &Values::default()))?;
    }
    for form in forms(&nodes, template.len())? {
        problems.extend(check_form(template, &form, allowed));
    }
    Ok(problems)
}

fn check_form(template: &str, form: &Form<'_>, allowed: &dyn Fn(&str) -> NameRule) -> Vec<Problem> {
    let mut source = Source::default();
    let mut rules = Vec::new();
    let mut ranges = Vec::new();
    for step in form {
        match step {
            Step::Text(range) => source.push_text(&template[range.clone()], range.start),
            Step::Hole(expression, bound) => {
                source.push_hole(expression.range.start);
                rules.push(may_lead(expression, bound, allowed));
                ranges.push(expression.range.clone());
            }
        }
    }
    let lexed = lex(&source);
    let hole = |at: usize| Hole { expression: &template[ranges[at].clone()], range: ranges[at].clone() };
    problems(&lexed, &Reading::Rules(&rules), rules.len(), hole)
}

/// Can the value of this expression not begin with `-`, as far as the text shows?
fn may_lead(expression: &Expression, bound: &[Bound<'_>], allowed: &dyn Fn(&str) -> NameRule) -> bool {
    let tokens = &expression.tokens;
    let leads = match tokens.first().map(|token| &token.kind) {
        Some(Kind::Text(text)) => !text.is_empty() && !text.starts_with(['-', '\\']),
        Some(Kind::Number) => true,
        Some(Kind::Name(name)) => {
            if let Some(at) = bound.iter().rposition(|bound| bound.name == name) {
                may_lead(bound[at].list, &bound[..at], allowed)
            } else if name == "loop" && !bound.is_empty() {
                true
            } else {
                matches!(name.as_str(), "true" | "false") || allowed(name).may_lead
            }
        }
        Some(Kind::Mark(_)) | None => false,
    };
    leads && keeps_beginning(expression)
}

/// Does what follows the first name leave the beginning of its value as it is?
fn keeps_beginning(expression: &Expression) -> bool {
    let mut rest = &expression.tokens[1..];
    loop {
        rest = match rest {
            [] => return true,
            [dot, attribute, after @ ..] if dot.is(".") && attribute.name().is_some() => after,
            [open, index, close, after @ ..]
                if open.is("[") && close.is("]") && matches!(index.kind, Kind::Number | Kind::Text(_)) =>
            {
                after
            }
            [tilde, ..] if tilde.is("~") => return true,
            [pipe, filter, open, argument, close, after @ ..]
                if pipe.is("|") && filter.is_word("default") && open.is("(") && close.is(")") =>
            {
                match &argument.kind {
                    Kind::Text(text) if !text.starts_with(['-', '\\']) => after,
                    Kind::Number => after,
                    _ => return false,
                }
            }
            [pipe, filter, open, joiner, close, after @ ..]
                if pipe.is("|")
                    && filter.is_word("join")
                    && open.is("(")
                    && close.is(")")
                    && matches!(joiner.kind, Kind::Text(_)) =>
            {
                after
            }
            [pipe, filter, after @ ..]
                if pipe.is("|")
                    && ["lower", "upper", "first", "last", "length", "sort", "unique"]
                        .iter()
                        .any(|name| filter.is_word(name)) =>
            {
                after
            }
            _ => return false,
        };
    }
}

#[cfg(test)]
mod tests;
