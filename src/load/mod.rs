//! From a file to a runbook that can be run, or to the reasons why not.
//!
//! The record tables of `model` see to keys and types. Here is the rest of what must hold: ids, destinations,
//! names in templates, patterns, dates, and every rule of the format that can be seen without running it.

mod destinations;
mod facts;
mod forbidden;
mod ids;
mod names;
mod patterns;
mod steps;
mod words;

use crate::diagnostic::Diagnostic;
use crate::model::Runbook;
use crate::model::decode::{Cx, Decode};
use crate::model::runbook::WrittenRunbook;
use crate::source::SourceFile;
use crate::yaml::{self, Node};

/// A file as far as it could be understood.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub file: SourceFile,
    /// The tree, where the file is YAML.
    pub tree: Option<Node>,
    /// The runbook; there exactly when no diagnostic is an error.
    pub runbook: Option<Runbook>,
    /// Every problem, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a runbook. `id` is its file's name without `.yaml`.
pub fn load(id: &str, file: SourceFile) -> Loaded {
    let (tree, mut diagnostics) = yaml::parse(&file);
    let mut runbook = None;
    if let Some(tree) = &tree {
        let mut cx = Cx::new(&file);
        words::check_runbook_id(id, &mut cx);
        runbook = WrittenRunbook::decode(tree, &mut cx).map(|head| Runbook::new(id, head));
        if let Some(runbook) = &mut runbook {
            ids::give(runbook);
            check(runbook, tree, &mut cx);
        }
        diagnostics.append(&mut cx.diagnostics);
    }
    diagnostics.sort_by_key(|problem| problem.primary.span);
    let runbook = runbook.filter(|_| !diagnostics.iter().any(Diagnostic::is_error));
    Loaded { file, tree, runbook, diagnostics }
}

/// What must hold beyond keys and types.
fn check(runbook: &Runbook, tree: &Node, cx: &mut Cx) {
    ids::check(runbook, cx);
    names::check(runbook, tree, cx);
    steps::check(runbook, tree, cx);
    destinations::check(runbook, cx);
    patterns::check(runbook, tree, cx);
    facts::check(runbook, tree, cx);
    forbidden::check(runbook, cx);
}
