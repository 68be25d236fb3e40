//! Root: what is not meant to run as root does not, and `sudo locum` is still the person who typed it.

use crate::support::case::Case;
use crate::support::{has, lacks};

const FORUM: &str = "\
locum: 1
title: The forum is slow
repair:
  - id: restart
    title: Restart the queue worker
    change: touch restarted
    risk: low
    no_undo: The worker was not running before.
";

const ANSWERS: &str = "answers: { repair: enter, restart: restart }\n";

fn forum(more: &str) -> Case {
    // What these tests are about is written by hand: as it would be where nobody is root.
    let case = Case::new().file("answers.yaml", ANSWERS);
    std::fs::write(case.room().work().join("runbooks/forum.yaml"), format!("{FORUM}{more}")).unwrap();
    case
}

fn headless(case: Case) -> Case {
    case.args(["run", "forum", "--headless", "--answers", "answers.yaml"])
}

fn are_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn as_root_only_a_runbook_that_says_so_runs() {
    let case = headless(forum(""));
    if !are_root() {
        case.stdout(has("restart: ok")).status(0);
        return;
    }
    let room = case
        .stderr(has("error: not as root: `forum` does not say that it runs as root; nothing ran"))
        .stderr(has("help: run it as yourself; a step that needs root says `user: root`"))
        .status(4)
        .room;
    assert!(!room.work().join("restarted").exists());
    assert!(!room.home().join(".local").exists(), "there is no run");
    headless(forum("user: root\n")).stdout(has("restart: ok")).status(0);
    headless(forum("    user: root\n")).stdout(has("restart: ok")).status(0);
}

#[test]
fn a_look_is_no_exception_and_a_dry_run_is_one() {
    let look = forum("").args(["run", "forum", "--look", "--plain"]).stdin("q\n");
    if are_root() {
        look.stderr(has("not as root")).status(4);
    } else {
        look.stdout(has("NOT REVIEWED")).status(23);
    }
    forum("").args(["run", "forum", "--dry-run"]).stdout(has("touch restarted")).status(0);
}

#[test]
fn a_run_does_not_become_roots_by_going_on_with_it() {
    let kept = forum("user: root\n").args(["run", "forum", "--plain"]).stdin("q\n").stdout(has("is kept")).status(23);
    let run = kept.run();
    if !are_root() {
        return;
    }
    let bundle = kept.room.run(&run).join("bundle/runbook.yaml");
    assert!(std::fs::read_to_string(&bundle).unwrap().contains("user: root"));
    kept.room.case().args(["resume", &run, "--plain"]).stdin("q\n").stdout(has("is kept")).status(23);
}

#[test]
fn sudo_keeps_the_name_of_the_person_in_who_did_what() {
    let case = headless(forum("user: root\n")).env("SUDO_USER", "pepe");
    if !are_root() {
        return;
    }
    let ended = case.stdout(has("restart: ok")).status(0);
    assert_eq!(
        (&ended.journal()[0]["who"]["claimed"], &ended.journal()[0]["who"]["euid"]),
        (&"pepe".into(), &0.into())
    );
    let report = ended.room.case().args(["report", &ended.run()]);
    report.stdout(has("**Who:** pepe (claimed, not proved), as root")).stdout(lacks("root (claimed")).status(0);
}

#[test]
fn an_included_runbook_makes_nobody_root() {
    let night = "locum: 1\ntitle: Night\nrepair:\n  - { id: part, include: part }\n";
    let case = Case::new();
    let folder = case.room().work().join("runbooks");
    std::fs::write(folder.join("night.yaml"), night).unwrap();
    std::fs::write(folder.join("part.yaml"), format!("{FORUM}part: true\nuser: root\n")).unwrap();
    case.args(["lint", "runbooks"]).stdout(has("`part` runs as `root`, and this runbook does not")).status(1);
}
