//! The card: one step, or one place that is no step, with everything that a person needs before the next key.
//!
//! A card that is not the current one has no key that acts, and says where the run stands.

mod expectation;
mod frozen;
mod limits;
mod place;
mod result;
mod step;
mod step_keys;
mod stopped;
mod undo;

use super::key_hint::{Act, KeyHint};
use super::row::Row;
use super::{map, words};
use crate::engine::{Key, Plan, Position, Run};

pub use result::outcome;
pub use step::{already_done_card, card};
pub use undo::undo_card;

/// What a card is about; the screen colours by it, and prints the headline all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Changes nothing.
    Look,
    /// Something changes.
    Change,
    /// A person does, or decides, something.
    Person,
    /// The run stands still.
    Stop,
    /// A guard is broken.
    Frozen,
    /// It is over.
    End,
}

/// What must be typed before something changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// Nothing: the act changes nothing, or is not to be had here.
    None,
    /// `y`.
    Y,
    /// `y`, then this word.
    Word(String),
    /// `y`, then the name of the place.
    Place(String),
}

/// One card.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// The step; none for a place that is no step.
    pub key: Option<Key>,
    pub tone: Tone,
    pub headline: String,
    pub rows: Vec<Row>,
    /// The run stands here.
    pub current: bool,
    /// Where it stands instead.
    pub elsewhere: Option<String>,
    /// Of what would run: [`crate::engine::resolve::Resolved::digest`].
    pub digest: Option<String>,
    pub confirm: Confirm,
    pub keys: Vec<KeyHint>,
    /// Why what runs cannot be shown yet: a name that is not known.
    pub unresolved: Option<String>,
}

impl Card {
    /// The enabled key that asks for something.
    pub fn key_for(&self, key: &str) -> Option<&KeyHint> {
        self.keys.iter().find(|hint| hint.enabled && hint.key == key)
    }

    /// The same card while something runs, or while it was not read to the end: no key acts.
    #[must_use]
    pub fn without_acts(mut self) -> Self {
        for hint in &mut self.keys {
            hint.enabled &= !hint.act.acts();
        }
        self
    }
}

/// The card of the place where the run stands.
pub fn here(plan: &Plan, run: &Run) -> Card {
    match &run.position {
        Position::Step { step } => card(plan, run, step),
        Position::EnterRepair => place::enter_repair(plan, run),
        Position::NotRepaired => place::not_repaired(plan, run),
        Position::Stopped { by, step } => stopped::stopped(plan, run, *by, step.as_ref()),
        Position::Frozen { attempt } => frozen::frozen(plan, run, attempt.as_ref()),
        Position::AtEnd { nothing_to_repair } => place::at_end(plan, run, *nothing_to_repair),
        Position::Closed => place::closed(plan, run),
    }
}

/// A card about a place that is no step.
fn about(tone: Tone, headline: impl Into<String>, rows: Vec<Row>, keys: Vec<KeyHint>) -> Card {
    Card {
        key: None,
        tone,
        headline: headline.into(),
        rows,
        current: true,
        elsewhere: None,
        digest: None,
        confirm: Confirm::None,
        keys,
        unresolved: None,
    }
}

/// Where a run stands, in words.
pub fn standing(plan: &Plan, run: &Run) -> String {
    let at = |key: &Key| format!("`{key}` ({})", words::title(plan, run, key));
    match (&run.position, map::standing(run)) {
        (Position::Step { .. }, Some(key)) => at(&key),
        (Position::Stopped { .. }, Some(key)) => format!("{}, stopped", at(&key)),
        (Position::Frozen { .. }, Some(key)) => format!("{}, where a guard broke", at(&key)),
        (Position::Frozen { .. }, None) => "a broken guard".to_owned(),
        (Position::EnterRepair, _) => "the entry into repair".to_owned(),
        (Position::NotRepaired, _) => "the end of the proof, which did not hold".to_owned(),
        (Position::AtEnd { .. }, _) => "its end".to_owned(),
        (Position::Closed, _) => "its end, closed".to_owned(),
        (Position::Stopped { .. } | Position::Step { .. }, None) => "a stop".to_owned(),
    }
}

/// The keys that every card has, behind its own.
fn common(run: &Run, mut keys: Vec<KeyHint>) -> Vec<KeyHint> {
    let idle = run.running().is_none();
    if run.is_changed() && !keys.iter().any(|hint| hint.key == "u") {
        keys.push(KeyHint::new("u", "way back", Act::ShowWayBack).only(idle));
    }
    keys.push(KeyHint::new("m", "write a note", Act::Note));
    keys.push(match run.open_shell() {
        Some(_) => KeyHint::new("g", "go into the side shell again", Act::GoIn),
        None => KeyHint::new("!", "side shell here", Act::Shell).only(idle && !run.mode().only_looks()),
    });
    keys.push(KeyHint::new("o", "output", Act::Output).only(!run.attempts.is_empty()));
    keys.push(KeyHint::new("?", "I am not sure", Act::Help));
    keys.push(KeyHint::leave(run));
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample;

    #[test]
    fn where_a_run_stands_is_said_in_words() {
        let said = |sample: &sample::Sample| standing(&sample.plan, &sample.run);
        assert_eq!(said(&sample::certificate()), "`leaf` (Is the certificate still valid?)");
        assert_eq!(said(&sample::at_the_gate()), "the entry into repair");
        assert_eq!(said(&sample::frozen()), "`renew` (Renew the leaf certificate, and only it), where a guard broke");
        assert_eq!(said(&sample::at_the_end()), "its end");
    }

    #[test]
    fn a_card_without_acts_still_helps() {
        let sample = sample::at_the_change();
        let quiet = here(&sample.plan, &sample.run).without_acts();
        assert!(quiet.key_for("y").is_none());
        assert!(quiet.key_for("s").is_none());
        assert!(quiet.key_for("?").is_some());
        assert!(quiet.key_for("q").is_some());
    }
}
