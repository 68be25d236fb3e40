//! What is said of a runbook as a whole: when it is needed, who answers for it, what it works within.

use std::fmt::Write as _;

use chrono::{Days, NaiveDate};

use super::card::{Body, Fact};
use super::commands::{self, Language, text};
use super::places::target_words;
use crate::model::runbook::{Expiry, IfBroken, Input, Review};
use crate::model::{Name, Runbook, Text};
use crate::template::Values;
use crate::text::duration::human;

/// Everything, for the terminal.
pub fn facts(runbook: &Runbook, values: &Values) -> Vec<Fact> {
    let mut facts = needed(runbook, values);
    facts.extend(people(runbook));
    facts.extend(inputs(runbook));
    facts.extend(places(runbook, values));
    facts.extend(bounds(runbook, values));
    facts
}

fn words(label: &'static str, words: impl Into<String>) -> Fact {
    Fact { label, body: Body::Words(words.into()) }
}

fn prose(label: &'static str, prose: Option<&Text>, values: &Values) -> Option<Fact> {
    Some(Fact { label, body: Body::Prose(text(prose?, values)) })
}

fn names(label: &'static str, names: Vec<String>) -> Option<Fact> {
    (!names.is_empty()).then_some(Fact { label, body: Body::Names(names) })
}

fn texts(texts: &[Text], values: &Values) -> Vec<String> {
    texts.iter().map(|line| text(line, values)).collect()
}

/// What it looks like when it is needed.
pub fn needed(runbook: &Runbook, values: &Values) -> Vec<Fact> {
    let head = &runbook.head;
    let mut facts = Vec::new();
    facts.extend(head.status.map(|_| words("Status", "DRAFT: it cannot be run yet")));
    facts.extend(head.severity.map(|severity| words("Severity", severity.word())));
    facts.extend(prose("Summary", head.summary.as_ref(), values));
    facts.extend(names("You see", texts(&head.symptoms, values)));
    facts.extend(names("Alerts", head.alerts.iter().map(|alert| alert.value.clone()).collect()));
    facts.extend(head.service.iter().map(|service| words("Service", &service.value)));
    facts.extend(prose("Impact", head.impact.as_ref(), values));
    facts.extend(prose("For", head.applies_to.as_ref(), values));
    facts
}

/// Who answers for it, and how it is kept fresh.
pub fn people(runbook: &Runbook) -> Vec<Fact> {
    let head = &runbook.head;
    let mut facts = Vec::new();
    facts.extend(head.owner.iter().map(|owner| words("Owner", &owner.value)));
    let deputies: Vec<_> = head.deputies.iter().map(|name| name.value.as_str()).collect();
    if !deputies.is_empty() {
        facts.push(words("Deputies", deputies.join(", ")));
    }
    facts.extend(head.review.iter().map(|review| words("Review", freshness(review, None))));
    if let Some(practice) = &head.practice {
        let every = practice.every.as_ref().map_or_else(String::new, |every| format!("every {}", human(every.value)));
        let people = practice.people.map_or_else(String::new, |people| format!(" by {people} people"));
        facts.push(words("Practice", format!("{every}{people}").trim()));
    }
    facts
}

/// When it was reviewed, and whether that is too long ago.
pub fn freshness(review: &Review, today: Option<NaiveDate>) -> String {
    let every = review.every.as_ref().map(|every| every.value);
    let last = review.last.as_ref().and_then(|last| last.value.parse::<NaiveDate>().ok());
    let due = last.zip(every).and_then(|(last, every)| last.checked_add_days(Days::new(every.as_secs() / 86_400)));
    let mut text = last.map_or_else(|| "never reviewed".to_owned(), |last| format!("reviewed {last}"));
    if let Some(every) = every {
        let _ = write!(text, ", every {}", human(every));
    }
    match (due, today) {
        (Some(due), Some(today)) if due < today => {
            let late = (today - due).num_days();
            let _ = write!(text, ", OVERDUE since {due} ({late} {})", if late == 1 { "day" } else { "days" });
        }
        (Some(due), _) => {
            let _ = write!(text, ", due {due}");
        }
        (None, _) => {}
    }
    text
}

/// Where steps run.
pub fn places(runbook: &Runbook, values: &Values) -> Vec<Fact> {
    let head = &runbook.head;
    let mut facts: Vec<_> =
        head.targets.iter().map(|(name, target)| words("Target", target_words(name, target, values))).collect();
    facts.extend(
        head.r#where.iter().map(|place| words("Where", format!("{}, unless a step says otherwise", place.value))),
    );
    let user = |user: &Name| words("Runs as", format!("{}, unless a step says otherwise", user.value));
    facts.extend(head.user.as_ref().map(user));
    facts
}

/// What is asked at the start.
pub fn inputs(runbook: &Runbook) -> Vec<Fact> {
    let line = |(at, (name, input)): (usize, (&String, &Input))| {
        words(if at == 0 { "Inputs" } else { "" }, format!("{name}: {}", input_words(input)))
    };
    runbook.head.inputs.iter().enumerate().map(line).collect()
}

