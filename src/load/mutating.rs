//! Looks that would change something: a word that is known to, wherever it stands in the command.
//!
//! A look runs on Enter, at once on every machine, and again at a resume. So what changes is a `change`. The table
//! names what is certain; what a script beside the runbook does, or a name that is put together, is not seen.

mod reach;
mod started;
mod table;

pub use reach::{Reach, reach};
use table::{Entry, FUNCTIONS, HARMLESS, Mutates, SHELLS, STATEMENTS, TABLE};

use crate::diagnostic::Code;
use crate::model::decode::Cx;
use crate::model::{Command, Runbook, Test};
use crate::template::unwrapped;
use crate::text::pattern::matches_glob;
use crate::text::shell;
use crate::text::shell_words::{Simple, redirected_commands};

/// How often text inside text is read as a command again.
const DEEPEST: usize = 4;

pub(super) fn check(runbook: &Runbook, cx: &mut Cx) {
    let tests = runbook.steps().into_iter().flat_map(|(_, step)| step.tests());
    let tests = tests.filter_map(|test| match test {
        Test::Command(command) => Some(command),
        Test::Probe(_) => None,
    });
    let head = &runbook.head;
    let guards = head.must_not_change.iter().filter_map(|guard| guard.output_of.as_ref());
    let proofs = head.targets.values().filter_map(|target| target.prove.as_ref());
    let looks: Vec<_> = tests.chain(guards).chain(proofs).collect();
    for command in looks {
        let script = match command {
            Command::Script(script) => script.source.clone(),
            Command::Argv(words, _) => shell::join(&words.iter().map(|word| word.source.clone()).collect::<Vec<_>>()),
        };
        if let Some(found) = found_in(&script) {
            let message = format!("a look changes nothing, but {found}");
            cx.push(cx.problem(Code::MutatingLook, command.span(), message).help(HELP).help(EXCEPTION));
        }
    }
}

const HELP: &str =
    "make it a `change` in repair; what the look itself needs to write goes into `$TMPDIR`, which is its own";
const EXCEPTION: &str =
    "where it only seems so, put the command into a script beside the runbook that says why, and let the look call it";

/// What a look would change, as the end of a sentence.
fn found_in(script: &str) -> Option<String> {
    let script = without_templates(script);
    let own_files = script.contains("mktemp") || script.contains("TMPDIR");
    Reading { own_files, own_processes: script.contains("$!") }.script(&script, 0)
}

/// What is known of the whole script.
struct Reading {
    /// It makes files of its own, whose names stand in variables.
    own_files: bool,
    /// It starts processes of its own.
    own_processes: bool,
}

impl Reading {
    fn script(&self, script: &str, depth: usize) -> Option<String> {
        redirected_commands(script).iter().find_map(|simple| self.simple(simple, depth))
    }

    fn simple(&self, simple: &Simple, depth: usize) -> Option<String> {
        if let Some(file) = simple.writes.iter().find(|file| !self.is_harmless(file)) {
            return Some(format!("`> {file}` writes a file"));
        }
        let words = past_keywords(&simple.words);
        self.words(words, depth).or_else(|| {
            let fed = depth < DEEPEST && has(SHELLS, base(unwrapped(words).first()?));
            simple.reads.iter().filter(|_| fed).find_map(|text| self.script(text, depth + 1))
        })
    }

    /// The words of one program, behind whatever starts it.
    fn words(&self, words: &[String], depth: usize) -> Option<String> {
        let words = unwrapped(words);
        let (path, arguments) = words.split_first()?;
        let mut entries = TABLE.iter().filter(|entry| entry.is_for(path));
        if let Some(what) = entries.find_map(|entry| self.entry(entry, base(path), arguments)) {
            return Some(what);
        }
        if depth == DEEPEST {
            return None;
        }
        match started::evaluated(base(path), arguments) {
            Some(script) => self.script(&script, depth + 1),
            None => self.words(&started::carried(base(path), arguments)?, depth + 1),
        }
    }

