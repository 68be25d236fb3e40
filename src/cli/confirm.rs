//! `locum confirm RUN CODE`: keeps a change that would otherwise go back by itself.

use std::io::{IsTerminal, Write};

use clap::Args;

use super::Outcome;
use super::outcome::CliError;
use super::resume::find;
use super::surroundings::{Surroundings, Where};
use crate::engine::Exit;
use crate::exec::{Asking, login_of};
use crate::session::confirm::Waiting;

/// Arguments of `confirm`.
#[derive(Debug, Args)]
pub struct ConfirmArgs {
    /// The run; default: the newest open one
    pub run: Option<String>,
    /// The code of the step that waits; without it, it is said
    pub code: Option<String>,
    #[command(flatten)]
    pub at: Where,
}

/// Confirms the step that waits, over a login made after it.
pub fn confirm(args: &ConfirmArgs) -> Outcome {
    let around = Surroundings::find()?;
    let folder = find(&around.state(&args.at)?, args.run.as_deref())?;
    let Some(waiting) = Waiting::of(&folder)? else {
        return Err(CliError::new(Exit::Usage, format!("nothing in run {} waits for a confirmation", folder.id())));
    };
    // Not locked: what comes over a line is passed on by a thread of its own.
    let mut out = std::io::stdout();
    let Some(code) = &args.code else {
        writeln!(
            out,
            "step `{}` is undone {} s after it began, unless you confirm it:",
            waiting.step, waiting.after_s
        )?;
        writeln!(out, "locum confirm {} {}", folder.id(), waiting.code())?;
        return Ok(Exit::PersonNeeded);
    };
    let by = match waiting.there() {
        Some(at) => {
            let asking = if std::io::stdin().is_terminal() { Asking::Person } else { Asking::Nobody };
            waiting.confirm_there(code, at, &around.who(None).claimed, asking)?
        }
        None => waiting.confirm(code, login_of(std::process::id()))?,
    };
    writeln!(out, "confirmed: step `{}` stays as it is ({by})", waiting.step)?;
    Ok(Exit::Done)
}
