//! A runbook as plain text for a terminal. Commands stand at the left border, so that what is copied is what runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::card::{Body, Card, Fact, Way, cards, phase_words, to_words};
use super::commands::{text, values_of};
use super::head::facts;
use crate::model::Runbook;
use crate::text::markdown::shown;
use crate::text::sanitizer::plain;
use crate::text::width::{pad, wrap};

/// Columns of a line of prose.
const COLUMNS: usize = 80;
/// Columns of a label.
const LABEL: usize = 16;

/// The whole runbook; commands with the inputs filled in where all their names are known, otherwise as written.
pub fn show(runbook: &Runbook, inputs: &BTreeMap<String, Value>) -> String {
    let values = values_of(runbook, inputs);
    let mut out =
        format!("{}\n{} {}\n\n", plain(&text(&runbook.head.title, &values)), runbook.id, plain(runbook.version()));
    for fact in facts(runbook, &values) {
        draw(&fact, "", &mut out);
    }
    let mut phase = None;
    for card in cards(runbook, &values) {
        if phase != Some(card.phase) {
            phase = Some(card.phase);
            let _ = write!(out, "\n{}\n", phase_words(card.phase).to_uppercase());
        }
        step(&card, &mut out);
    }
    out
}

fn step(card: &Card, out: &mut String) {
    let indent = "  ".repeat(card.depth);
    let _ = write!(out, "\n{indent}{}. {}\n{indent}   {} ({})\n", card.number, plain(&card.title), card.kind, card.id);
    for fact in &card.facts {
        draw(fact, &format!("{indent}   "), out);
    }
}

fn draw(fact: &Fact, indent: &str, out: &mut String) {
    let lines = match &fact.body {
        Body::Command(text, _) | Body::Sample(text) => {
            let _ = write!(out, "{indent}{}:\n{}\n", fact.label, shown(text));
            return;
        }
        Body::Prose(text) => wrap(&paragraphs(&shown(text.trim())), COLUMNS),
        Body::Words(text) => wrap(&plain(text), COLUMNS),
        Body::Names(names) | Body::Links(names) => names.iter().map(|name| plain(name)).collect(),
        Body::Ways(ways) => ways.iter().flat_map(|one| wrap(&way(one), COLUMNS)).collect(),
    };
    for (at, line) in lines.iter().enumerate() {
        let label = if at == 0 { fact.label } else { "" };
        out.push_str(format!("{indent}{} {line}", pad(label, LABEL)).trim_end());
        out.push('\n');
    }
}

/// Lines that the author broke for the eye run on; paragraphs, lists and indented lines keep their breaks.
fn paragraphs(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let own = line.is_empty()
            || line.starts_with([' ', '\t', '-', '*', '#', '>', '|', '`'])
            || line.starts_with(|first: char| first.is_ascii_digit());
        if own || out.is_empty() || out.ends_with('\n') {
            out.push_str(if out.is_empty() || out.ends_with('\n') { "" } else { "\n" });
            out.push_str(line);
            out.push_str(if line.is_empty() { "\n" } else { "" });
        } else {
            out.push(' ');
            out.push_str(line);
        }
    }
    out
}

fn way(way: &Way) -> String {
    let part = |text: &Option<String>, before: &str| {
        text.as_ref().map_or_else(String::new, |text| format!("{before}{}", plain(text)))
    };
    let to = way.to.as_ref().map_or_else(|| "go on".to_owned(), to_words);
    format!("{}: {}{}{}", plain(&way.when), to, part(&way.means, ". "), part(&way.see, " See "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_paragraph_run_on_and_lists_stay() {
        assert_eq!(paragraphs("a\nb\n\nc\nd"), "a b\n\nc d");
        assert_eq!(paragraphs("see:\n- a\n- b\n1. c"), "see:\n- a\n- b\n1. c");
        assert_eq!(paragraphs(""), "");
    }
}
