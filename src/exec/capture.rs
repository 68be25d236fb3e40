//! A value taken from the output of a command, small and safe to be used in the next one.
//!
//! Values are text without control characters, at most 4 KiB. JSON is read up to 16 MiB.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::facts::{Exit, StreamFacts};
use super::scan::{Looking, scan};

/// The longest value, or all values of a list together, in bytes.
pub const LONGEST_VALUE: usize = 4 << 10;
const LONGEST_JSON: u64 = 16 << 20;

/// How a value is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// Its name; a named group of [`Take::Match`] may bear it.
    pub name: String,
    /// From where.
    pub take: Take,
    /// What the whole value must match; of a list, each.
    pub pattern: Option<String>,
}

/// From where in the output a value is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// The whole output, which must be one line.
    Whole,
    /// Every line, as a list.
    Lines,
    /// The first match of a pattern, with `^` and `$` at line borders: the group that bears the name, else the first
    /// group, else all of it.
    Match(String),
    /// A place in JSON, such as `status.phase` or `items.0.name`.
    Json(String),
}

/// A captured value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Captured {
    /// One text.
    Text(String),
    /// Several.
    List(Vec<String>),
}

/// Takes a value from the standard output of a command that has ended, or says in words why there is none.
pub fn capture(exit: &Exit, blob: &Path, capture: &Capture) -> Result<Captured, String> {
    let taken = match &exit.stdout {
        None => Err("nothing ran".to_owned()),
        Some(facts) => take(blob, facts, capture),
    };
    taken.and_then(|captured| checked(captured, capture.pattern.as_deref())).map_err(|why| {
        let name = &capture.name;
        format!("cannot capture `{name}`: {why}")
    })
}

/// Takes a secret from an output that is held in memory. Nothing that is said on failure shows a part of it.
pub(super) fn secret_in(text: &str, capture: &Capture) -> Result<String, String> {
    let taken = match &capture.take {
        Take::Whole => whole(text),
        Take::Lines => Err("a secret is one value".to_owned()),
        Take::Match(pattern) => {
            let compiled = compile(pattern)?;
            match compiled.captures(text) {
                Some(captures) => Ok(Captured::Text(group(&captures, &capture.name).to_owned())),
                None => Err(format!("nothing in the output matches `{pattern}`")),
            }
        }
        Take::Json(path) => serde_json::from_str(text)
            .map_err(|_| "the output is not JSON".to_owned())
            .and_then(|value| scalar_or_list(follow(&value, path)?, path)),
    };
    let checked = taken.and_then(|captured| checked(captured, None)).and_then(|captured| match captured {
        Captured::List(_) => Err("a secret is one value".to_owned()),
        Captured::Text(text) => match capture.pattern.as_deref() {
            Some(pattern) if !whole_match(pattern)?.is_match(&text) => {
                Err(format!("the value does not match `{pattern}`"))
            }
            Some(_) | None => Ok(text),
        },
    });
    checked.map_err(|why| format!("cannot capture `{}`: {why}", capture.name))
}

fn take(blob: &Path, facts: &StreamFacts, capture: &Capture) -> Result<Captured, String> {
    match &capture.take {
        Take::Whole => whole(&text(blob, facts, LONGEST_VALUE as u64 + 1)?),
        Take::Lines => {
            let text = text(blob, facts, LONGEST_VALUE as u64 + 1)?;
            Ok(Captured::List(text.lines().map(str::to_owned).collect()))
        }
        Take::Match(pattern) => first_match(blob, facts, pattern, &capture.name).map(Captured::Text),
        Take::Json(path) => {
            let text = text(blob, facts, LONGEST_JSON)?;
            let value = serde_json::from_str(&text).map_err(|error| format!("the output is not JSON: {error}"))?;
            scalar_or_list(follow(&value, path)?, path)
        }
    }
}

/// The whole output, if it is not longer than that.
fn text(blob: &Path, facts: &StreamFacts, limit: u64) -> Result<String, String> {
    if facts.bytes > limit {
        return Err(format!("the output has {} bytes, expected at most {limit}", facts.bytes));
    }
    if facts.cut {
        return Err("a part of the output was not kept".to_owned());
    }
    let mut bytes = Vec::new();
    if facts.kept > 0 {
        let file = File::open(blob).map_err(|error| format!("the output cannot be read: {error}"))?;
        file.take(limit).read_to_end(&mut bytes).map_err(|error| format!("the output cannot be read: {error}"))?;
    }
    String::from_utf8(bytes).map_err(|_| "the output is not UTF-8".to_owned())
}

