//! A step: exactly one kind, and the fields that belong to it.

use std::time::Duration;

use super::belongs::{KINDS, check_belongs, has_misspelt_kind};
use super::branch::{Branches, Choices, Destination};
use super::command::Command;
use super::decode::{Cx, Decode, check_keys, record};
use super::fields::{Captures, Env, Expect, ForEach, Tests, Undo};
use super::scalar::{Located, Name, OneOrMany, Text, words};
use super::shape::Shape;
use super::test::Test;
use crate::diagnostic::Code;
use crate::source::Span;
use crate::yaml::{Kind as NodeKind, Node};

words! {
    /// The four parts of a runbook, in order.
    pub enum Phase {
        /// Looks that find out what is wrong.
        Diagnose = "diagnose",
        /// Changes.
        Repair = "repair",
        /// Looks that prove that it is repaired.
        Verify = "verify",
        /// What is left for daylight.
        FollowUp = "follow_up",
    }
}

words! {
    /// What a change can cost.
    pub enum Risk {
        /// Confirmed with `y`.
        Low = "low",
        /// Confirmed with a typed word; what is unsaid acts as high.
        High = "high",
        /// Confirmed with the name of the place.
        Destructive = "destructive",
    }
}

words! {
    /// The shell of a command.
    pub enum ShellName {
        /// `bash -euo pipefail -c`
        Bash = "bash",
        /// `sh -eu -c`
        Sh = "sh",
    }
}

words! {
    /// How output is kept.
    pub enum Streams {
        /// Both streams through one pipe, in order.
        Joined = "joined",
        /// Standard error apart.
        Split = "split",
    }
}

record! {
    /// A step as it is written: exactly one kind (`check`, `wait`, `change`, `by_hand`, `question`, `terminal`, `edit`, `announce`, `include`, `steps`).
    pub struct WrittenStep as "step" one of ["check", "wait", "change", "by_hand", "question", "terminal", "edit", "announce", "include", "steps"] {
        /// Named where another step, an answer or a person refers to it.
        id: Option<Name>,
        /// What is shown; default: the text, or the command's first line.
        title: Option<Text>,
        /// A test that states what is true when all is well; changes nothing.
        check: Option<Test>,
        /// A test that is asked again until it holds.
        wait: Option<Test>,
        /// A command that changes something.
        change: Option<Command>,
        /// What a person does.
        by_hand: Option<Text>,
        /// What is asked; without `choices`: yes or no.
        question: Option<Text>,
        /// An interactive program that the terminal is handed to; what it shows is recorded, what is typed never is.
        terminal: Option<Command>,
        /// A file that a person edits; it is replaced once its difference was confirmed.
        edit: Option<Text>,
        /// What people are told: shown to copy, and sent where the user's configuration has a channel.
        announce: Option<Text>,
        /// Names of channels in the user's configuration.
        to: OneOrMany,
        /// Another runbook, by the name of its file without `.yaml`.
        include: Option<Name>,
        /// Values for the inputs of the included runbook.
        inputs: Env,
        /// A group, to three levels.
        steps: Option<Vec<StepOrText>>,
        /// Why it is done.
        why: Option<Text>,
        /// How it is done, in more words.
        how: Option<Text>,
        /// What to look out for.
        caution: Option<Text>,
        /// Pages to read.
        links: OneOrMany,
        /// A sample of the output, compared only by eye.
        looks_like: Option<Text>,
        /// About how long it takes.
        takes: Option<Located<Duration>>,
        /// The target it runs on, or `here`.
        r#where = "where": Option<Name>,
        /// As whom the command runs, by `sudo`.
        user: Option<Text>,
        /// Repeats the step for each value of a list, in order.
        for_each: Option<ForEach>,
        /// An expression; where it is false the step is not taken.
        when: Option<Text>,
        /// Where to go when it passed.
        then: Option<Destination>,
        /// Where to go when it ran and failed, was answered no, or could not be done.
        if_not: Branches,
        /// What the command must give.
        expect: Option<Expect>,
        /// Values taken from the output, or the answer.
        capture: Captures,
        /// The answers of a question.
        choices: Option<Choices>,
        /// Names of captured values to show with a question.
        show: OneOrMany,
        /// Time between two tries of a wait.
        every: Option<Located<Duration>>,
        /// When a wait gives up.
        at_most: Option<Located<Duration>>,
        /// How long the test of a wait must hold without a break.
        hold: Option<Located<Duration>>,
        /// Text for the command's standard input; never quoted.
        stdin: Option<Text>,
        /// When a command is ended: a look after 30s if nothing is said, a change never.
        timeout: Option<Located<Duration>>,
        /// Whether the output is kept (the default).
        record: Option<bool>,
        /// Environment for the command.
        env: Env,
        /// The folder of the command.
        cwd: Option<Text>,
        /// The shell of the command.
        shell: Option<ShellName>,
        /// How the output is kept.
        streams: Option<Streams>,
        /// What it can cost; unsaid acts as high.
        risk: Option<Risk>,
        /// Tests that must hold just before.
        needs: Tests,
        /// Tests that hold when it is done: asked before, after, and when a run goes on.
        done_when: Tests,
        /// Globs relative to `scope.files` of what may change; `!` takes back. Enforced.
        may_change: OneOrMany,
        /// The way back.
        undo: Option<Undo>,
        /// Why there is no way back.
        no_undo: Option<Text>,
        /// Whether it is safe to run again after an unknown end.
        repeatable: bool,
        /// A lost line is no failure: `done_when` tells how it ended, where nothing else does.
        may_disconnect: bool,
        /// The id of the step that must pass before one may walk away.
        unsafe_until: Option<Name>,
        /// What must be typed; default: for `high` the step's id, for `destructive` the place.
        confirm: Option<Text>,
        /// Similar commands that are not this one.
        looks_alike: OneOrMany,
    }
    later ["approval"]
}

