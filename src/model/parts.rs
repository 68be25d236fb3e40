//! What a step is made of: its tests and its commands, wherever they stand in it.

use super::fields::UndoHow;
use super::step::Kind;
use super::{Command, Step, Test};
use crate::source::Span;

impl Step {
    /// Its tests: its own, what it needs, what is true when it is done, and when it is undone.
    pub fn tests(&self) -> impl Iterator<Item = &Test> {
        let own = match &self.kind {
            Kind::Check(test) | Kind::Wait { test, .. } => Some(test),
            Kind::Change(_)
            | Kind::ByHand(_)
            | Kind::Question(_)
            | Kind::Terminal(_)
            | Kind::Announce(_)
            | Kind::Edit(_)
            | Kind::Include { .. }
            | Kind::Steps(_) => None,
        };
        let undone = self.fields.undo.iter().filter_map(|undo| undo.done_when.as_ref());
        own.into_iter().chain(&self.fields.needs.0).chain(&self.fields.done_when.0).chain(undone)
    }

    /// Its commands, with those of its tests and its way back; not those of the steps in it.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        let of_tests = self.tests().filter_map(|test| match test {
            Test::Command(command) => Some(command),
            Test::Probe(_) => None,
        });
        let own = match &self.kind {
            Kind::Change(command) | Kind::Terminal(command) => Some(command),
            Kind::Check(_)
            | Kind::Wait { .. }
            | Kind::ByHand(_)
            | Kind::Question(_)
            | Kind::Announce(_)
            | Kind::Edit(_)
            | Kind::Include { .. }
            | Kind::Steps(_) => None,
        };
        let back = self.fields.undo.iter().filter_map(|undo| match &undo.how {
            UndoHow::Change(command) => Some(command),
            UndoHow::ByHand(_) => None,
        });
        of_tests.chain(own).chain(back)
    }

    /// Where a caret points when the step as a whole is meant: its title, or what it does.
    pub fn place(&self) -> Span {
        let of_test = |test: &Test| match test {
            Test::Command(command) => command.span(),
            Test::Probe(probe) => probe.span(),
        };
        match (&self.fields.title, &self.kind) {
            (Some(title), _) => title.span,
            (None, Kind::Check(test) | Kind::Wait { test, .. }) => of_test(test),
            (None, Kind::Change(command) | Kind::Terminal(command)) => command.span(),
            (None, Kind::ByHand(text) | Kind::Question(text) | Kind::Announce(text) | Kind::Edit(text)) => text.span,
            (None, Kind::Include { runbook, .. }) => runbook.span,
            (None, Kind::Steps(steps)) => steps.first().map_or(self.span, Self::place),
        }
    }

    /// Whether it changes something through locum: with a command, in a program, or as an edit.
    pub fn changes(&self) -> bool {
        matches!(self.kind, Kind::Change(_) | Kind::Terminal(_) | Kind::Edit(_))
    }
}
