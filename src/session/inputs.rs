//! Inputs: drawn once at the start, checked, and frozen with the run.

use std::collections::BTreeMap;

use serde_json::Value;

use super::secrets::stand_in;
use crate::model::Runbook;
use crate::model::runbook::Input;
use crate::template::{Values, render_text};

/// An input that has no value yet, with what to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub name: String,
    pub about: String,
    pub choices: Vec<String>,
    pub list: bool,
}

/// Why a value is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    #[error("unknown input `{found}`{}", .near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Unknown { found: String, near: Option<String> },
    #[error("input `{name}` is `{found}`, expected {expected}")]
    Unfit { name: String, found: String, expected: String },
    #[error(
        "`{name}` is a secret: it is not given with a value, but with where it comes from, as `--secret {name}=prompt`"
    )]
    Secret { name: String },
    #[error("input `{name}`: {why}")]
    Template { name: String, why: String },
}

/// What is drawn so far, and what must still be asked for.
#[derive(Clone, Debug, Default)]
pub struct Drawn {
    pub values: BTreeMap<String, Value>,
    pub wanted: Vec<Wanted>,
}

/// Takes the values that were given, then defaults.
///
/// # Errors
/// A name that the runbook does not have; a value that does not fit `pattern` or `choices`.
pub fn draw(runbook: &Runbook, given: &BTreeMap<String, String>) -> Result<Drawn, InputError> {
    let inputs = &runbook.head.inputs;
    if let Some(found) = given.keys().find(|name| !inputs.contains_key(*name)) {
        let near = crate::text::suggest(found, inputs.keys().map(String::as_str)).map(str::to_owned);
        return Err(InputError::Unknown { found: found.clone(), near });
    }
    let mut drawn = Drawn::default();
    let mut known = Values::default();
    for (name, input) in inputs {
        if input.secret {
            if given.contains_key(name) {
                return Err(InputError::Secret { name: name.clone() });
            }
            // It is drawn apart and frozen with nothing; only that it is one is on record.
            drawn.values.insert(name.clone(), Value::String(stand_in(name)));
            continue;
        }
        let template = |text: &crate::model::Text| {
            render_text(text, &known)
                .map_err(|problem| InputError::Template { name: name.clone(), why: problem.message })
        };
        let rendered = || -> Result<_, InputError> {
            let default = input.default.as_ref().map(template).transpose()?;
            Ok((default, input.choices.iter().map(template).collect::<Result<Vec<_>, _>>()?))
        };
        let (default, choices) = match rendered() {
            Ok(rendered) => rendered,
            // It may follow from one that is asked for first.
            Err(_) if !drawn.wanted.is_empty() => continue,
            Err(error) => return Err(error),
        };
        match given.get(name).cloned().or(default) {
            Some(text) => {
                let value = fit(name, input, &choices, &text)?;
                match &value {
                    Value::Array(_) => known.insert_list(name, items(&text)),
                    _ => known.insert_text(name, &text),
                }
                drawn.values.insert(name.clone(), value);
            }
            None if input.optional => {}
            None => drawn.wanted.push(Wanted {
                name: name.clone(),
                about: input.about.as_ref().map(|about| about.source.clone()).unwrap_or_default(),
                choices,
                list: input.list,
            }),
        }
    }
    Ok(drawn)
}

