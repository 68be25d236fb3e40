//! A runbook laid out for running: every step with its phase, its list, and the loops around it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::key::Key;
use crate::model::target::HERE;
use crate::model::{Phase, Runbook, Step, StepKind, Target};

/// A step in its place.
#[derive(Clone, Debug)]
pub struct Item {
    pub step: Step,
    pub phase: Phase,
    /// 0 for the steps of a phase.
    pub depth: usize,
    /// The group it stands in.
    pub parent: Option<usize>,
    /// The target it runs on; none: this machine.
    pub target: Option<String>,
    /// Whether it is done for each host of its target in turn.
    pub by_host: bool,
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
        self.step.fields.for_each.is_some() || self.by_host
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
            let target = self.target_of(step, parent);
            let by_host = self.goes_by_host(step, phase, (target.as_deref(), parent));
            self.items.push(Item {
                step: step.clone(),
                phase,
                depth,
                parent,
                target,
                by_host,
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

    /// Where a step runs: as it says, as the group says, as the runbook says.
    fn target_of(&self, step: &Step, parent: Option<usize>) -> Option<String> {
        let word = match (&step.fields.r#where, parent) {
            (Some(own), _) => Some(own.value.clone()),
            (None, Some(parent)) => return self.items[parent].target.clone(),
            (None, None) => self.runbook.head.r#where.as_ref().map(|place| place.value.clone()),
        };
        word.filter(|word| word != HERE)
    }

    /// Changes go host by host, and a group as a whole does, but not once more inside a group that does already. A
    /// person's deed does where it says so itself.
    fn goes_by_host(&self, step: &Step, phase: Phase, (target, parent): (Option<&str>, Option<usize>)) -> bool {
        let head = &self.runbook.head;
        let several = target.and_then(|name| head.targets.get(name)).is_some_and(|target| target.is_several(head));
        let changes = matches!(phase, Phase::Repair | Phase::FollowUp);
        let kind = match step.kind {
            StepKind::Change(_)
            | StepKind::Terminal(_)
            | StepKind::Edit(_)
            | StepKind::Steps(_)
            | StepKind::Include { .. } => true,
            StepKind::ByHand(_) => changes && step.fields.r#where.is_some(),
            StepKind::Check(_) | StepKind::Wait { .. } | StepKind::Question(_) | StepKind::Announce(_) => false,
        };
        several && kind && parent.is_none_or(|parent| self.loop_over_hosts(parent, target).is_none())
    }

    /// The step, itself or around, that goes over the hosts of a target.
    pub fn loop_over_hosts(&self, at: usize, target: Option<&str>) -> Option<usize> {
        let mut at = Some(at);
        while let Some(index) = at {
            let item = &self.items[index];
            if item.by_host && item.target.as_deref() == target {
                return Some(index);
            }
            at = item.parent;
        }
        None
    }

    /// The target of a step, where it is not this machine.
    pub fn target(&self, item: &Item) -> Option<(&str, &Target)> {
        let (_, name, target) = self.runbook.head.targets.get_full(item.target.as_deref()?)?;
        Some((name, target))
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
