//! Between the lines above and below: the map and the card, or what lies over them.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style, Stylize as _};
use ratatui::text::{Line, Span};

use super::card_text::card_text;
use super::{Areas, Scene, palette, put};
use crate::text::width::{columns, pad, shorten, wrap};
use crate::tui::model::Overlay;
use crate::tui::output::Pane;
use crate::view::{MapLine, Mark, StepLine, words};

pub(super) fn draw(frame: &mut Frame, scene: &Scene, areas: &Areas) {
    let whole = Rect::new(0, areas.card.y, scene.model.width, areas.card.height + areas.live.height);
    let wide = areas.map.width > 0;
    if wide {
        borders(frame, areas, scene.model.overlay != Overlay::Output && scene.model.overlay != Overlay::Help);
    }
    match (scene.model.overlay, scene.output) {
        (Overlay::Output, Some(pane)) => return output(frame, pane, whole),
        (Overlay::Help, _) => {
            return scrolled(frame, &help(scene, usize::from(whole.width)), scene.model.overlay_scroll, whole);
        }
        (Overlay::Map, _) if !wide => return map(frame, scene, whole),
        (Overlay::Interrupt, _) => over(frame, &interrupt(scene), areas.card),
        (Overlay::Leave, _) => over(frame, &leave(scene), areas.card),
        (Overlay::None | Overlay::WayBack | Overlay::Output | Overlay::Map, _) => card(frame, scene, areas.card),
    }
    if wide {
        map(frame, scene, areas.map);
    }
    if let (Some(pane), true) = (scene.output, areas.live.height > 0) {
        output(frame, pane, areas.live);
    }
}

/// A line above and one below, and one between map and card.
fn borders(frame: &mut Frame, areas: &Areas, divided: bool) {
    let width = usize::from(areas.top.width);
    let at = usize::from(areas.map.width);
    let line = |joint: &str| {
        if divided && at < width {
            format!("{}{joint}{}", "─".repeat(at), "─".repeat(width - at - 1))
        } else {
            "─".repeat(width)
        }
    };
    let (above, below) = (areas.top.bottom(), areas.foot.y.saturating_sub(1));
    put(frame, &[Line::raw(line("┬"))], Rect::new(0, above, areas.top.width, 1));
    put(frame, &[Line::raw(line("┴"))], Rect::new(0, below, areas.top.width, 1));
    if divided {
        let bars: Vec<_> = (above + 1..below).map(|_| Line::raw("│")).collect();
        put(frame, &bars, Rect::new(areas.map.width, above + 1, 1, below - above - 1));
    }
}

fn card(frame: &mut Frame, scene: &Scene, area: Rect) {
    let text = card_text(scene.card, usize::from(area.width));
    let shown = &scene.model.shown;
    let from = shown.scroll.min(text.lines.len());
    put(frame, &text.lines[from..], area);
}

fn map(frame: &mut Frame, scene: &Scene, area: Rect) {
    // A column stays free before the border.
    let width = usize::from(area.width.saturating_sub(1));
    let (mut lines, mut focus) = (Vec::new(), 0);
    for line in scene.map {
        if let MapLine::Step(step) = line
            && (scene.model.reading.as_ref() == Some(&step.key) || scene.model.reading.is_none() && step.here)
        {
            focus = lines.len();
        }
        lines.extend(map_line(scene, line, width));
    }
    let height = usize::from(area.height);
    let from = focus.saturating_sub(height / 2).min(lines.len().saturating_sub(height));
    let from = if scene.model.overlay == Overlay::Map {
        (from + scene.model.overlay_scroll).min(lines.len().saturating_sub(height))
    } else {
        from
    };
    put(frame, &lines[from..], area);
}

fn map_line(scene: &Scene, line: &MapLine, width: usize) -> Vec<Line<'static>> {
    match line {
        MapLine::GetIn => vec![Line::from("  Get in".bold())],
        MapLine::Access { place, mark, note } => access_lines((place, *mark, note.as_deref()), width),
        MapLine::Phase(phase) => vec![Line::from(format!("  {}", words::phase(*phase)).bold())],
        MapLine::Group { depth, title, .. } => {
            let indent = " ".repeat(3 + depth * 2);
            vec![Line::raw(shorten(&format!("{indent}{title}"), width))]
        }
        MapLine::Step(step) => step_lines(scene, step, width),
    }
}

