//! Whether verify holds: every one of its steps, in every turn, passed, was skipped by a person, or was not taken.

use super::Walk;
use crate::engine::key::Key;
use crate::engine::run::StepState;
use crate::model::Phase;

impl Walk<'_> {
    /// It is found over the plan and not over what was run, so a step that was left out without a word is missed.
    pub(super) fn is_proven(&self) -> bool {
        let mut at = self.plan.first_of(Phase::Verify);
        while let Some(step) = at {
            if !self.holds(step, &[]) {
                return false;
            }
            at = self.plan.next_of(step);
        }
        true
    }

    fn holds(&self, at: usize, turns: &[u32]) -> bool {
        let item = &self.plan.items()[at];
        let key = Key { id: item.step.id.value.clone(), turns: turns.to_vec() };
        if !item.repeats() {
            return self.turn_holds(at, &key);
        }
        match (self.ahead.state(&key), self.ahead.list(&key)) {
            (StepState::NotTaken | StepState::Skipped(_), _) => true,
            (_, None) => false,
            (_, Some(list)) => (1..=u32::try_from(list.len()).unwrap_or(u32::MAX))
                .all(|turn| self.turn_holds(at, &key.clone().turn(turn))),
        }
    }

    fn turn_holds(&self, at: usize, key: &Key) -> bool {
        match self.ahead.state(key) {
            StepState::Passed | StepState::Skipped(_) | StepState::NotTaken => return true,
            StepState::Failed | StepState::Unknown | StepState::Running(_) => return false,
            StepState::Open => {}
        }
        let mut child = self.plan.first_child_of(at);
        let is_group = child.is_some();
        while let Some(step) = child {
            if !self.holds(step, &key.turns) {
                return false;
            }
            child = self.plan.next_of(step);
        }
        is_group
    }
}
