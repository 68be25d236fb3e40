//! Amounts as people write them (`90%`, `5GiB`) and as people read them (`5.2 GiB`).

use std::fmt;

/// Units of bytes with their length, the longer names before those that end them.
const UNITS: [(&str, u64); 10] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("PiB", 1 << 50),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

/// Part of a whole, or a number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Whole percent, 0 to 100.
    Percent(u8),
    Bytes(u64),
}

impl Amount {
    /// Reads whole numbers with a unit: `90%`, `500MB`, `5GiB`, `0B`. `None` for everything else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() - text.trim_start_matches(|digit: char| digit.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().ok()?;
        if unit == "%" {
            return u8::try_from(number).ok().filter(|percent| *percent <= 100).map(Self::Percent);
        }
        let (_, length) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        number.checked_mul(length).map(Self::Bytes)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent} %"),
            Self::Bytes(bytes) => f.write_str(&bytes_text(*bytes)),
        }
    }
}

/// `812 B`, `5.2 GiB`, never rounded up.
pub fn bytes_text(bytes: u64) -> String {
    let binary = UNITS[..5].iter().rev().find(|(_, length)| bytes >= *length);
    let Some((unit, length)) = binary else { return format!("{bytes} B") };
    match (bytes / length, bytes % length / (length / 1024) * 10 / 1024) {
        (whole, tenths) if whole < 100 && tenths > 0 => format!("{whole}.{tenths} {unit}"),
        (whole, _) => format!("{whole} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_and_bytes_are_read() {
        assert_eq!(Amount::parse("90%"), Some(Amount::Percent(90)));
        assert_eq!(Amount::parse("5GiB"), Some(Amount::Bytes(5 << 30)));
        assert_eq!(Amount::parse("500MB"), Some(Amount::Bytes(500_000_000)));
        assert_eq!(Amount::parse("0B"), Some(Amount::Bytes(0)));
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", "5", "%", "101%", "-1%", "1.5GB", "5 GB", "5gb", "5G", "99999999999PiB", "300%"] {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
    }

    #[test]
    fn bytes_are_told_in_the_largest_unit_and_never_rounded_up() {
        assert_eq!(bytes_text(812), "812 B");
        assert_eq!(bytes_text((5 << 30) + (1 << 28)), "5.2 GiB");
        assert_eq!(bytes_text((1 << 30) - 1), "1023 MiB");
        assert_eq!(bytes_text(5 << 30), "5 GiB");
        assert_eq!(bytes_text(u64::MAX), "16383 PiB");
        assert_eq!(Amount::Percent(90).to_string(), "90 %");
    }
}
