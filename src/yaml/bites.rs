//! Where YAML bites: what is said when a file is not YAML.
//!
//! Most of it is commands. `! test -e x` is a tag to YAML, `[ -f x ]` a list, `a: b` a mapping, `{{ x }}` a mapping
//! in a mapping; the help says so instead of repeating the parser's words.

use granit_parser::{ErrorKind, ScanError};

use super::refused::{QUOTE, anchor, directive, hole, tab, too_deep};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{SourceFile, Span};

/// The problem behind an error of the parser.
pub(super) fn syntax(file: &SourceFile, error: &ScanError) -> Diagnostic {
    let at = error.marker().byte_offset().unwrap_or_default().min(file.text().len());
    let here = character(file, at);
    let problem = |message: &str| Diagnostic::new(Code::Syntax, file, here, message);
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => too_deep(file, here),
        ErrorKind::DirectiveDisallowed | ErrorKind::MissingDocumentEndBeforeDirective => directive(file, here),
        ErrorKind::MissingAnchorOrAliasName => anchor(file, here),
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabInPlainScalar
        | ErrorKind::TabAtBlockScalarStart => tab(file, tab_near(file, at)),
        ErrorKind::UnexpectedCharacter { character: first @ ('%' | '@' | '`') } => {
            problem(&format!("a value cannot begin with `{first}`")).help(QUOTE)
        }
        ErrorKind::UnclosedQuotedScalar | ErrorKind::DocumentIndicatorInQuotedScalar => {
            problem("this quote is never closed").help("close it; for text with many quotes write it under `|`")
        }
        ErrorKind::InvalidTrailingDoubleQuotedScalar | ErrorKind::InvalidTrailingSingleQuotedScalar => {
            problem("text behind the closing quote")
                .help("put all of the value in quotes of the other kind, or write it under `|` on lines of its own")
        }
        ErrorKind::UnknownQuotedScalarEscape | ErrorKind::InvalidQuotedScalarHexEscape => {
            problem("`\\` begins an escape in double quotes, and this is none")
                .help("use single quotes, or write the text under `|`")
        }
        ErrorKind::BlockSequenceEntryNotAllowed | ErrorKind::BlockEntryInFlowCollection => {
            problem("a list item cannot begin here")
                .help("begin the list on the next line; if `-` belongs to the text, put the text in quotes")
        }
        ErrorKind::MappingValueNotAllowed => colon(file, at),
        _ => structure(file, at, error),
    }
}

/// A `: ` where no key can be: in a plain value, or on a line that is indented by accident.
fn colon(file: &SourceFile, at: usize) -> Diagnostic {
    let here = character(file, at);
    let (start, key) = value_start(file, at);
    if start < at && key {
        let value = file.text()[start..].lines().next().unwrap_or_default().trim_end();
        return Diagnostic::new(Code::Syntax, file, here, "`: ` inside a plain value begins a mapping in YAML")
            .also(Span::new(start, start + value.len()), "the value")
            .help(QUOTE);
    }
    Diagnostic::new(Code::Syntax, file, here, "a key cannot stand here")
        .help("look at the indentation: keys of one mapping begin in the same column, two spaces further in than the key above them")
}

/// The parser's own words, unless the beginning of the value explains it.
fn structure(file: &SourceFile, at: usize, error: &ScanError) -> Diagnostic {
    let (start, _) = value_start(file, at);
    let value = &file.text()[start..];
    let here = character(file, at);
    if value.starts_with("{{") {
        return hole(file, start);
    }
    let bracket = match error.kind() {
        ErrorKind::UnclosedFlowCollection { open } => {
            let message = format!("`{open}` is never closed");
            return Diagnostic::new(Code::Syntax, file, here, message)
                .help("close it; if it belongs to the text, put the text in quotes or write it under `|`");
        }
        _ => start < at && value.starts_with(['[', '{']),
    };
    if bracket {
        let what = if value.starts_with('[') { "a list" } else { "a mapping" };
        let message = format!("text behind {what}: a value that begins with `{}` is {what} in YAML", &value[..1]);
        return Diagnostic::new(Code::Syntax, file, here, message)
            .also(character(file, start), format!("begins {what}"))
            .help(QUOTE);
    }
    if start < at && value.starts_with('&') || value.starts_with('*') {
        return anchor(file, character(file, start));
    }
    let (message, help) = match error.kind() {
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => (
            "expected `key: value` here",
            "look at the indentation of this line and at the one above; a space belongs behind `:`",
        ),
        ErrorKind::ExpectedBlockSequenceEntry => {
            ("expected `- ` here", "look at the indentation of this line and at the one above")
        }
        ErrorKind::ExpectedFlowSequenceSeparator => {
            ("expected `,` or `]` here", "separate values with `,`; put texts with `:`, `,` or brackets in quotes")
        }
        ErrorKind::ExpectedFlowMappingSeparator => {
            ("expected `,` or `}` here", "separate entries with `,`; put texts with `:`, `,` or braces in quotes")
        }
        ErrorKind::InvalidBlockScalarIndent => {
            ("a line of this text is indented otherwise", "indent all lines of a text under `|` as its first one")
        }
        _ => {
            let own = error.kind().to_string();
            let message = own
                .strip_prefix("while ")
                .map_or(own.as_str(), |rest| rest.split_once(", ").map_or(rest, |(_, what)| what));
            return Diagnostic::new(Code::Syntax, file, here, message.to_lowercase()).help(QUOTE);
        }
    };
    Diagnostic::new(Code::Syntax, file, here, message).help(help)
}

