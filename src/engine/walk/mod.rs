//! From one step to the next: order, `when`, loops, groups, jumps, phases.

use super::key::Key;
use super::known::{Results, known};
use super::plan::Plan;
use super::position::{Advance, Position, StopReason};
use super::run::{Run, StepState};
use crate::model::branch::To;
use crate::model::fields::Items;
use crate::model::{Phase, Runbook, StepKind};
use crate::template::{self, ProblemKind};

/// How often a step may be come to before the run stands still.
const MOST_VISITS: u32 = 3;

/// A walk over the plan; collects what happens on the way.
pub struct Walk<'a> {
    plan: &'a Plan,
    /// The run as it will be when the records before this walk are applied.
    run: Run,
    not_taken: Vec<Key>,
    loops: Vec<(Key, Vec<String>)>,
    opened: Vec<Key>,
    why: Option<String>,
}

impl<'a> Walk<'a> {
    pub fn new(plan: &'a Plan, run: Run) -> Self {
        Self { plan, run, not_taken: Vec::new(), loops: Vec::new(), opened: Vec::new(), why: None }
    }

    /// From the start of a run.
    pub fn start(mut self) -> Advance {
        let to = self.phase(Phase::Diagnose);
        self.finish(to)
    }

    /// Into the first step of repair.
    pub fn repair(mut self) -> Advance {
        let to = match self.plan.first_of(Phase::Repair) {
            Some(first) => self.enter(first, Vec::new()),
            None => self.phase(Phase::Verify),
        };
        self.finish(to)
    }

    /// From a step that has its end to wherever `to` says.
    pub fn from(mut self, key: &Key, to: &To) -> Advance {
        let to = match to {
            To::Next => self.after(key),
            To::Done => Position::AtEnd { nothing_to_repair: self.phase_of(key) == Some(Phase::Diagnose) },
            To::Stop => Position::Stopped { by: StopReason::Runbook, step: Some(key.clone()) },
            To::Undo => Position::Stopped { by: StopReason::OfferUndo, step: Some(key.clone()) },
            To::Phase(phase) => {
                self.leave_phase(key);
                self.jump_to_phase(*phase)
            }
            To::Step(id) => self.jump(key, id),
        };
        self.finish(to)
    }

    fn finish(self, to: Position) -> Advance {
        Advance { to, not_taken: self.not_taken, loops: self.loops, opened: self.opened, why: self.why }
    }

    fn phase_of(&self, key: &Key) -> Option<Phase> {
        self.plan.item(&key.id).map(|item| item.phase)
    }

    fn jump_to_phase(&mut self, phase: Phase) -> Position {
        if phase == Phase::Repair { Position::EnterRepair } else { self.phase(phase) }
    }

    /// Into a phase, or behind it where it has no steps.
    fn phase(&mut self, phase: Phase) -> Position {
        if let Some(first) = self.plan.first_of(phase) {
            return if phase == Phase::Repair { Position::EnterRepair } else { self.enter(first, Vec::new()) };
        }
        self.after_phase(phase)
    }

    fn after_phase(&mut self, phase: Phase) -> Position {
        match phase {
            Phase::Diagnose => self.phase(Phase::Repair),
            Phase::Repair => self.phase(Phase::Verify),
            Phase::Verify if !self.verified() => Position::NotRepaired,
            Phase::Verify => self.phase(Phase::FollowUp),
            Phase::FollowUp if !self.verified() => Position::NotRepaired,
            Phase::FollowUp => Position::AtEnd { nothing_to_repair: false },
        }
    }

    /// Whether no step of verify failed or is unknown or open; skipped ones are said in the report.
    fn verified(&self) -> bool {
        let of_verify = |key: &Key| self.phase_of(key) == Some(Phase::Verify);
        let good = |state: &StepState| matches!(state, StepState::Passed | StepState::NotTaken | StepState::Skipped(_));
        let leaf = |key: &Key| self.plan.item(&key.id).is_some_and(|item| !item.is_group());
        self.run.steps.iter().filter(|(key, _)| of_verify(key) && leaf(key)).all(|(_, state)| good(state))
    }

