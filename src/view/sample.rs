//! Runs for the tests of views and screens: a runbook about a certificate, driven through the real engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::command::{Answer, Asked, Beginning, Command, Ending, Evidence, Opening};
use crate::engine::record::{
    Changed, Confirm, EndResult, Facts, Guards, Judged, Matched, Mode, Moment, RunbookRef, ShellOpening, Target,
    WayBack, Who,
};
use crate::engine::resolve::{Resolved, Resolver, Work};
use crate::engine::run::{ShellCommand, SideShell};
use crate::engine::{AttemptId, Key, Plan, Refusal, Run, decide};
use crate::source::SourceFile;

/// A certificate that ran out, a change, a deed by hand, a loop, a proof, something for daylight.
pub const CERTIFICATE: &str = r#"locum: 1
title: Renew an expired certificate
version: 1.0.0
summary: The leaf ran out, so the control plane is refused everywhere. The CA is still good.
impact: Nobody can deploy; what runs goes on running.
service: kubernetes
owner: komari
deputies: [pepe]
scope:
  files: [/etc/kubernetes]
  if_broken:
    means: A new CA with the old name was made; a server that reads it is trusted by nobody.
    worse_with_time: slowly, the API server reads these files again by itself
    do_not: restart a pod, the kubelet or the machine
must_not_change:
  - { what: the list of nodes, output_of: kubectl get nodes -o name }
diagnose:
  - id: leaf
    title: Is the certificate still valid?
    check: { certificate: /etc/kubernetes/pki/apiserver.crt, valid_for: 7d }
    takes: 1s
  - id: same-ca
    title: Was it signed by the CA on disk?
    check: openssl verify -CAfile /etc/kubernetes/pki/ca.crt /etc/kubernetes/pki/apiserver.crt
    why: If the CA was changed, a renewal makes it worse.
    expect: OK
    looks_like: |
      /etc/kubernetes/pki/apiserver.crt: OK
    if_not: { means: Two CAs are in play. Renew nothing., then: stop, see: kubernetes-ca-rotation }
repair:
  - id: renew
    title: Renew the leaf certificate, and only it
    change: kubeadm certs renew apiserver
    why: A leaf lasts a year, the CA ten. Only the leaf has run out.
    confirm: renew
    takes: 5s
    may_change: ["pki/apiserver.crt", "pki/apiserver.key"]
    looks_alike: kubeadm init phase certs all
    expect: certificate for serving the Kubernetes API renewed
    done_when: { certificate: /etc/kubernetes/pki/apiserver.crt, valid_for: 300d }
    unsafe_until: restart
    caution: The old key is gone afterwards.
  - id: console
    title: Look at the console
    by_hand: Open the console of kyousuke and read the last lines.
    risk: low
  - id: pods
    title: Restart the pods
    for_each: { pod: [etcd, kube-apiserver] }
    steps:
      - id: restart
        title: Restart it
        change: crictl rmp -f {{ pod }}
        risk: low
        takes: 2m
verify:
  - id: served
    title: Is the new one served?
    check: openssl s_client -connect kyousuke:6443
    takes: 1s
follow_up:
  - id: calendar
    title: Put the date into the calendar
    by_hand: Put the new date into the calendar of the team.
"#;

/// A plan with a run of it.
pub struct Sample {
    pub plan: Plan,
    pub run: Run,
}

