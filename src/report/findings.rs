//! What the looks and answers found.

use std::fmt::Write as _;

use super::place::named;
use crate::engine::record::Judged;
use crate::engine::{Plan, Run};
use crate::text::markdown::inline;

/// A finding as one word.
pub const fn word(judged: Judged) -> &'static str {
    match judged {
        Judged::Passed => "ok",
        Judged::Failed => "**FAULT**",
        Judged::Unknown => "**cannot tell**",
    }
}

pub fn section(plan: &Plan, run: &Run) -> String {
    let access = run.access.values().map(|access| {
        let found = access.found.iter().fold(String::new(), |text, found| text + ": " + &inline(found));
        format!("- {}, get in at {}{found}\n", word(access.judged), inline(&access.words()))
    });
    run.findings.iter().fold(access.collect(), |mut out: String, finding| {
        let text = if finding.text.is_empty() { String::new() } else { format!(": {}", inline(&finding.text)) };
        let _ = writeln!(out, "- {}, {}{text}", word(finding.judged), named(plan, run, &finding.step));
        out
    })
}