    fn enter(&mut self, at: usize, turns: Vec<u32>) -> Position {
        let item = &self.plan.items()[at];
        let mut key = Key { id: item.step.id.value.clone(), turns };
        if item.repeats() {
            match self.list(&key, at) {
                Ok(list) if list.is_empty() => {
                    self.take_not(&key);
                    return self.after_all_turns(&key);
                }
                Ok(list) => {
                    self.run.loops.insert(key.clone(), list.clone());
                    self.loops.push((key.clone(), list));
                }
                Err(position) => return position,
            }
            key = key.turn(1);
        }
        self.enter_turn(at, key)
    }

    fn enter_turn(&mut self, at: usize, key: Key) -> Position {
        let item = &self.plan.items()[at];
        match self.wanted(&key, at) {
            Ok(true) => {}
            Ok(false) => {
                self.take_not(&key);
                return self.after(&key);
            }
            Err(position) => return position,
        }
        if let Some(child) = self.plan.first_child_of(at) {
            return self.enter(child, key.turns);
        }
        if matches!(item.step.kind, StepKind::Steps(_)) {
            return self.after(&key);
        }
        if self.run.visits.get(&key).copied().unwrap_or(0) >= MOST_VISITS {
            self.why = Some(format!("step `{key}` would be reached for the {}th time", MOST_VISITS + 1));
            return Position::Stopped { by: StopReason::TooManyVisits, step: Some(key) };
        }
        Position::Step { step: key }
    }

    /// Behind a step, or behind one turn of it.
    fn after(&mut self, key: &Key) -> Position {
        let Some(at) = self.plan.index(&key.id) else { return Position::AtEnd { nothing_to_repair: false } };
        let item = &self.plan.items()[at];
        if item.repeats()
            && let Some(turn) = key.turns.last().copied()
            && key.turns.len() > item.outer_loops
        {
            let base = key.beside(key.id.clone(), item.outer_loops);
            let more = self.run.loops.get(&base).is_some_and(|list| list.len() > turn as usize);
            if more {
                return self.enter_turn(at, base.turn(turn + 1));
            }
        }
        self.after_all_turns(&key.beside(key.id.clone(), item.outer_loops))
    }

    fn after_all_turns(&mut self, key: &Key) -> Position {
        let Some(at) = self.plan.index(&key.id) else { return Position::AtEnd { nothing_to_repair: false } };
        if let Some(next) = self.plan.next_of(at) {
            return self.enter(next, key.turns.clone());
        }
        let item = &self.plan.items()[at];
        match item.parent {
            Some(parent) => {
                let id = self.plan.items()[parent].step.id.value.clone();
                let key = Key { id, turns: key.turns.clone() };
                self.after(&key)
            }
            None => self.after_phase(item.phase),
        }
    }

    /// To another step of the same list.
    fn jump(&mut self, key: &Key, id: &str) -> Position {
        let (Some(here), Some(there)) = (self.plan.index(&key.id), self.plan.index(id)) else {
            self.why = Some(format!("there is no step `{id}`"));
            return Position::Stopped { by: StopReason::Runbook, step: Some(key.clone()) };
        };
        let turns = key.beside(id, self.plan.items()[there].outer_loops).turns;
        if there > here {
            for at in here + 1..there {
                self.pass_over(at, &turns);
            }
        } else {
            self.open_again(there, here, &turns);
        }
        self.enter(there, turns)
    }

    /// A step between here and there that has no end yet was not taken.
    fn pass_over(&mut self, at: usize, turns: &[u32]) {
        let item = &self.plan.items()[at];
        let key = Key { id: item.step.id.value.clone(), turns: turns.to_vec() };
        if item.outer_loops == turns.len() && *self.run.state(&key) == StepState::Open {
            self.take_not(&key);
        }
    }

