//! `locum preflight ID`: whether you can get in, and what the looks of diagnose find, on the real system, as you.
//!
//! It is recorded like a run, is closed when it ends, and is never an open one. Jumps are not followed, a wait is asked
//! once, and what needs a person is left out.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::Outcome;
use super::run::{How, ask_for_inputs, bundle, not_a_part, pairs, person};
use super::secrets::Given;
use super::surroundings::{Surroundings, Where, program, valid};
use super::{as_root, get_in, reviewed};
use crate::engine::record::{Access, Close, Judged, Mode};
use crate::engine::resolve::Resolver;
use crate::engine::run::StepState;
use crate::engine::{Exit, Key, Plan, Position};
use crate::model::Phase;
use crate::session::get_in::Asking;
use crate::session::open::{Start, open};
use crate::session::{Control, Session, Trouble};
use crate::text::plain;
use crate::view::map::{map, steps};

/// How long one wait for something to happen lasts.
const WAIT: Duration = Duration::from_millis(200);

/// Arguments of `preflight`.
#[derive(Debug, Args)]
pub struct PreflightArgs {
    /// The runbook: its file name without `.yaml`
    pub id: String,
    /// A value for an input
    #[arg(short = 'i', long = "input", value_name = "NAME=VALUE")]
    pub inputs: Vec<String>,
    /// One JSON object
    #[arg(long, conflicts_with = "plain")]
    pub json: bool,
    #[command(flatten)]
    pub secrets: Given,
    #[command(flatten)]
    pub how: How,
    #[command(flatten)]
    pub at: Where,
}

/// What one look found.
struct Found {
    step: Key,
    title: String,
    /// None where it was not asked.
    judged: Option<Judged>,
    said: Vec<String>,
}

/// Tries every place, and looks once at everything.
pub fn preflight(args: &PreflightArgs) -> Outcome {
    let mut session = start(args)?;
    let asking =
        if !args.json && io::stdin().is_terminal() { Asking::Terminal(&get_in::typed) } else { Asking::Nobody };
    if !args.json {
        if let Some(said) = session.run().opened.as_ref().and_then(|opened| opened.runbook.not_reviewed_words()) {
            println!("{}\n", plain(&said));
        }
        println!("Get in");
    }
    let access = session.get_in(asking, &mut |access| {
        if !args.json {
            print!("{}", get_in::lines(access));
        }
    })?;
    if !args.json {
        println!("Look");
    }
    look(&mut session, &mut |found| {
        if !args.json {
            print!("{}", lines(found));
        }
    })?;
    let looks = looks(&session);
    let exit = exit_of(&access, &looks);
    tell(args, &session, (&access, &looks), exit)?;
    Ok(exit)
}

fn start(args: &PreflightArgs) -> Result<Session, super::outcome::CliError> {
    let around = Surroundings::find()?;
    let workspace = around.workspace(&args.at)?;
    let loaded = workspace.load(&args.id)?;
    let text = loaded.file.text().to_owned();
    let runbook = valid(loaded)?;
    not_a_part(&runbook)?;
    let who = around.who(args.how.claimed.clone());
    as_root::refuse(&Plan::new(runbook.clone()), &who)?;
    let bundle = bundle(&workspace, &runbook, &text)?;
    let review = reviewed::review(&around, &workspace, &args.id, &bundle);
    let drawn = ask_for_inputs(&runbook, pairs(&args.inputs)?, args.json)?;
    let mut place = around.place(&workspace.root);
    // Nothing is told to anybody by looking.
    place.channels = BTreeMap::new();
    args.secrets.draw(&runbook, &[], &place, person(args.json))?;
    Ok(open(Start {
        place,
        inputs: drawn.values,
        who,
        tz: around.zone(),
        mode: Mode::Preflight,
        lab: None,
        review,
        accepted: None,
        also: None,
        state: around.state(&args.at)?,
        program: program()?,
        runbook,
        bundle,
    })?)
}

