//! The site: mdBook's HTML of a book that stands in memory.
//!
//! Nothing is run and no file of the repository is opened here: there are no preprocessors, so a directive such as
//! `{{#include}}` is text, and the renderer's root is an empty folder of ours. The site loads nothing from a network.
//!
//! Pages are drawn by mdBook itself ([`draw`]), only those that changed ([`kept`]). What needs all pages at once is made
//! here, equal to mdBook's, from the drawn pages: list, print page and search index. `equal` holds both together.

pub mod chapters;
mod draw;
mod frame;
mod index;
mod kept;
mod markup;
mod print;
mod sections;
mod toc;
mod words;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::book::Page;
use crate::journal::Digest;
use draw::{draw, split};
use frame::Frame;
use index::Source;
use kept::Kept;

/// Lies in every site, so that a folder that is not one is never emptied.
const MARK: &str = ".locum-book";

/// How many pages are counted together for the search.
const BATCH: usize = 32;

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
    #[error("`{0}` stands in the book twice")]
    Twice(String),
}

/// Builds the site in `out`; an older site there is replaced when the new one is complete. `cache` is a folder of the
/// user's where it is remembered what each page was drawn from.
pub fn build(title: &str, parts: &[Part], out: &Path, cache: Option<&Path>) -> Result<(), SiteError> {
    check_ours(out)?;
    let pages: Vec<&Page> = parts.iter().flat_map(|part| &part.pages).collect();
    check_paths(&pages)?;
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(write(parent))?;
    let folder = tempfile::Builder::new().prefix(".locum-book-").tempdir_in(parent).map_err(write(parent))?;
    let site = folder.path().join("site");
    let memory = cache.map(|cache| Kept::path(cache, out));
    let frame = Frame::new(title, folder.path(), &site)?;
    for (name, opens) in [("toc.js", toc::Opens::Here), ("toc.html", toc::Opens::Around)] {
        let list = toc::exchanged(frame.empty(name)?, &toc::toc(parts, opens)).ok_or_else(|| unlike(name))?;
        fs::write(site.join(name), list).map_err(write(Path::new(name)))?;
    }
    let older = memory.as_deref().map(Kept::read).unwrap_or_default();
    let theme = digest_of(&[mdbook_renderer::MDBOOK_VERSION, &frame.template, title]).to_string();
    let build = Build { pages: &pages, out, work: folder.path(), site: &site, frame: &frame, theme };
    let (texts, kept) = build.pages(&older)?;
    build.whole(&texts)?;
    fs::write(site.join(MARK), "").map_err(write(&site))?;
    if out.exists() {
        fs::rename(out, folder.path().join("old")).map_err(write(out))?;
    }
    fs::rename(&site, out).map_err(write(out))?;
    if let Some(memory) = memory {
        // Without it the next build is slower, and nothing else.
        let _ = kept.write(&memory);
    }
    Ok(())
}

/// A build under way.
struct Build<'a> {
    pages: &'a [&'a Page],
    out: &'a Path,
    work: &'a Path,
    site: &'a Path,
    frame: &'a Frame,
    /// A digest of what all pages are drawn with.
    theme: String,
}

