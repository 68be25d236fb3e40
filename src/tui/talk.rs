//! For the tests of the screen: a run that writes down what it is asked for, and a hand on the keyboard.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::terminal::Input;
use super::update::Flow;
use super::{Screen, ScreenPlace, newest_end};
use crate::engine::command::{Answer, Choice};
use crate::engine::record::{Close, Confirm};
use crate::engine::{AttemptId, Exit, Key, Plan, Run};
use crate::session::{Busy, Control, Edited, Editing, Notice, Trouble};
use crate::view::PersonClock;
use crate::view::sample::Sample;

/// A run that only writes down what it is asked for.
pub struct Fake {
    pub sample: Sample,
    pub busy: Option<Busy>,
    pub acts: Vec<String>,
    pub notices: Vec<Notice>,
    pub output: Option<PathBuf>,
    pub refuses: bool,
}

impl Fake {
    fn act(&mut self, what: String) -> Result<(), Trouble> {
        if self.refuses {
            return Err(Trouble::Failed { message: "no space left on device".into(), exit: Exit::JournalNotWritable });
        }
        self.acts.push(what);
        Ok(())
    }
}

impl Control for Fake {
    fn plan(&self) -> &Plan {
        &self.sample.plan
    }
    fn run(&self) -> &Run {
        &self.sample.run
    }
    fn busy(&self) -> Option<&Busy> {
        self.busy.as_ref()
    }
    fn output(&self, _: &AttemptId) -> Option<PathBuf> {
        self.output.clone()
    }
    fn poll(&mut self, _: Duration) -> Result<Vec<Notice>, Trouble> {
        Ok(std::mem::take(&mut self.notices))
    }
    fn look(&mut self) -> Result<(), Trouble> {
        self.act("look".into())
    }
    fn begin_edit(&mut self) -> Result<Editing, Trouble> {
        self.act("begin edit".into())?;
        Ok(Editing { argv: vec!["true".to_owned()] })
    }
    fn end_edit(&mut self, _: Option<&Path>, how: &str) -> Result<Edited, Trouble> {
        self.act(format!("end edit {how}"))?;
        Ok(Edited::Unchanged)
    }
    fn announce(&mut self, shown: &str, confirm: Confirm) -> Result<(), Trouble> {
        self.act(format!("announce {} {} {}", &shown[..8], confirm.how, confirm.text))
    }
    fn change(&mut self, shown: &str, confirm: Confirm, again: Option<String>) -> Result<(), Trouble> {
        let again = again.map_or_else(String::new, |again| format!(" again: {again}"));
        self.act(format!("change {} {} {}{again}", &shown[..8], confirm.how, confirm.text))
    }
    fn undo(&mut self, shown: &str, confirm: Confirm, again: Option<String>) -> Result<(), Trouble> {
        let again = again.map_or_else(String::new, |again| format!(" again: {again}"));
        self.act(format!("undo {} {} {}{again}", &shown[..8], confirm.how, confirm.text))
    }
    fn already_done(&mut self, step: &Key, how: &str) -> Result<(), Trouble> {
        self.act(format!("already done {step} {how}"))
    }
    fn answer(&mut self, step: &Key, answer: Answer, how: &str) -> Result<(), Trouble> {
        self.act(format!("answer {step} {answer:?} {how}"))
    }
    fn measured(&self) -> u64 {
        0
    }
    fn measure_needs(&mut self, step: &Key) -> Result<(), Trouble> {
        self.act(format!("measure needs {step}"))
    }
    fn enter_repair(&mut self, how: &str) -> Result<(), Trouble> {
        self.act(format!("enter repair {how}"))
    }
    fn skip(&mut self, step: &Key, reason: &str) -> Result<(), Trouble> {
        self.act(format!("skip {step}: {reason}"))
    }
    fn decide(&mut self, _: &AttemptId, choice: Choice, reason: &str, _: &str) -> Result<(), Trouble> {
        self.act(format!("decide {}: {reason}", choice.word()))
    }
    fn go_on(&mut self, reason: &str, _: &str) -> Result<(), Trouble> {
        self.act(format!("go on: {reason}"))
    }
    fn repair_again(&mut self, reason: &str, _: &str) -> Result<(), Trouble> {
        self.act(format!("repair again: {reason}"))
    }
    fn open_shell(&mut self, reason: &str) -> Result<(), Trouble> {
        self.act(format!("side shell: {reason}"))
    }
    fn note(&mut self, text: &str) -> Result<(), Trouble> {
        self.act(format!("note: {text}"))
    }
    fn close(&mut self, outcome: Close, reason: &str) -> Result<(), Trouble> {
        self.act(format!("close {outcome:?} {reason}"))
    }
    fn cancel(&mut self) -> Result<(), Trouble> {
        self.act("cancel".into())
    }
}

