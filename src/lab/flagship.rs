//! Tests of the lab of the flagship runbook, with the real `openssl`, guards and probes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::Utc;
use tempfile::TempDir;

use super::marks::marked;
use super::{Lab, LabSpec, inside, is_loopback};
use crate::guard::{self, MayChange, Measure, Roots, compare, measure};
use crate::probe::{Probe, Probed, Verdict, probe};

const INPUTS: [&str; 4] = ["pki", "address", "rotate", "reload"];
const VARIANTS: [&str; 5] = ["default", "slip", "slip-etcd", "slip-key", "slip-stray"];

struct Drill {
    world: TempDir,
    lab: Lab,
}

impl Drill {
    fn start(variant: &str) -> Self {
        let runbooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks");
        let start = ["labs/tls/lab.sh", variant].map(str::to_owned).to_vec();
        let spec = LabSpec { start, cwd: runbooks, env_extra: Vec::new() };
        let world = tempfile::tempdir().unwrap();
        let lab = Lab::start(&spec, &world.path().join("lab"), Duration::from_secs(30)).unwrap();
        assert_eq!(lab.inputs().keys().map(String::as_str).collect::<Vec<_>>(), INPUTS);
        assert!(VARIANTS.contains(&variant));
        Self { world, lab }
    }

    fn input(&self, name: &str) -> &str {
        &self.lab.inputs()[name]
    }

    fn pki(&self) -> PathBuf {
        PathBuf::from(self.input("pki"))
    }

    fn roots(&self) -> Roots {
        Roots::new([self.pki()]).unwrap()
    }

    fn measure(&self) -> Measure {
        measure(&self.roots()).unwrap()
    }

    /// Runs one of the site's scripts as a step of a drill would.
    fn run(&self, script: &str) -> Result<String, String> {
        let variables = super::environment(self.lab.folder());
        let run = duct::cmd!(self.input(script)).full_env(variables).stdin_null().stderr_to_stdout();
        let out = run.stdout_capture().unchecked().run().unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        if out.status.success() { Ok(text) } else { Err(text) }
    }

    #[expect(clippy::disallowed_methods, reason = "the lab's certificates expired as of now")]
    fn certificate(&self, at: &str, signed_by: Option<&str>) -> Probed {
        let signed_by = signed_by.map(|name| self.pki().join(name));
        let valid_for = signed_by.is_none().then_some(Duration::from_hours(300 * 24));
        probe(
            &Probe::Certificate { at: vec![at.to_owned()], valid_for, signed_by, is_ca: None, name: None },
            Utc::now(),
        )
    }

    fn served(&self, signed_by: Option<&str>) -> Verdict {
        self.certificate(self.input("address"), signed_by).verdict
    }

    /// What the rotation script changed and had no leave to, by name in the folder.
    fn broken(&self, before: &Measure) -> Vec<String> {
        let may = ["server.crt", "server.key"].map(str::to_owned);
        let may = MayChange::new(&may, &self.roots()).unwrap();
        let found = compare(before, &self.measure());
        let name = |path: &Path| path.strip_prefix(self.pki()).unwrap().display().to_string();
        guard::broken(&found, &may).iter().map(|difference| name(&difference.path)).collect()
    }

    /// Rotates, expects these guards to break, and goes the way back.
    fn slips(&self, broken: &[&str]) {
        let before = self.measure();
        let copy = guard::copy(&self.roots(), &self.world.path().join("copy")).unwrap();
        assert_eq!(self.run("rotate"), Ok("rotation done\n".to_owned()), "the slip looks like a success");
        assert_eq!(self.broken(&before), broken);
        let restored = guard::restore(&copy, &self.world.path().join("strays")).unwrap();
        assert!(restored.is_whole() && restored.trouble.is_empty(), "{restored:?}");
        assert_eq!(self.measure(), before);
        assert_eq!(self.run("reload"), Ok("reloaded\n".to_owned()));
        assert_eq!(self.served(Some("ca.crt")), Verdict::Ok);
    }
}

#[test]
fn the_lab_serves_a_leaf_that_has_really_expired_and_was_signed_by_the_authority_on_disk() {
    let drill = Drill::start("default");
    assert!(drill.measure().len() >= 20, "{}", drill.measure().len());
    assert!(is_loopback(drill.input("address")));
    for name in ["pki", "rotate", "reload"] {
        assert!(inside(drill.lab.folder(), Path::new(drill.input(name))), "{name}");
    }
    let said = drill.certificate(drill.input("address"), None);
    assert_eq!((said.verdict, said.values["days_left"].as_str()), (Verdict::Fault, "-61"));
    assert!(said.lines[0].starts_with("expired 61 d ago ("), "{said:?}");
    assert_eq!(drill.served(Some("ca.crt")), Verdict::Ok);
    assert_eq!(drill.served(Some("etcd/ca.crt")), Verdict::Fault);
    for (leaf, ca) in [
        ("admin.crt", "ca.crt"),
        ("metrics.crt", "ca.crt"),
        ("front-proxy-client.crt", "front-proxy-ca.crt"),
        ("etcd/server.crt", "etcd/ca.crt"),
        ("etcd/peer.crt", "etcd/ca.crt"),
    ] {
        let leaf = drill.pki().join(leaf).display().to_string();
        assert_eq!(drill.certificate(&leaf, Some(ca)).verdict, Verdict::Ok, "{leaf}");
        assert_eq!(drill.certificate(&leaf, None).verdict, Verdict::Ok, "{leaf}");
    }
}

