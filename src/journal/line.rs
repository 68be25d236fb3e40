//! One line: body, `prev` and `h`, byte for byte.
//!
//! ```text
//! line = BODY ',"h":"' HEX64 '"}' LF      h = sha256(BODY), BODY starts with '{' and ends with ',"prev":"' HEX64 '"'
//! ```
//! The hash covers raw bytes, so no canonical JSON is needed. Whether a line is in its place is for `chain` to say.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};

use super::glance::{Members, Seen, glance};
use super::{Digest, JournalError};

/// The longest line, with its newline.
pub const MAX_LINE: usize = 64 * 1024;

/// The version of the format that is written here, and the newest that is understood.
pub const VERSION: u64 = 1;

const PREV: &[u8] = br#","prev":""#;
const H: &[u8] = br#","h":""#;
const END: &[u8] = b"\"}\n";
const HEX: usize = 64;

/// One record as it stands in a journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Where it begins in its segment.
    pub offset: u64,
    /// The bytes under the hash: the line up to and without `,"h":"`.
    pub raw_body: String,
    /// The whole object, with `prev` and `h`.
    pub value: Map<String, Value>,
    /// `h` of the line before.
    pub prev: Digest,
    /// sha256 of `raw_body`.
    pub h: Digest,
    /// From 1.
    pub epoch: u32,
    /// From 1 in every epoch.
    pub seq: u64,
}

impl Line {
    /// The kind of the record; every line that was read has one.
    pub fn kind(&self) -> &str {
        self.value.get("kind").and_then(Value::as_str).unwrap_or_default()
    }
}

/// A line whose hash is right and whose content is a record, wherever it stands. It keeps what the journal itself
/// needs and no more, since an audit holds many of these at a time.
#[derive(Debug)]
pub(super) struct Sealed<'a> {
    pub(super) body: &'a [u8],
    pub(super) prev: Digest,
    pub(super) h: Digest,
    pub(super) version: u64,
    pub(super) epoch: u32,
    pub(super) seq: u64,
    pub(super) run: Cow<'a, str>,
    pub(super) kind: Cow<'a, str>,
    pub(super) t: Option<Cow<'a, str>>,
    pub(super) attempt: Option<Cow<'a, str>>,
    /// What stands under `stdout` and `stderr`.
    pub(super) streams: Vec<Members<'a>>,
}

/// What is wrong with the bytes of one line; reads on after "line 3".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    Unfinished,
    TooLong,
    Converted,
    Frame,
    Hash,
    Content(String),
}

impl Flaw {
    /// Whether a write that was cut off can have left this. A line whose hash is right was written whole, and one
    /// that is too long was not written by us.
    pub(super) const fn can_be_torn(&self) -> bool {
        match self {
            Self::Unfinished | Self::Frame | Self::Hash | Self::Converted => true,
            Self::TooLong | Self::Content(_) => false,
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfinished => f.write_str("has no newline at its end"),
            Self::TooLong => write!(f, "is longer than {MAX_LINE} bytes"),
            Self::Converted => f.write_str("ends in a carriage return: its line endings were converted"),
            Self::Frame => f.write_str("does not end in `prev` and `h`"),
            Self::Hash => f.write_str("is not what its `h` was made of"),
            Self::Content(why) => f.write_str(why),
        }
    }
}

/// The line of a record, and its `h`.
pub(super) fn seal(record: &Map<String, Value>, prev: Digest) -> Result<(Vec<u8>, Digest), JournalError> {
    let unfit = |error: &dyn fmt::Display| JournalError::Record { why: error.to_string() };
    let mut line = serde_json::to_vec(record).map_err(|error| unfit(&error))?;
    line.pop();
    line.extend_from_slice(PREV);
    line.extend_from_slice(&prev.to_hex());
    line.push(b'"');
    let h = Digest::of(&line);
    line.extend_from_slice(H);
    line.extend_from_slice(&h.to_hex());
    line.extend_from_slice(END);
    if line.len() > MAX_LINE {
        return Err(JournalError::TooLong { bytes: line.len(), limit: MAX_LINE });
    }
    // What cannot be read back must not be written: it would count as damage for ever.
    check(&line).map_err(|flaw| unfit(&format!("it {flaw}")))?;
    Ok((line, h))
}

