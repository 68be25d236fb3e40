//! The seam between a pipe and the disk: what takes secrets out of captured bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::text::redactor::Redactor;

/// A stream of bytes on its way to a blob. The same bytes must give the same output in whatever chunks they come.
pub trait Filter: Send {
    /// Takes the next bytes and appends what may be written.
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>);

    /// The stream has ended: what was held back comes out.
    fn finish(&mut self, out: &mut Vec<u8>);

    /// As [`Self::push`], for a filter that can hand on the bytes themselves.
    fn through<'a>(&mut self, bytes: &'a [u8], out: &'a mut Vec<u8>) -> &'a [u8] {
        out.clear();
        self.push(bytes, out);
        out
    }

    /// How often each secret was taken out.
    fn counts(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}

/// A filter that takes nothing out.
#[derive(Clone, Copy, Debug, Default)]
pub struct PassThrough;

impl Filter for PassThrough {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(bytes);
    }

    fn finish(&mut self, _out: &mut Vec<u8>) {}

    fn through<'a>(&mut self, bytes: &'a [u8], _out: &'a mut Vec<u8>) -> &'a [u8] {
        bytes
    }
}

impl Filter for Redactor {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        Self::push(self, bytes, out);
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        Self::finish(self, out);
    }

    fn counts(&self) -> BTreeMap<String, u64> {
        Self::counts(self).clone()
    }
}

/// The filter for some secrets; without any, nothing is taken out.
pub fn redacting(secrets: &[Secret]) -> Result<Box<dyn Filter>, String> {
    if secrets.is_empty() {
        return Ok(Box::new(PassThrough));
    }
    let pairs = secrets.iter().map(|secret| (secret.name.clone(), secret.value.clone())).collect();
    Redactor::new(pairs).map(|redactor| Box::new(redactor) as Box<dyn Filter>).map_err(|short| short.to_string())
}

/// A value that must not be written anywhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// What stands in its place.
    pub name: String,
    /// The value itself.
    pub value: Vec<u8>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Secret").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A filter for some secrets, or why it cannot be made.
pub type FilterOf = fn(&[Secret]) -> Result<Box<dyn Filter>, String>;

/// Makes a filter, one for each stream.
pub type MakeFilter<'a> = &'a dyn Fn() -> Box<dyn Filter>;

/// A short text, filtered as a whole.
pub(super) fn filtered(make: MakeFilter<'_>, text: &str) -> String {
    let (mut filter, mut out) = (make(), Vec::new());
    filter.push(text.as_bytes(), &mut out);
    filter.finish(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret { name: "token".into(), value: b"hunter2hunter2".to_vec() };
        let shown = format!("{secret:?}");
        assert!(shown.contains("token") && !shown.contains("104"), "{shown}");
    }

    #[test]
    fn secrets_are_taken_out_and_counted() {
        let secret = Secret { name: "token".into(), value: b"hunter2hunter2".to_vec() };
        let (mut filter, mut out) = (redacting(&[secret]).unwrap(), Vec::new());
        filter.push(b"a hunter2h", &mut out);
        filter.push(b"unter2 b", &mut out);
        filter.finish(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "a [redacted:token] b");
        assert_eq!(filter.counts(), BTreeMap::from([("token".to_owned(), 1)]));
        let short = Secret { name: "pin".into(), value: b"1234".to_vec() };
        assert!(redacting(&[short]).err().unwrap().contains("`pin`"));
    }

    #[test]
    fn passing_through_changes_nothing() {
        assert_eq!(filtered(&|| Box::new(PassThrough), "as it is"), "as it is");
        assert_eq!(PassThrough.through(b"raw", &mut Vec::new()), b"raw");
    }
}
