//! Two at once: an open run on the same place is shown, and another one is started only with a reason that both keep.

use crate::support::case::{Case, Room};
use crate::support::{has, lacks};

fn runbook(title: &str, more: &str) -> String {
    format!(
        "locum: 1\ntitle: {title}\n{more}repair:\n  - id: restart\n    change: touch restarted\n    risk: low\n    no_undo: n\n"
    )
}

/// A run of `forum` that somebody left open.
fn open() -> (Room, String) {
    let kept = Case::new()
        .runbook("forum", &runbook("The forum is slow", "scope: { files: [conf] }\n"))
        .file("conf/a", "a")
        .file("answers.yaml", "answers: { repair: enter, restart: restart }\n")
        .args(["run", "forum", "--plain", "--as", "komari"])
        .stdin("q\n")
        .stdout(has("is kept"))
        .status(23);
    let run = kept.run();
    (kept.room, run)
}

#[test]
fn a_runbook_with_an_open_run_is_refused_and_says_whose_it_is() {
    let (room, run) = open();
    room.case()
        .args(["run", "forum", "--headless", "--answers", "answers.yaml"])
        .stderr(has(format!("error: run {run} of `forum` is open on the same place")))
        .stderr(has("komari began it at "))
        .stderr(has("nobody is in it now; nothing ran"))
        .stderr(has(format!("help: to go on with it: locum resume {run}")))
        .stderr(has("--also 'REASON'"))
        .status(7);
    assert!(!room.work().join("restarted").exists());
    assert_eq!(std::fs::read_dir(room.home().join(".local/state/locum/runs")).unwrap().count(), 1, "no second run");
    let look = room.case().args(["run", "forum", "--look", "--plain"]).stdin("q\n");
    look.stdout(has("run ")).status(23);
}

#[test]
fn with_a_reason_it_runs_and_both_journals_say_so() {
    let (room, first) = open();
    let words = ["run", "forum", "--headless", "--answers", "answers.yaml", "--as", "pepe", "--also"];
    room.case().args(words).args([" "]).stderr(has("`--also` wants a reason")).status(2);
    let ended = room.case().args(words).args(["komari is asleep"]).stdout(has("restart: ok")).status(0);
    let opened = &ended.journal()[0];
    assert_eq!(
        (&opened["also"]["runs"][0], &opened["also"]["reason"]),
        (&first.clone().into(), &"komari is asleep".into())
    );
    let word = format!("run {} of `forum` was also started on the same place: komari is asleep", ended.run());
    room.case().args(["log", &first]).stdout(has(format!("note: {word} (by pepe)"))).status(0);
    room.case().args(["report", &first]).stdout(has("was also started on the same place")).status(0);
    room.case().args(["audit", &first]).stdout(has("every line is whole")).status(0);
    room.case().args(["report", &ended.run()]).stdout(has(format!("{first} is open on the same place"))).status(0);
    // The note is no part of the chain of acts: the first run goes on.
    room.case().args(["resume", &first, "--plain"]).stdin("q\n").stdout(has("is kept")).status(23);
}

#[test]
fn a_closed_run_is_in_nobodys_way() {
    let (room, first) = open();
    let resume = room.case().args(["resume", &first, "--headless", "--answers", "answers.yaml"]);
    resume.stdout(has("restart: ok")).status(0);
    room.case().args(["run", "forum", "--headless", "--answers", "answers.yaml"]).stdout(has("restart: ok")).status(0);
}

#[test]
fn another_runbook_is_refused_only_where_the_scopes_meet() {
    let (room, run) = open();
    let inside = room.case().runbook("worker", &runbook("The worker", "scope: { files: [conf/a] }\n"));
    inside
        .args(["run", "worker", "--headless", "--answers", "answers.yaml"])
        .stderr(has(format!("run {run} of `forum` is open on the same place (")))
        .stderr(has("/conf/a)"))
        .status(7);
    let beside = room.case().runbook("other", &runbook("Another", "scope: { files: [other] }\n")).file("other/b", "b");
    beside.args(["run", "other", "--headless", "--answers", "answers.yaml"]).stdout(has("restart: ok")).status(0);
}

#[test]
fn the_same_runbook_on_another_machine_is_another_matter() {
    let nodes = "inputs: { node: { choices: [kengo, riki] } }\ntargets: { node: { host: '{{ node }}', via: [env, LOCUM=1] } }\nwhere: node\n";
    let case = Case::new()
        .runbook("nodes", &runbook("Nodes", nodes))
        .file("answers.yaml", "answers: { repair: enter, restart: restart }\n");
    let room = case.room();
    case.args(["run", "nodes", "-i", "node=kengo", "--plain"]).stdin("q\n").stdout(has("is kept")).status(23);
    let words = ["run", "nodes", "--headless", "--answers", "answers.yaml"];
    room.case().args(words).args(["-i", "node=kengo"]).stderr(has("on the same place (kengo)")).status(7);
    room.case().args(words).args(["-i", "node=riki"]).stdout(has("restart: ok")).stdout(lacks("same place")).status(0);
}

#[test]
fn a_run_that_somebody_holds_is_not_entered_and_says_by_whom() {
    use crate::stage::Stage;
    let stage = Stage::new(
        "locum: 1\ntitle: One\nrepair:\n  - { id: long, change: 'touch DIR/on; while [ ! -e DIR/off ]; do sleep 0.05; done', risk: low, no_undo: n }\n",
    );
    stage.answers("answers: { repair: enter, long: long }\n");
    let mut holder = stage.headless();
    stage.wait_for("on");
    let held = stage.resume(&[]);
    held.exits(7).says("the run is held by `").says("since ").says("help: let them go on, or ask them");
    stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]).exits(7).says(" is in it since ");
    stage.touch("off");
    assert!(holder.wait().unwrap().success());
}
