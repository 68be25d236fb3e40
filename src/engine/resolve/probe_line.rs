//! A probe with every name filled in, and its words: the same for what runs, for the card, and for the book.

use std::time::Duration;

use crate::model::probe::{PATIENCE, UnitState};
use crate::model::{Located, Probe, Text};
use crate::text::amount::Amount;
use crate::text::duration::human;

/// How far a clock may be off where the runbook does not say.
const CLOCK_WITHIN: Duration = Duration::from_secs(1);

/// A probe that can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeLine {
    Certificate {
        at: Vec<String>,
        valid_for: Option<Duration>,
        signed_by: Option<String>,
        is_ca: Option<bool>,
        name: Option<String>,
    },
    Http {
        url: String,
        status: u16,
        contains: Vec<String>,
        within: Duration,
    },
    Tcp {
        at: String,
        open: bool,
        within: Duration,
    },
    Dns {
        name: String,
        gives: Vec<String>,
        server: Option<String>,
        within: Duration,
    },
    Disk {
        path: String,
        used_below: Option<Amount>,
        free_above: Option<Amount>,
    },
    File {
        path: String,
        exists: bool,
    },
    Process {
        name: String,
        running: bool,
    },
    Systemd {
        unit: String,
        state: UnitState,
    },
    Clock {
        server: String,
        within: Duration,
    },
}

impl ProbeLine {
    /// A probe as it is written, its texts filled in by `text`.
    ///
    /// # Errors
    /// That of the first text that cannot be filled in.
    pub fn fill<E>(probe: &Probe, text: impl Fn(&Text) -> Result<String, E>) -> Result<Self, E> {
        let some = |written: &Option<Text>| written.as_ref().map(&text).transpose();
        let all = |written: &[Text]| written.iter().map(&text).collect::<Result<Vec<_>, _>>();
        let within = |written: &Option<Located<Duration>>| written.as_ref().map_or(PATIENCE, |time| time.value);
        Ok(match probe {
            Probe::Certificate(probe) => Self::Certificate {
                at: all(&probe.certificate)?,
                valid_for: probe.valid_for.as_ref().map(|time| time.value),
                signed_by: some(&probe.signed_by)?,
                is_ca: probe.is_ca,
                name: some(&probe.name)?,
            },
            Probe::Http(probe) => Self::Http {
                url: text(&probe.http)?,
                status: probe.status.as_ref().and_then(|status| u16::try_from(status.value).ok()).unwrap_or(200),
                contains: all(&probe.contains)?,
                within: within(&probe.within),
            },
            Probe::Tcp(probe) => {
                let open = probe.open.unwrap_or(true);
                Self::Tcp { at: text(&probe.tcp)?, open, within: within(&probe.within) }
            }
            Probe::Dns(probe) => Self::Dns {
                name: text(&probe.dns)?,
                gives: all(&probe.gives)?,
                server: some(&probe.server)?,
                within: within(&probe.within),
            },
            Probe::Disk(probe) => Self::Disk {
                path: text(&probe.disk)?,
                used_below: probe.used_below.as_ref().map(|amount| amount.value),
                free_above: probe.free_above.as_ref().map(|amount| amount.value),
            },
            Probe::File(probe) => Self::File { path: text(&probe.file)?, exists: probe.exists.unwrap_or(true) },
            Probe::Process(probe) => {
                Self::Process { name: text(&probe.process)?, running: probe.running.unwrap_or(true) }
            }
            Probe::Systemd(probe) => {
                Self::Systemd { unit: text(&probe.systemd)?, state: probe.state.unwrap_or(UnitState::Active) }
            }
            Probe::Clock(probe) => {
                let within = probe.within.as_ref().map_or(CLOCK_WITHIN, |time| time.value);
                Self::Clock { server: text(&probe.clock)?, within }
            }
        })
    }

