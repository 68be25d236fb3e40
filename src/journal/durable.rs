//! Files and folders that are the owner's alone and survive a power cut.
//!
//! The modes are exact whatever the umask is: an output that others may read is a leak, and one that the owner
//! may not read is a loss.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use super::JournalError;

/// Makes one folder, 0700. An existing one is the error `AlreadyExists`.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o700))
}

/// Makes a folder and those above it that are missing, each 0700 and durable in its parent.
pub(super) fn make_folders(path: &Path) -> Result<(), JournalError> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if parent != path {
        make_folders(parent)?;
    }
    match make_folder(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(JournalError::io("make folder", path)(error)),
        Ok(()) => sync_folder(parent),
    }
}

/// Makes a file that was not there before, 0600, open for reading and for appending.
pub(super) fn make_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Opens a plain file for reading. A link, a pipe or a device is refused, since reading one could go elsewhere
/// or never end.
pub(super) fn open_plain(path: &Path) -> io::Result<File> {
    plain(OpenOptions::new().read(true), path)
}

/// Opens a plain file that exists, for reading and writing in place.
pub(super) fn open_plain_in_place(path: &Path) -> io::Result<File> {
    plain(OpenOptions::new().read(true).write(true), path)
}

/// Opens a plain file that exists, for reading and appending.
pub(super) fn open_plain_to_append(path: &Path) -> io::Result<File> {
    plain(OpenOptions::new().read(true).append(true), path)
}

fn plain(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let file = options.custom_flags(flags.cast_signed()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a plain file")) }
}

/// Makes the entries of a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), JournalError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(JournalError::io("sync folder", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn folders_are_made_with_their_parents_and_for_the_owner_alone() {
        let scratch = tempfile::tempdir().unwrap();
        let deep = scratch.path().join("a/b/c");
        make_folders(&deep).unwrap();
        make_folders(&deep).unwrap();
        for path in ["a", "a/b", "a/b/c"] {
            assert_eq!(mode(&scratch.path().join(path)), 0o700, "{path}");
        }
    }

    #[test]
    fn a_file_is_the_owners_alone_and_made_once() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("a");
        make_file(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(make_file(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_folder_where_a_file_stands_is_an_error() {
        let scratch = tempfile::tempdir().unwrap();
        make_file(&scratch.path().join("a")).unwrap();
        assert!(make_folders(&scratch.path().join("a/b")).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn links_folders_and_pipes_are_not_opened() {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        make_file(&at("file")).unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(open_plain(&at("file")).is_ok());
        assert!(open_plain(&at("link")).is_err());
        assert!(open_plain(&at("pipe")).is_err());
        assert!(open_plain(scratch.path()).is_err());
    }
}
