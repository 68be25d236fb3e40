//! Decisions of people: open, enter repair, already done, skip, run again, go on.

use crate::engine::Refusal;
use crate::engine::command::{Choice, Command};
use crate::engine::record::{EndResult, Facts, Judged, Mode};
use crate::engine::testkit::{Conversation, guards, key, matched, opening, plan};
use crate::engine::{Run, decide};

const CHANGES: &str =
    "repair: [ { id: a, change: 'true' }, { id: b, change: 'true' } ]\nverify: [ { id: c, check: 'true' } ]\n";

#[test]
fn a_run_is_opened_first_and_once() {
    let open = || Command::Open(Box::new(opening(Mode::Live, &[])));
    let mut run = Conversation::new(CHANGES);
    assert_eq!(run.refuses(open()), Refusal::OpenedAlready);
    let asked = crate::engine::testkit::asked(1, Command::Note { text: "x".to_owned() });
    let refusal = decide(&plan(CHANGES), &Run::new("x"), &asked).expect_err("it is refused");
    assert_eq!(refusal.to_string(), "the run is not open yet");
}

#[test]
fn the_first_step_may_depend_on_an_input() {
    let text = "inputs: { how: x }\ndiagnose: [ { id: a, check: x, when: \"how == 'full'\" }, { id: b, check: x } ]\n";
    Conversation::with(text, Mode::Live, &[("how", "full".into())]).stands("a");
    Conversation::with(text, Mode::Live, &[("how", "quick".into())]).stands("b").ends("a not taken");
}

#[test]
fn the_boot_is_written_where_it_changes() {
    let mut run = Conversation::new(CHANGES);
    run.enter().ok("a");
    let boots: Vec<_> = run.records.iter().filter_map(|record| record.at.boot.as_deref()).collect();
    assert_eq!(boots, ["boot-1"]);
    assert_eq!(run.run.boot.as_deref(), Some("boot-1"));
}

#[test]
fn repair_is_entered_at_its_gate_alone() {
    let mut run = Conversation::new("diagnose: [ { id: z, check: x } ]\nrepair: [ { id: a, change: x } ]\n");
    let enter = || Command::EnterRepair { guards: None, how: "key".to_owned() };
    assert!(matches!(run.refuses(enter()), Refusal::NotNow(_)));
    run.ok("z").enter().stands("a");
    assert!(matches!(run.refuses(enter()), Refusal::NotNow(_)));
}

#[test]
fn a_guard_that_is_broken_at_the_gate_freezes() {
    let mut run = Conversation::new("scope: { files: [/etc/x] }\nrepair: [ { id: a, change: x } ]\n");
    run.does(Command::EnterRepair { guards: Some(guards(&["ca.crt"])), how: "key".to_owned() }).stands("frozen");
}

#[test]
fn what_is_done_already_is_not_done_again() {
    let text = "repair: [ { id: a, change: 'true', done_when: [ { file: /x }, { file: /y } ], then: c }, { id: b, change: 'true' }, { id: c, check: 'true' } ]\n";
    let done = |held: &[bool]| Command::AlreadyDone {
        step: key("a"),
        held: held.iter().map(|held| matched("file", *held)).collect(),
        how: "key".to_owned(),
    };
    let mut run = Conversation::new(text);
    run.enter();
    for held in [&[][..], &[true], &[true, false]] {
        assert_eq!(run.refuses(done(held)).to_string(), "it does not hold that `a` is done already");
    }
    run.does(done(&[true, true])).stands("c").ends("a passed, b not taken");
    assert!(run.run.attempts.is_empty());
    let mut run = Conversation::new(text);
    let attempt = run.enter().begin("a");
    run.loses(&attempt).stands("unknown at a").does(done(&[true, true])).stands("c").ends("a passed");
}

#[test]
fn a_skip_needs_a_reason_and_is_a_deviation() {
    let mut run = Conversation::new(CHANGES);
    let skip = |reason: &str| Command::Skip { step: key("a"), reason: reason.to_owned() };
    run.enter();
    assert_eq!(run.refuses(skip(" ")), Refusal::ReasonMissing);
    run.does(skip("no time")).stands("b").ends("a skipped");
    let remarks: Vec<_> = run.run.remarks.iter().map(|remark| (remark.what, remark.text.as_str())).collect();
    assert_eq!(remarks, [("skipped", "no time"), ("deviation", "`a` was skipped: no time")]);
    assert!(matches!(run.refuses(skip("again")), Refusal::NotHere { .. }));
}

#[test]
fn a_failed_change_can_be_skipped_but_not_one_of_unknown_end() {
    Conversation::new(CHANGES).enter().fault("a").skip("a").stands("b").ends("a skipped");
    let mut run = Conversation::new(CHANGES);
    let attempt = run.enter().begin("a");
    run.loses(&attempt);
    assert!(matches!(run.refuses(Command::Skip { step: key("a"), reason: "x".to_owned() }), Refusal::NotHere { .. }));
}

#[test]
fn an_unknown_end_wants_a_decision_with_a_reason() {
    let lost = || {
        let mut run = Conversation::new(CHANGES);
        let attempt = run.enter().begin("a");
        run.loses(&attempt).stands("unknown at a").because("its supervisor is gone").ends("a unknown");
        run
    };
    let mut run = lost();
    assert!(matches!(run.refuses(Command::GoOn { reason: "x".to_owned(), how: "key".to_owned() }), Refusal::NotNow(_)));
    let Command::Decide { attempt, choice, how, .. } = run.decision("a", Choice::Done) else { unreachable!() };
    assert_eq!(run.refuses(Command::Decide { attempt, choice, how, reason: String::new() }), Refusal::ReasonMissing);
    lost().decides("a", Choice::Done).stands("b").ends("a passed");
    lost().decides("a", Choice::RunAgain).stands("a").ends("a open").ok("a").stands("b");
    lost().decides("a", Choice::Abort).stands("unknown at a").because("left so").ends("a unknown");
}

