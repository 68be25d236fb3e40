//! The exact bytes a run uses, frozen with it: runbook, people, every file that the commands or the lab call.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::text::hex;

/// What a run uses, by the name it has in the bundle.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    files: BTreeMap<String, Vec<u8>>,
    /// Where a file of `files` was read, to see before each GO that it is still the same.
    origins: BTreeMap<String, PathBuf>,
    /// Where a runbook was read: the run keeps to its own copy, and says so where the other changes.
    written: BTreeMap<String, PathBuf>,
}

/// A file of a bundle cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("`{path}` of `files` leaves the folder of the runbooks; give a path inside it")]
    Outside { path: String },
    #[error("`{path}` is not a plain file")]
    NotAFile { path: PathBuf },
    #[error("`{path}` is larger than {MAX_FILE} bytes; what a run uses is kept with it, so name smaller files")]
    TooLarge { path: PathBuf },
    #[error("`{path}` holds more than {MOST_FILES} files, expected a folder for the lab alone")]
    TooMany { path: PathBuf },
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write `{path}`")]
    Write { path: PathBuf, source: io::Error },
    #[error("`{path}` is not what it was when the run began; nothing ran")]
    Differs { path: PathBuf },
    #[error("`{path}`, which the run keeps, is not what it began with; nothing ran")]
    Kept { path: PathBuf },
}

/// The largest file that is kept with a run, in bytes.
const MAX_FILE: u64 = 16 * 1024 * 1024;
/// The most files that are kept with a run.
const MOST_FILES: usize = 500;

/// The name of the runbook in a bundle.
pub const RUNBOOK: &str = "runbook.yaml";
/// The name of the people in a bundle.
pub const PEOPLE: &str = "people.yaml";
/// The folder of included runbooks in a bundle.
pub const INCLUDED: &str = "included";

impl Bundle {
    pub fn new(runbook: &str) -> Self {
        let files = BTreeMap::from([(RUNBOOK.to_owned(), runbook.as_bytes().to_vec())]);
        Self { files, ..Self::default() }
    }

    /// Adds the runbooks that the runbook includes.
    pub fn included(&mut self, texts: &BTreeMap<String, String>) {
        let name = |id: &String| format!("{INCLUDED}/{id}.yaml");
        self.files.extend(texts.iter().map(|(id, text)| (name(id), text.as_bytes().to_vec())));
    }

    /// The text of an included runbook.
    pub fn included_text(&self, id: &str) -> Option<String> {
        let bytes = self.files.get(&format!("{INCLUDED}/{id}.yaml"))?;
        Some(String::from_utf8_lossy(bytes).into_owned())
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
        self.take(root, Path::new(path), &format!("files/{path}"))
    }

