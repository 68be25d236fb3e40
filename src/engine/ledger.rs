//! The ledger of ways back: what this run changed and has not undone, newest first, what each way back would do, and
//! up to where everything comes back.

use super::Plan;
use super::record::WayBack;
use super::resolve::{Resolver, Work};
use super::run::{Attempt, Run};

/// All of it, newest first.
#[derive(Clone, Debug)]
pub struct Ledger<'a> {
    pub entries: Vec<Entry<'a>>,
}

/// One change that is not undone.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    pub attempt: &'a Attempt,
    pub way: Way,
    pub stands: Stands,
}

/// What going a way back would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Puts so many files back.
    Copy { entries: u64 },
    /// Runs this.
    Command(String),
    /// A person does this.
    ByHand(String),
    /// Nothing does: why.
    None(String),
}

/// When a way back can be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// Now: it is the newest.
    Next,
    /// Once those above it are gone.
    Later,
    /// It was tried, and not everything is back; it is the next one too.
    Unfinished,
    /// Never: a point of no return. What it did stays.
    Never,
}

impl<'a> Ledger<'a> {
    pub fn of(plan: &Plan, run: &'a Run) -> Self {
        let next = run.newest_way_back().map(|attempt| &attempt.intent.attempt);
        let unfinished = run.unfinished_way_back().is_some();
        let entry = |attempt: &'a Attempt| {
            let way = way(plan, run, attempt);
            let stands = match &way {
                Way::None(_) => Stands::Never,
                Way::Copy { .. } | Way::Command(_) | Way::ByHand(_) if next != Some(&attempt.intent.attempt) => {
                    Stands::Later
                }
                Way::Copy { .. } | Way::Command(_) | Way::ByHand(_) if unfinished => Stands::Unfinished,
                Way::Copy { .. } | Way::Command(_) | Way::ByHand(_) => Stands::Next,
            };
            Entry { attempt, way, stands }
        };
        Self { entries: run.ledger().map(entry).collect() }
    }

    /// The newest point of no return: behind it not everything comes back.
    pub fn no_return(&self) -> Option<&Entry<'a>> {
        self.entries.iter().find(|entry| entry.stands == Stands::Never)
    }

    /// How many of the newest changes come back without leaving anything behind.
    pub fn whole(&self) -> usize {
        self.entries.iter().take_while(|entry| entry.stands != Stands::Never).count()
    }
}

/// What is on record of a way back, filled in with the values of its attempt.
fn way(plan: &Plan, run: &Run, attempt: &Attempt) -> Way {
    match &attempt.intent.undo {
        Some(WayBack::None { why }) => return Way::None(why.clone()),
        Some(WayBack::Copy { entries, .. }) => return Way::Copy { entries: *entries },
        Some(WayBack::Command | WayBack::ByHand) | None => {}
    }
    match Resolver::new(plan, run, Some(&attempt.intent.step)).way_back(attempt) {
        Ok(back) => match &back.work {
            Work::ByHand(text) => Way::ByHand(text.clone()),
            _ => Way::Command(back.shown()),
        },
        Err(why) => Way::None(why.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::record::Judged;
    use crate::engine::testkit::Conversation;

    /// Five changes of every kind.
    fn changed() -> Conversation {
        let text = "scope: { files: [/etc/x] }\nrepair:\n  - { id: a, change: 'true', undo: ls }\n  - { id: b, change: 'true', no_undo: it stays }\n  \
                    - { id: c, change: 'true', undo: mv b a }\n  - { id: d, change: 'true', undo: { by_hand: Pull the plug. } }\n  \
                    - { id: e, change: 'true' }\n  - { id: f, change: 'true' }\n";
        let mut run = Conversation::new(text);
        run.enter().ok("a").ok("b").ok("c").ok("d").ok("e");
        run
    }

    fn said(run: &Conversation) -> Vec<String> {
        let ledger = Ledger::of(&run.plan, &run.run);
        let word = |entry: &Entry| format!("{} {:?} {:?}", entry.attempt.intent.step, entry.stands, entry.way);
        ledger.entries.iter().map(word).collect()
    }

    #[test]
    fn each_change_says_what_its_way_back_would_do_newest_first() {
        let run = changed();
        assert_eq!(
            said(&run),
            [
                "e Next Copy { entries: 63 }",
                "d Later ByHand(\"Pull the plug.\")",
                "c Later Command(\"mv b a\")",
                "b Never None(\"it stays\")",
                "a Later Command(\"ls\")",
            ]
        );
        let ledger = Ledger::of(&run.plan, &run.run);
        assert_eq!(ledger.whole(), 3);
        assert_eq!(ledger.no_return().expect("a point").attempt.intent.step.id, "b");
    }

    #[test]
    fn what_was_tried_and_is_not_whole_says_so_and_what_is_back_is_gone_from_it() {
        let mut run = changed();
        run.undo(Judged::Failed);
        assert_eq!(said(&run)[0], "e Unfinished Copy { entries: 63 }");
        run.undo(Judged::Passed);
        assert_eq!(said(&run)[0], "d Next ByHand(\"Pull the plug.\")");
    }

    #[test]
    fn before_anything_changed_there_is_nothing_in_it() {
        let run = Conversation::new("repair: [ { id: a, change: 'true', undo: ls } ]\n");
        let ledger = Ledger::of(&run.plan, &run.run);
        assert!(ledger.entries.is_empty() && ledger.no_return().is_none());
    }
}
