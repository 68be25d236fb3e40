//! A card as lines of a width: nothing is cut, what is too long goes on in the next line.

use ratatui::style::{Modifier, Style, Stylize as _};
use ratatui::text::{Line, Span};

use crate::text::width::{pad, wrap};
use crate::view::compare::{Pair, compare};
use crate::view::{Card, Label, Row};

use super::palette;

/// From this width on labels stand in a column of their own.
const TWO_COLUMNS: usize = 50;
const LABEL: usize = 12;

/// A card laid out.
pub struct CardText {
    pub lines: Vec<Line<'static>>,
    /// The line behind the last that must have been read before a change is confirmed.
    pub vital: usize,
}

/// Lays a card out.
pub fn card_text(card: &Card, columns: usize) -> CardText {
    let mut text = CardText { lines: Vec::new(), vital: 0 };
    for line in card.elsewhere.iter().flat_map(|line| wrap(line, columns)) {
        text.lines.push(Line::from(line.bold()));
    }
    let headline = palette::tone(card.tone).add_modifier(Modifier::BOLD);
    text.lines.extend(wrap(&card.headline, columns).into_iter().map(|line| Line::styled(line, headline)));
    let unresolved = card.unresolved.iter().flat_map(|why| wrap(&format!("It cannot run yet: {why}."), columns));
    text.lines.extend(unresolved.map(|line| Line::from(line.bold())));
    if columns >= TWO_COLUMNS {
        text.lines.push(Line::default());
    }
    let beside = sides(card);
    for row in &card.rows {
        match (&beside, row.label) {
            (Some(pairs), Label::ShouldLookLike) => text.lines.extend(table(pairs, columns)),
            (Some(_), Label::Printed) => {}
            _ => text.lines.extend(labelled(row, columns)),
        }
        if row.label.is_vital() {
            text.vital = text.lines.len();
        }
    }
    if !card.current {
        for line in text.lines.iter_mut().skip(card.elsewhere.iter().map(|line| wrap(line, columns).len()).sum()) {
            line.style = line.style.add_modifier(Modifier::DIM);
        }
    }
    text
}

/// Should and got, where both are known.
fn sides(card: &Card) -> Option<Vec<Pair>> {
    let row = |label| card.rows.iter().find(|row| row.label == label);
    Some(compare(&row(Label::ShouldLookLike)?.lines, &row(Label::Printed)?.lines))
}

fn labelled(row: &Row, columns: usize) -> Vec<Line<'static>> {
    let style = match row.label {
        Label::LooksAlike | Label::DoNot | Label::Changed => Style::new().bold(),
        _ => Style::new(),
    };
    if columns < TWO_COLUMNS {
        let mut lines = row.lines.iter().flat_map(|line| wrap(line, columns.saturating_sub(1)));
        let label = row.label.text();
        let mut all = Vec::new();
        // A short text stands beside its label.
        let first = lines.next().unwrap_or_default();
        if label.len() + 2 + first.chars().count() <= columns {
            all.push(Line::from(vec![format!("{label}: ").bold(), Span::styled(first, style)]));
        } else {
            all.push(Line::from(format!("{label}:").bold()));
            all.push(Line::styled(format!(" {first}"), style));
        }
        all.extend(lines.map(|line| Line::styled(format!(" {line}"), style)));
        return all;
    }
    let lines = row.lines.iter().flat_map(|line| wrap(line, columns - LABEL));
    let labelled = lines.enumerate().map(|(at, line)| {
        let label = if at == 0 { row.label.text() } else { "" };
        Line::from(vec![pad(label, LABEL).bold(), Span::styled(line, style)])
    });
    labelled.collect()
}

