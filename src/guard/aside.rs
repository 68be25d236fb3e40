//! Things moved out of the way and kept: nothing that a way back finds is ever deleted.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, chmodat, fchmod, openat, renameat, unlinkat};
use rustix::io::Errno;

use super::GuardError;
use super::copy::private_folders;
use super::duplicate::{Specials, duplicate};
use super::entry::{mode_bits, mode_of};
use super::fault::failed;
use super::place::{Place, names};

/// Why a thing is moved aside; each has a folder of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It was not there when the copy was taken.
    Added,
    /// It stood where something else belongs.
    Replaced,
}

/// The folder for what is moved aside, under the paths it had.
#[derive(Debug)]
pub(super) struct Aside {
    folder: PathBuf,
}

impl Aside {
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Moves what stands at a place away, to be found under `known_as`; across file systems too.
    pub fn take(&self, place: &Place, known_as: &Path, reason: Reason) -> Result<(), GuardError> {
        let to = self.free_place(known_as, reason)?;
        open_up(place)?;
        match renameat(&place.folder, &place.name, &to.folder, &to.name) {
            Ok(()) => {}
            Err(Errno::XDEV) => {
                duplicate(place, &to, Specials::Made)?;
                remove(place)?;
            }
            Err(errno) => return Err(failed("move aside", &place.path)(errno)),
        }
        to.sync_folder()?;
        place.sync_folder()
    }

    /// Keeps a second one of what stands at a place, which stays there.
    pub fn keep(&self, place: &Place, known_as: &Path) -> Result<(), GuardError> {
        duplicate(place, &self.free_place(known_as, Reason::Replaced)?, Specials::LeftOut)
    }

    fn free_place(&self, known_as: &Path, reason: Reason) -> Result<Place, GuardError> {
        let sort = match reason {
            Reason::Added => "added",
            Reason::Replaced => "replaced",
        };
        let first = self.folder.join(sort).join(known_as.strip_prefix("/").unwrap_or(known_as));
        private_folders(first.parent().unwrap_or(&self.folder))?;
        let mut place = Place::of_root(&first)?;
        let mut count = 1;
        while place.stat()?.is_some() {
            count += 1;
            let mut name = first.file_name().map(OsString::from).unwrap_or_default();
            name.push(format!("~{count}"));
            place.path = first.with_file_name(&name);
            place.name = name;
        }
        Ok(place)
    }
}

/// Lets the owner of a folder come in; whoever may not, meets the refusal at the act itself.
pub(super) fn open_up(place: &Place) -> Result<(), GuardError> {
    let Some(stat) = place.stat()? else { return Ok(()) };
    let mode = mode_bits(&stat);
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory || mode & 0o700 == 0o700 {
        return Ok(());
    }
    let wider = mode_of(mode | 0o700);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = openat(&place.folder, &place.name, flags, Mode::empty());
    let result = match opened {
        Ok(folder) => fchmod(folder, wider),
        Err(Errno::ACCESS) => chmodat(&place.folder, &place.name, wider, AtFlags::empty()),
        Err(errno) => Err(errno),
    };
    match result {
        Ok(()) | Err(Errno::PERM) => Ok(()),
        Err(errno) => Err(failed("open up", &place.path)(errno)),
    }
}

/// Removes what was moved to another file system; only after its copy was read back.
fn remove(place: &Place) -> Result<(), GuardError> {
    let Some(stat) = place.stat()? else { return Ok(()) };
    let flags = if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        open_up(place)?;
        let folder = place.open_folder()?;
        for name in names(&folder, &place.path)? {
            remove(&place.child(&folder, &name)?)?;
        }
        AtFlags::REMOVEDIR
    } else {
        AtFlags::empty()
    };
    unlinkat(&place.folder, &place.name, flags).map_err(failed("remove after its move", &place.path))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    #[test]
    fn a_second_stray_of_the_same_name_does_not_cover_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let aside = Aside::new(&folder.path().join("strays"));
        let path = folder.path().join("stray");
        for text in ["first", "second"] {
            fs::write(&path, text).unwrap();
            aside.take(&Place::of_root(&path).unwrap(), Path::new("/pki/stray"), Reason::Added).unwrap();
        }
        let kept = folder.path().join("strays/added/pki");
        assert_eq!(fs::read_to_string(kept.join("stray")).unwrap(), "first");
        assert_eq!(fs::read_to_string(kept.join("stray~2")).unwrap(), "second");
        assert!(!path.exists());
    }

    #[test]
    fn a_second_one_is_kept_and_the_first_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.crt");
        fs::write(&path, "the wrong one").unwrap();
        let aside = Aside::new(&folder.path().join("kept"));
        aside.keep(&Place::of_root(&path).unwrap(), Path::new("/pki/ca.crt")).unwrap();
        for path in [path, folder.path().join("kept/replaced/pki/ca.crt")] {
            assert_eq!(fs::read_to_string(path).unwrap(), "the wrong one");
        }
    }

    #[test]
    fn a_folder_goes_to_another_file_system_whole() {
        let Ok(other) = tempfile::tempdir_in("/dev/shm") else { return };
        let here = tempfile::tempdir().unwrap();
        if fs::metadata(other.path()).unwrap().dev() == fs::metadata(here.path()).unwrap().dev() {
            return;
        }
        let stray = here.path().join("stray");
        fs::create_dir_all(stray.join("in")).unwrap();
        fs::write(stray.join("in/key"), "secret").unwrap();
        fs::set_permissions(stray.join("in/key"), fs::Permissions::from_mode(0o400)).unwrap();
        fs::set_permissions(stray.join("in"), fs::Permissions::from_mode(0o500)).unwrap();
        let place = Place::of_root(&stray).unwrap();
        Aside::new(other.path()).take(&place, Path::new("/stray"), Reason::Added).unwrap();
        let key = other.path().join("added/stray/in/key");
        assert_eq!(fs::read_to_string(&key).unwrap(), "secret");
        assert_eq!(fs::metadata(&key).unwrap().mode() & 0o777, 0o400);
        assert!(!stray.exists());
    }

    #[test]
    fn a_closed_folder_is_opened_to_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let closed = folder.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o005)).unwrap();
        open_up(&Place::of_root(&closed).unwrap()).unwrap();
        assert_eq!(fs::metadata(&closed).unwrap().mode() & 0o777, 0o705);
    }
}
