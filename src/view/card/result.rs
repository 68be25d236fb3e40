//! What was got: the newest attempt of a step, or the answer to it, in words.

use std::time::Duration;

use crate::engine::record::{Does, EndResult, Facts, Judged};
use crate::engine::run::{Attempt, StepState};
use crate::engine::{Key, Plan, Run};
use crate::model::StepKind;
use crate::text::human;
use crate::view::{map, words};

/// The lines of "you got".
pub(super) fn got(plan: &Plan, run: &Run, key: &Key) -> Vec<String> {
    let attempt = run.newest_attempt(key);
    if let (Some(answer), None) = (run.answers.get(key), attempt) {
        return vec![format!("answered: {answer}")];
    }
    let mut lines = attempt.map_or_else(|| vec!["nothing yet".to_owned()], |attempt| of_attempt(plan, run, attempt));
    match run.state(key) {
        StepState::Skipped(why) => lines.push(format!("skipped: {why}")),
        StepState::NotTaken => lines.push("not taken on this way".to_owned()),
        StepState::Open | StepState::Running(_) | StepState::Passed | StepState::Failed | StepState::Unknown => {}
    }
    lines
}

fn of_attempt(plan: &Plan, run: &Run, attempt: &Attempt) -> Vec<String> {
    let since = words::clock(&attempt.begun_at, words::zone(run));
    if let Some(why) = &attempt.unknown {
        return vec![format!("begun at {since}; how it ended is NOT KNOWN: {why}")];
    }
    let Some(facts) = &attempt.end else { return vec![format!("it runs, since {since}")] };
    let by_hand = plan.item(&attempt.intent.step.id).is_some_and(|item| matches!(item.step.kind, StepKind::ByHand(_)));
    let answer = attempt.intent.confirm.as_ref().filter(|_| by_hand).map(|confirm| &confirm.text);
    let held = facts.held.map_or_else(String::new, |held| format!(", {}", held.word()));
    let mut lines = vec![match answer {
        Some(answer) => format!("answered: {answer}"),
        None if attempt.answered.is_some() => {
            format!("answered: {}; {}", attempt.answered.as_deref().unwrap_or_default(), ended(facts))
        }
        None => format!("{}: {}{held}", verdict(plan, &attempt.intent.step, facts), ended(facts)),
    }];
    let not_held = facts.matched.iter().filter(|matched| !matched.held);
    lines.extend(not_held.map(|matched| format!("does not hold: {}", matched.what)));
    lines.extend(facts.leftover.iter().map(|process| format!("still runs: {process}")));
    if attempt.undone {
        lines.push("undone afterwards".to_owned());
    }
    lines
}

/// What the newest attempt found or printed.
pub(super) fn found(run: &Run, key: &Key) -> Vec<String> {
    let facts = run.newest_attempt(key).and_then(|attempt| attempt.end.as_ref());
    facts.map(|facts| facts.found.clone()).unwrap_or_default()
}

/// What came of an attempt, in one line: for the moment when it ends.
pub fn outcome(plan: &Plan, run: &Run, attempt: &Attempt) -> Option<String> {
    let facts = attempt.end.as_ref()?;
    let key = &attempt.intent.step;
    let said = format!("{}, {}", verdict(plan, key, facts), ended(facts));
    let found = words::line(&facts.found.join("; "));
    Some(match attempt.intent.does {
        Does::Look if found.is_empty() => format!("`{key}`: {said}"),
        Does::Look => format!("`{key}`: {}: {found}", verdict(plan, key, facts)),
        Does::Undo => format!("the way back from `{key}`: {said}: {found}"),
        Does::Change if run.broken.is_some() => format!("`{key}`: A GUARD IS BROKEN; {}", ended(facts)),
        Does::Change => {
            let guards = if run.guards.is_some() { "; the guards hold" } else { "" };
            let changed = words::count(attempt.allowed.len(), "listed entry", "listed entries");
            let changed = if attempt.allowed.is_empty() { String::new() } else { format!("; {changed} changed") };
            format!("`{key}`: {said}{changed}{guards}")
        }
    })
}

