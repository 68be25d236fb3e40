//! Whether the bytes of a run are the reviewed ones: those that the default branch of their repository holds.
//!
//! Only bytes are compared, with what is committed at the tip of the default branch; the working tree, its index and
//! what is checked out say nothing. A repository can grant itself nothing: [`git`] reads it and runs none of it. What
//! is done about bytes that are not reviewed is decided elsewhere.

mod git;

use std::path::{Path, PathBuf};

use git::{Git, GitError};

use crate::text::shell::single_quote;

/// A file of a run, and where it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
}

/// What is known of the bytes of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Review {
    /// The default branch they were compared with, as git names it.
    pub branch: Option<String>,
    /// Its tip.
    pub commit: Option<String>,
    /// Why they are not the reviewed ones; none where they are.
    pub fault: Option<Unreviewed>,
}

/// Why bytes are not the reviewed ones.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreviewed {
    #[error("`{folder}` is in no git repository, so nobody can tell what was reviewed")]
    NoRepository { folder: PathBuf },
    #[error("git cannot be asked: {why}")]
    Git { why: String },
    #[error("`{folder}` belongs to another user of this machine, so git does not read it")]
    AnotherOwner { folder: PathBuf },
    #[error("the repository has no default branch: {tried}")]
    NoBranch { tried: String },
    #[error("`{path}` is reached through a link, and a link is not compared")]
    Link { path: String },
    #[error("`{path}` is not on `{branch}`")]
    NotThere { path: String, branch: String },
    #[error("`{path}` is not what `{branch}` holds")]
    Differs { path: String, branch: String },
}

impl Unreviewed {
    /// What would help, in one line.
    pub fn remedy(&self) -> String {
        match self {
            Self::NoRepository { .. } => "run it from a clone of your team's runbooks".to_owned(),
            Self::Git { .. } => "install git, or mend the repository; `git log -1` must work there".to_owned(),
            Self::AnotherOwner { folder } => {
                let folder = single_quote(&folder.display().to_string());
                format!("if you trust its owner: git config --global --add safe.directory {folder}")
            }
            Self::NoBranch { .. } => {
                "fetch it, or name it in ~/.config/locum/config.yaml, as in `reviewed_branch: main`".to_owned()
            }
            Self::Link { .. } => "name the file itself".to_owned(),
            Self::NotThere { path, branch } => {
                format!("it may be new and unreviewed, or your clone may be old: git log --oneline {branch} -- {path}")
            }
            Self::Differs { path, branch } => format!("see what differs: git diff {branch} -- {path}"),
        }
    }
}

/// What the user says, and no repository can.
#[derive(Clone, Copy)]
pub struct User<'a> {
    /// The branch that holds what was reviewed, where their configuration names one.
    pub branch: Option<&'a str>,
    /// Gives a variable of their environment.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
}

/// Whether these bytes are the reviewed ones. `root` is the top of their repository.
pub fn review(root: &Path, origins: &[Origin], user: User) -> Review {
    let mut review = Review::default();
    let fault = weigh(root, origins, user, &mut review).err();
    Review { fault, ..review }
}

fn weigh(root: &Path, origins: &[Origin], user: User, review: &mut Review) -> Result<(), Unreviewed> {
    if !root.join(".git").exists() {
        return Err(Unreviewed::NoRepository { folder: root.to_owned() });
    }
    let git = Git::at(root, user.variable).map_err(|error| fault(error, root))?;
    let tip = git.default_branch(user.branch).map_err(|error| fault(error, root))?;
    let Some((branch, commit)) = tip else {
        let tried = user.branch.map_or_else(
            || "neither `origin/HEAD` nor a branch `main` or `master` is known here".to_owned(),
            |wished| format!("`{wished}`, which your configuration names, is not known here"),
        );
        return Err(Unreviewed::NoBranch { tried });
    };
    review.branch = Some(branch.clone());
    review.commit = Some(commit.clone());
    let paths = origins.iter().map(|origin| inside(root, &origin.path)).collect::<Result<Vec<_>, _>>()?;
    let held = git.contents(&commit, &paths).map_err(|error| fault(error, root))?;
    for ((path, origin), held) in paths.into_iter().zip(origins).zip(held) {
        match held {
            None => return Err(Unreviewed::NotThere { path, branch }),
            Some(held) if held != origin.bytes => return Err(Unreviewed::Differs { path, branch }),
            Some(_) => {}
        }
    }
    Ok(())
}

/// A path from the top of the repository on, as git writes it. A link on the way is refused: its target may be
/// reviewed and still not be what is meant here.
fn inside(root: &Path, path: &Path) -> Result<String, Unreviewed> {
    let shown = || path.strip_prefix(root).unwrap_or(path).display().to_string();
    let link = || Unreviewed::Link { path: shown() };
    let real = |path: &Path| std::fs::canonicalize(path).map_err(|_| link());
    let real_root = real(root)?;
    let below = real(path)?.strip_prefix(&real_root).map_err(|_| link())?.to_owned();
    let named = path.strip_prefix(root).or_else(|_| path.strip_prefix(&real_root)).map_err(|_| link())?;
    let plain: PathBuf = named.components().filter(|part| *part != std::path::Component::CurDir).collect();
    let text = below.to_str().filter(|text| !text.contains('\n')).ok_or_else(link)?;
    if plain == below { Ok(text.to_owned()) } else { Err(link()) }
}

fn fault(error: GitError, root: &Path) -> Unreviewed {
    match error {
        GitError::AnotherOwner => Unreviewed::AnotherOwner { folder: root.to_owned() },
        GitError::Failed(why) => Unreviewed::Git { why },
    }
}

#[cfg(test)]
mod tests;
