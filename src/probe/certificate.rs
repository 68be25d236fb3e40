//! Is a certificate what it should be: in date, of the right authority, for the right name?

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use x509_parser::prelude::X509Certificate;

use super::authority::{Signed, short, signed};
use super::chain::{covers, fingerprint, linked, names, parse, validity};
use super::words::{asked, instant, span};
use super::{PATIENCE, Probed, Verdict, handshake, net, pem};

/// What is asked of each certificate.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub valid_for: Option<Duration>,
    pub signed_by: Option<&'a Path>,
    pub is_ca: Option<bool>,
    pub name: Option<&'a str>,
}

impl Question<'_> {
    /// How long it must stay valid; none if dates were not asked for.
    fn valid_for(&self) -> Option<Duration> {
        let nothing_else = self.signed_by.is_none() && self.is_ca.is_none() && self.name.is_none();
        self.valid_for.or(nothing_else.then_some(Duration::ZERO))
    }
}

/// Looks at every place; several places are told apart by name.
pub fn look(at: &[String], question: &Question<'_>, now: DateTime<Utc>) -> Probed {
    let mut all = Probed { verdict: Verdict::Ok, lines: Vec::new(), values: std::collections::BTreeMap::new() };
    if at.is_empty() {
        all.add(Verdict::CannotTell, "no certificate is named");
    }
    let authorities = question.signed_by.map(|path| pem::authorities(path).map(|ders| (path, ders))).transpose();
    let authorities = match authorities {
        Ok(authorities) => authorities,
        Err(reason) => {
            all.add(Verdict::CannotTell, format!("cannot tell who signed it: {reason}"));
            None
        }
    };
    for place in at {
        let one = look_at(place, question, authorities.as_ref().map(|(path, ders)| (*path, ders.as_slice())), now);
        let several = at.len() > 1;
        all.verdict = all.verdict.max(one.verdict);
        all.lines.extend(one.lines.into_iter().map(|line| if several { format!("{place}: {line}") } else { line }));
        let key = |name: String| if several { format!("{place}: {name}") } else { name };
        all.values.extend(one.values.into_iter().map(|(name, value)| (key(name), value)));
    }
    all
}

fn look_at(
    place: &str,
    question: &Question<'_>,
    authorities: Option<(&Path, &[Vec<u8>])>,
    now: DateTime<Utc>,
) -> Probed {
    let ders = match net::host_port(place) {
        Some(_) => handshake::served(place, PATIENCE),
        None if question.is_ca == Some(true) => pem::authorities(Path::new(place)),
        None => pem::certificates(Path::new(place)),
    };
    let certificates = ders.as_ref().map_err(Clone::clone).and_then(|ders| parse(ders));
    let certificates = match certificates {
        Ok(certificates) => certificates,
        Err(reason) => return Probed::new(Verdict::CannotTell, format!("cannot look: {reason}")),
    };
    let mut probed = Probed { verdict: Verdict::Ok, lines: Vec::new(), values: std::collections::BTreeMap::new() };
    let leaf = &certificates[0];
    facts(leaf, now, &mut probed);
    dates(&linked(&certificates), question.valid_for(), now, &mut probed);
    if question.is_ca != Some(true) && question.valid_for().is_some() {
        dates_of_kubeconfig(place, question.valid_for().unwrap_or_default(), now, &mut probed);
    }
    if let Some((path, ders)) = authorities {
        authority(&certificates, path, ders, &mut probed);
    }
    if let Some(is_ca) = question.is_ca {
        let (verdict, line) = authority_or_leaf(leaf.is_ca(), is_ca);
        probed.add(verdict, line);
    }
    if let Some(name) = question.name {
        let (verdict, line) = named(leaf, name);
        probed.add(verdict, line);
    }
    probed
}