/// A place that was tried; what does not hold there on a line of its own.
fn access_lines((place, mark, note): (&str, Mark, Option<&str>), width: usize) -> Vec<Line<'static>> {
    let text = shorten(place, width.saturating_sub(9));
    let first =
        Line::from(vec![Span::raw("  "), Span::styled(pad(mark.text(), 6), palette::mark(mark)), Span::raw(text)]);
    let note = note.map(|note| Line::styled(shorten(&format!("        {note}"), width), palette::mark(mark)));
    std::iter::once(first).chain(note).collect()
}

/// The mark, the title, the star of an unsafe stretch; what was found on a line of its own.
fn step_lines(scene: &Scene, step: &StepLine, width: usize) -> Vec<Line<'static>> {
    let read = scene.model.reading.as_ref() == Some(&step.key);
    let lead = if read { "»" } else { " " };
    let indent = " ".repeat(1 + step.depth * 2);
    let star = if step.unsafe_here { "*" } else { "" };
    let mark = pad(step.mark.text(), 6);
    let taken = 1 + columns(&indent) + columns(&mark) + columns(star) + 1;
    let title = shorten(&step.title, width.saturating_sub(taken));
    let style = if read { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
    let mut lines = vec![Line::from(vec![
        Span::raw(format!("{lead}{indent}")),
        Span::styled(mark, palette::mark(step.mark)),
        Span::styled(format!("{title}{star}"), style),
    ])];
    let telling = matches!(step.mark, Mark::Fault | Mark::CannotTell | Mark::Failed | Mark::Broke | Mark::Unknown);
    if let Some(note) = step.note.as_ref().filter(|_| telling) {
        let text = format!(" {indent}      {note}");
        lines.push(Line::styled(shorten(&text, width), palette::mark(step.mark)));
    }
    if let Some(outside) = &step.outside {
        lines.push(Line::raw(shorten(&format!(" {indent}      {outside}"), width)));
    }
    lines
}

fn output(frame: &mut Frame, pane: &Pane, area: Rect) {
    let heading = Line::from(format!(" Output: {} ", pane.heading()).add_modifier(Modifier::REVERSED));
    put(frame, &[heading], Rect { height: area.height.min(1), ..area });
    let rest = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    put(frame, &pane.visible(usize::from(rest.width), usize::from(rest.height)), rest);
}

fn help(scene: &Scene, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (heading, texts) in &scene.help.sections {
        lines.push(Line::from(format!(" {heading}").bold()));
        for text in texts {
            lines.extend(
                wrap(text, width.saturating_sub(4).max(1)).into_iter().map(|line| Line::raw(format!("   {line}"))),
            );
        }
        lines.push(Line::default());
    }
    lines
}

fn interrupt(scene: &Scene) -> Vec<String> {
    let busy = scene.busy.clone().unwrap_or_else(|| "It has ended.".to_owned());
    vec![
        "Ctrl-C ENDS NOTHING.".to_owned(),
        String::new(),
        busy,
        String::new(),
        "It goes on, whatever you do with this screen.".to_owned(),
    ]
}

fn leave(scene: &Scene) -> Vec<String> {
    let (busy, kept) = match &scene.busy {
        Some(busy) => (Some(busy.clone()), "It goes on without this screen, and the run is kept."),
        None => (None, "Nothing runs, and the run is kept as it stands."),
    };
    let back = format!("Come back with: locum resume {}", scene.footer.run);
    let lines = [Some("LEAVE?".to_owned()), scene.footer.walk.warning(), busy, Some(kept.to_owned()), Some(back)];
    lines.into_iter().flatten().collect()
}

fn over(frame: &mut Frame, texts: &[String], area: Rect) {
    let lines: Vec<_> =
        texts.iter().flat_map(|text| wrap(text, usize::from(area.width).max(1))).map(Line::raw).collect();
    put(frame, &lines, area);
}

fn scrolled(frame: &mut Frame, lines: &[Line], from: usize, area: Rect) {
    let from = from.min(lines.len().saturating_sub(usize::from(area.height)));
    put(frame, &lines[from..], area);
}
