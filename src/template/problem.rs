//! A problem in a template, placed by bytes of the template's own text.

use std::ops::Range;

/// A problem in a template. The caller maps `range` into the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Bytes of the template.
    pub range: Range<usize>,
    /// Which element of an argv the range is in; 0 for everything else.
    pub element: usize,
    /// What is wrong, for the caller to choose a code by.
    pub kind: ProblemKind,
    /// Lowercase, no full stop, found before expected.
    pub message: String,
    /// The remedy.
    pub help: String,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemKind {
    /// The template, or the shell command around its holes, cannot be read.
    Syntax,
    /// A name that nothing gives a value.
    Undefined {
        /// The name at the top: `host` in `host.name`.
        name: String,
    },
    /// A hole where a value cannot be quoted: here-document, comment, `$(( ))`, `${ }`, backtick, after `\`.
    Place,
    /// A hole in a word that a program evaluates again: `sh -c`, `eval`, `ssh`.
    EvaluatedAgain,
    /// A value could be read as an option.
    LeadingDash,
    /// A tag, filter, test or function that templates leave out.
    NotAllowed,
    /// More than [`super::COMMAND_LIMIT`] or [`super::TEXT_LIMIT`], or too much work, or too many branches.
    TooLong,
    /// A value that cannot stand there: nothing, a mapping, a list inside a word, a NUL.
    Value,
}

impl Problem {
    pub(super) fn new(
        kind: ProblemKind,
        range: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self { range, element: 0, kind, message: message.into(), help: help.into() }
    }

    pub(super) fn undefined(name: &str, range: Range<usize>) -> Self {
        Self::new(
            ProblemKind::Undefined { name: name.to_owned() },
            range,
            format!("nothing gives `{name}` a value"),
            format!("declare `{name}` under `inputs` or `values`, or capture it in an earlier step"),
        )
    }

    pub(super) fn in_element(mut self, element: usize) -> Self {
        self.element = element;
        self
    }
}