/// Checks everything about a line that can be said without its neighbours.
pub(super) fn check(line: &[u8]) -> Result<Sealed<'_>, Flaw> {
    if line.len() > MAX_LINE {
        return Err(Flaw::TooLong);
    }
    let (body, h) = open_frame(line)?;
    let prev = body.last_chunk::<{ HEX + 1 }>().and_then(|tail| Digest::parse(&tail[..HEX])).ok_or(Flaw::Frame)?;
    if Digest::of(body) != h {
        return Err(Flaw::Hash);
    }
    let content = |error| Flaw::Content(format!("is not a record: {error}"));
    let mut members = glance(&line[..line.len() - 1]).map_err(content)?;
    let epoch = u32::try_from(number(&members, "epoch")?);
    Ok(Sealed {
        body,
        prev,
        h,
        version: number(&members, "v")?,
        epoch: epoch.map_err(|_| Flaw::Content("has an `epoch` that is too high".to_owned()))?,
        seq: number(&members, "seq")?,
        run: text(&mut members, "run")?,
        kind: text(&mut members, "kind")?,
        t: members.take_text("t"),
        attempt: members.take_text("attempt"),
        streams: ["stdout", "stderr", "cast"].into_iter().filter_map(|stream| members.take_object(stream)).collect(),
    })
}

/// Body and `h`, when the bytes around them are exactly as they must be.
fn open_frame(line: &[u8]) -> Result<(&[u8], Digest), Flaw> {
    if !line.ends_with(b"\n") {
        return Err(Flaw::Unfinished);
    }
    if line.ends_with(b"\r\n") {
        return Err(Flaw::Converted);
    }
    let rest = line.strip_suffix(END).ok_or(Flaw::Frame)?;
    let (rest, hex) = rest.split_at_checked(rest.len().wrapping_sub(HEX)).ok_or(Flaw::Frame)?;
    let body = rest.strip_suffix(H).ok_or(Flaw::Frame)?;
    let open = body.starts_with(b"{") && body.ends_with(b"\"");
    let prev_at = body.len().checked_sub(PREV.len() + HEX + 1).filter(|at| open && body[*at..].starts_with(PREV));
    let h = Digest::parse(hex).filter(|_| prev_at.is_some()).ok_or(Flaw::Frame)?;
    Ok((body, h))
}

fn text<'a>(members: &mut Members<'a>, key: &str) -> Result<Cow<'a, str>, Flaw> {
    let text = members.take_text(key).filter(|text| !text.is_empty());
    text.ok_or_else(|| Flaw::Content(format!("has no `{key}`, expected text")))
}

