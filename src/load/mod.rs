//! From a file to a runbook that can be run, or to the reasons why not.
//!
//! The record tables of `model` see to keys and types. Here is the rest of what must hold: ids, destinations,
//! names in templates, patterns, dates, and every rule of the format that can be seen without running it.

mod destinations;
mod facts;
mod forbidden;
mod ids;
mod include;
mod mutating;
mod names;
mod patterns;
mod scope;
mod secrets;
mod steps;
mod targets;
mod templates;
mod words;

use std::cell::Cell;

pub use include::Others;
use include::Within;
pub use mutating::{Reach, reach};

use crate::diagnostic::Diagnostic;
use crate::model::Runbook;
use crate::model::decode::{Cx, Decode};
use crate::model::runbook::WrittenRunbook;
use crate::source::SourceFile;
use crate::yaml::{self, Node};

/// A file as far as it could be understood.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub file: SourceFile,
    /// The tree, where the file is YAML.
    pub tree: Option<Node>,
    /// The runbook; there exactly when no diagnostic is an error.
    pub runbook: Option<Runbook>,
    /// The runbook without those it includes, or as far as it was understood where there is an error; only for `lint`.
    pub(crate) draft: Option<Runbook>,
    /// Every problem, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a runbook that includes no other. `id` is its file's name without `.yaml`.
pub fn load(id: &str, file: SourceFile) -> Loaded {
    load_with(id, file, &|_| None)
}

/// Reads a runbook, and those that it includes.
pub fn load_with(id: &str, file: SourceFile, others: &Others) -> Loaded {
    load_within(id, file, &Within { others, chain: vec![id.to_owned()], read: &Cell::new(0) })
}

fn load_within(id: &str, file: SourceFile, within: &Within) -> Loaded {
    let (tree, mut diagnostics) = yaml::parse(&file);
    let mut runbook = None;
    let mut whole = None;
    if let Some(tree) = &tree {
        let mut cx = Cx::new(&file);
        words::check_runbook_id(id, &mut cx);
        runbook = WrittenRunbook::decode(tree, &mut cx).map(|head| Runbook::new(id, head));
        if let Some(runbook) = &mut runbook {
            ids::give(runbook);
            check(runbook, tree, &mut cx);
            whole = include::expand(runbook, within, &mut cx);
        }
        diagnostics.append(&mut cx.diagnostics);
    }
    diagnostics.sort_by_key(|problem| problem.primary.span);
    let (runbook, draft) = match whole {
        _ if diagnostics.iter().any(Diagnostic::is_error) => (None, runbook),
        Some(whole) => (Some(whole), runbook),
        None => (runbook, None),
    };
    Loaded { file, tree, runbook, draft, diagnostics }
}

/// What must hold beyond keys and types.
fn check(runbook: &Runbook, tree: &Node, cx: &mut Cx) {
    ids::check(runbook, cx);
    names::check(runbook, tree, cx);
    steps::check(runbook, tree, cx);
    targets::check(runbook, tree, cx);
    destinations::check(runbook, cx);
    patterns::check(runbook, tree, cx);
    facts::check(runbook, tree, cx);
    forbidden::check(runbook, cx);
    mutating::check(runbook, cx);
    secrets::check(runbook, tree, cx);
    templates::check(runbook, cx);
}

/// Problems as `line:column code: message`, for the tests of every part.
#[cfg(test)]
fn problems_of(text: &str) -> Vec<String> {
    let loaded = load("a", SourceFile::new("a.yaml", text));
    let line = |problem: &Diagnostic| {
        assert!(!problem.help.is_empty(), "no remedy: {}", problem.message);
        let place = loaded.file.place(problem.primary.span.start);
        format!("{}:{} {}: {}", place.line, place.column, problem.code.name(), problem.message)
    };
    loaded.diagnostics.iter().map(line).collect()
}

