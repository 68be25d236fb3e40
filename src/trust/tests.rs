//! A repository, honest and hostile.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

/// A repository with one commit on `main`, and a folder beside it.
struct Repository {
    scratch: tempfile::TempDir,
}

impl Repository {
    fn new() -> Self {
        let repository = Self { scratch: tempfile::tempdir().unwrap() };
        fs::create_dir_all(repository.top().join("runbooks")).unwrap();
        fs::create_dir(repository.scratch.path().join("home")).unwrap();
        repository.git(&["init", "-q", "-b", "main"]);
        repository.write("runbooks/x.yaml", "reviewed\r\n");
        repository.write("tool.sh", "echo tool\n");
        repository.commit();
        repository
    }

    fn top(&self) -> PathBuf {
        self.scratch.path().join("top")
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.top().join(path), text).unwrap();
    }

    fn git(&self, words: &[&str]) -> String {
        let name = ["-c", "user.name=pepe", "-c", "user.email=pepe@kyousuke", "-c", "commit.gpgSign=false"];
        let command = duct::cmd("git", name.iter().chain(words)).dir(self.top());
        command.env("HOME", self.scratch.path().join("home")).env("GIT_CONFIG_NOSYSTEM", "1").read().unwrap()
    }

    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "text"]);
    }

    /// What is known of these paths as they are now.
    fn review(&self, paths: &[&str]) -> Review {
        self.asked(paths, None)
    }

    fn asked(&self, paths: &[&str], branch: Option<&str>) -> Review {
        let origin = |path: &&str| {
            let path = self.top().join(path);
            Origin { bytes: fs::read(&path).unwrap(), path }
        };
        let origins: Vec<_> = paths.iter().map(origin).collect();
        let home = self.scratch.path().join("home").display().to_string();
        let path = std::env::join_paths(["/usr/local/bin", "/usr/bin", "/bin"]).unwrap();
        let variable = |name: &str| match name {
            "HOME" => Some(home.clone()),
            "PATH" => Some(path.to_str().unwrap().to_owned()),
            _ => None,
        };
        review(&self.top(), &origins, User { branch, variable: &variable })
    }
}

fn why(review: &Review) -> String {
    review.fault.as_ref().expect("it is not reviewed").to_string()
}

#[test]
fn bytes_that_the_default_branch_holds_are_the_reviewed_ones() {
    let repository = Repository::new();
    let review = repository.review(&["runbooks/x.yaml", "tool.sh"]);
    assert_eq!(review.fault, None);
    assert_eq!((review.branch.as_deref(), review.commit), (Some("main"), Some(repository.git(&["rev-parse", "HEAD"]))));
}

#[test]
fn one_byte_of_one_file_is_seen_and_the_remedy_shows_it() {
    let repository = Repository::new();
    repository.write("tool.sh", "echo toll\n");
    let review = repository.review(&["runbooks/x.yaml", "tool.sh"]);
    assert_eq!(why(&review), "`tool.sh` is not what `main` holds");
    assert_eq!(review.fault.unwrap().remedy(), "see what differs: git diff main -- tool.sh");
    // A line end is a byte, whatever git would convert.
    repository.git(&["checkout", "-q", "tool.sh"]);
    repository.git(&["config", "core.autocrlf", "true"]);
    repository.write("runbooks/x.yaml", "reviewed\n");
    assert_eq!(why(&repository.review(&["runbooks/x.yaml"])), "`runbooks/x.yaml` is not what `main` holds");
}

#[test]
fn what_is_staged_or_committed_elsewhere_is_not_reviewed() {
    let repository = Repository::new();
    repository.write("runbooks/new.yaml", "new\n");
    repository.git(&["add", "-A"]);
    assert_eq!(why(&repository.review(&["runbooks/new.yaml"])), "`runbooks/new.yaml` is not on `main`");
    repository.git(&["checkout", "-q", "-b", "mine"]);
    repository.commit();
    assert_eq!(why(&repository.review(&["runbooks/new.yaml"])), "`runbooks/new.yaml` is not on `main`");
    // What is checked out does not matter, only the bytes.
    assert_eq!(repository.review(&["runbooks/x.yaml"]).fault, None);
}

#[test]
fn what_was_fetched_comes_before_what_is_only_here() {
    let repository = Repository::new();
    let reviewed = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["update-ref", "refs/remotes/origin/main", &reviewed]);
    repository.write("tool.sh", "echo unpushed\n");
    repository.commit();
    assert_eq!(why(&repository.review(&["tool.sh"])), "`tool.sh` is not what `origin/main` holds");
    repository.git(&["update-ref", "refs/remotes/origin/trunk", "HEAD"]);
    repository.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"]);
    assert_eq!(repository.review(&["tool.sh"]).branch.as_deref(), Some("origin/trunk"));
    assert_eq!(repository.review(&["tool.sh"]).fault, None);
    // The user's own word is the last one.
    assert_eq!(why(&repository.asked(&["tool.sh"], Some("main"))), "`tool.sh` is not what `origin/main` holds");
    let review = repository.asked(&["tool.sh"], Some("release"));
    assert!(why(&review).contains("`release`, which your configuration names"), "{review:?}");
}

