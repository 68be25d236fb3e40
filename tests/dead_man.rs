//! The dead man: a change that goes back by itself unless somebody confirms it over a login made after it.

use std::fs;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use locum::engine::Position;
use locum::engine::position::StopReason;
use locum::engine::record::{Disarmed, Judged};

use crate::stage::{Stage, eventually, kill};

/// A change that closes something, and its armed way back.
fn door(undo: &str) -> Stage {
    let text = format!(
        "locum: 1\ntitle: A door\nrepair:\n  - id: close\n    change: echo closed >> DIR/ledger; touch DIR/closed\n    risk: low\n    undo: {{ {undo} }}\nverify:\n  - {{ id: stays, check: test -e DIR/closed }}\n"
    );
    let stage = Stage::new(&text);
    stage.answers("answers: { repair: enter, close: close }\n");
    stage
}

const OPEN: &str = "change: echo back >> DIR/ledger; rm DIR/closed";

fn undone(stage: &Stage) {
    let run = stage.run();
    assert!(matches!(run.position, Position::Stopped { by: StopReason::Undone, .. }), "{:?}", run.position);
    assert!(run.newest_way_back().is_none() && !stage.has("closed"));
    assert_eq!(stage.ledger(), ["closed", "back"]);
    let attempt = stage.attempt("close");
    let armed = attempt.intent.armed.expect("it is part of the intent");
    assert_eq!((armed.after_s, armed.argv.last().unwrap().contains("echo back")), (2, true));
    let end = attempt.end.unwrap();
    assert!(matches!(end.armed, Some(Disarmed::WentBack { judged: Judged::Passed, .. })), "{:?}", end.armed);
    stage.locum(&["audit", &run.id]).exits(0);
}

/// Begins the run, and waits until only a confirmation is missing.
fn waits(stage: &Stage) -> Child {
    let child = stage.headless();
    eventually("the step waits for its confirmation", || {
        let attempt = stage.run().running().cloned();
        attempt.filter(|attempt| attempt.intent.armed.is_some()).is_some_and(|attempt| {
            let started: Option<locum::exec::Started> = locum::exec::read_evidence(&stage.evidence(&attempt).started());
            started.is_some_and(|started| started.command_end.is_some())
        })
    });
    child
}

#[test]
fn what_nobody_confirms_in_time_goes_back_by_itself() {
    let stage = door(&format!("{OPEN}, unless_confirmed: 2s"));
    let told = stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]);
    told.exits(20).says("ARMED: `close` goes back by itself 2 s after it began");
    told.says("nobody confirmed within 2 s: the way back ran by itself");
    undone(&stage);
}

#[test]
fn it_goes_back_by_itself_also_where_the_screen_is_gone_and_resume_knows_it() {
    let stage = door(&format!("{OPEN}, unless_confirmed: 2s"));
    let mut child = waits(&stage);
    kill(child.id());
    child.wait().unwrap();
    eventually("it is undone", || !stage.has("closed"));
    stage.resume(&[]).exits(20).says("the way back ran by itself");
    undone(&stage);
}

#[test]
fn while_it_waits_another_login_can_attach_and_see_how_it_ends() {
    let stage = door(&format!("{OPEN}, unless_confirmed: 2s"));
    let mut child = waits(&stage);
    kill(child.id());
    child.wait().unwrap();
    stage.resume(&[]).exits(20).says("ARMED").says("the way back ran by itself");
    undone(&stage);
}

/// This test itself belongs to no login that was made after the step.
#[test]
fn a_confirmation_that_comes_over_no_new_login_does_not_count() {
    let stage = door(&format!("{OPEN}, unless_confirmed: 2s"));
    let mut child = waits(&stage);
    let run = stage.run_id();
    let told = stage.locum(&["confirm", &run]);
    let code = told.exits(20).out.lines().last().unwrap().rsplit(' ').next().unwrap().to_owned();
    stage.locum(&["confirm", &run, "none"]).exits(5).says("`none` is not the code");
    stage.locum(&["confirm", &run, &code]).exits(5).says("not confirmed: this");
    assert_eq!(child.wait().unwrap().code(), Some(20));
    undone(&stage);
    stage.locum(&["confirm", &run, &code]).exits(2).says("waits for a confirmation");
}

#[test]
fn a_change_that_was_called_off_goes_back_at_once() {
    let stage = door(&format!("{OPEN}, unless_confirmed: 10m"));
    let mut child = waits(&stage);
    kill(child.id());
    child.wait().unwrap();
    let attempt = stage.attempt("close");
    let started = locum::exec::read_evidence(&stage.evidence(&attempt).started()).unwrap();
    assert!(locum::exec::cancel_running(&started));
    stage.resume(&[]).exits(20).says("the step was called off: the way back ran by itself");
    assert_eq!(stage.ledger(), ["closed", "back"]);
}

