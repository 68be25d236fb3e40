//! What resume concludes from what it finds, row by row of the tables in JOURNAL.md.

#![expect(clippy::disallowed_methods, reason = "a test is an edge: it starts the binary and reads its own environment")]

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use locum::engine::Position;
use locum::engine::record::{EndResult, Event};
use locum::exec::Started;
use locum::journal::{Durable, read_evidence, write_evidence};
use rustix::process::Signal;

use crate::stage::{Stage, Told, eventually, signal};

/// A run of one change that says where it is, waits for `go`, and writes into a ledger each time it runs.
fn slow(fields: &str) -> Stage {
    slow_in("", fields)
}

fn slow_in(head: &str, fields: &str) -> Stage {
    let change = r#"echo "slow $LOCUM_ATTEMPT" >> DIR/ledger; echo before; touch DIR/runs; while test -d DIR -a ! -e DIR/go; do sleep 0.01; done; echo after"#;
    let text = format!(
        "locum: 1\ntitle: One slow change\n{head}repair:\n  - id: slow\n    change: '{change}'\n    risk: low\n    no_undo: a line stays\n{fields}"
    );
    let stage = Stage::new(&text);
    stage.answers("answers: { repair: enter, slow: slow }\n");
    stage
}

/// Begins the run and kills the screen in the middle of the change.
fn cut_off(stage: &Stage) {
    let mut child = stage.headless();
    stage.wait_for("runs");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The same, and nobody is left who knows how it ends.
fn lost(stage: &Stage) -> String {
    cut_off(stage);
    let attempt = stage.attempt("slow");
    stage.kill_step(&attempt);
    attempt.intent.attempt.0
}

fn decisions(stage: &Stage) -> Vec<(String, String, String)> {
    let decided = stage.records().into_iter().filter_map(|record| match record.event {
        Event::Decided { choice, reason, how, .. } => Some((choice, reason, how)),
        _ => None,
    });
    decided.collect()
}

#[test]
fn a_step_that_still_runs_is_attached_to_and_its_output_goes_on() {
    let stage = slow("");
    cut_off(&stage);
    let going = std::thread::scope(|scope| {
        let going = scope.spawn(|| stage.resume(&[]));
        std::thread::sleep(Duration::from_millis(300));
        stage.touch("go");
        going.join().unwrap()
    });
    going.exits(0).says("slow: ok");
    assert_eq!(stage.ledger().len(), 1);
    let blob = stage.folder().blobs().join(format!("{}.out", stage.attempt("slow").intent.attempt));
    assert_eq!(fs::read_to_string(blob).unwrap(), "before\nafter\n");
    assert_eq!(decisions(&stage), []);
}

#[test]
fn an_end_that_nobody_saw_is_found_and_recorded() {
    let stage = slow("");
    cut_off(&stage);
    stage.touch("go");
    let files = stage.evidence(&stage.attempt("slow"));
    eventually("the end is on the disk", || read_evidence::<locum::exec::Exit>(&files.exit()).is_some());
    stage.resume(&[]).exits(0);
    let end = stage.attempt("slow").end.unwrap();
    assert_eq!((end.result, end.code), (EndResult::Exited, Some(0)));
    assert_eq!(end.evidence.as_deref(), Some("found after the screen had gone"));
    assert_eq!(stage.ledger().len(), 1);
}

#[test]
fn a_lost_change_waits_for_a_person_however_often_it_is_resumed() {
    let stage = slow("");
    let attempt = lost(&stage);
    for _ in 0..2 {
        stage.resume(&["--rerun-safe"]).exits(20).says(&format!("--decide {attempt}=done|run-again|abort"));
    }
    assert_eq!(stage.ledger().len(), 1);
    stage.locum(&["audit", &stage.run_id()]).exits(0);
}

#[test]
fn a_person_says_that_a_lost_change_is_done() {
    let stage = slow("");
    let attempt = lost(&stage);
    stage.resume(&["--decide", &format!("{attempt}=done"), "--reason", "seen in the ledger"]).exits(0);
    assert_eq!(stage.ledger().len(), 1);
    let decided = ("done".to_owned(), "seen in the ledger".to_owned(), "--decide".to_owned());
    assert_eq!(decisions(&stage), [decided]);
    stage.resume(&[]).exits(2).says("is closed");
}

#[test]
fn a_person_says_that_a_lost_change_is_not_done() {
    let stage = slow("");
    let attempt = lost(&stage);
    stage.touch("go");
    stage.resume(&["--decide", &format!("{attempt}=run-again"), "--reason", "it had not come far"]).exits(0);
    assert_eq!(stage.ledger().len(), 2);
    let again = stage.attempt("slow").intent;
    assert_eq!(again.retry_of.map(|before| before.0), Some(attempt));
}

#[test]
fn a_person_leaves_a_lost_change_so() {
    let stage = slow("");
    let attempt = lost(&stage);
    stage.resume(&["--decide", &format!("{attempt}=abort"), "--reason", "komari looks at it"]).exits(23);
    assert_eq!(stage.ledger().len(), 1);
    assert!(stage.run().closed.is_none());
}

#[test]
fn a_decision_that_fits_nothing_is_refused() {
    let stage = slow("");
    let attempt = lost(&stage);
    stage.resume(&["--decide", "1-9-none=done", "--reason", "why"]).exits(2).says("no attempt `1-9-none`");
    stage.resume(&["--decide", &format!("{attempt}=perhaps"), "--reason", "why"]).exits(2).says("is no decision");
    stage.resume(&["--decide", &format!("{attempt}=done"), "--reason", " "]).exits(2).says("needs a reason");
    stage.resume(&["--decide", &format!("{attempt}=done")]).exits(2);
    assert_eq!(decisions(&stage), []);
}

#[test]
fn a_lost_repeatable_change_runs_again_only_when_that_was_said() {
    let stage = slow("    repeatable: true\n");
    lost(&stage);
    stage.touch("go");
    stage.resume(&[]).exits(20);
    assert_eq!(stage.ledger().len(), 1);
    stage.resume(&["--rerun-safe"]).exits(0);
    assert_eq!(stage.ledger().len(), 2);
    assert_eq!(decisions(&stage)[0].2, "--rerun-safe");
}

#[test]
fn a_lost_change_is_done_when_its_test_says_so() {
    let stage = slow("    done_when: test -e DIR/go\n".replace("DIR", "$HOME/../dir").as_str());
    lost(&stage);
    stage.resume(&[]).exits(20);
    stage.touch("go");
    stage.resume(&[]).exits(0);
    assert_eq!(stage.ledger().len(), 1, "it was done, so it did not run again");
}

#[test]
fn a_change_that_was_never_started_runs_without_a_question() {
    let stage = slow("");
    lost(&stage);
    fs::write(stage.evidence(&stage.attempt("slow")).started(), [0; 4096]).unwrap();
    stage.touch("go");
    stage.resume(&[]).exits(0);
    let run = stage.run();
    let ends: Vec<_> = run.attempts.values().map(|attempt| attempt.end.as_ref().unwrap().result).collect();
    assert_eq!(ends, [EndResult::NotStarted, EndResult::Exited]);
}

#[test]
fn a_change_that_ran_before_the_machine_was_started_anew_is_lost() {
    let stage = slow("");
    lost(&stage);
    let path = stage.evidence(&stage.attempt("slow")).started();
    let started: Started = read_evidence(&path).unwrap();
    write_evidence(&path, &Started { boot_id: "the boot before".into(), ..started }, Durable::Now).unwrap();
    stage.resume(&[]).exits(20).says("the machine was started anew since");
    assert_eq!(stage.ledger().len(), 1);
}

#[test]
fn a_look_that_was_cut_off_is_made_again() {
    let stage = Stage::new(
        "locum: 1\ntitle: A slow look\ndiagnose:\n  - id: slow\n    check: 'while test -d DIR -a ! -e DIR/go; do sleep 0.01; done'\n",
    );
    stage.answers("answers: {}\n");
    let mut child = stage.headless();
    stage.wait_for_look("while test -d DIR -a ! -e DIR/go");
    child.kill().unwrap();
    child.wait().unwrap();
    stage.touch("go");
    stage.resume(&[]).says("slow: ok");
    assert_eq!(stage.run().attempts.len(), 2);
}

#[test]
fn a_torn_tail_is_kept_aside_and_recorded() {
    let stage = slow("");
    cut_off(&stage);
    stage.touch("go");
    let segment = stage.folder().segments().unwrap()[0].path.clone();
    let mut bytes = fs::read(&segment).unwrap();
    bytes.extend_from_slice(b"{\"v\":1,\"run\"");
    fs::write(&segment, bytes).unwrap();
    stage.locum(&["audit", &stage.run_id()]).exits(10);
    stage.resume(&[]).exits(0);
    let recovered = stage.records().into_iter().find_map(|record| match record.event {
        Event::Recovered { kept_as, bytes, .. } => Some((kept_as, bytes)),
        _ => None,
    });
    let (kept_as, bytes) = recovered.unwrap();
    assert_eq!((fs::read(kept_as).unwrap(), bytes), (b"{\"v\":1,\"run\"".to_vec(), 12));
    stage.locum(&["audit", &stage.run_id()]).exits(0);
}

#[test]
fn a_corrupt_journal_is_never_written_again() {
    let stage = slow("");
    cut_off(&stage);
    let lock = stage.evidence(&stage.attempt("slow")).lock();
    let segment = stage.folder().segments().unwrap()[0].path.clone();
    let mut bytes = fs::read(&segment).unwrap();
    bytes[40] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    let run = stage.run_id();
    stage.locum(&["resume", &run, "--headless", "--answers", "answers.yaml"]).exits(11).says("line 1");
    stage.locum(&["resume", &run, "--plain"]).exits(11);
    assert_eq!(fs::read(&segment).unwrap(), bytes);
    // What it started is ended by hand, since its journal cannot be read any more.
    stage.touch("go");
    eventually("the step has ended", || !locum::journal::SupLock::is_held(&lock));
}

#[test]
fn a_run_that_somebody_is_in_is_refused() {
    let stage = slow("");
    let mut child = stage.headless();
    stage.wait_for("runs");
    stage.resume(&[]).exits(7).says("the run is held by");
    stage.touch("go");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_run_that_was_told_to_end_leaves_its_step_running() {
    for told in [Signal::TERM, Signal::HUP, Signal::INT] {
        let stage = slow("");
        let mut child = stage.headless();
        stage.wait_for("runs");
        signal(child.id(), told);
        assert_eq!(child.wait().unwrap().code(), Some(130), "{told:?}");
        stage.touch("go");
        stage.resume(&[]).exits(0);
        assert_eq!(stage.ledger().len(), 1, "{told:?}");
    }
}

#[test]
fn a_drill_cannot_be_resumed_since_its_lab_is_gone() {
    let stage = slow("labs:\n  default: { start: 'echo ready; sleep 30' }\n");
    stage.answers("answers: {}\n");
    stage.locum(&["drill", "x", "--headless", "--answers", "answers.yaml"]).exits(20);
    let before = stage.records().len();
    stage.resume(&[]).exits(26).says("the lab of a drill ends with it");
    assert_eq!(stage.records().len(), before);
}

#[test]
fn what_a_lost_change_did_to_the_guards_is_measured_before_anything_goes_on() {
    let scope = "scope: { files: [DIR] }\n";
    let stage = slow_in(scope, "    may_change: [ledger, runs, go]\n");
    let attempt = lost(&stage);
    stage.resume(&[]).exits(20);
    assert!(
        stage
            .records()
            .iter()
            .any(|record| matches!(&record.event, Event::GuardsAfter { guards, .. } if guards.broken.is_empty()))
    );
    stage.touch("go");
    let told = stage.resume(&["--decide", &format!("{attempt}=run-again"), "--reason", "why"]);
    // `go` is new since the guards were measured, and no step made it.
    told.exits(24).says("go: added");

    let stage = slow_in(scope, "    may_change: [ledger]\n");
    lost(&stage);
    stage.resume(&[]).exits(24).says("runs: added");
    assert!(matches!(stage.run().position, Position::Frozen { .. }));
}

#[test]
fn at_a_terminal_a_lost_change_is_decided_with_a_reason() {
    let stage = slow("");
    lost(&stage);
    let run = stage.run_id();
    let resume = |input: &str| -> Told { stage.fed(&["resume", &run, "--plain"], input.as_bytes()) };
    for input in ["", "d\n", "d\n\n", "r\n\n", "y\ny\ny\n", "slow\n"] {
        resume(input).says("HOW IT ENDED IS NOT KNOWN.");
        assert_eq!((decisions(&stage).len(), stage.ledger().len()), (0, 1), "{input:?}");
    }
    stage.touch("go");
    resume("r\nit had not come far\n").says("slow");
    assert_eq!((decisions(&stage).len(), stage.ledger().len()), (1, 1), "it runs when it is confirmed");
    resume("slow\n");
    assert_eq!(stage.ledger().len(), 2);
}

#[test]
fn a_file_that_is_not_what_was_frozen_is_not_run() {
    let stage = Stage::new(
        "locum: 1\ntitle: A script\nfiles: [dir/tool.sh]\nrepair:\n  - id: first\n    by_hand: wait\n    risk: low\n    no_undo: none\n  - id: tool\n    change: sh DIR/tool.sh\n    risk: low\n    no_undo: none\n",
    );
    fs::write(stage.path("dir/tool.sh"), "echo good >> \"$0.ran\"\n").unwrap();
    stage.answers("answers: { repair: enter, first: done }\n");
    stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]).exits(20);
    fs::write(stage.path("dir/tool.sh"), "echo evil >> \"$0.ran\"\n").unwrap();
    stage.answers("answers: { repair: enter, first: done, tool: tool }\n");
    stage.resume(&[]).exits(4).says("is not what it was when the run began");
    assert!(!stage.has("tool.sh.ran"));
    let end = stage.attempt("tool").end.unwrap();
    assert_eq!(end.result, EndResult::NotStarted, "its intent has an end");
    fs::write(stage.path("dir/tool.sh"), "echo good >> \"$0.ran\"\n").unwrap();
    stage.resume(&[]).exits(0);
    assert_eq!(fs::read_to_string(stage.path("dir/tool.sh.ran")).unwrap(), "good\n");
}

