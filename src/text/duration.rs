//! Durations as people write them (`1h30m`) and as people read them (`1 h 30 min`).

use std::time::Duration;

/// Units from the largest to the smallest, with their length in milliseconds.
const UNITS: [(&str, u64); 6] = [("w", 7 * DAY), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", 1)];
const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Reads whole numbers with units `w d h m s ms`, each unit at most once, the larger before the smaller:
/// `5s`, `2m`, `1h30m`, `90d`, `0d`, `500ms`. `None` for everything else, also for a number without a unit.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut units = UNITS.as_slice();
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|digit: char| digit.is_ascii_digit()).len();
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(rest.len());
        let at = units.iter().position(|(unit, _)| *unit == &rest[..letters])?;
        total = total.checked_add(number.checked_mul(units[at].1)?)?;
        units = &units[at + 1..];
        rest = &rest[letters..];
    }
    (!text.is_empty()).then(|| Duration::from_millis(total))
}

/// At most two units, never rounded up, so that nothing seems to last longer than it does:
/// `500 ms`, `1.5 s`, `5 s`, `2 min`, `1 h 30 min`, `1 d 12 h`, and from ten days on days alone, `61 d`.
pub fn human(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    match millis {
        0 => "0 s".to_owned(),
        1..SECOND => format!("{millis} ms"),
        SECOND..MINUTE => {
            let (seconds, tenths) = (millis / SECOND, millis % SECOND / 100);
            if seconds < 10 && tenths > 0 { format!("{seconds}.{tenths} s") } else { format!("{seconds} s") }
        }
        MINUTE..HOUR => two(millis, (MINUTE, "min"), (SECOND, "s")),
        HOUR..DAY => two(millis, (HOUR, "h"), (MINUTE, "min")),
        _ if millis < 10 * DAY => two(millis, (DAY, "d"), (HOUR, "h")),
        _ => format!("{} d", millis / DAY),
    }
}

fn two(millis: u64, large: (u64, &str), small: (u64, &str)) -> String {
    let (whole, part) = (millis / large.0, millis % large.0 / small.0);
    if part == 0 { format!("{whole} {}", large.1) } else { format!("{whole} {} {part} {}", large.1, small.1) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<u128> {
        parse_duration(text).map(|duration| duration.as_millis())
    }

    #[test]
    fn every_unit_is_read() {
        assert_eq!(read("500ms"), Some(500));
        assert_eq!(read("5s"), Some(5_000));
        assert_eq!(read("2m"), Some(120_000));
        assert_eq!(read("1h30m"), Some(5_400_000));
        assert_eq!(read("90d"), Some(90 * 86_400_000));
        assert_eq!(read("2w"), Some(14 * 86_400_000));
        assert_eq!(read("0d"), Some(0));
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for text in
            ["", "5", "s", "5 s", "-5s", "1.5h", "5x", "5m5m", "5s1m", "5min", "99999999999999999999s", "1h ", "٣s"]
        {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&format!("{}w", u64::MAX)), None);
    }

    #[test]
    fn people_read_at_most_two_units() {
        let said = |text| human(parse_duration(text).expect("a duration"));
        assert_eq!(said("0s"), "0 s");
        assert_eq!(said("500ms"), "500 ms");
        assert_eq!(said("1s500ms"), "1.5 s");
        assert_eq!(said("5s"), "5 s");
        assert_eq!(said("59s999ms"), "59 s");
        assert_eq!(said("2m"), "2 min");
        assert_eq!(said("2m5s"), "2 min 5 s");
        assert_eq!(said("1h30m59s"), "1 h 30 min");
        assert_eq!(said("1d12h"), "1 d 12 h");
        assert_eq!(said("61d23h"), "61 d");
    }

    #[test]
    fn the_longest_duration_has_a_text() {
        assert!(human(Duration::MAX).ends_with(" d"));
    }

    proptest! {
        #[test]
        fn written_in_full_it_reads_back(days in 0_u64..10_000, hours in 0_u64..24, minutes in 0_u64..60, millis in 0_u64..60_000) {
            let text = format!("{days}d{hours}h{minutes}m{}s{}ms", millis / 1000, millis % 1000);
            let expected = days * DAY + hours * HOUR + minutes * MINUTE + millis;
            prop_assert_eq!(read(&text), Some(u128::from(expected)));
        }

        #[test]
        fn no_text_is_a_reason_to_panic(text in "[0-9wdhms]{0,12}|.*") {
            let _ = parse_duration(&text);
        }
    }
}
