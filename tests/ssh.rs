//! Three machines that are namespaces of this one, each with a real sshd: they need root, so only `.ci/run` asks them.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use locum::exec::Started;
use locum::journal::read_evidence;

use crate::stage::pty::Pty;
use crate::stage::{Stage, eventually, kill};
use crate::support::{Case, has};

pub(crate) const HOSTS: [&str; 3] = ["kyousuke", "masato", "kengo"];

const NODES: &str = "\
locum: 1
title: Restart the queue worker on every node
targets:
  nodes: { host: [kyousuke, masato, kengo], via: ssh, prove: hostname, commands: [touch], cwd: DIR }
where: nodes
diagnose:
  - { id: name, check: hostname, expect: { hosts: all } }
repair:
  - id: restart
    title: Restart the worker
    change: |
      echo \"from $(hostname)\"
      test ! -e \"broken-$(hostname)\"
      echo x >> \"restarted-$(hostname)\"
      sleep SECONDS
      echo \"it's done\"
    expect: it's done
    no_undo: The worker was not running before.
verify:
  - { id: restarted, check: 'test -e \"restarted-$(hostname)\"' }
";

const ANSWERS: &str =
    "answers: { repair: enter, 'restart[1]': restart, 'restart[2]': restart, 'restart[3]': restart }\n";

/// The machines, gone with this value.
pub(crate) struct Machines(pub(crate) Vec<Child>);

