//! Here-documents: their delimiters, and their bodies after the line.

use super::{Fault, Lexer, Refusal, Symbol};

/// A here-document that waits for its body.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    delimiter: String,
    /// A quoted delimiter leaves the body as it is.
    quoted: bool,
    /// `<<-` takes the tabs before each line.
    tabs: bool,
    /// Where it began, in symbols.
    at: usize,
}

impl Lexer<'_> {
    /// Reads the delimiter after `<<` or `<<-`.
    pub(super) fn opening(&mut self, at: usize, tabs: bool) -> Result<(), Fault> {
        self.blanks();
        let mut opening = Opening { delimiter: String::new(), quoted: false, tabs, at };
        let start = self.at;
        loop {
            self.join_lines();
            let Some(symbol) = self.peek() else { break };
            match symbol {
                Symbol::Hole => {
                    self.refusing(Refusal::HereDelimiter, |lexer| Ok(lexer.hole(super::Place::Bare)))?;
                }
                Symbol::Char(' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')') => break,
                Symbol::Char(quote @ ('\'' | '"')) => self.delimiter_quote(quote, &mut opening)?,
                Symbol::Char('$' | '`') => {
                    let help = "choose a plain word such as `EOF`";
                    return Err(self.fault("the delimiter of a here-document is not a plain word", help));
                }
                Symbol::Char('\\') => {
                    self.at += 1;
                    opening.quoted = true;
                    if let Some(Symbol::Char(c)) = self.peek() {
                        opening.delimiter.push(c);
                        self.at += 1;
                    }
                }
                Symbol::Char(c) => {
                    opening.delimiter.push(c);
                    self.at += 1;
                }
            }
        }
        if self.at == start {
            return Err(self.fault("a here-document has no delimiter", "write `<<EOF`"));
        }
        self.pending.push(opening);
        Ok(())
    }

    fn delimiter_quote(&mut self, quote: char, opening: &mut Opening) -> Result<(), Fault> {
        self.at += 1;
        opening.quoted = true;
        loop {
            match self.peek() {
                Some(Symbol::Char(c)) if c == quote => {
                    self.at += 1;
                    return Ok(());
                }
                Some(Symbol::Char('\\' | '\n')) | None => {
                    return Err(self.fault("the delimiter of a here-document is not a plain word", "choose `EOF`"));
                }
                Some(Symbol::Hole) => {
                    self.refusing(Refusal::HereDelimiter, |lexer| Ok(lexer.hole(super::Place::Bare)))?;
                }
                Some(Symbol::Char(c)) => {
                    opening.delimiter.push(c);
                    self.at += 1;
                }
            }
        }
    }

    /// The bodies that begin after this line.
    pub(super) fn bodies(&mut self) -> Result<(), Fault> {
        for opening in std::mem::take(&mut self.pending) {
            self.refusing(Refusal::HereDocument, |lexer| lexer.body(&opening))?;
        }
        Ok(())
    }

    fn body(&mut self, opening: &Opening) -> Result<(), Fault> {
        loop {
            if self.peek().is_none() {
                return Err(self.unfinished(opening));
            }
            if opening.tabs {
                while self.takes("\t") {}
            }
            let mut line = Some(String::new());
            loop {
                match self.peek() {
                    None => break,
                    Some(Symbol::Hole) => {
                        self.hole(super::Place::Bare);
                        line = None;
                    }
                    Some(Symbol::Char('\n')) => {
                        self.at += 1;
                        break;
                    }
                    // the next line belongs to this one, so it is not the delimiter
                    Some(Symbol::Char('\\')) if !opening.quoted => {
                        self.at += 1;
                        line = None;
                        if let Some(Symbol::Char(_)) = self.peek() {
                            self.at += 1;
                        }
                    }
                    Some(Symbol::Char(c)) => {
                        if let Some(line) = &mut line {
                            line.push(c);
                        }
                        self.at += 1;
                    }
                }
            }
            if line.is_some_and(|line| line == opening.delimiter) {
                return Ok(());
            }
        }
    }

    /// No line ended after `<<EOF`.
    pub(super) fn no_bodies(&self) -> Result<(), Fault> {
        self.pending.first().map_or(Ok(()), |opening| Err(self.unfinished(opening)))
    }

    fn unfinished(&self, opening: &Opening) -> Fault {
        let message = format!("a here-document has no line `{}` at its end", opening.delimiter);
        self.fault_at(opening.at, message, "use `stdin:`, which needs no delimiter")
    }
}
