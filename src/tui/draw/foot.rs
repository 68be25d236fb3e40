//! The lines below the card: what was said last, and the keys; or the line that is being typed.

use ratatui::style::{Modifier, Style, Stylize as _};
use ratatui::text::Line;

use super::Scene;
use crate::text::sanitizer::plain;
use crate::text::width::{columns, wrap};
use crate::tui::model::{Asking, Confirms, Overlay, Prompt, Reason};
use crate::view::map::steps;
use crate::view::words::count;
use crate::view::{Act, KeyHint};

/// The lines of the foot for a width.
pub fn lines(scene: &Scene, width: usize) -> Vec<Line<'static>> {
    let width = width.saturating_sub(2).max(1);
    let mut lines = Vec::new();
    if let Some(prompt) = &scene.model.prompt {
        lines.extend(wrap(&question(prompt), width).into_iter().map(|line| Line::from(line.bold())));
        lines.extend(wrap(&format!("> {}_", plain_end(&prompt.typed)), width).into_iter().map(Line::raw));
    } else {
        lines.extend(said(scene, width));
        lines.extend(keys(scene, width));
    }
    lines.into_iter().map(indented).collect()
}

fn indented(mut line: Line<'static>) -> Line<'static> {
    line.spans.insert(0, " ".into());
    line
}

/// What is typed, clean, its last spaces kept.
fn plain_end(typed: &str) -> String {
    let spaces = typed.len() - typed.trim_end_matches(' ').len();
    format!("{}{}", plain(typed.trim_end_matches(' ')), " ".repeat(spaces))
}

fn question(prompt: &Prompt) -> String {
    match &prompt.asking {
        Asking::Word { expected, confirms: Confirms::Change { .. }, .. } => {
            format!("Type {} and Enter, and it runs. Esc or any other word: nothing runs.", plain(expected))
        }
        Asking::Word { expected, confirms: Confirms::Send, .. } => {
            format!("Type {} and Enter, and they are told. Esc or any other word: nothing is sent.", plain(expected))
        }
        Asking::Word { expected, confirms: Confirms::Undo { .. }, .. } => {
            format!("Type {} and Enter, and it goes back. Esc or any other word: nothing runs.", plain(expected))
        }
        Asking::Reason(reason) => format!("{} Why? In a few words, then Enter. Esc: nothing happens.", about(reason)),
        Asking::Note => "A note for the record, then Enter.".to_owned(),
        Asking::Value(_) => "Type it, then Enter. Esc: nothing is recorded.".to_owned(),
        Asking::Answer { answer, .. } => {
            format!("Your answer: {}. Enter records it; any other key does not.", plain(answer))
        }
        Asking::Stop => "Type stop and Enter: TERM, then KILL. Esc: it goes on.".to_owned(),
        Asking::Search => "Search for, then Enter:".to_owned(),
    }
}

fn about(reason: &Reason) -> &'static str {
    match reason {
        Reason::Skip(_) => "Skip this step.",
        Reason::Again => "Run it again.",
        Reason::BackAgain => "Go this way back again.",
        Reason::GoOn => "Go on: a deviation.",
        Reason::RepairAgain => "Repair again.",
        Reason::ItIsDone(_) => "Take it as done.",
        Reason::RunAgain(_) => "Not done: back to its card.",
        Reason::CloseNotRepaired => "Close as not repaired.",
        Reason::Shell => "A side shell on THIS machine, outside the runbook and on record.",
    }
}

fn said(scene: &Scene, width: usize) -> Vec<Line<'static>> {
    let stars = steps(scene.map).any(|step| step.unsafe_here);
    let text = match (&scene.model.said, &scene.busy) {
        (Some(said), _) => said.clone(),
        (None, Some(busy)) => busy.clone(),
        (None, None) if stars && scene.model.is_wide() => "* do not walk away between these steps".to_owned(),
        (None, None) => return Vec::new(),
    };
    wrap(&plain(&text), width).into_iter().map(|line| Line::from(line.add_modifier(Modifier::ITALIC))).collect()
}

