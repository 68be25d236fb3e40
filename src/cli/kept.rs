//! A run as it is kept: its records, checked, and what they fold to.

use std::path::{Component, Path, PathBuf};

use super::outcome::CliError;
use super::resume::find;
use super::surroundings::Surroundings;
use crate::engine::record::Event;
use crate::engine::run::Remark;
use crate::engine::{Exit, Plan, Record, Run};
use crate::journal::{Class, RunFolder, notes};
use crate::session::bundle::Bundle;
use crate::session::resume::{plan, records};
use crate::text::{Zone, plain};

/// A run that was read back.
pub struct Kept {
    pub run: Run,
    pub records: Vec<Record>,
    /// What people wrote to it who did not have control.
    pub notes: Vec<(String, Record)>,
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
        let mut run = Run::replay(folder.id(), &records);
        let notes = noted(&folder);
        run.remarks.extend(notes.iter().filter_map(remark));
        Ok(Self { run, records, notes, class, folder })
    }

    /// The runbook of the run, from its own bundle.
    pub fn plan(&self) -> Result<Plan, CliError> {
        let Some(opened) = &self.run.opened else {
            return Err(CliError::new(Exit::Torn, "the run was never opened; there is nothing to tell"));
        };
        Ok(plan(&Bundle::read(&self.folder.bundle())?, &opened.runbook.id)?)
    }

    /// A file of output, by the name that its record gives; none where that is not the name of a file of the run.
    pub fn blob(&self, name: &str) -> Option<PathBuf> {
        let mut parts = Path::new(name).components();
        match (parts.next(), parts.next()) {
            (Some(Component::Normal(name)), None) => Some(self.folder.blobs().join(name)),
            _ => None,
        }
    }

    /// Says on stderr what is wrong with the journal; gives the exit code that says it too.
    pub fn damage(&self) -> Exit {
        if self.class.is_ok() {
            return Exit::Done;
        }
        eprintln!("warning: {}; what stands before that is shown", plain(&self.class.to_string()));
        self.class.exit()
    }
}

/// What others wrote to a run, as far as it is whole, with the name each goes by.
fn noted(folder: &RunFolder) -> Vec<(String, Record)> {
    let mut all = Vec::new();
    for notes in notes(folder).unwrap_or_default() {
        if let Some(flaw) = &notes.flaw {
            let name = notes.path.display().to_string();
            eprintln!("warning: `{}`: {}; what stands before that is shown", plain(&name), plain(flaw));
        }
        let records = notes.records.into_iter();
        let records = records.filter_map(|record| serde_json::from_value(serde_json::Value::Object(record)).ok());
        all.extend(records.map(|record| (notes.writer.clone(), record)));
    }
    all
}

fn remark((writer, record): &(String, Record)) -> Option<Remark> {
    let Event::Noted { text } = &record.event else { return None };
    Some(Remark { at: record.at.t.clone(), step: None, what: "note", text: format!("{text} (by {writer})") })
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
