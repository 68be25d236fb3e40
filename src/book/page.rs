//! The page of a runbook.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::card::{Body, Card, Fact, Way, cards, phase_words, to_words};
use super::commands::{Language, text, values_of};
use super::head::{bounds, freshness, inputs, needed, people};
use super::prose::{html as prose, leads_somewhere, within_line};
use super::{Page, PageFacts, flow, path_of};
use crate::model::Runbook;
use crate::model::branch::To;
use crate::text::markdown::{block, html, inline};

/// The page of one runbook. `source` is its file, shown at the end.
pub fn page(runbook: &Runbook, source: &str, facts: &PageFacts) -> Page {
    let values = values_of(runbook, &BTreeMap::new());
    let title = text(&runbook.head.title, &values);
    let cards = cards(runbook, &values);
    let draw = Draw { facts };
    let mut out = format!("# {}\n\n", inline(&title));
    draw.all(&needed(runbook, &values), &mut out);
    draw.all(&people_with_clocks(runbook, facts), &mut out);
    out.push_str(&start(runbook));
    draw.all(&inputs(runbook), &mut out);
    draw.all(&super::head::places(runbook, &values), &mut out);
    let _ = write!(out, "## The way {{#_way}}\n\n<div class=\"locum-wide\">{}</div>\n\n", flow::svg(&cards));
    out.push_str("A thick border changes something. Every change is confirmed, and measured before and after.\n\n");
    let mut phase = None;
    for card in &cards {
        if phase != Some(card.phase) {
            phase = Some(card.phase);
            let _ = write!(out, "## {} {{#_{}}}\n\n", phase_words(card.phase), card.phase.word());
        }
        draw.card(card, &mut out);
    }
    let bounds = bounds(runbook, &values);
    if !bounds.is_empty() {
        out.push_str("## What it works within {#_bounds}\n\n");
        draw.all(&bounds, &mut out);
    }
    out.push_str(&files(runbook, facts));
    out.push_str(&history(runbook, source, facts));
    Page { path: path_of(&runbook.id), title, markdown: out }
}

fn start(runbook: &Runbook) -> String {
    if runbook.head.part {
        return "This is a part of other runbooks; it is not started by itself.\n\n".to_owned();
    }
    let mut out = block(&format!("locum run {}", runbook.id), "sh");
    if !runbook.head.labs.is_empty() {
        let _ =
            write!(out, "\nTry it where nothing can break:\n\n{}", block(&format!("locum drill {}", runbook.id), "sh"));
    }
    out.push('\n');
    out
}

fn people_with_clocks(runbook: &Runbook, facts: &PageFacts) -> Vec<Fact> {
    let mut list = people(runbook);
    for fact in &mut list {
        match fact.label {
            "Owner" => {
                fact.body = Body::Words(runbook.head.owner.iter().map(|name| person(&name.value, facts)).collect());
            }
            "Deputies" => {
                let people: Vec<_> = runbook.head.deputies.iter().map(|name| person(&name.value, facts)).collect();
                fact.body = Body::Words(people.join("; "));
            }
            "Review" => {
                fact.body = Body::Words(
                    runbook.head.review.as_ref().map_or_else(String::new, |review| freshness(review, facts.today)),
                );
            }
            _ => {}
        }
    }
    list
}

fn person(name: &str, facts: &PageFacts) -> String {
    let person = facts.people.get(name);
    let clock =
        person.and_then(|person| person.clock(facts.today)).map_or_else(String::new, |clock| format!(" ({clock})"));
    let reach = person.and_then(|person| person.reach.as_ref()).map_or_else(String::new, |reach| format!(", {reach}"));
    format!("{name}{clock}{reach}")
}

/// The scripts that commands call.
fn files(runbook: &Runbook, facts: &PageFacts) -> String {
    let mut out = String::new();
    for name in &runbook.head.files {
        if out.is_empty() {
            out.push_str("## The files it calls {#_files}\n\n");
        }
        let _ = write!(out, "### {}\n\n", inline(&name.value));
        match facts.files.get(&name.value) {
            Some(Ok(text)) => out.push_str(&block(text, "sh")),
            Some(Err(why)) => out.push_str(&inline(why)),
            None => out.push_str("It is not shown here."),
        }
        out.push_str("\n\n");
    }
    out
}

