//! The output of an attempt while it grows: followed, scrolled and searched through millions of lines, of which only
//! the visible ones are ever in memory.

use std::io;
use std::path::PathBuf;

use ansi_to_tui::IntoText as _;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use super::keys::Move;
use crate::engine::AttemptId;
use crate::exec::{Growth, LineIndex};
use crate::text::{Colours, Sanitizer, width};

/// How much is read of a file between two frames, in bytes.
const BUDGET: u64 = 8 << 20;

/// How many lines are searched between two frames.
const SEARCHED: u64 = 20_000;

/// Which way is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Forward,
    Back,
}

/// A search under way.
struct Seek {
    direction: Direction,
    /// The next line to look at.
    at: u64,
    /// How many are still to be looked at.
    left: u64,
}

/// The output of one attempt.
pub struct Pane {
    attempt: AttemptId,
    index: LineIndex,
    /// The first line that is shown, where the end is not followed.
    top: u64,
    follow: bool,
    wanted: String,
    hit: Option<u64>,
    seek: Option<Seek>,
    said: Option<String>,
}

impl Pane {
    /// The output of an attempt, its end followed.
    pub fn new(attempt: AttemptId, path: PathBuf) -> Self {
        let index = LineIndex::new(path);
        Self { attempt, index, top: 0, follow: true, wanted: String::new(), hit: None, seek: None, said: None }
    }

    pub fn attempt(&self) -> &AttemptId {
        &self.attempt
    }

