//! A shell's eye on a command: which lexical place each hole has, and in which word of which command it stands.
//!
//! It reads the common ground of `bash` and `sh`: words, quotes, substitutions, here-documents, comments, `case`,
//! functions, arrays, `[[ ]]`, arithmetic. It is no judge of grammar. Where shells differ about where a quote ends,
//! or where the text cannot be followed, it says so ([`Fault`]) instead of guessing; a command without holes may
//! have faults, then nothing depends on it.
//!
//! Pure: symbols in, places out. A hole is a symbol of its own, so no letter of a value is ever looked at here.

mod document;
mod expansions;
mod lists;
mod words;

use std::ops::Range;

/// What the shell will read: a letter, or a hole that a value goes into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symbol {
    Char(char),
    Hole,
}

/// A command with its holes still open, and for each symbol where it stands in the template.
#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    pub symbols: Vec<Symbol>,
    pub origins: Vec<usize>,
}

/// Where a hole stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Bare,
    Double,
    Single,
    Refused(Refusal),
}

/// A place where a value cannot be quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Comment,
    HereDocument,
    HereDelimiter,
    Arithmetic,
    Expansion,
    Backtick,
    AnsiQuote,
    LocaleQuote,
    Backslash,
    Dollar,
    /// Glued behind `$name`, which it would make longer.
    Variable(String),
    Subscript,
    /// The name of a function or of a loop's variable.
    Name,
    /// The target of `>&` or `<&`, a descriptor.
    Descriptor,
}

/// A hole: its place, and what it is to its word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    pub place: Place,
    pub role: Role,
    /// The word around it is made of plain letters, so a plain value needs no quotes.
    pub plain: bool,
    /// It is the whole word, so that a list can be several.
    pub alone: bool,
}

/// What a word is to its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The first word: the program.
    Program,
    Argument,
    /// `NAME=value` before the program.
    Assignment,
    /// One of several words that only are: after `for x in`, in `a=( )`.
    Item,
    /// A word that cannot be several: a file after `>`, the subject of a `case`, in `[[ ]]`.
    Lone,
}

/// A word, with every hole in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub parts: Vec<Part>,
    /// The holes in it, also those inside its substitutions.
    pub holes: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text {
        text: String,
        quoted: bool,
    },
    Hole(usize),
    /// `$name`, and where it stands in the template.
    Variable {
        name: String,
        at: Range<usize>,
    },
    /// What only the shell knows: `$( )`, `$(( ))`, `${ }`.
    Other,
}

/// A simple command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    pub assignments: Vec<Word>,
    pub words: Vec<Word>,
    /// The words after `<<<`.
    pub here_strings: Vec<Word>,
    /// The holes of the commands whose output it reads through a pipe.
    pub fed_by: Range<usize>,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lexed {
    pub sites: Vec<Site>,
    pub commands: Vec<Command>,
    pub fault: Option<Fault>,
    /// The first construct that `sh` does not have, and its offset in the template.
    pub only_bash: Option<(usize, &'static str)>,
}

/// Why the rest could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Offset in the template.
    pub at: usize,
    pub message: String,
    pub help: String,
}

/// Reads a command.
pub(super) fn lex(source: &Source) -> Lexed {
    let mut lexer = Lexer::new(source);
    let fault = lexer.list(End::Input).err();
    Lexed { sites: lexer.sites, commands: lexer.commands, fault, only_bash: lexer.only_bash }
}

impl Source {
    pub(super) fn push_text(&mut self, text: &str, at: usize) {
        for (offset, c) in text.char_indices() {
            self.symbols.push(Symbol::Char(c));
            self.origins.push(at + offset);
        }
    }

    pub(super) fn push_hole(&mut self, at: usize) {
        self.symbols.push(Symbol::Hole);
        self.origins.push(at);
    }
}

/// What ends a list of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Input,
    /// `)`
    Paren,
    /// `;;` or `esac`
    Clause,
}

struct Lexer<'a> {
    source: &'a Source,
    at: usize,
    sites: Vec<Site>,
    commands: Vec<Command>,
    /// Here-documents whose bodies begin after this line.
    pending: Vec<document::Opening>,
    /// A list around this one waits for here-documents, so no line may end here.
    waiting: bool,
    /// Inside something in which no hole can be quoted.
    refused: Option<Refusal>,
    /// The holes that feed the standard input of what comes now.
    fed_by: Range<usize>,
    depth: usize,
    only_bash: Option<(usize, &'static str)>,
}

const DEPTH: usize = 64;

impl<'a> Lexer<'a> {
    fn new(source: &'a Source) -> Self {
        Self {
            source,
            at: 0,
            sites: Vec::new(),
            commands: Vec::new(),
            pending: Vec::new(),
            waiting: false,
            refused: None,
            fed_by: 0..0,
            depth: 0,
            only_bash: None,
        }
    }

    fn symbol(&self, ahead: usize) -> Option<Symbol> {
        self.source.symbols.get(self.at + ahead).copied()
    }

    fn peek(&self) -> Option<Symbol> {
        self.symbol(0)
    }

    /// Do the next symbols read so?
    fn sees(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(ahead, c)| self.symbol(ahead) == Some(Symbol::Char(c)))
    }

    /// Skips the text if it comes next.
    fn takes(&mut self, text: &str) -> bool {
        let seen = self.sees(text);
        if seen {
            self.at += text.chars().count();
        }
        seen
    }

    /// A backslash at the end of a line is nothing, outside single quotes.
    fn join_lines(&mut self) {
        while self.takes("\\\n") {}
    }

    fn blanks(&mut self) {
        loop {
            self.join_lines();
            if !self.takes(" ") && !self.takes("\t") {
                return;
            }
        }
    }

    /// Records a hole and steps over it.
    fn hole(&mut self, place: Place) -> Part {
        let place = self.refused.clone().map_or(place, Place::Refused);
        self.sites.push(Site { place, role: Role::Lone, plain: false, alone: false });
        self.at += 1;
        Part::Hole(self.sites.len() - 1)
    }

    /// Reads with every hole refused.
    fn refusing<T>(&mut self, refusal: Refusal, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        let outer = self.refused.clone();
        self.refused = Some(outer.clone().unwrap_or(refusal));
        let result = read(self);
        self.refused = outer;
        result
    }

    /// Reads something that may stand inside itself.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.fault("substitutions stand too deep inside each other", "split the command into steps"));
        }
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Notes a construct that `sh` does not have.
    fn only_bash(&mut self, symbol: usize, what: &'static str) {
        let at = self.source.origins.get(symbol).copied().unwrap_or(0);
        self.only_bash.get_or_insert((at, what));
    }

    fn fault(&self, message: impl Into<String>, help: impl Into<String>) -> Fault {
        self.fault_at(self.at, message, help)
    }

    fn fault_at(&self, symbol: usize, message: impl Into<String>, help: impl Into<String>) -> Fault {
        let origins = &self.source.origins;
        let at = origins.get(symbol).or(origins.last()).copied().unwrap_or(0);
        Fault { at, message: message.into(), help: help.into() }
    }

    /// A line ends inside a word: not while here-documents wait, since shells differ about what comes first.
    fn line_inside(&self) -> Result<(), Fault> {
        if self.waiting || !self.pending.is_empty() {
            let help = "begin the here-document on a line of its own, or use `stdin:`";
            return Err(self.fault("a line ends inside a word while a here-document waits for its body", help));
        }
        Ok(())
    }
}

/// A name as the shell knows it.
fn is_name(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests;
