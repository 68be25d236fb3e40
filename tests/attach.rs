//! Who goes away, and who comes back: a terminal that is closed in the middle of a change, a second login that finishes
//! the run, and a change that is told to end and does not want to.

use std::fs;

use locum::engine::record::{EndResult, Event, Judged};
use locum::journal::SupLock;

use crate::stage::pty::Pty;
use crate::stage::{Stage, eventually};

/// A run of one change.
fn one(change: &str) -> Stage {
    let change = change.replace('\n', "\n      ");
    let stage = Stage::new(&format!(
        "locum: 1\ntitle: One change\nrepair:\n  - id: change\n    change: |\n      {change}\n    risk: low\n    no_undo: a line stays\n"
    ));
    stage.answers("answers: { repair: enter, change: change }\n");
    stage
}

/// Says where it is, and waits for `go`.
const SLOW: &str = r#"echo "change $LOCUM_ATTEMPT" >> DIR/ledger
echo before
touch DIR/runs
until test -e DIR/go; do sleep 0.01; done
echo after"#;

/// The change is begun by a person on this terminal.
fn begin(pty: &mut Pty) {
    pty.wait_for("go into repair", 1);
    pty.answer("y");
    pty.wait_for("run it", 1);
    pty.answer("y");
}

#[test]
fn a_terminal_that_is_closed_leaves_the_change_running_and_a_second_login_finishes_the_run() {
    for screen in [&["--plain"] as &[&str], &[]] {
        let stage = one(SLOW);
        let mut first = Pty::start(&stage.command(&["run", "x", "--plain"]));
        begin(&mut first);
        stage.wait_for("runs");
        first.close();
        eventually("the screen is gone", || first.has_ended());
        let attempt = stage.attempt("change");
        assert!(SupLock::is_held(&stage.evidence(&attempt).lock()), "the change goes on");

        let run = stage.run_id();
        let mut second = Pty::start(&stage.command(&[&["resume", &run], screen].concat()));
        second.wait_for("before", 1);
        stage.touch("go");
        second.wait_for("after", 1);
        second.wait_for("IT IS DONE", 1);
        second.press(if screen.is_empty() { "y" } else { "y\n" });
        eventually("the run is closed", || stage.run().closed.is_some());

        let end = stage.attempt("change").end.unwrap();
        assert_eq!((end.result, end.code, end.judged), (EndResult::Exited, Some(0), Judged::Passed));
        assert_eq!(stage.ledger().len(), 1, "it ran once");
        let blob = stage.folder().blobs().join(format!("{}.out", attempt.intent.attempt));
        assert_eq!(fs::read_to_string(blob).unwrap(), "before\nafter\n");
    }
}

/// It and all that it leaves behind do not listen to TERM.
pub(crate) const STUBBORN: &str = r#"trap '' TERM HUP
nohup sh -c 'trap "" TERM; echo $$ >> DIR/pids; while :; do sleep 300; done' > /dev/null 2>&1 &
setsid sh -c 'trap "" TERM; (sh -c "trap \"\" TERM; echo \$\$ >> DIR/pids; while :; do sleep 300; done" &); echo $$ >> DIR/pids; while :; do sleep 300; done' &
until test "$(wc -l < DIR/pids)" = 3; do sleep 0.01; done
touch DIR/runs
while :; do sleep 300; done"#;

fn alive(pids: &str) -> Vec<&str> {
    let is_alive = |pid: &&str| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
    };
    pids.split_whitespace().filter(is_alive).collect()
}

#[test]
fn what_ignores_term_and_went_its_own_way_is_gone_after_it_was_told_to_stop() {
    let stage = one(STUBBORN);
    fs::write(stage.path("dir/pids"), "").unwrap();
    let mut pty = Pty::start(&stage.command(&["run", "x", "--plain"]));
    begin(&mut pty);
    stage.wait_for("runs");
    let pids = fs::read_to_string(stage.path("dir/pids")).unwrap();
    assert_eq!(alive(&pids).len(), 3);
    pty.press("\u{3}");
    pty.wait_for("type `stop` to end it", 1);
    assert_eq!(alive(&pids).len(), 3, "Ctrl-C ends nothing");
    pty.answer("stop");
    eventually("its end is known", || stage.attempt("change").end.is_some());
    assert_eq!(alive(&pids), [""; 0]);
    let end = stage.attempt("change").end.unwrap();
    assert_eq!((end.result, end.signal, end.judged), (EndResult::Signaled, Some(9), Judged::Failed));
    assert_eq!(end.leftover, [""; 0]);
}

