//! Words: what is quoted, what is expanded, and where a hole stands in them.

use super::expansions::Quotes;
use super::{End, Fault, Lexer, Part, Place, Refusal, Role, Symbol, Word, is_name};
use crate::template::quote::is_plain_char;

/// Which letters end a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// As in a command.
    Operators,
    /// As in `[[ ]]`, where `(`, `|`, `<` and `>` may belong to a pattern.
    Condition,
}

impl Lexer<'_> {
    /// Reads a word; it may turn out empty.
    pub(super) fn word(&mut self, role: Role, ends: Ends) -> Result<Word, Fault> {
        let first = self.sites.len();
        let mut word = Word { parts: Vec::new(), holes: first..first };
        let mut open = 0usize;
        loop {
            self.join_lines();
            let Some(symbol) = self.peek() else { break };
            match symbol {
                Symbol::Hole => {
                    let place =
                        if in_subscript(&word, role) { Place::Refused(Refusal::Subscript) } else { Place::Bare };
                    let part = self.hole(place);
                    word.parts.push(part);
                }
                Symbol::Char('<' | '>') if self.symbol(1) == Some(Symbol::Char('(')) => {
                    self.only_bash(self.at, "<( )");
                    self.at += 2;
                    self.deeper(|lexer| lexer.list(End::Paren))?;
                    word.parts.push(Part::Other);
                }
                Symbol::Char(c) if ends == Ends::Condition => {
                    if self.condition_ends(c, &mut open) {
                        break;
                    }
                    self.letter(c, &mut word)?;
                }
                Symbol::Char(' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | ')') => break,
                Symbol::Char('(') if self.array(&word, role)? => word.parts.push(Part::Other),
                Symbol::Char('(') => {
                    if word.ends_in(['?', '*', '+', '@', '!']) {
                        let help = "match with `case` or `[[ ]]`";
                        return Err(self.fault("an extended pattern cannot be followed", help));
                    }
                    break;
                }
                Symbol::Char(c) => self.letter(c, &mut word)?,
            }
        }
        word.holes.end = self.sites.len();
        self.settle(&word, role, ends);
        Ok(word)
    }

    /// Does this letter end a word of `[[ ]]`? Counts the parentheses of a pattern.
    fn condition_ends(&self, c: char, open: &mut usize) -> bool {
        match c {
            '(' => *open += 1,
            ')' if *open == 0 => return true,
            ')' => *open -= 1,
            ' ' | '\t' | '\n' => return *open == 0,
            '&' | '|' => return *open == 0 && self.symbol(1) == Some(Symbol::Char(c)),
            _ => {}
        }
        false
    }

    /// Tells the holes of a word what they are to it.
    fn settle(&mut self, word: &Word, role: Role, ends: Ends) {
        let plain = ends == Ends::Operators
            && word.parts.iter().all(|part| match part {
                Part::Text { text, quoted } => !quoted && text.chars().all(|c| is_plain_char(c) || c == '='),
                Part::Hole(_) => true,
                Part::Variable { .. } | Part::Other => false,
            })
            && matches!(self.peek(), None | Some(Symbol::Char(' ' | '\t' | '\n' | ';' | '|' | ')')));
        for part in &word.parts {
            if let Part::Hole(hole) = part {
                let site = &mut self.sites[*hole];
                site.role = role;
                site.plain = plain;
                site.alone = word.parts.len() == 1;
            }
        }
    }

    /// One letter that is not the end of the word, with what it begins.
    pub(super) fn letter(&mut self, c: char, word: &mut Word) -> Result<(), Fault> {
        match c {
            '\'' => self.single(word),
            '"' => self.double(word),
            '`' => self.backtick(word),
            '$' => self.dollar(word, Quotes::None),
            '\\' => {
                self.at += 1;
                self.escaped(word);
                Ok(())
            }
            _ => {
                if c == '\n' {
                    self.line_inside()?;
                }
                word.push(c, false);
                self.at += 1;
                Ok(())
            }
        }
    }

    /// After a backslash outside quotes.
    fn escaped(&mut self, word: &mut Word) {
        match self.peek() {
            Some(Symbol::Hole) => {
                let part = self.hole(Place::Refused(Refusal::Backslash));
                word.parts.push(part);
            }
            Some(Symbol::Char(c)) => {
                word.push(c, true);
                self.at += 1;
            }
            None => word.push('\\', true),
        }
    }

    fn single(&mut self, word: &mut Word) -> Result<(), Fault> {
        let start = self.at;
        self.at += 1;
        word.quote();
        loop {
            match self.peek() {
                None => return Err(self.unclosed(start, "a single quote")),
                Some(Symbol::Hole) => {
                    let part = self.hole(Place::Single);
                    word.parts.push(part);
                }
                Some(Symbol::Char('\'')) => {
                    self.at += 1;
                    return Ok(());
                }
                Some(Symbol::Char(c)) => {
                    if c == '\n' {
                        self.line_inside()?;
                    }
                    word.push(c, true);
                    self.at += 1;
                }
            }
        }
    }

    pub(super) fn double(&mut self, word: &mut Word) -> Result<(), Fault> {
        let start = self.at;
        self.at += 1;
        word.quote();
        loop {
            self.join_lines();
            match self.peek() {
                None => return Err(self.unclosed(start, "a double quote")),
                Some(Symbol::Hole) => {
                    let part = self.hole(Place::Double);
                    word.parts.push(part);
                }
                Some(Symbol::Char('"')) => {
                    self.at += 1;
                    return Ok(());
                }
                Some(Symbol::Char('`')) => self.backtick(word)?,
                Some(Symbol::Char('$')) => self.dollar(word, Quotes::Double)?,
                Some(Symbol::Char('\\')) => {
                    self.at += 1;
                    if matches!(self.peek(), Some(Symbol::Char('"' | '\\' | '$' | '`') | Symbol::Hole)) {
                        self.escaped(word);
                    } else {
                        word.push('\\', true);
                    }
                }
                Some(Symbol::Char(c)) => {
                    if c == '\n' {
                        self.line_inside()?;
                    }
                    word.push(c, true);
                    self.at += 1;
                }
            }
        }
    }

    /// `NAME=( … )`, if the word so far is `NAME=`.
    fn array(&mut self, word: &Word, role: Role) -> Result<bool, Fault> {
        let [Part::Text { text, quoted: false }] = word.parts.as_slice() else { return Ok(false) };
        let Some(name) = text.strip_suffix("+=").or(text.strip_suffix('=')) else { return Ok(false) };
        if !matches!(role, Role::Program | Role::Assignment | Role::Argument) || !is_name(name) {
            return Ok(false);
        }
        self.only_bash(self.at, "an array");
        self.at += 1;
        loop {
            self.blanks();
            match self.peek() {
                Some(Symbol::Char('\n')) => {
                    self.line_inside()?;
                    self.at += 1;
                }
                Some(Symbol::Char('#')) => self.comment(),
                Some(Symbol::Char(')')) => {
                    self.at += 1;
                    return Ok(true);
                }
                None | Some(Symbol::Char(';' | '&' | '|' | '<' | '>' | '(')) => {
                    return Err(self.fault("the list of an array does not end", "close it with `)`"));
                }
                Some(_) => {
                    self.deeper(|lexer| lexer.word(Role::Item, Ends::Operators))?;
                }
            }
        }
    }

    pub(super) fn unclosed(&self, start: usize, what: &str) -> Fault {
        self.fault_at(start, format!("{what} is not closed"), "close it, or put a backslash before it")
    }
}

