//! How the most common problems look: the line, the caret, the remedy.

use super::lint;
use crate::diagnostic::Code;
use crate::diagnostic::render::{Colour, Format, render};
use crate::load::load;
use crate::source::SourceFile;

fn shown(text: &str) -> String {
    let problems = lint(&load("forum", SourceFile::new("forum.yaml", text)));
    render(&problems, Format::Full, Colour::Off)
}

fn example(code: Code) -> String {
    shown(std::str::from_utf8(code.example()).expect("the example is text"))
}

#[test]
fn an_unknown_key_has_a_suggestion() {
    insta::assert_snapshot!(example(Code::UnknownKey), @r"
    error[unknown-key]: unknown key `tiemout` in `step`
     --> forum.yaml:5:5
      |
    5 |     tiemout: 5m
      |     ^^^^^^^ not a key of the format
      |
      = help: did you mean `timeout`?
    ");
}

#[test]
fn a_duplicate_key_shows_both_places() {
    insta::assert_snapshot!(example(Code::DuplicateKey), @r"
    error[duplicate-key]: `severity` stands here a second time
     --> forum.yaml:6:1
      |
    3 | severity: low
      | -------- first here
    ...
    6 | severity: high
      | ^^^^^^^^
      |
      = help: keep one of the two
    ");
}

#[test]
fn a_name_is_placed_inside_a_folded_command() {
    let text = "locum: 1\ntitle: t\ndiagnose:\n  - check: >\n      systemctl is-active\n      --quiet {{ quue }}\ninputs: { queue: x }\n";
    insta::assert_snapshot!(shown(text), @r"
    error[undefined-name]: nothing gives `quue` a value before this
     --> forum.yaml:6:18
      |
    6 |       --quiet {{ quue }}
      |                  ^^^^
      |
      = help: did you mean `queue`?
    ");
}

#[test]
fn a_tag_says_what_it_would_do() {
    insta::assert_snapshot!(example(Code::Tag), @r"
    error[yaml-tag]: `!` at the beginning of a value is a tag in YAML, not text
     --> forum.yaml:4:12
      |
    4 |   - check: ! test -e /run/forum.lock
      |            ^ YAML drops this, which makes a command its opposite
      |
      = help: put the value in quotes, or write it under `|` on lines of its own
    ");
}

#[test]
fn a_hole_in_a_second_shell_has_a_remedy() {
    insta::assert_snapshot!(example(Code::HoleEvaluated), @r#"
    error[hole-evaluated-again]: `{{ queue }}` is evaluated again by `sh -c`
     --> forum.yaml:6:35
      |
    6 |   - check: sh -c 'forumctl ask {{ queue }}'
      |                                   ^^^^^
      |
      = help: hand it over behind the script, `sh -c '… "$1" …' sh {{ queue }}`, or use `stdin:` or `env:` (an input is also `$LOCUM_INPUT_QUEUE`, inside single quotes)
    "#);
}

#[test]
fn a_cut_command_shows_what_is_left_of_it() {
    insta::assert_snapshot!(example(Code::CommentCut), @r"
    warning[comment-cut]: YAML cuts this off as a comment
     --> forum.yaml:4:30
      |
    4 |   - check: grep --quiet open # /var/lib/forum/queue
      |            ----------------- ^^^^^^^^^^^^^^^^^^^^^^
      |            |
      |            only this is left
      |
      = help: if it belongs to the text, put all of it in quotes or write it under `|`
      = help: if it is a comment, put it on a line of its own
    ");
}
