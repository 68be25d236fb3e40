//! Built-in looks that need no program on the machine: one record each, told apart by its first key.

use std::time::Duration;

use super::decode::{Cx, Decode, record};
use super::scalar::{Located, OneOrMany, Text, words};
use super::shape::Shape;
use crate::diagnostic::Code;
use crate::source::Span;
use crate::text::amount::Amount;
use crate::text::suggestion::suggest;
use crate::yaml::{Kind, Node};

/// How long a machine is waited for where the runbook does not say.
pub const PATIENCE: Duration = Duration::from_secs(5);

record! {
    /// Certificates in PEM files, in a kubeconfig, or behind a `host:port`; a private key is never read.
    pub struct CertificateProbe as "certificate probe" {
        /// A PEM file, a kubeconfig (its user's certificate and its authority) or `host:port`, or a list of them.
        certificate: OneOrMany,
        /// How long it must be valid from now.
        valid_for: Option<Located<Duration>>,
        /// A PEM file or kubeconfig with the CA that must have signed it; dates are ignored unless `valid_for` is given.
        signed_by: Option<Text>,
        /// Whether it must be, or must not be, a certificate authority; with `true` a kubeconfig's authority is looked at.
        is_ca: Option<bool>,
        /// A name it must be good for.
        name: Option<Text>,
    }
}

record! {
    /// A page or an API over HTTP, asked with GET. Redirects are not followed, proxies not used.
    pub struct HttpProbe as "http probe" {
        /// Its address, with `http://` or `https://`; over TLS the system's authorities must vouch for it.
        http: Text,
        /// The status it must answer with; default: 200.
        status: Option<Located<i64>>,
        /// Texts that must be in the first MiB of the answer.
        contains: OneOrMany,
        /// How long the whole answer may take; default: 5s.
        within: Option<Located<Duration>>,
    }
}

record! {
    /// A TCP port.
    pub struct TcpProbe as "tcp probe" {
        /// `host:port`.
        tcp: Text,
        /// Whether it must be open (the default) or closed.
        open: Option<bool>,
        /// How long to wait for an answer.
        within: Option<Located<Duration>>,
    }
}

record! {
    /// A name in DNS. The server is asked itself; `/etc/hosts` and search domains do not count.
    pub struct DnsProbe as "dns probe" {
        /// The whole name.
        dns: Text,
        /// Addresses, or the name it is an alias for; each must be in the answer. Default: any address.
        gives: OneOrMany,
        /// The address of the server, as `10.0.0.53` or `10.0.0.53:53`; default: those of `/etc/resolv.conf`.
        server: Option<Text>,
        /// How long to wait for an answer; default: 5s.
        within: Option<Located<Duration>>,
    }
}

record! {
    /// Room on the file system of a path: bytes, and inodes where it counts them.
    pub struct DiskProbe as "disk probe" {
        /// A file or folder on it.
        disk: Text,
        /// How much may be used, as `90%` of bytes and of inodes, or as an amount such as `5GiB`.
        used_below: Option<Located<Amount>>,
        /// How much must be free, as `10%` of bytes and of inodes, or as an amount such as `5GiB`.
        free_above: Option<Located<Amount>>,
    }
}

record! {
    /// A file.
    pub struct FileProbe as "file probe" {
        /// Its path.
        file: Text,
        /// Whether it must be there (the default) or not.
        exists: Option<bool>,
    }
}

record! {
    /// A running program.
    pub struct ProcessProbe as "process probe" {
        /// The name of the program, without its folder.
        process: Text,
        /// Whether it must run (the default) or not.
        running: Option<bool>,
    }
}

words! {
    /// What a unit of systemd can be.
    pub enum UnitState {
        /// It runs, or did what it is for.
        Active = "active",
        /// It does not.
        Inactive = "inactive",
        /// It ended badly.
        Failed = "failed",
        /// It is being started.
        Activating = "activating",
        /// It is being stopped.
        Deactivating = "deactivating",
    }
}

record! {
    /// A unit of systemd.
    pub struct SystemdProbe as "systemd probe" {
        /// Its name; without an ending it is a service.
        systemd: Text,
        /// What it must be; default: active.
        state: Option<UnitState>,
    }
}