#[test]
#[ignore = "needs root, for a small file system"]
fn on_a_full_disk_nothing_runs() {
    let stage = slow("");
    fs::create_dir(stage.state()).unwrap();
    let mount = |words: &[&str]| {
        assert!(Command::new(words[0]).args(&words[1..]).arg(stage.state()).status().unwrap().success());
    };
    mount(&["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs"]);
    stage.answers("answers: { repair: enter }\n");
    stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]).exits(20);
    let ballast = fs::File::create(stage.path("state/fill")).unwrap();
    let _ = std::io::copy(&mut std::io::repeat(0), &mut &ballast);
    stage.answers("answers: { repair: enter, slow: slow }\n");
    let full = stage.resume(&[]);
    let ran = stage.has("runs");
    drop(ballast);
    fs::remove_file(stage.path("state/fill")).unwrap();
    stage.touch("go");
    let again = stage.resume(&[]);
    mount(&["umount", "-l"]);
    full.exits(6);
    assert!(!ran);
    again.exits(0);
}

/// Keeps `Stdio` honest: a child whose words nobody reads must not stop for them.
#[test]
fn nobody_has_to_read_what_a_run_says() {
    let stage = slow("");
    stage.touch("go");
    let mut command = stage.command(&["run", "x", "--headless", "--answers", "answers.yaml"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    child.wait().unwrap();
    assert!(stage.ledger().len() <= 1);
}
