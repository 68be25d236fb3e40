//! The same session as a transcript: no screen control, no box drawing, one line a question.
//!
//! What changes something needs the word that the card names. Not on a terminal it needs the step's id or that word,
//! so that `yes |` changes nothing.

pub mod follow;
pub mod lines;

use std::io::{self, Write};
use std::time::{Duration, Instant};

use follow::Follow;
use lines::{Line, Lines};

use crate::engine::command::{Answer, Choice};
use crate::engine::record::{Close, Confirm as Confirmed, Mode};
use crate::engine::resolve::{Resolver, Work};
use crate::engine::{AttemptId, Key};
use crate::session::{Busy, Control, Edited, HandedBack, Notice, Trouble, hand_over, run_on_terminal};
use crate::text::{plain, width};
use crate::view::{self, Act, Card, Confirm, First};

/// Columns of the transcript.
const COLUMNS: usize = 80;
/// Columns of the labels.
const LABEL: usize = 13;
/// How long one wait lasts.
const WAIT: Duration = Duration::from_millis(100);
/// How long something is measured before a person is told so.
const LONG: Duration = Duration::from_secs(2);
/// Lines that are no answer, after which a pipe is taken for one that does not know what it does.
const MOST_MISSES: usize = 3;

/// How a transcript ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The run is closed.
    Closed(Close),
    /// The run is kept, and can be gone on with.
    Kept,
    /// Kept, because what came was no answer.
    NotConfirmed,
}

/// The transcript could not go on.
#[derive(Debug, thiserror::Error)]
pub enum PlainError {
    #[error(transparent)]
    Trouble(#[from] Trouble),
    #[error("cannot write to the terminal")]
    Write(#[from] io::Error),
}

/// A run as a transcript.
pub struct Plain<'a> {
    control: &'a mut dyn Control,
    lines: &'a mut dyn Lines,
    out: &'a mut dyn Write,
    misses: usize,
    /// A step whose `done_when` held before it was run.
    already: Option<(Key, Vec<String>)>,
    /// The card of the way back is shown instead of the place.
    way_back: bool,
}

enum Next {
    Card,
    Left(Left),
}

impl<'a> Plain<'a> {
    pub fn new(control: &'a mut dyn Control, lines: &'a mut dyn Lines, out: &'a mut dyn Write) -> Self {
        Self { control, lines, out, misses: 0, already: None, way_back: false }
    }

    /// With another card than that of the place first.
    #[must_use]
    pub fn beginning_with(mut self, first: First) -> Self {
        self.way_back = first == First::WayBack;
        self
    }

    /// Until the run is closed or left.
    pub fn run(&mut self) -> Result<Left, PlainError> {
        loop {
            if self.control.busy().is_some() {
                if let Some(left) = self.watch()? {
                    return Ok(left);
                }
                continue;
            }
            if let Some((close, ..)) = self.control.run().closed.clone() {
                return Ok(Left::Closed(close));
            }
            let card = self.card();
            self.show(&card)?;
            match self.question(&card)? {
                Next::Card => {}
                Next::Left(left) => return Ok(left),
            }
        }
    }

    fn card(&self) -> Card {
        let (plan, run) = (self.control.plan(), self.control.run());
        if let (true, Some(card)) = (self.way_back, view::undo_card(plan, run)) {
            return card;
        }
        match &self.already {
            Some((key, held)) => view::already_done_card(plan, run, key, held),
            None => view::here(plan, run),
        }
    }