/// Where the value begins on the line of an offset, behind dashes and `key:`; and whether there was a key.
fn value_start(file: &SourceFile, at: usize) -> (usize, bool) {
    let text = file.text();
    let mut start = text[..at].rfind('\n').map_or(0, |at| at + 1);
    let mut key = false;
    loop {
        let rest = text[start..].lines().next().unwrap_or_default();
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let rest = &rest[blanks..];
        start += blanks;
        if rest.starts_with("- ") {
            start += 1;
            continue;
        }
        let word = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')).count();
        if key || word == 0 || !rest[word..].starts_with(": ") {
            return (start, key);
        }
        start += word + 1;
        key = true;
    }
}

/// The character at an offset; behind the end, the end.
fn character(file: &SourceFile, at: usize) -> Span {
    let next = file.text().get(at..).and_then(|rest| rest.chars().next());
    Span::new(at, at + next.filter(|c| *c != '\n').map_or(0, char::len_utf8))
}

/// The parser names the begin of what the tab disturbs; the tab itself stands on that line or behind.
fn tab_near(file: &SourceFile, at: usize) -> usize {
    let text = file.text();
    let line = text[..at].rfind('\n').map_or(0, |at| at + 1);
    let before = text[line..at].find('\t').map(|tab| line + tab);
    before.or_else(|| text[at..].find('\t').map(|tab| at + tab)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::super::problems;

    #[test]
    fn an_exclamation_mark_would_make_a_command_its_opposite() {
        assert_eq!(
            problems("check: ! test -e x"),
            ["1:8 yaml-tag: `!` at the beginning of a value is a tag in YAML, not text"]
        );
        assert_eq!(
            problems("a: !!str 1"),
            ["1:4 yaml-tag: `!!str` at the beginning of a value is a tag in YAML, not text"]
        );
        assert_eq!(problems("!t a: [b]").len(), 1);
    }

    #[test]
    fn brackets_at_the_beginning_are_a_list() {
        assert_eq!(
            problems("check: [ -f x ] && y"),
            ["1:17 yaml-syntax: text behind a list: a value that begins with `[` is a list in YAML"]
        );
        assert_eq!(problems("check: [ -f x"), ["1:8 yaml-syntax: `[` is never closed"]);
    }

    #[test]
    fn a_colon_in_a_plain_value_is_named_with_the_value() {
        assert_eq!(
            problems("- change: echo b: c"),
            ["1:17 yaml-syntax: `: ` inside a plain value begins a mapping in YAML"]
        );
        assert_eq!(problems("a: b\n c: d"), ["2:3 yaml-syntax: a key cannot stand here"]);
    }

    #[test]
    fn a_hole_at_the_beginning_of_a_plain_value_is_a_mapping() {
        let message = "key-not-text: a value that begins with `{{` is a mapping in YAML";
        assert_eq!(problems("change: {{ x }}"), [format!("1:9 {message}")]);
        assert_eq!(problems("change: {{ x }} y"), [format!("1:9 {message}")]);
        assert_eq!(problems("a: [ {{ x }} ]"), [format!("1:6 {message}")]);
        assert_eq!(problems("- [a]: b"), ["1:3 key-not-text: a list or mapping as a key, expected a text"]);
    }

    #[test]
    fn characters_that_cannot_begin_a_value_are_named() {
        assert_eq!(problems("a: %x"), ["1:4 yaml-syntax: a value cannot begin with `%`"]);
        assert_eq!(problems("a: @x"), ["1:4 yaml-syntax: a value cannot begin with `@`"]);
        assert_eq!(problems("a: `x`"), ["1:4 yaml-syntax: a value cannot begin with ```"]);
        assert_eq!(
            problems("a: *.txt"),
            ["1:4 yaml-anchor: `*.txt` at the beginning of a value is an alias in YAML, not text"]
        );
        assert_eq!(
            problems("a: && b"),
            ["1:4 yaml-anchor: `&&` at the beginning of a value is an anchor in YAML, not text"]
        );
        assert_eq!(
            problems("a: & b"),
            ["1:4 yaml-anchor: `&` at the beginning of a value is an anchor in YAML, not text"]
        );
    }

    #[test]
    fn quotes_are_closed_and_end_their_value() {
        assert_eq!(problems("a: \"x"), ["1:4 yaml-syntax: this quote is never closed"]);
        assert_eq!(problems("a: 'x' y"), ["1:8 yaml-syntax: text behind the closing quote"]);
        assert_eq!(
            problems("a: \"\\d\""),
            ["1:4 yaml-syntax: `\\` begins an escape in double quotes, and this is none"]
        );
    }
}
