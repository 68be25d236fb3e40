//! A run as it will be when the next record is applied, without copying it: what a walk and the templates look at.
//! It only lays a few entries over the run; [`super::run::Run::outcome`] says which, so it cannot disagree with the fold.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::key::Key;
use super::record::Event;
use super::run::{Attempt, Opened, Run, StepState};

/// A run, and what is laid over it.
#[derive(Clone, Debug)]
pub struct Ahead<'a> {
    run: &'a Run,
    captured: &'a BTreeMap<String, Value>,
    steps: BTreeMap<Key, StepState>,
    new_captured: BTreeMap<String, Value>,
    loops: BTreeMap<Key, Vec<String>>,
    /// The steps that the walk has given another state.
    touched: BTreeSet<Key>,
}

impl<'a> Ahead<'a> {
    /// The run as it is.
    pub fn of(run: &'a Run) -> Self {
        Self {
            run,
            captured: &run.captured,
            steps: BTreeMap::new(),
            new_captured: BTreeMap::new(),
            loops: BTreeMap::new(),
            touched: BTreeSet::new(),
        }
    }

    /// The run as it is after an event, its way on not counted.
    pub fn after(run: &'a Run, event: &Event) -> Self {
        let mut ahead = Self::of(run);
        let outcome = run.outcome(event);
        ahead.steps.extend(outcome.step);
        ahead
            .new_captured
            .extend(outcome.captured.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
        ahead
    }

    /// The names as they were when an attempt was begun: its way back means those.
    pub fn back_at(run: &'a Run, attempt: &'a Attempt) -> Self {
        Self { captured: &attempt.captured, loops: attempt.loops.clone(), ..Self::of(run) }
    }

    pub fn run(&self) -> &'a Run {
        self.run
    }

    pub fn opened(&self) -> Option<&'a Opened> {
        self.run.opened.as_ref()
    }

    pub fn state(&self, key: &Key) -> &StepState {
        self.steps.get(key).unwrap_or_else(|| self.run.state(key))
    }

    /// Every turn of a step that has a state, in order, from the given turns on.
    pub fn states<'s>(&'s self, id: &str, turns: &[u32]) -> impl Iterator<Item = (&'s Key, &'s StepState)> {
        let first = Key { id: id.to_owned(), turns: turns.to_vec() };
        let fits = |first: Key| move |key: &Key| key.id == first.id && key.turns.starts_with(&first.turns);
        let old = self.run.steps.range(first.clone()..).take_while({
            let fits = fits(first.clone());
            move |(key, _)| fits(key)
        });
        let new = self.steps.range(first.clone()..).take_while({
            let fits = fits(first);
            move |(key, _)| fits(key)
        });
        old.filter(|(key, _)| !self.steps.contains_key(key)).chain(new)
    }

    /// The values of a loop, by its step in the turns around it.
    pub fn list(&self, key: &Key) -> Option<&[String]> {
        self.loops.get(key).or_else(|| self.run.loops.get(key)).map(Vec::as_slice)
    }

    /// Everything that was captured, each name once.
    pub fn captured(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.captured.iter().filter(|(name, _)| !self.new_captured.contains_key(*name)).chain(&self.new_captured)
    }

    pub fn visits(&self, key: &Key) -> u32 {
        self.run.visits.get(key).copied().unwrap_or(0)
    }

    pub(super) fn set(&mut self, key: Key, state: StepState) {
        self.touched.insert(key.clone());
        self.steps.insert(key, state);
    }

    pub(super) fn set_list(&mut self, key: Key, list: Vec<String>) {
        self.loops.insert(key, list);
    }

    /// The steps that the walk gave this state, in order.
    pub(super) fn touched(&self, state: &StepState) -> Vec<Key> {
        self.touched.iter().filter(|key| self.state(key) == state).cloned().collect()
    }

    pub(super) fn into_lists(self) -> Vec<(Key, Vec<String>)> {
        self.loops.into_iter().collect()
    }
}
