//! `locum book build`: the runbooks as a site that works without a network and without a server.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use rayon::prelude::*;

use super::Outcome;
use super::outcome::CliError;
use super::run::bundle;
use super::surroundings::{Surroundings, Where, valid};
use crate::book::{Page, PageFacts, People, index, page};
use crate::engine::Exit;
use crate::host::Clock;
use crate::load::Loaded;
use crate::model::Runbook;
use crate::site::{Part, build, chapters};
use crate::workspace::{Workspace, WorkspaceError};

/// Arguments of `book`.
#[derive(Debug, Args)]
pub struct BookArgs {
    #[command(subcommand)]
    pub action: BookAction,
}

/// What is done with the book.
#[derive(Debug, Subcommand)]
pub enum BookAction {
    /// Builds the site
    Build(BuildArgs),
}

/// Arguments of `book build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// The folder of the site; default: `book/site` at the top of the repository
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub at: Where,
}

/// Builds the site.
pub fn book(args: BookArgs) -> Outcome {
    let BookAction::Build(args) = args.action;
    let around = Surroundings::find()?;
    let workspace = around.workspace(&args.at)?;
    let runbooks = load(&workspace)?;
    let out = args.out.map_or_else(|| workspace.root.join("book/site"), |out| around.here.join(out));
    let mut parts = chapters::read(&workspace.root.join("book/src"))?;
    let title =
        parts.iter().flat_map(|part| &part.pages).next().map_or("Runbooks", |page| page.title.as_str()).to_owned();
    if parts.is_empty() {
        parts.push(Part { title: String::new(), pages: vec![introduction()] });
    }
    let list: Vec<&Runbook> = runbooks.iter().map(|(runbook, _)| &**runbook).collect();
    parts.push(Part { title: "Find a runbook".to_owned(), pages: index::pages(&list) });
    parts.push(Part { title: "Runbooks".to_owned(), pages: pages(&workspace, &runbooks)? });
    build(&title, &parts, &out, around.places.cache.as_deref())?;
    println!("{} runbooks: {}", runbooks.len(), out.join("index.html").display());
    Ok(Exit::Done)
}

/// Every runbook with its text; one that is invalid ends the build, since a book without it would hide it.
fn load(workspace: &Workspace) -> Result<Vec<(Arc<Runbook>, String)>, CliError> {
    let loaded: Vec<_> = workspace.ids()?.into_par_iter().map(|id| workspace.load(&id)).collect();
    let valid = |loaded: Result<Loaded, WorkspaceError>| {
        let loaded = loaded?;
        let text = loaded.file.text().to_owned();
        Ok((valid(loaded)?, text))
    };
    loaded.into_iter().map(valid).collect()
}

fn pages(workspace: &Workspace, runbooks: &[(Arc<Runbook>, String)]) -> Result<Vec<Page>, CliError> {
    let people = workspace
        .people()
        .map(|bytes| People::from_yaml(&String::from_utf8_lossy(&bytes)))
        .transpose()?
        .unwrap_or_default();
    let ids: BTreeSet<_> = runbooks.iter().map(|(runbook, _)| runbook.id.clone()).collect();
    let today = Some(Clock.now().date_naive());
    let shared = PageFacts { today, people, ids, ..PageFacts::default() };
    let page_of = |facts: &mut PageFacts, (runbook, text): &(Arc<Runbook>, String)| {
        facts.files = files(workspace, runbook)?;
        facts.digest = bundle(workspace, runbook, text)?.digest();
        Ok(page(runbook, text, facts))
    };
    runbooks.par_iter().map_with(shared, page_of).collect()
}

/// The scripts that commands call; one that leads out of the repository is not opened.
fn files(workspace: &Workspace, runbook: &Runbook) -> Result<BTreeMap<String, Result<String, String>>, CliError> {
    let mut files = BTreeMap::new();
    for file in &runbook.head.files {
        let path = workspace.root.join(&file.value);
        chapters::inside(&workspace.root, &path)?;
        let text = chapters::text(&workspace.root, &path).map_err(|_| "It is not a text.".to_owned());
        files.insert(file.value.clone(), text);
    }
    Ok(files)
}

/// The first page where nobody wrote one.
fn introduction() -> Page {
    let markdown = include_str!("introduction.md").to_owned();
    Page { path: "introduction.md".to_owned(), title: "Runbooks".to_owned(), markdown }
}
