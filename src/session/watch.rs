//! The guards of a run: measured, compared with the measure before, kept for whoever goes on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::at_once::at_once;
use crate::engine::record::{Changed, Guards};
use crate::engine::resolve::{CommandLine, GuardLine, GuardLines, TargetLine};
use crate::guard::{
    Change, Difference, GuardError, MayChange, Measure, Progress, Roots, compare, measure_seen, measure_there,
};
use crate::text::{hex, sha256};

/// Everything that was measured at one moment: on this machine, and on others by their name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    #[serde(flatten)]
    here: Seen,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    there: BTreeMap<String, Seen>,
}

/// Everything that was measured on one machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    scope: Measure,
    others: Measure,
    /// Digest of the output of each guard that is a command, by what it is.
    outputs: BTreeMap<String, String>,
}

/// What is measured on one machine, with paths made absolute.
#[derive(Clone, Debug)]
pub struct Site {
    pub at: TargetLine,
    pub scope: Roots,
    others: Roots,
    outputs: Vec<(String, TargetLine, CommandLine)>,
    /// Its name among the others; none for this machine.
    name: Option<String>,
}

/// What is measured.
#[derive(Clone, Debug)]
pub struct Watch(Vec<Site>);

/// What reaches the places where something is measured.
pub trait Hands: Sync {
    /// Runs the command of a guard in its place and gives its output; in words, why not.
    fn output(&self, at: &TargetLine, line: &CommandLine) -> Result<Vec<u8>, String>;
    /// Runs a script in another place and gives its output; in words, why not.
    fn script(&self, at: &TargetLine, script: &str) -> Result<Vec<u8>, String>;
}

impl Watch {
    /// From the guards of a runbook; on this machine `~` is `home`, and relative paths start at `cwd`.
    pub fn new(lines: GuardLines, home: &Path, cwd: &Path) -> Result<Self, GuardError> {
        let mut drafts: Vec<Draft> = Vec::new();
        for scope in lines.scope {
            let paths = paths_on(&scope.at, &scope.files, home, cwd);
            Draft::on(&mut drafts, &scope.at).scope.extend(paths);
        }
        for GuardLine { what, at, files, output_of } in lines.others {
            let draft = Draft::on(&mut drafts, &at);
            draft.others.extend(paths_on(&at, &files, home, cwd));
            draft.outputs.extend(output_of.map(|command| (what, at, command)));
        }
        let mut sites = Vec::new();
        for draft in drafts {
            let site = draft.site(&sites)?;
            sites.push(site);
        }
        Ok(Self(sites))
    }

    /// Nothing yet.
    pub const fn nothing() -> Self {
        Self(Vec::new())
    }

    /// Whether there is anything to watch.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every path that is watched on this machine.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let here = self.0.iter().filter(|site| site.name.is_none());
        here.flat_map(|site| site.scope.all().iter().chain(site.others.all())).map(PathBuf::as_path)
    }

    /// Another machine where something is watched, if there is one.
    pub fn elsewhere(&self) -> Option<&str> {
        self.0.iter().find_map(|site| site.name.as_deref())
    }

    /// The machines of the scope that a step at a place can reach: its own, or where it is none of them, all.
    pub fn reached_from(&self, at: &TargetLine) -> Vec<&Site> {
        let scoped = || self.0.iter().filter(|site| !site.scope.all().is_empty());
        let own = |site: &&Site| match &site.name {
            None => at.is_here(),
            Some(_) => !at.is_here() && site.at.host == at.host,
        };
        let mine: Vec<_> = scoped().filter(own).collect();
        if mine.is_empty() { scoped().collect() } else { mine }
    }

    /// Measures everything. What cannot be measured is an error, since a guard that sees a part is decoration.
    /// How far it is can be read of `progress` meanwhile.
    pub fn look(&self, hands: &dyn Hands, progress: &Progress) -> Result<Sight, String> {
        progress.begin();
        let mut sight = Sight::default();
        let seen = at_once(&self.0, |_, site| Site::look(site, hands, progress));
        for (site, seen) in self.0.iter().zip(seen) {
            let seen = seen?;
            match &site.name {
                None => sight.here = seen,
                Some(name) => _ = sight.there.insert(name.clone(), seen),
            }
        }
        Ok(sight)
    }

    /// What was measured before anything ran; whoever comes again is held to what was there the first time.
    pub fn held_to(&self, before: Option<&Sight>, now: &Sight) -> Result<Guards, GuardError> {
        before.map_or_else(|| Ok(now.guards()), |before| self.compare(before, now, &[], &TargetLine::default()))
    }

    /// Compares two measures; `may_change` are the globs of the step between them, which was at a place.
    pub fn compare(
        &self,
        before: &Sight,
        after: &Sight,
        may_change: &[String],
        at: &TargetLine,
    ) -> Result<Guards, GuardError> {
        let reached: Vec<_> = self.reached_from(at).into_iter().map(|site| site.name.clone()).collect();
        let mut guards = after.guards();
        for site in &self.0 {
            let globs = if reached.contains(&site.name) { may_change } else { &[] };
            site.compare(before.of(site), after.of(site), globs, &mut guards)?;
        }
        Ok(guards)
    }
}

