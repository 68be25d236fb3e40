//! What a value may look like, as data: the loader checks against it, the schema is printed from it.

use crate::text::suggestion::suggest;

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
            Self::Text { what, example: "", .. } => (*what).to_owned(),
            Self::Text { what, example, .. } => format!("{what} such as `{example}`"),
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Integer => "a whole number".to_owned(),
            Self::Words(words) => {
                let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
                match words.as_slice() {
                    [all @ .., last] if !all.is_empty() => format!("{} or {last}", all.join(", ")),
                    _ => words.concat(),
                }
            }
            Self::List(inner) => format!("a list of {}", inner.plural()),
            Self::Map(inner) => format!("a mapping from names to {}", inner.plural()),
            Self::Any(shapes) => said_once(shapes, Self::expected).join(", or "),
            Self::Record(record) if record.is_probe() => "a probe".to_owned(),
            Self::Record(record) => format!("a mapping with the keys of {}", record.about_short()),
        }
    }

    /// What to write instead of `found`, under `key`.
    pub fn remedy(&self, found: &str, key: &str) -> String {
        match self {
            Self::Text { what: "a duration", .. } => {
                "write a number and its unit: `ms`, `s`, `m`, `h`, `d` or `w`, as in `1h30m`".to_owned()
            }
            Self::Text { what: "an amount", .. } => {
                "write a whole number and its unit: `%`, `B`, `kB`, `MB`, `GB`, `TB`, `KiB`, `MiB`, `GiB` or `TiB`"
                    .to_owned()
            }
            Self::Text { .. } => {
                "write one text; if it has brackets, braces or `: ` in it, put it in quotes".to_owned()
            }
            Self::Flag if matches!(found.to_ascii_lowercase().as_str(), "yes" | "on" | "true" | "y") => {
                "write `true`, without quotes".to_owned()
            }
            Self::Flag => "write `true` or `false`, without quotes".to_owned(),
            Self::Integer => "write digits only".to_owned(),
            Self::Words(words) => match suggest(found, words.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write {}", self.expected()),
            },
            Self::List(_) => format!("write a list: `{key}:` and below it a line `- ...` for each entry"),
            Self::Map(_) => format!("write a mapping: `{key}:` and below it a line `name: ...` for each entry"),
            Self::Any(shapes) => match shapes.iter().find(|shape| matches!(shape, Self::List(_) | Self::Text { .. })) {
                Some(simple) => simple.remedy(found, key),
                None => format!("write {}", self.expected()),
            },
            Self::Record(record) => {
                let fields = (record.fields)();
                let names: Vec<_> = fields.iter().map(|field| field.name).collect();
                format!("write keys below it; {} has {}", record.about_short(), names.join(", "))
            }
        }
    }

    fn plural(&self) -> String {
        match self {
            Self::Text { what, .. } => format!("{}s", what.strip_prefix("a ").unwrap_or(what)),
            Self::Record(record) if record.is_probe() => "probes".to_owned(),
            Self::Record(record) => record.name.to_owned() + "s",
            Self::Any(shapes) => said_once(shapes, Self::plural).join(" or "),
            Self::List(_) => "lists".to_owned(),
            Self::Map(_) => "mappings".to_owned(),
            Self::Flag | Self::Integer | Self::Words(_) => self.expected(),
        }
    }
}

/// Shapes in words; what several of them are called is said once.
fn said_once(shapes: &[Shape], say: impl Fn(&Shape) -> String) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    for words in shapes.iter().map(say) {
        if !said.contains(&words) {
            said.push(words);
        }
    }
    said
}

impl RecordRef {
    /// Whether it is one of the probes, of which there are too many to be listed in a message.
    fn is_probe(&self) -> bool {
        self.name.ends_with(" probe")
    }

    fn about_short(&self) -> String {
        format!("{} {}", if self.name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" }, self.name)
    }
}
