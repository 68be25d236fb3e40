//! What is the same on all pages: the theme of mdBook with its files, and the settings.
//!
//! mdBook draws a book of one empty page first. That writes every file of the theme under the name that its contents
//! give it, and shows what the other pages look like around their text.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mdbook_html::HtmlHandlebars;
use mdbook_html::theme::Theme;
use mdbook_renderer::book::{Book, BookItem, Chapter};
use mdbook_renderer::config::Config;
use mdbook_renderer::{RenderContext, Renderer as _};
use serde_json::{Value, json};

use super::sections::DEPTH;
use super::{SiteError, files_below, read, write};

/// The style of locum's own.
const STYLE: &str = "locum.css";
const CSS: &str = include_str!("locum.css");

/// Files whose names stay the same when the book changes, so that a page changes only when its own text does.
const PLAIN: [&str; 2] = ["toc.js", "searchindex.js"];

/// Files of the theme that a single page does not need to be drawn.
const THEME: [&str; 14] = [
    "toc.js.hbs",
    "toc.html.hbs",
    "book.js",
    "css/chrome.css",
    "css/general.css",
    "css/print.css",
    "css/variables.css",
    "highlight.js",
    "highlight.css",
    "tomorrow-night.css",
    "ayu-highlight.css",
    "clipboard.min.js",
    "fonts/fonts.css",
    "favicon.png",
];

/// What all pages share.
pub struct Frame {
    /// Where the parts lie that a page is drawn with.
    root: PathBuf,
    config: Config,
    /// The template of a page, with the names of the files.
    pub template: String,
    empty: BTreeMap<PathBuf, String>,
}

impl Frame {
    /// Writes the files of the theme to `site`; `work` is a folder for what is needed meanwhile.
    pub fn new(title: &str, work: &Path, site: &Path) -> Result<Self, SiteError> {
        let whole = work.join("whole");
        put(&whole.join(STYLE), CSS)?;
        let template = plain_names(&template(&work.join("theme"))?)?;
        put(&whole.join("theme/index.hbs"), &template)?;
        folder(&whole.join("src"))?;
        let config = config(title, STYLE, Drawn::Book)?;
        let chapter = Chapter::new("", String::new(), "empty.md", Vec::new());
        render(&whole, Book::new_with_items(vec![BookItem::Chapter(chapter)]), &config, site)?;
        let empty = take_empty(site)?;

        let names: Vec<String> = files_below(site)?.iter().filter_map(|path| Some(path.to_str()?.to_owned())).collect();
        let template = with_names(&template, &names)?;
        let root = work.join("page");
        folder(&root.join("src"))?;
        put(&root.join("theme/index.hbs"), &template)?;
        put(&root.join("theme/favicon.svg"), "")?;
        for name in THEME {
            put(&root.join("theme").join(name), "")?;
        }
        let style = hashed(STYLE, &names).ok_or_else(|| changed(STYLE))?;
        put(&root.join(&style), "")?;
        Ok(Self { root, config: self::config(title, &style, Drawn::Pages)?, template, empty })
    }

    /// What mdBook draws from all pages at once, drawn from none.
    pub fn empty(&self, name: &str) -> Result<&str, SiteError> {
        self.empty.get(Path::new(name)).map(String::as_str).ok_or_else(|| changed(name))
    }

    /// Draws the pages of `book` into a folder; nothing there is of the whole book.
    pub fn draw(&self, book: Book, to: &Path) -> Result<(), SiteError> {
        render(&self.root, book, &self.config, to)
    }
}

fn render(root: &Path, book: Book, config: &Config, to: &Path) -> Result<(), SiteError> {
    let context = RenderContext::new(root, book, config.clone(), to);
    HtmlHandlebars::new().render(&context).map_err(|error| SiteError::Draw(format!("{error:#}")))
}

fn put(path: &Path, text: &str) -> Result<(), SiteError> {
    path.parent().map_or(Ok(()), folder)?;
    fs::write(path, text).map_err(write(path))
}

fn folder(path: &Path) -> Result<(), SiteError> {
    fs::create_dir_all(path).map_err(write(path))
}

fn changed(what: &str) -> SiteError {
    SiteError::Draw(format!("`{what}` is not in the theme of mdBook as expected"))
}

/// The template of a page, as mdBook has it.
fn template(folder: &Path) -> Result<String, SiteError> {
    let config = mdbook_renderer::config::HtmlConfig::default();
    Theme::copy_theme(&config, folder).map_err(|error| SiteError::Draw(format!("{error:#}")))?;
    read(&folder.join("theme/index.hbs"))
}

