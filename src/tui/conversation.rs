//! Keys as conversations: what is pressed, what the run is asked for. Nothing here but tests.

use super::talk::Talk;
use super::update::Flow;
use super::{Left, left};
use crate::engine::command::{Answer, Command};
use crate::engine::record::Close;
use crate::engine::{Key, Position};
use crate::session::{Busy, Notice};
use crate::view::sample::{self, Found, Sample};

fn at(sample: Sample) -> Talk {
    Talk::new(sample, (100, 40))
}

fn at_the_change() -> Talk {
    at(sample::at_the_change())
}

fn digest(sample: &Sample, key: &str) -> String {
    sample.resolved(key).digest()[..8].to_owned()
}

#[test]
fn the_right_word_is_exactly_one_act() {
    let talk = at_the_change().keys("y").says("Type renew and Enter").word("renew").nothing_happened().keys("Enter");
    let expected = format!("change {} typed renew", digest(&talk.fake.sample, "renew"));
    assert_eq!(talk.acts(), [expected.as_str()]);
    // Nothing is left open: the same keys again begin from the card.
    let talk = talk.keys("Enter Enter Enter");
    assert_eq!(talk.acts().len(), 1);
}

#[test]
fn no_is_no() {
    at_the_change().keys("n").nothing_happened();
    at_the_change().keys("y").word("n").keys("Enter").says("nothing ran").nothing_happened();
}

#[test]
fn escape_at_any_point_changes_nothing() {
    at_the_change().keys("Esc").nothing_happened();
    at_the_change().keys("y Esc Enter").nothing_happened();
    at_the_change().keys("y").word("renew").keys("Esc Enter Enter").nothing_happened();
}

#[test]
fn a_typo_ends_the_prompt_and_says_what_was_expected() {
    at_the_change()
        .keys("y")
        .word("init")
        .keys("Enter")
        .says("typed `init`, expected `renew`; nothing ran")
        .word("renew")
        .keys("Enter")
        .nothing_happened();
}

#[test]
fn another_case_is_another_word() {
    at_the_change().keys("y").word("RENEW").keys("Enter").nothing_happened();
    at_the_change().keys("y").keys("Enter").says("nothing ran").nothing_happened();
}

#[test]
fn pasted_text_confirms_nothing() {
    at_the_change().paste("y\nrenew\n").nothing_happened();
    let talk =
        at_the_change().keys("y").paste("renew").says("pasted text confirms nothing").keys("Enter").nothing_happened();
    drop(talk);
    at_the_change().keys("y").paste("renew\n").keys("Enter Enter").nothing_happened();
}

#[test]
fn what_is_typed_ahead_of_a_card_is_thrown_away() {
    let mut talk = at_the_change().ahead("y r e n e w Enter");
    // The card changes under the keys: the run went on while they were typed.
    talk.fake.sample.change("renew", Found::Ok("renewed"));
    let talk = talk.wait(1000);
    assert!(talk.input.events.is_empty());
    talk.nothing_happened();
}

#[test]
fn what_is_typed_ahead_of_the_prompt_is_thrown_away() {
    let talk = at_the_change().ahead("r e n e w Enter").press("y");
    assert!(talk.input.events.is_empty(), "drained when the prompt opened");
    talk.wait(1000).keys("Enter").says("nothing ran").nothing_happened();
}

#[test]
fn a_new_card_is_deaf_for_a_moment() {
    let new = || {
        let talk = at_the_change().then(|fake| fake.sample.change("renew", Found::Ok("renewed")));
        talk.then(|fake| fake.sample.answer("console", Answer::Done))
    };
    new().press("y").says("this card has only just come").nothing_happened();
    new().wait(399).press("y").nothing_happened();
    let talk = new().wait(400).press("y");
    assert_eq!(talk.acts().len(), 1, "a low risk wants only y");
    assert!(talk.acts()[0].ends_with("key y"), "{:?}", talk.acts());
}

