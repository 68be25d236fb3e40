//! The card of the newest way back: a change like any other, confirmed with the word `undo`.

use super::{Card, Tone, about, expectation::good, step_keys::confirm};
use crate::engine::ledger::{Entry, Ledger, Stands, Way};
use crate::engine::record::WayBack;
use crate::engine::resolve::{Resolver, Work};
use crate::engine::run::Attempt;
use crate::engine::{Plan, Run};
use crate::view::key_hint::{Act, KeyHint};
use crate::view::row::{Label, Row, Rows};
use crate::view::words;

/// The card of the newest way back, with the ledger of all of them; none where nothing was changed.
pub fn undo_card(plan: &Plan, run: &Run) -> Option<Card> {
    let ledger = Ledger::of(plan, run);
    if ledger.entries.is_empty() {
        return None;
    }
    let Some(attempt) = run.newest_way_back() else { return Some(no_way_back(plan, run, &ledger)) };
    let key = &attempt.intent.step;
    let place = words::place(run).to_uppercase();
    let way = Resolver::new(plan, run, Some(key)).way_back(attempt);
    let mut rows = way.as_ref().map(|way| rows(plan, run, attempt, &way.work, &good(way))).unwrap_or_default();
    rows.extend(ledger_row(plan, run, &ledger));
    let by_hand = matches!(&way, Ok(way) if matches!(way.work, Work::ByHand(_)));
    let what = if by_hand {
        "it is done by hand, and undone now; you will then type: undo"
    } else {
        "I want to go back; you will then type: undo"
    };
    let keys = vec![
        KeyHint::new("y", what, Act::Undo).only(way.is_ok() && run.running().is_none()),
        KeyHint::new("Esc", "back", Act::Back),
        KeyHint::new("?", "I am not sure", Act::Help),
        KeyHint::leave(run),
    ];
    let mut card = about(Tone::Change, format!("THIS WAY BACK CHANGES {place}. Read it once, slowly."), rows, keys);
    card.key = Some(key.clone());
    match way {
        Ok(way) => {
            card.confirm = match confirm(&way) {
                super::Confirm::None => super::Confirm::Word(way.confirm_word.clone()),
                other => other,
            };
            card.digest = Some(way.digest());
        }
        Err(why) => card.unresolved = Some(words::line(&why.0)),
    }
    Some(card)
}

/// Nothing that was changed has a way back.
fn no_way_back(plan: &Plan, run: &Run, ledger: &Ledger) -> Card {
    let keys = vec![
        KeyHint::new("Esc", "back", Act::Back),
        KeyHint::new("?", "I am not sure", Act::Help),
        KeyHint::new("q", "leave (kept)", Act::Leave),
    ];
    about(Tone::Stop, "THERE IS NO WAY BACK from what this run changed.", ledger_row(plan, run, ledger), keys)
}

/// The ledger, newest first, and up to where it is whole.
fn ledger_row(plan: &Plan, run: &Run, ledger: &Ledger) -> Vec<Row> {
    let mut lines: Vec<_> = ledger.entries.iter().map(|entry| entry_line(plan, run, entry)).collect();
    lines.push(match (ledger.no_return(), ledger.whole()) {
        (None, _) => "Everything that this run changed comes back.".to_owned(),
        (Some(never), whole) => {
            let comes =
                if whole == 0 { "whoever goes back further leaves it so" } else { "what is above it comes back whole" };
            format!("`{}` is a point of no return: what it did stays; {comes}.", never.attempt.intent.step)
        }
    });
    let mut rows = Rows::default();
    rows.add(Label::Ledger, lines);
    rows.0
}

fn entry_line(plan: &Plan, run: &Run, entry: &Entry) -> String {
    let when = match entry.stands {
        Stands::Next => "now  ",
        Stands::Later => "then ",
        Stands::Unfinished => "AGAIN",
        Stands::Never => "NEVER",
    };
    let what = match &entry.way {
        Way::Copy { entries } => {
            format!("puts {} back", words::count(usize::try_from(*entries).unwrap_or(usize::MAX), "file", "files"))
        }
        Way::Command(command) => format!("runs {}", words::line(command)),
        Way::ByHand(text) => format!("by hand: {}", words::line(text)),
        Way::None(why) => format!("stays: {}", words::line(why)),
    };
    let step = &entry.attempt.intent.step;
    format!("{when} `{step}` ({}): {what}", words::title(plan, run, step))
}

