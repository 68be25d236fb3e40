//! Files to look through: regular files that end in `.yaml` or `.yml`, found below folders and read with a limit.
//!
//! Nothing outside the paths that were named is opened: symbolic links below a folder are not followed, hidden
//! folders are left out.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::WorkspaceError;
use crate::diagnostic::Diagnostic;
use crate::source::SourceFile;
use crate::yaml::{MAX_FILE, file_too_large, read_text};

/// A file that was named, or found below a folder that was named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    pub path: PathBuf,
    /// Whether the file itself was named; then it is taken for a runbook whatever it holds.
    pub named: bool,
}

/// What a file turned out to be.
#[derive(Debug)]
pub enum Content {
    /// A runbook, or what was named as one.
    Runbook(SourceFile),
    /// Something that cannot be read as text, or is too large.
    Unreadable(Box<Diagnostic>),
    /// A file that does not say that it is a runbook, such as the list of people.
    Other,
}

/// The files below the paths, sorted, each once.
pub fn find(paths: &[PathBuf]) -> Result<Vec<Found>, WorkspaceError> {
    let mut found = Vec::new();
    let mut folders = Vec::new();
    for path in paths {
        let kind = fs::metadata(path).map_err(|source| read_error(path, source))?;
        if kind.is_dir() {
            folders.push(path.clone());
        } else if kind.is_file() {
            found.push(Found { path: path.clone(), named: true });
        } else {
            return Err(read_error(path, io::Error::new(io::ErrorKind::InvalidInput, "neither a file nor a folder")));
        }
    }
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|source| read_error(&folder, source))? {
            let entry = entry.map_err(|source| read_error(&folder, source))?;
            let kind = entry.file_type().map_err(|source| read_error(&entry.path(), source))?;
            let path = entry.path();
            if kind.is_dir() && !entry.file_name().as_encoded_bytes().starts_with(b".") {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|end| end == "yaml" || end == "yml") {
                found.push(Found { path, named: false });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path).then(other.named.cmp(&one.named)));
    found.dedup_by(|later, first| later.path == first.path);
    Ok(found)
}

/// Reads a file, at most one byte more than the limit of a runbook.
pub fn read(found: &Found) -> Result<Content, WorkspaceError> {
    let path = &found.path;
    let shown = path.to_string_lossy();
    let shown = shown.strip_prefix("./").unwrap_or(&shown);
    let fail = |source| read_error(path, source);
    let file = File::open(path).map_err(fail)?;
    let length = file.metadata().map_err(fail)?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(length.min(MAX_FILE)).unwrap_or_default() + 1);
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(fail)?;
    if !found.named && !says_so(&bytes) {
        return Ok(Content::Other);
    }
    if bytes.len() as u64 > MAX_FILE {
        return Ok(Content::Unreadable(Box::new(file_too_large(shown, length.max(bytes.len() as u64)))));
    }
    let (text, problem) = read_text(shown, bytes);
    Ok(problem.map_or(Content::Runbook(text), |problem| Content::Unreadable(Box::new(problem))))
}

/// Whether a line begins with the key that every runbook has.
fn says_so(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"locum:"))
}

fn read_error(path: &Path, source: io::Error) -> WorkspaceError {
    WorkspaceError::Read { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: &[Found], root: &Path) -> Vec<String> {
        found.iter().map(|found| found.path.strip_prefix(root).expect("it lies below").display().to_string()).collect()
    }

    #[test]
    fn runbooks_are_found_below_a_folder_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        for path in ["b.yaml", "a.yml", "c.txt", "deep/er/d.yaml", ".git/e.yaml"] {
            fs::create_dir_all(root.join(path).parent().expect("it has one")).expect("made");
            fs::write(root.join(path), "locum: 1\n").expect("written");
        }
        let found = find(&[root.to_owned(), root.join("b.yaml")]).expect("readable");
        assert_eq!(names(&found, root), ["a.yml", "b.yaml", "deep/er/d.yaml"]);
        assert!(found[1].named, "named and found is named");
    }

    #[cfg(unix)]
    #[test]
    fn links_below_a_folder_are_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let outside = tempfile::tempdir().expect("a folder");
        fs::write(outside.path().join("secret.yaml"), "locum: 1\n").expect("written");
        std::os::unix::fs::symlink(outside.path().join("secret.yaml"), folder.path().join("a.yaml")).expect("linked");
        std::os::unix::fs::symlink(outside.path(), folder.path().join("b")).expect("linked");
        assert_eq!(find(&[folder.path().to_owned()]).expect("readable"), []);
    }

    #[test]
    fn a_list_of_people_is_no_runbook_unless_it_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("people.yaml");
        fs::write(&path, "komari: { zone: Europe/Copenhagen }\n").expect("written");
        let read = |named| read(&Found { path: path.clone(), named }).expect("readable");
        assert!(matches!(read(false), Content::Other));
        assert!(matches!(read(true), Content::Runbook(_)));
    }

    #[test]
    fn a_file_of_100_mb_is_not_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.yaml");
        fs::write(&path, "locum: 1\n").expect("written");
        File::options().write(true).open(&path).and_then(|file| file.set_len(100_000_000)).expect("made long");
        let Content::Unreadable(problem) = read(&Found { path, named: false }).expect("readable") else {
            panic!("it is too large")
        };
        assert_eq!(problem.message, "the file has 100000000 bytes, expected at most 1048576");
    }

    #[test]
    fn what_is_not_there_is_named() {
        let error = find(&[PathBuf::from("no/such/path.yaml")]).expect_err("it is not there");
        assert_eq!(error.to_string(), "cannot read `no/such/path.yaml`");
    }
}
