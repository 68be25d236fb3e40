//! All diagnostics as one JSON array. The keys are public and stable; new ones may be added.
//!
//! Lines and columns count from 1, columns in characters; an end is behind the last character.

use serde::Serialize;

use super::name;
use crate::diagnostic::{Diagnostic, Label};
use crate::source::{SourceFile, Span};
use crate::text::invisible::is_invisible;

#[derive(Serialize)]
struct Entry<'a> {
    file: &'a str,
    #[serde(flatten)]
    place: Place,
    severity: &'static str,
    code: &'static str,
    message: &'a str,
    /// The words at the place itself, if any, and the other places.
    labels: Vec<Marked<'a>>,
    help: &'a [String],
}

#[derive(Serialize)]
struct Marked<'a> {
    #[serde(flatten)]
    place: Place,
    text: &'a str,
}

#[derive(Serialize)]
struct Place {
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

impl Place {
    fn of(file: &SourceFile, span: Span) -> Self {
        let (start, end) = (file.place(span.start), file.place(span.end.max(span.start)));
        Self { line: start.line, column: start.column, end_line: end.line, end_column: end.column }
    }
}

pub fn render(diagnostics: &[Diagnostic]) -> String {
    let entries: Vec<_> = diagnostics.iter().map(entry).collect();
    let text = serde_json::to_string_pretty(&entries).expect("texts and numbers are JSON");
    escape(&text) + "\n"
}

fn entry(diagnostic: &Diagnostic) -> Entry<'_> {
    let file = &diagnostic.file;
    let primary = Some(&diagnostic.primary).filter(|label| !label.text.is_empty());
    Entry {
        file: file.name(),
        place: Place::of(file, diagnostic.primary.span),
        severity: name(diagnostic.severity),
        code: diagnostic.code.name(),
        message: &diagnostic.message,
        labels: primary.into_iter().chain(&diagnostic.secondary).map(|label| mark(file, label)).collect(),
        help: &diagnostic.help,
    }
}

fn mark<'a>(file: &SourceFile, label: &'a Label) -> Marked<'a> {
    Marked { place: Place::of(file, label.span), text: &label.text }
}

/// Escapes what JSON need not escape but a terminal must not see; such characters stand only inside strings.
fn escape(json: &str) -> String {
    use std::fmt::Write as _;

    let mut escaped = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter != '\n' && (letter.is_control() || is_invisible(letter)) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                write!(escaped, "\\u{unit:04x}").expect("a String takes everything");
            }
        } else {
            escaped.push(letter);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    #[test]
    fn the_keys_are_stable() {
        let file = SourceFile::new("a.yaml", "é: x\ntitel: y\n");
        let diagnostic = Diagnostic::new(Code::UnknownKey, &file, Span::new(6, 11), "unknown key `titel`")
            .label("here")
            .also(Span::new(0, 2), "beside this")
            .help("did you mean `title`?");
        insta::assert_snapshot!(render(&[diagnostic]), @r#"
        [
          {
            "file": "a.yaml",
            "line": 2,
            "column": 1,
            "end_line": 2,
            "end_column": 6,
            "severity": "error",
            "code": "unknown-key",
            "message": "unknown key `titel`",
            "labels": [
              {
                "line": 2,
                "column": 1,
                "end_line": 2,
                "end_column": 6,
                "text": "here"
              },
              {
                "line": 1,
                "column": 1,
                "end_line": 1,
                "end_column": 2,
                "text": "beside this"
              }
            ],
            "help": [
              "did you mean `title`?"
            ]
          }
        ]
        "#);
    }

    #[test]
    fn texts_come_back_as_they_were_and_are_harmless_on_the_way() {
        let message = "a\"\x1b\u{7f}\u{9b}\u{202e}\u{e0041}é\n";
        let file = SourceFile::new("a.yaml", "");
        let text = render(&[Diagnostic::new(Code::Syntax, &file, Span::default(), message)]);
        let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(read[0]["message"], message);
        assert_eq!(read[0]["labels"], serde_json::json!([]));
        assert!(text.chars().all(|letter| letter == '\n' || !(letter.is_control() || is_invisible(letter))));
    }
}
