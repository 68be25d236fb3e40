//! The guards of a run: measured, compared with the measure before, kept for whoever goes on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::engine::record::{Changed, Guards};
use crate::engine::resolve::GuardLines;
use crate::guard::{Change, Difference, GuardError, MayChange, Measure, Progress, Roots, compare, measure_seen};
use crate::text::{hex, sha256};

/// Everything that was measured at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    scope: Measure,
    others: Measure,
    /// Digest of the output of each guard that is a command, by what it is.
    outputs: BTreeMap<String, String>,
}

/// What is measured, with paths made absolute.
#[derive(Clone, Debug)]
pub struct Watch {
    pub scope: Roots,
    others: Roots,
    lines: GuardLines,
}

/// A command of a guard could not be asked.
pub type AskOutput<'a> = dyn Fn(&crate::engine::resolve::CommandLine) -> Result<Vec<u8>, String> + 'a;

impl Watch {
    /// From the guards of a runbook; `~` is `home`, relative paths start at `cwd`.
    pub fn new(lines: GuardLines, home: &Path, cwd: &Path) -> Result<Self, GuardError> {
        let absolute = |paths: &[String]| paths.iter().map(|path| expand(path, home, cwd)).collect::<Vec<_>>();
        let scope = Roots::new(absolute(&lines.scope))?;
        let others = Roots::new(lines.others.iter().flat_map(|line| absolute(&line.files)))?;
        Ok(Self { scope, others, lines })
    }

    /// Nothing yet.
    pub fn nothing() -> Self {
        let none = || Roots::new([]).expect("no path is no bad path");
        Self { scope: none(), others: none(), lines: GuardLines::default() }
    }

    /// Whether there is anything to watch.
    pub fn is_empty(&self) -> bool {
        self.lines.scope.is_empty() && self.lines.others.is_empty()
    }

    /// Every path that is watched.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.scope.all().iter().chain(self.others.all()).map(PathBuf::as_path)
    }

    /// Measures everything. What cannot be measured is an error, since a guard that sees a part is decoration.
    /// How far it is can be read of `progress` meanwhile.
    pub fn look(&self, ask: &AskOutput, progress: &Progress) -> Result<Sight, String> {
        progress.begin();
        let scope = measure_seen(&self.scope, progress).map_err(|error| error.to_string())?;
        let others = measure_seen(&self.others, progress).map_err(|error| error.to_string())?;
        let mut outputs = BTreeMap::new();
        for line in &self.lines.others {
            if let Some(command) = &line.output_of {
                let output = ask(command).map_err(|why| format!("cannot measure the guard `{}`: {why}", line.what))?;
                outputs.insert(line.what.clone(), sha256(&output));
            }
        }
        Ok(Sight { scope, others, outputs })
    }

    /// What was measured before anything ran; whoever comes again is held to what was there the first time.
    pub fn held_to(&self, before: Option<&Sight>, now: &Sight) -> Result<Guards, GuardError> {
        before.map_or_else(|| Ok(now.guards()), |before| self.compare(before, now, &[]))
    }

    /// Compares two measures; `may_change` are the globs of the step between them.
    pub fn compare(&self, before: &Sight, after: &Sight, may_change: &[String]) -> Result<Guards, GuardError> {
        let may = MayChange::new(may_change, &self.scope)?;
        let mut guards = after.guards();
        for difference in compare(&before.scope, &after.scope) {
            let guarded = after.others.entries.contains_key(&difference.path)
                || before.others.entries.contains_key(&difference.path);
            let list = if may.allows(&difference.path) && !guarded { &mut guards.allowed } else { &mut guards.broken };
            list.push(changed(&difference));
        }
        let others = compare(&before.others, &after.others).into_iter().map(|difference| changed(&difference));
        guards.broken.extend(others.filter(|other| !guards.broken.contains(other)).collect::<Vec<_>>());
        for (what, digest) in &before.outputs {
            let now = after.outputs.get(what).cloned().unwrap_or_default();
            if now != *digest {
                guards.broken.push(Changed {
                    path: what.clone(),
                    what: "output".to_owned(),
                    before: digest.clone(),
                    after: now,
                });
            }
        }
        Ok(guards)
    }
}

impl Sight {
    /// The measure alone, without a comparison.
    pub fn guards(&self) -> Guards {
        let mut digest = Sha256::new();
        digest.update(self.scope.digest());
        digest.update(self.others.digest());
        for (what, output) in &self.outputs {
            digest.update(format!("{what}\0{output}\0"));
        }
        // As the copy of the scope is counted, so that a card and its way back say the same number.
        let entries = self.scope.len() as u64;
        Guards { digest: hex(&digest.finalize()), entries, broken: Vec::new(), allowed: Vec::new() }
    }
}

/// `~` and relative paths made absolute.
pub fn expand(path: &str, home: &Path, cwd: &Path) -> PathBuf {
    match path.strip_prefix("~/") {
        Some(rest) => home.join(rest),
        None if path == "~" => home.to_owned(),
        None => cwd.join(path),
    }
}

fn changed(difference: &Difference) -> Changed {
    let (what, before, after) = match &difference.what {
        Change::Added { kind } => ("added", String::new(), kind_word(*kind)),
        Change::Removed { kind } => ("removed", kind_word(*kind), String::new()),
        Change::Contents { before, after } => ("contents", format!("sha256 {before}"), format!("sha256 {after}")),
        Change::Mode { before, after } => ("mode", format!("{before:04o}"), format!("{after:04o}")),
        Change::Owner { before, after } => {
            ("owner", format!("{}:{}", before.0, before.1), format!("{}:{}", after.0, after.1))
        }
        Change::Kind { before, after } => ("kind", kind_word(*before), kind_word(*after)),
        Change::Target { before, after } => ("target", before.clone(), after.clone()),
    };
    Changed { path: difference.path.to_string_lossy().into_owned(), what: what.to_owned(), before, after }
}

