//! Whether a look is kept from changing something, or its author only says that it changes nothing.

use super::lines::{CommandLine, Resolved, TestLine, Work};
use super::target::TargetLine;
use crate::load::{Reach, reach};

/// How far a look is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceLine {
    /// By this machine's kernel, if it can; the flag of signals too.
    Fenced(Signals),
    /// By nothing but its author's word, and why.
    Promised(&'static str),
}

/// Whether signals are held as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signals {
    Free,
    Own,
}

/// What holds a look that the operator starts, who is root or not.
pub fn fence(at: &TargetLine, line: &CommandLine, is_root: bool) -> FenceLine {
    if !at.is_here() {
        return FenceLine::Promised("it runs in another place");
    }
    let Reach { raises, signals } = reach(&line.shown);
    if !is_root && (raises || at.user.is_some()) {
        return FenceLine::Promised("inside a fence it could not become another account");
    }
    FenceLine::Fenced(if signals { Signals::Own } else { Signals::Free })
}

impl Resolved {
    /// What holds this look; none for a step that is no command, and for a probe, which is locum itself.
    pub fn fence(&self, is_root: bool) -> Option<FenceLine> {
        let one = self.on.first().unwrap_or(self);
        match &one.work {
            Work::Test(TestLine::Command(line)) | Work::Wait { test: TestLine::Command(line), .. } => {
                Some(fence(&one.at, line, is_root))
            }
            Work::Test(TestLine::Probe(_))
            | Work::Wait { test: TestLine::Probe(_), .. }
            | Work::Command(_)
            | Work::Terminal(_)
            | Work::Restore
            | Work::ByHand(_)
            | Work::Question { .. }
            | Work::Edit { .. }
            | Work::Announce { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::Via;
    use super::*;

    fn of(shown: &str, at: &TargetLine, is_root: bool) -> FenceLine {
        let line = CommandLine {
            argv: Vec::new(),
            shown: shown.to_owned(),
            env: BTreeMap::new(),
            cwd: None,
            stdin: None,
            timeout: None,
            warn_after: None,
            split: false,
            keep: true,
            secrets: super::super::SecretTexts::default(),
        };
        fence(at, &line, is_root)
    }

    #[test]
    fn a_look_on_this_machine_is_fenced() {
        let here = TargetLine::default();
        assert_eq!(of("grep -c x /etc/passwd", &here, false), FenceLine::Fenced(Signals::Free));
        assert_eq!(of("sudo cat x", &here, true), FenceLine::Fenced(Signals::Free));
        assert_eq!(of("sleep 1 & kill $!", &here, true), FenceLine::Fenced(Signals::Own));
        assert_eq!(of("kill -0 1", &here, true), FenceLine::Fenced(Signals::Free));
    }

    #[test]
    fn what_needs_another_account_or_another_place_is_promised() {
        let here = TargetLine::default();
        assert!(matches!(of("timeout 5 sudo -n cat x", &here, false), FenceLine::Promised(_)));
        let user = TargetLine { user: Some("postgres".to_owned()), ..here.clone() };
        assert!(matches!(of("psql -l", &user, false), FenceLine::Promised(_)));
        assert!(matches!(of("psql -l", &user, true), FenceLine::Fenced(_)));
        for via in [Via::Ssh, Via::Prefix(vec!["docker".to_owned(), "exec".to_owned(), "forum".to_owned()])] {
            let there = TargetLine { via, host: "masato".to_owned(), ..here.clone() };
            assert!(matches!(of("hostname", &there, true), FenceLine::Promised(_)));
        }
    }
}
