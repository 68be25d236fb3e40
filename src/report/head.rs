//! The first ten lines: what somebody who is ill and holds a phone has to know.

use std::fmt::Write as _;

use super::place::{mode_words, next, open, stands};
use super::times::Times;
use crate::engine::record::{Judged, Mode};
use crate::engine::resolve::{Resolver, guards};
use crate::engine::{Plan, Run};
use crate::text::markdown::{code, inline};

pub fn lines(plan: &Plan, run: &Run, times: Times) -> String {
    let resolver = Resolver::new(plan, run, None);
    let title = inline(&resolver.prose(&plan.runbook.head.title));
    let mut out = format!("# {}: {title}, run {}\n\n", mode_words(run.mode()), inline(&run.id));
    for (label, text) in [
        ("Where", place(run)),
        ("Who", who(run)),
        ("When", when(run, times)),
        ("State", state(plan, run)),
        ("Found", found(run)),
        ("Open", some(&open(plan, run))),
        ("Do not touch", untouchable(plan, run)),
        ("Next", next(plan, run)),
    ] {
        let _ = writeln!(out, "- **{label}:** {text}");
    }
    if run.mode() == Mode::Drill {
        out.push_str("\n**This was a DRILL, in a lab. Nothing real was changed.**\n");
    }
    if let Some(opened) = &run.opened {
        let book = &opened.runbook;
        let commit = book.commit.as_ref().map_or_else(String::new, |commit| format!(", commit {}", code(commit)));
        let _ = writeln!(
            out,
            "\nRunbook {}, version {}, {}{commit}.",
            code(&book.id),
            inline(&book.version),
            code(&book.digest)
        );
        if let Some(review) = book.review_words() {
            let _ = writeln!(out, "\n{}.", inline(&review));
        }
        for (name, value) in &opened.inputs {
            let _ = writeln!(out, "\nInput {}: {}", code(name), code(&value_text(value)));
        }
    }
    out
}

fn value_text(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => items.iter().map(value_text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn place(run: &Run) -> String {
    let Some(opened) = &run.opened else { return "not known".to_owned() };
    let lab = opened.lab.as_ref().map_or_else(String::new, |lab| format!("the lab {} on ", inline(lab)));
    format!("{lab}{}, in {}", inline(&opened.who.host), code(&opened.cwd))
}

fn who(run: &Run) -> String {
    let Some(opened) = &run.opened else { return "not known".to_owned() };
    let account = if opened.who.euid == 0 { "root".to_owned() } else { format!("user {}", opened.who.euid) };
    let proof = if opened.who.key.is_some() { "with a key" } else { "claimed, not proved" };
    format!("{} ({proof}), as {account}, zone {}", inline(&opened.who.claimed), inline(&opened.tz))
}

fn when(run: &Run, times: Times) -> String {
    let began = run.opened.as_ref().map_or_else(|| "not known".to_owned(), |opened| times.full(&opened.at));
    format!("began {began}; newest record {}", times.full(&run.last_at))
}

fn state(plan: &Plan, run: &Run) -> String {
    let taken = |id: &str| run.steps.keys().any(|key| key.id == id);
    let leaves = plan.items().iter().filter(|item| !item.is_group());
    let (mut all, mut ended) = (0, 0);
    for item in leaves {
        all += 1;
        ended += usize::from(taken(&item.step.id.value));
    }
    let why = run.why.as_ref().map_or_else(String::new, |why| format!(" ({})", inline(why)));
    format!("**{}**{why}, {ended} of {all} steps reached", inline(&stands(run)))
}

fn found(run: &Run) -> String {
    let count = |judged: Judged| run.findings.iter().filter(|finding| finding.judged == judged).count();
    format!("{} ok, {} FAULT, {} cannot tell", count(Judged::Passed), count(Judged::Failed), count(Judged::Unknown))
}

fn some(texts: &[String]) -> String {
    if texts.is_empty() { "nothing".to_owned() } else { texts.join("; ") }
}

fn untouchable(plan: &Plan, run: &Run) -> String {
    let head = &plan.runbook.head;
    let mut texts = Vec::new();
    match guards(plan, run) {
        Ok(lines) => {
            texts.extend(lines.files().iter().map(|path| format!("{}{}", code(path), inline(&lines.on()))));
            texts.extend(lines.others().iter().map(|what| inline(what)));
        }
        Err(_) => texts.extend(head.scope.iter().flat_map(|scope| &scope.files).map(|path| code(path))),
    }
    let broken = run.broken.is_some();
    let if_broken = head.scope.iter().filter_map(|scope| scope.if_broken.as_ref());
    let if_broken = if_broken.chain(head.must_not_change.iter().filter_map(|guard| guard.if_broken.as_ref()));
    if broken {
        texts.extend(
            if_broken.filter_map(|words| words.do_not.as_ref()).map(|text| format!("**do not {}**", inline(text))),
        );
    }
    some(&texts)
}
