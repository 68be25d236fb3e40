//! From a scene to cells. Functions of what they are given: nothing is decided here, nothing remembered.

mod body;
mod card_text;
mod foot;
mod palette;
mod top;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Widget as _;

pub use card_text::{CardText, card_text};

use super::model::Model;
use super::output::Pane;
use crate::view::{Card, Footer, Help, MapLine};

/// Everything that is drawn.
pub struct Scene<'a> {
    pub model: &'a Model,
    pub card: &'a Card,
    pub map: &'a [MapLine],
    pub footer: &'a Footer,
    pub help: &'a Help,
    /// The output that was opened, or that grows while something runs.
    pub output: Option<&'a Pane>,
    /// What runs just now, in words.
    pub busy: Option<String>,
}

/// Where everything stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Areas {
    pub top: Rect,
    /// Empty on a narrow screen.
    pub map: Rect,
    pub card: Rect,
    /// Output that grows, below the card; empty where there is no room or nothing runs.
    pub live: Rect,
    pub foot: Rect,
}

/// Rows of the foot at least, on a wide and on a narrow screen.
const FOOT: (u16, u16) = (4, 2);

/// Where everything stands on a screen, with so many lines below.
pub fn areas(scene: &Scene) -> Areas {
    let (width, height) = (scene.model.width, scene.model.height);
    let wide = scene.model.is_wide();
    let (head, border, least) = if wide { (2, 1, FOOT.0) } else { (1, 0, FOOT.1) };
    let wanted = u16::try_from(foot::lines(scene, usize::from(width)).len()).unwrap_or(u16::MAX);
    let foot = wanted.max(least).min((height / 2).max(1));
    let body = height.saturating_sub(head + 2 * border + foot);
    let y = head + border;
    let map = if wide { (width * 3 / 10).clamp(26, 46) } else { 0 };
    let left = if wide { map + 2 } else { 0 };
    let live = if wide && scene.busy.is_some() && scene.output.is_some() && body >= 12 { body / 3 } else { 0 };
    let card = Rect::new(left, y, width.saturating_sub(left), body - live);
    Areas {
        top: Rect::new(0, 0, width, head),
        map: Rect::new(0, y, map, body),
        card,
        live: Rect::new(left, y + body - live, card.width, live),
        foot: Rect::new(0, y + body + border, width, foot),
    }
}

/// Draws a scene.
pub fn draw(frame: &mut Frame, scene: &Scene) {
    let areas = areas(scene);
    top::draw(frame, scene, areas.top);
    body::draw(frame, scene, &areas);
    let lines = foot::lines(scene, usize::from(areas.foot.width));
    put(frame, &lines, areas.foot);
}

/// Lines into an area, from its top, as many as fit.
fn put(frame: &mut Frame, lines: &[Line], area: Rect) {
    let area = area.intersection(frame.area());
    for (line, y) in lines.iter().zip(area.y..area.bottom()) {
        line.render(Rect::new(area.x, y, area.width, 1), frame.buffer_mut());
    }
}
