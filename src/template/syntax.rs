//! The parts of a template with their places: texts, holes, branches and loops, and what is left out of the language.
//!
//! minijinja parses for itself and keeps its tree private; this reads the same text again for the places, cuts
//! white space as it does, and refuses every tag, filter, test and call that is not on the lists below.

use std::ops::Range;

use super::problem::{Problem, ProblemKind};
use super::token::{Kind, Token, token};

/// The filters a template may use.
pub(super) const FILTERS: &[&str] =
    &["default", "first", "int", "join", "last", "length", "lower", "replace", "sort", "trim", "unique", "upper"];

/// The tests a template may use: `x is defined`.
pub(super) const TESTS: &[&str] = &["defined", "undefined", "startingwith", "endingwith"];

/// What a template is made of.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Text(Range<usize>),
    Hole(Expression),
    If(Vec<Arm>),
    For(Box<Loop>),
}

/// One way through an `if`; the `else` has no condition. An `if` without `else` gets an empty one.
#[derive(Clone, Debug)]
pub(super) struct Arm {
    pub condition: Option<Expression>,
    pub body: Vec<Node>,
}

#[derive(Clone, Debug)]
pub(super) struct Loop {
    pub names: Vec<String>,
    pub list: Expression,
    pub filter: Option<Expression>,
    pub body: Vec<Node>,
    pub otherwise: Vec<Node>,
}

/// An expression, without its braces.
#[derive(Clone, Debug, Default)]
pub(super) struct Expression {
    pub range: Range<usize>,
    pub tokens: Vec<Token>,
}

/// Reads a template.
pub(super) fn parse(source: &str) -> Result<Vec<Node>, Problem> {
    if let Some(at) = source.find(['\0', '\u{fffe}', '\u{ffff}']) {
        let message = "a letter that no text can hold stands in the template";
        return Err(Problem::new(ProblemKind::NotAllowed, at..at + 1, message, "leave it out"));
    }
    let mut parser = Parser { source, at: 0, trim: false, depth: 0 };
    let (nodes, end) = parser.nodes()?;
    match end {
        None => Ok(nodes),
        Some(tag) => Err(tag.unexpected()),
    }
}

/// Reads a lone expression, as in `when`.
pub(super) fn parse_expression(source: &str) -> Result<Expression, Problem> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(skip) = source[at..].find(|c: char| !c.is_ascii_whitespace()) {
        let token = token(source, at + skip).ok_or_else(|| unreadable(source, at + skip))?;
        at = token.range.end;
        tokens.push(token);
    }
    if tokens.is_empty() {
        let message = "the condition is empty, expected an expression such as `passed(\"leaf\")`";
        return Err(Problem::new(ProblemKind::Syntax, 0..source.len(), message, "leave the key out, or say when"));
    }
    Ok(Expression::over(tokens))
}

impl Expression {
    fn over(tokens: Vec<Token>) -> Self {
        let start = tokens.first().map_or(0, |token| token.range.start);
        let end = tokens.last().map_or(start, |token| token.range.end);
        Self { range: start..end, tokens }
    }

    /// Refuses filters, tests and calls that are not on the lists; `calls` are the functions there are.
    pub(super) fn permitted(&self, calls: &[&str]) -> Result<(), Problem> {
        for (at, token) in self.tokens.iter().enumerate() {
            let Kind::Name(name) = &token.kind else { continue };
            let before = |mark| at.checked_sub(1).is_some_and(|at| self.tokens[at].is(mark));
            let called = self.tokens.get(at + 1).is_some_and(|next| next.is("("));
            if before("|") {
                listed("filter", name, FILTERS, token)?;
            } else if self.is_test(at) {
                listed("test", name, TESTS, token)?;
            } else if called && token.name().is_some() && (before(".") || !calls.contains(&name.as_str())) {
                let help = if calls.is_empty() {
                    "templates have no functions; use a filter, or make the value in a step of its own".to_owned()
                } else {
                    format!("the functions are {}", in_words(calls))
                };
                let message = format!("`{name}()` is not a function of templates");
                return Err(Problem::new(ProblemKind::NotAllowed, token.range.clone(), message, help));
            }
        }
        Ok(())
    }