fn kind_word(kind: crate::guard::Kind) -> String {
    match kind {
        crate::guard::Kind::File => "file",
        crate::guard::Kind::Dir => "folder",
        crate::guard::Kind::Link => "link",
        crate::guard::Kind::Other => "special file",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::engine::resolve::{CommandLine, GuardLine, SecretTexts};

    struct Scene {
        folder: tempfile::TempDir,
        watch: Watch,
    }

    impl Scene {
        /// `pki` is the scope, `hosts` and the output of a command are guarded beside it.
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("pki")).unwrap();
            for name in ["pki/ca.crt", "pki/server.crt", "hosts"] {
                fs::write(folder.path().join(name), name).unwrap();
            }
            let line = |what: &str, files: &[&str], output_of| GuardLine {
                what: what.to_owned(),
                files: files.iter().map(|&file| file.to_owned()).collect(),
                output_of,
            };
            let others = vec![line("the names", &["hosts"], None), line("the rules", &[], Some(command()))];
            let lines = GuardLines { scope: vec!["pki".to_owned()], others };
            let watch = Watch::new(lines, folder.path(), folder.path()).unwrap();
            Self { folder, watch }
        }

        fn look(&self, output: &str) -> Sight {
            self.watch.look(&|_| Ok(output.as_bytes().to_vec()), &Progress::default()).unwrap()
        }

        fn broken(&self, before: &Sight, after: &Sight, may_change: &[&str]) -> Vec<(String, String)> {
            let may_change: Vec<_> = may_change.iter().map(|&glob| glob.to_owned()).collect();
            let guards = self.watch.compare(before, after, &may_change).unwrap();
            let name = |path: &str| path.rsplit('/').next().unwrap().to_owned();
            guards.broken.iter().map(|change| (name(&change.path), change.what.clone())).collect()
        }
    }

    fn command() -> CommandLine {
        CommandLine {
            argv: vec!["true".to_owned()],
            shown: "true".to_owned(),
            env: BTreeMap::new(),
            cwd: None,
            stdin: None,
            timeout: None,
            warn_after: None,
            split: false,
            keep: true,
            secrets: SecretTexts::default(),
        }
    }

    fn pair(name: &str, what: &str) -> (String, String) {
        (name.to_owned(), what.to_owned())
    }

    #[test]
    fn nothing_is_broken_where_nothing_changed() {
        let scene = Scene::new();
        let (before, after) = (scene.look("a"), scene.look("a"));
        assert_eq!(scene.broken(&before, &after, &[]), []);
        assert_eq!(before.guards().digest, after.guards().digest);
        assert_eq!(before.guards().entries, 2, "the files of the scope; what is guarded beside it has its name");
    }

    #[test]
    fn only_what_a_step_lists_may_change() {
        let scene = Scene::new();
        let before = scene.look("a");
        for name in ["pki/server.crt", "pki/ca.crt"] {
            fs::write(scene.folder.path().join(name), "new").unwrap();
        }
        let after = scene.look("a");
        assert_eq!(scene.broken(&before, &after, &["server.crt"]), [pair("ca.crt", "contents")]);
        assert_eq!(scene.broken(&before, &after, &["*.crt"]), []);
        assert_ne!(before.guards().digest, after.guards().digest);
    }

    #[test]
    fn what_is_guarded_beside_the_scope_no_step_may_change() {
        let scene = Scene::new();
        let before = scene.look("a");
        fs::write(scene.folder.path().join("hosts"), "new").unwrap();
        assert_eq!(
            scene.broken(&before, &scene.look("b"), &["**", "hosts"]),
            [pair("hosts", "contents"), pair("the rules", "output")]
        );
    }

    #[test]
    fn a_guard_that_cannot_be_measured_is_an_error_and_names_itself() {
        let scene = Scene::new();
        let error = scene.watch.look(&|_| Err("exit 1".to_owned()), &Progress::default()).unwrap_err();
        assert_eq!(error, "cannot measure the guard `the rules`: exit 1");
        fs::remove_file(scene.folder.path().join("hosts")).unwrap();
        let gone = scene.watch.look(&|_| Ok(Vec::new()), &Progress::default());
        assert!(gone.is_err() || !scene.broken(&Scene::new().look("a"), &gone.unwrap(), &[]).is_empty());
    }

    #[test]
    fn a_measure_comes_back_from_the_disk_as_it_was() {
        let sight = Scene::new().look("a");
        let again: Sight = serde_json::from_slice(&serde_json::to_vec(&sight).unwrap()).unwrap();
        assert_eq!(again, sight);
    }

    #[test]
    fn a_home_and_a_folder_are_where_paths_begin() {
        let expand = |path: &str| expand(path, Path::new("/home/pepe"), Path::new("/srv")).display().to_string();
        assert_eq!(expand("~"), "/home/pepe");
        assert_eq!(expand("~/.kube/config"), "/home/pepe/.kube/config");
        assert_eq!(expand("pki"), "/srv/pki");
        assert_eq!(expand("/etc"), "/etc");
        assert_eq!(expand("~masato"), "/srv/~masato");
    }
}
