//! A step with every name filled in: what the card shows is what runs, byte for byte.

use std::collections::BTreeMap;
use std::time::Duration;

use super::probe_line::ProbeLine;
use super::target::TargetLine;
use crate::engine::key::Key;
use crate::engine::record::{Does, EditDraft, Rerun};
use crate::model::fields::Hosts;
use crate::model::{Phase, Risk};
use crate::template::Part;

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
    /// When it is said that it takes longer than it should; it goes on.
    pub warn_after: Option<Duration>,
    pub split: bool,
    pub keep: bool,
    /// What it is given that holds secrets; their values are put in just before the process begins.
    pub secrets: SecretTexts,
}

/// Texts with secrets in them, for one command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretTexts {
    /// Variables, beside those of [`CommandLine::env`].
    pub env: BTreeMap<String, Vec<Part>>,
    /// Standard input, in the place of [`CommandLine::stdin`].
    pub stdin: Option<Vec<Part>>,
}

impl SecretTexts {
    /// The names of all secrets in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let parts = self.env.values().chain(&self.stdin).flatten();
        parts.filter_map(|part| match part {
            Part::Secret(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// What is shown of such a text.
    pub fn shown(parts: &[Part]) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Secret(name) => format!("[secret {name}]"),
        };
        parts.iter().map(part).collect()
    }
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
    Wait {
        test: TestLine,
        every: Duration,
        at_most: Duration,
        hold: Duration,
    },
    Command(CommandLine),
    /// A person works in this program; what came of it they say when it has ended.
    Terminal(CommandLine),
    /// Put the copy of the scope back.
    Restore,
    ByHand(String),
    Question {
        text: String,
        choices: Vec<ChoiceLine>,
        show: Vec<(String, String)>,
    },
    /// A file is replaced by what a person made of it; without a draft it is not edited yet.
    Edit {
        path: String,
        draft: Option<EditDraft>,
    },
    /// People are told; `to` names channels of the user.
    Announce {
        text: String,
        to: Vec<String>,
    },
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
    /// Of which of several machines it is expected.
    pub hosts: Hosts,
}

/// How a value is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureLine {
    pub name: String,
    pub r#match: Option<String>,
    pub json: Option<String>,
    pub lines: bool,
    pub pattern: Option<String>,
    /// It is kept in memory only.
    pub secret: bool,
}

/// The way back that the author gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UndoLine {
    /// The copy of the scope that is taken before.
    Copy,
    Command(CommandLine),
    ByHand(String),
    None {
        why: String,
    },
}

/// A step, ready.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub key: Key,
    pub phase: Phase,
    pub title: String,
    pub does: Does,
    /// Where it runs.
    pub at: TargetLine,
    /// A look on several machines: the same for each, in order; else empty.
    pub on: Vec<Resolved>,
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
    /// How long after its beginning the way back is gone by itself, unless somebody confirms.
    pub armed: Option<Duration>,
    /// A lost line is no failure: `done_when` tells how it ended.
    pub may_disconnect: bool,
    pub risk: Option<Risk>,
    /// What is typed to confirm; for `low` nothing needs to be.
    pub confirm_word: String,
    pub rerun: Rerun,
}

impl Resolved {
    /// Digest over everything that will run: what was confirmed is what is executed.
    pub fn digest(&self) -> String {
        let on: Vec<_> = self.on.iter().map(|one| (&one.at, &one.work)).collect();
        let Self { key, work, may_change, undo, at, .. } = self;
        let text = format!("{key:?}\n{work:?}\n{may_change:?}\n{undo:?}\n{at:?}\n{on:?}");
        let armed = self.armed.map(|after| format!("\n{after:?}")).unwrap_or_default();
        crate::text::sha256(text + &armed)
    }

    /// Every command that it can run: its own, those of its tests, and its way back.
    pub fn commands(&self) -> Vec<&CommandLine> {
        let own = match &self.work {
            Work::Test(test) | Work::Wait { test, .. } => test.command(),
            Work::Command(line) | Work::Terminal(line) => Some(line),
            Work::Restore | Work::ByHand(_) | Work::Question { .. } | Work::Edit { .. } | Work::Announce { .. } => None,
        };
        let back = match &self.undo {
            UndoLine::Command(line) => Some(line),
            UndoLine::Copy | UndoLine::ByHand(_) | UndoLine::None { .. } => None,
        };
        let tests = [&self.needs, &self.done_when, &self.undo_done_when];
        own.into_iter().chain(tests.into_iter().flatten().filter_map(TestLine::command)).chain(back).collect()
    }

    /// The words of the process, or what is done instead of one.
    pub fn argv(&self) -> Vec<String> {
        let way = self.at.way();
        match &self.work {
            Work::Test(TestLine::Command(line))
            | Work::Wait { test: TestLine::Command(line), .. }
            | Work::Command(line)
            | Work::Terminal(line) => way.into_iter().chain(line.argv.clone()).collect(),
            Work::Test(TestLine::Probe(probe)) | Work::Wait { test: TestLine::Probe(probe), .. } => probe.words(),
            Work::Restore => vec!["locum".to_owned(), "restore the copy".to_owned()],
            Work::Edit { path, draft } => {
                let after = draft.iter().map(|draft| draft.after.clone());
                ["edit".to_owned(), path.clone()].into_iter().chain(after).collect()
            }
            Work::Announce { text, to } => {
                ["announce".to_owned(), text.clone()].into_iter().chain(to.clone()).collect()
            }
            Work::ByHand(text) | Work::Question { text, .. } => vec!["by hand".to_owned(), text.clone()],
        }
    }

    /// What runs, for people.
    pub fn shown(&self) -> String {
        match &self.work {
            Work::Test(test) | Work::Wait { test, .. } => test.shown(),
            Work::Command(line) | Work::Terminal(line) => line.shown.clone(),
            Work::Restore => "puts the copy back".to_owned(),
            Work::Edit { path, .. } => format!("edit {path}"),
            Work::ByHand(text) | Work::Question { text, .. } | Work::Announce { text, .. } => text.clone(),
        }
    }
}

impl TestLine {
    /// The command, where it is one.
    pub const fn command(&self) -> Option<&CommandLine> {
        match self {
            Self::Command(line) => Some(line),
            Self::Probe(_) => None,
        }
    }

    pub fn shown(&self) -> String {
        match self {
            Self::Command(line) => line.shown.clone(),
            Self::Probe(probe) => probe.words().join(" "),
        }
    }
}
