//! The built-in copy of a scope: taken before a change, read back, and complete only if its manifest stands there.
//!
//! ```text
//! <folder>/              0700
//!   manifest.json        written last: roots and measure, modes and owners
//!   tree/etc/...         the scope under its own paths, so that a person can copy it back by hand
//! ```

use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::duplicate::{Specials, duplicate};
use super::fault::failed;
use super::path_text::{from_text, to_text};
use super::place::Place;
use super::{Entry, GuardError, Kind, Measure, Roots, measure};

/// The list of a copy, written last.
pub const MANIFEST: &str = "manifest.json";
const VERSION: u32 = 1;

/// A finished copy.
#[derive(Clone, Debug)]
pub struct Copy {
    /// What the scope was when the copy was taken.
    pub manifest: Measure,
    pub folder: PathBuf,
    roots: Roots,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    version: u32,
    roots: Vec<String>,
    measure: Measure,
}

/// Copies all that is below the roots into `into`, which is made or is empty, and reads it back.
///
/// # Errors
/// What cannot be read or written; a scope that changed meanwhile; a folder that lies inside the scope.
pub fn copy(roots: &Roots, into: &Path) -> Result<Copy, GuardError> {
    outside(roots, into)?;
    empty_folder(into)?;
    let manifest = measure(roots)?;
    let copy = Copy { manifest, folder: into.to_owned(), roots: roots.clone() };
    private_folders(&copy.tree())?;
    for root in roots.outermost().filter(|root| copy.manifest.entries.contains_key(*root)) {
        let to = copy.path_of(root);
        if root.parent().is_none() {
            return Err(GuardError::NoCopy { folder: into.to_owned(), reason: "a whole system is no scope".into() });
        }
        private_folders(to.parent().unwrap_or(&to))?;
        duplicate(&Place::of_root(root)?, &Place::of_root(&to)?, Specials::LeftOut)?;
    }
    copy.read_back()?;
    copy.finish()?;
    Ok(copy)
}

impl Copy {
    /// Opens a copy that was finished; its files are read back by [`super::restore`], not here.
    pub fn open(folder: &Path) -> Result<Self, GuardError> {
        let none = |reason: String| GuardError::NoCopy { folder: folder.to_owned(), reason };
        let text = fs::read_to_string(folder.join(MANIFEST)).map_err(|error| none(format!("its list: {error}")))?;
        let manifest: Manifest = serde_json::from_str(&text).map_err(|error| none(format!("its list: {error}")))?;
        if manifest.version != VERSION {
            return Err(none(format!("it has version {}, expected {VERSION}", manifest.version)));
        }
        let roots = Roots::new(paths_of(&manifest.roots, folder)?)?;
        Ok(Self { manifest: manifest.measure, folder: folder.to_owned(), roots })
    }

    /// The roots it was taken of.
    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// How many files it holds and that all of them read as they were: "63 of 63 read back".
    pub fn read_back(&self) -> Result<usize, GuardError> {
        let tree = self.tree();
        let copied = measure(&Roots::new([tree.clone()])?)?;
        let mut read = 0;
        for (path, entry) in &self.manifest.entries {
            let found = copied.entries.get(&self.path_of(path));
            if !holds(entry, found) {
                return Err(GuardError::NotReadBack(path.clone()));
            }
            read += usize::from(entry.kind != Kind::Dir);
        }
        let way_down = |path: &Path| self.roots.all().iter().any(|root| root.starts_with(path));
        for found in copied.entries.keys() {
            let path = Path::new("/").join(found.strip_prefix(&tree).expect("below the tree"));
            if !self.manifest.entries.contains_key(&path) && !way_down(&path) {
                return Err(GuardError::Moving(path));
            }
        }
        Ok(read)
    }

    /// Where a path of the scope is kept in the copy.
    pub fn path_of(&self, path: &Path) -> PathBuf {
        self.tree().join(path.strip_prefix("/").unwrap_or(path))
    }

    fn tree(&self) -> PathBuf {
        self.folder.join("tree")
    }

    fn finish(&self) -> Result<(), GuardError> {
        let roots = self.roots.all().iter().map(|root| to_text(root)).collect();
        let manifest = Manifest { version: VERSION, roots, measure: self.manifest.clone() };
        let text = serde_json::to_vec_pretty(&manifest).expect("texts and numbers have a JSON form");
        let (unfinished, path) = (self.folder.join("manifest.new"), self.folder.join(MANIFEST));
        let mut file = File::create_new(&unfinished).map_err(failed("make", &unfinished))?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed("write", &unfinished))?;
        fs::rename(&unfinished, &path).map_err(failed("write", &path))?;
        let sync =
            |path: &Path| File::open(path).and_then(|file| file.sync_all()).map_err(failed("make durable", path));
        sync(&self.folder)?;
        self.folder.parent().map_or(Ok(()), sync)
    }
}

/// Roots as a manifest writes them.
pub(super) fn paths_of(texts: &[String], folder: &Path) -> Result<Vec<PathBuf>, GuardError> {
    let path = |text: &String| {
        let none = || GuardError::NoCopy { folder: folder.to_owned(), reason: format!("`{text}`") };
        from_text(text).ok_or_else(none)
    };
    texts.iter().map(path).collect()
}