fn plain_names(template: &str) -> Result<String, SiteError> {
    let mut template = template.to_owned();
    for name in PLAIN {
        let resource = format!("{{{{ resource \"{name}\" }}}}");
        if !template.contains(&resource) {
            return Err(changed(&resource));
        }
        template = template.replace(&resource, &format!("{{{{ path_to_root }}}}{name}"));
    }
    Ok(template)
}

/// The template with the names that the files have in this site, and with the search and the print page that the whole
/// book has.
fn with_names(template: &str, names: &[String]) -> Result<String, SiteError> {
    let mut out = String::with_capacity(template.len() + 1024);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{ resource \"") {
        let (name, after) = after.split_once('"').ok_or_else(|| changed("resource"))?;
        let name = hashed(name, names).unwrap_or_else(|| name.to_owned());
        out.push_str(before);
        out.push_str("{{ resource \"");
        out.push_str(&name);
        out.push('"');
        rest = after;
    }
    out.push_str(rest);
    for word in ["search_enabled", "search_js", "print_enable"] {
        let condition = format!("{{{{#if {word}}}}}");
        if !out.contains(&condition) {
            return Err(changed(&condition));
        }
        out = out.replace(&condition, "{{#if default_theme}}");
    }
    Ok(out)
}

/// `css/print.css` as it is called in the site: `css/print-0123abcd.css`.
fn hashed(name: &str, names: &[String]) -> Option<String> {
    let (stem, suffix) = name.split_once('.')?;
    let fits = |found: &&String| {
        let digits = found.strip_prefix(stem).and_then(|rest| rest.strip_prefix('-'));
        let digits = digits.and_then(|rest| rest.strip_suffix(suffix)).and_then(|rest| rest.strip_suffix('.'));
        digits.is_some_and(|digits| digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    names.iter().find(fits).cloned()
}

/// Takes away what depends on the pages, and remembers it.
fn take_empty(site: &Path) -> Result<BTreeMap<PathBuf, String>, SiteError> {
    let mut empty = BTreeMap::new();
    let mut index_name = String::new();
    for path in files_below(site)? {
        let name = path.to_string_lossy().into_owned();
        let plain = PLAIN.into_iter().find(|plain| hashed(plain, std::slice::from_ref(&name)).is_some());
        let drawn = plain.is_some() || ["print.html", "toc.html"].contains(&name.as_str());
        if drawn {
            empty.insert(PathBuf::from(plain.unwrap_or(&name)), read(&site.join(&path))?);
        }
        if plain == Some("searchindex.js") {
            index_name.clone_from(&name);
        }
        if drawn || ["empty.html", "index.html"].contains(&name.as_str()) {
            fs::remove_file(site.join(&path)).map_err(write(&path))?;
        }
    }
    // The script of the search asks for the index by its name.
    for path in files_below(site)?.iter().filter(|path| path.extension().is_some_and(|extension| extension == "js")) {
        let path = site.join(path);
        let text = read(&path)?;
        if !index_name.is_empty() && text.contains(&index_name) {
            fs::write(&path, text.replace(&index_name, "searchindex.js")).map_err(write(&path))?;
        }
    }
    Ok(empty)
}

/// What is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Drawn {
    /// The whole book, with search and print page.
    Book,
    /// Some of its pages.
    Pages,
}

/// All of it in code: a repository cannot set anything here.
pub fn config(title: &str, style: &str, drawn: Drawn) -> Result<Config, SiteError> {
    let book = drawn == Drawn::Book;
    let html: Value = json!({
        "smart-punctuation": false,
        "definition-lists": false,
        "admonitions": false,
        "default-theme": "light",
        "preferred-dark-theme": "navy",
        "no-section-label": true,
        "additional-css": [style],
        "input-404": "",
        "hash-files": book,
        "playground": { "runnable": false, "copyable": true },
        "print": { "enable": book },
        "search": { "enable": book, "limit-results": 20, "heading-split-level": DEPTH, "use-boolean-and": false },
    });
    let mut config = Config::default();
    let draw = |error: mdbook_renderer::errors::Error| SiteError::Draw(format!("{error:#}"));
    config.set("output.html", html).map_err(draw)?;
    config.book.title = Some(title.to_owned());
    Ok(config)
}
