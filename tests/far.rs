//! Guards of other machines: measured over there before and after each change, copied over there, and put back.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::ssh::machines;
use crate::support::{Case, has};

const HOSTS: [&str; 3] = ["kyousuke", "masato", "kengo"];

/// The scope of a machine is a folder of its name; the second one loses its authority where `slip` stands.
const NODES: &str = "\
locum: 1
title: Renew the leaves on every node
targets:
  nodes: { host: [kyousuke, masato, kengo], via: VIA }
where: nodes
scope: { files: ['DIR/{{ host }}/pki'] }
must_not_change:
  - { what: the rules, output_of: cat rules, where: nodes }
repair:
  - id: renew
    change: |
      echo new > pki/leaf
      if [ -e slip ]; then echo new > pki/ca; chmod 644 pki/ca.key; echo stray > \"pki/s t'ray\"; rm pki/link; fi
    cwd: 'DIR/{{ host }}'
    may_change: [leaf]
    risk: low
verify:
  - { id: renewed, check: 'grep new pki/leaf', cwd: 'DIR/{{ host }}' }
";

const ANSWERS: &str = "answers: { repair: enter, 'renew[1]': renew, 'renew[2]': renew, 'renew[3]': renew }\n";

fn scene(via: &str) -> Case {
    let mut case = Case::new();
    let work = case.room().work();
    let text = NODES.replace("VIA", via).replace("output_of: cat rules", "output_of: 'cat DIR/{{ host }}/rules'");
    case = case.runbook("nodes", &text.replace("DIR", work.to_str().unwrap())).file("answers.yaml", ANSWERS);
    for host in HOSTS {
        for (name, text) in [("pki/ca", "true\n"), ("pki/ca.key", "secret\n"), ("pki/leaf", "old\n"), ("rules", "a\n")]
        {
            case = case.file(&format!("{host}/{name}"), text);
        }
        std::os::unix::fs::symlink("ca", work.join(host).join("pki/link")).unwrap();
        fs::set_permissions(work.join(host).join("pki/ca.key"), fs::Permissions::from_mode(0o600)).unwrap();
    }
    case
}