fn rows(plan: &Plan, run: &Run, attempt: &Attempt, work: &Work, good: &[String]) -> Vec<Row> {
    let key = &attempt.intent.step;
    let mut rows = Rows::default();
    let began = words::clock(&attempt.begun_at, words::zone(run));
    rows.one(Label::What, format!("go back to before `{key}` ({}), begun at {began}", words::title(plan, run, key)));
    let target = &attempt.intent.target;
    // The way back is gone where the step ran.
    rows.one(Label::Where, if target.want.is_empty() { words::place(run) } else { words::line(&target.want) });
    match (work, &attempt.intent.undo) {
        (Work::Restore, Some(WayBack::Copy { entries, on })) => {
            rows.one(
                Label::Runs,
                format!(
                    "puts {} back: contents, modes and owners, from the copy of {began}",
                    words::count(usize::try_from(*entries).unwrap_or(usize::MAX), "file", "files")
                ),
            );
            rows.add(Label::Where, on.iter().map(|on| format!("the copy lies in {}", words::line(on))));
            rows.one(Label::MayChange, "what is not as it was; what was added since is moved aside, not deleted");
        }
        (Work::Command(line), _) => rows.one(Label::Runs, &line.shown),
        (Work::ByHand(text), _) => rows.one(Label::Runs, format!("by hand: {text}")),
        (
            Work::Restore
            | Work::Test(_)
            | Work::Wait { .. }
            | Work::Question { .. }
            | Work::Terminal(_)
            | Work::Edit { .. }
            | Work::Announce { .. },
            _,
        ) => {
            rows.one(Label::Runs, "puts the copy back");
        }
    }
    if let Some(broken) = &run.broken {
        rows.add(Label::Changed, broken.changed.iter().map(|changed| format!("{} ({})", changed.path, changed.what)));
    }
    rows.add(Label::GoodIs, good);
    rows.add(Label::Caution, stays(run, attempt));
    rows.one(Label::IfNot, "The run stops at this step, and you decide.");
    rows.0
}

/// What was changed after it and has no way back of its own: that stays as it is.
fn stays(run: &Run, attempt: &Attempt) -> Vec<String> {
    let later = run.ledger().take_while(|later| later.intent.attempt != attempt.intent.attempt);
    let said = later.filter_map(|later| match &later.intent.undo {
        Some(WayBack::None { why }) => Some(format!("`{}` ran after it and is not undone: {why}", later.intent.step)),
        Some(WayBack::Copy { .. } | WayBack::Command | WayBack::ByHand) | None => None,
    });
    said.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::card::Confirm;
    use crate::view::sample;

    #[test]
    fn before_a_change_there_is_no_way_back() {
        let sample = sample::at_the_gate();
        assert!(undo_card(&sample.plan, &sample.run).is_none());
    }

    #[test]
    fn a_way_back_is_a_change_with_a_word_of_its_own() {
        let sample = sample::frozen();
        let card = undo_card(&sample.plan, &sample.run).expect("a way back");
        assert_eq!(card.headline, "THIS WAY BACK CHANGES KYOUSUKE. Read it once, slowly.");
        assert_eq!(card.confirm, Confirm::Word("undo".into()));
        assert_eq!(card.key_for("y").map(|hint| &hint.act), Some(&Act::Undo));
        assert!(card.digest.is_some());
        let runs = card.rows.iter().find(|row| row.label == Label::Runs).expect("what runs");
        assert!(runs.lines[0].starts_with("puts 63 files back"), "{runs:?}");
    }

    #[test]
    fn the_ledger_says_what_comes_back_in_which_order_and_what_stays() {
        let mut sample = sample::open(
            "locum: 1\ntitle: T\nrepair:\n  - { id: a, change: 'true', undo: 'mv b a' }\n  - { id: b, change: 'true', no_undo: it only restarts }\n  \
             - { id: c, change: 'true', undo: { by_hand: Pull the plug. } }\n",
        );
        sample.ask(crate::engine::Command::EnterRepair { guards: None, how: "key".into() }).expect("it is entered");
        for step in ["a", "b", "c"] {
            sample.change_unguarded(step);
        }
        let ledger = |sample: &sample::Sample| {
            let card = undo_card(&sample.plan, &sample.run).expect("a card");
            card.rows.iter().find(|row| row.label == Label::Ledger).expect("a ledger").lines.clone()
        };
        assert_eq!(
            ledger(&sample),
            [
                "now   `c` (true): by hand: Pull the plug.",
                "NEVER `b` (true): stays: it only restarts",
                "then  `a` (true): runs mv b a",
                "`b` is a point of no return: what it did stays; what is above it comes back whole.",
            ]
        );
    }

    #[test]
    fn without_any_way_back_the_card_says_so_and_has_no_key_that_acts() {
        let mut sample = sample::open("locum: 1\ntitle: T\nrepair:\n  - { id: b, change: 'true', no_undo: x }\n");
        sample.ask(crate::engine::Command::EnterRepair { guards: None, how: "key".into() }).expect("it is entered");
        sample.change_unguarded("b");
        let card = undo_card(&sample.plan, &sample.run).expect("a card");
        assert_eq!(card.headline, "THERE IS NO WAY BACK from what this run changed.");
        assert!(card.keys.iter().all(|hint| !hint.act.acts()));
    }

    #[test]
    fn while_it_runs_it_cannot_be_confirmed_again() {
        let mut sample = sample::frozen();
        let undoes = sample.run.newest_way_back().expect("a way back").intent.attempt.clone();
        sample.begin("renew", Some(undoes));
        let card = undo_card(&sample.plan, &sample.run).expect("a way back");
        assert!(card.key_for("y").is_none());
    }
}
