//! The flagship, as a deputy goes through it: repaired in its lab, and with each of the slips caught and undone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};
use sha2::{Digest, Sha256};

use crate::support::case::Ended;
use crate::support::{Case, has, lacks, top};

/// What a deputy answers up to the first change, a line a question.
const UNTIL_RENEW: &str = "1\n\n\n\n\ny\nd\n";

/// What is behind the first change.
const AFTER_RENEW: &str = "reload\n\n\n\nd\nd\ny\n";

/// The same as a file.
const ANSWERS: &str = "\
answers:
  alone: No, only me
  repair: enter
  note: done
  renew: renew
  reload: reload
  tell-those-who-reported-it-that-they-can: done
  write-down-for-komari-why-nobody-was: done
";

/// The slips: the lab, and the files that must not change but did.
const SLIPS: [(&str, &[&str]); 4] = [
    ("slip", &["ca.crt", "ca.key"]),
    ("slip-etcd", &["etcd/ca.crt", "etcd/ca.key"]),
    ("slip-key", &["sa.key"]),
    ("slip-stray", &["server.key.old"]),
];

/// The lab alone, without the drill around it, so that it outlives a run and can be measured from outside.
struct Site {
    /// Goes when the lab has ended.
    #[expect(dead_code, reason = "it is held so that the folder stays")]
    folder: tempfile::TempDir,
    process: duct::ReaderHandle,
    words: BTreeMap<String, String>,
}

impl Site {
    fn start(variant: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("locum-site-").tempdir().unwrap();
        let script = top().join("runbooks/labs/tls/lab.sh");
        let lab = duct::cmd!("sh", script, variant).env("LOCUM_LAB", folder.path()).stdin_null();
        let process = lab.unchecked().reader().unwrap();
        let mut words = BTreeMap::new();
        for line in BufReader::new(&process).lines() {
            match line.unwrap().split_once('=') {
                Some((name, value)) => words.insert(name.to_owned(), value.to_owned()),
                None => break,
            };
        }
        assert_eq!(words.len(), 4, "{words:?}");
        Self { folder, process, words }
    }

    fn inputs(&self) -> Vec<String> {
        self.words.iter().flat_map(|(name, value)| ["-i".to_owned(), format!("{name}={value}")]).collect()
    }

    /// Everything below the guarded folder: kind, mode, owner, contents.
    fn tree(&self) -> BTreeMap<PathBuf, String> {
        let mut tree = BTreeMap::new();
        look_at(Path::new(&self.words["pki"]), &mut tree);
        assert!(tree.len() > 20, "{tree:?}");
        tree
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for pid in self.process.pids() {
            if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::TERM);
            }
        }
        // Its end closes the output; only then may the folder go.
        let _ = std::io::copy(&mut &self.process, &mut std::io::sink());
    }
}

fn look_at(path: &Path, tree: &mut BTreeMap<PathBuf, String>) {
    let about = path.symlink_metadata().unwrap();
    let contents = if about.is_symlink() {
        fs::read_link(path).unwrap().display().to_string()
    } else if about.is_file() {
        format!("{:x?}", Sha256::digest(fs::read(path).unwrap()))
    } else {
        String::new()
    };
    tree.insert(path.to_owned(), format!("{:o} {}:{} {contents}", about.mode(), about.uid(), about.gid()));
    if about.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            look_at(&entry.unwrap().path(), tree);
        }
    }
}

/// The names in the guarded folder that a guard record calls broken.
fn broken(journal: &[serde_json::Value]) -> Vec<String> {
    let entries = journal.iter().filter_map(|record| record["guards"]["broken"].as_array()).flatten();
    let name = |entry: &serde_json::Value| {
        let path = entry["path"].as_str().unwrap();
        path.split_once("/pki/").map_or(path, |(_, name)| name).to_owned()
    };
    let mut names: Vec<_> = entries.map(name).collect();
    names.sort();
    names
}

fn audit(ended: &Ended) {
    let case = ended.room.case().args(["audit", &ended.run()]);
    case.stdout(has("every line is whole and in its place")).status(0);
}

fn drill() -> Case {
    Case::new().args(["drill"])
}

#[test]
fn a_deputy_repairs_it_line_by_line() {
    let ended = drill()
        .args(["--plain"])
        .stdin(&format!("{UNTIL_RENEW}renew\n{AFTER_RENEW}"))
        .stdout(has("DRILL  The site's certificate has expired"))
        .stdout(has("expired 61 d ago"))
        .stdout(has("rotation done"))
        .stdout(has("reloaded"))
        .stdout(has("is closed. locum report "))
        .stdout(lacks("LIVE"))
        .status(0);
    let journal = ended.journal();
    assert_eq!(journal[0]["mode"], "drill");
    assert_eq!(journal[0]["lab"], "default");
    assert_eq!(broken(&journal), Vec::<String>::new());
    let over_the_wire =
        journal.iter().rfind(|record| record["step"] == "proven" && record["kind"] == "step.outcome").unwrap();
    assert_eq!(over_the_wire["judged"], "passed");
    audit(&ended);
}

