//! `locum log RUN`: every record of a run, in words.

use std::io::Write as _;

use clap::Args;

use super::Outcome;
use super::kept::{Kept, zone};
use super::surroundings::{Surroundings, Where};
use crate::report::{log_line, note_line};

/// Arguments of `log`.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// The run; default: the newest
    pub run: Option<String>,
    /// One JSON object a record
    #[arg(long)]
    pub json: bool,
    /// The zone of whoever reads, as `Europe/Copenhagen`
    #[arg(long, value_name = "ZONE", conflicts_with = "json")]
    pub zone: Option<String>,
    #[command(flatten)]
    pub at: Where,
}

/// Prints the records of a run.
pub fn log(args: &LogArgs) -> Outcome {
    let around = Surroundings::find()?;
    let zone = zone(&around, args.zone.as_deref())?;
    let kept = Kept::find(&around.state(&args.at)?, args.run.as_deref())?;
    let mut out = std::io::stdout().lock();
    for record in &kept.records {
        let line = if args.json {
            serde_json::to_string(record).map_err(anyhow::Error::from)?
        } else {
            log_line(record, zone)
        };
        writeln!(out, "{line}")?;
    }
    for (writer, record) in &kept.notes {
        let line = if args.json {
            serde_json::to_string(record).map_err(anyhow::Error::from)?
        } else {
            note_line(writer, record, zone)
        };
        writeln!(out, "{line}")?;
    }
    Ok(kept.damage())
}
