//! A run that goes on in another folder, because nothing can be written any more where it began: everything of it is
//! copied, whole or not at all, and what follows is a new epoch there.
//!
//! The old folder is left as it is, but for a link that says where the run went; where even that cannot be written,
//! nothing but the new epoch tells.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::open::holder;
use super::{Trouble, ask, failed, journal_trouble};
use crate::engine::Exit;
use crate::engine::record::Who;
use crate::guard;
use crate::journal::{JournalError, MOVED, RunFolder, RunLock, SupLock};

/// A run that was copied.
#[derive(Debug)]
pub struct Moved {
    pub folder: RunFolder,
    /// Where it was.
    pub from: PathBuf,
    /// Whether the old folder says that it went.
    pub marked: bool,
}

/// Copies a run below another state folder. Nobody may be in it, and nothing of it may run.
pub fn move_to(folder: &RunFolder, state: &Path, who: &Who) -> Result<Moved, Trouble> {
    let _lock = match RunLock::try_lock(folder, &holder(who)) {
        Ok(lock) => Some(lock),
        Err(error @ JournalError::Held { .. }) => return Err(journal_trouble(&error)),
        // Nobody can lock what cannot be written; nobody can go on in it either.
        Err(_) => None,
    };
    nothing_runs(folder)?;
    let write = |what: &str, path: &Path| {
        let what = format!("cannot {what} `{}`", path.display());
        move |error: std::io::Error| {
            failed(format!("{what}: {error}; the run is where it was"), Exit::JournalNotWritable)
        }
    };
    let runs = state.join("runs");
    DirBuilder::new().recursive(true).mode(0o700).create(&runs).map_err(write("make folder", &runs))?;
    let to = runs.join(folder.id());
    if to.exists() {
        return Err(failed(format!("`{}` is there already", to.display()), Exit::JournalNotWritable));
    }
    let half = state.join(format!("moving-{}", folder.id()));
    if half.exists() {
        fs::remove_dir_all(&half).map_err(write("remove what is left of an earlier try", &half))?;
    }
    guard::copy_folder(folder.root(), &half).map_err(|error| {
        let _ = fs::remove_dir_all(&half);
        failed(format!("{}; the run is where it was", ask::chain(&error)), Exit::JournalNotWritable)
    })?;
    fs::rename(&half, &to).map_err(write("rename", &half))?;
    for folder in [&runs, &state.to_owned()] {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(write("sync", folder))?;
    }
    let marked = std::os::unix::fs::symlink(&to, folder.root().join(MOVED)).is_ok();
    let moved = RunFolder::open(state, folder.id()).map_err(|error| journal_trouble(&error))?;
    Ok(Moved { folder: moved, from: folder.root().to_owned(), marked })
}

/// A step that runs writes its end where it began: its end is waited for first.
fn nothing_runs(folder: &RunFolder) -> Result<(), Trouble> {
    let locks = fs::read_dir(folder.sup()).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut held = locks.filter(|path| path.extension().is_some_and(|it| it == "lock") && SupLock::is_held(path));
    match held.next() {
        None => Ok(()),
        Some(path) => {
            let attempt = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let message =
                format!("attempt {attempt} still runs, and writes its end where it began; wait until it has ended");
            Err(failed(message, Exit::HeldByAnother))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who() -> Who {
        Who { claimed: "pepe".to_owned(), host: "kyousuke".to_owned(), ..Who::default() }
    }

    #[test]
    fn a_run_is_copied_whole_and_the_old_folder_says_where_it_went() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(&scratch.path().join("old"), "7f3a-k2").unwrap();
        fs::write(folder.blobs().join("a.out"), "output").unwrap();
        let new = scratch.path().join("new");
        fs::create_dir_all(new.join("moving-7f3a-k2/half")).unwrap();
        let moved = move_to(&folder, &new, &who()).unwrap();
        assert_eq!(fs::read_to_string(moved.folder.blobs().join("a.out")).unwrap(), "output");
        assert!(moved.marked);
        assert_eq!(folder.moved_to(), Some(moved.folder.root().to_owned()));
        assert_eq!(moved.folder.moved_to(), None);
        assert!(!new.join("moving-7f3a-k2").exists());
        assert!(move_to(&folder, &new, &who()).is_err(), "never over something that is there");
    }

    #[test]
    fn a_run_in_which_somebody_is_or_something_runs_stays() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(&scratch.path().join("old"), "7f3a-k2").unwrap();
        let new = scratch.path().join("new");
        let lock = RunLock::try_lock(&folder, &holder(&who())).unwrap();
        assert_eq!(move_to(&folder, &new, &who()).unwrap_err().exit(), Exit::HeldByAnother);
        drop(lock);
        let step = SupLock::take(&folder.sup().join("1-4-ab.lock")).unwrap();
        let told = move_to(&folder, &new, &who()).unwrap_err();
        assert!(told.to_string().contains("attempt 1-4-ab still runs"), "{told}");
        drop(step);
        move_to(&folder, &new, &who()).unwrap();
    }
}
