//! Places: a command runs where the runbook says, once that place has proved itself, and host by host.

use crate::support::{Case, has};

/// Each machine is a folder, and `./on` is what brings a command there: it says which one it is.
const NODES: &str = "\
locum: 1
title: Restart the queue worker on every node
targets:
  nodes:
    host: [kyousuke, masato, kengo]
    via: [sh, on, \"{{ host }}\"]
    prove: cat name
    commands: [touch]
    env: { COLOUR: green }
diagnose:
  - id: alive
    check: test -e name
    where: nodes
repair:
  - id: restart
    title: Restart the worker
    change: test ! -e broken; echo \"$COLOUR\" > restarted
    where: nodes
    risk: high
    no_undo: The worker was not running before.
verify:
  - id: restarted
    check: test -e restarted
    where: nodes
";

const ON: &str = "cd -- \"$1\" || exit 127\nshift\nexec \"$@\"\n";

const ANSWERS: &str =
    "answers: { repair: enter, 'restart[1]': restart, 'restart[2]': restart, 'restart[3]': restart }\n";

fn nodes() -> Case {
    let mut case = Case::new().runbook("nodes", NODES).file("answers.yaml", ANSWERS).file("on", ON);
    for host in ["kyousuke", "masato", "kengo"] {
        case = case.file(&format!("{host}/name"), &format!("{host}\n"));
    }
    case
}

fn run(case: Case) -> Case {
    case.args(["run", "nodes", "--headless", "--answers", "answers.yaml"])
}

#[test]
fn a_change_goes_over_the_machines_one_by_one_and_each_is_proved_just_before() {
    let ended = run(nodes()).stdout(has("3 of 3 hold")).stdout(has("\ndone\n")).status(0);
    for host in ["kyousuke", "masato", "kengo"] {
        let said = std::fs::read_to_string(ended.room.work().join(host).join("restarted")).unwrap();
        assert_eq!(said, "green\n", "{host}");
    }
    let journal = ended.journal();
    let changes: Vec<_> = journal.iter().filter(|record| record["does"] == "change").collect();
    let proofs: Vec<_> = changes.iter().map(|change| change["target"]["got"].as_str().unwrap()).collect();
    assert_eq!(proofs, ["kyousuke", "masato", "kengo"]);
    assert_eq!(changes[1]["step"], "restart[2]");
    assert_eq!((&changes[1]["argv"][1], &changes[1]["argv"][2]), (&"on".into(), &"masato".into()));
    let look = journal.iter().find(|record| record["hosts"].is_array()).expect("the look was kept for each");
    assert_eq!(look["hosts"][2]["host"], "kengo");
}

#[test]
fn the_first_machine_that_fails_stops_it_and_the_rest_is_not_begun() {
    let ended = run(nodes().file("masato/broken", ""))
        .stdout(has("on masato; 1 of 3 machines done; not begun: kengo"))
        .status(21);
    assert!(ended.room.work().join("kyousuke/restarted").exists());
    assert!(!ended.room.work().join("kengo/restarted").exists(), "the third was not begun");
}

#[test]
fn a_place_that_answers_with_another_name_is_not_changed_and_no_key_overrides_it() {
    let text = NODES.replace("test ! -e broken;", "echo riki > ../masato/name;");
    let ended = run(nodes().runbook("nodes", &text))
        .stdout(has("restart[1]: ok"))
        .stderr(has("WRONG PLACE: masato answered `riki`, expected `masato`; nothing ran"))
        .status(5);
    assert!(!ended.room.work().join("masato/restarted").exists());
    let changes = ended.journal().iter().filter(|record| record["does"] == "change").count();
    assert_eq!(changes, 1, "only the first machine was changed");
}

#[test]
fn a_machine_that_cannot_be_reached_is_named_before_the_first_step() {
    let gone = nodes().file("kengo/name", "kengo\n").runbook("nodes", &NODES.replace("masato, kengo]", "masato, mio]"));
    run(gone).stdout(has("FAULT mio by sh")).stderr(has("cannot get in at mio by sh; nothing ran")).status(27);
}

#[test]
fn a_dry_run_says_where_each_step_runs_and_what_proves_it() {
    nodes()
        .args(["run", "nodes", "--dry-run"])
        .stdout(has("where: kyousuke, by `sh on kyousuke`"))
        .stdout(has("where: kengo, by `sh on kengo`"))
        .status(0);
    nodes().args(["show", "nodes"]).stdout(has("nodes: kyousuke, masato, kengo, by sh on")).status(0);
}
