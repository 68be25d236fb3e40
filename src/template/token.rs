//! The tokens of an expression: `{{ here }}`, `{% if here %}`, and a `when`.

use std::ops::Range;

/// One token of an expression, with its bytes in the template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: Kind,
    pub range: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a word of the language: `node`, `and`, `is`.
    Name(String),
    /// A text in quotes, without them, escapes as written.
    Text(String),
    Number,
    /// Everything else: one operator.
    Mark(&'static str),
}

/// Two letters before one, so that `==` is not two assignments.
const MARKS: &[&str] = &[
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", ".", ",", ":", "~", "|", "=", ">", "<", "(", ")", "[",
    "]", "{", "}",
];

const LANGUAGE: &[&str] =
    &["and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None"];

impl Token {
    pub(super) fn is(&self, mark: &str) -> bool {
        matches!(self.kind, Kind::Mark(own) if own == mark)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(&self.kind, Kind::Name(own) if own == word)
    }

    /// The name, unless it is a word of the language.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.kind {
            Kind::Name(name) if !LANGUAGE.contains(&name.as_str()) => Some(name),
            _ => None,
        }
    }
}

/// The token that begins at `at`, which is not whitespace.
pub(super) fn token(source: &str, at: usize) -> Option<Token> {
    let rest = &source[at..];
    let first = rest.chars().next()?;
    let (kind, len) = if first == '"' || first == '\'' {
        let len = quoted_len(rest, first)?;
        (Kind::Text(rest[1..len - 1].to_owned()), len)
    } else if first.is_ascii_digit() {
        (Kind::Number, number_len(rest))
    } else if first == '_' || first.is_ascii_alphabetic() {
        let len = rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        (Kind::Name(rest[..len].to_owned()), len)
    } else {
        let mark = MARKS.iter().find(|mark| rest.starts_with(**mark))?;
        (Kind::Mark(mark), mark.len())
    };
    Some(Token { kind, range: at..at + len })
}

/// Bytes of a text with its quotes; nothing if it does not end.
fn quoted_len(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Digits with what belongs to them: `0x1f`, `1_000`, `1.5`.
fn number_len(rest: &str) -> usize {
    let mut len = 0;
    let bytes = rest.as_bytes();
    while let Some(byte) = bytes.get(len) {
        let fraction = *byte == b'.' && bytes.get(len + 1).is_some_and(u8::is_ascii_digit);
        if !byte.is_ascii_alphanumeric() && *byte != b'_' && !fraction {
            break;
        }
        len += 1;
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(source: &str) -> Vec<String> {
        let mut at = 0;
        let mut out = Vec::new();
        while let Some(skip) = source[at..].find(|c: char| !c.is_ascii_whitespace()) {
            let token = token(source, at + skip).expect("it is made of tokens");
            at = token.range.end;
            out.push(source[token.range].to_owned());
        }
        out
    }

    #[test]
    fn an_expression_falls_into_names_texts_numbers_and_marks() {
        assert_eq!(
            tokens(r#"host.name|default("a\"}} b") ~ 1.5 == x[0]"#),
            ["host", ".", "name", "|", "default", "(", r#""a\"}} b""#, ")", "~", "1.5", "==", "x", "[", "0", "]"]
        );
    }

    #[test]
    fn a_text_that_does_not_end_is_no_token() {
        assert_eq!(token("'abc", 0), None);
        assert_eq!(token("§", 0), None);
    }
}
