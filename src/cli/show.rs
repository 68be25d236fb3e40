//! `locum show ID`: a runbook in the terminal, its commands with the inputs filled in.

use std::collections::BTreeMap;
use std::io::Write as _;

use clap::Args;

use super::Outcome;
use super::run::pairs;
use super::surroundings::{Surroundings, Where, valid};
use crate::engine::Exit;
use crate::session::inputs::draw;

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The runbook
    pub id: String,
    /// An input; without any, commands are shown as they are written
    #[arg(short, long = "input", value_name = "NAME=VALUE")]
    pub inputs: Vec<String>,
    #[command(flatten)]
    pub at: Where,
}

/// Prints a runbook.
pub fn show(args: &ShowArgs) -> Outcome {
    let around = Surroundings::find()?;
    let runbook = valid(around.workspace(&args.at)?.load(&args.id)?)?;
    let given = pairs(&args.inputs)?;
    let inputs = if given.is_empty() { BTreeMap::new() } else { draw(&runbook, &given)?.values };
    std::io::stdout().write_all(crate::book::show(&runbook, &inputs).as_bytes())?;
    Ok(Exit::Done)
}
