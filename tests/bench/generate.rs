//! Runbooks of about 120 lines, all different, the same every time.

use std::fmt::Write as _;

/// The services that break in these runbooks.
const SERVICES: [&str; 8] = ["forum", "mail", "wiki", "search", "backup", "queue", "images", "login"];
/// Machines they run on.
const MACHINES: [&str; 5] = ["kyousuke", "masato", "kengo", "riki", "mio"];

/// The id of the runbook with this number.
pub fn id(number: usize) -> String {
    format!("{}-{number:04}", SERVICES[number % SERVICES.len()])
}

/// The runbook with this number.
pub fn runbook(number: usize) -> String {
    let service = SERVICES[number % SERVICES.len()];
    let machine = MACHINES[number % MACHINES.len()];
    let mut out = head(number, service, machine);
    out.push_str("\ndiagnose:\n");
    for look in 0..3 {
        let _ = write!(
            out,
            "  - id: look-{look}
    title: Does {service} answer on port {port} of {machine}?
    check: curl --fail --silent --max-time 5 http://{machine}:{port}/health/{look}
    why: >-
      When the answer is `ok`, {service} itself is healthy and the fault lies before it: in the proxy, in the name, or
      in the network between. Number {number} of the reasons for this is a full disk.
    looks_like: ok
    if_not:
      means: The process does not run, or it runs and hangs. The next look tells which.
      then: next

",
            port = 8000 + look
        );
    }
    out.push_str("repair:\n");
    for change in 0..3 {
        let _ = write!(
            out,
            "  - id: change-{change}
    title: Restart worker {change} of {service}
    change: |
      systemctl restart {service}-worker@{change}
      systemctl is-active {service}-worker@{change} --host {{{{ machine }}}}
    why: A worker that holds a lock of a process that is gone waits for ever. Restarting it lets the lock go.
    caution: Requests that are being answered get an error. People try again by themselves.
    takes: 20s
    risk: low
    repeatable: true
    no_undo: The worker was not working before; there is nothing to go back to.
    looks_like: active

"
        );
    }
    let _ = write!(
        out,
        "verify:
  - id: proven
    title: Does {service} answer again?
    check: curl --fail --silent http://{machine}:8000/health
    why: Not the process counts but what comes over the wire.
    looks_like: ok

follow_up:
  - Tell those who reported it that they can try again.
  - Write down for komari what held the lock.
"
    );
    out
}

fn head(number: usize, service: &str, machine: &str) -> String {
    format!(
        "# yaml-language-server: $schema=../schemas/runbook.v1.json
locum: 1
title: The {service} of group {number} does not answer
version: 1.{number}.0
summary: |
  The **{service}** stands still while everything below it looks healthy. Most of the time a worker waits for a lock
  that nobody gives back. This runbook looks which worker it is, restarts it, and proves from outside that it helped.

  It takes about five minutes, and no data is lost.
impact: Nobody can use the {service}. No data is lost, and none gets lost while you read.
applies_to: Machines that run {service} with its workers under systemd.
service: {service}
severity: high
symptoms:
  - \"{service}: connection timed out\"
  - \"{service} {number}: upstream sent no response\"
alerts: [Service{number}Down]
owner: komari
deputies: [pepe]
review: {{ last: \"2026-11-01\", every: 90d }}
practice: {{ every: 180d, people: 2 }}

inputs:
  machine:
    about: The machine that runs it.
    default: {machine}
    pattern: \"[a-z]+\"

forbidden:
  - {{ match: rm -rf /srv/{service}*, because: the data of the {service} lies there }}
"
    )
}
