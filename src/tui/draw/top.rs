//! The lines above: how real it is, where, what, which run, how far, and whether one may walk away.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Stylize as _;
use ratatui::text::{Line, Span};

use super::{Scene, palette, put};
use crate::text::width::{columns, shorten};
use crate::view::Walk;
use crate::view::{Footer, words};

pub(super) fn draw(frame: &mut Frame, scene: &Scene, area: Rect) {
    let width = usize::from(area.width);
    let footer = scene.footer;
    let lines =
        if area.height < 2 { vec![narrow(footer, width)] } else { vec![what(footer, width), how_far(footer, width)] };
    put(frame, &lines, area);
}

fn badge(footer: &Footer) -> Span<'static> {
    Span::styled(format!(" {} {} ", words::mode(footer.mode), footer.place), palette::mode(footer.mode))
}

fn narrow(footer: &Footer, width: usize) -> Line<'static> {
    let badge = badge(footer);
    let walk = match footer.walk {
        Walk::Yes | Walk::Until(_) => "you may walk away",
        Walk::No(_) => "STAY HERE",
    };
    let room = width.saturating_sub(badge.width() + 1);
    let both = format!("{}, {walk}", footer.step);
    let text = if columns(&both) <= room { both } else { shorten(walk, room) };
    Line::from(vec![badge, Span::raw(" "), Span::raw(text)])
}

fn what(footer: &Footer, width: usize) -> Line<'static> {
    let badge = badge(footer);
    let mut tail = format!("run {}   you have control", footer.run);
    if badge.width() + 8 + columns(&footer.clocks) + columns(&tail) + 20 > width {
        tail = format!("run {}", footer.run);
    }
    // Where not all clocks have room, the reader's own is the last to go.
    let mut people = footer.clocks.as_str();
    while let (true, Some((fewer, _))) =
        (badge.width() + 8 + columns(people) + columns(&tail) > width, people.rsplit_once(" | "))
    {
        people = fewer;
    }
    let clocks = format!(" {people} ");
    let used = badge.width() + 6 + columns(&clocks);
    let room = width.saturating_sub(used + columns(&tail) + 3);
    let title = shorten(&footer.title, room);
    let gap = width.saturating_sub(badge.width() + 3 + columns(&title) + 3 + columns(&tail) + columns(&clocks));
    Line::from(vec![
        badge,
        Span::raw("   "),
        title.bold(),
        Span::raw("   "),
        Span::raw(tail),
        Span::raw(" ".repeat(gap)),
        Span::raw(clocks),
    ])
}

fn how_far(footer: &Footer, width: usize) -> Line<'static> {
    let left = footer.left.as_ref().map_or_else(String::new, |left| format!("   {left}"));
    let walk = footer.walk.text();
    let question = "   Can I walk away now?  ";
    let all = columns(&footer.step) + columns(&left) + columns(question) + columns(&walk) + 1;
    // How long it takes is the first that makes room.
    let left = if all <= width { left } else { String::new() };
    let step = format!(" {}{left}{question}", footer.step);
    let room = width.saturating_sub(columns(&step));
    Line::from(vec![Span::raw(step), shorten(&walk, room).bold()])
}
