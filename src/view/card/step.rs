//! The card of a step.

use super::expectation::{destination, good, if_not};
use super::result::{found, got};
use super::step_keys::{Needs, confirm, needs, reading};
use super::{Card, Confirm, Tone, common, standing};
use crate::engine::record::{Does, EditDraft, Mode};
use crate::engine::resolve::{CommandLine, FenceLine, Resolved, Resolver, SecretTexts, TargetLine, TestLine, Work};
use crate::engine::{Key, Plan, Position, Run};
use crate::model::branch::To;
use crate::model::{Command, Phase, Step, StepKind, Test, Text};
use crate::text::human;
use crate::view::key_hint::{Act, KeyHint};
use crate::view::row::{Label, Row, Rows};
use crate::view::words;

/// The card of any step; only the current one can be acted on.
pub fn card(plan: &Plan, run: &Run, key: &Key) -> Card {
    let Some(item) = plan.item(&key.id) else {
        let mut card =
            super::about(Tone::Stop, format!("There is no step `{key}`."), Vec::new(), common(run, Vec::new()));
        card.current = false;
        return card;
    };
    let maker =
        Maker { plan, run, key, step: &item.step, phase: item.phase, resolver: Resolver::new(plan, run, Some(key)) };
    maker.card()
}

/// The card of a change whose `done_when` holds before it ran: nothing was started.
pub fn already_done_card(plan: &Plan, run: &Run, key: &Key, held: &[String]) -> Card {
    let mut card = card(plan, run, key);
    let mut rows = Rows::default();
    rows.add(Label::Found, held);
    rows.one(Label::Means, "What this step is to bring about holds already. Nothing was started.");
    rows.0.extend(card.rows);
    card.rows = rows.0;
    "IT SEEMS TO BE DONE ALREADY. Nothing ran.".clone_into(&mut card.headline);
    card.keys.retain(|hint| !matches!(hint.act, Act::Change | Act::ChangeAgain));
    let own = [
        KeyHint::new("d", "take it as done", Act::AlreadyDone),
        KeyHint::new("r", "run it all the same, with a reason", Act::ChangeAgain),
    ];
    card.keys.splice(0..0, own);
    card
}

/// Makes the card of one step.
pub(super) struct Maker<'a> {
    pub plan: &'a Plan,
    pub run: &'a Run,
    pub key: &'a Key,
    pub step: &'a Step,
    pub phase: Phase,
    pub resolver: Resolver<'a>,
}

