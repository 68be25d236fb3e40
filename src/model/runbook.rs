//! The runbook: what it is about, who answers for it, what it works within, and its steps.

use std::collections::BTreeMap;
use std::time::Duration;

use indexmap::IndexMap;

use super::command::Command;
use super::decode::{Cx, Decode, record};
use super::scalar::{Located, Name, OneOrMany, Text, words};
use super::secret::Origin;
use super::shape::Shape;
use super::step::{Phase, Step, StepOrText};
use super::target::Target;
use crate::yaml::{Kind, Node};

words! {
    /// How bad it is when this runbook is needed.
    pub enum Severity {
        /// It can wait for daylight.
        Low = "low",
        /// Somebody is hindered.
        High = "high",
        /// The service is down.
        Critical = "critical",
    }
}

words! {
    /// Whether it may be run.
    pub enum Status {
        /// `run` refuses it.
        Draft = "draft",
    }
}

words! {
    /// The version of the format.
    pub enum Format {
        /// The only one so far.
        One = "1",
    }
}

record! {
    /// How fresh it is.
    pub struct Review as "review" {
        /// The day of the last review, as `"2026-11-01"`.
        last: Option<Name>,
        /// How often it is due.
        every: Option<Located<Duration>>,
    }
}

record! {
    /// How often it is practised, and by how many.
    pub struct Practice as "practice" {
        /// How often.
        every: Option<Located<Duration>>,
        /// By how many people.
        people: Option<i64>,
    }
}

record! {
    /// A value that is asked for at the start.
    pub struct FullInput as "input" {
        /// What it is, for people.
        about: Option<Text>,
        /// A regular expression that the whole value must match.
        pattern: Option<Text>,
        /// The values it can have.
        choices: Option<Vec<Text>>,
        /// The value where none is given.
        default: Option<Text>,
        /// Whether it is a list (given one value a line, or with commas).
        list: bool,
        /// Whether it may be left out.
        optional: bool,
        /// Whether it must not be seen: it is kept in memory only, and replaced wherever it is printed.
        secret: bool,
        /// Where a secret comes from; without it, a person is asked and nothing is shown of what is typed.
        from: Option<Origin>,
    }
}

/// An input; short form: what it is about.
#[derive(Clone, Debug)]
pub struct Input {
    pub about: Option<Text>,
    pub pattern: Option<Text>,
    pub choices: Vec<Text>,
    pub default: Option<Text>,
    pub list: bool,
    pub optional: bool,
    pub secret: bool,
    pub from: Option<Origin>,
}

impl Input {
    /// A regular expression that a value must match as a whole.
    pub fn whole_pattern(&self) -> Option<String> {
        self.pattern.as_ref().map(|pattern| format!("^(?:{})$", pattern.source))
    }
}

impl Decode for Input {
    fn shape() -> Shape {
        Shape::Any(vec![Text::shape(), FullInput::shape()])
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        if matches!(node.kind, Kind::Mapping(_)) {
            let full = FullInput::decode(node, cx)?;
            return Some(Self {
                about: full.about,
                pattern: full.pattern,
                choices: full.choices.unwrap_or_default(),
                default: full.default,
                list: full.list,
                optional: full.optional,
                secret: full.secret,
                from: full.from,
            });
        }
        let about = Some(Text::decode(node, cx)?);
        let (pattern, default, from) = (None, None, None);
        Some(Self { about, pattern, choices: Vec::new(), default, list: false, optional: false, secret: false, from })
    }
}

record! {
    /// What is said when a guard is broken.
    pub struct IfBroken as "if_broken" {
        /// What it means.
        means: Option<Text>,
        /// Whether it gets worse with time, and how.
        worse_with_time: Option<Text>,
        /// What not to do now.
        do_not: Option<Text>,
    }
}

record! {
    /// What the runbook works within: everything in here is a guard, except what a step lists in `may_change`.
    pub struct Scope as "scope" {
        /// Files and folders.
        files: Vec<Text>,
        /// What is said when it is broken.
        if_broken: Option<IfBroken>,
    }
}

record! {
    /// Something that must not change during the whole run.
    pub struct Guard as "guard" {
        /// What it is, for people.
        what: Text,
        /// Files and folders.
        files: Option<Vec<Text>>,
        /// A command whose output must stay the same.
        output_of: Option<Command>,
        /// Where it is; default: the `where` of the runbook.
        r#where = "where": Option<Name>,
        /// What is said when it is broken.
        if_broken: Option<IfBroken>,
    }
}

record! {
    /// A command that this runbook never runs.
    pub struct Forbidden as "forbidden command" {
        /// Words in this order, others may stand between, `*` globs.
        r#match = "match": Text,
        /// A word that makes it allowed.
        unless: Option<Text>,
        /// Why.
        because: Option<Text>,
    }
}

record! {
    /// Something with a date after which it fails.
    pub struct Expiry as "expiry" {
        /// What it is.
        what: Text,
        /// A PEM file or `host:port`.
        certificate: Option<Text>,
        /// A day, as `"2026-11-01"`.
        date: Option<Name>,
        /// How long before to warn.
        warn: Option<Located<Duration>>,
    }
    later ["where"]
}

record! {
    /// A throw-away copy to drill in.
    pub struct Lab as "lab" {
        /// Starts it: stays in the foreground, prints `name=value` lines, then `ready`; TERM ends it.
        start: Command,
        /// Inputs that the lab sets.
        inputs: IndexMap<String, Text>,
    }
}

