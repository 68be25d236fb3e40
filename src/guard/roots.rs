//! The entries of `scope.files`: where measuring starts.

use std::path::{Component, Path, PathBuf};

use super::GuardError;

/// Absolute places, without `.` and `..`, sorted, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots(Vec<PathBuf>);

impl Roots {
    /// Takes paths in which `~` is expanded already.
    pub fn new(paths: impl IntoIterator<Item = PathBuf>) -> Result<Self, GuardError> {
        let mut roots = paths.into_iter().map(normal).collect::<Result<Vec<_>, _>>()?;
        roots.sort();
        roots.dedup();
        Ok(Self(roots))
    }

    /// All entries.
    pub fn all(&self) -> &[PathBuf] {
        &self.0
    }

    /// Those that no other entry contains by name.
    pub fn outermost(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(PathBuf::as_path).filter(|root| !self.contains(root))
    }

    /// Those that another entry contains by name.
    pub fn inner(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(PathBuf::as_path).filter(|root| self.contains(root))
    }

    /// The outermost entry that a path belongs to.
    pub fn of(&self, path: &Path) -> Option<&Path> {
        self.outermost().find(|root| path.starts_with(root))
    }

    fn contains(&self, path: &Path) -> bool {
        self.0.iter().any(|other| other != path && path.starts_with(other))
    }
}

fn normal(path: PathBuf) -> Result<PathBuf, GuardError> {
    let goes_up = path.components().any(|part| part == Component::ParentDir);
    if !path.is_absolute() || goes_up {
        return Err(GuardError::Root(path));
    }
    Ok(path.components().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots(paths: &[&str]) -> Result<Roots, GuardError> {
        Roots::new(paths.iter().map(PathBuf::from))
    }

    #[test]
    fn a_root_is_absolute_and_never_goes_up() {
        for bad in ["etc", "", "~/pki", "/etc/../root"] {
            assert!(matches!(roots(&[bad]), Err(GuardError::Root(_))), "{bad}");
        }
    }

    #[test]
    fn the_same_place_counts_once_however_it_is_written() {
        let roots = roots(&["/srv/pki/", "/srv/./pki", "/srv//pki"]).unwrap();
        assert_eq!(roots.all(), [PathBuf::from("/srv/pki")]);
    }

    #[test]
    fn a_root_inside_another_is_walked_with_it() {
        let roots = roots(&["/srv/pki/etcd", "/srv/pki", "/srv/pki2"]).unwrap();
        assert_eq!(roots.outermost().collect::<Vec<_>>(), [Path::new("/srv/pki"), Path::new("/srv/pki2")]);
        assert_eq!(roots.inner().collect::<Vec<_>>(), [Path::new("/srv/pki/etcd")]);
        assert_eq!(roots.of(Path::new("/srv/pki/etcd/ca.crt")), Some(Path::new("/srv/pki")));
        assert_eq!(roots.of(Path::new("/srv/pki3")), None);
    }
}
