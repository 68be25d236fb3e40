//! What a change may touch, what it must not, and the way back from it.

use super::step::{Maker, command_as_written};
use crate::engine::Run;
use crate::engine::record::WayBack;
use crate::engine::resolve::{GuardLines, Resolved, UndoLine, guards};
use crate::engine::run::Attempt;
use crate::model::fields::UndoHow;
use crate::model::{StepKind, Text};
use crate::text::human;
use crate::view::row::{Label, Rows};
use crate::view::words;

impl Maker<'_> {
    /// What may change, what must not, and the way back.
    pub(super) fn limits(&self, rows: &mut Rows, resolved: Option<&Resolved>) {
        let fields = &self.step.fields;
        let texts = |texts: &[Text]| texts.iter().map(|text| self.prose(text)).collect::<Vec<_>>();
        rows.add(Label::LooksAlike, texts(&fields.looks_alike).iter().map(|alike| format!("{alike}   Not this.")));
        let lines = guards(self.plan, self.run);
        let scope = lines.as_ref().map(GuardLines::files).unwrap_or_default();
        let may = texts(&fields.may_change);
        if !may.is_empty() {
            rows.one(Label::MayChange, format!("{} in {}", may.join(", "), scope.join(", ")));
        } else if !scope.is_empty() {
            rows.one(Label::MayChange, "nothing");
        }
        match lines {
            Ok(lines) => rows.add(Label::MustNot, self.guarded(&lines)),
            Err(why) => rows.one(Label::MustNot, format!("cannot be said yet: {why}")),
        }
        rows.add(Label::WayBack, self.way_back(resolved));
    }

    fn guarded(&self, guards: &GuardLines) -> Vec<String> {
        let when = if self.is_by_hand() {
            "measured once you say that it is done"
        } else {
            "measured just before, and again after"
        };
        let mut lines = Vec::new();
        if !guards.scope.is_empty() {
            let entries =
                self.run.guards.as_ref().map_or_else(String::new, |guards| format!(" ({} files)", guards.entries));
            let (all, may) = (guards.files().join(", "), !self.step.fields.may_change.is_empty());
            // The row above names the folder, where there is one.
            lines.push(format!(
                "everything {}{}{entries}",
                if may { "else in there".to_owned() } else { format!("in {all}") },
                guards.on()
            ));
        }
        lines.extend(guards.others());
        let last = if lines.is_empty() { "nothing is guarded: the runbook names no scope" } else { when };
        lines.push(last.to_owned());
        lines
    }

    fn is_by_hand(&self) -> bool {
        matches!(self.step.kind, StepKind::ByHand(_))
    }

    fn way_back(&self, resolved: Option<&Resolved>) -> Vec<String> {
        if let Some(attempt) = self.run.newest_attempt(self.key)
            && let Some(line) = way_back_of(self.run, attempt)
        {
            return vec![line];
        }
        match resolved.map(|resolved| &resolved.undo) {
            Some(UndoLine::Copy) if self.is_by_hand() => {
                vec!["yours: locum takes no copy before a deed by hand".to_owned()]
            }
            Some(UndoLine::Copy) => {
                vec!["u puts all of it back: a copy is taken just before, and read back".to_owned()]
            }
            Some(UndoLine::Command(line)) => match resolved.and_then(|resolved| resolved.armed) {
                Some(after) => vec![
                    format!("BY ITSELF {} after it begins: {}", human(after), line.shown),
                    format!("unless you confirm from a NEW login (not tmux): locum confirm {}", self.run.id),
                ],
                None => vec![format!("u runs: {}", line.shown)],
            },
            Some(UndoLine::ByHand(text)) => vec![format!("by hand: {text}")],
            Some(UndoLine::None { why }) => vec![format!("NONE: {why}")],
            None => match &self.step.fields.undo {
                Some(undo) => match &undo.how {
                    UndoHow::Change(command) => command_as_written(command),
                    UndoHow::ByHand(text) => vec![format!("by hand: {}", self.prose(text))],
                },
                None => vec!["cannot be said yet".to_owned()],
            },
        }
    }
}

