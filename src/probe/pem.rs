//! Certificates in a file: PEM, DER, or those of a [`kubeconfig`].
//!
//! Only certificates are decoded. Lines of a private key are dropped as they are read.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use x509_parser::pem::parse_x509_pem;

use super::kubeconfig;

/// Bytes that are read of a file at most.
const LIMIT: u64 = 1024 * 1024;

/// The certificates of a file in DER, in the file's order; at least one, or the reason in words.
pub fn certificates(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let found = read(path)?;
    let shown = path.display();
    match found {
        Held { certificates, .. } if !certificates.is_empty() => decode(&certificates, path),
        Held { der: Some(der), .. } => Ok(vec![der]),
        Held { kubeconfig: true, .. } => kubeconfig::client(open(path)?.take(LIMIT), path),
        Held { key: true, .. } => Err(format!(
            "`{shown}` holds a private key and no certificate; the certificate is often beside it and ends in .crt or .pem"
        )),
        _ => Err(format!("`{shown}` holds no certificate in PEM (`-----BEGIN CERTIFICATE-----`)")),
    }
}

/// The authorities of a file: its certificates, or in a kubeconfig that of its cluster.
pub fn authorities(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    match kubeconfig_authority(path) {
        Some(found) => found.and_then(|found| found.ok_or_else(|| format!("`{}` names no authority", path.display()))),
        None => certificates(path),
    }
}

/// The authority in a kubeconfig; none where the file is something else.
pub fn kubeconfig_authority(path: &Path) -> Option<Result<Option<Vec<Vec<u8>>>, String>> {
    let found = read(path).ok()?;
    let is_one = found.kubeconfig && found.certificates.is_empty() && found.der.is_none();
    is_one.then(|| kubeconfig::authority(open(path)?.take(LIMIT), path))
}

/// What a first reading found, without any line of a key.
#[derive(Default)]
struct Held {
    certificates: Vec<String>,
    der: Option<Vec<u8>>,
    key: bool,
    kubeconfig: bool,
}

fn open(path: &Path) -> Result<File, String> {
    let shown = path.display();
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| match errno {
        rustix::io::Errno::NOENT => format!("`{shown}` does not exist"),
        rustix::io::Errno::ACCESS => format!("this account may not read `{shown}`"),
        errno => format!("cannot read `{shown}`: {}", std::io::Error::from(errno)),
    })?;
    let file = File::from(file);
    match file.metadata() {
        Ok(found) if found.is_file() && found.len() <= LIMIT => Ok(file),
        Ok(found) if found.is_file() => Err(format!("`{shown}` is too large for certificates: over 1 MiB")),
        Ok(_) => Err(format!("`{shown}` is not a file")),
        Err(error) => Err(format!("cannot read `{shown}`: {error}")),
    }
}

fn read(path: &Path) -> Result<Held, String> {
    let mut reader = BufReader::new(open(path)?.take(LIMIT));
    let failed = |error: std::io::Error| format!("cannot read `{}`: {error}", path.display());
    if reader.fill_buf().map_err(failed)?.starts_with(&[0x30, 0x82]) {
        let mut der = Vec::new();
        reader.read_to_end(&mut der).map_err(failed)?;
        return Ok(Held { der: Some(der), ..Held::default() });
    }
    blocks(reader).map_err(failed)
}

/// The blocks of certificates among other lines, and what else there is.
fn blocks(mut reader: impl BufRead) -> std::io::Result<Held> {
    let mut held = Held::default();
    let mut block: Option<String> = None;
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if is_border(text, "BEGIN") {
            block = Some("-----BEGIN CERTIFICATE-----\n".to_owned());
        } else if is_border(text, "END") {
            held.certificates.extend(block.take().map(|text| text + "-----END CERTIFICATE-----\n"));
        } else if let Some(block) = &mut block {
            block.push_str(text);
            block.push('\n');
        }
        held.key |= text.starts_with("-----BEGIN ") && text.contains("PRIVATE KEY");
        held.kubeconfig |= text.contains("client-certificate") || text.starts_with("clusters:");
        line.clear();
    }
    Ok(held)
}

