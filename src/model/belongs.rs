//! Which fields belong to which kinds of step.

use super::decode::Cx;
use super::step::WrittenStep;
use crate::diagnostic::Code;
use crate::text::suggestion::suggest;
use crate::yaml::{Kind as NodeKind, Node};

/// The kinds that are built.
pub(super) const KINDS: &[&str] =
    &["check", "wait", "change", "by_hand", "question", "terminal", "edit", "announce", "include", "steps"];

/// Which kinds a field belongs to; a field that is not here belongs to all.
const BELONGS: &[(&str, &[&str])] = &[
    ("inputs", &["include"]),
    ("to", &["announce"]),
    ("expect", &["check", "wait", "change"]),
    ("capture", &["check", "wait", "change", "question"]),
    ("choices", &["question"]),
    ("show", &["question"]),
    ("every", &["wait"]),
    ("at_most", &["wait"]),
    ("hold", &["wait"]),
    ("stdin", &["check", "wait", "change"]),
    ("timeout", &["check", "wait", "change"]),
    ("record", &["check", "wait", "change", "terminal", "edit"]),
    ("user", &["check", "wait", "change", "terminal"]),
    ("env", &["check", "wait", "change", "terminal"]),
    ("cwd", &["check", "wait", "change", "terminal"]),
    ("shell", &["check", "wait", "change", "terminal"]),
    ("streams", &["check", "wait", "change"]),
    ("risk", &["change", "by_hand", "terminal", "edit"]),
    ("needs", &["change", "by_hand", "terminal", "edit"]),
    ("done_when", &["change", "by_hand", "terminal", "edit"]),
    ("may_change", &["change", "by_hand", "terminal", "edit"]),
    ("undo", &["change", "by_hand", "terminal"]),
    ("no_undo", &["change", "by_hand", "terminal"]),
    ("repeatable", &["change", "terminal"]),
    ("may_disconnect", &["change"]),
    ("unsafe_until", &["change", "by_hand", "terminal", "edit"]),
    ("confirm", &["change", "by_hand", "terminal", "edit"]),
    ("looks_alike", &["change", "by_hand", "terminal"]),
];

/// Whether an unknown key is nearly a kind: then that one is said, and no second thing.
pub(super) fn has_misspelt_kind(node: &Node) -> bool {
    let NodeKind::Mapping(entries) = &node.kind else { return false };
    let unknown = entries.iter().map(|entry| entry.key.name.as_str()).filter(|name| !WrittenStep::KEYS.contains(name));
    unknown.filter_map(|name| suggest(name, WrittenStep::KEYS.iter().copied())).any(|near| KINDS.contains(&near))
}

/// Pushes a problem for each field of another kind: on this one it would do nothing.
pub(super) fn check_belongs(node: &Node, kind: &str, cx: &mut Cx) {
    for (field, kinds) in BELONGS {
        if let Some(entry) = node.get(field)
            && !kinds.contains(&kind)
        {
            let message = format!("`{field}` does not belong to a `{kind}` step");
            let problem = cx.problem(Code::FieldOfOtherKind, entry.key.span, message);
            cx.push(problem.help(format!("`{field}` belongs to: {}", kinds.join(", "))));
        }
    }
}
