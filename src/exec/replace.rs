//! Replaces a file by a new content, whole or not at all: its mode and owner are kept, and what somebody else wrote
//! there meanwhile is not overwritten.
//!
//! It runs as a command of its own under a supervisor, like any change. Access lists and extended attributes are not
//! carried over; a file with a second name is refused, since that name would keep the old content.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::text::sha256;

/// The hidden first argument of the process that replaces a file.
pub const REPLACE: &str = "__replace";

/// The largest file that is edited, in bytes.
const LARGEST: u64 = 4 << 20;

/// A file that is not edited, and why.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    #[error("`{path}` is not a plain file; name the file itself, not a link to it")]
    Kind { path: PathBuf },
    #[error("`{path}` has a second name (a hard link), which would keep the old content")]
    Linked { path: PathBuf },
    #[error("`{path}` is larger than {LARGEST} bytes")]
    TooLarge { path: PathBuf },
    #[error("`{path}` was changed by somebody else meanwhile; nothing was replaced")]
    Changed { path: PathBuf },
    #[error("`{path}` is not what was confirmed; nothing was replaced")]
    NotConfirmed { path: PathBuf },
    #[error("cannot read `{path}`: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot replace `{path}`: {source}")]
    Replace { path: PathBuf, source: io::Error },
}

/// The content of a file that can be edited.
pub fn contents(path: &Path) -> Result<Vec<u8>, Unfit> {
    let fail = |source| Unfit::Read { path: path.to_owned(), source };
    let found = fs::symlink_metadata(path).map_err(fail)?;
    if !found.is_file() {
        return Err(Unfit::Kind { path: path.to_owned() });
    }
    let nofollow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(nofollow).open(path).map_err(fail)?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > LARGEST {
        return Err(Unfit::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

/// The hidden subcommand: the file, the new content, and the digests of both as they were confirmed.
pub(super) fn replace_main(words: impl Iterator<Item = OsString>) -> ExitCode {
    let words: Vec<_> = words.collect();
    let [path, new, before, after] = words.as_slice() else {
        eprintln!("expected a file, its new content, and two digests");
        return ExitCode::FAILURE;
    };
    let digests = (before.to_string_lossy(), after.to_string_lossy());
    match replace(Path::new(path), Path::new(new), (&digests.0, &digests.1)) {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(unfit) => {
            eprintln!("{unfit}");
            ExitCode::FAILURE
        }
    }
}

fn replace(path: &Path, new: &Path, (before, after): (&str, &str)) -> Result<String, Unfit> {
    let fail = |source| Unfit::Replace { path: path.to_owned(), source };
    let content = contents(new)?;
    if sha256(&content) != after {
        return Err(Unfit::NotConfirmed { path: new.to_owned() });
    }
    let now = sha256(&contents(path)?);
    let shown = path.display();
    if now == after {
        return Ok(format!("`{shown}` has the new content already"));
    }
    if now != before {
        return Err(Unfit::Changed { path: path.to_owned() });
    }
    let old = fs::symlink_metadata(path).map_err(fail)?;
    if old.nlink() > 1 {
        return Err(Unfit::Linked { path: path.to_owned() });
    }
    let beside = beside(path);
    let written = write_beside(&beside, &content, &old).and_then(|()| {
        // The last look before the names change.
        let last = fs::symlink_metadata(path)?;
        let same = (last.ino(), last.mtime(), last.mtime_nsec(), last.ctime(), last.ctime_nsec())
            == (old.ino(), old.mtime(), old.mtime_nsec(), old.ctime(), old.ctime_nsec());
        if same { fs::rename(&beside, path).map(|()| true) } else { Ok(false) }
    });
    if !matches!(written, Ok(true)) {
        let _ = fs::remove_file(&beside);
    }
    match written {
        Ok(true) => sync_folder(path).map_err(fail)?,
        Ok(false) => return Err(Unfit::Changed { path: path.to_owned() }),
        Err(source) => return Err(fail(source)),
    }
    Ok(format!("replaced `{shown}`, {} bytes", content.len()))
}

/// A name in the same folder, so that the change of names is one step.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.locum-{}", std::process::id()))
}

/// Owner first: a change of owner can take bits off the mode.
fn write_beside(beside: &Path, content: &[u8], old: &fs::Metadata) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside)?;
    file.write_all(content)?;
    let made = file.metadata()?;
    if (made.uid(), made.gid()) != (old.uid(), old.gid()) {
        std::os::unix::fs::fchown(&file, Some(old.uid()), Some(old.gid()))?;
    }
    file.set_permissions(fs::Permissions::from_mode(old.mode() & 0o7777))?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file `conf` with its new content beside it.
    fn room() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (path, new) = (folder.path().join("conf"), folder.path().join("new"));
        fs::write(&path, "old\n").unwrap();
        fs::write(&new, "new\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        (folder, path, new)
    }

    fn go(path: &Path, new: &Path) -> Result<String, Unfit> {
        replace(path, new, (&sha256(b"old\n"), &sha256(b"new\n")))
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_new_content_comes_with_the_old_mode_and_nothing_is_left_beside() {
        let (folder, path, new) = room();
        assert!(go(&path, &new).unwrap().ends_with(", 4 bytes"));
        assert_eq!(fs::read(&path).unwrap(), b"new\n");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
        assert_eq!(names(folder.path()), ["conf", "new"]);
    }

    #[test]
    fn twice_is_once() {
        let (_folder, path, new) = room();
        go(&path, &new).unwrap();
        assert!(go(&path, &new).unwrap().contains("already"));
    }

    #[test]
    fn what_somebody_else_wrote_is_not_overwritten() {
        let (folder, path, new) = room();
        fs::write(&path, "other\n").unwrap();
        assert!(matches!(go(&path, &new), Err(Unfit::Changed { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"other\n");
        assert_eq!(names(folder.path()), ["conf", "new"]);
    }

    #[test]
    fn only_what_was_confirmed_replaces_it() {
        let (_folder, path, new) = room();
        fs::write(&new, "evil\n").unwrap();
        assert!(matches!(go(&path, &new), Err(Unfit::NotConfirmed { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"old\n");
    }

    #[test]
    fn links_of_both_kinds_are_refused() {
        let (folder, path, new) = room();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(go(&link, &new), Err(Unfit::Kind { .. })));
        fs::hard_link(&path, folder.path().join("second")).unwrap();
        assert!(matches!(go(&path, &new), Err(Unfit::Linked { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"old\n");
    }

    #[test]
    fn a_large_file_is_not_edited() {
        let (_folder, path, _new) = room();
        File::options().write(true).open(&path).unwrap().set_len(LARGEST + 1).unwrap();
        assert!(matches!(contents(&path), Err(Unfit::TooLarge { .. })));
    }
}
