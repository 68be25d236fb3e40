//! What goes on beside the screen: threads that look, prepare, carry and settle, and the messages they send.

use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::ask::{self, Asker, Purpose, Wanted, measured};
use super::deed::Deeded;
use super::side_shell::ShellSettled;
use super::stop::Stop;
use super::watch::{Sight, Watch};
use crate::engine::command::{Answer, Ending};
use crate::engine::record::{Changed, Disarmed, Does, EndResult, Facts, Guards, Judged, Matched, Target, WayBack};
use crate::engine::resolve::{Resolved, TestLine, UndoLine, Work};
use crate::engine::{AttemptId, Key};
use crate::exec::{self, Afar, ExecError, Exit, Supervised, Taken};

/// One queue, one decider: everything that happens comes as one of these.
#[derive(Debug)]
pub enum Msg {
    /// A look has its end.
    Looked(Box<Ending>),
    /// What a change needs was measured.
    Prepared(Result<Box<Prepared>, String>),
    /// The command ended; what it did is being measured.
    Settling,
    /// A change or a way back has its end.
    Settled(Result<Box<Settled>, String>),
    /// Whether a step is done already was asked once more.
    Held { step: Key, how: String, held: Vec<Matched> },
    /// A person said how it went in a program; whether it is done was measured.
    Concluded { step: Key, answer: Answer, how: String, done: Vec<Matched> },
    /// What a deed by hand needs was measured.
    Needs { step: Key, needs: Vec<Matched> },
    /// How a deed by hand ended, with everything that was measured after it.
    Deeded(Result<Box<Deeded>, String>),
    /// Everything was measured to go into repair.
    Entered { how: String, measured: Result<Option<(Guards, Sight)>, String> },
    /// Everything was measured to open a side shell.
    ShellMeasured { shell: AttemptId, reason: String, measured: Result<Option<(Guards, Sight)>, String> },
    /// A side shell asks, and waits.
    ShellAsks { shell: AttemptId, question: exec::Question, tell: Sender<exec::Answered> },
    /// A side shell has ended; what it did is being measured.
    ShellEnded,
    /// It was measured.
    ShellSettled(Result<Box<ShellSettled>, String>),
    /// Words for the footer.
    Said(String),
}

/// Everything that was measured just before a change.
#[derive(Debug)]
pub struct Prepared {
    pub needs: Vec<Matched>,
    /// `done_when`, where it was asked.
    pub done: Vec<Matched>,
    pub sight: Option<Sight>,
    pub guards: Option<Guards>,
    pub way_back: Option<WayBack>,
    /// What the place answered.
    pub target: Option<Target>,
}

/// A change with its end, and what is measured now.
#[derive(Debug)]
pub struct Settled {
    pub ending: Ending,
    pub sight: Option<Sight>,
}

/// What a task works on.
#[derive(Clone, Debug)]
pub struct Task {
    pub resolved: Resolved,
    pub attempt: AttemptId,
    pub asker: Asker,
    pub watch: Watch,
    /// Output of the attempt.
    pub blob: PathBuf,
    /// Where the copy of the scope goes.
    pub copy: PathBuf,
    /// What is told of a command on another machine besides.
    pub there: PathBuf,
    pub stop: Stop,
    pub to: Sender<Msg>,
}

/// How often the end of a command is looked for, between other messages.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long `done_when` is asked again after a change whose line was lost.
const IS_THERE_AGAIN: Duration = Duration::from_mins(1);
/// How long is waited in between.
const BETWEEN_ASKING: Duration = Duration::from_secs(2);

/// How a wait or a test ends when nobody listens any more: it does not matter.
pub(super) fn send(to: &Sender<Msg>, msg: Msg) {
    let _ = to.send(msg);
}

impl Task {
    /// A check or a wait, to its end.
    pub fn look(self) {
        let facts = match &self.resolved.work {
            Work::Wait { test, every, at_most, hold } => self.wait(test, *every, *at_most, *hold),
            Work::Test(test) => self.ask(test),
            Work::Command(_)
            | Work::Terminal(_)
            | Work::Restore
            | Work::ByHand(_)
            | Work::Question { .. }
            | Work::Edit { .. }
            | Work::Announce { .. } => measured(Judged::Unknown),
        };
        let ending = self.ending(facts, None);
        send(&self.to, Msg::Looked(Box::new(ending)));
    }

