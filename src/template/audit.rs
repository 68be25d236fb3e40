//! What becomes of a value after the shell: words that are evaluated again, and words that may be read as options.
//!
//! It follows a value as far as the text shows it: through wrappers such as `sudo`, through pipes into a shell, and
//! through a variable that the same command sets. It does not follow what a script of the author does.

mod builtins;
mod options;

use std::collections::BTreeSet;
use std::ops::Range;

use super::engine::Filling;
use super::lexer::{Command, Lexed, Part, Word};
use super::programs::{self, Operands, Program, Stdin};

/// What is known of the holes.
pub(super) enum Reading<'a> {
    /// Their values.
    Values(&'a [Filling]),
    /// For each, whether its value cannot begin with `-`.
    Rules(&'a [bool]),
}

/// A word that means more than it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub subject: Subject,
    pub kind: FindingKind,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Hole(usize),
    /// `$name` of a variable that holds a value.
    Variable {
        name: String,
        start: usize,
        end: usize,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FindingKind {
    /// Evaluated again by this.
    Again(String),
    /// May be an option of this; the flag says whether `--` helps.
    Dash { program: String, separator: bool },
    /// One of several conditions in one `[ ]`.
    Conditions,
}

/// Looks at every command.
pub(super) fn audit(lexed: &Lexed, reading: &Reading<'_>) -> Vec<Finding> {
    let mut audit = Audit { reading, holders: holders(&lexed.commands), findings: Vec::new() };
    for command in &lexed.commands {
        audit.command(command);
    }
    let mut seen = BTreeSet::new();
    // what is evaluated again matters more than what may be an option
    audit.findings.sort_by_key(|finding| matches!(finding.kind, FindingKind::Dash { .. }));
    audit.findings.retain(|finding| seen.insert(finding.subject.clone()));
    audit.findings
}

/// Variables that the commands give a value to.
fn holders(commands: &[Command]) -> BTreeSet<String> {
    let assigned = |word: &Word| (!word.holes.is_empty()).then(|| word.assigned().map(str::to_owned)).flatten();
    commands.iter().flat_map(|command| command.assignments.iter().chain(&command.words)).filter_map(assigned).collect()
}

/// Inputs are exported by this prefix.
const EXPORTED: &str = "LOCUM_INPUT_";

struct Audit<'a> {
    reading: &'a Reading<'a>,
    holders: BTreeSet<String>,
    findings: Vec<Finding>,
}

/// A word as a program sees it, as far as it is known.
struct Argument<'a> {
    word: &'a Word,
    beginning: String,
    whole: bool,
}

impl Argument<'_> {
    fn is(&self, text: &str) -> bool {
        self.whole && self.beginning == text
    }

    /// The text, if all of it is known.
    fn text(&self) -> Option<&str> {
        self.whole.then_some(self.beginning.as_str())
    }

    fn is_option(&self) -> bool {
        self.beginning.len() > 1 && self.beginning.starts_with(['-', '+'])
    }
}

/// How much of a program's entry to apply.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Full,
    /// The name may be an argument that only looks like a program: options with code alone.
    Options,
}

