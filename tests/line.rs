//! The line to another machine: what is ended or listed over there, what a change that cuts it comes to, and a way back
//! that goes by itself without this machine. They need root and a real sshd.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use locum::engine::Position;
use locum::engine::position::StopReason;
use locum::engine::record::{Disarmed, EndResult, Judged};
use locum::exec::Started;
use locum::journal::read_evidence;

use crate::attach::STUBBORN;
use crate::ssh::{Line, Machines, OWN_HOME, cable, keys, listens, machines, wired};
use crate::stage::pty::Pty;
use crate::stage::{Stage, Told, eventually, kill};

/// A runbook of one change on kyousuke.
fn one(change: &str, fields: &str) -> Stage {
    let change = change.replace('\n', "\n      ");
    let stage = Stage::new(&format!(
        "locum: 1\ntitle: One change\ntargets:\n  node: {{ host: kyousuke, via: ssh, prove: hostname }}\nwhere: node\nrepair:\n  - id: change\n    change: |\n      {change}\n    risk: low\n{fields}"
    ));
    stage.answers("answers: { repair: enter, change: change }\n");
    stage
}

fn path(stage: &Stage) -> String {
    format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", stage.path("dir/bin").display())
}

fn begin(stage: &Stage) -> Child {
    let mut run = stage.command(&["run", "x", "--headless", "--answers", "answers.yaml"]);
    run.env("PATH", path(stage)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn told(child: Child) -> Told {
    Told::of(&child.wait_with_output().unwrap())
}

fn locum(stage: &Stage, words: &[&str]) -> Told {
    Told::of(&stage.command(words).env("PATH", path(stage)).output().unwrap())
}

/// Whether anything with this in its words runs, in whatever namespace.
fn runs(words: &str) -> bool {
    let has = |entry: fs::DirEntry| {
        let said = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        String::from_utf8_lossy(&said).contains(words) && !stat.contains(") Z ")
    };
    fs::read_dir("/proc").unwrap().flatten().any(has)
}

#[test]
#[ignore = "needs root and sshd"]
fn what_ignores_term_and_went_its_own_way_over_there_is_gone_after_it_was_told_to_stop() {
    let stage = one(STUBBORN, "    no_undo: it waits\n");
    let _machines = machines(&stage.path("dir"), 44000);
    let pids = stage.path("dir/pids");
    fs::write(&pids, "").unwrap();
    let mut run = stage.command(&["run", "x", "--plain"]);
    let mut pty = Pty::start(run.env("PATH", path(&stage)));
    pty.wait_for("go into repair", 1);
    pty.answer("y");
    pty.wait_for("run it", 1);
    pty.answer("y");
    stage.wait_for("runs");
    let words = pids.display().to_string();
    assert!(runs(&words));
    pty.press("\u{3}");
    pty.wait_for("type `stop` to end it", 1);
    pty.answer("stop");
    eventually("its end is known", || stage.attempt("change").end.is_some());
    assert!(!runs(&words), "all of it is gone");
    let end = stage.attempt("change").end.unwrap();
    assert_eq!((end.result, end.code, end.judged), (EndResult::Exited, Some(137), Judged::Failed));
    assert_eq!(end.leftover, [""; 0]);
}

#[test]
#[ignore = "needs root and sshd"]
fn a_time_that_is_up_ends_all_of_it_over_there() {
    let stage = one(STUBBORN, "    no_undo: it waits\n    timeout: 3s\n");
    let _machines = machines(&stage.path("dir"), 44010);
    let pids = stage.path("dir/pids");
    fs::write(&pids, "").unwrap();
    told(begin(&stage)).exits(22);
    assert!(!runs(&pids.display().to_string()));
    let end = stage.attempt("change").end.unwrap();
    assert_eq!((end.result, end.judged), (EndResult::TimedOut, Judged::Unknown));
}

#[test]
#[ignore = "needs root and sshd"]
fn what_cannot_be_told_to_end_is_named_with_its_machine() {
    let stage = one("touch DIR/runs; sleep 4711", "    no_undo: it waits\n    timeout: 3s\n");
    let mut machines = wired(&stage.path("dir"), 80);
    let child = begin(&stage);
    stage.wait_for("runs");
    assert!(Command::new("ip").args(["link", "set", &cable(80), "down"]).status().unwrap().success());
    told(child).exits(22);
    let end = stage.attempt("change").end.unwrap();
    assert_eq!(end.judged, Judged::Unknown);
    assert!(end.leftover.iter().any(|left| left.starts_with("kyousuke: touch ")), "{end:?}");
    machines.0.clear();
}

#[test]
#[ignore = "needs root and sshd"]
fn a_daemon_that_a_change_left_over_there_lives_on_and_is_listed() {
    let stage = one(
        "setsid sh -c 'echo up > DIR/up; sleep 4712' > /dev/null 2>&1 &\nuntil test -s DIR/up; do sleep 0.01; done",
        "    no_undo: it waits\n",
    );
    let _machines = machines(&stage.path("dir"), 44020);
    told(begin(&stage)).exits(0);
    let left = stage.attempt("change").end.unwrap().leftover;
    assert!(left.iter().any(|left| left.starts_with("kyousuke: ") && left.contains("sleep 4712")), "{left:?}");
    assert!(runs(&format!("{}/up", stage.path("dir").display())));
}

/// A machine whose sshd is started again when it ends.
fn machine_that_comes_back(folder: &Path, port: u16) -> Machines {
    let line = Line { host: "kyousuke", address: "127.0.0.1".to_owned(), port };
    keys(folder, std::slice::from_ref(&line));
    let run = format!(
        "hostname kyousuke; {OWN_HOME} while :; do /usr/sbin/sshd -D -f /dev/null -p {port} -h {} -o AuthorizedKeysFile={} \
         -o StrictModes=no -o PidFile=none -o PermitRootLogin=yes; sleep 2; done",
        folder.join("host").display(),
        folder.join("user.pub").display()
    );
    let mut sshd = Command::new("unshare");
    sshd.args(["-u", "-m", "-p", "-f", "--kill-child", "--mount-proc", "sh", "-c", &run]);
    let machines =
        Machines(vec![sshd.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()]);
    listens(&line);
    machines
}

/// Ends every sshd of the machine, the one that carries it too.
const CUTS: &str = r#"echo x >> DIR/ran
for p in /proc/[0-9]*; do case "$(cat $p/comm)" in sshd*) kill -KILL "${p#/proc/}" ;; esac; done"#;

const MAY: &str = "    no_undo: it was down before\n    may_disconnect: true\n    done_when: test -e DIR/done\n";

fn ran(stage: &Stage) -> String {
    fs::read_to_string(stage.path("dir/ran")).unwrap_or_default()
}

#[test]
#[ignore = "needs root and sshd"]
fn a_change_that_ends_the_sshd_that_carries_it_has_a_known_end_and_says_that_the_line_was_lost() {
    let stage = one(&format!("{CUTS}\nsleep 1; touch DIR/done; echo mended"), MAY);
    let _machines = machine_that_comes_back(&stage.path("dir"), 44030);
    told(begin(&stage)).exits(0).says("the line to kyousuke was lost");
    let end = stage.attempt("change").end.unwrap();
    assert_eq!((end.code, end.judged, end.line_lost), (Some(0), Judged::Passed, 1));
    assert_eq!(end.found.last().map(String::as_str), Some("mended"));
    assert_eq!(ran(&stage), "x\n", "it ran once");
}

#[test]
#[ignore = "needs root and sshd"]
fn where_nothing_over_there_knows_the_end_any_more_done_when_decides() {
    for (port, done, code, judged) in [(44040, "touch DIR/done", 0, Judged::Passed), (44050, ":", 21, Judged::Failed)] {
        // As when the machine is started anew.
        let stage = one(&format!("echo x >> DIR/ran; {done}; kill -KILL -1; kill -KILL $$"), MAY);
        let _machines = machine_that_comes_back(&stage.path("dir"), port);
        told(begin(&stage)).exits(code).says("gave no end, so what tells that it is done decides");
        let end = stage.attempt("change").end.unwrap();
        assert_eq!((end.result, end.judged), (EndResult::Signaled, judged));
        assert_eq!(ran(&stage), "x\n", "it ran once");
    }
}

/// A change that takes the network of its machine away, and its armed way back.
fn cuts_off(after: &str) -> Stage {
    one(
        "echo x >> DIR/ran; ip link set eth0 down; touch DIR/closed",
        &format!(
            "    undo: {{ change: 'ip link set eth0 up; echo back >> DIR/ran; rm DIR/closed', unless_confirmed: {after} }}\nverify:\n  - {{ id: stays, check: test -e DIR/closed }}\n"
        ),
    )
}

fn went_back(stage: &Stage) {
    let end = stage.attempt("change").end.expect("its end is known");
    assert!(matches!(end.armed, Some(Disarmed::WentBack { judged: Judged::Passed, .. })), "{end:?}");
    assert_eq!(ran(stage), "x\nback\n", "neither ran twice");
    assert!(!stage.has("closed"));
    assert!(matches!(stage.run().position, Position::Stopped { by: StopReason::Undone, .. }));
    stage.locum(&["audit", &stage.run_id()]).exits(0);
}

#[test]
#[ignore = "needs root and sshd"]
fn a_change_that_cuts_its_own_line_goes_back_over_there_and_the_run_tells_it() {
    let stage = cuts_off("8s");
    let _machines = wired(&stage.path("dir"), 84);
    told(begin(&stage)).exits(20).says("nobody confirmed within 8 s: the way back ran by itself");
    went_back(&stage);
}

#[test]
#[ignore = "needs root and sshd"]
fn it_goes_back_over_there_also_where_this_machine_died_and_whoever_resumes_learns_it() {
    let stage = cuts_off("8s");
    let _machines = wired(&stage.path("dir"), 88);
    let mut child = begin(&stage);
    stage.wait_for("closed");
    child.kill().unwrap();
    child.wait().unwrap();
    let attempt = stage.attempt("change");
    let started: Started = read_evidence(&stage.evidence(&attempt).started()).expect("it was started");
    kill(started.supervisor_pid);
    kill(started.command_pid.expect("it runs"));
    eventually("it goes back without this machine", || !stage.has("closed"));
    let id = stage.run_id();
    let resumed = locum(&stage, &["resume", &id, "--headless", "--answers", "answers.yaml"]);
    resumed.exits(20).says("the way back ran by itself");
    let end = stage.attempt("change").end.expect("its end is known");
    assert!(matches!(end.armed, Some(Disarmed::WentBack { judged: Judged::Passed, .. })), "{end:?}");
    assert_eq!(ran(&stage), "x\nback\n");
}

#[test]
#[ignore = "needs root and sshd"]
fn only_a_line_that_is_made_after_the_step_confirms_it_and_then_it_stays() {
    let stage = one(
        "echo x >> DIR/ran; touch DIR/closed; until test -e DIR/go; do sleep 0.05; done",
        "    undo: { change: 'echo back >> DIR/ran; rm DIR/closed', unless_confirmed: 10m }\n",
    );
    let _machines = machines(&stage.path("dir"), 44060);
    let child = begin(&stage);
    stage.wait_for("closed");
    let code = stage.attempt("change").intent.attempt.0.rsplit('-').next().unwrap().to_owned();
    let id = stage.run_id();
    locum(&stage, &["confirm", &id, "nope"]).exits(5).says("is not the code");
    locum(&stage, &["confirm", &id, &code]).exits(5).says("the step still runs");
    stage.touch("go");
    eventually("it is confirmed", || locum(&stage, &["confirm", &id, &code]).code == Some(0));
    told(child).exits(0);
    let end = stage.attempt("change").end.unwrap();
    assert!(matches!(&end.armed, Some(Disarmed::Confirmed { by }) if by.contains("from 127.0.0.1 port")), "{end:?}");
    assert_eq!(ran(&stage), "x\n");
    assert!(stage.has("closed"));
}