    /// What a line of the table says to a program with its arguments.
    fn entry(&self, entry: &Entry, program: &str, arguments: &[String]) -> Option<String> {
        let mut unless = HARMLESS.split_whitespace().chain(entry.unless.split_whitespace());
        if unless.any(|unless| arguments.iter().any(|word| matches_glob(unless, word))) {
            return None;
        }
        let changes = |words: &str| format!("`{}` changes something", format!("{program} {words}").trim_end());
        let writes = |file: &str| (!self.is_harmless(file)).then(|| format!("`{program}` changes `{file}`"));
        let mut words = entry.words.split_whitespace();
        match entry.mutates {
            Mutates::Always => (!self.is_own(arguments)).then(|| changes("")),
            Mutates::Operands => operands(arguments, entry.words).next().map(|_| changes("")),
            Mutates::Verbs => {
                let verbs = words.map(|verb| verb.split('/').collect::<Vec<_>>());
                verbs.into_iter().find_map(|verb| has_verb(&verb, arguments)).map(|said| changes(&said))
            }
            Mutates::Options => {
                let option = words.find(|option| arguments.iter().any(|word| is_option(option, word)))?;
                Some(changes(option))
            }
            Mutates::Values => {
                let (option, value) = words.filter_map(|word| word.split_once('=')).find(|(option, value)| {
                    named(option, arguments).is_some_and(|given| given.trim_start_matches('=') == *value)
                })?;
                Some(changes(&format!("{option} {value}")))
            }
            Mutates::Files => operands(arguments, entry.words).find_map(writes),
            Mutates::FilesBehind => operands(arguments, entry.words).skip(1).find_map(writes),
            Mutates::LastFile => operands(arguments, entry.words).last().and_then(writes),
            Mutates::Named => words.find_map(|name| named(name, arguments)).and_then(writes),
            Mutates::Sql => {
                let told: Vec<_> = words.filter_map(|option| named(option, arguments)).collect();
                let last = || operands(arguments, "").skip(1).last();
                let text = told.first().copied().or_else(|| entry.words.is_empty().then(last).flatten())?;
                changed_by(text).map(|word| format!("`{word}` changes data"))
            }
        }
    }

    /// A file that is none, or one of the look's own.
    fn is_harmless(&self, file: &str) -> bool {
        const NOWHERE: &str = "/dev/null /dev/stdout /dev/stderr /dev/tty /dev/zero /dev/full -";
        const CHANNELS: [&str; 3] = ["/dev/fd/", "/dev/tcp/", "/dev/udp/"];
        file.is_empty()
            || has(NOWHERE, file)
            || CHANNELS.iter().any(|channel| file.starts_with(channel))
            || (self.own_files && file.starts_with('$'))
    }

    /// Only processes that it started itself are meant.
    fn is_own(&self, arguments: &[String]) -> bool {
        let mut operands = operands(arguments, "").peekable();
        self.own_processes && operands.peek().is_some() && operands.all(|word| word.starts_with(['$', '%']))
    }
}

impl Entry {
    fn is_for(&self, path: &str) -> bool {
        self.programs.split(' ').any(|name| matches_glob(name, if name.contains('/') { path } else { base(path) }))
    }
}

/// A hole without the blanks in it, so that it is one word, and no lines of the template's own.
fn without_templates(script: &str) -> String {
    let mut out = String::new();
    let mut rest = script;
    while let Some(at) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
        let close = if rest[at..].starts_with("{{") { "}}" } else { "%}" };
        let Some(end) = rest[at..].find(close).map(|end| at + end + 2) else { break };
        out.push_str(&rest[..at]);
        if close == "}}" {
            out.extend(rest[at..end].chars().filter(|letter| letter.is_alphanumeric() || "{}_.".contains(*letter)));
        } else {
            out.push(' ');
        }
        rest = &rest[end..];
    }
    out + rest
}

