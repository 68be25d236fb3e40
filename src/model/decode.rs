//! From a node of the tree to a typed value; every problem is pushed, never thrown.
//!
//! [`record!`] writes a type, its decoder and its [`Shape`] from one table, so that loader and schema cannot
//! disagree about a key.

use indexmap::IndexMap;

use super::scalar::Located;
use super::shape::{Field, Needed, Shape};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{SourceFile, Span};
use crate::text::suggestion::suggest;
use crate::yaml::{Entry, Kind, Node};

/// Where decoding stands: the file, and what was found so far.
pub struct Cx<'a> {
    pub file: &'a SourceFile,
    pub diagnostics: Vec<Diagnostic>,
    /// The key under which the value stands that is being decoded.
    key: Option<(String, Span)>,
}

impl<'a> Cx<'a> {
    pub fn new(file: &'a SourceFile) -> Self {
        Self { file, diagnostics: Vec::new(), key: None }
    }

    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// A diagnostic at a place, to be finished and pushed.
    pub fn problem(&self, code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, self.file, span, message)
    }

    /// "`x` is a list, expected …".
    pub fn wrong_type(&mut self, node: &Node, shape: &Shape) {
        let found = match node.as_scalar() {
            Some(scalar) if !node.is_null() && scalar.text.len() <= 40 => format!("`{}`", scalar.text),
            _ => node.describe().to_owned(),
        };
        let subject = self.key.as_ref().map_or_else(String::new, |(key, _)| format!("`{key}` is "));
        let message = format!("{subject}{found}, expected {}", shape.expected());
        let mut problem = self.problem(Code::WrongType, node.span, message);
        if let Some((_, span)) = &self.key
            && *span != node.span
        {
            problem = problem.also(*span, "in this key");
        }
        let written = node.as_scalar().map_or("", |scalar| scalar.text.as_str());
        let key = self.key.as_ref().map_or("key", |(key, _)| key.as_str());
        let help = if node.is_null() {
            "leave the key out, or give it a value".to_owned()
        } else {
            shape.remedy(written, key)
        };
        self.push(problem.help(help));
    }

    /// Decodes with `key` as the key that messages name.
    pub fn under<T>(&mut self, key: &str, span: Span, decode: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.key.replace((key.to_owned(), span));
        let value = decode(self);
        self.key = before;
        value
    }

    /// The key above, or the start of the node.
    fn key_span(&self, node: &Node) -> Span {
        self.key.as_ref().map_or_else(|| first_key(node), |(_, span)| *span)
    }
}

fn first_key(node: &Node) -> Span {
    match &node.kind {
        Kind::Mapping(entries) if !entries.is_empty() => entries[0].key.span,
        _ => node.span,
    }
}

/// A value that can be read from a node.
pub trait Decode: Sized {
    /// What it looks like.
    fn shape() -> Shape;

    /// Reads it; `None` means that the reason was pushed.
    fn decode(node: &Node, cx: &mut Cx) -> Option<Self>;

    /// Its value where the key is not there; `None`: the key is required.
    fn absent() -> Option<Self> {
        None
    }
}

