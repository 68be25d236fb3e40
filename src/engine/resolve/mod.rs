//! A step with every name filled in: what the card shows is what runs, byte for byte.

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::key::Key;
use super::known::known;
use super::plan::Plan;
use super::record::{Does, Rerun};
use super::run::{Attempt, Run};
use super::walk::unknown_name;
use crate::model::branch::Choices;
use crate::model::fields::{Tests, UndoHow};
use crate::model::step::{ShellName, Streams};
use crate::model::{Command, Phase, Probe, Risk, Runbook, Step, StepKind, Test, Text};
use crate::template::{self, Problem, ProblemKind, Shell, Values};
use crate::text::pattern::CommandPattern;

/// A command that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    pub argv: Vec<String>,
    /// As a person reads it: the script, or the words.
    pub shown: String,
    /// The step's own environment and the inputs as `LOCUM_INPUT_<NAME>`.
    pub env: BTreeMap<String, String>,
    pub cwd: Option<String>,
    pub stdin: Option<String>,
    pub timeout: Option<Duration>,
    pub split: bool,
    pub keep: bool,
}

/// A probe that can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeLine {
    Certificate { at: Vec<String>, valid_for: Option<Duration>, signed_by: Option<String>, is_ca: Option<bool>, name: Option<String> },
    Tcp { at: String, open: bool, within: Duration },
    File { path: String, exists: bool },
}

/// A test that can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestLine {
    Command(CommandLine),
    Probe(ProbeLine),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    Test(TestLine),
    /// A test that is asked again until it holds.
    Wait { test: TestLine, every: Duration, at_most: Duration, hold: Duration },
    Command(CommandLine),
    /// Put the copy of the scope back.
    Restore,
    ByHand(String),
    Question { text: String, choices: Vec<ChoiceLine>, show: Vec<(String, String)> },
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChoiceLine {
    pub answer: String,
    pub value: String,
    pub means: Option<String>,
    pub see: Option<String>,
}

/// What the output must give.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectLine {
    pub exit: Option<i32>,
    pub contains: Vec<String>,
    pub not_contains: Vec<String>,
    pub equals: Option<String>,
    pub matches: Option<String>,
    pub not_matches: Option<String>,
    pub empty: Option<bool>,
}

/// How a value is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureLine {
    pub name: String,
    pub r#match: Option<String>,
    pub json: Option<String>,
    pub lines: bool,
    pub pattern: Option<String>,
}

/// The way back that the author gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UndoLine {
    /// The copy of the scope that is taken before.
    Copy,
    Command(CommandLine),
    ByHand(String),
    None { why: String },
}

/// A step, ready.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub key: Key,
    pub phase: Phase,
    pub title: String,
    pub does: Does,
    pub work: Work,
    pub expect: ExpectLine,
    pub captures: Vec<CaptureLine>,
    /// The `got` texts of the branches, by their place.
    pub got: Vec<Option<String>>,
    pub needs: Vec<TestLine>,
    pub done_when: Vec<TestLine>,
    pub may_change: Vec<String>,
    pub looks_alike: Vec<String>,
    pub undo: UndoLine,
    pub undo_done_when: Vec<TestLine>,
    pub risk: Option<Risk>,
    /// What is typed to confirm; for `low` nothing needs to be.
    pub confirm_word: String,
    pub rerun: Rerun,
}

impl Resolved {
    /// Digest over everything that will run: what was confirmed is what is executed.
    pub fn digest(&self) -> String {
        let text = format!("{:?}\n{:?}\n{:?}\n{:?}", self.key, self.work, self.may_change, self.undo);
        Sha256::digest(text).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }

