//! Where YAML bites: what is said when a file is not YAML, or uses what runbooks leave out.
//!
//! Most of it is commands. `! test -e x` is a tag to YAML, `[ -f x ]` a list, `a: b` a mapping, `{{ x }}` a mapping
//! in a mapping; the help says so instead of repeating the parser's words.

use granit_parser::{ErrorKind, ScanError};

use super::characters;
use super::limits::MAX_DEPTH;
use super::node::Style;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{SourceFile, Span};

const QUOTE: &str = "put the value in quotes, or write it under `|` on lines of its own";

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

pub(super) fn tab(file: &SourceFile, at: usize) -> Diagnostic {
    Diagnostic::new(Code::Tab, file, Span::new(at, at + 1), "a tab, expected spaces")
        .help("YAML counts spaces: replace the tab with two spaces for each level")
}

pub(super) fn too_deep(file: &SourceFile, at: Span) -> Diagnostic {
    Diagnostic::new(Code::TooLarge, file, at, format!("more than {MAX_DEPTH} levels of lists and mappings"))
        .help("a runbook needs about ten; look for brackets that were never closed")
}

fn directive(file: &SourceFile, at: Span) -> Diagnostic {
    Diagnostic::new(Code::Documents, file, at, "a YAML directive")
        .help("remove the line; if `%` begins a text, put the text in quotes")
}

pub(super) fn second_document(file: &SourceFile, at: Span) -> Diagnostic {
    Diagnostic::new(Code::Documents, file, at, "a second document begins here")
        .help("one file holds one runbook; put the other one into a file of its own")
}

pub(super) fn key_not_text(file: &SourceFile, at: Span) -> Diagnostic {
    let text = file.text();
    if text[at.start..].starts_with('{') && text[..at.start].ends_with('{') {
        return hole(file, at.start - 1);
    }
    Diagnostic::new(Code::KeyNotText, file, at, "a list or mapping as a key, expected a text")
        .help("if the brackets belong to a text, put it in quotes")
}

fn hole(file: &SourceFile, at: usize) -> Diagnostic {
    Diagnostic::new(Code::KeyNotText, file, Span::new(at, at + 2), "a value that begins with `{{` is a mapping in YAML")
        .help(QUOTE)
}

pub(super) fn tag(file: &SourceFile, at: Span) -> Diagnostic {
    let tag = file.slice(at);
    let problem =
        Diagnostic::new(Code::Tag, file, at, format!("`{tag}` at the beginning of a value is a tag in YAML, not text"));
    let problem =
        if tag == "!" { problem.label("YAML drops this, which makes a command its opposite") } else { problem };
    problem.help(QUOTE)
}

pub(super) fn anchor(file: &SourceFile, at: Span) -> Diagnostic {
    let found = file.slice(at);
    let what = if found.starts_with('*') { "an alias" } else { "an anchor" };
    Diagnostic::new(
        Code::Anchor,
        file,
        at,
        format!("`{found}` at the beginning of a value is {what} in YAML, not text"),
    )
    .help(format!("if it is text: {QUOTE}"))
    .help("if it is meant: runbooks have none of them, write the value out where it is used")
}

