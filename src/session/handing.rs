//! A program that a person works in: it runs under its supervisor, on a terminal of its own, and the person's terminal
//! is handed to it for as long as they like. What came of it they say when it has ended.

use std::io::{self, Write};
use std::time::Duration;

use super::ask::{Purpose, chain, facts_of};
use super::control::{Busy, Control, Handing, Notice, Trouble};
use super::stop::Stop;
use super::task::{Msg, Task, send};
use super::{Session, failed};
use crate::engine::command::{Answer, Command};
use crate::engine::record::{Does, Facts, Judged};
use crate::engine::resolve::{Resolved, Via};
use crate::engine::{Exit, Key};
use crate::exec;
use crate::journal::Evidence;
use crate::model::StepKind;
use crate::text::plain;
use crate::text::width::wrap;

pub use crate::exec::HandedBack;

/// How long it is waited for what the run has to say, while the terminal is lent.
const TURN: Duration = Duration::from_millis(30);

/// The code with which ssh says that it has lost the line, if no program says it.
const LINE_LOST: i32 = 255;

impl Session {
    /// What runs on a terminal now.
    pub(super) fn handing(&self) -> Option<Handing> {
        if self.busy == Some(Busy::Shell) {
            return self.shell_handing();
        }
        let Some(Busy::Running { attempt, step }) = &self.busy else { return None };
        let item = self.plan.item(&step.id)?;
        let change = self.run.attempts.get(attempt)?.intent.does == Does::Change;
        let StepKind::Terminal(_) = &item.step.kind else { return None };
        let files = Evidence::at(&self.folder.sup(), &attempt.0).ok().filter(|_| change)?;
        let what = self.resolved(step).map_or_else(|_| step.to_string(), |resolved| told(&resolved));
        Some(Handing { door: exec::knock_at(&files.lock()), what, note: None })
    }

    /// The person says how it went; whether it is done is measured first, where it can be.
    pub(super) fn conclude(&mut self, resolved: Resolved, answer: Answer, how: &str) -> Result<(), Trouble> {
        if answer != Answer::Done || resolved.done_when.is_empty() {
            let (step, how, done) = (resolved.key, how.to_owned(), Vec::new());
            return self.commit(Command::Conclude { step, answer, how, done }).map(|_| ());
        }
        let Some(attempt) = self.run.unanswered(&resolved.key).map(|attempt| attempt.intent.attempt.clone()) else {
            let message = format!("the program of step `{}` has not been started", resolved.key);
            return Err(failed(message, Exit::Usage));
        };
        self.stop = Stop::default();
        self.busy = Some(Busy::Settling { attempt: attempt.clone(), step: resolved.key.clone() });
        let (task, how) = (self.task(resolved, attempt), how.to_owned());
        self.beside.run(move || task.ask_whether_done(answer, how));
        Ok(())
    }
}

impl Task {
    fn ask_whether_done(self, answer: Answer, how: String) {
        let done = self.asker.all(&self.resolved.done_when, &self.blob, Purpose::After, &self.stop);
        let step: Key = self.resolved.key.clone();
        send(&self.to, Msg::Concluded { step, answer, how, done });
    }

    /// A program has ended in which a person worked: nothing in what it showed says how that went.
    pub(super) fn left_by_a_person(&self, exit: &exec::Exit) -> Facts {
        let mut facts = facts_of(exit, &self.blob, &self.wanted());
        if exit.reason.is_some() {
            return facts;
        }
        facts.judged = Judged::Unknown;
        facts.matched.clear();
        facts.found = match (exit.code, exit.signal) {
            (Some(LINE_LOST), _) if self.resolved.at.via == Via::Ssh => {
                let host = plain(&self.resolved.at.host);
                vec![format!(
                    "ssh ended with {LINE_LOST}: the line to {host} may have been cut, and the program with it"
                )]
            }
            (Some(code), _) => vec![format!("the program ended with exit {code}")],
            (None, Some(signal)) => vec![format!("the program was ended by signal {signal}")],
            (None, None) => vec!["nobody knows how the program ended".to_owned()],
        };
        facts
    }
}

/// What is handed over, and where it runs.
fn told(resolved: &Resolved) -> String {
    let place = if resolved.at.host.is_empty() { String::new() } else { format!(" on {}", resolved.at.host) };
    plain(&format!("{}{place}", resolved.shown().lines().next().unwrap_or_default()))
}

/// Hands the person's terminal over, with a line that says how to take it back, until it comes back. The run goes on
/// meanwhile: what a side shell asks is answered. What there is to be known of that is given too.
pub fn hand_over(control: &mut dyn Control, handing: &Handing) -> (io::Result<HandedBack>, Vec<Notice>) {
    let mut out = io::stdout();
    let last = "Ctrl-] takes your terminal back; the program goes on ---".to_owned();
    let lines = std::iter::once(&handing.what).chain(&handing.note).chain([&last]);
    let _ = writeln!(out);
    let room = columns(&out).saturating_sub(4);
    for piece in lines.flat_map(|line| wrap(line, room)) {
        let _ = writeln!(out, "--- {piece}");
    }
    let _ = out.flush();
    let (back, notices) = while_handed_over(control, || exec::hand_over(&handing.door));
    let back = match back {
        // What was over in an instant has shut its door already.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            Ok(HandedBack::Ended)
        }
        back => back,
    };
    let words = match &back {
        Ok(HandedBack::Ended) => "the program has ended".to_owned(),
        Ok(HandedBack::Taken) => "the program goes on".to_owned(),
        Ok(HandedBack::Signal(_) | HandedBack::Gone) => "the terminal is given back; the program goes on".to_owned(),
        Err(error) => format!("the terminal could not be handed over: {}", plain(&chain(error))),
    };
    let _ = writeln!(out, "\n--- {words} ---");
    (back, notices)
}

fn columns(out: &io::Stdout) -> usize {
    match rustix::termios::tcgetwinsize(out) {
        Ok(size) if size.ws_col >= 20 => usize::from(size.ws_col),
        Ok(_) | Err(_) => 80,
    }
}

/// Lends the terminal on another thread, and drives the run on in this one.
fn while_handed_over<T: Send>(control: &mut dyn Control, hand: impl FnOnce() -> T + Send) -> (T, Vec<Notice>) {
    std::thread::scope(|scope| {
        let hand = scope.spawn(hand);
        let mut notices = Vec::new();
        while !hand.is_finished() {
            match control.poll(TURN) {
                Ok(more) => {
                    notices.extend(more.into_iter().filter(|one| !matches!(one, Notice::Changed | Notice::Output(_))));
                }
                Err(trouble) => notices.push(Notice::Said(plain(&trouble.to_string()))),
            }
        }
        (hand.join().expect("nothing in it panics"), notices)
    })
}
