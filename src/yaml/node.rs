//! The tree: every key and every value with its place.
//!
//! A scalar is kept as the text it stands for; what it means (a number, a yes) is decided by who reads it, so
//! that `no`, `0755`, `1.10` and `22:30` reach a command unchanged.

use crate::source::Span;

/// A value in a file.
#[derive(Clone, Debug)]
pub struct Node {
    pub span: Span,
    pub kind: Kind,
}

/// What a value is made of.
#[derive(Clone, Debug)]
pub enum Kind {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// One `key: value` of a mapping, in the order of the file.
#[derive(Clone, Debug)]
pub struct Entry {
    pub key: Key,
    pub value: Node,
}

/// A key and where it stands.
#[derive(Clone, Debug)]
pub struct Key {
    pub name: String,
    pub span: Span,
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
    Folded,
}

/// A text with the map from its bytes back to the file.
#[derive(Clone, Debug)]
pub struct Scalar {
    pub text: String,
    pub style: Style,
    pub places: Places,
}

/// From an offset in a scalar's text to an offset in the file: `(in text, in file)`, ascending; between two
/// entries the bytes run in step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places(pub Vec<(usize, usize)>);

impl Places {
    /// The offset in the file of a byte of the text.
    pub fn in_file(&self, offset: usize) -> usize {
        let at = self.0.partition_point(|(text, _)| *text <= offset);
        match at.checked_sub(1).map(|at| self.0[at]) {
            Some((text, file)) => file + (offset - text),
            None => offset,
        }
    }

    /// The span in the file of a range of the text.
    pub fn span(&self, range: std::ops::Range<usize>) -> Span {
        let start = self.in_file(range.start);
        let last = range.end.max(range.start + 1) - 1;
        Span::new(start, self.in_file(last).max(start) + 1)
    }
}

impl Node {
    pub fn as_scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar),
            Kind::Sequence(_) | Kind::Mapping(_) => None,
        }
    }

    /// The value of a key of a mapping.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        match &self.kind {
            Kind::Mapping(entries) => entries.iter().find(|entry| entry.key.name == name),
            Kind::Scalar(_) | Kind::Sequence(_) => None,
        }
    }

    /// `null`, `~` or nothing, unquoted.
    pub fn is_null(&self) -> bool {
        self.as_scalar().is_some_and(|scalar| {
            scalar.style == Style::Plain && matches!(scalar.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
        })
    }

    /// What it is, in words for a message: `a text`, `a list`, `a mapping`, `nothing`.
    pub fn describe(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(_) if self.is_null() => "nothing",
            Kind::Scalar(_) => "a text",
            Kind::Sequence(_) => "a list",
            Kind::Mapping(_) => "a mapping",
        }
    }
}
