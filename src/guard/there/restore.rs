//! The way back over there: what differs is known from here, so the script holds exactly the acts that are needed.
//!
//! A file is written beside its place and then renamed over what stands there; what stood there is kept beside the
//! copy, strays too. Trouble with one path does not keep the others from being put back; what is true afterwards is
//! measured.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::copy::CopyThere;
use super::look::measure_there;
use super::words::{Frames, HEAD, octal};
use super::{Ask, there};
use crate::guard::path_text::from_text;
use crate::guard::{Entry, GuardError, Kind, Measure, Progress, Restored, compare};

/// How long a script may become, in bytes: an argument of a process holds 128 KiB.
const LONGEST: usize = 64 << 10;

/// What every script of acts begins with. Each act ends its line with `|| bad`.
const ACTS: &str = r#"need cp mv mkdir chown chmod ln stat
bad() { printf 'T%s\0' "$1"; }
free() { # a free name below the folder of what is kept, for the path in p
  k="$S/$1$p"; i=1
  mkdir -p -- "${k%/*}" || return 1
  while [ -e "$k" ] || [ -L "$k" ]; do i=$((i+1)); k="$S/$1$p~$i"; done
}
take() { free "$1" && mv -- "$p" "$k"; }
keep() { free replaced && cp -a -- "$p" "$k"; }
there() { [ -e "$p" ] || [ -L "$p" ]; }
own() { [ "$(stat -c %u:%g -- "$1")" = "$2" ] || chown -h "$2" -- "$1"; }
rights() { own "$p" "$1" && chmod "$2" -- "$p"; }
beside() { b="${p%/*}/.locum-$$-$n"; n=$((n+1)); { [ ! -e "$b" ] && [ ! -L "$b" ]; }; }
folder() { if [ -L "$p" ] || [ ! -d "$p" ]; then { ! there || take replaced; } && mkdir -- "$p"; fi && chmod u+rwx -- "$p"; }
file() {
  [ -L "$p" ] || [ ! -d "$p" ] || take replaced || return 1
  beside && cp -a -- "$D$p" "$b" && own "$b" "$1" && chmod "$2" -- "$b" || { rm -f -- "$b"; return 1; }
  { ! there || keep; } && mv -f -- "$b" "$p"
}
link() { beside && ln -s -- "$t" "$b" && own "$b" "$1" && { ! there || take replaced; } && mv -f -- "$b" "$p"; }
n=0
"#;

/// Puts a scope over there back as it was when the copy was taken; what is in the way is kept under `name` beside it.
///
/// # Errors
/// A copy that does not read back: then nothing is touched. A scope that cannot be measured, before or afterwards.
pub fn restore_there(copy: &CopyThere, name: &str, ask: &Ask) -> Result<Restored, GuardError> {
    copy.read_back(ask)?;
    let roots = copy.roots()?;
    let now = measure_there(&roots, &Progress::default(), ask)?;
    let way = Way::new(&copy.manifest, &now);
    let trouble = way.go(copy, name, ask);
    let after = measure_there(&roots, &Progress::default(), ask)?;
    let still_different = compare(&copy.manifest, &after);
    let total = copy.manifest.len();
    let is_file = |path: &&Path| copy.manifest.entries.get(*path).is_some_and(|entry| entry.kind != Kind::Dir);
    let not_as_before =
        still_different.iter().map(|found| found.path.as_path()).filter(is_file).collect::<BTreeSet<_>>();
    Ok(Restored {
        total,
        as_before: total - not_as_before.len(),
        moved_aside: way.strays.into_iter().filter(|path| !after.entries.contains_key(path)).collect(),
        restored: way.put,
        still_different,
        trouble,
    })
}

/// What has to be done, act by act.
struct Way {
    acts: Vec<String>,
    strays: Vec<PathBuf>,
    put: Vec<PathBuf>,
}

impl Way {
    fn new(was: &Measure, now: &Measure) -> Self {
        let mut way = Self { acts: Vec::new(), strays: Vec::new(), put: Vec::new() };
        for (path, entry) in &was.entries {
            if let Some(act) = act(entry, now.entries.get(path)) {
                way.add(path, &act);
                way.put.push(path.clone());
            }
        }
        // What lies in a stray goes with it; what stood in the way of a path that belongs there is kept already.
        let gone = |path: &Path| was.entries.get(path).is_some_and(|entry| entry.kind != Kind::Dir);
        for path in now.entries.keys().filter(|path| !was.entries.contains_key(*path)) {
            let within =
                path.ancestors().skip(1).any(|above| way.strays.iter().any(|stray| stray == above) || gone(above));
            if !within {
                way.add(path, "{ ! there || take added; }");
                way.strays.push(path.clone());
            }
        }
        // A folder may forbid its owner to write, so its rights come when all in it is done.
        for (path, entry) in was.entries.iter().rev().filter(|(_, entry)| entry.kind == Kind::Dir) {
            let touched = |other: &PathBuf| other == path || other.parent() == Some(path);
            if way.put.iter().chain(&way.strays).any(touched) {
                way.add(path, &rights(entry));
            }
        }
        way
    }

