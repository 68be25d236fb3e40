//! The name of a segment: which epoch it holds, and who wrote it where.

use std::path::{Path, PathBuf};

/// One file of the chain: `seg-0001-<writer>.<host>.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where it stands.
    pub path: PathBuf,
    /// From 1.
    pub epoch: u32,
    /// As it stands in the name: a label for people, no proof of anything.
    pub writer: String,
    /// As `writer`.
    pub host: String,
}

impl Segment {
    /// The name of a segment. Letters that do not belong in it become `-`: the record says who it was, the name
    /// only helps to find the file.
    pub(super) fn file_name(epoch: u32, writer: &str, host: &str) -> String {
        format!("seg-{epoch:04}-{}.{}.jsonl", label(writer, "-_"), label(host, "-_."))
    }

    /// Reads a path; `None` for a file that is no segment.
    pub(super) fn parse(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let (epoch, who) = name.strip_prefix("seg-")?.strip_suffix(".jsonl")?.split_once('-')?;
        let (writer, host) = who.split_once('.')?;
        let digits = epoch.len() >= 4 && epoch.bytes().all(|byte| byte.is_ascii_digit());
        let epoch = epoch.parse().ok().filter(|epoch| digits && *epoch > 0)?;
        Some(Self { path: path.to_owned(), epoch, writer: writer.to_owned(), host: host.to_owned() })
    }

    /// The last part of the path, as it is shown.
    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

pub(super) fn label(text: &str, also: &str) -> String {
    let keep = |letter: char| letter.is_ascii_alphanumeric() || also.contains(letter);
    let label: String = text.chars().take(64).map(|letter| if keep(letter) { letter } else { '-' }).collect();
    if label.is_empty() { "unknown".to_owned() } else { label }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_was_made() {
        let name = Segment::file_name(2, "pepe", "kyousuke.example.org");
        assert_eq!(name, "seg-0002-pepe.kyousuke.example.org.jsonl");
        let segment = Segment::parse(Path::new(&name)).unwrap();
        assert_eq!((segment.epoch, &*segment.writer, &*segment.host), (2, "pepe", "kyousuke.example.org"));
    }

    #[test]
    fn a_strange_writer_cannot_leave_the_folder() {
        assert_eq!(Segment::file_name(1, "../x.y", ""), "seg-0001----x-y.unknown.jsonl");
        let name = Segment::file_name(12345, "../x.y", "a/b");
        assert_eq!(Segment::parse(Path::new(&name)).unwrap().epoch, 12345);
    }

    #[test]
    fn other_files_are_no_segments() {
        for name in ["notes-pepe.mio.jsonl", "seg-1-a.b.jsonl", "seg-0000-a.b.jsonl", "seg-+001-a.b.jsonl"] {
            assert_eq!(Segment::parse(Path::new(name)), None, "{name}");
        }
        for name in ["seg-0001-a.jsonl", "seg-0001-a.b.jsonl.orig", "seg-0001.a-b.jsonl"] {
            assert_eq!(Segment::parse(Path::new(name)), None, "{name}");
        }
    }
}
