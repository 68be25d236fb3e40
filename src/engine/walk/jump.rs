//! Jumps: what is passed over was not taken; what is jumped back to is open again, but never a change that is finished.

use super::{MOST_VISITS, Next, Walk};
use crate::engine::key::Key;
use crate::engine::position::{Position, StopReason};
use crate::engine::run::StepState;
use crate::model::branch::To;
use crate::model::{Phase, StepKind};

impl Walk<'_> {
    /// From a step that has its end to wherever `to` says.
    pub(super) fn go(&mut self, key: &Key, to: &To) -> Next {
        let stopped = |by| Next::Stand(Position::Stopped { by, step: Some(key.clone()) });
        // A preflight looks at everything, whatever it finds.
        let to = if self.is_preflight() { &To::Next } else { to };
        match to {
            To::Next => Next::Behind(key.clone()),
            To::Done => Next::Stand(self.done(key)),
            To::Stop => stopped(StopReason::Runbook),
            To::Undo => stopped(StopReason::OfferUndo),
            To::Phase(phase) => self.jump_to_phase(Some(key), *phase),
            To::Step(id) => self.jump_to_step(key, id),
        }
    }

    /// Nothing to repair, where that is true; what was changed on the way must be proved.
    fn done(&mut self, key: &Key) -> Position {
        let nothing_to_repair = self.phase_of(key) == Some(Phase::Diagnose) && !self.ahead.run().is_changed();
        if !nothing_to_repair && !self.is_proven() {
            return Position::NotRepaired;
        }
        self.leave_turns(key, 0);
        self.pass_over(key, self.plan.items().len());
        Position::AtEnd { nothing_to_repair }
    }

    pub(super) fn jump_to_phase(&mut self, from: Option<&Key>, phase: Phase) -> Next {
        let here = from.and_then(|key| self.phase_of(key));
        let border = self.plan.items().iter().position(|item| item.phase >= phase).unwrap_or(self.plan.items().len());
        match (from, here) {
            (Some(key), Some(here)) if here < phase => {
                self.leave_turns(key, 0);
                self.pass_over(key, border);
            }
            (Some(_) | None, _) => {
                if let Some(stop) = from.and_then(|key| self.jump_back(key)) {
                    return stop;
                }
                self.open_again(border, &[]);
            }
        }
        Next::Phase(phase)
    }

    /// To another step of the same list.
    fn jump_to_step(&mut self, key: &Key, id: &str) -> Next {
        let (Some(here), Some(there)) = (self.plan.index(&key.id), self.plan.index(id)) else {
            self.why = Some(format!("there is no step `{id}`"));
            return Next::Stand(Position::Stopped { by: StopReason::Runbook, step: Some(key.clone()) });
        };
        let turns = key.beside(id, self.plan.items()[there].outer_loops).turns;
        if there > here {
            self.leave_turns(key, self.plan.items()[here].outer_loops);
            self.pass_over(key, there);
        } else {
            if let Some(stop) = self.jump_back(key) {
                return stop;
            }
            self.open_again(there, &turns);
        }
        Next::Enter(there, turns)
    }

    fn jump_back(&mut self, key: &Key) -> Option<Next> {
        self.jumps_back += 1;
        (self.jumps_back > MOST_VISITS).then(|| self.too_many_visits(key.clone()))
    }

    /// Steps behind this one, up to another, that have no end yet were not taken.
    fn pass_over(&mut self, key: &Key, to: usize) {
        let Some(here) = self.plan.index(&key.id) else { return };
        let mut at = self.plan.end_of(here);
        while at < to {
            let item = &self.plan.items()[at];
            // Another loop that was not begun is not taken as a whole; so what is in it has no turn.
            if self.plan.shared_turns(key, at) < item.outer_loops {
                at = self.plan.end_of(at);
                continue;
            }
            let passed = Key { id: item.step.id.value.clone(), turns: key.turns[..item.outer_loops].to_vec() };
            let fresh = *self.ahead.state(&passed) == StepState::Open;
            if fresh && !(item.repeats() || item.is_group()) || fresh && !self.is_begun(at, &passed.turns) {
                self.take_not(passed);
            }
            at += 1;
        }
    }

    /// Whether anything of a loop or group has its end.
    fn is_begun(&self, at: usize, turns: &[u32]) -> bool {
        let items = &self.plan.items()[at..self.plan.end_of(at)];
        let ended = |state: &StepState| !matches!(state, StepState::Open | StepState::NotTaken);
        items.iter().any(|item| self.ahead.states(&item.step.id.value, turns).any(|(_, state)| ended(state)))
    }

    /// The turns that are left, of the loops from this one inwards, were not taken.
    fn leave_turns(&mut self, key: &Key, outermost: usize) {
        let loops = self.plan.loops_of(&key.id);
        for (level, loop_step) in loops.into_iter().enumerate().take(key.turns.len()).skip(outermost) {
            let base = key.beside(self.plan.items()[loop_step].step.id.value.clone(), level);
            let turns = self.ahead.list(&base).map_or(0, <[_]>::len);
            for turn in key.turns[level] + 1..=u32::try_from(turns).unwrap_or(u32::MAX) {
                let left = base.clone().turn(turn);
                if *self.ahead.state(&left) == StepState::Open {
                    self.take_not(left);
                }
            }
        }
    }

    /// Everything from there on is open again in these turns; only a person repeats a change that is finished.
    fn open_again(&mut self, from: usize, turns: &[u32]) {
        let mut again = Vec::new();
        for item in &self.plan.items()[from..] {
            let keeps = matches!(item.step.kind, StepKind::Change(_) | StepKind::Terminal(_));
            for (key, state) in self.ahead.states(&item.step.id.value, turns) {
                let finished = keeps && *state == StepState::Passed;
                if !finished && *state != StepState::Open {
                    again.push(key.clone());
                }
            }
        }
        for key in again {
            self.ahead.set(key, StepState::Open);
        }
    }
}