#[test]
fn what_still_runs_when_the_time_is_up_is_ended_and_goes_back() {
    let stage = door(&format!("{OPEN}, unless_confirmed: 2s"));
    let path = stage.path("runbooks/x.yaml");
    let text = fs::read_to_string(&path).unwrap().replace("/closed\n    risk", "/closed; sleep 600\n    risk");
    fs::write(&path, text).unwrap();
    let told = stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]);
    told.exits(20).says("nobody confirmed within 2 s");
    undone(&stage);
}

#[test]
fn a_way_back_that_fails_by_itself_stops_at_its_step_and_is_gone_again_with_a_reason() {
    let undo = "change: test -e DIR/go; rm DIR/closed, unless_confirmed: 2s";
    let stage = door(undo);
    let told = stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]);
    told.exits(20).says("the way back ran by itself and failed with exit 1");
    let run = stage.run();
    assert!(matches!(run.position, Position::Stopped { by: StopReason::WayBack, .. }), "{:?}", run.position);
    stage.touch("go");
    stage.answers("answers: { undo: close }\n");
    let undo =
        |more: &[&str]| stage.locum(&[&["undo", &run.id, "--headless", "--answers", "answers.yaml"], more].concat());
    undo(&[]).exits(20).says("going it again needs a reason");
    undo(&["--reason", "the file is there now"]).exits(0).says("close: undone");
    assert!(!stage.has("closed"));
}

#[test]
fn a_dead_man_is_for_commands_and_not_behind_a_prefix() {
    for (undo, says) in [
        ("by_hand: Open it., unless_confirmed: 60s", "none goes back"),
        ("change: ls, unless_confirmed: 1s", "expected 2s to 1h"),
    ] {
        door(undo).locum(&["lint"]).exits(1).says(says);
    }
    let stage = door("change: ls, unless_confirmed: 60s");
    let path = stage.path("runbooks/x.yaml");
    let text = fs::read_to_string(&path)
        .unwrap()
        .replace("repair:", "targets: { far: { host: masato, via: [docker, exec, masato] } }\nrepair:");
    fs::write(&path, text.replace("risk: low", "risk: low\n    where: far")).unwrap();
    stage.locum(&["lint"]).exits(1).says("cannot hold its timer there yet");
}