/// How an attempt ends.
#[derive(Clone, Copy)]
pub enum Found {
    Ok(&'static str),
    Fault(&'static str),
    CannotTell(&'static str),
}

/// The plan of a runbook; a warning is as good as none.
pub fn plan(text: &str) -> Plan {
    let loaded = crate::load::load("certificate", SourceFile::new("certificate.yaml", text));
    let Some(runbook) = loaded.runbook else { panic!("{:#?}", loaded.diagnostics) };
    Plan::new(Arc::new(runbook))
}

/// An opened run of a runbook on kyousuke.
pub fn open(text: &str) -> Sample {
    open_as(text, Mode::Live)
}

/// The same in a mode.
pub fn open_as(text: &str, mode: Mode) -> Sample {
    let mut sample = Sample { plan: plan(text), run: Run::new("7f3a-k2") };
    let who = Who { claimed: "pepe".into(), uid: 0, euid: 0, host: "kyousuke".into(), key: None };
    let runbook = RunbookRef {
        id: "certificate".into(),
        version: "1.0.0".into(),
        digest: "sha256:00".into(),
        ..RunbookRef::default()
    };
    let lab = (mode == Mode::Drill).then(|| "default".to_owned());
    let opening = Opening {
        who,
        tz: "Europe/Berlin".into(),
        runbook,
        mode,
        inputs: BTreeMap::new(),
        lab,
        cwd: "/srv/runbooks".into(),
        also: None,
    };
    sample.ask(Command::Open(Box::new(opening))).expect("it opens");
    sample
}

/// At the first look.
pub fn certificate() -> Sample {
    open(CERTIFICATE)
}

/// Before repair: one fault was found.
pub fn at_the_gate() -> Sample {
    let mut sample = certificate();
    sample.look("leaf", Found::Fault("expired 61 d; not after 2026-09-25"));
    sample.look("same-ca", Found::Ok("/etc/kubernetes/pki/apiserver.crt: OK"));
    sample
}

/// At the change.
pub fn at_the_change() -> Sample {
    let mut sample = at_the_gate();
    sample.ask(Command::EnterRepair { guards: Some(guards(&[])), how: "key".into() }).expect("repair is entered");
    sample
}

/// In the first turn of the loop.
pub fn in_the_loop() -> Sample {
    let mut sample = at_the_change();
    sample.change("renew", Found::Ok("certificate for serving the Kubernetes API renewed"));
    sample.answer("console", Answer::Done);
    sample
}

/// Frozen: the change replaced the CA.
pub fn frozen() -> Sample {
    let mut sample = at_the_change();
    let attempt = sample.begin("renew", None);
    let changed = |path: &str, what: &str| Changed {
        path: path.into(),
        what: what.into(),
        before: "sha256 1f0c".into(),
        after: "sha256 9ab2".into(),
    };
    let broken =
        guards(&[changed("/etc/kubernetes/pki/ca.crt", "contents"), changed("/etc/kubernetes/pki/ca.key", "contents")]);
    sample.finish(attempt, Found::Ok("certificate for serving the Kubernetes API renewed"), Some(broken));
    sample
}

/// Everything done, not closed.
pub fn at_the_end() -> Sample {
    let mut sample = in_the_loop();
    sample.change("restart[1]", Found::Ok(""));
    sample.change("restart[2]", Found::Ok(""));
    sample.look("served", Found::Ok("CN=kube-apiserver"));
    sample.answer("calendar", Answer::Done);
    sample
}

/// What a measure gave.
pub fn guards(broken: &[Changed]) -> Guards {
    Guards { digest: "00".into(), entries: 63, broken: broken.to_vec(), allowed: Vec::new() }
}

impl Sample {
    /// Asks the engine, one minute after the record before.
    pub fn ask(&mut self, command: Command) -> Result<(), Refusal> {
        let minute = self.run.next_seq;
        let at = Moment { t: format!("2026-11-25T02:{minute:02}:00.000Z"), mono: minute * 60_000, boot: None };
        let decision = decide(&self.plan, &self.run, &Asked { at, command })?;
        for record in &decision.records {
            self.run.apply(record);
        }
        Ok(())
    }

    pub fn resolved(&self, key: &str) -> Resolved {
        let key: Key = key.parse().expect("a key");
        Resolver::new(&self.plan, &self.run, Some(&key)).step(&key).expect("it resolves")
    }

    /// Begins an attempt of a step, or of the way back of one.
    pub fn begin(&mut self, key: &str, undoes: Option<AttemptId>) -> AttemptId {
        let key: Key = key.parse().expect("a key");
        let attempt = AttemptId::new(1, self.run.next_seq, [0xab, 0xcd]);
        let resolver = Resolver::new(&self.plan, &self.run, Some(&key));
        let ready = match &undoes {
            Some(undoes) => resolver.way_back(&self.run.attempts[undoes]).expect("a way back"),
            None => resolver.step(&key).expect("it resolves"),
        };
        let changes = matches!(ready.work, Work::Command(_) | Work::Terminal(_) | Work::Restore);
        let beginning = Beginning {
            step: key,
            attempt: attempt.clone(),
            undoes,
            shown: ready.digest(),
            confirm: changes.then(|| Confirm { how: "typed".into(), text: ready.confirm_word.clone() }),
            again: None,
            target: Target { want: "kyousuke".into(), got: "kyousuke".into(), by: "hostname".into() },
            env: Vec::new(),
            cwd: "/srv/runbooks".into(),
            needs: Vec::new(),
            guards: (changes && self.plan.is_guarded()).then(|| guards(&[])),
            way_back: changes.then_some(WayBack::Copy { entries: 63, on: Vec::new() }),
        };
        self.ask(Command::Begin(Box::new(beginning))).expect("it begins");
        attempt
    }

    pub fn finish(&mut self, attempt: AttemptId, found: Found, guards: Option<Guards>) {
        let (judged, text, code) = match found {
            Found::Ok(text) => (Judged::Passed, text, 0),
            Found::Fault(text) => (Judged::Failed, text, 1),
            Found::CannotTell(text) => (Judged::Unknown, text, 124),
        };
        let ending = Ending { attempt, facts: facts(judged, text, code), got: vec![judged == Judged::Failed], guards };
        self.ask(Command::Finish(Box::new(ending))).expect("it ends");
    }

    pub fn look(&mut self, key: &str, found: Found) {
        let attempt = self.begin(key, None);
        self.finish(attempt, found, None);
    }

    pub fn change(&mut self, key: &str, found: Found) {
        let attempt = self.begin(key, None);
        self.finish(attempt, found, Some(guards(&[])));
    }

    /// A change of a runbook without guards passes.
    pub fn change_unguarded(&mut self, key: &str) {
        let attempt = self.begin(key, None);
        self.finish(attempt, Found::Ok(""), None);
    }

    pub fn answer(&mut self, key: &str, answer: Answer) {
        let step = key.parse().expect("a key");
        self.ask(Command::Answer { step, answer, how: "key".into(), guards: None }).expect("it is answered");
    }

    /// The screen is gone, and nobody knows how the attempt ended.
    pub fn lose(&mut self, attempt: AttemptId) {
        let evidence = Evidence::Unknown { why: "the machine was started again".into(), survivors: Vec::new() };
        self.ask(Command::Recover { attempt, evidence }).expect("it is recovered");
    }
}

fn facts(judged: Judged, text: &str, code: i32) -> Facts {
    let what = format!("exit 0, got exit {code}");
    Facts {
        result: EndResult::Exited,
        code: Some(code),
        signal: None,
        dur_ms: 5_000,
        leftover: Vec::new(),
        stdout: None,
        stderr: None,
        cast: None,
        judged,
        matched: vec![Matched {
            what: if code == 0 { "exit 0".into() } else { what },
            held: code == 0,
            unknown: false,
            line: None,
        }],
        captured: BTreeMap::new(),
        found: text.split("; ").filter(|text| !text.is_empty()).map(str::to_owned).collect(),
        hosts: Vec::new(),
        redacted: BTreeMap::new(),
        evidence: None,
        held: None,
        armed: None,
        line_lost: 0,
    }
}

/// A side shell that is open at a step, with what was typed in it.
pub fn side_shell(step: &str, typed: &[&str]) -> SideShell {
    let opening = ShellOpening {
        reason: "to look around".to_owned(),
        host: "kyousuke".to_owned(),
        account: "pepe".to_owned(),
        step: Some(step.parse().expect("a key")),
        ..ShellOpening::default()
    };
    let command = |text: &&str| ShellCommand {
        at: "2026-11-25T02:24:10.000Z".to_owned(),
        text: (*text).to_owned(),
        code: Some(0),
        refused: None,
    };
    let (opened_at, commands) = ("2026-11-25T02:24:00.000Z".to_owned(), typed.iter().map(command).collect());
    SideShell { opening, opened_at, commands, end: None, ended_at: None }
}
