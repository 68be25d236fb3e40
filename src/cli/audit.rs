//! `locum audit RUN`: the chain of a run's journal, and its outputs.

use clap::Args;

use super::Outcome;
use super::resume::find;
use super::surroundings::{Surroundings, Where};
use crate::journal::audit as check;

/// Arguments of `audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// The run
    pub run: String,
    /// As JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub at: Where,
}

/// Checks a run's journal.
pub fn audit(args: &AuditArgs) -> Outcome {
    let around = Surroundings::find()?;
    let folder = find(&around.state(&args.at)?, Some(&args.run))?;
    let audit = check(&folder);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&audit).map_err(anyhow::Error::from)?);
    } else {
        println!("{}", crate::text::plain(&audit.to_string()));
    }
    Ok(audit.exit())
}
