//! A run of a runbook as a conversation: each line does one thing, and says where the run stands then.
//!
//! Every command is decided twice, and everything that is recorded is written as JSON and read again on the way.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::command::{Answer, Asked, Beginning, Choice, Command, Deed, Effect, Ending, Evidence, Opening};
use super::record::{
    Changed, Close, Confirm, EndResult, Facts, Guards, Judged, Matched, Mode, Moment, Record, RunbookRef, Target,
    WayBack, Who,
};
use super::resolve::{Resolved, Resolver, Work};
use super::run::StepState;
use super::{AttemptId, Key, Plan, Position, Refusal, Run, decide};
use crate::load;
use crate::source::SourceFile;

/// The plan of a runbook of which only the lines from the third on are given.
pub fn plan(rest: &str) -> Plan {
    let loaded = load::load("a", SourceFile::new("a.yaml", format!("locum: 1\ntitle: A test\n{rest}")));
    let problems: Vec<_> = loaded.diagnostics.iter().map(|problem| &problem.message).collect();
    Plan::new(Arc::new(loaded.runbook.unwrap_or_else(|| panic!("{problems:?} in\n{rest}"))))
}

/// The name of a step in a run.
pub fn key(text: &str) -> Key {
    text.parse().expect("a key")
}

/// Facts with a verdict.
pub fn facts(judged: Judged) -> Facts {
    Facts { code: Some(i32::from(judged != Judged::Passed)), ..Facts::new(EndResult::Exited, judged) }
}

/// A measure in which these paths are not as they were.
pub fn guards(broken: &[&str]) -> Guards {
    let changed = |path: &&str| Changed { path: (*path).to_owned(), what: "contents".to_owned(), ..Changed::default() };
    Guards { digest: "00".to_owned(), entries: 63, broken: broken.iter().map(changed).collect(), allowed: Vec::new() }
}

/// A test that was made.
pub fn matched(what: &str, held: bool) -> Matched {
    Matched { what: what.to_owned(), held, unknown: false, line: None }
}

/// How a run on kyousuke is opened.
pub fn opening(mode: Mode, inputs: &[(&str, Value)]) -> Opening {
    Opening {
        who: Who { claimed: "pepe".to_owned(), host: "kyousuke".to_owned(), ..Who::default() },
        tz: "Europe/Berlin".to_owned(),
        runbook: RunbookRef { id: "a".to_owned(), ..RunbookRef::default() },
        mode,
        inputs: inputs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        lab: None,
        cwd: "/srv".to_owned(),
        also: None,
    }
}

/// What is asked at the `n`th moment.
pub fn asked(moment: u64, command: Command) -> Asked {
    let t = format!("2026-11-25T02:{:02}:{:02}.000Z", moment / 60 % 60, moment % 60);
    Asked { at: Moment { t, mono: moment * 1000, boot: Some("boot-1".to_owned()) }, command }
}

/// A run with its plan and its journal.
pub struct Conversation {
    pub plan: Plan,
    pub run: Run,
    pub records: Vec<Record>,
}

impl Conversation {
    /// A live run, opened.
    pub fn new(rest: &str) -> Self {
        Self::with(rest, Mode::Live, &[])
    }

    pub fn with(rest: &str, mode: Mode, inputs: &[(&str, Value)]) -> Self {
        let mut run = Self { plan: plan(rest), run: Run::new("7f3a-k2"), records: Vec::new() };
        run.does(Command::Open(Box::new(opening(mode, inputs))));
        run
    }

    /// Asks, applies what follows, and gives what must be done.
    pub fn ask(&mut self, command: Command) -> Result<Vec<Effect>, Refusal> {
        let asked = asked(self.run.next_seq, command);
        let decision = decide(&self.plan, &self.run, &asked);
        assert_eq!(decision, decide(&self.plan, &self.run, &asked), "the same question, the same answer");
        let decision = decision?;
        for record in decision.records {
            let text = serde_json::to_string(&record).expect("a record is JSON");
            assert_eq!(serde_json::from_str::<Record>(&text).expect("it reads back"), record, "{text}");
            self.run.apply(&record);
            self.records.push(record);
        }
        Ok(decision.effects)
    }

    /// Asks what is allowed.
    pub fn does(&mut self, command: Command) -> &mut Self {
        if let Err(refusal) = self.ask(command) {
            panic!("refused at {}: {refusal}", self.place());
        }
        self
    }

    /// Asks what is not allowed: says why, and nothing changes.
    pub fn refuses(&mut self, command: Command) -> Refusal {
        let before = self.run.clone();
        let refusal = self.ask(command).expect_err("it is refused");
        assert_eq!(self.run, before, "a refusal changes nothing");
        refusal
    }

