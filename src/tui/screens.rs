//! Every view at three sizes, as snapshots. Nothing here but tests.

use ratatui::style::Modifier;

use super::talk::{Fake, Talk};
use crate::engine::command::Command;
use crate::engine::record::{Close, Mode};
use crate::engine::{Key, Position};
use crate::session::Busy;
use crate::view::sample::{self, Found, Sample};

const SIZES: [(u16, u16); 3] = [(80, 24), (40, 10), (200, 60)];

/// A view at all sizes, one below the other.
fn at_all_sizes(sample: impl Fn() -> Sample, act: impl Fn(Talk) -> Talk) -> String {
    let one = |size: (u16, u16)| format!("{}x{}\n{}", size.0, size.1, act(Talk::new(sample(), size)).text());
    SIZES.map(one).join("\n")
}

fn read(talk: Talk) -> Talk {
    talk
}

#[test]
fn a_look() {
    insta::assert_snapshot!(at_all_sizes(sample::certificate, read));
}

#[test]
fn the_gate_before_repair() {
    insta::assert_snapshot!(at_all_sizes(sample::at_the_gate, read));
}

#[test]
fn a_change() {
    insta::assert_snapshot!(at_all_sizes(sample::at_the_change, read));
}

#[test]
fn a_change_in_a_drill() {
    let sample = || {
        let mut sample = sample::open_as(sample::CERTIFICATE, Mode::Drill);
        sample.look("leaf", Found::Fault("expired 61 d"));
        sample.look("same-ca", Found::Ok("/etc/kubernetes/pki/apiserver.crt: OK"));
        sample
            .ask(Command::EnterRepair { guards: Some(sample::guards(&[])), how: "key".into() })
            .expect("repair is entered");
        sample
    };
    insta::assert_snapshot!(at_all_sizes(sample, read));
}

#[test]
fn a_word_is_typed() {
    let typed = |talk: Talk| {
        let mut talk = talk;
        for _ in 0..15 {
            talk = talk.keys("Space");
        }
        talk.keys("y").word("ren")
    };
    insta::assert_snapshot!(at_all_sizes(sample::at_the_change, typed));
}

#[test]
fn a_card_that_is_not_current() {
    insta::assert_snapshot!(at_all_sizes(sample::at_the_change, |talk| talk.keys("Down Down Down Down")));
}

#[test]
fn a_deed_by_hand() {
    let sample = || {
        let mut sample = sample::at_the_change();
        sample.change("renew", Found::Ok("renewed"));
        sample
    };
    insta::assert_snapshot!(at_all_sizes(sample, read));
}

#[test]
fn a_step_in_a_loop() {
    insta::assert_snapshot!(at_all_sizes(sample::in_the_loop, read));
}

#[test]
fn a_question_with_answers() {
    let text = "locum: 1\ntitle: The forum is slow\ndiagnose:\n  - id: which\n    question: Which of these is full?\n    why: The way on differs.\n    choices:\n      - { answer: the disk of the database, means: nothing can be written, then: repair }\n      - { answer: neither, then: done }\nrepair:\n  - { id: grow, change: 'true' }\n";
    insta::assert_snapshot!(at_all_sizes(|| sample::open(text), read));
}

/// Output of a step that runs.
fn output(folder: &tempfile::TempDir) -> std::path::PathBuf {
    let path = folder.path().join("a.out");
    let lines = (1..=40).fold(String::new(), |text, line| text + &format!("[certs] line {line}\n"));
    std::fs::write(&path, format!("{lines}\x1b[32mcertificate renewed\x1b[0m\n")).expect("written");
    path
}

fn begun() -> Sample {
    let mut sample = sample::at_the_change();
    sample.begin("renew", None);
    sample
}

fn running(fake: &mut Fake) {
    let attempt = fake.sample.run.running().expect("it runs").intent.attempt.clone();
    fake.busy = Some(Busy::Running { attempt, step: Key::new("renew") });
}

#[test]
fn a_change_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = output(&folder);
    let act = |talk: Talk| {
        talk.then(|fake| {
            fake.output = Some(path.clone());
            running(fake);
        })
    };
    insta::assert_snapshot!(at_all_sizes(begun, act));
}

#[test]
fn the_output_of_a_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = output(&folder);
    let act = |talk: Talk| {
        let talk = talk.then(|fake| {
            fake.output = Some(path.clone());
            running(fake);
        });
        talk.keys("o /").word("line 7").keys("Enter").then(|_| ())
    };
    insta::assert_snapshot!(at_all_sizes(begun, act));
}