impl Audit<'_> {
    fn command(&mut self, command: &Command) {
        for word in &command.assignments {
            if let Some(name) = word.assigned().filter(|name| programs::is_evaluated(name)) {
                self.again(word, name);
            }
        }
        let arguments: Vec<_> = command.words.iter().map(|word| self.argument(word)).collect();
        let Some(first) = arguments.first() else { return };
        if first.is("[[") {
            return self.condition(&arguments);
        }
        let at = unwrap(&arguments);
        if let Some(name) = arguments.get(at).and_then(Argument::text).map(programs::base)
            && matches!(name, "[" | "test")
        {
            return self.test(name, &arguments[at + 1..]);
        }
        self.programs(command, &arguments, at);
        self.dashes(&arguments, at);
    }

    /// Applies the table to the program and to programs among its arguments.
    fn programs(&mut self, command: &Command, arguments: &[Argument<'_>], at: usize) {
        let mut carried = false;
        for (index, argument) in arguments.iter().enumerate() {
            let Some(name) = argument.text() else {
                if index == 0 && argument.word.holes.is_empty() {
                    self.unknown_program(&arguments[1..]);
                }
                continue;
            };
            if let Some(program) = programs::find(name) {
                let extent = if index == at || index == 0 || carried { Extent::Full } else { Extent::Options };
                self.apply(program, programs::base(name), &arguments[index + 1..], command, extent);
            }
            carried |= (index <= at) && programs::carries(name);
        }
    }

    /// `"$SHELL" -c …`
    fn unknown_program(&mut self, arguments: &[Argument<'_>]) {
        for pair in arguments.windows(2) {
            if pair[0].is("-c") {
                self.again(pair[1].word, "-c");
            }
        }
    }

    fn apply(&mut self, program: &Program, name: &str, arguments: &[Argument<'_>], command: &Command, extent: Extent) {
        let mut coded = false;
        let mut operands = Vec::new();
        let mut over = false;
        let mut at = 0;
        while let Some(argument) = arguments.get(at) {
            at += 1;
            let option = !over && argument.is_option();
            if !over && argument.is("--") {
                over = true;
            } else if option && argument.text().is_some_and(|text| shell_code(program, text)) {
                coded = true;
                at += usize::from(argument.text().is_some_and(|text| takes_value(program, text)));
            } else if option && argument.text().is_some_and(|text| program.next_is_code(text)) {
                coded = true;
                if let Some(code) = arguments.get(at) {
                    self.again(code.word, &format!("{name} {}", argument.beginning));
                }
                at += 1;
            } else if option && argument.text().is_some_and(|text| takes_value(program, text)) {
                at += if matches!(argument.text(), Some("--arg" | "--argjson" | "--slurpfile" | "--rawfile")) {
                    2
                } else {
                    1
                };
            } else if option {
                if program.is_code(&written(argument.word)) {
                    coded = true;
                    self.again(argument.word, name);
                }
            } else if !argument.is("-") {
                operands.push(argument);
                // what follows belongs to the script
                over |= matches!(program.operands, Operands::Script | Operands::File | Operands::AfterFirst);
            }
        }
        if extent == Extent::Full || (coded && program.operands == Operands::Script) {
            self.operands(program, name, &operands, coded);
        }
        if extent == Extent::Full {
            self.stdin(program, name, &operands, coded, command);
            if program.operands == Operands::Variables {
                self.variables(name, arguments);
            }
        }
    }

    fn operands(&mut self, program: &Program, name: &str, operands: &[&Argument<'_>], coded: bool) {
        let code: Range<usize> = match program.operands {
            Operands::None | Operands::Variables | Operands::File | Operands::Remote => 0..0,
            Operands::First => 0..1,
            Operands::FirstWithoutCode => 0..usize::from(!coded),
            Operands::AfterFirst => 1..operands.len(),
            Operands::All => 0..operands.len(),
            Operands::Script => 0..usize::from(coded),
        };
        let shown = if program.operands == Operands::Script { format!("{name} -c") } else { name.to_owned() };
        for operand in operands.iter().take(code.end).skip(code.start) {
            self.again(operand.word, &shown);
        }
        // `bash <(…)`: what the substitution prints is code
        if matches!(program.operands, Operands::Script | Operands::File)
            && !coded
            && let Some(file) = operands.first()
        {
            for hole in nested(file.word) {
                self.found(Subject::Hole(hole), FindingKind::Again(name.to_owned()));
            }
        }
        if program.operands == Operands::Remote {
            for operand in operands.iter().filter(|operand| behind_colon(operand.word)) {
                self.again(operand.word, name);
            }
        }
    }

    fn stdin(&mut self, program: &Program, name: &str, operands: &[&Argument<'_>], coded: bool, command: &Command) {
        let is_code = match program.stdin {
            Stdin::Data => false,
            Stdin::Code => !command.words.iter().any(|word| matches!(word.unquoted_text(), Some("-0" | "--null"))),
            Stdin::WithoutCode => !coded,
            Stdin::Bare if program.operands == Operands::AfterFirst => match operands.get(1..) {
                None | Some([]) => true,
                Some(remote) => remote[0].text().and_then(programs::find).is_some_and(|inner| {
                    inner.stdin != Stdin::Data && (remote.len() == 1 || remote[1..].iter().all(|word| word.is_option()))
                }),
            },
            Stdin::Bare => {
                !coded && operands.is_empty() || command.words.iter().any(|word| word.unquoted_text() == Some("-s"))
            }
        };
        if is_code {
            for word in &command.here_strings {
                self.again(word, name);
            }
            for hole in command.fed_by.clone() {
                self.found(Subject::Hole(hole), FindingKind::Again(name.to_owned()));
            }
        }
    }

    fn argument<'w>(&self, word: &'w Word) -> Argument<'w> {
        let mut beginning = String::new();
        for part in &word.parts {
            match (part, self.reading) {
                (Part::Text { text, .. }, _) => beginning.push_str(text),
                (Part::Hole(hole), Reading::Values(fillings)) => match &fillings[*hole] {
                    Filling::One(value) => beginning.push_str(value),
                    Filling::Several(items) => beginning.push_str(items.first().map_or("", String::as_str)),
                },
                _ => return Argument { word, beginning, whole: false },
            }
        }
        Argument { word, beginning, whole: true }
    }

    /// Everything in this word is evaluated again.
    fn again(&mut self, word: &Word, by: &str) {
        for hole in word.holes.clone() {
            self.found(Subject::Hole(hole), FindingKind::Again(by.to_owned()));
        }
        for part in &word.parts {
            if let Part::Variable { name, at } = part
                && (self.holders.contains(name) || name.starts_with(EXPORTED))
            {
                let subject = Subject::Variable { name: name.clone(), start: at.start, end: at.end };
                self.found(subject, FindingKind::Again(by.to_owned()));
            }
        }
    }

    fn found(&mut self, subject: Subject, kind: FindingKind) {
        self.findings.push(Finding { subject, kind });
    }
}

impl Word {
    fn unquoted_text(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Text { text, .. }] => Some(text),
            _ => None,
        }
    }
}

