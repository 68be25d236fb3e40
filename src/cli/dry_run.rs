//! `locum run --dry-run`: every command as it would run; nothing runs, nothing is recorded.

use std::io::{self, Write};
use std::sync::Arc;

use super::Outcome;
use super::outcome::CliError;
use crate::engine::command::{Asked, Command, Opening};
use crate::engine::record::{Does, Mode, Moment, RunbookRef, Who};
use crate::engine::resolve::{Resolved, Resolver, SecretTexts, TargetLine, UndoLine, Work};
use crate::engine::{Exit, Key, Plan, Run, decide};
use crate::model::{self, Runbook, Step, StepKind, Test};
use crate::session::inputs::Drawn;
use crate::text::{plain, plain_lines};

/// Prints every step in the order of the file.
pub fn print(runbook: &Arc<Runbook>, drawn: &Drawn, who: &Who, tz: &str) -> Outcome {
    let plan = Plan::new(runbook.clone());
    let run = opened(&plan, drawn, who, tz)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}: {} (dry run: nothing runs, nothing is recorded)", runbook.id, plain(&runbook.head.title))?;
    for wanted in &drawn.wanted {
        writeln!(out, "input `{}` has no value: -i {}=...", wanted.name, wanted.name)?;
    }
    let mut phase = None;
    for item in plan.items() {
        if phase != Some(item.phase) {
            phase = Some(item.phase);
            writeln!(out, "\n{}", item.phase.word())?;
        }
        let indent = "  ".repeat(item.depth + 1);
        let title = plain(&Resolver::new(&plan, &run, None).prose(&item.step.title));
        writeln!(out, "{indent}{} [{}] {title}", item.step.id.value, item.step.kind.word())?;
        if item.is_group() {
            continue;
        }
        let key = Key::new(item.step.id.value.clone());
        match Resolver::new(&plan, &run, Some(&key)).step(&key) {
            Ok(resolved) => tell(&mut out, &indent, &resolved)?,
            Err(why) => {
                writeln!(out, "{indent}  not known before it is reached: {}", plain(&why.to_string()))?;
                for line in plain_lines(&as_written(&item.step)).lines() {
                    writeln!(out, "{indent}  | {line}")?;
                }
            }
        }
    }
    Ok(Exit::Done)
}

fn tell(out: &mut impl Write, indent: &str, resolved: &Resolved) -> io::Result<()> {
    let places = if resolved.on.is_empty() { std::slice::from_ref(resolved) } else { &resolved.on };
    for one in places.iter().filter(|one| one.at != TargetLine::default()) {
        writeln!(out, "{indent}  where: {}", plain(&one.at.words("you")))?;
    }
    if let Some(prove) = resolved.at.prove.as_ref().filter(|_| resolved.does != Does::Look) {
        writeln!(out, "{indent}  proved by: {} must print {}", plain(&prove.command.shown), plain(&prove.prints))?;
    }
    for line in plain_lines(&resolved.shown()).lines() {
        writeln!(out, "{indent}  | {line}")?;
    }
    for line in resolved.commands().into_iter().take(1) {
        for (name, parts) in &line.secrets.env {
            writeln!(out, "{indent}  with {name}={}", plain(&SecretTexts::shown(parts)))?;
        }
        if let Some(parts) = &line.secrets.stdin {
            writeln!(out, "{indent}  standard input: {}", plain(&SecretTexts::shown(parts)))?;
        }
    }
    for test in &resolved.needs {
        writeln!(out, "{indent}  needs: {}", plain(&test.shown()))?;
    }
    if !matches!(resolved.work, Work::Command(_) | Work::Terminal(_)) {
        return Ok(());
    }
    if !resolved.may_change.is_empty() {
        writeln!(out, "{indent}  may change: {}", plain(&resolved.may_change.join(" ")))?;
    }
    let way_back = match &resolved.undo {
        UndoLine::Copy => "the copy of the scope that is taken before".to_owned(),
        UndoLine::Command(line) => line.shown.clone(),
        UndoLine::ByHand(text) => format!("by hand: {text}"),
        UndoLine::None { why } => format!("none: {why}"),
    };
    writeln!(out, "{indent}  way back: {}", plain(&way_back))?;
    if let Some(after) = resolved.armed {
        writeln!(
            out,
            "{indent}  by itself: {} after it began, unless confirmed from a new login",
            crate::text::human(after)
        )?;
    }
    writeln!(out, "{indent}  confirmed by: {}", plain(&resolved.confirm_word))
}

/// A run that is opened in memory only, so that names are known as they would be.
fn opened(plan: &Plan, drawn: &Drawn, who: &Who, tz: &str) -> Result<Run, CliError> {
    let opening = Opening {
        who: who.clone(),
        tz: tz.to_owned(),
        runbook: RunbookRef { id: plan.runbook.id.clone(), ..RunbookRef::default() },
        mode: Mode::Look,
        inputs: drawn.values.clone(),
        lab: None,
        cwd: String::new(),
        also: None,
    };
    let mut run = Run::new("dry-run");
    let asked = Asked { at: Moment::default(), command: Command::Open(Box::new(opening)) };
    let decision = decide(plan, &run, &asked).map_err(crate::session::Trouble::from)?;
    decision.records.iter().for_each(|record| run.apply(record));
    Ok(run)
}

/// What a step does, as its author wrote it.
fn as_written(step: &Step) -> String {
    let command = |command: &model::Command| match command {
        model::Command::Script(text) => text.source.clone(),
        model::Command::Argv(..) => command.first_line(),
    };
    match &step.kind {
        StepKind::Change(change) | StepKind::Terminal(change) => command(change),
        StepKind::Check(Test::Command(test)) | StepKind::Wait { test: Test::Command(test), .. } => command(test),
        StepKind::Check(Test::Probe(_))
        | StepKind::Wait { test: Test::Probe(_), .. }
        | StepKind::Include { .. }
        | StepKind::Steps(_) => step.title.source.clone(),
        StepKind::ByHand(text) | StepKind::Question(text) | StepKind::Announce(text) | StepKind::Edit(text) => {
            text.source.clone()
        }
    }
}
