//! A connection within a limit, and in plain words why there is none.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

use super::waited;
use super::words::span;

/// Why a port was not reached.
#[derive(Debug)]
pub enum Unreached {
    /// Not `host:port`.
    NoAddress(String),
    /// The name leads nowhere.
    Name(String),
    /// The machine said no.
    Refused(String),
    /// Nobody said anything.
    Silent(String, Duration),
    Other(String, io::Error),
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress(at) => write!(f, "`{at}` is not `host:port`"),
            Self::Name(at) => write!(f, "the name in `{at}` is not known here; is it spelled right, does DNS work?"),
            Self::Refused(at) => {
                write!(f, "nothing listens at {at}; the machine answers, but no program is at this port")
            }
            Self::Silent(at, waited) => {
                write!(f, "no answer from {at} within {}; is the machine down, or a firewall between?", span(*waited))
            }
            Self::Other(at, error) => write!(f, "cannot reach {at}: {error}"),
        }
    }
}

/// The host and the port of `host:port`, `[::1]:443` included; none if it is something else, such as a path.
pub fn host_port(at: &str) -> Option<(&str, u16)> {
    let (host, port) = at.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    (!bare.is_empty() && !bare.contains('/')).then_some((bare, port))
}

/// Connects to the first address of the name that answers, all within the limit.
pub fn connect(at: &str, within: Duration) -> Result<Bounded, Unreached> {
    let until = Instant::now() + within;
    let (host, port) = host_port(at).ok_or_else(|| Unreached::NoAddress(at.to_owned()))?;
    let mut reason = Unreached::Silent(at.to_owned(), within);
    for address in resolve(at, host, port, within)? {
        if Instant::now() >= until {
            break;
        }
        match connect_to(address, until) {
            Ok(stream) => return Ok(stream),
            Err(error) => reason = unreached(at, within, error),
        }
    }
    Err(reason)
}

fn unreached(at: &str, within: Duration, error: io::Error) -> Unreached {
    match error.kind() {
        ErrorKind::ConnectionRefused => Unreached::Refused(at.to_owned()),
        _ if is_silence(&error) => Unreached::Silent(at.to_owned(), within),
        _ => Unreached::Other(at.to_owned(), error),
    }
}

/// Whether nobody said anything within the limit of a socket.
pub fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock)
}

/// The addresses of a host, with the port that is said or else this one.
pub fn addresses(at: &str, port: u16, within: Duration) -> Result<Vec<SocketAddr>, Unreached> {
    let at = at.trim();
    let bare = at.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(at);
    let (host, port) = match host_port(at) {
        Some((host, port)) => (host, port),
        None if bare.parse::<std::net::IpAddr>().is_ok() => (bare, port),
        None if at.is_empty() || at.contains([':', '/', ' ']) => return Err(Unreached::NoAddress(at.to_owned())),
        None => (at, port),
    };
    resolve(at, host, port, within)
}

/// A socket that hears only this one address.
pub fn udp(server: SocketAddr) -> io::Result<UdpSocket> {
    let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.connect(server)?;
    Ok(socket)
}

/// Connects to one address.
pub fn connect_to(address: SocketAddr, until: Instant) -> io::Result<Bounded> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    Ok(Bounded { stream: TcpStream::connect_timeout(&address, left)?, until })
}

/// The system's resolver has no limit of its own, so it is waited for.
fn resolve(at: &str, host: &str, port: u16, within: Duration) -> Result<Vec<SocketAddr>, Unreached> {
    let name = host.to_owned();
    match waited::within(within, move || (name.as_str(), port).to_socket_addrs().map(Vec::from_iter)) {
        Some(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
        Some(_) => Err(Unreached::Name(at.to_owned())),
        None => Err(Unreached::Silent(at.to_owned(), within)),
    }
}

/// A stream that ends at an instant, however slowly the other side drips.
#[derive(Debug)]
pub struct Bounded {
    stream: TcpStream,
    until: Instant,
}

impl Bounded {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer)
    }
}

impl Write for Bounded {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_port_is_told_from_a_path() {
        assert_eq!(host_port("kyousuke:6443"), Some(("kyousuke", 6443)));
        assert_eq!(host_port("[::1]:443"), Some(("::1", 443)));
        for path in
            ["/etc/a:1", "a/b:80", "ca.crt", "::1", ":80", "kyousuke:", "kyousuke:0", "kyousuke:65536", "[::1:4"]
        {
            assert_eq!(host_port(path), None, "{path}");
        }
    }

    #[test]
    fn an_address_may_leave_out_its_port() {
        let of = |at: &str| addresses(at, 53, Duration::from_secs(2)).map(|all| all[0].to_string());
        for (at, address) in [
            ("10.0.0.53", "10.0.0.53:53"),
            ("10.0.0.53:5353", "10.0.0.53:5353"),
            ("::1", "[::1]:53"),
            ("[::1]", "[::1]:53"),
            ("[::1]:5353", "[::1]:5353"),
        ] {
            assert_eq!(of(at).unwrap(), address);
        }
        for at in ["", "a b", "/etc/x", "10.0.0.53:0", "10.0.0.53:x"] {
            assert!(matches!(of(at), Err(Unreached::NoAddress(_))), "{at}");
        }
    }

    #[test]
    fn a_closed_port_is_refused_in_words() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let reason = connect(&format!("127.0.0.1:{port}"), Duration::from_secs(2)).unwrap_err();
        assert!(matches!(reason, Unreached::Refused(_)), "{reason:?}");
        assert!(reason.to_string().starts_with("nothing listens at 127.0.0.1:"), "{reason}");
    }

    #[test]
    fn a_server_that_says_nothing_ends_at_the_limit() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let start = Instant::now();
        let mut stream = connect(&at, Duration::from_millis(200)).unwrap();
        assert!(stream.read(&mut [0; 8]).is_err());
        assert!(start.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn a_name_that_nobody_knows_is_told_as_that() {
        let reason = connect("kyousuke.invalid:443", Duration::from_secs(5)).unwrap_err();
        assert!(matches!(reason, Unreached::Name(_) | Unreached::Silent(..)), "{reason:?}");
    }
}
