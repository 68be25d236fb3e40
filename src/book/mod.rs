//! The book: a page for each runbook and indexes over them, as Markdown; the same runbook as plain text.
//!
//! Whatever stands in a runbook comes out as text: raw HTML, directives of mdBook, hidden characters. The commands of
//! a page are byte for byte those of [`show`].

mod card;
pub mod commands;
mod flow;
mod head;
pub mod index;
mod page;
pub mod people;
mod places;
mod prose;
mod show;

#[cfg(test)]
pub mod sample;

pub use page::page;
pub use people::People;
pub use show::show;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::model::Runbook;

/// A page of the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Relative to the book's sources: `runbooks/ID.md`.
    pub path: String,
    pub title: String,
    pub markdown: String,
}

/// One change of a runbook's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The day, as `2026-11-01`.
    pub day: String,
    pub by: String,
    pub what: String,
}

/// What a page says beyond the runbook.
#[derive(Clone, Debug, Default)]
pub struct PageFacts {
    /// `sha256:` over the file and everything in `files`.
    pub digest: String,
    /// Newest first.
    pub changed: Vec<Change>,
    /// The day of the build; without it nothing is said to be due.
    pub today: Option<NaiveDate>,
    pub people: People,
    /// The ids of all runbooks of the book: what can be linked.
    pub ids: BTreeSet<String>,
    /// The files that commands call, with their text; `None`: it cannot be shown, with the reason.
    pub files: BTreeMap<String, Result<String, String>>,
}

/// The path of a runbook's page.
pub fn path_of(id: &str) -> String {
    format!("runbooks/{id}.md")
}

/// A title without its holes filled in, as one line.
pub fn title_of(runbook: &Runbook) -> &str {
    &runbook.head.title
}

#[cfg(test)]
mod tests;