fn items(text: &str) -> Vec<String> {
    text.split([',', '\n']).map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn fit(name: &str, input: &Input, choices: &[String], text: &str) -> Result<Value, InputError> {
    let unfit =
        |found: &str, expected: String| InputError::Unfit { name: name.to_owned(), found: found.to_owned(), expected };
    let one = |item: &str| {
        if item.contains('\0') {
            return Err(unfit("a text with a NUL", "a text without one".to_owned()));
        }
        if !choices.is_empty() && !choices.iter().any(|choice| choice == item) {
            return Err(unfit(item, format!("one of: {}", choices.join(", "))));
        }
        let whole = input.whole_pattern().map(|pattern| regex::Regex::new(&pattern));
        let pattern = input.pattern.as_ref().map(|pattern| &pattern.source).zip(whole);
        match pattern {
            Some((source, Ok(whole))) if !whole.is_match(item) => {
                Err(unfit(item, format!("a value that matches `{source}`")))
            }
            Some((source, Err(_))) => Err(unfit(item, format!("a pattern that can be read, found `{source}`"))),
            Some(_) | None => Ok(()),
        }
    };
    if input.list {
        let items = items(text);
        items.iter().try_for_each(|item| one(item))?;
        return Ok(Value::Array(items.into_iter().map(Value::String).collect()));
    }
    one(text)?;
    Ok(Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::source::SourceFile;

    const INPUTS: &str = r#"locum: 1
title: A runbook
inputs:
  node: { about: The node, choices: [kyousuke, masato] }
  port: { about: A port, pattern: "[0-9]+", default: "80" }
  at: { about: Where it answers, default: "{{ node }}:{{ port }}" }
  pods: { about: Pods, list: true, pattern: "[a-z]+", optional: true }
repair: [ Do it. ]
"#;

    fn drawn(given: &[(&str, &str)]) -> Result<Drawn, InputError> {
        let runbook = crate::load::load("x", SourceFile::new("x.yaml", INPUTS)).runbook.unwrap();
        draw(&runbook, &given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn defaults_follow_what_was_given() {
        let drawn = drawn(&[("node", "masato")]).unwrap();
        assert_eq!(json!(drawn.values), json!({"node": "masato", "port": "80", "at": "masato:80"}));
        assert_eq!(drawn.wanted, []);
    }

    #[test]
    fn what_has_no_value_is_wanted_with_what_to_ask() {
        let drawn = drawn(&[]).unwrap();
        let [wanted] = &drawn.wanted[..] else { panic!("{drawn:?}") };
        assert_eq!((wanted.name.as_str(), wanted.about.as_str(), wanted.list), ("node", "The node", false));
        assert_eq!(wanted.choices, ["kyousuke", "masato"]);
    }

    #[test]
    fn a_secret_is_not_given_with_its_value_and_not_frozen() {
        let text = "locum: 1\ntitle: t\ninputs: { token: { secret: true } }\nrepair: [x]\n";
        let runbook = crate::load::load("x", SourceFile::new("x.yaml", text)).runbook.unwrap();
        let drawn = draw(&runbook, &BTreeMap::new()).unwrap();
        assert_eq!((json!(drawn.values), drawn.wanted), (json!({"token": "[redacted:token]"}), Vec::new()));
        let error =
            draw(&runbook, &[("token".to_owned(), "hunter2-hunter2".to_owned())].into()).unwrap_err().to_string();
        assert!(error.contains("--secret token=prompt") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_list_is_taken_apart_and_every_item_is_checked() {
        let drawn_list = drawn(&[("node", "masato"), ("pods", "a, b,\nc")]).unwrap();
        assert_eq!(drawn_list.values["pods"], json!(["a", "b", "c"]));
        let error = drawn(&[("node", "masato"), ("pods", "a,B")]).unwrap_err();
        assert_eq!(error.to_string(), "input `pods` is `B`, expected a value that matches `[a-z]+`");
    }

    #[test]
    fn a_pattern_must_match_the_whole_value() {
        for value in ["80x", "x80", "80\n", "", "80 "] {
            assert!(drawn(&[("node", "masato"), ("port", value)]).is_err(), "{value:?}");
        }
    }

    #[test]
    fn a_value_that_does_not_fit_names_what_was_expected() {
        let error = drawn(&[("node", "kengo")]).unwrap_err();
        assert_eq!(error.to_string(), "input `node` is `kengo`, expected one of: kyousuke, masato");
        let error = drawn(&[("nod", "masato")]).unwrap_err();
        assert_eq!(error.to_string(), "unknown input `nod`; did you mean `node`?");
        let error = drawn(&[("node", "masato"), ("at", "a\0b")]).unwrap_err();
        assert_eq!(error.to_string(), "input `at` is `a text with a NUL`, expected a text without one");
    }
}
