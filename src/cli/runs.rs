//! `locum runs`: the runs on this machine, newest first.

use std::io::{IsTerminal as _, Write as _};

use clap::Args;

use super::Outcome;
use super::kept::{Kept, zone};
use super::outcome::CliError;
use super::surroundings::{Surroundings, Where};
use crate::engine::{Exit, Run};
use crate::journal::{Listed, RunFolder};
use crate::report::{Row, runs_table};

/// Arguments of `runs`.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// Only those that wait to be gone on with
    #[arg(long)]
    pub open: bool,
    /// The zone of whoever reads, as `Europe/Copenhagen`
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    #[command(flatten)]
    pub at: Where,
}

/// Lists the runs.
pub fn runs(args: &RunsArgs) -> Outcome {
    let around = Surroundings::find()?;
    let zone = zone(&around, args.zone.as_deref())?;
    let listed = RunFolder::list(&around.state(&args.at)?)
        .map_err(|error| CliError { exit: Exit::Environment, error: error.into() })?;
    let listed = listed.into_iter().filter(|listed| !args.open || listed.folder.moved_to().is_none());
    let mut rows: Vec<_> = listed.map(row).collect();
    rows.retain(|row| !args.open || row.run.as_ref().is_ok_and(Run::waits));
    let columns = crossterm::terminal::size().ok().filter(|_| std::io::stdout().is_terminal());
    let width = columns.map_or(usize::MAX, |(columns, _)| usize::from(columns));
    std::io::stdout().write_all(runs_table(&rows, zone, width).as_bytes())?;
    Ok(Exit::Done)
}

/// A run that cannot be read is listed with the reason.
fn row(listed: Listed) -> Row {
    let run = match Kept::read(listed.folder) {
        Ok(kept) if kept.run.opened.is_some() => Ok(kept.run),
        Ok(kept) => Err(if kept.class.is_ok() { "it was never opened".to_owned() } else { kept.class.to_string() }),
        Err(error) => Err(error.error.to_string()),
    };
    Row { id: listed.id, run }
}
