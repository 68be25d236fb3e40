//! The flagship on three control planes over a real sshd each: their leaves have run out, and nobody's authority may
//! change. kubeadm and its friends are stubs; the certificates are real.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ssh::{HOSTS, Line, Machines, keys, listens, machine};
use crate::support::case::Room;
use crate::support::{Case, has, top};

const PKI: &str = include_str!("fixtures/planes/pki.sh");

/// `kubeadm` renews as the real one does; where `slip` lies in its folder, it does what only looks alike.
const KUBEADM: &str = "#!/bin/sh\nset -e\ncase $* in\n'certs check-expiration') echo 'admin.conf <invalid>' ;;\n'certs renew all')\n\
    [ ! -e /root/slip ] || PKI authorities /etc/kubernetes\n    PKI leaves /etc/kubernetes\n    echo 'Done renewing certificates. You must restart the pods.' ;;\n*) exit 64 ;;\nesac\n";
/// A pod runs while its manifest is there.
const CRICTL: &str = "#!/bin/sh\nfor word; do case $word in --name=^*) pod=${word#--name=^}; pod=${pod%'$'} ;; esac; done\n\
    [ ! -e \"/etc/kubernetes/manifests/$pod.yaml\" ] || echo 0123abcd\n";
const KUBECTL: &str = "#!/bin/sh\ncase $* in *readyz*) echo ok ;; *nodes*) echo 'kyousuke Ready control-plane' ;; *) echo 'all is Running' ;; esac\n";
const JOURNALCTL: &str = "#!/bin/sh\necho 'Started kubelet'\n";

fn script(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn pki(folder: &Path, words: &[&str]) {
    let done = Command::new("sh").arg(folder.join("pki.sh")).args(words).status().unwrap();
    assert!(done.success(), "{words:?}");
}

/// The folders that stand for those of the machines, and where they are seen there.
const SEEN: [(&str, &str); 3] = [("kubernetes", "/etc/kubernetes"), ("kubelet", "/var/lib/kubelet"), ("root", "/root")];

/// Three control planes: the same authorities, leaves that ran out in 2021, kubelets that are well.
fn planes(folder: &Path, first_port: u16) -> Machines {
    script(&folder.join("pki.sh"), PKI);
    let stubs = folder.join("stubs");
    let pki_at = stubs.join("pki");
    script(&pki_at, PKI);
    script(&stubs.join("kubeadm"), &KUBEADM.replace("PKI", "/usr/local/bin/pki"));
    for (name, text) in [("crictl", CRICTL), ("kubectl", KUBECTL), ("journalctl", JOURNALCTL)] {
        script(&stubs.join(name), text);
    }
    let first = folder.join(HOSTS[0]).join("kubernetes");
    fs::create_dir_all(&first).unwrap();
    pki(folder, &["authorities", first.to_str().unwrap()]);
    for host in HOSTS {
        let root = folder.join(host);
        if host != HOSTS[0] {
            fs::create_dir_all(&root).unwrap();
            let done = Command::new("cp").arg("-a").arg(&first).arg(&root).status().unwrap();
            assert!(done.success());
        }
        let at = root.join("kubernetes");
        for pod in ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
            fs::create_dir_all(at.join("manifests")).unwrap();
            fs::write(at.join("manifests").join(format!("{pod}.yaml")), "kind: Pod\n").unwrap();
        }
        fs::create_dir_all(root.join("root")).unwrap();
        fs::create_dir_all(root.join("kubelet/pki")).unwrap();
        pki(folder, &["leaves", at.to_str().unwrap()]);
        fs::copy(at.join("pki/apiserver.crt"), root.join("kubelet/pki/kubelet-client-current.pem")).unwrap();
        pki(folder, &["leaves", at.to_str().unwrap(), "expired"]);
    }
    let line = |(port, host)| Line { host, address: "127.0.0.1".to_owned(), port };
    let lines: Vec<_> = (first_port..).zip(HOSTS).map(line).collect();
    keys(folder, &lines);
    let start = |line: &Line| {
        let bind = |(own, seen): &(&str, &str)| {
            format!("mkdir -p {seen}; mount --bind {} {seen}; ", folder.join(line.host).join(own).display())
        };
        let before: String = SEEN.iter().map(bind).collect();
        machine(folder, line, &[], &format!("{before}mount --bind {} /usr/local/bin; ", stubs.display()))
    };
    let machines = Machines(lines.iter().map(start).collect());
    lines.iter().for_each(listens);
    machines
}

/// The flagship with shorter waits and one pod a node, without what only a real network shows and without the deeds of daylight.
fn runbook() -> String {
    let text = fs::read_to_string(top().join("runbooks/kubeadm-certificates.yaml")).unwrap();
    let (before, rest) = text.split_once("  - title: Does every running API server").expect("it looks over the wire");
    let (_, rest) = rest.split_once("  - id: same-signed").expect("and at the files");
    let (rest, _) = rest.split_once("\nfollow_up:").expect("and leaves something for daylight");
    format!("{before}  - id: same-signed{rest}\n")
        .replace("every: 3s", "every: 200ms")
        .replace("hold: 10s", "hold: 0s")
        .replace("[etcd, kube-apiserver, kube-controller-manager, kube-scheduler]", "[etcd]")
        + "user: root\n"
}

