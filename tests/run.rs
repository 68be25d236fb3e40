//! Runs without a person: what an answers file can and cannot do, and which exit code says so.

use crate::support::{Case, has, is};

/// A look that finds a fault, a change, and its proof.
const FORUM: &str = "\
locum: 1
title: The forum is slow
diagnose:
  - id: slow
    title: Does the queue move?
    check: test -e queue-moves
repair:
  - id: restart
    title: Restart the queue worker
    change: touch queue-moves
    risk: high
    confirm: restart
    no_undo: The worker was not running before.
verify:
  - id: moves
    title: Does the queue move now?
    check: test -e queue-moves
";

const ANSWERS: &str = "answers: { repair: enter, restart: restart }\n";

/// The forum, with these answers, about to be run by them.
fn forum(answers: &str) -> Case {
    let case = Case::new().runbook("forum", FORUM).file("answers.yaml", answers);
    case.args(["run", "forum", "--headless", "--answers", "answers.yaml"])
}

fn kinds(journal: &[serde_json::Value]) -> Vec<&str> {
    journal.iter().map(|record| record["kind"].as_str().unwrap()).collect()
}

#[test]
fn with_every_answer_it_is_done() {
    let ended = forum(ANSWERS)
        .stdout(has("slow: FAULT"))
        .stdout(has("restart: ok"))
        .stdout(has("moves: ok"))
        .stdout(has("\ndone\n"))
        .status(0);
    assert!(ended.room.work().join("queue-moves").exists());

    let journal = ended.journal();
    assert_eq!(kinds(&journal).first(), Some(&"run.open"));
    assert_eq!(kinds(&journal).last(), Some(&"run.close"));
    assert_eq!(journal[0]["mode"], "live");
    let change = journal.iter().find(|record| record["does"] == "change").expect("the change was intended");
    assert_eq!(change["step"], "restart");
    assert_eq!(change["confirm"], serde_json::json!({ "how": "answers-file", "text": "restart" }));

    let run = ended.run();
    ended.room.case().args(["audit", &run]).stdout(has("every line is whole and in its place")).status(0);
}

#[test]
fn an_answer_to_a_step_that_is_not_there_is_a_usage_error_and_nothing_is_recorded() {
    let ended = forum("answers: { repair: enter, restrat: restart }\n")
        .stderr(is(
            "error: `answers.yaml` answers `restrat`, which is no step of this runbook; did you mean `restart`?\n",
        ))
        .status(2);
    assert!(!ended.room.work().join("queue-moves").exists());
    assert!(!ended.room.home().join(".local").exists(), "there is no run");
}

#[test]
fn a_missing_answer_ends_it_before_anything_of_that_step_runs() {
    let ended = forum("answers: { repair: enter }\n")
        .stdout(has("restart: a person must decide: Restart the queue worker; nothing of this step ran"))
        .status(20);
    assert!(!ended.room.work().join("queue-moves").exists());
    assert!(!ended.journal().iter().any(|record| record["step"] == "restart"), "{:?}", ended.journal());
}

#[test]
fn repair_is_not_entered_without_being_told_to() {
    let ended =
        forum("answers: { restart: restart }\n").stdout(has("a person must decide whether to enter it")).status(20);
    assert!(!ended.room.work().join("queue-moves").exists());
}

#[test]
fn a_wrong_word_changes_nothing() {
    for word in ["y", "yes", "Restart", "restart forum", "''"] {
        let ended = forum(&format!("answers: {{ repair: enter, restart: {word} }}\n"))
            .stdout(has("slow: FAULT"))
            .stderr(has("not confirmed: found `"))
            .stderr(has("`, expected `restart`; nothing ran"))
            .status(5);
        assert!(!ended.room.work().join("queue-moves").exists(), "{word}");
        assert!(!ended.journal().iter().any(|record| record["does"] == "change"), "{word}");
    }
}

#[test]
fn where_the_looks_hold_there_is_nothing_to_repair() {
    let runbook = FORUM
        .replace("    check: test -e queue-moves\nrepair", "    check: test -e queue-moves\n    then: done\nrepair");
    let ended = Case::new()
        .runbook("forum", &runbook)
        .file("answers.yaml", "{}\n")
        .file("queue-moves", "")
        .args(["run", "forum", "--headless", "--answers", "answers.yaml"])
        .stdout(has("nothing to repair"))
        .status(0);
    assert!(!ended.journal().iter().any(|record| record["step"] == "restart"));
}

#[test]
fn looking_only_says_that_a_fault_was_found_and_changes_nothing() {
    let ended = forum(ANSWERS).args(["--look"]).stdout(has("slow: FAULT")).stdout(has("looked only")).status(1);
    assert!(!ended.room.work().join("queue-moves").exists());
    assert_eq!(ended.journal()[0]["mode"], "look");
}

#[test]
fn a_dry_run_shows_every_command_runs_none_and_leaves_no_trace() {
    let ended = Case::new()
        .runbook("forum", FORUM)
        .args(["run", "forum", "--dry-run"])
        .stdout(has("test -e queue-moves"))
        .stdout(has("touch queue-moves"))
        .status(0);
    assert!(!ended.room.work().join("queue-moves").exists());
    assert!(!ended.room.home().join(".local").exists());
}

#[test]
fn a_change_that_fails_stops_the_run() {
    let runbook = FORUM.replace("touch queue-moves", "echo the disk is full >&2; exit 3");
    Case::new()
        .runbook("forum", &runbook)
        .file("answers.yaml", ANSWERS)
        .args(["run", "forum", "--headless", "--answers", "answers.yaml"])
        .stdout(has("restart: FAULT"))
        .stdout(has("restart: stopped"))
        .status(21);
}

#[test]
fn a_runbook_that_says_stop_stops() {
    let runbook = FORUM
        .replace("    check: test -e queue-moves\nrepair", "    check: test -e queue-moves\n    if_not: stop\nrepair");
    Case::new()
        .runbook("forum", &runbook)
        .file("answers.yaml", ANSWERS)
        .args(["run", "forum", "--headless", "--answers", "answers.yaml"])
        .stdout(has("slow: stopped"))
        .status(25);
}

#[test]
fn an_invalid_runbook_is_told_with_its_place_and_does_not_run() {
    let ended = Case::new()
        .runbook("forum", &FORUM.replace("confirm:", "comfirm:"))
        .file("answers.yaml", ANSWERS)
        .args(["run", "forum", "--headless", "--answers", "answers.yaml"])
        .stderr(has("forum.yaml:12:5"))
        .stderr(has("did you mean `confirm`?"))
        .stderr(has("error: the runbook is invalid"))
        .status(3);
    assert!(!ended.room.home().join(".local").exists());
}

#[test]
fn a_runbook_that_is_not_there_is_named_with_the_one_that_is() {
    let case = Case::new().runbook("forum", FORUM).args(["run", "forun", "--plain"]);
    case.stderr(has("there is no runbook `forun`")).stderr(has("did you mean `forum`?")).status(2);
}

#[test]
fn an_id_with_a_path_in_it_is_refused() {
    for id in ["../forum", "/etc/passwd", "forum/", ".", ""] {
        let case = Case::new().runbook("forum", FORUM).args(["run", id, "--plain"]);
        case.stderr(has("is not the name of a runbook, expected its file name without `.yaml`")).status(2);
    }
}

#[test]
fn without_a_journal_nothing_runs() {
    let ended = forum(ANSWERS)
        .file("state", "a file where a folder is wanted")
        .args(["--state", "state"])
        .stderr(has("error: "))
        .status(6);
    assert!(!ended.room.work().join("queue-moves").exists());
}
