//! What is to be seen just now: the card on top, with the map, the lines around it and the help, from the run and from
//! what the screen remembers.

use chrono::{DateTime, Utc};

use super::draw::{Areas, Scene, areas, card_text};
use super::keys;
use super::model::{Millis, Model, Overlay};
use super::output::Pane;
use crate::engine::Run;
use crate::engine::record::Does;
use crate::session::{Busy, Control};
use crate::view::{
    Card, Footer, Help, Label, MapLine, PersonClock, already_done_card, card, footer, help, here, map, undo_card,
};

/// Everything a scene borrows.
pub struct Views {
    pub card: Card,
    pub map: Vec<MapLine>,
    pub footer: Footer,
    pub help: Help,
    pub busy: Option<String>,
}

/// What the screen is given about the world.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    pub people: &'a [PersonClock],
    pub now: DateTime<Utc>,
    /// How the report is read; empty leaves what the card says.
    pub report_hint: &'a str,
}

impl Views {
    /// What is to be seen.
    pub fn of(control: &dyn Control, model: &Model, around: Surroundings) -> Self {
        let (plan, run) = (control.plan(), control.run());
        let mut card = on_top(control, model);
        if !around.report_hint.is_empty() {
            for row in card.rows.iter_mut().filter(|row| row.label == Label::Report) {
                row.lines = crate::view::words::lines(around.report_hint);
            }
        }
        let help = help(plan, run, &card, &keys::valid(model.overlay));
        Self {
            map: map(plan, run),
            footer: footer(plan, run, around.people, around.now),
            help,
            busy: control.busy().map(|busy| match control.terminal() {
                Some(_) if *busy == Busy::Shell => "a side shell is open; g goes in".to_owned(),
                Some(handing) => format!("{} RUNS on a terminal of its own; g goes in", handing.what),
                None => doing(run, busy, control.measured()),
            }),
            card,
        }
    }

    /// The scene to draw.
    pub fn scene<'a>(&'a self, model: &'a Model, output: Option<&'a Pane>) -> Scene<'a> {
        Scene {
            model,
            card: &self.card,
            map: &self.map,
            footer: &self.footer,
            help: &self.help,
            output,
            busy: self.busy.clone(),
        }
    }

    /// Takes in what is drawn now; says whether the card is another than before.
    pub fn show(&self, model: &mut Model, output: Option<&Pane>, now: Millis) -> bool {
        let Areas { card: area, .. } = areas(&self.scene(model, output));
        let text = card_text(&self.card, usize::from(area.width));
        let hidden = !matches!(model.overlay, Overlay::None | Overlay::WayBack);
        let room = if hidden { 0 } else { usize::from(area.height) };
        model.show(self.id(), self.card.clone(), (text.lines.len(), text.vital, room), now)
    }

    /// What tells this card from another: what it is about, what would run, and whether it can be acted on.
    fn id(&self) -> String {
        let Card { key, headline, current, digest, .. } = &self.card;
        let key = key.as_ref().map(ToString::to_string);
        format!("{key:?} {headline} {current} {digest:?} {}", self.busy.is_some())
    }
}

/// The card on top; while something runs no key of it acts.
fn on_top(control: &dyn Control, model: &Model) -> Card {
    let (plan, run) = (control.plan(), control.run());
    let standing = || here(plan, run);
    let top = match (&model.overlay, &model.reading, &model.already) {
        (Overlay::WayBack, _, _) => undo_card(plan, run).unwrap_or_else(standing),
        (_, Some(key), _) => card(plan, run, key),
        (_, None, Some((key, held))) if standing().key.as_ref() == Some(key) => already_done_card(plan, run, key, held),
        (_, None, _) => standing(),
    };
    if control.busy().is_some() { top.without_acts() } else { top }
}

/// What goes on, in words; `measured` is how many files were measured so far.
fn doing(run: &Run, busy: &Busy, measured: u64) -> String {
    let goes_back = run.running().is_some_and(|attempt| attempt.intent.does == Does::Undo);
    let armed = run.running().filter(|attempt| attempt.intent.armed.is_some());
    let armed = armed.map(|attempt| crate::session::confirm::code(&attempt.intent.attempt));
    let so_far = match (measured, run.guards.as_ref()) {
        (0, _) => String::new(),
        (_, Some(guards)) if guards.entries >= measured => format!(" ({measured} of {})", guards.entries),
        (_, _) => format!(" ({measured} files so far)"),
    };
    match busy {
        Busy::Running { step, .. } if armed.is_some() => format!(
            "`{step}` is ARMED: from a NEW login or line: locum confirm {} {}, or it goes back by itself",
            run.id,
            armed.unwrap_or_default()
        ),
        Busy::Running { step, .. } if goes_back => format!("the WAY BACK from `{step}` RUNS; o shows its output"),
        Busy::Looking { step, .. } => format!("`{step}` looks; o shows its output"),
        Busy::Preparing { step } => {
            format!("`{step}`: guards are measured{so_far} and the way back is prepared; the command has not begun")
        }
        Busy::Running { step, .. } => format!("`{step}` RUNS; o shows its output"),
        Busy::Asking { step } => format!("what `{step}` needs is measured; do nothing yet"),
        Busy::Entering => format!("guards are measured{so_far}; nothing has begun"),
        Busy::OpeningShell => format!("guards are measured{so_far}, then the side shell opens"),
        Busy::Shell => "a side shell is open".to_owned(),
        Busy::ClosingShell => format!("the side shell has ended; guards are measured{so_far}"),
        Busy::Settling { step, .. } => format!("`{step}` has ended; what must hold now is measured{so_far}"),
    }
}
