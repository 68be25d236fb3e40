//! Pages drawn by mdBook, a few at a time.
//!
//! mdBook copies the list of all pages for each page, so that a book of a thousand costs a hundred times a book of a
//! hundred. A page needs of the others no more than where the one before and the one after it lie. So sheets of a few
//! pages are drawn, on all cores, each between two blank neighbours.

use std::path::{Path, PathBuf};

use mdbook_renderer::book::{Book, BookItem, Chapter};
use rayon::prelude::*;

use super::frame::Frame;
use super::{SiteError, read, url_of};
use crate::book::Page;

/// The most pages of a sheet: what a sheet costs by itself is shared by them.
const SHEET: usize = 32;

/// A page that was drawn.
pub struct Sheet {
    /// The number of the page among all.
    pub number: usize,
    pub html: String,
    /// Where it lies for now.
    pub file: PathBuf,
    /// The same page as the entry of the site, if it is the first.
    pub front: Option<String>,
}

/// Draws the pages with these numbers, sorted; `work` is a folder for what is written meanwhile.
pub fn draw(frame: &Frame, pages: &[&Page], wanted: &[usize], work: &Path) -> Result<Vec<Sheet>, SiteError> {
    let size = wanted.len().div_ceil(rayon::current_num_threads() * 2).clamp(1, SHEET);
    let sheets: Vec<_> = wanted.chunks(size).enumerate().collect();
    let drawn: Result<Vec<_>, _> = sheets
        .into_par_iter()
        .map(|(number, wanted)| sheet(frame, pages, wanted, &work.join(format!("sheet-{number}"))))
        .collect();
    Ok(drawn?.into_iter().flatten().collect())
}

fn sheet(frame: &Frame, pages: &[&Page], wanted: &[usize], to: &Path) -> Result<Vec<Sheet>, SiteError> {
    let mut items = Vec::new();
    for number in wanted {
        if let Some(before) = number.checked_sub(1)
            && !wanted.contains(&before)
        {
            items.push(chapter(pages[before], ""));
        }
        items.push(chapter(pages[*number], &pages[*number].markdown));
        if let Some(after) = pages.get(number + 1)
            && !wanted.contains(&(number + 1))
        {
            items.push(chapter(after, ""));
        }
    }
    frame.draw(Book::new_with_items(items), to)?;
    let taken = |number: &usize| {
        let file = to.join(url_of(&pages[*number].path));
        let front = if *number == 0 { Some(read(&to.join("index.html"))?) } else { None };
        Ok(Sheet { number: *number, html: read(&file)?, file, front })
    };
    wanted.iter().map(taken).collect()
}

fn chapter(page: &Page, markdown: &str) -> BookItem {
    BookItem::Chapter(Chapter::new(&page.title, markdown.to_owned(), &page.path, Vec::new()))
}

/// A page as what stands before its text, the text, and what stands after it.
pub fn split(html: &str) -> Option<(&str, &str, &str)> {
    const INDENT: &str = "                    ";
    let begin = html.find("<main>\n")? + "<main>\n".len() + INDENT.len() + 4;
    let end = html.rfind("</main>")?.checked_sub(INDENT.len() + 1)?;
    Some((html.get(..begin)?, html.get(begin..end)?, html.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(count: usize) -> Vec<Page> {
        let page = |number: usize| Page {
            path: format!("x/{number}.md"),
            title: format!("Page {number}"),
            markdown: format!("# Page {number}\n"),
        };
        (0..count).map(page).collect()
    }

    fn drawn(count: usize, wanted: &[usize]) -> Vec<Sheet> {
        let work = tempfile::tempdir().expect("a folder");
        let site = work.path().join("site");
        let frame = Frame::new("A book", work.path(), &site).expect("a frame");
        let pages = pages(count);
        draw(&frame, &pages.iter().collect::<Vec<_>>(), wanted, work.path()).expect("drawn")
    }

    #[test]
    fn a_page_alone_is_drawn_as_among_all() {
        let all = drawn(7, &[0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(all.iter().map(|sheet| sheet.number).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
        for wanted in [&[0][..], &[3], &[6], &[1, 2, 5], &[2, 4, 6]] {
            for sheet in drawn(7, wanted) {
                assert_eq!(sheet.html, all[sheet.number].html, "{} of {wanted:?}", sheet.number);
                assert_eq!(sheet.front, all[sheet.number].front);
            }
        }
    }

    #[test]
    fn neighbours_are_led_to() {
        let html = &drawn(3, &[1])[0].html;
        assert!(html.contains("href=\"../x/0.html\"") && html.contains("href=\"../x/2.html\""), "{html}");
    }

    #[test]
    fn the_text_of_a_page_is_found_again() {
        let sheet = drawn(1, &[0]).pop().expect("a page");
        let (before, text, after) = split(&sheet.html).expect("a page");
        assert_eq!(text, "<h1 id=\"page-0\"><a class=\"header\" href=\"#page-0\">Page 0</a></h1>\n");
        assert_eq!(format!("{before}{text}{after}"), sheet.html);
        assert_eq!(split("<main>"), None);
    }
}
