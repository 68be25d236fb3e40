//! `locum resume RUN`: go on after a crash, a lost line or a pause.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Outcome;
use super::as_root;
use super::get_in::{Entry, Present, get_in};
use super::outcome::CliError;
use super::run::{How, drive, headless, person};
use super::secrets::{Given, Person};
use super::surroundings::{Surroundings, Where, program};
use crate::engine::record::{Mode, Who};
use crate::engine::{Exit, Plan, Run};
use crate::headless::{Answers, Decisions, Repeatable};
use crate::journal::RunFolder;
use crate::report::shell_told;
use crate::session::elsewhere::move_to;
use crate::session::place::Place;
use crate::session::resume::{Again, resume as go_on};
use crate::session::{Control, Trouble};

/// Arguments of `resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The run; default: the newest open one
    pub run: Option<String>,
    #[command(flatten)]
    pub secrets: Given,
    #[command(flatten)]
    pub how: How,
    /// Without a person: looks run, everything else wants an answer from a file
    #[arg(long, requires = "answers", conflicts_with = "plain")]
    pub headless: bool,
    /// The answers, as YAML
    #[arg(long, value_name = "FILE", requires = "headless")]
    pub answers: Option<PathBuf>,
    /// About an attempt whose end is not known: done, run-again or abort
    #[arg(long, value_name = "ATTEMPT=CHOICE", requires_all = ["headless", "reason"])]
    pub decide: Vec<String>,
    /// Why it was decided so
    #[arg(long, value_name = "TEXT", requires = "decide")]
    pub reason: Option<String>,
    /// Run a step again by itself where its end is not known and it says that it is repeatable
    #[arg(long, requires = "headless")]
    pub rerun_safe: bool,
    #[command(flatten)]
    pub at: Where,
}

/// Goes on with a run.
pub fn resume(args: &ResumeArgs) -> Outcome {
    let repeatable = if args.rerun_safe { Repeatable::RunAgain } else { Repeatable::AskFirst };
    let decisions = Decisions::new(&args.decide, args.reason.as_deref().unwrap_or_default(), repeatable)?;
    let answers = args.answers.as_deref().map(Answers::read).transpose()?;
    let around = Surroundings::find()?;
    let state = around.state(&args.at)?;
    let who = around.who(args.how.claimed.clone());
    let Found { folder, from } = find_or_move(&around, args, &state, &who)?;
    let drawn = Draw { given: args.secrets.clone(), person: person(answers.is_some()) };
    let again = again(&around, folder, args.how.claimed.clone(), drawn)?;
    let mut session = go_on(Again { from, ..again })?;
    if let Some(shell) = session.shell_found_open() {
        for line in shell_told(shell) {
            println!("{line}");
        }
    }
    if answers.is_some() && session.run().open_shell().is_some() {
        println!("a side shell is open, which needs a person: locum resume {}", session.run().id);
        return Ok(Exit::PersonNeeded);
    }
    decisions.check(session.run())?;
    let present = if answers.is_some() { Present::Nobody } else { Present::Operator };
    if get_in(&mut session, present)? == Entry::Out {
        return Ok(Exit::Environment);
    }
    match answers {
        Some(answers) => {
            if let Some(path) = &args.answers {
                answers.check(session.plan(), path)?;
            }
            headless(session, &answers, decisions)
        }
        None => drive(session, &args.how),
    }
}

/// How the secrets of a run are drawn anew.
pub struct Draw {
    pub given: Given,
    pub person: Person,
}

/// What is needed to go on with a run in its folder.
pub fn again(around: &Surroundings, folder: RunFolder, claimed: Option<String>, draw: Draw) -> Result<Again, CliError> {
    let who = around.who(claimed);
    let (places, config, here) = (around.places.clone(), around.config.clone(), around.here.clone());
    let claimed = who.clone();
    let place = move |run: &Run, plan: &Plan| {
        let place = place_of(&Surroundings { places, config, here }, run)?;
        as_root::refuse(plan, &claimed)?;
        draw_again(&draw.given, run, plan, &place, draw.person)?;
        Ok(place)
    };
    Ok(Again { folder, who, place: Box::new(place), program: program()?, from: None })
}