impl Drop for Machines {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn quietly(program: &str, words: &[&str]) {
    let done = Command::new(program).args(words).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(done.success(), "{program} {words:?}");
}

/// Where the sshd of a machine listens.
pub(crate) struct Line {
    pub(crate) host: &'static str,
    pub(crate) address: String,
    pub(crate) port: u16,
}

/// Keys for all of them, and an `ssh` in front that knows where they are: what a user's own configuration does.
pub(crate) fn keys(folder: &Path, lines: &[Line]) {
    fs::create_dir_all(folder.join("bin")).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    for key in ["host", "user"] {
        quietly("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &path(key)]);
    }
    fs::create_dir_all("/run/sshd").unwrap();
    let host_key = fs::read_to_string(path("host.pub")).unwrap();
    let (mut config, mut known) = (String::new(), String::new());
    for Line { host, address, port } in lines {
        let _ = write!(config, "Host {host}\n  HostName {address}\n  Port {port}\n  HostKeyAlias {host}\n");
        let _ = write!(known, "{host} {host_key}");
    }
    let (user, known_at) = (path("user"), path("known"));
    let _ = write!(
        config,
        "Host *\n  User root\n  IdentityFile {user}\n  IdentitiesOnly yes\n  UserKnownHostsFile {known_at}\n"
    );
    fs::write(path("config"), config).unwrap();
    fs::write(path("known"), known).unwrap();
    fs::write(path("bin/ssh"), format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", path("config"))).unwrap();
    fs::set_permissions(path("bin/ssh"), fs::Permissions::from_mode(0o755)).unwrap();
}

/// A home of its own for root: what a login reads there is somebody else's, and may wait for a lock that the end of
/// another test left behind.
pub(crate) const OWN_HOME: &str = "mount -t tmpfs none /root;";

/// A machine: namespaces of its own, and in them what `before` does and an sshd.
pub(crate) fn machine(folder: &Path, line: &Line, namespaces: &[&str], before: &str) -> Child {
    let (key, users) = (folder.join("host"), folder.join("user.pub"));
    let run = format!(
        "hostname {}; {OWN_HOME} {before} exec /usr/sbin/sshd -D -f /dev/null -p {} -h {} -o AuthorizedKeysFile={} \
         -o StrictModes=no -o PidFile=none -o PermitRootLogin=yes",
        line.host,
        line.port,
        key.display(),
        users.display()
    );
    let mut sshd = Command::new("unshare");
    sshd.args(["-u", "-m", "-p", "-f", "--kill-child", "--mount-proc"]).args(namespaces).args(["sh", "-c", &run]);
    sshd.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub(crate) fn listens(line: &Line) {
    let at = (line.address.as_str(), line.port);
    until(&format!("sshd of {} listens", line.host), || std::net::TcpStream::connect(at).is_ok());
}

/// Machines that share the network of this one.
pub(crate) fn machines(folder: &Path, first_port: u16) -> Machines {
    let line = |(port, host)| Line { host, address: "127.0.0.1".to_owned(), port };
    let lines: Vec<_> = (first_port..).zip(HOSTS).map(line).collect();
    keys(folder, &lines);
    let machines = Machines(lines.iter().map(|line| machine(folder, line, &[], "")).collect());
    lines.iter().for_each(listens);
    machines
}

/// The end here of the cable to a machine.
pub(crate) fn cable(net: u8) -> String {
    format!("locum{net}")
}

/// Machines with a network of their own, each at the end of a cable.
pub(crate) fn wired(folder: &Path, first_net: u8) -> Machines {
    let line = |(net, host)| Line { host, address: format!("10.77.{net}.2"), port: 22 };
    let lines: Vec<_> = (first_net..).zip(HOSTS).map(line).collect();
    keys(folder, &lines);
    let mut machines = Machines(Vec::new());
    for (net, line) in (first_net..).zip(&lines) {
        let before = format!(
            "until ip link show eth0 >/dev/null 2>&1; do sleep 0.05; done; ip link set lo up; \
             ip addr add 10.77.{net}.2/30 dev eth0; ip link set eth0 up;"
        );
        machines.0.push(machine(folder, line, &["-n"], &before));
        let (pid, cable) = (machines.0.last().unwrap().id().to_string(), cable(net));
        let network = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
        until("it has a network of its own", || network(&pid).is_some_and(|own| Some(own) != network("self")));
        quietly("ip", &["link", "add", &cable, "type", "veth", "peer", "name", "eth0", "netns", &pid]);
        quietly("ip", &["addr", "add", &format!("10.77.{net}.1/30"), "dev", &cable]);
        quietly("ip", &["link", "set", &cable, "up"]);
    }
    lines.iter().for_each(listens);
    machines
}

/// Ends the connections of a machine; its sshd goes on listening, and what was started there goes on.
fn cut(machine: u32) {
    let parent_and_name = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (before, after) = stat.rsplit_once(')')?;
        let parent: u32 = after.split_whitespace().nth(1)?.parse().ok()?;
        Some((parent, before.split_once('(')?.1.to_owned()))
    };
    let pids: Vec<u32> =
        fs::read_dir("/proc").unwrap().filter_map(|one| one.ok()?.file_name().to_str()?.parse().ok()).collect();
    let children = |of: u32| {
        let is = move |pid: &&u32| {
            parent_and_name(**pid).is_some_and(|(parent, name)| parent == of && name.starts_with("sshd"))
        };
        pids.iter().filter(is).copied().collect::<Vec<_>>()
    };
    let connections: Vec<u32> = children(machine).into_iter().flat_map(children).collect();
    assert!(!connections.is_empty(), "there is no line to cut");
    for pid in connections {
        quietly("kill", &["-KILL", &pid.to_string()]);
    }
}

/// The runbook in a room with its machines.
fn scene(first_port: u16, seconds: &str) -> (Case, Machines) {
    let case = Case::new().file("answers.yaml", ANSWERS);
    let work = case.room().work();
    let machines = machines(&work, first_port);
    let text = NODES.replace("DIR", work.to_str().unwrap()).replace("SECONDS", seconds);
    let path = format!("{}:/usr/bin:/bin", work.join("bin").display());
    (case.runbook("nodes", &text).env("PATH", &path), machines)
}

fn run(case: Case) -> Case {
    case.args(["run", "nodes", "--headless", "--answers", "answers.yaml"])
}

#[test]
#[ignore = "needs root and sshd"]
fn a_rolling_repair_stops_at_the_second_machine_and_says_which_it_is() {
    let (case, _machines) = scene(42210, "0");
    let room = case.room();
    fs::write(room.work().join("broken-masato"), "").unwrap();
    run(case)
        .stdout(has("3 of 3 hold; kyousuke ok: kyousuke; masato ok: masato; kengo ok: kengo"))
        .stdout(has("on masato; 1 of 3 machines done; not begun: kengo"))
        .status(21);
    assert!(room.work().join("restarted-kyousuke").exists());
    assert!(!room.work().join("restarted-kengo").exists());
}

#[test]
#[ignore = "needs root and sshd"]
fn a_line_cut_in_the_middle_of_a_change_gives_a_known_end_and_no_second_run() {
    let (case, machines) = scene(42220, "4");
    let room = case.room();
    let (at, first) = (room.work(), machines.0[0].id());
    let cutter = std::thread::spawn(move || {
        let until = Instant::now() + Duration::from_mins(1);
        while !at.join("restarted-kyousuke").exists() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(50));
        }
        cut(first);
    });
    run(case).stdout(has("\ndone\n")).status(0);
    cutter.join().unwrap();
    for host in HOSTS {
        let ran = fs::read_to_string(room.work().join(format!("restarted-{host}"))).unwrap();
        assert_eq!(ran, "x\n", "{host} was changed once");
    }
}

#[test]
#[ignore = "needs root and sshd"]
fn a_machine_that_is_down_is_named_before_the_first_step() {
    let (case, mut machines) = scene(42230, "0");
    let mut last = machines.0.pop().unwrap();
    last.kill().unwrap();
    last.wait().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    run(case).stdout(has("FAULT kengo")).stderr(has("cannot get in at kengo; nothing ran")).status(27);
}

#[test]
#[ignore = "needs root and sshd"]
fn whoever_resumes_after_this_machine_died_learns_the_end_from_over_there() {
    let stage = Stage::new(&NODES.replace("SECONDS", "5"));
    let _machines = machines(&stage.path("dir"), 42240);
    stage.answers(ANSWERS);
    let path = format!("{}:/usr/bin:/bin", stage.path("dir/bin").display());
    let mut run = stage.command(&["run", "x", "--headless", "--answers", "answers.yaml"]);
    let mut screen = run.env("PATH", &path).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    stage.wait_for("restarted-kyousuke");
    screen.kill().unwrap();
    screen.wait().unwrap();
    // As when the power goes: the supervisor, and what stands in for the command here.
    let attempt = stage.attempt("restart[1]");
    let started: Started = read_evidence(&stage.evidence(&attempt).started()).expect("it was started");
    kill(started.supervisor_pid);
    kill(started.command_pid.expect("it runs"));
    let id = stage.run_id();
    let mut resume = stage.command(&["resume", &id, "--headless", "--answers", "answers.yaml"]);
    let told = resume.env("PATH", &path).output().unwrap();
    let said = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success(), "{said}\n{}", String::from_utf8_lossy(&told.stderr));
    let end = stage.attempt("restart[1]").end.expect("its end is known");
    assert_eq!(end.code, Some(0), "{said}");
    let kept = fs::read_to_string(stage.folder().blobs().join("x").with_file_name(end.stdout.unwrap().blob)).unwrap();
    assert_eq!(kept, "from kyousuke\nit's done\n", "all that it said came, and nothing else");
    for host in HOSTS {
        let ran = fs::read_to_string(stage.path("dir").join(format!("restarted-{host}"))).unwrap();
        assert_eq!(ran, "x\n", "{host} was changed once");
    }
}