/// Keys that were typed ahead, then the end of input.
#[derive(Default)]
pub struct Typed {
    pub events: VecDeque<Event>,
    pub signal: Option<i32>,
}

impl Input for Typed {
    fn next(&mut self, wait: Duration) -> io::Result<Option<Event>> {
        match self.events.pop_front() {
            Some(event) => Ok(Some(event)),
            None if wait.is_zero() => Ok(None),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
    fn signal(&self) -> Option<i32> {
        self.signal
    }
}

/// A screen with a hand on the keyboard and a clock that stands until it is told to go on.
pub struct Talk {
    pub fake: Fake,
    pub screen: Screen<'static>,
    pub terminal: Terminal<TestBackend>,
    pub input: Typed,
    clock: &'static Cell<u64>,
    pub flow: Flow,
}

/// One key: a name of the tables, or `^C`.
fn event(key: &str) -> Event {
    let mut modifiers = KeyModifiers::NONE;
    let code = match key {
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Up" => KeyCode::Up,
        "Down" => KeyCode::Down,
        "PgDn" => KeyCode::PageDown,
        "PgUp" => KeyCode::PageUp,
        "End" => KeyCode::End,
        "Space" => KeyCode::Char(' '),
        "^C" => {
            modifiers = KeyModifiers::CONTROL;
            KeyCode::Char('c')
        }
        letter => KeyCode::Char(letter.chars().next().expect("a key")),
    };
    Event::Key(KeyEvent::new(code, modifiers))
}

impl Talk {
    /// A screen of a size over a run; its first card has been read for a second.
    pub fn new(sample: Sample, (width, height): (u16, u16)) -> Self {
        let clock: &'static Cell<u64> = Box::leak(Box::new(Cell::new(0)));
        let mono: &'static dyn Fn() -> u64 = Box::leak(Box::new(|| clock.get()));
        let person = |name: &str, zone: &str| PersonClock { name: name.into(), zone: zone.into() };
        let place: &'static ScreenPlace = Box::leak(Box::new(ScreenPlace {
            people: vec![person("pepe", "Europe/Berlin"), person("komari", "Asia/Tokyo")],
            clock: &|| "2026-11-25T02:26:00Z".parse().expect("a time"),
            report_hint: String::new(),
            first: crate::view::First::Place,
        }));
        let fake = Fake { sample, busy: None, acts: Vec::new(), notices: Vec::new(), output: None, refuses: false };
        let terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
        let mut talk =
            Self { fake, screen: Screen::new(place, mono), terminal, input: Typed::default(), clock, flow: Flow::Stay };
        talk.screen.model.told = newest_end(&talk.fake.sample.run);
        talk.draw();
        talk.wait(1000)
    }

    pub fn wait(mut self, millis: u64) -> Self {
        self.clock.set(self.clock.get() + millis);
        self.draw();
        self
    }

    /// Presses keys, written with spaces between, half a second apart.
    pub fn keys(mut self, keys: &str) -> Self {
        for key in keys.split_whitespace() {
            self = self.press(key).wait(500);
        }
        self
    }

    /// Presses one key at once.
    pub fn press(mut self, key: &str) -> Self {
        self.flow = self.screen.event(&mut self.fake, &event(key), &mut self.input);
        self.draw();
        self
    }

    /// Types a word at a person's speed.
    pub fn word(mut self, word: &str) -> Self {
        for letter in word.chars() {
            self = self.press(&if letter == ' ' { "Space".to_owned() } else { letter.to_string() });
        }
        self.wait(500)
    }

    pub fn paste(mut self, text: &str) -> Self {
        self.flow = self.screen.event(&mut self.fake, &Event::Paste(text.into()), &mut self.input);
        self.draw();
        self
    }

    /// Keys that are typed before the screen looks at them.
    pub fn ahead(mut self, keys: &str) -> Self {
        self.input.events.extend(keys.split_whitespace().map(event));
        self
    }

    /// The run goes on by itself.
    pub fn then(mut self, run: impl FnOnce(&mut Fake)) -> Self {
        run(&mut self.fake);
        self.screen.session(&mut self.fake);
        self.draw();
        self
    }

    fn draw(&mut self) {
        self.screen.draw(&self.fake, &mut self.terminal, &mut self.input).expect("drawn");
    }

    pub fn acts(&self) -> Vec<&str> {
        self.fake.acts.iter().map(String::as_str).collect()
    }

    /// What stands on the screen.
    pub fn text(&self) -> String {
        self.terminal.backend().to_string()
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.text().contains(text), "`{text}` is not on\n{}", self.text());
        self
    }

    #[track_caller]
    pub fn nothing_happened(self) -> Self {
        assert_eq!(self.acts(), Vec::<&str>::new());
        self
    }
}
