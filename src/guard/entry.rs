//! One thing in a scope: what is remembered of it, and how that is read.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustix::fs::{FileType, Mode, Stat, fstat};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::GuardError;
use super::fault::failed;
use super::path_text::to_text;
use super::place::{Place, target};
use crate::text::hex;

/// What it is. Pipes, sockets and devices are `Other`: they are recorded and never opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    File,
    Dir,
    Link,
    Other,
}

/// What is remembered of a path; no times, so that a file that was put back counts as before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub kind: Kind,
    /// Permission bits with set-user-id, set-group-id and sticky; a link has none of its own.
    #[serde(with = "octal")]
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Bytes of a file, else 0.
    pub size: u64,
    /// Of a file, in lowercase hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Where a link leads; of `Other`, which kind it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

impl Entry {
    /// Reads what stands at a place; a file that changes under the reading is tried three times.
    pub(super) fn read(place: &Place, stat: &Stat) -> Result<Self, GuardError> {
        let mut entry = Self {
            kind: Kind::Other,
            mode: mode_bits(stat),
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: 0,
            sha256: None,
            target: None,
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {
                let (size, sha256) = contents(place)?;
                entry.kind = Kind::File;
                entry.size = size;
                entry.sha256 = Some(sha256);
            }
            FileType::Directory => entry.kind = Kind::Dir,
            FileType::Symlink => {
                entry.kind = Kind::Link;
                entry.mode = 0o777;
                entry.target = Some(to_text(target(&place.read_link()?)));
            }
            special => entry.target = Some(special_name(special, stat)),
        }
        Ok(entry)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "a file",
            Self::Dir => "a folder",
            Self::Link => "a link",
            Self::Other => "a special file",
        })
    }
}

/// Size and digest of the regular file at a place.
fn contents(place: &Place) -> Result<(u64, String), GuardError> {
    for _ in 0..3 {
        let file = File::from(place.open_file()?);
        if let Some(found) = read_still(&file, &place.path)? {
            return Ok(found);
        }
    }
    Err(GuardError::Moving(place.path.clone()))
}

/// Reads an open file; none if it was written to meanwhile.
fn read_still(mut file: &File, path: &Path) -> Result<Option<(u64, String)>, GuardError> {
    let before = fstat(file).map_err(failed("look at", path))?;
    if FileType::from_raw_mode(before.st_mode) != FileType::RegularFile {
        return Err(GuardError::Moving(path.to_owned()));
    }
    let mut digest = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer).map_err(failed("read", path))? {
            0 => break,
            count => {
                digest.update(&buffer[..count]);
                size += count as u64;
            }
        }
    }
    let after = fstat(file).map_err(failed("look at", path))?;
    let still = |stat: &Stat| (stat.st_size, stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec);
    Ok((still(&before) == still(&after)).then(|| (size, hex(&digest.finalize()))))
}

/// The permission bits of a stat.
#[expect(clippy::useless_conversion, reason = "the type is narrower on macOS")]
pub(super) fn mode_bits(stat: &Stat) -> u32 {
    u32::from(Mode::from_raw_mode(stat.st_mode).bits()) & 0o7777
}

/// Bits as a mode that a call takes.
#[expect(clippy::useless_conversion, reason = "the type is narrower on macOS")]
pub(super) fn mode_of(bits: u32) -> Mode {
    Mode::from_bits_truncate((bits & 0o7777).try_into().expect("twelve bits fit"))
}

fn special_name(kind: FileType, stat: &Stat) -> String {
    let device = || format!("{}:{}", rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev));
    match kind {
        FileType::Fifo => "named pipe".to_owned(),
        FileType::Socket => "socket".to_owned(),
        FileType::CharacterDevice => format!("character device {}", device()),
        FileType::BlockDevice => format!("block device {}", device()),
        FileType::RegularFile | FileType::Directory | FileType::Symlink | FileType::Unknown => "unknown".to_owned(),
    }
}

/// Modes are written as people write them: `0644`.
mod octal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    pub fn serialize<S: Serializer>(mode: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{mode:04o}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        let text = String::deserialize(from)?;
        u32::from_str_radix(&text, 8).map_err(|_| D::Error::custom(format!("`{text}` is not an octal mode")))
    }
}
