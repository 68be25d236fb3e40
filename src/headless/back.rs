//! The newest way back without a person: only where the answers name the step that it goes back from.

use super::{HOW, Headless, HeadlessError, UNDO};
use crate::engine::record::{Confirm, Judged};
use crate::engine::resolve::Resolver;
use crate::engine::{Exit, Key, Ledger};

impl Headless<'_> {
    /// Goes the newest way back, and no other; `again` says why where it was tried before.
    pub fn undo(&mut self, again: Option<String>) -> Result<Exit, HeadlessError> {
        self.wait()?;
        let run = self.control.run();
        let Some(back) = run.newest_way_back() else {
            let why =
                Ledger::of(self.control.plan(), run).no_return().map(|entry| entry.attempt.intent.step.to_string());
            let why = why.map_or("nothing was changed".to_owned(), |step| format!("what `{step}` did stays"));
            self.say(&format!("there is no way back to go: {why}"))?;
            return Ok(Exit::PersonNeeded);
        };
        let step = back.intent.step.clone();
        if let Some(exit) = self.named(&step)? {
            return Ok(exit);
        }
        let resolved = Resolver::new(self.control.plan(), self.control.run(), Some(&step))
            .way_back(self.control.run().newest_way_back().expect("it was there just now"));
        let resolved = match resolved {
            Ok(resolved) => resolved,
            Err(why) => {
                self.say(&format!("{step}: {why}"))?;
                return Ok(Exit::PersonNeeded);
            }
        };
        let confirm = Confirm { how: HOW.to_owned(), text: resolved.confirm_word.clone() };
        self.control.undo(&resolved.digest(), confirm, again)?;
        self.wait()?;
        self.how_it_went(&step)
    }

    /// The answer names the step; another one, or none, changes nothing.
    fn named(&mut self, step: &Key) -> Result<Option<Exit>, HeadlessError> {
        match self.answers.answers.get(UNDO).map(|answer| answer.trim().to_owned()) {
            Some(answer) if answer == step.to_string() || answer == step.id => Ok(None),
            Some(answer) => {
                self.say(&format!("the newest way back is that of `{step}`, not of `{answer}`; nothing ran"))?;
                Ok(Some(Exit::WrongTarget))
            }
            None => {
                self.say(&format!(
                    "{step}: a person must decide: go back (`undo: {step}` in the answers); nothing ran"
                ))?;
                Ok(Some(Exit::PersonNeeded))
            }
        }
    }

    fn how_it_went(&mut self, step: &Key) -> Result<Exit, HeadlessError> {
        let newest = self.control.run().attempts.values().next_back();
        let end = newest.filter(|attempt| attempt.intent.undoes.is_some()).and_then(|attempt| attempt.end.clone());
        let Some(end) = end else { return Ok(Exit::PersonNeeded) };
        let found = if end.found.is_empty() { String::new() } else { format!(": {}", end.found.join("; ")) };
        let (word, exit) = match end.judged {
            Judged::Passed => ("undone", Exit::Done),
            Judged::Failed => ("the way back failed", Exit::StepFailed),
            Judged::Unknown => ("it is not known whether all of it is back", Exit::PersonNeeded),
        };
        self.say(&format!("{step}: {word}{found}"))?;
        Ok(if self.control.run().is_frozen() { Exit::GuardBroken } else { exit })
    }
}
