//! A step as facts in the order in which a person needs them; page and terminal draw the same facts.

use std::time::Duration;

use super::commands::{self, Language};
use super::places::place_words;
use crate::model::branch::{Choices, To};
use crate::model::fields::{Expect, Items, UndoHow};
use crate::model::{Command, Phase, Runbook, Step, StepKind, Test, Text};
use crate::template::Values;
use crate::text::duration::human;

/// A step.
#[derive(Clone, Debug)]
pub struct Card {
    /// `3`, in groups `3.1`.
    pub number: String,
    pub id: String,
    pub title: String,
    pub phase: Phase,
    pub depth: usize,
    /// What it is, in words: `change, risk high`.
    pub kind: String,
    /// Whether it changes something.
    pub changes: bool,
    pub facts: Vec<Fact>,
}

/// Something about a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub label: &'static str,
    pub body: Body,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Markdown of the author.
    Prose(String),
    /// Our own words with theirs in them, as plain text.
    Words(String),
    /// Texts to be read letter by letter.
    Names(Vec<String>),
    /// Runbooks and pages to read.
    Links(Vec<String>),
    /// What runs.
    Command(String, Language),
    /// What output may look like.
    Sample(String),
    /// Where it goes on.
    Ways(Vec<Way>),
}

/// One way on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// When it is taken, in plain words.
    pub when: String,
    pub means: Option<String>,
    pub to: Option<To>,
    pub see: Option<String>,
}

/// All steps, in the order of the file.
pub fn cards(runbook: &Runbook, values: &Values) -> Vec<Card> {
    let mut cards = Vec::new();
    let mut number = 0;
    for phase in Runbook::PHASES {
        for step in runbook.phase(phase) {
            number += 1;
            lay(step, &number.to_string(), &Place { runbook, values, phase, depth: 0 }, &mut cards);
        }
    }
    cards
}

struct Place<'a> {
    runbook: &'a Runbook,
    values: &'a Values,
    phase: Phase,
    depth: usize,
}

fn lay(step: &Step, number: &str, place: &Place, cards: &mut Vec<Card>) {
    let changes = match step.kind {
        StepKind::Change(_) | StepKind::Terminal(_) | StepKind::Edit(_) => true,
        StepKind::ByHand(_) => place.phase == Phase::Repair || step.fields.risk.is_some(),
        StepKind::Check(_)
        | StepKind::Wait { .. }
        | StepKind::Question(_)
        | StepKind::Announce(_)
        | StepKind::Include { .. }
        | StepKind::Steps(_) => false,
    };
    let builder = Builder { step, place, facts: Vec::new() };
    cards.push(Card {
        number: number.to_owned(),
        id: step.id.value.clone(),
        title: commands::text(&step.title, place.values),
        phase: place.phase,
        depth: place.depth,
        kind: kind(step, changes),
        changes,
        facts: builder.facts(changes),
    });
    let frame = place.runbook.frames.get(&step.id.value);
    let own = frame.map(|frame| crate::engine::known::frame_values(frame, place.values));
    let inner = Place { depth: place.depth + 1, values: own.as_ref().unwrap_or(place.values), ..*place };
    for (at, child) in step.children().iter().enumerate() {
        lay(child, &format!("{number}.{}", at + 1), &inner, cards);
    }
}

fn kind(step: &Step, changes: bool) -> String {
    let said = step.fields.risk.is_some() || matches!(step.kind, StepKind::Change(_) | StepKind::Terminal(_));
    let risk = if changes && said { format!(", risk {}", step.risk().word()) } else { String::new() };
    match &step.kind {
        StepKind::Check(_) => "look".to_owned(),
        StepKind::Wait { every, at_most, hold, .. } => {
            let hold =
                if *hold == Duration::ZERO { String::new() } else { format!(", until it holds for {}", human(*hold)) };
            format!("wait, asked every {}, at most {}{hold}", human(*every), human(*at_most))
        }
        StepKind::Change(_) => format!("change{risk}"),
        StepKind::ByHand(_) => format!("by hand{risk}"),
        StepKind::Question(_) => "question".to_owned(),
        StepKind::Terminal(_) => format!("terminal{risk}"),
        StepKind::Edit(_) => format!("edit{risk}"),
        StepKind::Announce(_) => "announcement".to_owned(),
        StepKind::Include { runbook, .. } => format!("the runbook {}", runbook.value),
        StepKind::Steps(_) => "group".to_owned(),
    }
}

struct Builder<'a> {
    step: &'a Step,
    place: &'a Place<'a>,
    facts: Vec<Fact>,
}

