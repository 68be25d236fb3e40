//! Fills in the names of a step. What comes out is in [`lines`]; what must not change or run is in [`guards`](mod@guards).

mod fence;
mod guards;
mod lines;
mod places;
mod probe_line;
mod target;

pub use fence::{FenceLine, Signals, fence};
pub use guards::{GuardLine, GuardLines, ScopeLine, forbidden, forbids, guards};
pub use lines::{CaptureLine, ChoiceLine, CommandLine, ExpectLine, Resolved, SecretTexts, TestLine, UndoLine, Work};
pub use places::{PlaceLine, Places, places};
pub use probe_line::ProbeLine;
pub use target::{Prove, Sudo, TargetLine, Via};

use std::collections::BTreeMap;

use super::ahead::Ahead;
use super::key::Key;
use super::known::known;
use super::plan::{Item, Plan};
use super::record::{Does, Rerun, WayBack};
use super::run::{Attempt, Run};
use super::walk::unknown_name;
use crate::model::branch::Choices;
use crate::model::fields::{Tests, UndoHow};
use crate::model::step::{ShellName, Streams};
use crate::model::{Command, Phase, Risk, Step, StepKind, Test, Text};
use crate::template::{self, Problem, ProblemKind, Shell, Values};

/// How many times longer than its author said a change may take before somebody is told.
const WARN_TIMES: u32 = 3;

/// Why a step cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unresolved(pub String);

/// Fills in the names of one step.
#[derive(Clone)]
pub struct Resolver<'a> {
    plan: &'a Plan,
    run: &'a Run,
    values: Values,
    /// The step at hand, which may stand in an included runbook.
    key: Option<Key>,
}

impl<'a> Resolver<'a> {
    /// With everything that is known at a step.
    pub fn new(plan: &'a Plan, run: &'a Run, key: Option<&Key>) -> Self {
        Self { plan, run, values: known(plan, &Ahead::of(run), key), key: key.cloned() }
    }

    /// A text for people or a path.
    pub fn text(&self, text: &Text) -> Result<String, Unresolved> {
        template::render_text(text, &self.values).map_err(|problem| self.unresolved(&problem))
    }

    /// The same, with holes left as they are written where they cannot be filled in.
    pub fn prose(&self, text: &Text) -> String {
        self.text(text).unwrap_or_else(|_| text.source.clone())
    }

    fn texts(&self, texts: &[Text]) -> Result<Vec<String>, Unresolved> {
        texts.iter().map(|text| self.text(text)).collect()
    }

    fn unresolved(&self, problem: &Problem) -> Unresolved {
        Unresolved(match &problem.kind {
            ProblemKind::Undefined { name } => self.unknown_name(name),
            ProblemKind::Syntax
            | ProblemKind::Place
            | ProblemKind::EvaluatedAgain
            | ProblemKind::LeadingDash
            | ProblemKind::NotAllowed
            | ProblemKind::TooLong
            | ProblemKind::Value => problem.message.clone(),
        })
    }

    /// Why a name has no value; an input of an included runbook has none where it does not allow what it is given.
    fn unknown_name(&self, name: &str) -> String {
        match self.key.as_ref().and_then(|key| self.plan.runbook.frame_of(&key.id)) {
            Some((step, frame)) if frame.given.contains_key(name) => {
                format!("`{name}` of `{}` does not allow what step `{step}` gives it", frame.runbook)
            }
            Some(_) | None => unknown_name(self.plan, name),
        }
    }

    /// The step at `key`.
    pub fn step(&self, key: &Key) -> Result<Resolved, Unresolved> {
        let item = self.plan.item(&key.id).ok_or_else(|| Unresolved(format!("there is no step `{}`", key.id)))?;
        let mut on = if does(&item.step, item.phase) == Does::Look { self.on_each_host(item)? } else { Vec::new() };
        match on.len() {
            0 => self.alone(item),
            1 => Ok(on.remove(0)),
            _ => Ok(Resolved { on: on.clone(), ..on.remove(0) }),
        }
    }

