//! Parts of YAML that runbooks leave out, and what is said where they are used.

use super::characters;
use super::limits::MAX_DEPTH;
use super::node::Style;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{SourceFile, Span};

/// The remedy where YAML takes a text for something else.
pub(super) const QUOTE: &str = "put the value in quotes, or write it under `|` on lines of its own";

pub(super) fn tab(file: &SourceFile, at: usize) -> Diagnostic {
    Diagnostic::new(Code::Tab, file, Span::new(at, at + 1), "a tab, expected spaces")
        .help("YAML counts spaces: replace the tab with two spaces for each level")
}

pub(super) fn too_deep(file: &SourceFile, at: Span) -> Diagnostic {
    Diagnostic::new(Code::TooLarge, file, at, format!("more than {MAX_DEPTH} levels of lists and mappings"))
        .help("a runbook needs about ten; look for brackets that were never closed")
}

pub(super) fn directive(file: &SourceFile, at: Span) -> Diagnostic {
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

pub(super) fn hole(file: &SourceFile, at: usize) -> Diagnostic {
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
    use super::super::{parse, problems};
    use super::*;

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