record! {
    /// The clock of this machine beside that of an NTP server.
    pub struct ClockProbe as "clock probe" {
        /// An NTP server as `host` or `host:port`, or `configured`: the first one that chrony, systemd-timesyncd or ntpd is set up with.
        clock: Text,
        /// How far it may be off; default: 1s.
        within: Option<Located<Duration>>,
    }
}

macro_rules! probes {
    ($($variant:ident $record:ident $word:literal)*) => {
        /// A built-in look that needs no program on the machine.
        #[derive(Clone, Debug)]
        pub enum Probe { $(#[doc = $word] $variant($record),)* }

        /// The first keys of all probes, in the order of the table.
        pub const WORDS: &[&str] = &[$($word,)*];

        /// What each looks like.
        pub fn shapes() -> Vec<Shape> {
            vec![$($record::shape(),)*]
        }

        impl Probe {
            /// Where it stands.
            pub fn span(&self) -> Span {
                match self { $(Self::$variant(probe) => probe.span,)* }
            }

            /// Its first key.
            pub const fn word(&self) -> &'static str {
                match self { $(Self::$variant(_) => $word,)* }
            }

            /// Reads it by its first key.
            pub fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
                $(if node.get($word).is_some() {
                    let probe = $record::decode(node, cx).map(Self::$variant)?;
                    probe.check(cx);
                    return Some(probe);
                })*
                cx.push(unknown(node, cx));
                None
            }
        }
    };
}

probes! {
    Certificate CertificateProbe "certificate"
    Http HttpProbe "http"
    Tcp TcpProbe "tcp"
    Dns DnsProbe "dns"
    Disk DiskProbe "disk"
    File FileProbe "file"
    Process ProcessProbe "process"
    Systemd SystemdProbe "systemd"
    Clock ClockProbe "clock"
}

fn unknown(node: &Node, cx: &Cx) -> crate::diagnostic::Diagnostic {
    let first = match &node.kind {
        Kind::Mapping(entries) => entries.first(),
        _ => None,
    };
    let span = first.map_or(node.span, |entry| entry.key.span);
    let found = first.map_or("nothing", |entry| entry.key.name.as_str());
    let words: Vec<_> = WORDS.iter().map(|word| format!("`{word}`")).collect();
    let (last, others) = words.split_last().expect("there are probes");
    let message = format!("unknown probe `{found}`, expected {} or {last}", others.join(", "));
    let problem = cx.problem(Code::UnknownKey, span, message);
    match suggest(found, WORDS.iter().copied()) {
        Some(known) => problem.help(format!("did you mean `{known}`?")),
        None => problem.help("if it is a command that contains `: `, put it in quotes or use `|`"),
    }
}

impl Probe {
    /// What no look could ever find, or would find whatever there is.
    fn check(&self, cx: &mut Cx) {
        match self {
            Self::Http(probe) => {
                let written = probe.http.contains("{{")
                    || probe.http.starts_with("http://")
                    || probe.http.starts_with("https://");
                if !written {
                    let message =
                        format!("`http` is `{}`, expected an address with `http://` or `https://`", &*probe.http);
                    let problem = cx.problem(Code::WrongType, probe.http.span, message);
                    cx.push(problem.help("write the whole address, such as `https://forum.example/health`"));
                }
                if let Some(status) = probe.status.as_ref().filter(|status| !(100..600).contains(&status.value)) {
                    let message = format!("status {}, expected 100 to 599", status.value);
                    let problem = cx.problem(Code::OutOfRange, status.span, message);
                    cx.push(problem.help("write the status that a healthy server answers with, such as 200"));
                }
            }
            Self::Disk(probe) if probe.used_below.is_none() && probe.free_above.is_none() => {
                let problem = cx.problem(Code::MissingKey, probe.disk.span, "a `disk` probe that asks for nothing");
                cx.push(problem.help("add `used_below: 90%` or `free_above: 5GiB`"));
            }
            _ => {}
        }
    }
}