    /// The step at its place.
    fn alone(&self, item: &Item) -> Result<Resolved, Unresolved> {
        let step = &item.step;
        let fields = &step.fields;
        let does = does(step, item.phase);
        let at = self.target_line(step)?;
        let programs = if does == Does::Change { self.programs(step) } else { Vec::new() };
        let resolved = Resolved {
            key: self.key.clone().unwrap_or_else(|| Key::new(step.id.value.clone())),
            confirm_word: self.confirm_word(step, &at)?,
            undo: self.undo(step, &at)?,
            at,
            on: Vec::new(),
            phase: item.phase,
            title: self.prose(&step.title),
            does,
            work: self.work(step)?,
            expect: self.expect(step)?,
            captures: self.captures(step)?,
            got: step
                .fields
                .if_not
                .0
                .iter()
                .map(|branch| branch.got.as_ref().map(|got| self.text(got)).transpose())
                .collect::<Result<_, _>>()?,
            needs: programs.into_iter().chain(self.tests(&fields.needs, step)?).collect(),
            done_when: self.tests(&fields.done_when, step)?,
            may_change: self.texts(&fields.may_change)?,
            looks_alike: self.texts(&fields.looks_alike)?,
            undo_done_when: match fields.undo.as_ref().and_then(|undo| undo.done_when.as_ref()) {
                Some(test) => vec![self.test(test, step)?],
                None => Vec::new(),
            },
            armed: fields.undo.as_ref().and_then(|undo| undo.unless_confirmed.as_ref()).map(|after| after.value),
            may_disconnect: fields.may_disconnect,
            risk: (does == Does::Change).then(|| step.risk()),
            rerun: rerun(step, does),
        };
        Ok(resolved)
    }

    /// The way back of an attempt, as a step of its own; its names are those of when the attempt was begun.
    pub fn way_back(&self, attempt: &Attempt) -> Result<Resolved, Unresolved> {
        let key = &attempt.intent.step;
        let none = |why: &str| Unresolved(format!("step `{key}` has no way back: {why}"));
        if let Some(WayBack::None { why }) = &attempt.intent.undo {
            return Err(none(why));
        }
        let values = known(self.plan, &Ahead::back_at(self.run, attempt), Some(key));
        let mut resolved = Self { plan: self.plan, run: self.run, values, key: Some(key.clone()) }.step(key)?;
        resolved.work = match &resolved.undo {
            UndoLine::Copy => Work::Restore,
            UndoLine::Command(line) => Work::Command(line.clone()),
            UndoLine::ByHand(text) => Work::ByHand(text.clone()),
            UndoLine::None { why } => return Err(none(why)),
        };
        resolved.title = format!("Way back from: {}", resolved.title);
        resolved.does = Does::Undo;
        resolved.expect = ExpectLine::default();
        resolved.captures.clear();
        resolved.got.clear();
        resolved.armed = None;
        resolved.may_disconnect = false;
        resolved.needs.clear();
        resolved.done_when = std::mem::take(&mut resolved.undo_done_when);
        "undo".clone_into(&mut resolved.confirm_word);
        resolved.risk = Some(Risk::High);
        // The copy can be put back as often as one likes, and proves itself.
        resolved.rerun = match (&resolved.work, resolved.done_when.as_slice()) {
            (Work::Restore, _) => Rerun::Safe,
            (_, []) => Rerun::Never,
            (_, [..]) => Rerun::AfterCheck,
        };
        Ok(resolved)
    }

    /// Never empty: nothing typed confirms nothing.
    fn confirm_word(&self, step: &Step, at: &TargetLine) -> Result<String, Unresolved> {
        let word = match (&step.fields.confirm, step.risk(), &self.run.opened) {
            (Some(confirm), _, _) => self.text(confirm)?.trim().to_owned(),
            (None, Risk::Destructive, _) if !at.host.is_empty() => at.host.clone(),
            (None, Risk::Destructive, Some(opened)) => opened.who.host.clone(),
            (None, Risk::Low | Risk::High | Risk::Destructive, _) => String::new(),
        };
        Ok(if word.is_empty() { step.id.value.clone() } else { word })
    }

