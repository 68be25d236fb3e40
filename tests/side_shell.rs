//! The side shell: a person looks around outside of the runbook; each command is judged and on record before it runs,
//! what is forbidden does not run, what it breaks stops the run, and nothing of it is lost with the screen.

use std::fs;

use locum::engine::Position;
use locum::engine::record::Event;
use locum::engine::run::{ShellCommand, SideShell};

use crate::stage::pty::Pty;
use crate::stage::{Stage, eventually, kill};

const BOOK: &str = "locum: 1
title: Look around
scope:
  files: [DIR/etc]
  if_broken: { means: Nobody can read it any more., do_not: restart anything }
forbidden:
  - { match: forumctl ca new, because: it cannot be made again }
diagnose:
  - { id: look, question: Is it up? }
repair:
  - { id: mend, change: 'true', risk: low, no_undo: nothing stays }
";

fn stage(runbook: &str) -> Stage {
    let stage = Stage::new(runbook);
    fs::create_dir(stage.path("dir/etc")).unwrap();
    fs::create_dir(stage.path("dir/bin")).unwrap();
    stage
}

fn plain(stage: &Stage) -> Pty {
    let pty = Pty::start(&stage.command(&["run", "x", "--plain"]));
    pty.wait_for("A question.", 1);
    pty
}

/// In a side shell, at its prompt.
fn inside(stage: &Stage) -> Pty {
    let mut pty = plain(stage);
    pty.answer("!");
    pty.wait_for("why do you open a side shell", 1);
    pty.answer("to look around");
    at_prompt(&pty);
    pty
}

fn at_prompt(pty: &Pty) {
    pty.wait_for("every command is recorded", 1);
    // Root's is another.
    eventually("a prompt", || pty.said().ends_with("$ ") || pty.said().ends_with("# "));
}

/// Types a line and waits until it has its end on record.
fn line(stage: &Stage, pty: &mut Pty, text: &str) {
    let before = shell(stage).commands.len();
    pty.type_blindly(&format!("{text}\r"));
    eventually(text, || {
        let commands = shell(stage).commands;
        commands.len() > before && commands.last().is_some_and(|one| one.code.is_some() || one.refused.is_some())
    });
}

fn shell(stage: &Stage) -> SideShell {
    stage.run().shells.last().expect("a side shell was opened").clone()
}

fn texts(commands: &[ShellCommand]) -> Vec<(&str, Option<i32>)> {
    commands.iter().map(|one| (one.text.as_str(), one.code)).collect()
}

/// Ends the shell and waits for the next card.
fn leave(stage: &Stage, pty: &mut Pty) {
    pty.type_blindly("exit\r");
    eventually("it has ended", || !shell(stage).is_open());
}

#[test]
fn each_command_is_a_deviation_on_record_with_its_end_and_the_run_goes_on() {
    let stage = stage(BOOK);
    let mut pty = inside(&stage);
    line(&stage, &mut pty, "echo $((6 * 7)) > DIR/told".replace("DIR", stage.path("dir").to_str().unwrap()).as_str());
    line(&stage, &mut pty, "false");
    line(&stage, &mut pty, "for i in 1 2 3; do echo turn-$i; done");
    leave(&stage, &mut pty);
    pty.wait_for("the side shell has ended: 4 commands, each a deviation; the guards hold", 1);
    assert_eq!(fs::read_to_string(stage.path("dir/told")).unwrap(), "42\n");
    let shell = shell(&stage);
    assert_eq!((shell.opening.reason.as_str(), shell.opening.host.is_empty()), ("to look around", false));
    let codes: Vec<_> = shell.commands.iter().map(|one| one.code).collect();
    assert_eq!(codes, [Some(0), Some(1), Some(0), None], "{:?}", texts(&shell.commands));
    assert_eq!(shell.commands[2].text, "for i in 1 2 3; do echo turn-$i; done");
    assert_eq!(stage.run().position, Position::Step { step: "look".parse().unwrap() });
    pty.wait_for("A question.", 2);
    pty.answer("q");
    let run = stage.run_id();
    stage.locum(&["audit", &run]).exits(0);
    stage.locum(&["log", &run]).exits(0).says("DEVIATION in the side shell: false");
    stage.locum(&["report", &run]).exits(0).says("## Outside the runbook").says("**deviation, exit 1**: `false`");
    stage.locum(&["replay", &run]).exits(0).says("    | turn-3");
}

