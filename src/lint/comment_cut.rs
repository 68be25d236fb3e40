//! ` #` in an unquoted command: YAML cuts the rest off as a comment.

use super::Ground;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::step::Kind;
use crate::model::{Command, Text};
use crate::source::{SourceFile, Span};

pub(super) fn check(ground: &Ground, problems: &mut Vec<Diagnostic>) {
    for (_, step) in ground.runbook.steps() {
        for command in step.commands() {
            if let Command::Script(script) = command {
                problems.extend(cut(ground.file, script.span, |_| true));
            }
        }
        // Behind prose a comment is usual; `#42` is a number of something, no comment.
        if let Kind::ByHand(text) | Kind::Question(text) | Kind::Announce(text) = &step.kind {
            problems.extend(cut_prose(ground.file, text));
        }
    }
}

fn cut_prose(file: &SourceFile, text: &Text) -> Option<Diagnostic> {
    cut(file, text.span, |rest| rest.starts_with(|c: char| c.is_alphanumeric()))
}

/// A comment behind a plain scalar, if what follows its `#` is `suspect`.
fn cut(file: &SourceFile, span: Span, suspect: impl Fn(&str) -> bool) -> Option<Diagnostic> {
    let text = file.text();
    let plain = !file.slice(span).starts_with(['\'', '"']);
    let rest = text.get(span.end..)?.lines().next()?;
    let comment = rest.trim_start_matches([' ', '\t']).strip_prefix('#')?;
    if !plain || comment.len() + 1 == rest.len() || !suspect(comment) {
        return None;
    }
    let start = span.end + rest.len() - comment.len() - 1;
    let problem = Diagnostic::new(
        Code::CommentCut,
        file,
        Span::new(start, span.end + rest.trim_end().len()),
        "YAML cuts this off as a comment",
    );
    Some(
        problem
            .also(span, "only this is left")
            .help("if it belongs to the text, put all of it in quotes or write it under `|`")
            .help("if it is a comment, put it on a line of its own"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::warnings_in;

    #[test]
    fn a_comment_behind_a_command_may_have_been_part_of_it() {
        let rest = "diagnose:\n  - check: grep -c \"a # b\" file\n  - check: 'grep \"a # b\"' # fine\n  - check: a#b\n  - check: |\n      a # b\n  - check: [a, b] # fine\n";
        assert_eq!(warnings_in(rest), ["4:23 comment-cut: YAML cuts this off as a comment"]);
    }

    #[test]
    fn a_number_behind_prose_is_no_comment() {
        let rest = "repair:\n  - See ticket #42 first.\n  - Restart it. # the queue\n";
        assert_eq!(warnings_in(rest), ["4:16 comment-cut: YAML cuts this off as a comment"]);
    }
}
