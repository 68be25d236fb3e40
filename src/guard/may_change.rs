//! `may_change`: the part of a scope that one step may touch.
//!
//! Patterns are read as in a `.gitignore`, later ones winning, with two turns to the safe side: a pattern is always
//! anchored at an entry of the scope (`*` never crosses a `/`; `**` does), and `!folder` takes back all that is in it.

use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use super::{GuardError, Kind, Measure, Roots};

/// Compiled patterns with the roots that they are relative to.
#[derive(Clone, Debug)]
pub struct MayChange {
    rules: Vec<Rule>,
    roots: Roots,
}

#[derive(Clone, Debug)]
struct Rule {
    matcher: GlobMatcher,
    /// The pattern ended in `/`: the folder and all that is in it.
    whole_folder: bool,
    takes_back: bool,
    absolute: bool,
}

impl MayChange {
    /// Compiles the patterns of a step; none at all means that the step may change nothing.
    pub fn new(patterns: &[String], roots: &Roots) -> Result<Self, GuardError> {
        let rules = patterns.iter().map(|pattern| Rule::new(pattern)).collect::<Result<_, _>>()?;
        Ok(Self { rules, roots: roots.clone() })
    }

    /// May this path be added, removed or changed?
    pub fn allows(&self, path: &Path) -> bool {
        let last = self.rules.iter().rev().find(|rule| self.views(path).any(|view| rule.fits(path, view)));
        last.is_some_and(|rule| !rule.takes_back)
    }

    /// The files of a measure that may change; folders are left out.
    pub fn listed(&self, measure: &Measure) -> Vec<PathBuf> {
        let files = measure.entries.iter().filter(|(_, entry)| entry.kind != Kind::Dir);
        files.filter(|(path, _)| self.allows(path)).map(|(path, _)| path.clone()).collect()
    }

    /// The path as seen from each root; a root that is a file itself is seen by its name.
    fn views<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a Path> {
        self.roots.all().iter().filter_map(move |root| match path.strip_prefix(root) {
            Ok(rest) if rest.as_os_str().is_empty() => path.file_name().map(Path::new),
            Ok(rest) => Some(rest),
            Err(_) => None,
        })
    }
}

impl Rule {
    fn new(pattern: &str) -> Result<Self, GuardError> {
        let bad = |reason: &str| GuardError::Pattern { pattern: pattern.to_owned(), reason: reason.to_owned() };
        let (takes_back, rest) = match pattern.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        let whole_folder = rest.ends_with('/');
        let rest = rest.trim_end_matches('/');
        if rest.is_empty() {
            return Err(bad("it is empty"));
        }
        if rest.split('/').any(|part| part == "..") {
            return Err(bad("it goes up with `..`"));
        }
        if rest.starts_with("~/") {
            return Err(bad("`~` is not expanded here; write the path, or one relative to the scope"));
        }
        let glob = rest.strip_prefix("./").unwrap_or(rest);
        let glob = GlobBuilder::new(glob).literal_separator(true).backslash_escape(true).build();
        let matcher = glob.map_err(|error| bad(&error.kind().to_string()))?.compile_matcher();
        Ok(Self { matcher, whole_folder, takes_back, absolute: rest.starts_with('/') })
    }

