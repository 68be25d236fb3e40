//! The map: every step of the runbook in order, always; loops are written out once their list is known.

use crate::engine::known::HOST;
use crate::engine::record::Judged;
use crate::engine::run::{SideShell, StepState};
use crate::engine::{Key, Plan, Position, Run};
use crate::model::{Phase, Runbook, StepKind};

use super::words;

/// What stands before a step on the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The run stands here.
    Now,
    /// Still to come.
    Then,
    Ok,
    /// A look found that something is wrong.
    Fault,
    /// A look could not tell.
    CannotTell,
    /// A change, or a deed by hand, failed.
    Failed,
    Skipped,
    NotTaken,
    /// The end of a change is not known.
    Unknown,
    /// A change that changed what must not change, however its command ended.
    Broke,
    Running,
}

impl Mark {
    /// As it is written; colour is never the only signal.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Now => ">NOW",
            Self::Then => "then",
            Self::Ok => "ok",
            Self::Fault => "FAULT",
            Self::CannotTell => "can't tell",
            Self::Failed => "FAILED",
            Self::Skipped => "skipped",
            Self::NotTaken => "not taken",
            Self::Unknown => "UNKNOWN",
            Self::Broke => "BROKE",
            Self::Running => ">RUNS",
        }
    }
}

/// A step on the map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepLine {
    pub key: Key,
    /// 0 for the steps of a phase.
    pub depth: usize,
    pub title: String,
    pub mark: Mark,
    /// What was found, answered or said: `expired 61 d`.
    pub note: Option<String>,
    /// What was done here and not by it: `outside: 2 commands`.
    pub outside: Option<String>,
    /// One must not walk away here: it stands between a change and its `unsafe_until`.
    pub unsafe_here: bool,
    /// The run stands here, whatever the mark.
    pub here: bool,
}

/// A line of the map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MapLine {
    /// Above the places that were tried before anything else.
    GetIn,
    /// One of them.
    Access {
        place: String,
        mark: Mark,
        /// What does not hold there.
        note: Option<String>,
    },
    Phase(Phase),
    /// A group, or one turn of it.
    Group {
        key: Key,
        depth: usize,
        title: String,
    },
    Step(StepLine),
}

impl MapLine {
    /// The step of the line.
    pub fn step(&self) -> Option<&StepLine> {
        match self {
            Self::Step(line) => Some(line),
            Self::GetIn | Self::Access { .. } | Self::Phase(_) | Self::Group { .. } => None,
        }
    }
}

/// The whole map.
pub fn map(plan: &Plan, run: &Run) -> Vec<MapLine> {
    let mut map = Map { plan, run, here: standing(run), lines: Vec::new(), unsafe_until: None };
    map.get_in();
    for phase in Runbook::PHASES {
        if let Some(first) = plan.first_of(phase) {
            map.lines.push(MapLine::Phase(phase));
            map.list(first, &[]);
        }
    }
    map.lines
}

/// The steps of the map, in order.
pub fn steps(lines: &[MapLine]) -> impl Iterator<Item = &StepLine> {
    lines.iter().filter_map(MapLine::step)
}

/// The step at which a run stands, stopped or not.
pub fn standing(run: &Run) -> Option<Key> {
    match &run.position {
        Position::Step { step } | Position::Stopped { step: Some(step), .. } => Some(step.clone()),
        Position::Frozen { attempt } => {
            let attempt = attempt.as_ref().and_then(|attempt| run.attempts.get(attempt));
            attempt.map(|attempt| attempt.intent.step.clone())
        }
        Position::EnterRepair
        | Position::NotRepaired
        | Position::Stopped { step: None, .. }
        | Position::AtEnd { .. }
        | Position::Closed => None,
    }
}

/// Whether the step only looks: what it finds is a finding, not a failure of the person.
pub fn looks(plan: &Plan, key: &Key) -> bool {
    plan.item(&key.id).is_some_and(|item| match item.step.kind {
        StepKind::Check(_)
        | StepKind::Wait { .. }
        | StepKind::Question(_)
        | StepKind::Announce(_)
        | StepKind::Include { .. }
        | StepKind::Steps(_) => true,
        StepKind::ByHand(_) => matches!(item.phase, Phase::Diagnose | Phase::Verify),
        StepKind::Change(_) | StepKind::Terminal(_) | StepKind::Edit(_) => false,
    })
}

struct Map<'a> {
    plan: &'a Plan,
    run: &'a Run,
    here: Option<Key>,
    lines: Vec<MapLine>,
    /// The step that ends the unsafe stretch in which the next lines stand, and whether it was come to (it may repeat).
    unsafe_until: Option<(String, bool)>,
}

