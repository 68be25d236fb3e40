//! Where runbooks are found: a folder that was named, or `runbooks/` from here up to the top of the repository.

pub mod files;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::load::{self, Loaded};
use crate::source::SourceFile;

use crate::yaml::MAX_FILE;

/// A folder with runbooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// The top of the repository, or the folder that holds `runbooks/`.
    pub root: PathBuf,
    /// The folder with the runbooks.
    pub runbooks: PathBuf,
}

/// Runbooks cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    #[error("there is no folder `runbooks` here or above; name one with `--runbooks` or `LOCUM_RUNBOOKS`")]
    NotFound,
    #[error("`{0}` is not a folder with runbooks")]
    NotAFolder(PathBuf),
    #[error("there is no runbook `{id}` in `{folder}`{}", .near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    NoRunbook { id: String, folder: PathBuf, near: Option<String> },
    #[error("`{0}` is not the name of a runbook, expected its file name without `.yaml`")]
    BadId(String),
    #[error("`{path}` leads out of `{root}`; a runbook lies in its repository")]
    Outside { path: PathBuf, root: PathBuf },
    #[error("`{path}` is larger than {MAX_FILE} bytes")]
    TooLarge { path: PathBuf },
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
}

impl Workspace {
    /// The folder that was named, else `runbooks/` from `here` up to the top of the repository.
    pub fn find(named: Option<&Path>, here: &Path) -> Result<Self, WorkspaceError> {
        if let Some(named) = named {
            let runbooks = here.join(named);
            if !runbooks.is_dir() {
                return Err(WorkspaceError::NotAFolder(runbooks));
            }
            let top = runbooks.ancestors().find(|folder| folder.join(".git").exists());
            let root = top.or(runbooks.parent()).unwrap_or(&runbooks).to_owned();
            return Ok(Self { root, runbooks });
        }
        for folder in here.ancestors() {
            let runbooks = folder.join("runbooks");
            if runbooks.is_dir() {
                let top = folder.ancestors().find(|folder| folder.join(".git").exists());
                return Ok(Self { root: top.unwrap_or(folder).to_owned(), runbooks });
            }
            if folder.join(".git").exists() {
                break;
            }
        }
        Err(WorkspaceError::NotFound)
    }

    /// The ids of the runbooks, sorted.
    pub fn ids(&self) -> Result<Vec<String>, WorkspaceError> {
        let fail = |source| WorkspaceError::Read { path: self.runbooks.clone(), source };
        let entries = std::fs::read_dir(&self.runbooks).map_err(fail)?.collect::<Result<Vec<_>, _>>().map_err(fail)?;
        // A plain file lies where its folder lies; only a link can lead away.
        let inside = self.holds(&self.runbooks);
        let id = |entry: &std::fs::DirEntry| {
            let path = entry.path();
            let yaml = path.extension().is_some_and(|extension| extension == "yaml");
            let plain = || entry.file_type().is_ok_and(|kind| kind.is_file());
            let held = yaml && ((inside && plain()) || (path.is_file() && self.holds(&path)));
            if held && is_runbook(&path) { path.file_stem()?.to_str().map(str::to_owned) } else { None }
        };
        let mut ids: Vec<String> = entries.par_iter().filter_map(id).collect();
        ids.sort();
        Ok(ids)
    }

    /// Where a runbook lies.
    pub fn path(&self, id: &str) -> PathBuf {
        self.runbooks.join(format!("{id}.yaml"))
    }

    /// Loads a runbook by its id.
    pub fn load(&self, id: &str) -> Result<Loaded, WorkspaceError> {
        if !is_id(id) {
            return Err(WorkspaceError::BadId(id.to_owned()));
        }
        let path = self.path(id);
        if !path.is_file() {
            let ids = self.ids()?;
            let near = crate::text::suggest(id, ids.iter().map(String::as_str)).map(str::to_owned);
            return Err(WorkspaceError::NoRunbook { id: id.to_owned(), folder: self.runbooks.clone(), near });
        }
        if !self.holds(&path) {
            return Err(WorkspaceError::Outside { path, root: self.root.clone() });
        }
        let text = read(&path)?;
        let shown = path.strip_prefix(&self.root).unwrap_or(&path).display().to_string();
        Ok(load::load_with(id, SourceFile::new(shown, text), &|other| self.other(other)))
    }

    /// The file of a runbook that another one includes.
    fn other(&self, id: &str) -> Option<SourceFile> {
        let path = self.path(id);
        if !is_id(id) || !path.is_file() || !self.holds(&path) {
            return None;
        }
        let shown = path.strip_prefix(&self.root).unwrap_or(&path).display().to_string();
        Some(SourceFile::new(shown, read(&path).ok()?))
    }

    /// Whether a file lies in the repository, with every link followed: nothing else is opened.
    pub fn holds(&self, path: &Path) -> bool {
        let real = |path: &Path| std::fs::canonicalize(path).ok();
        real(path).zip(real(&self.root)).is_some_and(|(path, root)| path.starts_with(root))
    }

    /// The people, as they are written.
    pub fn people(&self) -> Option<Vec<u8>> {
        let path = self.runbooks.join("people.yaml");
        if self.holds(&path) { std::fs::read(path).ok() } else { None }
    }
}

/// Whether this can name a runbook: never a path.
pub fn is_id(id: &str) -> bool {
    !id.is_empty() && id.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter))
}

/// Reads a file of at most [`MAX_FILE`] bytes.
pub fn read(path: &Path) -> Result<String, WorkspaceError> {
    let fail = |source| WorkspaceError::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(fail)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(WorkspaceError::TooLarge { path: path.to_owned() });
    }
    String::from_utf8(bytes).map_err(|error| fail(io::Error::new(io::ErrorKind::InvalidData, error)))
}

/// Whether a file says that it is one: people and other files lie beside runbooks.
fn is_runbook(path: &Path) -> bool {
    read(path).is_ok_and(|text| text.lines().any(|line| line.starts_with("locum:")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNBOOK: &str = "locum: 1\ntitle: A\nrepair: [Do it.]\n";

    #[test]
    fn a_link_that_leads_out_of_the_repository_is_not_opened() {
        let outside = tempfile::tempdir().expect("a folder");
        std::fs::write(outside.path().join("x.yaml"), RUNBOOK).expect("written");
        std::fs::write(outside.path().join("people.yaml"), "pepe: {}").expect("written");
        let top = tempfile::tempdir().expect("a folder");
        let runbooks = top.path().join("runbooks");
        std::fs::create_dir(&runbooks).expect("made");
        std::fs::write(runbooks.join("inside.yaml"), RUNBOOK).expect("written");
        for name in ["x.yaml", "people.yaml"] {
            std::os::unix::fs::symlink(outside.path().join(name), runbooks.join(name)).expect("a link");
        }
        let workspace = Workspace::find(None, top.path()).expect("a workspace");
        assert_eq!(workspace.ids().expect("ids"), ["inside"]);
        assert!(matches!(workspace.load("x"), Err(WorkspaceError::Outside { .. })));
        assert!(workspace.people().is_none());
        assert!(workspace.load("inside").expect("it is there").runbook.is_some());
    }
}
