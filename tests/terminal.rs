//! The terminal is given back as it was, whatever ends the screen: a key, a signal, a panic. And it may become another
//! size meanwhile.

use rustix::process::Signal;

use crate::stage::pty::Pty;
use crate::stage::{Stage, eventually, signal};

const LOOK: &str = "locum: 1
title: One look
diagnose:
  - id: look
    check: test -d DIR
";

/// The one screen is left, the cursor shown, paste plain again, and lines are lines.
#[track_caller]
fn given_back(pty: &Pty) {
    eventually("it has ended", || pty.has_ended());
    pty.wait_for("\u{1b}[?1049l", 1);
    pty.wait_for("\u{1b}[?25h", 1);
    let said = pty.said();
    for (taken, given) in
        [("\u{1b}[?1049h", "\u{1b}[?1049l"), ("\u{1b}[?25l", "\u{1b}[?25h"), ("\u{1b}[?2004h", "\u{1b}[?2004l")]
    {
        let last = |text: &str| said.rfind(text);
        assert!(last(taken).is_some() && last(given) > last(taken), "{given:?} does not come last in {said:?}");
    }
    assert!(pty.is_cooked(), "still in raw mode");
}

#[test]
fn leaving_gives_the_terminal_back() {
    let stage = Stage::new(LOOK);
    let mut pty = Pty::start(&stage.command(&["run", "x"]));
    pty.shows("This look changes nothing.");
    assert!(!pty.is_cooked(), "keys come one by one");
    pty.press("q");
    given_back(&pty);
    pty.shows(&format!("locum resume {}", stage.run_id()));
}

#[test]
fn a_signal_gives_the_terminal_back_and_keeps_the_run() {
    for told in [Signal::TERM, Signal::HUP, Signal::INT] {
        let stage = Stage::new(LOOK);
        let pty = Pty::start(&stage.command(&["run", "x"]));
        pty.shows("This look changes nothing.");
        signal(stage.holder(), told);
        given_back(&pty);
        pty.shows("is kept");
        assert!(stage.run().closed.is_none());
    }
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_says_why() {
    let stage = Stage::new(LOOK);
    let mut this = stage.command(&["terminal::borrows_and_panics", "--exact", "--nocapture"]);
    this = {
        let mut program = std::process::Command::new(std::env::current_exe().unwrap());
        program.args(this.get_args());
        stage.dress(&mut program);
        program.env(PANICS, "1");
        program
    };
    let pty = Pty::start(&this);
    given_back(&pty);
    pty.shows("the screen fell over");
    let said = pty.said();
    assert!(
        said.rfind("\u{1b}[?1049l") < said.find("the screen fell over"),
        "the message is on the first screen: {said:?}"
    );
}

/// Set for the program that panics on the terminal of the test above; anywhere else it does nothing.
const PANICS: &str = "LOCUM_TEST_PANICS";

#[test]
fn borrows_and_panics() {
    if std::env::var_os(PANICS).is_none() {
        return;
    }
    let mut borrowed = locum::tui::Borrowed::take().expect("a terminal");
    borrowed.terminal.draw(|_| {}).expect("drawn");
    panic!("the screen fell over");
}

#[test]
fn a_terminal_that_becomes_another_size_is_drawn_anew() {
    let stage = Stage::new(&LOOK.replace("test -d DIR", "'while test -d DIR -a ! -e DIR/go; do sleep 0.01; done'"));
    let mut pty = Pty::start(&stage.command(&["run", "x"]));
    pty.shows("This look changes nothing.");
    pty.press("\r");
    stage.wait_for_look("while test -d DIR -a ! -e DIR/go");
    for (columns, lines) in [(120, 40), (40, 10), (80, 24)] {
        pty.resize(columns, lines);
        eventually("it fills the terminal", || {
            let screen = pty.screen();
            let widest = screen.lines().map(|line| line.chars().count()).max().unwrap_or(0);
            widest <= usize::from(columns) && screen.lines().count() <= usize::from(lines) && screen.contains("LIVE")
        });
    }
    stage.touch("go");
    pty.shows("IT IS DONE");
}
