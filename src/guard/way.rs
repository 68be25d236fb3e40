//! The way back, path by path.
//!
//! A file is written beside its place, made durable and then exchanged with what stands there in one act, so a reader
//! sees the old or the new one, never a half. Trouble with one path does not keep the others from being put back.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, Gid, RenameFlags, Stat, Uid, chownat, fchmod, fchown, fstat, fsync, mkdirat, renameat,
    renameat_with, symlinkat, unlinkat,
};
use rustix::io::Errno;

use super::aside::{Aside, Reason, open_up};
use super::duplicate;
use super::entry::{mode_bits, mode_of};
use super::fault::failed;
use super::path_text::from_text;
use super::place::{Place, names};
use super::{Copy, Entry, GuardError, Kind};

/// A way back that is being gone.
pub(super) struct Way<'a> {
    copy: &'a Copy,
    aside: Aside,
    /// Paths that were not there before.
    pub moved: BTreeSet<PathBuf>,
    /// Paths that were put back.
    pub restored: BTreeSet<PathBuf>,
    /// What could not be done.
    pub trouble: Vec<GuardError>,
}

impl<'a> Way<'a> {
    pub fn new(copy: &'a Copy, strays: &Path) -> Self {
        let (moved, restored) = (BTreeSet::new(), BTreeSet::new());
        Self { copy, aside: Aside::new(strays), moved, restored, trouble: Vec::new() }
    }

    /// Goes it to the end, whatever happens on the way.
    pub fn go(&mut self) {
        for root in &self.copy.manifest.missing {
            let result = self.clear(root);
            self.trouble.extend(result.err());
        }
        for (path, entry) in &self.copy.manifest.entries {
            let result = self.put(path, entry);
            self.trouble.extend(result.err());
        }
        // A folder may forbid its owner to write, so its mode comes when all in it is done.
        for (path, entry) in self.copy.manifest.entries.iter().rev().filter(|(_, entry)| entry.kind == Kind::Dir) {
            let result = self.close(path, entry);
            self.trouble.extend(result.err());
        }
    }

    /// Moves away a root that did not exist.
    fn clear(&mut self, root: &Path) -> Result<(), GuardError> {
        match Place::of_root(root) {
            Ok(place) if place.stat()?.is_some() => self.stray(&place),
            _ => Ok(()),
        }
    }

    fn put(&mut self, path: &Path, entry: &Entry) -> Result<(), GuardError> {
        let place = self.place(path)?;
        let found = place.stat()?;
        match entry.kind {
            Kind::Dir => self.folder(&place, entry, found.as_ref()),
            Kind::File => self.file(&place, entry, found.as_ref()),
            Kind::Link => self.link(&place, entry, found.as_ref()),
            Kind::Other => self.special(&place, entry, found.as_ref()),
        }
    }

    /// The place of a path; the folders above a root are made again if they vanished.
    fn place(&self, path: &Path) -> Result<Place, GuardError> {
        if let Some(above) = self.copy.roots().of(path).filter(|root| *root == path).and_then(Path::parent)
            && !above.exists()
        {
            std::fs::create_dir_all(above).map_err(failed("make the folder", above))?;
        }
        Place::inside(self.copy.roots(), path)
    }

