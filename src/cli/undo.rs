//! `locum undo RUN`: the newest way back of a run, on its own card.

use std::path::PathBuf;

use clap::Args;

use super::Outcome;
use super::outcome::CliError;
use super::resume::{Draw, again, find};
use super::run::{How, drive_from, person, without_person};
use super::secrets::Given;
use super::surroundings::{Surroundings, Where};
use crate::engine::{Exit, Ledger};
use crate::headless::Answers;
use crate::session::Control;
use crate::session::resume::resume as go_on;
use crate::view::First;

/// Arguments of `undo`.
#[derive(Debug, Args)]
pub struct UndoArgs {
    /// The run; default: the newest open one
    pub run: Option<String>,
    #[command(flatten)]
    pub secrets: Given,
    #[command(flatten)]
    pub how: How,
    /// Without a person: the answers name the step to go back from
    #[arg(long, requires = "answers", conflicts_with = "plain")]
    pub headless: bool,
    /// The answers, as YAML: `answers: { undo: STEP }`
    #[arg(long, value_name = "FILE", requires = "headless")]
    pub answers: Option<PathBuf>,
    /// Why a way back that was tried before is gone once more
    #[arg(long, value_name = "TEXT", requires = "headless")]
    pub reason: Option<String>,
    #[command(flatten)]
    pub at: Where,
}

/// Goes the newest way back.
pub fn undo(args: &UndoArgs) -> Outcome {
    let answers = args.answers.as_deref().map(Answers::read).transpose()?;
    let around = Surroundings::find()?;
    let folder = find(&around.state(&args.at)?, args.run.as_deref())?;
    let draw = Draw { given: args.secrets.clone(), person: person(answers.is_some()) };
    let session = go_on(again(&around, folder, args.how.claimed.clone(), draw)?)?;
    if let (Some(answers), Some(path)) = (&answers, &args.answers) {
        answers.check(session.plan(), path)?;
        return without_person(session, answers, |mut headless| headless.undo(args.reason.clone()));
    }
    if Ledger::of(session.plan(), session.run()).entries.is_empty() {
        let message =
            format!("there is no way back to go: run {} has changed nothing that is not undone", session.id());
        return Err(CliError::new(Exit::PersonNeeded, message));
    }
    drive_from(session, &args.how, First::WayBack)
}