fn keys(scene: &Scene, width: usize) -> Vec<Line<'static>> {
    match scene.model.overlay {
        Overlay::Interrupt => {
            return flow(
                vec!["w watch it, it goes on".into(), "s stop it (asked again)".into(), "Esc back".into()],
                width,
            );
        }
        Overlay::Leave => return flow(vec!["y leave all the same".into(), "Esc stay".into()], width),
        Overlay::Output => {
            let keys = ["Esc close", "/ search", "n next", "N before", "PgUp PgDn Home End", "? (on the card)"];
            return flow(keys.iter().map(|key| (*key).to_owned()).collect(), width);
        }
        Overlay::Help | Overlay::Map => return flow(vec!["Esc close".into(), "Space more".into()], width),
        Overlay::None | Overlay::WayBack => {}
    }
    let unread = !scene.model.shown.was_read();
    let enabled: Vec<&KeyHint> = scene.card.keys.iter().filter(|hint| hint.enabled).collect();
    let (mut own, mut others): (Vec<&KeyHint>, Vec<&KeyHint>) =
        enabled.into_iter().partition(|hint| hint.act.acts() && hint.act != Act::Skip);
    let mut lines = Vec::new();
    let first = own.iter().position(|hint| matches!(hint.act, Act::Change | Act::ChangeAgain | Act::Undo));
    if let Some(first) = first {
        let hint = own.remove(first);
        let text = if unread {
            format!("({} is off: Space shows the rest of this card first)", hint.key)
        } else {
            format!("{}  {}. Any other key changes nothing.", hint.key, hint.what)
        };
        lines.extend(wrap(&text, width).into_iter().map(|line| Line::from(line.bold())));
    }
    own.append(&mut others);
    let short = !scene.model.is_wide();
    let more = scene.model.shown.end().saturating_sub(scene.model.shown.scroll);
    let mut words: Vec<_> =
        own.iter().map(|hint| if short { hint.key.clone() } else { format!("{} {}", hint.key, hint.what) }).collect();
    if short {
        // The first key with its words, the others behind `?`.
        if let Some(hint) = own.first().filter(|_| first.is_none()) {
            words[0] = format!("{} {}", hint.key, hint.what);
        }
        words.push("v map".to_owned());
    } else {
        words.push("arrows read".to_owned());
    }
    if more > 0 {
        words.insert(0, format!("Space {} more", count(more, "line", "lines")));
    } else if scene.model.shown.scroll > 0 {
        words.insert(0, "PgUp back up".to_owned());
    }
    lines.extend(flow(words, width));
    lines
}

/// Words beside each other, as many as fit into a line.
fn flow(words: Vec<String>, width: usize) -> Vec<Line<'static>> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if columns(line) + 3 + columns(&word) <= width => {
                line.push_str("   ");
                line.push_str(&word);
            }
            _ => lines.extend(wrap(&word, width)),
        }
    }
    lines.into_iter().map(|line| Line::styled(line, Style::new())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_shown_with_its_spaces_and_nothing_hidden() {
        assert_eq!(plain_end("renew "), "renew ");
        assert_eq!(plain_end("re\u{202e}new"), "re<U+202E>new");
    }

    #[test]
    fn words_flow_into_lines_that_fit() {
        let texts: Vec<_> =
            flow(vec!["a one".into(), "b two".into(), "c three".into()], 14).iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["a one   b two", "c three"]);
    }

    #[test]
    fn a_word_prompt_names_the_word_and_what_happens_otherwise() {
        let asking =
            Asking::Word { digest: "d".into(), expected: "renew".into(), confirms: Confirms::Change { again: None } };
        let text = question(&Prompt { asking, typed: String::new(), since: 0 });
        assert_eq!(text, "Type renew and Enter, and it runs. Esc or any other word: nothing runs.");
    }
}
