//! Captured output against what its outcome says about it.

use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::glance::{Members, Seen};
use super::line::Sealed;
use super::{Digest, RunFolder, durable};
use crate::host::cores;

/// What an outcome says about one stream.
#[derive(Debug)]
pub(super) struct Claim {
    epoch: u32,
    seq: u64,
    blob: String,
    /// Of the whole stream; the blob has it only when nothing was cut.
    sha256: Option<Digest>,
    bytes: Option<u64>,
    kept: Option<u64>,
    cut: bool,
}

/// Output that is not what was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlobMismatch {
    /// The outcome that names it.
    pub epoch: u32,
    /// Its number.
    pub seq: u64,
    /// The file, as the outcome names it.
    pub blob: String,
    /// One clause for a person.
    pub what: String,
}

/// Output that was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BlobCount {
    /// How many files.
    pub files: u64,
    /// How many bytes in all of them.
    pub bytes: u64,
}

/// What an outcome says about its streams; nothing for other records.
pub(super) fn claims(line: &Sealed<'_>) -> Vec<Claim> {
    if !matches!(&*line.kind, "step.outcome" | "shell.close") {
        return Vec::new();
    }
    line.streams.iter().filter_map(|stream| claim(line, stream)).collect()
}

fn claim(line: &Sealed<'_>, stream: &Members<'_>) -> Option<Claim> {
    Some(Claim {
        epoch: line.epoch,
        seq: line.seq,
        blob: stream.text("blob")?.to_owned(),
        sha256: stream.text("sha256").and_then(|hex| Digest::parse(hex.as_bytes())),
        bytes: stream.number("bytes"),
        kept: stream.number("kept"),
        cut: stream.get("cut") == Some(&Seen::Bool(true)),
    })
}

impl Claim {
    /// Output of which nothing is there, and nothing should be: the disk was full, or there was none.
    fn keeps_nothing(&self) -> bool {
        self.kept == Some(0) && (self.cut || self.bytes == Some(0))
    }
}

/// Compares every claim with the bytes on the disk, on all cores.
pub(super) fn verify(folder: &RunFolder, claims: &[Claim]) -> (BlobCount, Vec<BlobMismatch>) {
    let results: Vec<Result<u64, String>> = cores::share(claims.iter().collect(), |claim| compare(folder, claim));
    let mut count = BlobCount::default();
    let mut mismatches = Vec::new();
    for (claim, result) in claims.iter().zip(results) {
        match result {
            Ok(bytes) => {
                count.files += 1;
                count.bytes += bytes;
            }
            Err(what) => {
                let Claim { epoch, seq, ref blob, .. } = *claim;
                mismatches.push(BlobMismatch { epoch, seq, blob: blob.clone(), what });
            }
        }
    }
    (count, mismatches)
}

fn compare(folder: &RunFolder, claim: &Claim) -> Result<u64, String> {
    if claim.blob.is_empty() && claim.keeps_nothing() {
        return Ok(0);
    }
    let path = path_of(folder, &claim.blob).ok_or("is not the name of a file in `blobs`")?;
    let expected = claim.sha256.ok_or("has no `sha256` in its outcome")?;
    let kept = claim.kept.ok_or("has no `kept` in its outcome")?;
    let (bytes, sha256) = match digest(&path) {
        Ok(found) => found,
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(format!("cannot be read: {error}")),
        Err(_) if claim.keeps_nothing() => return Ok(0),
        Err(_) => return Err("is missing".to_owned()),
    };
    if bytes != kept {
        return Err(format!("has {bytes} bytes, expected {kept}"));
    }
    if !claim.cut && sha256 != expected {
        return Err(format!("has sha256 {sha256}, expected {expected}"));
    }
    Ok(bytes)
}

/// `blobs/<name>` or `<name>`, and never a path to anywhere else.
fn path_of(folder: &RunFolder, blob: &str) -> Option<PathBuf> {
    let name = Path::new(blob.strip_prefix("blobs/").unwrap_or(blob));
    let mut parts = name.components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(only)), None) if only == name.as_os_str() => Some(folder.blobs().join(only)),
        _ => None,
    }
}

