//! What a DNS server gives for a name. The server is asked itself, so that no cache and no `/etc/hosts` stands between.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use super::message::{Answer, Sort, answer, question};
use super::words::span;
use super::{Probed, Verdict, net, small_file};
use crate::host::random;

/// Where the system says which servers it asks.
const RESOLVERS: &str = "/etc/resolv.conf";
/// How often each server is asked: a packet can get lost.
const ROUNDS: u32 = 2;
/// The longest answer over TCP.
const LONGEST: usize = u16::MAX as usize;

/// What is asked.
pub struct Question<'a> {
    pub name: &'a str,
    /// Each must be in the answer; none: any address will do.
    pub gives: &'a [String],
    /// None: those of the system.
    pub server: Option<&'a str>,
    pub within: Duration,
}

/// Asks for both sorts of addresses.
pub fn look(asked: &Question<'_>) -> Probed {
    let cannot = |reason: String| Probed::new(Verdict::CannotTell, reason);
    let servers = match servers(asked.server, asked.within) {
        Ok(servers) => servers,
        Err(reason) => return cannot(reason),
    };
    let begun = Instant::now();
    let until = begun + asked.within;
    let mut all = Found::default();
    let mut trouble = None;
    for sort in [Sort::A, Sort::Aaaa] {
        match ask_all(&servers, asked.name, sort, until) {
            Ok((server, answer)) if answer.code == 3 => {
                return Probed::new(Verdict::Fault, format!("there is no name `{}`, says {server}", asked.name));
            }
            Ok((server, answer)) => all.add(server, answer),
            Err(reason) => trouble = trouble.or(Some(reason)),
        }
    }
    let took = begun.elapsed();
    match (all.server, trouble) {
        (None, Some(reason)) => cannot(reason.to_string(asked.within)),
        (Some(_), Some(reason)) if !all.holds(asked.gives) => cannot(reason.to_string(asked.within)),
        _ => judge(&all, asked, took),
    }
}

/// What all answers gave together.
#[derive(Default)]
struct Found {
    server: Option<SocketAddr>,
    addresses: Vec<IpAddr>,
    aliases: Vec<String>,
    ttl: Option<u32>,
}

impl Found {
    fn add(&mut self, server: SocketAddr, answer: Answer) {
        self.server = Some(server);
        self.addresses.extend(answer.addresses);
        for alias in answer.aliases {
            if !self.aliases.contains(&alias) {
                self.aliases.push(alias);
            }
        }
        self.ttl = [self.ttl, answer.ttl].into_iter().flatten().min();
    }

    fn gives(&self, asked: &str) -> bool {
        match asked.parse::<IpAddr>() {
            Ok(address) => self.addresses.contains(&address),
            Err(_) => self.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(asked.trim_end_matches('.'))),
        }
    }

    fn holds(&self, gives: &[String]) -> bool {
        if gives.is_empty() { !self.addresses.is_empty() } else { gives.iter().all(|asked| self.gives(asked)) }
    }

    fn text(&self) -> String {
        let aliases = self.aliases.iter().map(|alias| format!("the alias {alias}"));
        let all: Vec<_> = aliases.chain(self.addresses.iter().map(ToString::to_string)).collect();
        if all.is_empty() { "no address".to_owned() } else { all.join(", ") }
    }
}

fn judge(found: &Found, asked: &Question<'_>, took: Duration) -> Probed {
    let verdict = if found.holds(asked.gives) { Verdict::Ok } else { Verdict::Fault };
    let server = found.server.map(|server| server.to_string()).unwrap_or_default();
    let kept = found.ttl.map(|ttl| format!(", good for {}", span(Duration::from_secs(ttl.into())))).unwrap_or_default();
    let wanted = match asked.gives {
        _ if verdict == Verdict::Ok => String::new(),
        [] => "; asked for an address".to_owned(),
        gives => format!("; asked for {}", gives.join(" and ")),
    };
    let line = format!("{} gives {}{kept}, says {server} after {}{wanted}", asked.name, found.text(), span(took));
    let mut probed = Probed::new(verdict, line);
    let addresses: Vec<_> = found.addresses.iter().map(ToString::to_string).collect();
    let mut value = |name: &str, value: String| _ = probed.values.insert(name.to_owned(), value);
    value("addresses", addresses.join(" "));
    value("aliases", found.aliases.join(" "));
    value("server", server);
    value("milliseconds", took.as_millis().to_string());
    if let Some(ttl) = found.ttl {
        value("ttl_seconds", ttl.to_string());
    }
    probed
}

fn servers(server: Option<&str>, within: Duration) -> Result<Vec<SocketAddr>, String> {
    if let Some(server) = server {
        return net::addresses(server, 53, within).map_err(|reason| reason.to_string());
    }
    let text = small_file::text(Path::new(RESOLVERS)).ok_or_else(|| format!("`{RESOLVERS}` cannot be read"))?;
    let named = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let servers: Vec<_> = named.filter_map(|address| address.trim().parse::<IpAddr>().ok()).take(3).collect();
    if servers.is_empty() {
        return Err(format!("`{RESOLVERS}` names no server"));
    }
    Ok(servers.into_iter().map(|address| SocketAddr::new(address, 53)).collect())
}

