//! The Markdown of a runbook's texts, as HTML on one line: its raw HTML is text, images are not loaded, links lead
//! only where a reader expects.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html::push_html};

use crate::text::sanitizer::plain_lines;

/// HTML on one line for a place between two empty lines of Markdown.
pub fn html(text: &str) -> String {
    let text = plain_lines(text);
    let mut out = String::new();
    push_html(
        &mut out,
        Tame {
            events: Parser::new_ext(&text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH),
            html: String::new(),
            images: 0,
            later: None,
        },
    );
    out.trim().replace('{', "&#123;").replace('}', "&#125;").replace('\n', "&#10;")
}

/// The same in a line of other text: a single paragraph loses its tags.
pub fn within_line(text: &str) -> String {
    let html = html(text);
    match html.strip_prefix("<p>").and_then(|html| html.strip_suffix("</p>")) {
        Some(inner) if !inner.contains("<p>") => inner.to_owned(),
        Some(_) | None => html,
    }
}

/// Events with the harmful ones made text.
struct Tame<'a> {
    events: Parser<'a>,
    /// Collects an HTML block, which comes in pieces.
    html: String,
    images: usize,
    later: Option<Event<'a>>,
}

impl<'a> Iterator for Tame<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        if let Some(event) = self.later.take() {
            return Some(event);
        }
        loop {
            let event = self.events.next()?;
            return Some(match event {
                Event::Html(html) => {
                    self.html.push_str(&html);
                    continue;
                }
                Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
                Event::End(TagEnd::HtmlBlock) => {
                    self.later = Some(Event::End(TagEnd::Paragraph));
                    Event::Text(std::mem::take(&mut self.html).trim_end().to_owned().into())
                }
                Event::InlineHtml(html) => Event::Text(html),
                Event::Start(Tag::Image { dest_url, .. }) => {
                    self.images += 1;
                    Event::Text(format!("[picture {dest_url}: ").into())
                }
                Event::End(TagEnd::Image) => {
                    self.images -= 1;
                    Event::Text("]".into())
                }
                // Headings would stand in the outline of the page.
                Event::Start(Tag::Heading { .. }) => Event::Start(Tag::Strong),
                Event::End(TagEnd::Heading(_)) => {
                    self.later = Some(Event::HardBreak);
                    Event::End(TagEnd::Strong)
                }
                Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                    let dest_url = if leads_somewhere(&dest_url) { dest_url } else { CowStr::Borrowed("#") };
                    Event::Start(Tag::Link { link_type, dest_url, title, id })
                }
                other => other,
            });
        }
    }
}

/// Whether a link leads to a page, and does not run something.
pub fn leads_somewhere(url: &str) -> bool {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    let relative =
        !url.starts_with(['/', '\\']) && !url.contains(|letter: char| letter.is_control() || letter.is_whitespace());
    match scheme.as_deref() {
        Some("http" | "https" | "mailto") => true,
        Some(_) => false,
        None => relative,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_is_markdown() {
        assert_eq!(
            html("A *leaf* lasts `1 year`.\n\n- a\n- b"),
            "<p>A <em>leaf</em> lasts <code>1 year</code>.</p>&#10;<ul>&#10;<li>a</li>&#10;<li>b</li>&#10;</ul>"
        );
        assert_eq!(within_line("A *leaf*."), "A <em>leaf</em>.");
        assert_eq!(within_line("a\n\nb"), "<p>a</p>&#10;<p>b</p>");
    }

    #[test]
    fn raw_html_is_text() {
        assert_eq!(html("a <b>b</b>"), "<p>a &lt;b&gt;b&lt;/b&gt;</p>");
        assert_eq!(html("<script>\nalert(1)\n</script>"), "<p>&lt;script&gt;&#10;alert(1)&#10;&lt;/script&gt;</p>");
        assert_eq!(html("<!-- x -->"), "<p>&lt;!-- x --&gt;</p>");
    }

    #[test]
    fn directives_are_text_also_in_code() {
        assert_eq!(
            html("{{#include x}} `{{#include y}}`"),
            "<p>&#123;&#123;#include x&#125;&#125; <code>&#123;&#123;#include y&#125;&#125;</code></p>"
        );
        assert!(!html("    {{#include x}}\n\n```\n{{#include y}}\n```").contains("{{"));
    }

    #[test]
    fn a_link_runs_nothing_and_a_picture_is_not_loaded() {
        for url in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "//evil/x",
            "/etc",
            "vbscript:x",
        ] {
            assert!(html(&format!("[a]({url})")).contains("href=\"#\""), "{url}");
        }
        assert!(html("[a](java&#115;cript:alert(1))").contains("href=\"#\""));
        assert_eq!(html("[a](https://x/y)"), "<p><a href=\"https://x/y\">a</a></p>");
        assert_eq!(html("![a](http://x/y.png)"), "<p>[picture http://x/y.png: a]</p>");
    }

    #[test]
    fn a_heading_is_no_heading_of_the_page() {
        assert!(html("# Big").starts_with("<strong>Big</strong>"));
    }

    #[test]
    fn it_is_one_line_without_hidden_characters() {
        let html = html("a\n\nb\u{202e}\x1b[2J\n\n    code\n\n    more");
        assert!(!html.contains('\n') && !html.contains('\u{202e}') && !html.contains('\x1b'), "{html}");
    }
}
