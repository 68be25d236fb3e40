//! Deeds by hand, and what is measured beside the screen: nobody is told to do something before what it needs was
//! measured, and no key waits for a measure.

use locum::engine::record::Event;

use crate::stage::pty::Pty;
use crate::stage::{Stage, eventually};

const DEED: &str = "locum: 1
title: A cable
diagnose:
  - id: look
    check: test -d DIR
repair:
  - id: pull
    by_hand: Pull the cable.
    needs: test -e DIR/spare
";

fn kinds(stage: &Stage) -> Vec<&'static str> {
    let kind = |event: &Event| match event {
        Event::NeedsMeasured { needs, .. } if needs.iter().all(|need| need.held) => "needs hold",
        Event::NeedsMeasured { .. } => "needs do not hold",
        Event::StepIntended(intent) if intent.step.id == "pull" => "pull",
        _ => "",
    };
    stage.records().iter().map(|record| kind(&record.event)).filter(|kind| !kind.is_empty()).collect()
}

#[test]
fn what_a_deed_needs_is_measured_before_anybody_is_told_to_do_it() {
    let stage = Stage::new(DEED);
    let told = stage.fed(&["run", "x", "--plain"], b"\ny\nd\n\nd\nq\n");
    let (first, after) = told.out.split_once("NOT NOW.").expect("it is refused");
    assert!(first.contains("DO NOTHING YET.") && !first.contains("YOU DO THIS YOURSELF"), "{}", told.out);
    assert!(first.contains("`d` is no key here") && after.contains("`d` is no key here"), "{}", told.out);
    assert!(after.contains("DOES NOT HOLD: test -e"), "{}", told.out);
    assert_eq!(kinds(&stage), ["needs do not hold"]);
    stage.touch("spare");
    // What holds is on record, so that who comes back may say how it ended.
    stage.fed(&["resume", &stage.run_id(), "--plain"], b"\nq\n").says("YOU DO THIS YOURSELF");
    std::fs::remove_file(stage.path("dir/spare")).unwrap();
    stage.fed(&["resume", &stage.run_id(), "--plain"], b"d\ny\n");
    assert_eq!(kinds(&stage), ["needs do not hold", "needs hold", "pull"]);
}

#[test]
fn without_a_person_it_is_measured_too() {
    let stage = Stage::new(DEED);
    stage.answers("answers: { repair: enter, pull: done }\n");
    let told = stage.locum(&["run", "x", "--headless", "--answers", "answers.yaml"]);
    told.exits(21).says("what it needs does not hold: test -e");
    assert_eq!(kinds(&stage), ["needs do not hold"]);
    stage.touch("spare");
    stage.resume(&[]);
    assert_eq!(kinds(&stage), ["needs do not hold", "needs hold", "pull"]);
}

/// A guard that takes its time.
const SLOW_GUARD: &str = "locum: 1
title: A slow guard
must_not_change:
  - what: the list of things
    output_of: 'while test -d DIR -a ! -e DIR/go; do sleep 0.01; done; echo things'
repair:
  - id: pull
    by_hand: Pull the cable.
";

#[test]
fn keys_are_answered_while_guards_are_measured() {
    let stage = Stage::new(SLOW_GUARD);
    let mut pty = Pty::start(&stage.command(&["run", "x"]));
    pty.shows("go into repair");
    pty.press("y");
    stage.wait_for_look("while test -d DIR -a ! -e DIR/go");
    pty.shows("guards are measured");
    pty.press("?");
    pty.shows("If you are not sure");
    pty.press("?");
    // A key that comes with the next card is dropped, as all that is typed ahead.
    eventually("the help is closed", || !pty.screen().contains("What is this?"));
    stage.touch("go");
    pty.shows("YOU DO THIS YOURSELF");
    std::fs::remove_file(stage.path("dir").join("go")).unwrap();
    pty.press("d");
    stage.wait_for_look("while test -d DIR -a ! -e DIR/go");
    pty.shows("what must hold now is measured");
    pty.press("?");
    pty.shows("If you are not sure");
    assert_eq!(kinds(&stage), Vec::<&str>::new(), "nothing is recorded before it was measured");
    stage.touch("go");
    eventually("the deed is recorded", || kinds(&stage) == ["pull"]);
}
