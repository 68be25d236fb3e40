//! The way back: a scope put back as it was when the copy was taken, and measured to prove it.
//!
//! A file is written beside its place, made durable and then exchanged with what stands there in one act, so a reader
//! sees the old or the new one, never a half. Trouble with one path does not keep the others from being put back.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, Gid, RenameFlags, Stat, Uid, chownat, fchmod, fchown, fstat, fsync, mkdirat, renameat, renameat_with,
    symlinkat, unlinkat,
};
use rustix::io::Errno;

use super::aside::{Aside, Reason, open_up};
use super::copy::outside;
use super::duplicate;
use super::entry::{mode_bits, mode_of};
use super::fault::failed;
use super::path_text::from_text;
use super::place::{Place, names};
use super::{Copy, Difference, Entry, GuardError, Kind, compare, measure};

/// What the way back did, and the proof.
#[derive(Debug)]
pub struct Restored {
    /// Files of the copy.
    pub total: usize,
    /// Files that are as before now; with `total` the "63 of 63 as before".
    pub as_before: usize,
    /// Paths that were not there before; they are kept in the folder of strays under `added`.
    pub moved_aside: Vec<PathBuf>,
    /// Paths that were put back; what stood there is kept in the folder of strays under `replaced`.
    pub restored: Vec<PathBuf>,
    /// What is still not as before, folders included.
    pub still_different: Vec<Difference>,
    /// What could not be done.
    pub trouble: Vec<GuardError>,
}

impl Restored {
    /// Is everything as before?
    pub fn is_whole(&self) -> bool {
        self.still_different.is_empty()
    }
}

/// Puts a scope back; what is in the way goes into `strays`.
///
/// # Errors
/// A copy that does not read back: then nothing is touched. A scope that cannot be measured afterwards.
pub fn restore(copy: &Copy, strays: &Path) -> Result<Restored, GuardError> {
    outside(copy.roots(), strays)?;
    copy.read_back()?;
    let mut way =
        Way { copy, aside: Aside::new(strays), moved: BTreeSet::new(), restored: BTreeSet::new(), trouble: Vec::new() };
    way.go();
    let after = measure(copy.roots())?;
    let still_different = compare(&copy.manifest, &after);
    let total = copy.manifest.len();
    let is_file = |path: &&Path| copy.manifest.entries.get(*path).is_some_and(|entry| entry.kind != Kind::Dir);
    let not_as_before =
        still_different.iter().map(|found| found.path.as_path()).filter(is_file).collect::<BTreeSet<_>>();
    Ok(Restored {
        total,
        as_before: total - not_as_before.len(),
        moved_aside: way.moved.into_iter().collect(),
        restored: way.restored.into_iter().collect(),
        still_different,
        trouble: way.trouble,
    })
}

struct Way<'a> {
    copy: &'a Copy,
    aside: Aside,
    moved: BTreeSet<PathBuf>,
    restored: BTreeSet<PathBuf>,
    trouble: Vec<GuardError>,
}

