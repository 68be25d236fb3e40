//! Answers: deeds by hand, questions.

use std::collections::BTreeMap;

use serde_json::Value;

use super::by_hand::{attempt, by_hand, word};
use super::finish::failed;
use super::{Draft, here};
use crate::engine::command::{Answer, Deed};
use crate::engine::key::Key;
use crate::engine::record::{Does, Event, Guards, Judged, Matched, Target};
use crate::engine::refusal::Refusal;
use crate::engine::resolve::{ChoiceLine, Resolved, Resolver, Work};
use crate::model::branch::{Choices, To};

pub(super) fn answer(
    draft: &mut Draft,
    step: &Key,
    (answer, how): (&Answer, &str),
    guards: Option<&Guards>,
) -> Result<(), Refusal> {
    here(draft.run, step)?;
    let resolver = Resolver::new(draft.plan, draft.run, Some(step));
    let resolved = resolver.step(step).map_err(|why| Refusal::Unresolved { text: why.0 })?;
    let taken = match &resolved.work {
        Work::ByHand(_) if resolved.does == Does::Change => {
            return by_hand(draft, &bare_deed(draft, step, (answer, how), guards));
        }
        Work::ByHand(_) | Work::Announce { .. } => looked(answer)?,
        Work::Question { choices, .. } => question(draft, step, answer, choices, &resolved)?,
        Work::Test(_)
        | Work::Wait { .. }
        | Work::Command(_)
        | Work::Terminal(_)
        | Work::Edit { .. }
        | Work::Restore => {
            return Err(Refusal::NotNow(format!("step `{step}` is not answered, it is run")));
        }
    };
    let event = |advance| Event::Answered {
        step: step.clone(),
        answer: taken.text.clone(),
        judged: taken.judged,
        captured: taken.captured.clone(),
        matched: Vec::new(),
        how: how.to_owned(),
        advance,
    };
    let walk = draft.walk_after(&event(draft.stay()));
    let advance = match (&taken.then, taken.judged) {
        (Some(to), _) => walk.from(step, to),
        (None, Judged::Passed) => walk.passed(step),
        (None, Judged::Failed | Judged::Unknown) => {
            failed(draft, walk, step, &[], "it was answered no, or could not be done")
        }
    };
    draft.push(event(advance));
    Ok(())
}

/// How it went in a program that has ended. What the person says counts, and `done_when` with it.
pub(super) fn conclude(
    draft: &mut Draft,
    step: &Key,
    (answer, how): (&Answer, &str),
    done: &[Matched],
) -> Result<(), Refusal> {
    here(draft.run, step)?;
    if draft.run.unanswered(step).is_none() {
        let why = format!("there is nothing to say about step `{step}`: its program has not ended, or you said it");
        return Err(Refusal::NotNow(why));
    }
    let resolved = Resolver::new(draft.plan, draft.run, Some(step)).step(step);
    let resolved = resolved.map_err(|why| Refusal::Unresolved { text: why.0 })?;
    let Work::Terminal(_) = &resolved.work else {
        return Err(Refusal::NotNow(format!("step `{step}` is no terminal")));
    };
    let text = word(answer)?;
    let says_done = *answer == Answer::Done;
    if says_done && done.len() < resolved.done_when.len() {
        return Err(Refusal::NotMeasured(format!("whether step `{step}` is done")));
    }
    let missed = done.iter().find(|test| !test.held);
    let judged = if says_done && missed.is_none() { Judged::Passed } else { Judged::Failed };
    let event = |advance| Event::Answered {
        step: step.clone(),
        answer: text.to_owned(),
        judged,
        captured: BTreeMap::new(),
        matched: done.to_vec(),
        how: how.to_owned(),
        advance,
    };
    let walk = draft.walk_after(&event(draft.stay()));
    let advance = match (judged, missed) {
        (Judged::Passed, _) => walk.passed(step),
        (Judged::Failed | Judged::Unknown, Some(test)) => {
            failed(draft, walk, step, &[], &format!("you say that it is done, but it does not hold: {}", test.what))
        }
        (Judged::Failed | Judged::Unknown, None) => failed(draft, walk, step, &[], "it could not be done"),
    };
    draft.push(event(advance));
    Ok(())
}

