//! Quotes and dashes of a word processor in a command: the shell takes them for letters.

use super::Ground;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Command, Text};
use crate::yaml::look_alike;

pub(super) fn check(ground: &Ground, problems: &mut Vec<Diagnostic>) {
    for (_, step) in ground.runbook.steps() {
        for command in step.commands() {
            match command {
                Command::Script(script) => problems.extend(first_in(ground, script, true)),
                Command::Argv(words, _) => {
                    problems.extend(words.iter().filter_map(|word| first_in(ground, word, false)));
                }
            }
        }
    }
}

/// The first quote or dash at the beginning of a word; in the quotes of a shell it may be prose.
fn first_in(ground: &Ground, text: &Text, quotes: bool) -> Option<Diagnostic> {
    if text.is_ascii() {
        return None;
    }
    let mut open = None;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match open {
            Some(quote) if c == quote => open = None,
            None if quotes && matches!(c, '\'' | '"') && before != '\\' => open = Some(c),
            None if before.is_whitespace() || before == '=' => {
                if let Some(found) = look_alike(c).filter(|found| matches!(found.like, '-' | '\'' | '"')) {
                    let message = format!("`{c}` (U+{:04X}) in a command looks like `{}`", u32::from(c), found.like);
                    let span = text.span_of(at..at + c.len_utf8());
                    return Some(
                        Diagnostic::new(Code::Typographic, ground.file, span, message)
                            .help(format!("type `{}` by hand", found.like)),
                    );
                }
            }
            Some(_) | None => {}
        }
        before = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::warnings_in;

    #[test]
    fn a_dash_that_is_none_is_no_option() {
        assert_eq!(
            warnings_in("diagnose: [{ check: ls –all }]\n"),
            ["3:24 typographic-character: `–` (U+2013) in a command looks like `-`"]
        );
        assert_eq!(
            warnings_in("diagnose: [{ check: [ls, –all] }]\n"),
            ["3:26 typographic-character: `–` (U+2013) in a command looks like `-`"]
        );
        assert_eq!(
            warnings_in("diagnose: [{ check: grep x=“a b” }]\n"),
            ["3:28 typographic-character: `“` (U+201C) in a command looks like `\"`"]
        );
    }

    #[test]
    fn prose_in_quotes_is_prose() {
        assert!(warnings_in("diagnose: [{ check: echo 'a – “b”' }, { check: echo a–b }]\n").is_empty());
    }
}
