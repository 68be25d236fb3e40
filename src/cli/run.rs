//! `locum run ID`: step by step, on the real system.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Args;

use super::Outcome;
use super::as_root;
use super::get_in::{Entry, Present, get_in};
use super::outcome::CliError;
use super::reviewed;
use super::secrets::{Given, Person};
use super::surroundings::{Surroundings, Where, program, valid};
use crate::engine::record::{Close, Mode};
use crate::engine::{Exit, Plan};
use crate::headless::{Answers, Decisions, Headless, HeadlessError};
use crate::model::runbook::Status;
use crate::model::{Runbook, StepKind};
use crate::plain::lines::Stdin;
use crate::plain::{Left, Plain};
use crate::session::bundle::Bundle;
use crate::session::inputs::{Drawn, draw};
use crate::session::open::{Start, open};
use crate::session::{Control, Session};
use crate::view::First;
use crate::workspace::Workspace;

/// Arguments of `run`.
#[derive(Debug, Args)]
#[command(after_help = exit_codes())]
pub struct RunArgs {
    /// The runbook: its file name without `.yaml`
    pub id: String,
    /// A value for an input
    #[arg(short = 'i', long = "input", value_name = "NAME=VALUE")]
    pub inputs: Vec<String>,
    #[command(flatten)]
    pub secrets: Given,
    #[command(flatten)]
    pub how: How,
    /// Without a person: looks run, everything else wants an answer from a file
    #[arg(long, requires = "answers", conflicts_with_all = ["plain", "dry_run"])]
    pub headless: bool,
    /// The answers, as YAML: `inputs:` and `answers:` by step
    #[arg(long, value_name = "FILE", requires = "headless")]
    pub answers: Option<PathBuf>,
    /// Every command resolved; nothing runs, nothing is recorded
    #[arg(long, conflicts_with_all = ["plain", "look"])]
    pub dry_run: bool,
    /// Only looks: nothing is changed
    #[arg(long)]
    pub look: bool,
    /// Run bytes that nobody reviewed, and say why; it is recorded
    #[arg(long, value_name = "REASON", conflicts_with_all = ["dry_run", "look"])]
    pub accept_unreviewed: Option<String>,
    /// Start it although another run is open on the same place, and say why; it is recorded in both
    #[arg(long, value_name = "REASON", conflicts_with_all = ["dry_run", "look"])]
    pub also: Option<String>,
    #[command(flatten)]
    pub at: Where,
}

/// How a run is shown, and to whom.
#[derive(Clone, Debug, Default, Args)]
pub struct How {
    /// A transcript, without screen control
    #[arg(long)]
    pub plain: bool,
    /// Who acts, as it is recorded: a claim, not a proof
    #[arg(long = "as", value_name = "NAME")]
    pub claimed: Option<String>,
}

