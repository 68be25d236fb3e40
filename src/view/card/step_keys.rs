//! The keys of the card of a step, and what must be typed.

use super::Confirm;
use super::step::Maker;
use crate::engine::record::{Does, Mode};
use crate::engine::resolve::{Resolved, Work};
use crate::engine::run::StepState;
use crate::engine::{Key, Run, SEND};
use crate::model::{Risk, StepKind};
use crate::view::key_hint::{Act, KeyHint};
use crate::view::words;

impl Maker<'_> {
    pub(super) fn keys(&self, resolved: Option<&Resolved>) -> Vec<KeyHint> {
        let idle = self.run.running().is_none();
        let ready = resolved.is_some() && idle;
        let mut keys = match &self.step.kind {
            StepKind::Check(_) => vec![KeyHint::new("Enter", "look", Act::Look).only(ready)],
            StepKind::Wait { .. } => vec![KeyHint::new("Enter", "look until it holds", Act::Look).only(ready)],
            StepKind::Terminal(_) if !idle => vec![KeyHint::new("g", "go in again", Act::GoIn)],
            StepKind::Terminal(_) if self.run.unanswered(self.key).is_some() => vec![
                KeyHint::new("d", "done", Act::Done).only(ready),
                KeyHint::new("c", "could not", Act::CouldNot).only(ready),
                KeyHint::new("n", "not sure", Act::NotSure),
                KeyHint::new("r", "start it again, with a reason", Act::ChangeAgain).only(ready),
            ],
            StepKind::Change(_) | StepKind::Terminal(_) => {
                vec![self.change_key(resolved).only(ready && !self.run.mode().only_looks())]
            }
            StepKind::Edit(_) => {
                let drafted = matches!(resolved, Some(Resolved { work: Work::Edit { draft: Some(_), .. }, .. }));
                let open = if drafted { "edit it further" } else { "edit it, in a copy of your own" };
                let may = ready && !self.run.mode().only_looks();
                vec![KeyHint::new("e", open, Act::Edit).only(may), self.change_key(resolved).only(may && drafted)]
            }
            StepKind::ByHand(_) => vec![
                match resolved.map(|resolved| needs(self.run, self.key, resolved)) {
                    Some(Needs::NotMeasured) => KeyHint::new("Enter", "measure what it needs", Act::Needs).only(ready),
                    Some(Needs::Missing) => KeyHint::new("Enter", "measure it again", Act::Needs).only(ready),
                    Some(Needs::Held) | None => KeyHint::new("d", "done", Act::Done).only(ready),
                },
                KeyHint::new("c", "could not", Act::CouldNot).only(ready),
                KeyHint::new("n", "not sure", Act::NotSure),
            ],
            StepKind::Question(_) => answers(resolved, ready),
            StepKind::Announce(_) => {
                let channels = !self.step.fields.to.is_empty();
                let live = self.run.mode() == Mode::Live;
                vec![
                    KeyHint::new("y", "send it; you will then type: send", Act::Send).only(ready && channels && live),
                    KeyHint::new("d", "I told them", Act::Done).only(ready),
                    KeyHint::new("c", "could not", Act::CouldNot).only(ready),
                    KeyHint::new("n", "not sure", Act::NotSure),
                ]
            }
            StepKind::Include { .. } | StepKind::Steps(_) => Vec::new(),
        };
        keys.push(KeyHint::new("s", "skip, with a reason", Act::Skip).only(idle));
        keys
    }

    fn change_key(&self, resolved: Option<&Resolved>) -> KeyHint {
        let again = *self.run.state(self.key) == StepState::Passed;
        let what = match resolved.map(confirm) {
            Some(Confirm::Word(word)) => format!("I want to run it; you will then type: {}", words::line(&word)),
            Some(Confirm::Place(place)) => {
                format!("I want to run it; you will then type the place: {}", words::line(&place))
            }
            Some(Confirm::Y | Confirm::None) | None => "run it".to_owned(),
        };
        if again {
            return KeyHint::new("y", format!("run it AGAIN, with a reason; {what}"), Act::ChangeAgain);
        }
        KeyHint::new("y", what, Act::Change)
    }
}

/// What is known of the needs of a deed by hand that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// They hold, or there are none.
    Held,
    NotMeasured,
    /// They were measured, and one does not hold.
    Missing,
}

/// What is known of the needs of a step, since the run came to it.
pub(super) fn needs(run: &Run, key: &Key, resolved: &Resolved) -> Needs {
    let measured = run.needs_of(key);
    if resolved.does != Does::Change || resolved.needs.is_empty() {
        return Needs::Held;
    }
    match (measured.is_empty(), measured.iter().all(|need| need.held)) {
        (true, _) => Needs::NotMeasured,
        (false, true) => Needs::Held,
        (false, false) => Needs::Missing,
    }
}

