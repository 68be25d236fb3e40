//! The page that holds all pages, to be printed: what mdBook makes of them.
//!
//! On one page an id may stand once only, so later ones get a number, and links within the book lead to places of this
//! page.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use indexmap::{IndexMap, IndexSet};
use rayon::prelude::*;

use super::index::Source;
use super::markup::{Piece, Pieces, Tag, escaped, unescaped};
use super::sections::ends_a_line;

const BREAK: &str = "<div style=\"break-before: page; page-break-before: always;\"></div>";

/// All pages as one, without what stands around it.
pub fn print(pages: &[Source]) -> String {
    let mut marked: Vec<Marked> = pages.par_iter().map(Marked::of).collect();
    let mut used = Used::default();
    for page in &mut marked {
        page.make_ids_unique(&mut used);
    }
    let tops: IndexMap<PathBuf, String> =
        marked.iter_mut().map(|page| (PathBuf::from(page.source.url), page.name_top(&mut used))).collect();
    let moved: IndexMap<PathBuf, &BTreeMap<String, String>> =
        marked.iter().map(|page| (PathBuf::from(page.source.url), &page.moved)).collect();
    let texts: Vec<String> = marked.par_iter().map(|page| page.text(&tops, &moved)).collect();
    let mut out = String::with_capacity(texts.iter().map(|text| text.len() + BREAK.len() + 1).sum());
    for text in texts {
        if !out.is_empty() {
            out.push_str(BREAK);
            if begins_a_line(&text) {
                out.push('\n');
            }
        }
        out.push_str(&text);
    }
    out
}

/// Whether the renderer begins this on a line of its own.
fn begins_a_line(html: &str) -> bool {
    matches!(Pieces::new(html).next(), Some(Piece::Start(tag)) if ends_a_line(tag.name))
}

/// The ids that are taken, and which number was tried last for each.
#[derive(Default)]
struct Used {
    ids: IndexSet<String>,
    last: IndexMap<String, u32>,
}

impl Used {
    fn unique(&mut self, id: &str) -> String {
        if self.ids.insert(id.to_owned()) {
            return id.to_owned();
        }
        let last = self.last.entry(id.to_owned()).or_insert(0);
        loop {
            *last += 1;
            let candidate = format!("{id}-{last}");
            if self.ids.insert(candidate.clone()) {
                return candidate;
            }
        }
    }
}

/// What leads to the top of a page.
enum Top {
    /// A heading of the first level; the number of its id in the list of all.
    Id(usize),
    /// Such a heading without an id, or none.
    Missing,
}

/// A page, and the places in it that are not the same in print.
struct Marked<'a> {
    source: &'a Source<'a>,
    ids: Vec<(Range<usize>, String)>,
    links: Vec<Range<usize>>,
    top: Top,
    /// Ids that are called otherwise in print.
    moved: BTreeMap<String, String>,
    /// The heading that a page without one gets.
    heading: String,
}

impl<'a> Marked<'a> {
    fn of(source: &'a Source<'a>) -> Self {
        let mut page = Self {
            source,
            ids: Vec::new(),
            links: Vec::new(),
            top: Top::Missing,
            moved: BTreeMap::new(),
            heading: String::new(),
        };
        let mut before_heading = true;
        for piece in Pieces::new(source.html) {
            let Piece::Start(tag) = piece else { continue };
            let id = page.mark(&tag);
            if before_heading && let Some(level) = tag.heading() {
                before_heading = false;
                if let (1, Some(number)) = (level, id) {
                    page.top = Top::Id(number);
                }
            }
        }
        page
    }

    /// The number of the id, if this element has one.
    fn mark(&mut self, tag: &Tag) -> Option<usize> {
        if matches!(tag.name, "a" | "img") {
            self.links.extend(["href", "src", "xlink:href"].into_iter().filter_map(|name| tag.place(name)));
        }
        let place = tag.place("id")?;
        let id = unescaped(&self.source.html[place.clone()]).into_owned();
        self.ids.push((place, id));
        Some(self.ids.len() - 1)
    }

    fn make_ids_unique(&mut self, used: &mut Used) {
        for (_, id) in &mut self.ids {
            let unique = used.unique(id);
            if unique != *id {
                self.moved.insert(id.clone(), unique.clone());
                *id = unique;
            }
        }
    }

    /// The id of the page's top; a page without one gets a heading.
    fn name_top(&mut self, used: &mut Used) -> String {
        if let Top::Id(number) = self.top {
            return self.ids[number].1.clone();
        }
        let name = self.source.name;
        let id = used.unique(&id_of(name));
        let text = name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        self.heading = format!("<h1 id=\"{0}\"><a href=\"#{0}\" class=\"header\">{text}</a></h1>\n", escaped(&id));
        id
    }

    /// The page as it is printed.
    fn text(&self, tops: &IndexMap<PathBuf, String>, moved: &IndexMap<PathBuf, &BTreeMap<String, String>>) -> String {
        let html = self.source.html;
        let ids = self.ids.iter().map(|(place, id)| (place, Some(id.clone())));
        let links = self.links.iter().map(|place| (place, self.target(&unescaped(&html[place.clone()]), tops, moved)));
        let mut changes: Vec<_> = ids.chain(links).collect();
        changes.sort_unstable_by_key(|(place, _)| place.start);
        let mut out = String::with_capacity(html.len() + self.heading.len() + changes.len() * 4);
        out.push_str(&self.heading);
        let mut at = 0;
        for (place, value) in changes {
            let Some(value) = value else { continue };
            out.push_str(&html[at..place.start]);
            out.push_str(&escaped(&value));
            at = place.end;
        }
        out.push_str(&html[at..]);
        out
    }

