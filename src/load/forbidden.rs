//! Commands of the runbook that the runbook itself forbids, found in the text as written.
//!
//! What a value makes of a command is looked at again when it is rendered.

use crate::diagnostic::Code;
use crate::model::decode::Cx;
use crate::model::runbook::Forbidden;
use crate::model::{Command, Runbook, Text};
use crate::text::pattern::CommandPattern;

/// An entry of `forbidden` that could be read.
struct Rule<'a> {
    written: &'a Forbidden,
    matches: CommandPattern,
    unless: Option<CommandPattern>,
}

/// Matches each command of each step with each entry of `forbidden`.
pub(super) fn check(runbook: &Runbook, cx: &mut Cx) {
    let rules: Vec<_> = runbook.head.forbidden.iter().filter_map(|written| read(written, cx)).collect();
    if rules.is_empty() {
        return;
    }
    for (_, step) in runbook.steps() {
        for command in step.commands() {
            for rule in rules.iter().filter(|rule| rule.hits(command)) {
                let message = format!("a command that this runbook forbids: `{}`", &*rule.written.r#match);
                let mut problem = cx
                    .problem(Code::ForbiddenCommand, command.span(), message)
                    .also(rule.written.r#match.span, "forbidden here");
                if let Some(because) = &rule.written.because {
                    problem = problem.help(format!("because {}", because.trim()));
                }
                cx.push(problem.help("change the command, or say in `unless` which word makes it allowed"));
            }
        }
    }
}

fn read<'a>(written: &'a Forbidden, cx: &mut Cx) -> Option<Rule<'a>> {
    let matches = pattern(&written.r#match, cx)?;
    let unless = match &written.unless {
        Some(unless) => Some(pattern(unless, cx)?),
        None => None,
    };
    Some(Rule { written, matches, unless })
}

/// A pattern without words would match every command.
fn pattern(text: &Text, cx: &mut Cx) -> Option<CommandPattern> {
    if !text.trim().is_empty() {
        return Some(CommandPattern::parse(text));
    }
    let problem = cx.problem(Code::BadPattern, text.span, "a pattern without words");
    cx.push(problem.help("write words of a command in their order, such as `kubeadm init phase certs`; `*` stands for anything in a word"));
    None
}

impl Rule<'_> {
    fn hits(&self, command: &Command) -> bool {
        match command {
            Command::Script(script) => self.matches.matches_unless(self.unless.as_ref(), script),
            Command::Argv(words, _) => {
                let words: Vec<_> = words.iter().map(|word| word.source.clone()).collect();
                self.matches.matches_argv(self.unless.as_ref(), &words)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::problems_in;

    #[test]
    fn a_runbook_does_not_do_what_it_forbids() {
        let rest = "forbidden: [{ match: kubeadm init phase certs, because: it makes a new CA }]\nrepair:\n  - { change: kubeadm certs renew all, no_undo: x }\n  - { change: sudo /usr/bin/kubeadm init -v 5 phase certs all, no_undo: x }\n  - { change: x, undo: [kubeadm, init, phase, certs] }\n";
        let problems = problems_in(rest);
        assert_eq!(problems.len(), 2);
        assert!(problems[0].starts_with("6:15 forbidden-command"), "{problems:?}");
        assert!(problems[1].starts_with("7:24 forbidden-command"), "{problems:?}");
    }

    #[test]
    fn a_pattern_has_words() {
        assert_eq!(
            problems_in("forbidden: [{ match: 'curl * | sh' }, { match: ' ' }]\nrepair: [x]\n"),
            ["3:48 bad-pattern: a pattern without words"]
        );
    }

    #[test]
    fn unless_makes_it_allowed() {
        let rest = "forbidden: [{ match: rm -rf, unless: /tmp/lab* }]\nrepair:\n  - { change: rm -rf /tmp/lab-1, no_undo: x }\n  - { change: rm -rf /etc, no_undo: x }\n";
        let problems = problems_in(rest);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("6:15"), "{problems:?}");
    }
}
