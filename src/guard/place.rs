//! A name in a directory that is held open, so that a folder swapped for a link on the way is noticed, not followed.

use std::ffi::{CString, OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, Stat, fsync, openat, readlinkat, statat};
use rustix::io::Errno;

use super::fault::failed;
use super::{GuardError, Roots};

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Where something stands: the open directory, its name there, and the path to show.
#[derive(Debug)]
pub(super) struct Place {
    pub folder: OwnedFd,
    pub name: OsString,
    pub path: PathBuf,
}

impl Place {
    /// The place of a root; links on the way to it are followed, the root itself never is.
    pub fn of_root(root: &Path) -> Result<Self, GuardError> {
        let (above, name) = match (root.parent(), root.file_name()) {
            (Some(above), Some(name)) => (above, name.to_owned()),
            _ => (root, OsString::from(".")),
        };
        let folder =
            openat(rustix::fs::CWD, above, FOLDER, Mode::empty()).map_err(failed("open the folder of", root))?;
        Ok(Self { folder, name, path: root.to_owned() })
    }

    /// The place of a path inside one of the roots, reached without following a link below the root's own folder.
    pub fn inside(roots: &Roots, path: &Path) -> Result<Self, GuardError> {
        let root = roots.of(path).ok_or_else(|| GuardError::Root(path.to_owned()))?;
        let mut place = Self::of_root(root)?;
        for part in path.strip_prefix(root).expect("`of` gives a prefix") {
            let folder = place.open_folder()?;
            let path = place.path.join(part);
            place = Self { folder, name: part.to_owned(), path };
        }
        Ok(place)
    }

    /// A name in the folder that this place is.
    pub fn child(&self, folder: &OwnedFd, name: &OsStr) -> Result<Self, GuardError> {
        let path = self.path.join(name);
        let folder = folder.try_clone().map_err(failed("look at", &path))?;
        Ok(Self { folder, name: name.to_owned(), path })
    }

    /// What stands here, a link being a link; none if nothing does.
    pub fn stat(&self) -> Result<Option<Stat>, GuardError> {
        match statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(failed("look at", &self.path)(errno)),
        }
    }

    /// Opens the folder that stands here; a link is an error.
    pub fn open_folder(&self) -> Result<OwnedFd, GuardError> {
        openat(&self.folder, &self.name, FOLDER | OFlags::NOFOLLOW, Mode::empty())
            .map_err(failed("open the folder", &self.path))
    }

    /// Opens the file that stands here for reading; never waits for the other end of a pipe.
    pub fn open_file(&self) -> Result<OwnedFd, GuardError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        openat(&self.folder, &self.name, flags, Mode::empty()).map_err(failed("read", &self.path))
    }

    /// Makes a new file here, readable by its owner only; anything that stands here already is an error.
    pub fn create_file(&self) -> Result<OwnedFd, GuardError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(&self.folder, &self.name, flags, Mode::RUSR | Mode::WUSR).map_err(failed("make", &self.path))
    }

    /// Where the link that stands here leads, in its own bytes.
    pub fn read_link(&self) -> Result<CString, GuardError> {
        readlinkat(&self.folder, &self.name, Vec::new()).map_err(failed("read the link", &self.path))
    }

    /// Makes the names in this place's folder durable.
    pub fn sync_folder(&self) -> Result<(), GuardError> {
        fsync(&self.folder).map_err(failed("make durable the folder of", &self.path))
    }
}

/// The names in an open folder, sorted, without `.` and `..`.
pub(super) fn names(folder: &OwnedFd, path: &Path) -> Result<Vec<OsString>, GuardError> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder.as_fd()).map_err(failed("list", path))? {
        let entry = entry.map_err(failed("list", path))?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name.to_vec()));
        }
    }
    names.sort();
    Ok(names)
}

/// A link's target as a path.
pub(super) fn target(link: &CString) -> &Path {
    Path::new(OsStr::from_bytes(link.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    use rustix::fs::{CWD, FileType, mknodat};
    use tempfile::TempDir;

    use super::*;

    fn scratch() -> (TempDir, impl Fn(&str) -> Place) {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().to_owned();
        (scratch, move |name| Place::of_root(&root.join(name)).unwrap())
    }

    #[test]
    fn no_link_is_opened_in_place_of_what_it_names() {
        let (scratch, at) = scratch();
        fs::create_dir(scratch.path().join("pki")).unwrap();
        fs::write(scratch.path().join("ca.crt"), "x").unwrap();
        symlink("pki", scratch.path().join("to-pki")).unwrap();
        symlink("ca.crt", scratch.path().join("to-ca")).unwrap();
        symlink("nothing", scratch.path().join("to-nothing")).unwrap();
        assert!(at("pki").open_folder().is_ok() && at("to-pki").open_folder().is_err());
        assert!(at("ca.crt").open_file().is_ok() && at("to-ca").open_file().is_err());
        assert!(at("ca.crt").open_folder().is_err(), "a file is no folder");
        assert!(at("to-nothing").create_file().is_err(), "a file behind a link");
        assert!(!scratch.path().join("nothing").exists());
        assert_eq!(at("to-pki").read_link().unwrap().as_bytes(), b"pki");
        assert!(at("to-nothing").stat().unwrap().is_some() && at("nothing").stat().unwrap().is_none());
    }

    #[test]
    fn what_stands_there_is_never_written_over_and_what_is_new_is_private() {
        let (scratch, at) = scratch();
        fs::write(scratch.path().join("ca.key"), "the only one").unwrap();
        assert!(at("ca.key").create_file().is_err());
        let new = fs::File::from(at("new").create_file().unwrap());
        assert_eq!(new.metadata().unwrap().mode() & 0o777, 0o600);
        assert!(std::io::Write::write_all(&mut &new, b"x").is_ok());
        assert_eq!(fs::read(scratch.path().join("ca.key")).unwrap(), b"the only one");
    }

    #[test]
    fn a_pipe_that_nobody_writes_to_does_not_hold_us_up() {
        let (scratch, at) = scratch();
        mknodat(CWD, scratch.path().join("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert!(at("pipe").open_file().is_ok());
    }

    #[test]
    fn the_names_of_a_folder_are_sorted_and_its_own() {
        let (scratch, _) = scratch();
        for name in ["b", ".hidden", "a"] {
            fs::write(scratch.path().join(name), "").unwrap();
        }
        let root = Place::of_root(scratch.path()).unwrap();
        assert_eq!(names(&root.open_folder().unwrap(), scratch.path()).unwrap(), [".hidden", "a", "b"]);
        let place = Place::of_root(Path::new("/")).unwrap();
        assert!(place.open_folder().is_ok() && place.stat().unwrap().is_some(), "the root has no folder above it");
    }
}