/// Two namespaces with a cable between them: the operator's, and that of the machine with its sshd.
struct Site {
    name: String,
    sshd: Option<Child>,
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        static SITES: AtomicU32 = AtomicU32::new(0);
        let name = format!("lc{}x{}", std::process::id() % 10_000, SITES.fetch_add(1, Ordering::SeqCst));
        let site = Self { name, sshd: None, folder: tempfile::tempdir().unwrap() };
        let (operator, machine, n) = (site.netns("o"), site.netns("m"), &site.name);
        for words in [
            format!("netns add {operator}"),
            format!("netns add {machine}"),
            format!("link add {n}a netns {operator} type veth peer name {n}b netns {machine}"),
            format!("-n {operator} addr add 10.77.0.1/24 dev {n}a"),
            format!("-n {machine} addr add 10.77.0.2/24 dev {n}b"),
            format!("-n {operator} link set {n}a up"),
            format!("-n {machine} link set {n}b up"),
            format!("-n {machine} link set lo up"),
        ] {
            Self::quietly("ip", &words);
        }
        site.serve(&machine)
    }

    fn serve(mut self, machine: &str) -> Self {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        for key in ["host", "user"] {
            Self::quietly("ssh-keygen", &format!("-q -t ed25519 -N '' -f {}", path(key)));
        }
        fs::create_dir_all("/run/sshd").unwrap();
        let words = format!(
            "netns exec {machine} /usr/sbin/sshd -D -f /dev/null -p 2222 -h {} -o AuthorizedKeysFile={} -o StrictModes=no \
             -o PidFile=none -o PermitRootLogin=yes",
            path("host"),
            path("user.pub")
        );
        let mut sshd = std::process::Command::new("ip");
        sshd.args(words.split_whitespace()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.sshd = Some(sshd.spawn().unwrap());
        self
    }

    fn netns(&self, end: &str) -> String {
        format!("{}{end}", self.name)
    }

    fn quietly(program: &str, words: &str) {
        let done = std::process::Command::new("sh").args(["-c", &format!("{program} {words}")]).output().unwrap();
        assert!(done.status.success(), "{program} {words}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// A command on the machine, by the operator over ssh; `more` are options of this connection.
    fn over_ssh(&self, more: &str, command: &str) -> std::process::Command {
        let options = "-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
                       -o ConnectTimeout=2 -o ServerAliveInterval=1 -o ServerAliveCountMax=3";
        let key = self.folder.path().join("user");
        let words = format!(
            "netns exec {} ssh -F /dev/null {options} {more} -i {} -p 2222 root@10.77.0.2",
            self.netns("o"),
            key.display()
        );
        let mut ssh = std::process::Command::new("ip");
        ssh.args(words.split_whitespace()).arg(command).stdin(Stdio::null());
        ssh
    }

    fn reaches(&self) -> bool {
        self.over_ssh("", "true").output().unwrap().status.success()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(sshd) = &mut self.sshd {
            let _ = sshd.kill();
            let _ = sshd.wait();
        }
        for end in ["o", "m"] {
            let _ = std::process::Command::new("ip").args(["netns", "del", &self.netns(end)]).output();
        }
    }
}

/// The words of locum on a stage, for a shell on the machine.
fn locum(stage: &Stage, words: &str) -> String {
    format!(
        "cd {} && env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME={} LOCUM_STATE={} LOCUM_RUNBOOKS={} {} {words}",
        stage.path("").display(),
        stage.path("home").display(),
        stage.state().display(),
        stage.path("runbooks").display(),
        crate::stage::EXE
    )
}

const RUN: &str = "run x --accept-unreviewed test --headless --answers answers.yaml";

#[test]
#[ignore = "needs root and sshd"]
fn a_change_that_cuts_the_operator_off_goes_back_and_the_connection_is_there_again() {
    let site = Site::new();
    eventually("the machine answers", || site.reaches());
    let link = format!("{}b", site.name);
    let text = format!(
        "locum: 1\ntitle: A firewall\nrepair:\n  - id: close\n    change: ip link set {link} down; touch DIR/closed\n    risk: low\n    undo: {{ change: ip link set {link} up; rm DIR/closed, unless_confirmed: 6s }}\n"
    );
    let stage = Stage::new(&text);
    stage.answers("answers: { repair: enter, close: close }\n");
    let mut shell = site.over_ssh("", &locum(&stage, RUN)).stdout(Stdio::null()).spawn().unwrap();
    stage.wait_for("closed");
    assert!(!site.reaches(), "the operator is cut off");
    eventually("the way back brings the connection back", || site.reaches());
    assert!(!stage.has("closed"));
    let _ = shell.kill();
    let _ = shell.wait();
    // The first screen sees by itself that nobody reads it any more.
    let resume = || site.over_ssh("", &locum(&stage, "resume --headless --answers answers.yaml")).output().unwrap();
    let mut told = resume();
    for _ in 0..30 {
        if told.status.code() == Some(7) {
            std::thread::sleep(Duration::from_millis(500));
            told = resume();
        }
    }
    assert_eq!(told.status.code(), Some(20), "{}", String::from_utf8_lossy(&[told.stdout, told.stderr].concat()));
    let end = stage.attempt("close").end.expect("its end is known");
    assert!(matches!(end.armed, Some(Disarmed::WentBack { judged: Judged::Passed, .. })), "{:?}", end.armed);
    assert!(matches!(stage.run().position, Position::Stopped { by: StopReason::Undone, .. }));
}

#[test]
#[ignore = "needs root and sshd"]
fn only_a_connection_made_after_the_step_confirms_it() {
    let site = Site::new();
    eventually("the machine answers", || site.reaches());
    let stage = door(&format!("{OPEN}, unless_confirmed: 10m"));
    // One connection is made before, and kept: what goes over it later is as old as it is.
    let old = format!(
        "-o ControlMaster=auto -o ControlPersist=60 -o ControlPath={}",
        site.folder.path().join("mux").display()
    );
    assert!(site.over_ssh(&old, "true").output().unwrap().status.success());
    let mut shell = site.over_ssh(&old, &locum(&stage, RUN)).stdout(Stdio::null()).spawn().unwrap();
    let confirm = |more: &str, code: &str| {
        let words = format!("confirm {} {code}", stage.run_id());
        let told = site.over_ssh(more, &locum(&stage, &words)).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (told.status.code(), text(&told.stdout) + &text(&told.stderr))
    };
    stage.wait_for("closed");
    std::thread::sleep(Duration::from_millis(300));
    let code = stage.attempt("close").intent.attempt.0.rsplit('-').next().unwrap().to_owned();
    let (exit, said) = confirm(&old, &code);
    assert_eq!((exit, said.contains("so it proves nothing")), (Some(5), true), "{said}");
    let (exit, said) = confirm("", &code);
    assert_eq!((exit, said.contains("confirmed: step `close` stays")), (Some(0), true), "{said}");
    assert_eq!(shell.wait().unwrap().code(), Some(0), "the run goes on to its end");
    let end = stage.attempt("close").end.unwrap();
    assert!(matches!(end.armed, Some(Disarmed::Confirmed { .. })), "{:?}", end.armed);
    assert_eq!(stage.ledger(), ["closed"]);
    let _ = site.over_ssh(&format!("{old} -O exit"), "").output();
}
