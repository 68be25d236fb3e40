//! "Can I walk away now?": from what runs, from what must still pass (`unsafe_until`), and from the ways back.
//!
//! The answer is NO sooner than YES: what nobody knows, and what was skipped, is no safe place.

use std::time::Duration;

use super::map::{self, StepLine};
use crate::engine::record::Does;
use crate::engine::run::{Attempt, StepState};
use crate::engine::{Key, Plan, Position, Run};
use crate::text::human;

/// Whether one can walk away now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Walk {
    Yes,
    /// Not now, and why.
    No(String),
    /// Yes, but not once this has begun.
    Until(String),
}

impl Walk {
    /// The answer, as it stands behind the question.
    pub fn text(&self) -> String {
        match self {
            Self::Yes => "YES".to_owned(),
            Self::No(why) => format!("NO: {why}"),
            Self::Until(until) => format!("YES, until {until}"),
        }
    }

    /// What whoever leaves now must know.
    pub fn warning(&self) -> Option<String> {
        match self {
            Self::No(why) => Some(format!("It is not safe to walk away now: {why}.")),
            Self::Yes | Self::Until(_) => None,
        }
    }
}

/// Whether one can walk away from a run now.
pub fn walk(plan: &Plan, run: &Run) -> Walk {
    let lines = map::map(plan, run);
    walk_over(plan, run, &map::steps(&lines).collect::<Vec<_>>())
}

/// The same, where the steps of the map are at hand.
pub(super) fn walk_over(plan: &Plan, run: &Run, steps: &[&StepLine]) -> Walk {
    let why = runs(plan, run).or_else(|| in_doubt(run)).or_else(|| owed(plan, run, steps));
    if let Some(why) = why {
        return Walk::No(why);
    }
    let standing = map::standing(run).filter(|_| !matches!(run.position, Position::Closed));
    match standing.and_then(|key| plan.item(&key.id)).and_then(|item| item.step.fields.unsafe_until.as_ref()) {
        Some(_) => Walk::Until("you begin this step".to_owned()),
        None => Walk::Yes,
    }
}

/// A change or a way back that goes on.
fn runs(plan: &Plan, run: &Run) -> Option<String> {
    if run.open_shell().is_some() {
        return Some("a side shell is open".to_owned());
    }
    let attempt = run.running().filter(|attempt| attempt.intent.does != Does::Look)?;
    let (step, back) = (&attempt.intent.step, attempt.intent.does == Does::Undo);
    if attempt.intent.armed.is_some() {
        return Some(format!("`{step}` waits to be confirmed"));
    }
    let takes = if back { None } else { takes(plan, step) };
    let what = if back { "the way back from " } else { "" };
    Some(format!("{what}`{step}` runs{}", takes.map_or_else(String::new, |time| format!(", about {}", human(time)))))
}

/// What nobody knows, and what is broken.
fn in_doubt(run: &Run) -> Option<String> {
    if run.is_frozen() {
        return Some("a guard is broken".to_owned());
    }
    if let Some(back) = run.unfinished_way_back() {
        return Some(format!("the way back from `{}` is not whole", back.intent.step));
    }
    let lost = |attempt: &&Attempt| {
        let step = &attempt.intent.step;
        attempt.intent.does == Does::Change && attempt.is_unknown() && *run.state(step) == StepState::Unknown
    };
    let lost = run.attempts.values().rev().find(lost)?;
    Some(format!("nobody knows how `{}` ended", lost.intent.step))
}

/// The step that must still pass before one may walk away, because of a change that was begun.
fn owed(plan: &Plan, run: &Run, steps: &[&StepLine]) -> Option<String> {
    let begun = |attempt: &&Attempt| attempt.intent.does == Does::Change && !attempt.undone && attempt.was_started();
    for attempt in run.attempts.values().filter(begun) {
        let step = &attempt.intent.step;
        let Some(until) = plan.item(&step.id).and_then(|item| item.step.fields.unsafe_until.as_ref()) else { continue };
        let mut turns = steps.iter().filter(|line| line.key.id == until.value);
        let owed = turns.find(|line| !matches!(run.state(&line.key), StepState::Passed | StepState::NotTaken));
        let Some(owed) = owed else { continue };
        if matches!(run.state(&owed.key), StepState::Skipped(_)) {
            return Some(format!("`{}` was skipped, and `{step}` is not safe without it", owed.key));
        }
        let time = until_passed(plan, run, steps, &until.value);
        let time = time.map_or_else(String::new, |time| format!(", about {}", human(time)));
        return Some(format!("not before `{}`{time}", until.value));
    }
    None
}

/// How long the steps take that are still to come, up to the last turn of one; none where none says.
fn until_passed(plan: &Plan, run: &Run, steps: &[&StepLine], until: &str) -> Option<Duration> {
    let last = steps.iter().rposition(|line| line.key.id == until)?;
    let ahead = steps[..=last].iter().filter(|line| matches!(run.state(&line.key), StepState::Open));
    let time: Duration = ahead.filter_map(|line| takes(plan, &line.key)).sum();
    (!time.is_zero()).then_some(time)
}

