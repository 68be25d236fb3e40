//! What a step gives, and which later step cannot be without it: that is why a backup cannot be jumped over.

use super::key::Key;
use super::plan::Plan;
use super::run::{Run, StepState};
use crate::model::fields::UndoHow;
use crate::model::step::Kind;
use crate::model::{Command, Step, Test, Text};
use crate::template;

/// A later step that needs what is captured here, and where it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    pub name: String,
    /// `the way back of`, `what may change in`, or nothing where the step itself cannot run.
    pub part: &'static str,
    pub by: String,
}

/// The first later step that has not run and cannot without what `step` gives; none where it is known already.
pub fn needed_later(plan: &Plan, run: &Run, step: &Key) -> Option<Needed> {
    let at = plan.index(&step.id)?;
    let frame = |id: &str| plan.runbook.frame_of(id).map(|(around, _)| around.to_owned());
    let here = frame(&step.id);
    let gives: Vec<&str> = plan.items()[at]
        .step
        .fields
        .capture
        .0
        .iter()
        .filter(|capture| !run.captured.contains_key(&capture.name.value))
        .map(|capture| capture.name.value.rsplit('.').next().unwrap_or_default())
        .collect();
    if gives.is_empty() {
        return None;
    }
    let later = plan.items()[at + 1..].iter().filter(|item| !item.is_group() && frame(&item.step.id.value) == here);
    later.into_iter().filter(|item| is_ahead(run, &item.step.id.value)).find_map(|item| {
        let (name, part) = gives.iter().find_map(|name| Some((*name, uses(&item.step, name)?)))?;
        Some(Needed { name: name.to_owned(), part, by: item.step.id.value.clone() })
    })
}

/// Whether a step is still to come, in any of its turns.
fn is_ahead(run: &Run, id: &str) -> bool {
    let mut turns = run.steps.iter().filter(|(key, _)| key.id == *id).peekable();
    turns.peek().is_none() || turns.any(|(_, state)| matches!(state, StepState::Open))
}

/// Where a step needs a name.
fn uses(step: &Step, name: &str) -> Option<&'static str> {
    let fields = &step.fields;
    if let Some(undo) = &fields.undo {
        let how = match &undo.how {
            UndoHow::Change(command) => in_command(command, name),
            UndoHow::ByHand(text) => in_text(text, name),
        };
        if how || undo.done_when.as_ref().is_some_and(|test| in_test(test, name)) {
            return Some("the way back of ");
        }
    }
    if fields.may_change.iter().any(|text| in_text(text, name)) {
        return Some("what may change in ");
    }
    let own = match &step.kind {
        Kind::Change(command) | Kind::Terminal(command) => in_command(command, name),
        Kind::Check(test) | Kind::Wait { test, .. } => in_test(test, name),
        Kind::Edit(path) => in_text(path, name),
        Kind::ByHand(_) | Kind::Question(_) | Kind::Announce(_) | Kind::Include { .. } | Kind::Steps(_) => false,
    };
    let texts = fields.stdin.iter().chain(&fields.cwd).chain(fields.env.values());
    let tests = fields.needs.0.iter().chain(&fields.done_when.0);
    let runs =
        own || tests.into_iter().any(|test| in_test(test, name)) || texts.into_iter().any(|text| in_text(text, name));
    runs.then_some("")
}

fn in_test(test: &Test, name: &str) -> bool {
    match test {
        Test::Command(command) => in_command(command, name),
        Test::Probe(probe) => probe.texts().into_iter().any(|text| in_text(text, name)),
    }
}

fn in_command(command: &Command, name: &str) -> bool {
    match command {
        Command::Script(text) => in_text(text, name),
        Command::Argv(words, _) => words.iter().any(|word| in_text(word, name)),
    }
}

/// A use that renders without the name too does not need it.
fn in_text(text: &Text, name: &str) -> bool {
    let names = template::names(text).unwrap_or_default();
    names.iter().any(|used| used.name == name && !used.optional)
}

#[cfg(test)]
mod tests {
    use crate::engine::command::Command as Asked;
    use crate::engine::refusal::Refusal;
    use crate::engine::testkit::{Conversation, key};

    fn refused(later: &str) -> Option<String> {
        let text = format!(
            "repair:\n  - {{ id: backup, change: mktemp, capture: copy, no_undo: a copy stays }}\n  - {{ id: renew, {later} }}\n"
        );
        let mut run = Conversation::new(&text);
        run.enter();
        let skip = Asked::Skip { step: key("backup"), reason: "in a hurry".to_owned() };
        match run.ask(skip) {
            Ok(_) => None,
            Err(Refusal::NeededLater { step, needed }) => {
                assert_eq!(step, key("backup"));
                Some(format!("{}{} {}", needed.part, needed.by, needed.name))
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_backup_that_a_later_way_back_needs_cannot_be_skipped() {
        let back = refused("change: 'true', undo: 'cp -- {{ copy }} /etc/x'");
        assert_eq!(back.as_deref(), Some("the way back of renew copy"));
        let by_hand = refused("change: 'true', undo: { by_hand: 'Put {{ copy }} back.' }");
        assert_eq!(by_hand.as_deref(), Some("the way back of renew copy"));
    }

    #[test]
    fn neither_can_what_a_later_command_or_its_tests_need() {
        assert_eq!(refused("change: 'cat -- {{ copy }}', no_undo: x").as_deref(), Some("renew copy"));
        assert_eq!(refused("change: 'true', no_undo: x, needs: 'test -s {{ copy }}'").as_deref(), Some("renew copy"));
        assert_eq!(refused("check: { file: '{{ copy }}' }").as_deref(), Some("renew copy"));
    }

    #[test]
    fn what_nobody_needs_or_what_is_known_already_is_skipped() {
        assert_eq!(refused("change: 'true', no_undo: 'the copy is {{ copy }}'"), None);
        let text = "repair:\n  - { id: backup, change: mktemp, capture: copy, no_undo: x, if_not: next }\n  \
                    - { id: use, change: 'cat -- {{ copy }}', no_undo: x, if_not: backup }\n";
        let mut run = Conversation::new(text);
        run.enter().gives("backup", "copy", "/tmp/x".into()).fault("use").stands("backup").skip("backup");
    }
}