/// A runbook of which only the rest from line 3 on is given.
#[cfg(test)]
fn problems_in(rest: &str) -> Vec<String> {
    problems_of(&format!("locum: 1\ntitle: A test\n{rest}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_smallest_runbook_has_no_problem() {
        let file = SourceFile::new(
            "forum.yaml",
            "locum: 1\ntitle: The forum is slow\nrepair:\n  - Restart the queue worker.\n",
        );
        let loaded = load("forum", file);
        assert!(loaded.diagnostics.is_empty());
        let runbook = loaded.runbook.expect("no problem");
        assert_eq!(runbook.steps()[0].1.id.value, "restart-the-queue-worker");
    }

    #[test]
    fn a_runbook_with_an_error_is_not_handed_over() {
        let file = SourceFile::new("a.yaml", "locum: 1\ntitle: t\nrepair: [x]\nownre: komari\n");
        let loaded = load("a", file);
        assert!(loaded.runbook.is_none());
        assert!(loaded.tree.is_some());
        assert_eq!(loaded.diagnostics[0].help, ["did you mean `owner`?"]);
    }

    #[test]
    fn keys_and_types_are_checked_with_their_places() {
        assert_eq!(problems_in("repair:\n  - chnage: x\n"), ["4:5 unknown-key: unknown key `chnage` in `step`",]);
        assert_eq!(problems_in("repair: x\n"), ["3:9 wrong-type: `repair` is `x`, expected a list of texts or steps"]);
        assert_eq!(problems_of("title: x\nrepair: [x]\n"), ["1:1 missing-key: missing key `locum` in `runbook`"]);
        assert_eq!(problems_of("locum: 2\ntitle: x\nrepair: [x]\n"), ["1:8 wrong-type: `locum` is `2`, expected `1`"]);
    }

    #[test]
    fn all_is_said_in_the_order_of_the_file() {
        let problems = problems_in(
            "repair:\n  - { change: x, then: nowhere }\n  - { change: y, undo: z, no_undo: because }\ntitle: again\n",
        );
        let codes: Vec<_> = problems.iter().map(|line| line.split([' ', ':']).nth(2).unwrap_or_default()).collect();
        assert_eq!(codes, ["unknown-destination", "contradiction", "duplicate-key"]);
    }

    #[test]
    fn what_is_not_built_yet_is_refused() {
        assert_eq!(
            problems_in("repair:\n  - { by_hand: vi, approval: x }\n"),
            ["4:20 not-built-yet: `approval` of `step` is part of the format, but this locum cannot do it yet"]
        );
    }

    #[test]
    fn the_id_of_a_file_is_an_id() {
        let loaded = load("../etc/passwd", SourceFile::new("x.yaml", "locum: 1\ntitle: t\nrepair: [x]\n"));
        assert_eq!(
            loaded.diagnostics[0].message,
            "the id of the runbook (its file's name) `../etc/passwd` is a path, expected a word"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_makes_the_loader_panic(
            lines in prop::collection::vec(prop::sample::select(vec![
                "locum: 1", "title: x", "repair:", "verify:", "diagnose:", "  - x", "  - check: true", "  - change: 'x {{ y }}'", "    id: a",
                "    then: a", "    if_not: [a, { got: x, then: done }]", "    capture: { x: { match: '(' } }", "    for_each: { a: b }",
                "    steps:", "      - { steps: [ { steps: [ { steps: [ x ] } ] } ] }", "inputs: { a: { default: x, choices: [y] } }",
                "    when: passed('x') and y", "scope: { files: [/etc] }", "    may_change: ['!']", "    undo: [a, b]", "  - [x]", "  - {", "version: 1",
                "forbidden: [{ match: '*a* b' }]", "    choices: [x, { answer: y, then: z }]", "  - question: q", "    at_most: 1s", "  - wait: x",
            ]), 0..14),
            junk in prop::collection::vec(any::<u8>(), 0..6),
        ) {
            let mut bytes = lines.join("\n").into_bytes();
            bytes.extend(junk);
            let (file, _) = yaml::read_text("a.yaml", bytes);
            let loaded = load("a", file);
            prop_assert_eq!(loaded.runbook.is_some(), loaded.diagnostics.is_empty());
        }
    }
}
