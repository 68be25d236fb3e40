//! What a replay shows besides the words of the log: which outputs belong to a record, and how long it waits before it.

use std::time::Duration;

use super::times::parse;
use crate::engine::record::{Event, Record, Stream};

/// An output that belongs to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown<'a> {
    /// What a command printed.
    Printed(&'a Stream),
    /// What it printed as errors, where that was kept apart.
    Errors(&'a Stream),
    /// What one of several machines gave.
    OnHost(&'a str, &'a Stream),
    /// The recording of a terminal.
    Recording(&'a Stream),
}

/// The outputs of a record. Where a terminal was recorded, its bytes are not shown once more without their times.
pub fn shown(event: &Event) -> Vec<Shown<'_>> {
    let (Event::StepEnded { facts, .. } | Event::ShellClosed { facts, .. }) = event else { return Vec::new() };
    if let Some(cast) = &facts.cast {
        return vec![Shown::Recording(cast)];
    }
    let hosts = facts.hosts.iter().filter_map(|one| Some(Shown::OnHost(&one.host, one.stdout.as_ref()?)));
    let own = facts.stdout.iter().map(Shown::Printed).chain(facts.stderr.iter().map(Shown::Errors));
    own.chain(hosts).collect()
}

/// How fast it goes: what took long takes less, and nothing takes longer than a person waits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// How many times faster than it was.
    pub speed: f64,
    /// Longest pause.
    pub longest: Duration,
}

impl Pace {
    /// A pause as it is made.
    pub fn of(&self, real: Duration) -> Duration {
        let secs = real.as_secs_f64() / self.speed;
        Duration::try_from_secs_f64(secs).unwrap_or(self.longest).min(self.longest)
    }

    /// The pause before a record: by the clock that nobody sets, where both are of one boot; a clock that was set back
    /// makes none.
    pub fn between(&self, before: &Record, record: &Record) -> Duration {
        let real = if record.at.boot.is_none() && record.epoch == before.epoch {
            Duration::from_millis(record.at.mono.saturating_sub(before.at.mono))
        } else {
            let wall = parse(&before.at.t).zip(parse(&record.at.t));
            wall.and_then(|(before, after)| (after - before).to_std().ok()).unwrap_or_default()
        };
        self.of(real)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::record::{EndResult, Facts, Judged, Mode, OnHost};
    use crate::report::sample;

    const PACE: Pace = Pace { speed: 4.0, longest: Duration::from_secs(2) };

    fn ended(change: impl FnOnce(&mut Facts)) -> Event {
        let mut facts = Facts::new(EndResult::Exited, Judged::Passed);
        change(&mut facts);
        let (attempt, step) = (crate::engine::AttemptId("1-4-ab".to_owned()), crate::engine::Key::new("a"));
        Event::StepEnded { attempt, step, facts: Box::new(facts), advance: None }
    }

    fn stream(name: &str) -> Stream {
        Stream { blob: name.to_owned(), ..Stream::default() }
    }

    #[test]
    fn the_outputs_of_a_record_come_in_order_and_a_terminal_comes_once() {
        let (out, err, far, cast) = (stream("a.out"), stream("a.err"), stream("a.riki.out"), stream("a.cast"));
        let host = OnHost {
            host: "riki".to_owned(),
            judged: Judged::Passed,
            code: None,
            found: Vec::new(),
            stdout: Some(far.clone()),
        };
        let both = ended(|facts| {
            (facts.stdout, facts.stderr, facts.hosts) = (Some(out.clone()), Some(err.clone()), vec![host]);
        });
        assert_eq!(shown(&both), [Shown::Printed(&out), Shown::Errors(&err), Shown::OnHost("riki", &far)]);
        let terminal = ended(|facts| (facts.stdout, facts.cast) = (Some(out.clone()), Some(cast.clone())));
        assert_eq!(shown(&terminal), [Shown::Recording(&cast)]);
        assert_eq!(shown(&Event::Noted { text: "x".to_owned() }), []);
    }

    #[test]
    fn pauses_are_shorter_and_never_long() {
        assert_eq!(PACE.of(Duration::from_secs(4)), Duration::from_secs(1));
        assert_eq!(PACE.of(Duration::from_hours(24)), Duration::from_secs(2));
        let frozen = Pace { speed: f64::MIN_POSITIVE, ..PACE };
        assert_eq!(frozen.of(Duration::from_secs(1)), Duration::from_secs(2));
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_pause_and_another_boot_is_told_by_the_time_of_day() {
        let records = sample::broken(Mode::Live);
        let (mut before, mut after) = (records[0].clone(), records[1].clone());
        (before.at.mono, after.at.mono) = (5000, 9000);
        assert_eq!(PACE.between(&before, &after), Duration::from_secs(1));
        assert_eq!(PACE.between(&after, &before), Duration::ZERO);
        after.at.boot = Some("another".to_owned());
        (before.at.t, after.at.t) = ("2026-11-25T02:24:10.000Z".to_owned(), "2026-11-25T02:24:12.000Z".to_owned());
        assert_eq!(PACE.between(&before, &after), Duration::from_millis(500));
        after.at.t = "2020-01-01T00:00:00.000Z".to_owned();
        assert_eq!(PACE.between(&before, &after), Duration::ZERO);
    }
}
