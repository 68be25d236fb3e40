//! The acts: each asks the run for one thing, and says in one line what came of it.

use super::model::{Asking, Confirms, DEAF, Overlay, Reason};
use super::output::Pane;
use super::update::{Flow, Hands};
use crate::engine::command::{Answer, Choice};
use crate::engine::record::{Close, Confirm as Confirmed};
use crate::engine::resolve::{ChoiceLine, Resolver, Work};
use crate::engine::{AttemptId, Key};
use crate::session::{Control, Trouble};
use crate::text::sanitizer;
use crate::view::{Act, Card, Confirm, walk};

/// How something was done, in the record.
const KEY: &str = "key";
const TYPED: &str = "typed";

/// Does what a key of the card asks for.
pub fn act(hands: &mut Hands, act: &Act) -> Flow {
    let Some(card) = hands.model.shown.card.clone() else { return Flow::Stay };
    let key = card.key.clone();
    match (act, key) {
        (Act::Look, _) => done(hands, |control| control.look()),
        (Act::Change, _) => confirm(hands, &card, None),
        (Act::Edit, _) => Flow::Edit,
        (Act::GoIn, _) => Flow::GoIn,
        (Act::Send, _) => ask_word(hands, &card, Confirms::Send),
        (Act::Undo, _) if hands.control.run().back_wants_reason() => ask(hands, Asking::Reason(Reason::BackAgain)),
        (Act::Undo, _) => ask_word(hands, &card, Confirms::Undo { again: None }),
        (Act::ChangeAgain, _) => ask(hands, Asking::Reason(Reason::Again)),
        (Act::Needs, Some(key)) => done(hands, |control| control.measure_needs(&key)),
        (Act::EnterRepair, _) => done(hands, |control| control.enter_repair(KEY)),
        (Act::Done, Some(key)) => answer(hands, &key, Answer::Done),
        (Act::CouldNot, Some(key)) => answer(hands, &key, Answer::CouldNot),
        (Act::Yes, Some(key)) => answer(hands, &key, Answer::Yes),
        (Act::No, Some(key)) => answer(hands, &key, Answer::No),
        (Act::Choose(at), Some(key)) => match choices(hands.control, &key).get(*at) {
            Some(choice) => ask(hands, Asking::Answer { key, answer: choice.answer.clone() }),
            None => Flow::Stay,
        },
        (Act::Value, Some(key)) => ask(hands, Asking::Value(key)),
        (Act::AlreadyDone, Some(key)) => {
            hands.model.already = None;
            done(hands, |control| control.already_done(&key, KEY))
        }
        (Act::Skip, Some(key)) => ask(hands, Asking::Reason(Reason::Skip(key))),
        (Act::ItIsDone, _) => about_attempt(hands, Reason::ItIsDone),
        (Act::RunAgain, _) => about_attempt(hands, Reason::RunAgain),
        (Act::GoOn, _) => ask(hands, Asking::Reason(Reason::GoOn)),
        (Act::RepairAgain, _) => ask(hands, Asking::Reason(Reason::RepairAgain)),
        (Act::Close(Close::NotRepaired), _) => ask(hands, Asking::Reason(Reason::CloseNotRepaired)),
        (Act::Close(outcome), _) => done(hands, |control| control.close(*outcome, "")),
        (Act::Note, _) => ask(hands, Asking::Note),
        (Act::Shell, _) => ask(hands, Asking::Reason(Reason::Shell)),
        (Act::NotSure, _) => {
            hands.model.say("nothing was recorded, and nothing follows; ? helps");
            Flow::Stay
        }
        (Act::ShowWayBack | Act::Output | Act::Help | Act::Leave | Act::Back, _) => show(hands, act, &card),
        (
            Act::Needs
            | Act::Done
            | Act::CouldNot
            | Act::Yes
            | Act::No
            | Act::Choose(_)
            | Act::Value
            | Act::AlreadyDone
            | Act::Skip,
            None,
        ) => Flow::Stay,
    }
}