    /// Tells people, channel by channel; one that fails keeps the others from nothing.
    pub fn announce(self) {
        let begun = Instant::now();
        let (text, to): (&str, &[String]) = match &self.resolved.work {
            Work::Announce { text, to } => (text, to),
            _ => ("", &[]),
        };
        let sent: Vec<_> = to.iter().map(|name| (name, self.asker.tell(name, text, &self.blob, &self.stop))).collect();
        let judged = if sent.iter().all(|(_, sent)| sent.is_ok()) { Judged::Passed } else { Judged::Unknown };
        let found = sent.iter().map(|(name, sent)| match sent {
            Ok(()) => format!("sent to {name}"),
            Err(why) => format!("NOT sent to {name}: {why}"),
        });
        let mut facts = Facts { found: found.map(|line| crate::text::plain(&line)).collect(), ..measured(judged) };
        facts.dur_ms = ask::since(begun);
        send(&self.to, Msg::Said(facts.found.join("; ")));
        let ending = self.ending(facts, None);
        send(&self.to, Msg::Looked(Box::new(ending)));
    }

    /// Asks the machine, or each of several.
    fn ask(&self, test: &TestLine) -> Facts {
        if self.resolved.on.is_empty() {
            return self.asker.test(test, &self.wanted(), &self.blob, &self.stop);
        }
        let begun = Instant::now();
        let facts = super::hosts::look_on_all(&self.asker, &self.resolved.on, &self.blob, &self.stop);
        Facts { dur_ms: ask::since(begun), ..facts }
    }

    fn wait(&self, test: &TestLine, every: Duration, at_most: Duration, hold: Duration) -> Facts {
        let begun = Instant::now();
        let mut held_since: Option<Instant> = None;
        loop {
            let mut facts = self.ask(test);
            facts.dur_ms = ask::since(begun);
            if facts.judged == Judged::Passed {
                let since = *held_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= hold {
                    return facts;
                }
            } else {
                held_since = None;
            }
            let left = at_most.saturating_sub(begun.elapsed());
            if left.is_zero() || self.stop.is_asked() {
                facts.judged = if self.stop.is_asked() { Judged::Unknown } else { Judged::Failed };
                facts.found.insert(0, format!("not within {}", crate::text::human(at_most)));
                return facts;
            }
            self.stop.sleep(every.min(left));
        }
    }

