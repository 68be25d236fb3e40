//! Whether a runbook says that it runs as root, so that a run which was started as root does nothing that its author
//! and its reviewers did not mean to be done by root.

use super::plan::{Item, Plan};

/// What keeps a runbook from being run as root.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAsRoot {
    /// Nothing in it says `user`.
    #[error("`{runbook}` does not say that it runs as root")]
    Unsaid { runbook: String },
    /// Some of it does; this step would run as root all the same.
    #[error("step `{step}` does not say as whom it runs, and would run as root")]
    Step { step: String },
}

impl Plan {
    /// Whether a run may be started as root: the runbook says `user: root`, or each of its steps that runs something
    /// says as whom, by itself or by its target.
    ///
    /// # Errors
    /// What does not say it.
    pub fn as_root(&self) -> Result<(), NotAsRoot> {
        let head = &self.runbook.head;
        if head.user.as_ref().is_some_and(|user| user.value == "root") {
            return Ok(());
        }
        let runs = self.items().iter().filter(|item| item.step.kind.runs_something());
        let (said, unsaid): (Vec<_>, Vec<_>) = runs.partition(|item| self.says_as_whom(item));
        match (said.first(), unsaid.first()) {
            (Some(_), None) => Ok(()),
            (Some(_), Some(item)) => Err(NotAsRoot::Step { step: item.step.id.value.clone() }),
            (None, _) => Err(NotAsRoot::Unsaid { runbook: self.runbook.id.clone() }),
        }
    }

    fn says_as_whom(&self, item: &Item) -> bool {
        let head = &self.runbook.head;
        match self.target(item) {
            _ if item.step.fields.user.is_some() => true,
            Some((_, target)) => target.user.is_some(),
            None => head.user.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::testkit::plan;

    fn asked(rest: &str) -> Result<(), String> {
        plan(rest).as_root().map_err(|why| why.to_string())
    }

    const HERE: &str = "targets: { box: { host: kyousuke, user: root } }\n";

    #[test]
    fn a_runbook_that_says_nothing_is_not_run_as_root() {
        let unsaid = Err("`a` does not say that it runs as root".to_owned());
        assert_eq!(asked("repair: [ { id: a, change: 'true', no_undo: n } ]\n"), unsaid);
        assert_eq!(asked("repair: [ Restart it. ]\n"), unsaid);
        assert_eq!(asked("user: pepe\nrepair: [ Restart it. ]\n"), unsaid);
    }

    #[test]
    fn the_runbook_its_target_or_each_step_can_say_it() {
        assert_eq!(asked("user: root\nrepair: [ { id: a, change: 'true', no_undo: n } ]\n"), Ok(()));
        assert_eq!(asked(&format!("{HERE}where: box\nrepair: [ {{ change: 'true', no_undo: n }}, Look. ]\n")), Ok(()));
        assert_eq!(asked("repair: [ { change: 'true', no_undo: n, user: root } ]\n"), Ok(()));
    }

    #[test]
    fn one_step_that_says_it_says_it_for_no_other() {
        let two = "repair: [ { change: 'true', no_undo: n, where: box }, { id: b, change: 'true', no_undo: n } ]\n";
        let step = "step `b` does not say as whom it runs, and would run as root".to_owned();
        assert_eq!(asked(&format!("{HERE}{two}")), Err(step));
    }
}