/// A site that is being put together.
struct Draft {
    at: TargetLine,
    scope: Vec<PathBuf>,
    others: Vec<PathBuf>,
    outputs: Vec<(String, TargetLine, CommandLine)>,
}

impl Draft {
    /// The one of a place. Whatever this machine is called, and as whom, it is one place: locum itself looks here.
    fn on<'a>(drafts: &'a mut Vec<Self>, at: &TargetLine) -> &'a mut Self {
        let same = |other: &TargetLine| {
            (other.is_here() && at.is_here())
                || (&other.host, &other.via, &other.line, &other.user) == (&at.host, &at.via, &at.line, &at.user)
        };
        let known = drafts.iter().position(|draft| same(&draft.at)).unwrap_or(drafts.len());
        if known == drafts.len() {
            drafts.push(Self { at: at.clone(), scope: Vec::new(), others: Vec::new(), outputs: Vec::new() });
        }
        &mut drafts[known]
    }

    fn site(self, others: &[Site]) -> Result<Site, GuardError> {
        let host = self.at.host.clone();
        let is_taken = |name: &str| others.iter().any(|other| other.name.as_deref() == Some(name));
        let name = if is_taken(&host) { format!("{host} ({})", self.at.words("")) } else { host };
        Ok(Site {
            name: (!self.at.is_here()).then_some(name),
            at: self.at,
            scope: Roots::new(self.scope)?,
            others: Roots::new(self.others)?,
            outputs: self.outputs,
        })
    }
}

impl Site {
    fn look(&self, hands: &dyn Hands, progress: &Progress) -> Result<Seen, String> {
        let on = self.name.as_ref().map_or_else(String::new, |name| format!("{name}: "));
        let measured = |roots: &Roots| {
            let measure = match &self.name {
                None => measure_seen(roots, progress),
                Some(_) if roots.all().is_empty() => Ok(Measure::default()),
                Some(_) => measure_there(roots, progress, &|script| hands.script(&self.at, script)),
            };
            measure.map_err(|error| format!("{on}{}", super::ask::chain(&error)))
        };
        let (scope, others) = (measured(&self.scope)?, measured(&self.others)?);
        let mut outputs = BTreeMap::new();
        for (what, at, command) in &self.outputs {
            let output = hands.output(at, command);
            let output = output.map_err(|why| format!("{on}cannot measure the guard `{what}`: {why}"))?;
            outputs.insert(what.clone(), sha256(&output));
        }
        Ok(Seen { scope, others, outputs })
    }

