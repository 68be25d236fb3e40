//! Whether the bytes of a run are the reviewed ones: what is refused, what is said, what is recorded.

use crate::stage::{Stage, eventually};
use crate::support::case::{Case, Room};
use crate::support::{has, lacks};

const FORUM: &str = "\
locum: 1
title: The forum is slow
files: [tool.sh]
repair:
  - id: restart
    title: Restart the queue worker
    change: [sh, tool.sh]
    risk: low
    no_undo: The worker was not running before.
";

const ANSWERS: &str = "answers: { repair: enter, restart: restart }\n";

fn forum() -> Case {
    let case = Case::new().runbook("forum", FORUM).file("tool.sh", "touch restarted\n").file("answers.yaml", ANSWERS);
    case.reviewed_or_not()
}

fn headless(case: Case) -> Case {
    case.reviewed_or_not().args(["run", "forum", "--headless", "--answers", "answers.yaml"])
}

/// Makes a repository of the working folder, with everything in it on `main`.
fn commit(room: &Room) -> String {
    let git = |words: &[&str]| {
        let name = ["-c", "user.name=pepe", "-c", "user.email=pepe@kyousuke", "-c", "commit.gpgSign=false"];
        duct::cmd("git", name.iter().chain(words)).dir(room.work()).env("HOME", room.home()).read().unwrap()
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "reviewed"]);
    git(&["rev-parse", "HEAD"])
}

#[test]
fn a_runbook_that_nobody_reviewed_is_refused_with_what_to_do() {
    let room = headless(forum())
        .stderr(has("error: not reviewed: `"))
        .stderr(has("is in no git repository, so nobody can tell what was reviewed; nothing ran"))
        .stderr(has("help: run it from a clone of your team's runbooks"))
        .stderr(has("locum run forum --look"))
        .stderr(has("--accept-unreviewed 'REASON'"))
        .status(4)
        .room;
    assert!(!room.work().join("restarted").exists());
    assert!(!room.home().join(".local").exists(), "there is no run");
}

#[test]
fn a_reviewed_one_runs_and_its_commit_is_on_record_and_in_the_report() {
    let case = forum();
    let commit = commit(&case.room());
    let ended = headless(case).stdout(has("restart: ok")).stdout(lacks("NOT REVIEWED")).status(0);
    let book = &ended.journal()[0]["runbook"];
    assert_eq!((&book["commit"], &book["dirty"], &book["branch"]), (&commit.into(), &false.into(), &"main".into()));
    assert!(book.get("not_reviewed").is_none(), "{book}");
    let report = ended.room.case().args(["report", &ended.run()]);
    report.stdout(has("reviewed: main holds these exact bytes, commit ")).status(0);
}

#[test]
fn a_changed_file_is_refused_and_runs_only_with_a_reason_that_is_kept() {
    let case = forum();
    let room = case.room();
    commit(&room);
    let case = case.file("tool.sh", "touch other\n");
    headless(case)
        .stderr(has("error: not reviewed: `tool.sh` is not what `main` holds; nothing ran"))
        .stderr(has("help: see what differs: git diff main -- tool.sh"))
        .status(4);
    headless(room.case()).args(["--accept-unreviewed", " "]).stderr(has("wants a reason")).status(2);
    assert!(!room.work().join("other").exists());

    let ended = headless(room.case())
        .args(["--accept-unreviewed", "komari sent it by text"])
        .stdout(has("NOT REVIEWED: `tool.sh` is not what `main` holds (accepted: komari sent it by text)"))
        .status(0);
    let book = &ended.journal()[0]["runbook"];
    assert_eq!((&book["dirty"], &book["accepted"]), (&true.into(), &"komari sent it by text".into()));
    let report = ended.room.case().args(["report", &ended.run()]);
    report.stdout(has("NOT REVIEWED: ")).stdout(has("komari sent it by text")).status(0);
}

#[test]
fn a_look_and_a_dry_run_go_on_and_say_that_it_is_not_reviewed() {
    let room = forum().args(["run", "forum", "--dry-run"]).stdout(has("NOT REVIEWED: ")).status(0).room;
    let look = room.case().reviewed_or_not().args(["run", "forum", "--look", "--plain"]).stdin("q\n");
    let ended = look.stdout(has("NOT REVIEWED: ")).status(23);
    assert!(ended.journal()[0]["runbook"]["not_reviewed"].as_str().unwrap().contains("no git repository"));
}

#[test]
fn the_card_of_a_change_says_that_these_bytes_are_reviewed() {
    let case = forum();
    commit(&case.room());
    let plain = case.args(["run", "forum", "--plain"]).stdin("y\nq\n");
    plain.stdout(has("reviewed: main holds these exact bytes")).stdout(has("THIS STEP CHANGES")).status(23);
}

#[test]
fn the_users_configuration_names_the_branch_and_the_repository_cannot() {
    let case = forum();
    let room = case.room();
    let case = case.file(".locum.yaml", "reviewed_branch: mine\naccept_unreviewed: always\n");
    commit(&room);
    let config = room.home().join(".config/locum");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.yaml"), "reviewed_branch: release\n").unwrap();
    headless(case).stderr(has("`release`, which your configuration names, is not known here")).status(4);
}

