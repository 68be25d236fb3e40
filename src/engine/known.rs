//! What a template can see at a step: inputs, constants, captures, the names of loops, `host`.

use serde_json::Value;

use super::ahead::Ahead;
use super::key::Key;
use super::plan::Plan;
use super::run::StepState;
use crate::template::{self, StepResults, Values};

/// Everything that is known at a step.
pub fn known(plan: &Plan, ahead: &Ahead, key: Option<&Key>) -> Values {
    let mut values = Values::default();
    let Some(opened) = ahead.opened() else { return values };
    values.insert_text("host", &opened.who.host);
    for (name, value) in opened.inputs.iter().chain(ahead.captured()) {
        insert(&mut values, name, value);
    }
    for (name, text) in &plan.runbook.head.values {
        if let Ok(text) = template::render_text(text, &values) {
            values.insert_text(name, &text);
        }
    }
    if let Some(key) = key {
        for (turn, loop_step) in key.turns.iter().zip(plan.loops_of(&key.id)) {
            let list = ahead.list(&plan.loop_key(key, loop_step));
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
        let Some(at) = self.plan.index(id) else { return Whole::default() };
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