/// "Should look" beside "you got"; a line that differs is marked.
fn table(pairs: &[Pair], columns: usize) -> Vec<Line<'static>> {
    if columns < TWO_COLUMNS {
        let mut lines = vec![Line::from("Should look / ! you got:".bold())];
        for pair in pairs {
            let side = |mark: &str, side: &Option<String>| {
                side.iter()
                    .flat_map(|line| wrap(line, columns - 2))
                    .map(|line| Line::raw(format!("{mark} {line}")))
                    .collect::<Vec<_>>()
            };
            lines.extend(side(" ", &pair.should));
            if pair.differs() {
                lines.extend(side("!", &pair.got));
            }
        }
        return lines;
    }
    let half = (columns - LABEL - 3) / 2;
    let mut lines = vec![Line::from(vec![
        pad("Compare", LABEL).bold(),
        pad("should look like", half).bold(),
        " | ".into(),
        "you got".bold(),
    ])];
    for pair in pairs {
        let side = |side: &Option<String>| side.as_ref().map_or_else(Vec::new, |line| wrap(line, half));
        let (should, got) = (side(&pair.should), side(&pair.got));
        let mark = if pair.differs() { " ! " } else { " | " };
        for at in 0..should.len().max(got.len()) {
            let style = if pair.differs() { palette::differs() } else { Style::new() };
            let cell = |side: &[String]| pad(side.get(at).map_or("", String::as_str), half);
            lines.push(Line::from(vec![
                Span::raw(" ".repeat(LABEL)),
                Span::styled(cell(&should), style),
                Span::raw(mark),
                Span::styled(cell(&got).trim_end().to_owned(), style),
            ]));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Key;
    use crate::view::sample::{self, Found};
    use crate::view::{card, here};

    fn lines(card: &Card, columns: usize) -> Vec<String> {
        card_text(card, columns).lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn no_line_is_wider_than_the_card_and_no_command_is_cut() {
        let sample = sample::at_the_change();
        let card = here(&sample.plan, &sample.run);
        for columns in [20, 38, 54, 120] {
            let lines = lines(&card, columns);
            assert!(lines.iter().all(|line| crate::text::width::columns(line) <= columns), "{columns}: {lines:#?}");
            let joined = lines.concat().replace(' ', "");
            for text in
                ["kubeadmcertsrenewapiserver", "kubeadminitphasecertsall", "thelistofnodes", "acopyistakenjustbefore"]
            {
                assert!(joined.contains(text), "{columns}: {text}: {lines:#?}");
            }
        }
    }

    #[test]
    fn the_way_back_is_the_last_that_must_be_read() {
        let sample = sample::at_the_change();
        let text = card_text(&here(&sample.plan, &sample.run), 54);
        let last = text.lines[..text.vital].iter().rposition(|line| line.to_string().starts_with("Way back"));
        assert!(last.is_some());
        assert!(text.lines[text.vital].to_string().starts_with("Good is"));
    }

    #[test]
    fn the_line_that_differs_is_marked_beside_the_sample() {
        let mut sample = sample::certificate();
        sample.look("leaf", Found::Ok(""));
        sample.look("same-ca", Found::Fault("/etc/kubernetes/pki/apiserver.crt: not OK"));
        let card = card(&sample.plan, &sample.run, &Key::new("same-ca"));
        let wide = lines(&card, 110);
        let at = wide.iter().position(|line| line.starts_with("Compare")).expect("a table");
        assert_eq!(
            wide[at + 1].trim(),
            "/etc/kubernetes/pki/apiserver.crt: OK           ! /etc/kubernetes/pki/apiserver.crt: not OK"
        );
        assert!(lines(&card, 40).iter().any(|line| line.starts_with("! /etc")), "narrow");
    }

    #[test]
    fn a_card_that_is_not_current_is_dim_and_says_where_the_run_stands() {
        let sample = sample::at_the_change();
        let text = card_text(&card(&sample.plan, &sample.run, &Key::new("served")), 60);
        assert!(text.lines[0].to_string().starts_with("You only read this. The run stands at `renew`"));
        let body = text.lines.iter().find(|line| line.to_string().starts_with("Runs")).expect("what runs");
        assert!(body.style.add_modifier.contains(Modifier::DIM));
        assert!(!text.lines[0].style.add_modifier.contains(Modifier::DIM));
    }
}