    /// Where it stands, in one word and the step.
    pub fn place(&self) -> String {
        match &self.run.position {
            Position::Step { step } => step.to_string(),
            Position::EnterRepair => "enter repair".to_owned(),
            Position::NotRepaired => "not repaired".to_owned(),
            Position::Stopped { by, step } => {
                let by = serde_json::to_value(by).expect("a word");
                format!(
                    "{} at {}",
                    by.as_str().expect("a word"),
                    step.as_ref().map_or("nothing".to_owned(), ToString::to_string)
                )
            }
            Position::Frozen { .. } => "frozen".to_owned(),
            Position::AtEnd { nothing_to_repair: true } => "nothing to repair".to_owned(),
            Position::AtEnd { nothing_to_repair: false } => "at the end".to_owned(),
            Position::Closed => "closed".to_owned(),
        }
    }

    pub fn stands(&mut self, place: &str) -> &mut Self {
        assert_eq!(self.place(), place, "why: {:?}", self.run.why);
        self
    }

    /// Says why it stands.
    pub fn because(&mut self, why: &str) -> &mut Self {
        assert_eq!(self.run.why.as_deref(), Some(why));
        self
    }

    /// Says how steps ended: `a passed, b not taken`.
    pub fn ends(&mut self, states: &str) -> &mut Self {
        for line in states.split(", ") {
            let (step, state) = line.split_once(' ').expect("a step and its state");
            assert_eq!(word(self.run.state(&key(step))), state, "of step {step}");
        }
        self
    }

    pub fn resolved(&self, step: &str) -> Resolved {
        let key = key(step);
        Resolver::new(&self.plan, &self.run, Some(&key)).step(&key).unwrap_or_else(|why| panic!("{why}"))
    }

    pub fn next_attempt(&self) -> AttemptId {
        AttemptId::new(1, self.run.next_seq, [0xab, 0xcd])
    }

    /// Everything that an attempt of a step needs, measured and confirmed.
    pub fn beginning(&self, step: &str) -> Beginning {
        self.beginning_of(&self.resolved(step))
    }

    /// The same for the newest way back.
    pub fn way_back(&self) -> Beginning {
        let undoes = self.run.newest_way_back().map(|attempt| attempt.intent.attempt.clone());
        Beginning { undoes, ..self.beginning_of(&self.resolved_back()) }
    }

    /// The newest way back, resolved.
    pub fn resolved_back(&self) -> Resolved {
        let attempt = self.run.newest_way_back().expect("a way back");
        Resolver::new(&self.plan, &self.run, None).way_back(attempt).unwrap_or_else(|why| panic!("{why}"))
    }

    fn beginning_of(&self, resolved: &Resolved) -> Beginning {
        let changes = resolved.risk.is_some();
        let confirm = Confirm { how: "typed".to_owned(), text: resolved.confirm_word.clone() };
        Beginning {
            step: resolved.key.clone(),
            attempt: self.next_attempt(),
            undoes: None,
            shown: resolved.digest(),
            confirm: changes.then_some(confirm),
            again: None,
            target: Target { want: "kyousuke".to_owned(), got: "kyousuke".to_owned(), by: "hostname".to_owned() },
            env: Vec::new(),
            cwd: "/srv".to_owned(),
            needs: resolved.needs.iter().map(|need| matched(&need.shown(), true)).collect(),
            guards: (changes && self.plan.is_guarded()).then(|| guards(&[])),
            way_back: changes.then_some(WayBack::Copy { entries: 63, on: Vec::new() }),
        }
    }

    /// Begins an attempt of a step.
    pub fn begin(&mut self, step: &str) -> AttemptId {
        let beginning = self.beginning(step);
        let attempt = beginning.attempt.clone();
        let effects = self.ask(Command::Begin(Box::new(beginning))).unwrap_or_else(|refusal| panic!("{refusal}"));
        assert_eq!(effects, [Effect::Go(attempt.clone())]);
        attempt
    }

    /// How an attempt ended, with good guards where there are any.
    pub fn ending(&self, attempt: &AttemptId, facts: Facts) -> Ending {
        let branches = self.run.attempts.get(attempt).and_then(|attempt| self.plan.item(&attempt.intent.step.id));
        let branches = branches.map_or(0, |item| item.step.fields.if_not.0.len());
        let changes = self.run.attempts.get(attempt).is_some_and(|attempt| attempt.intent.risk.is_some());
        let guards = (changes && self.plan.is_guarded()).then(|| guards(&[]));
        Ending { attempt: attempt.clone(), facts, got: vec![false; branches], guards }
    }

    pub fn finish(&mut self, attempt: &AttemptId, facts: Facts) -> &mut Self {
        let ending = self.ending(attempt, facts);
        self.does(Command::Finish(Box::new(ending)))
    }

    /// Runs a step to its end.
    pub fn runs(&mut self, step: &str, facts: Facts) -> &mut Self {
        let attempt = self.begin(step);
        self.finish(&attempt, facts)
    }

    pub fn ok(&mut self, step: &str) -> &mut Self {
        self.runs(step, facts(Judged::Passed))
    }

    pub fn fault(&mut self, step: &str) -> &mut Self {
        self.runs(step, facts(Judged::Failed))
    }

    pub fn cannot_tell(&mut self, step: &str) -> &mut Self {
        self.runs(step, facts(Judged::Unknown))
    }

    /// A step passes and gives a value.
    pub fn gives(&mut self, step: &str, name: &str, value: Value) -> &mut Self {
        let captured = BTreeMap::from([(name.to_owned(), value)]);
        self.runs(step, Facts { captured, ..facts(Judged::Passed) })
    }

