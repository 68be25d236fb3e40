//! Tests: a command, or one built-in probe, that states what is true when all is well.

use super::command::Command;
use super::decode::{Cx, Decode};
use super::probe::{self, Probe};
use super::shape::Shape;
use crate::yaml::{Kind, Node};

/// What is true when all is well.
#[derive(Clone, Debug)]
pub enum Test {
    Command(Command),
    Probe(Box<Probe>),
}

impl Decode for Test {
    fn shape() -> Shape {
        Shape::Any(std::iter::once(Command::shape()).chain(probe::shapes()).collect())
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        if matches!(node.kind, Kind::Mapping(_)) {
            return Probe::decode(node, cx).map(|probe| Self::Probe(Box::new(probe)));
        }
        Command::decode(node, cx).map(Self::Command)
    }
}