/// Why there is no answer.
enum Trouble {
    /// The name cannot stand in DNS.
    Name(String),
    Silent(SocketAddr),
    Unreached(SocketAddr, std::io::Error),
    /// It answered that it cannot say.
    Refused(SocketAddr, u8),
}

impl Trouble {
    fn to_string(&self, within: Duration) -> String {
        match self {
            Self::Name(name) => {
                format!("`{name}` is no name that can be asked for; other letters than a-z stand in DNS as xn--")
            }
            Self::Silent(server) => format!("no answer from the DNS server {server} within {}", span(within)),
            Self::Unreached(server, error) if error.kind() == ErrorKind::ConnectionRefused => {
                format!("no DNS server listens at {server}")
            }
            Self::Unreached(server, error) => format!("the DNS server {server} cannot be reached: {error}"),
            Self::Refused(server, 2) => format!("the DNS server {server} could not find out (SERVFAIL)"),
            Self::Refused(server, 5) => format!("the DNS server {server} does not answer this machine (REFUSED)"),
            Self::Refused(server, code) => format!("the DNS server {server} answered with the error {code}"),
        }
    }
}

/// Asks one server after the other, and all of them once more; the first that knows is believed.
fn ask_all(servers: &[SocketAddr], name: &str, sort: Sort, until: Instant) -> Result<(SocketAddr, Answer), Trouble> {
    let id = u16::from_be_bytes(random::bytes());
    let asked = question(id, name, sort).ok_or_else(|| Trouble::Name(name.to_owned()))?;
    let mut tries = u32::try_from(servers.len()).unwrap_or(1) * ROUNDS;
    let mut trouble = None;
    for server in servers.iter().cycle().take(servers.len() * ROUNDS as usize) {
        let left = until.saturating_duration_since(Instant::now());
        // What is left is shared among the tries that are left.
        match ask(*server, &asked, Instant::now() + left / tries) {
            Ok(answer) if matches!(answer.code, 0 | 3) => return Ok((*server, answer)),
            Ok(answer) => trouble = Some(Trouble::Refused(*server, answer.code)),
            Err(error) if net::is_silence(&error) => trouble = trouble.or(Some(Trouble::Silent(*server))),
            Err(error) => trouble = Some(Trouble::Unreached(*server, error)),
        }
        tries -= 1;
    }
    Err(trouble.unwrap_or(Trouble::Silent(servers[0])))
}

fn ask(server: SocketAddr, asked: &[u8], until: Instant) -> std::io::Result<Answer> {
    let socket = net::udp(server)?;
    socket.send(asked)?;
    let answer = hear(&socket, asked, until)?;
    if answer.cut { ask_over_tcp(server, asked, until) } else { Ok(answer) }
}

/// Packets that answer something else are passed over: anybody can send one.
fn hear(socket: &UdpSocket, asked: &[u8], until: Instant) -> std::io::Result<Answer> {
    let mut buffer = [0; 4_096];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        socket.set_read_timeout(Some(left))?;
        let length = socket.recv(&mut buffer)?;
        if let Some(answer) = answer(&buffer[..length], asked) {
            return Ok(answer);
        }
    }
}

