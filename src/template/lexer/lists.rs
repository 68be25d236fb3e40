//! Commands one after the other: operators, reserved words, redirections.

use std::ops::Range;

use super::words::Ends;
use super::{Command, End, Fault, Lexer, Part, Place, Refusal, Role, Symbol, Word, is_name};

/// A list that a reserved word opened, for pipes out of and into it.
struct Level {
    /// The first hole of the pipeline that is read now.
    start: usize,
    /// The holes that feed what stands in it.
    fed_by: Range<usize>,
}

impl Lexer<'_> {
    /// Reads commands up to `end`, and `)` with it.
    pub(super) fn list(&mut self, end: End) -> Result<(), Fault> {
        let outer_pending = std::mem::take(&mut self.pending);
        let outer_waiting = self.waiting;
        let outer_fed = self.fed_by.clone();
        if end == End::Clause {
            // a clause of `case` is no list of its own to here-documents
            self.pending = outer_pending;
            self.commands_until(end)?;
        } else {
            self.waiting |= !outer_pending.is_empty();
            self.commands_until(end)?;
            self.no_bodies()?;
            self.pending = outer_pending;
        }
        self.waiting = outer_waiting;
        self.fed_by = outer_fed;
        Ok(())
    }

    fn commands_until(&mut self, end: End) -> Result<(), Fault> {
        let mut levels = vec![Level { start: self.sites.len(), fed_by: self.fed_by.clone() }];
        let mut piped = false;
        loop {
            self.blanks();
            let top = levels.last_mut().expect("the first level stays");
            match self.peek() {
                None if end == End::Paren => return Err(self.fault("`(` is not closed", "close it with `)`")),
                None if end == End::Clause => return Err(self.fault("`case` has no `esac`", "write `esac`")),
                None => return Ok(()),
                Some(Symbol::Char('#')) => self.comment(),
                Some(Symbol::Char('\n')) => {
                    self.newline()?;
                    if !piped {
                        top.start = self.sites.len();
                    }
                }
                Some(Symbol::Char(';')) if end == End::Clause && (self.sees(";;") || self.sees(";&")) => return Ok(()),
                Some(Symbol::Char(')')) if end == End::Paren => {
                    self.at += 1;
                    return Ok(());
                }
                Some(Symbol::Char(')')) => return Err(self.fault("`)` closes nothing", "take it out, or quote it")),
                Some(Symbol::Char('|')) if !self.sees("||") => {
                    self.at += if self.sees("|&") { 2 } else { 1 };
                    piped = true;
                }
                Some(Symbol::Char(';' | '&' | '|')) if !self.sees("&>") => {
                    self.at += if self.sees("&&") || self.sees("||") { 2 } else { 1 };
                    top.start = self.sites.len();
                    piped = false;
                }
                Some(_) => {
                    self.fed_by = if piped { top.start..self.sites.len() } else { top.fed_by.clone() };
                    piped = false;
                    if self.one(&mut levels, end)? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// One command, or the reserved word before it. True at the `esac` that ends a clause.
    fn one(&mut self, levels: &mut Vec<Level>, end: End) -> Result<bool, Fault> {
        if self.peek() == Some(Symbol::Char('(')) {
            let start = self.at;
            self.at += 1;
            if self.takes("(") {
                self.only_bash(start, "(( ))");
                self.arithmetic(start)?;
            } else {
                self.deeper(|lexer| lexer.list(End::Paren))?;
            }
            return Ok(false);
        }
        let (word, after) = self.ahead();
        match word.as_str() {
            "if" | "while" | "until" | "{" => {
                self.at = after;
                levels.push(Level { start: self.sites.len(), fed_by: self.fed_by.clone() });
            }
            "then" | "elif" | "else" | "do" | "!" => self.at = after,
            "fi" | "done" | "}" => {
                self.at = after;
                if levels.len() > 1 {
                    levels.pop();
                }
            }
            "time" => {
                self.at = after;
                self.blanks();
                self.takes("-p");
            }
            "for" | "select" => {
                self.at = after;
                levels.push(Level { start: self.sites.len(), fed_by: self.fed_by.clone() });
                self.repeated()?;
            }
            "case" => {
                self.at = after;
                self.deeper(Self::case)?;
            }
            "esac" if end == End::Clause => return Ok(true),
            "function" => {
                self.only_bash(self.at, "function");
                self.at = after;
                self.blanks();
                self.refusing(Refusal::Name, |lexer| lexer.word(Role::Lone, Ends::Operators))?;
                self.blanks();
                if self.takes("(") {
                    self.blanks();
                    self.takes(")");
                }
            }
            "coproc" => return Err(self.fault("`coproc` cannot be followed", "run it as a step of its own")),
            "[[" => {
                self.only_bash(self.at, "[[ ]]");
                self.at = after;
                self.condition()?;
            }
            _ => self.simple()?,
        }
        Ok(false)
    }

    /// The letters of a word that is written out, and where it ends; empty if it is not.
    fn ahead(&self) -> (String, usize) {
        let mut word = String::new();
        let mut at = self.at;
        loop {
            match self.source.symbols.get(at) {
                Some(Symbol::Char('\\')) if self.source.symbols.get(at + 1) == Some(&Symbol::Char('\n')) => at += 2,
                Some(Symbol::Char(c)) if c.is_ascii_lowercase() || "{}[]!".contains(*c) => {
                    word.push(*c);
                    at += 1;
                }
                None | Some(Symbol::Char(' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')')) => {
                    return (word, at);
                }
                Some(_) => return (String::new(), at),
            }
        }
    }

    pub(super) fn comment(&mut self) {
        while let Some(symbol) = self.peek() {
            match symbol {
                Symbol::Char('\n') => return,
                Symbol::Char(_) => self.at += 1,
                Symbol::Hole => {
                    self.hole(Place::Refused(Refusal::Comment));
                }
            }
        }
    }

    fn newline(&mut self) -> Result<(), Fault> {
        if self.waiting {
            self.line_inside()?;
        }
        self.at += 1;
        self.bodies()
    }

    /// Blanks, lines and comments.
    fn space(&mut self) -> Result<(), Fault> {
        loop {
            self.blanks();
            match self.peek() {
                Some(Symbol::Char('\n')) => self.newline()?,
                Some(Symbol::Char('#')) => self.comment(),
                _ => return Ok(()),
            }
        }
    }

    /// After `for` or `select`, up to the end of its words.
    fn repeated(&mut self) -> Result<(), Fault> {
        self.blanks();
        let start = self.at;
        if self.takes("((") {
            self.only_bash(start, "for (( ))");
            return self.arithmetic(start);
        }
        let name = self.refusing(Refusal::Name, |lexer| lexer.word(Role::Lone, Ends::Operators))?;
        self.space()?;
        let (word, after) = self.ahead();
        if word != "in" {
            return Ok(());
        }
        self.at = after;
        let mut assigned = Command::default();
        loop {
            self.blanks();
            match self.peek() {
                None | Some(Symbol::Char('\n' | ';' | '#')) => break,
                Some(Symbol::Char('&' | '|' | '<' | '>' | '(' | ')')) if !self.sees("<(") && !self.sees(">(") => {
                    return Err(self.fault("the words of a loop do not end", "end them with `;` or a new line"));
                }
                Some(_) => {
                    let mut word = self.word(Role::Item, Ends::Operators)?;
                    // to the audit it is what it does: the variable holds the word
                    let text = format!("{}=", name.unquoted().unwrap_or_default());
                    word.parts.insert(0, Part::Text { text, quoted: false });
                    assigned.assignments.push(word);
                }
            }
        }
        self.commands.push(assigned);
        Ok(())
    }

    fn case(&mut self) -> Result<(), Fault> {
        self.blanks();
        self.word(Role::Lone, Ends::Operators)?;
        self.space()?;
        let (word, after) = self.ahead();
        if word != "in" {
            return Err(self.fault("`case` has no `in`", "write `case … in`"));
        }
        self.at = after;
        loop {
            self.space()?;
            let (word, after) = self.ahead();
            if word == "esac" {
                self.at = after;
                return Ok(());
            }
            self.takes("(");
            self.patterns()?;
            self.list(End::Clause)?;
            let _ = self.takes(";;&") || self.takes(";;") || self.takes(";&");
        }
    }

    fn patterns(&mut self) -> Result<(), Fault> {
        loop {
            self.blanks();
            self.word(Role::Lone, Ends::Operators)?;
            self.blanks();
            if self.takes(")") {
                return Ok(());
            }
            if !self.takes("|") {
                return Err(self.fault("a pattern of `case` has no `)`", "write `pattern) commands ;;`"));
            }
        }
    }

    /// After `[[`, up to `]]`.
    fn condition(&mut self) -> Result<(), Fault> {
        let start = self.at.saturating_sub(2);
        let operator = |text: &str, at: usize| Word {
            parts: vec![Part::Text { text: text.to_owned(), quoted: false }],
            holes: at..at,
        };
        let mut command = Command { words: vec![operator("[[", self.sites.len())], ..Command::default() };
        loop {
            self.space_in_condition()?;
            let (word, after) = self.ahead();
            if word == "]]" {
                self.at = after;
                self.commands.push(command);
                return Ok(());
            }
            let pattern = command
                .words
                .last()
                .and_then(Word::unquoted)
                .is_some_and(|text| matches!(text, "=~" | "==" | "=" | "!="));
            let sign = ["&&", "||", "(", ")", "<", ">"].into_iter().find(|sign| !pattern && self.sees(sign));
            if self.peek().is_none() {
                return Err(self.fault_at(start, "`[[` is not closed", "close it with ` ]]`"));
            } else if let Some(sign) = sign.filter(|_| !self.sees("<(") && !self.sees(">(")) {
                self.takes(sign);
                command.words.push(operator(sign, self.sites.len()));
            } else {
                let before = self.at;
                command.words.push(self.word(Role::Lone, Ends::Condition)?);
                if self.at == before {
                    return Err(self.fault("the condition in `[[ ]]` cannot be followed", "use several conditions"));
                }
            }
        }
    }

    fn space_in_condition(&mut self) -> Result<(), Fault> {
        loop {
            self.blanks();
            match self.peek() {
                Some(Symbol::Char('\n')) => {
                    self.line_inside()?;
                    self.at += 1;
                }
                Some(Symbol::Char('#')) => {
                    return Err(self.fault("`#` stands in `[[ ]]`", "quote it, or move the comment"));
                }
                _ => return Ok(()),
            }
        }
    }

    /// A command without reserved words: assignments, words and redirections.
    fn simple(&mut self) -> Result<(), Fault> {
        let mut command = Command { fed_by: self.fed_by.clone(), ..Command::default() };
        loop {
            self.blanks();
            match self.peek() {
                None | Some(Symbol::Char('\n' | ';' | '|' | ')')) => break,
                Some(Symbol::Char('#')) => {
                    self.comment();
                    break;
                }
                Some(Symbol::Char('&')) if !self.sees("&>") => break,
                Some(Symbol::Char('<' | '>' | '&')) if !self.sees("<(") && !self.sees(">(") => {
                    self.redirection(&mut command)?;
                }
                Some(Symbol::Char('(')) => {
                    self.function(&command)?;
                    return Ok(());
                }
                Some(_) => self.simple_word(&mut command)?,
            }
        }
        self.commands.push(command);
        Ok(())
    }

    fn simple_word(&mut self, command: &mut Command) -> Result<(), Fault> {
        let role = if command.words.is_empty() { Role::Program } else { Role::Argument };
        let word = self.word(role, Ends::Operators)?;
        let before_redirection =
            matches!(self.peek(), Some(Symbol::Char('<' | '>'))) && !self.sees("<(") && !self.sees(">(");
        if before_redirection && word.unquoted().is_some_and(is_descriptor) {
            return Ok(());
        }
        if role == Role::Program && word.assigned().is_some() {
            for part in &word.parts {
                if let Part::Hole(hole) = part {
                    self.sites[*hole].role = Role::Assignment;
                }
            }
            command.assignments.push(word);
        } else {
            command.words.push(word);
        }
        Ok(())
    }

    fn redirection(&mut self, command: &mut Command) -> Result<(), Fault> {
        let at = self.at;
        if self.takes("<<<") {
            self.only_bash(at, "<<<");
            self.blanks();
            let word = self.word(Role::Lone, Ends::Operators)?;
            command.here_strings.push(word);
            return Ok(());
        }
        if self.takes("<<-") {
            return self.opening(at, true);
        }
        if self.takes("<<") {
            return self.opening(at, false);
        }
        if self.sees("&>") {
            self.only_bash(at, "&>");
        }
        let descriptor = self.takes(">&") || self.takes("<&");
        let _ = descriptor || ["&>>", "&>", ">>", ">|", "<>", ">", "<"].into_iter().any(|sign| self.takes(sign));
        self.blanks();
        if descriptor {
            self.refusing(Refusal::Descriptor, |lexer| lexer.word(Role::Lone, Ends::Operators))?;
        } else {
            self.word(Role::Lone, Ends::Operators)?;
        }
        Ok(())
    }

    /// `name ()`, after the name.
    fn function(&mut self, command: &Command) -> Result<(), Fault> {
        let at = self.at;
        self.at += 1;
        self.blanks();
        let named = command.assignments.is_empty() && command.words.len() == 1;
        if !named || !self.takes(")") {
            return Err(self.fault_at(at, "`(` stands where no command begins", "quote it"));
        }
        for hole in command.words[0].holes.clone() {
            self.sites[hole].place = Place::Refused(Refusal::Name);
        }
        Ok(())
    }
}

impl Word {
    /// The name and the rest of `NAME=value`.
    pub(in crate::template) fn assigned(&self) -> Option<&str> {
        let Some(Part::Text { text, quoted: false }) = self.parts.first() else { return None };
        let (name, _) = text.split_once('=')?;
        let name = name.strip_suffix('+').unwrap_or(name);
        let name = name.split_once('[').filter(|(_, rest)| rest.ends_with(']')).map_or(name, |(name, _)| name);
        is_name(name).then_some(name)
    }
}

/// `2` in `2>file`, `{log}` in `{log}>file`.
fn is_descriptor(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit())
        || text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).is_some_and(is_name)
}