    /// Does it speak of this path, seen whole or from a root?
    fn fits(&self, path: &Path, view: &Path) -> bool {
        let seen = if self.absolute { path } else { view };
        let with_folders = if self.whole_folder || self.takes_back { usize::MAX } else { 1 };
        seen.ancestors().take(with_folders).any(|part| self.matcher.is_match(part))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Entry;
    use super::*;

    fn may(patterns: &[&str]) -> MayChange {
        let roots = Roots::new(["/etc/kubernetes", "/srv/site.conf"].map(PathBuf::from)).unwrap();
        let patterns = patterns.iter().map(ToString::to_string).collect::<Vec<_>>();
        MayChange::new(&patterns, &roots).unwrap()
    }

    fn allowed<'a>(patterns: &[&str], paths: &[&'a str]) -> Vec<&'a str> {
        let may = may(patterns);
        paths.iter().copied().filter(|path| may.allows(Path::new(path))).collect()
    }

    #[test]
    fn without_patterns_nothing_may_change() {
        assert_eq!(allowed(&[], &["/etc/kubernetes", "/etc/kubernetes/admin.conf"]), [""; 0]);
    }

    #[test]
    fn the_renewal_of_leaves_leaves_the_authorities_alone() {
        let patterns = [
            "pki/*.crt",
            "pki/*.key",
            "pki/etcd/*.crt",
            "*.conf",
            "!pki/ca.*",
            "!pki/etcd/ca.*",
            "!pki/sa.*",
            "!kubelet.conf",
        ];
        let may =
            ["/etc/kubernetes/pki/apiserver.crt", "/etc/kubernetes/pki/etcd/peer.crt", "/etc/kubernetes/admin.conf"];
        let must_not = [
            "/etc/kubernetes/pki/ca.crt",
            "/etc/kubernetes/pki/ca.key",
            "/etc/kubernetes/pki/etcd/ca.crt",
            "/etc/kubernetes/pki/sa.key",
            "/etc/kubernetes/kubelet.conf",
            "/etc/kubernetes/pki",
            "/etc/kubernetes/pki/new.srl",
            "/etc/kubernetes/pki/deep/er/x.crt",
            "/etc/kubernetes/pki/x.conf",
            "/etc/other/pki/apiserver.crt",
        ];
        assert_eq!(allowed(&patterns, &may), may);
        assert_eq!(allowed(&patterns, &must_not), [""; 0]);
    }

    #[test]
    fn later_patterns_win() {
        let path = ["/etc/kubernetes/admin.conf"];
        assert_eq!(allowed(&["!admin.conf", "*.conf"], &path), path);
        assert_eq!(allowed(&["*.conf", "!admin.conf"], &path), [""; 0]);
        assert_eq!(allowed(&["*.conf", "!admin.conf", "admin.conf"], &path), path);
    }

    #[test]
    fn a_star_stays_in_its_folder_and_two_stars_do_not() {
        let paths = ["/etc/kubernetes/a.crt", "/etc/kubernetes/x/a.crt", "/etc/kubernetes/x/y/a.crt"];
        assert_eq!(allowed(&["*.crt"], &paths), &paths[..1]);
        assert_eq!(allowed(&["**/*.crt"], &paths), paths);
    }

    #[test]
    fn a_slash_at_the_end_means_the_folder_and_all_in_it() {
        let paths = ["/etc/kubernetes/new", "/etc/kubernetes/new/a", "/etc/kubernetes/new/b/c"];
        assert_eq!(allowed(&["new/"], &paths), paths);
        assert_eq!(allowed(&["new"], &paths), &paths[..1]);
    }

    #[test]
    fn taking_back_a_folder_takes_back_all_in_it() {
        let paths = ["/etc/kubernetes/pki/a", "/etc/kubernetes/pki/etcd", "/etc/kubernetes/pki/etcd/x"];
        assert_eq!(allowed(&["pki/**", "!pki/etcd"], &paths), &paths[..1]);
    }

    #[test]
    fn an_absolute_pattern_is_matched_against_the_whole_path() {
        let paths = ["/etc/kubernetes/pki/a.crt", "/srv/site.conf"];
        assert_eq!(allowed(&["/etc/kubernetes/pki/*.crt"], &paths), &paths[..1]);
        assert_eq!(allowed(&["/srv/*.conf"], &paths), &paths[1..]);
    }

    #[test]
    fn a_root_that_is_a_file_is_named_by_its_name() {
        assert_eq!(allowed(&["site.conf"], &["/srv/site.conf"]), ["/srv/site.conf"]);
    }

    #[test]
    fn a_pattern_that_means_nothing_is_refused_with_a_reason() {
        let roots = Roots::new([PathBuf::from("/a")]).unwrap();
        for (bad, reason) in
            [("", "empty"), ("!", "empty"), ("/", "empty"), ("../x", "goes up"), ("~/x", "`~`"), ("[", "unclosed")]
        {
            let error = MayChange::new(&[bad.to_owned()], &roots).unwrap_err().to_string();
            assert!(error.contains(reason), "{bad}: {error}");
        }
    }

    #[test]
    fn the_list_names_files_that_are_there() {
        let entry = |kind| Entry { kind, mode: 0, uid: 0, gid: 0, size: 0, sha256: None, target: None };
        let mut measure = Measure::default();
        for (path, kind) in [("new", Kind::Dir), ("new/a", Kind::File), ("new/l", Kind::Link), ("old", Kind::File)] {
            measure.entries.insert(Path::new("/etc/kubernetes").join(path), entry(kind));
        }
        let listed = may(&["new/"]).listed(&measure);
        assert_eq!(listed, ["/etc/kubernetes/new/a", "/etc/kubernetes/new/l"].map(PathBuf::from));
    }
}
