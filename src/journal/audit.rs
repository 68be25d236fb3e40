//! Is this record whole? One answer over chain, order and outputs.

use std::fmt;

use serde::Serialize;

use super::blobs::{self, BlobCount, BlobMismatch};
use super::chain::{Walk, unreadable_path, walk};
use super::order::Order;
use super::reading::settled;
use super::{Class, Digest, Disorder, RunFolder};

/// What an audit found. It reads only, and finds the same again on the same bytes.
#[derive(Clone, Debug, Serialize)]
pub struct Audit {
    /// The run that the records name.
    pub run: Option<String>,
    #[serde(flatten)]
    pub class: Class,
    /// One sentence about the class.
    pub sentence: String,
    pub segments: Vec<String>,
    /// Lines that are whole and in their place, and their bytes.
    pub records: u64,
    pub bytes: u64,
    pub head: Digest,
    /// The highest version of the format above ours.
    pub newer_version: Option<u64>,
    /// Whether there is a `run.close`; a run without one is interrupted.
    pub closed: bool,
    /// Attempts with an intent and no end.
    pub open_attempts: Vec<String>,
    pub disorder: Vec<Disorder>,
    pub blobs: BlobCount,
    pub blob_mismatches: Vec<BlobMismatch>,
}

impl Audit {
    /// The public exit code. A torn tail is the least of all, since it is what a power cut leaves.
    pub fn exit_code(&self) -> u8 {
        match &self.class {
            Class::Ok | Class::Torn { .. } if !self.disorder.is_empty() => 11,
            Class::Ok | Class::Torn { .. } if !self.blob_mismatches.is_empty() => 14,
            class => class.exit_code(),
        }
    }
}

/// The worst that was found, in one sentence.
impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.exit_code(), self.disorder.first(), self.blob_mismatches.first()) {
            (14, _, Some(BlobMismatch { blob, what, epoch, seq })) => {
                write!(f, "the output `{blob}` of record {epoch}-{seq} {what}")
            }
            (11, Some(Disorder { epoch, seq, what }), _) if !matches!(self.class, Class::Corrupt { .. }) => {
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
