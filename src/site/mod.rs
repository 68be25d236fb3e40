//! The site: mdBook's HTML of a book that stands in memory.
//!
//! Nothing is run and no file of the repository is opened here: there are no preprocessors, so a directive such as
//! `{{#include}}` is text, and the renderer's root is an empty folder of ours. The site loads nothing from a network.

pub mod chapters;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mdbook_html::HtmlHandlebars;
use mdbook_renderer::book::{Book, BookItem, Chapter};
use mdbook_renderer::config::Config;
use mdbook_renderer::{RenderContext, Renderer};

use crate::book::Page;

/// Lies in every site, so that a folder that is not one is never emptied.
const MARK: &str = ".locum-book";

const CSS: &str = include_str!("locum.css");

/// A part of the book.
#[derive(Clone, Debug)]
pub struct Part {
    pub title: String,
    pub pages: Vec<Page>,
}

/// A site cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    #[error("`{0}` is not empty and no site of locum; name an empty or a new folder with `--out`")]
    NotOurs(PathBuf),
    #[error("cannot write `{path}`")]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("`{path}` leads out of `{root}`")]
    Outside { path: PathBuf, root: PathBuf },
    #[error("the site cannot be drawn: {0}")]
    Draw(String),
    #[error("a book needs a page")]
    Empty,
}

/// Builds the site in `out`; an older site there is replaced when the new one is complete.
pub fn build(title: &str, parts: Vec<Part>, out: &Path) -> Result<(), SiteError> {
    check_ours(out)?;
    if parts.iter().all(|part| part.pages.is_empty()) {
        return Err(SiteError::Empty);
    }
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(write(parent))?;
    let folder = tempfile::Builder::new().prefix(".locum-book-").tempdir_in(parent).map_err(write(parent))?;
    let (root, site) = (folder.path().join("root"), folder.path().join("site"));
    fs::create_dir_all(root.join("src")).map_err(write(&root))?;
    fs::write(root.join("locum.css"), CSS).map_err(write(&root))?;
    let context = RenderContext::new(&root, book(parts), config(title)?, &site);
    HtmlHandlebars::new().render(&context).map_err(|error| SiteError::Draw(format!("{error:#}")))?;
    fs::write(site.join(MARK), "").map_err(write(&site))?;
    if out.exists() {
        fs::rename(out, folder.path().join("old")).map_err(write(out))?;
    }
    fs::rename(&site, out).map_err(write(out))
}

fn write(path: &Path) -> impl FnOnce(io::Error) -> SiteError + use<> {
    let path = path.to_owned();
    move |source| SiteError::Write { path, source }
}

/// A folder that holds something else is left alone.
fn check_ours(out: &Path) -> Result<(), SiteError> {
    match fs::symlink_metadata(out) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(SiteError::Read { path: out.to_owned(), source }),
        Ok(about) if !about.is_dir() => return Err(SiteError::NotOurs(out.to_owned())),
        Ok(_) => {}
    }
    let mut entries = fs::read_dir(out).map_err(|source| SiteError::Read { path: out.to_owned(), source })?;
    if entries.next().is_none() || out.join(MARK).is_file() { Ok(()) } else { Err(SiteError::NotOurs(out.to_owned())) }
}

fn book(parts: Vec<Part>) -> Book {
    let mut items = Vec::new();
    for part in parts.into_iter().filter(|part| !part.pages.is_empty()) {
        if !part.title.is_empty() {
            items.push(BookItem::PartTitle(part.title));
        }
        items.extend(
            part.pages
                .into_iter()
                .map(|page| BookItem::Chapter(Chapter::new(&page.title, page.markdown, page.path, Vec::new()))),
        );
    }
    Book::new_with_items(items)
}

/// All of it in code: a repository cannot set anything here.
fn config(title: &str) -> Result<Config, SiteError> {
    let html = serde_json::json!({
        "smart-punctuation": false,
        "definition-lists": false,
        "admonitions": false,
        "default-theme": "light",
        "preferred-dark-theme": "navy",
        "no-section-label": true,
        "additional-css": ["locum.css"],
        "input-404": "",
        "hash-files": true,
        "playground": { "runnable": false, "copyable": true },
        "print": { "enable": true },
        "search": { "enable": true, "limit-results": 20, "heading-split-level": 3, "use-boolean-and": false },
    });
    let mut config = Config::default();
    let draw = |error: mdbook_renderer::errors::Error| SiteError::Draw(format!("{error:#}"));
    config.set("output.html", html).map_err(draw)?;
    config.book.title = Some(title.to_owned());
    Ok(config)
}

#[cfg(test)]
mod tests;