    /// Is the token after `is` or `is not`, so the name of a test?
    pub(super) fn is_test(&self, at: usize) -> bool {
        let word = |back: usize, word| at.checked_sub(back).is_some_and(|at| self.tokens[at].is_word(word));
        !self.tokens[at].is_word("not") && (word(1, "is") || (word(1, "not") && word(2, "is")))
    }
}

fn listed(what: &str, name: &str, list: &[&str], token: &Token) -> Result<(), Problem> {
    if list.contains(&name) {
        return Ok(());
    }
    let message = format!("`{name}` is not a {what} of templates");
    let help = format!("the {what}s are {}", in_words(list));
    Err(Problem::new(ProblemKind::NotAllowed, token.range.clone(), message, help))
}

fn in_words(list: &[&str]) -> String {
    list.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn unreadable(source: &str, at: usize) -> Problem {
    let c = source[at..].chars().next().unwrap_or(' ');
    let message = if c == '"' || c == '\'' {
        "a text in quotes does not end".to_owned()
    } else {
        format!("`{}` cannot be read in an expression", c.escape_default())
    };
    let help = "for braces that are no template, write `{% raw %}…{% endraw %}` around them";
    Problem::new(ProblemKind::Syntax, at..at + c.len_utf8(), message, help)
}

/// A tag: `{% name … %}`.
struct Tag {
    name: String,
    range: Range<usize>,
    tokens: Vec<Token>,
}

impl Tag {
    fn unexpected(&self) -> Problem {
        let name = &self.name;
        let syntax = matches!(name.as_str(), "else" | "elif" | "endif" | "endfor" | "endraw");
        let (kind, message) = if syntax {
            (ProblemKind::Syntax, format!("`{name}` stands here without its beginning"))
        } else {
            (ProblemKind::NotAllowed, format!("`{name}` is not a tag of templates"))
        };
        let help = "the tags are `if`, `elif`, `else`, `endif`, `for`, `endfor`, `raw` and `endraw`";
        Problem::new(kind, self.range.clone(), message, help)
    }
}

struct Parser<'a> {
    source: &'a str,
    at: usize,
    /// The last tag ended in `-%}`: white space that follows is cut.
    trim: bool,
    depth: usize,
}

