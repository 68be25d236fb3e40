//! Certificates as they were read: facts about one, and which of them belong together.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// Parses certificates in DER; the reason in words if one is damaged.
pub fn parse(ders: &[Vec<u8>]) -> Result<Vec<X509Certificate<'_>>, String> {
    let one = |at: usize, der| match X509Certificate::from_der(der) {
        Ok((_, certificate)) => Ok(certificate),
        Err(_) => Err(format!("certificate {} cannot be read: it is damaged", at + 1)),
    };
    ders.iter().enumerate().map(|(at, der)| one(at, der)).collect()
}

/// The leaf and the certificates after it that each signed the one before, by name; a self-signed end is left out.
pub fn linked<'a, 'b>(certificates: &'b [X509Certificate<'a>]) -> Vec<&'b X509Certificate<'a>> {
    let mut chain: Vec<&X509Certificate<'_>> = certificates.iter().take(1).collect();
    for next in certificates.iter().skip(1) {
        let last = chain[chain.len() - 1];
        if last.issuer().as_raw() != next.subject().as_raw() || next.subject().as_raw() == next.issuer().as_raw() {
            break;
        }
        chain.push(next);
    }
    chain
}

/// When it begins to be valid, and when it ends.
pub fn validity(certificate: &X509Certificate<'_>) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let validity = certificate.validity();
    let at = |time: x509_parser::time::ASN1Time| DateTime::from_timestamp(time.timestamp(), 0);
    Some((at(validity.not_before)?, at(validity.not_after)?))
}

/// `ab:cd:…` over the whole certificate.
pub fn fingerprint(der: &[u8]) -> String {
    Sha256::digest(der).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

/// The names and addresses it is good for; the common name only where it has no others.
pub fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    let mut names = Vec::new();
    for name in alternatives.iter().flat_map(|extension| &extension.value.general_names) {
        match name {
            GeneralName::DNSName(name) => names.push((*name).to_owned()),
            GeneralName::IPAddress(bytes) => names.extend(address(bytes)),
            _ => {}
        }
    }
    if names.is_empty() {
        names.extend(certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok()).map(str::to_owned));
    }
    names
}

/// Is a name good for what was asked? `*` stands for exactly one label, the first.
pub fn covers(name: &str, asked: &str) -> bool {
    let (name, asked) = (name.trim_end_matches('.').to_lowercase(), asked.trim_end_matches('.').to_lowercase());
    if let Ok(asked) = asked.parse::<std::net::IpAddr>() {
        return name.parse::<std::net::IpAddr>().is_ok_and(|name| name == asked);
    }
    match (name.strip_prefix("*."), asked.split_once('.')) {
        (Some(zone), Some((label, rest))) => !label.is_empty() && zone.contains('.') && zone == rest,
        (Some(_), None) => false,
        (None, _) => name == asked,
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|sixteen| std::net::Ipv6Addr::from(sixteen).to_string())
}