impl<T: Decode> Decode for Option<T> {
    fn shape() -> Shape {
        T::shape()
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        T::decode(node, cx).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Decode> Decode for Box<T> {
    fn shape() -> Shape {
        T::shape()
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        T::decode(node, cx).map(Box::new)
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        let Kind::Sequence(items) = &node.kind else {
            cx.wrong_type(node, &Self::shape());
            return None;
        };
        let values: Self = items.iter().filter_map(|item| T::decode(item, cx)).collect();
        (values.len() == items.len()).then_some(values)
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

impl<T: Decode> Decode for IndexMap<String, T> {
    fn shape() -> Shape {
        Shape::Map(Box::new(T::shape()))
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        let Kind::Mapping(entries) = &node.kind else {
            cx.wrong_type(node, &Self::shape());
            return None;
        };
        let values = entries.iter().map(|Entry { key, value }| {
            cx.under(&key.name, key.span, |cx| T::decode(value, cx)).map(|value| (key.name.clone(), value))
        });
        values.collect::<Vec<_>>().into_iter().collect()
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

impl Decode for bool {
    fn shape() -> Shape {
        Shape::Flag
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        match node.as_scalar().map(|scalar| (scalar.text.as_str(), scalar.style)) {
            Some(("true", crate::yaml::Style::Plain)) => Some(true),
            Some(("false", crate::yaml::Style::Plain)) => Some(false),
            _ => {
                cx.wrong_type(node, &Self::shape());
                None
            }
        }
    }

    fn absent() -> Option<Self> {
        Some(false)
    }
}

impl Decode for i64 {
    fn shape() -> Shape {
        Shape::Integer
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        let plain = node.as_scalar().filter(|scalar| scalar.style == crate::yaml::Style::Plain);
        let number = plain.and_then(|scalar| scalar.text.parse().ok());
        if number.is_none() {
            cx.wrong_type(node, &Self::shape());
        }
        number
    }
}

impl Decode for Located<i64> {
    fn shape() -> Shape {
        i64::shape()
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        i64::decode(node, cx).map(|value| Self { value, span: node.span })
    }
}

/// One field of a record, read from the entries of a mapping; the rest of [`record!`].
pub fn field<T: Decode>(node: &Node, name: &'static str, record: &str, cx: &mut Cx) -> Option<T> {
    if let Some(Entry { key, value }) = node.get(name) {
        return cx.under(&key.name, key.span, |cx| T::decode(value, cx));
    }
    let absent = T::absent();
    if absent.is_none() {
        let span = cx.key_span(node);
        let problem = cx.problem(Code::MissingKey, span, format!("missing key `{name}` in {record}"));
        cx.push(problem.help(format!("add `{name}:` with {}", T::shape().expected())));
    }
    absent
}

/// Pushes a diagnostic for each key that the record does not have, or that is not built yet.
pub fn check_keys(node: &Node, keys: &[&str], later: &[&str], record: &str, cx: &mut Cx) {
    let Kind::Mapping(entries) = &node.kind else { return };
    for Entry { key, .. } in entries {
        if later.contains(&key.name.as_str()) {
            let message = format!("`{}` of {record} is part of the format, but this locum cannot do it yet", key.name);
            let problem = cx.problem(Code::NotBuiltYet, key.span, message);
            cx.push(problem.help("leave it out, or do that part by hand in a `by_hand` step"));
        } else if !keys.contains(&key.name.as_str()) {
            cx.push(unknown_key(&key.name, key.span, keys, record, cx));
        }
    }
}

fn unknown_key(name: &str, span: Span, keys: &[&str], record: &str, cx: &Cx) -> Diagnostic {
    let problem = cx.problem(Code::UnknownKey, span, format!("unknown key `{name}` in {record}"));
    let problem = problem.label("not a key of the format");
    match suggest(name, keys.iter().copied()) {
        Some(known) => problem.help(format!("did you mean `{known}`?")),
        None if name.contains(' ') => {
            problem.help("if it is a text that contains `: `, put it in quotes or write it under `|`")
        }
        None => problem.help(format!("the keys of {record} are: {}", keys.join(", "))),
    }
}

/// A field for a shape.
pub fn shape_field<T: Decode>(name: &'static str, about: &'static str) -> Field {
    let needed = if T::absent().is_some() { Needed::Optional } else { Needed::Required };
    Field { name, about, shape: T::shape(), needed }
}

/// A type, its decoder and its shape from one table. Field names that are Rust's own words end in `_`.
macro_rules! record {
    (
        $(#[doc = $about:literal])*
        $vis:vis struct $name:ident as $label:literal $(one of [$($one_of:literal),*])? {
            $($(#[doc = $doc:literal])* $field:ident $(= $key:literal)? : $ty:ty,)*
        }
        $(later [$($later:literal),*])?
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug)]
        $vis struct $name {
            /// Where it stands.
            pub span: $crate::source::Span,
            $($(#[doc = $doc])* pub $field: $ty,)*
        }

        impl $name {
            /// Keys of the format that are not built yet.
            pub const LATER: &'static [&'static str] = &[$($($later),*)?];

            /// Its keys, in the order of the table.
            pub const KEYS: &'static [&'static str] = &[$($crate::model::decode::key_name!($field $(= $key)?),)*];

            /// Its keys with what may stand under them; only for the schema.
            pub fn fields() -> Vec<$crate::model::shape::Field> {
                vec![$($crate::model::decode::shape_field::<$ty>(
                    $crate::model::decode::key_name!($field $(= $key)?),
                    concat!($($doc),*).trim_ascii_start(),
                ),)*]
            }
        }

        impl $crate::model::decode::Decode for $name {
            fn shape() -> $crate::model::shape::Shape {
                $crate::model::shape::Shape::Record($crate::model::shape::RecordRef {
                    name: $label,
                    about: concat!($($about),*).trim_ascii_start(),
                    fields: Self::fields,
                    one_of: &[$($($one_of),*)?],
                })
            }

            fn decode(node: &$crate::yaml::Node, cx: &mut $crate::model::decode::Cx) -> Option<Self> {
                if !matches!(node.kind, $crate::yaml::Kind::Mapping(_)) {
                    cx.wrong_type(node, &Self::shape());
                    return None;
                }
                let record = concat!("`", $label, "`");
                $crate::model::decode::check_keys(node, Self::KEYS, Self::LATER, record, cx);
                $(let $field = $crate::model::decode::field::<$ty>(
                    node, $crate::model::decode::key_name!($field $(= $key)?), record, cx,
                );)*
                Some(Self { span: node.span, $($field: $field?,)* })
            }
        }
    };
}

macro_rules! key_name {
    ($field:ident = $key:literal) => {
        $key
    };
    ($field:ident) => {
        stringify!($field)
    };
}

pub(crate) use {key_name, record};