impl Parser<'_> {
    /// Nodes up to the end or to a tag that this level does not know, which the caller may.
    fn nodes(&mut self) -> Result<(Vec<Node>, Option<Tag>), Problem> {
        let mut nodes = Vec::new();
        loop {
            self.text(&mut nodes);
            if self.at == self.source.len() {
                return Ok((nodes, None));
            }
            if self.source[self.at..].starts_with("{{") {
                let (range, tokens) = self.inside("}}")?;
                if tokens.is_empty() {
                    let help = "write a name between the braces, or `{% raw %}{{ }}{% endraw %}` for the braces";
                    return Err(Problem::new(ProblemKind::Syntax, range, "the hole is empty, expected a name", help));
                }
                let expression = Expression::over(tokens);
                expression.permitted(&[])?;
                nodes.push(Node::Hole(expression));
            } else if !self.raw(&mut nodes)? {
                let tag = self.tag()?;
                match tag.name.as_str() {
                    "if" => nodes.push(self.branches(&tag)?),
                    "for" => nodes.push(self.repeated(&tag)?),
                    _ => return Ok((nodes, Some(tag))),
                }
            }
        }
    }

    /// Text up to the next `{{` or `{%`.
    fn text(&mut self, nodes: &mut Vec<Node>) {
        let rest = &self.source[self.at..];
        let next = [rest.find("{{"), rest.find("{%")].into_iter().flatten().min().unwrap_or(rest.len());
        let mut text = &rest[..next];
        let mut start = self.at;
        if std::mem::take(&mut self.trim) {
            let cut = text.trim_start();
            start += text.len() - cut.len();
            text = cut;
        }
        if rest[next..].chars().nth(2) == Some('-') {
            text = text.trim_end();
        }
        if !text.is_empty() {
            nodes.push(Node::Text(start..start + text.len()));
        }
        self.at += next;
    }

    /// `{% raw %}…{% endraw %}`, if it begins here.
    fn raw(&mut self, nodes: &mut Vec<Node>) -> Result<bool, Problem> {
        let start = self.at;
        let marker = self.source[start + 2..].starts_with(['-', '+']);
        let Some((opened, cut_start)) = plain_tag(self.source, start + 2 + usize::from(marker), "raw") else {
            return Ok(false);
        };
        let mut from = opened;
        while let Some(found) = self.source[from..].find("{%") {
            let inner = from + found + 2;
            let marker = self.source[inner..].chars().next().filter(|c| matches!(c, '-' | '+'));
            if let Some((closed, cut)) = plain_tag(self.source, inner + usize::from(marker.is_some()), "endraw") {
                let mut text = &self.source[opened..from + found];
                let mut begin = opened;
                if cut_start {
                    begin += text.len() - text.trim_start().len();
                    text = text.trim_start();
                }
                if marker == Some('-') {
                    text = text.trim_end();
                }
                if !text.is_empty() {
                    nodes.push(Node::Text(begin..begin + text.len()));
                }
                self.at = closed;
                self.trim = cut;
                return Ok(true);
            }
            from = inner;
        }
        let message = "`raw` has no `endraw`";
        Err(Problem::new(ProblemKind::Syntax, start..opened, message, "write `{% endraw %}` after the text"))
    }

    /// The tokens up to `end`, and the range of the whole with its braces.
    fn inside(&mut self, end: &'static str) -> Result<(Range<usize>, Vec<Token>), Problem> {
        let start = self.at;
        let mut at = start + 2;
        at += usize::from(self.source[at..].starts_with(['-', '+']));
        let mut tokens: Vec<Token> = Vec::new();
        let mut open = 0i32;
        loop {
            at += self.source[at..].len() - self.source[at..].trim_ascii_start().len();
            let rest = &self.source[at..];
            if rest.is_empty() {
                let help = "for braces that are no template, write `{% raw %}…{% endraw %}` around them";
                let message = format!("`{}` has no `{end}`", &self.source[start..start + 2]);
                return Err(Problem::new(ProblemKind::Syntax, start..start + 2, message, help));
            }
            let signed = usize::from(rest.starts_with(['-', '+']));
            if open == 0 && rest[signed..].starts_with(end) {
                self.trim = rest.starts_with('-');
                self.at = at + signed + end.len();
                return Ok((start..self.at, tokens));
            }
            let token = token(self.source, at).ok_or_else(|| unreadable(self.source, at))?;
            open += match &token.kind {
                Kind::Mark("(" | "[" | "{") => 1,
                Kind::Mark(")" | "]" | "}") => -1,
                _ => 0,
            };
            at = token.range.end;
            tokens.push(token);
        }
    }

    fn tag(&mut self) -> Result<Tag, Problem> {
        let (range, mut tokens) = self.inside("%}")?;
        if tokens.is_empty() {
            return Err(Problem::new(ProblemKind::Syntax, range, "the tag is empty", "write `{% if … %}`"));
        }
        let first = tokens.remove(0);
        let name = self.source[first.range].to_owned();
        Ok(Tag { name, range, tokens })
    }

    fn branches(&mut self, opening: &Tag) -> Result<Node, Problem> {
        self.deeper(opening)?;
        let mut arms = Vec::new();
        let mut condition = Some(condition(opening)?);
        let mut last = false;
        loop {
            let (body, end) = self.nodes()?;
            arms.push(Arm { condition: condition.take(), body });
            let Some(tag) = end else { return Err(unclosed(opening, "endif")) };
            match tag.name.as_str() {
                "elif" if !last => condition = Some(self::condition(&tag)?),
                "else" if !last => last = true,
                "endif" => break,
                _ => return Err(tag.unexpected()),
            }
        }
        if !last {
            arms.push(Arm { condition: None, body: Vec::new() });
        }
        self.depth -= 1;
        Ok(Node::If(arms))
    }

    fn repeated(&mut self, opening: &Tag) -> Result<Node, Problem> {
        self.deeper(opening)?;
        let (names, list, filter) = head(opening)?;
        let (body, mut end) = self.nodes()?;
        let mut otherwise = Vec::new();
        if end.as_ref().is_some_and(|tag| tag.name == "else") {
            (otherwise, end) = self.nodes()?;
        }
        match end {
            Some(tag) if tag.name == "endfor" => {}
            Some(tag) => return Err(tag.unexpected()),
            None => return Err(unclosed(opening, "endfor")),
        }
        self.depth -= 1;
        Ok(Node::For(Box::new(Loop { names, list, filter, body, otherwise })))
    }

    fn deeper(&mut self, tag: &Tag) -> Result<(), Problem> {
        self.depth += 1;
        if self.depth <= 16 {
            return Ok(());
        }
        let message = "more than 16 tags stand inside each other";
        Err(Problem::new(ProblemKind::TooLong, tag.range.clone(), message, "split it into steps with `when`"))
    }
}

