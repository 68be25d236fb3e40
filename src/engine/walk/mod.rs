//! From one step to the next: order, `when`, loops, groups, phases. Jumps are in [`jump`], what verify needs in [`proof`].
//!
//! A walk goes from place to place in a loop and not by recursion, so a thousand steps that are not taken cost no stack.

mod jump;
mod proof;
#[cfg(test)]
mod tests;

use super::ahead::Ahead;
use super::key::Key;
use super::known::{Results, Whole, hosts, known};
use super::plan::Plan;
use super::position::{Advance, Position, StopReason};
use super::record::Mode;
use super::run::StepState;
use crate::model::branch::To;
use crate::model::fields::Items;
use crate::model::{Phase, StepKind};
use crate::template::{self, ProblemKind};

/// How often a step may be come to before the run stands still.
const MOST_VISITS: u32 = 3;

/// A walk over the plan; collects what happens on the way.
pub struct Walk<'a> {
    plan: &'a Plan,
    ahead: Ahead<'a>,
    /// Jumps back so far: groups of which nothing is taken could lead round in circles without a stop.
    jumps_back: u32,
    why: Option<String>,
}

/// Where a walk looks next.
enum Next {
    /// At a step, its loop not begun.
    Enter(usize, Vec<u32>),
    /// At a step, or at one turn of it.
    Turn(usize, Key),
    /// Behind a step, or behind one turn of it.
    Behind(Key),
    /// Behind a step with all its turns.
    BehindAll(usize, Vec<u32>),
    Phase(Phase),
    BehindPhase(Phase),
    Stand(Position),
}

impl<'a> Walk<'a> {
    pub fn new(plan: &'a Plan, ahead: Ahead<'a>) -> Self {
        Self { plan, ahead, jumps_back: 0, why: None }
    }

    /// From the start of a run.
    pub fn start(self) -> Advance {
        self.walk(Next::Phase(Phase::Diagnose))
    }

    /// Into the first step of repair.
    pub fn repair(self) -> Advance {
        let next = match self.plan.first_of(Phase::Repair) {
            Some(first) => Next::Enter(first, Vec::new()),
            None => Next::Phase(Phase::Verify),
        };
        self.walk(next)
    }

    /// To the entry into repair once more, everything from there on opened again.
    pub fn repair_again(mut self) -> Advance {
        let next = self.jump_to_phase(None, Phase::Repair);
        self.walk(next)
    }

    /// From a step that has its end to wherever `to` says.
    pub fn from(mut self, key: &Key, to: &To) -> Advance {
        let next = self.go(key, to);
        self.walk(next)
    }

    /// From a step that passed: to its next turn, and behind the last one to its `then`.
    pub fn passed(mut self, key: &Key) -> Advance {
        let next = self.behind_passed(key);
        self.walk(next)
    }

    fn walk(mut self, mut next: Next) -> Advance {
        let to = loop {
            next = match next {
                Next::Enter(at, turns) => self.enter(at, turns),
                Next::Turn(at, key) => self.turn(at, key),
                Next::Behind(key) => self.behind(&key),
                Next::BehindAll(at, turns) => self.behind_all(at, &turns),
                Next::Phase(phase) => self.phase(phase),
                Next::BehindPhase(phase) => self.behind_phase(phase),
                Next::Stand(position) => break position,
            };
        };
        let came = matches!(to, Position::Step { .. });
        let (opened, not_taken) = (self.ahead.touched(&StepState::Open), self.ahead.touched(&StepState::NotTaken));
        Advance { to, not_taken, opened, came, why: self.why, loops: self.ahead.into_lists() }
    }

    /// Whether only the looks of diagnose are wanted, one after the other.
    fn is_preflight(&self) -> bool {
        self.ahead.run().mode() == Mode::Preflight
    }

    fn phase_of(&self, key: &Key) -> Option<Phase> {
        self.plan.item(&key.id).map(|item| item.phase)
    }

    /// Into a phase, or behind it where it has no steps.
    fn phase(&mut self, phase: Phase) -> Next {
        if self.is_preflight() && phase != Phase::Diagnose {
            return Next::Stand(Position::EnterRepair);
        }
        match self.plan.first_of(phase) {
            Some(_) if phase == Phase::Repair => Next::Stand(Position::EnterRepair),
            Some(first) => Next::Enter(first, Vec::new()),
            None => Next::BehindPhase(phase),
        }
    }

    fn behind_phase(&mut self, phase: Phase) -> Next {
        match phase {
            Phase::Diagnose => Next::Phase(Phase::Repair),
            Phase::Repair => Next::Phase(Phase::Verify),
            Phase::Verify | Phase::FollowUp if !self.is_proven() => Next::Stand(Position::NotRepaired),
            Phase::Verify => Next::Phase(Phase::FollowUp),
            Phase::FollowUp => Next::Stand(Position::AtEnd { nothing_to_repair: false }),
        }
    }

