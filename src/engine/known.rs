//! What a template can see at a step: inputs, constants, captures, the names of loops, `host`.

use serde_json::Value;

use super::key::Key;
use super::plan::Plan;
use super::run::{Run, StepState};
use crate::template::{self, StepResults, Values};

/// Everything that is known at a step.
pub fn known(plan: &Plan, run: &Run, key: Option<&Key>) -> Values {
    let mut values = Values::default();
    let Some(opened) = &run.opened else { return values };
    values.insert_text("host", &opened.who.host);
    for (name, value) in opened.inputs.iter().chain(&run.captured) {
        insert(&mut values, name, value);
    }
    for (name, text) in &plan.runbook.head.values {
        if let Ok(text) = template::render_text(text, &values) {
            values.insert_text(name, &text);
        }
    }
    if let Some(key) = key {
        for (turn, loop_step) in key.turns.iter().zip(plan.loops_of(&key.id)) {
            let list = run.loops.get(&plan.loop_key(key, loop_step));
            let value = list.and_then(|list| list.get((*turn as usize).checked_sub(1)?));
            if let (Some(value), Some(each)) = (value, &plan.items()[loop_step].step.fields.for_each) {
                values.insert_text(&each.name.value, value);
            }
        }
    }
    values
}

fn insert(values: &mut Values, name: &str, value: &Value) {
    match value {
        Value::Array(items) => {
            values.insert_list(name, items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect());
        }
        Value::String(text) => values.insert_text(name, text),
        Value::Bool(flag) => values.insert_flag(name, *flag),
        Value::Null => {}
        Value::Number(_) | Value::Object(_) => values.insert_text(name, &value.to_string()),
    }
}

/// `passed("id")` and `failed("id")` of an expression, for the turns of one step.
pub struct Results<'a> {
    pub run: &'a Run,
    pub plan: &'a Plan,
    pub key: &'a Key,
}

impl Results<'_> {
    fn any(&self, id: &str, wanted: &StepState) -> bool {
        let turns = self.plan.item(id).map_or(0, |item| item.outer_loops + usize::from(item.repeats()));
        let here = self.key.beside(id, turns);
        let fits = |key: &Key| key.id == id && key.turns.starts_with(&here.turns);
        let mut states = self.run.steps.iter().filter(|(key, _)| fits(key)).map(|(_, state)| state).peekable();
        match wanted {
            StepState::Passed => states.peek().is_some() && states.all(|state| state == wanted),
            _ => states.any(|state| state == wanted),
        }
    }
}

impl StepResults for Results<'_> {
    fn passed(&self, id: &str) -> bool {
        self.any(id, &StepState::Passed)
    }

    fn failed(&self, id: &str) -> bool {
        self.any(id, &StepState::Failed)
    }
}
