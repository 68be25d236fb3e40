//! A runbook in another one: its names are its own, it is frozen with the run, and its rules hold.

use crate::support::{Case, has};

const NIGHT: &str = "\
locum: 1
title: Repair the site
inputs: { node: { default: masato } }
diagnose:
  - { id: who, check: 'echo around', capture: word }
repair:
  - include: queue
    id: each
    for_each: { host: [kengo, riki] }
    when: word == 'around'
    inputs: { node: \"{{ host_of }}\" }
verify:
  - { id: whole, check: test -e kengo.done }
";

const QUEUE: &str = "\
locum: 1
title: Restart one queue
part: true
inputs: { node: { pattern: '[a-z]+' }, word: { default: inner } }
forbidden: [{ match: drop-queue, because: it loses the queue }]
repair:
  - { id: find, check: 'echo {{ node }}-{{ word }}', capture: { found: { pattern: '[a-z]+-[a-z]+' } } }
  - id: restart
    change: 'echo {{ found }} $LOCUM_INPUT_NODE > {{ node }}.done'
    risk: low
    no_undo: a restart
    when: passed(\"find\")
  - { id: other, by_hand: Never., when: failed(\"find\"), risk: low, no_undo: x }
";

fn night() -> String {
    NIGHT.replace("host: [", "host_of: [")
}

fn case() -> Case {
    Case::new().runbook("night", &night()).runbook("queue", QUEUE)
}

const ANSWERS: &str = "answers: { repair: enter, each.restart: each.restart }\n";

#[test]
fn an_included_runbook_runs_with_its_own_names_in_every_turn() {
    let ended = case()
        .file("answers.yaml", ANSWERS)
        .args(["run", "night", "--headless", "--answers", "answers.yaml"])
        .stdout(has("each.restart[2]: ok"))
        .stdout(has("\ndone\n"))
        .status(0);
    let read = |name: &str| std::fs::read_to_string(ended.room.work().join(name)).unwrap();
    assert_eq!(read("kengo.done"), "kengo-inner kengo\n");
    assert_eq!(read("riki.done"), "riki-inner riki\n");
    let run = ended.run();
    let frozen = std::fs::read_to_string(ended.room.run(&run).join("bundle/included/queue.yaml")).unwrap();
    assert_eq!(frozen, crate::support::case::as_we_run(QUEUE));
    let names: Vec<_> = ended.journal().iter().filter_map(|record| record["captured"].as_object().cloned()).collect();
    let found: Vec<_> = names.iter().filter_map(|captured| captured.get("each.found")).collect();
    assert_eq!(found, ["kengo-inner", "riki-inner"]);

    let report = ended.room.case().args(["report", &run]).stdout(has("each.restart")).status(0);
    report.room.case().args(["audit", &run]).stdout(has("every line is whole and in its place")).status(0);
}

#[test]
fn a_run_goes_on_with_the_included_runbook_that_it_began_with() {
    let cut = case()
        .file("answers.yaml", "answers: { repair: enter, 'each.restart[1]': each.restart }\n")
        .args(["run", "night", "--headless", "--answers", "answers.yaml"])
        .stdout(has("each.restart[2]: a person must decide"))
        .status(20);
    let (run, room) = (cut.run(), cut.room);
    let again = room.case().runbook("queue", "locum: 1\ntitle: x\nrepair: [Another thing.]\n");
    again
        .file("answers.yaml", ANSWERS)
        .args(["resume", &run, "--headless", "--answers", "answers.yaml"])
        .stdout(has("\ndone\n"))
        .status(0);
    assert_eq!(std::fs::read_to_string(room.work().join("riki.done")).unwrap(), "riki-inner riki\n");
}

#[test]
fn a_part_is_not_run_by_itself() {
    let message = "error: `queue` is a part of other runbooks (`part: true`); run one that includes it\n";
    case().args(["run", "queue", "-i", "node=x"]).stderr(crate::support::is(message)).status(3);
}

#[test]
fn what_the_included_runbook_forbids_is_refused_around_it() {
    let night = night()
        .replace("verify:", "  - { id: hard, change: 'echo x; drop-queue all', risk: low, no_undo: x }\nverify:");
    let answers = "answers: { repair: enter, each.restart: each.restart, hard: hard }\n";
    case()
        .runbook("night", &night)
        .file("answers.yaml", answers)
        .args(["run", "night", "--headless", "--answers", "answers.yaml"])
        .stdout(has("each.restart[2]: ok"))
        .stderr(has("forbidden: `drop-queue`, because it loses the queue; nothing ran"))
        .status(5);
}

#[test]
fn show_and_a_dry_run_write_the_steps_of_the_included_runbook() {
    let queue = "locum: 1\ntitle: Restart one queue\npart: true\ninputs: { node: { pattern: '[a-z]+' } }\nrepair: [{ id: restart, change: 'restart {{ node }}', no_undo: x }]\n";
    let night = "locum: 1\ntitle: Night\ninputs: { node: { default: masato } }\nrepair: [{ include: queue, inputs: { node: 'x{{ node }}' } }]\nverify: [{ check: 'true' }]\n";
    let case = Case::new().runbook("night", night).runbook("queue", queue);
    let room = case.room();
    case.args(["show", "night", "-i", "node=kengo"])
        .stdout(has("restart xkengo"))
        .stdout(has("the runbook queue"))
        .status(0);
    room.case().args(["run", "night", "--dry-run", "-i", "node=kengo"]).stdout(has("restart xkengo")).status(0);
}

#[test]
fn a_value_that_the_included_runbook_does_not_allow_runs_nothing() {
    let night = night().replace("kengo, riki", "'--all'");
    case()
        .runbook("night", &night)
        .file("answers.yaml", ANSWERS)
        .args(["run", "night", "--headless", "--answers", "answers.yaml"])
        .stdout(has("`node` of `queue` does not allow what step `each` gives it"))
        .status(20);
}

#[test]
fn a_circle_of_includes_is_named() {
    Case::new()
        .runbook("night", "locum: 1\ntitle: Night\nrepair: [{ include: day }]\n")
        .runbook("day", "locum: 1\ntitle: Day\nrepair: [{ include: night }]\n")
        .args(["lint", "--format", "concise"])
        .stdout(has("runbooks that include each other: day -> night -> day"))
        .stdout(has("runbooks that include each other: night -> day -> night"))
        .status(1);
}
