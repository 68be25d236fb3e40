//! The lines around the card: what is run where, how far it is, whether one may walk away, and everybody's clock.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::map::{self, StepLine};
use super::walk::{Walk, walk_over};
use super::words;
use crate::engine::record::Mode;
use crate::engine::run::StepState;
use crate::engine::{Plan, Position, Run};
use crate::text::human;

/// A person and the clock they live by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonClock {
    pub name: String,
    /// An IANA zone, such as `Europe/Berlin`.
    pub zone: String,
}

/// What stands around the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footer {
    /// `LIVE`, `DRILL` or `LOOK`, each as loud.
    pub mode: Mode,
    pub place: String,
    pub title: String,
    pub run: String,
    /// `Step 6 of 10`.
    pub step: String,
    /// `about 9 min left`, where the runbook says how long steps take.
    pub left: Option<String>,
    pub walk: Walk,
    /// `03:26 yours | 11:26 komari`.
    pub clocks: String,
}

/// The lines around the card at a time; the first person is the one who reads.
pub fn footer(plan: &Plan, run: &Run, people: &[PersonClock], now: DateTime<Utc>) -> Footer {
    let lines = map::map(plan, run);
    let steps: Vec<_> = map::steps(&lines).collect();
    Footer {
        mode: run.mode(),
        place: words::place(run),
        title: words::line(&plan.runbook.head.title),
        run: run.id.clone(),
        step: progress(run, &steps),
        left: left(plan, run, &steps),
        walk: walk_over(plan, run, &steps),
        clocks: clocks(people, words::zone(run), now),
    }
}

fn progress(run: &Run, steps: &[&StepLine]) -> String {
    let all = steps.len();
    match (&run.position, steps.iter().position(|step| step.here)) {
        (_, Some(at)) => format!("Step {} of {all}", at + 1),
        (Position::AtEnd { .. } | Position::Closed | Position::NotRepaired, None) => format!("All {all} steps"),
        (Position::EnterRepair | Position::Step { .. } | Position::Stopped { .. } | Position::Frozen { .. }, None) => {
            let ended = steps.iter().filter(|step| *run.state(&step.key) != StepState::Open).count();
            format!("{ended} of {} done", words::count(all, "step", "steps"))
        }
    }
}

/// The time that the steps ahead take, from `takes`; steps that do not say are not counted, and that is said.
fn left(plan: &Plan, run: &Run, steps: &[&StepLine]) -> Option<String> {
    let ahead = steps.iter().filter(|step| matches!(run.state(&step.key), StepState::Open | StepState::Running(_)));
    let takes = |step: &StepLine| {
        plan.item(&step.key.id).and_then(|item| item.step.fields.takes.as_ref()).map(|takes| takes.value)
    };
    let (mut known, mut unsaid) = (Duration::ZERO, false);
    for step in ahead {
        match takes(step) {
            Some(time) => known += time,
            None => unsaid = true,
        }
    }
    if known.is_zero() {
        return None;
    }
    let how = if unsaid { "at least" } else { "about" };
    Some(format!("{how} {} left", human(rounded(known))))
}

/// Minutes are enough from one minute on.
fn rounded(time: Duration) -> Duration {
    let minutes = time.as_secs().div_ceil(60);
    if time.as_secs() < 60 { time } else { Duration::from_secs(minutes * 60) }
}

fn clocks(people: &[PersonClock], zone: &str, now: DateTime<Utc>) -> String {
    if people.is_empty() {
        return words::of_day(now, zone);
    }
    let one = |(at, person): (usize, &PersonClock)| {
        let name = if at == 0 { "yours".to_owned() } else { words::line(&person.name) };
        format!("{} {name}", words::of_day(now, &person.zone))
    };
    people.iter().enumerate().map(one).collect::<Vec<_>>().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::{self, Sample};

    fn at_night() -> DateTime<Utc> {
        "2026-11-25T02:26:00Z".parse().expect("a time")
    }

    fn of(sample: &Sample) -> Footer {
        footer(&sample.plan, &sample.run, &[], at_night())
    }

    #[test]
    fn it_says_how_far_the_run_is_and_about_how_long_it_takes() {
        let sample = sample::at_the_change();
        let footer = of(&sample);
        assert_eq!(footer.step, "Step 3 of 7");
        assert_eq!(footer.left.as_deref(), Some("at least 3 min left"));
        assert_eq!(footer.place, "kyousuke");
        assert_eq!(of(&sample::at_the_gate()).step, "2 of 7 steps done");
        assert_eq!(of(&sample::at_the_end()).step, "All 8 steps");
        assert_eq!(of(&sample::at_the_end()).left, None);
    }

    #[test]
    fn everybody_has_a_clock() {
        let person = |name: &str, zone: &str| PersonClock { name: name.into(), zone: zone.into() };
        let people = [person("pepe", "Europe/Berlin"), person("komari", "Asia/Tokyo")];
        assert_eq!(clocks(&people, "UTC", at_night()), "03:26 yours | 11:26 komari");
        assert_eq!(clocks(&[], "Asia/Tokyo", at_night()), "11:26");
    }

    #[test]
    fn a_drill_is_as_loud_as_the_real_thing() {
        let sample = sample::open_as(sample::CERTIFICATE, Mode::Drill);
        let footer = of(&sample);
        assert_eq!((words::mode(footer.mode), footer.place.as_str()), ("DRILL", "the lab default on kyousuke"));
    }
}
