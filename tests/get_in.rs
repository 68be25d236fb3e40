//! Getting in: what is missing is named with its remedy before the first step, and what asks, asks on the terminal.

use std::fs;
use std::path::Path;

use crate::stage::pty::Pty;
use crate::stage::{Stage, eventually};
use crate::support::case::Case;
use crate::support::{has, lacks};

const CHANGE: &str = "repair:\n  - { id: restart, change: touch DIR/restarted, risk: low, no_undo: n }\n";

fn runbook(targets: &str) -> String {
    format!("locum: 1\ntitle: The forum\n{targets}{CHANGE}").replace("DIR/", "")
}

fn headless(targets: &str) -> Case {
    let case = Case::new().runbook("forum", &runbook(targets));
    case.file("answers.yaml", "answers: { repair: enter, restart: restart }\n").args([
        "run",
        "forum",
        "--headless",
        "--answers",
        "answers.yaml",
    ])
}

fn box_of(rest: &str) -> String {
    format!("targets: {{ box: {{ host: masato, {rest} }} }}\nwhere: box\n")
}

/// A program of the test's own, before all others.
fn program(folder: &Path, name: &str, text: &str) {
    fs::create_dir_all(folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
    duct::cmd!("chmod", "755", path).run().unwrap();
}

fn path_with(folder: &Path) -> String {
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

#[test]
fn a_program_that_is_missing_ends_it_before_the_first_step_and_the_run_is_in_nobodys_way() {
    let ended = headless(&box_of("commands: [sh, no-such-program]"))
        .stdout(has("FAULT masato"))
        .stdout(has("missing: no-such-program"))
        .stdout(has("help: install it on masato"))
        .stderr(has("error: cannot get in at masato; nothing ran"))
        .status(27);
    let room = ended.room.clone();
    assert!(!room.work().join("restarted").exists());
    let journal = ended.journal();
    let access = &journal[1];
    assert_eq!((&access["kind"], &access["judged"]), (&"access".into(), &"failed".into()));
    assert_eq!(journal.last().unwrap()["kind"], "run.close");
    room.case().args(["runs", "--open"]).stdout(has("no runs")).status(0);
    room.case().args(["log"]).stdout(has("get in: masato, FAULT; missing: no-such-program")).status(0);
    room.case().args(["report"]).stdout(has("**FAULT**, get in at masato: missing: no")).status(0);
}

#[test]
fn what_holds_is_on_record_and_a_first_word_that_is_missing_is_only_said() {
    let ended =
        headless(&box_of("commands: [sh], prove: echo masato")).stdout(lacks("FAULT")).stdout(has("done")).status(0);
    let journal = ended.journal();
    assert_eq!(journal[1]["held"], serde_json::json!(["sh", "says masato"]));
    let versions = journal[1]["versions"].to_string();
    assert!(versions.starts_with("[\"bash 5.") || versions.starts_with("[\"bash 4."), "{versions}");
    let text = runbook("").replace("touch restarted", "no-such-program || true");
    let plain = Case::new().runbook("forum", &text).args(["run", "forum", "--plain"]).stdin("q\n");
    let ended = plain.stdout(has("Get in\n")).stdout(has("not there now: no-such-program")).status(23);
    assert_eq!(ended.journal()[1]["judged"], "unknown");
}

#[test]
fn a_place_that_is_another_one_or_cannot_be_reached_is_named() {
    headless(&box_of("prove: echo riki"))
        .stdout(has("prove: it says riki, expected masato"))
        .stdout(has("is this the place that is meant?"))
        .stderr(has("cannot get in"))
        .status(27);
    headless(&box_of("via: ['false']"))
        .stdout(has("FAULT masato by false"))
        .stdout(has("help: this must work by hand first: false true"))
        .stderr(has("cannot get in"))
        .status(27);
    let piped = Case::new().runbook("forum", &runbook(&box_of("via: ['false']"))).args(["run", "forum", "--plain"]);
    piped.stdin("\ng because\n").stdout(has("FAULT")).stderr(has("cannot get in at masato")).status(27);
}

#[test]
fn without_a_terminal_ssh_asks_nobody_and_what_it_said_is_told_with_a_remedy() {
    let case = headless(&box_of("via: ssh"));
    let bin = case.room().home().join("bin");
    let asked = bin.join("asked");
    let text = format!(
        "case \"$*\" in *BatchMode=yes*) ;; *) touch {} ;; esac\necho 'Host key verification failed.' >&2\nexit 255\n",
        asked.display()
    );
    program(&bin, "ssh", &text);
    case.env("PATH", &path_with(&bin))
        .stdout(has("ssh: Host key verification failed."))
        .stdout(has("compare the fingerprint with the one your team gave you"))
        .stderr(has("cannot get in at masato"))
        .status(27);
    assert!(!asked.exists());
}

#[test]
fn the_sockets_of_shared_lines_are_in_the_runtime_folder_of_the_person_and_ssh_is_named_once() {
    use std::os::unix::fs::PermissionsExt;
    let case = headless(&box_of("via: ssh"));
    let bin = case.room().home().join("bin");
    let runtime = tempfile::Builder::new().prefix("lc").tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(runtime.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let words = bin.join("words");
    let text = format!(
        "echo \"$*\" >> {}\necho 'ssh: Could not resolve hostname masato: Name or service not known' >&2\nexit 255\n",
        words.display()
    );
    program(&bin, "ssh", &text);
    let _room = case
        .env("PATH", &path_with(&bin))
        .env("XDG_RUNTIME_DIR", runtime.path().to_str().unwrap())
        .stdout(has("FAULT masato\n"))
        .stdout(has("ssh: Could not resolve hostname masato"))
        .stdout(lacks("ssh: ssh:"))
        .stderr(has("cannot get in at masato"))
        .status(27);
    let words = std::fs::read_to_string(words).unwrap();
    assert!(words.contains(&format!("ControlPath={}/locum/%C", runtime.path().display())), "{words}");
}

/// A stage whose `ssh` wants a passphrase once, on the terminal, and then runs what it is given here.
fn behind_a_passphrase() -> (Stage, Pty) {
    let stage =
        Stage::new(&format!("locum: 1\ntitle: The forum\n{}{CHANGE}", box_of("via: ssh, user: nobody-of-here")));
    let (bin, open) = (stage.path("bin"), stage.path("dir/open"));
    let open = open.display();
    program(
        &bin,
        "ssh",
        &format!(
            "for last; do :; done\ncase \"$*\" in\n\
             *BatchMode=yes*) [ -e {open} ] || {{ echo 'Permission denied (publickey).' >&2; exit 255; }}; exec sh -c \"$last\" ;;\n\
             *) printf 'passphrase for masato: ' > /dev/tty; read -r word < /dev/tty; [ \"$word\" = secret ] && touch {open} ;;\nesac\n"
        ),
    );
    program(&bin, "sudo", "while [ \"$1\" != -- ]; do shift; done\nshift\nexec \"$@\"\n");
    let mut command = stage.command(&["run", "x"]);
    command.env("PATH", path_with(&bin));
    let pty = Pty::start(&command);
    (stage, pty)
}

#[test]
fn at_a_terminal_ssh_asks_there_and_then_the_screen_shows_who_is_in() {
    let (stage, mut pty) = behind_a_passphrase();
    pty.shows("passphrase for masato:");
    pty.press("secret\r");
    pty.shows("go into repair");
    let screen = pty.screen();
    assert!(screen.contains("Get in") && screen.contains("ok    masato as nobo"), "{screen}");
    let access = stage.run().access.values().next().unwrap().clone();
    assert_eq!(access.held, ["ssh", "sudo"]);
    pty.press("q");
    eventually("it is left", || pty.has_ended());
}

#[test]
fn who_cannot_get_in_may_try_again_go_on_with_a_reason_or_leave() {
    let (stage, mut pty) = behind_a_passphrase();
    pty.shows("passphrase for masato:");
    pty.press("wrong\r");
    pty.shows("Cannot get in at masato as nobody-of-here. Nothing ran.");
    assert!(pty.said().contains("`ssh-add` your key"), "{}", pty.said());
    pty.press("g\r");
    pty.shows("going on wants a reason");
    pty.press("\r");
    pty.shows("passphrase for masato:");
    eventually("it asks once more", || pty.said().matches("passphrase for masato:").count() == 2);
    pty.press("wrong\r");
    eventually("it is said once more", || pty.said().matches("Cannot get in at").count() == 2);
    pty.press("g that node is the one that is down\r");
    pty.shows("go into repair");
    assert!(pty.screen().contains("FAULT masato"), "{}", pty.screen());
    let remarks: Vec<_> = stage.run().remarks.into_iter().map(|remark| remark.text).collect();
    assert_eq!(remarks, ["went on without getting in at masato as nobody-of-here: that node is the one that is down"]);
    pty.press("q");
    eventually("it is left", || pty.has_ended());
}

#[test]
fn a_drill_gets_in_nowhere() {
    let ended = crate::support::Case::new()
        .args(["drill", "--plain"])
        .stdin("q\n")
        .stdout(lacks("Get in"))
        .stdout(has("DRILL"))
        .status(23);
    assert!(ended.journal().iter().all(|record| record["kind"] != "access"));
}
