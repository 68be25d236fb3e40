//! What must not change, and what must not be run.

use super::lines::{CommandLine, Resolved};
use super::{Resolver, Unresolved};
use crate::engine::plan::Plan;
use crate::engine::run::Run;
use crate::model::Runbook;
use crate::model::step::ShellName;
use crate::text::pattern::CommandPattern;

/// The guards of a run with their names filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuardLines {
    pub scope: Vec<String>,
    pub others: Vec<GuardLine>,
}

/// One of `must_not_change`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardLine {
    pub what: String,
    pub files: Vec<String>,
    pub output_of: Option<CommandLine>,
}

/// What must not change.
pub fn guards(plan: &Plan, run: &Run) -> Result<GuardLines, Unresolved> {
    let resolver = Resolver::new(plan, run, None);
    let head = &plan.runbook.head;
    let scope = head.scope.as_ref().map_or(Ok(Vec::new()), |scope| resolver.texts(&scope.files))?;
    let line = |guard: &crate::model::runbook::Guard| {
        Ok(GuardLine {
            what: resolver.prose(&guard.what),
            files: resolver.texts(guard.files.as_deref().unwrap_or_default())?,
            output_of: guard
                .output_of
                .as_ref()
                .map(|command| resolver.bare_command(command, ShellName::Bash))
                .transpose()?,
        })
    };
    Ok(GuardLines { scope, others: head.must_not_change.iter().map(line).collect::<Result<_, _>>()? })
}

/// The rule that forbids a command of a step, with why: its own, those of its tests, and its way back.
pub fn forbidden(runbook: &Runbook, resolved: &Resolved) -> Option<(String, String)> {
    let lines = resolved.commands();
    rule(runbook, |pattern, unless| lines.iter().any(|line| is_hit(pattern, unless, line)))
}

/// The rule that forbids what a person typed for a shell, with why.
pub fn forbids(runbook: &Runbook, typed: &str) -> Option<(String, String)> {
    rule(runbook, |pattern, unless| pattern.matches_unless(unless, typed))
}

fn rule(
    runbook: &Runbook,
    hits: impl Fn(&CommandPattern, Option<&CommandPattern>) -> bool,
) -> Option<(String, String)> {
    let hit = runbook.head.forbidden.iter().find(|rule| {
        let unless = rule.unless.as_ref().map(|word| CommandPattern::parse(word));
        hits(&CommandPattern::parse(&rule.r#match), unless.as_ref())
    });
    let rule = hit?;
    let because = rule.because.as_ref().map_or("the runbook says so", |because| &**because);
    Some((rule.r#match.source.clone(), because.to_owned()))
}

/// A script is read as the shell reads it; words that never meet a shell are matched as they are.
fn is_hit(pattern: &CommandPattern, unless: Option<&CommandPattern>, line: &CommandLine) -> bool {
    match line.argv.last() {
        Some(script) if *script == line.shown => pattern.matches_unless(unless, script),
        Some(_) | None => pattern.matches_argv(unless, &line.argv),
    }
}
