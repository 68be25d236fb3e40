//! Every place that a run uses, and what must be there: asked before anything else is done.

use std::collections::BTreeSet;

use super::Resolver;
use super::target::TargetLine;
use crate::engine::known::hosts;
use crate::engine::plan::{Item, Plan};
use crate::engine::run::Run;
use crate::model::{Command, StepKind, Test};

/// A place, and the programs that are needed there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceLine {
    pub at: TargetLine,
    /// The target says that they must be there.
    pub declared: BTreeSet<String>,
    /// Commands of this machine begin with them: a guess, since an earlier step may bring them.
    pub first_words: BTreeSet<String>,
}

/// The places of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// In the order in which they are come to.
    pub known: Vec<PlaceLine>,
    /// Targets whose machine only a step can tell, and why.
    pub not_known: Vec<(String, String)>,
}

/// Every place where something of a run happens.
pub fn places(plan: &Plan, run: &Run) -> Places {
    let mut places = Places::default();
    let resolver = Resolver::new(plan, run, None);
    for item in plan.items().iter().filter(|item| item.step.kind.runs_something()) {
        match lines(&resolver, item) {
            Ok(lines) => lines.into_iter().for_each(|line| places.add(line)),
            Err(why) => {
                let target = item.target.clone().unwrap_or_else(|| item.step.id.value.clone());
                if places.not_known.iter().all(|(known, _)| *known != target) {
                    places.not_known.push((target, why));
                }
            }
        }
    }
    places
}

impl Places {
    fn add(&mut self, line: PlaceLine) {
        match self.known.iter_mut().find(|known| known.at == line.at) {
            Some(known) => {
                known.declared.extend(line.declared);
                known.first_words.extend(line.first_words);
            }
            None => self.known.push(line),
        }
    }
}

fn lines(resolver: &Resolver, item: &Item) -> Result<Vec<PlaceLine>, String> {
    let Some((_, target)) = resolver.plan.target(item) else {
        let at = resolver.target_line(&item.step).map_err(|why| why.0)?;
        let first_words = first_word(item).into_iter().collect();
        return Ok(vec![PlaceLine { at, declared: BTreeSet::new(), first_words }]);
    };
    let hosts = hosts(target, &resolver.values).map_err(|problem| resolver.unresolved(&problem).0)?;
    let line = |host: &String| {
        let at = resolver.for_host(host).target_line(&item.step).map_err(|why| why.0)?;
        let first_words = first_word(item).filter(|_| at.is_here()).into_iter().collect();
        Ok(PlaceLine { at, declared: target.commands.iter().map(|name| name.value.clone()).collect(), first_words })
    };
    hosts.iter().map(line).collect()
}

/// The program that a step's command begins with, where that can be read without a shell.
fn first_word(item: &Item) -> Option<String> {
    let (StepKind::Check(Test::Command(command))
    | StepKind::Change(command)
    | StepKind::Terminal(command)
    | StepKind::Wait { test: Test::Command(command), .. }) = &item.step.kind
    else {
        return None;
    };
    let word = match command {
        Command::Argv(words, _) => words.first()?.source.as_str(),
        Command::Script(text) => {
            let line = text.source.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
            line.split_whitespace().find(|word| !word.contains('='))?
        }
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-/".contains(&byte);
    let bare = !word.contains('/') || word.starts_with('/');
    (bare && !word.starts_with(['-', '.']) && word.bytes().all(plain)).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::resolve::Via;
    use crate::engine::testkit::Conversation;

    fn of(rest: &str) -> Places {
        let talk = Conversation::new(rest);
        places(&talk.plan, &talk.run)
    }

    fn words(set: &BTreeSet<String>) -> Vec<&str> {
        set.iter().map(String::as_str).collect()
    }

    #[test]
    fn each_place_is_there_once_with_everything_that_is_needed_in_it() {
        let all = of("targets: { node: { host: [kengo, riki], via: ssh, user: root, commands: [kubeadm, crictl] } }\n\
                      diagnose: [ { check: uptime }, { check: 'kubeadm version', where: node } ]\n\
                      repair: [ { change: kubeadm renew, where: node, no_undo: n }, Look at it., { change: 'A=1 systemctl x', no_undo: n } ]\n");
        let told: Vec<_> = all.known.iter().map(|line| (line.at.host.as_str(), line.at.via == Via::Ssh)).collect();
        assert_eq!(told, [("", false), ("kengo", true), ("riki", true)]);
        assert_eq!(words(&all.known[0].first_words), ["systemctl", "uptime"]);
        assert_eq!(words(&all.known[1].declared), ["crictl", "kubeadm"]);
        assert!(all.known[1].first_words.is_empty(), "what a machine far away needs is declared");
        assert_eq!(all.known[1].at.user.as_deref(), Some("root"));
    }

    #[test]
    fn only_a_word_that_needs_no_shell_to_be_read_is_a_first_word() {
        let first = |command: &str| {
            let all = of(&format!("repair: [ {{ change: {command}, no_undo: n }} ]\n"));
            words(&all.known[0].first_words).join(" ")
        };
        assert_eq!(first("'# a comment'"), "");
        assert_eq!(first("\"# first\\nLC_ALL=C sed -n 1p x\""), "sed");
        assert_eq!(first("[/usr/bin/env, x]"), "/usr/bin/env");
        for odd in ["'! test -e x'", "'(cd x; ls)'", "'./tool.sh'", "'\"$X\" y'", "'-x'", "'bin/tool'"] {
            assert_eq!(first(odd), "", "{odd}");
        }
    }
}
