//! A run with everything in it, for tests: a change that broke a guard, words that try to be markup, a skipped step.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::position::{Advance, Position};
use crate::engine::record::{
    Changed, Close, Confirm, Does, EndResult, Event, Facts, Guards, Intent, Judged, Mode, Moment, Record, Rerun,
    RunbookRef, Stream, Target, WayBack, Who,
};
use crate::engine::{AttemptId, Key, Plan, Run};
use crate::model::Risk;
use crate::source::SourceFile;

/// What somebody types or a program prints to get out of the report.
pub const ATTACK: &str = "<script>x</script> | [a](http://b) {{#include /etc/passwd}} `x` \u{202e}\x1b[2J";

const RUNBOOK: &str = r#"locum: 1
title: Renew the certificate of {{ site }}
version: 1.2.0
owner: komari
deputies: [pepe]
inputs: { site: Which site, dir: Where it lives }
scope:
  files: ["{{ dir }}/tls"]
  if_broken: { means: A new CA is trusted by nobody., worse_with_time: slowly, do_not: restart the server }
diagnose:
  - { id: look, title: Is it valid?, check: "test -e x" }
repair:
  - { id: renew, title: Renew only the leaf, change: "./renew -- {{ site }}", may_change: ["leaf.crt"], risk: high }
verify:
  - { id: prove, title: Is the new one served?, check: "true" }
  - { id: tell, title: Tell people, by_hand: Tell them. }
"#;

pub fn plan() -> Plan {
    let loaded = crate::load::load("site", SourceFile::new("site.yaml", RUNBOOK));
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    Plan::new(Arc::new(loaded.runbook.expect("no problem")))
}

fn at(step: &str) -> Advance {
    Advance::to(Position::Step { step: Key::new(step) })
}

fn intent(attempt: &str, step: &str, does: Does, script: &str) -> Event {
    let change = does == Does::Change;
    Event::StepIntended(Box::new(Intent {
        attempt: AttemptId(attempt.to_owned()),
        step: Key::new(step),
        does,
        argv: ["bash", "-euo", "pipefail", "-c", script].map(str::to_owned).to_vec(),
        cmd_sha256: "0".repeat(64),
        env: vec!["PATH".to_owned()],
        cwd: "/srv".to_owned(),
        timeout_s: None,
        target: Target { want: "kyousuke".to_owned(), got: "kyousuke".to_owned(), by: "hostname".to_owned() },
        confirm: change.then(|| Confirm { how: "typed".to_owned(), text: "renew".to_owned() }),
        rerun: if change { Rerun::Never } else { Rerun::Look },
        risk: change.then_some(Risk::High),
        undo: change.then_some(WayBack::Copy { entries: 63, on: Vec::new() }),
        armed: None,
        undoes: None,
        retry_of: None,
    }))
}

fn ended(attempt: &str, step: &str, judged: Judged, found: &[&str], advance: Advance) -> Event {
    let stream = Stream { blob: format!("{attempt}.out"), sha256: "ab".repeat(32), bytes: 4096, kept: 1024, cut: true };
    let facts = Facts {
        result: EndResult::Exited,
        code: Some(i32::from(judged != Judged::Passed)),
        signal: None,
        dur_ms: 5200,
        leftover: Vec::new(),
        stdout: Some(stream),
        stderr: None,
        cast: None,
        judged,
        matched: Vec::new(),
        captured: BTreeMap::new(),
        found: found.iter().map(|text| (*text).to_owned()).collect(),
        redacted: BTreeMap::new(),
        hosts: Vec::new(),
        evidence: None,
        held: None,
        armed: None,
        line_lost: 0,
    };
    Event::StepEnded {
        attempt: AttemptId(attempt.to_owned()),
        step: Key::new(step),
        facts: Box::new(facts),
        advance: Some(advance),
    }
}

fn changed(path: &str, what: &str) -> Changed {
    Changed {
        path: path.to_owned(),
        what: what.to_owned(),
        before: format!("sha256:{}", "a1".repeat(32)),
        after: format!("sha256:{}", "b2".repeat(32)),
    }
}

