//! The copy of a scope over there: it lies beside what it copies, on its own machine, and is proved from here.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::look::measure_there;
use super::words::{Frames, HEAD, cut, octal};
use super::{Ask, there};
use crate::guard::copy::{holds, paths_of};
use crate::guard::path_text::to_text;
use crate::guard::{GuardError, Kind, Measure, Progress, Roots};

/// A finished copy over there, as it is kept here: with what the scope was, so that nobody over there can rewrite it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyThere {
    /// What the scope was when the copy was taken.
    pub manifest: Measure,
    folder: String,
    roots: Vec<String>,
}

/// Copies all that is below the roots into a private folder of the account there, and reads it back. `name` is a path
/// of plain letters that no other copy has.
///
/// # Errors
/// What cannot be read or written; a scope that changed meanwhile; a folder that lies inside the scope.
pub fn copy_there(roots: &Roots, name: &str, ask: &Ask) -> Result<CopyThere, GuardError> {
    if roots.all().iter().any(|root| root.parent().is_none()) {
        return Err(there("a whole system is no scope"));
    }
    let manifest = measure_there(roots, &Progress::default(), ask)?;
    let folder = make_folder(roots, name, ask)?;
    let mut script = format!("{HEAD}need cp mkdir sync\nname {}; d=$p\n", octal(&folder));
    for root in roots.outermost().filter(|root| manifest.entries.contains_key(*root)) {
        let above = root.parent().unwrap_or(root);
        let _ = writeln!(
            script,
            "name {}; a=$p; name {}; mkdir -p -- \"$d/tree$a\" && cp -a -- \"$p\" \"$d/tree$a/\" || fault \"$p cannot be copied\"",
            octal(above),
            octal(root),
        );
    }
    script.push_str("sync\nprintf 'Z\\0'\n");
    let answer = ask(&script).map_err(there)?;
    let (b'Z', "") = Frames::of(&answer).next()? else { return Err(cut()) };
    let roots = roots.all().iter().map(|root| to_text(root)).collect();
    let copy = CopyThere { manifest, folder: to_text(&folder), roots };
    copy.read_back(ask)?;
    Ok(copy)
}

/// A new private folder, outside of everything that is copied.
fn make_folder(roots: &Roots, name: &str, ask: &Ask) -> Result<PathBuf, GuardError> {
    let quoted = crate::text::shell::single_quote(name);
    let mut script = format!(
        "{HEAD}case $HOME in /*) ;; *) fault 'the account there has no home' ;; esac\n\
         d=$HOME/.local/state/locum/copies/{quoted}\n\
         mkdir -p -- \"${{d%/*}}\" && mkdir -- \"$d\" && chmod 700 -- \"$d\" || fault \"no folder for a copy can be made at $d\"\n\
         r=$(cd -P -- \"$d\" && pwd -P && printf .) || fault 'the folder for a copy cannot be entered'; r=${{r%.}}; r=${{r%?}}\n"
    );
    for root in roots.all() {
        let _ = write!(
            script,
            "name {}; case $r/ in \"$p\"/*) fault 'the folder for a copy lies inside of what is copied' ;; esac\n\
             q=$(cd -P -- \"$p\" 2>/dev/null && pwd -P && printf .) && {{ q=${{q%.}}; q=${{q%?}}; case $r/ in \"$q\"/*) fault 'the folder for a copy lies inside of what is copied' ;; esac; }}\n",
            octal(root)
        );
    }
    script.push_str(
        "mkdir -- \"$r/tree\" || fault 'the folder for a copy cannot be filled'\nprintf 'D\\0%s\\0' \"$r\"\n",
    );
    let answer = ask(&script).map_err(there)?;
    let mut frames = Frames::of(&answer);
    let (b'D', "") = frames.next()? else { return Err(cut()) };
    let folder = super::read::path(frames.text()?)?;
    Ok(folder)
}

