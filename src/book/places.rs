//! Where a step runs, in words.

use std::fmt::Write as _;

use super::commands::{command, text};
use crate::model::target::WrittenVia;
use crate::model::{Runbook, Target};
use crate::template::Values;

/// The place of a step that says one; a runbook's own default is said at its head.
pub fn place_words(runbook: &Runbook, name: &str, values: &Values) -> String {
    match runbook.head.targets.get(name) {
        Some(target) => target_words(name, target, values),
        None => "this machine".to_owned(),
    }
}

/// A target: its name, its machines, as whom, how a command gets there, what proves it.
pub fn target_words(name: &str, target: &Target, values: &Values) -> String {
    let hosts: Vec<_> = target.host.iter().map(|host| text(host, values)).collect();
    let mut words = format!("{name}: {}", hosts.join(", "));
    if let Some(user) = &target.user {
        let _ = write!(words, " as {}", text(user, values));
    }
    if let Some(WrittenVia::Prefix(prefix)) = &target.via {
        let prefix: Vec<_> = prefix.iter().map(|word| text(word, values)).collect();
        let _ = write!(words, ", by {}", prefix.join(" "));
    }
    if matches!(target.via, Some(WrittenVia::Ssh)) {
        words.push_str(", over ssh");
        let line = [(" at ", &target.address), (" by way of ", &target.jump), (" as ", &target.login)];
        for (before, said) in line.iter().filter_map(|(before, said)| Some((before, said.as_ref()?))) {
            let _ = write!(words, "{before}{}", text(said, values));
        }
    }
    if let Some(prove) = &target.prove {
        let prints = target.prints.as_ref().map_or_else(|| "its name".to_owned(), |prints| text(prints, values));
        let _ = write!(words, "; {} must print {prints}", command(prove, target.shell, values));
    }
    words
}
