//! Commands of the runbook that the runbook itself forbids, found in the text as written.

use super::steps::commands;
use crate::diagnostic::Code;
use crate::model::decode::Cx;
use crate::model::{Command, Runbook};

/// Matches each command of each step with each entry of `forbidden`.
pub(super) fn check(runbook: &Runbook, cx: &mut Cx) {
    let forbidden = &runbook.head.forbidden;
    if forbidden.is_empty() {
        return;
    }
    for (_, step) in runbook.steps() {
        for command in commands(step) {
            let simple = simple_commands(command);
            for rule in forbidden {
                let unless = rule.unless.as_deref();
                let hit = |words: &Vec<String>| matches(&rule.r#match, words) && !unless.is_some_and(|unless| words.iter().any(|word| fits(unless, word)));
                let Some(words) = simple.iter().find(|words| hit(words)) else { continue };
                let message = format!("`{}` is forbidden by this runbook", words.join(" "));
                let mut problem = cx.problem(Code::ForbiddenCommand, command.span(), message).also(rule.r#match.span, "forbidden here");
                if let Some(because) = &rule.because {
                    problem = problem.help(format!("because {}", because.source.trim()));
                }
                cx.push(problem.help("change the command, or say in `unless` which word makes it allowed"));
            }
        }
    }
}

/// The words of each simple command, without quotes.
fn simple_commands(command: &Command) -> Vec<Vec<String>> {
    match command {
        Command::Argv(words, _) => vec![words.iter().map(|word| word.source.clone()).collect()],
        Command::Script(script) => {
            let joined = script.replace("\\\n", " ");
            let parts = joined.split(['\n', ';', '|', '&', '(', ')', '`']);
            let words = |part: &str| part.split_whitespace().map(|word| word.replace(['\'', '"', '\\'], "")).collect::<Vec<_>>();
            parts.map(words).filter(|words| !words.is_empty()).collect()
        }
    }
}

/// Whether the words of a pattern stand in a command in this order; others may stand between.
fn matches(pattern: &str, words: &[String]) -> bool {
    let mut words = words.iter();
    pattern.split_whitespace().all(|wanted| words.any(|word| fits(wanted, word)))
}

/// Whether a word fits a pattern in which `*` stands for anything; a program fits with its folder too.
fn fits(pattern: &str, word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    globs(pattern, word) || (!pattern.contains('/') && globs(pattern, name))
}

fn globs(pattern: &str, word: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == word };
    let Some(mut left) = word.strip_prefix(first) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return left.ends_with(part);
        }
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    true
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
    fn unless_makes_it_allowed() {
        let rest = "forbidden: [{ match: rm -rf, unless: /tmp/lab* }]\nrepair:\n  - { change: rm -rf /tmp/lab-1, no_undo: x }\n  - { change: rm -rf /etc, no_undo: x }\n";
        let problems = problems_in(rest);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("6:15"), "{problems:?}");
    }
}
