//! The copy before a change and the way back from it, on every machine that the change can reach.
//!
//! On this machine the copy lies with the run. On another one it lies there, since it holds private keys that have no
//! business elsewhere; what is kept here is the list by which it is proved.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::ask::{chain, measured, since};
use super::keep::write_private;
use super::task::Task;
use super::there::Reaching;
use super::watch::{Hands, Sight, expand};
use crate::engine::record::{Facts, Judged, WayBack};
use crate::engine::resolve::{TargetLine, Work};
use crate::guard::{self, CopyThere, GuardError, Restored, Roots};

/// What is copied on one machine.
struct Portion {
    at: TargetLine,
    roots: Vec<PathBuf>,
}

/// The list of a copy that lies on another machine.
#[derive(Serialize, Deserialize)]
struct Kept {
    host: String,
    copy: CopyThere,
}

impl Task {
    /// The scope where the step can reach it, and a file that is edited.
    fn portions(&self) -> Vec<Portion> {
        let reached = self.watch.reached_from(&self.resolved.at);
        let portion = |site: &&super::watch::Site| Portion { at: site.at.clone(), roots: site.scope.all().to_vec() };
        let mut portions: Vec<_> = reached.iter().map(portion).collect();
        if let Work::Edit { path, .. } = &self.resolved.work {
            let at = &self.resolved.at;
            let place = &self.asker.place;
            let path = if at.is_here() { expand(path, &place.home, &place.cwd) } else { PathBuf::from(path) };
            let same = |portion: &&mut Portion| {
                (portion.at.is_here() && at.is_here()) || (!at.is_here() && portion.at.host == at.host)
            };
            match portions.iter_mut().find(same) {
                Some(portion) => portion.roots.push(path),
                None => portions.push(Portion { at: at.clone(), roots: vec![path] }),
            }
        }
        // The copy on this machine wants a folder in which nothing is yet.
        portions.sort_by_key(|portion| !portion.at.is_here());
        portions
    }

    /// Copies all of it, and reads it back.
    pub(super) fn take_copies(&self) -> Result<WayBack, String> {
        let portions = self.portions();
        let (mut entries, mut on) = (0, Vec::new());
        if portions.is_empty() {
            entries += self.copy_here(Vec::new())?;
        }
        for (number, portion) in portions.into_iter().enumerate() {
            if portion.at.is_here() {
                entries += self.copy_here(portion.roots)?;
            } else {
                let (some, folder) = self.copy_there(number, &portion)?;
                entries += some;
                on.push(format!("{}:{folder}", portion.at.host));
            }
        }
        Ok(WayBack::Copy { entries: entries as u64, on })
    }

    fn copy_here(&self, roots: Vec<PathBuf>) -> Result<usize, String> {
        let roots = Roots::new(roots).map_err(|error| error.to_string())?;
        let copy = guard::copy(&roots, &self.copy).map_err(|error| format!("cannot copy the scope: {error}"))?;
        copy.read_back().map_err(|error| format!("the copy of the scope does not read back: {error}"))
    }

    fn copy_there(&self, number: usize, portion: &Portion) -> Result<(usize, String), String> {
        let host = portion.at.host.clone();
        let on = |error: GuardError| format!("{host}: cannot copy the scope: {}", chain(&error));
        let roots = Roots::new(portion.roots.clone()).map_err(on)?;
        let reaching = Reaching::new(&self.asker, &self.blob, &self.stop);
        let name = format!("{}/{}-{number}", self.asker.belongs.run, self.attempt);
        let copy = guard::copy_there(&roots, &name, &|script| reaching.script(&portion.at, script)).map_err(on)?;
        let (entries, folder) = (copy.manifest.len(), copy.folder().to_owned());
        let path = self.copy.join(format!("there-{number}.json"));
        let bytes = serde_json::to_vec(&Kept { host: host.clone(), copy }).expect("texts and numbers have a JSON form");
        write_private(&path, &bytes).map_err(|error| format!("cannot keep the list of the copy on {host}: {error}"))?;
        Ok((entries, folder))
    }

    /// Puts every copy back, and measures.
    pub fn put_back(self, before: Option<Sight>) {
        let begun = Instant::now();
        let mut facts = measured(Judged::Passed);
        let there = kept_in(&self.copy);
        match there {
            Ok(kept) => {
                if kept.is_empty() || self.copy.join(guard::MANIFEST).exists() {
                    let strays = self.copy.with_file_name(format!("{}.strays", self.attempt));
                    tell(&mut facts, "", guard::Copy::open(&self.copy).and_then(|copy| guard::restore(&copy, &strays)));
                }
                for kept in kept {
                    tell(&mut facts, &kept.host, self.put_back_there(&kept));
                }
            }
            Err(why) => facts = Facts { found: vec![crate::text::plain(&why)], ..measured(Judged::Failed) },
        }
        facts.dur_ms = since(begun);
        self.settle(facts, before);
    }

    fn put_back_there(&self, kept: &Kept) -> Result<Restored, GuardError> {
        let own = &self.resolved.at;
        let sites = self.watch.reached_from(own);
        let at = sites.iter().map(|site| &site.at).chain([own]).find(|at| !at.is_here() && at.host == kept.host);
        let Some(at) = at else { return Err(GuardError::There(format!("nothing leads to {}", kept.host))) };
        let reaching = Reaching::new(&self.asker, &self.blob, &self.stop);
        let strays = format!("strays-{}", self.attempt);
        guard::restore_there(&kept.copy, &strays, &|script| reaching.script(at, script))
    }
}

/// The lists of copies on other machines that were taken for an attempt.
fn kept_in(folder: &Path) -> Result<Vec<Kept>, String> {
    let mut paths: Vec<_> = match fs::read_dir(folder) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(error) => return Err(format!("`{}` cannot be read: {error}", folder.display())),
    };
    paths.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("there-")));
    paths.sort();
    let read = |path: &PathBuf| {
        let bytes = fs::read(path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
        serde_json::from_slice(&bytes).map_err(|error| format!("`{}` is damaged: {error}", path.display()))
    };
    paths.iter().map(read).collect()
}

/// Adds what one machine gave; only if all is as before everywhere, it is done.
fn tell(facts: &mut Facts, host: &str, restored: Result<Restored, GuardError>) {
    let on = if host.is_empty() { String::new() } else { format!(" on {host}") };
    let mut found = match &restored {
        Ok(restored) => {
            let mut found = vec![format!("{} of {} as before{on}", restored.as_before, restored.total)];
            found.extend(restored.moved_aside.iter().map(|path| format!("moved aside: {}", path.display())));
            found.extend(
                restored.still_different.iter().map(|left| format!("still different: {}", left.path.display())),
            );
            found.extend(restored.trouble.iter().map(|trouble| chain(trouble)));
            found
        }
        Err(error) => vec![format!("{}{on}", chain(error))],
    };
    if !restored.is_ok_and(|restored| restored.is_whole()) {
        facts.judged = Judged::Failed;
    }
    facts.found.extend(found.drain(..).map(|line| crate::text::plain(&line)));
}