#[test]
fn a_forbidden_command_is_refused_and_nothing_of_its_line_begins() {
    let stage = stage(BOOK);
    let forum = stage.path("dir/bin/forumctl");
    fs::write(&forum, "#!/bin/sh\necho \"$@\" >> \"${0%/*}/ran\"\n").unwrap();
    fs::set_permissions(&forum, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let bin = stage.path("dir/bin").display().to_string();
    let mut pty = inside(&stage);
    line(&stage, &mut pty, &format!("PATH={bin}:$PATH; cd {bin}"));
    line(&stage, &mut pty, "{ echo x; forumctl ca new; } > made");
    pty.wait_for("because it cannot be made again", 1);
    // Behind an alias, and in a function that was made before.
    line(&stage, &mut pty, "alias f=forumctl");
    line(&stage, &mut pty, "f ca new");
    line(&stage, &mut pty, "both() { touch before; f ca new; touch after; }; echo defined");
    line(&stage, &mut pty, "both");
    line(&stage, &mut pty, "forumctl ca list");
    leave(&stage, &mut pty);
    assert_eq!(fs::read_to_string(stage.path("dir/bin/ran")).unwrap(), "ca list\n");
    assert!(!stage.has("bin/made"), "not even the file of its redirection is made");
    assert!(stage.has("bin/before") && !stage.has("bin/after"), "the function is broken off");
    let shell = shell(&stage);
    let refused: Vec<_> =
        shell.commands.iter().filter(|one| one.refused.is_some()).map(|one| one.text.as_str()).collect();
    assert_eq!(refused, ["{ echo x; forumctl ca new; } > made", "forumctl ca new", "forumctl ca new"]);
    pty.answer("q");
}

#[test]
fn a_command_is_on_record_before_it_runs() {
    let stage = stage(BOOK);
    let mut pty = inside(&stage);
    let segment = stage.folder().segments().unwrap()[0].path.display().to_string();
    // What it reads of the journal is what was durable when it ran.
    pty.type_blindly(&format!("grep -c 'marker-7' {segment}; : marker-7\r"));
    pty.wait_for("\n1\n", 1);
    leave(&stage, &mut pty);
    pty.answer("q");
}

#[test]
fn what_it_breaks_freezes_the_run_and_the_way_out_says_so() {
    let stage = stage(BOOK);
    let mut pty = inside(&stage);
    let etc = stage.path("dir/etc/new").display().to_string();
    line(&stage, &mut pty, &format!("touch {etc}"));
    leave(&stage, &mut pty);
    pty.wait_for("STOPPED: 1 of what must not change did.", 1);
    pty.wait_for("while the side shell was open", 1);
    pty.wait_for("Nobody can read it any more.", 1);
    assert!(stage.run().is_frozen());
    pty.answer("q");
    pty.wait_for("leave all the same", 1);
    pty.answer("q");
    eventually("it has ended", || pty.has_ended());
    stage.answers("answers: { look: yes }\n");
    stage.resume(&[]).exits(24);
}

#[test]
fn without_a_reason_nothing_opens() {
    let stage = stage(BOOK);
    let mut pty = plain(&stage);
    pty.answer("shell");
    pty.wait_for("why do you open a side shell", 1);
    pty.answer("");
    pty.wait_for("A question.", 2);
    pty.answer("q");
    eventually("it has ended", || pty.has_ended());
    assert!(stage.run().shells.is_empty());
    let piped = stage.fed(&["resume", &stage.run_id(), "--plain"], b"!\nwhy\nq\n");
    piped.says("a side shell needs a terminal");
    assert!(stage.run().shells.is_empty());
}

#[test]
fn on_the_screen_escape_opens_nothing_and_a_reason_opens_it() {
    let stage = stage(BOOK);
    let mut pty = Pty::start(&stage.command(&["run", "x"]));
    pty.shows("A question.");
    pty.press("!");
    pty.shows("A side shell on THIS machine, outside the runbook and on record.");
    pty.press("why\x1b");
    pty.shows("nothing happened");
    assert!(stage.run().shells.is_empty());
    pty.press("!");
    pty.shows("A side shell on THIS machine, outside the runbook and on record.");
    pty.press("to look around\r");
    at_prompt(&pty);
    line(&stage, &mut pty, "echo here");
    pty.press("\x1d");
    pty.shows("NO: a side shell is open");
    pty.press("g");
    pty.wait_for("Ctrl-] takes your terminal back", 2);
    leave(&stage, &mut pty);
    pty.shows("the guards hold");
    pty.press("q");
    eventually("it has ended", || pty.has_ended());
    assert!(pty.is_cooked());
}

#[test]
fn a_killed_screen_leaves_a_shell_in_which_nothing_new_runs_and_resume_tells() {
    let stage = stage(BOOK);
    let mut pty = inside(&stage);
    line(&stage, &mut pty, "echo before");
    kill(stage.holder());
    drop(pty);
    assert!(shell(&stage).is_open());
    let run = stage.run_id();
    stage.answers("answers: { look: yes }\n");
    stage.resume(&[]).exits(20).says("a side shell is open");
    let mut back = Pty::start(&stage.command(&["resume", &run, "--plain"]));
    back.wait_for("a side shell was open", 1);
    back.wait_for("echo before", 1);
    back.wait_for("type `g` to go in", 1);
    back.answer("g");
    back.wait_for("Ctrl-] takes your terminal back", 1);
    line(&stage, &mut back, "echo after");
    leave(&stage, &mut back);
    back.wait_for("the guards hold", 1);
    assert_eq!(texts(&shell(&stage).commands)[..2], [("echo before", Some(0)), ("echo after", Some(0))]);
    back.wait_for("A question.", 1);
    back.answer("q");
}

#[test]
fn when_the_shell_ended_without_the_screen_its_guards_are_measured_at_the_resume() {
    let stage = stage(BOOK);
    let mut pty = inside(&stage);
    let etc = stage.path("dir/etc/new").display().to_string();
    line(&stage, &mut pty, &format!("sh -c \"sleep 2; touch {etc}; kill -9 $$\" & disown"));
    kill(stage.holder());
    eventually("it is made", || stage.has("etc/new"));
    drop(pty);
    let id = shell(&stage).opening.shell;
    eventually("the shell is gone", || {
        let files = locum::journal::Evidence::at(&stage.folder().sup(), &id.0).unwrap();
        !locum::journal::SupLock::is_held(&files.lock())
    });
    stage.answers("answers: { look: yes }\n");
    stage.resume(&[]).exits(24);
    assert!(!shell(&stage).is_open() && stage.run().is_frozen());
}

#[test]
fn a_secret_is_not_in_its_environment_and_not_in_what_is_kept_of_it() {
    let book = BOOK.replace(
        "diagnose:",
        "inputs:\n  token: { about: A token, secret: true, from: { env: TOKEN } }\ndiagnose:\n  - { id: uses, check: 'test -n \"$T\"', env: { T: '{{ token }}' } }",
    );
    let stage = stage(&book);
    let mut command = stage.command(&["run", "x", "--plain"]);
    command.env("TOKEN", "hunter2hunter2");
    let mut pty = Pty::start(&command);
    pty.wait_for("This look changes nothing", 1);
    pty.answer("!");
    pty.wait_for("why do you open a side shell", 1);
    pty.answer("to look around");
    at_prompt(&pty);
    line(&stage, &mut pty, "env | grep -c hunter2hunter2");
    assert_eq!(shell(&stage).commands.last().unwrap().code, Some(1), "nothing of it is there");
    leave(&stage, &mut pty);
    pty.answer("q");
    assert!(!String::from_utf8_lossy(&pty.bytes()).contains("c hunter2hunter2\r\n1"));
    for entry in walk(&stage.state()) {
        let kept = fs::read(&entry).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&kept).contains("hunter2hunter2"), "{}", entry.display());
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn the_users_own_files_are_not_read() {
    let stage = stage(BOOK);
    for name in [".bashrc", ".bash_profile", ".profile", ".inputrc"] {
        fs::write(stage.path("home").join(name), "touch \"$HOME/read\"\n").unwrap();
    }
    let mut pty = inside(&stage);
    line(&stage, &mut pty, "echo here");
    leave(&stage, &mut pty);
    pty.answer("q");
    assert!(!stage.path("home/read").exists() && !stage.path("home/.bash_history").exists());
}

#[test]
fn a_run_that_only_looks_has_none() {
    let stage = stage(BOOK);
    let mut pty = Pty::start(&stage.command(&["run", "x", "--look", "--plain"]));
    pty.wait_for("A question.", 1);
    pty.answer("!");
    pty.wait_for("is no key here", 1);
    pty.answer("q");
    assert!(!stage.records().iter().any(|record| matches!(record.event, Event::ShellOpened(_))));
}
