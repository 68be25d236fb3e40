//! A command: a script for the shell, or words that never meet one.

use super::decode::{Cx, Decode};
use super::scalar::Text;
use super::shape::Shape;
use crate::source::Span;
use crate::yaml::{Kind, Node};

/// What is run.
#[derive(Clone, Debug)]
pub enum Command {
    /// Text for the shell.
    Script(Text),
    /// Words handed over as they are.
    Argv(Vec<Text>, Span),
}

impl Command {
    pub fn span(&self) -> Span {
        match self {
            Self::Script(text) => text.span,
            Self::Argv(_, span) => *span,
        }
    }

    /// Its first line as written, for a title.
    pub fn first_line(&self) -> String {
        match self {
            Self::Script(text) => text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("").to_owned(),
            Self::Argv(words, _) => words.iter().map(|word| &**word).collect::<Vec<_>>().join(" "),
        }
    }
}

impl Decode for Command {
    fn shape() -> Shape {
        let script = Shape::Text { what: "a command for the shell", example: "", pattern: None };
        Shape::Any(vec![script, Shape::List(Box::new(Text::shape()))])
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        match &node.kind {
            Kind::Sequence(words) if !words.is_empty() => Some(Self::Argv(Vec::decode(node, cx)?, node.span)),
            Kind::Scalar(_) if !node.is_null() => Some(Self::Script(Text::decode(node, cx)?)),
            Kind::Scalar(_) | Kind::Sequence(_) | Kind::Mapping(_) => {
                cx.wrong_type(node, &Self::shape());
                None
            }
        }
    }
}