fn facts(leaf: &X509Certificate<'_>, now: DateTime<Utc>, probed: &mut Probed) {
    let mut add = |name: &str, value: String| _ = probed.values.insert(name.to_owned(), value);
    add("subject", leaf.subject().to_string());
    add("issuer", leaf.issuer().to_string());
    add("serial", leaf.raw_serial_as_string());
    add("sha256", fingerprint(leaf.as_raw()));
    add("is_ca", leaf.is_ca().to_string());
    add("names", names(leaf).join(" "));
    if let Some((start, end)) = validity(leaf) {
        add("not_before", start.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
        add("not_after", end.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
        add("days_left", (end - now).num_days().to_string());
    }
}

/// The leaf and the certificates that it needs between itself and the authority.
fn dates(chain: &[&X509Certificate<'_>], valid_for: Option<Duration>, now: DateTime<Utc>, probed: &mut Probed) {
    for (at, certificate) in chain.iter().enumerate() {
        let (verdict, line) = date(certificate, valid_for.unwrap_or_default(), now);
        match (valid_for, at) {
            (Some(_), 0) => probed.add(verdict, line),
            (None, 0) => probed.add(Verdict::Ok, format!("{line}; its dates are not part of this question")),
            (Some(_), _) if verdict != Verdict::Ok => {
                probed.add(verdict, format!("the certificate between, {}: {line}", certificate.subject()));
            }
            _ => {}
        }
    }
}

/// A client is refused too when the authority has run out by which it knows the server.
fn dates_of_kubeconfig(place: &str, valid_for: Duration, now: DateTime<Utc>, probed: &mut Probed) {
    let is_file = net::host_port(place).is_none();
    let Some(found) = is_file.then(|| pem::kubeconfig_authority(Path::new(place))).flatten() else { return };
    let found =
        found.and_then(|ders| ders.unwrap_or_default().first().map(|der| parse_one(der, now, valid_for)).transpose());
    match found {
        Ok(Some((verdict, line))) => probed.add(verdict, line),
        Ok(None) => {}
        Err(reason) => probed.add(Verdict::CannotTell, format!("cannot look at its authority: {reason}")),
    }
}

fn parse_one(der: &[u8], now: DateTime<Utc>, valid_for: Duration) -> Result<(Verdict, String), String> {
    let ders = [der.to_vec()];
    let certificates = parse(&ders)?;
    let (verdict, line) = date(&certificates[0], valid_for, now);
    Ok((verdict, format!("its authority, {}: {line}", certificates[0].subject())))
}

fn date(certificate: &X509Certificate<'_>, valid_for: Duration, now: DateTime<Utc>) -> (Verdict, String) {
    let Some((start, end)) = validity(certificate) else {
        return (Verdict::CannotTell, "its dates cannot be read".to_owned());
    };
    let positive = |delta: TimeDelta| span(delta.to_std().unwrap_or_default());
    if now < start {
        let line = format!("not valid yet, it begins in {} ({})", positive(start - now), instant(start));
        return (Verdict::Fault, line + "; is the clock of this machine right?");
    }
    if now > end {
        return (Verdict::Fault, format!("expired {} ago ({})", positive(now - end), instant(end)));
    }
    let left = (end - now).to_std().unwrap_or_default();
    if left < valid_for {
        let line = format!("expires in {} ({}), asked for at least {}", span(left), instant(end), asked(valid_for));
        return (Verdict::Fault, line);
    }
    (Verdict::Ok, format!("valid for another {} (until {})", span(left), instant(end)))
}

fn authority(certificates: &[X509Certificate<'_>], path: &Path, ders: &[Vec<u8>], probed: &mut Probed) {
    let authorities = match parse(ders) {
        Ok(authorities) => authorities,
        Err(reason) => {
            return probed
                .add(Verdict::CannotTell, format!("cannot tell who signed it: `{}`: {reason}", path.display()));
        }
    };
    match signed(certificates, &authorities, path) {
        Signed::By(name, fingerprint) => {
            probed.add(Verdict::Ok, format!("signed by {name}, sha256 {}", short(&fingerprint)));
            probed.values.insert("signed_by".to_owned(), name);
            probed.values.insert("signed_by_sha256".to_owned(), fingerprint);
        }
        Signed::ByNone(reason) => probed.add(Verdict::Fault, reason),
        Signed::CannotTell(reason) => probed.add(Verdict::CannotTell, format!("cannot tell who signed it: {reason}")),
    }
}

fn authority_or_leaf(is: bool, asked: bool) -> (Verdict, &'static str) {
    match (is, asked) {
        (true, true) => (Verdict::Ok, "a certificate authority, as it should be"),
        (false, false) => (Verdict::Ok, "not a certificate authority, as it should be"),
        (true, false) => (Verdict::Fault, "a certificate authority, where none is expected"),
        (false, true) => (Verdict::Fault, "not a certificate authority, where one is expected"),
    }
}

fn named(leaf: &X509Certificate<'_>, asked: &str) -> (Verdict, String) {
    let names = names(leaf);
    if names.iter().any(|name| covers(name, asked)) {
        return (Verdict::Ok, format!("good for the name {asked}"));
    }
    let list = if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") };
    (Verdict::Fault, format!("not good for the name {asked}; it is good for {list}"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::super::chain::tests::{Authority, Server};
    use super::super::{Probe, probe};
    use super::*;

    const DAY: u64 = 86_400;

    struct Asked {
        at: Vec<String>,
        valid_for: Option<Duration>,
        signed_by: Option<PathBuf>,
        is_ca: Option<bool>,
        name: Option<String>,
    }

    fn of(at: &Path) -> Asked {
        Asked { at: vec![at.display().to_string()], valid_for: None, signed_by: None, is_ca: None, name: None }
    }

    impl Asked {
        fn at(self, now: DateTime<Utc>) -> Probed {
            let Self { at, valid_for, signed_by, is_ca, name } = self;
            probe(&Probe::Certificate { at, valid_for, signed_by, is_ca, name }, now)
        }

        #[expect(clippy::disallowed_methods, reason = "openssl signs as of now")]
        fn now(self) -> Probed {
            self.at(Utc::now())
        }
    }

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn an_expired_certificate_says_since_when() {
        let ca = Authority::new("komari's CA");
        let leaf = ca.dated_leaf("kyousuke", "20250925031200Z", "20260925031200Z");
        let said = of(&leaf).at(time("2026-11-25T04:00:00Z"));
        assert_eq!(said.verdict, Verdict::Fault);
        assert_eq!(said.lines, ["expired 61 d ago (2026-09-25 03:12 UTC)"]);
        assert_eq!(
            (said.values["days_left"].as_str(), said.values["not_after"].as_str()),
            ("-61", "2026-09-25T03:12:00Z")
        );
    }

    #[test]
    fn the_last_second_is_valid_and_the_one_before_the_first_is_not() {
        let ca = Authority::new("komari's CA");
        let leaf = ca.dated_leaf("kyousuke", "20250925031200Z", "20260925031200Z");
        let verdict = |now: &str| of(&leaf).at(time(now)).verdict;
        assert_eq!(verdict("2026-09-25T03:12:00Z"), Verdict::Ok);
        assert_eq!(verdict("2026-09-25T03:12:01Z"), Verdict::Fault);
        assert_eq!(verdict("2025-09-25T03:12:00Z"), Verdict::Ok);
        assert_eq!(verdict("2025-09-25T03:11:59Z"), Verdict::Fault);
        let early = of(&leaf).at(time("2025-09-25T00:12:00Z"));
        assert!(early.lines[0].contains("begins in 3 h") && early.lines[0].contains("clock"), "{early:?}");
    }

    #[test]
    fn what_must_stay_valid_for_longer_than_it_does_is_a_fault() {
        let ca = Authority::new("komari's CA");
        let leaf = ca.dated_leaf("kyousuke", "20250101000000Z", "20260101000000Z");
        let ask = |days| Asked { valid_for: Some(Duration::from_secs(days * DAY)), ..of(&leaf) };
        let now = time("2025-12-22T00:00:00Z");
        let said = ask(30).at(now);
        assert_eq!(said.verdict, Verdict::Fault);
        assert_eq!(said.lines, ["expires in 10 d (2026-01-01 00:00 UTC), asked for at least 30 d"]);
        assert_eq!(ask(10).at(now).verdict, Verdict::Ok);
        assert_eq!(ask(0).at(now).lines, ["valid for another 10 d (until 2026-01-01 00:00 UTC)"]);
    }

    #[test]
    fn who_signed_it_is_a_question_of_the_key() {
        let (ca, slip) = (Authority::new("the CA"), Authority::new("the CA"));
        let leaf = ca.leaf("kyousuke", "");
        let by = |file: PathBuf| Asked { signed_by: Some(file), ..of(&leaf) }.now();
        let said = by(ca.crt());
        assert_eq!(said.verdict, Verdict::Ok);
        assert!(said.lines[1].starts_with("signed by CN=the CA, sha256 "), "{said:?}");
        let said = by(slip.crt());
        assert_eq!(said.verdict, Verdict::Fault, "the name is the same, the key is not");
        assert!(said.lines[1].contains("two authorities are in play"), "{said:?}");
        let said = by(Authority::new("another CA").crt());
        assert_eq!(said.verdict, Verdict::Fault);
        assert!(said.lines[1].contains("it was signed by CN=the CA, the file holds CN=another CA"), "{said:?}");
    }

    #[test]
    fn one_of_several_authorities_is_enough() {
        let (old, new) = (Authority::new("the CA"), Authority::new("the CA"));
        let leaf = new.leaf("kyousuke", "");
        let bundle = old.path("bundle.pem");
        fs::write(&bundle, fs::read_to_string(old.crt()).unwrap() + &fs::read_to_string(new.crt()).unwrap()).unwrap();
        assert_eq!(Asked { signed_by: Some(bundle), ..of(&leaf) }.now().verdict, Verdict::Ok);
    }

    #[test]
    fn who_signed_it_does_not_depend_on_dates_unless_they_are_asked_for() {
        let ca = Authority::new("the CA");
        let leaf = ca.dated_leaf("kyousuke", "20200101000000Z", "20210101000000Z");
        let ask = |valid_for| Asked { signed_by: Some(ca.crt()), valid_for, ..of(&leaf) }.now();
        let said = ask(None);
        assert_eq!(said.verdict, Verdict::Ok);
        assert!(said.lines[0].ends_with("its dates are not part of this question"), "{said:?}");
        assert_eq!(ask(Some(Duration::ZERO)).verdict, Verdict::Fault);
    }

    #[test]
    fn an_intermediate_that_was_sent_along_leads_to_the_authority() {
        let ca = Authority::new("root");
        ca.leaf("middle", "");
        ca.sh("printf 'basicConstraints=critical,CA:TRUE\\n' >m.ext; \
               openssl x509 -req -in middle.csr -CA ca.crt -CAkey ca.key -set_serial 8 -days 90 -extfile m.ext -out middle.crt; \
               openssl req -config cnf -new -key middle.key -subj /CN=leaf -out leaf.csr; \
               openssl x509 -req -in leaf.csr -CA middle.crt -CAkey middle.key -set_serial 9 -days 9 -out leaf.crt; \
               cat leaf.crt middle.crt >chain.crt");
        let by_root = |file: &str| Asked { signed_by: Some(ca.crt()), ..of(&ca.path(file)) }.now().verdict;
        assert_eq!((by_root("chain.crt"), by_root("leaf.crt")), (Verdict::Ok, Verdict::Fault));
    }

    #[test]
    fn a_signature_that_cannot_be_checked_is_no_fault() {
        let ca = Authority::new("the CA");
        ca.sh("openssl ecparam -name secp521r1 -genkey -noout -out ca.key; \
               openssl req -config cnf -new -x509 -key ca.key -subj '/CN=the CA' -days 9 -out ca.crt");
        let leaf = ca.leaf("kyousuke", "");
        let said = Asked { signed_by: Some(ca.crt()), ..of(&leaf) }.now();
        assert_eq!(said.verdict, Verdict::CannotTell, "{said:?}");
    }

    #[test]
    fn an_authority_is_told_from_a_leaf() {
        let ca = Authority::new("the CA");
        let leaf = ca.leaf("kyousuke", "");
        let verdict = |path: &Path, is_ca| Asked { is_ca: Some(is_ca), ..of(path) }.now().verdict;
        assert_eq!(verdict(&ca.crt(), true), Verdict::Ok);
        assert_eq!(verdict(&leaf, true), Verdict::Fault);
        assert_eq!(verdict(&leaf, false), Verdict::Ok);
        assert_eq!(verdict(&ca.crt(), false), Verdict::Fault);
    }

    #[test]
    fn names_come_from_the_alternatives_and_else_from_the_common_name() {
        let ca = Authority::new("the CA");
        let plain = ca.leaf("kyousuke", "");
        let full = ca.leaf("riki", "subjectAltName=DNS:*.mio.example,IP:127.0.0.1\n");
        let said = |path: &Path, name: &str| Asked { name: Some(name.to_owned()), ..of(path) }.now();
        assert_eq!(said(&plain, "kyousuke").verdict, Verdict::Ok);
        assert_eq!(said(&full, "forum.mio.example").verdict, Verdict::Ok);
        assert_eq!(said(&full, "127.0.0.1").verdict, Verdict::Ok);
        let refused = said(&full, "riki");
        assert_eq!(refused.verdict, Verdict::Fault, "the common name does not count beside alternatives");
        assert_eq!(refused.lines[1], "not good for the name riki; it is good for *.mio.example, 127.0.0.1");
    }

    #[test]
    fn what_a_port_serves_is_judged_like_a_file() {
        let ca = Authority::new("the CA");
        ca.dated_leaf("kyousuke", "20200101000000Z", "20210101000000Z");
        let server = Server::start(&ca, "kyousuke", "");
        let said = of(Path::new(&server.at)).now();
        assert_eq!(said.verdict, Verdict::Fault);
        assert!(said.lines[0].starts_with("expired "), "{said:?}");
        assert_eq!(Asked { signed_by: Some(ca.crt()), ..of(Path::new(&server.at)) }.now().verdict, Verdict::Ok);
    }

    #[test]
    fn of_several_places_all_must_hold_and_each_is_named() {
        let ca = Authority::new("the CA");
        let (good, bad) = (ca.leaf("riki", ""), ca.dated_leaf("mio", "20200101000000Z", "20210101000000Z"));
        let mut asked = of(&good);
        asked.at.extend([bad.display().to_string(), ca.path("gone.crt").display().to_string()]);
        let said = asked.now();
        assert_eq!(said.verdict, Verdict::Fault, "a fault weighs more than what cannot be told");
        assert!(said.lines[0].contains("riki.crt: valid for another 89 d"), "{said:?}");
        assert!(said.lines[1].contains("mio.crt: expired "), "{said:?}");
        assert!(said.lines[2].ends_with("gone.crt` does not exist"), "{said:?}");
    }

    #[test]
    fn what_cannot_be_seen_is_no_fault() {
        let ca = Authority::new("the CA");
        assert_eq!(of(&ca.path("gone.crt")).now().verdict, Verdict::CannotTell);
        assert_eq!(of(&ca.key()).now().verdict, Verdict::CannotTell);
        assert_eq!(of(Path::new("127.0.0.1:1")).now().verdict, Verdict::CannotTell);
        let said = Asked { signed_by: Some(ca.path("gone.crt")), ..of(&ca.crt()) }.now();
        assert_eq!(said.verdict, Verdict::CannotTell);
    }

    #[test]
    fn a_name_in_a_certificate_cannot_steer_the_terminal() {
        let ca = Authority::new("evil\u{1b}[2J\u{202e}CA");
        let said = Asked { signed_by: Some(ca.crt()), ..of(&ca.crt()) }.now();
        assert_eq!(said.verdict, Verdict::Ok);
        let text = format!("{}{:?}", said.lines.concat(), said.values);
        assert!(!text.contains('\u{1b}') && !said.lines.concat().contains('\u{202e}'), "{text}");
    }
}
