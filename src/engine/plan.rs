//! A runbook laid out for running: every step with its phase, its list, and the loops around it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::key::Key;
use crate::model::{Phase, Runbook, Step};

/// A step in its place.
#[derive(Clone, Debug)]
pub struct Item {
    pub step: Step,
    pub phase: Phase,
    /// 0 for the steps of a phase.
    pub depth: usize,
    /// The group it stands in.
    pub parent: Option<usize>,
    /// How many loops are around it, its own not counted.
    pub outer_loops: usize,
    next: Option<usize>,
    first_child: Option<usize>,
    /// Behind the last step below it.
    end: usize,
}

impl Item {
    /// Whether it repeats.
    pub fn repeats(&self) -> bool {
        self.step.fields.for_each.is_some()
    }

    pub fn is_group(&self) -> bool {
        self.first_child.is_some()
    }
}

/// A runbook laid out for running; does not change during a run.
#[derive(Clone, Debug)]
pub struct Plan {
    pub runbook: Arc<Runbook>,
    items: Vec<Item>,
    by_id: BTreeMap<String, usize>,
}

impl Plan {
    pub fn new(runbook: Arc<Runbook>) -> Self {
        let mut plan = Self { runbook, items: Vec::new(), by_id: BTreeMap::new() };
        let runbook = plan.runbook.clone();
        for phase in Runbook::PHASES {
            plan.lay(runbook.phase(phase), phase, None);
        }
        plan.by_id = plan.items.iter().enumerate().map(|(at, item)| (item.step.id.value.clone(), at)).collect();
        plan
    }

    fn lay(&mut self, steps: &[Step], phase: Phase, parent: Option<usize>) -> Option<usize> {
        let (depth, outer_loops) = parent.map_or((0, 0), |at| {
            let parent = &self.items[at];
            (parent.depth + 1, parent.outer_loops + usize::from(parent.repeats()))
        });
        let mut first = None;
        let mut before: Option<usize> = None;
        for step in steps {
            let at = self.items.len();
            self.items.push(Item {
                step: step.clone(),
                phase,
                depth,
                parent,
                outer_loops,
                next: None,
                first_child: None,
                end: at + 1,
            });
            first = first.or(Some(at));
            if let Some(before) = before {
                self.items[before].next = Some(at);
            }
            before = Some(at);
            let child = self.lay(step.children(), phase, Some(at));
            self.items[at].first_child = child;
            self.items[at].end = self.items.len();
        }
        first
    }

    /// Every step in the order of the file.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    pub fn item(&self, id: &str) -> Option<&Item> {
        self.index(id).map(|at| &self.items[at])
    }

    pub fn index(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// The first step of a phase.
    pub fn first_of(&self, phase: Phase) -> Option<usize> {
        self.items.iter().position(|item| item.phase == phase)
    }

    pub fn next_of(&self, at: usize) -> Option<usize> {
        self.items[at].next
    }

    pub fn first_child_of(&self, at: usize) -> Option<usize> {
        self.items[at].first_child
    }

    /// Behind the last step below a step, in the order of the file.
    pub fn end_of(&self, at: usize) -> usize {
        self.items[at].end
    }

    /// How many loops around a step, its own included, a key stands in too.
    pub fn shared_turns(&self, key: &Key, at: usize) -> usize {
        let loops = self.loops_of(&key.id);
        let there = self.loops_of(&self.items[at].step.id.value);
        let shared = loops.iter().zip(&there).take_while(|(one, other)| one == other).count();
        shared.min(key.turns.len())
    }

    /// Whether anything must not change during a run.
    pub fn is_guarded(&self) -> bool {
        self.runbook.head.scope.is_some() || !self.runbook.head.must_not_change.is_empty()
    }

    /// The names of the loops around a step, its own last, outermost first, each with the step that repeats.
    pub fn loops_of(&self, id: &str) -> Vec<usize> {
        let mut loops = Vec::new();
        let mut at = self.index(id);
        while let Some(index) = at {
            if self.items[index].repeats() {
                loops.push(index);
            }
            at = self.items[index].parent;
        }
        loops.reverse();
        loops
    }

    /// The key under which the list of a loop is kept: the step that repeats in the turns around it.
    pub fn loop_key(&self, key: &Key, loop_step: usize) -> Key {
        let item = &self.items[loop_step];
        key.beside(item.step.id.value.clone(), item.outer_loops)
    }

    /// The step that sets a name, for the message when it is not known yet.
    pub fn sets(&self, name: &str) -> Option<&Step> {
        self.items
            .iter()
            .map(|item| &item.step)
            .find(|step| step.fields.capture.0.iter().any(|capture| capture.name.value == name))
    }
}