#[test]
fn a_key_that_is_held_down_confirms_only_the_first_step() {
    let mut talk = at(sample::in_the_loop()).press("y");
    assert_eq!(talk.acts().len(), 1);
    talk.fake.sample.change("restart[1]", Found::Ok(""));
    // The keyboard repeats after 660 ms, then every 30.
    let mut talk = talk.wait(0).wait(660).press("y").says("y came twice");
    for _ in 0..100 {
        talk = talk.wait(30).press("y");
    }
    assert_eq!(talk.acts().len(), 1);
    let talk = talk.wait(1000).press("y");
    assert_eq!(talk.acts().len(), 2, "who lets go and presses again is heard");
}

#[test]
fn enter_on_a_new_look_is_ignored_for_a_moment() {
    let talk = at(sample::certificate()).then(|fake| fake.sample.look("leaf", Found::Ok("")));
    let talk = talk.press("Enter").nothing_happened().wait(500).press("Enter");
    assert_eq!(talk.acts(), ["look"]);
}

#[test]
fn a_word_that_comes_faster_than_a_person_types_confirms_nothing() {
    let mut talk = at_the_change().press("y");
    for letter in ["r", "e", "n", "e", "w", "Enter"] {
        talk = talk.press(letter);
    }
    talk.says("too quickly for a person").nothing_happened();
}

#[test]
fn y_on_a_card_that_is_not_current_does_nothing() {
    let talk = at_the_change().keys("Down Down").says("You only read this. The run stands at `renew`");
    let talk = talk.keys("y").word("restart").keys("Enter").nothing_happened();
    let talk = talk.keys("Up Up Up").says("You only read this");
    talk.keys("y Enter d c s g x").nothing_happened();
}

#[test]
fn reading_ends_where_the_run_stands() {
    at_the_change()
        .keys("Down Up")
        .says("THIS STEP CHANGES KYOUSUKE")
        .keys("Up")
        .says("You only read this")
        .keys("Esc")
        .says("THIS STEP CHANGES");
}

#[test]
fn when_a_step_ends_the_next_card_says_what_came_of_it() {
    let talk = at_the_change().then(|fake| fake.sample.change("renew", Found::Ok("renewed")));
    let talk = talk.says("`renew`: ok, exit 0 after 5 s; the guards hold").says("YOU DO THIS YOURSELF");
    let talk = talk.keys("Down Esc");
    assert!(!talk.text().contains("the guards hold"), "it is said once");
}

#[test]
fn control_c_ends_nothing() {
    at_the_change().keys("^C").says("nothing runs, so Ctrl-C ends nothing").nothing_happened();
    at_the_change().keys("y").word("renew").keys("^C Enter").nothing_happened();
}

fn running() -> Talk {
    let mut sample = sample::at_the_change();
    let attempt = sample.begin("renew", None);
    at(sample).then(|fake| fake.busy = Some(Busy::Running { attempt, step: Key::new("renew") })).wait(1000)
}

#[test]
fn control_c_on_a_running_step_offers_to_watch_or_to_stop() {
    let talk = running().keys("^C").says("Ctrl-C ENDS NOTHING").nothing_happened();
    let talk = talk.keys("w").says("it goes on").nothing_happened();
    let talk = talk.keys("^C ^C ^C").nothing_happened();
    let talk = talk.keys("s").says("Type stop and Enter").nothing_happened();
    let talk = talk.word("no").keys("Enter").nothing_happened();
    let talk = talk.keys("^C s").word("stop").keys("Enter");
    assert_eq!(talk.acts(), ["cancel"]);
}

#[test]
fn while_a_step_runs_no_key_acts_on_the_run() {
    running().keys("y Enter s d c 1 u").nothing_happened();
}

#[test]
fn leaving_a_running_step_is_asked_for_and_ends_nothing() {
    let talk = running().keys("q").says("It goes on without this screen").says("locum resume 7f3a-k2");
    assert_eq!(talk.flow, Flow::Stay);
    let talk = talk.keys("n Enter Esc");
    assert_eq!(talk.flow, Flow::Stay);
    let talk = talk.press("q").press("y");
    assert_eq!((talk.flow, left(&talk.fake)), (Flow::Leave, Left::Kept));
    talk.nothing_happened();
}