impl Maker<'_> {
    fn card(&self) -> Card {
        let resolved = self.resolver.step(self.key);
        let current = self.run.position == Position::Step { step: self.key.clone() };
        let unresolved = match &resolved {
            Err(why) if !matches!(self.step.kind, StepKind::Include { .. } | StepKind::Steps(_)) => {
                Some(words::line(&why.0))
            }
            Err(_) | Ok(_) => None,
        };
        let resolved = resolved.ok();
        Card {
            key: Some(self.key.clone()),
            tone: self.tone(),
            headline: self.headline(resolved.as_ref()),
            rows: self.rows(resolved.as_ref()),
            current,
            elsewhere: (!current)
                .then(|| format!("You only read this. The run stands at {}.", standing(self.plan, self.run))),
            confirm: if current { resolved.as_ref().map_or(Confirm::None, confirm) } else { Confirm::None },
            digest: resolved.as_ref().map(Resolved::digest),
            keys: if current { common(self.run, self.keys(resolved.as_ref())) } else { reading(self.run) },
            unresolved,
        }
    }

    fn tone(&self) -> Tone {
        match self.step.kind {
            StepKind::Change(_) | StepKind::Terminal(_) | StepKind::Edit(_) => Tone::Change,
            StepKind::ByHand(_) if self.phase == Phase::Repair => Tone::Change,
            StepKind::ByHand(_) | StepKind::Question(_) | StepKind::Announce(_) => Tone::Person,
            StepKind::Check(_) | StepKind::Wait { .. } | StepKind::Include { .. } | StepKind::Steps(_) => Tone::Look,
        }
    }

    /// A deed by hand whose needs are not known to hold: nobody is told to do it yet.
    fn waits(&self, resolved: Option<&Resolved>) -> Option<&'static str> {
        let resolved = resolved.filter(|resolved| matches!(resolved.work, Work::ByHand(_)))?;
        match needs(self.run, self.key, resolved) {
            Needs::Held => None,
            Needs::NotMeasured => Some("DO NOTHING YET. First what it needs is measured."),
            Needs::Missing => Some("NOT NOW. What it needs does not hold. Do nothing."),
        }
    }

    fn headline(&self, resolved: Option<&Resolved>) -> String {
        if let Some(waits) = self.waits(resolved) {
            return waits.to_owned();
        }
        let host = resolved.map(|resolved| &resolved.at.host).filter(|host| !host.is_empty());
        let current = self.run.position == Position::Step { step: self.key.clone() };
        let place = match (self.run.mode(), host) {
            (Mode::Drill, _) => "THE LAB".to_owned(),
            (_, Some(host)) => words::line(host).to_uppercase(),
            (_, None) => words::host(self.run).to_uppercase(),
        };
        match (&self.step.kind, self.tone()) {
            (StepKind::Change(_), _) => format!("THIS STEP CHANGES {place}. Read it once, slowly."),
            (StepKind::ByHand(_), Tone::Change) => {
                "YOU DO THIS YOURSELF. locum runs nothing here. Read it once, slowly.".to_owned()
            }
            (StepKind::ByHand(_), _) if self.phase == Phase::FollowUp => {
                "You do this yourself. locum runs nothing here.".to_owned()
            }
            (StepKind::ByHand(_), _) => "You look yourself. locum runs nothing here.".to_owned(),
            (StepKind::Question(_), _) => "A question. \"Not sure\" is a good answer.".to_owned(),
            (StepKind::Terminal(_), _) if current && self.run.running().is_some() => {
                format!("THE PROGRAM RUNS ON {place}. It goes on without you; go in again when you like.")
            }
            (StepKind::Terminal(_), _) if self.run.unanswered(self.key).is_some() => {
                "THE PROGRAM HAS ENDED. How did it go? \"Not sure\" is a good answer.".to_owned()
            }
            (StepKind::Terminal(_), _) => format!("YOU WORK IN A PROGRAM ON {place}. Read this once, slowly."),
            (StepKind::Edit(_), _) => format!("YOU EDIT A FILE OF {place}. Nothing is replaced before you confirm it."),
            (StepKind::Announce(_), _) => "People are told. Nothing is sent before you say so.".to_owned(),
            (StepKind::Wait { .. }, _) => "This waits until something holds. It changes nothing.".to_owned(),
            (StepKind::Check(_), _) => "This look changes nothing.".to_owned(),
            (StepKind::Include { .. }, _) => "Another runbook.".to_owned(),
            (StepKind::Steps(_), _) => "A group of steps.".to_owned(),
        }
    }

    fn rows(&self, resolved: Option<&Resolved>) -> Vec<Row> {
        let fields = &self.step.fields;
        let mut rows = Rows::default();
        rows.one(Label::What, self.prose(&self.step.title));
        self.text(&mut rows, Label::Why, fields.why.as_ref());
        self.text(&mut rows, Label::How, fields.how.as_ref());
        self.work(&mut rows, resolved);
        if self.tone() == Tone::Change {
            self.limits(&mut rows, resolved);
        }
        if let Some(resolved) = resolved {
            rows.add(Label::GoodIs, good(resolved));
        }
        if let Some(takes) = &fields.takes {
            rows.one(Label::GoodIs, format!("takes about {}", human(takes.value)));
        }
        self.text(&mut rows, Label::ShouldLookLike, fields.looks_like.as_ref());
        if !matches!(self.step.kind, StepKind::Include { .. } | StepKind::Steps(_)) {
            rows.add(Label::YouGot, got(self.plan, self.run, self.key));
            rows.add(Label::Printed, found(self.run, self.key));
        }
        self.text(&mut rows, Label::Caution, fields.caution.as_ref());
        if let Some(until) = &fields.unsafe_until {
            rows.one(Label::Caution, format!("* do not walk away between this and the end of `{}`", until.value));
        }
        rows.add(Label::IfNot, if_not(self.plan, self.run, self.key));
        if let Some(then) = fields.then.as_ref().filter(|then| then.to != To::Next) {
            rows.one(Label::Next, format!("where it passed, {}", destination(&then.to)));
        }
        rows.add(Label::Read, fields.links.iter().map(|link| self.prose(link)));
        joined(rows.0)
    }

    fn is_root(&self) -> bool {
        self.run.opened.as_ref().is_some_and(|opened| opened.who.euid == 0)
    }

    fn text(&self, rows: &mut Rows, label: Label, text: Option<&Text>) {
        rows.add(label, text.map(|text| self.prose(text)));
    }

    pub(super) fn prose(&self, text: &Text) -> String {
        self.resolver.prose(text)
    }

    /// What is done, and where.
    fn work(&self, rows: &mut Rows, resolved: Option<&Resolved>) {
        if let Some(resolved) = resolved {
            let measured = self.run.needs_of(self.key);
            let wanted = resolved.needs.iter().map(|test| format!("must hold: {}", test.shown()));
            let found = measured
                .iter()
                .map(|need| format!("{}: {}", if need.held { "holds" } else { "DOES NOT HOLD" }, need.what));
            rows.add(Label::Before, if measured.is_empty() { wanted.collect() } else { found.collect::<Vec<_>>() });
        }
        let runs = !matches!(
            self.step.kind,
            StepKind::Question(_) | StepKind::Announce(_) | StepKind::Include { .. } | StepKind::Steps(_)
        );
        if runs {
            rows.add(Label::Where, self.whereabouts(resolved));
            rows.add(Label::Review, words::review(self.run, self.tone()));
        }
        if let Some(FenceLine::Promised(why)) = resolved.and_then(|resolved| resolved.fence(self.is_root())) {
            rows.one(Label::Fence, format!("none: that it changes nothing is only its author's promise; {why}"));
        }
        let Some(resolved) = resolved else {
            rows.add(Label::Runs, written(&self.step.kind));
            return;
        };
        match &resolved.work {
            Work::Test(test) | Work::Wait { test, .. } => self.test(rows, test),
            Work::Command(line) => self.command(rows, line),
            Work::Terminal(line) => {
                self.command(rows, line);
                rows.one(Label::How, "your terminal is handed to it; Ctrl-] takes it back, and the program goes on");
            }
            Work::Restore => rows.one(Label::Runs, resolved.shown()),
            Work::ByHand(text) if words::lines(text) == words::lines(&resolved.title) => {
                rows.one(Label::Runs, "by hand, by you");
            }
            Work::ByHand(text) => rows.one(Label::Runs, format!("by hand: {text}")),
            Work::Edit { path, draft } => edit(rows, path, draft.as_ref()),
            Work::Announce { text, to } => {
                rows.one(Label::Tells, text);
                let live = self.run.mode() == Mode::Live;
                let how = match (to.is_empty(), live) {
                    (true, _) => "copy the text above".to_owned(),
                    (false, true) => {
                        format!("to {}: sent where your configuration has a channel, else copy it", to.join(", "))
                    }
                    (false, false) => format!("to {}: never sent from here; copy it if you want to", to.join(", ")),
                };
                rows.one(Label::How, how);
            }
            Work::Question { text, choices, show } => {
                if words::line(text) != words::line(&resolved.title) {
                    rows.one(Label::What, text);
                }
                rows.add(Label::Known, show.iter().map(|(name, value)| format!("{name} = {value}")));
                rows.add(
                    Label::Answers,
                    (1..).zip(choices).map(|(number, choice)| {
                        let means = choice.means.as_ref().map_or_else(String::new, |means| format!(": {means}"));
                        let see = choice.see.as_ref().map_or_else(String::new, |see| format!(" See {see}."));
                        format!("{number}  {}{means}{see}", choice.answer)
                    }),
                );
            }
        }
    }

    fn test(&self, rows: &mut Rows, test: &TestLine) {
        match test {
            TestLine::Command(line) => self.command(rows, line),
            TestLine::Probe(_) => rows.one(Label::Runs, test.shown()),
        }
    }

    fn command(&self, rows: &mut Rows, line: &CommandLine) {
        rows.one(Label::Runs, &line.shown);
        // What the step adds to the environment and hands in is part of what runs.
        let own = self.step.fields.env.keys();
        let secret = |name: &String| line.secrets.env.get(name).map(|parts| SecretTexts::shown(parts));
        let value = |name: &String| line.env.get(name).cloned().or_else(|| secret(name));
        rows.add(Label::Runs, own.filter_map(|name| Some(format!("with {name}={}", value(name)?))));
        let secret = line.secrets.stdin.as_deref().map(SecretTexts::shown);
        rows.add(Label::Runs, secret.iter().chain(&line.stdin).map(|text| format!("standard input:\n{text}")));
    }

    /// Another place than this machine, or another account on it: each machine of a look, and what proves the place.
    fn elsewhere(&self, resolved: &Resolved, account: &str) -> Vec<String> {
        let places = if resolved.on.is_empty() { std::slice::from_ref(resolved) } else { &resolved.on };
        let mut lines: Vec<_> = places.iter().map(|one| words::line(&one.at.words(account))).collect();
        let Some(prove) = resolved.at.prove.as_ref().filter(|_| resolved.does != Does::Look) else { return lines };
        let asked = format!("asked `{}` just before it runs; must answer: {}", prove.command.shown, prove.prints);
        let before = self.run.attempts.values().rev().map(|attempt| (&attempt.intent.target, &attempt.begun_at));
        let before =
            before.filter(|(target, _)| target.want == prove.prints && target.by == words::line(&prove.command.shown));
        let zone = words::zone(self.run);
        lines.extend(before.take(1).map(|(target, at)| {
            format!("Asked at {}, it answered: {}", words::clock(at, zone), words::line(&target.got))
        }));
        lines.push(words::line(&asked));
        lines
    }

    fn whereabouts(&self, resolved: Option<&Resolved>) -> Vec<String> {
        let Some(opened) = &self.run.opened else { return vec![words::place(self.run)] };
        if let Some(resolved) = resolved.filter(|resolved| resolved.at != TargetLine::default()) {
            return self.elsewhere(resolved, &words::account(opened));
        }
        let Some(
            Work::Test(TestLine::Command(line))
            | Work::Wait { test: TestLine::Command(line), .. }
            | Work::Command(line)
            | Work::Terminal(line),
        ) = resolved.map(|resolved| &resolved.work)
        else {
            return vec![words::place(self.run)];
        };
        let folder = line.cwd.as_deref().unwrap_or(&opened.cwd);
        vec![format!("{} as {}, in {folder}", words::place(self.run), words::account(opened))]
    }
}