fn opened(mode: Mode) -> Event {
    Event::RunOpened {
        who: Who { claimed: "pepe".to_owned(), uid: 1000, euid: 1000, host: "kyousuke".to_owned(), key: None },
        tz: "Europe/Berlin".to_owned(),
        runbook: RunbookRef {
            id: "site".to_owned(),
            version: "1.2.0".to_owned(),
            digest: "sha256:dd".to_owned(),
            ..RunbookRef::default()
        },
        mode,
        inputs: BTreeMap::from([("site".to_owned(), "forum".into()), ("dir".to_owned(), "/srv/{{ x }}".into())]),
        lab: (mode == Mode::Drill).then(|| "default".to_owned()),
        cwd: "/srv".to_owned(),
        also: None,
        advance: at("look"),
    }
}

fn records(events: Vec<Event>) -> Vec<Record> {
    let record = |(seq, event): (usize, Event)| Record {
        v: 1,
        run: "7f3a-k2".to_owned(),
        epoch: 1,
        seq: seq as u64 + 1,
        at: Moment { t: format!("2026-11-25T02:{:02}:00.000Z", 20 + seq), mono: seq as u64, boot: None },
        event,
    };
    events.into_iter().enumerate().map(record).collect()
}

/// A run that ends frozen: the change broke a guard.
pub fn broken(mode: Mode) -> Vec<Record> {
    let guards = Guards {
        digest: "sha256:ee".to_owned(),
        entries: 63,
        broken: vec![changed("/srv/tls/ca.crt", "contents")],
        allowed: vec![changed("/srv/tls/leaf.crt", "contents")],
    };
    let frozen = Advance::to(Position::Frozen { attempt: Some(AttemptId("1-5-aaaa".to_owned())) });
    records(vec![
        opened(mode),
        intent("1-2-aaaa", "look", Does::Look, "test -e x"),
        ended("1-2-aaaa", "look", Judged::Failed, &[ATTACK], Advance::to(Position::EnterRepair)),
        Event::Noted { text: format!("I fear {ATTACK}") },
        Event::WentTo { why: "entered repair".to_owned(), advance: at("renew") },
        intent("1-5-aaaa", "renew", Does::Change, "./renew -- forum"),
        Event::GuardsAfter { attempt: Some(AttemptId("1-5-aaaa".to_owned())), guards },
        ended("1-5-aaaa", "renew", Judged::Passed, &[], frozen),
    ])
}

/// A run that went well, with a skipped step.
pub fn done() -> Vec<Record> {
    let guards = Guards {
        digest: "sha256:ee".to_owned(),
        entries: 63,
        broken: Vec::new(),
        allowed: vec![changed("/srv/tls/leaf.crt", "contents")],
    };
    records(vec![
        opened(Mode::Live),
        intent("1-2-aaaa", "look", Does::Look, "test -e x"),
        ended("1-2-aaaa", "look", Judged::Failed, &["expired 61 d ago"], Advance::to(Position::EnterRepair)),
        Event::WentTo { why: "entered repair".to_owned(), advance: at("renew") },
        intent("1-5-aaaa", "renew", Does::Change, "./renew -- forum"),
        Event::GuardsAfter { attempt: Some(AttemptId("1-5-aaaa".to_owned())), guards },
        ended("1-5-aaaa", "renew", Judged::Passed, &[], at("prove")),
        intent("1-8-aaaa", "prove", Does::Look, "true"),
        ended("1-8-aaaa", "prove", Judged::Passed, &["valid 365 d"], at("tell")),
        Event::StepSkipped {
            step: Key::new("tell"),
            reason: "all asleep".to_owned(),
            advance: Advance::to(Position::AtEnd { nothing_to_repair: false }),
        },
        Event::RunClosed { outcome: Close::Done, reason: String::new() },
    ])
}

pub fn run(records: &[Record]) -> Run {
    Run::replay("7f3a-k2", records)
}
