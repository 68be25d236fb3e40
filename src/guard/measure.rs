//! What a scope is made of at one moment, and its digest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rustix::fs::Stat;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::path_text::{from_text, to_text};
use super::place::{Place, names};
use super::{Entry, GuardError, Kind, Progress, Roots};
use crate::text::hex;

/// Folders inside folders that are followed at most; more is a loop or an attack.
const DEPTH: usize = 128;

/// Every path of a scope with what is remembered of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    #[serde(serialize_with = "write_entries", deserialize_with = "read_entries")]
    pub entries: BTreeMap<PathBuf, Entry>,
    /// Entries of `scope.files` that did not exist.
    #[serde(default, serialize_with = "write_paths", deserialize_with = "read_paths")]
    pub missing: BTreeSet<PathBuf>,
}

/// Looks at everything below the roots; changes nothing, opens nothing but files and folders.
///
/// # Errors
/// Whatever cannot be read, vanishes or keeps changing: a guard that sees only a part would be decoration.
pub fn measure(roots: &Roots) -> Result<Measure, GuardError> {
    measure_seen(roots, &Progress::default())
}

/// The same; somebody sees meanwhile how far it is.
///
/// # Errors
/// As [`measure`].
pub fn measure_seen(roots: &Roots, progress: &Progress) -> Result<Measure, GuardError> {
    let mut measure = Measure::default();
    for root in roots.outermost() {
        match root_place(root)? {
            Some((place, stat)) => measure.walk(&place, &stat, 0, progress)?,
            None => _ = measure.missing.insert(root.to_owned()),
        }
    }
    for root in roots.inner().filter(|root| !measure.entries.contains_key(*root)).collect::<Vec<_>>() {
        if root_place(root)?.is_some() {
            return Err(GuardError::BehindLink(root.to_owned()));
        }
        measure.missing.insert(root.to_owned());
    }
    Ok(measure)
}

/// The place of a root and what stands there; none if it, or a folder on the way, does not exist.
fn root_place(root: &Path) -> Result<Option<(Place, Stat)>, GuardError> {
    let place = match Place::of_root(root) {
        Err(GuardError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        place => place?,
    };
    Ok(place.stat()?.map(|stat| (place, stat)))
}

impl Measure {
    /// How many files there are: everything but folders, which is what people count.
    pub fn len(&self) -> usize {
        self.entries.values().filter(|entry| entry.kind != Kind::Dir).count()
    }

    /// Is nothing there, not even a folder?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A digest over everything remembered, in lowercase hex: equal scopes have equal digests.
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        let mut add = |text: &str| {
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text);
        };
        for (path, entry) in &self.entries {
            add(&to_text(path));
            let Entry { kind, mode, uid, gid, size, sha256, target } = entry;
            add(&format!("{kind:?} {mode:o} {uid} {gid} {size}"));
            add(sha256.as_deref().unwrap_or_default());
            add(target.as_deref().unwrap_or_default());
        }
        add("missing");
        self.missing.iter().for_each(|path| add(&to_text(path)));
        hex(&digest.finalize())
    }

    fn walk(&mut self, place: &Place, stat: &Stat, depth: usize, progress: &Progress) -> Result<(), GuardError> {
        let entry = Entry::read(place, stat)?;
        let kind = entry.kind;
        self.entries.insert(place.path.clone(), entry);
        if kind != Kind::Dir {
            progress.one_more();
            return Ok(());
        }
        if depth == DEPTH {
            let source = std::io::Error::other("more than 128 folders inside each other");
            return Err(GuardError::Io { act: "go down into", path: place.path.clone(), source });
        }
        let folder = place.open_folder()?;
        for name in names(&folder, &place.path)? {
            let child = place.child(&folder, &name)?;
            let stat = child.stat()?.ok_or_else(|| GuardError::Moving(child.path.clone()))?;
            self.walk(&child, &stat, depth + 1, progress)?;
        }
        Ok(())
    }
}

fn write_entries<S: Serializer>(entries: &BTreeMap<PathBuf, Entry>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(entries.iter().map(|(path, entry)| (to_text(path), entry)))
}

fn read_entries<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<PathBuf, Entry>, D::Error> {
    let entries = BTreeMap::<String, Entry>::deserialize(from)?;
    entries.into_iter().map(|(text, entry)| Ok((path_of(&text)?, entry))).collect()
}

fn write_paths<S: Serializer>(paths: &BTreeSet<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(paths.iter().map(|path| to_text(path)))
}

fn read_paths<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<PathBuf>, D::Error> {
    let paths = Vec::<String>::deserialize(from)?;
    paths.iter().map(|text| path_of(text)).collect()
}