fn exit_codes() -> String {
    let lines = Exit::ALL.iter().map(|exit| format!("  {:>3}  {}", exit.code(), exit.meaning()));
    format!("Exit codes:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

/// Runs a runbook.
pub fn run(args: RunArgs) -> Outcome {
    let around = Surroundings::find()?;
    let workspace = around.workspace(&args.at)?;
    let loaded = workspace.load(&args.id)?;
    let text = loaded.file.text().to_owned();
    let runbook = valid(loaded)?;
    let answers = args.answers.as_deref().map(Answers::read).transpose()?;
    let mut given = pairs(&args.inputs)?;
    if let (Some(answers), Some(path)) = (&answers, &args.answers) {
        answers.check(&Plan::new(runbook.clone()), path)?;
        given.extend(answers.inputs.clone());
    }
    let bundle = bundle(&workspace, &runbook, &text)?;
    let review = reviewed::review(&around, &workspace, &args.id, &bundle);
    if args.dry_run {
        reviewed::tell(&review)?;
        return super::dry_run::print(
            &runbook,
            &draw(&runbook, &given)?,
            &around.who(args.how.claimed),
            &around.zone(),
        );
    }
    if runbook.head.status == Some(Status::Draft) {
        return Err(CliError::new(
            Exit::InvalidRunbook,
            format!("`{}` is a draft; take out `status: draft` when it was reviewed", args.id),
        ));
    }
    not_a_part(&runbook)?;
    if !args.look {
        reviewed::refuse(&review, &args.id, args.accept_unreviewed.as_deref())?;
    }
    let who = around.who(args.how.claimed.clone());
    as_root::refuse(&Plan::new(runbook.clone()), &who)?;
    let drawn = ask_for_inputs(&runbook, given, answers.is_some())?;
    let place = around.place(&workspace.root);
    args.secrets.draw(&runbook, &[], &place, person(answers.is_some()))?;
    let start = Start {
        place,
        inputs: drawn.values,
        who,
        tz: around.zone(),
        mode: if args.look { Mode::Look } else { Mode::Live },
        lab: None,
        review,
        accepted: args.accept_unreviewed,
        also: args.also,
        state: around.state(&args.at)?,
        program: program()?,
        runbook,
        bundle,
    };
    if answers.is_some() && !args.look {
        needs_no_terminal(&start.runbook)?;
    }
    let mut session = open(start)?;
    let present = if answers.is_some() { Present::Nobody } else { Present::Operator };
    if get_in(&mut session, present)? == Entry::Out {
        return Ok(Exit::Environment);
    }
    match answers {
        Some(answers) => headless(session, &answers, Decisions::default()),
        None => drive(session, &args.how),
    }
}

/// Nobody is there who could work in a program: said before anything runs.
pub fn needs_no_terminal(runbook: &Runbook) -> Result<(), CliError> {
    let steps = runbook.steps();
    let Some((_, step)) = steps.iter().find(|(_, step)| matches!(step.kind, StepKind::Terminal(_))) else {
        return Ok(());
    };
    let message = format!("step `{}` is a terminal, which needs a person in it; nothing ran", step.id.value);
    Err(CliError::new(Exit::PersonNeeded, message))
}

/// Whether somebody sits at this terminal who can be asked.
pub fn person(headless: bool) -> Person {
    if !headless && io::stdin().is_terminal() { Person::There } else { Person::Absent }
}

/// `NAME=VALUE` as a map.
pub fn pairs(given: &[String]) -> Result<BTreeMap<String, String>, CliError> {
    let pair = |text: &String| {
        let pair = text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        pair.ok_or_else(|| CliError::new(Exit::Usage, format!("`-i {text}` has no `=`, expected `-i name=value`")))
    };
    given.iter().map(pair).collect()
}

/// A part is only for `include`.
pub fn not_a_part(runbook: &Runbook) -> Result<(), CliError> {
    if !runbook.head.part {
        return Ok(());
    }
    let message = format!("`{}` is a part of other runbooks (`part: true`); run one that includes it", runbook.id);
    Err(CliError::new(Exit::InvalidRunbook, message))
}

/// Everything the run uses, frozen.
pub fn bundle(workspace: &Workspace, runbook: &Runbook, text: &str) -> Result<Bundle, CliError> {
    let mut bundle = Bundle::new(text);
    bundle.people(workspace.people());
    bundle.included(&runbook.included);
    bundle.written_in(&workspace.runbooks, &runbook.id);
    for file in &runbook.head.files {
        bundle.file(&workspace.root, &file.value)?;
    }
    Ok(bundle)
}

/// Asks a person for the inputs that have no value; nobody to ask is exit 20, before anything is recorded.
pub fn ask_for_inputs(
    runbook: &Runbook,
    mut given: BTreeMap<String, String>,
    headless: bool,
) -> Result<Drawn, CliError> {
    loop {
        let drawn = draw(runbook, &given)?;
        let Some(wanted) = drawn.wanted.first() else { return Ok(drawn) };
        if person(headless) == Person::Absent {
            let names: Vec<_> = drawn.wanted.iter().map(|wanted| format!("-i {}=...", wanted.name)).collect();
            return Err(CliError::new(
                Exit::PersonNeeded,
                format!("values are missing: {}; nothing ran", names.join(" ")),
            ));
        }
        let choices =
            if wanted.choices.is_empty() { String::new() } else { format!(" ({})", wanted.choices.join(", ")) };
        print!("{}: {}{choices}> ", wanted.name, crate::text::plain(&wanted.about));
        io::stdout().flush()?;
        let mut line = String::new();
        if io::stdin().read_line(&mut line)? == 0 || line.trim().is_empty() {
            return Err(CliError::new(Exit::PersonNeeded, format!("no value for `{}`; nothing ran", wanted.name)));
        }
        let name = wanted.name.clone();
        let mut tried = given.clone();
        tried.insert(name, line.trim().to_owned());
        match draw(runbook, &tried) {
            Ok(_) => given = tried,
            Err(error) => eprintln!("{}", crate::text::plain(&error.to_string())),
        }
    }
}

/// Without a person, but with what one decided.
pub fn headless(session: Session, answers: &Answers, decisions: Decisions) -> Outcome {
    without_person(session, answers, |headless| headless.decided(decisions).run())
}

/// Without a person, for one thing.
pub fn without_person(
    mut session: Session,
    answers: &Answers,
    act: impl FnOnce(Headless) -> Result<Exit, HeadlessError>,
) -> Outcome {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, interrupted.clone())?;
    }
    let mut out = io::stdout().lock();
    writeln!(out, "run {}", session.id())?;
    if let Some(said) = session.run().opened.as_ref().and_then(|opened| opened.runbook.not_reviewed_words()) {
        writeln!(out, "{}", crate::text::plain(&said))?;
    }
    let exit = act(Headless::new(&mut session, answers, &mut out).interrupted_by(interrupted))?;
    writeln!(out, "locum report {}", session.id())?;
    Ok(exit)
}

