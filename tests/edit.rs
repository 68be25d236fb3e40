//! A file is edited in a private copy; it is replaced only once its difference was confirmed, and it comes back whole.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::stage::Stage;
use crate::stage::pty::Pty;
use crate::support::{Case, Ended, has};

const NIGHT: &str = "\
locum: 1
title: Repair the site
scope: { files: [etc] }
repair:
  - id: conf
    title: Point the site at the new queue
    edit: etc/site.conf
    may_change: [site.conf]
    risk: high
    confirm: queue
verify:
  - { id: whole, check: grep -q new etc/site.conf }
";

const ANSWERS: &str = "answers: { repair: enter, conf: new.conf }\n";

fn case(night: &str) -> Case {
    let case = Case::new().runbook("night", night).file("etc/site.conf", "queue = old\nport = 1\n");
    let case = case.file("etc/other.conf", "stays\n").file("new.conf", "queue = new\nport = 1\n");
    let conf = case.room().work().join("etc/site.conf");
    fs::set_permissions(conf, fs::Permissions::from_mode(0o640)).unwrap();
    case.file("answers.yaml", ANSWERS)
}

fn headless(night: &str) -> Case {
    case(night).args(["run", "night", "--headless", "--answers", "answers.yaml"])
}

fn conf(ended: &Ended) -> String {
    fs::read_to_string(ended.room.work().join("etc/site.conf")).unwrap()
}

#[test]
fn the_file_is_replaced_with_its_mode_and_the_difference_is_on_record() {
    let ended = headless(NIGHT).stdout(has("conf: ok")).stdout(has("\ndone\n")).status(0);
    assert_eq!(conf(&ended), "queue = new\nport = 1\n");
    let mode = fs::metadata(ended.room.work().join("etc/site.conf")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o640);
    let journal = ended.journal();
    let draft = journal.iter().find(|record| record["kind"] == "draft").expect("the difference");
    assert_eq!((draft["draft"]["added"].as_u64(), draft["draft"]["removed"].as_u64()), (Some(1), Some(1)));
    let lines = draft["draft"]["diff"].as_array().unwrap();
    assert!(lines.contains(&"-queue = old".into()) && lines.contains(&"+queue = new".into()), "{lines:?}");
    let run = ended.run();
    let log = ended.room.case().args(["log", &run]).stdout(has("+queue = new")).status(0);
    log.room.case().args(["audit", &run]).stdout(has("every line is whole and in its place")).status(0);
}

#[test]
fn a_file_that_the_step_does_not_list_is_guarded_as_after_any_change() {
    let ended = headless(&NIGHT.replace("[site.conf]", "[other.conf]")).stdout(has("site.conf")).status(24);
    assert_eq!(conf(&ended), "queue = new\nport = 1\n", "the guard measures, it does not undo by itself");
}

#[test]
fn an_edit_that_changes_nothing_replaces_nothing() {
    let ended = headless(NIGHT)
        .file("new.conf", "queue = old\nport = 1\n")
        .stdout(has("conf: the file has this content already; nothing was replaced"))
        .status(21);
    assert!(!ended.journal().iter().any(|record| record["kind"] == "step.intent" && record["step"] == "conf"));
}

#[test]
fn a_link_is_not_edited() {
    let case = headless(&NIGHT.replace("edit: etc/site.conf", "edit: etc/link"));
    std::os::unix::fs::symlink("site.conf", case.room().work().join("etc/link")).unwrap();
    let ended = case.stdout(has("run ")).stderr(has("is not a plain file; name the file itself")).status(27);
    assert_eq!(conf(&ended), "queue = old\nport = 1\n");
}

#[test]
fn without_an_answer_nothing_is_edited() {
    let case = headless(NIGHT).file("answers.yaml", "answers: { repair: enter }\n");
    let ended = case.stdout(has("conf: a person must decide")).status(20);
    assert_eq!(conf(&ended), "queue = old\nport = 1\n");
}

#[test]
fn lines_that_must_not_be_kept_are_not_in_the_record() {
    let ended =
        headless(&NIGHT.replace("risk: high", "risk: high\n    record: false")).stdout(has("conf: ok")).status(0);
    let journal = ended.journal();
    let draft = &journal.iter().find(|record| record["kind"] == "draft").unwrap()["draft"];
    assert!(draft["diff"].is_null() && draft["added"] == 1, "{draft}");
}

#[test]
fn the_way_back_brings_the_very_bytes_back_also_without_a_scope() {
    let night = NIGHT.replace("scope: { files: [etc] }\n", "").replace("    may_change: [site.conf]\n", "");
    let night = night.replace("grep -q new", "grep -q newer");
    let ended = headless(&night).stdout(has("conf: ok")).status(21);
    let run = ended.run();
    let back = ended.room.case().args(["resume", &run, "--plain"]);
    let back = back.stdin("u\ny\nundo\nq\n").stdout(has("1 of 1 as before"));
    let back = back.status(23);
    assert_eq!(conf(&back), "queue = old\nport = 1\n");
    let mode = fs::metadata(back.room.work().join("etc/site.conf")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o640);
}

