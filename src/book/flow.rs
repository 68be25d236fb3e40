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

const HEADING: usize = 30;
const BOX: usize = 28;
/// What a line of notes adds to a box.
const NOTE: usize = 17;
const GAP: usize = 13;
const LEFT: usize = 6;
const WIDTH: usize = 440;
const LANE: usize = 14;
/// Columns of a line in a box.
const COLUMNS: usize = 60;

/// A jump from row to row.
struct Jump {
    from: usize,
    to: usize,
    lane: usize,
}

/// The picture, on one line.
pub fn svg(cards: &[Card]) -> String {
    let rows = rows(cards);
    let jumps = jumps(&rows);
    let lanes = jumps.iter().map(|jump| jump.lane + 1).max().unwrap_or(0);
    let width = LEFT + WIDTH + if lanes == 0 { 6 } else { 14 + lanes * LANE };
    let height = rows.last().map_or(0, |row| row.top + row.height) + 4;
    let mut out = format!(
        "<svg class=\"locum-flow\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\" aria-label=\"The steps and where they lead\" fill=\"none\" stroke=\"currentColor\" font-size=\"13\">"
    );
    for row in &rows {
        match row.card {
            Some(card) => draw_step(row, card, &mut out),
            None => draw_phase(row, &mut out),
        }
    }
    for pair in rows.windows(2) {
        let x = LEFT + 14 + pair.iter().map(Row::indent).max().unwrap_or(0);
        arrow(
            &format!("M{x} {}V{}", pair[0].top + pair[0].height, pair[1].top),
            (x, pair[1].top),
            Head::Down,
            &mut out,
        );
    }
    for jump in &jumps {
        let (x, gutter) = (LEFT + WIDTH, LEFT + WIDTH + 12 + jump.lane * LANE);
        let (from, to) = (rows[jump.from].top + BOX / 2 + 5, rows[jump.to].entry());
        arrow(&format!("M{x} {from}H{gutter}V{to}H{x}"), (x, to), Head::Left, &mut out);
    }
    out.push_str("</svg>");
    out
}

/// A step, or the heading of a phase.
struct Row<'a> {
    phase: Phase,
    card: Option<&'a Card>,
    notes: String,
    top: usize,
    height: usize,
}

impl Row<'_> {
    fn indent(&self) -> usize {
        self.card.map_or(0, |card| card.depth * 16)
    }

    /// Where a jump comes in: the box, or the line under a phase.
    fn entry(&self) -> usize {
        if self.card.is_some() { self.top + BOX / 2 - 5 } else { self.top + HEADING - 1 }
    }
}

fn rows(cards: &[Card]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row> = Vec::new();
    let mut top = 4;
    for card in cards {
        if rows.last().is_none_or(|row| row.phase != card.phase) {
            rows.push(Row { phase: card.phase, card: None, notes: String::new(), top, height: HEADING });
            top += HEADING + GAP;
        }
        let notes = notes(card);
        let height = if notes.is_empty() { BOX } else { BOX + NOTE };
        rows.push(Row { phase: card.phase, card: Some(card), notes, top, height });
        top += height + GAP;
    }
    rows
}

fn ways(card: &Card) -> impl Iterator<Item = &Way> {
    card.facts
        .iter()
        .filter_map(|Fact { body, .. }| if let Body::Ways(ways) = body { Some(ways) } else { None })
        .flatten()
}

/// Every jump with a lane in which it meets no other.
fn jumps(rows: &[Row]) -> Vec<Jump> {
    let steps: BTreeMap<&str, usize> =
        rows.iter().enumerate().filter_map(|(at, row)| Some((row.card?.id.as_str(), at))).collect();
    let phase_at = |phase: Phase| rows.iter().position(|row| row.card.is_none() && row.phase == phase);
    let mut jumps: Vec<Jump> = Vec::new();
    for (from, row) in rows.iter().enumerate() {
        for way in row.card.into_iter().flat_map(ways) {
            let to = match &way.to {
                Some(To::Step(id)) => steps.get(id.as_str()).copied(),
                Some(To::Phase(phase)) => phase_at(*phase),
                Some(To::Next | To::Done | To::Stop | To::Undo) | None => None,
            };
            let Some(to) = to.filter(|to| jumps.iter().all(|jump| (jump.from, jump.to) != (from, *to))) else {
                continue;
            };
            let meets = |jump: &&Jump| jump.from.min(jump.to) <= from.max(to) && from.min(to) <= jump.from.max(jump.to);
            let taken: Vec<_> = jumps.iter().filter(meets).map(|jump| jump.lane).collect();
            let lane = (0..=taken.len()).find(|lane| !taken.contains(lane)).unwrap_or(0);
            jumps.push(Jump { from, to, lane });
        }
    }
    jumps
}

fn draw_phase(row: &Row, out: &mut String) {
    words(LEFT + 30, row.top + 19, "font-weight=\"bold\"", phase_words(row.phase), out);
    let _ = write!(out, "<path d=\"M{LEFT} {}h{WIDTH}\" stroke-opacity=\"0.4\"></path>", row.entry());
}

fn draw_step(row: &Row, card: &Card, out: &mut String) {
    let (x, width) = (LEFT + row.indent(), WIDTH - row.indent());
    let stroke = if card.changes { 3 } else { 1 };
    let _ = write!(
        out,
        "<a href=\"#{}\"><rect x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"{}\" rx=\"4\" stroke-width=\"{stroke}\" pointer-events=\"all\"></rect>",
        html(&card.id),
        row.top,
        row.height
    );
    let room = COLUMNS - card.depth * 3;
    words(x + 10, row.top + 19, "", &shorten(&format!("{}. {}", card.number, plain(&card.title)), room), out);
    if !row.notes.is_empty() {
        words(x + 26, row.top + 19 + NOTE, "font-style=\"italic\" font-size=\"12\"", &shorten(&row.notes, room), out);
    }
    out.push_str("</a>");
}

fn words(x: usize, y: usize, style: &str, text: &str, out: &mut String) {
    let _ =
        write!(out, "<text x=\"{x}\" y=\"{y}\" fill=\"currentColor\" stroke=\"none\" {style}>{}</text>", html(text));
}

/// The ways that lead to no other step: `STOP if not; done if it holds`.
fn notes(card: &Card) -> String {
    let mut notes: Vec<(&str, Vec<String>)> = Vec::new();
    for way in ways(card) {
        let word = match &way.to {
            Some(To::Done) => "done",
            Some(To::Stop) => "STOP",
            Some(To::Undo) => "way back",
            Some(To::Next | To::Phase(_) | To::Step(_)) | None => continue,
        };
        match notes.iter_mut().find(|(known, _)| *known == word) {
            Some((_, when)) => when.push(plain(&way.when)),
            None => notes.push((word, vec![plain(&way.when)])),
        }
    }
    notes.into_iter().map(|(word, when)| format!("{}: {word}", when.join(", "))).collect::<Vec<_>>().join("; ")
}

#[derive(Clone, Copy)]
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