/// The beginning of a word as the author wrote it, up to the first hole.
fn written(word: &Word) -> String {
    word.parts
        .iter()
        .map_while(|part| if let Part::Text { text, .. } = part { Some(text.as_str()) } else { None })
        .collect()
}

/// Shells take `-c` anywhere in a heap, and the code is the first operand after all options.
fn shell_code(program: &Program, option: &str) -> bool {
    program.operands == Operands::Script && !option.starts_with("--") && option.starts_with('-') && option.contains('c')
}

/// Does the next word belong to this option? Shells have it in heaps too: `-euo pipefail`.
fn takes_value(program: &Program, option: &str) -> bool {
    let heap = program.operands == Operands::Script && !option.starts_with("--") && option.ends_with(['o', 'O']);
    heap || program.valued.contains(&option)
}

/// Holes inside the substitutions of a word.
fn nested(word: &Word) -> impl Iterator<Item = usize> {
    word.holes.clone().filter(|hole| !word.parts.contains(&Part::Hole(*hole)))
}

/// Does a hole stand behind a `:` that is written out?
fn behind_colon(word: &Word) -> bool {
    let colon = word.parts.iter().position(|part| matches!(part, Part::Text { text, .. } if text.contains(':')));
    colon.is_some_and(|at| word.parts[at..].iter().any(|part| matches!(part, Part::Hole(_))))
}

/// Where the program stands that is run in the end.
fn unwrap(arguments: &[Argument<'_>]) -> usize {
    let mut at = 0;
    while let Some(wrapper) = arguments.get(at).and_then(Argument::text).and_then(programs::wraps) {
        let mut next = at + 1;
        let mut operands = wrapper.operands;
        while let Some(argument) = arguments.get(next) {
            if argument.is("--") {
                next += 1 + operands;
                break;
            }
            if argument.is_option() {
                next += if argument.text().is_some_and(|text| wrapper.valued.contains(&text)) { 2 } else { 1 };
            } else if argument.word.assigned().is_some() {
                next += 1;
            } else if operands > 0 {
                operands -= 1;
                next += 1;
            } else {
                break;
            }
        }
        if next >= arguments.len() {
            return at;
        }
        at = next;
    }
    at
}