impl Word {
    pub(super) fn push(&mut self, c: char, is_quoted: bool) {
        match self.parts.last_mut() {
            Some(Part::Text { text, quoted }) if *quoted == is_quoted => text.push(c),
            _ => self.parts.push(Part::Text { text: c.to_string(), quoted: is_quoted }),
        }
    }

    /// Quotes open: the word is there, even if nothing is in them.
    fn quote(&mut self) {
        if !matches!(self.parts.last(), Some(Part::Text { quoted: true, .. })) {
            self.parts.push(Part::Text { text: String::new(), quoted: true });
        }
    }

    fn ends_in(&self, letters: [char; 5]) -> bool {
        matches!(self.parts.last(), Some(Part::Text { text, quoted: false }) if text.ends_with(letters))
    }

    /// The letters, if all of them are written out without quotes.
    pub(super) fn unquoted(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Text { text, quoted: false }] => Some(text),
            _ => None,
        }
    }
}

/// Is the end of the word so far inside `name[ ]`, which the shell computes?
fn in_subscript(word: &Word, role: Role) -> bool {
    let Some(Part::Text { text, quoted: false }) = word.parts.first() else { return false };
    let Some((name, _)) = text.split_once('[') else { return false };
    let closed = word.parts.iter().any(|part| matches!(part, Part::Text { text, quoted: false } if text.contains(']')));
    match role {
        Role::Program | Role::Assignment => is_name(name) && !closed,
        Role::Item => name.is_empty() && !closed,
        Role::Argument | Role::Lone => false,
    }
}
