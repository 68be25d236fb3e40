//! Who did what: every attempt with its command, how it was confirmed, and how it ended; where the outputs are.

use std::fmt::Write as _;
use std::time::Duration;

use super::place::named;
use super::times::Times;
use crate::engine::record::{Disarmed, Does, EndResult, Facts, Held, Intent, Judged, Stream, WayBack};
use crate::engine::run::Attempt;
use crate::engine::{Plan, Run};
use crate::text::duration::human;
use crate::text::markdown::{block, code, inline};
use crate::text::shell;

pub fn section(plan: &Plan, run: &Run, times: Times) -> String {
    let who = run.opened.as_ref().map_or_else(|| "somebody".to_owned(), |opened| inline(&opened.who.claimed));
    let mut out = String::new();
    for (at, attempt) in run.attempts.values().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        let intent = &attempt.intent;
        let verb = match intent.does {
            Does::Look => "looked",
            Does::Change => "**changed**",
            Does::Undo => "**went the way back of**",
        };
        let _ = writeln!(out, "### {}. {}\n", at + 1, named(plan, run, &intent.step));
        let _ =
            writeln!(out, "{}: {who} {verb}, attempt {}.\n", times.full(&attempt.begun_at), code(&intent.attempt.0));
        let (text, language) = command(intent);
        out.push_str(&block(&text, language));
        out.push('\n');
        for line in about(attempt, times) {
            let _ = writeln!(out, "- {line}");
        }
    }
    out
}

/// What ran, as a person reads it, and the language of it: the script of a shell, the words of a program or a probe.
fn command(intent: &Intent) -> (String, &'static str) {
    match intent.argv.as_slice() {
        [shell, .., option, script] if matches!(shell.as_str(), "bash" | "sh") && option == "-c" => {
            (script.clone(), "sh")
        }
        [kind, text] if kind == "by hand" => (format!("by hand: {text}"), "text"),
        words if words.first().is_some_and(|word| PROBES.contains(&word.as_str())) => (words.join(" "), "text"),
        words => (shell::join(words), "sh"),
    }
}

/// The words that [`crate::engine::resolve::ProbeLine::words`] begins with.
const PROBES: [&str; 3] = ["certificate", "tcp", "file"];

fn about(attempt: &Attempt, times: Times) -> Vec<String> {
    let intent = &attempt.intent;
    let mut lines = Vec::new();
    if let Some(confirm) = &intent.confirm {
        lines.push(format!("confirmed: {} {}", inline(&confirm.how), code(&confirm.text)));
    }
    if !intent.target.got.is_empty() {
        let (want, got) = (code(&intent.target.want), code(&intent.target.got));
        let wanted = if want == got { String::new() } else { format!(", **wanted {want}**") };
        lines.push(format!("place: it answered {got} ({}){wanted}", inline(&intent.target.by)));
    }
    if let Some(first) = &intent.retry_of {
        lines.push(format!("again, after attempt {}", code(&first.0)));
    }
    if let Some(undone) = &intent.undoes {
        lines.push(format!("goes the way back of attempt {}", code(&undone.0)));
    }
    match (&attempt.end, &attempt.unknown) {
        (Some(end), _) => {
            lines.extend(
                attempt.answered.as_ref().map(|answer| format!("a person said how it went: {}", inline(answer))),
            );
            lines.extend(ended(end, attempt.ended_at.as_deref(), times));
        }
        (None, Some(why)) => lines.push(format!("**how it ended is not known**: {}", inline(why))),
        (None, None) => lines.push("**no end is recorded**".to_owned()),
    }
    match attempt.end.as_ref().and_then(|end| end.armed.as_ref()) {
        Some(Disarmed::Confirmed { by }) => lines.push(format!("kept: confirmed by {}", inline(by))),
        Some(Disarmed::WentBack { why, .. }) => lines.push(format!("**went back by itself**: {}", inline(why))),
        None => {}
    }
    if let (Some(undo), Does::Change) = (&intent.undo, intent.does) {
        lines.push(format!("way back: {}{}", way_back(undo), if attempt.undone { ", gone" } else { "" }));
    }
    lines
}

/// A way back in words.
pub fn way_back(undo: &WayBack) -> String {
    match undo {
        WayBack::Copy { entries, on } if on.is_empty() => format!("the copy of {entries} files, read back"),
        WayBack::Copy { entries, on } => {
            let on = on.iter().map(|on| code(on)).collect::<Vec<_>>().join(", ");
            format!("the copy of {entries} files, read back, in {on} (private; remove it when all is well)")
        }
        WayBack::Command => "the runbook's command".to_owned(),
        WayBack::ByHand => "by hand".to_owned(),
        WayBack::None { why } => format!("**none**: {}", inline(why)),
    }
}

fn ended(end: &Facts, at: Option<&str>, times: Times) -> Vec<String> {
    let judged = match end.judged {
        Judged::Passed => "passed",
        Judged::Failed => "**failed**",
        Judged::Unknown => "**cannot tell**",
    };
    let result = match (end.result, end.code, end.signal) {
        (EndResult::Exited, Some(code), _) => format!("exit {code}"),
        (EndResult::Signaled, _, Some(signal)) => format!("ended by signal {signal}"),
        (EndResult::Exited, None, _) => "ended".to_owned(),
        (EndResult::Signaled, _, None) => "ended by a signal".to_owned(),
        (EndResult::TimedOut, ..) => "**timed out**".to_owned(),
        (EndResult::NotStarted, ..) => "**never started**".to_owned(),
        (EndResult::Measured, ..) => "measured".to_owned(),
    };
    let at = at.map_or_else(String::new, |at| format!(", {}", times.full(at)));
    let mut lines = vec![format!("{judged}, {result}, after {}{at}", human(Duration::from_millis(end.dur_ms)))];
    lines.extend(end.held.map(|held| match held {
        Held::Fenced => "fenced: it could write nothing but into a folder of its own".to_owned(),
        Held::Promised => "**not fenced**: that it changes nothing is its author's promise".to_owned(),
    }));
    lines.extend(end.matched.iter().map(|matched| {
        format!("{}: {}", if matched.held { "held" } else { "**did not hold**" }, inline(&matched.what))
    }));
    lines.extend(end.found.iter().map(|found| format!("found: {}", inline(found))));
    lines.extend(end.captured.iter().map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("captured {}: {}", code(name), code(&text))
    }));
    lines.extend(end.leftover.iter().map(|process| format!("still running: {}", code(process))));
    lines.extend(end.redacted.iter().map(|(name, count)| format!("redacted {}: {count} times", code(name))));
    lines.extend(end.evidence.iter().map(|evidence| format!("known from: {}", inline(evidence))));
    let streams = end.stdout.iter().chain(&end.stderr).chain(&end.cast);
    lines.extend(streams.map(|stream| format!("output: {}", output(stream))));
    lines
}

fn output(stream: &Stream) -> String {
    let cut = if stream.cut { format!(", **cut**, {} bytes kept", stream.kept) } else { String::new() };
    format!("{}, {} bytes{cut}, sha256 {}", code(&format!("blobs/{}", stream.blob)), stream.bytes, code(&stream.sha256))
}

/// Where every output is.
pub fn outputs(run: &Run) -> String {
    let ends = run.attempts.values().filter_map(|attempt| Some((attempt, attempt.end.as_ref()?)));
    let mut out = String::new();
    for (attempt, end) in ends {
        for stream in end.stdout.iter().chain(&end.stderr).chain(&end.cast) {
            let _ = writeln!(out, "- {}: {}", code(&attempt.intent.step.to_string()), output(stream));
        }
    }
    out
}
