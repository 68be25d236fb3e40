//! A run as it is kept: its records, checked, and what they fold to.

use std::path::Path;

use super::outcome::CliError;
use super::resume::find;
use super::surroundings::Surroundings;
use crate::engine::{Exit, Plan, Record, Run};
use crate::journal::{Class, RunFolder};
use crate::session::bundle::Bundle;
use crate::session::resume::{plan, records};
use crate::text::Zone;

/// A run that was read back.
pub struct Kept {
    pub run: Run,
    pub records: Vec<Record>,
    pub class: Class,
    folder: RunFolder,
}

impl Kept {
    /// A run by its id; without one, the newest.
    pub fn find(state: &Path, id: Option<&str>) -> Result<Self, CliError> {
        if let Some(id) = id {
            return Self::read(find(state, Some(id))?);
        }
        let listed =
            RunFolder::list(state).map_err(|error| CliError { exit: Exit::Environment, error: error.into() })?;
        let newest = listed
            .into_iter()
            .next()
            .ok_or_else(|| CliError::new(Exit::Usage, format!("there is no run in `{}`", state.display())))?;
        Self::read(newest.folder)
    }

    pub fn read(folder: RunFolder) -> Result<Self, CliError> {
        let (records, class) = records(&folder)?;
        Ok(Self { run: Run::replay(folder.id(), &records), records, class, folder })
    }

    /// The runbook of the run, from its own bundle.
    pub fn plan(&self) -> Result<Plan, CliError> {
        let Some(opened) = &self.run.opened else {
            return Err(CliError::new(Exit::Torn, "the run was never opened; there is nothing to tell"));
        };
        Ok(plan(&Bundle::read(&self.folder.bundle())?, &opened.runbook.id)?)
    }

    /// Says on stderr what is wrong with the journal; gives the exit code that says it too.
    pub fn damage(&self) -> Exit {
        if self.class.is_ok() {
            return Exit::Done;
        }
        eprintln!("warning: {}; what stands before that is shown", crate::text::plain(&self.class.to_string()));
        self.class.exit()
    }
}

/// The zone a person asked for, or their own.
pub fn zone(around: &Surroundings, asked: Option<&str>) -> Result<Zone, CliError> {
    match asked {
        Some(asked) => asked.parse().map_err(|_| {
            CliError::new(
                Exit::Usage,
                format!("`--zone {asked}` is no zone, expected an IANA name such as `Europe/Copenhagen`"),
            )
        }),
        None => Ok(around.zone().parse().unwrap_or(Zone::UTC)),
    }
}
