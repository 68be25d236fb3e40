//! What the screen remembers, apart from the run: which card is read, how far, what is being typed.
//!
//! Pure: time comes in as milliseconds since the screen began.

use crate::engine::{AttemptId, Key};
use crate::view::Card;

/// Milliseconds since the screen began.
pub type Millis = u64;

/// How long a new card is deaf to keys that act, and a new prompt to Enter: no person reads faster.
pub const DEAF: Millis = 400;

/// How long the same key is deaf after it was pressed, where it changes something: it may be held down.
pub const HELD: Millis = 1000;

/// What lies over the card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlay {
    #[default]
    None,
    Help,
    /// The output of an attempt.
    Output,
    /// The card of the way back.
    WayBack,
    /// Ctrl-C while something runs: watch or stop.
    Interrupt,
    /// Leaving while something runs, or where it is not safe to walk away.
    Leave,
    /// The map, where the screen is too narrow to show it always.
    Map,
}

/// What a reason is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    Skip(Key),
    /// Running a change again.
    Again,
    /// Going a way back again.
    BackAgain,
    GoOn,
    RepairAgain,
    ItIsDone(AttemptId),
    RunAgain(AttemptId),
    CloseNotRepaired,
    /// Opening a side shell.
    Shell,
}

/// Which change a typed word confirms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirms {
    /// The change on the card; with the reason where it runs again.
    Change {
        again: Option<String>,
    },
    Undo {
        again: Option<String>,
    },
    /// The announcement on the card.
    Send,
}

/// What is being asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asking {
    /// The word that tells this change from others.
    Word {
        digest: String,
        expected: String,
        confirms: Confirms,
    },
    Reason(Reason),
    Note,
    /// A value, or the number of an answer.
    Value(Key),
    /// Enter records the chosen answer.
    Answer {
        key: Key,
        answer: String,
    },
    /// `stop`: ends what runs.
    Stop,
    /// A text to find in the output.
    Search,
}

/// A line that is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    pub asking: Asking,
    pub typed: String,
    pub since: Millis,
}

/// The card as it was last drawn.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Tells one card from another.
    pub id: String,
    pub card: Option<Card>,
    /// When it came.
    pub since: Millis,
    /// First line on the screen.
    pub scroll: usize,
    /// Lines in all, lines on the screen, and the line behind the last that must be read.
    pub lines: usize,
    pub room: usize,
    pub vital: usize,
    /// How far it was on the screen.
    pub seen: usize,
}

impl Shown {
    /// Whether everything that must be read was on the screen.
    pub fn was_read(&self) -> bool {
        self.seen >= self.vital
    }

    /// The last line at which the card can begin.
    pub fn end(&self) -> usize {
        self.lines.saturating_sub(self.room)
    }
}

/// What the screen remembers.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub width: u16,
    pub height: u16,
    /// The step that is read; none is the place where the run stands.
    pub reading: Option<Key>,
    pub overlay: Overlay,
    pub prompt: Option<Prompt>,
    /// What was said last, on the line above the keys.
    pub said: Option<String>,
    pub shown: Shown,
    /// `done_when` held before the change: the step, and what holds.
    pub already: Option<(Key, Vec<String>)>,
    /// When a person last pressed a key.
    pub last_input: Millis,
    /// Which key that was, before the one that is looked at now.
    pub last_key: Option<(String, Millis)>,
    /// The newest attempt whose end was told.
    pub told: Option<AttemptId>,
    /// How far an overlay is scrolled.
    pub overlay_scroll: usize,
}

/// From this width on the map stands beside the card.
const WIDE: u16 = 72;
/// From this height on there is room for two lines above and four below.
const HIGH: u16 = 18;

impl Model {
    /// A screen of a size.
    pub fn new(width: u16, height: u16) -> Self {
        Self { width, height, ..Self::default() }
    }

    pub fn is_wide(&self) -> bool {
        self.width >= WIDE && self.height >= HIGH
    }

    /// Takes in which card is drawn now, with its lines, those that must be read, and the room for them. Says whether
    /// it is another than before.
    pub fn show(&mut self, id: String, card: Card, (lines, vital, room): (usize, usize, usize), now: Millis) -> bool {
        let new = self.shown.id != id;
        if new {
            self.shown = Shown { id, since: now, ..Shown::default() };
            // What was being typed was meant for another card; a search is about the output.
            self.prompt.take_if(|prompt| !matches!(prompt.asking, Asking::Search | Asking::Note | Asking::Stop));
        } else if self.shown.lines != lines {
            // Wrapped anew: what was seen before says nothing about these lines.
            self.shown.seen = 0;
        }
        let shown = &mut self.shown;
        (shown.card, shown.lines, shown.vital, shown.room) = (Some(card), lines, vital, room);
        shown.scroll = shown.scroll.min(shown.end());
        shown.seen = if shown.scroll <= shown.seen { shown.seen.max(shown.scroll + room) } else { shown.seen };
        new
    }

    /// Opens a line to type on.
    pub fn ask(&mut self, asking: Asking, now: Millis) {
        self.said = None;
        self.prompt = Some(Prompt { asking, typed: String::new(), since: now });
    }

    /// Back to the place where the run stands, nothing over it.
    pub fn back(&mut self) {
        self.overlay = Overlay::None;
        self.overlay_scroll = 0;
        self.reading = None;
    }

    pub fn say(&mut self, text: impl Into<String>) {
        self.said = Some(text.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{here, sample};

    fn card() -> Card {
        let sample = sample::at_the_change();
        here(&sample.plan, &sample.run)
    }

    #[test]
    fn a_card_that_does_not_fit_is_read_only_once_it_was_paged_through() {
        let mut model = Model::new(40, 10);
        model.show("a".into(), card(), (30, 20, 6), 0);
        assert!(!model.shown.was_read());
        for scroll in [6, 12] {
            model.shown.scroll = scroll;
            model.show("a".into(), card(), (30, 20, 6), 10);
        }
        assert!(!model.shown.was_read());
        model.shown.scroll = 18;
        model.show("a".into(), card(), (30, 20, 6), 20);
        assert!(model.shown.was_read());
    }

    #[test]
    fn a_jump_to_the_end_is_no_reading() {
        let mut model = Model::new(40, 10);
        model.show("a".into(), card(), (30, 20, 6), 0);
        model.shown.scroll = 24;
        model.show("a".into(), card(), (30, 20, 6), 10);
        assert!(!model.shown.was_read());
    }

    #[test]
    fn another_width_must_be_read_again() {
        let mut model = Model::new(80, 24);
        model.show("a".into(), card(), (10, 10, 12), 0);
        assert!(model.shown.was_read());
        model.show("a".into(), card(), (30, 20, 6), 10);
        assert!(!model.shown.was_read());
    }

    #[test]
    fn a_new_card_closes_what_was_being_typed_for_the_old_one() {
        let mut model = Model::new(80, 24);
        model.show("a".into(), card(), (10, 10, 12), 0);
        model.ask(Asking::Reason(Reason::GoOn), 5);
        assert!(!model.show("a".into(), card(), (10, 10, 12), 6));
        assert!(model.prompt.is_some());
        assert!(model.show("b".into(), card(), (10, 10, 12), 7));
        assert!(model.prompt.is_none());
        assert_eq!(model.shown.since, 7);
    }
}
