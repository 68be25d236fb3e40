//! The screen: a view of a run with keys. It draws values of `view`, asks the run for one act at a time, and remembers
//! nothing that matters: whatever ends it, the run is kept.
//!
//! ```text
//! keys, paste -> update -> act -> session::Control       model (what is read, typed, scrolled)
//! run, model  -> scene (view's values) -> draw -> cells
//! ```

mod act;
pub mod draw;
mod keys;
mod model;
mod output;
mod scene;
mod terminal;
mod update;

#[cfg(test)]
mod conversation;
#[cfg(test)]
mod screens;
#[cfg(test)]
mod talk;

use std::io;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use crossterm::event::Event;
use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType};

use crate::engine::position::StopReason;
use crate::engine::record::Close;
use crate::engine::{AttemptId, Position, Run};
use crate::session::{Busy, Control, Edited, HandedBack, Notice, Trouble, hand_over, run_on_terminal};
use crate::view::where_was_i::where_was_i;
use crate::view::{First, PersonClock, outcome, words};
use model::{Millis, Model, Overlay};
use output::Pane;
use scene::{Surroundings, Views};
pub use terminal::Borrowed;
use terminal::{Input, Keyboard, Signals};
use update::{Flow, Hands};

/// What the screen is given.
pub struct ScreenPlace<'a> {
    /// People with their zones; who reads the screen first.
    pub people: Vec<PersonClock>,
    /// The time of day.
    pub clock: &'a dyn Fn() -> DateTime<Utc>,
    /// How the report is read; empty for `locum report RUN`.
    pub report_hint: String,
    /// The card that is shown first.
    pub first: First,
}

/// How the screen was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The run is closed.
    Closed(Close),
    /// The run is kept, where it stands or while a step runs.
    Kept,
    /// A guard is broken; the run is kept.
    FrozenKept,
    /// The run stands still; it is kept.
    StoppedKept(StopReason),
    /// A signal came, or the input ended (0); the run is kept.
    Signal(i32),
}

