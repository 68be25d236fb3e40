//! The HTML of a page read piece by piece, as mdBook's renderer writes it: every tag closed, every attribute in double
//! quotes, every text escaped. It is no reader of HTML from elsewhere; of any text it gives pieces, and ends.

use std::borrow::Cow;
use std::ops::Range;

/// The pieces of a text, from its first byte to its last.
pub struct Pieces<'a> {
    html: &'a str,
    at: usize,
    /// The element whose inside is no HTML, until its end is seen.
    raw: Option<&'static str>,
}

/// One piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    Start(Tag<'a>),
    End(&'a str),
    /// Escaped, as it stands there.
    Text(&'a str),
    /// A comment, or what is inside a script.
    Silent,
}

/// The start of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    pub name: &'a str,
    html: &'a str,
    /// Where its attributes are.
    attributes: Range<usize>,
}

impl<'a> Pieces<'a> {
    pub fn new(html: &'a str) -> Self {
        Self { html, at: 0, raw: None }
    }

    fn rest(&self) -> &'a str {
        &self.html[self.at..]
    }

    /// Up to and with the end of a tag, or to the end of all.
    fn skip_tag(&mut self) {
        let found = memchr::memchr(b'>', self.rest().as_bytes());
        self.at = found.map_or(self.html.len(), |found| self.at + found + 1);
    }

    fn start(&mut self) -> Tag<'a> {
        let begin = self.at + 1;
        let length = self.html[begin..].find([' ', '/', '>']).unwrap_or(self.html.len() - begin);
        let name = &self.html[begin..begin + length];
        let mut at = begin + length;
        while let Some((_, value)) = attribute(self.html, at) {
            at = value.end + 1;
        }
        let attributes = begin + length..at;
        self.at = at;
        self.skip_tag();
        self.raw = ["script", "style"].into_iter().find(|raw| *raw == name);
        Tag { name, html: self.html, attributes }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let rest = self.rest();
        if rest.is_empty() {
            return None;
        }
        if let Some(name) = self.raw.take() {
            let mut ends = rest.match_indices("</").map(|(at, _)| at);
            self.at += ends.find(|at| rest[at + 2..].starts_with(name)).unwrap_or(rest.len());
            return Some(Piece::Silent);
        }
        if let Some(inner) = rest.strip_prefix("<!--") {
            self.at = inner.find("-->").map_or(self.html.len(), |end| self.at + "<!---->".len() + end);
            return Some(Piece::Silent);
        }
        if let Some(end) = rest.strip_prefix("</") {
            let length = memchr::memchr(b'>', end.as_bytes()).unwrap_or(end.len());
            self.skip_tag();
            return Some(Piece::End(&end[..length]));
        }
        if rest.starts_with('<') {
            return Some(Piece::Start(self.start()));
        }
        let length = memchr::memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
        self.at += length;
        Some(Piece::Text(&rest[..length]))
    }
}

/// The name of the attribute that begins here, and where its value is.
fn attribute(html: &str, at: usize) -> Option<(&str, Range<usize>)> {
    let named = html[at..].strip_prefix(' ')?;
    let (length, sign) = named.bytes().enumerate().find(|(_, byte)| matches!(byte, b'=' | b'>'))?;
    if sign == b'>' || !named[length + 1..].starts_with('"') {
        return None;
    }
    let value = at + 1 + length + 2;
    let end = value + memchr::memchr(b'"', &html.as_bytes()[value..])?;
    Some((&named[..length], value..end))
}

impl<'a> Tag<'a> {
    /// The level of a heading: 1 to 6.
    pub fn heading(&self) -> Option<u8> {
        match self.name.as_bytes() {
            [b'h', level @ b'1'..=b'6'] => Some(level - b'0'),
            _ => None,
        }
    }

    /// Where the value of an attribute stands in the text, escaped.
    pub fn place(&self, name: &str) -> Option<Range<usize>> {
        let mut at = self.attributes.start;
        while let Some((found, value)) = attribute(self.html, at).filter(|_| at < self.attributes.end) {
            if found == name {
                return Some(value);
            }
            at = value.end + 1;
        }
        None
    }

    /// The value of an attribute.
    pub fn value(&self, name: &str) -> Option<Cow<'a, str>> {
        self.place(name).map(|place| unescaped(&self.html[place]))
    }
}

/// A text or the value of an attribute without its escapes.
pub fn unescaped(text: &str) -> Cow<'_, str> {
    const ESCAPES: [(&str, char); 6] =
        [("&lt;", '<'), ("&gt;", '>'), ("&amp;", '&'), ("&quot;", '"'), ("&#39;", '\''), ("&#92;", '\\')];
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (length, letter) = ESCAPES
            .iter()
            .find(|(escape, _)| rest.starts_with(escape))
            .map_or((1, '&'), |(escape, letter)| (escape.len(), *letter));
        out.push(letter);
        rest = &rest[length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// A text as the value of an attribute.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&quot;"),
            '\\' => out.push_str("&#92;"),
            '&' => out.push_str("&amp;"),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(html: &str) -> Vec<String> {
        Pieces::new(html)
            .map(|piece| match piece {
                Piece::Start(tag) => format!("<{}>", tag.name),
                Piece::End(name) => format!("</{name}>"),
                Piece::Text(text) => text.to_owned(),
                Piece::Silent => "-".to_owned(),
            })
            .collect()
    }

    fn first(html: &str) -> Tag<'_> {
        match Pieces::new(html).next() {
            Some(Piece::Start(tag)) => tag,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_page_comes_in_its_pieces() {
        assert_eq!(
            shown("<p>a <b>c</b><br>&lt;</p>\n"),
            ["<p>", "a ", "<b>", "c", "</b>", "<br>", "&lt;", "</p>", "\n"]
        );
    }

    #[test]
    fn a_comment_and_a_script_are_silent() {
        assert_eq!(shown("<!-- <p> -->x<!---->"), ["-", "x", "-"]);
        assert_eq!(shown("<script>if (a</b) {}</script>y"), ["<script>", "-", "</script>", "y"]);
    }

    #[test]
    fn attributes_are_found_by_name_and_unescaped() {
        let tag = first("<a class=\"x\" href=\"a&gt;b&#39;&#92;&quot;&amp;\" id=\"\">");
        assert_eq!(tag.value("href").as_deref(), Some("a>b'\\\"&"));
        assert_eq!(tag.value("id").as_deref(), Some(""));
        assert_eq!(tag.value("title"), None);
        assert_eq!(first("<path d=\"M 1\"/>").value("d").as_deref(), Some("M 1"));
        assert_eq!(first("<br />").value("br"), None);
    }

    #[test]
    fn what_an_attribute_says_is_not_taken_for_another() {
        let html = "<a title=\" id=x\"> id=\"no\"</a>";
        assert_eq!(first(html).value("id"), None);
    }

    #[test]
    fn only_six_levels_are_headings() {
        assert_eq!(["<h1>", "<h6>", "<h7>", "<hr>"].map(|html| first(html).heading()), [Some(1), Some(6), None, None]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(html in "[<>/=\"'! a-cé-]{0,40}|(<p id=\"x\"|</p>|<script>|<!--| ){0,8}") {
            prop_assert!(Pieces::new(&html).count() <= html.len());
        }

        #[test]
        fn an_escaped_text_is_read_back(text in any::<String>()) {
            let escaped = escaped(&text);
            prop_assert_eq!(unescaped(&escaped), text);
        }
    }
}
