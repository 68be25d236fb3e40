//! The overlay behind `?`: what this is, what to do if you are unsure, and every key that is valid here.

use super::card::{Card, Confirm, Tone};
use super::words;
use crate::engine::record::Mode;
use crate::engine::{Plan, Run};

/// The help for one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Help {
    /// Heading and lines.
    pub sections: Vec<(&'static str, Vec<String>)>,
}

/// The help for a card; `more` are the keys of the reader's own surface (arrows, searching).
pub fn help(plan: &Plan, run: &Run, card: &Card, more: &[(&str, &str)]) -> Help {
    let mut keys: Vec<_> = card
        .keys
        .iter()
        .map(|hint| {
            let off = if hint.enabled { "" } else { "   (not now)" };
            format!("{:<6} {}{off}", hint.key, hint.what)
        })
        .collect();
    keys.extend(more.iter().map(|(key, what)| format!("{key:<6} {what}")));
    Help {
        sections: vec![
            ("What is this?", what(plan, run, card)),
            ("If you are not sure", unsure(plan, run)),
            ("Keys that are valid here", keys),
        ],
    }
}

fn what(plan: &Plan, run: &Run, card: &Card) -> Vec<String> {
    let title = words::line(&plan.runbook.head.title);
    let mut lines = vec![match run.mode() {
        Mode::Live => format!("The runbook \"{title}\", on the REAL system: {}.", words::place(run)),
        Mode::Drill => format!("A DRILL of the runbook \"{title}\" in {}. Nothing real is touched.", words::place(run)),
        Mode::Look | Mode::Preflight => {
            format!("The looks of the runbook \"{title}\" on {}. Nothing is changed in this run.", words::place(run))
        }
    }];
    lines.push("On the left all steps, on the right one of them. Nothing runs by reading.".to_owned());
    lines.push(
        match card.tone {
            Tone::Look => "This step only looks. Whatever it finds is a good find.",
            Tone::Change => {
                "This step changes something. It runs only if you confirm it; any other key changes nothing."
            }
            Tone::Person => "Here you decide or do something yourself.",
            Tone::Stop => "The run stands still. Nothing happens until you decide.",
            Tone::Frozen => "Something changed that must not. Nothing runs any more but the way back.",
            Tone::End => "The run is at its end.",
        }
        .to_owned(),
    );
    match &card.confirm {
        Confirm::Word(word) => lines.push(format!("To confirm: y, then type {} and Enter.", words::line(word))),
        Confirm::Place(place) => {
            lines.push(format!("To confirm: y, then type the place, {}, and Enter.", words::line(place)));
        }
        Confirm::None | Confirm::Y => {}
    }
    lines
}

fn unsure(plan: &Plan, run: &Run) -> Vec<String> {
    let mut lines = vec![
        "Stop. \"No\" and \"not sure\" are always safe answers, and Esc changes nothing.".to_owned(),
        "Read: the arrows show every step, before and after this one.".to_owned(),
    ];
    let people: Vec<_> = plan.runbook.people().iter().map(|name| words::line(name)).collect();
    if !people.is_empty() {
        lines.push(format!("Ask: {}. Say which run ({}) and which step.", people.join(", "), run.id));
        lines.push("Hand over: leave with q, and let one of them go on.".to_owned());
    }
    lines.push(match run.mode() {
        Mode::Drill => format!("Leave: q ends the drill and its lab; locum report {} tells what was done.", run.id),
        Mode::Live | Mode::Look | Mode::Preflight => {
            format!("Leave: q keeps everything; locum resume {} comes back to this place.", run.id)
        }
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::card::here;
    use crate::view::sample;

    #[test]
    fn the_help_names_every_key_of_the_card() {
        let sample = sample::at_the_change();
        let card = here(&sample.plan, &sample.run);
        let help = help(&sample.plan, &sample.run, &card, &[("j", "next step")]);
        let (_, keys) = &help.sections[2];
        for hint in &card.keys {
            assert!(keys.iter().any(|line| line.starts_with(&hint.key) && line.contains(&hint.what)), "{hint:?}");
        }
        assert!(keys.last().is_some_and(|line| line.contains("next step")));
    }

    #[test]
    fn it_says_what_to_do_if_unsure_and_whom_to_ask() {
        let sample = sample::frozen();
        let card = here(&sample.plan, &sample.run);
        let help = help(&sample.plan, &sample.run, &card, &[]);
        let text = help.sections.iter().flat_map(|(_, lines)| lines.clone()).collect::<Vec<_>>().join("\n");
        assert!(text.contains("on the REAL system: kyousuke"), "{text}");
        assert!(text.contains("Ask: komari, pepe. Say which run (7f3a-k2)"), "{text}");
        assert!(text.contains("locum resume 7f3a-k2"), "{text}");
        assert!(text.contains("Nothing runs any more but the way back"), "{text}");
    }
}
