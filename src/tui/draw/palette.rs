//! Colours; none of them is the only sign of anything.

use ratatui::style::{Color, Modifier, Style};

use crate::engine::record::Mode;
use crate::view::Mark;
use crate::view::card::Tone;

/// The mode: loud, each of them.
pub fn mode(mode: Mode) -> Style {
    let colour = match mode {
        Mode::Live => Color::Red,
        Mode::Drill => Color::Cyan,
        Mode::Look | Mode::Preflight => Color::Green,
    };
    Style::new().fg(colour).add_modifier(Modifier::BOLD | Modifier::REVERSED)
}

/// The headline of a card.
pub fn tone(tone: Tone) -> Style {
    Style::new().fg(match tone {
        Tone::Look | Tone::End => Color::Green,
        Tone::Change => Color::Yellow,
        Tone::Person => Color::Cyan,
        Tone::Stop | Tone::Frozen => Color::Red,
    })
}

/// A mark on the map.
pub fn mark(mark: Mark) -> Style {
    match mark {
        Mark::Now | Mark::Running => Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD),
        Mark::Ok => Style::new().fg(Color::Green),
        Mark::Fault | Mark::Failed | Mark::Broke | Mark::Unknown => {
            Style::new().fg(Color::Red).add_modifier(Modifier::BOLD)
        }
        Mark::CannotTell => Style::new().fg(Color::Magenta),
        Mark::Then => Style::new(),
        Mark::Skipped | Mark::NotTaken => Style::new().add_modifier(Modifier::DIM),
    }
}

/// A line that differs from its sample.
pub fn differs() -> Style {
    Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD)
}
