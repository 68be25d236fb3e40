//! Three machines that are namespaces of this one, each with a real sshd: they need root, so only `.ci/run` asks them.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Case, has};

const HOSTS: [&str; 3] = ["kyousuke", "masato", "kengo"];

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
struct Machines(Vec<Child>);

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

/// Starts them, and puts an `ssh` in front that knows where they are: what a user's own configuration does.
fn machines(folder: &Path, first_port: u16) -> Machines {
    fs::create_dir_all(folder.join("bin")).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    for key in ["host", "user"] {
        quietly("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &path(key)]);
    }
    fs::create_dir_all("/run/sshd").unwrap();
    let host_key = fs::read_to_string(path("host.pub")).unwrap();
    let (mut config, mut known, mut children) = (String::new(), String::new(), Vec::new());
    for (port, host) in (first_port..).zip(HOSTS) {
        let _ = write!(config, "Host {host}\n  HostName 127.0.0.1\n  Port {port}\n  HostKeyAlias {host}\n");
        let _ = write!(known, "{host} {host_key}");
        let (key, users) = (path("host"), path("user.pub"));
        let run = format!(
            "hostname {host}; exec /usr/sbin/sshd -D -f /dev/null -p {port} -h {key} -o AuthorizedKeysFile={users} \
             -o StrictModes=no -o PidFile=none -o PermitRootLogin=yes"
        );
        let mut sshd = Command::new("unshare");
        sshd.args(["-u", "-m", "-p", "-f", "--kill-child", "--mount-proc", "sh", "-c", &run]);
        children.push(sshd.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let until = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "sshd of {host} does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    let _ = write!(
        config,
        "Host *\n  User root\n  IdentityFile {}\n  IdentitiesOnly yes\n  UserKnownHostsFile {}\n",
        path("user"),
        path("known")
    );
    fs::write(path("config"), config).unwrap();
    fs::write(path("known"), known).unwrap();
    fs::write(path("bin/ssh"), format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", path("config"))).unwrap();
    fs::set_permissions(path("bin/ssh"), fs::Permissions::from_mode(0o755)).unwrap();
    Machines(children)
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