    fn work(&self, step: &Step) -> Result<Work, Unresolved> {
        Ok(match &step.kind {
            StepKind::Check(test) => Work::Test(self.own_test(test, step)?),
            StepKind::Wait { test, every, at_most, hold } => {
                Work::Wait { test: self.own_test(test, step)?, every: *every, at_most: *at_most, hold: *hold }
            }
            StepKind::Change(command) => Work::Command(self.own_command(command, step)?),
            StepKind::ByHand(text) => Work::ByHand(self.text(text)?),
            StepKind::Question(text) => {
                Work::Question { text: self.text(text)?, choices: self.choices(step)?, show: self.show(step) }
            }
            StepKind::Terminal(command) => Work::Terminal(self.own_command(command, step)?),
            StepKind::Edit(path) => Work::Edit {
                path: self.text(path)?,
                draft: self.key.as_ref().and_then(|key| self.run.drafts.get(key)).cloned(),
            },
            StepKind::Announce(text) => Work::Announce { text: self.text(text)?, to: self.texts(&step.fields.to)? },
            StepKind::Steps(_) | StepKind::Include { .. } => {
                return Err(Unresolved(format!("`{}` is a group", step.id.value)));
            }
        })
    }

    fn choices(&self, step: &Step) -> Result<Vec<ChoiceLine>, Unresolved> {
        match &step.fields.choices {
            None => Ok(Vec::new()),
            Some(Choices::Captured(name)) => {
                let list = self
                    .values
                    .get_list(&name.value)
                    .ok_or_else(|| Unresolved(unknown_name(self.plan, &name.value)))?;
                Ok(list
                    .into_iter()
                    .map(|answer| ChoiceLine { value: answer.clone(), answer, means: None, see: None })
                    .collect())
            }
            Some(Choices::Listed(choices)) => choices
                .iter()
                .map(|choice| {
                    let answer = self.text(&choice.answer)?;
                    let value = choice.value.as_ref().map_or(Ok(answer.clone()), |value| self.text(value))?;
                    let prose = |text: &Option<Text>| text.as_ref().map(|text| self.prose(text));
                    Ok(ChoiceLine { answer, value, means: prose(&choice.means), see: prose(&choice.see) })
                })
                .collect(),
        }
    }

    fn show(&self, step: &Step) -> Vec<(String, String)> {
        let value = |name: &str| {
            let list = self.values.get_list(name).map(|list| list.join(", "));
            self.values.get_text(name).or(list).unwrap_or_else(|| "not known".to_owned())
        };
        step.fields.show.iter().map(|name| (name.source.clone(), value(name))).collect()
    }

    fn tests(&self, tests: &Tests, step: &Step) -> Result<Vec<TestLine>, Unresolved> {
        tests.0.iter().map(|test| self.test(test, step)).collect()
    }

    fn test(&self, test: &Test, step: &Step) -> Result<TestLine, Unresolved> {
        Ok(match test {
            Test::Command(command) => TestLine::Command(self.command(command, step)?),
            Test::Probe(probe) => TestLine::Probe(ProbeLine::fill(probe, |text| self.text(text))?),
        })
    }

    /// The test that a step is, and not one beside it.
    fn own_test(&self, test: &Test, step: &Step) -> Result<TestLine, Unresolved> {
        match test {
            Test::Command(command) => self.own_command(command, step).map(TestLine::Command),
            Test::Probe(_) => self.test(test, step),
        }
    }

