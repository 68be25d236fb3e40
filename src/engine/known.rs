//! What a template can see at a step: inputs, constants, captures, the names of loops, `host`.

use serde_json::Value;

use super::ahead::Ahead;
use super::key::Key;
use super::plan::Plan;
use super::run::StepState;
use crate::model::Target;
use crate::model::runbook::{Frame, Input};
use crate::model::target::listed;
use crate::template::{self, Problem, StepResults, Values};

/// The name of the machine that a step runs on.
pub const HOST: &str = "host";

/// Everything that is known at a step.
pub fn known(plan: &Plan, ahead: &Ahead, key: Option<&Key>) -> Values {
    match key.and_then(|key| plan.runbook.frame_of(&key.id).map(|(step, frame)| (key, step, frame))) {
        Some((key, step, frame)) => known_within(plan, ahead, key, (step, frame)),
        None => known_outside(plan, ahead, key),
    }
}

/// At a step of an included runbook: what it is given, its constants, its own captures and loops, and nothing else.
fn known_within(plan: &Plan, ahead: &Ahead, key: &Key, (step, frame): (&str, &Frame)) -> Values {
    let turns = plan.index(step).map_or(0, |at| {
        let item = &plan.items()[at];
        item.outer_loops + usize::from(item.repeats())
    });
    let mut values = frame_values(frame, &known(plan, ahead, Some(&key.beside(step, turns))));
    for (name, value) in ahead.captured() {
        if let Some((_, name)) = name.rsplit_once('.').filter(|(around, _)| *around == step) {
            insert(&mut values, name, value);
        }
    }
    insert_turns(&mut values, plan, ahead, key);
    values
}

/// What an included runbook knows from the start, out of what is known around it. A value that its inputs do not allow
/// is none, so that nothing runs with it.
pub fn frame_values(frame: &Frame, around: &Values) -> Values {
    let mut values = Values::default();
    values.insert_text(HOST, &around.get_text(HOST).unwrap_or_default());
    for (name, input) in &frame.inputs {
        let given = match (frame.given.get(name), &input.default) {
            (Some(given), _) => template::render_text(given, around).ok(),
            (None, Some(default)) => template::render_text(default, &values).ok(),
            (None, None) => None,
        };
        match given.filter(|given| fits(input, given, &values)) {
            Some(given) if input.list => values.insert_list(name, given.lines().map(str::to_owned).collect()),
            Some(given) => values.insert_text(name, &given),
            None => {}
        }
    }
    for (name, text) in &frame.values {
        if let Ok(text) = template::render_text(text, &values) {
            values.insert_text(name, &text);
        }
    }
    values
}

/// Whether an input allows a value.
fn fits(input: &Input, value: &str, values: &Values) -> bool {
    let is = |choice: &crate::model::Text| template::render_text(choice, values).is_ok_and(|choice| choice == value);
    let pattern = input.whole_pattern().map(|pattern| regex::Regex::new(&pattern));
    (input.choices.is_empty() || input.choices.iter().any(is))
        && pattern.is_none_or(|pattern| pattern.is_ok_and(|pattern| pattern.is_match(value)))
}

fn known_outside(plan: &Plan, ahead: &Ahead, key: Option<&Key>) -> Values {
    let mut values = Values::default();
    let Some(opened) = ahead.opened() else { return values };
    values.insert_text(HOST, &opened.who.host);
    let captured = ahead.captured().filter(|(name, _)| !name.contains('.'));
    for (name, value) in opened.inputs.iter().chain(captured) {
        insert(&mut values, name, value);
    }
    for (name, text) in &plan.runbook.head.values {
        if let Ok(text) = template::render_text(text, &values) {
            values.insert_text(name, &text);
        }
    }
    if let Some(key) = key {
        insert_turns(&mut values, plan, ahead, key);
        if let Some(host) = host_of(plan, &values, key) {
            values.insert_text(HOST, &host);
        }
    }
    values
}

/// The values of the loops around a step, as far as they stand in the same runbook.
fn insert_turns(values: &mut Values, plan: &Plan, ahead: &Ahead, key: &Key) {
    let runbook = |id: &str| plan.runbook.frame_of(id).map(|(step, _)| step.to_owned());
    for (turn, loop_step) in key.turns.iter().zip(plan.loops_of(&key.id)) {
        let item = &plan.items()[loop_step];
        let step = &item.step;
        let list = ahead.list(&plan.loop_key(key, loop_step));
        let value = list.and_then(|list| list.get((*turn as usize).checked_sub(1)?));
        let name = step.fields.for_each.as_ref().map(|each| each.name.value.as_str());
        if let (Some(value), Some(name)) = (value, name.or(item.by_host.then_some(HOST)))
            && (item.by_host || runbook(&step.id.value) == runbook(&key.id))
        {
            values.insert_text(name, value);
        }
    }
}