fn input_words(input: &Input) -> String {
    let mut parts: Vec<String> = input.about.iter().map(|about| about.trim_end_matches('.').to_owned()).collect();
    if !input.choices.is_empty() {
        let choices: Vec<_> = input.choices.iter().map(|choice| choice.source.as_str()).collect();
        parts.push(format!("one of {}", choices.join(", ")));
    }
    parts.extend(input.pattern.iter().map(|pattern| format!("must match {}", pattern.source)));
    parts.extend(input.default.iter().map(|default| format!("default {}", default.source)));
    parts.extend(input.list.then(|| "a list".to_owned()));
    parts.extend(input.optional.then(|| "may be left out".to_owned()));
    if parts.is_empty() { "a text".to_owned() } else { parts.join("; ") }
}

/// What it works within, and what it must never do.
pub fn bounds(runbook: &Runbook, values: &Values) -> Vec<Fact> {
    let head = &runbook.head;
    let mut facts = Vec::new();
    if let Some(scope) = &head.scope {
        facts.extend(names("Scope", texts(&scope.files, values)));
        facts.extend(scope.if_broken.iter().flat_map(|words| if_broken(words, values)));
    }
    for guard in &head.must_not_change {
        facts.extend(prose("Must not change", Some(&guard.what), values));
        facts.extend(names("its files", texts(guard.files.as_deref().unwrap_or_default(), values)));
        facts.extend(guard.output_of.as_ref().map(|command| Fact {
            label: "what this prints",
            body: Body::Command(commands::command(command, None, values), Language::Shell),
        }));
        facts.extend(guard.if_broken.iter().flat_map(|words| if_broken(words, values)));
    }
    for rule in &head.forbidden {
        let part = |part: &Option<Text>, before: &str| {
            part.as_ref().map_or_else(String::new, |part| format!("{before}{}", text(part, values)))
        };
        facts.push(words(
            "Forbidden",
            format!("{}{}{}", text(&rule.r#match, values), part(&rule.unless, ", unless "), part(&rule.because, ": ")),
        ));
    }
    facts.extend(head.expires.iter().map(|expiry| words("Runs out", expiry_words(expiry, values))));
    for (name, lab) in &head.labs {
        let start = commands::command(&lab.start, None, values);
        facts.push(words("Lab", format!("{name}: {start}")));
    }
    facts.extend(names("Files", head.files.iter().map(|file: &Name| file.value.clone()).collect()));
    facts
}

fn expiry_words(expiry: &Expiry, values: &Values) -> String {
    let what = text(&expiry.what, values);
    let certificate =
        expiry.certificate.as_ref().map_or_else(String::new, |at| format!(", certificate {}", text(at, values)));
    let date = expiry.date.as_ref().map_or_else(String::new, |date| format!(", on {}", date.value));
    let warn =
        expiry.warn.as_ref().map_or_else(String::new, |warn| format!(", warned of {} before", human(warn.value)));
    format!("{what}{certificate}{date}{warn}")
}

fn if_broken(broken: &IfBroken, values: &Values) -> Vec<Fact> {
    let rows =
        [("If broken", &broken.means), ("Worse with time", &broken.worse_with_time), ("Then do not", &broken.do_not)];
    rows.into_iter().filter_map(|(label, text)| prose(label, text.as_ref(), values)).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::Located;
    use crate::source::Span;

    fn fresh(last: Option<&str>, every: Option<u64>, today: Option<&str>) -> String {
        let span = Span::default();
        let last = last.map(|last| Located { value: last.to_owned(), span });
        let every = every.map(|days| Located { value: Duration::from_secs(days * 86_400), span });
        freshness(&Review { span, last, every }, today.map(|day| day.parse().expect("a day")))
    }

    #[test]
    fn a_review_is_due_and_then_overdue() {
        assert_eq!(
            fresh(Some("2026-11-01"), Some(90), Some("2026-11-25")),
            "reviewed 2026-11-01, every 90 d, due 2027-01-30"
        );
        assert_eq!(
            fresh(Some("2026-11-01"), Some(90), Some("2027-01-30")),
            "reviewed 2026-11-01, every 90 d, due 2027-01-30"
        );
        let late = "reviewed 2026-11-01, every 90 d, OVERDUE since 2027-01-30 (1 day)";
        assert_eq!(fresh(Some("2026-11-01"), Some(90), Some("2027-01-31")), late);
    }

    #[test]
    fn what_is_not_said_is_not_made_up() {
        assert_eq!(fresh(None, None, Some("2026-11-25")), "never reviewed");
        assert_eq!(fresh(Some("2026-11-01"), None, None), "reviewed 2026-11-01");
        assert_eq!(fresh(Some("2026-11-01"), Some(90), None), "reviewed 2026-11-01, every 90 d, due 2027-01-30");
    }
}