/// What the ledger has of an attempt's way back.
fn way_back_of(run: &Run, attempt: &Attempt) -> Option<String> {
    let began = words::clock(&attempt.begun_at, words::zone(run));
    match attempt.intent.undo.as_ref()? {
        _ if attempt.undone => Some("it was taken; the step is open again".to_owned()),
        WayBack::Copy { entries, on } => {
            let hosts: Vec<_> = on.iter().filter_map(|on| Some(on.split_once(':')?.0)).collect();
            let on = if hosts.is_empty() { String::new() } else { format!(" on {}", hosts.join(", ")) };
            Some(format!("u puts all {entries} files back{on}: the copy of {began}, read back"))
        }
        WayBack::Command | WayBack::ByHand | WayBack::None { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Key;
    use crate::view::card::{Card, card};
    use crate::view::sample::{self, Found, Sample};

    fn row(card: &Card, label: Label) -> Vec<String> {
        card.rows.iter().filter(|row| row.label == label).flat_map(|row| row.lines.clone()).collect()
    }

    fn of(sample: &Sample, key: &str) -> Card {
        card(&sample.plan, &sample.run, &key.parse::<Key>().expect("a key"))
    }

    #[test]
    fn a_change_says_what_it_may_touch_and_what_not() {
        let sample = sample::at_the_change();
        let card = of(&sample, "renew");
        assert_eq!(row(&card, Label::LooksAlike), ["kubeadm init phase certs all   Not this."]);
        assert_eq!(row(&card, Label::MayChange), ["pki/apiserver.crt, pki/apiserver.key in /etc/kubernetes"]);
        assert_eq!(
            row(&card, Label::MustNot),
            ["everything else in there (63 files)", "the list of nodes", "measured just before, and again after",]
        );
        assert_eq!(row(&card, Label::WayBack), ["u puts all of it back: a copy is taken just before, and read back"]);
        let restart = of(&sample, "restart");
        assert_eq!(row(&restart, Label::MayChange), ["nothing"]);
        assert_eq!(row(&restart, Label::MustNot)[0], "everything in /etc/kubernetes (63 files)");
    }

    #[test]
    fn after_it_began_the_way_back_says_how_much_comes_back() {
        let mut sample = sample::at_the_change();
        sample.change("renew", Found::Ok("renewed"));
        let back = row(&of(&sample, "renew"), Label::WayBack);
        assert!(back[0].starts_with("u puts all 63 files back: the copy of 03:"), "{back:?}");
    }

    #[test]
    fn without_a_scope_nothing_is_promised() {
        let sample = sample::open(
            "locum: 1\ntitle: T\nrepair:\n  - { id: a, change: 'true', no_undo: it only restarts }\n  - { id: b, change: 'true', undo: 'false' }\n",
        );
        let card = of(&sample, "a");
        assert_eq!(row(&card, Label::MustNot), ["nothing is guarded: the runbook names no scope"]);
        assert_eq!(row(&card, Label::WayBack), ["NONE: it only restarts"]);
        assert_eq!(row(&of(&sample, "b"), Label::WayBack), ["u runs: false"]);
        let armed = sample::open(
            "locum: 1\ntitle: T\nrepair:\n  - { id: b, change: 'true', undo: { change: 'false', unless_confirmed: 60s } }\n",
        );
        let said = row(&of(&armed, "b"), Label::WayBack);
        assert!(said[0].starts_with("BY ITSELF ") && said[0].ends_with(" after it begins: false"), "{said:?}");
        assert!(said[1].ends_with("locum confirm 7f3a-k2"), "{said:?}");
    }

    #[test]
    fn a_deed_by_hand_promises_no_copy_and_in_the_follow_up_no_measure() {
        let sample = sample::at_the_change();
        assert_eq!(row(&of(&sample, "console"), Label::WayBack), ["yours: locum takes no copy before a deed by hand"]);
        assert_eq!(
            row(&of(&sample, "console"), Label::MustNot).last().map(String::as_str),
            Some("measured once you say that it is done")
        );
        assert!(row(&of(&sample, "calendar"), Label::MustNot).is_empty());
    }

    #[test]
    fn a_look_has_none_of_these() {
        let card = of(&sample::certificate(), "leaf");
        assert!(card.rows.iter().all(|row| !matches!(row.label, Label::MayChange | Label::MustNot | Label::WayBack)));
    }
}