fn scene(first_port: u16) -> (Case, Machines) {
    let kubelet = fs::read_to_string(top().join("runbooks/kubelet-certificate.yaml")).unwrap();
    let case = Case::new().runbook("kubeadm-certificates", &runbook()).runbook("kubelet-certificate", &kubelet);
    let work = case.room().work();
    let machines = planes(&work, first_port);
    let mut answers = "answers:\n  repair: enter\n  tell: done\n  kubeconfigs: done\n".to_owned();
    for host in 1..=3 {
        for (id, word) in [("copy", "copy"), ("renew", "renew"), ("aside-folder", "aside-folder")] {
            let _ = writeln!(answers, "  '{id}[{host}]': {word}");
        }
        let _ = writeln!(answers, "  'out[{host}.1]': out\n  'in[{host}.1]': in");
    }
    let path = format!("{}:/usr/bin:/bin", work.join("bin").display());
    let case = case.file("answers.yaml", &answers).env("PATH", &path);
    (
        case.args([
            "run",
            "kubeadm-certificates",
            "-i",
            "nodes=kyousuke,masato,kengo",
            "--headless",
            "--answers",
            "answers.yaml",
        ]),
        machines,
    )
}

fn plane(room: &Room, host: &str, path: &str) -> PathBuf {
    room.work().join(host).join("kubernetes").join(path)
}

/// The authorities and the service account key of a machine.
fn authorities(room: &Room, host: &str) -> Vec<Vec<u8>> {
    let names = [
        "pki/ca.crt",
        "pki/ca.key",
        "pki/etcd/ca.crt",
        "pki/etcd/ca.key",
        "pki/front-proxy-ca.crt",
        "pki/front-proxy-ca.key",
        "pki/sa.key",
        "pki/sa.pub",
    ];
    names.iter().map(|name| fs::read(plane(room, host, name)).unwrap()).collect()
}

fn is_renewed(room: &Room, host: &str) -> bool {
    let check = Command::new("openssl")
        .args(["x509", "-noout", "-checkend", "0", "-in"])
        .arg(plane(room, host, "pki/apiserver.crt"))
        .output();
    check.unwrap().status.success()
}

#[test]
#[ignore = "needs root, sshd and openssl"]
fn expired_leaves_of_three_control_planes_are_renewed_and_their_authorities_stay() {
    let (case, _machines) = scene(43010);
    let room = case.room();
    let before = HOSTS.map(|host| authorities(&room, host));
    let ended = case.stdout(has("renew[3]: ok")).stdout(has("\ndone\n")).status(0);
    assert_eq!(HOSTS.map(|host| authorities(&room, host)), before);
    for host in HOSTS {
        assert!(is_renewed(&room, host), "{host}");
        assert!(plane(&room, host, "manifests/etcd.yaml").exists(), "{host}");
    }
    let journal = ended.journal();
    let key = fs::read_to_string(plane(&room, "masato", "pki/ca.key")).unwrap();
    let secret = key.lines().nth(1).unwrap();
    let state = room.home().join(".local/state/locum");
    let found = Command::new("grep").args(["-rlF", "--", secret]).arg(&state).output().unwrap();
    assert!(found.stdout.is_empty(), "a key came here: {}", String::from_utf8_lossy(&found.stdout));
    let looks: Vec<_> = journal.iter().filter(|record| record["hosts"].is_array()).collect();
    assert!(looks.len() >= 8, "the looks asked all of them");
}

#[test]
#[ignore = "needs root, sshd and openssl"]
fn a_new_authority_on_the_second_control_plane_is_caught_and_undone_there() {
    let (case, _machines) = scene(43020);
    let room = case.room();
    let before = HOSTS.map(|host| authorities(&room, host));
    fs::write(room.work().join("masato/root/slip"), "").unwrap();
    let ended = case.stdout(has("renew[1]: ok")).stdout(has("a guard is broken")).status(24);
    assert_ne!(authorities(&room, "masato"), before[1]);
    let journal = ended.journal();
    let broken: Vec<_> = journal.iter().filter_map(|record| record["guards"]["broken"].as_array()).flatten().collect();
    assert!(broken.iter().all(|change| change["path"].as_str().unwrap().starts_with("masato:/etc/kubernetes/pki/")));
    assert!(broken.iter().any(|change| change["path"] == "masato:/etc/kubernetes/pki/ca.key"), "{broken:?}");
    let run = ended.run();
    room.case()
        .env("PATH", &format!("{}:/usr/bin:/bin", room.work().join("bin").display()))
        .file("answers.yaml", "answers: { undo: 'renew[2]' }\n")
        .args(["undo"])
        .more(vec![run, "--headless".into(), "--answers".into(), "answers.yaml".into()])
        .stdout(has("as before on masato"))
        .status(0);
    assert_eq!(HOSTS.map(|host| authorities(&room, host)), before);
    assert!(is_renewed(&room, "kyousuke"), "what was right stays");
    assert!(!is_renewed(&room, "masato") && !is_renewed(&room, "kengo"));
}