impl Build<'_> {
    /// Brings every page into the site: from the older one, or drawn anew.
    fn pages(&self, older: &Kept) -> Result<(Vec<String>, Kept), SiteError> {
        let sources: Vec<Digest> = (0..self.pages.len()).into_par_iter().map(|number| self.source(number)).collect();
        let page =
            |(number, source): (usize, &Digest)| older.page(&url_of(&self.pages[number].path), *source, self.out);
        let mut texts: Vec<Option<String>> = sources.par_iter().enumerate().map(page).collect();
        let mut front = older.page("index.html", sources[0], self.out);
        if front.is_none() {
            texts[0] = None;
        }
        self.make_folders()?;
        let wanted: Vec<usize> = (0..texts.len()).filter(|number| texts[*number].is_none()).collect();
        let kept = texts.par_iter().enumerate().filter(|(_, text)| text.is_some());
        kept.try_for_each(|(number, text)| self.take_over(&url_of(&self.pages[number].path), text.as_deref()))?;
        for sheet in draw(self.frame, self.pages, &wanted, self.work)? {
            let to = self.site.join(url_of(&self.pages[sheet.number].path));
            fs::rename(&sheet.file, &to).map_err(write(&to))?;
            texts[sheet.number] = Some(sheet.html);
            front = sheet.front.or(front);
        }
        let texts: Vec<String> =
            texts.into_iter().map(|text| text.expect("every page is taken over or drawn")).collect();
        let mut kept: Kept = Kept(
            self.pages
                .par_iter()
                .zip(&sources)
                .zip(&texts)
                .map(|((page, source), html)| {
                    (url_of(&page.path), kept::Page { source: *source, html: Digest::of(html.as_bytes()) })
                })
                .collect(),
        );
        if let Some(front) = front.filter(|_| !kept.0.contains_key("index.html")) {
            self.put("index.html", &front)?;
            kept.0
                .insert("index.html".to_owned(), kept::Page { source: sources[0], html: Digest::of(front.as_bytes()) });
        }
        Ok((texts, kept))
    }

    /// A digest of everything that a page is drawn from.
    fn source(&self, number: usize) -> Digest {
        let page = self.pages[number];
        let mut parts = vec![self.theme.as_str(), &page.path, &page.title, &page.markdown];
        for beside in [number.checked_sub(1), number.checked_add(1)] {
            let page = beside.and_then(|number| self.pages.get(number));
            parts.extend(page.map_or(["", ""], |page| [&page.path, &page.title]));
        }
        digest_of(&parts)
    }

    fn make_folders(&self) -> Result<(), SiteError> {
        let folders: BTreeSet<PathBuf> =
            self.pages.iter().filter_map(|page| Some(self.site.join(&page.path).parent()?.to_owned())).collect();
        folders.iter().try_for_each(|folder| fs::create_dir_all(folder).map_err(write(folder)))
    }

    /// A page of the older site, under the same name in this one.
    fn take_over(&self, url: &str, text: Option<&str>) -> Result<(), SiteError> {
        match fs::hard_link(self.out.join(url), self.site.join(url)) {
            Ok(()) => Ok(()),
            Err(_) => self.put(url, text.unwrap_or_default()),
        }
    }

    fn put(&self, name: &str, text: &str) -> Result<(), SiteError> {
        let path = self.site.join(name);
        fs::write(&path, text).map_err(write(&path))
    }

    /// What is made of all pages.
    fn whole(&self, texts: &[String]) -> Result<(), SiteError> {
        let urls: Vec<String> = self.pages.iter().map(|page| url_of(&page.path)).collect();
        let mut sources = Vec::new();
        for ((page, url), text) in self.pages.iter().zip(&urls).zip(texts) {
            let (_, html, _) = split(text).ok_or_else(|| unlike(url))?;
            sources.push(Source { name: &page.title, url, html });
        }
        let (search, print) = rayon::join(
            || {
                let batches: Vec<_> = sources.par_chunks(BATCH).map(index::batch).collect();
                self.put("searchindex.js", &index::script(self.frame.empty("searchindex.js")?, &batches)?)
            },
            || {
                let (before, _, after) = split(self.frame.empty("print.html")?).ok_or_else(|| unlike("print.html"))?;
                self.put("print.html", &[before, &print::print(&sources), after].concat())
            },
        );
        search.and(print)
    }
}

/// Where a page of the book lies in the site.
fn url_of(path: &str) -> String {
    format!("{}.html", path.strip_suffix(".md").unwrap_or(path))
}

/// mdBook drew something that is not as it always was.
fn unlike(name: &str) -> SiteError {
    SiteError::Draw(format!("`{name}` of mdBook is not as expected"))
}

/// Every page has a place of its own, below the site.
fn check_paths(pages: &[&Page]) -> Result<(), SiteError> {
    if pages.is_empty() {
        return Err(SiteError::Empty);
    }
    let mut seen = BTreeSet::new();
    for page in pages {
        if !seen.insert(&page.path) {
            return Err(SiteError::Twice(page.path.clone()));
        }
    }
    Ok(())
}

/// A digest over some texts, and where each of them ends.
fn digest_of(texts: &[&str]) -> Digest {
    let texts: Vec<_> = texts.iter().map(|text| format!("{}:{text}", text.len())).collect();
    Digest::of(texts.concat().as_bytes())
}

fn read(path: &Path) -> Result<String, SiteError> {
    fs::read_to_string(path).map_err(|source| SiteError::Read { path: path.to_owned(), source })
}

/// All files below a folder, from there, sorted.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>, SiteError> {
    let fail = |source| SiteError::Read { path: folder.to_owned(), source };
    let (mut files, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(folder.join(&next)).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let path = next.join(entry.file_name());
            let list = if entry.file_type().map_err(fail)?.is_dir() { &mut folders } else { &mut files };
            list.push(path);
        }
    }
    files.sort();
    Ok(files)
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

#[cfg(test)]
mod equal;
#[cfg(test)]
mod tests;