/// With a person: the screen, or the transcript.
pub fn drive(session: Session, how: &How) -> Outcome {
    drive_from(session, how, First::Place)
}

/// The same, with another card first.
pub fn drive_from(mut session: Session, how: &How, first: First) -> Outcome {
    let screen = !how.plain && io::stdin().is_terminal() && io::stdout().is_terminal();
    let left = if screen { super::screen::show(&mut session, first)? } else { transcript(&mut session, first)? };
    let exit = exit_of(&left, &session);
    let mut out = io::stdout().lock();
    let id = session.id();
    match left {
        Left::Closed(_) => writeln!(out, "run {id} is closed. locum report {id}")?,
        Left::Kept | Left::NotConfirmed if session.run().mode() == Mode::Drill => {
            writeln!(out, "the drill is left, and its lab is gone. locum report {id} tells what was done")?;
        }
        Left::Kept | Left::NotConfirmed => {
            writeln!(out, "run {id} is kept. locum resume {id} goes on; locum report {id} tells where it stands")?;
        }
    }
    Ok(exit)
}

fn transcript(session: &mut Session, first: First) -> Result<Left, CliError> {
    let mut lines = Stdin::open()?;
    let mut out = io::stdout().lock();
    Ok(Plain::new(session, &mut lines, &mut out).beginning_with(first).run()?)
}

/// The exit code of a run that a person drove.
pub fn exit_of(left: &Left, session: &Session) -> Exit {
    use crate::engine::Position;
    use crate::engine::position::StopReason;
    if session.is_suspect() {
        return Exit::JournalNotWritable;
    }
    match left {
        Left::Closed(Close::Done | Close::NothingToRepair | Close::Preflight) => Exit::Done,
        Left::Closed(Close::NotRepaired) => Exit::StepFailed,
        Left::NotConfirmed => Exit::WrongTarget,
        Left::Kept => match &session.run().position {
            Position::Frozen { .. } => Exit::GuardBroken,
            Position::Stopped { by: StopReason::Runbook, .. } => Exit::StoppedByRunbook,
            Position::Stopped { by: StopReason::StepFailed, .. } => Exit::StepFailed,
            Position::Stopped { by: StopReason::WayBack, .. } => session.run().way_back_exit(),
            _ => Exit::StoppedByOperator,
        },
    }
}