#[test]
fn a_frozen_screen_has_no_key_that_goes_on() {
    let mut talk = at(sample::frozen());
    for key in ('!'..='~').filter(|key| !matches!(key, 'q' | 'm' | 'u')).map(String::from) {
        let overlay = matches!(key.as_str(), "?" | "o" | "v");
        talk = talk.press(&key);
        talk = if overlay { talk.press("Esc") } else { talk };
    }
    let talk = talk.keys("Enter Esc Space PgDn End").nothing_happened();
    let talk = talk.press("q").says("It is not safe to walk away now: a guard is broken.");
    assert_eq!(talk.flow, Flow::Stay);
    let talk = talk.press("y");
    assert_eq!((talk.flow, left(&talk.fake)), (Flow::Leave, Left::FrozenKept));
}

#[test]
fn the_way_back_is_a_card_with_a_word_of_its_own() {
    let talk = at(sample::frozen()).keys("u").says("THIS WAY BACK CHANGES KYOUSUKE").nothing_happened();
    let talk = talk.keys("y").says("Type undo and Enter").word("renew").keys("Enter").nothing_happened();
    let talk = talk.keys("y").word("undo").keys("Enter");
    assert_eq!(talk.acts().len(), 1);
    assert!(talk.acts()[0].starts_with("undo ") && talk.acts()[0].ends_with("typed undo"), "{:?}", talk.acts());
}

#[test]
fn the_gate_wants_y_and_nothing_else() {
    at(sample::at_the_gate()).keys("Enter n Esc Space").nothing_happened();
    let talk = at(sample::at_the_gate()).keys("y");
    assert_eq!(talk.acts(), ["enter repair key"]);
}

#[test]
fn a_skip_wants_a_reason() {
    let talk = at_the_change().keys("s Enter").says("without a reason nothing happens").nothing_happened();
    let talk = talk.keys("s").word("the date is right").keys("Enter");
    assert_eq!(talk.acts(), ["skip renew: the date is right"]);
}

#[test]
fn a_reason_may_be_pasted_and_is_not_sent_by_its_line_breaks() {
    let talk = at_the_change().keys("s").paste("told so\nby komari\n").nothing_happened().keys("Enter");
    assert_eq!(talk.acts(), ["skip renew: told so\\nby komari"]);
}

#[test]
fn a_deed_by_hand_is_done_could_not_or_not_sure() {
    let by_hand = || {
        let mut sample = sample::at_the_change();
        sample.change("renew", Found::Ok("renewed"));
        at(sample)
    };
    assert_eq!(by_hand().keys("d").acts(), ["answer console Done key"]);
    assert_eq!(by_hand().keys("c").acts(), ["answer console CouldNot key"]);
    by_hand().keys("n").says("nothing was recorded").nothing_happened();
    by_hand().keys("Esc Enter y").nothing_happened();
}

const QUESTIONS: &str = "locum: 1\ntitle: T\ndiagnose:\n  - { id: up, question: 'Is it up?' }\n  - { id: which, question: 'Which node?', choices: [kyousuke, masato] }\n  - { id: name, question: 'Which disk?', capture: disk }\n";

fn asked(id: &str) -> Talk {
    let mut sample = sample::open(QUESTIONS);
    sample.run.position = Position::Step { step: Key::new(id) };
    at(sample)
}

#[test]
fn a_question_is_answered_by_y_n_a_digit_or_a_value() {
    assert_eq!(asked("up").keys("y").acts(), ["answer up Yes key"]);
    assert_eq!(asked("up").keys("n").acts(), ["answer up No key"]);
    asked("up").keys("Esc Enter 1").nothing_happened();
    let talk = asked("which").keys("2").says("Your answer: masato").nothing_happened().keys("Enter");
    assert_eq!(talk.acts(), ["answer which Choice(\"masato\") key"]);
    asked("which").keys("1 n Enter").nothing_happened();
    asked("which").keys("3 y Enter").nothing_happened();
    assert_eq!(asked("name").keys("Enter").word("sda 1").keys("Enter").acts(), ["answer name Text(\"sda 1\") key"]);
    asked("name").keys("Enter Enter").says("nothing was typed").nothing_happened();
}

