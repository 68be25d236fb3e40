//! What a page answers: one GET, its status and its text. Redirects are not followed and proxies are not used, since
//! what is asked about is this server.

use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::CertificateError;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, Error};

use super::words::span;
use super::{Probed, Verdict};
use crate::text::contains_at_word_borders;

/// Bytes that are read of an answer at most.
const LIMIT: u64 = 1024 * 1024;
/// Bytes of the head of an answer at most.
const HEAD: usize = 64 * 1024;

/// What is asked.
pub struct Question<'a> {
    pub url: &'a str,
    pub status: u16,
    pub contains: &'a [String],
    pub within: Duration,
}

/// Asks, trusting the authorities that this machine trusts.
pub fn look(asked: &Question<'_>) -> Probed {
    let Some((scheme, _)) = scheme_and_place(asked.url) else {
        let line = format!("`{}` is not an address with `http://` or `https://`", asked.url);
        return Probed::new(Verdict::CannotTell, line);
    };
    let trusted = if scheme == "https" { rustls_native_certs::load_native_certs().certs } else { Vec::new() };
    if scheme == "https" && trusted.is_empty() {
        let line =
            "this machine has no list of authorities to trust; on many systems it is the package `ca-certificates`";
        return Probed::new(Verdict::CannotTell, line);
    }
    look_trusting(asked, trusted.iter().map(|der| Certificate::from_der(der).to_owned()).collect())
}

/// The `host:port` that an address leads to, and how; none if it is no address of a page.
pub fn scheme_and_place(url: &str) -> Option<(&'static str, String)> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, port) = match uri.scheme_str()? {
        "http" => ("http", 80),
        "https" => ("https", 443),
        _ => return None,
    };
    let host = uri.host().filter(|host| !host.is_empty())?;
    Some((scheme, format!("{host}:{}", uri.port_u16().unwrap_or(port))))
}

fn look_trusting(asked: &Question<'_>, trusted: Vec<Certificate<'static>>) -> Probed {
    let begun = Instant::now();
    let answer = agent(asked.within, trusted).get(asked.url).call();
    match answer {
        Err(error) => unanswered(asked, &error),
        Ok(answer) => {
            let status = answer.status().as_u16();
            let to = answer.headers().get("location").map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned());
            let mut probed = of_status(asked, status, to.as_deref(), begun.elapsed());
            if !asked.contains.is_empty() && status == asked.status {
                of_text(asked, answer.into_body(), &mut probed);
            }
            probed.values.insert("status".to_owned(), status.to_string());
            probed.values.insert("milliseconds".to_owned(), begun.elapsed().as_millis().to_string());
            probed.values.extend(to.map(|to| ("location".to_owned(), to)));
            probed
        }
    }
}

