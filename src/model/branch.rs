//! Where a run goes after a step: destinations, branches, choices.

use super::decode::{Cx, Decode, record};
use super::scalar::{Name, Text};
use super::shape::Shape;
use super::step::Phase;
use crate::source::Span;
use crate::yaml::{Kind, Node};

/// Where to go: a step of the same list, a phase, or a word.
#[derive(Clone, Debug)]
pub struct Destination {
    pub span: Span,
    pub to: To,
}

/// See [`Destination`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    Next,
    /// In diagnose: nothing to repair, close well.
    Done,
    /// Stand still; going on needs a reason and is a deviation.
    Stop,
    /// Offer the newest way back, then stop.
    Undo,
    Phase(Phase),
    Step(String),
}

impl To {
    /// As the format writes it.
    pub fn word(&self) -> &str {
        match self {
            Self::Next => "next",
            Self::Done => "done",
            Self::Stop => "stop",
            Self::Undo => "undo",
            Self::Phase(phase) => phase.word(),
            Self::Step(id) => id,
        }
    }
}

impl Decode for Destination {
    fn shape() -> Shape {
        Shape::Text {
            what: "a destination (a step's id, a phase, `next`, `done`, `stop` or `undo`)",
            example: "",
            pattern: None,
        }
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        let Some(scalar) = node.as_scalar().filter(|_| !node.is_null()) else {
            cx.wrong_type(node, &Self::shape());
            return None;
        };
        let to = match scalar.text.as_str() {
            "next" => To::Next,
            "done" => To::Done,
            "stop" => To::Stop,
            "undo" => To::Undo,
            other => Phase::from_word(other).map_or_else(|| To::Step(other.to_owned()), To::Phase),
        };
        Some(Self { span: node.span, to })
    }
}

record! {
    /// What follows when a step did not hold.
    pub struct FullBranch as "branch" {
        /// Taken only if the output contains this.
        got: Option<Text>,
        /// What it means, for people.
        means: Option<Text>,
        /// Where to go.
        then: Option<Destination>,
        /// A runbook or page to read.
        see: Option<Text>,
    }
}

/// A destination, or what was got with what it means and where to go.
#[derive(Clone, Debug)]
pub struct Branch {
    pub span: Span,
    pub got: Option<Text>,
    pub means: Option<Text>,
    pub then: Option<Destination>,
    pub see: Option<Text>,
}

impl Decode for Branch {
    fn shape() -> Shape {
        Shape::Any(vec![Destination::shape(), FullBranch::shape()])
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        if matches!(node.kind, Kind::Mapping(_)) {
            let FullBranch { span, got, means, then, see } = FullBranch::decode(node, cx)?;
            return Some(Self { span, got, means, then, see });
        }
        let then = Destination::decode(node, cx)?;
        Some(Self { span: node.span, got: None, means: None, then: Some(then), see: None })
    }
}

/// A branch, or a list of them: the first whose `got` fits is taken.
#[derive(Clone, Debug, Default)]
pub struct Branches(pub Vec<Branch>);

impl Decode for Branches {
    fn shape() -> Shape {
        Shape::Any(vec![Destination::shape(), FullBranch::shape(), Shape::List(Box::new(Branch::shape()))])
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        if matches!(node.kind, Kind::Sequence(_)) {
            return Vec::decode(node, cx).map(Self);
        }
        Branch::decode(node, cx).map(|branch| Self(vec![branch]))
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

record! {
    /// One answer of a question.
    pub struct FullChoice as "choice" {
        /// What is shown and recorded.
        answer: Text,
        /// What `capture` gets; default: the answer.
        value: Option<Text>,
        /// What it means, for people.
        means: Option<Text>,
        /// Where to go.
        then: Option<Destination>,
        /// A runbook or page to read.
        see: Option<Text>,
    }
}

/// One answer of a question; short form: only the text.
#[derive(Clone, Debug)]
pub struct Choice {
    pub answer: Text,
    pub value: Option<Text>,
    pub means: Option<Text>,
    pub then: Option<Destination>,
    pub see: Option<Text>,
}

impl Decode for Choice {
    fn shape() -> Shape {
        Shape::Any(vec![Text::shape(), FullChoice::shape()])
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        if matches!(node.kind, Kind::Mapping(_)) {
            let FullChoice { span: _, answer, value, means, then, see } = FullChoice::decode(node, cx)?;
            return Some(Self { answer, value, means, then, see });
        }
        let answer = Text::decode(node, cx)?;
        Some(Self { answer, value: None, means: None, then: None, see: None })
    }
}

/// The answers of a question.
#[derive(Clone, Debug)]
pub enum Choices {
    /// Written in the runbook.
    Listed(Vec<Choice>),
    /// A list captured by an earlier step: the name of the capture.
    Captured(Name),
}

impl Decode for Choices {
    fn shape() -> Shape {
        let captured = Shape::Text { what: "the name of a captured list", example: "", pattern: None };
        Shape::Any(vec![Shape::List(Box::new(Choice::shape())), captured])
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        if node.as_scalar().is_some() {
            return Name::decode(node, cx).map(Self::Captured);
        }
        Vec::decode(node, cx).map(Self::Listed)
    }
}