#[test]
fn a_decision_is_about_the_newest_attempt_of_the_step_at_hand() {
    let mut run = Conversation::new(CHANGES);
    run.enter().ok("a");
    let about_a = run.decision("a", Choice::RunAgain);
    assert!(matches!(run.refuses(about_a), Refusal::NotNow(_)), "the run has gone on");
    run.fault("b");
    let first = run.decision("b", Choice::Done);
    run.decides("b", Choice::RunAgain).fault("b");
    assert!(matches!(run.refuses(first), Refusal::NotNow(_)), "there is a newer one");
    run.decides("b", Choice::Done).stands("c");
}

#[test]
fn what_has_passed_is_not_called_done_again() {
    let mut run = Conversation::new("repair: [ { id: a, change: x }, { id: b, check: x, if_not: a } ]\n");
    run.enter().ok("a").fault("b").stands("a");
    assert!(matches!(run.refuses(run.decision("a", Choice::Done)), Refusal::NotNow(_)));
    run.decides("a", Choice::RunAgain).ends("a open").ok("a").stands("b");
}

#[test]
fn nobody_talks_a_proof_into_having_held() {
    let mut run = Conversation::new("verify: [ { id: a, check: x, if_not: stop }, { id: b, check: x } ]\n");
    run.fault("a").stands("runbook at a");
    assert!(matches!(run.refuses(run.decision("a", Choice::Done)), Refusal::NotNow(_)));
    run.decides("a", Choice::RunAgain).stands("a").ok("a").stands("b");
    Conversation::new("repair: [ { id: a, check: x }, { id: b, check: x } ]\n")
        .enter()
        .fault("a")
        .decides("a", Choice::Done)
        .stands("b");
}

#[test]
fn going_on_after_a_stop_needs_a_reason_and_is_a_deviation() {
    let mut run = Conversation::new("diagnose: [ { id: a, check: x, if_not: stop }, { id: b, check: x } ]\n");
    assert!(matches!(run.refuses(Command::GoOn { reason: "x".to_owned(), how: "key".to_owned() }), Refusal::NotNow(_)));
    run.fault("a").stands("runbook at a");
    assert_eq!(run.refuses(Command::GoOn { reason: " ".to_owned(), how: "key".to_owned() }), Refusal::ReasonMissing);
    run.go_on().stands("b").ends("a failed");
    assert!(run.run.remarks.iter().any(|remark| remark.what == "deviation" && remark.text.contains("komari says so")));
}

#[test]
fn a_failed_change_that_is_gone_behind_stays_failed() {
    Conversation::new(CHANGES).enter().fault("a").stands("step_failed at a").go_on().stands("b").ends("a failed");
}

#[test]
fn going_on_after_a_way_back_stands_at_the_step_again() {
    let mut run = Conversation::new("repair: [ { id: a, change: 'true', undo: ls }, { id: b, change: 'true' } ]\n");
    run.enter().ok("a").undo(Judged::Passed).stands("undone at a").go_on().stands("a").ok("a").stands("b");
}

#[test]
fn the_way_back_is_offered_and_then_it_stops() {
    let mut run = Conversation::new(
        "repair: [ { id: a, change: 'true', undo: ls }, { id: b, check: x, if_not: undo }, { id: c, change: 'true' } ]\n",
    );
    run.enter()
        .ok("a")
        .fault("b")
        .stands("offer_undo at b")
        .undo(Judged::Passed)
        .stands("undone at a")
        .ends("a open, b failed");
}

#[test]
fn nothing_is_decided_while_something_runs() {
    let mut run = Conversation::new(CHANGES);
    let attempt = run.enter().begin("a");
    let reason = || "x".to_owned();
    for command in [
        Command::Skip { step: key("a"), reason: reason() },
        Command::GoOn { reason: reason(), how: reason() },
        Command::RepairAgain { reason: reason(), how: reason() },
        Command::EnterRepair { guards: None, how: reason() },
        Command::AlreadyDone { step: key("a"), held: Vec::new(), how: reason() },
        run.decision("a", Choice::Done),
        run.close(crate::engine::record::Close::NotRepaired),
    ] {
        assert_eq!(run.refuses(command), Refusal::StillRunning { step: key("a"), attempt: attempt.clone() });
    }
    run.does(Command::Note { text: "it takes long".to_owned() }).ends("a running");
    run.finish(&attempt, Facts::new(EndResult::Exited, Judged::Passed)).stands("b");
}

#[test]
fn repair_again_is_asked_at_the_end_of_verify_alone() {
    let mut run = Conversation::new(CHANGES);
    let again = |reason: &str| Command::RepairAgain { reason: reason.to_owned(), how: "key".to_owned() };
    assert!(matches!(run.refuses(again("x")), Refusal::NotNow(_)));
    run.enter().ok("a").ok("b").fault("c").stands("not repaired");
    assert_eq!(run.refuses(again("")), Refusal::ReasonMissing);
    run.repair_again().stands("enter repair");
}