/// Does the copy of an entry hold what can be put back? Modes and owners are put back from the manifest.
pub(super) fn holds(entry: &Entry, found: Option<&Entry>) -> bool {
    match (entry.kind, found) {
        (Kind::Other, None) => true,
        (_, None) => false,
        (_, Some(found)) => {
            (entry.kind, &entry.sha256, entry.size, &entry.target)
                == (found.kind, &found.sha256, found.size, &found.target)
        }
    }
}

/// Refuses a folder inside the scope: a copy of itself has no end, and it would be a change of the scope.
pub(super) fn outside(roots: &Roots, folder: &Path) -> Result<(), GuardError> {
    let existing = folder.ancestors().find_map(|part| fs::canonicalize(part).ok());
    let real = existing.unwrap_or_else(|| folder.to_owned());
    let inside =
        |root: &PathBuf| folder.starts_with(root) || fs::canonicalize(root).is_ok_and(|root| real.starts_with(root));
    if roots.all().iter().any(inside) {
        let reason = "it lies inside `scope.files`".to_owned();
        return Err(GuardError::NoCopy { folder: folder.to_owned(), reason });
    }
    Ok(())
}

/// Makes folders for their owner alone.
pub(super) fn private_folders(path: &Path) -> Result<(), GuardError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("make the folder", path))
}

fn empty_folder(path: &Path) -> Result<(), GuardError> {
    private_folders(path)?;
    if fs::read_dir(path).map_err(failed("list", path))?.next().is_some() {
        let reason = "it is not empty".to_owned();
        return Err(GuardError::NoCopy { folder: path.to_owned(), reason });
    }
    let folder = File::open(path).map_err(failed("open the folder", path))?;
    rustix::fs::fchmod(&folder, rustix::fs::Mode::RWXU).map_err(failed("set the mode of", path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use tempfile::TempDir;

    use super::*;

    fn scope() -> (TempDir, Roots) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("pki");
        fs::create_dir_all(root.join("etcd")).unwrap();
        fs::write(root.join("ca.key"), "secret").unwrap();
        fs::set_permissions(root.join("ca.key"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(root.join("etcd/ca.crt"), vec![7; 200_000]).unwrap();
        symlink("ca.key", root.join("current")).unwrap();
        let roots = Roots::new([root]).unwrap();
        (folder, roots)
    }

    #[test]
    fn a_copy_holds_every_file_under_its_own_path_and_says_how_many() {
        let (folder, roots) = scope();
        let copy = copy(&roots, &folder.path().join("copy")).unwrap();
        assert_eq!(copy.read_back().unwrap(), 3);
        let key = copy.path_of(&folder.path().join("pki/ca.key"));
        assert_eq!(fs::read(&key).unwrap(), b"secret");
        assert_eq!(fs::metadata(&key).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_link(key.with_file_name("current")).unwrap(), Path::new("ca.key"));
        assert_eq!(fs::metadata(&copy.folder).unwrap().mode() & 0o7777, 0o700);
    }

    #[test]
    fn a_copy_is_opened_again_as_it_was() {
        let (folder, roots) = scope();
        let copy = copy(&roots, &folder.path().join("copy")).unwrap();
        let again = Copy::open(&copy.folder).unwrap();
        assert_eq!((again.manifest, again.roots), (copy.manifest, copy.roots));
    }

    #[test]
    fn a_copy_that_was_never_finished_is_no_copy() {
        let (folder, roots) = scope();
        let copy = copy(&roots, &folder.path().join("copy")).unwrap();
        fs::remove_file(copy.folder.join(MANIFEST)).unwrap();
        assert!(matches!(Copy::open(&copy.folder), Err(GuardError::NoCopy { .. })));
    }

    #[test]
    fn damage_to_the_copy_is_seen_and_named() {
        let (folder, roots) = scope();
        let copy = copy(&roots, &folder.path().join("copy")).unwrap();
        let key = folder.path().join("pki/ca.key");
        fs::write(copy.path_of(&key), "Secret").unwrap();
        assert!(matches!(copy.read_back(), Err(GuardError::NotReadBack(path)) if path == key));
        fs::remove_file(copy.path_of(&key)).unwrap();
        assert!(matches!(copy.read_back(), Err(GuardError::NotReadBack(path)) if path == key));
        fs::write(copy.path_of(&key), "secret").unwrap();
        fs::write(copy.path_of(&key.with_file_name("planted")), "").unwrap();
        assert!(copy.read_back().is_err());
    }

    #[test]
    fn a_copy_inside_the_scope_or_over_something_is_refused() {
        let (folder, roots) = scope();
        let inside = folder.path().join("pki/copy");
        assert!(copy(&roots, &inside).is_err());
        assert!(!inside.exists());
        symlink("pki", folder.path().join("alias")).unwrap();
        assert!(copy(&roots, &folder.path().join("alias/copy")).is_err());
        assert!(copy(&roots, folder.path()).is_err(), "not empty");
    }

    #[test]
    fn a_pipe_in_the_scope_is_remembered_and_left_out() {
        let (folder, roots) = scope();
        let pipe = folder.path().join("pki/pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
        let copy = copy(&roots, &folder.path().join("copy")).unwrap();
        assert!(copy.manifest.entries.contains_key(&pipe));
        assert!(!copy.path_of(&pipe).exists());
    }

    #[test]
    fn a_scope_that_does_not_exist_is_copied_as_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new([folder.path().join("gone")]).unwrap();
        let copy = copy(&roots, &folder.path().join("copy")).unwrap();
        assert_eq!((copy.manifest.len(), copy.manifest.missing.len()), (0, 1));
    }
}
