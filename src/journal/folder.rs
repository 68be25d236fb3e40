//! The folder of one run, and the folder of all runs.
//!
//! It says where things stand. What stands in them is the business of the writer, the supervisor and the session.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::run_id::check_name;
use super::{JournalError, Segment, durable, line, scan};

/// The folders inside a run.
const INSIDE: [&str; 6] = ["blobs", "sup", "bundle", "torn", "copies", "guards"];

/// The link in the folder of a run that went on elsewhere.
pub const MOVED: &str = "moved";

/// `<state>/runs/<run-id>`: everything that one run leaves behind, for its owner alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    root: PathBuf,
    id: String,
}

/// One entry of the folder of all runs.
#[derive(Debug)]
pub struct Listed {
    /// The name of the entry.
    pub id: String,
    /// Where it stands.
    pub folder: RunFolder,
    /// `t` of the first record; `None` when nothing was recorded; an error when it cannot be read.
    pub opened: Result<Option<String>, JournalError>,
}

impl RunFolder {
    /// Makes the folder of a new run under the state folder, with locks and all folders inside; durable on return.
    /// `Exists` when the id is taken, so that the caller can draw another.
    pub fn create(state: &Path, id: &str) -> Result<Self, JournalError> {
        check_name("the id of the run", id)?;
        let runs = state.join("runs");
        durable::make_folders(&runs)?;
        let folder = Self { root: runs.join(id), id: id.to_owned() };
        durable::make_folder(&folder.root).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => JournalError::Exists { path: folder.root.clone() },
            _ => JournalError::io("make folder", &folder.root)(error),
        })?;
        for name in INSIDE {
            let path = folder.root.join(name);
            durable::make_folder(&path).map_err(JournalError::io("make folder", &path))?;
        }
        for path in [folder.run_lock(), folder.append_lock()] {
            durable::make_file(&path).map_err(JournalError::io("make file", &path))?;
        }
        durable::sync_folder(&folder.root)?;
        durable::sync_folder(&runs)?;
        Ok(folder)
    }

    /// The folder of a run that exists under the state folder.
    pub fn open(state: &Path, id: &str) -> Result<Self, JournalError> {
        check_name("the id of the run", id)?;
        Self::open_existing(&state.join("runs").join(id))
    }

    /// The folder of a run wherever it stands, under any name: a copy can be read, but only written as what it was.
    pub fn open_existing(path: &Path) -> Result<Self, JournalError> {
        let root = fs::canonicalize(path).map_err(JournalError::io("open run", path))?;
        if !root.is_dir() {
            return Err(JournalError::io("open run", path)(io::ErrorKind::NotADirectory.into()));
        }
        let id = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { root, id })
    }

    /// All runs under the state folder, newest first; those without a readable beginning come last.
    pub fn list(state: &Path) -> Result<Vec<Listed>, JournalError> {
        let runs = state.join("runs");
        let entries = match fs::read_dir(&runs) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(JournalError::io("list", &runs))?,
        };
        let mut listed = Vec::new();
        for entry in entries {
            let root = entry.map_err(JournalError::io("list", &runs))?.path();
            let id = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let folder = Self { root, id: id.clone() };
            let opened = check_name("the name of the folder", &id).and_then(|()| folder.opened());
            listed.push(Listed { id, folder, opened });
        }
        listed.sort_by(|a, b| b.time().cmp(&a.time()).then_with(|| a.id.cmp(&b.id)));
        Ok(listed)
    }

    /// The run, by the name of its folder.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the segment of an epoch belongs.
    pub fn segment(&self, epoch: u32, writer: &str, host: &str) -> PathBuf {
        self.root.join(Segment::file_name(epoch, writer, host))
    }

    /// Captured output.
    pub fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// Locks and evidence of supervisors.
    pub fn sup(&self) -> PathBuf {
        self.root.join("sup")
    }

    /// The exact bytes this run uses.
    pub fn bundle(&self) -> PathBuf {
        self.root.join("bundle")
    }

    /// Tails of segments that were cut off.
    pub fn torn(&self) -> PathBuf {
        self.root.join("torn")
    }

    /// Copies of scopes, for the way back.
    pub fn copies(&self) -> PathBuf {
        self.root.join("copies")
    }

    /// What guards measured.
    pub fn guards(&self) -> PathBuf {
        self.root.join("guards")
    }

    /// Where the run went on, where it was moved because nothing could be written here any more.
    pub fn moved_to(&self) -> Option<PathBuf> {
        fs::read_link(self.root.join(MOVED)).ok()
    }

    pub(super) fn run_lock(&self) -> PathBuf {
        self.root.join("run.lock")
    }

    pub(super) fn append_lock(&self) -> PathBuf {
        self.root.join("append.lock")
    }

    /// The segments in order of epoch; two of one epoch stand in order of their names.
    pub fn segments(&self) -> Result<Vec<Segment>, JournalError> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(JournalError::io("list", &self.root))? {
            let entry = entry.map_err(JournalError::io("list", &self.root))?;
            segments.extend(Segment::parse(&entry.path()));
        }
        segments.sort_by(|a, b| (a.epoch, &a.path).cmp(&(b.epoch, &b.path)));
        Ok(segments)
    }

    /// The highest epoch: who has it, has control. 0 before the first.
    pub fn highest_epoch(&self) -> Result<u32, JournalError> {
        Ok(self.segments()?.last().map_or(0, |segment| segment.epoch))
    }

    /// Whether the newest line says that the run is closed: a short look at the end, for lists of many runs. What it
    /// says is no proof; whoever acts on it reads the run.
    pub fn seems_closed(&self) -> bool {
        let Some(newest) = self.segments().ok().and_then(|mut segments| segments.pop()) else { return false };
        let Ok(file) = durable::open_plain(&newest.path) else { return false };
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        let mut end = vec![0; usize::try_from(length.min(line::MAX_LINE as u64)).unwrap_or(line::MAX_LINE)];
        let from = length.saturating_sub(end.len() as u64);
        if std::os::unix::fs::FileExt::read_exact_at(&file, &mut end, from).is_err() || end.pop() != Some(b'\n') {
            return false;
        }
        let begin = memchr::memrchr(b'\n', &end).map_or(0, |at| at + 1);
        end.push(b'\n');
        line::check(&end[begin..]).is_ok_and(|sealed| sealed.kind == "run.close")
    }

    fn opened(&self) -> Result<Option<String>, JournalError> {
        let Some(first) = self.segments()?.into_iter().next() else { return Ok(None) };
        let mut opened = None;
        scan::scan(&first.path, |batch| {
            opened = batch.lines().next().map(|raw| line::check(raw.bytes).map(|sealed| sealed.t.map(Cow::into_owned)));
            ControlFlow::Break(())
        })?;
        opened
            .transpose()
            .map(Option::flatten)
            .map_err(|flaw| JournalError::Record { why: format!("its first line {flaw}") })
    }
}