    fn show(&mut self, card: &Card) -> io::Result<()> {
        let mode = match self.control.run().mode() {
            Mode::Live => "LIVE",
            Mode::Drill => "DRILL",
            Mode::Look => "LOOK ONLY",
            Mode::Preflight => "PREFLIGHT",
        };
        let title = plain(&self.control.plan().runbook.head.title);
        writeln!(self.out, "\n{}\n{mode}  {title}  run {}", "-".repeat(COLUMNS), self.control.run().id)?;
        for line in width::wrap(&plain(&card.headline), COLUMNS) {
            writeln!(self.out, "{line}")?;
        }
        for row in &card.rows {
            let mut label = row.label.text();
            for line in &row.lines {
                let pieces =
                    if row.label.is_verbatim() { vec![line.clone()] } else { width::wrap(line, COLUMNS - LABEL) };
                for piece in pieces {
                    writeln!(self.out, "{label:LABEL$}{piece}")?;
                    label = "";
                }
            }
        }
        if let Some(why) = &card.unresolved {
            writeln!(self.out, "cannot be shown yet: {}", plain(why))?;
        }
        let keys: Vec<_> =
            card.keys.iter().filter(|hint| hint.enabled).map(|hint| format!("{} {}", hint.key, hint.what)).collect();
        writeln!(self.out)?;
        for line in width::wrap(&keys.join("   "), COLUMNS) {
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }

    /// Asks one thing; `None` when nothing came that can be an answer.
    fn ask(&mut self, prompt: &str) -> Result<Line, PlainError> {
        self.lines.drain();
        write!(self.out, "{prompt}> ")?;
        self.out.flush()?;
        loop {
            match self.lines.next(WAIT) {
                Line::Nothing => {}
                Line::Text(line) => {
                    if !self.lines.is_terminal() {
                        writeln!(self.out, "{}", plain(&line))?;
                    }
                    return Ok(Line::Text(line.trim().to_owned()));
                }
                Line::Interrupted => {
                    writeln!(self.out, "\nnothing was changed; q leaves, the run is kept")?;
                    return Ok(Line::Interrupted);
                }
                Line::End => return Ok(Line::End),
            }
        }
    }

    fn question(&mut self, card: &Card) -> Result<Next, PlainError> {
        let text = match self.ask("")? {
            Line::Text(text) => text,
            Line::Interrupted | Line::Nothing => return Ok(Next::Card),
            Line::End => return self.leave("the input ended; nothing was changed"),
        };
        if let Some(done) = self.by_id(card, &text)? {
            return Ok(done);
        }
        let name = match text.as_str() {
            "" => "Enter",
            "esc" => "Esc",
            "shell" => "!",
            other => other,
        };
        let Some(hint) = card.key_for(name).cloned() else {
            return self.miss(&format!("`{}` is no key here; nothing was changed", plain(&text)));
        };
        match self.act(card, &hint.act) {
            Ok(next) => Ok(next),
            Err(PlainError::Trouble(trouble)) => {
                writeln!(self.out, "{}", plain(&trouble.to_string()))?;
                self.miss("")
            }
            Err(error) => Err(error),
        }
    }

    /// Not on a terminal, a change is confirmed by its word alone.
    fn by_id(&mut self, card: &Card, text: &str) -> Result<Option<Next>, PlainError> {
        let changes = card.keys.iter().any(|hint| hint.enabled && hint.act == Act::Change);
        let (false, true, Some(key), Some(digest)) = (self.lines.is_terminal(), changes, &card.key, &card.digest)
        else {
            return Ok(None);
        };
        let word = match &card.confirm {
            Confirm::Word(word) | Confirm::Place(word) => word.clone(),
            Confirm::Y | Confirm::None => key.to_string(),
        };
        if text == word {
            let confirm = Confirmed { how: "typed".to_owned(), text: word };
            self.control.change(digest, confirm, None)?;
            return Ok(Some(Next::Card));
        }
        if card.key_for(text).is_some_and(|hint| hint.act == Act::Change) {
            return Ok(Some(self.miss(&format!("not on a terminal: a change wants `{word}`; nothing was changed"))?));
        }
        Ok(None)
    }

    fn miss(&mut self, why: &str) -> Result<Next, PlainError> {
        if !why.is_empty() {
            writeln!(self.out, "{why}")?;
        }
        self.misses += 1;
        if !self.lines.is_terminal() && self.misses >= MOST_MISSES {
            writeln!(self.out, "{MOST_MISSES} lines were no answer; the run is kept, nothing was changed by them")?;
            return Ok(Next::Left(Left::NotConfirmed));
        }
        Ok(Next::Card)
    }

    fn leave(&mut self, why: &str) -> Result<Next, PlainError> {
        writeln!(self.out, "\n{why}")?;
        Ok(Next::Left(Left::Kept))
    }

    /// Who leaves where it is not safe is warned, and asked where there is somebody to ask.
    fn walk_away(&mut self) -> Result<Next, PlainError> {
        let warning = view::walk(self.control.plan(), self.control.run()).warning();
        if let Some(warning) = &warning {
            writeln!(self.out, "{}", plain(warning))?;
        }
        if warning.is_some() && self.lines.is_terminal() {
            match self.ask("q to leave all the same, anything else stays ")? {
                Line::Text(text) if text == "q" => {}
                Line::Text(_) | Line::Interrupted | Line::Nothing => return Ok(Next::Card),
                Line::End => return self.leave("the input ended; nothing was changed"),
            }
        }
        self.leave("left; the run is kept")
    }

    fn act(&mut self, card: &Card, act: &Act) -> Result<Next, PlainError> {
        const HOW: &str = "typed";
        let step = card.key.clone();
        let digest = card.digest.clone().unwrap_or_default();
        match act {
            Act::Look => self.control.look()?,
            Act::Change | Act::ChangeAgain => return self.change(card, &digest, *act == Act::ChangeAgain),
            Act::Undo => {
                let before = self.control.run().back_wants_reason();
                let again = if before { self.text("why is it gone once more")? } else { None };
                if before && again.is_none() {
                    return Ok(Next::Card);
                }
                let Some(confirm) = self.confirm(&card.confirm)? else { return Ok(Next::Card) };
                self.way_back = false;
                self.control.undo(&digest, confirm, again)?;
            }
            Act::Edit => self.edit()?,
            // Read while the program runs, see `watch`.
            Act::GoIn => {}
            Act::Send => {
                if let Some(confirm) = self.confirm(&card.confirm)? {
                    self.control.announce(&digest, confirm)?;
                }
            }
            Act::Needs => {
                if let Some(step) = step {
                    self.control.measure_needs(&step)?;
                }
            }
            Act::EnterRepair => self.control.enter_repair(HOW)?,
            Act::ShowWayBack => self.way_back = true,
            Act::Back | Act::NotSure => {
                self.way_back = false;
                self.already = None;
                writeln!(self.out, "nothing was changed; ? says what you can do")?;
            }
            Act::AlreadyDone => {
                if let Some((key, _)) = self.already.take() {
                    self.control.already_done(&key, HOW)?;
                }
            }
            Act::Done => self.answer(step, Answer::Done)?,
            Act::CouldNot => self.answer(step, Answer::CouldNot)?,
            Act::Yes => self.answer(step, Answer::Yes)?,
            Act::No => self.answer(step, Answer::No)?,
            Act::Choose(at) => self.choose(step, *at)?,
            Act::Value => {
                if let Some(text) = self.text("value")? {
                    self.answer(step, Answer::Text(text))?;
                }
            }
            Act::Skip => {
                if let (Some(step), Some(reason)) = (step, self.text("why do you skip it")?) {
                    self.control.skip(&step, &reason)?;
                }
            }
            Act::Note => {
                if let Some(text) = self.text("note")? {
                    self.control.note(&text)?;
                }
            }
            Act::Shell if !self.lines.is_terminal() => {
                return self.miss("a side shell needs a terminal, and here is none; nothing was opened");
            }
            Act::Shell => {
                if let Some(reason) = self.text("why do you open a side shell")? {
                    self.control.open_shell(&reason)?;
                }
            }
            Act::ItIsDone => self.decide(Choice::Done)?,
            Act::RunAgain => self.decide(Choice::RunAgain)?,
            Act::GoOn => {
                if let Some(reason) = self.text("why do you go on")? {
                    self.control.go_on(&reason, HOW)?;
                }
            }
            Act::RepairAgain => {
                if let Some(reason) = self.text("why again")? {
                    self.control.repair_again(&reason, HOW)?;
                }
            }
            Act::Close(outcome) => {
                let reason =
                    if *outcome == Close::NotRepaired { self.text("why is it left so")? } else { Some(String::new()) };
                if let Some(reason) = reason {
                    self.control.close(*outcome, &reason)?;
                }
            }
            Act::Output => self.output(step.as_ref())?,
            Act::Help => self.help(card)?,
            Act::Leave => return self.walk_away(),
        }
        self.misses = 0;
        Ok(Next::Card)
    }

    fn change(&mut self, card: &Card, digest: &str, again: bool) -> Result<Next, PlainError> {
        let again = if again || self.already.is_some() {
            let Some(reason) = self.text("why does it run all the same")? else { return Ok(Next::Card) };
            Some(reason)
        } else {
            None
        };
        let Some(confirm) = self.confirm(&card.confirm)? else { return Ok(Next::Card) };
        self.already = None;
        self.control.change(digest, confirm, again)?;
        Ok(Next::Card)
    }

    /// The word that confirms; none when it was not typed.
    fn confirm(&mut self, wanted: &Confirm) -> Result<Option<Confirmed>, PlainError> {
        let word = match wanted {
            Confirm::None => return Ok(None),
            Confirm::Y => return Ok(Some(Confirmed { how: "key".to_owned(), text: "y".to_owned() })),
            Confirm::Word(word) | Confirm::Place(word) => word,
        };
        match self.ask(&format!("type `{}` to run it, anything else changes nothing ", plain(word)))? {
            Line::Text(text) if text == *word => Ok(Some(Confirmed { how: "typed".to_owned(), text })),
            Line::Text(_) | Line::Interrupted | Line::Nothing | Line::End => {
                writeln!(self.out, "not confirmed; nothing was changed")?;
                Ok(None)
            }
        }
    }

    /// A text of a person; empty, interrupted or ended input is none.
    fn text(&mut self, prompt: &str) -> Result<Option<String>, PlainError> {
        match self.ask(&format!("{prompt} (empty changes nothing) "))? {
            Line::Text(text) if !text.is_empty() => Ok(Some(text)),
            Line::Text(_) | Line::Interrupted | Line::Nothing | Line::End => Ok(None),
        }
    }

    fn answer(&mut self, step: Option<Key>, answer: Answer) -> Result<(), PlainError> {
        if let Some(step) = step {
            self.control.answer(&step, answer, "typed")?;
        }
        Ok(())
    }

    fn choose(&mut self, step: Option<Key>, at: usize) -> Result<(), PlainError> {
        let Some(step) = step else { return Ok(()) };
        let resolved = Resolver::new(self.control.plan(), self.control.run(), Some(&step)).step(&step);
        let choice = resolved.ok().and_then(|resolved| match resolved.work {
            Work::Question { choices, .. } => choices.get(at).map(|choice| choice.answer.clone()),
            Work::Test(_)
            | Work::Wait { .. }
            | Work::Command(_)
            | Work::Terminal(_)
            | Work::Edit { .. }
            | Work::Restore
            | Work::ByHand(_)
            | Work::Announce { .. } => None,
        });
        match choice {
            Some(choice) => self.answer(Some(step), Answer::Choice(choice)),
            None => Ok(()),
        }
    }

    /// Lends the terminal to the editor, on a private copy.
    fn edit(&mut self) -> Result<(), PlainError> {
        if !self.lines.is_terminal() {
            writeln!(self.out, "an editor needs a terminal; nothing was changed")?;
            return Ok(());
        }
        let editing = self.control.begin_edit()?;
        let mut ended = Ok(());
        self.lines.lend(&mut || ended = run_on_terminal(&editing.argv));
        if let Err(error) = ended {
            writeln!(self.out, "the editor could not be run: {error}; nothing was replaced")?;
            return Ok(());
        }
        match self.control.end_edit(None, "editor")? {
            Edited::Drafted => writeln!(self.out, "read the difference; nothing is replaced yet")?,
            Edited::Unchanged => writeln!(self.out, "the file is as it was; nothing happened")?,
        }
        Ok(())
    }

    fn decide(&mut self, choice: Choice) -> Result<(), PlainError> {
        let attempt = self.control.run().at_stop().map(|attempt| attempt.intent.attempt.clone());
        if let (Some(attempt), Some(reason)) = (attempt, self.text("why")?) {
            self.control.decide(&attempt, choice, &reason, "typed")?;
        }
        Ok(())
    }

    fn output(&mut self, step: Option<&Key>) -> Result<(), PlainError> {
        let run = self.control.run();
        let attempt = match step.and_then(|step| run.newest_attempt(step)) {
            Some(attempt) => Some(attempt),
            None => run.attempts.values().next_back(),
        };
        let path = attempt.and_then(|attempt| self.control.output(&attempt.intent.attempt));
        match path {
            Some(path) => {
                let mut follow = Follow::new(&path);
                follow.finish(self.out)?;
                writeln!(self.out, "  (kept in {})", path.display())?;
            }
            None => writeln!(self.out, "there is no output yet")?,
        }
        Ok(())
    }

    fn help(&mut self, card: &Card) -> Result<(), PlainError> {
        let help = view::help(self.control.plan(), self.control.run(), card, &[]);
        for (heading, lines) in &help.sections {
            writeln!(self.out, "\n{heading}")?;
            for piece in lines.iter().flat_map(|line| width::wrap(line, COLUMNS - 2)) {
                writeln!(self.out, "  {piece}")?;
            }
        }
        Ok(())
    }

    /// While something runs: its output as it comes. Ctrl-C ends nothing by itself.
    fn watch(&mut self) -> Result<Option<Left>, PlainError> {
        let mut follow: Option<Follow> = None;
        let mut running = None;
        let mut offered = false;
        let begun = Instant::now();
        let (mut told, mut followed) = (false, true);
        if self.control.terminal().is_some() {
            writeln!(self.out, "the program runs; type `g` to go in, `stop` to end it, `q` to leave it running")?;
        }
        while let Some(busy) = self.control.busy().cloned() {
            if let Some(text) = measured(&busy).filter(|_| begun.elapsed() >= LONG && !told) {
                told = true;
                writeln!(self.out, "{text}")?;
            }
            if let Busy::Running { attempt, .. } | Busy::Looking { attempt, .. } | Busy::Settling { attempt, .. } = busy
            {
                running = Some(attempt);
            }
            let works = self.control.terminal().is_some();
            // What a program showed was seen in it; here it would only be noise.
            followed &= !works;
            follow = follow.or_else(|| self.follow(running.as_ref())).filter(|_| followed);
            match self.control.poll(WAIT) {
                Ok(notices) => self.notices(notices)?,
                Err(trouble) => writeln!(self.out, "{}", plain(&trouble.to_string()))?,
            }
            if let Some(follow) = &mut follow {
                follow.write(self.out)?;
            }
            if self.lines.interrupted() {
                writeln!(self.out, "\nthe step goes on. type `stop` to end it, anything else to watch")?;
                self.lines.drain();
                offered = true;
            }
            if self.lines.gone() {
                return Ok(Some(self.gone()));
            }
            // What a pipe holds is for the questions to come, not for now.
            if !self.lines.is_terminal() {
                continue;
            }
            match self.lines.next(Duration::ZERO) {
                Line::Text(text) if works && matches!(text.trim(), "g" | "stop" | "q") => match text.trim() {
                    "g" => self.hand_over()?,
                    "stop" => self.control.cancel()?,
                    _ => {
                        writeln!(self.out, "left; the program goes on")?;
                        return Ok(Some(Left::Kept));
                    }
                },
                Line::Text(text) if offered => {
                    offered = false;
                    match text.trim() {
                        "stop" => self.control.cancel()?,
                        _ => writeln!(self.out, "watching; the step goes on")?,
                    }
                }
                Line::End => return Ok(Some(self.gone())),
                Line::Text(_) | Line::Interrupted | Line::Nothing => {}
            }
        }
        // What was over in an instant has its output too.
        if let Some(mut follow) = follow.or_else(|| self.follow(running.as_ref())).filter(|_| followed) {
            follow.finish(self.out)?;
        }
        Ok(None)
    }

    fn follow(&self, attempt: Option<&AttemptId>) -> Option<Follow> {
        attempt.and_then(|attempt| self.control.output(attempt)).map(|path| Follow::new(&path))
    }

    /// Nobody is there any more. That the words reach nobody either is no failure.
    fn gone(&mut self) -> Left {
        let _ = writeln!(self.out, "\nthe terminal is gone; the step goes on without it");
        Left::Kept
    }

    fn notices(&mut self, notices: Vec<Notice>) -> Result<(), PlainError> {
        for notice in notices {
            match notice {
                Notice::AlreadyDone { step, held } => self.already = Some((step, held)),
                Notice::Said(text) => writeln!(self.out, "{}", plain(&text))?,
                Notice::HandOver => self.hand_over()?,
                Notice::Changed | Notice::Output(_) => {}
            }
        }
        Ok(())
    }

    /// Lends the terminal to the program that runs.
    fn hand_over(&mut self) -> Result<(), PlainError> {
        let Some(handing) = self.control.terminal() else { return Ok(()) };
        if !self.lines.is_terminal() {
            writeln!(
                self.out,
                "a program waits for a terminal, and here is none; `stop` is all that can be said to it"
            )?;
            return Ok(());
        }
        let mut back = None;
        self.lines.lend(&mut || back = Some(hand_over(self.control, &handing)));
        self.lines.drain();
        let (back, notices) = back.unzip();
        self.notices(notices.unwrap_or_default())?;
        if let Some(Ok(HandedBack::Taken) | Err(_)) = back {
            writeln!(self.out, "type `g` to go in again, `stop` to end the program, `q` to leave it running")?;
        }
        Ok(())
    }
}

/// What is measured while nothing has begun, for who wonders why it takes so long.
const fn measured(busy: &Busy) -> Option<&'static str> {
    match busy {
        Busy::Entering => Some("guards are measured; nothing has begun"),
        Busy::OpeningShell => Some("guards are measured, then the side shell opens"),
        Busy::ClosingShell => Some("the side shell has ended; guards are measured"),
        Busy::Asking { .. } => Some("what it needs is measured; do nothing yet"),
        Busy::Preparing { .. } => Some("guards are measured and the way back is prepared; the command has not begun"),
        Busy::Looking { .. } | Busy::Running { .. } | Busy::Settling { .. } | Busy::Shell => None,
    }
}
