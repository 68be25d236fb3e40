//! Who signed it? A question of keys, not of names.

use std::path::Path;

use x509_parser::error::X509Error;
use x509_parser::prelude::X509Certificate;
use x509_parser::public_key::PublicKey;

use super::chain::{fingerprint, linked};

/// What became of the question.
#[derive(Debug, PartialEq, Eq)]
pub enum Signed {
    /// By this one of the authorities: name and fingerprint.
    By(String, String),
    /// By none; the reason in words.
    ByNone(String),
    /// It could not be found out; the reason in words.
    CannotTell(String),
}

/// Looks for a path from the leaf over the certificates sent with it to one of the authorities. Dates do not count.
pub fn signed(certificates: &[X509Certificate<'_>], authorities: &[X509Certificate<'_>], file: &Path) -> Signed {
    let chain = linked(certificates);
    let mut doubt = None;
    for (at, certificate) in chain.iter().enumerate() {
        for authority in authorities {
            match verify(certificate, authority) {
                Ok(true) => {
                    let name = authority.subject().to_string();
                    return Signed::By(name, fingerprint(authority.as_raw()));
                }
                Ok(false) => {}
                Err(reason) => doubt = Some(reason),
            }
        }
        match chain.get(at + 1).map(|next| verify(certificate, next)) {
            Some(Ok(true)) | None => {}
            Some(Ok(false)) => break,
            Some(Err(reason)) => doubt = Some(reason),
        }
    }
    match (doubt, chain.last()) {
        (Some(reason), _) => Signed::CannotTell(reason),
        (None, Some(last)) => Signed::ByNone(why_none(last, authorities, file)),
        (None, None) => Signed::CannotTell("there is no certificate to look at".to_owned()),
    }
}

/// Did this key sign it? A different name is a no without any arithmetic.
fn verify(certificate: &X509Certificate<'_>, authority: &X509Certificate<'_>) -> Result<bool, String> {
    if certificate.issuer().as_raw() != authority.subject().as_raw() {
        return Ok(false);
    }
    if let Ok(PublicKey::RSA(key)) = authority.public_key().parsed()
        && key.key_size() < 2048
    {
        return Err(format!(
            "{} has an RSA key of {} bits; below 2048 it is not checked",
            authority.subject(),
            key.key_size()
        ));
    }
    match certificate.verify_signature(Some(authority.public_key())) {
        Ok(()) => Ok(true),
        Err(X509Error::SignatureUnsupportedAlgorithm) => {
            Err(format!("the signature by {} is of a sort that cannot be checked here", authority.subject()))
        }
        Err(_) => Ok(false),
    }
}

fn why_none(last: &X509Certificate<'_>, authorities: &[X509Certificate<'_>], file: &Path) -> String {
    let (issuer, shown) = (last.issuer(), file.display());
    let same_name = authorities.iter().find(|authority| authority.subject().as_raw() == issuer.as_raw());
    if let Some(authority) = same_name {
        let key = short(&fingerprint(authority.as_raw()));
        return format!(
            "NOT signed by `{shown}`: the name is the same ({issuer}), the key is another (sha256 {key}); \
             two authorities are in play"
        );
    }
    let names = authorities.iter().map(|authority| authority.subject().to_string()).collect::<Vec<_>>();
    format!("NOT signed by `{shown}`: it was signed by {issuer}, the file holds {}", names.join(" and "))
}

/// Enough of a fingerprint to tell two apart by eye.
pub fn short(fingerprint: &str) -> String {
    match fingerprint.get(..23) {
        Some(start) if fingerprint.len() > 23 => format!("{start}…"),
        _ => fingerprint.to_owned(),
    }
}