    pub(super) fn wanted(&self) -> Wanted<'_> {
        let keep = !matches!(&self.resolved.work, Work::Command(line) | Work::Terminal(line) if !line.keep);
        Wanted { expect: &self.resolved.expect, captures: &self.resolved.captures, keep }
    }

    fn ending(&self, facts: Facts, guards: Option<Guards>) -> Ending {
        let fits = |got: &Option<String>| {
            got.as_ref()
                .is_some_and(|got| ask::got(&self.blob, got) || facts.found.iter().any(|line| line.contains(got)))
        };
        let got = self.resolved.got.iter().map(fits).collect();
        Ending { attempt: self.attempt.clone(), facts, got, guards }
    }

    /// Whether the step is done already, asked once more.
    pub fn ask_done(self, how: String) {
        let held = self.asker.all(&self.resolved.done_when, &self.blob, Purpose::Before, &self.stop);
        send(&self.to, Msg::Held { step: self.resolved.key.clone(), how, held });
    }

    /// Before a change: needs, whether it is done already, guards, the copy.
    pub fn prepare(self, before: Option<&Sight>, ask_done: AskDone) {
        let prepared = self.measure_before(before, ask_done);
        send(&self.to, Msg::Prepared(prepared.map(Box::new)));
    }

    fn measure_before(&self, before: Option<&Sight>, ask_done: AskDone) -> Result<Prepared, String> {
        let needs = self.asker.all(&self.resolved.needs, &self.blob, Purpose::Needs, &self.stop);
        let done = match ask_done {
            AskDone::Yes => self.asker.all(&self.resolved.done_when, &self.blob, Purpose::Before, &self.stop),
            AskDone::No => Vec::new(),
        };
        let sight = self.asker.sight(&self.watch, &self.blob, &self.stop)?;
        let guards = sight.as_ref().map(|now| self.watch.held_to(before, now)).transpose();
        let guards = guards.map_err(|error| error.to_string())?;
        let broken = guards.as_ref().is_some_and(|guards| !guards.broken.is_empty());
        let copies = self.resolved.does == Does::Change && self.resolved.undo == UndoLine::Copy;
        let goes_on = copies && !broken && needs.iter().all(|need| need.held);
        let way_back = if goes_on { Some(self.take_copies()?) } else { None };
        let target = self.resolved.at.prove.as_ref().map(|prove| self.asker.prove(prove, &self.blob, &self.stop));
        Ok(Prepared { needs, done, sight, guards, way_back, target })
    }

    /// While a change runs, and after it.
    pub fn carry(self, mut supervised: Supervised, before: Option<Sight>) {
        let exit = watch_to_end(&mut supervised, &self.stop, &self.to);
        let taken = supervised.taken().clone();
        self.settle_exit(exit.ok().as_ref(), taken, before);
    }

    /// After a command: what it gave, what it did.
    pub fn settle_exit(self, exit: Option<&Exit>, taken: Taken, before: Option<Sight>) {
        send(&self.to, Msg::Settling);
        let facts = match exit {
            Some(exit) if matches!(self.resolved.work, Work::Terminal(_)) => self.left_by_a_person(exit),
            Some(exit) => {
                let afar = Afar::read(&self.there);
                let exit = Exit { armed: exit.armed.clone().or_else(|| afar.armed.clone()), ..exit.clone() };
                let facts = self.asker.facts_of(&exit, taken, &self.blob, &self.wanted());
                self.over_the_line(&exit, &afar, facts)
            }
            None => self.orphaned(),
        };
        self.settle(facts, before);
    }

    /// What `done_when` says; where its line was lost, what it began may still be on its way.
    fn done(&self, facts: &Facts) -> Vec<Matched> {
        let waits = self.resolved.may_disconnect && (facts.line_lost > 0 || facts.result == EndResult::Signaled);
        let until = Instant::now() + if waits { IS_THERE_AGAIN } else { Duration::ZERO };
        loop {
            let done = self.asker.all(&self.resolved.done_when, &self.blob, Purpose::After, &self.stop);
            if done.iter().all(|test| test.held) || Instant::now() >= until || self.stop.is_asked() {
                return done;
            }
            self.stop.sleep(BETWEEN_ASKING);
        }
    }

    /// Nobody attends to it any more: what it left running is found by the attempt in its environment.
    fn orphaned(&self) -> Facts {
        let left = exec::survivors(&self.attempt.0);
        let leftover = left.iter().map(|left| format!("{} {}", left.pid, crate::text::plain(&left.command))).collect();
        let found = vec!["its supervisor is gone without a word".to_owned()];
        Facts { leftover, found, ..measured(Judged::Unknown) }
    }

    /// `done_when`, captures, guards; then it has its end.
    pub fn settle(self, mut facts: Facts, before: Option<Sight>) {
        self.weigh_armed(&mut facts);
        if facts.judged == Judged::Passed {
            let done = self.done(&facts);
            facts.found.splice(0..0, done.iter().filter_map(Matched::missed).collect::<Vec<_>>());
            facts.judged = Judged::of_all(&done);
            facts.matched.extend(done);
        }
        let settled = self.guards_after(&mut facts, before);
        let settled = settled.map(|(guards, sight)| Box::new(Settled { ending: self.ending(facts, guards), sight }));
        send(&self.to, Msg::Settled(settled));
    }

    /// A way back that was gone by itself is whole only if what its author says of it holds.
    fn weigh_armed(&self, facts: &mut Facts) {
        let Some(Disarmed::WentBack { judged: judged @ Judged::Passed, .. }) = &mut facts.armed else { return };
        let held = self.asker.all(&self.resolved.undo_done_when, &self.blob, Purpose::After, &self.stop);
        if let Some(missed) = held.iter().find(|test| !test.held) {
            *judged = Judged::Failed;
            facts.found.insert(0, format!("the way back ran by itself, but not {}", missed.what));
        }
        facts.matched.extend(held);
    }

    /// A change whose end nobody saw: what it did to the guards. `None` where that says nothing more than was known.
    pub fn weigh(&self, mut facts: Facts, before: Option<Sight>) -> Result<Option<Settled>, String> {
        let (guards, sight) = self.guards_after(&mut facts, before)?;
        let says = guards.is_some() || facts.judged == Judged::Passed;
        Ok(says.then(|| Settled { ending: self.ending(facts, guards), sight }))
    }

    fn guards_after(
        &self,
        facts: &mut Facts,
        before: Option<Sight>,
    ) -> Result<(Option<Guards>, Option<Sight>), String> {
        let Some(before) = before else { return Ok((None, None)) };
        let may_change: &[String] = match (self.resolved.does, &self.resolved.work) {
            (Does::Undo, Work::Restore) => &[],
            _ => &self.resolved.may_change,
        };
        let (asked, beside) = ((&self.asker, &self.watch), (self.blob.as_path(), &self.stop));
        let (guards, sight, why) = guards_after(asked, beside, Some(before), may_change)?;
        facts.found.splice(0..0, why);
        Ok((guards, sight))
    }
}