impl Probe {
    /// What is looked at, for a step without a title.
    pub fn title(&self) -> String {
        match self {
            Self::Certificate(probe) => {
                format!("Certificate {}", probe.certificate.iter().map(|at| &**at).collect::<Vec<_>>().join(", "))
            }
            Self::Http(probe) => format!("Page {}", &*probe.http),
            Self::Tcp(probe) => format!("Port {}", &*probe.tcp),
            Self::Dns(probe) => format!("Name {}", &*probe.dns),
            Self::Disk(probe) => format!("Room on {}", &*probe.disk),
            Self::File(probe) => format!("File {}", &*probe.file),
            Self::Process(probe) => format!("Process {}", &*probe.process),
            Self::Systemd(probe) => format!("Unit {}", &*probe.systemd),
            Self::Clock(probe) => format!("Clock beside {}", &*probe.clock),
        }
    }

    /// Every text of it, in which `{{ }}` may stand.
    pub fn texts(&self) -> Vec<&Text> {
        match self {
            Self::Certificate(probe) => probe.certificate.iter().chain(&probe.signed_by).chain(&probe.name).collect(),
            Self::Http(probe) => std::iter::once(&probe.http).chain(probe.contains.iter()).collect(),
            Self::Tcp(probe) => vec![&probe.tcp],
            Self::Dns(probe) => std::iter::once(&probe.dns).chain(probe.gives.iter()).chain(&probe.server).collect(),
            Self::Disk(probe) => vec![&probe.disk],
            Self::File(probe) => vec![&probe.file],
            Self::Process(probe) => vec![&probe.process],
            Self::Systemd(probe) => vec![&probe.systemd],
            Self::Clock(probe) => vec![&probe.clock],
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::load::load;
    use crate::source::SourceFile;

    fn problems(probe: &str) -> Vec<String> {
        let text = format!("locum: 1\ntitle: t\ndiagnose:\n  - check: {{ {probe} }}\n");
        let loaded = load("a", SourceFile::new("a.yaml", text));
        let line = |problem: &crate::diagnostic::Diagnostic| {
            format!("{}: {}; {}", problem.code.name(), problem.message, problem.help.join("; "))
        };
        loaded.diagnostics.iter().map(line).collect()
    }

    #[test]
    fn a_word_that_is_nearly_a_probe_is_told() {
        let said = problems("htpp: 'http://riki'");
        assert!(said[0].starts_with("unknown-key: unknown probe `htpp`, expected `certificate`, `http`, "), "{said:?}");
        assert!(said[0].ends_with("`systemd` or `clock`; did you mean `http`?"), "{said:?}");
    }

    #[test]
    fn what_no_look_could_find_is_an_error() {
        let said = |probe| problems(probe).concat();
        assert!(said("http: riki").starts_with("wrong-type: `http` is `riki`, expected an address"));
        assert_eq!(problems("http: '{{ host }}/health'"), [""; 0], "what it is is known when it runs");
        assert!(said("http: 'http://riki', status: 20").starts_with("out-of-range: status 20, expected 100 to 599"));
        assert!(said("disk: /var").starts_with("missing-key: a `disk` probe that asks for nothing"));
        assert!(said("disk: /var, used_below: 101%").contains("expected an amount such as `90%` or `5GiB`"));
        assert!(said("disk: /var, free_above: 5gb").ends_with("`GiB` or `TiB`"));
        assert!(said("systemd: etcd, state: dead").contains("expected `active`, `inactive`"));
        assert!(said("dns: riki, within: 5").contains("a duration"));
    }

    #[test]
    fn names_in_every_text_must_be_known() {
        for probe in [
            "http: 'http://{{ x }}'",
            "http: 'http://riki', contains: ['{{ x }}']",
            "dns: '{{ x }}'",
            "dns: riki, gives: '{{ x }}'",
            "dns: riki, server: '{{ x }}'",
            "disk: '{{ x }}', used_below: 90%",
            "process: '{{ x }}'",
            "systemd: '{{ x }}'",
            "clock: '{{ x }}'",
        ] {
            assert!(problems(probe).concat().starts_with("undefined-name: "), "{probe}");
        }
    }
}