    /// Adds what the start of a lab names: that file, and where it has a folder of its own, everything beside it.
    /// `words` are those of the start command, `root` the folder it runs in.
    pub fn lab<'a>(&mut self, root: &Path, words: impl IntoIterator<Item = &'a str>) -> Result<(), BundleError> {
        for word in words {
            let named = Path::new(word);
            let inside = named.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
            if !inside || !root.join(named).is_file() {
                continue;
            }
            match named.parent().filter(|folder| folder.components().any(|part| matches!(part, Component::Normal(_)))) {
                Some(folder) => self.lab_folder(root, folder)?,
                None => self.take(root, named, &format!("lab/{word}"))?,
            }
        }
        Ok(())
    }

    fn lab_folder(&mut self, root: &Path, folder: &Path) -> Result<(), BundleError> {
        let here = root.join(folder);
        let fail = |source| BundleError::Read { path: here.clone(), source };
        for entry in fs::read_dir(&here).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let path = folder.join(entry.file_name());
            let kind = entry.file_type().map_err(fail)?;
            if kind.is_dir() {
                self.lab_folder(root, &path)?;
            } else if kind.is_file() {
                self.take(root, &path, &format!("lab/{}", path.display()))?;
            }
            if self.files.len() > MOST_FILES {
                return Err(BundleError::TooMany { path: here });
            }
        }
        Ok(())
    }

    /// Takes one file, wherever links lead to, as long as it stays below the root.
    fn take(&mut self, root: &Path, path: &Path, name: &str) -> Result<(), BundleError> {
        let origin = root.join(path);
        let fail = |source| BundleError::Read { path: origin.clone(), source };
        let real = fs::canonicalize(&origin).map_err(fail)?;
        if !real.starts_with(fs::canonicalize(root).map_err(fail)?) {
            return Err(BundleError::Outside { path: path.display().to_string() });
        }
        self.files.insert(name.to_owned(), read(&real)?);
        self.origins.insert(name.to_owned(), real);
        Ok(())
    }

    /// Every file by the name it has in the bundle.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
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

    /// Where the runbook and those it includes are written: the folder of the runbooks.
    pub fn written_in(&mut self, runbooks: &Path, id: &str) {
        let path = |name: &String| match name.strip_prefix(INCLUDED) {
            Some(included) => Some(runbooks.join(included.trim_start_matches('/'))),
            None => (name == RUNBOOK).then(|| runbooks.join(format!("{id}.yaml"))),
        };
        self.written = self.files.keys().filter_map(|name| Some((name.clone(), path(name)?))).collect();
    }

    /// The runbooks that are written otherwise now, or are gone.
    pub fn rewritten(&self) -> Vec<&Path> {
        let differs = |(name, path): &(&String, &PathBuf)| read(path).ok().as_ref() != self.files.get(*name);
        self.written.iter().filter(differs).map(|(_, path)| path.as_path()).collect()
    }

    /// What is kept in the folder of the run is still what it began with.
    pub fn is_kept_in(&self, folder: &Path) -> Result<(), BundleError> {
        let kept = Self::read(folder)?;
        if kept.files == self.files { Ok(()) } else { Err(BundleError::Kept { path: folder.to_owned() }) }
    }

    /// The files that commands call are still the ones that were frozen.
    pub fn still_the_same(&self) -> Result<(), BundleError> {
        for (name, path) in &self.origins {
            let now = read(path)?;
            if self.files.get(name) != Some(&now) {
                return Err(BundleError::Differs { path: path.clone() });
            }
        }
        Ok(())
    }
}

