//! What a lost line means for a change on another machine, and what is told of it from over there.

use super::task::Task;
use crate::engine::record::{Facts, Judged};
use crate::engine::resolve::Via;
use crate::exec::{Afar, Ending, Exit};
use crate::text::plain;

impl Task {
    /// Adds to what a change gave what is known of its line, and of what it left over there.
    pub(super) fn over_the_line(&self, exit: &Exit, afar: &Afar, facts: Facts) -> Facts {
        let at = &self.resolved.at;
        let host = plain(&at.host);
        let mut facts = self.asker.over_the_line(exit, facts);
        facts.line_lost = afar.lost;
        facts.leftover.extend(afar.left.iter().map(|left| format!("{host}: {} {}", left.pid, plain(&left.command))));
        if afar.not_told {
            let what = self.resolved.shown();
            let what = plain(what.lines().next().unwrap_or_default());
            facts.leftover.push(format!("{host}: {what} (it could not be told to end)"));
        }
        if afar.lost > 0 {
            let times = if afar.lost == 1 { "once".to_owned() } else { format!("{} times", afar.lost) };
            facts.found.insert(0, format!("the line to {host} was lost {times}"));
        }
        let no_end = match at.via {
            Via::Ssh => exit.result == Ending::Signaled,
            // The words before the command end in a way of their own when their line is lost.
            Via::Prefix(_) => exit.code != Some(0) && matches!(exit.result, Ending::Exited | Ending::Signaled),
            Via::Here => false,
        };
        if no_end && self.resolved.armed.is_some() && facts.armed.is_none() {
            facts.found.insert(0, "nobody knows whether it went back by itself".to_owned());
        } else if no_end && self.resolved.may_disconnect && !exit.cancelled {
            facts.judged = Judged::Passed;
            facts.found.insert(0, format!("the line to {host} gave no end, so what tells that it is done decides"));
        }
        facts
    }
}