    /// A jump back opens the steps from there again, but never a change that is finished.
    fn open_again(&mut self, from: usize, to: usize, turns: &[u32]) {
        let within = |key: &Key| {
            let at = self.plan.index(&key.id);
            at.is_some_and(|at| (from..=to).contains(&at)) && key.turns.starts_with(turns)
        };
        let finished_change = |key: &Key, state: &StepState| {
            let changes = |step: &crate::model::Step| matches!(step.kind, StepKind::Change(_));
            *state == StepState::Passed && self.plan.item(&key.id).is_some_and(|item| changes(&item.step))
        };
        let again: Vec<Key> = self.run.steps.iter().filter(|(key, state)| within(key) && !finished_change(key, state)).map(|(key, _)| key.clone()).collect();
        for key in again {
            self.run.steps.insert(key.clone(), StepState::Open);
            self.opened.push(key);
        }
    }

    /// The steps of this phase that come after here were not taken.
    fn leave_phase(&mut self, key: &Key) {
        let (Some(here), Some(phase)) = (self.plan.index(&key.id), self.phase_of(key)) else { return };
        for at in here + 1..self.plan.items().len() {
            if self.plan.items()[at].phase == phase {
                self.pass_over(at, &[]);
            }
        }
    }

    fn take_not(&mut self, key: &Key) {
        self.run.steps.insert(key.clone(), StepState::NotTaken);
        self.not_taken.push(key.clone());
    }

    fn wanted(&mut self, key: &Key, at: usize) -> Result<bool, Position> {
        let Some(when) = &self.plan.items()[at].step.fields.when else { return Ok(true) };
        let values = known(self.plan, &self.run, Some(key));
        let results = Results { run: &self.run, plan: self.plan, key };
        let wanted = template::evaluate(when, &values, &results);
        wanted.map_err(|problem| self.not_known(key, &problem))
    }

    fn list(&mut self, key: &Key, at: usize) -> Result<Vec<String>, Position> {
        let Some(each) = &self.plan.items()[at].step.fields.for_each else { return Ok(Vec::new()) };
        let values = known(self.plan, &self.run, Some(key));
        match &each.items {
            Items::Listed(texts) => {
                let rendered: Result<Vec<_>, _> = texts.iter().map(|text| template::render_text(text, &values)).collect();
                rendered.map_err(|problem| self.not_known(key, &problem))
            }
            Items::Named(name) => values.get_list(&name.value).ok_or_else(|| {
                self.why = Some(unknown_name(self.plan, &name.value));
                Position::Stopped { by: StopReason::NameNotKnown, step: Some(key.clone()) }
            }),
        }
    }

    fn not_known(&mut self, key: &Key, problem: &template::Problem) -> Position {
        self.why = Some(match &problem.kind {
            ProblemKind::Undefined { name } => unknown_name(self.plan, name),
            _ => format!("`when` of step `{key}`: {}", problem.message),
        });
        Position::Stopped { by: StopReason::NameNotKnown, step: Some(key.clone()) }
    }
}

/// Says which step sets a name that is not known yet.
pub fn unknown_name(plan: &Plan, name: &str) -> String {
    match plan.sets(name) {
        Some(step) => format!("`{name}` is not known yet; step `{}` sets it", step.id.value),
        None => format!("`{name}` is not known"),
    }
}

/// The first branch that fits: its `got` is in the output, or it has none.
pub fn branch_for(runbook: &Runbook, id: &str, got: &[bool]) -> Option<To> {
    let step = runbook.step(id)?;
    let mut branches = step.fields.if_not.0.iter().enumerate();
    let fits = branches.find(|(at, branch)| branch.got.is_none() || got.get(*at).copied().unwrap_or(false));
    Some(fits?.1.then.as_ref().map_or(To::Next, |then| then.to.clone()))
}