#[test]
fn what_is_done_already_is_offered_and_runs_only_with_a_reason_and_the_word() {
    let offered = || {
        let held = vec!["valid for 300 d".to_owned()];
        at_the_change().then(|fake| fake.notices.push(Notice::AlreadyDone { step: Key::new("renew"), held })).wait(500)
    };
    let talk = offered().says("IT SEEMS TO BE DONE ALREADY").keys("y Enter").nothing_happened();
    assert_eq!(talk.keys("d").acts(), ["already done renew key"]);
    let talk = offered().keys("r").word("komari says so").keys("Enter").nothing_happened().word("renew").keys("Enter");
    assert_eq!(talk.acts().len(), 1);
    assert!(talk.acts()[0].ends_with("typed renew again: komari says so"), "{:?}", talk.acts());
}

#[test]
fn a_stop_goes_on_only_with_a_reason() {
    let stopped = || {
        let mut sample = sample::at_the_change();
        sample.change("renew", Found::Fault("permission denied"));
        at(sample)
    };
    stopped().keys("y Enter n g Enter").nothing_happened();
    assert_eq!(stopped().keys("g").word("it is harmless").keys("Enter").acts(), ["go on: it is harmless"]);
    assert_eq!(stopped().keys("r").word("sudo was off").keys("Enter").acts(), ["decide run-again: sudo was off"]);
    assert_eq!(stopped().keys("d").word("by hand").keys("Enter").acts(), ["decide done: by hand"]);
    assert_eq!(stopped().keys("x").word("tomorrow").keys("Enter").acts(), ["close NotRepaired tomorrow"]);
}

#[test]
fn the_end_is_closed_with_y() {
    at(sample::at_the_end()).keys("Enter n Esc").nothing_happened();
    assert_eq!(at(sample::at_the_end()).keys("y").acts(), ["close Done "]);
}

#[test]
fn help_shows_the_keys_and_records_nothing() {
    let talk =
        at_the_change().keys("?").says("If you are not sure").says("I want to run it").says("locum resume 7f3a-k2");
    let talk = talk.keys("y Enter d").nothing_happened();
    talk.keys("?").says("THIS STEP CHANGES KYOUSUKE");
}

#[test]
fn a_note_is_written_down() {
    let talk = at_the_change().keys("m").word("komari is awake").keys("Enter").says("written down");
    assert_eq!(talk.acts(), ["note: komari is awake"]);
}

#[test]
fn a_side_shell_wants_a_reason_and_escape_opens_none() {
    let talk = at_the_change().keys("!").says("on record. Why?").word("why").keys("Esc Enter").nothing_happened();
    let talk = talk.keys("! Enter").says("without a reason nothing happens").nothing_happened();
    let talk = talk.keys("!").word("look around").keys("Enter");
    assert_eq!(talk.acts(), ["side shell: look around"]);
}

#[test]
fn while_a_side_shell_is_open_one_goes_in_again_and_no_key_acts() {
    let mut sample = sample::at_the_change();
    sample.run.shells.push(sample::side_shell("renew", &["ls", "id"]));
    let talk = at(sample).then(|fake| fake.busy = Some(Busy::Shell)).wait(1000);
    let talk = talk.says("outside: 2 commands").says("NO: a side shell is open").says("g go into");
    let talk = talk.keys("y ! s Enter").nothing_happened();
    talk.keys("q").says("It is not safe to walk away now: a side shell is open.");
}

#[test]
fn what_the_world_refuses_is_said() {
    let mut talk = at(sample::certificate());
    talk.fake.refuses = true;
    talk.keys("Enter").says("no space left on device").nothing_happened();
}

#[test]
fn on_a_narrow_screen_y_is_off_until_the_card_was_paged_to_its_way_back() {
    let talk = Talk::new(sample::at_the_change(), (40, 10)).says("y is off: Space shows the rest");
    let talk = talk.keys("y").word("renew").keys("Enter").nothing_happened();
    let mut talk = talk;
    for _ in 0..12 {
        talk = talk.keys("Space");
    }
    let talk = talk.keys("y").says("Type renew").word("renew").keys("Enter");
    assert_eq!(talk.acts().len(), 1);
}