/// The machine of a step that runs on one; a loop over hosts around it has said it already.
fn host_of(plan: &Plan, values: &Values, key: &Key) -> Option<String> {
    let at = plan.index(&key.id)?;
    let (name, target) = plan.target(&plan.items()[at])?;
    if plan.loop_over_hosts(at, Some(name)).is_some() {
        return None;
    }
    match hosts(target, values).ok()?.as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    }
}

/// The machines of a target, in order.
pub fn hosts(target: &Target, values: &Values) -> Result<Vec<String>, Problem> {
    let mut hosts = Vec::new();
    for text in target.host.iter() {
        match listed(text).and_then(|name| values.get_list(name)) {
            Some(list) => hosts.extend(list),
            None => hosts.push(template::render_text(text, values)?),
        }
    }
    Ok(hosts)
}

fn insert(values: &mut Values, name: &str, value: &Value) {
    match value {
        Value::Array(items) => {
            values.insert_list(
                name,
                items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect(),
            );
        }
        Value::String(text) => values.insert_text(name, text),
        Value::Bool(flag) => values.insert_flag(name, *flag),
        Value::Null => {}
        Value::Number(_) | Value::Object(_) => values.insert_text(name, &value.to_string()),
    }
}

/// How a step, a loop or a group as a whole ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    pub passed: bool,
    pub failed: bool,
    /// Some part of it has no end, was skipped, or cannot be told.
    pub missing: bool,
}

impl Whole {
    /// Over every turn and every step below it, in the given turns.
    pub fn of(plan: &Plan, ahead: &Ahead, at: usize, turns: &[u32]) -> Self {
        let mut whole = Self::default();
        for item in &plan.items()[at..plan.end_of(at)] {
            if item.is_group() {
                continue;
            }
            for (_, state) in ahead.states(&item.step.id.value, turns) {
                match state {
                    StepState::Passed => whole.passed = true,
                    StepState::Failed => whole.failed = true,
                    StepState::Open | StepState::Running(_) | StepState::Skipped(_) | StepState::Unknown => {
                        whole.missing = true;
                    }
                    StepState::NotTaken => {}
                }
            }
        }
        whole
    }
}

/// `passed("id")` and `failed("id")` of an expression, for the turns of one step.
pub struct Results<'a> {
    pub ahead: &'a Ahead<'a>,
    pub plan: &'a Plan,
    pub key: &'a Key,
}

impl Results<'_> {
    fn whole(&self, id: &str) -> Whole {
        let within = self.plan.runbook.frame_of(&self.key.id).map(|(step, _)| format!("{step}.{id}"));
        let Some(at) = self.plan.index(within.as_deref().unwrap_or(id)) else { return Whole::default() };
        let shared = self.plan.shared_turns(self.key, at);
        Whole::of(self.plan, self.ahead, at, &self.key.turns[..shared])
    }
}

impl StepResults for Results<'_> {
    fn passed(&self, id: &str) -> bool {
        let whole = self.whole(id);
        whole.passed && !whole.failed && !whole.missing
    }

    fn failed(&self, id: &str) -> bool {
        self.whole(id).failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Text;
    use crate::model::runbook::WrittenRunbook;

    /// A frame with these inputs, given this.
    fn frame(head: &str, given: &[(&str, &str)]) -> Frame {
        let text = format!("locum: 1\ntitle: t\nrepair: [x]\n{head}");
        let loaded = crate::load::load("a", crate::source::SourceFile::new("a.yaml", text));
        let WrittenRunbook { inputs, values, .. } = loaded.runbook.expect("no problem").head;
        let given = given.iter().map(|(name, text)| ((*name).to_owned(), Text::literal(text))).collect();
        Frame { runbook: "a".to_owned(), given, inputs, values }
    }

    fn around() -> Values {
        let mut around = Values::default();
        for (name, value) in [("host", "kyousuke"), ("node", "masato"), ("bad", "--all")] {
            around.insert_text(name, value);
        }
        around
    }

    #[test]
    fn an_included_runbook_knows_what_it_is_given_and_nothing_around_it() {
        let head = "inputs: { unit: { default: kubelet }, on: x }\nvalues: { both: '{{ unit }}@{{ on }}' }\n";
        let values = frame_values(&frame(head, &[("on", "{{ node }}.site")]), &around());
        assert_eq!(values.get_text("both").as_deref(), Some("kubelet@masato.site"));
        assert_eq!(values.get_text("host").as_deref(), Some("kyousuke"));
        assert!(!values.contains("node"));
    }

    #[test]
    fn a_value_that_an_input_does_not_allow_is_none() {
        let pattern = frame("inputs: { on: { pattern: '[a-z]+' } }\n", &[("on", "{{ bad }}")]);
        assert!(!frame_values(&pattern, &around()).contains("on"));
        let choices = frame("inputs: { on: { choices: [kengo] } }\n", &[("on", "{{ node }}")]);
        assert!(!frame_values(&choices, &around()).contains("on"));
        let allowed = frame("inputs: { on: { pattern: '[a-z]+', choices: [masato] } }\n", &[("on", "{{ node }}")]);
        assert_eq!(frame_values(&allowed, &around()).get_text("on").as_deref(), Some("masato"));
    }
}