    fn add(&mut self, path: &Path, act: &str) {
        self.acts.push(format!("name {}; {act} || bad \"cannot put $p back\"\n", octal(path)));
    }

    /// Goes it to the end, script by script.
    fn go(&self, copy: &CopyThere, name: &str, ask: &Ask) -> Vec<GuardError> {
        let mut trouble = Vec::new();
        let mut rest = self.acts.as_slice();
        let (Ok(base), Ok(tree)) = (copy.base(), copy.tree()) else { return vec![super::words::cut()] };
        let strays = base.join(name);
        while !rest.is_empty() {
            let mut script = format!("{HEAD}{ACTS}name {}; D=$p; name {}; S=$p\n", octal(&tree), octal(&strays));
            let first = rest.len();
            while let Some((act, more)) = rest.split_first() {
                if rest.len() < first && script.len() + act.len() > LONGEST {
                    break;
                }
                script.push_str(act);
                rest = more;
            }
            script.push_str("sync\nprintf 'Z\\0'\n");
            if let Err(error) = ended(&script, &mut trouble, ask) {
                trouble.push(error);
                break;
            }
        }
        trouble
    }
}

fn ended(script: &str, trouble: &mut Vec<GuardError>, ask: &Ask) -> Result<(), GuardError> {
    let answer = ask(script).map_err(there)?;
    let mut frames = Frames::of(&answer);
    loop {
        match frames.next()? {
            (b'T', what) => trouble.push(there(what)),
            (b'Z', _) => return Ok(()),
            _ => return Err(super::words::cut()),
        }
    }
}

/// What makes a path again what it was; none where it is.
fn act(was: &Entry, now: Option<&Entry>) -> Option<String> {
    let same_rights = now.is_some_and(|now| (now.mode, now.uid, now.gid) == (was.mode, was.uid, was.gid));
    let same_kind = now.is_some_and(|now| now.kind == was.kind);
    let same = same_kind && now.is_some_and(|now| (&now.sha256, &now.target) == (&was.sha256, &was.target));
    match was.kind {
        Kind::Dir | Kind::File | Kind::Link if same && same_rights => None,
        Kind::Dir => Some("folder".to_owned()),
        Kind::File if same => Some(rights(was)),
        Kind::File => Some(format!("file {}:{} {:o}", was.uid, was.gid, was.mode)),
        Kind::Link => {
            let target = was.target.as_deref().and_then(from_text).unwrap_or_default();
            let mut act = format!("q=$p; name {}; t=$p; p=$q; ", octal(&target));
            let _ = write!(act, "link {}:{}", was.uid, was.gid);
            Some(act)
        }
        // What stood behind a special file cannot be kept; if it is gone, the proof says so.
        Kind::Other if now.is_some() && !same => Some("take replaced".to_owned()),
        Kind::Other => None,
    }
}

