//! Labs of drills that crashed: found by their record, ended and removed.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use super::LabError;
use super::fault::failed;
use super::marks::{Identity, end_all};

/// Who runs the lab in a folder.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    folder: PathBuf,
    /// The process that started the lab, and will end it.
    runner: Identity,
    /// The lab's own program.
    program: Option<Identity>,
}

impl Record {
    pub fn of_this_process(folder: &Path, program: Option<Pid>) -> Self {
        let runner = Identity::of_this_process();
        Self { version: 1, folder: folder.to_owned(), runner, program: program.map(Identity::of) }
    }

    pub fn write(&self) -> Result<(), LabError> {
        let path = self.folder.join("lab.json");
        let text = serde_json::to_vec(self).expect("numbers and texts have a JSON form");
        fs::write(&path, text).map_err(failed("write", &path))
    }

    /// The record of a folder; none if it is no lab, or was moved.
    fn read(folder: &Path) -> Option<Self> {
        let record: Self = serde_json::from_slice(&fs::read(folder.join("lab.json")).ok()?).ok()?;
        (record.version == 1 && record.folder == folder).then_some(record)
    }
}

/// Ends and removes every lab directly under a folder whose drill is no more; gives their folders. A drill that lives
/// is left alone, and so is everything that is no lab.
pub fn sweep(parent: &Path) -> Result<Vec<PathBuf>, LabError> {
    let parent = match fs::canonicalize(parent) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        real => real.map_err(failed("find", parent))?,
    };
    let mut swept = Vec::new();
    for entry in fs::read_dir(&parent).map_err(failed("list", &parent))? {
        let folder = entry.map_err(failed("list", &parent))?.path();
        if Record::read(&folder).is_some_and(|record| !record.runner.lives()) {
            end_all(&folder, Duration::from_secs(3));
            clear(&folder)?;
            swept.push(folder);
        }
    }
    swept.sort();
    Ok(swept)
}

/// Removes the folder of a lab that has ended, folders that forbid it included; no link is followed.
pub fn clear(folder: &Path) -> Result<(), LabError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            open_up(folder);
            fs::remove_dir_all(folder).map_err(failed("remove", folder))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result.map_err(failed("remove", folder)),
    }
}

fn open_up(folder: &Path) {
    let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::thread;
    use std::time::Instant;

    use super::super::marks::marked;
    use super::super::{Lab, LabSpec};
    use super::*;

    fn lab(folder: &Path) -> Lab {
        let start = ["sh", "-c", "sleep 61 & echo ready; exec sleep 60"].map(str::to_owned).to_vec();
        let spec = LabSpec { start, cwd: PathBuf::from("/"), env_extra: Vec::new() };
        Lab::start(&spec, folder, Duration::from_secs(10)).unwrap()
    }

    /// Makes a record say that its drill crashed.
    fn crash(folder: &Path) {
        let mut record = Record::read(folder).unwrap();
        record.runner = Identity::of(Pid::from_raw(0x3fff_ffff).unwrap());
        assert!(!record.runner.lives());
        record.write().unwrap();
    }

    #[test]
    fn the_lab_of_a_crashed_drill_is_ended_and_removed() {
        let world = tempfile::tempdir().unwrap();
        let lab = lab(&world.path().join("crashed"));
        let folder = lab.folder().to_owned();
        let locked = folder.join("site/locked");
        fs::create_dir(&locked).unwrap();
        fs::write(locked.join("file"), "").unwrap();
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).unwrap();
        crash(&folder);
        assert_eq!(sweep(world.path()).unwrap(), std::slice::from_ref(&folder));
        assert!(!folder.exists());
        let until = Instant::now() + Duration::from_secs(20);
        while (lab.is_running() || !marked(&folder).is_empty()) && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
        assert!(!lab.is_running() && marked(&folder).is_empty());
    }

    #[test]
    fn the_lab_of_a_drill_that_lives_is_left_alone() {
        let world = tempfile::tempdir().unwrap();
        let lab = lab(&world.path().join("alive"));
        assert_eq!(sweep(world.path()).unwrap(), Vec::<PathBuf>::new());
        assert!(lab.is_running() && lab.folder().exists());
    }

    #[test]
    fn what_is_no_lab_or_was_moved_is_left_alone() {
        let world = tempfile::tempdir().unwrap();
        let parent = fs::canonicalize(world.path()).unwrap();
        fs::create_dir(parent.join("folder")).unwrap();
        fs::write(parent.join("file"), "").unwrap();
        fs::create_dir(parent.join("garbled")).unwrap();
        fs::write(parent.join("garbled/lab.json"), "{").unwrap();
        lab(&parent.join("first")).end();
        crash(&parent.join("first"));
        fs::rename(parent.join("first"), parent.join("moved")).unwrap();
        symlink("moved", parent.join("link")).unwrap();
        assert_eq!(sweep(&parent).unwrap(), Vec::<PathBuf>::new());
        assert!(parent.join("moved/lab.json").exists());
        assert_eq!(sweep(&parent.join("none")).unwrap(), Vec::<PathBuf>::new());
    }
}
