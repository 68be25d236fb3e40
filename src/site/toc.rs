//! The list of all pages, as mdBook draws it in the sidebar: parts and the pages in them, one level deep.

use super::markup::escaped;
use super::{Part, url_of};

/// Where a click on a page opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opens {
    Here,
    /// Around the frame that the list stands in.
    Around,
}

/// The list.
pub fn toc(parts: &[Part], opens: Opens) -> String {
    let target = match opens {
        Opens::Here => "",
        Opens::Around => " target=\"_parent\"",
    };
    let mut items = Vec::new();
    for part in parts.iter().filter(|part| !part.pages.is_empty()) {
        if !part.title.is_empty() {
            items.push(format!("<li class=\"part-title\">{}</li>", escaped(&part.title)));
        }
        items.extend(part.pages.iter().map(|page| {
            let (url, title) = (url_of(&page.path), escaped(&page.title));
            format!("<span class=\"chapter-link-wrapper\"><a href=\"{url}\"{target}>{title}</a></span>")
        }));
    }
    let items: Vec<_> =
        items.into_iter().map(|item| format!("<li class=\"chapter-item expanded \">{item}</li>")).collect();
    format!("<ol class=\"chapter\">{}</ol>", items.concat())
}

/// A text with its list of pages exchanged for another; nothing if it has none.
pub fn exchanged(text: &str, toc: &str) -> Option<String> {
    let (before, rest) = text.split_once("<ol class=\"chapter\">")?;
    let (_, after) = rest.split_once("</ol>")?;
    Some(format!("{before}{toc}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Page;

    fn parts() -> Vec<Part> {
        let page =
            |path: &str, title: &str| Page { path: path.to_owned(), title: title.to_owned(), markdown: String::new() };
        vec![
            Part { title: String::new(), pages: vec![page("a.md", "A & B")] },
            Part { title: "None".to_owned(), pages: Vec::new() },
            Part { title: "It's".to_owned(), pages: vec![page("x/b.md", "B")] },
        ]
    }

    #[test]
    fn parts_and_pages_are_listed_in_their_order() {
        assert_eq!(
            toc(&parts(), Opens::Around),
            "<ol class=\"chapter\">\
             <li class=\"chapter-item expanded \"><span class=\"chapter-link-wrapper\"><a href=\"a.html\" target=\"_parent\">A &amp; B</a></span></li>\
             <li class=\"chapter-item expanded \"><li class=\"part-title\">It&#39;s</li></li>\
             <li class=\"chapter-item expanded \"><span class=\"chapter-link-wrapper\"><a href=\"x/b.html\" target=\"_parent\">B</a></span></li>\
             </ol>"
        );
        assert!(!toc(&parts(), Opens::Here).contains("target"));
    }

    #[test]
    fn a_list_takes_the_place_of_another() {
        assert_eq!(exchanged("a<ol class=\"chapter\">x</ol>b", "-").as_deref(), Some("a-b"));
        assert_eq!(exchanged("a", "-"), None);
    }
}