fn rights(entry: &Entry) -> String {
    format!("rights {}:{} {:o}", entry.uid, entry.gid, entry.mode)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use tempfile::TempDir;

    use super::super::copy::copy_there;
    use super::super::testing::ask_in;
    use super::*;
    use crate::guard::{Roots, measure};

    struct Scene {
        folder: TempDir,
        copy: CopyThere,
        before: Measure,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let pki = folder.path().join("pki");
            fs::create_dir_all(pki.join("etcd")).unwrap();
            fs::create_dir(folder.path().join("home")).unwrap();
            for name in ["ca.crt", "ca.key", "a 'server'\n.crt", "etcd/ca.crt", "etcd/ca.key"] {
                fs::write(pki.join(name), format!("the true {name}")).unwrap();
            }
            fs::set_permissions(pki.join("ca.key"), Permissions::from_mode(0o600)).unwrap();
            symlink("ca.crt", pki.join("current")).unwrap();
            let roots = Roots::new([pki, folder.path().join("none")]).unwrap();
            let before = measure(&roots).unwrap();
            let copy = copy_there(&roots, "run/attempt", &ask_in(&folder.path().join("home"))).unwrap();
            Self { folder, copy, before }
        }

        fn at(&self, name: &str) -> PathBuf {
            self.folder.path().join("pki").join(name)
        }

        fn ask(&self) -> impl Fn(&str) -> Result<Vec<u8>, String> + use<> {
            ask_in(&self.folder.path().join("home"))
        }

        fn restore(&self) -> Restored {
            restore_there(&self.copy, "strays", &self.ask()).unwrap()
        }

        fn kept(&self, sort: &str, name: &str) -> PathBuf {
            let path = self.at(name);
            let strays = self.folder.path().join("home/.local/state/locum/copies/run/attempt/strays");
            strays.join(sort).join(path.strip_prefix("/").unwrap())
        }

        /// Everything as before, said and true.
        fn whole(&self, restored: &Restored) {
            assert!(restored.trouble.is_empty(), "{:?}", restored.trouble);
            assert!(restored.is_whole(), "{:?}", restored.still_different);
            assert_eq!((restored.as_before, restored.total), (6, 6));
            assert_eq!(measure(&self.copy.roots().unwrap()).unwrap(), self.before);
            let left = fs::read_dir(self.at(""))
                .unwrap()
                .filter(|one| one.as_ref().unwrap().file_name().to_string_lossy().starts_with(".locum"));
            assert_eq!(left.count(), 0, "nothing is left beside");
        }
    }

    #[test]
    fn a_scope_that_did_not_change_is_left_alone() {
        let scene = Scene::new();
        let restored = scene.restore();
        scene.whole(&restored);
        assert!(restored.restored.is_empty() && restored.moved_aside.is_empty());
    }

    #[test]
    fn contents_modes_links_and_strays_come_back_and_nothing_is_lost() {
        let scene = Scene::new();
        fs::write(scene.at("ca.key"), "an impostor").unwrap();
        fs::set_permissions(scene.at("ca.crt"), Permissions::from_mode(0o777)).unwrap();
        fs::set_permissions(scene.at("etcd"), Permissions::from_mode(0o711)).unwrap();
        fs::remove_file(scene.at("a 'server'\n.crt")).unwrap();
        fs::remove_file(scene.at("current")).unwrap();
        symlink("etcd", scene.at("current")).unwrap();
        fs::create_dir(scene.at("new\ndir")).unwrap();
        fs::write(scene.at("new\ndir/x"), "a stray").unwrap();
        fs::write(scene.folder.path().join("none"), "made").unwrap();
        let restored = scene.restore();
        scene.whole(&restored);
        assert_eq!(restored.moved_aside, [scene.folder.path().join("none"), scene.at("new\ndir")]);
        assert_eq!(fs::read_to_string(scene.kept("replaced", "ca.key")).unwrap(), "an impostor");
        assert_eq!(fs::read_link(scene.kept("replaced", "current")).unwrap(), Path::new("etcd"));
        assert_eq!(fs::read_to_string(scene.kept("added", "new\ndir/x")).unwrap(), "a stray");
    }

    #[test]
    fn a_folder_that_was_swapped_for_something_else_comes_back_whole() {
        let scene = Scene::new();
        fs::remove_dir_all(scene.at("etcd")).unwrap();
        symlink("/", scene.at("etcd")).unwrap();
        fs::remove_file(scene.at("ca.crt")).unwrap();
        fs::create_dir(scene.at("ca.crt")).unwrap();
        fs::write(scene.at("ca.crt/in"), "x").unwrap();
        let restored = scene.restore();
        scene.whole(&restored);
        assert_eq!(fs::read_to_string(scene.kept("replaced", "ca.crt").join("in")).unwrap(), "x");
    }

    #[test]
    fn a_whole_scope_that_is_gone_comes_back() {
        let scene = Scene::new();
        fs::remove_dir_all(scene.at("")).unwrap();
        scene.whole(&scene.restore());
        assert_eq!(fs::metadata(scene.at("ca.key")).unwrap().mode() & 0o7777, 0o600);
    }

    #[test]
    #[ignore = "needs root"]
    fn an_owner_comes_back() {
        let scene = Scene::new();
        std::os::unix::fs::chown(scene.at("ca.key"), Some(12), Some(34)).unwrap();
        std::os::unix::fs::lchown(scene.at("current"), Some(12), Some(34)).unwrap();
        scene.whole(&scene.restore());
    }

    #[test]
    fn a_copy_that_does_not_read_back_touches_nothing() {
        let scene = Scene::new();
        fs::write(scene.at("ca.key"), "an impostor").unwrap();
        let tree = scene.copy.tree().unwrap();
        fs::write(CopyThere::path_of(&tree, &scene.at("ca.crt")), "rotten").unwrap();
        let error = restore_there(&scene.copy, "strays", &scene.ask()).unwrap_err();
        assert!(matches!(error, GuardError::NotReadBack(_)), "{error}");
        assert_eq!(fs::read_to_string(scene.at("ca.key")).unwrap(), "an impostor");
    }

    #[test]
    fn a_way_back_twice_keeps_both_of_what_it_moved() {
        let scene = Scene::new();
        for text in ["first", "second"] {
            fs::write(scene.at("stray"), text).unwrap();
            scene.whole(&scene.restore());
        }
        assert_eq!(fs::read_to_string(scene.kept("added", "stray")).unwrap(), "first");
        assert_eq!(fs::read_to_string(scene.kept("added", "stray~2")).unwrap(), "second");
    }
}
