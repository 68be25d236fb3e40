//! One line a record, in words, for a terminal.

use super::place::close_words;
use super::times;
use crate::engine::position::{Advance, Position};
use crate::engine::record::{Disarmed, Does, EndResult, Event, Facts, Guards, Intent, Judged, Record};
use crate::text::Zone;
use crate::text::sanitizer::plain;
use crate::text::width::shorten;

/// Longest text of a command or a finding in a line, in columns.
const LONGEST: usize = 100;

/// A record in words: `1.5  2026-11-25 03:24:10 CET  renew: change began: kubeadm certs renew all`.
pub fn log_line(record: &Record, zone: Zone) -> String {
    let at = times::parse(&record.at.t)
        .map_or_else(|| plain(&record.at.t), |at| at.with_timezone(&zone).format("%F %T %Z").to_string());
    format!("{}.{:<3} {at}  {}", record.epoch, record.seq, shorten(&plain(&words(&record.event)), 2 * LONGEST))
}

/// A note of somebody who did not have control, in the same way.
pub fn note_line(writer: &str, record: &Record, zone: Zone) -> String {
    let line = log_line(record, zone).replacen(&format!("{}.", record.epoch), "n.", 1);
    format!("{line} (by {})", plain(writer))
}

fn words(event: &Event) -> String {
    match event {
        Event::RunOpened { who, runbook, mode, also, advance, .. } => {
            let mode = super::place::mode_words(*mode);
            let also = also.as_ref();
            let also =
                also.map_or_else(String::new, |also| format!(", also {} ({})", also.runs.join(", "), also.reason));
            format!(
                "{} opened a {mode} run of {} {} on {}{also}{}",
                who.claimed,
                runbook.id,
                runbook.version,
                who.host,
                to(Some(advance))
            )
        }
        Event::GotIn(access) => {
            let found = if access.found.is_empty() { String::new() } else { format!("; {}", access.found.join("; ")) };
            let versions = &access.versions;
            let versions = if versions.is_empty() { String::new() } else { format!(" ({})", versions.join(", ")) };
            format!("get in: {}{versions}, {}{found}", access.words(), access.judged.finding())
        }
        Event::StepIntended(intent) => begun(intent),
        Event::StepEnded { step, facts, advance, .. } => format!("{step}: {}{}", ended(facts), to(advance.as_ref())),
        Event::StepUnknown { step, why, survivors, .. } => {
            let survivors =
                if survivors.is_empty() { String::new() } else { format!("; still running: {}", survivors.join(", ")) };
            format!("{step}: how it ended is NOT KNOWN: {why}{survivors}")
        }
        Event::StepSkipped { step, reason, advance } => format!("{step}: skipped: {reason}{}", to(Some(advance))),
        Event::GuardsBefore { guards, .. } => format!("guards before: {}", measured(guards)),
        Event::GuardsAfter { guards, .. } => format!("guards after: {}", measured(guards)),
        Event::NeedsMeasured { step, needs } => {
            let lines = needs
                .iter()
                .map(|need| format!("{} {}", if need.held { "holds:" } else { "does NOT hold:" }, need.what));
            format!("{step}: what it needs: {}", lines.collect::<Vec<_>>().join("; "))
        }
        Event::Answered { step, answer, judged, advance, .. } => {
            format!("{step}: answered {answer:?} ({}){}", verdict(*judged), to(Some(advance)))
        }
        Event::Drafted { step, draft, how } => {
            let lines = draft.diff.iter().fold(String::new(), |text, line| text + "\n    " + line);
            format!(
                "{step}: edited ({how}), nothing replaced yet: {} lines come, {} go{lines}",
                draft.added, draft.removed
            )
        }
        Event::WentTo { why, advance } => format!("went on: {why}{}", to(Some(advance))),
        Event::Decided { choice, reason, advance, .. } => format!("decided {choice}: {reason}{}", to(Some(advance))),
        Event::Noted { text } => format!("note: {text}"),
        Event::Deviated { step, text, shell } => {
            let step = step.as_ref().map_or_else(String::new, |step| format!("{step}: "));
            let place = if shell.is_some() { " in the side shell" } else { "" };
            format!("{step}DEVIATION{place}: {text}")
        }
        Event::ShellOpened(opening) => {
            let elsewhere = opening.not_on.as_ref().map_or_else(String::new, |other| format!(", not on {other}"));
            format!("side shell opened on {} as {}{elsewhere}: {}", opening.host, opening.account, opening.reason)
        }
        Event::ShellCommandEnded { code, .. } => format!("the command in the side shell ended with exit {code}"),
        Event::ShellRefused { text, why, .. } => format!("REFUSED in the side shell: {text} ({why})"),
        Event::ShellClosed { commands, facts, advance, .. } => {
            let found = if facts.found.is_empty() { String::new() } else { format!(": {}", facts.found.join("; ")) };
            format!("side shell ended{}, {commands} commands in it{found}{}", how(facts), to(advance.as_ref()))
        }
        Event::Paused { why } => format!("paused: {why}"),
        Event::Recovered { file, bytes, kept_as, .. } => {
            format!("recovered: {bytes} torn bytes of {file} set aside as {kept_as}")
        }
        Event::RecordingGap { attempt: Some(attempt), what } => format!("recording gap of attempt {attempt}: {what}"),
        Event::RecordingGap { attempt: None, what } => format!("recording gap: {what}"),
        Event::RunClosed { outcome, reason } => {
            let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            format!("closed, {}{reason}", close_words(*outcome))
        }
        Event::Later => "a record of a later version of locum".to_owned(),
    }
}