    fn compare(
        &self,
        before: &Seen,
        after: &Seen,
        may_change: &[String],
        guards: &mut Guards,
    ) -> Result<(), GuardError> {
        let may = MayChange::new(may_change, &self.scope)?;
        let mut broken = Vec::new();
        for difference in compare(&before.scope, &after.scope) {
            let guarded = after.others.entries.contains_key(&difference.path)
                || before.others.entries.contains_key(&difference.path);
            let list = if may.allows(&difference.path) && !guarded { &mut guards.allowed } else { &mut broken };
            list.push(self.changed(&difference));
        }
        let others = compare(&before.others, &after.others).into_iter().map(|difference| self.changed(&difference));
        broken.extend(others.filter(|other| !broken.contains(other)).collect::<Vec<_>>());
        for (what, digest) in &before.outputs {
            let now = after.outputs.get(what).cloned().unwrap_or_default();
            if now != *digest {
                broken.push(Changed {
                    path: self.named(what),
                    what: "output".to_owned(),
                    before: digest.clone(),
                    after: now,
                });
            }
        }
        guards.broken.append(&mut broken);
        Ok(())
    }

    /// A path as people tell where it is: on another machine after its name.
    fn named(&self, path: &str) -> String {
        self.name.as_ref().map_or_else(|| path.to_owned(), |name| format!("{name}:{path}"))
    }

    fn changed(&self, difference: &Difference) -> Changed {
        let changed = changed(difference);
        Changed { path: self.named(&changed.path), ..changed }
    }
}

impl Sight {
    /// The measure alone, without a comparison.
    pub fn guards(&self) -> Guards {
        let mut digest = Sha256::new();
        self.here.add_to(&mut digest);
        for (name, seen) in &self.there {
            digest.update(format!("{name}\0"));
            seen.add_to(&mut digest);
        }
        // As the copy of the scope is counted, so that a card and its way back say the same number.
        let seen = std::iter::once(&self.here).chain(self.there.values());
        let entries = seen.map(|seen| seen.scope.len() as u64).sum();
        Guards { digest: hex(&digest.finalize()), entries, broken: Vec::new(), allowed: Vec::new() }
    }

    fn of(&self, site: &Site) -> &Seen {
        const NOTHING: &Seen = &Seen {
            scope: Measure { entries: BTreeMap::new(), missing: std::collections::BTreeSet::new() },
            others: Measure { entries: BTreeMap::new(), missing: std::collections::BTreeSet::new() },
            outputs: BTreeMap::new(),
        };
        match &site.name {
            None => &self.here,
            Some(name) => self.there.get(name).unwrap_or(NOTHING),
        }
    }
}

impl Seen {
    fn add_to(&self, digest: &mut Sha256) {
        digest.update(self.scope.digest());
        digest.update(self.others.digest());
        for (what, output) in &self.outputs {
            digest.update(format!("{what}\0{output}\0"));
        }
    }
}