    /// The probe in words: `certificate a.crt valid_for 7 d`.
    pub fn words(&self) -> Vec<String> {
        let is = |what: &str, value: &dyn std::fmt::Display| format!("{what} {value}");
        let within = |time: &Duration| format!("within {}", human(*time));
        match self {
            Self::Certificate { at, valid_for, signed_by, is_ca, name } => {
                let mut words = vec!["certificate".to_owned()];
                words.extend(at.clone());
                words.extend(valid_for.iter().map(|time| format!("valid_for {}", human(*time))));
                words.extend(signed_by.iter().map(|path| is("signed_by", path)));
                words.extend(is_ca.iter().map(|is_ca| is("is_ca", is_ca)));
                words.extend(name.iter().map(|name| is("name", name)));
                words
            }
            Self::Http { url, status, contains, within: time } => {
                let mut words = vec!["http".to_owned(), url.clone(), is("status", status)];
                words.extend(contains.iter().map(|text| format!("contains \"{text}\"")));
                words.push(within(time));
                words
            }
            Self::Tcp { at, open, within: time } => {
                let open = if *open { "open" } else { "closed" };
                vec!["tcp".to_owned(), at.clone(), open.to_owned(), within(time)]
            }
            Self::Dns { name, gives, server, within: time } => {
                let mut words = vec!["dns".to_owned(), name.clone()];
                words.extend(gives.iter().map(|given| is("gives", given)));
                words.extend(server.iter().map(|server| is("server", server)));
                words.push(within(time));
                words
            }
            Self::Disk { path, used_below, free_above } => {
                let mut words = vec!["disk".to_owned(), path.clone()];
                words.extend(used_below.iter().map(|amount| is("used_below", amount)));
                words.extend(free_above.iter().map(|amount| is("free_above", amount)));
                words
            }
            Self::File { path, exists } => {
                let exists = if *exists { "exists" } else { "does not exist" };
                vec!["file".to_owned(), path.clone(), exists.to_owned()]
            }
            Self::Process { name, running } => {
                let running = if *running { "runs" } else { "does not run" };
                vec!["process".to_owned(), name.clone(), running.to_owned()]
            }
            Self::Systemd { unit, state } => {
                vec!["systemd".to_owned(), unit.clone(), is("state", &state.word())]
            }
            Self::Clock { server, within: time } => vec!["clock".to_owned(), server.clone(), within(time)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::load;
    use crate::model::Test;
    use crate::model::step::Kind;
    use crate::source::SourceFile;

    fn words(probe: &str) -> String {
        let text = format!("locum: 1\ntitle: t\ndiagnose:\n  - check: {{ {probe} }}\n");
        let loaded = load("a", SourceFile::new("a.yaml", text));
        let runbook = loaded.runbook.unwrap_or_else(|| panic!("{probe}: {:?}", loaded.diagnostics));
        let Kind::Check(Test::Probe(probe)) = &runbook.steps()[0].1.kind else { panic!("{probe}: no probe") };
        let line = ProbeLine::fill(probe, |text| Ok::<_, ()>(text.source.replace("{{ host }}", "riki"))).unwrap();
        line.words().join(" ")
    }

    #[test]
    fn a_probe_says_what_it_asks_with_what_it_does_not_say() {
        for (written, said) in [
            (
                "http: 'https://{{ host }}/health', status: 204, contains: [up, 'to date'], within: 2s",
                "http https://riki/health status 204 contains \"up\" contains \"to date\" within 2 s",
            ),
            ("http: 'http://riki'", "http http://riki status 200 within 5 s"),
            (
                "dns: riki.example, gives: [10.0.0.7], server: 10.0.0.53",
                "dns riki.example gives 10.0.0.7 server 10.0.0.53 within 5 s",
            ),
            ("dns: riki.example", "dns riki.example within 5 s"),
            ("disk: /var, used_below: 90%, free_above: 5GiB", "disk /var used_below 90 % free_above 5 GiB"),
            ("process: etcd", "process etcd runs"),
            ("process: etcd, running: false", "process etcd does not run"),
            ("systemd: kubelet", "systemd kubelet state active"),
            ("systemd: kubelet, state: failed", "systemd kubelet state failed"),
            ("clock: configured", "clock configured within 1 s"),
            ("clock: ntp.riki.example, within: 200ms", "clock ntp.riki.example within 200 ms"),
        ] {
            assert_eq!(words(written), said);
        }
    }
}