/// Reads a plain file; a pipe could block for ever, a device never end.
fn read(path: &Path) -> Result<Vec<u8>, BundleError> {
    let fail = |source| BundleError::Read { path: path.to_owned(), source };
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = fs::OpenOptions::new().read(true).custom_flags(nonblocking).open(path).map_err(fail)?;
    if !file.metadata().map_err(fail)?.is_file() {
        return Err(BundleError::NotAFile { path: path.to_owned() });
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(BundleError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A root with `tool.sh`, and a secret outside of it.
    fn root() -> (tempfile::TempDir, PathBuf) {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("root");
        fs::create_dir_all(root.join("labs/tls/rotate")).unwrap();
        fs::write(root.join("tool.sh"), "echo tool\n").unwrap();
        fs::write(scratch.path().join("secret"), "secret").unwrap();
        (scratch, root)
    }

    #[test]
    fn a_bundle_comes_back_from_the_disk_byte_for_byte_and_private() {
        let (scratch, root) = root();
        let mut bundle = Bundle::new("locum: 1\n");
        bundle.people(Some(b"people".to_vec()));
        bundle.file(&root, "tool.sh").unwrap();
        let folder = scratch.path().join("bundle");
        bundle.write(&folder).unwrap();
        let again = Bundle::read(&folder).unwrap();
        assert_eq!((again.digest(), again.runbook()), (bundle.digest(), "locum: 1\n".to_owned()));
        let mode = |path: &str| fs::metadata(folder.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("files"), mode("files/tool.sh"), mode("runbook.yaml")), (0o700, 0o600, 0o600));
    }

    #[test]
    fn every_byte_and_every_name_is_in_the_digest() {
        let (_scratch, root) = root();
        let bundle = |runbook: &str, file: Option<&str>| {
            let mut bundle = Bundle::new(runbook);
            file.map_or(Ok(()), |file| bundle.file(&root, file)).unwrap();
            bundle.digest()
        };
        fs::copy(root.join("tool.sh"), root.join("other.sh")).unwrap();
        let digests =
            [bundle("a", None), bundle("b", None), bundle("a", Some("tool.sh")), bundle("a", Some("other.sh"))];
        let different: std::collections::BTreeSet<_> = digests.iter().collect();
        assert_eq!(different.len(), 4);
        assert!(digests[0].starts_with("sha256:"));
    }

    #[test]
    fn no_path_and_no_link_leads_out_of_the_root() {
        let (_scratch, root) = root();
        symlink("../secret", root.join("link")).unwrap();
        symlink("..", root.join("up")).unwrap();
        symlink("tool.sh", root.join("inside")).unwrap();
        let mut bundle = Bundle::new("");
        for path in ["../secret", "/etc/passwd", "link", "up/secret"] {
            let error = bundle.file(&root, path).unwrap_err();
            assert!(matches!(error, BundleError::Outside { .. }), "{path}: {error}");
        }
        bundle.file(&root, "inside").unwrap();
    }

    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let (_scratch, root) = root();
        duct::cmd!("mkfifo", root.join("pipe")).run().unwrap();
        assert!(matches!(Bundle::new("").file(&root, "pipe").unwrap_err(), BundleError::NotAFile { .. }));
        assert!(matches!(Bundle::new("").file(&root, "labs").unwrap_err(), BundleError::NotAFile { .. }));
    }

    #[test]
    fn a_file_that_changed_or_went_is_seen() {
        let (_scratch, root) = root();
        let mut bundle = Bundle::new("");
        bundle.file(&root, "tool.sh").unwrap();
        bundle.still_the_same().unwrap();
        fs::write(root.join("tool.sh"), "echo evil\n").unwrap();
        assert!(matches!(bundle.still_the_same().unwrap_err(), BundleError::Differs { .. }));
        fs::remove_file(root.join("tool.sh")).unwrap();
        assert!(matches!(bundle.still_the_same().unwrap_err(), BundleError::Read { .. }));
    }

    #[test]
    fn a_runbook_that_is_written_anew_is_seen_and_so_is_a_change_of_what_is_kept() {
        let (scratch, root) = root();
        let path = root.join("x.yaml");
        fs::write(&path, "locum: 1\n").unwrap();
        fs::write(root.join("part.yaml"), "locum: 1\n# part\n").unwrap();
        let mut bundle = Bundle::new("locum: 1\n");
        bundle.included(&BTreeMap::from([("part".to_owned(), "locum: 1\n# part\n".to_owned())]));
        bundle.written_in(&root, "x");
        assert!(bundle.rewritten().is_empty());
        fs::write(&path, "locum: 1\n# other\n").unwrap();
        fs::remove_file(root.join("part.yaml")).unwrap();
        assert_eq!(bundle.rewritten(), [root.join("part.yaml"), path]);
        let folder = scratch.path().join("bundle");
        bundle.write(&folder).unwrap();
        bundle.is_kept_in(&folder).unwrap();
        fs::write(folder.join("runbook.yaml"), "locum: 2\n").unwrap();
        assert!(matches!(bundle.is_kept_in(&folder).unwrap_err(), BundleError::Kept { .. }));
    }

    #[test]
    fn a_bundle_that_was_read_back_still_knows_where_its_files_came_from() {
        let (scratch, root) = root();
        let mut bundle = Bundle::new("");
        bundle.file(&root, "tool.sh").unwrap();
        bundle.write(&scratch.path().join("bundle")).unwrap();
        let mut again = Bundle::read(&scratch.path().join("bundle")).unwrap();
        again.came_from(&root);
        again.still_the_same().unwrap();
        fs::write(root.join("tool.sh"), "echo evil\n").unwrap();
        assert!(again.still_the_same().is_err());
    }

    #[test]
    fn a_lab_is_in_the_bundle_with_everything_beside_it() {
        let (_scratch, root) = root();
        for path in ["labs/tls/lab.sh", "labs/tls/rotate/slip.sh"] {
            fs::write(root.join(path), path).unwrap();
        }
        symlink("../../../secret", root.join("labs/tls/link")).unwrap();
        let mut bundle = Bundle::new("");
        bundle.lab(&root, ["labs/tls/lab.sh", "slip", "/etc/passwd", "tool.sh"]).unwrap();
        let names: Vec<_> = bundle.files.keys().map(String::as_str).collect();
        assert_eq!(names, ["lab/labs/tls/lab.sh", "lab/labs/tls/rotate/slip.sh", "lab/tool.sh", "runbook.yaml"]);
        fs::write(root.join("labs/tls/rotate/slip.sh"), "other").unwrap();
        assert!(matches!(bundle.still_the_same().unwrap_err(), BundleError::Differs { .. }));
    }
}
