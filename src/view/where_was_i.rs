//! The line for whoever comes back after a while: where am I, what was the last thing that happened?

use std::time::Duration;

use super::card::standing;
use super::words;
use crate::engine::{Plan, Run};
use crate::text::human;

/// From how long on somebody who comes back is told.
pub const AWAY: Duration = Duration::from_mins(10);

/// The line, where somebody was away long enough.
pub fn where_was_i(plan: &Plan, run: &Run, away: Duration) -> Option<String> {
    if away < AWAY {
        return None;
    }
    let last = run.attempts.values().next_back().map(|attempt| {
        let key = &attempt.intent.step;
        let at = words::clock(attempt.ended_at.as_ref().unwrap_or(&attempt.begun_at), words::zone(run));
        let how = match (&attempt.end, &attempt.unknown) {
            (Some(_), _) => "ended",
            (None, Some(_)) => "was lost sight of",
            (None, None) => "was begun, and still runs",
        };
        format!("; last, `{key}` {how} at {at}")
    });
    let minutes = Duration::from_secs(away.as_secs() / 60 * 60);
    Some(format!(
        "You were away for {}. The run stands at {}{}.",
        human(minutes),
        standing(plan, run),
        last.unwrap_or_default()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample;

    #[test]
    fn after_ten_minutes_it_is_said_where_the_run_stands_and_what_was_last() {
        let sample = sample::at_the_gate();
        let line = where_was_i(&sample.plan, &sample.run, Duration::from_secs(754)).expect("a line");
        assert_eq!(
            line,
            "You were away for 12 min. The run stands at the entry into repair; last, `same-ca` ended at 03:05."
        );
    }

    #[test]
    fn before_that_nothing_is_said() {
        let sample = sample::certificate();
        assert_eq!(where_was_i(&sample.plan, &sample.run, Duration::from_secs(599)), None);
    }

    #[test]
    fn what_still_runs_is_said_too() {
        let mut sample = sample::at_the_change();
        sample.begin("renew", None);
        let line = where_was_i(&sample.plan, &sample.run, AWAY).expect("a line");
        assert!(line.ends_with("`renew` was begun, and still runs at 03:08."), "{line}");
    }
}
