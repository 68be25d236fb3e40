//! The exact bytes a run uses, frozen with it: runbook, people, every file that the commands call.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use super::watch::hex;

/// What a run uses, by the name it has in the bundle.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    files: BTreeMap<String, Vec<u8>>,
    /// Where a file of `files` was read, to see before each GO that it is still the same.
    origins: BTreeMap<String, PathBuf>,
}

/// A file of a bundle cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("`{path}` of `files` leaves the folder of the runbooks; give a path inside it")]
    Outside { path: String },
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write `{path}`")]
    Write { path: PathBuf, source: io::Error },
    #[error("`{path}` is not what it was when the run began; nothing ran")]
    Differs { path: PathBuf },
}

/// The name of the runbook in a bundle.
pub const RUNBOOK: &str = "runbook.yaml";
/// The name of the people in a bundle.
pub const PEOPLE: &str = "people.yaml";

impl Bundle {
    pub fn new(runbook: &str) -> Self {
        Self { files: BTreeMap::from([(RUNBOOK.to_owned(), runbook.as_bytes().to_vec())]), origins: BTreeMap::new() }
    }

    /// Adds the people, where there are any.
    pub fn people(&mut self, text: Option<Vec<u8>>) {
        self.files.extend(text.map(|text| (PEOPLE.to_owned(), text)));
    }

    /// Adds a file that commands call; `root` is the folder the path starts at.
    pub fn file(&mut self, root: &Path, path: &str) -> Result<(), BundleError> {
        let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !inside {
            return Err(BundleError::Outside { path: path.to_owned() });
        }
        let origin = root.join(path);
        let bytes = fs::read(&origin).map_err(|source| BundleError::Read { path: origin.clone(), source })?;
        self.files.insert(format!("files/{path}"), bytes);
        self.origins.insert(format!("files/{path}"), origin);
        Ok(())
    }

    /// `sha256:` over names and contents.
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        for (name, bytes) in &self.files {
            digest.update(format!("{name}\0{}\0", bytes.len()));
            digest.update(bytes);
        }
        format!("sha256:{}", hex(&digest.finalize()))
    }

    pub fn runbook(&self) -> String {
        self.files.get(RUNBOOK).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
    }

    /// The people, where there were any.
    pub fn people_text(&self) -> Option<String> {
        self.files.get(PEOPLE).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// Writes it into a folder, 0700 and 0600, synced.
    pub fn write(&self, folder: &Path) -> Result<(), BundleError> {
        for (name, bytes) in &self.files {
            let path = folder.join(name);
            write(&path, bytes).map_err(|source| BundleError::Write { path, source })?;
        }
        Ok(())
    }

    /// Reads it back from the folder of a run.
    pub fn read(folder: &Path) -> Result<Self, BundleError> {
        let mut bundle = Self::default();
        bundle.read_below(folder, "")?;
        Ok(bundle)
    }

    fn read_below(&mut self, folder: &Path, prefix: &str) -> Result<(), BundleError> {
        let here = folder.join(prefix);
        let fail = |source| BundleError::Read { path: here.clone(), source };
        for entry in fs::read_dir(&here).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            if entry.file_type().map_err(fail)?.is_dir() {
                self.read_below(folder, &name)?;
            } else {
                let path = entry.path();
                let bytes = fs::read(&path).map_err(|source| BundleError::Read { path, source })?;
                self.files.insert(name, bytes);
            }
        }
        Ok(())
    }

    /// Where the files of a bundle that was read back came from.
    pub fn came_from(&mut self, root: &Path) {
        let names = self.files.keys().filter_map(|name| Some((name.clone(), root.join(name.strip_prefix("files/")?))));
        self.origins = names.collect();
    }

    /// The files that commands call are still the ones that were frozen.
    pub fn still_the_same(&self) -> Result<(), BundleError> {
        for (name, path) in &self.origins {
            let now = fs::read(path).map_err(|source| BundleError::Read { path: path.clone(), source })?;
            if self.files.get(name) != Some(&now) {
                return Err(BundleError::Differs { path: path.clone() });
            }
        }
        Ok(())
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write;
    if let Some(parent) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