    /// The command that a step is: with its input, its limit, and its output taken as it says.
    fn own_command(&self, command: &Command, step: &Step) -> Result<CommandLine, Unresolved> {
        let fields = &step.fields;
        let mut line = CommandLine {
            timeout: fields.timeout.as_ref().map(|time| time.value),
            warn_after: fields.takes.as_ref().map(|time| time.value.saturating_mul(WARN_TIMES)),
            split: fields.streams == Some(Streams::Split) || !fields.capture.0.is_empty(),
            keep: fields.record.unwrap_or(true),
            ..self.command(command, step)?
        };
        match &fields.stdin {
            Some(text) if self.holds_secret(text) => line.secrets.stdin = Some(self.parts(text)?),
            Some(text) => line.stdin = Some(self.text(text)?),
            None => {}
        }
        Ok(line)
    }

    /// A command beside it (what it needs, its way back): in the same place, with the same shell and environment.
    fn command(&self, command: &Command, step: &Step) -> Result<CommandLine, Unresolved> {
        let fields = &step.fields;
        let target = self.plan.item(&step.id.value).and_then(|item| self.plan.target(item)).map(|(_, target)| target);
        let shell = fields.shell.or(target.and_then(|target| target.shell));
        let mut line = self.bare_command(command, shell.unwrap_or(ShellName::Bash))?;
        for (name, text) in target.iter().flat_map(|target| &target.env).chain(&fields.env) {
            if self.holds_secret(text) {
                line.secrets.env.insert(name.clone(), self.parts(text)?);
            } else {
                line.env.insert(name.clone(), self.text(text)?);
            }
        }
        line.cwd = fields
            .cwd
            .as_ref()
            .or(target.and_then(|target| target.cwd.as_ref()))
            .map(|text| self.text(text))
            .transpose()?;
        Ok(line)
    }

    /// A command that belongs to no step.
    fn bare_command(&self, command: &Command, shell: ShellName) -> Result<CommandLine, Unresolved> {
        let (argv, shown) = self.argv(command, shell)?;
        let env = self.input_environment();
        Ok(CommandLine {
            argv,
            shown,
            env,
            cwd: None,
            stdin: None,
            timeout: None,
            warn_after: None,
            split: false,
            keep: true,
            secrets: SecretTexts::default(),
        })
    }

    /// The words of a process, and what is shown of them.
    fn argv(&self, command: &Command, shell: ShellName) -> Result<(Vec<String>, String), Unresolved> {
        match command {
            Command::Script(text) => {
                let (kind, options): (_, &[&str]) = match shell {
                    ShellName::Bash => (Shell::Bash, &["bash", "-euo", "pipefail", "-c"]),
                    ShellName::Sh => (Shell::Sh, &["sh", "-eu", "-c"]),
                };
                let script =
                    template::render_command(text, &self.values, kind).map_err(|problem| self.unresolved(&problem))?;
                let argv = options.iter().map(|word| (*word).to_owned()).chain([script.clone()]).collect();
                Ok((argv, script))
            }
            Command::Argv(words, _) => {
                let words: Vec<_> = words.iter().map(|word| word.source.clone()).collect();
                let argv = template::render_argv(&words, &self.values).map_err(|problem| self.unresolved(&problem))?;
                let shown = crate::text::shell::join(&argv);
                Ok((argv, shown))
            }
        }
    }

    /// The full name of a secret that is called so here.
    fn secret(&self, name: &str) -> Option<String> {
        self.plan.runbook.secret(self.key.as_ref().map_or("", |key| &key.id), name)
    }

    fn holds_secret(&self, text: &Text) -> bool {
        !template::secrets_in(text, &|name| self.secret(name).is_some()).is_empty()
    }

    fn parts(&self, text: &Text) -> Result<Vec<template::Part>, Unresolved> {
        let parts = template::render_parts(text, &self.values, &|name| self.secret(name));
        parts.map_err(|problem| self.unresolved(&problem))
    }