/// Why there is no screen.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    #[error("cannot take the terminal; `--plain` needs none")]
    Terminal(#[source] io::Error),
    #[error("cannot catch signals")]
    Signals(#[source] io::Error),
    #[error("cannot draw on the terminal")]
    Draw(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Shows a run until it is left.
pub fn run_screen(control: &mut dyn Control, place: &ScreenPlace) -> Result<Left, TuiError> {
    let signals = Signals::catch().map_err(TuiError::Signals)?;
    let mut borrowed = Borrowed::take().map_err(TuiError::Terminal)?;
    let started = Instant::now();
    let mono = || Millis::try_from(started.elapsed().as_millis()).unwrap_or(Millis::MAX);
    let mut screen = Screen::new(place, &mono);
    screen.model.told = newest_end(control.run());
    if place.first == First::WayBack {
        screen.model.overlay = Overlay::WayBack;
    }
    let left = screen.run(control, &mut borrowed.terminal, &mut Keyboard { signals });
    drop(borrowed);
    left
}

/// Time between two frames at least: 30 a second.
const FRAME: Millis = 33;
/// How long a key is waited for while nothing runs.
const IDLE: Duration = Duration::from_millis(250);
/// How long the run is waited for while something runs; a key waits no longer.
const BUSY: Duration = Duration::from_millis(10);
/// Events that are thrown away at most at a time, so that a stuck key cannot hold the screen.
const MOST_DRAINED: usize = 10_000;

struct Screen<'a> {
    model: Model,
    output: Option<Pane>,
    place: &'a ScreenPlace<'a>,
    mono: &'a dyn Fn() -> Millis,
    dirty: bool,
    drawn: Option<Millis>,
    /// A program waits for the terminal.
    hands_over: bool,
}

impl<'a> Screen<'a> {
    fn new(place: &'a ScreenPlace<'a>, mono: &'a dyn Fn() -> Millis) -> Self {
        Self { model: Model::default(), output: None, place, mono, dirty: true, drawn: None, hands_over: false }
    }

    fn run<B: Backend>(
        &mut self,
        control: &mut dyn Control,
        terminal: &mut Terminal<B>,
        input: &mut dyn Input,
    ) -> Result<Left, TuiError>
    where
        B::Error: Send + Sync + 'static,
    {
        loop {
            if let Some(signal) = input.signal() {
                return Ok(Left::Signal(signal));
            }
            let since = self.drawn.map_or(Millis::MAX, |drawn| (self.mono)().saturating_sub(drawn));
            if self.dirty && since >= FRAME || since >= 1000 {
                self.draw(control, terminal, input)?;
            }
            let Ok(event) = input.next(self.patience(control)) else { return Ok(Left::Signal(0)) };
            if let Some(event) = event {
                match self.event(control, &event, input) {
                    Flow::Leave => return Ok(left(control)),
                    // What stands on it now is not what was drawn.
                    Flow::Edit | Flow::GoIn => anew(terminal)?,
                    Flow::Stay | Flow::Drain => {}
                }
                // A key is answered at once, whatever else is to be drawn.
                self.draw(control, terminal, input)?;
            }
            self.session(control);
            if std::mem::take(&mut self.hands_over) {
                self.hand_over(control, input);
                anew(terminal)?;
            }
        }
    }

    /// How long a key may be waited for.
    fn patience(&self, control: &dyn Control) -> Duration {
        let working = control.busy().is_some() || self.output.as_ref().is_some_and(Pane::is_seeking);
        match (working, self.dirty) {
            (true, _) => Duration::ZERO,
            (false, true) => Duration::from_millis(FRAME),
            (false, false) => IDLE,
        }
    }

    fn event(&mut self, control: &mut dyn Control, event: &Event, input: &mut dyn Input) -> Flow {
        self.dirty = true;
        let now = (self.mono)();
        let away = Duration::from_millis(now.saturating_sub(self.model.last_input));
        if matches!(event, Event::Key(_))
            && let Some(line) = where_was_i(control.plan(), control.run(), away)
        {
            // Who comes back reads first: this key does nothing else.
            self.model.last_input = now;
            self.model.prompt = None;
            self.model.say(line);
            return Flow::Stay;
        }
        let mut hands = Hands { model: &mut self.model, output: &mut self.output, control, now };
        let flow = match event {
            Event::Key(key) => update::key(&mut hands, *key),
            Event::Paste(text) => update::paste(&mut hands, text),
            Event::Resize(..) | Event::FocusGained | Event::FocusLost | Event::Mouse(_) => Flow::Stay,
        };
        match flow {
            Flow::Drain => drain(input),
            Flow::Edit => self.edit(control, input),
            Flow::GoIn => self.hand_over(control, input),
            Flow::Stay | Flow::Leave => {}
        }
        flow
    }

    /// Lends the terminal to the editor, on a private copy; nothing is replaced by it.
    fn edit(&mut self, control: &mut dyn Control, input: &mut dyn Input) {
        let editing = match control.begin_edit() {
            Ok(editing) => editing,
            Err(trouble) => return self.trouble(&trouble),
        };
        let mut ended = None;
        let lent = input.lend(&mut || ended = Some(run_on_terminal(&editing.argv)));
        drain(input);
        let failed = lent.err().or_else(|| ended.and_then(Result::err));
        if let Some(error) = failed {
            return self.model.say(format!("the editor could not be run: {error}; nothing was replaced"));
        }
        match control.end_edit(None, "editor") {
            Ok(Edited::Drafted) => self.model.say("read the difference; nothing is replaced yet"),
            Ok(Edited::Unchanged) => self.model.say("the file is as it was; nothing happened"),
            Err(trouble) => self.trouble(&trouble),
        }
    }

    /// Lends the terminal to the program that runs on one.
    fn hand_over(&mut self, control: &mut dyn Control, input: &mut dyn Input) {
        let Some(handing) = control.terminal() else {
            return self.model.say("no program waits for the terminal now");
        };
        let mut back = None;
        let lent = input.lend(&mut || back = Some(hand_over(control, &handing)));
        drain(input);
        self.dirty = true;
        let (back, notices) = back.unzip();
        notices.into_iter().flatten().for_each(|notice| self.notice(notice));
        match (lent, back) {
            (Err(error), _) | (Ok(()), Some(Err(error))) => {
                self.model.say(format!("the terminal could not be handed over: {error}; the program goes on"));
            }
            (Ok(()), Some(Ok(HandedBack::Taken))) => self.model.say("the program goes on; g goes in again"),
            (Ok(()), Some(Ok(HandedBack::Ended | HandedBack::Signal(_) | HandedBack::Gone)) | None) => {}
        }
    }

    /// Lets the run go on, and takes in what it says.
    fn session(&mut self, control: &mut dyn Control) {
        let wait = if control.busy().is_some() { BUSY } else { Duration::ZERO };
        match control.poll(wait) {
            Ok(notices) => notices.into_iter().for_each(|notice| self.notice(notice)),
            Err(trouble) => self.trouble(&trouble),
        }
        self.tell(control);
        self.attach(control);
        self.dirty |= self.output.as_mut().is_some_and(Pane::tick);
    }

    fn notice(&mut self, notice: Notice) {
        self.dirty = true;
        match notice {
            Notice::Changed | Notice::Output(_) => {}
            Notice::HandOver => self.hands_over = true,
            Notice::Said(text) => self.model.say(text),
            Notice::AlreadyDone { step, held } => self.model.already = Some((step, held)),
        }
    }

    /// When an attempt ends, what came of it is said once, whatever card comes next.
    fn tell(&mut self, control: &dyn Control) {
        let run = control.run();
        let Some(attempt) = run.attempts.values().rev().find(|attempt| attempt.end.is_some()) else { return };
        if self.model.told.as_ref() != Some(&attempt.intent.attempt) {
            self.model.told = Some(attempt.intent.attempt.clone());
            self.dirty = true;
            if let Some(line) = outcome(control.plan(), run, attempt) {
                self.model.say(line);
            }
        }
    }

    fn trouble(&mut self, trouble: &Trouble) {
        let said = words::line(&trouble.to_string());
        self.dirty |= self.model.said.as_ref() != Some(&said);
        self.model.say(said);
    }

    /// The output of what runs grows below the card.
    fn attach(&mut self, control: &dyn Control) {
        let (
            Some(Busy::Looking { attempt, .. } | Busy::Running { attempt, .. } | Busy::Settling { attempt, .. }),
            false,
        ) = (control.busy(), self.model.overlay == Overlay::Output)
        else {
            return;
        };
        if control.terminal().is_some() {
            // What a program shows is seen in it; below the card it would only be noise.
            return;
        }
        if self.output.as_ref().is_none_or(|pane| pane.attempt() != attempt)
            && let Some(path) = control.output(attempt)
        {
            self.output = Some(Pane::new(attempt.clone(), path));
            self.dirty = true;
        }
    }

    fn draw<B: Backend>(
        &mut self,
        control: &dyn Control,
        terminal: &mut Terminal<B>,
        input: &mut dyn Input,
    ) -> Result<(), TuiError>
    where
        B::Error: Send + Sync + 'static,
    {
        terminal.autoresize().map_err(|error| TuiError::Draw(Box::new(error)))?;
        let size = terminal.size().map_err(|error| TuiError::Draw(Box::new(error)))?;
        (self.model.width, self.model.height) = (size.width, size.height);
        let now = (self.mono)();
        let around = Surroundings {
            people: &self.place.people,
            now: (self.place.clock)(),
            report_hint: &self.place.report_hint,
        };
        let views = Views::of(control, &self.model, around);
        if views.show(&mut self.model, self.output.as_ref(), now) {
            // What was typed ahead was not meant for this card.
            drain(input);
        }
        let scene = views.scene(&self.model, self.output.as_ref());
        terminal.draw(|frame| draw::draw(frame, &scene)).map_err(|error| TuiError::Draw(Box::new(error)))?;
        (self.dirty, self.drawn) = (false, Some((self.mono)()));
        Ok(())
    }
}

/// What stands on the terminal is not what was drawn: everything is drawn once more. The terminal is not asked where its
/// cursor is, for not every one answers.
fn anew<B: Backend>(terminal: &mut Terminal<B>) -> Result<(), TuiError>
where
    B::Error: Send + Sync + 'static,
{
    terminal.swap_buffers();
    terminal.backend_mut().clear_region(ClearType::All).map_err(|error| TuiError::Draw(Box::new(error)))
}

/// The newest attempt that has its end.
fn newest_end(run: &Run) -> Option<AttemptId> {
    let ended = run.attempts.values().rev().find(|attempt| attempt.end.is_some());
    ended.map(|attempt| attempt.intent.attempt.clone())
}

/// Throws away what was typed ahead.
fn drain(input: &mut dyn Input) {
    for _ in 0..MOST_DRAINED {
        match input.next(Duration::ZERO) {
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return,
        }
    }
}

/// How a run is left where it stands.
fn left(control: &dyn Control) -> Left {
    let run = control.run();
    match (&run.position, &run.closed) {
        (_, Some((outcome, _, _))) => Left::Closed(*outcome),
        (Position::Frozen { .. }, None) => Left::FrozenKept,
        (Position::Stopped { by, .. }, None) => Left::StoppedKept(*by),
        (
            Position::Step { .. }
            | Position::EnterRepair
            | Position::NotRepaired
            | Position::AtEnd { .. }
            | Position::Closed,
            None,
        ) => Left::Kept,
    }
}
