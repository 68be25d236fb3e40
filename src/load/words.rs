//! What ids and names may be made of, and what is said when they are not.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::branch::To;
use crate::model::decode::Cx;
use crate::model::step::Phase;
use crate::source::Span;
use crate::yaml::{Kind, Node, look_alike};

/// Words that a destination can be besides a step; no step can be called so.
pub(super) const DESTINATIONS: [&str; 4] = ["next", "done", "stop", "undo"];

/// Whether a word is a destination of its own.
pub(super) fn is_reserved(word: &str) -> bool {
    DESTINATIONS.contains(&word) || Phase::from_word(word).is_some()
}

fn is_id(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    id.bytes().all(allowed) && id.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric()) && id.len() <= 64
}

fn is_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && name.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
}

/// Pushes a problem where an id has other characters than an id; `what` is named in messages: `the id`.
pub(super) fn check_id(what: &str, id: &str, span: Span, cx: &mut Cx) {
    if is_id(id) {
        return;
    }
    let problem = looks_like_another(what, id, span, cx).unwrap_or_else(|| {
        let path = id.contains(['/', '\\']) || id.contains("..");
        let why = if path { "is a path, expected a word" } else { "has characters that an id cannot have" };
        let problem = cx.problem(Code::BadName, span, format!("{what} `{id}` {why}"));
        problem.help("an id has at most 64 of a-z, 0-9, `_` and `-`, a letter or digit first")
    });
    cx.push(problem);
}

/// The id of a runbook is the name of its file, so the file is what has to be renamed.
pub(super) fn check_runbook_id(id: &str, cx: &mut Cx) {
    check_id("the id of the runbook (its file's name)", id, Span::default(), cx);
}

/// Pushes a problem where a name cannot stand in a template.
pub(super) fn check_name(what: &str, name: &str, span: Span, cx: &mut Cx) {
    if is_name(name) {
        return;
    }
    let problem = looks_like_another(what, name, span, cx).unwrap_or_else(|| {
        let problem =
            cx.problem(Code::BadName, span, format!("{what} `{name}` has characters that a name cannot have"));
        let known = name.to_ascii_lowercase().replace('-', "_");
        if is_name(&known) {
            problem.help(format!("write `{known}`"))
        } else {
            problem.help("a name has a-z, 0-9 and `_`, a letter first")
        }
    });
    cx.push(problem);
}

/// A letter of another script in a name that is otherwise ours.
fn looks_like_another(what: &str, name: &str, span: Span, cx: &Cx) -> Option<Diagnostic> {
    let found = name.chars().find_map(look_alike)?;
    let meant: String = name.chars().map(|c| look_alike(c).map_or(c, |found| found.like)).collect();
    let message = format!(
        "{what} `{name}` has `{}` (U+{:04X}), which looks like `{}`",
        found.found,
        u32::from(found.found),
        found.like
    );
    Some(cx.problem(Code::LookAlike, span, message).help(format!("type `{meant}` by hand")))
}

/// The place of a key below a path of keys; the path's own place where it is not there.
pub(super) fn key_span(tree: &Node, path: &[&str]) -> Span {
    let mut span = tree.span;
    let mut node = Some(tree);
    for name in path {
        let Some(entry) = node.and_then(|node| node.get(name)) else { break };
        span = entry.key.span;
        node = Some(&entry.value);
    }
    span
}

/// The keys of a mapping below a key of the runbook, with their places.
pub(super) fn keys_under<'a>(tree: &'a Node, key: &str) -> impl Iterator<Item = (&'a str, Span)> {
    let entries = match tree.get(key).map(|entry| &entry.value.kind) {
        Some(Kind::Mapping(entries)) => entries.as_slice(),
        _ => &[],
    };
    entries.iter().map(|entry| (entry.key.name.as_str(), entry.key.span))
}

/// The words of all destinations that are no step.
pub(super) fn destination_words() -> Vec<&'static str> {
    DESTINATIONS.into_iter().chain(Phase::WORDS.iter().copied()).collect()
}

/// Whether a destination is `done`, which closes the run.
pub(super) fn closes(to: &To) -> bool {
    *to == To::Done
}
