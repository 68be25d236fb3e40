//! Git, asked for what is committed, and for nothing else. It reads the repository and runs none of it: no hook, no
//! filter, no pager, no fsmonitor, no transport, whatever the repository's own configuration says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long git may take for one answer.
const AT_MOST: Duration = Duration::from_secs(20);

/// What is said on the command line wins over what a repository says.
const SETTINGS: [&str; 8] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=",
    "core.pager=cat",
    "core.sshCommand=false",
    "core.attributesFile=/dev/null",
    "core.alternateRefsCommand=false",
    "protocol.allow=never",
    "safe.bareRepository=explicit",
];

/// What is taken over from the user's environment: where git is, and where their own `safe.directory` is.
const TAKEN_OVER: [&str; 3] = ["PATH", "HOME", "XDG_CONFIG_HOME"];

/// A repository that is only read.
pub struct Git {
    top: PathBuf,
    environment: BTreeMap<String, String>,
}

/// Git gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    #[error("the repository belongs to another user")]
    AnotherOwner,
    #[error("{0}")]
    Failed(String),
}

impl Git {
    /// The repository whose top is this folder.
    pub fn at(top: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, GitError> {
        let top = std::fs::canonicalize(top).map_err(|error| GitError::Failed(error.to_string()))?;
        let taken = TAKEN_OVER.iter().filter_map(|name| Some(((*name).to_owned(), variable(name)?)));
        let mut environment: BTreeMap<_, _> = taken.collect();
        let above = top.parent().unwrap_or(&top).display().to_string();
        for (name, value) in [
            ("LC_ALL", "C"),
            ("GIT_CEILING_DIRECTORIES", &above),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            // What a commit holds is asked for, not what somebody puts in its place.
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            // An object that is missing is missing; nothing is fetched for it.
            ("GIT_NO_LAZY_FETCH", "1"),
            ("GIT_ALLOW_PROTOCOL", "none"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_TERMINAL_PROMPT", "0"),
        ] {
            environment.insert(name.to_owned(), value.to_owned());
        }
        Ok(Self { top, environment })
    }

    /// The default branch and the commit at its tip: the wished one, else what the origin calls its own, else `main`
    /// or `master`; of each, what was fetched comes before what is only here.
    pub fn default_branch(&self, wished: Option<&str>) -> Result<Option<(String, String)>, GitError> {
        let refs = match wished {
            Some(name) => {
                ["refs/remotes/", "refs/remotes/origin/", "refs/heads/"].map(|at| format!("{at}{name}")).to_vec()
            }
            None => self.usual_branches()?,
        };
        for name in refs {
            let commit =
                self.ask(&["rev-parse", "-q", "--verify", "--end-of-options", &format!("{name}^{{commit}}")], "")?;
            let commit = commit.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
            if let Some(commit) = commit.filter(|commit| !commit.is_empty()) {
                let short = name.strip_prefix("refs/remotes/").or_else(|| name.strip_prefix("refs/heads/"));
                return Ok(Some((short.unwrap_or(&name).to_owned(), commit)));
            }
        }
        Ok(None)
    }

    /// Where the default branch may be, the surest place first.
    fn usual_branches(&self) -> Result<Vec<String>, GitError> {
        let head = self.ask(&["symbolic-ref", "-q", "refs/remotes/origin/HEAD"], "")?;
        let head = head.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
        let named = ["refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main", "refs/heads/master"];
        let head = head.filter(|name| name.starts_with("refs/remotes/origin/"));
        Ok(head.into_iter().chain(named.map(str::to_owned)).collect())
    }

    /// What a commit holds at these paths, as it was committed: no filter and no conversion of line ends.
    pub fn contents(&self, commit: &str, paths: &[String]) -> Result<Vec<Option<Vec<u8>>>, GitError> {
        let asked: Vec<_> = paths.iter().map(|path| format!("{commit}:{path}\n")).collect();
        let said = self.ask(&["cat-file", "--batch"], &asked.concat())?;
        let said = said.ok_or_else(|| GitError::Failed("`git cat-file` failed".to_owned()))?;
        let mut rest = said.as_slice();
        paths.iter().map(|_| next_object(&mut rest)).collect()
    }

    /// Asks one thing; none where git says no.
    fn ask(&self, words: &[&str], stdin: &str) -> Result<Option<Vec<u8>>, GitError> {
        let settings = SETTINGS.iter().flat_map(|setting| ["-c", setting]);
        let words = ["--no-pager"].into_iter().chain(settings).chain(words.iter().copied());
        let failed = |error: std::io::Error| GitError::Failed(error.to_string());
        let handle = duct::cmd("git", words)
            .full_env(&self.environment)
            .dir(&self.top)
            .stdin_bytes(stdin)
            .stdout_capture()
            .stderr_capture()
            .unchecked()
            .start()
            .map_err(failed)?;
        let Some(output) = handle.wait_timeout(AT_MOST).map_err(failed)? else {
            let _ = handle.kill();
            return Err(GitError::Failed(format!("it did not answer within {} s", AT_MOST.as_secs())));
        };
        let said = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => Ok(Some(output.stdout.clone())),
            Some(_) if said.contains("dubious ownership") => Err(GitError::AnotherOwner),
            Some(1) => Ok(None),
            _ => Err(GitError::Failed(said.lines().next().unwrap_or("it ended without a word").to_owned())),
        }
    }
}

/// Takes the next answer of `git cat-file --batch`: a head, the bytes, a line break.
fn next_object(rest: &mut &[u8]) -> Result<Option<Vec<u8>>, GitError> {
    let broken = || GitError::Failed("`git cat-file` broke off".to_owned());
    let end = memchr::memchr(b'\n', rest).ok_or_else(broken)?;
    let head = String::from_utf8_lossy(&rest[..end]).into_owned();
    *rest = &rest[end + 1..];
    // A path may hold blanks; a head that tells of an object has a hash first and no blank in it.
    if head.ends_with(" missing") || head.ends_with(" ambiguous") {
        return Ok(None);
    }
    let words: Vec<_> = head.split(' ').collect();
    let [_, kind, size] = words[..] else { return Err(broken()) };
    let size: usize = size.parse().map_err(|_| broken())?;
    if rest.len() <= size {
        return Err(broken());
    }
    let bytes = rest[..size].to_vec();
    *rest = &rest[size + 1..];
    Ok((kind == "blob").then_some(bytes))
}
