//! The seam between a pipe and the disk: what takes secrets out of captured bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::capture::Capture;
use super::withhold::{Taken, Taking};
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

/// What must not come out of a command: what is known before, and what its output will give.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redaction {
    /// The secrets that are known.
    pub secrets: Vec<Secret>,
    /// Values of its standard output that are secrets too. Until they are known, nothing of it is written.
    pub captures: Vec<Capture>,
}

/// Where bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bytes {
    /// The first stream, or both in one.
    Output,
    /// The second stream.
    Errors,
}

/// The filters of one command.
pub struct Filters {
    known: Option<Redactor>,
    taking: Option<Arc<Taking>>,
}

impl Filters {
    /// Nothing is taken out.
    pub const NONE: Self = Self { known: None, taking: None };

    /// The filters for what must not come out.
    ///
    /// # Errors
    /// In words, which secret is too short to be looked for.
    pub fn new(redaction: &Redaction) -> Result<Self, String> {
        Ok(Self::with(redactor(&redaction.secrets)?, redaction))
    }

    /// The same, where what looks for the secrets of the redaction is made already.
    pub fn with(known: Option<Redactor>, redaction: &Redaction) -> Self {
        let taking = (!redaction.captures.is_empty()).then(|| Arc::new(Taking::new(redaction.clone())));
        Self { known, taking }
    }

    /// The filters of a command that gives no secret, with everything that is known by now.
    pub(super) fn of_another_command(&self) -> Self {
        let taken = self.taking.as_ref().and_then(|taking| taking.redactor());
        Self { known: taken.or_else(|| self.known.as_ref().map(Redactor::fresh)), taking: None }
    }

    /// A filter for one stream.
    pub(super) fn stream(&self, bytes: Bytes) -> Box<dyn Filter> {
        match (&self.taking, &self.known) {
            (Some(taking), _) => Taking::filter(taking, bytes),
            (None, Some(known)) => Box::new(known.fresh()),
            (None, None) => Box::new(PassThrough),
        }
    }

    /// A short text, filtered as a whole.
    pub(super) fn words(&self, text: &str) -> String {
        let taken = self.taking.as_ref().and_then(|taking| taking.redactor());
        match taken.as_ref().or(self.known.as_ref()) {
            Some(redactor) => redactor.whole(text),
            None => text.to_owned(),
        }
    }

    /// The secrets that the output gave, when the command has ended.
    pub fn taken(&self) -> Taken {
        self.taking.as_ref().map_or(Ok(Vec::new()), |taking| taking.taken())
    }
}

/// What looks for some secrets; nothing where there are none.
///
/// # Errors
/// In words, which of them is too short.
pub(super) fn redactor(secrets: &[Secret]) -> Result<Option<Redactor>, String> {
    if secrets.is_empty() {
        return Ok(None);
    }
    let pairs = secrets.iter().map(|secret| (secret.name.clone(), secret.value.clone())).collect();
    Redactor::new(pairs).map(Some).map_err(|short| short.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str, value: &str) -> Secret {
        Secret { name: name.into(), value: value.into() }
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        let shown = format!("{:?}", secret("token", "hunter2hunter2"));
        assert!(shown.contains("token") && !shown.contains("104"), "{shown}");
    }

    #[test]
    fn secrets_are_taken_out_and_counted() {
        let redaction = Redaction { secrets: vec![secret("token", "hunter2hunter2")], captures: Vec::new() };
        let filters = Filters::new(&redaction).unwrap();
        let (mut filter, mut out) = (filters.stream(Bytes::Output), Vec::new());
        filter.push(b"a hunter2h", &mut out);
        filter.push(b"unter2 b", &mut out);
        filter.finish(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "a [redacted:token] b");
        assert_eq!(filter.counts(), BTreeMap::from([("token".to_owned(), 1)]));
        assert_eq!(filters.words("no hunter2hunter2"), "no [redacted:token]");
        let short = Redaction { secrets: vec![secret("pin", "1234")], captures: Vec::new() };
        assert!(Filters::new(&short).err().unwrap().contains("`pin`"));
    }

    #[test]
    fn without_secrets_nothing_is_copied() {
        assert_eq!(Filters::NONE.words("as it is"), "as it is");
        let bytes = b"raw";
        let mut filter = Filters::new(&Redaction::default()).unwrap().stream(Bytes::Output);
        assert!(std::ptr::eq(filter.through(bytes, &mut Vec::new()), bytes.as_slice()));
        assert_eq!(Filters::NONE.taken(), Ok(Vec::new()));
    }
}
