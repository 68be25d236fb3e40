//! What a run leaves for people: the report, one line a record, one line a run.
//!
//! Everything here is a function of a plan and a run, so a report of the journal read back is the report of the run
//! while it ran. Whatever was typed, captured or written in a runbook is put in as text.

mod changes;
mod deeds;
mod findings;
mod head;
mod log;
mod place;
mod remarks;
mod replay;
mod shells;
mod table;
mod times;

#[cfg(test)]
pub mod sample;

pub use log::{log_line, note_line};
pub use replay::{Pace, Shown, shown};
pub use shells::told as shell_told;
pub use table::{Row, runs_table};

use crate::engine::{Plan, Run};
use crate::text::Zone;
use times::Times;

/// Who reads.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    /// Times are shown in this zone too, where it is not the operator's.
    pub zone: Zone,
}

/// The report of a run, in Markdown. Its first ten lines say on a phone what has to be known.
pub fn markdown(plan: &Plan, run: &Run, reader: Reader) -> String {
    let times = Times::new(run, reader.zone);
    let mut out = head::lines(plan, run, times);
    let sections = [
        ("What was found", findings::section(plan, run)),
        ("Who did what", deeds::section(plan, run, times)),
        ("Outside the runbook", shells::section(plan, run, times)),
        ("What changed", changes::changed(run)),
        ("Guards", changes::guards(plan, run, times)),
        ("Ways back", changes::ways_back(plan, run)),
        ("Said and decided", remarks::said(plan, run, times)),
        ("Not known", remarks::unknown(plan, run, times)),
        ("Every step", place::steps(plan, run)),
        ("Outputs", deeds::outputs(run)),
        ("How it ended", remarks::ending(run, times)),
    ];
    for (title, body) in sections {
        out.push_str("\n## ");
        out.push_str(title);
        out.push_str("\n\n");
        out.push_str(if body.is_empty() { "Nothing.\n" } else { &body });
    }
    out
}

#[cfg(test)]
mod tests;