fn whole(text: &str) -> Result<Captured, String> {
    let value = text.strip_suffix('\n').unwrap_or(text);
    match value.lines().count() {
        1 if !value.contains('\n') => Ok(Captured::Text(value.to_owned())),
        0 => Err("the output is empty, expected one line".to_owned()),
        lines => Err(format!("the output has {} lines, expected one", lines.max(2))),
    }
}

fn first_match(blob: &Path, facts: &StreamFacts, pattern: &str, name: &str) -> Result<String, String> {
    let compiled = compile(pattern)?;
    let mut found = None;
    let scanned = scan(blob, facts, &mut |window| {
        let Some(captures) = compiled.captures(&window.text) else { return Looking::On };
        found = Some((group(&captures, name).to_owned(), window.line.is_some()));
        Looking::Done
    });
    scanned.map_err(|error| format!("the output cannot be read: {error}"))?;
    match found {
        Some((value, true)) => Ok(value),
        Some((_, false)) => Err("a part of the output was not kept, so the first match is not known".to_owned()),
        None => Err(format!("nothing in the output matches `{pattern}`")),
    }
}

fn compile(pattern: &str) -> Result<Regex, String> {
    let compiled = regex::RegexBuilder::new(pattern).multi_line(true).build();
    compiled.map_err(|_| format!("`{pattern}` is no regular expression"))
}

fn whole_match(pattern: &str) -> Result<Regex, String> {
    Regex::new(&format!(r"\A(?:{pattern})\z")).map_err(|_| format!("`{pattern}` is no regular expression"))
}

/// The group that bears the name, else the first group, else all of it.
fn group<'t>(captures: &regex::Captures<'t>, name: &str) -> &'t str {
    let group = captures.name(name).or_else(|| captures.get(1)).or_else(|| captures.get(0));
    group.map_or("", |group| group.as_str())
}

fn follow<'a>(value: &'a Value, path: &str) -> Result<&'a Value, String> {
    let mut at = value;
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let next = match at {
            Value::Object(members) => members.get(part),
            Value::Array(items) => part.parse::<usize>().ok().and_then(|index| items.get(index)),
            _ => None,
        };
        at = next.ok_or_else(|| format!("the JSON has nothing at `{path}`: no `{part}`"))?;
    }
    Ok(at)
}

fn scalar_or_list(value: &Value, path: &str) -> Result<Captured, String> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let captured = match value {
        Value::Array(items) => items.iter().map(scalar).collect::<Option<_>>().map(Captured::List),
        _ => scalar(value).map(Captured::Text),
    };
    captured.ok_or_else(|| format!("at `{path}` the JSON has no text, number or list of them"))
}

