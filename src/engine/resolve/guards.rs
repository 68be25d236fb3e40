//! What must not change, and what must not be run.

use super::lines::{CommandLine, Resolved};
use super::target::TargetLine;
use super::{Resolver, Unresolved};
use crate::engine::known::hosts;
use crate::engine::plan::Plan;
use crate::engine::run::Run;
use crate::model::step::ShellName;
use crate::model::{Command, Name, Runbook, Target};
use crate::text::pattern::CommandPattern;

/// The guards of a run with their names filled in, place by place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuardLines {
    /// What the runbook works within, for each machine.
    pub scope: Vec<ScopeLine>,
    /// Each of `must_not_change`, for each machine.
    pub others: Vec<GuardLine>,
}

/// The scope on one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeLine {
    pub at: TargetLine,
    pub files: Vec<String>,
}

/// One of `must_not_change` on one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardLine {
    pub what: String,
    pub at: TargetLine,
    pub files: Vec<String>,
    pub output_of: Option<CommandLine>,
}

impl GuardLines {
    /// The files and folders of the scope, each once.
    pub fn files(&self) -> Vec<String> {
        once(self.scope.iter().flat_map(|scope| scope.files.iter().cloned()))
    }

    /// The files and folders of the scope that are on this machine.
    pub fn files_here(&self) -> Vec<String> {
        once(self.scope.iter().filter(|scope| scope.at.is_here()).flat_map(|scope| scope.files.iter().cloned()))
    }

    /// Where the scope is, in words for behind it; empty on this machine.
    pub fn on(&self) -> String {
        on(self.scope.iter().map(|scope| &scope.at))
    }

    /// What is guarded beside the scope, in words, with where it is.
    pub fn others(&self) -> Vec<String> {
        let whats = once(self.others.iter().map(|guard| guard.what.clone()));
        let of = |what: &String| on(self.others.iter().filter(|guard| guard.what == *what).map(|guard| &guard.at));
        whats.iter().map(|what| format!("{what}{}", of(what))).collect()
    }
}

fn once(texts: impl Iterator<Item = String>) -> Vec<String> {
    texts.fold(Vec::new(), |mut all, text| {
        if !all.contains(&text) {
            all.push(text);
        }
        all
    })
}

fn on<'a>(places: impl Iterator<Item = &'a TargetLine>) -> String {
    let hosts = once(places.filter(|at| !at.is_here()).map(|at| at.host.clone()));
    if hosts.is_empty() { String::new() } else { format!(" on {}", hosts.join(", ")) }
}

/// What must not change.
pub fn guards(plan: &Plan, run: &Run) -> Result<GuardLines, Unresolved> {
    let resolver = Resolver::new(plan, run, None);
    let head = &plan.runbook.head;
    let mut lines = GuardLines::default();
    if let Some(scope) = &head.scope {
        for (resolver, at) in resolver.on_each(None)? {
            lines.scope.push(ScopeLine { at, files: resolver.texts(&scope.files)? });
        }
    }
    for guard in &head.must_not_change {
        for (resolver, at) in resolver.on_each(guard.r#where.as_ref())? {
            let command = |command| resolver.guard_command(command, guard.r#where.as_ref());
            lines.others.push(GuardLine {
                what: resolver.prose(&guard.what),
                at,
                files: resolver.texts(guard.files.as_deref().unwrap_or_default())?,
                output_of: guard.output_of.as_ref().map(command).transpose()?,
            });
        }
    }
    Ok(lines)
}

impl<'a> Resolver<'a> {
    /// The target where something of the whole run is measured.
    fn guard_target(&self, place: Option<&Name>) -> Option<(&'a str, &'a Target)> {
        let head = &self.plan.runbook.head;
        let name = &place.or(head.r#where.as_ref())?.value;
        let (_, name, target) = head.targets.get_full(name.as_str())?;
        Some((name, target))
    }

    /// Every machine where something of the whole run is measured. This machine is one, whatever it is called.
    fn on_each(&self, place: Option<&Name>) -> Result<Vec<(Self, TargetLine)>, Unresolved> {
        let Some((name, target)) = self.guard_target(place) else {
            return Ok(vec![(self.clone(), TargetLine::default())]);
        };
        let hosts = hosts(target, &self.values).map_err(|problem| self.unresolved(&problem))?;
        let one = |host: &String| {
            let resolver = self.for_host(host);
            let at = resolver.target_of(name, target, None)?;
            Ok((resolver, at))
        };
        let mut each = hosts.iter().map(one).collect::<Result<Vec<_>, _>>()?;
        match each.first() {
            None => return Err(Unresolved(format!("target `{name}` has no machine"))),
            Some((_, at)) if at.is_here() => each.truncate(1),
            Some(_) => {}
        }
        Ok(each)
    }

    /// Whether another machine is one of those that the runbook works within.
    pub(super) fn is_scope_of(&self, at: &TargetLine) -> Result<bool, Unresolved> {
        let places = self.on_each(None)?;
        Ok(places.iter().any(|(_, place)| !place.is_here() && place.host == at.host))
    }

    /// The command of a guard, with what its place gives it.
    fn guard_command(&self, command: &Command, place: Option<&Name>) -> Result<CommandLine, Unresolved> {
        let target = self.guard_target(place).map(|(_, target)| target);
        let shell = target.and_then(|target| target.shell).unwrap_or(ShellName::Bash);
        let mut line = self.bare_command(command, shell)?;
        for (name, text) in target.iter().flat_map(|target| &target.env).filter(|(_, text)| !self.holds_secret(text)) {
            line.env.insert(name.clone(), self.text(text)?);
        }
        line.cwd = target.and_then(|target| target.cwd.as_ref()).map(|text| self.text(text)).transpose()?;
        // A warning on the second stream is no change of what is guarded.
        line.split = target.is_some();
        Ok(line)
    }
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
