//! sudo that wants a password: asked for once, by us, and read by sudo from us. Real sudo, with an account of its own.

use std::fs;
use std::process::Command;

use crate::stage::pty::Pty;
use crate::stage::{Stage, eventually};

/// Who repairs here, and what they type for sudo.
const PEPE: u32 = 4242;
const PASSWORD: &str = "over the hills";

const RUNBOOK: &str = "\
locum: 1
title: The queue stands
diagnose:
  - id: who
    check: id -un
    user: root
    expect: root
repair:
  - id: restart
    change: cat > DIR/restarted
    stdin: by root
    user: root
    risk: low
    no_undo: The worker was not running before.
";

/// A machine on which pepe may do everything with sudo, and is asked for a password.
struct Machine {
    stage: Stage,
}

impl Machine {
    fn new() -> Self {
        let stage = Stage::new(RUNBOOK);
        let hash = Command::new("openssl").args(["passwd", "-6", PASSWORD]).output().unwrap();
        let hash = String::from_utf8(hash.stdout).unwrap();
        let with = |name: &str, line: String| {
            let others = fs::read_to_string(format!("/etc/{name}")).unwrap();
            let others = others.lines().filter(|line| !line.starts_with("pepe:"));
            let all = others.chain([line.trim()]).flat_map(|line| [line, "\n"]).collect::<String>();
            fs::write(stage.path(name), all).unwrap();
        };
        with("passwd", format!("pepe:x:{PEPE}:{PEPE}::{}:/bin/sh\n", stage.path("home").display()));
        with("shadow", format!("pepe:{}:19000:0:99999:7:::\n", hash.trim()));
        with("group", format!("pepe:x:{PEPE}:\n"));
        let sudoers = "Defaults !lecture, !mail_badpass\nroot ALL=(ALL:ALL) ALL\npepe ALL=(ALL:ALL) ALL\n";
        fs::write(stage.path("sudoers"), sudoers).unwrap();
        fs::write(stage.path("locum"), "").unwrap();
        let own = format!("{PEPE}:{PEPE}");
        for name in ["", "home", "dir", "runbooks", "runbooks/x.yaml"] {
            assert!(Command::new("chown").arg(&own).arg(stage.path(name)).status().unwrap().success());
        }
        Self { stage }
    }

    /// A command of pepe's. What the machine knows of accounts is exchanged in a mount namespace of its own.
    fn as_pepe(&self, words: &[&str]) -> Command {
        let exchange = "\
            set -e; mount --bind \"$1\" \"$2/locum\"; \
            for name in passwd shadow group sudoers; do mount --bind \"$2/$name\" /etc/$name; done; \
            if [ -d /etc/sudoers.d ]; then mount -t tmpfs none /etc/sudoers.d; fi; \
            exe=$2/locum; shift 2; \
            exec setpriv --reuid 4242 --regid 4242 --clear-groups --bounding-set +all \"$exe\" \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", exchange, "sh", env!("CARGO_BIN_EXE_locum")]).arg(self.stage.path(""));
        self.stage.dress(command.args(words).args(crate::support::case::accepted(words)));
        command.env("LOGNAME", "pepe").env("USER", "pepe");
        command
    }
}

#[test]
#[ignore = "needs root and sudo"]
fn a_password_is_asked_for_once_and_only_sudo_is_given_it() {
    let machine = Machine::new();
    let mut pty = Pty::start(&machine.as_pepe(&["run", "x"]));
    let question = "sudo wants the password of pepe for root";
    pty.wait_for(question, 1);
    pty.type_blindly("a wrong one\r");
    pty.wait_for("that is not it; ", 1);
    pty.type_blindly(&format!("{PASSWORD}\r"));
    pty.shows("This look changes nothing.");
    pty.press("\r");
    pty.shows("BEHIND THIS GATE");
    pty.press("y");
    pty.shows("THIS STEP CHANGES");
    // A key that is held down is heard once.
    std::thread::sleep(std::time::Duration::from_secs(1));
    pty.press("y");
    pty.shows("IT IS DONE");
    let restarted = machine.stage.path("dir/restarted");
    assert_eq!(fs::read_to_string(&restarted).unwrap(), "by root", "the password is no part of its input");
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&fs::metadata(&restarted).unwrap()), 0);
    let said = String::from_utf8_lossy(&pty.bytes()).into_owned();
    assert_eq!(said.matches(question).count(), 2, "once for each that was typed, and never again");
    let attempt = machine.stage.attempt("restart");
    assert_eq!(attempt.intent.argv[..5], ["sudo", "-A", "-u", "root", "--"]);
    pty.close();
    for folder in ["state", "home", "dir"] {
        let mut grep = Command::new("grep");
        let found = grep.args(["-r", "-e", PASSWORD, "-e", "a wrong one"]).arg(machine.stage.path(folder)).output();
        assert_eq!(found.unwrap().status.code(), Some(1), "{folder}");
    }
    eventually("nothing that could be asked is left", || {
        fs::read_dir("/tmp").unwrap().flatten().all(|entry| {
            let of_pepe = entry.metadata().is_ok_and(|about| std::os::unix::fs::MetadataExt::uid(&about) == PEPE);
            !(of_pepe && entry.file_name().to_string_lossy().starts_with("locum-askpass-"))
        })
    });
}

#[test]
#[ignore = "needs root and sudo"]
fn whoever_gives_no_password_has_changed_nothing_and_knows_what_to_do() {
    let machine = Machine::new();
    let mut pty = Pty::start(&machine.as_pepe(&["run", "x"]));
    pty.wait_for("sudo wants the password", 1);
    pty.type_blindly("\u{3}");
    pty.wait_for("Cannot get in at", 1);
    assert!(pty.said().contains("no password was given"), "{}", pty.said());
    pty.type_blindly("q\r");
    pty.wait_for("error: cannot get in at", 1);
    let told = machine.as_pepe(&["preflight", "x"]).output().unwrap();
    assert_eq!(told.status.code(), Some(27), "{told:?}");
    let said = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(said.contains("a password is required") && said.contains("`NOPASSWD:`"), "{said}");
}