#[test]
fn control_c_while_it_runs() {
    insta::assert_snapshot!(at_all_sizes(begun, |talk| talk.then(running).keys("^C")));
}

#[test]
fn leaving_while_it_runs() {
    insta::assert_snapshot!(at_all_sizes(begun, |talk| talk.then(running).keys("q")));
}

#[test]
fn should_look_like_beside_you_got() {
    let sample = || {
        let mut sample = sample::certificate();
        sample.look("leaf", Found::Ok("valid for 300 d"));
        sample.look("same-ca", Found::Fault("CN=kubernetes; /etc/kubernetes/pki/apiserver.crt: verification failed"));
        sample
    };
    insta::assert_snapshot!(at_all_sizes(sample, |talk| talk.keys("Up Down")));
    insta::assert_snapshot!("what_was_compared", at_all_sizes(sample::at_the_gate, |talk| talk.keys("Up")));
}

#[test]
fn a_broken_guard() {
    insta::assert_snapshot!(at_all_sizes(sample::frozen, read));
}

#[test]
fn the_way_back() {
    insta::assert_snapshot!(at_all_sizes(sample::frozen, |talk| talk.keys("u")));
}

#[test]
fn a_failed_change() {
    let sample = || {
        let mut sample = sample::at_the_change();
        sample.change("renew", Found::Fault("permission denied"));
        sample
    };
    insta::assert_snapshot!(at_all_sizes(sample, read));
}

#[test]
fn an_unknown_end() {
    let sample = || {
        let mut sample = begun();
        let attempt = sample.run.running().expect("it runs").intent.attempt.clone();
        sample.lose(attempt);
        sample
    };
    insta::assert_snapshot!(at_all_sizes(sample, read));
}

#[test]
fn not_repaired() {
    let sample = || {
        let mut sample = sample::in_the_loop();
        sample.change("restart[1]", Found::Ok(""));
        sample.change("restart[2]", Found::Ok(""));
        sample.look("served", Found::Fault("the old one is served"));
        sample
    };
    insta::assert_snapshot!(at_all_sizes(sample, read));
}

#[test]
fn the_end() {
    insta::assert_snapshot!(at_all_sizes(sample::at_the_end, read));
}

#[test]
fn closed() {
    let sample = || {
        let mut sample = sample::at_the_end();
        sample.ask(Command::Close { outcome: Close::Done, reason: String::new() }).expect("closed");
        sample
    };
    insta::assert_snapshot!(at_all_sizes(sample, read));
}

#[test]
fn help() {
    insta::assert_snapshot!(at_all_sizes(sample::at_the_change, |talk| talk.keys("?")));
}

#[test]
fn the_map_on_a_narrow_screen() {
    let talk = Talk::new(sample::at_the_change(), (40, 10)).keys("v");
    insta::assert_snapshot!(talk.text());
}

#[test]
fn a_screen_of_almost_nothing_does_not_panic() {
    for (width, height) in [(1, 1), (2, 3), (5, 2), (30, 1), (72, 18), (71, 17), (500, 3)] {
        let talk = Talk::new(sample::at_the_change(), (width, height)).keys("? Esc v Esc u Esc y Esc o Esc Down Space");
        assert_eq!(talk.acts(), Vec::<&str>::new(), "{width}x{height}");
    }
}

#[test]
fn the_mode_is_as_loud_in_a_drill_as_on_the_real_system() {
    let badge = |mode| {
        let talk = Talk::new(sample::open_as(sample::CERTIFICATE, mode), (80, 24));
        talk.terminal.backend().buffer()[(1, 0)].style().add_modifier
    };
    let loud = Modifier::BOLD | Modifier::REVERSED;
    assert_eq!([badge(Mode::Live), badge(Mode::Drill), badge(Mode::Look)], [loud, loud, loud]);
}

#[test]
fn no_cell_of_any_screen_is_a_control_character_or_braille() {
    let mut sample = sample::certificate();
    sample.look("leaf", Found::Fault("\x1b[2J\x07\u{202e}expired\u{9b}31m"));
    sample.run.position = Position::Step { step: Key::new("leaf") };
    for (width, height) in SIZES {
        let text = Talk::new(sample_of(&sample), (width, height)).text();
        assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()), "{text:?}");
        assert!(!text.contains('\u{202e}'));
        assert!(!text.chars().any(|letter| ('\u{2800}'..='\u{28ff}').contains(&letter)));
    }
}

fn sample_of(sample: &Sample) -> Sample {
    Sample { plan: sample.plan.clone(), run: sample.run.clone() }
}