impl CopyThere {
    /// Where it lies over there.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// The roots it was taken of.
    pub fn roots(&self) -> Result<Roots, GuardError> {
        Roots::new(paths_of(&self.roots, Path::new(&self.folder))?)
    }

    /// How many files it holds, and that all of them read over there as they were.
    pub fn read_back(&self, ask: &Ask) -> Result<usize, GuardError> {
        let tree = self.tree()?;
        let copied = measure_there(&Roots::new([tree.clone()])?, &Progress::default(), ask)?;
        let mut read = 0;
        for (path, entry) in &self.manifest.entries {
            if !holds(entry, copied.entries.get(&Self::path_of(&tree, path))) {
                return Err(GuardError::NotReadBack(path.clone()));
            }
            read += usize::from(entry.kind != Kind::Dir);
        }
        let roots = self.roots()?;
        for found in copied.entries.keys() {
            let path = Path::new("/").join(found.strip_prefix(&tree).map_err(|_| cut())?);
            let way_down = roots.all().iter().any(|root| root.starts_with(&path));
            if !self.manifest.entries.contains_key(&path) && !way_down {
                return Err(GuardError::Moving(path));
            }
        }
        Ok(read)
    }

    pub(super) fn tree(&self) -> Result<PathBuf, GuardError> {
        Ok(self.base()?.join("tree"))
    }

    /// The folder as a path.
    pub(super) fn base(&self) -> Result<PathBuf, GuardError> {
        crate::guard::path_text::from_text(&self.folder).ok_or_else(cut)
    }

    pub(super) fn path_of(tree: &Path, path: &Path) -> PathBuf {
        tree.join(path.strip_prefix("/").unwrap_or(path))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::super::testing::ask_in;
    use super::*;

    #[test]
    fn a_copy_over_there_is_private_and_read_back_from_here() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("p k'i\n");
        fs::create_dir_all(root.join("etcd")).unwrap();
        fs::write(root.join("ca.key"), "secret").unwrap();
        fs::set_permissions(root.join("ca.key"), fs::Permissions::from_mode(0o600)).unwrap();
        symlink("ca.key", root.join("current")).unwrap();
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        let ask = ask_in(&home);
        let roots = Roots::new([root.clone(), folder.path().join("none")]).unwrap();
        let copy = copy_there(&roots, "7f3a-k2/1-4-ab", &ask).unwrap();
        assert_eq!(copy.read_back(&ask).unwrap(), 2);
        let at = home.join(".local/state/locum/copies/7f3a-k2/1-4-ab");
        assert_eq!(fs::metadata(&at).unwrap().permissions().mode() & 0o7777, 0o700);
        let kept = at.join("tree").join(root.strip_prefix("/").unwrap()).join("ca.key");
        assert_eq!(fs::read_to_string(&kept).unwrap(), "secret");
        let json = serde_json::to_string(&copy).unwrap();
        let again: CopyThere = serde_json::from_str(&json).unwrap();
        fs::write(&kept, "rotten").unwrap();
        let error = again.read_back(&ask).unwrap_err();
        assert!(matches!(error, GuardError::NotReadBack(path) if path == root.join("ca.key")));
        assert!(copy_there(&roots, "7f3a-k2/1-4-ab", &ask).is_err(), "never into a folder that is there");
    }

    #[test]
    fn a_copy_is_never_made_inside_of_what_it_copies() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        symlink(&home, folder.path().join("link")).unwrap();
        for root in [home.clone(), folder.path().join("link/.local")] {
            let said = copy_there(&Roots::new([root.clone()]).unwrap(), "a", &ask_in(&home)).unwrap_err();
            assert!(said.to_string().contains("lies inside"), "{root:?}: {said}");
            fs::remove_dir_all(home.join(".local")).unwrap();
        }
        assert!(copy_there(&Roots::new([PathBuf::from("/")]).unwrap(), "b", &ask_in(&home)).is_err());
    }
}
