//! The smaller records that steps are made of: expectations, captures, ways back, repetition.

use std::time::Duration;

use indexmap::IndexMap;

use super::command::Command;
use super::decode::{Cx, Decode, record};
use super::scalar::{Located, Name, OneOrMany, Text, words};
use super::shape::Shape;
use super::test::Test;
use crate::diagnostic::Code;
use crate::source::Span;
use crate::yaml::{Kind, Node};

words! {
    /// Of which of several machines something is expected.
    pub enum Hosts {
        /// Of every one.
        All = "all",
        /// Of at least one.
        Any = "any",
        /// Of every one, and that all print the same.
        Same = "same",
    }
}

#[expect(clippy::derivable_impls, reason = "the table of words makes the type")]
impl Default for Hosts {
    fn default() -> Self {
        Self::All
    }
}

record! {
    /// What a command must give; without `exit` it must be 0.
    pub struct FullExpect as "expect" {
        /// The exit code.
        exit: Option<i64>,
        /// Texts that must be in the output, at word borders.
        contains: OneOrMany,
        /// Texts that must not be in the output.
        not_contains: OneOrMany,
        /// The whole output, without the last newline.
        equals: Option<Text>,
        /// A regular expression that must match somewhere.
        matches: Option<Text>,
        /// A regular expression that must match nowhere.
        not_matches: Option<Text>,
        /// Whether there must be no output, or some.
        empty: Option<bool>,
        /// Of which of several machines: `all` (the default), `any`, or that they say the `same`.
        hosts: Option<Hosts>,
    }
}

/// What a command must give; short form: a text that must be in the output.
#[derive(Clone, Debug)]
pub struct Expect {
    pub span: Span,
    pub exit: Option<i64>,
    pub contains: Vec<Text>,
    pub not_contains: Vec<Text>,
    pub equals: Option<Text>,
    pub matches: Option<Text>,
    pub not_matches: Option<Text>,
    pub empty: Option<bool>,
    pub hosts: Hosts,
}

impl Decode for Expect {
    fn shape() -> Shape {
        Shape::Any(vec![Text::shape(), FullExpect::shape()])
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        if matches!(node.kind, Kind::Mapping(_)) {
            let full = FullExpect::decode(node, cx)?;
            return Some(Self {
                span: full.span,
                exit: full.exit,
                contains: full.contains.0,
                not_contains: full.not_contains.0,
                equals: full.equals,
                matches: full.matches,
                not_matches: full.not_matches,
                empty: full.empty,
                hosts: full.hosts.unwrap_or_default(),
            });
        }
        let text = Text::decode(node, cx)?;
        Some(Self {
            span: node.span,
            exit: None,
            contains: vec![text],
            not_contains: Vec::new(),
            equals: None,
            matches: None,
            not_matches: None,
            empty: None,
            hosts: Hosts::All,
        })
    }
}

record! {
    /// How a value is taken from the output.
    pub struct FullCapture as "capture" {
        /// The first match of a regular expression, its first group where it has one.
        r#match = "match": Option<Text>,
        /// A path into JSON output, such as `status.phase` or `items.0.name`.
        json: Option<Text>,
        /// Every line, as a list.
        lines: bool,
        /// What the whole value must match.
        pattern: Option<Text>,
        /// Whether it must not be seen: it is kept in memory only, and replaced wherever it is printed.
        secret: bool,
    }
}

/// One value that a step gives.
#[derive(Clone, Debug)]
pub struct Capture {
    pub name: Name,
    pub r#match: Option<Text>,
    pub json: Option<Text>,
    pub lines: bool,
    pub pattern: Option<Text>,
    pub secret: bool,
}

/// The values that a step gives; short form: the name alone.
#[derive(Clone, Debug, Default)]
pub struct Captures(pub Vec<Capture>);