#[cfg(test)]
pub mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use tempfile::TempDir;

    use super::*;

    /// A real authority in a folder of its own, made by the `openssl` command line.
    pub struct Authority {
        folder: TempDir,
    }

    impl Authority {
        pub fn new(name: &str) -> Self {
            let authority = Self { folder: tempfile::tempdir().unwrap() };
            fs::write(authority.path("cnf"), "[req]\ndistinguished_name=dn\n[dn]\n").unwrap();
            authority.sh("openssl ecparam -name prime256v1 -genkey -noout -out ca.key");
            authority.sh(&format!("openssl req -config cnf -new -key ca.key -subj \"/CN={name}\" -out ca.csr"));
            authority.sign_itself("ca", "ca");
            authority
        }

        pub fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        pub fn crt(&self) -> PathBuf {
            self.path("ca.crt")
        }

        pub fn key(&self) -> PathBuf {
            self.path("ca.key")
        }

        /// Runs a line of shell in the folder and expects it to succeed.
        #[expect(clippy::disallowed_methods, reason = "the test's own tool")]
        pub fn sh(&self, line: &str) {
            let out = Command::new("sh").args(["-euc", line]).current_dir(self.folder.path()).output().unwrap();
            assert!(out.status.success(), "{line}\n{}", String::from_utf8_lossy(&out.stderr));
        }

        fn sign_itself(&self, csr: &str, crt: &str) {
            fs::write(self.path("ca.ext"), "basicConstraints=critical,CA:TRUE\n").unwrap();
            self.sh(&format!(
                "openssl x509 -req -in {csr}.csr -signkey ca.key -days 3650 -extfile ca.ext -out {crt}.crt"
            ));
        }

        /// A leaf that is valid for 90 days, with lines of extensions.
        pub fn leaf(&self, name: &str, extensions: &str) -> PathBuf {
            self.request(name);
            fs::write(self.path("leaf.ext"), format!("keyUsage=digitalSignature\n{extensions}")).unwrap();
            self.sh(&format!(
                "openssl x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -set_serial 7 -days 90 \
                 -extfile leaf.ext -out {name}.crt"
            ));
            self.path(&format!("{name}.crt"))
        }

        /// A leaf with the dates given, as `20260101000000Z`.
        pub fn dated_leaf(&self, name: &str, start: &str, end: &str) -> PathBuf {
            self.request(name);
            fs::write(self.path("index"), "").unwrap();
            let cnf = "[ca]\ndefault_ca=d\n[d]\ndatabase=index\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n\
                       rand_serial=yes\n[p]\ncommonName=supplied\n";
            fs::write(self.path("ca.cnf"), cnf).unwrap();
            fs::write(self.path("dated.ext"), "subjectAltName=IP:127.0.0.1\n").unwrap();
            self.sh(&format!(
                "openssl ca -config ca.cnf -batch -notext -in {name}.csr -cert ca.crt -keyfile ca.key \
                 -extfile dated.ext -startdate {start} -enddate {end} -out {name}.crt"
            ));
            self.path(&format!("{name}.crt"))
        }

        fn request(&self, name: &str) {
            self.sh(&format!("openssl ecparam -name prime256v1 -genkey -noout -out '{name}.key'"));
            self.sh(&format!("openssl req -config cnf -new -key '{name}.key' -subj '/CN={name}' -out '{name}.csr'"));
        }
    }

    /// A real `openssl s_server`.
    pub struct Server {
        child: Child,
        pub at: String,
    }

    impl Server {
        #[expect(clippy::disallowed_methods, reason = "the test's own server")]
        pub fn start(ca: &Authority, name: &str, options: &str) -> Self {
            let log = ca.path("server.log");
            let line =
                format!("exec openssl s_server -accept 127.0.0.1:0 -cert {name}.crt -key {name}.key {options} -www");
            let child = Command::new("sh")
                .args(["-euc", &line])
                .current_dir(ca.folder.path())
                .stdin(Stdio::null())
                .stdout(fs::File::create(&log).unwrap())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut server = Self { child, at: String::new() };
            let start = Instant::now();
            while server.at.is_empty() {
                assert!(start.elapsed() < Duration::from_secs(10), "the server does not start");
                std::thread::sleep(Duration::from_millis(5));
                let text = fs::read_to_string(&log).unwrap();
                let port = text.lines().find_map(|line| line.strip_prefix("ACCEPT 127.0.0.1:"));
                server.at =
                    port.filter(|_| text.ends_with('\n')).map(|port| format!("127.0.0.1:{port}")).unwrap_or_default();
            }
            server
        }
    }

    impl Drop for Server {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    #[test]
    fn a_star_stands_for_exactly_one_label() {
        assert!(covers("*.riki.example", "forum.riki.example"));
        assert!(covers("Forum.Riki.Example.", "forum.riki.example"));
        for (name, asked) in [
            ("*.riki.example", "riki.example"),
            ("*.riki.example", "a.b.riki.example"),
            ("*.example", "riki.example"),
            ("*", "riki"),
            ("*.0.0.1", "127.0.0.1"),
            ("riki", "rikis"),
        ] {
            assert!(!covers(name, asked), "{name} {asked}");
        }
    }

    #[test]
    fn an_address_is_compared_as_an_address() {
        assert!(covers("::1", "0:0:0:0:0:0:0:1"));
        assert!(!covers("127.0.0.1", "127.0.0.2"));
    }

    #[test]
    fn a_damaged_certificate_is_told_by_its_number() {
        assert_eq!(parse(&[vec![0x30, 0x03, 1, 2, 3]]).unwrap_err(), "certificate 1 cannot be read: it is damaged");
    }
}