/// A value goes on only if it is short, plain, and as its pattern says.
fn checked(captured: Captured, pattern: Option<&str>) -> Result<Captured, String> {
    let values = match &captured {
        Captured::Text(text) => std::slice::from_ref(text),
        Captured::List(list) => list,
    };
    let length: usize = values.iter().map(String::len).sum();
    if length > LONGEST_VALUE {
        return Err(format!("the value has {length} bytes, expected at most {LONGEST_VALUE}"));
    }
    if values.iter().flat_map(|value| value.chars()).any(|letter| letter.is_control() && letter != '\t') {
        return Err("the value holds a control character".to_owned());
    }
    if let Some(pattern) = pattern {
        let whole = whole_match(pattern)?;
        if let Some(value) = values.iter().find(|value| !whole.is_match(value)) {
            let mut value = value.clone();
            super::facts::cut(&mut value, 100);
            return Err(format!("found {value:?}, expected a value that matches `{pattern}`"));
        }
    }
    Ok(captured)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::facts::Ending;
    use crate::exec::scan::tests::blob;

    fn taken(output: &str, take: Take, pattern: Option<&str>) -> Result<Captured, String> {
        let folder = tempfile::tempdir().unwrap();
        let (path, facts) = blob(&folder, output.as_bytes());
        let exit = Exit { result: Ending::Exited, code: Some(0), stdout: Some(facts), ..Exit::default() };
        let wanted = Capture { name: "value".into(), take, pattern: pattern.map(str::to_owned) };
        capture(&exit, &path, &wanted)
    }

    fn text(text: &str) -> Captured {
        Captured::Text(text.to_owned())
    }

    fn list(values: &[&str]) -> Captured {
        Captured::List(values.iter().map(|value| (*value).to_owned()).collect())
    }

    fn why(result: Result<Captured, String>) -> String {
        result.unwrap_err().strip_prefix("cannot capture `value`: ").unwrap().to_owned()
    }

    #[test]
    fn the_whole_output_is_one_line() {
        assert_eq!(taken("/backup/7 a\n", Take::Whole, None), Ok(text("/backup/7 a")));
        assert_eq!(taken("/backup/7", Take::Whole, None), Ok(text("/backup/7")));
        assert_eq!(why(taken("a\nb\n", Take::Whole, None)), "the output has 2 lines, expected one");
        assert_eq!(why(taken("a\n\n", Take::Whole, None)), "the output has 2 lines, expected one");
        assert_eq!(why(taken("", Take::Whole, None)), "the output is empty, expected one line");
        assert_eq!(why(taken("\n", Take::Whole, None)), "the output is empty, expected one line");
    }

    #[test]
    fn lines_are_a_list() {
        assert_eq!(taken("masato\n\nkengo\n", Take::Lines, None), Ok(list(&["masato", "", "kengo"])));
        assert_eq!(taken("", Take::Lines, None), Ok(list(&[])));
    }

    #[test]
    fn a_match_gives_its_named_group_its_first_group_or_all_of_it() {
        let output = "name: riki\nage: 7 years\n";
        let take = |pattern: &str| taken(output, Take::Match(pattern.into()), None);
        assert_eq!(take("^age: .*$"), Ok(text("age: 7 years")));
        assert_eq!(take("^age: (\\d+)"), Ok(text("7")));
        assert_eq!(take("^(age): (?<value>\\d+)"), Ok(text("7")));
        assert_eq!(why(take("^size")), "nothing in the output matches `^size`");
        assert_eq!(why(take("(")), "`(` is no regular expression");
    }

    #[test]
    fn json_is_followed_to_a_text_a_number_or_a_list() {
        let output = r#"{"items": [{"name": "mio", "port": 6443}], "hosts": ["riki", "mio"], "none": null}"#;
        let take = |path: &str| taken(output, Take::Json(path.into()), None);
        assert_eq!(take("items.0.name"), Ok(text("mio")));
        assert_eq!(take("items.0.port"), Ok(text("6443")));
        assert_eq!(take("hosts"), Ok(list(&["riki", "mio"])));
        assert_eq!(why(take("items.1.name")), "the JSON has nothing at `items.1.name`: no `1`");
        assert_eq!(why(take("none")), "at `none` the JSON has no text, number or list of them");
        assert!(why(taken("no", Take::Json("a".into()), None)).starts_with("the output is not JSON: "));
    }

    #[test]
    fn the_pattern_must_match_the_whole_value() {
        assert_eq!(taken("v1.2\n", Take::Whole, Some("v[0-9.]+")), Ok(text("v1.2")));
        let wrong = "found \"v1.2 x\", expected a value that matches `v[0-9.]+`";
        assert_eq!(why(taken("v1.2 x\n", Take::Whole, Some("v[0-9.]+"))), wrong);
        assert_eq!(taken("ab\n", Take::Whole, Some("a|ab")), Ok(text("ab")));
        assert!(taken("a\nB\n", Take::Lines, Some("[a-z]")).is_err());
    }

    #[test]
    fn what_could_harm_or_is_too_long_is_no_value() {
        assert_eq!(why(taken("a\x1b[2Jb\n", Take::Whole, None)), "the value holds a control character");
        assert_eq!(why(taken("a\rb\n", Take::Lines, None)), "the value holds a control character");
        assert!(taken(&"x".repeat(LONGEST_VALUE), Take::Whole, None).is_ok());
        let long = "x".repeat(LONGEST_VALUE + 1);
        assert_eq!(why(taken(&long, Take::Whole, None)), "the value has 4097 bytes, expected at most 4096");
        assert!(why(taken(&long, Take::Match("x+".into()), None)).starts_with("the value has 4097"));
    }

    #[test]
    fn of_what_did_not_run_nothing_is_taken() {
        let wanted = Capture { name: "value".into(), take: Take::Lines, pattern: None };
        assert_eq!(why(capture(&Exit::not_started("no GO"), Path::new("/none"), &wanted)), "nothing ran");
    }
}
