//! The order of the write path F2 to F8, as the system sees it.

#![expect(clippy::disallowed_methods, reason = "a test is an edge: it starts the binary and reads its own environment")]

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::stage::{EXE, Stage};
use crate::support::case::accepted;

const RUNBOOK: &str = "locum: 1
title: One change
repair:
  - id: once
    change: [touch, DIR/touched]
    risk: low
    no_undo: a file stays
";

/// One call of the system, from where it began to where it returned in the trace.
#[derive(Debug)]
struct Call {
    text: String,
    begun: usize,
    done: usize,
}

/// The calls of a trace of `strace -f -y`.
fn calls(trace: &str) -> Vec<Call> {
    let mut open: BTreeMap<&str, (String, usize)> = BTreeMap::new();
    let mut calls = Vec::new();
    for (at, line) in trace.lines().enumerate() {
        let Some((pid, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            open.insert(pid, (begun.to_owned(), at));
        } else if rest.starts_with("<... ") {
            let end = rest.split_once("resumed>").map_or("", |(_, end)| end);
            if let Some((text, begun)) = open.remove(pid) {
                calls.push(Call { text: text + end, begun, done: at });
            }
        } else {
            calls.push(Call { text: rest.to_owned(), begun: at, done: at });
        }
    }
    calls.sort_by_key(|call| call.begun);
    calls
}

#[test]
#[ignore = "needs strace"]
fn nothing_runs_before_its_intent_is_durable_and_nothing_is_shown_before_its_outcome_is() {
    let stage = Stage::new(RUNBOOK);
    stage.answers("answers: { repair: enter, once: once }\n");
    let trace = stage.path("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-s", "4096", "-e", "trace=write,pwrite64,fdatasync,fsync,execve", "-o"]).arg(&trace);
    let words = ["run", "x", "--headless", "--answers", "answers.yaml"];
    stage.dress(strace.arg(EXE).args(words).args(accepted(&words)));
    assert!(strace.output().unwrap().status.success());
    let calls = calls(&fs::read_to_string(&trace).unwrap());
    let find = |after: usize, what: &dyn Fn(&str) -> bool, name: &str| -> &Call {
        calls
            .iter()
            .find(|call| call.begun >= after && what(&call.text))
            .unwrap_or_else(|| panic!("no {name} after line {after}"))
    };
    let record = |kind: &str| {
        let kind = format!("\\\"kind\\\":\\\"{kind}\\\"");
        move |text: &str| text.starts_with("write(") && text.contains("/seg-0001-") && text.contains(&kind)
    };
    let synced = |file: &'static str| {
        move |text: &str| text.starts_with("fdatasync(") && text.contains(file) && text.ends_with("= 0")
    };
    let evidence = |file: &'static str| {
        move |text: &str| text.starts_with("fsync(") && text.contains(file) && text.ends_with("= 0")
    };

    let blank = find(0, &evidence(".exit"), "evidence that is prepared");
    let intent = find(0, &record("step.intent"), "intent");
    assert!(blank.done < intent.begun, "evidence has its space before the intent is recorded");
    let durable = find(intent.done, &synced("/seg-0001-"), "sync of the intent");
    let go = find(0, &|text| text.starts_with("write(") && text.contains(r#""\"go\"\n""#), "GO");
    assert!(durable.done < go.begun, "the intent is durable before GO");
    let started = find(go.begun, &synced(".started"), "sync of what is started");
    let spawned = find(0, &|text| text.starts_with("execve(") && text.contains("/touched"), "command");
    assert!(started.done < spawned.begun, "it is on the disk that it starts before it starts");
    let ended = find(spawned.begun, &synced(".exit"), "sync of the end");
    let outcome = find(0, &record("step.outcome"), "outcome");
    assert!(ended.done < outcome.begun, "its end is on the disk before it is recorded");
    let kept = find(outcome.done, &synced("/seg-0001-"), "sync of the outcome");
    let shown = find(0, &|text| text.starts_with("write(1<") && text.contains("once: ok"), "word");
    assert!(kept.done < shown.begun, "the outcome is durable before it is shown");
    let opened = find(0, &record("run.open"), "run.open");
    for folder in ["/runs>", &format!("/{}>", stage.run_id())] {
        let what = |text: &str| text.starts_with("fsync(") && text.contains(folder) && text.ends_with("= 0");
        assert!(find(0, &what, folder).done < intent.begun, "{folder} is durable");
    }
    assert!(
        find(opened.done, &|text| text.starts_with('f') && text.contains("/seg-0001-"), "sync of run.open").done
            < intent.begun
    );
}