impl Way<'_> {
    fn go(&mut self) {
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
    use rustix::fs::FileType;
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

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use tempfile::TempDir;

    use super::super::{Measure, Roots, copy};
    use super::*;

    struct Scene {
        folder: TempDir,
        copy: Copy,
        before: Measure,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let pki = folder.path().join("pki");
            fs::create_dir_all(pki.join("etcd")).unwrap();
            for name in ["ca.crt", "ca.key", "server.crt", "etcd/ca.crt", "etcd/ca.key"] {
                fs::write(pki.join(name), format!("the true {name}")).unwrap();
            }
            fs::set_permissions(pki.join("ca.key"), Permissions::from_mode(0o600)).unwrap();
            symlink("server.crt", pki.join("current")).unwrap();
            let roots = Roots::new([pki]).unwrap();
            let before = measure(&roots).unwrap();
            let copy = copy(&roots, &folder.path().join("copy")).unwrap();
            Self { folder, copy, before }
        }

        fn at(&self, name: &str) -> PathBuf {
            self.folder.path().join("pki").join(name)
        }

        fn restore(&self) -> Restored {
            restore(&self.copy, &self.folder.path().join("strays")).unwrap()
        }

        fn kept(&self, sort: &str, name: &str) -> PathBuf {
            let path = self.at(name);
            self.folder.path().join("strays").join(sort).join(path.strip_prefix("/").unwrap())
        }

        /// Everything as before, said and true.
        fn whole(&self, restored: &Restored) {
            assert!(restored.trouble.is_empty(), "{:?}", restored.trouble);
            assert!(restored.is_whole(), "{:?}", restored.still_different);
            assert_eq!((restored.as_before, restored.total), (6, 6));
            assert_eq!(measure(self.copy.roots()).unwrap(), self.before);
        }
    }

    #[test]
    fn a_scope_that_did_not_change_is_left_alone() {
        let scene = Scene::new();
        let restored = scene.restore();
        scene.whole(&restored);
        assert!(restored.restored.is_empty() && restored.moved_aside.is_empty());
    }

    #[test]
    fn replaced_contents_come_back_and_what_replaced_them_is_kept() {
        let scene = Scene::new();
        fs::write(scene.at("ca.key"), "an impostor").unwrap();
        let restored = scene.restore();
        scene.whole(&restored);
        assert_eq!(restored.restored, [scene.at("ca.key")]);
        assert_eq!(fs::read_to_string(scene.kept("replaced", "ca.key")).unwrap(), "an impostor");
    }

    #[test]
    fn a_mode_alone_comes_back() {
        let scene = Scene::new();
        fs::set_permissions(scene.at("ca.key"), Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(scene.at("etcd"), Permissions::from_mode(0o777)).unwrap();
        let restored = scene.restore();
        scene.whole(&restored);
        assert_eq!(restored.restored, [scene.at("ca.key"), scene.at("etcd")]);
    }

    #[test]
    fn an_owner_comes_back() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let scene = Scene::new();
        std::os::unix::fs::chown(scene.at("ca.key"), Some(12), Some(34)).unwrap();
        std::os::unix::fs::lchown(scene.at("current"), Some(12), Some(34)).unwrap();
        scene.whole(&scene.restore());
    }

    #[test]
    fn strays_are_moved_aside_and_never_deleted() {
        let scene = Scene::new();
        fs::write(scene.at("ca.srl"), "01").unwrap();
        fs::create_dir(scene.at("old")).unwrap();
        fs::write(scene.at("old/ca.key"), "precious").unwrap();
        let restored = scene.restore();
        scene.whole(&restored);
        assert_eq!(restored.moved_aside, [scene.at("ca.srl"), scene.at("old")]);
        assert_eq!(fs::read_to_string(scene.kept("added", "old/ca.key")).unwrap(), "precious");
    }

    #[test]
    fn a_file_that_became_a_folder_comes_back() {
        let scene = Scene::new();
        fs::remove_file(scene.at("ca.crt")).unwrap();
        fs::create_dir(scene.at("ca.crt")).unwrap();
        fs::write(scene.at("ca.crt/inside"), "x").unwrap();
        scene.whole(&scene.restore());
        assert_eq!(fs::read_to_string(scene.kept("replaced", "ca.crt/inside")).unwrap(), "x");
    }

    #[test]
    fn a_folder_that_became_a_file_or_vanished_comes_back() {
        let scene = Scene::new();
        fs::remove_dir_all(scene.at("etcd")).unwrap();
        scene.whole(&scene.restore());
        fs::remove_dir_all(scene.at("etcd")).unwrap();
        fs::write(scene.at("etcd"), "a file").unwrap();
        scene.whole(&scene.restore());
        fs::remove_dir_all(scene.at("")).unwrap();
        scene.whole(&scene.restore());
    }

    #[test]
    fn a_link_that_became_a_file_and_a_file_that_became_a_link_come_back() {
        let scene = Scene::new();
        fs::remove_file(scene.at("current")).unwrap();
        fs::write(scene.at("current"), "a file").unwrap();
        let elsewhere = scene.folder.path().join("elsewhere");
        fs::write(&elsewhere, "untouched").unwrap();
        fs::remove_file(scene.at("ca.crt")).unwrap();
        symlink(&elsewhere, scene.at("ca.crt")).unwrap();
        scene.whole(&scene.restore());
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "untouched");
    }

    #[test]
    fn a_folder_swapped_for_a_link_is_not_written_through() {
        let scene = Scene::new();
        let outside = scene.folder.path().join("outside");
        fs::rename(scene.at("etcd"), &outside).unwrap();
        fs::write(outside.join("ca.crt"), "must stay").unwrap();
        symlink(&outside, scene.at("etcd")).unwrap();
        scene.whole(&scene.restore());
        assert_eq!(fs::read_to_string(outside.join("ca.crt")).unwrap(), "must stay");
    }

    #[test]
    fn closed_folders_are_entered_and_closed_again() {
        let folder = tempfile::tempdir().unwrap();
        let pki = folder.path().join("pki");
        fs::create_dir(&pki).unwrap();
        fs::write(pki.join("ca.crt"), "true").unwrap();
        fs::set_permissions(&pki, Permissions::from_mode(0o500)).unwrap();
        let copy = copy(&Roots::new([pki.clone()]).unwrap(), &folder.path().join("copy")).unwrap();
        fs::set_permissions(&pki, Permissions::from_mode(0o700)).unwrap();
        fs::write(pki.join("ca.crt"), "false").unwrap();
        fs::set_permissions(&pki, Permissions::from_mode(0o000)).unwrap();
        let restored = restore(&copy, &folder.path().join("strays")).unwrap();
        assert!(restored.is_whole(), "{restored:?}");
        assert_eq!(fs::metadata(&pki).unwrap().permissions().mode() & 0o777, 0o500);
        fs::set_permissions(&pki, Permissions::from_mode(0o700)).unwrap();
    }

    #[test]
    fn a_root_that_was_missing_goes_again() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("new");
        let copy = copy(&Roots::new([root.clone()]).unwrap(), &folder.path().join("copy")).unwrap();
        fs::write(&root, "made meanwhile").unwrap();
        let restored = restore(&copy, &folder.path().join("strays")).unwrap();
        assert!(restored.is_whole() && !root.exists());
        assert_eq!(restored.moved_aside, [root]);
    }

    #[test]
    fn a_rotten_copy_is_not_put_back() {
        let scene = Scene::new();
        fs::write(scene.at("server.crt"), "new").unwrap();
        fs::write(scene.copy.path_of(&scene.at("server.crt")), "rotten").unwrap();
        let error = restore(&scene.copy, &scene.folder.path().join("strays")).unwrap_err();
        assert!(matches!(error, GuardError::NotReadBack(path) if path == scene.at("server.crt")));
        assert_eq!(fs::read_to_string(scene.at("server.crt")).unwrap(), "new", "nothing was touched");
    }

    #[test]
    fn a_pipe_that_is_gone_is_told_and_not_hidden() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode_of(0o600)).unwrap();
        let copy = copy(&Roots::new([pipe.clone()]).unwrap(), &folder.path().join("copy")).unwrap();
        fs::remove_file(&pipe).unwrap();
        let restored = restore(&copy, &folder.path().join("strays")).unwrap();
        assert_eq!((restored.as_before, restored.total), (0, 1));
        assert_eq!(restored.still_different[0].path, pipe);
    }
}
