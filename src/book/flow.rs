//! The steps and their branches as a picture: SVG of our own layout, one row a step, jumps in the gutter at the right.
//! Colours are those of the text, so it fits every theme; the same runbook gives the same bytes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::card::{Body, Card, Fact, Way, phase_words};
use crate::model::Phase;
use crate::model::branch::To;
use crate::text::markdown::html;
use crate::text::sanitizer::plain;
use crate::text::width::shorten;

const ROW: usize = 44;
const BOX: usize = 30;
const LEFT: usize = 8;
const WIDTH: usize = 400;
const LANE: usize = 16;
/// Columns of a title in a box.
const TITLE: usize = 50;

/// A jump from row to row.
struct Jump {
    from: usize,
    to: usize,
    lane: usize,
}

/// The picture, on one line.
pub fn svg(cards: &[Card]) -> String {
    let rows = rows(cards);
    let at: BTreeMap<&str, usize> = rows.iter().enumerate().filter_map(|(at, row)| Some((row.card?.id.as_str(), at))).collect();
    let phases: BTreeMap<Phase, usize> = rows.iter().enumerate().filter(|(_, row)| row.card.is_none()).map(|(at, row)| (row.phase, at)).collect();
    let jumps = jumps(&rows, &at, &phases);
    let lanes = jumps.iter().map(|jump| jump.lane + 1).max().unwrap_or(0);
    let notes_at = LEFT + WIDTH + 14 + lanes * LANE;
    let (width, height) = (notes_at + 190, rows.len() * ROW + 8);
    let mut out = format!(
        "<svg class=\"locum-flow\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"The steps and where they lead\" fill=\"none\" stroke=\"currentColor\" font-size=\"13\">"
    );
    for (y, row) in rows.iter().enumerate() {
        draw_row(y, row, notes_at, &mut out);
        if y + 1 < rows.len() {
            let (x, from, to) = (LEFT + 20, y * ROW + 4 + BOX, (y + 1) * ROW + 4);
            arrow(&format!("M{x} {from}V{to}"), (x, to), Head::Down, &mut out);
        }
    }
    for jump in &jumps {
        let x = LEFT + WIDTH;
        let (from, to) = (jump.from * ROW + 4 + BOX / 2 + 5, jump.to * ROW + 4 + BOX / 2 - 5);
        let gutter = x + 10 + jump.lane * LANE;
        arrow(&format!("M{x} {from}H{gutter}V{to}H{x}"), (x, to), Head::Left, &mut out);
    }
    out.push_str("</svg>");
    out
}

/// A step, or the heading of a phase.
struct Row<'a> {
    phase: Phase,
    card: Option<&'a Card>,
}

fn rows(cards: &[Card]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row> = Vec::new();
    for card in cards {
        if rows.last().is_none_or(|row| row.phase != card.phase) {
            rows.push(Row { phase: card.phase, card: None });
        }
        rows.push(Row { phase: card.phase, card: Some(card) });
    }
    rows
}

fn ways(card: &Card) -> impl Iterator<Item = &Way> {
    card.facts.iter().filter_map(|Fact { body, .. }| if let Body::Ways(ways) = body { Some(ways) } else { None }).flatten()
}

/// Every jump with a lane in which it meets no other.
fn jumps(rows: &[Row], at: &BTreeMap<&str, usize>, phases: &BTreeMap<Phase, usize>) -> Vec<Jump> {
    let mut jumps: Vec<Jump> = Vec::new();
    for (from, row) in rows.iter().enumerate() {
        for way in row.card.into_iter().flat_map(ways) {
            let to = match &way.to {
                Some(To::Step(id)) => at.get(id.as_str()),
                Some(To::Phase(phase)) => phases.get(phase),
                Some(To::Next | To::Done | To::Stop | To::Undo) | None => None,
            };
            let Some(&to) = to else { continue };
            let meets = |jump: &&Jump| jump.from.min(jump.to) <= from.max(to) && from.min(to) <= jump.from.max(jump.to);
            let taken: Vec<_> = jumps.iter().filter(meets).map(|jump| jump.lane).collect();
            let lane = (0..).find(|lane| !taken.contains(lane)).unwrap_or(0);
            jumps.push(Jump { from, to, lane });
        }
    }
    jumps
}

fn draw_row(y: usize, row: &Row, notes_at: usize, out: &mut String) {
    let (top, middle) = (y * ROW + 4, y * ROW + 4 + BOX / 2 + 5);
    let Some(card) = row.card else {
        let (x, text) = (LEFT + 36, html(phase_words(row.phase)));
        let _ = write!(out, "<text x=\"{x}\" y=\"{middle}\" fill=\"currentColor\" stroke=\"none\" font-weight=\"bold\">{text}</text>");
        return;
    };
    let indent = card.depth * 16;
    let stroke = if card.changes { "stroke-width=\"3\"" } else { "stroke-width=\"1\"" };
    let title = html(&shorten(&format!("{}. {}", card.number, plain(&card.title)), TITLE - card.depth * 2));
    let id = html(&card.id);
    let _ = write!(
        out,
        "<a href=\"#{id}\"><rect x=\"{}\" y=\"{top}\" width=\"{}\" height=\"{BOX}\" rx=\"4\" {stroke} pointer-events=\"all\"></rect><text x=\"{}\" y=\"{middle}\" fill=\"currentColor\" stroke=\"none\">{title}</text></a>",
        LEFT + indent,
        WIDTH - indent,
        LEFT + indent + 10,
    );
    let notes: Vec<_> = ways(card).filter_map(note).collect();
    if !notes.is_empty() {
        let text = html(&shorten(&notes.join("; "), 28));
        let _ = write!(out, "<text x=\"{notes_at}\" y=\"{middle}\" fill=\"currentColor\" stroke=\"none\" font-style=\"italic\">{text}</text>");
    }
}

/// A way that leads to no other step.
fn note(way: &Way) -> Option<String> {
    let word = match way.to.as_ref()? {
        To::Done => "done",
        To::Stop => "STOP",
        To::Undo => "way back",
        To::Next | To::Phase(_) | To::Step(_) => return None,
    };
    Some(format!("{}: {word}", plain(&way.when)))
}

enum Head {
    Down,
    Left,
}

fn arrow(path: &str, (x, y): (usize, usize), head: Head, out: &mut String) {
    let tip = match head {
        Head::Down => format!("M{} {}l4 7l4 -7", x - 4, y - 7),
        Head::Left => format!("M{} {}l-7 4l7 4", x + 7, y - 4),
    };
    let _ = write!(out, "<path d=\"{path}\"></path><path d=\"{tip}\"></path>");
}