    fn enter(&mut self, at: usize, turns: Vec<u32>) -> Next {
        let item = &self.plan.items()[at];
        let key = Key { id: item.step.id.value.clone(), turns };
        if !item.repeats() {
            return Next::Turn(at, key);
        }
        self.open_if_not_taken(&key);
        match self.list(&key, at) {
            Ok(list) if list.is_empty() => {
                self.take_not(key.clone());
                Next::BehindAll(at, key.turns)
            }
            Ok(list) => {
                self.drop_turns(at, &key, list.len());
                self.ahead.set_list(key.clone(), list);
                Next::Turn(at, key.turn(1))
            }
            Err(_) if self.is_preflight() => {
                self.why = None;
                self.take_not(key.clone());
                Next::BehindAll(at, key.turns)
            }
            Err(position) => Next::Stand(position),
        }
    }

    fn turn(&mut self, at: usize, key: Key) -> Next {
        match self.wanted(&key, at) {
            Ok(true) => {}
            Ok(false) => {
                self.take_not(key.clone());
                return Next::Behind(key);
            }
            Err(_) if self.is_preflight() => {
                self.why = None;
                self.take_not(key.clone());
                return Next::Behind(key);
            }
            Err(position) => return Next::Stand(position),
        }
        if self.is_preflight() && self.wants_a_person(at) {
            self.take_not(key.clone());
            return Next::Behind(key);
        }
        self.open_if_not_taken(&key);
        let item = &self.plan.items()[at];
        if let Some(child) = self.plan.first_child_of(at) {
            return Next::Enter(child, key.turns);
        }
        if matches!(item.step.kind, StepKind::Steps(_) | StepKind::Include { .. }) {
            return Next::Behind(key);
        }
        if self.ahead.visits(&key) >= MOST_VISITS {
            return self.too_many_visits(key);
        }
        Next::Stand(Position::Step { step: key })
    }

    fn wants_a_person(&self, at: usize) -> bool {
        match self.plan.items()[at].step.kind {
            StepKind::Check(_) | StepKind::Wait { .. } | StepKind::Steps(_) | StepKind::Include { .. } => false,
            StepKind::Change(_)
            | StepKind::Terminal(_)
            | StepKind::Edit(_)
            | StepKind::ByHand(_)
            | StepKind::Question(_)
            | StepKind::Announce(_) => true,
        }
    }

    fn too_many_visits(&mut self, key: Key) -> Next {
        self.why = Some(format!("step `{key}` would be reached for the {}th time", MOST_VISITS + 1));
        Next::Stand(Position::Stopped { by: StopReason::TooManyVisits, step: Some(key) })
    }

    /// The next turn of a step, where there is one.
    fn next_turn(&self, at: usize, key: &Key) -> Option<Next> {
        let item = &self.plan.items()[at];
        let turn = key.turns.get(item.outer_loops).copied().filter(|_| item.repeats())?;
        let base = key.beside(key.id.clone(), item.outer_loops);
        let more = self.ahead.list(&base).is_some_and(|list| list.len() > turn as usize);
        more.then(|| Next::Turn(at, base.turn(turn + 1)))
    }

    /// Behind a step, or behind one turn of it.
    fn behind(&mut self, key: &Key) -> Next {
        let Some(at) = self.plan.index(&key.id) else { return Next::Stand(Position::NotRepaired) };
        let outer = self.plan.items()[at].outer_loops;
        self.next_turn(at, key).unwrap_or_else(|| Next::BehindAll(at, key.beside("", outer).turns))
    }

    fn behind_passed(&mut self, key: &Key) -> Next {
        let Some(at) = self.plan.index(&key.id) else { return Next::Stand(Position::NotRepaired) };
        if let Some(next) = self.next_turn(at, key) {
            return next;
        }
        let item = &self.plan.items()[at];
        let around = key.beside(key.id.clone(), item.outer_loops);
        let whole = Whole::of(self.plan, &self.ahead, at, &around.turns);
        match &item.step.fields.then {
            Some(then) if whole.passed && !whole.failed => self.go(key, &then.to),
            Some(_) | None => Next::BehindAll(at, around.turns),
        }
    }

    fn behind_all(&mut self, at: usize, turns: &[u32]) -> Next {
        if let Some(next) = self.plan.next_of(at) {
            return Next::Enter(next, turns.to_vec());
        }
        let item = &self.plan.items()[at];
        match item.parent {
            Some(parent) => self.behind_group(parent, turns),
            None => Next::BehindPhase(item.phase),
        }
    }