    /// The words of the process, or what is done instead of one.
    pub fn argv(&self) -> Vec<String> {
        match &self.work {
            Work::Test(TestLine::Command(line)) | Work::Wait { test: TestLine::Command(line), .. } | Work::Command(line) => line.argv.clone(),
            Work::Test(TestLine::Probe(probe)) | Work::Wait { test: TestLine::Probe(probe), .. } => probe.words(),
            Work::Restore => vec!["locum".to_owned(), "restore the copy".to_owned()],
            Work::ByHand(text) | Work::Question { text, .. } => vec!["by hand".to_owned(), text.clone()],
        }
    }

    /// What runs, for people.
    pub fn shown(&self) -> String {
        match &self.work {
            Work::Test(test) | Work::Wait { test, .. } => test.shown(),
            Work::Command(line) => line.shown.clone(),
            Work::Restore => "puts the copy back".to_owned(),
            Work::ByHand(text) | Work::Question { text, .. } => text.clone(),
        }
    }
}

impl TestLine {
    pub fn shown(&self) -> String {
        match self {
            Self::Command(line) => line.shown.clone(),
            Self::Probe(probe) => probe.words().join(" "),
        }
    }
}

impl ProbeLine {
    /// The probe in words: `certificate a.crt valid_for 7d`.
    pub fn words(&self) -> Vec<String> {
        let seconds = |time: &Duration| crate::text::duration::human(*time);
        let mut words = Vec::new();
        match self {
            Self::Certificate { at, valid_for, signed_by, is_ca, name } => {
                words.push("certificate".to_owned());
                words.extend(at.clone());
                words.extend(valid_for.iter().map(|time| format!("valid_for {}", seconds(time))));
                words.extend(signed_by.iter().map(|path| format!("signed_by {path}")));
                words.extend(is_ca.iter().map(|is_ca| format!("is_ca {is_ca}")));
                words.extend(name.iter().map(|name| format!("name {name}")));
            }
            Self::Tcp { at, open, within } => {
                let open = if *open { "open" } else { "closed" };
                words.extend(["tcp".to_owned(), at.clone(), open.to_owned(), format!("within {}", seconds(within))]);
            }
            Self::File { path, exists } => {
                let exists = if *exists { "exists" } else { "does not exist" };
                words.extend(["file".to_owned(), path.clone(), exists.to_owned()]);
            }
        }
        words
    }
}

/// Why a step cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unresolved(pub String);

/// Fills in the names of one step.
pub struct Resolver<'a> {
    plan: &'a Plan,
    run: &'a Run,
    values: Values,
}