#[test]
fn a_jump_to_the_end_of_a_narrow_card_is_no_reading() {
    let talk = Talk::new(sample::at_the_change(), (40, 10)).keys("End y");
    talk.word("renew").keys("Enter").nothing_happened();
}

#[test]
fn who_comes_back_after_ten_minutes_is_told_where_they_were() {
    let talk = at_the_change().keys("Down Esc").wait(700_000).press("y").says("You were away for 11 min");
    let talk = talk.says("The run stands at `renew`").nothing_happened();
    talk.keys("y").says("Type renew").nothing_happened();
}

#[test]
fn output_is_shown_searched_and_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.out");
    std::fs::write(&path, (1..=500).fold(String::new(), |text, line| text + &format!("line {line}\n")))
        .expect("written");
    let mut talk = running();
    talk.fake.output = Some(path);
    let talk = talk.then(|_| ()).says("line 500").keys("o").says("500 lines, following");
    let talk = talk.keys("/").word("line 123").keys("Enter").then(|_| ()).says("> line 123");
    let talk = talk.keys("Esc").says("THIS STEP CHANGES KYOUSUKE").nothing_happened();
    drop(talk);
}

/// The whole loop: keys that lie in the terminal before the screen begins, then the end of input.
fn looped(sample: Sample, keys: &str, signal: Option<i32>) -> (Left, Vec<String>) {
    let mut talk = at(sample).ahead(keys);
    talk.input.signal = signal;
    talk.screen.drawn = None;
    let left = talk.screen.run(&mut talk.fake, &mut talk.terminal, &mut talk.input).expect("it is left");
    (left, talk.fake.acts)
}

#[test]
fn the_end_of_input_keeps_the_run() {
    assert_eq!(looped(sample::at_the_change(), "", None), (Left::Signal(0), vec![]));
}

#[test]
fn keys_in_a_pipe_confirm_no_change() {
    assert_eq!(looped(sample::at_the_change(), "y r e n e w Enter y r e n e w Enter", None), (Left::Signal(0), vec![]));
}

#[test]
fn a_signal_keeps_the_run() {
    assert_eq!(looped(sample::at_the_change(), "y y y", Some(15)), (Left::Signal(15), vec![]));
}

#[test]
fn leaving_says_how_the_run_stands() {
    assert_eq!(looped(sample::at_the_gate(), "q", None).0, Left::Kept);
    assert_eq!(looped(sample::frozen(), "q y", None).0, Left::FrozenKept);
    let mut closed = sample::at_the_end();
    closed.ask(crate::engine::Command::Close { outcome: Close::Done, reason: String::new() }).expect("closed");
    assert_eq!(looped(closed, "q", None).0, Left::Closed(Close::Done));
}

#[test]
fn an_announcement_is_sent_only_by_its_word() {
    let text = "locum: 1\ntitle: T\ndiagnose:\n  - { id: a, announce: The site is down., to: [team] }\n";
    let talk = at(sample::open(text)).keys("y").says("Type send and Enter").word("y").keys("Enter").nothing_happened();
    let talk = talk.keys("y").word("send").keys("Enter");
    assert_eq!(talk.acts(), [format!("announce {} typed send", digest(&talk.fake.sample, "a"))]);
    assert_eq!(at(sample::open(text)).keys("d").acts(), ["answer a Done key"]);
}

#[test]
fn an_announcement_without_a_channel_is_only_copied() {
    let text = "locum: 1\ntitle: T\ndiagnose:\n  - { id: a, announce: The site is down. }\n";
    at(sample::open(text)).keys("y").nothing_happened();
}

#[test]
fn an_edit_lends_the_terminal_and_replaces_nothing_by_itself() {
    let text = "locum: 1\ntitle: T\nrepair:\n  - { id: a, edit: /etc/site.conf, risk: low }\n";
    let mut sample = sample::open(text);
    sample.ask(Command::EnterRepair { guards: None, how: "key".to_owned() }).expect("it is entered");
    let talk = at(sample).keys("y").nothing_happened().wait(1000).keys("e");
    assert_eq!(talk.acts(), ["begin edit", "end edit editor"]);
    assert!(talk.text().contains("nothing happened"), "{}", talk.text());
}
