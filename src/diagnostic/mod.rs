//! A problem in somebody's file, as a value: collected, placed, named, helped; never thrown.
//!
//! Codes stand in [`code`], the renderers in [`render`].

pub mod code;
pub mod render;

pub use code::Code;

use crate::source::{SourceFile, Span};

/// How much a diagnostic weighs; errors keep a runbook from being run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Advice.
    Note,
    /// Worth mending; the runbook runs.
    Warning,
    /// The runbook does not run.
    Error,
}

/// A place in the file with a few words about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

/// One problem.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    pub code: Code,
    pub severity: Severity,
    /// Lowercase, no full stop, names in backticks, found before expected.
    pub message: String,
    pub file: SourceFile,
    /// Where the caret points.
    pub primary: Label,
    /// Other places that explain it.
    pub secondary: Vec<Label>,
    /// What to do, one remedy a line.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// An error or warning as its code says, with the caret under `span`.
    pub fn new(code: Code, file: &SourceFile, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            message: message.into(),
            file: file.clone(),
            primary: Label { span, text: String::new() },
            secondary: Vec::new(),
            help: Vec::new(),
        }
    }

    /// Words beside the caret.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    /// Another place that explains the first.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    /// A remedy.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
