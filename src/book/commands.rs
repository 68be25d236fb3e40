//! The bytes of a command as page and terminal show them. One function, so that they cannot differ.

use std::collections::BTreeMap;
use std::convert::Infallible;

use serde_json::Value;

use crate::engine::resolve::ProbeLine;
use crate::model::step::ShellName;
use crate::model::{Command, Probe, Runbook, Test, Text};
use crate::template::{self, Shell, Values};
use crate::text::markdown::shown;
use crate::text::shell;

/// The names that can be filled in: inputs, and the constants made from them.
pub fn values_of(runbook: &Runbook, inputs: &BTreeMap<String, Value>) -> Values {
    let mut values = Values::default();
    for (name, value) in inputs {
        match value {
            Value::String(text) => values.insert_text(name, text),
            Value::Array(items) => values.insert_list(
                name,
                items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect(),
            ),
            Value::Bool(flag) => values.insert_flag(name, *flag),
            Value::Null => {}
            Value::Number(_) | Value::Object(_) => values.insert_text(name, &value.to_string()),
        }
    }
    for (name, text) in &runbook.head.values {
        if let Ok(text) = template::render_text(text, &values) {
            values.insert_text(name, &text);
        }
    }
    values
}

/// A command: with its names filled in where all of them are known, otherwise as it is written.
pub fn command(command: &Command, shell: Option<ShellName>, values: &Values) -> String {
    match command {
        Command::Script(text) => {
            let shell = match shell {
                Some(ShellName::Sh) => Shell::Sh,
                Some(ShellName::Bash) | None => Shell::Bash,
            };
            shown(&template::render_command(text, values, shell).unwrap_or_else(|_| text.source.clone()))
        }
        Command::Argv(words, _) => {
            let sources: Vec<_> = words.iter().map(|word| word.source.clone()).collect();
            match template::render_argv(&sources, values) {
                Ok(argv) => shown(&shell::join(&argv)),
                Err(_) => shown(&sources.iter().map(|word| written(word)).collect::<Vec<_>>().join(" ")),
            }
        }
    }
}

/// A word of a list as it is written: a hole is not put in quotes.
fn written(word: &str) -> String {
    if word.contains("{{") || word.contains("{%") { word.to_owned() } else { shell::join(&[word.to_owned()]) }
}

/// A text with its names filled in where all of them are known.
pub fn text(text: &Text, values: &Values) -> String {
    template::render_text(text, values).unwrap_or_else(|_| text.source.clone())
}

/// A test as one reads it, and whether it is a command.
pub fn test(test: &Test, shell: Option<ShellName>, values: &Values) -> (String, Language) {
    match test {
        Test::Command(line) => (command(line, shell, values), Language::Shell),
        Test::Probe(line) => (shown(&probe(line, values)), Language::Words),
    }
}

/// Of what a block is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// For a shell.
    Shell,
    /// For people, and for locum itself.
    Words,
}

fn probe(line: &Probe, values: &Values) -> String {
    match ProbeLine::fill(line, |line| Ok::<_, Infallible>(text(line, values))) {
        Ok(line) => line.words().join(" "),
        Err(never) => match never {},
    }
}
