//! The scalars of the format: located values, templates, durations, words.

use std::ops::{Deref, Range};
use std::time::Duration;

use super::decode::{Cx, Decode};
use super::shape::Shape;
use crate::source::Span;
use crate::text::amount::Amount;
use crate::text::duration::parse_duration;
use crate::yaml::{Node, Places};

/// A value with its place in the file.
#[derive(Clone, Debug)]
pub struct Located<T> {
    pub value: T,
    pub span: Span,
}

impl<T> Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A text in which `{{ }}` may stand, with the map from its bytes to the file.
#[derive(Clone, Debug)]
pub struct Text {
    pub source: String,
    pub span: Span,
    pub places: Places,
}

impl Text {
    /// A text that stands in no file.
    pub fn literal(source: &str) -> Self {
        Self { source: source.to_owned(), span: Span::default(), places: Places::default() }
    }

    /// The place in the file of a range of the text.
    pub fn span_of(&self, range: Range<usize>) -> Span {
        if self.places.0.is_empty() { self.span } else { self.places.span(range) }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.source
    }
}

impl Decode for Text {
    fn shape() -> Shape {
        Shape::Text { what: "a text", example: "", pattern: None }
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        match node.as_scalar() {
            Some(scalar) if !node.is_null() => {
                Some(Self { source: scalar.text.clone(), span: node.span, places: scalar.places.clone() })
            }
            _ => {
                cx.wrong_type(node, &Self::shape());
                None
            }
        }
    }
}

/// A text without templates: a name, an id, a date.
pub type Name = Located<String>;

impl Decode for Located<String> {
    fn shape() -> Shape {
        Text::shape()
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        Text::decode(node, cx).map(|text| Self { value: text.source, span: text.span })
    }
}

impl Decode for Located<Duration> {
    fn shape() -> Shape {
        Shape::Text { what: "a duration", example: "5m", pattern: Some(r"^([0-9]+(ms|s|m|h|d|w))+$") }
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        let value = node.as_scalar().and_then(|scalar| parse_duration(&scalar.text));
        if value.is_none() {
            cx.wrong_type(node, &Self::shape());
        }
        value.map(|value| Self { value, span: node.span })
    }
}

impl Decode for Located<Amount> {
    fn shape() -> Shape {
        let pattern = Some("^([0-9]{1,2}%|100%|[0-9]+([KMGTP]iB|[kMGT]B|B))$");
        Shape::Text { what: "an amount", example: "90%` or `5GiB", pattern }
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        let value = node.as_scalar().and_then(|scalar| Amount::parse(&scalar.text));
        if value.is_none() {
            cx.wrong_type(node, &Self::shape());
        }
        value.map(|value| Self { value, span: node.span })
    }
}

/// One text, or a list of them.
#[derive(Clone, Debug, Default)]
pub struct OneOrMany(pub Vec<Text>);

impl Deref for OneOrMany {
    type Target = [Text];

    fn deref(&self) -> &[Text] {
        &self.0
    }
}

impl Decode for OneOrMany {
    fn shape() -> Shape {
        Shape::Any(vec![Text::shape(), Shape::List(Box::new(Text::shape()))])
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        if node.as_scalar().is_some() {
            return Text::decode(node, cx).map(|text| Self(vec![text]));
        }
        Vec::decode(node, cx).map(Self)
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

/// An enum that is written as one word of the format.
macro_rules! words {
    ($(#[doc = $about:literal])* $vis:vis enum $name:ident { $($(#[doc = $doc:literal])* $variant:ident = $word:literal,)* }) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        $vis enum $name { $($(#[doc = $doc])* #[serde(rename = $word)] $variant,)* }

        impl $name {
            /// The words, in the order of the table.
            pub const WORDS: &'static [&'static str] = &[$($word,)*];

            /// The word of the format.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// From the word of the format.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl $crate::model::decode::Decode for $name {
            fn shape() -> $crate::model::shape::Shape {
                $crate::model::shape::Shape::Words(Self::WORDS)
            }

            fn decode(node: &$crate::yaml::Node, cx: &mut $crate::model::decode::Cx) -> Option<Self> {
                let value = node.as_scalar().and_then(|scalar| Self::from_word(&scalar.text));
                if value.is_none() {
                    cx.wrong_type(node, &<Self as $crate::model::decode::Decode>::shape());
                }
                value
            }
        }
    };
}

pub(crate) use words;