/// A step, or a text that a person does.
#[derive(Clone, Debug)]
pub struct StepOrText(pub Step);

/// One step of a runbook.
#[derive(Clone, Debug)]
pub struct Step {
    /// Unique in the runbook; where the author gave none it is made from the title.
    pub id: Name,
    /// Whether the author named it.
    pub named: bool,
    pub title: Text,
    pub kind: Kind,
    /// The fields as written, without `steps`; those of other kinds are absent, the loader saw to it.
    pub fields: Box<WrittenStep>,
    pub span: Span,
}

/// What a step is.
#[derive(Clone, Debug)]
pub enum Kind {
    Check(Test),
    Wait {
        test: Test,
        every: Duration,
        at_most: Duration,
        hold: Duration,
    },
    Change(Command),
    ByHand(Text),
    Question(Text),
    /// A person works in a program.
    Terminal(Command),
    /// A person edits a file.
    Edit(Text),
    /// People are told.
    Announce(Text),
    /// Another runbook; its steps stand in it as in a group once it was read.
    Include {
        runbook: Name,
        steps: Vec<Step>,
    },
    Steps(Vec<Step>),
}

impl Kind {
    /// As the format writes it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Check(_) => "check",
            Self::Wait { .. } => "wait",
            Self::Change(_) => "change",
            Self::ByHand(_) => "by_hand",
            Self::Question(_) => "question",
            Self::Terminal(_) => "terminal",
            Self::Edit(_) => "edit",
            Self::Announce(_) => "announce",
            Self::Include { .. } => "include",
            Self::Steps(_) => "steps",
        }
    }

    /// Whether a process or a probe belongs to it.
    pub const fn runs_something(&self) -> bool {
        match self {
            Self::Check(_) | Self::Wait { .. } | Self::Change(_) | Self::Terminal(_) | Self::Edit(_) => true,
            Self::ByHand(_) | Self::Question(_) | Self::Announce(_) | Self::Include { .. } | Self::Steps(_) => false,
        }
    }
}

impl Step {
    /// The risk of a step; only changing kinds have one.
    pub fn risk(&self) -> Risk {
        self.fields.risk.unwrap_or(Risk::High)
    }

    /// The steps of a group.
    pub fn children(&self) -> &[Self] {
        match &self.kind {
            Kind::Steps(steps) | Kind::Include { steps, .. } => steps,
            Kind::Check(_)
            | Kind::Wait { .. }
            | Kind::Change(_)
            | Kind::ByHand(_)
            | Kind::Question(_)
            | Kind::Terminal(_)
            | Kind::Edit(_)
            | Kind::Announce(_) => &[],
        }
    }

    /// The same, to be finished by the loader.
    pub fn children_mut(&mut self) -> &mut [Self] {
        let (Kind::Steps(steps) | Kind::Include { steps, .. }) = &mut self.kind else { return &mut [] };
        steps
    }

    /// This step and all below it, in the order of the file.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        visit(self);
        for child in self.children() {
            child.walk(visit);
        }
    }
}