    /// Takes in what has come, and searches on; says whether there is more to show.
    pub fn tick(&mut self) -> bool {
        let sought = self.seek_on();
        match self.index.refresh(BUDGET) {
            Ok(Growth::Same) => sought,
            Ok(Growth::Grown | Growth::Behind) => true,
            Ok(Growth::Restarted) => {
                (self.top, self.hit, self.seek) = (0, None, None);
                true
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Whether [`Pane::tick`] has work that does not wait for output.
    pub fn is_seeking(&self) -> bool {
        self.seek.is_some()
    }

    /// Scrolls; at its end the output is followed again.
    pub fn scroll(&mut self, what: Move, page: usize) {
        let (page, lines) = (page as u64, self.index.lines());
        let end = lines.saturating_sub(page);
        let top = if self.follow { end } else { self.top };
        self.top = match what {
            Move::Up => top.saturating_sub(1),
            Move::Down => top + 1,
            Move::PageUp => top.saturating_sub(page),
            Move::PageDown => top + page,
            Move::Start => 0,
            Move::End => end,
            _ => top,
        }
        .min(end);
        self.follow = self.top == end && matches!(what, Move::Down | Move::PageDown | Move::End);
    }

    /// Searches for a text, upper and lower case alike, from here on; nothing ends the search.
    pub fn search(&mut self, text: &str) {
        self.wanted = text.to_lowercase();
        self.hit = None;
        self.seek(Direction::Forward);
    }

    /// On to the next place, around the end.
    pub fn seek(&mut self, direction: Direction) {
        let lines = self.index.lines();
        if self.wanted.is_empty() || lines == 0 {
            return;
        }
        let from = self.hit.unwrap_or(if self.follow { 0 } else { self.top });
        let at = match (direction, self.hit) {
            (Direction::Forward, Some(_)) => (from + 1) % lines,
            (Direction::Forward, None) => from % lines,
            (Direction::Back, _) => from.checked_sub(1).unwrap_or(lines - 1),
        };
        self.said = None;
        self.seek = Some(Seek { direction, at, left: lines });
    }

    fn seek_on(&mut self) -> bool {
        let Some(Seek { direction, at, left }) = self.seek.take() else { return false };
        let lines = self.index.lines();
        let count = match direction {
            Direction::Forward => SEARCHED.min(lines.saturating_sub(at)),
            Direction::Back => SEARCHED.min(at + 1),
        }
        .min(left);
        let first = if direction == Direction::Forward { at } else { (at + 1).saturating_sub(count) };
        let window = match self.index.window(first, usize::try_from(count).unwrap_or(usize::MAX)) {
            Ok(window) => window,
            Err(error) => return self.fail(&error),
        };
        let fits = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_lowercase().contains(&self.wanted);
        let mut found = window.iter().filter(|line| fits(&line.bytes)).map(|line| line.number);
        let hit = if direction == Direction::Forward { found.next() } else { found.next_back() };
        if let Some(hit) = hit {
            (self.hit, self.follow) = (Some(hit), false);
            self.top = hit.saturating_sub(2);
            return true;
        }
        let left = left - count;
        if left == 0 || count == 0 {
            self.said = Some(format!("`{}` is not in the output", self.wanted));
            return true;
        }
        let at = match direction {
            Direction::Forward => (at + count) % lines,
            Direction::Back => first.checked_sub(1).unwrap_or(lines - 1),
        };
        self.seek = Some(Seek { direction, at, left });
        true
    }

    fn fail(&mut self, error: &io::Error) -> bool {
        let said = format!("the output cannot be read: {error}");
        let new = self.said.as_ref() != Some(&said);
        self.said = Some(said);
        new
    }

    /// The line above the output: how much there is, where one is.
    pub fn heading(&self) -> String {
        let lines = self.index.lines();
        let place = if self.follow { "following".to_owned() } else { format!("from line {}", self.top + 1) };
        let seeking = if self.seek.is_some() { ", searching" } else { "" };
        let said = self.said.as_ref().map_or_else(String::new, |said| format!("; {said}"));
        format!("{lines} lines, {place}{seeking}{said}")
    }

    /// What is visible, wrapped to `columns`, clean and in its own colours; a line that was searched for is marked.
    pub fn visible(&self, columns: usize, rows: usize) -> Vec<Line<'static>> {
        let lines = self.index.lines();
        let first = if self.follow { lines.saturating_sub(rows as u64) } else { self.top };
        let window = match self.index.window(first, rows) {
            Ok(window) => window,
            Err(error) => return vec![Line::raw(format!("the output cannot be read: {error}"))],
        };
        let mut visible = Vec::new();
        for line in &window {
            let mark = if self.hit == Some(line.number) { "> " } else { "  " };
            for part in clean(&line.bytes, line.cut) {
                visible.extend(wrapped(part, columns.saturating_sub(2)).into_iter().map(|part| marked(mark, part)));
            }
            if !self.follow && visible.len() >= rows {
                break;
            }
        }
        let from = if self.follow { visible.len().saturating_sub(rows) } else { 0 };
        visible.drain(..from);
        visible.truncate(rows);
        visible
    }
}

fn marked(mark: &'static str, mut line: Line<'static>) -> Line<'static> {
    line.spans.insert(0, Span::raw(mark));
    line
}

/// One captured line through the gate, with its colours; a carriage return inside makes more lines of it.
fn clean(bytes: &[u8], cut: bool) -> Vec<Line<'static>> {
    let mut sanitizer = Sanitizer::new(Colours::Keep);
    let mut text = String::new();
    sanitizer.push(bytes, &mut text);
    sanitizer.finish(&mut text);
    if cut {
        text.push_str(" [the line goes on]");
    }
    text.split('\n').map(|line| coloured(&width::expand_tabs(line))).collect()
}

fn coloured(text: &str) -> Line<'static> {
    match text.into_text() {
        Ok(text) => Line::from(text.lines.into_iter().flat_map(|line| line.spans).collect::<Vec<_>>()),
        Err(_) => Line::raw(crate::text::plain(text)),
    }
}

