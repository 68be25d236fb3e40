//! People by name, with the zone their clock is in.

use std::collections::BTreeMap;

use chrono::{NaiveDate, Offset, TimeZone};
use serde::Deserialize;

use crate::text::Zone;

/// Who is who: `people.yaml` beside the runbooks.
#[derive(Clone, Debug, Default)]
pub struct People(BTreeMap<String, Person>);

/// One person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub zone: Option<Zone>,
    /// How to reach them, in words.
    pub reach: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    zone: Option<String>,
    reach: Option<String>,
}

/// The file of people cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    #[error("the people are not a mapping from names to `zone` and `reach`")]
    Syntax(#[from] serde_yaml::Error),
    #[error("`{name}` has zone `{zone}`, expected an IANA name such as `Europe/Copenhagen`")]
    Zone { name: String, zone: String },
}

impl People {
    /// Reads `komari: { zone: Europe/Copenhagen, reach: phone list }` lines.
    pub fn from_yaml(text: &str) -> Result<Self, PeopleError> {
        let written: Option<BTreeMap<String, Option<Written>>> = serde_yaml::from_str(text)?;
        let mut people = BTreeMap::new();
        for (name, written) in written.unwrap_or_default() {
            let Written { zone, reach } = written.unwrap_or(Written { zone: None, reach: None });
            let zone = match zone {
                Some(zone) => Some(zone.parse().map_err(|_| PeopleError::Zone { name: name.clone(), zone })?),
                None => None,
            };
            people.insert(name, Person { zone, reach });
        }
        Ok(Self(people))
    }

    pub fn get(&self, name: &str) -> Option<&Person> {
        self.0.get(name)
    }
}

impl Person {
    /// The zone with its distance from UTC on a day: `Europe/Copenhagen, UTC+1`.
    pub fn clock(&self, day: Option<NaiveDate>) -> Option<String> {
        let zone = self.zone?;
        let Some(noon) = day.and_then(|day| day.and_hms_opt(12, 0, 0)) else { return Some(zone.name().to_owned()) };
        let offset = zone.offset_from_utc_datetime(&noon);
        let seconds = offset.fix().local_minus_utc();
        let (sign, minutes) = if seconds < 0 { ('-', -seconds / 60) } else { ('+', seconds / 60) };
        let hours = match minutes % 60 {
            0 => format!("{}", minutes / 60),
            rest => format!("{}:{rest:02}", minutes / 60),
        };
        let short =
            Some(offset.abbreviation()).filter(|name| name.starts_with(|letter: char| letter.is_ascii_alphabetic()));
        let short = short.map_or_else(String::new, |name| format!("{name}, "));
        Some(format!("{}, {short}UTC{sign}{hours}", zone.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(zone: &str, day: &str) -> Option<String> {
        let person = Person { zone: zone.parse().ok(), reach: None };
        person.clock(Some(day.parse().expect("a day")))
    }

    #[test]
    fn a_zone_is_said_with_its_distance_on_the_day() {
        assert_eq!(clock("Europe/Copenhagen", "2026-11-25").as_deref(), Some("Europe/Copenhagen, CET, UTC+1"));
        assert_eq!(clock("Europe/Copenhagen", "2026-07-01").as_deref(), Some("Europe/Copenhagen, CEST, UTC+2"));
        assert_eq!(clock("Asia/Kolkata", "2026-07-01").as_deref(), Some("Asia/Kolkata, IST, UTC+5:30"));
        assert_eq!(clock("America/Sao_Paulo", "2026-07-01").as_deref(), Some("America/Sao_Paulo, UTC-3"));
    }

    #[test]
    fn people_are_read_with_and_without_facts() {
        let people = People::from_yaml("komari: { zone: Asia/Tokyo, reach: phone list }\npepe:\n").expect("people");
        assert_eq!(people.get("komari").and_then(|person| person.reach.as_deref()), Some("phone list"));
        assert_eq!(people.get("pepe"), Some(&Person { zone: None, reach: None }));
        assert!(People::from_yaml("").expect("nobody").get("pepe").is_none());
    }

    #[test]
    fn a_zone_that_is_none_is_an_error() {
        let error = People::from_yaml("pepe: { zone: Mars/Base }").expect_err("no zone");
        assert_eq!(error.to_string(), "`pepe` has zone `Mars/Base`, expected an IANA name such as `Europe/Copenhagen`");
        assert!(People::from_yaml("pepe: { phone: 1 }").is_err());
    }
}
