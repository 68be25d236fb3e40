//! `preflight`: whether one can get in, and the looks of diagnose, once; recorded, and never an open run.

use crate::support::case::{Case, Room};
use crate::support::{has, lacks};

const FORUM: &str = "\
locum: 1
title: The forum is slow
diagnose:
  - { id: there, check: test -d runbooks }
  - { id: queue, check: 'echo 900 waiting; false', if_not: { then: stop } }
  - { id: later, wait: 'false', every: 1s, at_most: 1h }
  - { id: which, question: Which worker?, capture: worker }
  - { id: worker, check: 'printf %s -- {{ worker }}' }
  - { id: tell, announce: We look at it., to: [team] }
  - { id: last, check: 'true', then: stop }
repair:
  - { id: restart, change: touch restarted, risk: low, no_undo: n }
verify:
  - { id: after, check: test -e verified }
";

fn room() -> Room {
    let case = Case::new().runbook("forum", FORUM);
    let config = case.room().home().join(".config/locum");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.yaml"), "channels: { team: { command: [touch, told] } }\n").unwrap();
    case.room()
}

#[test]
fn every_look_is_asked_once_whatever_the_others_find_and_what_needs_a_person_is_left_out() {
    let room = room();
    let ended = room
        .case()
        .args(["preflight", "forum", "--plain", "--as", "pepe"])
        .stdout(has("NOT REVIEWED"))
        .stdout(has("Get in\n  ok    "))
        .stdout(has("Look\n  ok    there\n  FAULT queue\n"))
        .stdout(has("        900 waiting\n"))
        .stdout(has("  FAULT later\n"))
        .stdout(has("  ?     worker\n        "))
        .stdout(has("  ok    last\n"))
        .stdout(has("  -     Which worker?\n"))
        .stdout(has("2 ok, 2 FAULT, 1 cannot tell, 2 not asked"))
        .stdout(has("is closed, nothing was changed"))
        .status(1);
    for name in ["restarted", "told"] {
        assert!(!room.work().join(name).exists() && !room.home().join(name).exists(), "{name}");
    }
    let (run, journal) = (ended.run(), ended.journal());
    assert_eq!((&journal[0]["mode"], &journal[0]["who"]["claimed"]), (&"preflight".into(), &"pepe".into()));
    assert_eq!(journal.last().unwrap()["outcome"], "preflight");
    room.case().args(["runs"]).stdout(has("PREFLIGHT")).stdout(has("closed: a preflight")).status(0);
    room.case().args(["runs", "--open"]).stdout(has("no runs")).status(0);
    room.case().args(["log", &run]).stdout(has("get in: ")).stdout(has("pepe opened a PREFLIGHT run")).status(0);
    room.case().args(["audit", &run]).stdout(has("every line is whole")).status(0);
    room.case().args(["report", &run]).stdout(has("# PREFLIGHT: ")).stdout(has("get in at ")).status(0);
}

#[test]
fn where_all_is_well_it_ends_with_0_and_where_one_cannot_get_in_with_27() {
    let well = "locum: 1\ntitle: Well\ndiagnose: [ { check: 'true' } ]\nrepair: [ Restart it. ]\n";
    let room = Case::new().runbook("well", well).room();
    room.case().args(["preflight", "well"]).stdout(has("1 ok, 0 FAULT, 0 cannot tell, 0 not asked")).status(0);
    let target = "targets: { box: { host: masato, commands: [no-such-program] } }\nwhere: box\n";
    let barred = room.case().runbook("barred", &format!("{well}{target}"));
    barred
        .args(["preflight", "barred"])
        .stdout(has("FAULT masato"))
        .stdout(has("missing: no-such-program"))
        .stdout(has("cannot get in at 1 of 1; 1 ok"))
        .status(27);
}

#[test]
fn json_is_one_object_with_everything_in_it() {
    let ended = room().case().args(["preflight", "forum", "--json"]).stdout(has("{")).status(1);
    let told: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&told["runbook"], &told["exit"]), (&"forum".into(), &1.into()));
    assert_eq!(told["access"][0]["judged"], "passed");
    let looks: Vec<_> = told["looks"].as_array().unwrap().iter().map(|look| (&look["step"], &look["judged"])).collect();
    let look = |step: &str| looks.iter().find(|(id, _)| *id == step).unwrap().1.as_str().unwrap();
    assert_eq!(
        [look("there"), look("queue"), look("which"), look("worker")],
        ["ok", "FAULT", "not asked", "cannot tell"]
    );
}

#[test]
fn one_that_was_broken_off_is_no_open_run_and_is_not_gone_on_with() {
    use crate::stage::Stage;
    let stage = Stage::new(
        "locum: 1\ntitle: Slow\ndiagnose: [ { id: slow, check: 'echo on; sleep 47' } ]\nrepair: [ Restart it. ]\n",
    );
    let mut child = stage.command(&["preflight", "x"]).stdout(std::process::Stdio::null()).spawn().unwrap();
    stage.wait_for_look("sleep 47");
    child.kill().unwrap();
    child.wait().unwrap();
    let run = stage.run_id();
    stage.locum(&["runs", "--open"]).exits(0).says("no runs");
    stage.locum(&["resume", &run, "--plain"]).exits(2).says("start another: locum preflight x");
    stage.answers("answers: {}\n");
    let told = stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]);
    assert!(!told.err.contains("same place"), "{told:?}");
}

#[test]
fn it_takes_inputs_and_starts_no_draft_of_a_part() {
    let part = "locum: 1\ntitle: A part\npart: true\nrepair: [ Restart it. ]\n";
    Case::new().runbook("part", part).args(["preflight", "part"]).stderr(has("is a part")).status(3);
    let asks = "locum: 1\ntitle: Asks\ninputs: { node: { pattern: '[a-z]+' } }\ndiagnose: [ { id: a, check: '[ {{ node }} = masato ]' } ]\nrepair: [ x ]\n";
    let room = Case::new().runbook("asks", asks).room();
    room.case().args(["preflight", "asks"]).stderr(has("values are missing: -i node=")).status(20);
    room.case()
        .args(["preflight", "asks", "-i", "node=masato"])
        .stdout(lacks("FAULT masato"))
        .stdout(has("Look"))
        .status(0);
}