    /// A group is at its end, or one turn of it: its own `then` and `if_not` speak for the whole.
    fn behind_group(&mut self, at: usize, turns: &[u32]) -> Next {
        let item = &self.plan.items()[at];
        let key = Key { id: item.step.id.value.clone(), turns: turns.to_vec() };
        if let Some(next) = self.next_turn(at, &key) {
            return next;
        }
        let around = key.beside("", item.outer_loops).turns;
        let whole = Whole::of(self.plan, &self.ahead, at, &around);
        let to = if whole.failed {
            branch_of(self.plan, &key.id, &[])
        } else {
            item.step.fields.then.as_ref().filter(|_| whole.passed).map(|then| then.to.clone())
        };
        match to {
            Some(to) => self.go(&key, &to),
            None => Next::BehindAll(at, around),
        }
    }

    /// A list that is shorter than when the loop was entered before: the turns behind its end are none any more.
    fn drop_turns(&mut self, at: usize, base: &Key, turns: usize) {
        if self.ahead.list(base).is_none_or(|list| list.len() <= turns) {
            return;
        }
        let level = base.turns.len();
        let gone = |key: &Key| key.turns.get(level).is_some_and(|turn| *turn as usize > turns);
        let items = &self.plan.items()[at..self.plan.end_of(at)];
        let states = items.iter().flat_map(|item| self.ahead.states(&item.step.id.value, &base.turns));
        let gone: Vec<_> = states
            .filter(|(key, state)| gone(key) && **state != StepState::Passed)
            .map(|(key, _)| key.clone())
            .collect();
        for key in gone {
            self.take_not(key);
        }
    }

    fn take_not(&mut self, key: Key) {
        self.ahead.set(key, StepState::NotTaken);
    }

    fn open_if_not_taken(&mut self, key: &Key) {
        if *self.ahead.state(key) == StepState::NotTaken {
            self.ahead.set(key.clone(), StepState::Open);
        }
    }

    fn wanted(&mut self, key: &Key, at: usize) -> Result<bool, Position> {
        let Some(when) = &self.plan.items()[at].step.fields.when else { return Ok(true) };
        let values = known(self.plan, &self.ahead, Some(key));
        let results = Results { ahead: &self.ahead, plan: self.plan, key };
        let wanted = template::evaluate(when, &values, &results);
        wanted.map_err(|problem| self.not_known(key, "when", &problem))
    }

    fn list(&mut self, key: &Key, at: usize) -> Result<Vec<String>, Position> {
        let item = &self.plan.items()[at];
        let values = known(self.plan, &self.ahead, Some(key));
        if item.by_host {
            let Some((_, target)) = self.plan.target(item) else { return Ok(Vec::new()) };
            return hosts(target, &values).map_err(|problem| self.not_known(key, "where", &problem));
        }
        let Some(each) = &item.step.fields.for_each else { return Ok(Vec::new()) };
        match &each.items {
            Items::Listed(texts) => {
                let rendered: Result<Vec<_>, _> =
                    texts.iter().map(|text| template::render_text(text, &values)).collect();
                rendered.map_err(|problem| self.not_known(key, "for_each", &problem))
            }
            Items::Named(name) => values.get_list(&name.value).ok_or_else(|| {
                self.why = Some(match values.get_text(&name.value) {
                    Some(_) => format!("`for_each` of step `{key}`: `{}` is one text, expected a list", name.value),
                    None => unknown_name(self.plan, &name.value),
                });
                Position::Stopped { by: StopReason::NameNotKnown, step: Some(key.clone()) }
            }),
        }
    }

    fn not_known(&mut self, key: &Key, field: &str, problem: &template::Problem) -> Position {
        self.why = Some(match &problem.kind {
            ProblemKind::Undefined { name } => unknown_name(self.plan, name),
            ProblemKind::Syntax
            | ProblemKind::Place
            | ProblemKind::EvaluatedAgain
            | ProblemKind::LeadingDash
            | ProblemKind::NotAllowed
            | ProblemKind::TooLong
            | ProblemKind::Value => format!("`{field}` of step `{key}`: {}", problem.message),
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

/// Where the first branch that fits leads: its `got` is in the output, or it has none. A branch that only says what it
/// means leads nowhere of its own.
pub fn branch_of(plan: &Plan, id: &str, got: &[bool]) -> Option<To> {
    let step = &plan.item(id)?.step;
    let mut branches = step.fields.if_not.0.iter().enumerate();
    let fits = branches.find(|(at, branch)| branch.got.is_none() || got.get(*at).copied().unwrap_or(false));
    fits?.1.then.as_ref().map(|then| then.to.clone())
}