/// What only changes the screen.
fn show(hands: &mut Hands, act: &Act, card: &Card) -> Flow {
    hands.model.overlay_scroll = 0;
    match act {
        Act::ShowWayBack => hands.model.overlay = Overlay::WayBack,
        Act::Output => match of_card(hands.control, card) {
            Some((attempt, path)) => {
                if hands.output.as_ref().is_none_or(|pane| pane.attempt() != &attempt) {
                    *hands.output = Some(Pane::new(attempt, path));
                }
                hands.model.overlay = Overlay::Output;
            }
            None => hands.model.say("there is no output of this step"),
        },
        Act::Help => hands.model.overlay = Overlay::Help,
        Act::Leave if hands.control.busy().is_some() || !is_safe(hands.control) => {
            hands.model.overlay = Overlay::Leave;
        }
        Act::Leave => return Flow::Leave,
        _ => hands.model.back(),
    }
    Flow::Stay
}

/// Whether one can walk away from the run as it stands.
fn is_safe(control: &dyn Control) -> bool {
    walk(control.plan(), control.run()).warning().is_none()
}

/// The output that belongs to a card: of its step, else of what runs, else the newest.
fn of_card(control: &dyn Control, card: &Card) -> Option<(AttemptId, std::path::PathBuf)> {
    let run = control.run();
    let of_step =
        card.key.as_ref().and_then(|key| run.attempts.values().rev().find(|attempt| attempt.intent.step == *key));
    let newest = || run.attempts.values().rev().find(|attempt| control.output(&attempt.intent.attempt).is_some());
    let attempt = if card.current && of_step.is_none() { run.running().or_else(newest) } else { of_step };
    let id = attempt?.intent.attempt.clone();
    let path = control.output(&id)?;
    Some((id, path))
}

/// Enter on a typed line.
pub fn entered(hands: &mut Hands) -> Flow {
    let Some(prompt) = hands.model.prompt.take() else { return Flow::Stay };
    let typed = prompt.typed.trim().to_owned();
    let quick = hands.now.saturating_sub(prompt.since) < DEAF;
    match prompt.asking {
        Asking::Word { .. } | Asking::Answer { .. } | Asking::Stop if quick => {
            hands.model.say("that came too quickly for a person; nothing happened");
            Flow::Drain
        }
        Asking::Word { digest, expected, confirms } => word(hands, &digest, &expected, &typed, confirms),
        Asking::Answer { key, answer: text } => answer(hands, &key, Answer::Choice(text)),
        Asking::Stop if typed == "stop" => done(hands, |control| control.cancel()),
        Asking::Stop => refuse(hands, &typed, "stop", "it goes on"),
        Asking::Reason(_) if typed.is_empty() => {
            hands.model.say("without a reason nothing happens");
            Flow::Stay
        }
        Asking::Reason(about) => reason(hands, about, &typed),
        Asking::Note if typed.is_empty() => Flow::Stay,
        Asking::Note => {
            let flow = done(hands, |control| control.note(&typed));
            hands.model.said.get_or_insert_with(|| "written down".to_owned());
            flow
        }
        Asking::Value(key) => value(hands, &key, &typed),
        Asking::Search => {
            if let Some(pane) = hands.output {
                pane.search(&typed);
            }
            Flow::Stay
        }
    }
}

/// Exactly the word, and exactly one act.
fn word(hands: &mut Hands, digest: &str, expected: &str, typed: &str, confirms: Confirms) -> Flow {
    if typed != expected {
        return refuse(hands, typed, expected, "nothing ran");
    }
    let confirmed = Confirmed { how: TYPED.to_owned(), text: typed.to_owned() };
    match confirms {
        Confirms::Change { again } => {
            hands.model.already = None;
            done(hands, |control| control.change(digest, confirmed, again))
        }
        Confirms::Send => done(hands, |control| control.announce(digest, confirmed)),
        Confirms::Undo { again } => {
            hands.model.back();
            done(hands, |control| control.undo(digest, confirmed, again))
        }
    }
}

fn refuse(hands: &mut Hands, typed: &str, expected: &str, so: &str) -> Flow {
    hands.model.say(format!("typed `{}`, expected `{}`; {so}", sanitizer::plain(typed), sanitizer::plain(expected)));
    Flow::Drain
}