/// A line in colours as lines of at most so many columns, nothing lost.
fn wrapped(line: Line<'static>, columns: usize) -> Vec<Line<'static>> {
    let columns = columns.max(1);
    let (mut lines, mut spans, mut taken) = (Vec::new(), Vec::new(), 0);
    for span in line.spans {
        let mut part = String::new();
        for cluster in span.content.graphemes(true) {
            if taken + cluster.width() > columns && taken > 0 {
                spans.push(Span::styled(std::mem::take(&mut part), span.style));
                lines.push(Line::from(std::mem::take(&mut spans)));
                taken = 0;
            }
            part.push_str(cluster);
            taken += cluster.width();
        }
        spans.push(Span::styled(part, span.style));
    }
    lines.push(Line::from(spans));
    lines
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use ratatui::style::Color;

    use super::*;

    struct Captured {
        _folder: tempfile::TempDir,
        file: std::fs::File,
        pane: Pane,
    }

    fn captured(text: &str) -> Captured {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.out");
        let mut file = std::fs::File::create(&path).expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        let mut pane = Pane::new(AttemptId("1-2-abcd".into()), path);
        pane.tick();
        Captured { _folder: folder, file, pane }
    }

    fn text(pane: &Pane, columns: usize, rows: usize) -> Vec<String> {
        pane.visible(columns, rows).iter().map(ToString::to_string).collect()
    }

    fn numbered(count: u32) -> String {
        (1..=count).fold(String::new(), |text, number| text + &format!("line {number}\n"))
    }

    fn until_found(pane: &mut Pane) {
        while pane.is_seeking() {
            pane.tick();
        }
    }

    #[test]
    fn the_end_is_followed_while_it_grows() {
        let mut captured = captured(&numbered(100));
        assert_eq!(text(&captured.pane, 20, 2), ["  line 99", "  line 100"]);
        captured.file.write_all(b"more\n").expect("written");
        assert!(captured.pane.tick());
        assert_eq!(text(&captured.pane, 20, 2), ["  line 100", "  more"]);
        assert!(!captured.pane.tick());
    }

    #[test]
    fn who_scrolls_up_stays_there_until_the_end() {
        let mut captured = captured(&numbered(100));
        captured.pane.scroll(Move::PageUp, 10);
        assert_eq!(text(&captured.pane, 20, 1), ["  line 81"]);
        captured.file.write_all(b"more\n").expect("written");
        captured.pane.tick();
        assert_eq!(text(&captured.pane, 20, 1), ["  line 81"]);
        captured.pane.scroll(Move::End, 10);
        assert_eq!(text(&captured.pane, 20, 1), ["  more"]);
        captured.pane.scroll(Move::Start, 10);
        assert_eq!(text(&captured.pane, 20, 1), ["  line 1"]);
    }

    #[test]
    fn a_search_goes_on_behind_the_last_place_and_around_the_end() {
        let mut captured = captured(&numbered(50_000));
        let top = |pane: &Pane| text(pane, 30, 3).into_iter().find(|line| line.starts_with('>'));
        captured.pane.search("LINE 777");
        until_found(&mut captured.pane);
        assert_eq!(top(&captured.pane).as_deref(), Some("> line 777"));
        captured.pane.seek(Direction::Forward);
        until_found(&mut captured.pane);
        assert_eq!(top(&captured.pane).as_deref(), Some("> line 7770"));
        captured.pane.seek(Direction::Back);
        captured.pane.tick();
        captured.pane.seek(Direction::Back);
        until_found(&mut captured.pane);
        assert_eq!(top(&captured.pane).as_deref(), Some("> line 7779"), "around the start");
    }

    #[test]
    fn what_is_not_there_is_said() {
        let mut captured = captured(&numbered(30_000));
        captured.pane.search("nowhere");
        until_found(&mut captured.pane);
        assert!(captured.pane.heading().contains("`nowhere` is not in the output"), "{}", captured.pane.heading());
    }

    #[test]
    fn colours_stay_and_nothing_else_does() {
        let captured = captured("\x1b[31mred\x1b[0m \x1b]0;owned\x07\x1b[2Jx\u{202e}\n");
        let lines = captured.pane.visible(40, 1);
        assert_eq!(lines[0].to_string(), "  red x<U+202E>");
        assert_eq!(lines[0].spans[1].style.fg, Some(Color::Red));
    }

    #[test]
    fn a_long_line_is_wrapped_and_loses_nothing() {
        let captured = captured("abcdefghij鍵\n");
        assert_eq!(text(&captured.pane, 7, 4), ["  abcde", "  fghij", "  鍵"]);
    }

    #[test]
    fn a_progress_bar_becomes_lines() {
        let captured = captured("10 %\r50 %\rdone\n");
        assert_eq!(text(&captured.pane, 20, 5), ["  10 %", "  50 %", "  done"]);
    }

    #[test]
    fn output_that_is_not_there_yet_is_no_error() {
        let mut pane = Pane::new(AttemptId("1-2-abcd".into()), PathBuf::from("/nonexistent/a.out"));
        assert!(!pane.tick());
        assert!(pane.visible(20, 5).is_empty());
        assert_eq!(pane.heading(), "0 lines, following");
    }
}