/// What is wrong with a key: not there, a merge, not ASCII, or a second time.
pub(super) fn key(file: &SourceFile, name: &str, style: Style, at: Span, first: Option<Span>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    if name.is_empty() {
        problems.push(
            Diagnostic::new(Code::KeyNotText, file, at, "nothing before `:`, expected a key")
                .help("give the value a key, or put the text in quotes"),
        );
    } else if name == "<<" && style == Style::Plain {
        problems.push(
            Diagnostic::new(Code::Anchor, file, at, "`<<` merges mappings in YAML")
                .help("runbooks have no merge keys: write the keys out where they are used"),
        );
    }
    if let Some(first) = first {
        let problem = Diagnostic::new(Code::DuplicateKey, file, at, format!("`{name}` stands here a second time"));
        problems.push(problem.also(first, "first here").help("keep one of the two"));
    }
    problems.extend(characters::of_key(file, name, at));
    problems
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    /// Each problem as `line:column code: message`.
    fn problems(text: &str) -> Vec<String> {
        let file = SourceFile::new("a.yaml", text);
        let (_, problems) = parse(&file);
        let line = |problem: &Diagnostic| {
            assert!(!problem.help.is_empty(), "no remedy: {}", problem.message);
            let place = file.place(problem.primary.span.start);
            format!("{}:{} {}: {}", place.line, place.column, problem.code.name(), problem.message)
        };
        problems.iter().map(line).collect()
    }

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
    fn anchors_aliases_and_merge_keys_are_refused() {
        assert_eq!(
            problems("a: &x {b: c}\nd: *x\ne:\n  <<: *x\n"),
            [
                "1:4 yaml-anchor: `&x` at the beginning of a value is an anchor in YAML, not text",
                "2:4 yaml-anchor: `*x` at the beginning of a value is an alias in YAML, not text",
                "4:3 yaml-anchor: `<<` merges mappings in YAML",
                "4:7 yaml-anchor: `*x` at the beginning of a value is an alias in YAML, not text",
            ]
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

    #[test]
    fn tabs_do_not_indent() {
        let tab = "yaml-tab: a tab, expected spaces";
        assert_eq!(problems("a:\n\tb: c"), [format!("2:1 {tab}")]);
        assert_eq!(problems("a:\n  -\tb: c\n"), [format!("2:4 {tab}")]);
        assert_eq!(problems("\ta: b"), [format!("1:1 {tab}")]);
        assert_eq!(problems("a: x\n\t y"), [format!("2:1 {tab}")]);
        assert_eq!(problems("a: |\n\tx"), [format!("2:1 {tab}")]);
        assert!(problems("a: |\n  x <<-E\n  \ty\n").is_empty(), "a tab in a text is text");
    }

    #[test]
    fn a_file_holds_one_document_without_directives() {
        assert_eq!(problems("a: 1\n---\nb: 2"), ["2:1 yaml-documents: a second document begins here"]);
        assert_eq!(problems("%YAML 1.2\n---\na: 1"), ["1:1 yaml-documents: a YAML directive"]);
        assert!(problems("---\na: 1\n...\n").is_empty(), "marks around one document are harmless");
        assert_eq!(problems(""), ["1:1 yaml-syntax: the file is empty"]);
    }

    #[test]
    fn a_duplicate_key_shows_both_places() {
        let file = SourceFile::new("a.yaml", "a: 1\nb: 2\n\"a\": 3\n");
        let (tree, problems) = parse(&file);
        assert!(tree.is_some(), "reading goes on");
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].code, Code::DuplicateKey);
        assert_eq!(file.place(problems[0].primary.span.start).line, 3);
        assert_eq!(problems[0].secondary[0].span, Span::new(0, 1));
    }

    #[test]
    fn keys_are_plain_ascii() {
        let key = "сapture"; // begins with U+0441
        assert_eq!(
            problems(&format!("{key}: x")),
            ["1:1 look-alike: key `сapture` has `с` (U+0441), which looks like `c`"]
        );
        assert_eq!(problems("größe: x"), ["1:1 look-alike: key `größe` has `ö` (U+00F6), expected plain ASCII"]);
        assert_eq!(problems(": x"), ["1:1 key-not-text: nothing before `:`, expected a key"]);
    }

    #[test]
    fn escapes_cannot_smuggle_hidden_characters() {
        assert_eq!(
            problems(r#"a: "rm \u202e x""#),
            ["1:8 hidden-character: U+202E, a mark that changes the reading direction"]
        );
        assert_eq!(problems(r#"a: "\0""#), ["1:5 hidden-character: U+0000, a NUL"]);
        assert_eq!(problems(r#"a: "\e[31m""#), ["1:5 hidden-character: U+001B, a control character"]);
        assert!(problems(r#"a: "x\ty\n""#).is_empty());
        assert_eq!(problems("a: x\0y"), ["1:5 hidden-character: U+0000, a NUL"], "named once");
    }

    #[test]
    fn limits_are_quick_clear_errors() {
        let deep = problems(&"[".repeat(100_000));
        assert_eq!(deep, ["1:65 too-large: more than 64 levels of lists and mappings"]);
        let deep = problems(&"- ".repeat(100_000));
        assert_eq!(deep, ["1:129 too-large: more than 64 levels of lists and mappings"]);
        let mixed = format!("{}{}{}", "- ".repeat(40), "[".repeat(40), "]".repeat(40));
        assert_eq!(problems(&mixed), ["1:105 too-large: more than 64 levels of lists and mappings"]);
        let many = problems(&"- a\n".repeat(30_000));
        assert_eq!(many, ["20000:3 too-large: more than 20000 values in one file"]);
        let large = problems(&" ".repeat((1 << 20) + 1));
        assert_eq!(large, ["1:1 too-large: the file has 1048577 bytes, expected at most 1048576"]);
    }
}