#[test]
fn the_rotation_renews_only_the_leaf_and_a_reload_serves_it_at_the_same_port() {
    let drill = Drill::start("default");
    let before = drill.measure();
    assert_eq!(drill.run("rotate"), Ok("rotation done\n".to_owned()));
    assert_eq!(drill.broken(&before), [""; 0]);
    let changed = compare(&before, &drill.measure());
    assert_eq!(changed.len(), 2, "contents of leaf and key, nothing else: {changed:?}");
    assert_eq!(drill.served(None), Verdict::Fault, "the old one is served until the reload");
    assert_eq!(drill.run("reload"), Ok("reloaded\n".to_owned()));
    assert_eq!((drill.served(None), drill.served(Some("ca.crt"))), (Verdict::Ok, Verdict::Ok));
}

#[test]
fn the_slip_replaces_the_authority_and_the_way_back_brings_it_back() {
    Drill::start("slip").slips(&["ca.crt", "ca.key"]);
}

#[test]
fn the_slip_of_the_second_authority_is_caught_and_undone() {
    Drill::start("slip-etcd").slips(&["etcd/ca.crt", "etcd/ca.key"]);
}

#[test]
fn the_slip_of_a_key_is_caught_and_undone() {
    Drill::start("slip-key").slips(&["sa.key"]);
}

#[test]
fn the_stray_file_is_caught_and_moved_aside() {
    let drill = Drill::start("slip-stray");
    drill.slips(&["server.key.old"]);
    let kept = drill.world.path().join("strays/added").join(drill.pki().strip_prefix("/").unwrap());
    assert!(kept.join("server.key.old").is_file());
}

#[test]
fn a_reload_that_cannot_work_says_so_and_a_better_one_works() {
    let drill = Drill::start("default");
    let (key, kept) = (drill.pki().join("server.key"), drill.world.path().join("kept"));
    fs::copy(&key, &kept).unwrap();
    fs::copy(drill.pki().join("sa.key"), &key).unwrap();
    assert!(drill.run("reload").unwrap_err().starts_with("the server does not start with these files"));
    fs::copy(&kept, &key).unwrap();
    assert_eq!(drill.run("reload"), Ok("reloaded\n".to_owned()));
    for _ in 0..3 {
        assert_eq!(drill.run("reload"), Ok("reloaded\n".to_owned()));
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the lab's certificates expired as of now")]
fn the_server_bears_looks_that_hang_up() {
    let drill = Drill::start("default");
    let at = drill.input("address").to_owned();
    for _ in 0..5 {
        let look = Probe::Tcp { at: at.clone(), open: true, within: Duration::from_secs(2) };
        assert_eq!(probe(&look, Utc::now()).verdict, Verdict::Ok);
    }
    assert_eq!(drill.served(Some("ca.crt")), Verdict::Ok);
}

#[test]
fn the_end_of_the_lab_leaves_no_process() {
    let Drill { world: _world, lab } = Drill::start("default");
    let folder = lab.folder().to_owned();
    assert!(!marked(&folder).is_empty());
    let start = Instant::now();
    lab.end();
    assert_eq!(marked(&folder), []);
    assert!(start.elapsed() < Duration::from_secs(2), "TERM was enough");
}

#[test]
fn the_runbook_loads_and_asks_for_what_its_labs_give() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks/certificate-expired.yaml");
    let file = crate::source::SourceFile::new("certificate-expired.yaml", fs::read_to_string(path).unwrap());
    let loaded = crate::load::load("certificate-expired", file);
    let told = loaded.diagnostics.iter().map(|found| format!("{}: {}", found.primary.span.start, found.message));
    assert_eq!(told.collect::<Vec<_>>(), [""; 0]);
    let head = loaded.runbook.unwrap().head;
    assert_eq!(head.inputs.keys().map(String::as_str).collect::<Vec<_>>(), INPUTS);
    assert_eq!(head.labs.keys().map(String::as_str).collect::<Vec<_>>(), VARIANTS);
}

#[test]
fn a_lab_killed_with_its_group_leaves_no_process() {
    let drill = Drill::start("default");
    let leader = fs::read_to_string(drill.lab.folder().join("site/work/pid")).unwrap();
    let group = rustix::process::Pid::from_raw(leader.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
    let until = Instant::now() + Duration::from_secs(5);
    while !marked(drill.lab.folder()).is_empty() {
        assert!(Instant::now() < until, "{:?}", marked(drill.lab.folder()));
    }
}

#[test]
fn a_machine_without_openssl_is_told_so() {
    let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks/labs/tls/lab.sh");
    let run = duct::cmd!("/bin/sh", lab).full_env([("PATH", "/none")]).stderr_to_stdout().unchecked();
    assert_eq!(run.read().unwrap(), "lab: 'openssl' is missing; install it, then drill again");
}