/// The verdict as on the map.
fn verdict(plan: &Plan, key: &Key, facts: &Facts) -> &'static str {
    let worked_in = plan.item(&key.id).is_some_and(|item| matches!(item.step.kind, StepKind::Terminal(_)));
    match (facts.judged, map::looks(plan, key)) {
        (Judged::Unknown, _) if worked_in && matches!(facts.result, EndResult::Exited | EndResult::Signaled) => {
            "the program has ended, say how it went"
        }
        _ if facts.result == EndResult::NotStarted => "not started",
        (Judged::Passed, _) => "ok",
        (Judged::Failed, true) => "FAULT",
        (Judged::Failed, false) => "FAILED",
        (Judged::Unknown, true) => "cannot tell",
        (Judged::Unknown, false) => "NOT KNOWN",
    }
}

/// The raw end: `exit 0 after 5 s`.
fn ended(facts: &Facts) -> String {
    let time = human(Duration::from_millis(facts.dur_ms));
    match facts.result {
        EndResult::Exited => format!("exit {} after {time}", facts.code.unwrap_or_default()),
        EndResult::Signaled => format!("ended by signal {} after {time}", facts.signal.unwrap_or_default()),
        EndResult::TimedOut => format!("still not done after {time}"),
        EndResult::NotStarted => "nothing ran".to_owned(),
        EndResult::Measured => format!("measured in {time}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::command::Answer;
    use crate::view::sample::{self, Found};

    #[test]
    fn before_a_step_runs_nothing_was_got() {
        let sample = sample::certificate();
        assert_eq!(got(&sample.plan, &sample.run, &Key::new("leaf")), ["nothing yet"]);
    }

    #[test]
    fn a_fault_shows_its_end_what_does_not_hold_and_what_was_found() {
        let sample = sample::at_the_gate();
        let key = Key::new("leaf");
        assert_eq!(
            got(&sample.plan, &sample.run, &key),
            ["FAULT: exit 1 after 5 s", "does not hold: exit 0, got exit 1"]
        );
        assert_eq!(found(&sample.run, &key), ["expired 61 d", "not after 2026-09-25"]);
    }

    #[test]
    fn what_runs_says_since_when_in_the_operators_zone() {
        let mut sample = sample::at_the_change();
        sample.begin("renew", None);
        let lines = got(&sample.plan, &sample.run, &Key::new("renew"));
        assert!(lines[0].starts_with("it runs, since 03:"), "{lines:?}");
    }

    #[test]
    fn an_unknown_end_is_never_called_failed() {
        let mut sample = sample::at_the_change();
        let attempt = sample.begin("renew", None);
        sample.lose(attempt);
        let lines = got(&sample.plan, &sample.run, &Key::new("renew"));
        assert!(lines[0].contains("NOT KNOWN: the machine was started again"), "{lines:?}");
        assert!(!lines[0].contains("FAILED"));
    }

    #[test]
    fn when_an_attempt_ends_one_line_says_what_came_of_it() {
        let said = |sample: &sample::Sample| {
            outcome(&sample.plan, &sample.run, sample.run.attempts.values().next_back().expect("one"))
        };
        assert_eq!(
            said(&sample::at_the_gate()).as_deref(),
            Some("`same-ca`: ok: /etc/kubernetes/pki/apiserver.crt: OK")
        );
        let mut sample = sample::at_the_change();
        sample.change("renew", Found::Ok("renewed"));
        assert_eq!(said(&sample).as_deref(), Some("`renew`: ok, exit 0 after 5 s; the guards hold"));
        assert_eq!(said(&sample::frozen()).as_deref(), Some("`renew`: A GUARD IS BROKEN; exit 0 after 5 s"));
        let mut sample = sample::in_the_loop();
        sample.begin("restart[1]", None);
        assert_eq!(said(&sample), None, "it still runs");
    }

    #[test]
    fn an_answer_is_shown_as_it_was_given() {
        let mut sample = sample::at_the_change();
        sample.change("renew", Found::Ok("renewed"));
        sample.answer("console", Answer::Done);
        assert_eq!(got(&sample.plan, &sample.run, &Key::new("console")), ["answered: done"]);
    }
}