impl<'a> Resolver<'a> {
    /// With everything that is known at a step.
    pub fn new(plan: &'a Plan, run: &'a Run, key: Option<&Key>) -> Self {
        Self { plan, run, values: known(plan, run, key) }
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
            ProblemKind::Undefined { name } => unknown_name(self.plan, name),
            _ => problem.message.clone(),
        })
    }

    /// The step at `key`.
    pub fn step(&self, key: &Key) -> Result<Resolved, Unresolved> {
        let item = self.plan.item(&key.id).ok_or_else(|| Unresolved(format!("there is no step `{}`", key.id)))?;
        let step = &item.step;
        let fields = &step.fields;
        let does = if matches!(step.kind, StepKind::Change(_)) { Does::Change } else { Does::Look };
        let changes = does == Does::Change || (matches!(step.kind, StepKind::ByHand(_)) && matches!(item.phase, Phase::Repair | Phase::FollowUp));
        let risk = changes.then(|| step.risk());
        let resolved = Resolved {
            key: key.clone(),
            phase: item.phase,
            title: self.prose(&step.title),
            does,
            work: self.work(step)?,
            expect: self.expect(step)?,
            captures: self.captures(step)?,
            got: step.fields.if_not.0.iter().map(|branch| branch.got.as_ref().map(|got| self.text(got)).transpose()).collect::<Result<_, _>>()?,
            needs: self.tests(&fields.needs, step)?,
            done_when: self.tests(&fields.done_when, step)?,
            may_change: self.texts(&fields.may_change)?,
            looks_alike: self.texts(&fields.looks_alike)?,
            undo: self.undo(step)?,
            undo_done_when: match fields.undo.as_ref().and_then(|undo| undo.done_when.as_ref()) {
                Some(test) => vec![self.test(test, step)?],
                None => Vec::new(),
            },
            risk,
            confirm_word: self.confirm_word(step)?,
            rerun: match does {
                Does::Look => Rerun::Look,
                Does::Change | Does::Undo if fields.repeatable => Rerun::Safe,
                Does::Change | Does::Undo if !fields.done_when.0.is_empty() => Rerun::AfterCheck,
                Does::Change | Does::Undo => Rerun::Never,
            },
        };
        Ok(resolved)
    }

    /// The way back of an attempt, as a step of its own.
    pub fn way_back(&self, attempt: &Attempt) -> Result<Resolved, Unresolved> {
        let mut resolved = self.step(&attempt.intent.step)?;
        resolved.work = match &resolved.undo {
            UndoLine::Copy => Work::Restore,
            UndoLine::Command(line) => Work::Command(line.clone()),
            UndoLine::ByHand(text) => Work::ByHand(text.clone()),
            UndoLine::None { why } => return Err(Unresolved(format!("step `{}` has no way back: {why}", resolved.key))),
        };
        resolved.title = format!("Way back from: {}", resolved.title);
        resolved.does = Does::Undo;
        resolved.expect = ExpectLine::default();
        resolved.captures.clear();
        resolved.got.clear();
        resolved.needs.clear();
        resolved.done_when = std::mem::take(&mut resolved.undo_done_when);
        resolved.confirm_word = "undo".to_owned();
        resolved.risk = Some(Risk::High);
        resolved.rerun = if resolved.work == Work::Restore { Rerun::Safe } else { Rerun::Never };
        Ok(resolved)
    }

    fn confirm_word(&self, step: &Step) -> Result<String, Unresolved> {
        if let Some(confirm) = &step.fields.confirm {
            return self.text(confirm);
        }
        Ok(match step.risk() {
            Risk::Low | Risk::High => step.id.value.clone(),
            Risk::Destructive => self.run.opened.as_ref().map_or_else(|| step.id.value.clone(), |opened| opened.who.host.clone()),
        })
    }

    fn work(&self, step: &Step) -> Result<Work, Unresolved> {
        Ok(match &step.kind {
            StepKind::Check(test) => Work::Test(self.test(test, step)?),
            StepKind::Wait { test, every, at_most, hold } => {
                Work::Wait { test: self.test(test, step)?, every: *every, at_most: *at_most, hold: *hold }
            }
            StepKind::Change(command) => Work::Command(self.command(command, step)?),
            StepKind::ByHand(text) => Work::ByHand(self.text(text)?),
            StepKind::Question(text) => {
                Work::Question { text: self.text(text)?, choices: self.choices(step)?, show: self.show(step) }
            }
            StepKind::Steps(_) => return Err(Unresolved(format!("`{}` is a group", step.id.value))),
        })
    }

    fn choices(&self, step: &Step) -> Result<Vec<ChoiceLine>, Unresolved> {
        match &step.fields.choices {
            None => Ok(Vec::new()),
            Some(Choices::Captured(name)) => {
                let list = self.values.get_list(&name.value).ok_or_else(|| Unresolved(unknown_name(self.plan, &name.value)))?;
                Ok(list.into_iter().map(|answer| ChoiceLine { value: answer.clone(), answer, means: None, see: None }).collect())
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
            Test::Probe(probe) => TestLine::Probe(self.probe(probe)?),
        })
    }

    fn probe(&self, probe: &Probe) -> Result<ProbeLine, Unresolved> {
        let some = |text: &Option<Text>| text.as_ref().map(|text| self.text(text)).transpose();
        Ok(match probe {
            Probe::Certificate(probe) => ProbeLine::Certificate {
                at: self.texts(&probe.certificate)?,
                valid_for: probe.valid_for.as_ref().map(|time| time.value),
                signed_by: some(&probe.signed_by)?,
                is_ca: probe.is_ca,
                name: some(&probe.name)?,
            },
            Probe::Tcp(probe) => ProbeLine::Tcp {
                at: self.text(&probe.tcp)?,
                open: probe.open.unwrap_or(true),
                within: probe.within.as_ref().map_or(Duration::from_secs(5), |time| time.value),
            },
            Probe::File(probe) => ProbeLine::File { path: self.text(&probe.file)?, exists: probe.exists.unwrap_or(true) },
        })
    }

    fn command(&self, command: &Command, step: &Step) -> Result<CommandLine, Unresolved> {
        let fields = &step.fields;
        let (argv, shown) = self.argv(command, fields.shell.unwrap_or(ShellName::Bash))?;
        let mut env = self.input_environment();
        for (name, text) in &fields.env {
            env.insert(name.clone(), self.text(text)?);
        }
        let some = |text: &Option<Text>| text.as_ref().map(|text| self.text(text)).transpose();
        Ok(CommandLine {
            argv,
            shown,
            env,
            cwd: some(&fields.cwd)?,
            stdin: some(&fields.stdin)?,
            timeout: fields.timeout.as_ref().map(|time| time.value),
            split: fields.streams == Some(Streams::Split) || !fields.capture.0.is_empty(),
            keep: fields.record.unwrap_or(true),
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
                let script = template::render_command(text, &self.values, kind).map_err(|problem| self.unresolved(&problem))?;
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

    fn input_environment(&self) -> BTreeMap<String, String> {
        let inputs = self.plan.runbook.head.inputs.keys();
        let value = |name: &String| self.values.get_text(name).or_else(|| self.values.get_list(name).map(|list| list.join("\n")));
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
            })
        };
        step.fields.capture.0.iter().map(line).collect()
    }

    fn undo(&self, step: &Step) -> Result<UndoLine, Unresolved> {
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
        if self.plan.runbook.head.scope.is_some() {
            return Ok(UndoLine::Copy);
        }
        Ok(UndoLine::None { why: "the runbook gives none".to_owned() })
    }
}

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
            output_of: guard.output_of.as_ref().map(|command| resolver.bare_command(command)).transpose()?,
        })
    };
    Ok(GuardLines { scope, others: head.must_not_change.iter().map(line).collect::<Result<_, _>>()? })
}

