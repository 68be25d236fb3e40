//! What a look reaches for beyond reading: rights that a fence takes, and other processes.

use super::table::SHELLS;
use super::{base, has, operands, past_keywords, started, without_templates};
use crate::template::{starters, unwrapped};
use crate::text::shell_words::redirected_commands;

/// Programs that get rights which their caller does not have.
const RAISING: &str =
    "sudo su doas pkexec runuser sg newgrp crontab at atq ping fping mtr traceroute tcpdump postqueue mailq sendmail";

/// Programs that send signals.
const SIGNALLING: &str = "kill pkill killall skill fuser";

/// How often text inside text is read as a command again.
const DEEPEST: usize = 4;

/// What a script reaches for, as far as its words show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// It starts a program that gets more rights than its caller has.
    pub raises: bool,
    /// It starts a program that sends a signal, and not only asks whether somebody lives.
    pub signals: bool,
}

/// Looks at every program of a script that starts on the machine where the script runs.
pub fn reach(script: &str) -> Reach {
    let mut reach = Reach::default();
    reach.script(&without_templates(script), 0);
    reach
}

impl Reach {
    fn script(&mut self, script: &str, depth: usize) {
        for simple in redirected_commands(script) {
            self.words(past_keywords(&simple.words), depth);
            let fed = unwrapped(past_keywords(&simple.words)).first().is_some_and(|word| has(SHELLS, base(word)));
            for text in simple.reads.iter().filter(|_| fed && depth < DEEPEST) {
                self.script(text, depth + 1);
            }
        }
    }

    fn words(&mut self, words: &[String], depth: usize) {
        self.raises |= starters(words).iter().any(|name| has(RAISING, name));
        let Some((path, arguments)) = unwrapped(words).split_first() else { return };
        let name = base(path);
        self.raises |= has(RAISING, name);
        let asks = arguments.iter().any(|word| has("-0 -l -L", word)) || operands(arguments, "").next().is_none();
        self.signals |= has(SIGNALLING, name) && !asks;
        // What ssh and containers start runs elsewhere, in rights of their own.
        if depth == DEEPEST || name == "ssh" {
            return;
        }
        if let Some(script) = started::evaluated(name, arguments) {
            self.script(&script, depth + 1);
        } else if let Some(words) = started::carried(name, arguments).filter(|_| has("xargs find", name)) {
            self.words(&words, depth + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_get_rights_are_seen_where_they_start() {
        for script in [
            "sudo cat x",
            "timeout 5 sudo -n cat x",
            "a | sudo cat",
            "if sudo -n true; then a; fi",
            "bash -c 'sudo a'",
            "echo $(sudo a)",
            "find . -exec sudo cat {} +",
            "su - x -c ls",
            "ping -c 1 kyousuke",
            "bash <<E\nsudo a\nE\n",
        ] {
            assert!(reach(script).raises, "{script}");
        }
        for script in [
            "grep sudo /etc/group",
            "cat /etc/sudoers",
            "ssh kyousuke sudo ls",
            "kubectl exec x -- sudo ls",
            "echo su",
            "curl http://kyousuke/ping",
        ] {
            assert!(!reach(script).raises, "{script}");
        }
    }

    #[test]
    fn asking_whether_somebody_lives_is_no_signal() {
        assert!(reach("sleep 9 & kill $!").signals);
        assert!(reach("trap 'kill $p' EXIT").signals);
        for script in ["kill -0 $(cat x)", "pgrep x", "kill -l", "pg_ctl status", "grep kill x"] {
            assert!(!reach(script).signals, "{script}");
        }
    }
}