fn path_of<E: serde::de::Error>(text: &str) -> Result<PathBuf, E> {
    from_text(text).ok_or_else(|| E::custom(format!("`{text}` is not a path as measures write it")))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::os::unix::ffi::OsStringExt;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;

    use tempfile::TempDir;

    use super::*;

    fn scope() -> (TempDir, Roots) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("pki");
        fs::create_dir_all(root.join("etcd")).unwrap();
        fs::write(root.join("ca.crt"), "the authority").unwrap();
        fs::write(root.join("etcd/ca.crt"), "the other authority").unwrap();
        fs::set_permissions(root.join("ca.crt"), fs::Permissions::from_mode(0o640)).unwrap();
        let roots = Roots::new([root]).unwrap();
        (folder, roots)
    }

    #[test]
    fn contents_mode_kind_and_owner_are_measured() {
        let (folder, roots) = scope();
        let measure = measure(&roots).unwrap();
        let entry = &measure.entries[&folder.path().join("pki/ca.crt")];
        assert_eq!((entry.kind, entry.mode, entry.size), (Kind::File, 0o640, 13));
        assert_eq!(entry.uid, rustix::process::geteuid().as_raw());
        assert_eq!(entry.sha256.as_deref(), Some(hex(&Sha256::digest("the authority")).as_str()));
        assert_eq!(measure.len(), 2, "folders are not counted");
        assert_eq!(measure.entries.len(), 4);
    }

    #[test]
    fn a_link_is_measured_as_a_link_even_when_it_leads_into_a_loop() {
        let (folder, roots) = scope();
        symlink("..", folder.path().join("pki/etcd/up")).unwrap();
        let entry = measure(&roots).unwrap().entries.remove(&folder.path().join("pki/etcd/up")).unwrap();
        assert_eq!((entry.kind, entry.target.as_deref()), (Kind::Link, Some("..")));
    }

    #[test]
    fn a_root_that_is_a_link_is_not_followed() {
        let (folder, _) = scope();
        let link = folder.path().join("link");
        symlink("pki", &link).unwrap();
        let measure = measure(&Roots::new([link.clone()]).unwrap()).unwrap();
        assert_eq!(measure.entries.keys().collect::<Vec<_>>(), [&link]);
        assert_eq!(measure.entries[&link].kind, Kind::Link);
    }

    #[test]
    fn a_root_behind_a_link_of_the_scope_is_refused() {
        let (folder, _) = scope();
        symlink("../pki/etcd", folder.path().join("pki/link")).unwrap();
        let behind = folder.path().join("pki/link/ca.crt");
        let roots = Roots::new([folder.path().join("pki"), behind.clone()]).unwrap();
        assert_eq!(measure(&roots).unwrap_err().path(), Some(behind.as_path()));
    }

    #[test]
    fn pipes_and_sockets_are_recorded_and_never_opened() {
        let (folder, roots) = scope();
        let pipe = folder.path().join("pki/pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
        let socket = folder.path().join("pki/socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        let measure = measure(&roots).unwrap();
        assert_eq!(measure.entries[&pipe].target.as_deref(), Some("named pipe"));
        assert_eq!(measure.entries[&socket].target.as_deref(), Some("socket"));
    }

    #[test]
    fn a_root_that_does_not_exist_is_recorded_as_missing() {
        let (folder, _) = scope();
        for gone in [folder.path().join("gone"), folder.path().join("gone/further/down")] {
            let measure = measure(&Roots::new([gone.clone()]).unwrap()).unwrap();
            assert!(measure.is_empty());
            assert_eq!(measure.missing, BTreeSet::from([gone]));
        }
    }

    #[test]
    fn the_digest_sees_every_kind_of_change_and_nothing_else() {
        let (folder, roots) = scope();
        let ca = folder.path().join("pki/ca.crt");
        let first = measure(&roots).unwrap().digest();
        fs::write(&ca, "the authority").unwrap();
        assert_eq!(measure(&roots).unwrap().digest(), first, "times do not count");
        fs::write(&ca, "the impostor!").unwrap();
        let contents = measure(&roots).unwrap().digest();
        fs::write(&ca, "the authority").unwrap();
        fs::set_permissions(&ca, fs::Permissions::from_mode(0o644)).unwrap();
        let mode = measure(&roots).unwrap().digest();
        fs::rename(&ca, folder.path().join("pki/ca2.crt")).unwrap();
        let name = measure(&roots).unwrap().digest();
        assert_eq!(BTreeSet::from([first, contents, mode, name]).len(), 4);
    }

    #[test]
    fn a_measure_survives_json_with_any_name() {
        let (folder, roots) = scope();
        fs::write(folder.path().join("pki").join(OsString::from_vec(b"odd\xff\n".to_vec())), "").unwrap();
        let before = measure(&roots).unwrap();
        let json = serde_json::to_string(&before).unwrap();
        assert!(json.contains("odd\\\\xff\\\\x0a") && json.contains(r#""mode":"0640""#), "{json}");
        assert_eq!(serde_json::from_str::<Measure>(&json).unwrap(), before);
    }

    #[test]
    fn what_cannot_be_read_is_an_error_that_names_it() {
        let (folder, roots) = scope();
        let mut deep = folder.path().join("pki");
        (0..130).for_each(|_| deep.push("d"));
        fs::create_dir_all(&deep).unwrap();
        let error = measure(&roots).unwrap_err();
        assert!(error.to_string().starts_with("cannot go down into `"), "{error}");
        assert!(error.path().unwrap().starts_with(folder.path()));
    }
}