fn number(members: &Members<'_>, key: &str) -> Result<u64, Flaw> {
    match members.get(key) {
        Some(Seen::Number(number)) if *number > 0 => Ok(*number),
        _ => Err(Flaw::Content(format!("has no `{key}`, expected a number from 1"))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::record;
    use super::*;

    fn sealed(record: &Map<String, Value>) -> Vec<u8> {
        seal(record, Digest::ZERO).unwrap().0
    }

    /// A line with a right hash around any body.
    fn around(body: &str) -> Vec<u8> {
        let body = format!("{body},\"prev\":\"{}\"", Digest::ZERO);
        format!("{body},\"h\":\"{}\"}}\n", Digest::of(body.as_bytes())).into_bytes()
    }

    #[test]
    fn a_sealed_line_is_what_the_format_says() {
        let line = String::from_utf8(sealed(&record(1, 1, "run.open"))).unwrap();
        let (body, h) = line.split_once(",\"h\":\"").unwrap();
        assert!(body.starts_with("{\"v\":1,") && body.ends_with(&format!(",\"prev\":\"{}\"", "0".repeat(64))));
        assert_eq!(h, format!("{}\"}}\n", Digest::of(body.as_bytes())));
        let checked = check(line.as_bytes()).unwrap();
        assert_eq!((checked.epoch, checked.seq, &*checked.kind, checked.body), (1, 1, "run.open", body.as_bytes()));
    }

    #[test]
    fn each_part_of_the_frame_counts() {
        let line = sealed(&record(1, 1, "run.open"));
        let with = |from: &str, to: &str| {
            check(String::from_utf8(line.clone()).unwrap().replace(from, to).as_bytes()).unwrap_err()
        };
        assert_eq!(with("\"}\n", "\"}"), Flaw::Unfinished);
        assert_eq!(with("\"}\n", "\"}\r\n"), Flaw::Converted);
        assert_eq!(with("\"}\n", "\" }\n"), Flaw::Frame);
        assert_eq!(with(",\"h\":", ", \"h\":"), Flaw::Frame);
        assert_eq!(with(",\"prev\":", ",\"perv\":"), Flaw::Frame);
        assert_eq!(with("run.open", "run.opem"), Flaw::Hash);
        assert_eq!(check(b"\n").unwrap_err(), Flaw::Frame);
        assert_eq!(check(b"").unwrap_err(), Flaw::Unfinished);
    }

    #[test]
    fn a_right_hash_does_not_excuse_a_wrong_record() {
        let good = r#"{"v":1,"run":"a","epoch":1,"seq":1,"kind":"note""#;
        assert!(check(&around(good)).is_ok());
        for (bad, why) in [
            (r#"{"v":1,"run":"a","epoch":1,"seq":1"#, "has no `kind`"),
            (r#"{"v":1,"run":"a","epoch":1,"seq":"1","kind":"note""#, "has no `seq`"),
            (r#"{"v":0,"run":"a","epoch":1,"seq":1,"kind":"note""#, "has no `v`"),
            (r#"{"v":1,"run":"a","epoch":5000000000,"seq":1,"kind":"note""#, "too high"),
            (r#"{"v":1,"v":1,"run":"a","epoch":1,"seq":1,"kind":"note""#, "`v` stands twice"),
            (r#"{"v":1,"run":"a","epoch":1,"seq":1,"kind":"note","h":"x""#, "`h` stands twice"),
            (r#"{"x":{"v":1,"run":"a","epoch":1,"seq":1,"kind":"note""#, "is not a record"),
        ] {
            let flaw = check(&around(bad)).unwrap_err();
            assert!(flaw.to_string().contains(why) && !flaw.can_be_torn(), "{bad}: {flaw}");
        }
    }

    #[test]
    fn a_record_is_at_most_64_kib_with_its_newline() {
        let mut long = record(1, 1, "note");
        let spare = MAX_LINE - sealed(&long).len() - r#","text":"""#.len();
        long.insert("text".into(), "x".repeat(spare).into());
        assert_eq!(sealed(&long).len(), MAX_LINE);
        long.insert("text".into(), "x".repeat(spare + 1).into());
        assert!(matches!(seal(&long, Digest::ZERO), Err(JournalError::TooLong { bytes, .. }) if bytes == MAX_LINE + 1));
        assert_eq!(check(&vec![b'x'; MAX_LINE + 1]).unwrap_err(), Flaw::TooLong);
    }

    #[test]
    fn what_could_not_be_read_back_is_not_sealed() {
        let mut deep = Value::Null;
        for _ in 0..200 {
            deep = Value::Array(vec![deep]);
        }
        let mut body = record(1, 1, "note");
        body.insert("deep".into(), deep);
        assert!(matches!(seal(&body, Digest::ZERO), Err(JournalError::Record { .. })));
    }
}
