//! Captured output against what its outcome says about it.

use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::glance::{Members, Seen};
use super::line::Sealed;
use super::{Digest, RunFolder, durable};

/// What an outcome says about one stream.
#[derive(Debug)]
pub(super) struct Claim {
    epoch: u32,
    seq: u64,
    blob: String,
    /// Of the whole stream; the blob has it only when nothing was cut.
    sha256: Option<Digest>,
    kept: Option<u64>,
    cut: bool,
}

/// Output that is not what was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlobMismatch {
    /// The outcome that names it.
    pub epoch: u32,
    pub seq: u64,
    pub blob: String,
    /// One clause for a person.
    pub what: String,
}

/// Output that was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BlobCount {
    pub files: u64,
    pub bytes: u64,
}

/// What an outcome says about its streams; nothing for other records.
pub(super) fn claims(line: &Sealed<'_>) -> Vec<Claim> {
    if line.kind() != "step.outcome" {
        return Vec::new();
    }
    let streams = ["stdout", "stderr"].into_iter().filter_map(|stream| line.members.object(stream));
    streams.filter_map(|stream| claim(line, stream)).collect()
}

fn claim(line: &Sealed<'_>, stream: &Members<'_>) -> Option<Claim> {
    Some(Claim {
        epoch: line.epoch,
        seq: line.seq,
        blob: stream.text("blob")?.to_owned(),
        sha256: stream.text("sha256").and_then(|hex| Digest::parse(hex.as_bytes())),
        kept: stream.number("kept").or_else(|| stream.number("bytes")),
        cut: stream.get("cut") == Some(&Seen::Bool(true)),
    })
}

/// Compares every claim with the bytes on the disk, on all cores.
pub(super) fn verify(folder: &RunFolder, claims: &[Claim]) -> (BlobCount, Vec<BlobMismatch>) {
    let results: Vec<Result<u64, String>> = claims.par_iter().map(|claim| compare(folder, claim)).collect();
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
    let path = path_of(folder, &claim.blob).ok_or("is not the name of a file in `blobs`")?;
    let expected = claim.sha256.ok_or("has no `sha256` in its outcome")?;
    let kept = claim.kept.ok_or("has no `kept` in its outcome")?;
    let (bytes, sha256) = digest(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "is missing".to_owned(),
        _ => format!("cannot be read: {error}"),
    })?;
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
