//! Runs that are open already on the same places: nobody repairs what somebody else repairs, without knowing it.
//!
//! What is not known is taken for the same: a machine that a look has to tell first could be any machine.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::bundle::Bundle;
use super::resume::{plan, records};
use super::watch::expand;
use crate::engine::known::{hosts, known};
use crate::engine::plan::Item;
use crate::engine::record::Mode;
use crate::engine::{Plan, Run, resolve};
use crate::journal::{Listed, Presence, RunFolder, RunLock};
use crate::model::StepKind;
use crate::text::{Zone, plain};

/// What a run can touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// The runbook.
    id: String,
    /// Machines; none of them known where one of them is not.
    hosts: Option<BTreeSet<String>>,
    /// What it works within, on this machine.
    scope: Vec<PathBuf>,
}

/// An open run on the same places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    pub folder: RunFolder,
    /// In words: who began it, when, who is in it.
    pub words: String,
}

impl Reach {
    /// Of a run as it was opened.
    pub fn of(plan: &Plan, run: &Run, home: &Path) -> Self {
        let cwd = run.opened.as_ref().map_or_else(PathBuf::new, |opened| PathBuf::from(&opened.cwd));
        let scope = resolve::guards(plan, run).map(|lines| lines.files_here()).unwrap_or_default();
        Self {
            id: plan.runbook.id.clone(),
            hosts: machines(plan, run),
            scope: scope.iter().map(|path| real(&expand(path, home, &cwd))).collect(),
        }
    }

    /// Why two runs must not go on beside each other.
    fn meets(&self, other: &Self) -> Option<String> {
        if self.id == other.id {
            return match (&self.hosts, &other.hosts) {
                (Some(mine), Some(theirs)) if mine.is_empty() && theirs.is_empty() => Some("its place".to_owned()),
                (Some(mine), Some(theirs)) => {
                    let both: Vec<_> = mine.intersection(theirs).map(String::as_str).collect();
                    (!both.is_empty()).then(|| both.join(", "))
                }
                (None, _) | (_, None) => Some("machines that a look has to tell".to_owned()),
            };
        }
        let both = self
            .scope
            .iter()
            .find(|mine| other.scope.iter().any(|theirs| mine.starts_with(theirs) || theirs.starts_with(mine)));
        both.map(|path| path.display().to_string())
    }
}

/// Every machine that a step runs on; none where one is not known yet.
fn machines(plan: &Plan, run: &Run) -> Option<BTreeSet<String>> {
    let values = known(plan, &crate::engine::ahead::Ahead::of(run), None);
    let here = run.opened.as_ref().map_or_else(String::new, |opened| opened.who.host.clone());
    let mut machines = BTreeSet::new();
    for item in plan.items().iter().filter(|item| acts(item)) {
        match plan.target(item) {
            Some((_, target)) => machines.extend(hosts(target, &values).ok()?),
            None => {
                machines.insert(here.clone());
            }
        }
    }
    Some(machines)
}

/// Whether somebody or something acts on a machine in this step.
fn acts(item: &Item) -> bool {
    match item.step.kind {
        StepKind::Check(_)
        | StepKind::Wait { .. }
        | StepKind::Change(_)
        | StepKind::Terminal(_)
        | StepKind::Edit(_)
        | StepKind::ByHand(_) => true,
        StepKind::Question(_) | StepKind::Announce(_) | StepKind::Include { .. } | StepKind::Steps(_) => false,
    }
}

/// The same folder under one name, whether it is there or not.
fn real(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => clean.push(part),
        }
    }
    std::fs::canonicalize(&clean).unwrap_or(clean)
}

/// The open runs of this account that reach the same places. One that cannot be read hides none of the others.
pub fn others(state: &Path, mine: &Reach, home: &Path, zone: Zone) -> Vec<Other> {
    let listed = RunFolder::list(state).unwrap_or_default();
    let here = |listed: &Listed| !listed.folder.seems_closed() && listed.folder.moved_to().is_none();
    let open = listed.into_iter().filter(here);
    open.filter_map(|listed| other(listed.folder, mine, home, zone)).collect()
}

fn other(folder: RunFolder, mine: &Reach, home: &Path, zone: Zone) -> Option<Other> {
    let (records, _) = records(&folder).ok()?;
    let run = Run::replay(folder.id(), &records);
    let opened = run.opened.as_ref().filter(|opened| opened.mode == Mode::Live && run.closed.is_none())?;
    let place = match Bundle::read(&folder.bundle()).ok().and_then(|bundle| plan(&bundle, &opened.runbook.id).ok()) {
        Some(plan) => mine.meets(&Reach::of(&plan, &run, home))?,
        None if opened.runbook.id == mine.id => "what its damaged bundle does not tell".to_owned(),
        None => return None,
    };
    let inside = match RunLock::look(&folder) {
        Ok(Presence::Nobody) | Err(_) => "nobody is in it now".to_owned(),
        Ok(Presence::Somebody(Some(holder))) => {
            format!("{} on {} is in it since {}", holder.who, holder.host, since(&holder.since, zone))
        }
        Ok(Presence::Somebody(None)) => "somebody is in it now".to_owned(),
    };
    let words = format!(
        "run {} of `{}` is open on the same place ({place}): {} began it at {}; {inside}",
        folder.id(),
        opened.runbook.id,
        opened.who.claimed,
        since(&opened.at, zone),
    );
    Some(Other { words: plain(&words), folder })
}

fn since(at: &str, zone: Zone) -> String {
    let at =
        chrono::DateTime::parse_from_rfc3339(at).map(|at| at.with_timezone(&zone).format("%F %H:%M %Z").to_string());
    at.unwrap_or_else(|_| "a time that cannot be read".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(id: &str, hosts: Option<&[&str]>, scope: &[&str]) -> Reach {
        Reach {
            id: id.to_owned(),
            hosts: hosts.map(|hosts| hosts.iter().map(|&host| host.to_owned()).collect()),
            scope: scope.iter().map(PathBuf::from).collect(),
        }
    }

    #[test]
    fn one_runbook_meets_itself_where_a_machine_is_the_same() {
        let both = reach("certs", Some(&["kyousuke", "masato"]), &[]);
        assert_eq!(both.meets(&reach("certs", Some(&["masato"]), &[])).as_deref(), Some("masato"));
        assert_eq!(both.meets(&reach("certs", Some(&["kengo"]), &[])), None);
        assert_eq!(both.meets(&reach("forum", Some(&["masato"]), &[])), None);
        assert!(reach("hand", Some(&[]), &[]).meets(&reach("hand", Some(&[]), &[])).is_some());
    }

    #[test]
    fn a_machine_that_is_not_known_yet_could_be_any() {
        assert!(reach("certs", None, &[]).meets(&reach("certs", Some(&["kengo"]), &[])).is_some());
    }

    #[test]
    fn two_runbooks_meet_where_their_scopes_do() {
        let pki = reach("certs", Some(&["kyousuke"]), &["/etc/kubernetes"]);
        let inner = reach("kubelet", Some(&["kyousuke"]), &["/var/lib/kubelet", "/etc/kubernetes/pki"]);
        assert_eq!(pki.meets(&inner).as_deref(), Some("/etc/kubernetes"));
        assert_eq!(inner.meets(&pki).as_deref(), Some("/etc/kubernetes/pki"));
        assert_eq!(pki.meets(&reach("forum", Some(&["kyousuke"]), &["/etc/kubernetes-old"])), None);
    }

    #[test]
    fn a_folder_has_one_name_whatever_is_written() {
        assert_eq!(real(Path::new("/none/./a/../b/")), PathBuf::from("/none/b"));
    }
}