    /// Where a link leads in print; nothing if it stays.
    fn target(
        &self,
        link: &str,
        tops: &IndexMap<PathBuf, String>,
        moved: &IndexMap<PathBuf, &BTreeMap<String, String>>,
    ) -> Option<String> {
        if has_scheme(link) {
            return None;
        }
        let (path, anchor) = match link.split_once('#') {
            Some((path, anchor)) => (path, Some(anchor.split('\n').next().unwrap_or_default())),
            None => (link, None),
        };
        let here = Path::new(self.source.url);
        let page = if path.is_empty() {
            here.to_owned()
        } else {
            let page = normal(&here.parent().unwrap_or(Path::new("")).join(path));
            if !tops.contains_key(&page) {
                let anchor = anchor.map_or_else(String::new, |anchor| format!("#{anchor}"));
                return Some(format!("{}{anchor}", page.display().to_string().replace('\\', "/")));
            }
            page
        };
        let id = match anchor {
            Some(anchor) => moved.get(&page).and_then(|moved| moved.get(anchor)).map_or(anchor, String::as_str),
            None => tops.get(&page)?,
        };
        Some(format!("#{id}"))
    }
}

/// `https:` and the like.
fn has_scheme(link: &str) -> bool {
    let Some((scheme, _)) = link.split_once(':') else { return false };
    scheme.starts_with(|letter: char| letter.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+.-".contains(&byte))
}

/// A path without `.` and, as far as it goes, without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir if out.ends_with("..") || !(out.pop() || out.has_root()) => out.push(".."),
            Component::CurDir | Component::ParentDir => {}
            other => out.push(other),
        }
    }
    out
}

/// The id that mdBook gives to a heading.
fn id_of(text: &str) -> String {
    let letter = |letter: char| {
        if letter.is_alphanumeric() || matches!(letter, '_' | '-') {
            Some(letter)
        } else {
            letter.is_whitespace().then_some('-')
        }
    };
    text.trim().to_lowercase().chars().filter_map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(pages: &[(&str, &str)]) -> String {
        let sources: Vec<_> = pages.iter().map(|(url, html)| Source { name: "A page", url, html }).collect();
        print(&sources)
    }

    #[test]
    fn an_id_stands_once_and_links_follow_it() {
        let text = printed(&[
            ("a.html", "<h1 id=\"x\">A</h1>"),
            ("b.html", "<h1 id=\"x\">B</h1>\n<p><a href=\"#x\">here</a> <a href=\"a.html#x\">there</a></p>"),
        ]);
        assert_eq!(
            text,
            format!(
                "<h1 id=\"x\">A</h1>{BREAK}\n<h1 id=\"x-1\">B</h1>\n<p><a href=\"#x-1\">here</a> <a href=\"#x\">there</a></p>"
            )
        );
    }

    #[test]
    fn a_link_to_a_page_leads_to_its_top() {
        let text = printed(&[
            ("runbooks/a.html", "<h1 id=\"top\">A</h1><a href=\"../index/b.html\">b</a>"),
            ("index/b.html", "<p><a href=\"../runbooks/a.html\">a</a></p>"),
        ]);
        assert!(text.contains("<a href=\"#a-page\">b</a>") && text.contains("<a href=\"#top\">a</a>"), "{text}");
        assert!(text.contains("<h1 id=\"a-page\"><a href=\"#a-page\" class=\"header\">A page</a></h1>\n<p>"), "{text}");
    }

    #[test]
    fn a_link_elsewhere_starts_from_the_top_of_the_site() {
        let links = [
            ("https://example.org/#x", "https://example.org/#x"),
            ("mailto:komari@example.org", "mailto:komari@example.org"),
            ("picture.png#p", "runbooks/picture.png#p"),
            ("../picture.png", "picture.png"),
            ("../../x", "../x"),
            ("/x", "/x"),
            ("", "#top"),
        ];
        for (link, expected) in links {
            let text = printed(&[("runbooks/a.html", &format!("<h1 id=\"top\"></h1><a href=\"{link}\">"))]);
            assert!(text.ends_with(&format!("<a href=\"{expected}\">")), "{link}: {text}");
        }
    }

    #[test]
    fn a_number_that_is_taken_is_passed_over() {
        let text = printed(&[("a.html", "<h1 id=\"x\"><p id=\"x-1\"><p id=\"x\"><p id=\"x\">")]);
        assert_eq!(text, "<h1 id=\"x\"><p id=\"x-1\"><p id=\"x-2\"><p id=\"x-3\">");
    }

    #[test]
    fn a_value_is_escaped_again() {
        let text = printed(&[("a.html", "<h1 id=\"a&quot;b\"><p id=\"a&quot;b\"><a href=\"#a&quot;b\">")]);
        assert_eq!(text, "<h1 id=\"a&quot;b\"><p id=\"a&quot;b-1\"><a href=\"#a&quot;b-1\">");
    }
}