#[test]
fn a_tag_or_a_commit_cannot_stand_in_for_a_branch() {
    let repository = Repository::new();
    repository.git(&["checkout", "-q", "-b", "other"]);
    repository.git(&["branch", "-q", "-D", "main"]);
    repository.git(&["tag", "main"]);
    assert!(why(&repository.review(&["tool.sh"])).contains("no default branch"));
}

#[test]
fn no_repository_is_said_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let review = review(folder.path(), &[], User { branch: None, variable: &|_| None });
    assert!(why(&review).ends_with("is in no git repository, so nobody can tell what was reviewed"), "{review:?}");
    // Nor is one further up taken for it.
    let repository = Repository::new();
    fs::create_dir(repository.top().join("sub")).unwrap();
    fs::create_dir(repository.top().join("sub/.git")).unwrap();
    let variable = |name: &str| (name == "PATH").then(|| "/usr/bin:/bin".to_owned());
    let within = super::review(&repository.top().join("sub"), &[], User { branch: None, variable: &variable });
    assert!(why(&within).starts_with("git cannot be asked: fatal: not a git repository"), "{within:?}");
}

#[test]
fn a_link_is_not_compared() {
    let repository = Repository::new();
    symlink("../tool.sh", repository.top().join("runbooks/link.sh")).unwrap();
    symlink("runbooks", repository.top().join("other")).unwrap();
    repository.commit();
    for path in ["runbooks/link.sh", "other/x.yaml"] {
        assert!(why(&repository.review(&[path])).contains("through a link"), "{path}");
    }
}

#[test]
fn a_replaced_object_does_not_stand_in_for_what_was_committed() {
    let repository = Repository::new();
    let reviewed = repository.git(&["rev-parse", "main:tool.sh"]);
    repository.write("tool.sh", "echo evil\n");
    let evil = repository.git(&["hash-object", "-w", "tool.sh"]);
    repository.git(&["replace", &reviewed, &evil]);
    assert_eq!(why(&repository.review(&["tool.sh"])), "`tool.sh` is not what `main` holds");
}

/// Everything in a repository's own configuration that names a program.
const PROGRAMS: [&str; 16] = [
    "core.fsmonitor",
    "core.pager",
    "core.sshCommand",
    "core.editor",
    "core.askPass",
    "core.alternateRefsCommand",
    "core.gitProxy",
    "credential.helper",
    "diff.external",
    "diff.evil.textconv",
    "diff.evil.command",
    "filter.evil.smudge",
    "filter.evil.clean",
    "filter.evil.process",
    "gpg.program",
    "remote.origin.uploadpack",
];

#[test]
fn nothing_of_a_hostile_repository_is_executed() {
    let repository = Repository::new();
    let (bait, caught) = (repository.scratch.path().join("bait"), repository.scratch.path().join("caught"));
    fs::write(&bait, format!("#!/bin/sh\necho \"$0 $*\" >>'{}'\nexit 1\n", caught.display())).unwrap();
    fs::set_permissions(&bait, fs::Permissions::from_mode(0o755)).unwrap();
    let program = bait.display().to_string();
    repository.write(".gitattributes", "* filter=evil diff=evil\n");
    repository.commit();
    for hook in ["post-checkout", "post-index-change", "reference-transaction", "fsmonitor-watchman", "pre-auto-gc"] {
        symlink(&bait, repository.top().join(".git/hooks").join(hook)).unwrap();
    }
    for name in PROGRAMS {
        repository.git(&["config", name, &program]);
    }
    for name in ["alias.cat-file", "alias.rev-parse", "alias.symbolic-ref", "pager.cat-file", "pager.rev-parse"] {
        let value = if name.starts_with("alias") { format!("!{program}") } else { program.clone() };
        repository.git(&["config", name, &value]);
    }
    // A partial clone fetches what is missing, over a program of its own choice.
    for (name, value) in [
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", &format!("ext::{program} %S")),
        ("protocol.ext.allow", "always"),
    ] {
        repository.git(&["config", name, value]);
    }
    assert_eq!(repository.review(&["runbooks/x.yaml"]).fault, None);
    let blob = repository.git(&["rev-parse", "main:tool.sh"]);
    fs::remove_file(repository.top().join(".git/objects").join(&blob[..2]).join(&blob[2..])).unwrap();
    assert!(repository.review(&["tool.sh"]).fault.is_some());
    assert!(!caught.exists(), "{}", fs::read_to_string(&caught).unwrap());

    // The bait does bite: git left to itself executes it.
    let _ = duct::cmd!("git", "cat-file", "blob", &blob)
        .dir(repository.top())
        .env("HOME", repository.scratch.path())
        .stdout_null()
        .stderr_null()
        .stdin_null()
        .unchecked()
        .run();
    assert!(caught.exists(), "without our settings the missing object is fetched");
}