/// Every look of diagnose, once, to the end of the run.
fn look(session: &mut Session, tell: &mut dyn FnMut(&Found)) -> Result<(), Trouble> {
    loop {
        match session.run().position.clone() {
            Position::Step { step } => {
                let why = Resolver::new(session.plan(), session.run(), Some(&step)).step(&step).err();
                match why {
                    Some(why) => session.skip(&step, &why.to_string())?,
                    None => look_once(session)?,
                }
                tell(&found(session, &step, step.to_string()));
            }
            Position::Closed => return Ok(()),
            Position::EnterRepair
            | Position::NotRepaired
            | Position::Stopped { .. }
            | Position::Frozen { .. }
            | Position::AtEnd { .. } => session.close(Close::Preflight, "")?,
        }
    }
}

fn look_once(session: &mut Session) -> Result<(), Trouble> {
    session.look()?;
    while session.busy().is_some() {
        session.poll(WAIT)?;
    }
    Ok(())
}

/// Every step of diagnose, in order, with what it found.
fn looks(session: &Session) -> Vec<Found> {
    let lines = map(session.plan(), session.run());
    let diagnose = |key: &Key| session.plan().item(&key.id).is_some_and(|item| item.phase == Phase::Diagnose);
    let of_diagnose = steps(&lines).filter(|line| diagnose(&line.key));
    of_diagnose.map(|line| found(session, &line.key, line.title.clone())).collect()
}

fn found(session: &Session, step: &Key, title: String) -> Found {
    let run = session.run();
    let end = run.newest_attempt(step).and_then(|attempt| attempt.end.as_ref());
    let (judged, found) = match (run.state(step), end) {
        (StepState::Skipped(why), _) => (Some(Judged::Unknown), vec![why.clone()]),
        (_, Some(end)) => (Some(end.judged), end.found.clone()),
        (_, None) => (None, Vec::new()),
    };
    Found { step: step.clone(), title, judged, said: found }
}

fn exit_of(access: &[Access], looks: &[Found]) -> Exit {
    let looked = |judged| looks.iter().any(|look| look.judged == Some(judged));
    if access.iter().any(|access| access.judged == Judged::Failed) {
        Exit::Environment
    } else if looked(Judged::Failed) {
        Exit::Findings
    } else if looked(Judged::Unknown) {
        Exit::Environment
    } else {
        Exit::Done
    }
}

fn lines(look: &Found) -> String {
    use std::fmt::Write as _;
    let mark = look.judged.map_or("-", get_in::mark);
    let mut text = format!("  {mark:<5} {}\n", plain(&look.title));
    let told = look.judged.is_some_and(|judged| judged != Judged::Passed);
    for found in look.said.iter().filter(|_| told) {
        let _ = writeln!(text, "        {}", plain(found));
    }
    text
}

fn tell(args: &PreflightArgs, session: &Session, (access, looks): (&[Access], &[Found]), exit: Exit) -> io::Result<()> {
    let count = |judged| looks.iter().filter(|look| look.judged == judged).count();
    let mut out = io::stdout().lock();
    if args.json {
        let look = |look: &Found| {
            let judged = look.judged.map_or("not asked", Judged::finding);
            json!({ "step": look.step.to_string(), "title": look.title, "judged": judged, "found": look.said })
        };
        let all = json!({
            "run": session.id(),
            "runbook": args.id,
            "who": session.run().opened.as_ref().map(|opened| &opened.who),
            "at": session.run().opened.as_ref().map(|opened| &opened.at),
            "access": access,
            "looks": looks.iter().map(look).collect::<Vec<_>>(),
            "exit": exit.code(),
        });
        return writeln!(out, "{all}");
    }
    for look in looks.iter().filter(|look| look.judged.is_none()) {
        write!(out, "{}", lines(look))?;
    }
    let (ok, fault) = (count(Some(Judged::Passed)), count(Some(Judged::Failed)));
    let (unknown, left) = (count(Some(Judged::Unknown)), count(None));
    let barred = access.iter().filter(|access| access.judged == Judged::Failed).count();
    let barred = if barred == 0 { String::new() } else { format!("cannot get in at {barred} of {}; ", access.len()) };
    writeln!(
        out,
        "\n{barred}{ok} ok, {fault} FAULT, {unknown} cannot tell, {left} not asked: a person or a step before is needed"
    )?;
    writeln!(out, "run {} is closed, nothing was changed. locum report {}", session.id(), session.id())
}
