//! Times of a record, in the zones of the people who need them.

use chrono::{DateTime, Offset as _, Utc};

use crate::engine::Run;
use crate::text::Zone;
use crate::text::markdown::inline;

/// The zones in which times are said: the operator's, UTC, and the reader's where it is another one.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    operator: Option<Zone>,
    reader: Zone,
}

impl Times {
    pub fn new(run: &Run, reader: Zone) -> Self {
        Self { operator: run.opened.as_ref().and_then(|opened| opened.tz.parse().ok()), reader }
    }

    /// Day and time: `2026-11-25 03:24:10 CET (02:24:10 UTC; 11:24 JST yours)`.
    pub fn full(self, at: &str) -> String {
        let Some(utc) = parse(at) else { return inline(at) };
        let here = utc.with_timezone(&self.operator.unwrap_or(Zone::UTC));
        let yours = utc.with_timezone(&self.reader);
        let distance = |at: &DateTime<Zone>| at.offset().fix().local_minus_utc();
        let day = |at: &DateTime<Zone>| at.date_naive() != here.date_naive();
        let mut others = Vec::new();
        if distance(&here) != 0 {
            let utc = utc.with_timezone(&Zone::UTC);
            others.push(utc.format(if day(&utc) { "%F %T UTC" } else { "%T UTC" }).to_string());
        }
        if distance(&yours) != distance(&here) && distance(&yours) != 0 {
            others.push(yours.format(if day(&yours) { "%F %H:%M %Z yours" } else { "%H:%M %Z yours" }).to_string());
        }
        let here = here.format("%F %T %Z");
        if others.is_empty() { here.to_string() } else { format!("{here} ({})", others.join("; ")) }
    }
}

/// The time of a record.
pub fn parse(at: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(at).ok().map(|at| at.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        name.parse().expect("a zone")
    }

    fn times(operator: &str, reader: Zone) -> Times {
        Times { operator: operator.parse().ok(), reader }
    }

    #[test]
    fn a_time_is_said_in_the_zones_of_operator_world_and_reader() {
        let said = times("Europe/Berlin", zone("Asia/Tokyo")).full("2026-11-25T02:24:10.000Z");
        assert_eq!(said, "2026-11-25 03:24:10 CET (02:24:10 UTC; 11:24 JST yours)");
    }

    #[test]
    fn a_zone_that_says_nothing_new_is_left_out() {
        assert_eq!(times("UTC", Zone::UTC).full("2026-11-25T02:24:10.000Z"), "2026-11-25 02:24:10 UTC");
        let said = times("Europe/Berlin", zone("Europe/Berlin")).full("2026-11-25T02:24:10.000Z");
        assert_eq!(said, "2026-11-25 03:24:10 CET (02:24:10 UTC)");
        assert_eq!(
            times("Etc/UTC", zone("Africa/Abidjan")).full("2026-11-25T02:24:10.000Z"),
            "2026-11-25 02:24:10 UTC"
        );
        assert_eq!(times("Mars/Base", Zone::UTC).full("2026-11-25T02:24:10.000Z"), "2026-11-25 02:24:10 UTC");
    }

    #[test]
    fn another_day_is_said() {
        let said = times("Asia/Tokyo", zone("America/New_York")).full("2026-11-24T23:30:00.000Z");
        assert_eq!(said, "2026-11-25 08:30:00 JST (2026-11-24 23:30:00 UTC; 2026-11-24 18:30 EST yours)");
    }

    #[test]
    fn what_is_no_time_is_shown_as_text() {
        assert_eq!(times("UTC", Zone::UTC).full("<b>"), "&lt;b&gt;");
    }
}
