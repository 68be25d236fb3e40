//! What a value may look like, as data: the loader checks against it, the schema is printed from it.

/// The shape of a value.
#[derive(Clone, Debug)]
pub enum Shape {
    /// Any text; `what` says what it stands for, `example` is shown in messages.
    Text { what: &'static str, example: &'static str, pattern: Option<&'static str> },
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Integer,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A list of one shape.
    List(Box<Shape>),
    /// A mapping from names to one shape.
    Map(Box<Shape>),
    /// One of several.
    Any(Vec<Shape>),
    /// A mapping with fixed keys.
    Record(RecordRef),
}

/// A record by name, its fields asked for only when needed: records may contain themselves.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef {
    pub name: &'static str,
    pub about: &'static str,
    pub fields: fn() -> Vec<Field>,
    /// Of these keys exactly one must be there; empty: no such rule.
    pub one_of: &'static [&'static str],
}

/// A key of a record.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: &'static str,
    pub about: &'static str,
    pub shape: Shape,
    pub needed: Needed,
}

/// Whether a key must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    Required,
    Optional,
}

impl Shape {
    /// In words, for `expected …`.
    pub fn expected(&self) -> String {
        match self {
            Self::Text { what, example, .. } if example.is_empty() => (*what).to_owned(),
            Self::Text { what, example, .. } => format!("{what} such as `{example}`"),
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Integer => "a whole number".to_owned(),
            Self::Words(words) => match words {
                [all @ .., last] if !all.is_empty() => {
                    format!("{} or `{last}`", all.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "))
                }
                _ => words.iter().map(|word| format!("`{word}`")).collect(),
            },
            Self::List(inner) => format!("a list of {}", inner.plural()),
            Self::Map(inner) => format!("a mapping from names to {}", inner.plural()),
            Self::Any(shapes) => shapes.iter().map(Self::expected).collect::<Vec<_>>().join(", or "),
            Self::Record(record) => format!("a mapping with the keys of {}", record.about_short()),
        }
    }

    fn plural(&self) -> String {
        match self {
            Self::Text { what, .. } => format!("{}s", what.strip_prefix("a ").unwrap_or(what)),
            Self::Record(record) => record.name.to_owned() + "s",
            other => other.expected(),
        }
    }
}

impl RecordRef {
    fn about_short(&self) -> String {
        format!("{} {}", if self.name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" }, self.name)
    }
}