impl Decode for Captures {
    fn shape() -> Shape {
        let name = Shape::Text { what: "a name for the value", example: "", pattern: Some("^[a-z][a-z0-9_]*$") };
        Shape::Any(vec![name, Shape::Map(Box::new(FullCapture::shape()))])
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        let Kind::Mapping(entries) = &node.kind else {
            let name = Name::decode(node, cx)?;
            let (r#match, json, pattern) = (None, None, None);
            return Some(Self(vec![Capture { name, r#match, json, lines: false, pattern, secret: false }]));
        };
        let decode = |entry: &crate::yaml::Entry, cx: &mut Cx| {
            let full = cx.under(&entry.key.name, entry.key.span, |cx| FullCapture::decode(&entry.value, cx))?;
            let name = Name { value: entry.key.name.clone(), span: entry.key.span };
            let FullCapture { span: _, r#match, json, lines, pattern, secret } = full;
            Some(Capture { name, r#match, json, lines, pattern, secret })
        };
        let captures: Vec<_> = entries.iter().map(|entry| decode(entry, cx)).collect();
        captures.into_iter().collect::<Option<Vec<_>>>().map(Self)
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

record! {
    /// A way back: a command, or something a person does.
    pub struct FullUndo as "undo" {
        /// The command that goes back.
        change: Option<Command>,
        /// What a person does to go back.
        by_hand: Option<Text>,
        /// What is true when it is undone.
        done_when: Option<Test>,
        /// How long after the change began `change` goes back by itself, unless a person confirms over a login made since.
        unless_confirmed: Option<Located<Duration>>,
    }
    later ["include", "where"]
}

/// A way back that the author gives.
#[derive(Clone, Debug)]
pub struct Undo {
    pub span: Span,
    pub how: UndoHow,
    pub done_when: Option<Test>,
    pub unless_confirmed: Option<Located<Duration>>,
}

/// See [`Undo`].
#[derive(Clone, Debug)]
pub enum UndoHow {
    Change(Command),
    ByHand(Text),
}

impl Decode for Undo {
    fn shape() -> Shape {
        Shape::Any(vec![Command::shape(), FullUndo::shape()])
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        if !matches!(node.kind, Kind::Mapping(_)) {
            let command = Command::decode(node, cx)?;
            return Some(Self {
                span: node.span,
                how: UndoHow::Change(command),
                done_when: None,
                unless_confirmed: None,
            });
        }
        let full = FullUndo::decode(node, cx)?;
        let how = match (full.change, full.by_hand) {
            (Some(command), None) => UndoHow::Change(command),
            (None, Some(text)) => UndoHow::ByHand(text),
            (Some(_), Some(_)) | (None, None) => {
                let problem =
                    cx.problem(Code::StepKind, node.span, "`undo` needs exactly one of `change` and `by_hand`");
                cx.push(problem.help("`change` is a command that goes back, `by_hand` says what a person does"));
                return None;
            }
        };
        Some(Self { span: full.span, how, done_when: full.done_when, unless_confirmed: full.unless_confirmed })
    }
}

/// The list of a `for_each`.
#[derive(Clone, Debug)]
pub enum Items {
    Listed(Vec<Text>),
    /// A list that is an input or was captured: its name.
    Named(Name),
}

impl Decode for Items {
    fn shape() -> Shape {
        let named = Shape::Text { what: "the name of a list", example: "", pattern: None };
        Shape::Any(vec![Shape::List(Box::new(Text::shape())), named])
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        if node.as_scalar().is_some() {
            return Name::decode(node, cx).map(Self::Named);
        }
        Vec::decode(node, cx).map(Self::Listed)
    }
}

/// Repetition in order: one name over one list.
#[derive(Clone, Debug)]
pub struct ForEach {
    pub name: Name,
    pub items: Items,
}

impl Decode for ForEach {
    fn shape() -> Shape {
        Shape::Map(Box::new(Items::shape()))
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        match &node.kind {
            Kind::Mapping(entries) if entries.len() == 1 => {
                let entry = &entries[0];
                let name = Name { value: entry.key.name.clone(), span: entry.key.span };
                let items = cx.under(&entry.key.name, entry.key.span, |cx| Items::decode(&entry.value, cx))?;
                Some(Self { name, items })
            }
            Kind::Mapping(_) => {
                let problem = cx.problem(Code::WrongType, node.span, "`for_each` needs exactly one name with its list");
                cx.push(problem.help("write `for_each: { pod: [etcd, kube-apiserver] }`"));
                None
            }
            Kind::Scalar(_) | Kind::Sequence(_) => {
                cx.wrong_type(node, &Self::shape());
                None
            }
        }
    }
}

/// Environment of a command.
pub type Env = IndexMap<String, Text>;

/// A test, or a list of tests that must all hold; a list of texts alone is the words of one command.
#[derive(Clone, Debug, Default)]
pub struct Tests(pub Vec<Test>);

impl Decode for Tests {
    fn shape() -> Shape {
        Shape::Any(vec![Test::shape(), Shape::List(Box::new(Test::shape()))])
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        let several = matches!(&node.kind, Kind::Sequence(items) if items.iter().any(|item| matches!(item.kind, Kind::Mapping(_))));
        if several { Vec::decode(node, cx).map(Self) } else { Test::decode(node, cx).map(|test| Self(vec![test])) }
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}