/// A stage with machines at the ends of cables, and the path on which their `ssh` stands.
fn wired_stage(first_net: u8, seconds: &str) -> (Stage, Machines, String) {
    let stage = Stage::new(&NODES.replace("SECONDS", seconds));
    let machines = wired(&stage.path("dir"), first_net);
    stage.answers(ANSWERS);
    let path = format!("{}:/usr/bin:/bin", stage.path("dir/bin").display());
    (stage, machines, path)
}

fn ran(stage: &Stage) -> [String; 3] {
    HOSTS.map(|host| fs::read_to_string(stage.path("dir").join(format!("restarted-{host}"))).unwrap_or_default())
}

#[test]
#[ignore = "needs root and sshd"]
fn a_rolling_repair_that_stopped_at_the_second_machine_goes_on_with_it() {
    let (stage, _machines, path) = wired_stage(40, "0");
    stage.touch("broken-masato");
    let mut run = stage.command(&["run", "x", "--headless", "--answers", "answers.yaml"]);
    let told = run.env("PATH", &path).output().unwrap();
    assert_eq!(told.status.code(), Some(21), "{}", String::from_utf8_lossy(&told.stderr));
    assert!(String::from_utf8_lossy(&told.stdout).contains("on masato; 1 of 3 machines done; not begun: kengo"));
    assert_eq!(ran(&stage), ["x\n", "", ""]);
    fs::remove_file(stage.path("dir/broken-masato")).unwrap();
    let id = stage.run_id();
    let mut resume = stage.command(&["resume", &id]);
    let mut pty = Pty::start(resume.env("PATH", &path));
    pty.resize(120, 60);
    pty.shows("A STEP FAILED");
    pty.press("r");
    pty.shows("In a few words");
    pty.press("masato is mended\r");
    for host in ["MASATO", "KENGO"] {
        pty.shows(&format!("THIS STEP CHANGES {host}"));
        pty.press("y");
        pty.shows("Type restart and Enter");
        pty.press("restart\r");
    }
    eventually("all of them are done", || ran(&stage) == ["x\n", "x\n", "x\n"]);
    pty.shows("This look changes nothing.");
    pty.press("\r");
    pty.shows("IT IS DONE");
}

#[test]
#[ignore = "needs root and sshd"]
fn a_cable_that_is_pulled_in_the_middle_of_a_change_gives_a_known_end_and_no_second_run() {
    let (stage, _machines, path) = wired_stage(50, "3");
    let mut run = stage.command(&["run", "x", "--headless", "--answers", "answers.yaml"]);
    let screen = run.env("PATH", &path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    stage.wait_for("restarted-kyousuke");
    quietly("ip", &["link", "set", &cable(50), "down"]);
    // Longer than the command runs, and than the client waits for an answer.
    std::thread::sleep(Duration::from_secs(36));
    assert!(stage.run().running().is_some(), "nobody knows the end yet, and nobody guesses");
    quietly("ip", &["link", "set", &cable(50), "up"]);
    let told = screen.wait_with_output().unwrap();
    assert!(
        told.status.success(),
        "{}{}",
        String::from_utf8_lossy(&told.stdout),
        String::from_utf8_lossy(&told.stderr)
    );
    let end = stage.attempt("restart[1]").end.expect("its end is known");
    assert_eq!((end.code, end.found.last().map(String::as_str)), (Some(0), Some("it's done")));
    assert_eq!(ran(&stage), ["x\n", "x\n", "x\n"]);
}