/// `raw %}` at `at`: where it ends, and whether white space after it is cut.
fn plain_tag(source: &str, at: usize, name: &str) -> Option<(usize, bool)> {
    let rest = source[at..].trim_ascii_start().strip_prefix(name)?.trim_ascii_start();
    let (rest, cut) = match rest.strip_prefix(['-', '+']) {
        Some(after) => (after, rest.starts_with('-')),
        None => (rest, false),
    };
    let rest = rest.strip_prefix("%}")?;
    Some((source.len() - rest.len(), cut))
}

fn unclosed(tag: &Tag, end: &str) -> Problem {
    let message = format!("`{}` has no `{end}`", tag.name);
    Problem::new(ProblemKind::Syntax, tag.range.clone(), message, format!("write `{{% {end} %}}` where it ends"))
}

fn condition(tag: &Tag) -> Result<Expression, Problem> {
    if tag.tokens.is_empty() {
        let message = format!("`{}` has no condition", tag.name);
        return Err(Problem::new(ProblemKind::Syntax, tag.range.clone(), message, "write `{% if name %}`"));
    }
    let condition = Expression::over(tag.tokens.clone());
    condition.permitted(&[])?;
    Ok(condition)
}

/// `for a, b in list if filter`.
fn head(tag: &Tag) -> Result<(Vec<String>, Expression, Option<Expression>), Problem> {
    let wrong = || {
        let message = "the loop cannot be read, expected `for name in list`";
        Problem::new(ProblemKind::Syntax, tag.range.clone(), message, "write `{% for host in hosts %}`")
    };
    let at = tag.tokens.iter().position(|token| token.is_word("in")).ok_or_else(wrong)?;
    let names: Vec<String> = tag.tokens[..at].iter().filter_map(Token::name).map(str::to_owned).collect();
    let rest = &tag.tokens[at + 1..];
    if let Some(token) = rest.last().filter(|token| token.is_word("recursive")) {
        let message = "`recursive` is not allowed in templates";
        return Err(Problem::new(ProblemKind::NotAllowed, token.range.clone(), message, "leave it out"));
    }
    let mut open = 0i32;
    let split = rest.iter().position(|token| {
        open += i32::from(token.is("(") || token.is("[")) - i32::from(token.is(")") || token.is("]"));
        open == 0 && token.is_word("if")
    });
    let (list, filter) = match split {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    if names.is_empty() || list.is_empty() || filter.is_some_and(<[Token]>::is_empty) {
        return Err(wrong());
    }
    let list = Expression::over(list.to_vec());
    let filter = filter.map(|tokens| Expression::over(tokens.to_vec()));
    list.permitted(&[])?;
    filter.as_ref().map_or(Ok(()), |filter| filter.permitted(&[]))?;
    Ok((names, list, filter))
}

#[cfg(test)]
mod tests;