/// Paths as they are meant on a machine; on another one they are written out whole.
fn paths_on(at: &TargetLine, paths: &[String], home: &Path, cwd: &Path) -> Vec<PathBuf> {
    let one = |path: &String| if at.is_here() { expand(path, home, cwd) } else { PathBuf::from(path) };
    paths.iter().map(one).collect()
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
    use crate::engine::resolve::{ScopeLine, SecretTexts, Via};

    /// Every command says this, and another machine is a folder of this one, named in the first word of its way.
    struct Says<'a>(Result<&'a str, &'a str>);

    impl Hands for Says<'_> {
        fn output(&self, _: &TargetLine, _: &CommandLine) -> Result<Vec<u8>, String> {
            self.0.map(|said| said.as_bytes().to_vec()).map_err(str::to_owned)
        }

        fn script(&self, at: &TargetLine, script: &str) -> Result<Vec<u8>, String> {
            let Via::Prefix(words) = &at.via else { panic!("it is here") };
            if words[0] == "down" {
                return Err("it does not answer".to_owned());
            }
            let script = script.replace("/scope", &format!("{}/scope", words[0]));
            let out = duct::cmd("sh", ["-c", &script]).read().unwrap();
            Ok(out.replace(&words[0], "").into_bytes())
        }
    }

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
                at: TargetLine::default(),
                files: files.iter().map(|&file| file.to_owned()).collect(),
                output_of,
            };
            let others = vec![line("the names", &["hosts"], None), line("the rules", &[], Some(command()))];
            let scope = vec![ScopeLine { at: TargetLine::default(), files: vec!["pki".to_owned()] }];
            let lines = GuardLines { scope, others };
            let watch = Watch::new(lines, folder.path(), folder.path()).unwrap();
            Self { folder, watch }
        }

        fn look(&self, output: &str) -> Sight {
            self.watch.look(&Says(Ok(output)), &Progress::default()).unwrap()
        }

        fn broken(&self, before: &Sight, after: &Sight, may_change: &[&str]) -> Vec<(String, String)> {
            let may_change: Vec<_> = may_change.iter().map(|&glob| glob.to_owned()).collect();
            let guards = self.watch.compare(before, after, &may_change, &TargetLine::default()).unwrap();
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
        let error = scene.watch.look(&Says(Err("exit 1")), &Progress::default()).unwrap_err();
        assert_eq!(error, "cannot measure the guard `the rules`: exit 1");
        fs::remove_file(scene.folder.path().join("hosts")).unwrap();
        let gone = scene.watch.look(&Says(Ok("")), &Progress::default());
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

    /// A scope on three machines, each a folder.
    fn three() -> (tempfile::TempDir, Watch, [TargetLine; 3]) {
        let folder = tempfile::tempdir().unwrap();
        let places = ["kyousuke", "masato", "kengo"].map(|host| {
            let root = folder.path().join(host);
            fs::create_dir_all(root.join("scope")).unwrap();
            for name in ["ca", "leaf"] {
                fs::write(root.join("scope").join(name), "old").unwrap();
            }
            let via = Via::Prefix(vec![root.display().to_string()]);
            TargetLine { name: "nodes".to_owned(), host: host.to_owned(), via, ..TargetLine::default() }
        });
        let scope = |at: &TargetLine| ScopeLine { at: at.clone(), files: vec!["/scope".to_owned()] };
        let lines = GuardLines { scope: places.iter().map(scope).collect(), others: Vec::new() };
        let watch = Watch::new(lines, Path::new("/"), Path::new("/")).unwrap();
        (folder, watch, places)
    }

    #[test]
    fn what_a_step_may_change_it_may_change_on_its_own_machine_only() {
        let (folder, watch, places) = three();
        let look = || watch.look(&Says(Ok("")), &Progress::default()).unwrap();
        let before = look();
        assert_eq!(before.guards().entries, 6);
        for host in ["masato", "kengo"] {
            fs::write(folder.path().join(host).join("scope/leaf"), "new").unwrap();
        }
        let after = look();
        let on = |at: &TargetLine| watch.compare(&before, &after, &["leaf".to_owned()], at).unwrap();
        let paths = |changes: &[Changed]| changes.iter().map(|change| change.path.clone()).collect::<Vec<_>>();
        assert_eq!(paths(&on(&places[1]).allowed), ["masato:/scope/leaf"]);
        assert_eq!(paths(&on(&places[1]).broken), ["kengo:/scope/leaf"]);
        assert_eq!(paths(&on(&places[0]).broken), ["masato:/scope/leaf", "kengo:/scope/leaf"]);
        assert_eq!(
            paths(&on(&TargetLine::default()).broken),
            Vec::<String>::new(),
            "from here all of them can be reached"
        );
        let again: Sight = serde_json::from_slice(&serde_json::to_vec(&after).unwrap()).unwrap();
        assert_eq!(again, after);
        assert_ne!(before.guards().digest, after.guards().digest);
    }

    #[test]
    fn one_machine_that_does_not_answer_leaves_nothing_measured() {
        let (_folder, Watch(mut sites), _) = three();
        sites[1].at.via = Via::Prefix(vec!["down".to_owned()]);
        let error = Watch(sites).look(&Says(Ok("")), &Progress::default()).unwrap_err();
        assert_eq!(error, "masato: over there: it does not answer");
    }
}
