//! What was done outside of the runbook: each side shell with what was typed in it.

use std::fmt::Write as _;

use super::place::named;
use super::times::Times;
use crate::engine::record::EndResult;
use crate::engine::run::{ShellCommand, SideShell};
use crate::engine::{Plan, Run};
use crate::text::markdown::{code, inline};
use crate::text::plain;
use crate::text::width::shorten;

pub fn section(plan: &Plan, run: &Run, times: Times) -> String {
    let who = run.opened.as_ref().map_or_else(|| "somebody".to_owned(), |opened| inline(&opened.who.claimed));
    let mut out = String::new();
    for shell in &run.shells {
        if !out.is_empty() {
            out.push('\n');
        }
        let at = shell.opening.step.as_ref().map_or_else(String::new, |step| format!(" at {}", named(plan, run, step)));
        let elsewhere = shell.opening.not_on.as_ref();
        let elsewhere = elsewhere.map_or_else(String::new, |other| format!(", **not on {}**", inline(other)));
        let _ = writeln!(
            out,
            "{}: {who} opened a side shell{at}, on {} as {}{elsewhere}: {}\n",
            times.full(&shell.opened_at),
            inline(&shell.opening.host),
            inline(&shell.opening.account),
            inline(&shell.opening.reason)
        );
        for command in &shell.commands {
            let _ =
                writeln!(out, "- {}, **{}**: {}", times.full(&command.at), what(shell, command), code(&command.text));
        }
        let _ = writeln!(out, "- {}", end(shell, times));
    }
    out
}

/// A side shell in plain words, for whoever comes to it later: why it was opened, what was typed, whether it is over.
pub fn told(shell: &SideShell) -> Vec<String> {
    let mut lines = vec![format!("a side shell was open: {}", plain(&shell.opening.reason))];
    lines.extend(shell.commands.iter().map(|command| {
        let end = match (&command.refused, command.code) {
            (Some(_), _) => "refused, did not run".to_owned(),
            (None, Some(code)) => format!("exit {code}"),
            (None, None) => "its end was not heard".to_owned(),
        };
        format!("  {}   ({end})", shorten(&plain(&command.text), LONGEST))
    }));
    if shell.commands.is_empty() {
        lines.push("  nothing was typed in it".to_owned());
    }
    lines.push(match shell.end {
        Some(_) => "it has ended, and what must not change was measured".to_owned(),
        None => "it is still open: go in with g, and end it with exit".to_owned(),
    });
    lines
}

/// Longest command in a line, in columns.
const LONGEST: usize = 100;

fn what(shell: &SideShell, command: &ShellCommand) -> String {
    let exited = shell.end.as_ref().is_some_and(|facts| facts.result == EndResult::Exited);
    match (&command.refused, command.code) {
        (None, None) if exited => "deviation, the last of it".to_owned(),
        (Some(why), _) => format!("refused ({})", inline(why)),
        (None, Some(code)) => format!("deviation, exit {code}"),
        (None, None) => "deviation, its end was not heard".to_owned(),
    }
}

fn end(shell: &SideShell, times: Times) -> String {
    let (Some(facts), Some(at)) = (&shell.end, &shell.ended_at) else {
        return "**it is still open**".to_owned();
    };
    let recording = facts
        .cast
        .as_ref()
        .map_or_else(String::new, |cast| format!("; what it showed: {}", code(&format!("blobs/{}", cast.blob))));
    let found = if facts.found.is_empty() { String::new() } else { format!(" ({})", inline(&facts.found.join("; "))) };
    format!("{}: it ended{found}{recording}", times.full(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::record::{Facts, Judged, ShellOpening, Stream};
    use crate::text::Zone;

    fn command(text: &str, code: Option<i32>, refused: Option<&str>) -> ShellCommand {
        let at = "2026-11-25T02:24:10.000Z".to_owned();
        ShellCommand { at, text: text.to_owned(), code, refused: refused.map(str::to_owned) }
    }

    #[test]
    fn what_was_typed_is_said_with_its_end_or_why_it_did_not_run() {
        let plan = crate::report::sample::plan();
        let mut run = Run::new("7f3a-k2");
        let opening = ShellOpening {
            reason: "look *around*".to_owned(),
            host: "kyousuke".to_owned(),
            account: "pepe".to_owned(),
            not_on: Some("masato".to_owned()),
            ..ShellOpening::default()
        };
        let commands = vec![
            command("ls `x`", Some(2), None),
            command("sleep 9", None, None),
            command("rm -rf /", None, Some("forbidden")),
        ];
        let opened_at = "2026-11-25T02:24:00.000Z".to_owned();
        run.shells.push(SideShell { opening, opened_at, commands, end: None, ended_at: None });
        let times = Times::new(&run, Zone::UTC);
        let said = section(&plan, &run, times);
        assert!(
            said.contains(r"opened a side shell, on kyousuke as pepe, **not on masato**: look \*around\*"),
            "{said}"
        );
        assert!(said.contains("**deviation, exit 2**: `` ls `x` ``"), "{said}");
        assert!(said.contains("**deviation, its end was not heard**: `sleep 9`"), "{said}");
        assert!(
            said.contains("**refused (forbidden)**: `rm -rf /`") && said.ends_with("**it is still open**\n"),
            "{said}"
        );
        assert_eq!(
            told(&run.shells[0]),
            [
                "a side shell was open: look *around*",
                "  ls `x`   (exit 2)",
                "  sleep 9   (its end was not heard)",
                "  rm -rf /   (refused, did not run)",
                "it is still open: go in with g, and end it with exit"
            ]
        );
        let mut facts = Facts::new(EndResult::Exited, Judged::Unknown);
        facts.cast = Some(Stream { blob: "1-2-ab.cast".to_owned(), ..Stream::default() });
        (run.shells[0].end, run.shells[0].ended_at) = (Some(facts), Some("2026-11-25T02:25:00.000Z".to_owned()));
        let said = section(&plan, &run, times);
        assert!(said.ends_with("it ended; what it showed: `blobs/1-2-ab.cast`\n"), "{said}");
    }
}
