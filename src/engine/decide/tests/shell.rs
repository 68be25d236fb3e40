//! The side shell: when it opens, what is let go in it, what it leaves.

use crate::engine::command::{Answer, Command, Effect, Typed};
use crate::engine::record::{EndResult, Event, Facts, Judged, Mode, ShellOpening};
use crate::engine::testkit::{Conversation, guards};
use crate::engine::{AttemptId, Position, Refusal};

const BOOK: &str = "scope: { files: [/etc/x] }\nforbidden: [ { match: forumctl ca, because: it cannot be made again } ]\ndiagnose: [ { id: look, question: Is it up? } ]\nrepair: [ { id: a, change: 'true', no_undo: n } ]\n";

fn id() -> AttemptId {
    AttemptId("1-2-abcd".to_owned())
}

fn opening(reason: &str) -> ShellOpening {
    ShellOpening { shell: id(), reason: reason.to_owned(), host: "kyousuke".to_owned(), ..ShellOpening::default() }
}

fn open(reason: &str, broken: &[&str]) -> Command {
    Command::OpenShell { opening: Box::new(opening(reason)), guards: Some(guards(broken)) }
}

fn line(text: &str) -> Command {
    Command::Type { shell: id(), typed: Typed::Line(text.to_owned()) }
}

fn inner(text: &str) -> Command {
    Command::Type { shell: id(), typed: Typed::Inner(text.to_owned()) }
}

fn close(broken: &[&str]) -> Command {
    let facts = Facts { code: Some(0), ..Facts::new(EndResult::Exited, Judged::Unknown) };
    Command::CloseShell { shell: id(), facts: Box::new(facts), guards: Some(guards(broken)) }
}

fn opened() -> Conversation {
    let mut talk = Conversation::new(BOOK);
    assert_eq!(talk.ask(open(" to look around ", &[])).unwrap(), [Effect::Go(id())]);
    talk
}

fn let_go(talk: &mut Conversation, command: Command) -> bool {
    talk.ask(command).unwrap() == [Effect::Go(id())]
}

fn texts(talk: &Conversation) -> Vec<(&str, Option<i32>, bool)> {
    let commands = talk.run.shells[0].commands.iter();
    commands.map(|one| (one.text.as_str(), one.code, one.refused.is_some())).collect()
}

#[test]
fn it_opens_with_a_reason_and_nothing_else_goes_on_beside_it() {
    let mut talk = Conversation::new(BOOK);
    assert_eq!(talk.ask(open(" ", &[])), Err(Refusal::ReasonMissing));
    let mut talk = opened();
    let shell = talk.run.open_shell().unwrap();
    assert_eq!(
        (shell.opening.reason.as_str(), shell.opening.step.as_ref().unwrap().to_string()),
        ("to look around", "look".to_owned())
    );
    let answer = talk.answer("look", Answer::Yes);
    assert!(matches!(talk.ask(answer), Err(Refusal::NotNow(_))));
    assert!(matches!(talk.ask(open("again", &[])), Err(Refusal::NotNow(_))));
    assert!(talk.ask(close(&[])).is_ok());
    let answer = talk.answer("look", Answer::Yes);
    assert!(talk.ask(answer).is_ok());
}

#[test]
fn a_run_that_only_looks_and_one_with_a_broken_guard_open_none() {
    let mut talk = Conversation::with(BOOK, Mode::Look, &[]);
    assert_eq!(talk.ask(open("x", &[])), Err(Refusal::LookOnly));
    let mut talk = Conversation::new(BOOK);
    let effects = talk.ask(open("x", &["ca.crt"])).unwrap();
    assert!(effects.is_empty() && talk.run.is_frozen() && talk.run.shells.is_empty());
    assert_eq!(talk.ask(open("x", &[])), Err(Refusal::Frozen));
    let mut talk = Conversation::new(BOOK);
    let unmeasured = Command::OpenShell { opening: Box::new(opening("x")), guards: None };
    assert!(matches!(talk.ask(unmeasured), Err(Refusal::NotMeasured(_))));
}

#[test]
fn every_command_is_a_deviation_and_what_is_forbidden_is_not_let_go() {
    let mut talk = opened();
    assert!(let_go(&mut talk, line("ls /etc")));
    assert!(talk.ask(Command::Typed { shell: id(), code: 2 }).is_ok());
    assert!(!let_go(&mut talk, line("cd /tmp; sudo forumctl ca new")));
    let before = talk.records.len();
    talk.ask(Command::Typed { shell: id(), code: 130 }).unwrap();
    assert_eq!(talk.records.len(), before, "it did not run, so it has no end");
    assert_eq!(texts(&talk), [("ls /etc", Some(2), false), ("cd /tmp; sudo forumctl ca new", None, true)]);
    assert!(talk.run.shells[0].commands[1].refused.as_ref().unwrap().contains("it cannot be made again"));
    assert!(talk.run.remarks.is_empty(), "what was typed is told with its shell");
}

#[test]
fn the_parts_of_a_line_are_judged_and_on_record_only_where_the_line_is_not() {
    let mut talk = opened();
    assert!(let_go(&mut talk, line("f")));
    assert!(let_go(&mut talk, inner("true")));
    assert!(!let_go(&mut talk, inner("forumctl ca new")));
    talk.ask(Command::Typed { shell: id(), code: 130 }).unwrap();
    assert!(let_go(&mut talk, inner("date")), "nothing was said of its line");
    assert_eq!(texts(&talk), [("f", Some(130), false), ("forumctl ca new", None, true), ("date", None, false)]);
}

#[test]
fn a_guard_that_it_broke_freezes_the_run() {
    let mut talk = opened();
    talk.ask(line("touch /etc/x/y")).unwrap();
    talk.ask(close(&["ca.crt"])).unwrap();
    assert_eq!(talk.run.position, Position::Frozen { attempt: Some(id()) });
    let shell = &talk.run.shells[0];
    assert!(!shell.is_open() && shell.ran().count() == 1);
    let closed = talk.records.iter().find_map(|record| match &record.event {
        Event::ShellClosed { commands, .. } => Some(*commands),
        _ => None,
    });
    assert_eq!(closed, Some(1));
}

#[test]
fn nothing_is_typed_into_a_shell_that_is_not_open() {
    let mut talk = Conversation::new(BOOK);
    for command in [line("ls"), inner("ls"), Command::Typed { shell: id(), code: 0 }, close(&[])] {
        assert!(matches!(talk.ask(command), Err(Refusal::NotNow(_))));
    }
    let mut talk = opened();
    assert!(matches!(talk.ask(line("  ")), Err(Refusal::NotNow(_))));
}