impl Map<'_> {
    fn get_in(&mut self) {
        if self.run.access.is_empty() {
            return;
        }
        self.lines.push(MapLine::GetIn);
        self.lines.extend(self.run.access.values().map(|access| MapLine::Access {
            place: words::line(&access.words()),
            mark: match access.judged {
                Judged::Passed => Mark::Ok,
                Judged::Failed => Mark::Fault,
                Judged::Unknown => Mark::CannotTell,
            },
            note: access.found.first().map(|found| words::line(found)),
        }));
    }

    fn list(&mut self, first: usize, turns: &[u32]) {
        let mut at = Some(first);
        while let Some(step) = at {
            self.step(step, turns);
            at = self.plan.next_of(step);
        }
    }

    fn step(&mut self, at: usize, turns: &[u32]) {
        let item = &self.plan.items()[at];
        let base = Key { id: item.step.id.value.clone(), turns: turns.to_vec() };
        if !item.repeats() {
            return self.turn(at, base, None);
        }
        let each = item.step.fields.for_each.as_ref().map_or(HOST, |each| each.name.value.as_str());
        match self.run.loops.get(&base) {
            Some(list) => {
                for (turn, value) in (1..).zip(list) {
                    self.turn(at, base.clone().turn(turn), Some(words::line(value)));
                }
                if list.is_empty() {
                    self.turn(at, base, Some("none".to_owned()));
                }
            }
            None => self.turn(at, base, Some(format!("for each {}", words::line(each)))),
        }
    }

    fn turn(&mut self, at: usize, key: Key, value: Option<String>) {
        let item = &self.plan.items()[at];
        let title = words::title(self.plan, self.run, &key);
        if let Some(child) = self.plan.first_child_of(at) {
            let title = value.map_or(title.clone(), |value| format!("{title}: {value}"));
            let turns = key.turns.clone();
            self.lines.push(MapLine::Group { key, depth: item.depth, title });
            return self.list(child, &turns);
        }
        let line = StepLine {
            depth: item.depth,
            title,
            mark: self.mark(&key),
            note: self.note(&key).or(value),
            outside: self.outside(&key),
            unsafe_here: self.unsafe_here(at, &key),
            here: self.here.as_ref() == Some(&key),
            key,
        };
        self.lines.push(MapLine::Step(line));
    }

    /// What was done at the step, and not by it.
    fn outside(&self, key: &Key) -> Option<String> {
        let count = self.run.shells_at(key).flat_map(SideShell::ran).count();
        (count > 0).then(|| format!("outside: {}", words::count(count, "command", "commands")))
    }

    fn mark(&self, key: &Key) -> Mark {
        let looks = looks(self.plan, key);
        let question = self.plan.item(&key.id).is_some_and(|item| matches!(item.step.kind, StepKind::Question(_)));
        match self.run.state(key) {
            StepState::Running(_) => Mark::Running,
            _ if self.run.position == (Position::Step { step: key.clone() }) => Mark::Now,
            StepState::Open => Mark::Then,
            _ if self.broke(key) => Mark::Broke,
            StepState::Passed => Mark::Ok,
            StepState::Failed if question => Mark::Ok,
            StepState::Failed if looks => Mark::Fault,
            StepState::Failed => Mark::Failed,
            StepState::Unknown if looks => Mark::CannotTell,
            StepState::Unknown => Mark::Unknown,
            StepState::Skipped(_) => Mark::Skipped,
            StepState::NotTaken => Mark::NotTaken,
        }
    }

    /// Whether the guard that is broken was broken by this step.
    fn broke(&self, key: &Key) -> bool {
        let attempt = self.run.broken.as_ref().and_then(|broken| broken.attempt.as_ref());
        attempt.and_then(|id| self.run.attempts.get(id)).is_some_and(|attempt| attempt.intent.step == *key)
    }

    fn note(&self, key: &Key) -> Option<String> {
        if self.broke(key) {
            return Some("a guard is broken".to_owned());
        }
        let found = |key: &Key| self.run.findings.iter().find(|finding| finding.step == *key);
        let text = match self.run.state(key) {
            StepState::Skipped(why) => why.clone(),
            StepState::Failed | StepState::Unknown => {
                let finding = found(key).map(|finding| finding.text.clone());
                finding.map_or_else(String::new, |text| text.split("; ").next().unwrap_or_default().to_owned())
            }
            StepState::Passed => {
                self.run.answers.get(key).filter(|answer| *answer != "done").cloned().unwrap_or_default()
            }
            StepState::Open | StepState::Running(_) | StepState::NotTaken => String::new(),
        };
        Some(words::line(&text)).filter(|text| !text.is_empty())
    }

    /// Whether the line stands in an unsafe stretch; a change that opens one is in it, so is the step that ends it.
    fn unsafe_here(&mut self, at: usize, key: &Key) -> bool {
        let fields = &self.plan.items()[at].step.fields;
        let state = self.run.state(key);
        if self.unsafe_until.as_ref().is_some_and(|(until, seen)| *seen && *until != key.id) {
            self.unsafe_until = None;
        }
        if let (Some(until), false) = (&fields.unsafe_until, *state == StepState::NotTaken) {
            self.unsafe_until = Some((until.value.clone(), false));
        }
        match &mut self.unsafe_until {
            Some((until, seen)) => {
                *seen |= *until == key.id;
                *state != StepState::Passed
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::command::Command;
    use crate::engine::record::Access;
    use crate::view::sample::{self, Sample};

    fn drawn(sample: &Sample) -> Vec<String> {
        map(&sample.plan, &sample.run).iter().map(draw).collect()
    }

    fn draw(line: &MapLine) -> String {
        match line {
            MapLine::GetIn => "Get in".to_owned(),
            MapLine::Access { place, mark, note } => {
                let note = note.as_ref().map_or_else(String::new, |note| format!(" ({note})"));
                format!("{} {place}{note}", mark.text())
            }
            MapLine::Phase(phase) => words::phase(*phase).to_owned(),
            MapLine::Group { depth, title, .. } => format!("{:w$}[{title}]", "", w = depth * 2),
            MapLine::Step(step) => {
                let (star, here) = (if step.unsafe_here { "*" } else { "" }, if step.here { " <" } else { "" });
                let note = step.note.as_ref().map_or_else(String::new, |note| format!(" ({note})"));
                format!("{:w$}{} {}{note}{star}{here}", "", step.mark.text(), step.title, w = step.depth * 2)
            }
        }
    }

    #[test]
    fn the_whole_map_is_there_from_the_start() {
        let sample = sample::certificate();
        assert_eq!(
            drawn(&sample),
            [
                "Look",
                ">NOW Is the certificate still valid? <",
                "then Was it signed by the CA on disk?",
                "Repair",
                "then Renew the leaf certificate, and only it*",
                "then Look at the console*",
                "[Restart the pods: for each pod]",
                "  then Restart it*",
                "Prove",
                "then Is the new one served?",
                "Later",
                "then Put the date into the calendar",
            ]
        );
    }

    #[test]
    fn the_places_that_were_tried_come_first() {
        let mut sample = sample::certificate();
        for (place, judged, found) in
            [("kyousuke", Judged::Passed, ""), ("masato", Judged::Failed, "ssh: \x1b[2Jno key")]
        {
            let access = Access {
                place: place.to_owned(),
                judged,
                held: vec!["sudo".to_owned()],
                found: vec![found.to_owned()].into_iter().filter(|found| !found.is_empty()).collect(),
                ..Access::default()
            };
            sample.ask(Command::GetIn(access)).unwrap();
        }
        let lines = drawn(&sample);
        assert_eq!(lines[..4], ["Get in", "ok kyousuke: sudo", "FAULT masato: sudo (ssh: no key)", "Look"]);
    }

    #[test]
    fn a_fault_says_what_was_found() {
        let mut sample = sample::certificate();
        sample.look("leaf", sample::Found::Fault("expired 61 d; 2026-09-25"));
        let lines = drawn(&sample);
        assert_eq!(lines[1], "FAULT Is the certificate still valid? (expired 61 d)");
        assert_eq!(lines[2], ">NOW Was it signed by the CA on disk? <");
    }

    #[test]
    fn a_loop_is_written_out_once_its_list_is_known() {
        let sample = sample::in_the_loop();
        let lines = drawn(&sample);
        assert!(lines.contains(&"[Restart the pods: etcd]".to_owned()), "{lines:?}");
        assert!(lines.contains(&"[Restart the pods: kube-apiserver]".to_owned()), "{lines:?}");
        assert!(lines.contains(&"  >NOW Restart it* <".to_owned()), "{lines:?}");
    }

    #[test]
    fn a_change_that_failed_is_no_finding() {
        let mut sample = sample::at_the_change();
        sample.change("renew", sample::Found::Fault("permission denied"));
        let lines = drawn(&sample);
        assert!(lines.contains(&"FAILED Renew the leaf certificate, and only it* <".to_owned()), "{lines:?}");
    }

    #[test]
    fn a_change_that_broke_a_guard_is_not_ok_whatever_its_command_said() {
        let lines = drawn(&sample::frozen());
        let line = "BROKE Renew the leaf certificate, and only it (a guard is broken) <";
        assert!(lines.contains(&line.to_owned()), "{lines:?}");
    }

    #[test]
    fn what_a_command_prints_cannot_reach_the_terminal() {
        let mut sample = sample::certificate();
        sample.look("leaf", sample::Found::Fault("\x1b[2Jexpired\u{202e}"));
        assert_eq!(drawn(&sample)[1], "FAULT Is the certificate still valid? (expired<U+202E>)");
    }
}