    fn input_environment(&self) -> BTreeMap<String, String> {
        // In an included runbook the names are its own.
        let inputs = self.plan.runbook.frame_of(self.key.as_ref().map_or("", |key| &key.id));
        let inputs = inputs.map_or(&self.plan.runbook.head.inputs, |(_, frame)| &frame.inputs).keys();
        let value = |name: &String| {
            self.values.get_text(name).or_else(|| self.values.get_list(name).map(|list| list.join("\n")))
        };
        // A secret reaches only the steps that ask for it.
        let inputs = inputs.filter(|name| self.secret(name).is_none());
        inputs.filter_map(|name| Some((format!("LOCUM_INPUT_{}", name.to_uppercase()), value(name)?))).collect()
    }

    fn expect(&self, step: &Step) -> Result<ExpectLine, Unresolved> {
        let Some(expect) = &step.fields.expect else { return Ok(ExpectLine::default()) };
        let some = |text: &Option<Text>| text.as_ref().map(|text| self.text(text)).transpose();
        Ok(ExpectLine {
            exit: expect.exit.and_then(|exit| i32::try_from(exit).ok()),
            contains: self.texts(&expect.contains)?,
            not_contains: self.texts(&expect.not_contains)?,
            equals: some(&expect.equals)?,
            matches: some(&expect.matches)?,
            not_matches: some(&expect.not_matches)?,
            empty: expect.empty,
            hosts: expect.hosts,
        })
    }

    fn captures(&self, step: &Step) -> Result<Vec<CaptureLine>, Unresolved> {
        let some = |text: &Option<Text>| text.as_ref().map(|text| self.text(text)).transpose();
        let line = |capture: &crate::model::fields::Capture| {
            Ok(CaptureLine {
                name: capture.name.value.clone(),
                r#match: some(&capture.r#match)?,
                json: some(&capture.json)?,
                lines: capture.lines,
                pattern: some(&capture.pattern)?,
                secret: capture.secret,
            })
        };
        step.fields.capture.0.iter().map(line).collect()
    }

    fn undo(&self, step: &Step, at: &TargetLine) -> Result<UndoLine, Unresolved> {
        let fields = &step.fields;
        if let Some(undo) = &fields.undo {
            return Ok(match &undo.how {
                UndoHow::Change(command) => UndoLine::Command(self.command(command, step)?),
                UndoHow::ByHand(text) => UndoLine::ByHand(self.text(text)?),
            });
        }
        if let Some(why) = &fields.no_undo {
            return Ok(UndoLine::None { why: self.prose(why) });
        }
        if self.plan.runbook.head.scope.is_some() || matches!(step.kind, StepKind::Edit(_)) {
            let edits = matches!(step.kind, StepKind::Edit(_));
            return if edits || at.is_here() || self.is_scope_of(at)? {
                Ok(UndoLine::Copy)
            } else {
                Ok(UndoLine::None { why: format!("what is copied before is not on {}", at.host) })
            };
        }
        Ok(UndoLine::None { why: "the runbook gives none".to_owned() })
    }
}

/// A deed by hand changes something where changes are made; elsewhere it is a look.
fn does(step: &Step, phase: Phase) -> Does {
    match (&step.kind, phase) {
        (StepKind::Change(_) | StepKind::Terminal(_) | StepKind::Edit(_), _)
        | (StepKind::ByHand(_), Phase::Repair | Phase::FollowUp) => Does::Change,
        (StepKind::ByHand(_), Phase::Diagnose | Phase::Verify)
        | (
            StepKind::Check(_)
            | StepKind::Wait { .. }
            | StepKind::Question(_)
            | StepKind::Announce(_)
            | StepKind::Include { .. }
            | StepKind::Steps(_),
            _,
        ) => Does::Look,
    }
}

fn rerun(step: &Step, does: Does) -> Rerun {
    match does {
        Does::Look => Rerun::Look,
        // It replaces only what was there when it was edited, so twice is once.
        Does::Change if matches!(step.kind, StepKind::Edit(_)) => Rerun::Safe,
        Does::Change | Does::Undo if step.fields.repeatable => Rerun::Safe,
        Does::Change | Does::Undo if !step.fields.done_when.0.is_empty() => Rerun::AfterCheck,
        Does::Change | Does::Undo => Rerun::Never,
    }
}