/// A run where it is looked for, or moved there from where runs are kept otherwise.
struct Found {
    folder: RunFolder,
    /// Where it was, where it is moved.
    from: Option<PathBuf>,
}

/// A run that is not in the folder that was named goes on there, from the usual one: its disk may be full or broken.
fn find_or_move(around: &Surroundings, args: &ResumeArgs, state: &Path, who: &Who) -> Result<Found, CliError> {
    let usual = around.state(&Where::default()).ok().filter(|usual| usual != state);
    let (Some(_), Some(usual)) = (&args.at.state, usual) else {
        return Ok(Found { folder: find(state, args.run.as_deref())?, from: None });
    };
    match find(state, args.run.as_deref()) {
        Ok(folder) => Ok(Found { folder, from: None }),
        Err(nowhere) => match find(&usual, args.run.as_deref()) {
            Ok(folder) => moved(&folder, state, who),
            Err(_) => Err(nowhere),
        },
    }
}

fn moved(folder: &RunFolder, state: &Path, who: &Who) -> Result<Found, CliError> {
    if let Some(to) = folder.moved_to() {
        return Err(CliError::new(Exit::Fenced, format!("run {} went on in `{}`", folder.id(), to.display())));
    }
    let moved = move_to(folder, state, who)?;
    let from = moved.from.display().to_string();
    println!("run {} goes on in {}; what was recorded is copied, whole", folder.id(), moved.folder.root().display());
    if !moved.marked {
        println!("`{from}` cannot be marked: do not go on with the run there");
    }
    Ok(Found { folder: moved.folder, from: Some(moved.from) })
}

/// Secrets are nobody's to keep: whoever goes on draws them anew, those that steps gave among them.
fn draw_again(given: &Given, run: &Run, plan: &Plan, place: &Place, person: Person) -> Result<(), Trouble> {
    let steps = plan.runbook.steps();
    let captures = steps.iter().flat_map(|(_, step)| step.fields.capture.0.iter().map(move |capture| (step, capture)));
    let captured = captures.filter(|(_, capture)| capture.secret && run.captured.contains_key(&capture.name.value));
    let captured: Vec<_> = captured.map(|(step, name)| (name.name.value.clone(), step.id.value.clone())).collect();
    given.draw(&plan.runbook, &captured, place, person).map_err(|error| {
        let message = error.error.to_string();
        Trouble::Failed { message, exit: error.exit }
    })
}

/// The surroundings of an interrupted run: as it was opened.
fn place_of(around: &Surroundings, run: &Run) -> Result<Place, Trouble> {
    let Some(opened) = &run.opened else { return Ok(around.place(&around.here)) };
    if opened.mode == Mode::Preflight {
        let message = format!("a preflight is not gone on with; start another: locum preflight {}", opened.runbook.id);
        return Err(Trouble::Failed { message, exit: Exit::Usage });
    }
    if opened.mode == Mode::Drill {
        let message = "the lab of a drill ends with it; start another with `locum drill`".to_owned();
        return Err(Trouble::Failed { message, exit: Exit::LabFailed });
    }
    Ok(around.place(std::path::Path::new(&opened.cwd)))
}

/// A run by its id, or the newest that is open.
pub fn find(state: &std::path::Path, id: Option<&str>) -> Result<RunFolder, CliError> {
    let folders = RunFolder::list(state).map_err(|error| CliError { exit: Exit::Environment, error: error.into() })?;
    let found = match id {
        Some(id) => folders.into_iter().find(|listed| listed.id == id),
        None => folders.into_iter().find(|listed| is_open(&listed.folder)),
    };
    found.map(|listed| listed.folder).ok_or_else(|| match id {
        Some(id) => CliError::new(
            Exit::Usage,
            format!("there is no run `{id}` in `{}`; `locum runs` lists them", state.display()),
        ),
        None => CliError::new(Exit::Usage, format!("there is no open run in `{}`", state.display())),
    })
}

fn is_open(folder: &RunFolder) -> bool {
    if folder.moved_to().is_some() {
        return false;
    }
    let records = crate::session::resume::records(folder);
    records.is_ok_and(|(records, _)| Run::replay(folder.id(), &records).waits())
}
