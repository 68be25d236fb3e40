//! The text of a page by its headings, as the search shows it: what mdBook's index holds of it.

use super::markup::{Piece, Pieces, Tag, unescaped};

/// The deepest heading that begins a section of its own.
pub const DEPTH: u8 = 3;

/// The text under one heading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// The heading's id; empty for what stands before the first.
    pub id: String,
    pub title: String,
    pub body: String,
    /// The page, its first heading, the last one.
    pub breadcrumbs: String,
}

/// The sections of a page's `html`; `name` is what the page is called in the list of all.
pub fn sections(name: &str, html: &str) -> Vec<Section> {
    let mut reader = Reader { crumbs: vec![name.to_owned()], ..Reader::default() };
    let mut pieces = Pieces::new(html).peekable();
    while let Some(piece) = pieces.next() {
        match piece {
            Piece::Start(tag) if matches!(tag.name, "script" | "style") => {
                let _ = pieces.find(|piece| *piece == Piece::End(tag.name));
            }
            Piece::Start(tag) => reader.start(&tag),
            Piece::Text(text) => reader.text().push_str(&unescaped(text)),
            Piece::End(name) => {
                reader.end(name);
                if let Some(Piece::Text(text)) = pieces.peek_mut().filter(|_| ends_a_line(name)) {
                    *text = text.strip_prefix('\n').unwrap_or(text);
                }
            }
            Piece::Silent => {}
        }
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    done: Vec<Section>,
    id: Option<String>,
    heading: String,
    body: String,
    crumbs: Vec<String>,
    in_heading: bool,
}

impl Reader {
    fn text(&mut self) -> &mut String {
        if self.in_heading { &mut self.heading } else { &mut self.body }
    }

    fn start(&mut self, tag: &Tag) {
        let id = tag.heading().filter(|level| *level <= DEPTH).and_then(|_| tag.value("id"));
        let Some(id) = id else {
            // Words of two elements are two words.
            self.text().push(' ');
            return;
        };
        if !self.heading.is_empty() {
            self.keep();
            self.crumbs.pop();
        }
        self.id = Some(id.into_owned());
        self.in_heading = true;
    }

    fn end(&mut self, name: &str) {
        if matches!(name.as_bytes(), [b'h', level @ b'1'..=b'6'] if level - b'0' <= DEPTH) {
            self.in_heading = false;
            self.crumbs.push(self.heading.clone());
        }
    }

    fn keep(&mut self) {
        let title = std::mem::take(&mut self.heading);
        let body = std::mem::take(&mut self.body);
        self.done.push(Section {
            id: self.id.clone().unwrap_or_default(),
            title: spaced(&title),
            body: spaced(&body),
            breadcrumbs: spaced(&self.crumbs.join(" » ")),
        });
    }

    fn finish(mut self) -> Vec<Section> {
        if self.heading.is_empty() && self.body.is_empty() {
            return self.done;
        }
        if self.heading.is_empty() {
            self.heading = self.crumbs.first().cloned().unwrap_or_default();
        }
        self.keep();
        self.done
    }
}

/// Elements after whose end the renderer writes a line break that is not of the page.
pub fn ends_a_line(name: &str) -> bool {
    const NAMES: [&str; 20] = [
        "blockquote",
        "dd",
        "div",
        "dl",
        "dt",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "table",
        "tbody",
        "thead",
        "tr",
    ];
    name == "ul" || NAMES.contains(&name)
}

/// Without space around it, and with one space for several.
fn spaced(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.trim();
    while let Some(at) = rest.find(char::is_whitespace) {
        out.push_str(&rest[..at]);
        let after = rest[at..].trim_start();
        let space = &rest[at..rest.len() - after.len()];
        out.push_str(if space.chars().nth(1).is_some() { " " } else { space });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(html: &str) -> Vec<String> {
        sections("Page", html)
            .into_iter()
            .map(|section| format!("#{} {} | {} | {}", section.id, section.title, section.body, section.breadcrumbs))
            .collect()
    }

    #[test]
    fn a_heading_begins_a_section() {
        let html = "<h1 id=\"a\"><a href=\"#a\">Top</a></h1>\n<p>one <code>two</code></p>\n<h2 id=\"b\">Next</h2>\n<p>x &lt; y</p>\n<h4 id=\"c\">deep</h4>";
        assert_eq!(shown(html), ["#a Top | one two | Page » Top", "#b Next | x < y deep | Page » Next"]);
    }

    #[test]
    fn text_before_the_first_heading_is_called_as_the_page() {
        assert_eq!(shown("<p>alone</p>"), ["# Page | alone | Page"]);
        assert_eq!(shown(""), [""; 0]);
    }

    #[test]
    fn words_of_two_elements_are_two_words_and_scripts_have_none() {
        assert_eq!(shown("<p>a<br>b<script>var c;</script><style>d</style></p><p>e</p>"), ["# Page | a b e | Page"]);
    }

    #[test]
    fn a_line_break_that_the_renderer_adds_is_no_space() {
        assert_eq!(shown("<div><p>a</p>\nb</div>\n"), ["# Page | ab | Page"]);
        assert_eq!(shown("<div><p>a</p>\n\nb</div>\n"), ["# Page | a\nb | Page"]);
    }

    #[test]
    fn space_is_told_as_mdbook_tells_it() {
        assert_eq!(spaced("  a\n\n b\nc \t"), "a b\nc");
        assert_eq!(spaced(" \n "), "");
    }
}