#[test]
fn nothing_is_edited_where_nothing_changes() {
    let night = "locum: 1\ntitle: N\ndiagnose: [{ edit: /etc/hosts }]\nrepair: [x]\n";
    Case::new()
        .runbook("night", night)
        .args(["lint", "--format", "concise"])
        .stdout(has("an `edit` in diagnose, which changes nothing"))
        .status(1);
}

#[test]
fn a_drill_edits_nothing_outside_of_its_lab() {
    let night = "locum: 1\ntitle: N\nrepair: [{ id: conf, edit: /etc/hosts, risk: low }]\nlabs: { default: { start: 'echo ready; sleep 60' } }\n";
    Case::new()
        .runbook("night", night)
        .file("new.conf", "x\n")
        .file("answers.yaml", ANSWERS)
        .args(["drill", "night", "--headless", "--answers", "answers.yaml"])
        .stdout(has("run "))
        .stderr(has("a drill stays in its lab: `/etc/hosts` is outside of it"))
        .status(5);
}

#[test]
fn on_a_terminal_the_editor_of_the_person_gets_it_and_gives_it_back() {
    let stage = Stage::new(
        "locum: 1\ntitle: N\nrepair: [{ id: conf, edit: DIR/site.conf, risk: low }]\nverify: [{ check: grep -q new DIR/site.conf }]\n",
    );
    let conf = stage.path("dir/site.conf");
    fs::write(&conf, "queue = old\n").unwrap();
    let mut command = stage.command(&["run", "x", "--plain"]);
    command.env("EDITOR", "read -r line; sed -i \"s/old/$line/\"");
    let mut pty = Pty::start(&command);
    pty.wait_for("BEHIND THIS GATE", 1);
    pty.answer("y");
    pty.wait_for("not edited yet", 1);
    pty.answer("e");
    pty.answer("new");
    pty.wait_for("+queue = new", 1);
    assert_eq!(fs::read_to_string(&conf).unwrap(), "queue = old\n", "nothing is replaced before it is confirmed");
    pty.answer("y");
    pty.wait_for("This look changes nothing", 1);
    assert_eq!(fs::read_to_string(&conf).unwrap(), "queue = new\n");
    pty.answer("q");
}

/// A run of one edit that was cut off in the middle of it: its intent is on record, and nobody saw its end.
fn cut_off() -> Stage {
    let stage = Stage::new("locum: 1\ntitle: A queue\nrepair:\n  - { id: conf, edit: DIR/conf, risk: low }\n");
    fs::write(stage.path("dir/conf"), "old\n").unwrap();
    fs::write(stage.path("new.conf"), "new\n").unwrap();
    stage.answers(ANSWERS);
    stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]).exits(0);
    let attempt = stage.attempt("conf");
    fs::write(stage.evidence(&attempt).exit(), [0; 4096]).unwrap();
    // A journal can end at any record.
    let segment = stage.folder().segments().unwrap()[0].path.clone();
    let text = fs::read_to_string(&segment).unwrap();
    let kept = text.lines().take_while(|line| !line.contains("\"step.outcome\""));
    let kept = kept.fold(String::new(), |text, line| text + line + "\n");
    assert!(kept.contains("step.intent") && kept.len() < text.len());
    fs::write(&segment, kept).unwrap();
    stage
}

#[test]
fn an_edit_that_took_effect_before_it_was_cut_off_is_done_and_not_skipped() {
    let stage = cut_off();
    stage.resume(&["--rerun-safe"]).exits(0);
    let run = stage.run();
    assert_eq!(run.attempts.len(), 1, "it does not run again");
    let end = run.attempts[0].end.clone().unwrap();
    assert_eq!(end.evidence.as_deref(), Some("asked after the screen had gone"));
    assert!(end.found[0].ends_with("has the new content"), "{:?}", end.found);
    assert!(run.remarks.is_empty(), "{:?}", run.remarks);
}

#[test]
fn an_edit_that_did_not_take_effect_before_it_was_cut_off_runs_again_when_that_was_said() {
    let stage = cut_off();
    fs::write(stage.path("dir/conf"), "old\n").unwrap();
    stage.resume(&[]).exits(20);
    stage.resume(&["--rerun-safe"]).exits(0);
    assert_eq!(
        (stage.run().attempts.len(), fs::read_to_string(stage.path("dir/conf")).unwrap().as_str()),
        (2, "new\n")
    );
}
