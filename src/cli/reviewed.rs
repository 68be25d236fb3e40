//! Whether the bytes of a run are the reviewed ones, and what is said and refused where they are not.

use std::io::{self, Write};
use std::path::PathBuf;

use super::outcome::CliError;
use super::surroundings::{Surroundings, variable};
use crate::engine::Exit;
use crate::session::bundle::{Bundle, INCLUDED, PEOPLE, RUNBOOK};
use crate::text::plain;
use crate::trust::{self, Origin, Review, User};
use crate::workspace::Workspace;

/// Compares everything that a run uses with what was reviewed.
pub fn review(around: &Surroundings, workspace: &Workspace, id: &str, bundle: &Bundle) -> Review {
    let origins: Vec<_> = bundle
        .files()
        .map(|(name, bytes)| Origin { path: origin(workspace, id, name), bytes: bytes.to_vec() })
        .collect();
    let user = User { branch: around.config.reviewed_branch.as_deref(), variable: &variable };
    trust::review(&workspace.root, &origins, user)
}

/// Where a file of a bundle was read.
fn origin(workspace: &Workspace, id: &str, name: &str) -> PathBuf {
    match name.split_once('/') {
        _ if name == RUNBOOK => workspace.path(id),
        _ if name == PEOPLE => workspace.runbooks.join(PEOPLE),
        Some(("files", path)) => workspace.root.join(path),
        Some((INCLUDED | "lab", path)) => workspace.runbooks.join(path),
        _ => unreachable!("a bundle holds nothing else"),
    }
}

/// Says that something is not reviewed, where nothing can be changed by it.
pub fn tell(review: &Review) -> io::Result<()> {
    match &review.fault {
        Some(fault) => writeln!(io::stdout(), "NOT REVIEWED: {}\n", plain(&fault.to_string())),
        None => Ok(()),
    }
}

/// Refuses to run what nobody reviewed, unless a person says why it is run all the same.
pub fn refuse(review: &Review, id: &str, accepted: Option<&str>) -> Result<(), CliError> {
    let Some(fault) = &review.fault else { return Ok(()) };
    match accepted.map(str::trim) {
        Some("") => Err(CliError::new(Exit::Usage, "`--accept-unreviewed` wants a reason; it is recorded")),
        Some(_) => Ok(()),
        None => {
            let (why, remedy) = (plain(&fault.to_string()), plain(&fault.remedy()));
            Err(CliError::new(
                Exit::NotTrusted,
                format!(
                    "not reviewed: {why}; nothing ran\n\
                     help: {remedy}\n\
                     help: to only look, which changes nothing: locum run {id} --look\n\
                     help: if you must run it as it is, say why, with the same words and: --accept-unreviewed 'REASON'"
                ),
            ))
        }
    }
}
