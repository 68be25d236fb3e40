//! A strict look at one JSON object, without building what nobody asks for.
//!
//! Every key of every object is compared, since a second key of one name lets two readers see two records.
//! Strings point into the line where that is possible: an audit looks at each line once and at speed.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value of a record, as far as the journal itself has to understand it.
#[derive(Debug, PartialEq)]
pub(super) enum Seen<'a> {
    Number(u64),
    Bool(bool),
    Text(Cow<'a, str>),
    Object(Members<'a>),
    /// Valid JSON that the journal never looks into.
    Other,
}

/// The members of one object, in order.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Members<'a>(Vec<(Cow<'a, str>, Seen<'a>)>);

impl<'a> Members<'a> {
    pub(super) fn get(&self, key: &str) -> Option<&Seen<'a>> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        if let Some(Seen::Text(text)) = self.get(key) { Some(text) } else { None }
    }

    pub(super) fn number(&self, key: &str) -> Option<u64> {
        if let Some(Seen::Number(number)) = self.get(key) { Some(*number) } else { None }
    }

    /// Takes a text out; what is left in its place is never looked at.
    pub(super) fn take_text(&mut self, key: &str) -> Option<Cow<'a, str>> {
        match self.0.iter_mut().find(|(name, _)| name == key) {
            Some((_, Seen::Text(text))) => Some(std::mem::take(text)),
            _ => None,
        }
    }

    /// Takes an object out.
    pub(super) fn take_object(&mut self, key: &str) -> Option<Self> {
        match self.0.iter_mut().find(|(name, _)| name == key) {
            Some((_, Seen::Object(members))) => Some(std::mem::take(members)),
            _ => None,
        }
    }

    /// The first key that stands twice.
    fn twice(&self) -> Option<&str> {
        if self.0.len() > 64 {
            let mut keys: Vec<&str> = self.0.iter().map(|(key, _)| &**key).collect();
            keys.sort_unstable();
            return keys.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
        }
        let mut filter = 0_u64;
        for (at, (key, _)) in self.0.iter().enumerate() {
            let bit = 1 << (fold(key.as_bytes()) & 63);
            if filter & bit != 0 && self.0[..at].iter().any(|(earlier, _)| earlier == key) {
                return Some(key);
            }
            filter |= bit;
        }
        None
    }
}

/// A cheap number of a key, equal for equal keys, so that most keys need no comparison at all.
fn fold(key: &[u8]) -> usize {
    let ends = key.first().zip(key.last()).map_or(0, |(first, last)| usize::from(*first) * 7 + usize::from(*last));
    ends + key.len() * 11
}

/// Looks at one line (without its newline), which must be one object and nothing else.
pub(super) fn glance(line: &[u8]) -> Result<Members<'_>, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(line);
    let seen = Look.deserialize(&mut json)?;
    json.end()?;
    match seen {
        Seen::Object(members) => Ok(members),
        _ => Err(de::Error::custom("not an object")),
    }
}

struct Look;

impl<'de> DeserializeSeed<'de> for Look {
    type Value = Seen<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Seen<'de>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look {
    type Value = Seen<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Seen<'de>, E> {
        Ok(Seen::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Seen<'de>, E> {
        Ok(Seen::Number(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Seen<'de>, E> {
        Ok(Seen::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Seen<'de>, E> {
        Ok(Seen::Other)
    }

    fn visit_unit<E>(self) -> Result<Seen<'de>, E> {
        Ok(Seen::Other)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Seen<'de>, E> {
        Ok(Seen::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Seen<'de>, E> {
        Ok(Seen::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Seen<'de>, A::Error> {
        while items.next_element_seed(Look)?.is_some() {}
        Ok(Seen::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Seen<'de>, A::Error> {
        let mut members = Members::default();
        while let Some(key) = entries.next_key_seed(Look)? {
            let Seen::Text(key) = key else { return Err(de::Error::custom("a key is not text")) };
            members.0.push((key, entries.next_value_seed(Look)?));
        }
        match members.twice() {
            Some(key) => Err(de::Error::custom(format!("key `{key}` stands twice"))),
            None => Ok(Seen::Object(members)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_the_journal_needs_is_seen() {
        let mut seen =
            glance(br#"{"v":1,"run":"a\u0062","stdout":{"blob":"x","cut":false},"list":[{"a":-1.5}],"n":null}"#)
                .unwrap();
        assert_eq!((seen.number("v"), seen.text("run")), (Some(1), Some("ab")));
        assert_eq!(seen.take_object("stdout").unwrap().get("cut"), Some(&Seen::Bool(false)));
        assert_eq!(
            (seen.take_text("run").unwrap(), seen.take_text("v"), seen.take_object("none")),
            ("ab".into(), None, None)
        );
        assert_eq!((seen.get("list"), seen.text("v")), (Some(&Seen::Other), None));
    }

    #[test]
    fn a_key_that_stands_twice_is_an_error_at_every_depth() {
        for twice in [r#"{"a":1,"b":2,"a":1}"#, r#"{"x":{"a":1,"a":2}}"#, r#"{"x":[[{"a":1,"\u0061":2}]]}"#] {
            let error = glance(twice.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("key `a` stands twice"), "{error}");
        }
    }

    #[test]
    fn many_keys_are_compared_too() {
        let many = |count: u32| (0..count).map(|n| format!("\"k{n}\":0")).collect::<Vec<_>>().join(",");
        assert!(glance(format!("{{{}}}", many(3000)).as_bytes()).is_ok());
        assert!(glance(format!("{{{},\"k7\":1}}", many(3000)).as_bytes()).is_err());
        assert!(glance(format!("{{{},\"k7\":1}}", many(40)).as_bytes()).is_err());
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_crash() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(30_000), "]".repeat(30_000));
        assert!(glance(deep.as_bytes()).is_err());
    }

    #[test]
    fn anything_but_one_object_is_an_error() {
        for bad in ["", "1", "[]", "{} {}", "{", "{\"a\":1,}", "{\"a\":\"\\ud800\"}", "{\"a\":1e999}"] {
            assert!(glance(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(glance(b"{\"a\":\"\xff\"}").is_err());
    }

    proptest! {
        #[test]
        fn it_accepts_what_serde_json_accepts(text in r#"\{("[ab]":(1|-2|0\.5|null|true|"x\\n"|\[\]|\[1,\{\}\]|\{"c":2\}),?){0,3}\}?"#) {
            let whole = serde_json::from_str::<serde_json::Map<String, Value>>(&text).is_ok();
            let ours = glance(text.as_bytes());
            let twice = ours.as_ref().is_err_and(|error| error.to_string().contains("stands twice"));
            prop_assert_eq!(whole, ours.is_ok() || twice);
        }
    }
}
