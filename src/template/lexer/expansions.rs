//! What begins with `$` or a backtick: variables, substitutions, arithmetic.

use super::{End, Fault, Lexer, Part, Place, Refusal, Symbol, Word};

/// Around a dollar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    None,
    Double,
}

impl Lexer<'_> {
    /// Up to the next backtick, whatever quotes say; what is inside is unescaped once before it is read.
    pub(super) fn backtick(&mut self, word: &mut Word) -> Result<(), Fault> {
        let start = self.at;
        self.at += 1;
        word.parts.push(Part::Other);
        self.refusing(Refusal::Backtick, |lexer| lexer.until('`', start, "a backtick"))
    }

    /// Skips to an unescaped letter.
    fn until(&mut self, end: char, start: usize, what: &str) -> Result<(), Fault> {
        loop {
            match self.peek() {
                None => return Err(self.unclosed(start, what)),
                Some(Symbol::Hole) => {
                    self.hole(Place::Bare);
                }
                Some(Symbol::Char('\\')) => {
                    self.at += 1;
                    if let Some(Symbol::Char(_)) = self.peek() {
                        self.at += 1;
                    }
                }
                Some(Symbol::Char(c)) => {
                    if c == '\n' {
                        self.line_inside()?;
                    }
                    self.at += 1;
                    if c == end {
                        return Ok(());
                    }
                }
            }
        }
    }

    pub(super) fn dollar(&mut self, word: &mut Word, quotes: Quotes) -> Result<(), Fault> {
        let start = self.at;
        self.at += 1;
        self.join_lines();
        match self.peek() {
            Some(Symbol::Hole) => {
                let part = self.hole(Place::Refused(Refusal::Dollar));
                word.parts.push(part);
            }
            Some(Symbol::Char('(')) => {
                self.at += 1;
                self.join_lines();
                if self.takes("(") {
                    self.arithmetic(start)?;
                } else {
                    self.deeper(|lexer| lexer.list(End::Paren))?;
                }
                word.parts.push(Part::Other);
            }
            Some(Symbol::Char('{')) => {
                self.at += 1;
                self.refusing(Refusal::Expansion, |lexer| lexer.deeper(|lexer| lexer.expansion(start, quotes)))?;
                word.parts.push(Part::Other);
            }
            Some(Symbol::Char('[')) => {
                self.only_bash(start, "$[ ]");
                self.at += 1;
                self.refusing(Refusal::Arithmetic, |lexer| lexer.until(']', start, "`$[`"))?;
                word.parts.push(Part::Other);
            }
            Some(Symbol::Char('\'')) if quotes == Quotes::None => {
                self.only_bash(start, "$' '");
                self.at += 1;
                let before = self.at;
                self.refusing(Refusal::AnsiQuote, |lexer| lexer.until('\'', start, "`$'`"))?;
                let mut pairs = self.source.symbols[before..self.at - 1].windows(2);
                if pairs.any(|pair| pair == [Symbol::Char('\\'), Symbol::Char('\'')]) {
                    let help = "write it in ordinary quotes";
                    return Err(self.fault_at(start, r"`$'…\'…'` ends at different places in different shells", help));
                }
                word.parts.push(Part::Other);
            }
            Some(Symbol::Char('"')) if quotes == Quotes::None => {
                self.only_bash(start, "$\" \"");
                self.refusing(Refusal::LocaleQuote, |lexer| lexer.double(word))?;
                word.parts.push(Part::Other);
            }
            Some(Symbol::Char(c)) => self.variable(c, start, word),
            None => word.push('$', quotes == Quotes::Double),
        }
        Ok(())
    }

    /// `$name`, `$1`, `$?`, or a dollar that is only itself.
    fn variable(&mut self, first: char, start: usize, word: &mut Word) {
        let mut name = String::new();
        if first == '_' || first.is_ascii_alphabetic() {
            while let Some(Symbol::Char(c)) = self.peek()
                && (c == '_' || c.is_ascii_alphanumeric())
            {
                name.push(c);
                self.at += 1;
                self.join_lines();
            }
        } else if first.is_ascii_digit() || "@*#?-$!".contains(first) {
            self.at += 1;
            word.parts.push(Part::Other);
            return;
        } else {
            word.push('$', true);
            return;
        }
        let at = self.source.origins[start];
        word.parts.push(Part::Variable { name: name.clone(), at: at..at + 1 + name.len() });
        if self.peek() == Some(Symbol::Hole) {
            let part = self.hole(Place::Refused(Refusal::Variable(name)));
            word.parts.push(part);
        }
    }

    /// After `${`, up to its `}`.
    fn expansion(&mut self, start: usize, quotes: Quotes) -> Result<(), Fault> {
        let mut skipped = Word { parts: Vec::new(), holes: 0..0 };
        if matches!(self.peek(), Some(Symbol::Char(' ' | '\t' | '\n' | '|'))) {
            return Err(self.fault_at(start, "`${ ` cannot be followed", "write `$( … )`"));
        }
        loop {
            match self.peek() {
                None => return Err(self.unclosed(start, "`${`")),
                Some(Symbol::Hole) => {
                    self.hole(Place::Bare);
                }
                Some(Symbol::Char('}')) => {
                    self.at += 1;
                    return Ok(());
                }
                Some(Symbol::Char('\'')) if quotes == Quotes::Double => {
                    let help = "take the quote out of `${ }`, or the `${ }` out of the double quotes";
                    return Err(
                        self.fault("a single quote in `\"${ }\"` is read differently by different shells", help)
                    );
                }
                Some(Symbol::Char('\\')) => {
                    self.at += 1;
                    if let Some(Symbol::Char(_)) = self.peek() {
                        self.at += 1;
                    }
                }
                Some(Symbol::Char('$')) => self.dollar(&mut skipped, quotes)?,
                Some(Symbol::Char(c)) => self.letter(c, &mut skipped)?,
            }
        }
    }

    /// After `((` or `$((`, up to `))`.
    pub(super) fn arithmetic(&mut self, start: usize) -> Result<(), Fault> {
        self.refusing(Refusal::Arithmetic, |lexer| lexer.deeper(|lexer| lexer.arithmetic_inside(start)))
    }

    fn arithmetic_inside(&mut self, start: usize) -> Result<(), Fault> {
        let mut skipped = Word { parts: Vec::new(), holes: 0..0 };
        let mut open = 0usize;
        loop {
            self.join_lines();
            match self.peek() {
                None => return Err(self.unclosed(start, "`((`")),
                Some(Symbol::Hole) => {
                    self.hole(Place::Bare);
                }
                Some(Symbol::Char(')')) if open == 0 => {
                    if self.takes("))") {
                        return Ok(());
                    }
                    let help = "write a space between them, `( (`, for a subshell in a subshell";
                    return Err(self.fault_at(start, "`((` does not end in `))`", help));
                }
                Some(Symbol::Char(c)) => {
                    open = match c {
                        '(' => open + 1,
                        ')' => open - 1,
                        _ => open,
                    };
                    self.letter(c, &mut skipped)?;
                }
            }
        }
    }
}