fn begun(intent: &Intent) -> String {
    let does = match intent.does {
        Does::Look => "look",
        Does::Change => "change",
        Does::Undo => "way back",
    };
    let confirm = intent
        .confirm
        .as_ref()
        .map_or_else(String::new, |confirm| format!(", confirmed {} {:?}", confirm.how, confirm.text));
    let command = intent.argv.last().filter(|_| intent.argv.iter().any(|word| word == "-c"));
    let command = command.cloned().unwrap_or_else(|| intent.argv.join(" "));
    let armed = intent.armed.as_ref().map_or_else(String::new, |armed| {
        format!(" (goes back by itself after {} s, unless it is confirmed)", armed.after_s)
    });
    format!("{}: {does} began{confirm}: {}{armed}", intent.step, shorten(&plain(&command), LONGEST))
}

fn ended(facts: &Facts) -> String {
    let how = how(facts);
    let found = if facts.found.is_empty() { String::new() } else { format!(": {}", facts.found.join("; ")) };
    let kept = match &facts.armed {
        Some(Disarmed::Confirmed { by }) => format!(", confirmed by {}", plain(by)),
        Some(Disarmed::WentBack { .. }) | None => String::new(),
    };
    format!("{}{how}{kept}{}", verdict(facts.judged), shorten(&plain(&found), LONGEST))
}

fn how(facts: &Facts) -> String {
    match (facts.result, facts.code, facts.signal) {
        (EndResult::Exited, Some(code), _) => format!(", exit {code}"),
        (EndResult::Signaled, _, Some(signal)) => format!(", signal {signal}"),
        (EndResult::TimedOut, ..) => ", timed out".to_owned(),
        (EndResult::NotStarted, ..) => ", never started".to_owned(),
        (EndResult::Exited | EndResult::Signaled | EndResult::Measured, ..) => String::new(),
    }
}

const fn verdict(judged: Judged) -> &'static str {
    match judged {
        Judged::Passed => "passed",
        Judged::Failed => "FAILED",
        Judged::Unknown => "cannot tell",
    }
}

fn measured(guards: &Guards) -> String {
    if guards.broken.is_empty() {
        return format!("held, {} files, {} changed as listed", guards.entries, guards.allowed.len());
    }
    let paths: Vec<_> = guards.broken.iter().map(|changed| format!("{} {}", changed.path, changed.what)).collect();
    format!("BROKEN: {}", paths.join(", "))
}

fn to(advance: Option<&Advance>) -> String {
    let Some(advance) = advance else { return String::new() };
    let place = match &advance.to {
        Position::Step { step } => step.to_string(),
        Position::EnterRepair => "before repair".to_owned(),
        Position::NotRepaired => "not repaired".to_owned(),
        Position::Stopped { .. } => "stopped".to_owned(),
        Position::Frozen { .. } => "FROZEN".to_owned(),
        Position::AtEnd { .. } => "the end".to_owned(),
        Position::Closed => "closed".to_owned(),
    };
    format!(" -> {place}")
}
