//! `locum report RUN`: what was done, by whom, with what result, as Markdown.

use std::io::Write as _;

use clap::Args;

use super::Outcome;
use super::kept::{Kept, zone};
use super::surroundings::{Surroundings, Where};
use crate::report::{Reader, markdown};

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The run; default: the newest
    pub run: Option<String>,
    /// The zone of whoever reads, as `Europe/Copenhagen`
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    #[command(flatten)]
    pub at: Where,
}

/// Prints the report of a run.
pub fn report(args: &ReportArgs) -> Outcome {
    let around = Surroundings::find()?;
    let reader = Reader { zone: zone(&around, args.zone.as_deref())? };
    let kept = Kept::find(&around.state(&args.at)?, args.run.as_deref())?;
    let text = markdown(&kept.plan()?, &kept.run, reader);
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(kept.damage())
}
