//! What a key does: to the model, or as one act on the run. Nothing else on the screen acts.
//!
//! Every act passes three gates: the card is the current one and has the key, it has been on the screen for a moment
//! and was read to the end of what must be read, and what must be typed was typed.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::act;
use super::keys::{self, Move};
use super::model::{Asking, DEAF, HELD, Millis, Model, Overlay};
use super::output::{Direction, Pane};
use crate::engine::Run;
use crate::session::Control;
use crate::text::sanitizer;
use crate::view::map::{self, StepLine};
use crate::view::{Act, KeyHint};

/// What the loop does after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Stay,
    /// Throw away what was typed ahead.
    Drain,
    /// Lend the terminal to the editor.
    Edit,
    /// Lend it to the program that runs on one.
    GoIn,
    /// Leave the screen; the run is kept.
    Leave,
}

/// The hands on the screen: what remembers, what acts, what time it is.
pub struct Hands<'a> {
    pub model: &'a mut Model,
    pub output: &'a mut Option<Pane>,
    pub control: &'a mut dyn Control,
    pub now: Millis,
}

/// A key was pressed.
pub fn key(hands: &mut Hands, event: KeyEvent) -> Flow {
    if event.kind == KeyEventKind::Release {
        return Flow::Stay;
    }
    hands.model.last_input = hands.now;
    if keys::is_interrupt(event) {
        return interrupt(hands);
    }
    if hands.model.prompt.is_some() {
        return typing(hands, event);
    }
    let Some(name) = keys::name(event) else { return Flow::Stay };
    hands.model.said = None;
    let before = hands.model.last_key.replace((name.clone(), hands.now));
    let held = before.filter(|(key, _)| *key == name).map(|(_, at)| hands.now.saturating_sub(at));
    if let Some(hint) = hint(hands.model, &name) {
        return press(hands, &hint, held);
    }
    match keys::read(&name, hands.model.overlay) {
        Some(what) => step(hands, what),
        None => Flow::Stay,
    }
}

/// A text was pasted: it confirms nothing, and acts nowhere; into a reason, a note or a value it goes as typed.
pub fn paste(hands: &mut Hands, text: &str) -> Flow {
    hands.model.last_input = hands.now;
    let Some(prompt) = &mut hands.model.prompt else {
        hands.model.say("pasted text does nothing here");
        return Flow::Drain;
    };
    match prompt.asking {
        Asking::Word { .. } | Asking::Stop | Asking::Answer { .. } => {
            hands.model.prompt = None;
            hands.model.say("pasted text confirms nothing; nothing ran. Read the card again and type the word");
        }
        Asking::Reason(_) | Asking::Note | Asking::Value(_) | Asking::Search => {
            prompt.typed.push_str(&sanitizer::plain(text.trim()));
        }
    }
    Flow::Drain
}

/// The key of the card under it, where the card is on top.
fn hint(model: &Model, name: &str) -> Option<KeyHint> {
    let card = model.shown.card.as_ref()?;
    match model.overlay {
        Overlay::None | Overlay::WayBack => card.keys.iter().find(|hint| hint.key == name).cloned(),
        Overlay::Help if name == "?" => Some(KeyHint::new("?", "close", Act::Back)),
        Overlay::Help | Overlay::Output | Overlay::Interrupt | Overlay::Leave | Overlay::Map => None,
    }
}

/// A key of the card; `held` is the time since the same key was pressed, where none came between.
fn press(hands: &mut Hands, hint: &KeyHint, held: Option<Millis>) -> Flow {
    if !hint.enabled {
        let busy = hands.control.busy().is_some();
        let why = if busy { "something runs; wait for it" } else { "it is not possible now" };
        hands.model.say(format!("{}: {why}", hint.key));
        return Flow::Stay;
    }
    if hint.act.acts() {
        if hands.now.saturating_sub(hands.model.shown.since) < DEAF {
            hands.model.say("this card has only just come; nothing happened. Read it first");
            return Flow::Drain;
        }
        if hint.act != Act::Look && held.is_some_and(|since| since < HELD) {
            hands.model.say(format!("{} came twice; nothing happened. Press it once more if you mean it", hint.key));
            return Flow::Drain;
        }
        if !hands.model.shown.was_read() && matches!(hint.act, Act::Change | Act::ChangeAgain | Act::Undo) {
            hands.model.say("there is more of this card: Space shows it; then the key is on");
            return Flow::Stay;
        }
    }
    act::act(hands, &hint.act)
}

