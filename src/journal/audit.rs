//! Is this record whole? One answer over chain, order and outputs.

use std::fmt;

use serde::Serialize;

use super::blobs::{self, BlobCount, BlobMismatch};
use super::chain::{Walk, unreadable_path, walk};
use super::order::Order;
use super::reading::settled;
use super::{Class, Digest, Disorder, RunFolder};
use crate::engine::Exit;

/// What an audit found. It reads only, and finds the same again on the same bytes.
#[derive(Clone, Debug, Serialize)]
pub struct Audit {
    /// The run that the records name.
    pub run: Option<String>,
    /// What the chain is.
    #[serde(flatten)]
    pub class: Class,
    /// One sentence about the class.
    pub sentence: String,
    /// Names of the files of the chain, in order.
    pub segments: Vec<String>,
    /// Lines that are whole and in their place, and their bytes.
    pub records: u64,
    /// Bytes of these lines.
    pub bytes: u64,
    /// `h` of the last of them; zeros before the first.
    pub head: Digest,
    /// The highest version of the format above ours.
    pub newer_version: Option<u64>,
    /// Whether there is a `run.close`; a run without one is interrupted.
    pub closed: bool,
    /// Attempts with an intent and no end.
    pub open_attempts: Vec<String>,
    /// Records that contradict those before them.
    pub disorder: Vec<Disorder>,
    /// Outputs that are what was recorded.
    pub blobs: BlobCount,
    /// Outputs that are not.
    pub blob_mismatches: Vec<BlobMismatch>,
}

impl Audit {
    /// How a program ends that found this. A torn tail is the least of all, since it is what a power cut leaves.
    pub fn exit(&self) -> Exit {
        match &self.class {
            Class::Ok | Class::Torn { .. } if !self.disorder.is_empty() => Exit::Corrupt,
            Class::Ok | Class::Torn { .. } if !self.blob_mismatches.is_empty() => Exit::BlobMismatch,
            class => class.exit(),
        }
    }

    /// The same as a number.
    pub fn exit_code(&self) -> u8 {
        self.exit().code()
    }
}

/// The worst that was found, in one sentence.
impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.exit(), self.disorder.first(), self.blob_mismatches.first()) {
            (Exit::BlobMismatch, _, Some(BlobMismatch { blob, what, epoch, seq })) => {
                write!(f, "the output `{blob}` of record {epoch}-{seq} {what}")
            }
            (Exit::Corrupt, Some(Disorder { epoch, seq, what }), _) if !matches!(self.class, Class::Corrupt { .. }) => {
                write!(f, "record {epoch}-{seq} contradicts those before it: {what}")
            }
            _ => self.class.fmt(f),
        }
    }
}

/// Audits a run: every line, their order, and every output that an outcome names.
pub fn audit(folder: &RunFolder) -> Audit {
    settled(folder, || audit_now(folder), |audit| &audit.class)
}

fn audit_now(folder: &RunFolder) -> Audit {
    let (segments, unlisted) = match folder.segments() {
        Ok(segments) => (segments, None),
        Err(error) => (Vec::new(), Some(unreadable_path(folder.root(), &error))),
    };
    let (mut order, mut claims) = (Order::default(), Vec::new());
    let Walk { class, head, run, newer, records, bytes, .. } = walk(&segments, &[], &mut |link| {
        order.observe(&link.sealed);
        claims.extend(blobs::claims(&link.sealed));
    });
    let (blobs, blob_mismatches) = blobs::verify(folder, &claims);
    let class = unlisted.unwrap_or(class);
    Audit {
        run,
        sentence: class.to_string(),
        class,
        segments: segments.iter().map(super::Segment::name).collect(),
        records,
        bytes,
        head,
        newer_version: newer,
        closed: order.is_closed(),
        open_attempts: order.open_attempts(),
        disorder: order.disorder,
        blobs,
        blob_mismatches,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{Scratch, record_with};
    use super::super::{RunFolder, read};
    use super::*;

    #[test]
    fn an_audit_says_what_is_there() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&["run.open", "note", "run.close"]);
        let audit = audit(&run.folder);
        assert_eq!((audit.records, audit.bytes, audit.closed), (3, run.bytes().len() as u64, true));
        assert_eq!(audit.head, read(&run.folder).head);
        let json = serde_json::to_value(&audit).unwrap();
        assert_eq!((&json["class"], &json["run"], &json["records"]), (&json!("ok"), &json!("7f3a-k2"), &json!(3)));
        assert_eq!(json["segments"], json!(["seg-0001-pepe.kyousuke.jsonl"]));
    }

    #[test]
    fn an_attempt_without_an_end_is_open() {
        let scratch = Scratch::new();
        let mut writer = scratch.writer_of("7f3a-k2");
        let steps = ["step.intent a", "step.intent b", "step.started b", "step.intent c", "step.unknown c"];
        for (seq, record) in (1..).zip(["run.open -"].into_iter().chain(steps)) {
            let (kind, attempt) = record.split_once(' ').unwrap();
            writer.append(record_with(1, seq, kind, &json!({"attempt": attempt}))).unwrap();
        }
        let audit = audit(&RunFolder::open(scratch.state(), "7f3a-k2").unwrap());
        assert_eq!((audit.open_attempts, audit.closed), (vec!["a".to_owned(), "b".to_owned()], false));
    }

    #[test]
    fn the_worst_is_what_counts() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&["note", "note"]);
        run.set(&[&run.bytes()[..], b"{"].concat());
        let torn = audit(&run.folder);
        assert_eq!((torn.class.exit_code(), torn.exit_code()), (10, 11));
        assert_eq!(torn.to_string(), "record 1-1 contradicts those before it: `note` before `run.open`");
        run.set(&[&run.lines()[0][..], b"{\n{\n"].concat());
        assert_eq!(
            audit(&run.folder).to_string(),
            "line 2 of `seg-0001-pepe.kyousuke.jsonl` does not end in `prev` and `h`"
        );
    }
}
