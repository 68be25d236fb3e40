//! The way back: a scope put back as it was when the copy was taken, and measured to prove it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::copy::outside;
use super::way::Way;
use super::{Copy, Difference, GuardError, Kind, compare, measure};

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
    let mut way = Way::new(copy, strays);
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

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use tempfile::TempDir;

    use super::super::entry::mode_of;
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
    #[ignore = "needs root"]
    fn an_owner_comes_back() {
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
