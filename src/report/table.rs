//! One line a run, for `locum runs`.

use super::place::{mode_words, stands};
use super::times;
use crate::engine::Run;
use crate::engine::record::Mode;
use crate::text::Zone;
use crate::text::sanitizer::plain;
use crate::text::width::{columns, pad, shorten};

/// Longest column, in columns of the terminal.
const WIDEST: usize = 60;

/// A run in the list: what its journal folds to, or that it cannot be read.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: String,
    /// The run, or why there is none.
    pub run: Result<Run, String>,
}

/// The runs as a table with a heading, in the order given; times in `zone`. Where a line of it would not fit into
/// `width` columns, each run is a few short lines.
pub fn runs_table(rows: &[Row], zone: Zone, width: usize) -> String {
    if rows.is_empty() {
        return "no runs\n".to_owned();
    }
    let heading = ["RUN", "RUNBOOK", "MODE", "STATE", "STANDS", "SINCE", "BY"].map(str::to_owned);
    let lines: Vec<[String; 7]> = std::iter::once(heading).chain(rows.iter().map(|row| cells(row, zone))).collect();
    let widths: Vec<usize> = (0..7).map(|at| lines.iter().map(|line| columns(&line[at])).max().unwrap_or(0)).collect();
    if widths.iter().sum::<usize>() + 2 * 6 > width {
        return lines[1..].iter().map(block).collect();
    }
    let draw = |line: &[String; 7]| {
        let cells: Vec<_> = line.iter().zip(&widths).map(|(cell, width)| pad(cell, *width)).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    lines.iter().map(draw).collect()
}

/// A run where there is no room for a table.
fn block([id, runbook, mode, state, stands, since, by]: &[String; 7]) -> String {
    format!("{id}  {mode}  {state}\n  {runbook}\n  {stands}\n  {since}\n  {by}\n")
}

fn cells(row: &Row, zone: Zone) -> [String; 7] {
    let run = match &row.run {
        Ok(run) => run,
        Err(why) => {
            let none = || "-".to_owned();
            return [
                plain(&row.id),
                none(),
                none(),
                "UNREADABLE".to_owned(),
                shorten(&plain(why), WIDEST),
                none(),
                none(),
            ];
        }
    };
    let opened = run.opened.as_ref();
    let state = if run.closed.is_some() {
        "closed"
    } else if run.broken.is_some() {
        "GUARD BROKEN"
    } else if run.mode() == Mode::Drill {
        "unfinished"
    } else {
        "open"
    };
    let since = times::parse(&run.last_at)
        .map_or_else(|| plain(&run.last_at), |at| at.with_timezone(&zone).format("%F %H:%M %Z").to_string());
    [
        plain(&row.id),
        opened.map_or_else(|| "-".to_owned(), |opened| plain(&opened.runbook.id)),
        mode_words(run.mode()).to_owned(),
        state.to_owned(),
        shorten(&plain(&stands(run)), WIDEST),
        since,
        opened.map_or_else(|| "-".to_owned(), |opened| plain(&format!("{}@{}", opened.who.claimed, opened.who.host))),
    ]
}