fn is_border(line: &str, which: &str) -> bool {
    let rest = line.strip_prefix("-----").and_then(|line| line.strip_prefix(which));
    matches!(rest, Some(" CERTIFICATE-----" | " X509 CERTIFICATE-----" | " TRUSTED CERTIFICATE-----"))
}

fn decode(blocks: &[String], path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let one = |(at, block): (usize, &String)| match parse_x509_pem(block.as_bytes()) {
        Ok((_, pem)) => Ok(pem.contents),
        Err(_) => Err(format!("certificate {} in `{}` is damaged", at + 1, path.display())),
    };
    blocks.iter().enumerate().map(one).collect()
}

/// The certificates of base64 over PEM, as a kubeconfig has them.
pub fn of_base64(data: &str, path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let bad = || format!("a certificate in `{}` is damaged", path.display());
    let wrapped = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", data.trim());
    let (_, outer) = parse_x509_pem(wrapped.as_bytes()).map_err(|_| bad())?;
    let found = blocks(outer.contents.as_slice()).map_err(|_| bad())?;
    if found.certificates.is_empty() { Err(bad()) } else { decode(&found.certificates, path) }
}

/// The certificates of a file that can be nothing else.
pub fn only_certificates(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let found = read(path)?;
    if found.certificates.is_empty() {
        return Err(format!("`{}` holds no certificate", path.display()));
    }
    decode(&found.certificates, path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::chain::tests::Authority;
    use super::*;

    #[test]
    fn certificates_are_found_among_other_things_and_keys_are_not_decoded() {
        let ca = Authority::new("komari's CA");
        let (crt, key) = (fs::read_to_string(ca.crt()).unwrap(), fs::read_to_string(ca.key()).unwrap());
        let both = ca.path("both.pem");
        fs::write(&both, format!("Subject: x\n{key}{crt}\r\n{crt}")).unwrap();
        assert_eq!(certificates(&both).unwrap().len(), 2);
        let damaged_key = key.lines().next().unwrap().to_owned() + "\n!!!! no base64 at all\n";
        fs::write(&both, format!("{damaged_key}{crt}")).unwrap();
        assert_eq!(certificates(&both).unwrap().len(), 1, "the key is not looked at");
    }

    #[test]
    fn a_file_with_only_a_key_is_told_as_that() {
        let ca = Authority::new("komari's CA");
        let said = certificates(&ca.key()).unwrap_err();
        assert!(said.contains("holds a private key and no certificate"), "{said}");
    }

    #[test]
    fn der_is_read_too() {
        let ca = Authority::new("komari's CA");
        let der = certificates(&ca.crt()).unwrap().remove(0);
        fs::write(ca.path("ca.der"), &der).unwrap();
        assert_eq!(certificates(&ca.path("ca.der")).unwrap(), [der]);
    }

    #[test]
    fn what_is_not_there_or_no_certificate_is_told_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let (text, pipe) = (folder.path().join("text"), folder.path().join("pipe"));
        fs::write(&text, "hello\n").unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, Mode::RUSR).unwrap();
        let said = |path: &Path| certificates(path).unwrap_err();
        assert!(said(&text).contains("holds no certificate"));
        assert!(said(&pipe).ends_with("is not a file"), "and it did not hang");
        assert!(said(&folder.path().join("none")).ends_with("does not exist"));
        fs::write(&text, "-----BEGIN CERTIFICATE-----\n@@@\n-----END CERTIFICATE-----\n").unwrap();
        assert!(said(&text).contains("is damaged"));
        File::create(&text).unwrap().set_len(LIMIT + 1).unwrap();
        assert!(said(&text).contains("too large"));
    }
}
