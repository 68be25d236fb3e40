//! One look on several machines: all at once, but not too many; results kept for each, one verdict over all.

use std::io::Write as _;
use std::path::Path;

use super::ask::{Asker, Wanted, measured};
use super::at_once::at_once;
use super::stop::Stop;
use crate::engine::record::{Facts, Judged, OnHost};
use crate::engine::resolve::{Resolved, TestLine, Work};
use crate::model::fields::Hosts;
use crate::text::plain;

/// Asks each machine; `on` is the same look for each.
pub fn look_on_all(asker: &Asker, on: &[Resolved], blob: &Path, stop: &Stop) -> Facts {
    let each = at_once(on, |number, one| {
        let blob = blob.with_extension(format!("{}.out", number + 1));
        (one.at.host.clone(), look_on(asker, one, &blob, stop), blob)
    });
    // Side by side for people; the record has each by itself.
    let _ = join(blob, &each);
    let held = each.iter().find_map(|(_, facts, _)| facts.held);
    let hosts: Vec<_> = each.into_iter().map(|(host, facts, _)| on_host(host, facts)).collect();
    let wanted = on.first().map_or(Hosts::All, |one| one.expect.hosts);
    let facts = Facts { hosts: hosts.clone(), held, ..measured(verdict(&hosts, wanted)) };
    Facts { found: found(&hosts, wanted), ..facts }
}

fn look_on(asker: &Asker, one: &Resolved, blob: &Path, stop: &Stop) -> Facts {
    let (Work::Test(test) | Work::Wait { test, .. }) = &one.work else { return measured(Judged::Unknown) };
    let keep = !matches!(test, TestLine::Command(line) if !line.keep);
    let wanted = Wanted { expect: &one.expect, captures: &one.captures, keep };
    let there = Asker { place: asker.place.at(&one.at), ..asker.clone() };
    there.test(test, &wanted, blob, stop)
}

fn on_host(host: String, facts: Facts) -> OnHost {
    OnHost { host, judged: facts.judged, code: facts.code, found: facts.found, stdout: facts.stdout }
}

/// What each gave, after its name; how many did not hold comes first.
fn found(hosts: &[OnHost], wanted: Hosts) -> Vec<String> {
    let count = |judged| hosts.iter().filter(|one| one.judged == judged).count();
    let mut found = vec![format!("{} of {} hold", count(Judged::Passed), hosts.len())];
    let silent: Vec<_> =
        hosts.iter().filter(|one| one.judged == Judged::Unknown).map(|one| one.host.as_str()).collect();
    if !silent.is_empty() {
        found.push(format!("cannot tell: {}", plain(&silent.join(", "))));
    }
    if wanted == Hosts::Same && !same(hosts) {
        found.push("they do not say the same".to_owned());
    }
    found.extend(hosts.iter().map(|one| {
        let said = if one.found.is_empty() { String::new() } else { format!(": {}", one.found.join("; ")) };
        format!("{} {}{said}", plain(&one.host), one.judged.finding())
    }));
    found
}

fn same(hosts: &[OnHost]) -> bool {
    let said = |one: &OnHost| one.stdout.as_ref().map(|stream| stream.sha256.clone());
    hosts.windows(2).all(|pair| said(&pair[0]) == said(&pair[1]))
}

/// What nobody answered cannot be told, and is never taken for a yes.
fn verdict(hosts: &[OnHost], wanted: Hosts) -> Judged {
    let some = |judged| hosts.iter().any(|one| one.judged == judged);
    match wanted {
        Hosts::Any if some(Judged::Passed) => Judged::Passed,
        Hosts::All | Hosts::Same if some(Judged::Failed) => Judged::Failed,
        Hosts::Any | Hosts::All | Hosts::Same if some(Judged::Unknown) => Judged::Unknown,
        Hosts::All => Judged::Passed,
        Hosts::Same if same(hosts) => Judged::Passed,
        Hosts::Any | Hosts::Same => Judged::Failed,
    }
}

fn join(blob: &Path, each: &[(String, Facts, std::path::PathBuf)]) -> std::io::Result<()> {
    let mut all = std::fs::File::create(blob)?;
    for (host, _, one) in each {
        writeln!(all, "== {host}")?;
        if let Ok(mut one) = std::fs::File::open(one) {
            std::io::copy(&mut one, &mut all)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::record::Stream;

    fn host(host: &str, judged: Judged, said: &str) -> OnHost {
        let stdout = Some(Stream { sha256: said.to_owned(), ..Stream::default() });
        OnHost { host: host.to_owned(), judged, code: Some(0), found: vec![said.to_owned()], stdout }
    }

    #[test]
    fn a_machine_that_says_nothing_is_never_a_yes() {
        let hosts = [host("kyousuke", Judged::Passed, "a"), host("masato", Judged::Unknown, "")];
        assert_eq!(verdict(&hosts, Hosts::All), Judged::Unknown);
        assert_eq!(verdict(&hosts, Hosts::Same), Judged::Unknown);
        assert_eq!(verdict(&hosts, Hosts::Any), Judged::Passed);
        assert_eq!(found(&hosts, Hosts::All)[..2], ["1 of 2 hold", "cannot tell: masato"]);
    }

    #[test]
    fn one_fault_is_a_fault_unless_one_yes_is_enough() {
        let hosts = [host("kyousuke", Judged::Passed, "a"), host("masato", Judged::Failed, "b")];
        assert_eq!(verdict(&hosts, Hosts::All), Judged::Failed);
        assert_eq!(verdict(&hosts, Hosts::Any), Judged::Passed);
        assert_eq!(verdict(&hosts[1..], Hosts::Any), Judged::Failed);
        assert_eq!(found(&hosts, Hosts::All), ["1 of 2 hold", "kyousuke ok: a", "masato FAULT: b"]);
    }

    #[test]
    fn the_same_is_asked_of_what_they_print() {
        let hosts = |second| [host("kyousuke", Judged::Passed, "a"), host("masato", Judged::Passed, second)];
        assert_eq!(verdict(&hosts("a"), Hosts::Same), Judged::Passed);
        assert_eq!(verdict(&hosts("b"), Hosts::Same), Judged::Failed);
        assert!(found(&hosts("b"), Hosts::Same).contains(&"they do not say the same".to_owned()));
    }
}
