//! How probes speak of durations and instants.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// The largest unit of which there are at least two: `61 d`, `30 h`, `12 min`, `40 s`, `3 ms`.
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..2 => format!("{} ms", duration.as_millis()),
        2..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A duration as somebody asked for it, without loss for whole days and hours: `0 d`, `7 d`, `36 h`.
pub fn asked(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds % 86_400 == 0 => format!("{} d", seconds / 86_400),
        seconds if seconds % 3_600 == 0 => format!("{} h", seconds / 3_600),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

/// `2026-09-25 03:12 UTC`.
pub fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_the_largest_unit_of_which_there_are_two() {
        let told =
            [3, 119, 120, 7_199, 7_200, 172_799, 172_800, 61 * 86_400 + 80_000].map(|s| span(Duration::from_secs(s)));
        assert_eq!(told, ["3 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 d", "61 d"]);
        assert_eq!(span(Duration::from_micros(3_900)), "3 ms");
    }

    #[test]
    fn what_was_asked_for_is_told_exactly() {
        let told = [0, 7 * 86_400, 36 * 3_600, 90 * 60, 61].map(|s| asked(Duration::from_secs(s)));
        assert_eq!(told, ["0 d", "7 d", "36 h", "90 min", "61 s"]);
    }
}
