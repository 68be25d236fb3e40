//! Nothing can be written any more where the run began: it goes on in another folder, and both say so.

use std::fs;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::stage::{Stage, eventually};

const TWO: &str = "\
locum: 1
title: Two changes
repair:
  - { id: first, change: 'echo first >> DIR/ledger; touch DIR/on; while [ ! -e DIR/off ]; do sleep 0.05; done', risk: low, no_undo: n }
  - { id: second, change: 'echo second >> DIR/ledger', risk: low, no_undo: n }
";

#[test]
fn a_run_goes_on_in_another_folder_in_a_new_epoch_and_the_old_one_says_where_it_went() {
    let stage = Stage::new(TWO);
    stage.touch("off");
    stage.answers("answers: { repair: enter, first: first }\n");
    stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]).exits(20);
    let (run, elsewhere) = (stage.run_id(), stage.path("elsewhere"));
    let elsewhere = elsewhere.to_str().unwrap();
    stage.answers("answers: { second: second }\n");
    stage
        .resume(&["--state", elsewhere])
        .exits(0)
        .says(&format!("run {run} goes on in {elsewhere}/runs/{run}; what was recorded is copied, whole"));
    assert_eq!(stage.ledger(), ["first", "second"]);
    stage.locum(&["audit", &run, "--state", elsewhere]).exits(0);
    stage
        .locum(&["log", &run, "--state", elsewhere])
        .exits(0)
        .says("2.1 ")
        .says("recording gap: nothing could be written any more in");
    stage.locum(&["report", &run, "--state", elsewhere]).exits(0).says("recording gap");
    stage.locum(&["audit", &run]).exits(0);
    let old = stage.resume(&[]);
    old.exits(8).says(&format!("run {run} went on in `{elsewhere}")).says(&format!("help: locum resume {run} --state"));
    stage.locum(&["runs", "--open"]).exits(0).says("no runs");
}

#[test]
fn a_journal_that_fails_in_the_middle_of_a_change_goes_on_elsewhere_with_the_known_end() {
    let stage = Stage::new(TWO);
    stage.answers("answers: { repair: enter, first: first, second: second }\n");
    let words = stage.command(&["run", "x", "--headless", "--answers", "answers.yaml"]);
    // A file that may not grow is an error of the write, not the end of the process.
    let mut deaf = Command::new("sh");
    deaf.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(words.get_program()).args(words.get_args());
    stage.dress(&mut deaf);
    let mut child = deaf.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    stage.wait_for("on");
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    prlimit(pid, Resource::Fsize, Rlimit { current: Some(0), maximum: Some(0) }).unwrap();
    stage.touch("off");
    assert_eq!(child.wait().unwrap().code(), Some(6));
    assert_eq!(stage.ledger(), ["first"]);
    let (run, elsewhere) = (stage.run_id(), stage.path("elsewhere"));
    let elsewhere = elsewhere.to_str().unwrap();
    stage.resume(&["--state", elsewhere]).exits(0).says("second: ok");
    assert_eq!(stage.ledger(), ["first", "second"], "nothing ran twice");
    stage.locum(&["audit", &run, "--state", elsewhere]).exits(0);
    stage.locum(&["log", &run, "--state", elsewhere]).exits(0).says("first: passed, exit 0");
}

#[test]
fn a_step_that_still_runs_is_waited_for_where_it_began() {
    let stage = Stage::new(TWO);
    stage.answers("answers: { repair: enter, first: first }\n");
    let mut child = stage.headless();
    stage.wait_for("on");
    child.kill().unwrap();
    child.wait().unwrap();
    let elsewhere = stage.path("elsewhere");
    stage
        .resume(&["--state", elsewhere.to_str().unwrap()])
        .exits(7)
        .says("still runs, and writes its end where it began");
    assert!(!elsewhere.join("runs").join(stage.run_id()).exists());
    stage.touch("off");
    eventually("it has ended", || stage.has("on"));
    eventually("the supervisor is gone", || {
        let first = stage.attempt("first");
        !locum::journal::SupLock::is_held(&stage.evidence(&first).lock())
    });
    stage.resume(&["--state", elsewhere.to_str().unwrap()]).exits(20);
    assert_eq!(stage.ledger(), ["first"]);
}

#[test]
#[ignore = "needs root, for a small file system"]
fn from_a_full_disk_a_run_goes_on_elsewhere() {
    let stage = Stage::new(TWO);
    stage.touch("off");
    fs::create_dir(stage.state()).unwrap();
    let mount = |words: &[&str]| {
        assert!(Command::new(words[0]).args(&words[1..]).arg(stage.state()).status().unwrap().success());
    };
    mount(&["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs"]);
    stage.answers("answers: { repair: enter, first: first }\n");
    stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]).exits(20);
    let ballast = fs::File::create(stage.path("state/fill")).unwrap();
    let _ = std::io::copy(&mut std::io::repeat(0), &mut &ballast);
    stage.answers("answers: { second: second }\n");
    let full = stage.resume(&[]);
    let elsewhere = stage.path("elsewhere");
    let on = stage.resume(&["--state", elsewhere.to_str().unwrap()]);
    let marked = stage.resume(&[]);
    mount(&["umount", "-l"]);
    full.exits(6).says("locum resume RUN --state DIR");
    on.exits(0).says("second: ok");
    marked.exits(8);
    assert_eq!(stage.ledger(), ["first", "second"]);
}

#[test]
#[ignore = "needs root, for a file system that is made read-only"]
fn from_a_read_only_file_system_a_run_goes_on_elsewhere() {
    let stage = Stage::new(TWO);
    stage.touch("off");
    fs::create_dir(stage.state()).unwrap();
    let state = stage.state();
    let run =
        |words: &[&str]| assert!(Command::new(words[0]).args(&words[1..]).arg(&state).status().unwrap().success());
    run(&["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs"]);
    stage.answers("answers: { repair: enter, first: first }\n");
    stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]).exits(20);
    run(&["mount", "-o", "remount,ro"]);
    stage.answers("answers: { second: second }\n");
    let full = stage.resume(&[]);
    let elsewhere = stage.path("elsewhere");
    let on = stage.resume(&["--state", elsewhere.to_str().unwrap()]);
    run(&["umount", "-l"]);
    full.exits(6).says("locum resume RUN --state DIR");
    on.exits(0).says("cannot be marked: do not go on with the run there").says("second: ok");
}