fn agent(within: Duration, trusted: Vec<Certificate<'static>>) -> Agent {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(trusted)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let config = Agent::config_builder()
        .timeout_global(Some(within))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .max_response_header_size(HEAD)
        .proxy(None)
        .user_agent(concat!("locum/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls);
    config.build().new_agent()
}

fn of_status(asked: &Question<'_>, status: u16, to: Option<&str>, took: Duration) -> Probed {
    let line = format!("{} answers {status} after {}", asked.url, span(took));
    if status == asked.status {
        return Probed::new(Verdict::Ok, line);
    }
    let to = to.map(|to| format!(", which leads to {to}; that is not followed")).unwrap_or_default();
    Probed::new(Verdict::Fault, format!("{line}{to}; asked for {}", asked.status))
}

fn of_text(asked: &Question<'_>, body: Body, probed: &mut Probed) {
    let mut bytes = Vec::new();
    if let Err(error) = body.into_reader().take(LIMIT + 1).read_to_end(&mut bytes) {
        let line = match Error::from(error) {
            Error::Timeout(_) => format!("its text was not whole within {}", span(asked.within)),
            error => format!("its text broke off after {} bytes: {error}", bytes.len()),
        };
        return probed.add(Verdict::Fault, line);
    }
    let cut = u64::try_from(bytes.len()).is_ok_and(|length| length > LIMIT);
    let text = String::from_utf8_lossy(&bytes);
    probed.values.insert("bytes".to_owned(), text.len().min(bytes.len()).to_string());
    for wanted in asked.contains {
        match (contains_at_word_borders(&text, wanted), cut) {
            (true, _) => probed.add(Verdict::Ok, format!("its text has \"{wanted}\"")),
            (false, false) => {
                probed.add(Verdict::Fault, format!("its text, {} bytes, does not have \"{wanted}\"", bytes.len()));
            }
            (false, true) => {
                let line = format!("the first MiB of its text does not have \"{wanted}\", and the rest was not read");
                probed.add(Verdict::CannotTell, line);
            }
        }
    }
}

/// Nobody there, nothing in time, or a certificate that no client accepts are faults; what stood in the way is none.
fn unanswered(asked: &Question<'_>, error: &Error) -> Probed {
    let url = asked.url;
    let fault = |line: String| Probed::new(Verdict::Fault, line);
    let cannot = |line: String| Probed::new(Verdict::CannotTell, line);
    if let Some(reason) = refused_certificate(error) {
        return fault(format!("the certificate of {url} is not accepted: {reason}"));
    }
    match error {
        Error::Timeout(_) => fault(format!("no answer from {url} within {}", span(asked.within))),
        Error::HostNotFound => {
            cannot(format!("the name in {url} is not known here; is it spelled right, does DNS work?"))
        }
        Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fault(format!("nothing listens at {url}; the machine answers, but no program is at this port"))
        }
        Error::Io(error)
            if matches!(
                error.kind(),
                ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe
            ) =>
        {
            fault(format!("{url} hung up without an answer"))
        }
        Error::Protocol(error) => fault(format!("{url} answers, but not in HTTP: {error}")),
        Error::Rustls(error) => fault(format!("{url} answers, but not in a TLS that can be spoken: {error}")),
        Error::LargeResponseHeader(..) => fault(format!("the head of the answer of {url} is over 64 KiB")),
        error => cannot(format!("cannot ask {url}: {error}")),
    }
}

fn refused_certificate(error: &Error) -> Option<String> {
    let inner = match error {
        Error::Rustls(error) => Some(error),
        Error::Io(error) => error.get_ref().and_then(|error| error.downcast_ref()),
        _ => None,
    };
    let Some(rustls::Error::InvalidCertificate(why)) = inner else { return None };
    Some(match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has run out".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "it is not valid yet".to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name".to_owned()
        }
        CertificateError::UnknownIssuer => "this machine does not know the authority that signed it".to_owned(),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use super::super::chain::tests::{Authority, Server};
    use super::super::pem;
    use super::*;

    /// A server that gives these bytes to whoever asks, with the path that was asked for; then hangs up.
    fn server(answer: impl Fn(&str, &mut TcpStream) + Send + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                answer(&path, &mut stream);
            }
        });
        at
    }

    fn whole(status: &str, headers: &str, body: &str) -> String {
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}", body.len())
    }

    fn site() -> String {
        server(|path, stream| {
            let answer = match path {
                "/health" => whole("200 OK", "", "all is up\n"),
                "/old" => whole("301 Moved Permanently", "Location: /health\r\n", ""),
                "/down" => whole("503 Service Unavailable", "", "back soon"),
                "/long" => whole("200 OK", "", &("up ".repeat(500_000) + "end")),
                "/chunks" => {
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n6\r\n is up\r\n0\r\n\r\n"
                        .to_owned()
                }
                "/broken" => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nall is".to_owned(),
                "/mail" => "220 mail ready\r\n".to_owned(),
                "/steer" => whole("301 Moved", "Location: \u{1b}[2J\u{202e}x\r\n", ""),
                "/slow" => {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
                    thread::sleep(Duration::from_secs(1));
                    String::new()
                }
                _ => String::new(),
            };
            let _ = stream.write_all(answer.as_bytes());
        })
    }

    fn ask(url: &str, status: u16, contains: &[&str], millis: u64) -> Probed {
        let contains: Vec<_> = contains.iter().map(ToString::to_string).collect();
        look(&Question { url, status, contains: &contains, within: Duration::from_millis(millis) }).cleaned()
    }

    #[test]
    fn status_and_text_are_what_was_asked_for_or_a_fault() {
        let site = site();
        let said = ask(&format!("{site}/health"), 200, &["is up", "all"], 5_000);
        assert_eq!(said.verdict, Verdict::Ok, "{said:?}");
        assert!(said.lines[0].starts_with(&format!("{site}/health answers 200 after ")), "{said:?}");
        assert_eq!((said.lines[1].as_str(), said.values["status"].as_str()), ("its text has \"is up\"", "200"));
        let said = ask(&format!("{site}/health"), 200, &["is u"], 5_000);
        assert_eq!(
            (said.verdict, said.lines[1].as_str()),
            (Verdict::Fault, "its text, 10 bytes, does not have \"is u\"")
        );
        let said = ask(&format!("{site}/down"), 200, &["soon"], 5_000);
        assert_eq!(said.verdict, Verdict::Fault);
        assert!(said.lines[0].ends_with("; asked for 200") && said.lines.len() == 1, "{said:?}");
        assert_eq!(ask(&format!("{site}/down"), 503, &["soon"], 5_000).verdict, Verdict::Ok);
        assert_eq!(ask(&format!("{site}/chunks"), 200, &["is up"], 5_000).verdict, Verdict::Ok);
    }

    #[test]
    fn a_redirect_is_told_and_not_followed() {
        let site = site();
        let said = ask(&format!("{site}/old"), 200, &[], 5_000);
        assert_eq!(said.verdict, Verdict::Fault);
        assert!(said.lines[0].ends_with(", which leads to /health; that is not followed; asked for 200"), "{said:?}");
        let said = ask(&format!("{site}/old"), 301, &[], 5_000);
        assert_eq!((said.verdict, said.values["location"].as_str()), (Verdict::Ok, "/health"));
        let said = ask(&format!("{site}/steer"), 200, &[], 5_000);
        assert!(!said.lines.concat().contains(['\u{1b}', '\u{202e}']), "{said:?}");
    }

    #[test]
    fn a_long_text_is_read_to_a_mebibyte_and_what_stands_behind_is_open() {
        let said = ask(&format!("{}/long", site()), 200, &["up", "end"], 10_000);
        assert_eq!(said.verdict, Verdict::CannotTell);
        assert!(said.lines[2].contains("the rest was not read"), "{said:?}");
    }

    #[test]
    fn what_breaks_off_takes_too_long_or_is_not_http_is_a_fault() {
        let site = site();
        for (path, why) in [
            ("broken", "its text broke off"),
            ("mail", "not in HTTP"),
            ("nothing", "hung up without an answer"),
            ("slow", "its text was not whole within 300 ms"),
        ] {
            let said = ask(&format!("{site}/{path}"), 200, &["x"], 300);
            assert_eq!(said.verdict, Verdict::Fault, "{path}: {said:?}");
            assert!(said.lines.concat().contains(why), "{path}: {said:?}");
        }
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let said = ask(&format!("http://{}/", silent.local_addr().unwrap()), 200, &[], 200);
        assert!(said.verdict == Verdict::Fault && said.lines[0].ends_with("within 200 ms"), "{said:?}");
        let closed = { TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap() };
        let said = ask(&format!("http://{closed}/"), 200, &[], 2_000);
        assert!(said.verdict == Verdict::Fault && said.lines[0].starts_with("nothing listens at "), "{said:?}");
    }

    #[test]
    fn what_could_not_be_asked_is_no_fault() {
        for url in ["kyousuke", "ftp://kyousuke/", "http://", "https:///x", "http://kyousuke.invalid/"] {
            assert_eq!(ask(url, 200, &[], 5_000).verdict, Verdict::CannotTell, "{url}");
        }
    }

    #[test]
    fn a_head_without_end_is_not_read_to_the_end() {
        let at = server(|_, stream| {
            let mut line = String::from("HTTP/1.1 200 OK\r\n");
            let _ = write!(line, "X: {}\r\n", "x".repeat(1_000));
            for _ in 0..100_000 {
                if stream.write_all(line.as_bytes()).is_err() {
                    return;
                }
                line = format!("X: {}\r\n", "x".repeat(1_000));
            }
        });
        let said = ask(&at, 200, &[], 5_000);
        assert_ne!(said.verdict, Verdict::Ok, "{said:?}");
    }

    #[test]
    fn over_tls_the_certificate_must_be_one_that_clients_accept() {
        let ca = Authority::new("komari's CA");
        let names = "subjectAltName=IP:127.0.0.1\n";
        ca.leaf("kyousuke", names);
        ca.leaf("mio", "subjectAltName=DNS:mio\n");
        ca.dated_leaf("riki", "20200101000000Z", "20210101000000Z");
        let ask = |server: &Server, roots: &Authority| {
            let roots = pem::certificates(&roots.crt()).unwrap();
            let roots = roots.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
            let url = format!("https://{}/", server.at);
            let contains = ["s_server".to_owned()];
            look_trusting(
                &Question { url: &url, status: 200, contains: &contains, within: Duration::from_secs(5) },
                roots,
            )
        };
        let good = Server::start(&ca, "kyousuke", "");
        let said = ask(&good, &ca);
        assert_eq!(said.verdict, Verdict::Ok, "{said:?}");
        let said = ask(&good, &Authority::new("another CA"));
        assert_eq!(said.verdict, Verdict::Fault);
        assert!(said.lines[0].ends_with("this machine does not know the authority that signed it"), "{said:?}");
        let said = ask(&Server::start(&ca, "mio", ""), &ca);
        assert!(said.lines[0].ends_with("it is for another name"), "{said:?}");
        let said = ask(&Server::start(&ca, "riki", ""), &ca);
        assert!(said.verdict == Verdict::Fault && said.lines[0].ends_with("it has run out"), "{said:?}");
    }

    #[test]
    fn the_place_that_an_address_leads_to_is_known() {
        let place = |url: &str| scheme_and_place(url).map(|(_, place)| place);
        assert_eq!(place("http://riki/health").as_deref(), Some("riki:80"));
        assert_eq!(place("https://[::1]:8443/").as_deref(), Some("[::1]:8443"));
        assert_eq!(place("https://pepe@riki").as_deref(), Some("riki:443"));
        assert_eq!(place("riki:80"), None);
    }
}