fn history(runbook: &Runbook, source: &str, facts: &PageFacts) -> String {
    let mut out = "## This version {#_version}\n\n".to_owned();
    let _ = writeln!(out, "Version {}, digest <code>{}</code>.\n", inline(runbook.version()), html(&facts.digest));
    for change in &facts.changed {
        let _ = writeln!(out, "- {}, {}: {}", inline(&change.day), inline(&change.by), inline(&change.what));
    }
    let _ = write!(out, "\n<details><summary>The file</summary>\n\n{}\n</details>\n", block(source, "yaml"));
    out
}

struct Draw<'a> {
    facts: &'a PageFacts,
}

impl Draw<'_> {
    fn all(&self, facts: &[Fact], out: &mut String) {
        for fact in facts {
            self.fact(fact, out);
        }
    }

    fn card(&self, card: &Card, out: &mut String) {
        let changes = if card.changes { " locum-changes" } else { "" };
        let deep = if card.depth > 0 { " locum-deep" } else { "" };
        let _ = write!(out, "<div class=\"locum-card{changes}{deep}\">\n\n");
        let _ = write!(out, "### {}. {} {{#{}}}\n\n", card.number, inline(&card.title), card.id);
        let _ = write!(out, "<p class=\"locum-kind\">{} <code>{}</code></p>\n\n", html(&card.kind), html(&card.id));
        self.all(&card.facts, out);
        out.push_str("</div>\n\n");
    }

    fn fact(&self, fact: &Fact, out: &mut String) {
        let body = match &fact.body {
            Body::Command(text, Language::Shell) => return labelled(fact.label, &block(text, "sh"), out),
            Body::Command(text, Language::Words) | Body::Sample(text) => {
                return labelled(fact.label, &block(text, "text"), out);
            }
            Body::Prose(text) => prose(text),
            Body::Words(text) => line(text),
            Body::Names(names) => {
                names.iter().map(|name| format!("<code>{}</code>", line(name))).collect::<Vec<_>>().join("<br>")
            }
            Body::Links(links) => links.iter().map(|link| self.link(link)).collect::<Vec<_>>().join("<br>"),
            Body::Ways(ways) => ways.iter().map(|way| self.way(way)).collect::<Vec<_>>().join("<br>"),
        };
        let _ = write!(
            out,
            "<div class=\"locum-fact\"><span class=\"locum-label\">{}</span><div>{body}</div></div>\n\n",
            html(fact.label)
        );
    }

    /// A runbook of this book, a page elsewhere, or text.
    fn link(&self, to: &str) -> String {
        let line = line(to);
        if self.facts.ids.contains(to) {
            return format!("<a href=\"{to}.html\">{line}</a>");
        }
        let web = to.starts_with("https://") || to.starts_with("http://");
        if web && leads_somewhere(to) { format!("<a href=\"{line}\">{line}</a>") } else { within_line(to) }
    }

    fn way(&self, way: &Way) -> String {
        let to = match &way.to {
            Some(To::Step(id)) => format!("go to <a href=\"#{0}\">{0}</a>", html(id)),
            Some(To::Phase(phase)) => format!("go to <a href=\"#_{}\">{}</a>", phase.word(), html(phase_words(*phase))),
            Some(to @ (To::Next | To::Done | To::Stop | To::Undo)) => html(&to_words(to)),
            None => "go on".to_owned(),
        };
        let means = way.means.as_ref().map_or_else(String::new, |means| format!(". {}", within_line(means)));
        let see = way.see.as_ref().map_or_else(String::new, |see| format!(" See {}.", self.link(see)));
        format!("<b>{}</b>: {to}{means}{see}", line(&way.when))
    }
}

/// A text as one line of HTML.
fn line(text: &str) -> String {
    html(&text.replace('\n', " "))
}

fn labelled(label: &str, block: &str, out: &mut String) {
    let _ = write!(out, "<p class=\"locum-label\">{}</p>\n\n{block}\n", html(label));
}
