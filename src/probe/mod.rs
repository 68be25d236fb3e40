//! Built-in probes: looks that need no other program but, for systemd, its own.
//!
//! A probe never panics, never waits without a limit, changes nothing and decodes no private key. What it could not
//! find out is `cannot tell`, never a fault: a frightened reader must not repair what only could not be seen.

mod authority;
mod certificate;
mod chain;
mod clock;
mod disk;
mod dns;
mod file;
mod handshake;
mod http;
mod kubeconfig;
mod message;
mod net;
mod pem;
mod process;
mod small_file;
mod sntp;
mod systemd;
mod tcp;
mod there;
mod waited;
mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};

pub use clock::CONFIGURED;
pub use http::scheme_and_place;
pub use there::{ONLY_CERTIFICATES, Reach, probe_there};

use crate::model::probe::{PATIENCE, UnitState};
use crate::text::amount::Amount;
use crate::text::sanitizer::plain;

/// What is looked at, with every template resolved and `~` expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    Certificate {
        /// PEM or DER files, kubeconfigs, or `host:port`; all must hold.
        at: Vec<String>,
        /// Must stay valid for at least this long; none: dates count only if nothing else is asked.
        valid_for: Option<Duration>,
        /// A file with the authorities of which one must have signed it.
        signed_by: Option<PathBuf>,
        is_ca: Option<bool>,
        /// A host name or address that it must be good for.
        name: Option<String>,
    },
    Http {
        url: String,
        status: u16,
        /// Texts that must be in the answer.
        contains: Vec<String>,
        within: Duration,
    },
    Tcp {
        /// `host:port`.
        at: String,
        open: bool,
        within: Duration,
    },
    Dns {
        name: String,
        /// Addresses or aliases; each must be in the answer.
        gives: Vec<String>,
        /// None: those of the system.
        server: Option<String>,
        within: Duration,
    },
    Disk {
        path: PathBuf,
        used_below: Option<Amount>,
        free_above: Option<Amount>,
    },
    File {
        path: PathBuf,
        exists: bool,
    },
    Process {
        name: String,
        running: bool,
        /// `NAME=value` that must be in its environment.
        mark: Option<String>,
    },
    Systemd {
        unit: String,
        state: UnitState,
    },
    Clock {
        /// `host`, `host:port` or [`CONFIGURED`].
        server: String,
        within: Duration,
    },
}

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Ok,
    /// It could not be found out.
    CannotTell,
    Fault,
}

/// The answer of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    pub verdict: Verdict,
    /// For people, with units; free of control characters.
    pub lines: Vec<String>,
    /// For captures and records; free of control characters.
    pub values: BTreeMap<String, String>,
}

/// Looks.
pub fn probe(probe: &Probe, now: DateTime<Utc>) -> Probed {
    let probed = match probe {
        Probe::Certificate { at, valid_for, signed_by, is_ca, name } => {
            let question = certificate::Question {
                valid_for: *valid_for,
                signed_by: signed_by.as_deref(),
                is_ca: *is_ca,
                name: name.as_deref(),
            };
            certificate::look(at, &question, now)
        }
        Probe::Http { url, status, contains, within } => {
            http::look(&http::Question { url, status: *status, contains, within: *within })
        }
        Probe::Tcp { at, open, within } => tcp::look(at, *open, *within),
        Probe::Dns { name, gives, server, within } => {
            dns::look(&dns::Question { name, gives, server: server.as_deref(), within: *within })
        }
        Probe::Disk { path, used_below, free_above } => disk::look(path, *used_below, *free_above),
        Probe::File { path, exists } => file::look(path, *exists),
        Probe::Process { name, running, mark } => process::look(name, *running, mark.as_deref()),
        Probe::Systemd { unit, state } => systemd::look(unit, *state),
        Probe::Clock { server, within } => clock::look(server, *within, now),
    };
    probed.cleaned()
}

impl Probed {
    fn new(verdict: Verdict, line: impl Into<String>) -> Self {
        Self { verdict, lines: vec![line.into()], values: BTreeMap::new() }
    }

    /// Adds a finding; the worst verdict stays: a fault weighs more than what could not be told.
    fn add(&mut self, verdict: Verdict, line: impl Into<String>) {
        self.verdict = self.verdict.max(verdict);
        self.lines.push(line.into());
    }

    fn cleaned(self) -> Self {
        Self {
            verdict: self.verdict,
            lines: self.lines.iter().map(|line| plain(line)).collect(),
            values: self.values.iter().map(|(name, value)| (plain(name), plain(value))).collect(),
        }
    }
}