fn reason(hands: &mut Hands, about: Reason, why: &str) -> Flow {
    match about {
        Reason::Skip(key) => done(hands, |control| control.skip(&key, why)),
        Reason::GoOn => done(hands, |control| control.go_on(why, KEY)),
        Reason::RepairAgain => done(hands, |control| control.repair_again(why, KEY)),
        Reason::ItIsDone(attempt) => done(hands, |control| control.decide(&attempt, Choice::Done, why, KEY)),
        Reason::RunAgain(attempt) => done(hands, |control| control.decide(&attempt, Choice::RunAgain, why, KEY)),
        Reason::Shell => done(hands, |control| control.open_shell(why)),
        Reason::CloseNotRepaired => done(hands, |control| control.close(Close::NotRepaired, why)),
        Reason::Again => match hands.model.shown.card.clone() {
            Some(card) => confirm(hands, &card, Some(why.to_owned())),
            None => Flow::Stay,
        },
        Reason::BackAgain => match hands.model.shown.card.clone() {
            Some(card) => ask_word(hands, &card, Confirms::Undo { again: Some(why.to_owned()) }),
            None => Flow::Stay,
        },
    }
}

/// `y` on a change: with a low risk it is the act, else the word is asked for.
fn confirm(hands: &mut Hands, card: &Card, again: Option<String>) -> Flow {
    let Some(digest) = card.digest.clone() else { return Flow::Stay };
    match &card.confirm {
        Confirm::None => Flow::Stay,
        Confirm::Y => {
            hands.model.already = None;
            let confirmed = Confirmed { how: KEY.to_owned(), text: "y".to_owned() };
            done(hands, |control| control.change(&digest, confirmed, again))
        }
        Confirm::Word(_) | Confirm::Place(_) => ask_word(hands, card, Confirms::Change { again }),
    }
}

fn ask_word(hands: &mut Hands, card: &Card, confirms: Confirms) -> Flow {
    match (&card.digest, &card.confirm) {
        (Some(digest), Confirm::Word(expected) | Confirm::Place(expected)) => {
            ask(hands, Asking::Word { digest: digest.clone(), expected: expected.clone(), confirms })
        }
        _ => Flow::Stay,
    }
}

fn ask(hands: &mut Hands, asking: Asking) -> Flow {
    hands.model.ask(asking, hands.now);
    Flow::Drain
}

fn about_attempt(hands: &mut Hands, about: fn(AttemptId) -> Reason) -> Flow {
    let attempt = hands.control.run().at_stop().map(|attempt| attempt.intent.attempt.clone());
    match attempt {
        Some(attempt) => ask(hands, Asking::Reason(about(attempt))),
        None => Flow::Stay,
    }
}

fn answer(hands: &mut Hands, key: &Key, answer: Answer) -> Flow {
    done(hands, |control| control.answer(key, answer, KEY))
}

/// A value as it is; where there are choices, the number of one, or its text.
fn value(hands: &mut Hands, key: &Key, typed: &str) -> Flow {
    if typed.is_empty() {
        hands.model.say("nothing was typed; nothing was recorded");
        return Flow::Stay;
    }
    let choices = choices(hands.control, key);
    if choices.is_empty() {
        return answer(hands, key, Answer::Text(typed.to_owned()));
    }
    let by_number = typed.parse::<usize>().ok().and_then(|number| choices.get(number.checked_sub(1)?));
    let chosen = choices.iter().find(|choice| choice.answer == typed).or(by_number);
    if let Some(choice) = chosen {
        return ask(hands, Asking::Answer { key: key.clone(), answer: choice.answer.clone() });
    }
    hands.model.say(format!("`{typed}` is none of the {} answers; nothing was recorded", choices.len()));
    Flow::Stay
}

fn choices(control: &dyn Control, key: &Key) -> Vec<ChoiceLine> {
    let resolved = Resolver::new(control.plan(), control.run(), Some(key)).step(key);
    match resolved.map(|resolved| resolved.work) {
        Ok(Work::Question { choices, .. }) => choices,
        Ok(_) | Err(_) => Vec::new(),
    }
}

/// One act; what came of it is said only where it did not happen.
fn done(hands: &mut Hands, act: impl FnOnce(&mut dyn Control) -> Result<(), Trouble>) -> Flow {
    match act(hands.control) {
        Ok(()) => hands.model.reading = None,
        Err(trouble) => hands.model.say(sanitizer::plain(&trouble.to_string())),
    }
    Flow::Drain
}