/// A key while a line is typed.
fn typing(hands: &mut Hands, event: KeyEvent) -> Flow {
    let Some(prompt) = &mut hands.model.prompt else { return Flow::Stay };
    let plain = !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    match event.code {
        KeyCode::Enter if event.kind == KeyEventKind::Press => return act::entered(hands),
        KeyCode::Backspace => {
            prompt.typed.pop();
        }
        KeyCode::Char('u') if event.modifiers.contains(KeyModifiers::CONTROL) => prompt.typed.clear(),
        KeyCode::Char(_) if matches!(prompt.asking, Asking::Answer { .. }) => {
            hands.model.prompt = None;
            hands.model.say("not answered; nothing was recorded");
        }
        KeyCode::Char(letter) if plain && !letter.is_control() => prompt.typed.push(letter),
        KeyCode::Esc => {
            let searching = prompt.asking == Asking::Search;
            hands.model.prompt = None;
            if !searching {
                hands.model.say("nothing happened");
            }
        }
        _ => {}
    }
    Flow::Stay
}

/// Ctrl-C ends nothing by itself.
fn interrupt(hands: &mut Hands) -> Flow {
    hands.model.prompt = None;
    if hands.control.busy().is_some() {
        hands.model.overlay = Overlay::Interrupt;
    } else {
        hands.model.overlay = Overlay::None;
        hands.model.say("nothing runs, so Ctrl-C ends nothing; q leaves, and the run is kept");
    }
    Flow::Drain
}

fn step(hands: &mut Hands, what: Move) -> Flow {
    match what {
        Move::Watch => {
            hands.model.overlay = Overlay::None;
            hands.model.say("it goes on");
        }
        Move::Stop => {
            hands.model.overlay = Overlay::None;
            hands.model.ask(Asking::Stop, hands.now);
            return Flow::Drain;
        }
        Move::LeaveNow => return Flow::Leave,
        Move::Map => hands.model.overlay = Overlay::Map,
        Move::Back => {
            hands.model.already = hands.model.already.take().filter(|_| hands.model.overlay != Overlay::None);
            match hands.model.overlay {
                Overlay::None => hands.model.back(),
                _ => hands.model.overlay = Overlay::None,
            }
            hands.model.overlay_scroll = 0;
        }
        Move::Search => hands.model.ask(Asking::Search, hands.now),
        Move::NextHit | Move::PreviousHit => {
            if let Some(pane) = hands.output {
                pane.seek(if what == Move::NextHit { Direction::Forward } else { Direction::Back });
            }
        }
        Move::Up | Move::Down | Move::PageUp | Move::PageDown | Move::Start | Move::End => scroll(hands, what),
    }
    Flow::Stay
}

fn scroll(hands: &mut Hands, what: Move) {
    let model = &mut *hands.model;
    match (model.overlay, hands.output.as_mut()) {
        (Overlay::Output, Some(pane)) => return pane.scroll(what, usize::from(model.height.saturating_sub(3)).max(1)),
        (Overlay::Help | Overlay::Map, _) => {
            model.overlay_scroll = moved(model.overlay_scroll, what, usize::from(model.height / 2));
            return;
        }
        (Overlay::None | Overlay::WayBack | Overlay::Output | Overlay::Interrupt | Overlay::Leave, _) => {}
    }
    match what {
        Move::Up | Move::Down if model.overlay == Overlay::None => read(model, hands.control, what),
        _ => {
            let page = model.shown.room.saturating_sub(1).max(1);
            model.shown.scroll = moved(model.shown.scroll, what, page).min(model.shown.end());
        }
    }
}

/// Where a scrolled list begins after a move.
fn moved(at: usize, what: Move, page: usize) -> usize {
    match what {
        Move::Up => at.saturating_sub(1),
        Move::Down => at.saturating_add(1),
        Move::PageUp => at.saturating_sub(page),
        Move::PageDown => at.saturating_add(page),
        Move::Start => 0,
        Move::End => usize::MAX,
        _ => at,
    }
}

/// Reads the step before or behind the one that is read; at the step where the run stands, reading ends.
fn read(model: &mut Model, control: &dyn Control, what: Move) {
    let lines = map::map(control.plan(), control.run());
    let steps: Vec<&StepLine> = map::steps(&lines).collect();
    let at = match &model.reading {
        Some(key) => steps.iter().position(|step| step.key == *key),
        None => steps.iter().position(|step| step.here),
    };
    let next = match (at, what) {
        (Some(at), Move::Up) => at.checked_sub(1),
        (Some(at), _) => Some(at + 1),
        (None, Move::Up) => ended(&steps, control.run()).checked_sub(1),
        (None, _) => Some(ended(&steps, control.run())),
    };
    let Some(step) = next.and_then(|next| steps.get(next)) else { return };
    model.reading = (!step.here).then(|| step.key.clone());
}

/// How many steps lie before a place that is no step.
fn ended(steps: &[&StepLine], run: &Run) -> usize {
    steps.iter().position(|step| *run.state(&step.key) == crate::engine::run::StepState::Open).unwrap_or(steps.len())
}