fn digest(path: &Path) -> io::Result<(u64, Digest)> {
    let mut file = durable::open_plain(path)?;
    let mut buffer = vec![0; 256 * 1024];
    let (mut bytes, mut hasher) = (0, Sha256::new());
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((bytes, Digest::from_bytes(hasher.finalize().into()))),
            Ok(read) => {
                hasher.update(&buffer[..read]);
                bytes += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::super::testing::{RUN, Scratch, record, record_with};
    use super::super::{Audit, audit};
    use super::*;

    /// The audit of a run with one outcome, whose stdout is described like this.
    fn audited(scratch: &Scratch, stdout: &Value, prepare: impl Fn(&Path)) -> Audit {
        let mut writer = scratch.writer_of(RUN);
        let folder = RunFolder::open(scratch.state(), RUN).unwrap();
        prepare(&folder.blobs());
        let outcome = json!({"attempt": "a", "stdout": stdout, "stderr": null});
        writer.append(record(1, 1, "run.open")).unwrap();
        writer.append(record_with(1, 2, "step.intent", &json!({"attempt": "a"}))).unwrap();
        writer.append(record_with(1, 3, "step.outcome", &outcome)).unwrap();
        audit(&folder)
    }

    /// The one mismatch, when `a.out` holds "abc".
    fn mismatch(stdout: &Value) -> String {
        let scratch = Scratch::new();
        let audit = audited(&scratch, stdout, |blobs| fs::write(blobs.join("a.out"), "abc").unwrap());
        assert_eq!((audit.exit_code(), audit.blobs.files), (14, 0));
        assert!(audit.to_string().contains("` of record 1-3 "), "{audit}");
        audit.blob_mismatches[0].what.clone()
    }

    fn facts(bytes: u64, kept: u64, cut: bool) -> Value {
        json!({"blob": "a.out", "sha256": Digest::of(b"abc"), "bytes": bytes, "kept": kept, "cut": cut})
    }

    #[test]
    fn an_output_that_is_what_was_recorded_is_counted() {
        for name in ["a.out", "blobs/a.out"] {
            let scratch = Scratch::new();
            let mut facts = facts(3, 3, false);
            facts["blob"] = name.into();
            let audit = audited(&scratch, &facts, |blobs| fs::write(blobs.join("a.out"), "abc").unwrap());
            assert_eq!((audit.exit_code(), audit.blobs), (0, BlobCount { files: 1, bytes: 3 }));
        }
    }

    #[test]
    fn a_changed_output_is_a_mismatch() {
        let mut facts = facts(3, 3, false);
        facts["sha256"] = json!(Digest::of(b"abd"));
        assert!(mismatch(&facts).starts_with("has sha256 ba7816bf"));
        facts["sha256"] = json!("abc");
        assert_eq!(mismatch(&facts), "has no `sha256` in its outcome");
    }

    #[test]
    fn a_shortened_output_is_a_mismatch() {
        assert_eq!(mismatch(&facts(5, 5, false)), "has 3 bytes, expected 5");
        assert_eq!(mismatch(&facts(9, 5, true)), "has 3 bytes, expected 5");
    }

    #[test]
    fn of_an_output_that_was_cut_only_the_length_is_known() {
        let scratch = Scratch::new();
        let audit = audited(&scratch, &facts(99, 3, true), |blobs| fs::write(blobs.join("a.out"), "xyz").unwrap());
        assert_eq!(audit.exit_code(), 0);
    }

    #[test]
    fn a_name_never_leads_out_of_the_folder() {
        for name in ["../run.lock", "/etc/passwd", "", ".", "x/a.out", "blobs/../../x"] {
            let mut facts = facts(3, 3, false);
            facts["blob"] = name.into();
            assert_eq!(mismatch(&facts), "is not the name of a file in `blobs`", "{name}");
        }
    }

    #[test]
    fn a_missing_output_and_a_link_are_mismatches() {
        let mut facts = facts(3, 3, false);
        facts["blob"] = "b.out".into();
        assert_eq!(mismatch(&facts), "is missing");
        let scratch = Scratch::new();
        let audit = audited(&scratch, &facts, |blobs| {
            fs::write(blobs.join("a.out"), "abc").unwrap();
            std::os::unix::fs::symlink(blobs.join("a.out"), blobs.join("b.out")).unwrap();
        });
        assert!(audit.blob_mismatches[0].what.starts_with("cannot be read"));
    }

    #[test]
    fn an_output_of_which_nothing_could_be_kept_may_be_missing() {
        for (bytes, cut, code) in [(0, false, 0), (9, true, 0), (9, false, 14)] {
            for name in ["none.out", ""] {
                let scratch = Scratch::new();
                let mut facts = facts(bytes, 0, cut);
                facts["blob"] = name.into();
                assert_eq!(audited(&scratch, &facts, |_| {}).exit_code(), code, "{facts}");
            }
        }
    }

    #[test]
    fn an_outcome_without_an_output_claims_nothing() {
        let scratch = Scratch::new();
        let audit = audited(&scratch, &json!({"bytes": 0, "blob": null}), |_| {});
        assert_eq!((audit.exit_code(), audit.blobs.files), (0, 0));
    }
}