/// A measure of the guards and what they are now; in words, what could not be measured.
pub(super) type After = (Option<Guards>, Option<Sight>, Option<String>);

/// The guards, measured after something was done. What cannot be measured counts as broken: nobody knows what is there now.
pub(super) fn guards_after(
    (asker, watch): (&Asker, &Watch),
    (blob, stop): (&Path, &Stop),
    before: Option<Sight>,
    may_change: &[String],
) -> Result<After, String> {
    let Some(before) = before else { return Ok((None, None, None)) };
    match asker.sight(watch, blob, stop) {
        Ok(Some(now)) => {
            let guards = watch.compare(&before, &now, may_change, &asker.place.at);
            let guards = guards.map_err(|error| error.to_string())?;
            Ok((Some(guards), Some(now), None))
        }
        Ok(None) => Ok((None, None, None)),
        Err(why) => {
            let broken =
                vec![Changed { path: why.clone(), what: "cannot be measured".to_owned(), ..Changed::default() }];
            Ok((Some(Guards { broken, ..before.guards() }), None, Some(crate::text::plain(&why))))
        }
    }
}

/// Waits for the end of what is supervised; a wish to stop is passed on, and what must be known meanwhile is said.
pub(super) fn watch_to_end(supervised: &mut Supervised, stop: &Stop, to: &Sender<Msg>) -> Result<Exit, ExecError> {
    let (mut cancelled, mut told) = (false, false);
    loop {
        match supervised.wait(Some(LOOK_EVERY)) {
            Ok(Some(exit)) => return Ok(exit),
            Ok(None) => {}
            Err(error) => return Err(error),
        }
        if supervised.overdue() && !told {
            told = true;
            let words = "it takes longer than it should; it goes on, and nothing ends it but you";
            send(to, Msg::Said(words.to_owned()));
        }
        let left = supervised.cannot_end();
        if !left.is_empty() {
            let left: Vec<_> = left.iter().map(|one| format!("{} {}", one.pid, one.command)).collect();
            let words = format!("these cannot be ended from here, and go on: {}", left.join("; "));
            send(to, Msg::Said(crate::text::plain(&words)));
        }
        if stop.is_asked() && !cancelled {
            cancelled = true;
            if let Err(error) = supervised.cancel() {
                send(to, Msg::Said(format!("it cannot be told to stop: {}", ask::chain(&error))));
            }
        }
    }
}

/// Whether `done_when` is asked before a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskDone {
    Yes,
    No,
}