fn run(case: Case) -> Case {
    case.args(["run", "nodes", "--headless", "--answers", "answers.yaml"])
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// A slip on the second machine is seen there, undone there, and the first one keeps what was right.
/// `homes` are those of the machines, where they are not the one of the scene.
fn slip(case: Case, path: &str, homes: &[PathBuf]) {
    let case = case.env("PATH", path);
    let room = case.room();
    let work = room.work();
    fs::write(work.join("masato/slip"), "").unwrap();
    let ended = run(case).stdout(has("renew[1]: ok")).stdout(has("a guard is broken")).status(24);
    let journal = ended.journal();
    let broken: Vec<_> = journal.iter().filter_map(|record| record["guards"]["broken"].as_array()).flatten().collect();
    let pki = work.join("masato/pki").display().to_string();
    let paths: Vec<_> = broken.iter().map(|change| change["path"].as_str().unwrap().to_owned()).collect();
    for name in ["ca", "ca.key", "link", "s t'ray"] {
        assert!(paths.contains(&format!("masato:{pki}/{name}")), "{name}: {paths:?}");
    }
    assert_eq!(read(&work.join("kengo/pki/leaf")), "old\n", "the third was not begun");
    let run = ended.run();
    room.case()
        .env("PATH", path)
        .file("answers.yaml", "answers: { undo: 'renew[2]' }\n")
        .args(["undo"])
        .more(vec![run.clone(), "--headless".into(), "--answers".into(), "answers.yaml".into()])
        .stdout(has("4 of 4 as before on masato"))
        .status(0);
    let pki = work.join("masato/pki");
    assert_eq!((read(&pki.join("ca")), read(&pki.join("leaf"))), ("true\n".to_owned(), "old\n".to_owned()));
    assert_eq!(fs::metadata(pki.join("ca.key")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_link(pki.join("link")).unwrap(), Path::new("ca"));
    assert_eq!(fs::read_dir(&pki).unwrap().count(), 4, "the stray is out of the way");
    assert_eq!(read(&work.join("kyousuke/pki/leaf")), "new\n");
    let homes = homes.iter().cloned().chain([room.home()]);
    let kept = homes.map(|home| home.join(".local/state/locum/copies").join(&run));
    let kept: Vec<_> = kept.filter(|folder| folder.exists()).collect();
    assert!(!kept.is_empty(), "the copy lies over there");
    let strays: Vec<_> = kept.iter().flat_map(|kept| journal_strays(kept)).collect();
    assert!(strays.iter().any(|path| path.ends_with("s t'ray")), "nothing is deleted: {strays:?}");
}

/// Every path below a folder.
fn journal_strays(folder: &Path) -> Vec<String> {
    let found = duct::cmd!("find", folder).read().unwrap();
    found.lines().map(str::to_owned).collect()
}

#[test]
fn a_slip_on_the_second_machine_is_caught_and_undone_there() {
    slip(scene("[env]"), "/usr/bin:/bin", &[]);
}

#[test]
fn where_nothing_slips_every_machine_is_done_and_measured() {
    let ended = run(scene("[env]")).stdout(has("\ndone\n")).status(0);
    let journal = ended.journal();
    let entered = journal.iter().find(|record| record["kind"] == "guard.before").expect("it was measured");
    assert_eq!(entered["guards"]["entries"], 12, "four files on each of three machines: {entered}");
    let change = journal.iter().find(|record| record["does"] == "change").unwrap();
    assert!(change["undo"]["on"][0].as_str().unwrap().starts_with("kyousuke:/"), "{change}");
}

#[test]
fn what_cannot_be_measured_over_there_lets_nothing_run() {
    let case = scene("[env]");
    let work = case.room().work();
    fs::remove_file(work.join("kengo/rules")).unwrap();
    let _ended = run(case)
        .stdout(has("run "))
        .stderr(has("kengo: cannot measure the guard `the rules`"))
        .stderr(has("nothing ran"))
        .status(27);
    assert_eq!(read(&work.join("kyousuke/pki/leaf")), "old\n");
}

#[test]
#[ignore = "needs root and sshd"]
fn over_ssh_a_slip_on_the_second_machine_is_caught_and_undone_there() {
    let case = scene("ssh");
    let work = case.room().work();
    let machines = machines(&work, 43000);
    let homes: Vec<_> = machines.0.iter().map(|machine| format!("/proc/{}/root/root", machine.id()).into()).collect();
    slip(case, &format!("{}:/usr/bin:/bin", work.join("bin").display()), &homes);
}

/// A file of another machine is edited here and replaced there.
fn edit(via: &str) -> Case {
    let mut case = Case::new();
    let work = case.room().work();
    let text = "\
locum: 1
title: Point the site at the new queue
targets:
  node: { host: masato, via: VIA }
where: node
repair:
  - id: conf
    title: Point the site at the new queue
    edit: DIR/masato/site.conf
    risk: low
verify:
  - { id: whole, check: grep -q newer DIR/masato/site.conf }
";
    case = case.runbook("site", &text.replace("VIA", via).replace("DIR", work.to_str().unwrap()));
    case = case.file("masato/site.conf", "queue = old\n").file("new.conf", "queue = 'new'\n");
    fs::set_permissions(work.join("masato/site.conf"), fs::Permissions::from_mode(0o640)).unwrap();
    case.file("answers.yaml", "answers: { repair: enter, conf: new.conf }\n").args([
        "run",
        "site",
        "--headless",
        "--answers",
        "answers.yaml",
    ])
}

fn edited(case: Case) {
    let room = case.room();
    let conf = room.work().join("masato/site.conf");
    let ended = case.stdout(has("conf: ok")).status(21);
    assert_eq!(read(&conf), "queue = 'new'\n");
    assert_eq!(fs::metadata(&conf).unwrap().permissions().mode() & 0o7777, 0o640);
    let journal = ended.journal();
    let draft = journal.iter().find(|record| record["kind"] == "draft").expect("the difference is on record");
    assert!(draft["draft"]["diff"].as_array().unwrap().contains(&"+queue = 'new'".into()), "{draft}");
    room.case()
        .file("answers.yaml", "answers: { undo: conf }\n")
        .args(["undo"])
        .more(vec![ended.run(), "--headless".into(), "--answers".into(), "answers.yaml".into()])
        .stdout(has("1 of 1 as before on masato"))
        .status(0);
    assert_eq!(read(&conf), "queue = old\n");
    assert_eq!(fs::metadata(&conf).unwrap().permissions().mode() & 0o7777, 0o640);
}

#[test]
fn a_file_of_another_machine_is_edited_here_and_replaced_there_and_comes_back() {
    edited(edit("[env]"));
}

#[test]
fn a_way_that_passes_no_input_on_replaces_nothing() {
    let case = edit("[sh, on]").file("on", "exec \"$@\" </dev/null\n");
    let room = case.room();
    let ended = case.stdout(has("conf: FAULT")).stdout(has("standard input")).status(21);
    assert_eq!(read(&ended.room.work().join("masato/site.conf")), "queue = old\n");
    assert_eq!(fs::read_dir(room.work().join("masato")).unwrap().count(), 1, "nothing is left beside");
}