impl Builder<'_> {
    fn facts(mut self, changes: bool) -> Vec<Fact> {
        let fields = &self.step.fields;
        self.prose("Why", fields.why.as_ref());
        self.prose("Careful", fields.caution.as_ref());
        self.circumstances();
        self.tests("Needs", &fields.needs.0);
        self.work();
        self.prose("How", fields.how.as_ref());
        self.names("Not this one", &fields.looks_alike);
        self.output();
        if changes {
            self.safety();
        }
        self.ways();
        if !fields.links.is_empty() {
            let links = fields.links.iter().map(|text| self.text(text)).collect();
            self.push("Read", Body::Links(links));
        }
        self.facts
    }

    fn text(&self, text: &Text) -> String {
        commands::text(text, self.place.values)
    }

    fn push(&mut self, label: &'static str, body: Body) {
        self.facts.push(Fact { label, body });
    }

    fn words(&mut self, label: &'static str, words: impl Into<String>) {
        self.push(label, Body::Words(words.into()));
    }

    fn prose(&mut self, label: &'static str, text: Option<&Text>) {
        if let Some(text) = text {
            let text = self.text(text);
            self.push(label, Body::Prose(text));
        }
    }

    fn names(&mut self, label: &'static str, texts: &[Text]) {
        if !texts.is_empty() {
            let names = texts.iter().map(|text| self.text(text)).collect();
            self.push(label, Body::Names(names));
        }
    }

    fn command(&mut self, label: &'static str, command: &Command) {
        let text = commands::command(command, self.step.fields.shell, self.place.values);
        self.push(label, Body::Command(text, Language::Shell));
    }

    fn test(&mut self, label: &'static str, test: &Test) {
        let (shown, language) = commands::test(test, self.step.fields.shell, self.place.values);
        self.push(label, Body::Command(shown, language));
    }

    fn tests(&mut self, label: &'static str, tests: &[Test]) {
        for test in tests {
            self.test(label, test);
        }
    }

    /// When, how often and where.
    fn circumstances(&mut self) {
        let fields = &self.step.fields;
        if let Some(when) = &fields.when {
            self.words("Only when", when.source.clone());
        }
        if let Some(each) = &fields.for_each {
            let list = match &each.items {
                Items::Listed(texts) => texts.iter().map(|text| self.text(text)).collect::<Vec<_>>().join(", "),
                Items::Named(name) => format!("the list {}", name.value),
            };
            self.words("For each", format!("{} of {list}", each.name.value));
        }
        if let Some(place) = &fields.r#where {
            let place = place_words(self.place.runbook, &place.value, self.place.values);
            self.words("Where", place);
        }
        if let Some(user) = &fields.user {
            let user = self.text(user);
            self.words("As", user);
        }
        if let Some(takes) = &fields.takes {
            self.words("Takes", format!("about {}", human(takes.value)));
        }
        if let Some(timeout) = &fields.timeout {
            self.words("Limit", human(timeout.value));
        }
        if let Some(cwd) = &fields.cwd {
            let cwd = self.text(cwd);
            self.push("In folder", Body::Names(vec![cwd]));
        }
        if !fields.env.is_empty() {
            let env = fields.env.iter().map(|(name, text)| format!("{name}={}", self.text(text))).collect();
            self.push("With", Body::Names(env));
        }
    }

    /// What an included runbook is given.
    fn given(&mut self) {
        let given = self.step.fields.inputs.iter();
        let given = given.map(|(name, text)| format!("{name} = {}", commands::text(text, self.place.values)));
        let given: Vec<_> = given.collect();
        if !given.is_empty() {
            self.push("Is given", Body::Names(given));
        }
    }

    fn work(&mut self) {
        match &self.step.kind {
            StepKind::Check(test) => self.test("Looks", test),
            StepKind::Wait { test, .. } => self.test("Waits for", test),
            StepKind::Change(command) => self.command("Runs", command),
            StepKind::ByHand(text) => self.prose("Do", Some(text)),
            StepKind::Question(text) => self.prose("Asks", Some(text)),
            StepKind::Terminal(command) => self.command("You work in", command),
            StepKind::Edit(path) => self.names("Edits", std::slice::from_ref(path)),
            StepKind::Announce(text) => {
                let text = self.text(text);
                self.push("Tells", Body::Sample(text));
                self.names("To", &self.step.fields.to);
            }
            StepKind::Include { .. } => self.given(),
            StepKind::Steps(_) => {}
        }
        if let Some(stdin) = &self.step.fields.stdin {
            let stdin = self.text(stdin);
            self.push("Is given", Body::Sample(stdin));
        }
        self.names("Shows", &self.step.fields.show);
    }

    /// What must come out, and what is taken from it.
    fn output(&mut self) {
        let fields = &self.step.fields;
        if let Some(expect) = &fields.expect {
            let lines = self.expected(expect);
            self.push("Good is", Body::Names(lines));
        }
        if let Some(sample) = &fields.looks_like {
            let sample = self.text(sample);
            self.push("Looks like", Body::Sample(sample));
        }
        if !fields.capture.0.is_empty() {
            let names: Vec<_> = fields.capture.0.iter().map(|capture| capture.name.value.clone()).collect();
            self.push("Keeps", Body::Names(names));
        }
        self.tests("Done when", &fields.done_when.0);
    }

    fn expected(&self, expect: &Expect) -> Vec<String> {
        let texts = |word: &str, texts: &[Text]| {
            texts.iter().map(|text| format!("{word} {}", self.text(text))).collect::<Vec<_>>()
        };
        let mut lines = vec![format!("exit {}", expect.exit.unwrap_or(0))];
        lines.extend(texts("contains", &expect.contains));
        lines.extend(texts("does not contain", &expect.not_contains));
        lines.extend(texts("equals", expect.equals.as_slice()));
        lines.extend(texts("matches", expect.matches.as_slice()));
        lines.extend(texts("does not match", expect.not_matches.as_slice()));
        lines.extend(expect.empty.map(|empty| if empty { "no output" } else { "some output" }.to_owned()));
        lines
    }

    /// What a change may touch, and how it is taken back.
    fn safety(&mut self) {
        let fields = &self.step.fields;
        let scope = self.place.runbook.head.scope.is_some();
        self.names("May change", &fields.may_change);
        if scope && fields.may_change.is_empty() {
            self.words("May change", "nothing in the scope");
        }
        match (&fields.undo, &fields.no_undo) {
            (Some(undo), _) => {
                match &undo.how {
                    UndoHow::Change(command) => self.command("Way back", command),
                    UndoHow::ByHand(text) => self.prose("Way back", Some(text)),
                }
                if let Some(after) = &undo.unless_confirmed {
                    let after = crate::text::human(after.value);
                    self.words(
                        "By itself",
                        format!("{after} after the change began, unless it is confirmed from a new login"),
                    );
                }
                if let Some(test) = &undo.done_when {
                    self.test("Is back when", test);
                }
            }
            (None, Some(why)) => {
                let why = self.text(why);
                self.words("Way back", format!("none: {why}"));
            }
            (None, None) if scope => self.words("Way back", "the copy of the scope that is taken before"),
            (None, None) => self.words("Way back", "none is given"),
        }
        if fields.repeatable {
            self.words("Repeat", "is safe to run again");
        }
        if fields.may_disconnect {
            self.words("Line", "may be lost by it; what tells that it is done decides then");
        }
        if let Some(until) = &fields.unsafe_until {
            self.words("Stay", format!("do not walk away until {} passed", until.value));
        }
        if let Some(confirm) = &fields.confirm {
            let confirm = self.text(confirm);
            self.push("To confirm, type", Body::Names(vec![confirm]));
        }
    }

    fn ways(&mut self) {
        let fields = &self.step.fields;
        let mut ways = Vec::new();
        match &fields.choices {
            Some(Choices::Listed(choices)) => ways.extend(choices.iter().map(|choice| Way {
                when: self.text(&choice.answer),
                means: choice.means.as_ref().map(|text| self.text(text)),
                to: choice.then.as_ref().map(|then| then.to.clone()),
                see: choice.see.as_ref().map(|text| self.text(text)),
            })),
            Some(Choices::Captured(name)) => {
                ways.push(Way { when: format!("one of {}", name.value), means: None, to: None, see: None });
            }
            None => {}
        }
        if let Some(then) = &fields.then {
            ways.push(Way { when: "if it holds".to_owned(), means: None, to: Some(then.to.clone()), see: None });
        }
        ways.extend(fields.if_not.0.iter().map(|branch| Way {
            when:
                branch.got.as_ref().map_or_else(|| "if not".to_owned(), |got| format!("if it says {}", self.text(got))),
            means: branch.means.as_ref().map(|text| self.text(text)),
            to: branch.then.as_ref().map(|then| then.to.clone()),
            see: branch.see.as_ref().map(|text| self.text(text)),
        }));
        if !ways.is_empty() {
            self.push("Then", Body::Ways(ways));
        }
    }
}

/// A phase as a heading.
pub const fn phase_words(phase: Phase) -> &'static str {
    match phase {
        Phase::Diagnose => "Look: what is wrong?",
        Phase::Repair => "Repair",
        Phase::Verify => "Prove that it is repaired",
        Phase::FollowUp => "Later, in daylight",
    }
}

/// A destination in words.
pub fn to_words(to: &To) -> String {
    match to {
        To::Next => "go on".to_owned(),
        To::Done => "done: nothing to repair".to_owned(),
        To::Stop => "STOP: stand still and ask".to_owned(),
        To::Undo => "go the newest way back, then stop".to_owned(),
        To::Phase(phase) => format!("go to: {}", phase_words(*phase)),
        To::Step(id) => format!("go to {id}"),
    }
}