#[test]
fn a_file_that_is_swapped_between_the_confirmation_and_go_stops_it_and_nothing_runs() {
    // The copy of the scope and the needs come between the two: while the need waits, the file is swapped.
    let stage = Stage::new(
        "locum: 1
title: One change
files: [tool.sh]
repair:
  - id: once
    change: [sh, tool.sh]
    needs: until grep -q evil tool.sh; do sleep 0.01; done
    risk: low
    no_undo: a file stays
",
    );
    std::fs::write(stage.path("tool.sh"), "touch DIR/good\n").unwrap();
    stage.answers("answers: { repair: enter, once: once }\n");
    let told = std::thread::scope(|scope| {
        let run = scope.spawn(|| stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]));
        stage.wait_for_look("until grep -q evil tool.sh");
        std::fs::write(stage.path("tool.sh"), format!("touch {}\n", stage.path("dir/evil").display())).unwrap();
        run.join().unwrap()
    });
    told.says("tool.sh` is not what it was when the run began; nothing ran").exits(4);
    eventually("its end is on record", || stage.run().running().is_none());
    assert!(!stage.has("evil") && !stage.has("good"));
}

#[test]
fn a_runbook_that_is_written_anew_during_a_run_is_said_and_changes_nothing() {
    let stage = Stage::new(
        "locum: 1
title: Two changes
repair:
  - { id: first, change: 'echo first >> DIR/ledger; echo \"# other\" >> runbooks/x.yaml', risk: low, no_undo: n }
  - { id: second, change: 'echo second >> DIR/ledger', risk: low, no_undo: n }
",
    );
    stage.answers("answers: { repair: enter, first: first, second: second }\n");
    let told = stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]);
    told.exits(0)
        .says("runbooks/x.yaml` was changed since this run began; the run goes on with the copy it began with");
    assert_eq!(told.out.matches("was changed since").count(), 1, "{}", told.out);
    assert_eq!(stage.ledger(), ["first", "second"]);
    assert!(stage.run().remarks.iter().any(|remark| remark.text.contains("was changed since")));
}

#[test]
fn a_bundle_that_is_swapped_in_the_folder_of_the_run_stops_it_before_go() {
    let stage = Stage::new(
        "locum: 1
title: Two changes
repair:
  - { id: swap, change: 'echo \"# other\" >> state/runs/*/bundle/runbook.yaml', risk: low, no_undo: n }
  - { id: once, change: touch DIR/done, risk: low, no_undo: n }
",
    );
    stage.answers("answers: { repair: enter, swap: swap, once: once }\n");
    let told = stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]);
    told.exits(11).says("which the run keeps, is not what it began with; nothing ran");
    assert!(!stage.has("done"));
}

#[test]
fn a_hostile_repository_grants_itself_nothing_and_none_of_it_is_executed() {
    let case = forum();
    let room = case.room();
    commit(&room);
    let bait = room.work().join("bait.sh");
    let caught = room.work().join("caught");
    std::fs::write(&bait, format!("#!/bin/sh\necho \"$0 $*\" >> '{}'\n", caught.display())).unwrap();
    duct::cmd!("chmod", "755", &bait).run().unwrap();
    let (bait, git) = (bait.display().to_string(), room.work().join(".git"));
    for hook in ["post-checkout", "pre-commit", "post-index-change", "reference-transaction", "fsmonitor-watchman"] {
        std::os::unix::fs::symlink(&bait, git.join("hooks").join(hook)).unwrap();
    }
    let settings = format!(
        "[core]\n\tfsmonitor = {bait}\n\tpager = {bait}\n\teditor = {bait}\n\tsshCommand = {bait}\n\thooksPath = {}\n\
         [pager]\n\tcat-file = {bait}\n[alias]\n\tcat-file = !{bait}\n[diff]\n\texternal = {bait}\n\
         [filter \"bait\"]\n\tsmudge = {bait}\n\tclean = {bait}\n[credential]\n\thelper = {bait}\n",
        git.join("hooks").display()
    );
    let config = std::fs::read_to_string(git.join("config")).unwrap();
    std::fs::write(git.join("config"), config + &settings).unwrap();
    let grants = "name: komari\nreviewed_branch: mine\naccept_unreviewed: always\nalso: always\nuser: root\n\
                  channels: { ops: { command: [sh, bait.sh] } }\nstate: .\neditor: sh bait.sh\n";
    let case = case
        .file(".locum.yaml", grants)
        .file(".config/locum/config.yaml", grants)
        .file("runbooks/.locum.yaml", grants)
        .file(".gitattributes", "* filter=bait diff=bait\n")
        .file("tool.sh", "touch other\n");
    headless(case).stderr(has("not reviewed: `tool.sh` is not what `main` holds; nothing ran")).status(4);
    headless(room.case().file("tool.sh", "touch restarted\n")).stdout(has("restart: ok")).status(0);
    assert!(!caught.exists(), "{}", std::fs::read_to_string(&caught).unwrap());
    let runs = room.home().join(".local/state/locum/runs");
    assert_eq!(std::fs::read_dir(runs).unwrap().count(), 1, "the state is where the user keeps it");
}