/// A deed by hand for which nothing had to be measured.
fn bare_deed(draft: &Draft, step: &Key, (answer, how): (&Answer, &str), guards: Option<&Guards>) -> Deed {
    let opened = draft.run.opened.as_ref();
    let host = opened.map_or_else(String::new, |opened| opened.who.host.clone());
    Deed {
        step: step.clone(),
        attempt: attempt(draft),
        answer: answer.clone(),
        how: how.to_owned(),
        target: Target { want: host.clone(), got: host, by: "hand".to_owned() },
        cwd: opened.map_or_else(String::new, |opened| opened.cwd.clone()),
        done: Vec::new(),
        guards: guards.cloned(),
    }
}

struct Taken {
    text: String,
    judged: Judged,
    captured: BTreeMap<String, Value>,
    then: Option<To>,
}

fn looked(answer: &Answer) -> Result<Taken, Refusal> {
    let text = word(answer)?;
    let judged = if *answer == Answer::Done { Judged::Passed } else { Judged::Failed };
    Ok(Taken { text: text.to_owned(), judged, captured: BTreeMap::new(), then: None })
}

fn question(
    draft: &Draft,
    step: &Key,
    answer: &Answer,
    choices: &[ChoiceLine],
    resolved: &Resolved,
) -> Result<Taken, Refusal> {
    let fields = draft.plan.item(&step.id).map(|item| &item.step.fields);
    let capture = resolved.captures.first().map(|capture| capture.name.clone());
    let captured = |value: &str| capture.iter().map(|name| (name.clone(), Value::String(value.to_owned()))).collect();
    if choices.is_empty() {
        return match answer {
            Answer::Yes | Answer::No if capture.is_none() => {
                let judged = if *answer == Answer::Yes { Judged::Passed } else { Judged::Failed };
                Ok(Taken { text: answer.text().to_owned(), judged, captured: BTreeMap::new(), then: None })
            }
            Answer::Text(text) if capture.is_some() && !text.trim().is_empty() => {
                check_pattern(resolved, text)?;
                Ok(Taken { text: text.clone(), judged: Judged::Passed, captured: captured(text), then: None })
            }
            _ => {
                let expected = if capture.is_some() { "a value" } else { "`yes`, `no`" };
                Err(Refusal::UnknownAnswer { found: answer.text().to_owned(), expected: expected.to_owned() })
            }
        };
    }
    let chosen = choices.iter().position(|choice| matches!(answer, Answer::Choice(text) if *text == choice.answer));
    let Some(at) = chosen else {
        let expected = choices.iter().map(|choice| format!("`{}`", choice.answer)).collect::<Vec<_>>().join(", ");
        return Err(Refusal::UnknownAnswer { found: answer.text().to_owned(), expected });
    };
    let then = match fields.and_then(|fields| fields.choices.as_ref()) {
        Some(Choices::Listed(listed)) => listed[at].then.as_ref().map(|then| then.to.clone()),
        Some(Choices::Captured(_)) | None => None,
    };
    let choice = &choices[at];
    Ok(Taken { text: choice.answer.clone(), judged: Judged::Passed, captured: captured(&choice.value), then })
}

fn check_pattern(resolved: &Resolved, text: &str) -> Result<(), Refusal> {
    let Some(pattern) = resolved.captures.first().and_then(|capture| capture.pattern.clone()) else { return Ok(()) };
    let whole = regex::Regex::new(&format!("^(?:{pattern})$"));
    if whole.is_ok_and(|whole| whole.is_match(text)) {
        return Ok(());
    }
    Err(Refusal::UnknownAnswer { found: text.to_owned(), expected: format!("a value that matches `{pattern}`") })
}