record! {
    /// A runbook for locum.
    pub struct WrittenRunbook as "runbook" {
        /// The version of the format: 1.
        locum: Format,
        /// What it repairs, in a few words.
        title: Text,
        /// Its version; rises when it behaves differently.
        version: Option<Name>,
        /// `draft` keeps it from being run.
        status: Option<Status>,
        /// Whether it is only for `include`.
        part: bool,
        /// What it looks like when it is needed, and what it does.
        summary: Option<Text>,
        /// Who is hit, and how.
        impact: Option<Text>,
        /// What it is for: systems, versions.
        applies_to: Option<Text>,
        /// The service it belongs to.
        service: Option<Name>,
        /// How bad it is.
        severity: Option<Severity>,
        /// Texts one sees when it is needed.
        symptoms: Vec<Text>,
        /// Names of alerts that lead here.
        alerts: Vec<Name>,
        /// Who answers for it.
        owner: Option<Name>,
        /// Who stands in.
        deputies: Vec<Name>,
        /// How fresh it is.
        review: Option<Review>,
        /// How often it is practised.
        practice: Option<Practice>,
        /// Values asked for at the start.
        inputs: IndexMap<String, Input>,
        /// Constants made from inputs.
        values: IndexMap<String, Text>,
        /// Places where steps run.
        targets: IndexMap<String, Target>,
        /// Where steps run that do not say it; default: this machine.
        r#where = "where": Option<Name>,
        /// As whom commands of this machine run where neither step nor target says it; with `root` it may be run as root.
        user: Option<Name>,
        /// What it works within.
        scope: Option<Scope>,
        /// What must not change during the whole run.
        must_not_change: Vec<Guard>,
        /// Commands that are never run.
        forbidden: Vec<Forbidden>,
        /// Scripts that the commands call: part of the digest, frozen with the run.
        files: Vec<Name>,
        /// What runs out, and when.
        expires: Vec<Expiry>,
        /// Looks that find out what is wrong.
        diagnose: Vec<StepOrText>,
        /// Changes.
        repair: Vec<StepOrText>,
        /// Looks that prove that it is repaired.
        verify: Vec<StepOrText>,
        /// What is left for daylight.
        follow_up: Vec<StepOrText>,
        /// Throw-away copies to drill in.
        labs: IndexMap<String, Lab>,
    }
}

/// A runbook, loaded.
#[derive(Clone, Debug)]
pub struct Runbook {
    /// The name of its file without `.yaml`.
    pub id: String,
    /// Everything as written; its four lists of steps moved to `phases`.
    pub head: WrittenRunbook,
    phases: [Vec<Step>; 4],
    /// The runbooks that are included, each by the id of the step that includes it.
    pub frames: BTreeMap<String, Frame>,
    /// The text of every runbook that is included, by its id: frozen with the run.
    pub included: BTreeMap<String, String>,
}

/// A runbook in another one: its names are its own, and it sees nothing of those around it but what it is given.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its id.
    pub runbook: String,
    /// What the step gives, in the names around it.
    pub given: IndexMap<String, Text>,
    /// What it asks for.
    pub inputs: IndexMap<String, Input>,
    /// Its constants.
    pub values: IndexMap<String, Text>,
}

impl Runbook {
    /// Takes the steps out of what was written.
    pub fn new(id: impl Into<String>, mut head: WrittenRunbook) -> Self {
        let steps = |list: &mut Vec<StepOrText>| std::mem::take(list).into_iter().map(|step| step.0).collect();
        let phases =
            [steps(&mut head.diagnose), steps(&mut head.repair), steps(&mut head.verify), steps(&mut head.follow_up)];
        Self { id: id.into(), head, phases, frames: BTreeMap::new(), included: BTreeMap::new() }
    }

    /// The top-level steps of a phase.
    pub fn phase(&self, phase: Phase) -> &[Step] {
        &self.phases[phase as usize]
    }

    /// The same, to be finished by the loader.
    pub fn phase_mut(&mut self, phase: Phase) -> &mut Vec<Step> {
        &mut self.phases[phase as usize]
    }

    /// The included runbook in which a step stands, with the id of the step that includes it.
    pub fn frame_of(&self, id: &str) -> Option<(&str, &Frame)> {
        let (step, _) = id.rsplit_once('.')?;
        self.frames.get_key_value(step).map(|(step, frame)| (step.as_str(), frame))
    }

    /// The phases in order.
    pub const PHASES: [Phase; 4] = [Phase::Diagnose, Phase::Repair, Phase::Verify, Phase::FollowUp];

    /// Every step, groups and what is in them, in the order of the file.
    pub fn steps(&self) -> Vec<(Phase, &Step)> {
        let mut all = Vec::new();
        for phase in Self::PHASES {
            for step in self.phase(phase) {
                step.walk(&mut |step| all.push((phase, step)));
            }
        }
        all
    }

    /// A step by its id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps().into_iter().map(|(_, step)| step).find(|step| step.id.value == id)
    }

    /// The version, or `0` where none is given.
    pub fn version(&self) -> &str {
        self.head.version.as_ref().map_or("0", |version| version.value.as_str())
    }

    /// Names of people, from all who are named.
    pub fn people(&self) -> Vec<&str> {
        self.head.owner.iter().chain(&self.head.deputies).map(|name| name.value.as_str()).collect()
    }

    /// The texts of a list.
    pub fn texts(list: &OneOrMany) -> Vec<&str> {
        list.iter().map(|text| &**text).collect()
    }
}