impl Resolver<'_> {
    /// A command that belongs to no step.
    fn bare_command(&self, command: &Command) -> Result<CommandLine, Unresolved> {
        let (argv, shown) = self.argv(command, ShellName::Bash)?;
        let env = self.input_environment();
        Ok(CommandLine { argv, shown, env, cwd: None, stdin: None, timeout: None, split: false, keep: true })
    }
}

/// The rule that forbids a command, with why.
pub fn forbidden(runbook: &Runbook, resolved: &Resolved) -> Option<(String, String)> {
    let command = match &resolved.work {
        Work::Test(TestLine::Command(line)) | Work::Wait { test: TestLine::Command(line), .. } | Work::Command(line) => line,
        Work::Test(TestLine::Probe(_)) | Work::Wait { test: TestLine::Probe(_), .. } => return None,
        Work::Restore | Work::ByHand(_) | Work::Question { .. } => return None,
    };
    let hit = runbook.head.forbidden.iter().find(|rule| {
        let pattern = CommandPattern::parse(&rule.r#match);
        let unless = rule.unless.as_ref().map(|word| CommandPattern::parse(word));
        // A script is read as the shell reads it; words that never meet a shell are matched as they are.
        match command.argv.last() {
            Some(script) if *script == command.shown => pattern.matches_unless(unless.as_ref(), script),
            _ => pattern.matches_argv(unless.as_ref(), &command.argv),
        }
    })?;
    let because = hit.because.as_ref().map_or("the runbook says so", |because| &**because);
    Some((hit.r#match.source.clone(), because.to_owned()))
}