impl Listed {
    fn time(&self) -> Option<&str> {
        self.opened.as_ref().ok()?.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::testing::{Scratch, record};
    use super::*;

    #[test]
    fn a_new_run_is_the_owners_alone() {
        let scratch = Scratch::new();
        let folder = RunFolder::create(scratch.state(), "7f3a-k2").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(folder.root()), 0o700);
        for path in [folder.blobs(), folder.sup(), folder.bundle(), folder.torn(), folder.copies(), folder.guards()] {
            assert_eq!(mode(&path), 0o700, "{}", path.display());
        }
        assert_eq!(mode(&folder.run_lock()), 0o600);
        assert_eq!(mode(&folder.append_lock()), 0o600);
    }

    #[test]
    fn an_id_is_taken_once_and_is_never_a_path() {
        let scratch = Scratch::new();
        RunFolder::create(scratch.state(), "7f3a-k2").unwrap();
        assert!(matches!(RunFolder::create(scratch.state(), "7f3a-k2"), Err(JournalError::Exists { .. })));
        assert!(matches!(RunFolder::create(scratch.state(), "../x"), Err(JournalError::Name { .. })));
        assert!(matches!(RunFolder::open(scratch.state(), ".."), Err(JournalError::Name { .. })));
        assert!(matches!(RunFolder::open(scratch.state(), "none"), Err(JournalError::Io { .. })));
    }

    #[test]
    fn runs_are_listed_newest_first_and_a_bad_one_hides_no_other() {
        let scratch = Scratch::new();
        for (id, t) in [("older", "2026-11-24T03:00:00.000Z"), ("newer", "2026-11-25T03:00:00.000Z")] {
            let mut body = record(1, 1, "run.open");
            body.insert("run".into(), id.into());
            body.insert("t".into(), t.into());
            scratch.writer_of(id).append(body).unwrap();
        }
        RunFolder::create(scratch.state(), "empty").unwrap();
        let bad = RunFolder::create(scratch.state(), "bad").unwrap();
        fs::write(bad.segment(1, "pepe", "mio"), "{}\n").unwrap();
        fs::write(scratch.state().join("runs/stray"), "").unwrap();
        let listed = RunFolder::list(scratch.state()).unwrap();
        let ids: Vec<_> = listed.iter().map(|run| (&*run.id, run.opened.is_ok())).collect();
        assert_eq!(ids, [("newer", true), ("older", true), ("bad", false), ("empty", true), ("stray", false)]);
    }

    #[test]
    fn a_run_seems_closed_only_where_its_last_line_is_whole_and_says_so() {
        let scratch = Scratch::new();
        let run = scratch.run_with(&["run.open", "run.close"]);
        assert!(run.folder.seems_closed());
        let whole = run.bytes();
        run.set(&whole[..whole.len() - 1]);
        assert!(!run.folder.seems_closed());
        run.set(&[&whole[..], b"{}\n"].concat());
        assert!(!run.folder.seems_closed());
        assert!(!scratch.folder("empty").seems_closed());
    }

    #[test]
    fn no_state_folder_means_no_runs() {
        let scratch = Scratch::new();
        assert!(RunFolder::list(&scratch.state().join("none")).unwrap().is_empty());
    }
}
