//! Answers: deeds by hand, questions.

use std::collections::BTreeMap;

use serde_json::Value;

use super::finish::{failed, phase, then};
use super::{Draft, here};
use crate::engine::command::Answer;
use crate::engine::key::Key;
use crate::engine::position::Advance;
use crate::engine::record::{Event, Guards, Judged};
use crate::engine::refusal::Refusal;
use crate::engine::resolve::{ChoiceLine, Resolved, Resolver, Work};
use crate::model::branch::{Choices, To};
use crate::model::Phase;

pub(super) fn answer(draft: &mut Draft, step: &Key, (answer, how): (&Answer, &str), guards: Option<&Guards>) -> Result<(), Refusal> {
    here(&draft.run, step)?;
    let resolver = Resolver::new(draft.plan, &draft.run, Some(step));
    let resolved = resolver.step(step).map_err(|why| Refusal::Unresolved { text: why.0 })?;
    let taken = match &resolved.work {
        Work::ByHand(_) => by_hand(answer)?,
        Work::Question { choices, .. } => question(draft, step, answer, choices, &resolved)?,
        Work::Test(_) | Work::Wait { .. } | Work::Command(_) | Work::Restore => {
            return Err(Refusal::NotNow(format!("step `{step}` is not answered, it is run")));
        }
    };
    let event = |advance| Event::Answered {
        step: step.clone(),
        answer: taken.text.clone(),
        judged: taken.judged,
        captured: taken.captured.clone(),
        how: how.to_owned(),
        advance,
    };
    let asks = matches!(resolved.work, Work::Question { .. });
    let Some(guards) = guards else {
        draft.push_onward(event, |draft| onward(draft, step, &taken, asks));
        return Ok(());
    };
    draft.push(Event::GuardsAfter { attempt: None, guards: guards.clone() });
    match guards.broken.is_empty() {
        true => draft.push_onward(event, |draft| onward(draft, step, &taken, asks)),
        false => draft.push(event(super::finish::frozen(None, guards))),
    }
    Ok(())
}

fn onward(draft: &Draft, step: &Key, taken: &Taken, asks: bool) -> Advance {
    if let Some(to) = &taken.then {
        return draft.walk().from(step, to);
    }
    if taken.judged == Judged::Passed {
        return draft.walk().from(step, &then(draft, step));
    }
    let branches = draft.plan.item(&step.id).is_some_and(|item| !item.step.fields.if_not.0.is_empty());
    // "No" to a question is an answer; without a branch it leads to the next step.
    if asks && !branches && phase(draft, step) != Phase::Verify {
        return draft.walk().from(step, &To::Next);
    }
    failed(draft, step, &[], "it could not be done")
}

struct Taken {
    text: String,
    judged: Judged,
    captured: BTreeMap<String, Value>,
    then: Option<To>,
}

fn by_hand(answer: &Answer) -> Result<Taken, Refusal> {
    let (text, judged) = match answer {
        Answer::Done => ("done", Judged::Passed),
        Answer::CouldNot => ("could not", Judged::Failed),
        Answer::Yes | Answer::No | Answer::Choice(_) | Answer::Text(_) => {
            return Err(Refusal::UnknownAnswer { found: word(answer), expected: "`done`, `could not`".to_owned() });
        }
    };
    Ok(Taken { text: text.to_owned(), judged, captured: BTreeMap::new(), then: None })
}

fn question(draft: &Draft, step: &Key, answer: &Answer, choices: &[ChoiceLine], resolved: &Resolved) -> Result<Taken, Refusal> {
    let fields = draft.plan.item(&step.id).map(|item| &item.step.fields);
    let capture = resolved.captures.first().map(|capture| capture.name.clone());
    let captured = |value: &str| capture.iter().map(|name| (name.clone(), Value::String(value.to_owned()))).collect();
    if choices.is_empty() {
        return match answer {
            Answer::Yes | Answer::No if capture.is_none() => {
                let judged = if *answer == Answer::Yes { Judged::Passed } else { Judged::Failed };
                Ok(Taken { text: word(answer), judged, captured: BTreeMap::new(), then: None })
            }
            Answer::Text(text) if capture.is_some() && !text.trim().is_empty() => {
                check_pattern(resolved, text)?;
                Ok(Taken { text: text.clone(), judged: Judged::Passed, captured: captured(text), then: None })
            }
            _ => {
                let expected = if capture.is_some() { "a value" } else { "`yes`, `no`" };
                Err(Refusal::UnknownAnswer { found: word(answer), expected: expected.to_owned() })
            }
        };
    }
    let chosen = choices.iter().position(|choice| matches!(answer, Answer::Choice(text) if *text == choice.answer));
    let Some(at) = chosen else {
        let expected = choices.iter().map(|choice| format!("`{}`", choice.answer)).collect::<Vec<_>>().join(", ");
        return Err(Refusal::UnknownAnswer { found: word(answer), expected });
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

fn word(answer: &Answer) -> String {
    match answer {
        Answer::Done => "done".to_owned(),
        Answer::CouldNot => "could not".to_owned(),
        Answer::Yes => "yes".to_owned(),
        Answer::No => "no".to_owned(),
        Answer::Choice(text) | Answer::Text(text) => text.clone(),
    }
}
