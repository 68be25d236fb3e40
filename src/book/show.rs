//! A runbook as plain text for a terminal. Commands stand at the left border, so that what is copied is what runs.

use std::collections::BTreeMap;

use serde_json::Value;

use super::card::{Body, Card, Fact, Way, cards, phase_words, to_words};
use super::commands::{text, values_of};
use super::head::facts;
use crate::model::Runbook;
use crate::text::markdown::shown;
use crate::text::sanitizer::plain;
use crate::text::width::{pad, wrap};

/// Columns of a line of prose.
const COLUMNS: usize = 96;
/// Columns of a label.
const LABEL: usize = 12;

/// The whole runbook; commands with the inputs filled in where all their names are known, otherwise as written.
pub fn show(runbook: &Runbook, inputs: &BTreeMap<String, Value>) -> String {
    let values = values_of(runbook, inputs);
    let mut out = format!("{}\n{} {}\n\n", plain(&text(&runbook.head.title, &values)), runbook.id, plain(runbook.version()));
    for fact in facts(runbook, &values) {
        draw(&fact, "", &mut out);
    }
    let mut phase = None;
    for card in cards(runbook, &values) {
        if phase != Some(card.phase) {
            phase = Some(card.phase);
            out.push_str(&format!("\n{}\n", phase_words(card.phase).to_uppercase()));
        }
        step(&card, &mut out);
    }
    out
}

fn step(card: &Card, out: &mut String) {
    let indent = "  ".repeat(card.depth);
    out.push_str(&format!("\n{indent}{}. {}\n{indent}   {} ({})\n", card.number, plain(&card.title), card.kind, card.id));
    for fact in &card.facts {
        draw(fact, &format!("{indent}   "), out);
    }
}

fn draw(fact: &Fact, indent: &str, out: &mut String) {
    let lines = match &fact.body {
        Body::Command(text, _) | Body::Sample(text) => {
            out.push_str(&format!("{indent}{}:\n{}\n", fact.label, shown(text)));
            return;
        }
        Body::Prose(text) | Body::Words(text) => wrap(&shown(text.trim()), COLUMNS),
        Body::Names(names) | Body::Links(names) => names.iter().map(|name| plain(name)).collect(),
        Body::Ways(ways) => ways.iter().map(way).collect(),
    };
    for (at, line) in lines.iter().enumerate() {
        let label = if at == 0 { fact.label } else { "" };
        out.push_str(format!("{indent}{} {line}", pad(label, LABEL)).trim_end());
        out.push('\n');
    }
}

fn way(way: &Way) -> String {
    let part = |text: &Option<String>, before: &str| text.as_ref().map_or_else(String::new, |text| format!("{before}{}", plain(text)));
    let to = way.to.as_ref().map_or_else(|| "go on".to_owned(), to_words);
    format!("{}: {}{}{}", plain(&way.when), to, part(&way.means, ". "), part(&way.see, " See "))
}