#[test]
fn a_change_that_takes_much_longer_than_was_said_is_told_and_goes_on() {
    let stage = Stage::new(
        "locum: 1\ntitle: One change\nrepair:\n  - id: change\n    change: until test -e DIR/go; do sleep 0.01; done\n    takes: 1s\n    risk: low\n    no_undo: it waits\n",
    );
    stage.answers("answers: { repair: enter, change: change }\n");
    let mut run = stage.command(&["run", "x", "--headless", "--answers", "answers.yaml"]);
    let said = fs::File::create(stage.path("said")).unwrap();
    let mut child = run.stdout(said).spawn().unwrap();
    let told =
        || fs::read_to_string(stage.path("said")).unwrap().contains("it takes longer than it should; it goes on");
    eventually("somebody is told", told);
    assert!(stage.attempt("change").end.is_none());
    stage.touch("go");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_daemon_that_a_change_started_lives_on_is_listed_and_holds_no_lock() {
    let stage = one(
        "setsid sh -c 'echo $$ > DIR/pids; while :; do sleep 0.1; done' > /dev/null 2>&1 &\nuntil test -s DIR/pids; do sleep 0.01; done",
    );
    stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]).exits(0);
    let pid = fs::read_to_string(stage.path("dir/pids")).unwrap();
    assert_eq!(alive(&pid).len(), 1, "nothing is ended after a normal exit");
    let attempt = stage.attempt("change");
    let left = attempt.end.clone().unwrap().leftover;
    assert!(left.iter().any(|left| left.starts_with(&format!("{} sh -c", pid.trim()))), "{left:?}");
    assert!(!SupLock::is_held(&stage.evidence(&attempt).lock()));
    let held = fs::read_dir(format!("/proc/{}/fd", pid.trim())).unwrap().flatten();
    let held: Vec<_> = held.filter_map(|entry| fs::read_link(entry.path()).ok()).collect();
    assert!(held.iter().all(|path| !path.starts_with(stage.state())), "{held:?}");
    stage.locum(&["report", &stage.run_id()]).exits(0).says("still running");
}

#[test]
fn a_look_whose_screen_is_killed_ends_and_what_it_left_is_ended_when_somebody_comes_back() {
    let look = "'test -e DIR/seen && exit 0; sleep 301 & wait'";
    let stage = Stage::new(&format!("locum: 1\ntitle: One look\ndiagnose:\n  - id: look\n    check: {look}\n"));
    stage.answers("answers: {}\n");
    let mut child = stage.headless();
    let runs = || {
        let attempts = stage.run().attempts.into_keys();
        let processes = attempts.flat_map(|attempt| locum::exec::survivors(&attempt.0));
        let mut runs: Vec<_> = processes.map(|process| process.command.contains("wait")).collect();
        runs.sort_unstable();
        runs
    };
    eventually("the look and what it started run", || !stage.run_id().is_empty() && runs() == [false, true]);
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the look is gone with its screen, and what it started has not heard of it", || runs() == [false]);
    stage.touch("seen");
    stage.resume(&[]).exits(0).says("look: ok");
    assert_eq!(runs(), [false; 0]);
    let first = stage.run().attempts.into_values().next().unwrap().end.unwrap();
    assert_eq!(first.evidence.as_deref(), Some("a look was cut off; it changed nothing"));
    assert_eq!(first.leftover, [""; 0], "nothing of it is left");
}

#[test]
#[ignore = "needs root, for time namespaces"]
fn a_clock_that_is_behind_when_somebody_comes_back_changes_no_order_and_no_duration() {
    let stage = one(SLOW);
    let mut ahead = std::process::Command::new("unshare");
    let words = ["run", "x", "--accept-unreviewed=a test", "--headless", "--answers", "answers.yaml"];
    stage.dress(ahead.args(["--time", "--boottime", "864000", "--monotonic", "864000", crate::stage::EXE]).args(words));
    let mut child = ahead.spawn().unwrap();
    stage.wait_for("runs");
    child.kill().unwrap();
    child.wait().unwrap();
    stage.touch("go");
    stage.resume(&[]).exits(0);
    let records = stage.records();
    let times: Vec<_> = records.iter().map(|record| record.at.mono).collect();
    assert!(times.first().unwrap() > times.last().unwrap(), "the clock went back: {times:?}");
    let order: Vec<_> = records.iter().map(|record| record.seq).collect();
    assert!(order.is_sorted());
    assert!(stage.attempt("change").end.unwrap().dur_ms < 60_000);
    stage.locum(&["audit", &stage.run_id()]).exits(0);
}

#[test]
fn a_supervisor_that_is_killed_leaves_what_still_runs_on_the_list() {
    let stage = one(SLOW);
    let mut child = stage.headless();
    stage.wait_for("runs");
    let started: locum::exec::Started =
        locum::journal::read_evidence(&stage.evidence(&stage.attempt("change")).started()).unwrap();
    crate::stage::kill(started.supervisor_pid);
    assert_eq!(child.wait().unwrap().code(), Some(20));
    let end = stage.attempt("change").end.unwrap();
    assert_eq!(end.judged, Judged::Unknown);
    assert!(end.leftover.iter().any(|left| left.contains(" bash -euo pipefail -c")), "{:?}", end.leftover);
    let spoken = stage.records().iter().filter(|record| matches!(record.event, Event::StepEnded { .. })).count();
    assert_eq!(spoken, 1);
}