/// What an edit makes of a file.
fn edit(rows: &mut Rows, path: &str, draft: Option<&EditDraft>) {
    let Some(draft) = draft else {
        return rows.one(Label::Runs, format!("{path} in your editor: not edited yet"));
    };
    rows.one(Label::Runs, format!("replaces {path}: {} lines come, {} go", draft.added, draft.removed));
    let kept = if draft.diff.is_empty() {
        vec!["the lines are not kept; e shows them".to_owned()]
    } else {
        draft.diff.clone()
    };
    rows.add(Label::Runs, kept);
}

/// What runs, as it is written, where names are missing.
fn written(kind: &StepKind) -> Vec<String> {
    match kind {
        StepKind::Check(Test::Command(command))
        | StepKind::Wait { test: Test::Command(command), .. }
        | StepKind::Change(command)
        | StepKind::Terminal(command) => command_as_written(command),
        StepKind::ByHand(text) => vec![format!("by hand: {}", text.source)],
        StepKind::Announce(text) => vec![text.source.clone()],
        StepKind::Edit(path) => vec![format!("edit {}", path.source)],
        StepKind::Check(Test::Probe(_))
        | StepKind::Wait { .. }
        | StepKind::Question(_)
        | StepKind::Include { .. }
        | StepKind::Steps(_) => Vec::new(),
    }
}