fn takes(plan: &Plan, key: &Key) -> Option<Duration> {
    Some(plan.item(&key.id)?.step.fields.takes.as_ref()?.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::command::{Choice, Command};
    use crate::view::sample::{self, Found, Sample};

    fn of(sample: &Sample) -> String {
        walk(&sample.plan, &sample.run).text()
    }

    fn skip(sample: &mut Sample, step: &str) {
        let step = step.parse().expect("a key");
        sample.ask(Command::Skip { step, reason: "not tonight".into() }).expect("it is skipped");
    }

    #[test]
    fn in_the_looks_one_may_walk_away() {
        assert_eq!(of(&sample::certificate()), "YES");
        let mut sample = sample::certificate();
        sample.begin("leaf", None);
        assert_eq!(of(&sample), "YES");
    }

    #[test]
    fn before_an_unsafe_step_one_may_walk_until_it_begins() {
        assert_eq!(of(&sample::at_the_change()), "YES, until you begin this step");
    }

    #[test]
    fn after_it_one_may_not_until_every_turn_has_passed_and_it_says_how_long() {
        let mut sample = sample::in_the_loop();
        assert_eq!(of(&sample), "NO: not before `restart`, about 4 min");
        sample.change("restart[1]", Found::Ok(""));
        assert_eq!(of(&sample), "NO: not before `restart`, about 2 min");
        sample.change("restart[2]", Found::Ok(""));
        assert_eq!(of(&sample), "YES");
    }

    #[test]
    fn at_the_end_and_closed_it_stays_no_where_that_step_was_skipped() {
        let mut sample = sample::in_the_loop();
        skip(&mut sample, "restart[1]");
        skip(&mut sample, "restart[2]");
        sample.look("served", Found::Ok(""));
        sample.answer("calendar", crate::engine::command::Answer::Done);
        let no = "NO: `restart[1]` was skipped, and `renew` is not safe without it";
        assert_eq!((matches!(sample.run.position, Position::AtEnd { .. }), of(&sample).as_str()), (true, no));
        sample
            .ask(Command::Close { outcome: crate::engine::record::Close::Done, reason: String::new() })
            .expect("it is closed");
        assert_eq!(of(&sample), no);
    }

    #[test]
    fn while_a_change_runs_and_when_a_guard_is_broken_one_may_not() {
        let mut sample = sample::at_the_change();
        sample.begin("renew", None);
        assert_eq!(of(&sample), "NO: `renew` runs, about 5 s");
        assert_eq!(of(&sample::frozen()), "NO: a guard is broken");
    }

    #[test]
    fn where_nobody_knows_how_a_change_ended_one_may_not_until_that_is_decided() {
        let mut sample = sample::in_the_loop();
        sample.change("restart[1]", Found::Ok(""));
        let attempt = sample.begin("restart[2]", None);
        sample.lose(attempt.clone());
        assert_eq!(of(&sample), "NO: nobody knows how `restart[2]` ended");
        let decided = Command::Decide { attempt, choice: Choice::Done, reason: "it runs".into(), how: "key".into() };
        sample.ask(decided).expect("it is decided");
        assert_eq!(of(&sample), "YES");
    }

    #[test]
    fn while_a_side_shell_is_open_one_may_not() {
        let mut sample = sample::certificate();
        sample.run.shells.push(sample::side_shell("leaf", &["ls"]));
        assert_eq!(of(&sample), "NO: a side shell is open");
    }

    #[test]
    fn half_way_back_one_may_not() {
        let mut sample = sample::at_the_change();
        sample.change("renew", Found::Ok(""));
        let undoes = sample.run.newest_way_back().expect("a way back").intent.attempt.clone();
        let back = sample.begin("renew", Some(undoes));
        assert_eq!(of(&sample), "NO: the way back from `renew` runs");
        sample.finish(back, Found::Fault("62 of 63 as before"), Some(sample::guards(&[])));
        assert_eq!(of(&sample), "NO: the way back from `renew` is not whole");
        let undoes = sample.run.newest_way_back().expect("a way back").intent.attempt.clone();
        let back = sample.begin("renew", Some(undoes));
        sample.finish(back, Found::Ok("63 of 63 as before"), Some(sample::guards(&[])));
        assert_eq!(of(&sample), "YES, until you begin this step");
    }

    #[test]
    fn who_leaves_is_warned_only_where_it_is_not_safe() {
        let warned = |sample: &Sample| walk(&sample.plan, &sample.run).warning();
        assert_eq!(warned(&sample::certificate()), None);
        assert_eq!(warned(&sample::at_the_change()), None);
        let said = "It is not safe to walk away now: a guard is broken.";
        assert_eq!(warned(&sample::frozen()).as_deref(), Some(said));
    }
}