fn ask_over_tcp(server: SocketAddr, asked: &[u8], until: Instant) -> std::io::Result<Answer> {
    let mut stream = net::connect_to(server, until)?;
    let length = u16::try_from(asked.len()).map_err(|_| ErrorKind::InvalidInput)?;
    stream.write_all(&[&length.to_be_bytes()[..], asked].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut bytes = vec![0; usize::from(u16::from_be_bytes(length)).min(LONGEST)];
    stream.read_exact(&mut bytes)?;
    answer(&bytes, asked).ok_or_else(|| ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(2);

    /// A server of one zone over UDP, and over TCP for what is too long. It stops with the test.
    fn server(answers: impl Fn(&str, &[u8]) -> Vec<u8> + Send + Copy + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let socket = UdpSocket::bind(at).unwrap();
        thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let said = answers(&name_in(&buffer[..length]), &buffer[..length]);
                let cut = said.len() > 512;
                let said = if cut { reply(&buffer[..length], 0x8380, &[]) } else { said };
                let _ = socket.send_to(&said, from);
            }
        });
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut length = [0; 2];
                let _ = stream.read_exact(&mut length);
                let mut asked = vec![0; usize::from(u16::from_be_bytes(length))];
                let _ = stream.read_exact(&mut asked);
                let said = answers(&name_in(&asked), &asked);
                let _ = stream.write_all(&[&u16::try_from(said.len()).unwrap().to_be_bytes()[..], &said].concat());
            }
        });
        at.to_string()
    }

    fn name_in(asked: &[u8]) -> String {
        let end = asked[12..].iter().position(|byte| *byte == 0).unwrap();
        let labels = &asked[12..12 + end];
        labels.iter().skip(1).map(|byte| if *byte < 32 { '.' } else { char::from(*byte) }).collect()
    }

    fn reply(question: &[u8], flags: u16, records: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = question.to_vec();
        bytes[2..4].copy_from_slice(&flags.to_be_bytes());
        bytes[6..8].copy_from_slice(&u16::try_from(records.len()).unwrap().to_be_bytes());
        bytes.extend(records.concat());
        bytes
    }

    fn a(last: u8) -> Vec<u8> {
        vec![0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 10, 0, 0, last]
    }

    fn zone(name: &str, asked: &[u8]) -> Vec<u8> {
        let is_a = asked[asked.len() - 3] == 1;
        match name {
            "riki.example" if is_a => reply(asked, 0x8180, &[a(7), a(8)]),
            "many.example" if is_a => reply(asked, 0x8180, &(0..100).map(a).collect::<Vec<_>>()),
            "riki.example" | "many.example" | "empty.example" => reply(asked, 0x8180, &[]),
            "lame.example" => reply(asked, 0x8182, &[]),
            "closed.example" => reply(asked, 0x8185, &[]),
            "forged.example" => reply(&[&[asked[0] ^ 1][..], &asked[1..]].concat(), 0x8180, &[a(66)]),
            _ => reply(asked, 0x8183, &[]),
        }
    }

    fn ask_for(name: &str, gives: &[&str], server: &str) -> Probed {
        let gives: Vec<_> = gives.iter().map(ToString::to_string).collect();
        look(&Question { name, gives: &gives, server: Some(server), within: LIMIT })
    }

    #[test]
    fn a_name_that_gives_what_was_asked_for_is_good() {
        let server = server(zone);
        let said = ask_for("riki.example", &["10.0.0.7"], &server);
        assert_eq!(said.verdict, Verdict::Ok, "{said:?}");
        assert!(
            said.lines[0]
                .starts_with(&format!("riki.example gives 10.0.0.7, 10.0.0.8, good for 5 min, says {server} after "))
        );
        assert_eq!(
            (said.values["addresses"].as_str(), said.values["ttl_seconds"].as_str()),
            ("10.0.0.7 10.0.0.8", "300")
        );
        assert_eq!(ask_for("riki.example", &[], &server).verdict, Verdict::Ok);
        assert_eq!(
            ask_for("RIKI.example.", &["10.0.0.8", "10.0.0.7"], &server).verdict,
            Verdict::Fault,
            "the zone knows small letters only"
        );
    }

    #[test]
    fn another_address_no_address_and_no_name_are_faults() {
        let server = server(zone);
        let said = ask_for("riki.example", &["10.0.0.7", "10.0.0.9"], &server);
        assert_eq!(said.verdict, Verdict::Fault);
        assert!(said.lines[0].ends_with("; asked for 10.0.0.7 and 10.0.0.9"), "{said:?}");
        let said = ask_for("empty.example", &[], &server);
        assert_eq!(said.verdict, Verdict::Fault);
        assert!(said.lines[0].contains("gives no address"), "{said:?}");
        let said = ask_for("gone.example", &[], &server);
        assert_eq!(
            (said.verdict, said.lines),
            (Verdict::Fault, vec![format!("there is no name `gone.example`, says {server}")])
        );
    }

    #[test]
    fn a_server_that_cannot_say_leaves_it_open() {
        let server = server(zone);
        for (name, why) in [("lame.example", "SERVFAIL"), ("closed.example", "REFUSED")] {
            let said = ask_for(name, &["10.0.0.7"], &server);
            assert_eq!(said.verdict, Verdict::CannotTell);
            assert!(said.lines[0].contains(why), "{said:?}");
        }
        for name in ["ü.example", "a b", ""] {
            assert_eq!(ask_for(name, &[], &server).verdict, Verdict::CannotTell, "{name}");
        }
    }

    #[test]
    fn a_server_that_is_not_there_or_says_nothing_leaves_it_open() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let said = ask_for("riki.example", &[], &closed);
        assert_eq!(
            (said.verdict, said.lines),
            (Verdict::CannotTell, vec![format!("no DNS server listens at {closed}")])
        );
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = silent.local_addr().unwrap().to_string();
        let begun = Instant::now();
        let asked =
            Question { name: "riki.example", gives: &[], server: Some(&at), within: Duration::from_millis(300) };
        let said = look(&asked);
        assert_eq!(said.verdict, Verdict::CannotTell);
        assert_eq!(said.lines, [format!("no answer from the DNS server {at} within 300 ms")]);
        assert!(begun.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn what_does_not_fit_into_a_packet_is_asked_over_tcp() {
        let said = ask_for("many.example", &["10.0.0.99"], &server(zone));
        assert_eq!(said.verdict, Verdict::Ok, "{said:?}");
        assert_eq!(said.values["addresses"].split(' ').count(), 100);
    }

    #[test]
    fn a_packet_with_another_number_is_not_believed() {
        let server = server(zone);
        let asked =
            Question { name: "forged.example", gives: &[], server: Some(&server), within: Duration::from_millis(300) };
        assert_eq!(look(&asked).verdict, Verdict::CannotTell);
    }
}