impl Decode for StepOrText {
    fn shape() -> Shape {
        Shape::Any(vec![Text::shape(), WrittenStep::shape()])
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        if let NodeKind::Mapping(_) = node.kind {
            return written(node, cx).map(Self);
        }
        let text = Text::decode(node, cx)?;
        let empty = Node { span: node.span, kind: NodeKind::Mapping(Vec::new()) };
        let fields = Box::new(WrittenStep::decode(&empty, cx)?);
        let id = Name { value: String::new(), span: node.span };
        Some(Self(Step { id, named: false, title: text.clone(), kind: Kind::ByHand(text), fields, span: node.span }))
    }
}

fn written(node: &Node, cx: &mut Cx) -> Option<Step> {
    let kinds: Vec<_> = KINDS.iter().copied().filter_map(|kind| node.get(kind)).collect();
    let [kind] = kinds.as_slice() else {
        check_keys(node, WrittenStep::KEYS, WrittenStep::LATER, "`step`", cx);
        if kinds.is_empty() && has_misspelt_kind(node) {
            return None;
        }
        let (span, message) = match kinds.as_slice() {
            [first, second, ..] => {
                (second.key.span, format!("a step with both `{}` and `{}`", first.key.name, second.key.name))
            }
            _ => (node.span, "a step without a kind".to_owned()),
        };
        let problem = cx.problem(Code::StepKind, span, message);
        cx.push(problem.help(format!("a step has exactly one of {}", KINDS.join(", "))));
        return None;
    };
    let word = kind.key.name.clone();
    check_belongs(node, &word, cx);
    let mut fields = WrittenStep::decode(node, cx)?;
    let kind = kind_of(node, &word, &mut fields, cx)?;
    let title = fields.title.clone().unwrap_or_else(|| default_title(&kind, &fields));
    let named = fields.id.is_some();
    let id = fields.id.clone().unwrap_or(Name { value: String::new(), span: title.span });
    Some(Step { id, named, title, kind, fields: Box::new(fields), span: node.span })
}

fn kind_of(node: &Node, word: &str, fields: &mut WrittenStep, cx: &mut Cx) -> Option<Kind> {
    let every = Duration::from_secs(5);
    Some(match word {
        "check" => Kind::Check(fields.check.clone()?),
        "wait" => {
            let Some(at_most) = &fields.at_most else {
                let span = node.get("wait").map_or(node.span, |entry| entry.key.span);
                let problem = cx.problem(Code::MissingKey, span, "missing key `at_most` in a `wait` step");
                cx.push(problem.help("say when to give up, such as `at_most: 2m`"));
                return None;
            };
            Kind::Wait {
                test: fields.wait.clone()?,
                every: fields.every.as_ref().map_or(every, |every| every.value),
                at_most: at_most.value,
                hold: fields.hold.as_ref().map_or(Duration::ZERO, |hold| hold.value),
            }
        }
        "change" => Kind::Change(fields.change.clone()?),
        "by_hand" => Kind::ByHand(fields.by_hand.clone()?),
        "question" => Kind::Question(fields.question.clone()?),
        "terminal" => Kind::Terminal(fields.terminal.clone()?),
        "edit" => Kind::Edit(fields.edit.clone()?),
        "announce" => Kind::Announce(fields.announce.clone()?),
        "include" => Kind::Include { runbook: fields.include.clone()?, steps: Vec::new() },
        _ => Kind::Steps(fields.steps.take()?.into_iter().map(|step| step.0).collect()),
    })
}

fn default_title(kind: &Kind, fields: &WrittenStep) -> Text {
    let of_command = |command: &Command| match command {
        Command::Script(text) if !text.contains('\n') => text.clone(),
        Command::Script(_) | Command::Argv(..) => Text { span: command.span(), ..Text::literal(&command.first_line()) },
    };
    let of_test = |test: &Test| match test {
        Test::Command(command) => of_command(command),
        Test::Probe(probe) => Text::literal(&probe.title()),
    };
    match kind {
        Kind::Check(test) | Kind::Wait { test, .. } => of_test(test),
        Kind::Change(command) | Kind::Terminal(command) => of_command(command),
        Kind::Edit(path) => Text { span: path.span, ..Text::literal(&format!("Edit {}", path.source)) },
        Kind::ByHand(text) | Kind::Question(text) | Kind::Announce(text) => {
            let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
            if first.len() == text.source.len() { text.clone() } else { Text::literal(first) }
        }
        Kind::Include { runbook, .. } => Text { span: runbook.span, ..Text::literal(&runbook.value) },
        Kind::Steps(steps) => fields
            .title
            .clone()
            .or_else(|| steps.first().map(|step| step.title.clone()))
            .unwrap_or_else(|| Text::literal("Group")),
    }
}
