//! A runbook with every field, for tests; its texts try to be markup wherever the format lets them.

use crate::model::Runbook;
use crate::source::SourceFile;

pub const SOURCE: &str = r#"locum: 1
# {{#include /etc/passwd}} </details><script>alert(0)</script>
title: Renew <script>alert(1)</script> | [it](javascript:alert(2)) `x`
version: 1.2.0
summary: "Leaves <b>ran out</b>. The CA is *still* good, see [docs](https://example.org/x)."
impact: "![x](http://example.org/x.png) nobody gets in"
severity: critical
service: "forum <i>"
symptoms: ["x509: certificate has expired | or is not yet valid"]
alerts: [CertificateExpires]
owner: komari
deputies: [pepe]
review: { last: "2026-11-01", every: 90d }
practice: { every: 180d, people: 2 }
inputs:
  node: { about: Which node, choices: [kyousuke, masato] }
  pods: { about: Which pods, list: true, default: "etcd,api" }
values: { pki: "/etc/{{ node }}/pki" }
scope:
  files: ["{{ pki }}"]
  if_broken: { means: "A new <CA>.", worse_with_time: slowly, do_not: restart a pod }
must_not_change:
  - { what: The list of users, output_of: cat /etc/passwd }
forbidden: [{ match: kubeadm init phase certs, because: it makes a new CA }]
files: [renew.sh]
expires: [{ what: The leaf, certificate: "{{ pki }}/leaf.crt", warn: 30d }]
diagnose:
  - id: clock
    check: { file: /etc/localtime }
  - id: leaf
    title: Is it valid?
    check: { certificate: "{{ pki }}/leaf.crt", valid_for: 7d }
    then: done
    if_not: { means: It ran out., then: repair, see: other }
  - id: which
    question: Which one is it?
    choices: [{ answer: the leaf, then: repair }, { answer: the CA, then: stop, means: Renew nothing., see: https://example.org/ca }]
repair:
  - id: renew
    title: Renew the leaf
    why: A leaf lasts <em>one</em> year.
    caution: "Not `init`."
    needs: { file: "{{ pki }}/ca.crt" }
    change: |
      cat <<'END' | tee /dev/null
      ``` </code></pre><script>alert(3)</script>
      END
      ./renew.sh -- {{ node }}
    expect: { exit: 0, contains: Done, not_contains: [error] }
    looks_like: |
      ````
      Done <renewing>
    may_change: ["leaf.crt", "!ca.*"]
    undo: { change: "./renew.sh --back -- {{ node }}", done_when: { file: "{{ pki }}/leaf.crt" } }
    looks_alike: kubeadm init phase certs all
    repeatable: true
    done_when: { certificate: "{{ pki }}/leaf.crt", valid_for: 300d }
    links: [other, "https://example.org/<x>", "javascript:alert(4)"]
  - title: Restart all
    for_each: { pod: pods }
    steps:
      - { id: restart, change: [crictl, stop, --, "{{ pod }}"], no_undo: it starts again, risk: destructive, takes: 10s }
verify:
  - id: served
    wait: "curl -sf https://kyousuke:6443 <&-"
    at_most: 2m
    if_not: renew-again
  - { id: renew-again, by_hand: "Look at <http://example.org/y> by hand." }
follow_up:
  - Tell people.
labs: { default: { start: labs/lab.sh } }
"#;

pub fn runbook() -> Runbook {
    let loaded = crate::load::load("renew", SourceFile::new("renew.yaml", SOURCE));
    let problems: Vec<_> = loaded
        .diagnostics
        .iter()
        .map(|problem| (problem.file.place(problem.primary.span.start), &problem.message))
        .collect();
    loaded.runbook.unwrap_or_else(|| panic!("{problems:?}"))
}