    /// A step fails, and this branch of it is in the output.
    pub fn fault_with(&mut self, step: &str, got: &[bool]) -> &mut Self {
        let attempt = self.begin(step);
        let ending = Ending { got: got.to_vec(), ..self.ending(&attempt, facts(Judged::Failed)) };
        self.does(Command::Finish(Box::new(ending)))
    }

    /// A change passes and breaks guards.
    pub fn breaks(&mut self, step: &str, broken: &[&str]) -> &mut Self {
        let attempt = self.begin(step);
        let ending = Ending { guards: Some(guards(broken)), ..self.ending(&attempt, facts(Judged::Passed)) };
        self.does(Command::Finish(Box::new(ending)))
    }

    /// Nobody knows how an attempt ended.
    pub fn loses(&mut self, attempt: &AttemptId) -> &mut Self {
        let evidence = Evidence::Unknown { why: "its supervisor is gone".to_owned(), survivors: Vec::new() };
        self.does(Command::Recover { attempt: attempt.clone(), evidence })
    }

    /// Goes the newest way back to its end.
    pub fn undo(&mut self, judged: Judged) -> &mut Self {
        let beginning = self.way_back();
        let attempt = beginning.attempt.clone();
        self.does(Command::Begin(Box::new(beginning)));
        self.finish(&attempt, facts(judged))
    }

    pub fn enter(&mut self) -> &mut Self {
        let guards = self.plan.is_guarded().then(|| guards(&[]));
        self.does(Command::EnterRepair { guards, how: "key".to_owned() })
    }

    pub fn answer(&self, step: &str, answer: Answer) -> Command {
        Command::Answer { step: key(step), answer, how: "key".to_owned(), guards: None }
    }

    pub fn answers(&mut self, step: &str, answer: Answer) -> &mut Self {
        let command = self.answer(step, answer);
        self.does(command)
    }

    pub fn chooses(&mut self, step: &str, choice: &str) -> &mut Self {
        self.answers(step, Answer::Choice(choice.to_owned()))
    }

    /// A deed by hand, with everything measured after it.
    pub fn deed(&self, step: &str, answer: Answer) -> Deed {
        let resolved = self.resolved(step);
        let made = |tests: &[super::resolve::TestLine]| tests.iter().map(|test| matched(&test.shown(), true)).collect();
        Deed {
            step: key(step),
            attempt: self.next_attempt(),
            answer,
            how: "key".to_owned(),
            target: Target::default(),
            cwd: "/srv".to_owned(),
            done: made(&resolved.done_when),
            guards: self.plan.is_guarded().then(|| guards(&[])),
        }
    }

    /// What a deed by hand needs is measured; all of it holds, or nothing.
    pub fn needs(&mut self, step: &str, held: bool) -> &mut Self {
        let needs = self.resolved(step).needs.iter().map(|test| matched(&test.shown(), held)).collect();
        self.does(Command::Needs { step: key(step), needs })
    }

    pub fn skip(&mut self, step: &str) -> &mut Self {
        self.does(Command::Skip { step: key(step), reason: "not tonight".to_owned() })
    }

    pub fn go_on(&mut self) -> &mut Self {
        self.does(Command::GoOn { reason: "komari says so".to_owned(), how: "key".to_owned() })
    }

    pub fn repair_again(&mut self) -> &mut Self {
        self.does(Command::RepairAgain { reason: "once more".to_owned(), how: "key".to_owned() })
    }

    /// A decision about the newest attempt of a step.
    pub fn decision(&self, step: &str, choice: Choice) -> Command {
        let attempt = self.run.newest_attempt(&key(step)).expect("an attempt").intent.attempt.clone();
        Command::Decide { attempt, choice, reason: "looked at it".to_owned(), how: "key".to_owned() }
    }

    pub fn decides(&mut self, step: &str, choice: Choice) -> &mut Self {
        let command = self.decision(step, choice);
        self.does(command)
    }

    pub fn close(&self, outcome: Close) -> Command {
        Command::Close { outcome, reason: "over".to_owned() }
    }

    /// What the work of a step would be, for people.
    pub fn shown(&self, step: &str) -> String {
        match self.resolved(step).work {
            Work::Question { choices, .. } => {
                choices.iter().map(|choice| choice.answer.as_str()).collect::<Vec<_>>().join(", ")
            }
            Work::Test(_)
            | Work::Wait { .. }
            | Work::Command(_)
            | Work::Terminal(_)
            | Work::Edit { .. }
            | Work::Restore
            | Work::ByHand(_)
            | Work::Announce { .. } => self.resolved(step).shown(),
        }
    }
}

/// A state in words.
pub fn word(state: &StepState) -> &'static str {
    match state {
        StepState::Open => "open",
        StepState::Running(_) => "running",
        StepState::Passed => "passed",
        StepState::Failed => "failed",
        StepState::Unknown => "unknown",
        StepState::Skipped(_) => "skipped",
        StepState::NotTaken => "not taken",
    }
}