    fn folder(&mut self, place: &Place, entry: &Entry, found: Option<&Stat>) -> Result<(), GuardError> {
        if !found.is_some_and(|stat| is(stat, Kind::Dir)) {
            if found.is_some() {
                self.aside.take(place, &place.path, Reason::Replaced)?;
            }
            mkdirat(&place.folder, &place.name, mode_of(0o700)).map_err(failed("make the folder", &place.path))?;
            place.sync_folder()?;
            self.restored.insert(place.path.clone());
        } else if !found.is_some_and(|stat| same_rights(stat, entry)) {
            self.restored.insert(place.path.clone());
        }
        open_up(place)?;
        let folder = place.open_folder()?;
        for name in names(&folder, &place.path)? {
            let child = place.child(&folder, &name)?;
            if !self.copy.manifest.entries.contains_key(&child.path) {
                self.stray(&child)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, place: &Place, entry: &Entry, found: Option<&Stat>) -> Result<(), GuardError> {
        if let Some(stat) = found.filter(|stat| is(stat, Kind::File))
            && Entry::read(place, stat).is_ok_and(|now| now.sha256 == entry.sha256)
        {
            if same_rights(stat, entry) {
                return Ok(());
            }
            self.set_rights(place.open_file()?, entry, place)?;
            self.restored.insert(place.path.clone());
            return Ok(());
        }
        let beside = beside(place)?;
        let source = Place::of_root(&self.copy.path_of(&place.path))?;
        let written = duplicate::file(&source, &beside)
            .and_then(|()| beside.open_file())
            .and_then(|file| self.set_rights(file, entry, &beside));
        self.exchange(&beside, place, written)
    }

    fn link(&mut self, place: &Place, entry: &Entry, found: Option<&Stat>) -> Result<(), GuardError> {
        if let Some(stat) = found.filter(|stat| is(stat, Kind::Link))
            && Entry::read(place, stat)?.target == entry.target
            && (stat.st_uid, stat.st_gid) == (entry.uid, entry.gid)
        {
            return Ok(());
        }
        let beside = beside(place)?;
        let target = entry.target.as_deref().and_then(from_text).unwrap_or_default();
        symlinkat(&target, &beside.folder, &beside.name).map_err(failed("make the link", &place.path))?;
        let (uid, gid) = (Uid::from_raw(entry.uid), Gid::from_raw(entry.gid));
        let given = match beside.stat()? {
            Some(stat) if (stat.st_uid, stat.st_gid) == (entry.uid, entry.gid) => Ok(()),
            _ => chownat(&beside.folder, &beside.name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW),
        };
        let owned = self.owned(given, place);
        self.exchange(&beside, place, owned)
    }

    /// What stood behind a special file cannot be kept; if it is gone, the proof says so.
    fn special(&mut self, place: &Place, entry: &Entry, found: Option<&Stat>) -> Result<(), GuardError> {
        match found {
            Some(stat) if Entry::read(place, stat)?.target != entry.target => {
                self.aside.take(place, &place.path, Reason::Replaced)
            }
            _ => Ok(()),
        }
    }

    /// Gives a folder its mode and owner back.
    fn close(&mut self, path: &Path, entry: &Entry) -> Result<(), GuardError> {
        let place = self.place(path)?;
        let folder = place.open_folder()?;
        self.set_rights(&folder, entry, &place)?;
        fsync(&folder).map_err(failed("make durable", path))
    }

    fn stray(&mut self, place: &Place) -> Result<(), GuardError> {
        self.aside.take(place, &place.path, Reason::Added)?;
        self.moved.insert(place.path.clone());
        Ok(())
    }

    /// Puts what was made beside a place into it, and what stood there aside; takes it away if it was not made well.
    fn exchange(&mut self, beside: &Place, place: &Place, made: Result<(), GuardError>) -> Result<(), GuardError> {
        match made.and_then(|()| self.swap(beside, place)) {
            Ok(Swapped::IntoNothing) => {}
            // If this fails, the old one stays under its odd name and the proof tells of it.
            Ok(Swapped::WithOld) => self.aside.take(beside, &place.path, Reason::Replaced)?,
            Err(error) => {
                // It holds nothing that the copy does not hold.
                let _ = unlinkat(&beside.folder, &beside.name, AtFlags::empty());
                return Err(error);
            }
        }
        self.restored.insert(place.path.clone());
        Ok(())
    }

    fn swap(&self, beside: &Place, place: &Place) -> Result<Swapped, GuardError> {
        let Some(found) = place.stat()? else { return rename(beside, place) };
        match renameat_with(&beside.folder, &beside.name, &place.folder, &place.name, RenameFlags::EXCHANGE) {
            Ok(()) => place.sync_folder().map(|()| Swapped::WithOld),
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                self.make_way(place, &found)?;
                rename(beside, place)
            }
            Err(errno) => Err(failed("put back", &place.path)(errno)),
        }
    }

    /// Where the file system cannot exchange: a file may be renamed over, a folder must go first.
    fn make_way(&self, place: &Place, found: &Stat) -> Result<(), GuardError> {
        if is(found, Kind::File) || is(found, Kind::Link) {
            self.aside.keep(place, &place.path)
        } else {
            self.aside.take(place, &place.path, Reason::Replaced)
        }
    }

    /// Gives mode and owner back. A refusal of the owner is noted: right contents of a wrong owner are nearer to what
    /// was than wrong contents.
    fn set_rights(&mut self, open: impl AsFd, entry: &Entry, place: &Place) -> Result<(), GuardError> {
        let stat = fstat(&open).map_err(failed("look at", &place.path))?;
        // Owner first: giving a file away takes its set-user-id bit.
        if (stat.st_uid, stat.st_gid) != (entry.uid, entry.gid) {
            self.owned(fchown(&open, Some(Uid::from_raw(entry.uid)), Some(Gid::from_raw(entry.gid))), place)?;
        }
        fchmod(&open, mode_of(entry.mode)).map_err(failed("set the mode of", &place.path))?;
        fsync(&open).map_err(failed("make durable", &place.path))
    }

    fn owned(&mut self, result: rustix::io::Result<()>, place: &Place) -> Result<(), GuardError> {
        match result {
            Ok(()) => Ok(()),
            Err(Errno::PERM) => {
                self.trouble.push(failed("set the owner of", &place.path)(Errno::PERM));
                Ok(())
            }
            Err(errno) => Err(failed("set the owner of", &place.path)(errno)),
        }
    }
}

/// What is under the odd name after a new one was put in place.
enum Swapped {
    IntoNothing,
    WithOld,
}

fn rename(beside: &Place, place: &Place) -> Result<Swapped, GuardError> {
    renameat(&beside.folder, &beside.name, &place.folder, &place.name).map_err(failed("put back", &place.path))?;
    place.sync_folder().map(|()| Swapped::IntoNothing)
}

/// A free name in the same folder.
fn beside(place: &Place) -> Result<Place, GuardError> {
    let folder = place.folder.try_clone().map_err(failed("look at", &place.path))?;
    let mut beside = Place { folder, name: OsString::new(), path: place.path.clone() };
    for count in 0_u32.. {
        beside.name = OsString::from(format!(".locum-{}-{count}", std::process::id()));
        if beside.stat()?.is_none() {
            break;
        }
    }
    Ok(beside)
}

fn is(stat: &Stat, kind: Kind) -> bool {
    let found = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Dir,
        FileType::Symlink => Kind::Link,
        _ => Kind::Other,
    };
    found == kind
}

fn same_rights(stat: &Stat, entry: &Entry) -> bool {
    (mode_bits(stat), stat.st_uid, stat.st_gid) == (entry.mode, entry.uid, entry.gid)
}