fn has(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|one| one == word)
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Without the words of the shell before the program.
fn past_keywords(words: &[String]) -> &[String] {
    const BEFORE: &str = "if then elif else while until do ! { time";
    const NO_PROGRAM: &str = "for case select function";
    let skip = words.iter().take_while(|word| has(BEFORE, word)).count();
    let words = &words[skip..];
    if words.first().is_some_and(|word| has(NO_PROGRAM, word)) { &[] } else { words }
}

/// What is no option, and no value of one of those.
fn operands<'a>(arguments: &'a [String], valued: &'a str) -> impl Iterator<Item = &'a str> {
    let (mut over, mut value) = (false, false);
    arguments.iter().map(String::as_str).filter(move |word| {
        if over {
            return true;
        }
        over = *word == "--";
        let dash = is_dash(word);
        let operand = !dash && !value;
        value = dash && has(valued, word);
        operand
    })
}

fn is_dash(word: &str) -> bool {
    word.len() > 1 && word.starts_with('-')
}

/// The first operands in this order, as they are written. A word behind an option may be its value, and is passed over.
fn has_verb(verb: &[&str], arguments: &[String]) -> Option<String> {
    let Some((first, rest)) = verb.split_first() else { return Some(String::new()) };
    let mut behind_option = false;
    for (at, word) in arguments.iter().enumerate() {
        if is_dash(word) {
            behind_option = !word.contains('=');
            continue;
        }
        if matches_glob(first, word)
            && let Some(said) = has_verb(rest, &arguments[at + 1..])
        {
            return Some(format!("{word} {said}").trim_end().to_owned());
        }
        if !std::mem::take(&mut behind_option) {
            return None;
        }
    }
    None
}

/// Is this word the option: alone, with its value, in a heap of short ones?
fn is_option(option: &str, word: &str) -> bool {
    let Some(letter) = option.strip_prefix('-').filter(|letter| letter.len() == 1) else {
        return matches_glob(option, word) || word.strip_prefix(option).is_some_and(|rest| rest.starts_with('='));
    };
    let heap = word.strip_prefix('-').filter(|heap| heap.len() < 5 && !heap.starts_with(['-', 'X']));
    word == option
        || (word.starts_with(option) && letter == "i")
        || heap.is_some_and(|heap| is_heap(heap) && heap.contains(letter))
}

fn is_heap(letters: &str) -> bool {
    letters.chars().all(|letter| letter.is_ascii_alphabetic())
}

/// What stands behind an option, in the next word or glued to it; of `of=`, what is glued to it.
fn named<'a>(name: &str, arguments: &'a [String]) -> Option<&'a str> {
    let short = name.len() == 2;
    arguments.iter().enumerate().find_map(|(at, word)| {
        let next = || arguments.get(at + 1).map(String::as_str);
        if word == name {
            return next();
        }
        match word.strip_prefix(name) {
            Some(rest) if name.ends_with('=') || short => Some(rest),
            Some(rest) => rest.strip_prefix('='),
            None => {
                let heap = word.strip_prefix('-').filter(|heap| short && is_heap(heap) && heap.ends_with(&name[1..]));
                heap.and_then(|_| next())
            }
        }
    })
}

/// The words by which a statement changes data, unless all of it is taken back.
fn changed_by(text: &str) -> Option<String> {
    let upper = text.to_uppercase();
    if upper.contains("ROLLBACK") {
        return None;
    }
    let begins = |statement: &str| {
        let mut words = statement.split_whitespace();
        let (first, second) = (words.next()?, words.next().unwrap_or_default());
        let own = first == "CREATE" && second.starts_with("TEMP");
        let pair = format!("{first}/{second}");
        let known = has(STATEMENTS, first) || has(STATEMENTS, &pair);
        (known && !own).then(|| if has(STATEMENTS, first) { first.to_owned() } else { format!("{first} {second}") })
    };
    let function = || FUNCTIONS.split_whitespace().find(|name| upper.contains(&name.to_uppercase()));
    upper.split(';').find_map(begins).or_else(|| function().map(|name| name.trim_end_matches('(').to_owned()))
}

#[cfg(test)]
mod tests;
