//! Tests: a command, or one built-in probe, that states what is true when all is well.

use std::time::Duration;

use super::command::Command;
use super::decode::{Cx, Decode, record};
use super::scalar::{Located, OneOrMany, Text};
use super::shape::Shape;
use crate::diagnostic::Code;
use crate::yaml::{Kind, Node};

/// What is true when all is well.
#[derive(Clone, Debug)]
pub enum Test {
    Command(Command),
    Probe(Box<Probe>),
}

/// A built-in look that needs no program on the machine.
#[derive(Clone, Debug)]
pub enum Probe {
    Certificate(CertificateProbe),
    Tcp(TcpProbe),
    File(FileProbe),
}

record! {
    /// Certificates in PEM files or behind a `host:port`; a private key is never read.
    pub struct CertificateProbe as "certificate probe" {
        /// A PEM file or `host:port`, or a list of them.
        certificate: OneOrMany,
        /// How long it must be valid from now.
        valid_for: Option<Located<Duration>>,
        /// A PEM file with the CA that must have signed it; dates are ignored unless `valid_for` is given.
        signed_by: Option<Text>,
        /// Whether it must be, or must not be, a certificate authority.
        is_ca: Option<bool>,
        /// A name it must be good for.
        name: Option<Text>,
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
    /// A file.
    pub struct FileProbe as "file probe" {
        /// Its path.
        file: Text,
        /// Whether it must be there (the default) or not.
        exists: Option<bool>,
    }
}

/// Probes of the format that are not built yet.
const LATER: &[&str] = &["http", "dns", "disk", "process", "systemd", "clock"];

impl Decode for Test {
    fn shape() -> Shape {
        Shape::Any(vec![Command::shape(), CertificateProbe::shape(), TcpProbe::shape(), FileProbe::shape()])
    }

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        let Kind::Mapping(entries) = &node.kind else {
            return Command::decode(node, cx).map(Self::Command);
        };
        let probe = if node.get("certificate").is_some() {
            Probe::Certificate(CertificateProbe::decode(node, cx)?)
        } else if node.get("tcp").is_some() {
            Probe::Tcp(TcpProbe::decode(node, cx)?)
        } else if node.get("file").is_some() {
            Probe::File(FileProbe::decode(node, cx)?)
        } else {
            let span = entries.first().map_or(node.span, |entry| entry.key.span);
            let found = entries.first().map_or("nothing", |entry| entry.key.name.as_str());
            let problem = if LATER.contains(&found) {
                let message = format!("the probe `{found}` is part of the format, but this locum cannot do it yet");
                cx.problem(Code::NotBuiltYet, span, message).help("use a command that tests the same")
            } else {
                let message = format!("unknown probe `{found}`, expected `certificate`, `tcp` or `file`");
                let problem = cx.problem(Code::UnknownKey, span, message);
                match crate::text::suggestion::suggest(found, ["certificate", "tcp", "file"]) {
                    Some(known) => problem.help(format!("did you mean `{known}`?")),
                    None => problem.help("if it is a command that contains `: `, put it in quotes or use `|`"),
                }
            };
            cx.push(problem);
            return None;
        };
        Some(Self::Probe(Box::new(probe)))
    }
}
