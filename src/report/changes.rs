//! What changed, what was guarded, and which ways lead back.

use std::fmt::Write as _;

use super::deeds::way_back;
use super::place::named;
use super::times::Times;
use crate::engine::record::{Changed, Does, WayBack};
use crate::engine::{Plan, Run};
use crate::model::runbook::IfBroken;
use crate::text::markdown::{code, inline};

/// What steps changed that they list.
pub fn changed(run: &Run) -> String {
    let mut out = String::new();
    for attempt in run.attempts.values().filter(|attempt| !attempt.allowed.is_empty()) {
        let undone = if attempt.undone { " (undone)" } else { "" };
        let _ = writeln!(out, "- by {}{undone}:", code(&attempt.intent.step.to_string()));
        for change in &attempt.allowed {
            let _ = writeln!(out, "  - {}", one(change));
        }
    }
    out
}

fn one(change: &Changed) -> String {
    let values = match (change.before.as_str(), change.after.as_str()) {
        ("", "") => String::new(),
        (before, "") => format!(", was {}", code(&short(before))),
        ("", after) => format!(", is {}", code(&short(after))),
        (before, after) => format!(", was {}, is {}", code(&short(before)), code(&short(after))),
    };
    format!("{} {}{values}", code(&change.path), inline(&change.what))
}

/// A digest is known by its first twelve digits.
fn short(value: &str) -> String {
    let (kind, digits) = value.split_once(':').map_or(("", value), |(kind, digits)| (kind, digits));
    let digest = digits.len() >= 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    match (digest, kind) {
        (false, _) => value.to_owned(),
        (true, "") => format!("{}…", &digits[..12]),
        (true, kind) => format!("{kind}:{}…", &digits[..12]),
    }
}

/// Whether everything guarded is as it was.
pub fn guards(plan: &Plan, run: &Run, times: Times) -> String {
    let head = &plan.runbook.head;
    let Some(guards) = &run.guards else {
        let any = head.scope.is_some() || !head.must_not_change.is_empty();
        return if any {
            "Not measured: nothing was changed yet.\n".to_owned()
        } else {
            "The runbook has none.\n".to_owned()
        };
    };
    let Some(broken) = &run.broken else {
        return format!(
            "Held: {} files of the scope measured, the last time with digest {}.\n",
            guards.entries,
            code(&short(&guards.digest))
        );
    };
    let after = broken.attempt.as_ref().and_then(|attempt| run.attempts.get(attempt));
    let after = after.map_or_else(String::new, |attempt| format!(", after {}", named(plan, run, &attempt.intent.step)));
    let mut out = format!("**BROKEN**, measured {}{after}:\n\n", times.full(&broken.at));
    for change in &broken.changed {
        let _ = writeln!(out, "- {}", one(change));
    }
    let scope = head.scope.iter().filter_map(|scope| scope.if_broken.as_ref());
    for words in scope.chain(head.must_not_change.iter().filter_map(|guard| guard.if_broken.as_ref())) {
        out.push('\n');
        out.push_str(&if_broken(words));
    }
    out
}

fn if_broken(words: &IfBroken) -> String {
    let rows =
        [("What it means", &words.means), ("Worse with time", &words.worse_with_time), ("Do not", &words.do_not)];
    rows.into_iter().filter_map(|(label, text)| Some(format!("- **{label}:** {}\n", inline(text.as_ref()?)))).collect()
}

/// The ways back, newest first.
pub fn ways_back(plan: &Plan, run: &Run) -> String {
    let mut out = String::new();
    for attempt in run.attempts.values().rev().filter(|attempt| attempt.intent.does == Does::Change) {
        let Some(undo) = &attempt.intent.undo else { continue };
        let state = match (attempt.undone, undo) {
            (true, _) => "gone, everything of it is back",
            (false, WayBack::None { .. }) => "not possible",
            (false, WayBack::Copy { .. } | WayBack::Command | WayBack::ByHand) => "**open**, can be taken",
        };
        let _ = writeln!(out, "- {}: {}; {state}", named(plan, run, &attempt.intent.step), way_back(undo));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_shortened_and_a_mode_is_not() {
        assert_eq!(short(&format!("sha256:{}", "ab".repeat(32))), "sha256:abababababab…");
        assert_eq!(short(&"0".repeat(64)), "000000000000…");
        assert_eq!(short("0644"), "0644");
        assert_eq!(short("root:root"), "root:root");
    }
}
