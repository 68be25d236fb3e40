//! The run screen, with the clocks of the people it concerns.

use super::outcome::CliError;
use crate::book::People;
use crate::engine::Exit;
use crate::host::Clock;
use crate::plain::Left;
use crate::session::{Control, Session};
use crate::text::Zone;
use crate::tui::{self, ScreenPlace, TuiError, run_screen};
use crate::view::{First, PersonClock};

/// Shows a run until it is left.
pub fn show(session: &mut Session, first: First) -> Result<Left, CliError> {
    let now = || Clock.now();
    let place = ScreenPlace { people: people(session), clock: &now, report_hint: String::new(), first };
    Ok(match run_screen(session, &place)? {
        tui::Left::Closed(close) => Left::Closed(close),
        tui::Left::Kept | tui::Left::FrozenKept | tui::Left::StoppedKept(_) | tui::Left::Signal(_) => Left::Kept,
    })
}

/// Who reads the screen, then who answers for the runbook.
fn people(session: &Session) -> Vec<PersonClock> {
    let clock = |name: &str, zone: Zone| PersonClock { name: name.to_owned(), zone: zone.to_string() };
    let Some(opened) = &session.run().opened else { return Vec::new() };
    let mut clocks = vec![clock("yours", crate::host::actor::zone().parse().unwrap_or(Zone::UTC))];
    let known = session.people().and_then(|text| People::from_yaml(&text).ok()).unwrap_or_default();
    for name in session.plan().runbook.people() {
        if let (false, Some(zone)) = (name == opened.who.claimed, known.get(name).and_then(|person| person.zone)) {
            clocks.push(clock(name, zone));
        }
    }
    clocks
}

impl From<TuiError> for CliError {
    fn from(error: TuiError) -> Self {
        Self { exit: Exit::Environment, error: error.into() }
    }
}