#[test]
fn a_file_of_answers_repairs_it() {
    let ended = drill()
        .file("answers.yaml", ANSWERS)
        .args(["--headless", "--answers", "answers.yaml"])
        .stdout(has("served: FAULT: expired 61 d ago"))
        .stdout(has("proven: ok: valid for another 364 d"))
        .stdout(has("\ndone\n"))
        .status(0);
    audit(&ended);
}

#[test]
fn a_drill_leaves_nothing_behind_but_its_record() {
    let ended = drill()
        .args(["--plain"])
        .stdin("q\n")
        .stdout(has("left; the run is kept"))
        .stdout(has("the drill is left, and its lab is gone"))
        .status(23);
    let drills = ended.room.home().join(".cache/locum/drills");
    let left: Vec<_> = fs::read_dir(drills).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(ended.room.run(&ended.run()).is_dir());
}

#[test]
fn every_slip_is_caught_without_a_person() {
    for (lab, names) in SLIPS {
        let ended = drill()
            .file("answers.yaml", ANSWERS)
            .args(["--headless", "--answers", "answers.yaml", "--lab", lab])
            .stdout(has("a guard is broken; nothing runs but the way back"))
            .stdout(lacks("reload: ok"))
            .status(24);
        assert_eq!(broken(&ended.journal()), names, "{lab}");
        for name in names {
            let line =
                ended.stdout.lines().find(|line| line.contains(&format!("/pki/{name}: "))).expect("the file is named");
            both_values(line);
        }
        audit(&ended);
    }
}

/// A line with what was before and what is now, and the two differ.
fn both_values(line: &str) {
    let words: Vec<_> = line.split_whitespace().collect();
    let digests: BTreeSet<_> =
        words.iter().filter(|word| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit())).collect();
    assert!(digests.len() == 2 || line.contains("added"), "{line}");
}

/// The flagship on a real system, as these tests can run it.
fn flagship(case: Case) -> Case {
    let text = std::fs::read_to_string(top().join("runbooks/certificate-expired.yaml")).unwrap();
    case.runbook("certificate-expired", &text)
}

#[test]
fn whoever_leaves_at_a_broken_guard_leaves_it_stopped() {
    let ended = drill()
        .args(["--plain", "--lab", "slip"])
        .stdin(&format!("{UNTIL_RENEW}renew\nq\n"))
        .stdout(has("STOPPED: 2 of what must not change did."))
        .stdout(has("There is no key to go on."))
        .stdout(has("Restart or reload anything, run the rotation again, or delete a"))
        .status(24);
    audit(&ended);
}

#[test]
fn at_a_broken_guard_no_key_goes_on() {
    let ended = drill()
        .args(["--plain", "--lab", "slip"])
        .stdin(&format!("{UNTIL_RENEW}renew\ng\nreload\ny\n"))
        .stdout(has("`reload` is no key here; nothing was changed"))
        .stdout(lacks("reloaded"))
        .status(5);
    assert!(!ended.journal().iter().any(|record| record["step"] == "reload"));
}

#[test]
fn the_way_back_restores_every_byte_mode_and_owner() {
    for (variant, names) in SLIPS {
        let site = Site::start(variant);
        let before = site.tree();
        let mut case = Case::new()
            .args(["run", "certificate-expired", "--plain"])
            .stdin(&format!("{UNTIL_RENEW}renew\nu\ny\nundo\nq\n"));
        case = flagship(case).more(site.inputs());
        let ended =
            case.stdout(has("LIVE  The site's certificate has expired")).stdout(has("24 of 24 as before")).status(23);
        assert_eq!(site.tree(), before, "{variant}");

        let journal = ended.journal();
        assert_eq!(broken(&journal), names, "{variant}");
        let undo = journal.iter().find(|record| record["does"] == "undo").expect("the way back is recorded");
        assert_eq!(undo["confirm"]["text"], "undo");
        let newest = journal.iter().rfind(|record| record["kind"] == "guard.after").unwrap();
        let first = journal.iter().find(|record| record["kind"] == "guard.before").unwrap();
        assert_eq!(newest["guards"]["digest"], first["guards"]["digest"], "{variant}");
        audit(&ended);
    }
}

#[test]
fn the_repair_changes_the_leaf_and_nothing_else() {
    let site = Site::start("default");
    let before = site.tree();
    let case = Case::new()
        .args(["run", "certificate-expired", "--plain"])
        .stdin(&format!("{UNTIL_RENEW}renew\n{AFTER_RENEW}"));
    let case = flagship(case).more(site.inputs());
    case.stdout(has("is closed")).status(0);
    let after = site.tree();
    let changed: Vec<_> =
        after.iter().filter(|(path, about)| before.get(*path) != Some(about)).map(|(path, _)| path).collect();
    let pki = Path::new(&site.words["pki"]);
    assert_eq!(changed, [&pki.join("server.crt"), &pki.join("server.key")]);
    assert_eq!(after.len(), before.len());
}