pub(super) fn command_as_written(command: &Command) -> Vec<String> {
    match command {
        Command::Script(text) => vec![text.source.clone()],
        Command::Argv(words, _) => vec![words.iter().map(|word| word.source.as_str()).collect::<Vec<_>>().join(" ")],
    }
}

/// Rows of the same label that follow each other become one.
fn joined(rows: Vec<Row>) -> Vec<Row> {
    let mut joined: Vec<Row> = Vec::new();
    for row in rows {
        match joined.last_mut() {
            Some(last) if last.label == row.label => last.lines.extend(row.lines),
            _ => joined.push(row),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::{self, Found, Sample};

    fn of(sample: &Sample, key: &str) -> Card {
        card(&sample.plan, &sample.run, &key.parse::<Key>().expect("a key"))
    }

    fn row(card: &Card, label: Label) -> Vec<String> {
        card.rows.iter().filter(|row| row.label == label).flat_map(|row| row.lines.clone()).collect()
    }

    fn labels(card: &Card) -> Vec<&'static str> {
        card.rows.iter().map(|row| row.label.text()).collect()
    }

    #[test]
    fn the_card_of_a_change_has_its_rows_in_order() {
        let card = of(&sample::at_the_change(), "renew");
        assert_eq!(card.headline, "THIS STEP CHANGES KYOUSUKE. Read it once, slowly.");
        assert_eq!(
            labels(&card),
            [
                "What",
                "Why",
                "Where",
                "Runs",
                "LOOKS ALIKE",
                "May change",
                "Must not",
                "Way back",
                "Good is",
                "You got",
                "Caution",
                "If not"
            ]
        );
        assert_eq!(row(&card, Label::Runs), ["kubeadm certs renew apiserver"]);
        assert_eq!(row(&card, Label::Where), ["kyousuke as root, in /srv/runbooks"]);
        assert_eq!(card.confirm, Confirm::Word("renew".into()));
    }

    #[test]
    fn a_look_says_that_it_changes_nothing_and_shows_what_runs() {
        let sample = sample::certificate();
        let card = of(&sample, "leaf");
        assert_eq!(card.headline, "This look changes nothing.");
        assert_eq!(row(&card, Label::Runs), ["certificate /etc/kubernetes/pki/apiserver.crt valid_for 7 d"]);
        assert_eq!(card.confirm, Confirm::None);
        assert!(card.digest.is_some());
    }

    #[test]
    fn the_digest_on_the_card_is_that_of_what_would_run() {
        let sample = sample::at_the_change();
        assert_eq!(of(&sample, "renew").digest, Some(sample.resolved("renew").digest()));
    }

    #[test]
    fn environment_and_standard_input_are_part_of_what_runs() {
        let text = "locum: 1\ntitle: T\nrepair:\n  - id: a\n    change: [psql, -f, '-']\n    stdin: |\n      select 1;\n    env: { PGHOST: kyousuke }\n    cwd: /srv\n";
        let card = of(&sample::open(text), "a");
        assert_eq!(row(&card, Label::Runs), ["psql -f -", "with PGHOST=kyousuke", "standard input:", "select 1;"]);
        assert_eq!(row(&card, Label::Where), ["kyousuke as root, in /srv"]);
    }

    #[test]
    fn a_drill_never_says_that_the_machine_is_changed() {
        let sample = sample::open_as(sample::CERTIFICATE, Mode::Drill);
        assert_eq!(of(&sample, "renew").headline, "THIS STEP CHANGES THE LAB. Read it once, slowly.");
    }

    #[test]
    fn what_holds_already_is_offered_as_done_and_runs_only_with_a_reason() {
        let sample = sample::at_the_change();
        let card = already_done_card(&sample.plan, &sample.run, &Key::new("renew"), &["valid for 300 d".to_owned()]);
        assert_eq!(row(&card, Label::Found), ["valid for 300 d"]);
        assert!(card.key_for("y").is_none());
        assert_eq!(card.key_for("d").map(|hint| &hint.act), Some(&Act::AlreadyDone));
        assert_eq!(card.key_for("r").map(|hint| &hint.act), Some(&Act::ChangeAgain));
    }

    #[test]
    fn what_a_command_printed_is_clean_on_the_card() {
        let mut sample = sample::certificate();
        sample.look("leaf", Found::Fault("\x1b]0;owned\x07expired"));
        assert_eq!(row(&of(&sample, "leaf"), Label::Printed), ["expired"]);
    }

    #[test]
    fn nobody_is_told_to_do_a_deed_before_what_it_needs_was_measured_and_holds() {
        let mut sample = sample::open(
            "locum: 1\ntitle: T\nrepair:\n  - { id: a, by_hand: Pull the cable., needs: { file: /srv/spare } }\n",
        );
        sample.run.position = Position::Step { step: Key::new("a") };
        let enter = |card: &Card| card.key_for("Enter").map(|hint| (hint.what.clone(), hint.act.clone()));
        let card = of(&sample, "a");
        assert_eq!(card.headline, "DO NOTHING YET. First what it needs is measured.");
        assert_eq!(enter(&card), Some(("measure what it needs".to_owned(), Act::Needs)));
        assert_eq!(row(&card, Label::Before), ["must hold: file /srv/spare exists"]);
        assert!(card.key_for("d").is_none() && card.key_for("c").is_some());
        let measured = |held| {
            vec![crate::engine::record::Matched {
                what: "file /srv/spare exists".to_owned(),
                held,
                unknown: false,
                line: None,
            }]
        };
        sample.run.needs = Some((Key::new("a"), measured(false)));
        let card = of(&sample, "a");
        assert_eq!(card.headline, "NOT NOW. What it needs does not hold. Do nothing.");
        assert_eq!(enter(&card), Some(("measure it again".to_owned(), Act::Needs)));
        assert_eq!(row(&card, Label::Before), ["DOES NOT HOLD: file /srv/spare exists"]);
        assert!(card.key_for("d").is_none());
        sample.run.needs = Some((Key::new("a"), measured(true)));
        let card = of(&sample, "a");
        assert_eq!(card.headline, "YOU DO THIS YOURSELF. locum runs nothing here. Read it once, slowly.");
        assert_eq!(card.key_for("d").map(|hint| &hint.act), Some(&Act::Done));
        assert_eq!(row(&card, Label::Before), ["holds: file /srv/spare exists"]);
    }

    #[test]
    fn a_step_that_is_not_there_has_a_card_that_says_so() {
        let card = of(&sample::certificate(), "nowhere");
        assert_eq!(card.headline, "There is no step `nowhere`.");
        assert!(!card.current);
    }
}