/// What must be typed for a resolved step.
pub(super) fn confirm(resolved: &Resolved) -> Confirm {
    match (&resolved.work, resolved.risk) {
        (Work::Command(_) | Work::Terminal(_) | Work::Edit { .. } | Work::Restore, Some(Risk::Low)) => Confirm::Y,
        (Work::Command(_) | Work::Terminal(_) | Work::Edit { .. } | Work::Restore, Some(Risk::High)) => {
            Confirm::Word(resolved.confirm_word.clone())
        }
        (Work::Command(_) | Work::Terminal(_) | Work::Edit { .. } | Work::Restore, Some(Risk::Destructive)) => {
            Confirm::Place(resolved.confirm_word.clone())
        }
        (Work::Command(_) | Work::Terminal(_) | Work::Edit { .. } | Work::Restore, None)
        | (Work::Test(_) | Work::Wait { .. } | Work::ByHand(_) | Work::Question { .. }, _) => Confirm::None,
        (Work::Announce { .. }, _) => Confirm::Word(SEND.to_owned()),
    }
}

/// The keys of a card that is only read.
pub(super) fn reading(run: &Run) -> Vec<KeyHint> {
    let mut keys = vec![KeyHint::new("Esc", "back to where the run stands", Act::Back)];
    keys.push(KeyHint::new("o", "output", Act::Output).only(!run.attempts.is_empty()));
    keys.push(KeyHint::new("?", "I am not sure", Act::Help));
    keys.push(KeyHint::leave(run));
    keys
}

/// Most answers that have a digit of their own; of more, the number is typed.
const MOST_DIGITS: usize = 9;

fn answers(resolved: Option<&Resolved>, ready: bool) -> Vec<KeyHint> {
    let Some(Resolved { work: Work::Question { choices, .. }, captures, .. }) = resolved else { return Vec::new() };
    let mut keys = match choices.len() {
        0 if captures.is_empty() => {
            return vec![
                KeyHint::new("y", "yes", Act::Yes).only(ready),
                KeyHint::new("n", "no", Act::No).only(ready),
                KeyHint::new("Esc", "not sure", Act::NotSure),
            ];
        }
        0 => vec![KeyHint::new("Enter", "type the value", Act::Value).only(ready)],
        1..=MOST_DIGITS => (0..choices.len())
            .map(|at| KeyHint::new((at + 1).to_string(), words::line(&choices[at].answer), Act::Choose(at)).only(ready))
            .collect(),
        _ => vec![KeyHint::new("Enter", "type the number of the answer", Act::Value).only(ready)],
    };
    keys.push(KeyHint::new("n", "not sure", Act::NotSure));
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::card::{Card, card};
    use crate::view::sample::{self, Sample};

    fn of(sample: &Sample, key: &str) -> Card {
        card(&sample.plan, &sample.run, &key.parse::<Key>().expect("a key"))
    }

    #[test]
    fn risk_decides_what_must_be_typed() {
        let text = "locum: 1\ntitle: T\nrepair:\n  - { id: a, change: 'true' }\n  - { id: b, change: 'true', risk: low }\n  - { id: c, change: 'true', risk: destructive }\n";
        let sample = sample::open(text);
        assert_eq!(confirm(&sample.resolved("a")), Confirm::Word("a".into()));
        assert_eq!(confirm(&sample.resolved("b")), Confirm::Y);
        assert_eq!(confirm(&sample.resolved("c")), Confirm::Place("kyousuke".into()));
    }

    #[test]
    fn only_the_current_card_has_a_key_that_acts() {
        let sample = sample::at_the_change();
        let current = of(&sample, "renew");
        assert!(current.current && current.elsewhere.is_none());
        assert_eq!(current.key_for("y").map(|hint| &hint.act), Some(&Act::Change));
        for other in ["leaf", "restart", "console", "served"] {
            let card = of(&sample, other);
            assert!(card.keys.iter().all(|hint| !hint.act.acts()), "{other}: {:?}", card.keys);
            assert_eq!(card.confirm, Confirm::None);
            let elsewhere = card.elsewhere.expect("where the run stands");
            assert!(elsewhere.contains("`renew`"), "{elsewhere}");
        }
    }

    #[test]
    fn while_a_step_runs_it_cannot_be_begun_again() {
        let mut sample = sample::at_the_change();
        sample.begin("renew", None);
        let card = of(&sample, "renew");
        assert!(card.key_for("y").is_none());
        assert!(card.key_for("s").is_none());
    }

    #[test]
    fn a_run_that_only_looks_has_no_y() {
        let mut sample = sample::at_the_change();
        sample.run.opened.as_mut().expect("open").mode = Mode::Look;
        assert!(of(&sample, "renew").key_for("y").is_none());
    }

    #[test]
    fn questions_offer_yes_no_digits_or_typing() {
        let many: Vec<_> = (0..12).map(|at| format!("c{at}")).collect();
        let text = format!(
            "locum: 1\ntitle: T\ndiagnose:\n  - {{ id: yn, question: 'Is it up?' }}\n  - {{ id: few, question: 'Which?', choices: [one, two] }}\n  - {{ id: many, question: 'Which?', choices: [{}] }}\n  - {{ id: value, question: 'Which node?', capture: node }}\n",
            many.join(", ")
        );
        let mut sample = sample::open(&text);
        let mut acts = Vec::new();
        for id in ["yn", "few", "many", "value"] {
            sample.run.position = crate::engine::Position::Step { step: Key::new(id) };
            let card = of(&sample, id);
            acts.push(
                card.keys
                    .iter()
                    .filter(|hint| hint.act.acts() && hint.act != Act::Skip)
                    .map(|hint| hint.key.clone())
                    .collect::<Vec<_>>()
                    .join(" "),
            );
        }
        assert_eq!(acts, ["y n", "1 2", "Enter", "Enter"]);
    }
}
