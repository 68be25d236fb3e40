//! The words that several views share: cleaned texts, names of places and times.

use chrono::{DateTime, Utc};

use crate::engine::record::Mode;
use crate::engine::resolve::Resolver;
use crate::engine::run::Opened;
use crate::engine::{Key, Plan, Run};
use crate::model::Phase;
use crate::text::Zone;
use crate::text::sanitizer;
use crate::view::card::Tone;

/// A text from outside as lines without anything that could attack a terminal; empty lines at both ends go.
pub fn lines(text: &str) -> Vec<String> {
    let clean = sanitizer::plain_lines(text);
    let clean = clean.trim_end().trim_start_matches('\n');
    if clean.is_empty() { Vec::new() } else { clean.lines().map(|line| line.trim_end().to_owned()).collect() }
}

/// The same as one line.
pub fn line(text: &str) -> String {
    sanitizer::plain(text.trim())
}

/// The title of a step, with the names that are known filled in.
pub fn title(plan: &Plan, run: &Run, key: &Key) -> String {
    let item = plan.item(&key.id);
    item.map_or_else(|| key.to_string(), |item| line(&Resolver::new(plan, run, Some(key)).prose(&item.step.title)))
}

/// How a phase is headed on the map.
pub const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Diagnose => "Look",
        Phase::Repair => "Repair",
        Phase::Verify => "Prove",
        Phase::FollowUp => "Later",
    }
}

/// The mode, as loud for the real system as for a drill.
pub const fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Live => "LIVE",
        Mode::Drill => "DRILL",
        Mode::Look => "LOOK",
        Mode::Preflight => "PREFLIGHT",
    }
}

/// The machine that a run works on.
pub fn host(run: &Run) -> String {
    run.opened.as_ref().map_or_else(|| "this machine".to_owned(), |opened| line(&opened.who.host))
}

/// The machine, or in a drill the lab on it.
pub fn place(run: &Run) -> String {
    let lab = run.opened.as_ref().filter(|opened| opened.mode == Mode::Drill).and_then(|opened| opened.lab.clone());
    match (run.mode(), lab) {
        (Mode::Drill, Some(lab)) => format!("the lab {} on {}", line(&lab), host(run)),
        (Mode::Drill, None) => format!("the lab on {}", host(run)),
        (Mode::Live | Mode::Look | Mode::Preflight, _) => host(run),
    }
}

/// Whether the bytes of a run are the reviewed ones: always where a change is near, elsewhere only where they are not.
pub fn review(run: &Run, tone: Tone) -> Option<String> {
    let book = &run.opened.as_ref()?.runbook;
    let said = if tone == Tone::Change { book.review_words() } else { book.not_reviewed_words() };
    said.map(|said| line(&said))
}

/// As whom commands run.
pub fn account(opened: &Opened) -> String {
    if opened.who.euid == 0 { "root".to_owned() } else { line(&opened.who.claimed) }
}

/// Hours and minutes of a recorded time in a zone; in UTC, and saying so, where the zone is not known.
pub fn clock(at: &str, zone: &str) -> String {
    let Ok(at) = DateTime::parse_from_rfc3339(at) else { return line(at) };
    of_day(at.with_timezone(&Utc), zone)
}

/// Hours and minutes in a zone.
pub fn of_day(at: DateTime<Utc>, zone: &str) -> String {
    match zone.parse::<Zone>() {
        Ok(zone) => at.with_timezone(&zone).format("%H:%M").to_string(),
        Err(_) => at.format("%H:%M UTC").to_string(),
    }
}

/// The zone of the operator who opened the run.
pub fn zone(run: &Run) -> &str {
    run.opened.as_ref().map_or("UTC", |opened| opened.tz.as_str())
}

/// `1 step`, `3 steps`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_outside_loses_its_control_sequences_and_keeps_its_lines() {
        assert_eq!(lines("\n one\x1b[2J\n\n two\n\n"), [" one", "", " two"]);
        assert_eq!(lines("\n"), Vec::<String>::new());
        assert_eq!(line(" a\nb\u{202e} "), "a\\nb<U+202E>");
    }

    #[test]
    fn a_time_is_said_in_the_zone_of_who_reads() {
        assert_eq!(clock("2026-11-25T02:26:00.000Z", "Europe/Berlin"), "03:26");
        assert_eq!(clock("2026-11-25T02:26:00.000Z", "Mars/Base"), "02:26 UTC");
        assert_eq!(clock("yesterday", "Europe/Berlin"), "yesterday");
    }

    #[test]
    fn one_is_one_and_two_are_many() {
        assert_eq!(count(1, "step", "steps"), "1 step");
        assert_eq!(count(0, "step", "steps"), "0 steps");
    }
}
