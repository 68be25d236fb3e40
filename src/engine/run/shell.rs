//! Side shells of a run: what was done in them outside of the runbook.

use super::Run;
use crate::engine::key::{AttemptId, Key};
use crate::engine::record::{Facts, ShellOpening};

/// A side shell from its opening to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct SideShell {
    pub opening: ShellOpening,
    pub opened_at: String,
    /// What was typed, in order; what was refused is among it.
    pub commands: Vec<ShellCommand>,
    pub end: Option<Facts>,
    pub ended_at: Option<String>,
}

/// What somebody typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShellCommand {
    pub at: String,
    pub text: String,
    /// How it ended, where that was heard.
    pub code: Option<i32>,
    /// Why it did not run.
    pub refused: Option<String>,
}

impl SideShell {
    pub fn is_open(&self) -> bool {
        self.end.is_none()
    }

    /// The commands that were let go.
    pub fn ran(&self) -> impl Iterator<Item = &ShellCommand> {
        self.commands.iter().filter(|command| command.refused.is_none())
    }

    /// The newest command that was let go and of whose end nothing was heard.
    pub fn pending(&self) -> Option<&ShellCommand> {
        self.ran().last().filter(|command| command.code.is_none())
    }
}

impl Run {
    /// The side shell that is open.
    pub fn open_shell(&self) -> Option<&SideShell> {
        self.shells.last().filter(|shell| shell.is_open())
    }

    /// A side shell by its id.
    pub fn shell(&self, id: &AttemptId) -> Option<&SideShell> {
        self.shells.iter().find(|shell| shell.opening.shell == *id)
    }

    /// The side shells that were opened at a step.
    pub fn shells_at(&self, step: &Key) -> impl Iterator<Item = &SideShell> {
        self.shells.iter().filter(move |shell| shell.opening.step.as_ref() == Some(step))
    }

    pub(super) fn open_side_shell(&mut self, opening: &ShellOpening, at: String) {
        let opening = opening.clone();
        self.shells.push(SideShell { opening, opened_at: at, commands: Vec::new(), end: None, ended_at: None });
    }

    pub(super) fn typed(&mut self, shell: &AttemptId, text: &str, refused: Option<&str>, at: String) {
        let Some(shell) = self.shell_mut(shell) else { return };
        let (text, refused) = (text.to_owned(), refused.map(str::to_owned));
        shell.commands.push(ShellCommand { at, text, code: None, refused });
    }

    pub(super) fn typed_ended(&mut self, shell: &AttemptId, code: i32) {
        let commands = self.shell_mut(shell).map(|shell| &mut shell.commands);
        let newest = commands.and_then(|commands| commands.iter_mut().rev().find(|one| one.refused.is_none()));
        if let Some(newest) = newest.filter(|newest| newest.code.is_none()) {
            newest.code = Some(code);
        }
    }

    pub(super) fn close_side_shell(&mut self, shell: &AttemptId, facts: &Facts, at: String) {
        if let Some(shell) = self.shell_mut(shell) {
            (shell.end, shell.ended_at) = (Some(facts.clone()), Some(at));
        }
    }

    fn shell_mut(&mut self, id: &AttemptId) -> Option<&mut SideShell> {
        self.shells.iter_mut().find(|shell| shell.opening.shell == *id)
    }
}
