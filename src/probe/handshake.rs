//! What a port serves: a real TLS handshake that looks at the certificates and trusts none of them.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

use super::net::{connect, host_port};

/// The chain in DER, the leaf first; or the reason in words.
pub fn served(at: &str, within: Duration) -> Result<Vec<Vec<u8>>, String> {
    let mut stream = connect(at, within).map_err(|reason| reason.to_string())?;
    let (host, _) = host_port(at).ok_or_else(|| format!("`{at}` is not `host:port`"))?;
    let name = ServerName::try_from(host.to_owned()).map_err(|_| format!("`{host}` is not a name for TLS"))?;
    let looker = Arc::new(Looker::default());
    let failed = |error: Error| format!("cannot speak TLS with {at}: {error}");
    let mut connection = ClientConnection::new(Arc::new(config(&looker).map_err(failed)?), name).map_err(failed)?;
    let mut ended = Ok((0, 0));
    while ended.is_ok() && connection.is_handshaking() {
        ended = connection.complete_io(&mut stream);
    }
    // The chain counts even if the other side hung up after it, for want of a client certificate for example.
    if let Some(chain) = looker.chain.get() {
        connection.send_close_notify();
        let _ = connection.complete_io(&mut stream);
        return Ok(chain.clone());
    }
    Err(match ended {
        Ok(_) => format!("{at} showed no certificate"),
        Err(error) => format!("{at} answers, but not in a TLS that can be looked at: {error}"),
    })
}

fn config(looker: &Arc<Looker>) -> Result<ClientConfig, Error> {
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(looker.clone())
        .with_no_client_auth())
}

/// Keeps the chain and lets everything pass: nothing is ever sent over the connection.
#[derive(Debug, Default)]
struct Looker {
    chain: OnceLock<Vec<Vec<u8>>>,
}

impl ServerCertVerifier for Looker {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(end_entity).chain(intermediates).map(|der| der.to_vec()).collect();
        let _ = self.chain.set(chain);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let CryptoProvider { signature_verification_algorithms, .. } = ring::default_provider();
        let mut schemes = signature_verification_algorithms.supported_schemes();
        schemes.extend([SignatureScheme::ECDSA_NISTP521_SHA512, SignatureScheme::RSA_PKCS1_SHA1]);
        schemes
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::net::TcpListener;
    use std::thread;

    use super::super::chain::tests::{Authority, Server};
    use super::super::pem::certificates;
    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    #[test]
    fn the_chain_of_a_real_server_is_seen_leaf_first() {
        let ca = Authority::new("komari's CA");
        let leaf = ca.leaf("kyousuke", "");
        let server = Server::start(&ca, "kyousuke", "");
        let chain = served(&server.at, LIMIT).unwrap();
        assert_eq!(chain, certificates(&leaf).unwrap());
        assert_eq!(served(&server.at, LIMIT).unwrap(), chain, "the server is still there");
    }

    #[test]
    fn a_server_that_wants_a_client_certificate_is_seen_too() {
        let ca = Authority::new("komari's CA");
        let leaf = ca.leaf("kyousuke", "");
        for version in ["-tls1_2", "-tls1_3"] {
            let server = Server::start(&ca, "kyousuke", &format!("-Verify 1 {version}"));
            assert_eq!(served(&server.at, LIMIT).unwrap(), certificates(&leaf).unwrap(), "{version}");
        }
    }

    #[test]
    fn what_is_no_tls_is_told_and_does_not_hang() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let talk = thread::spawn(move || {
            let (mut first, _) = listener.accept().unwrap();
            let _ = first.write_all(b"220 mail ready\r\n");
            let silent = listener.accept().unwrap();
            thread::sleep(Duration::from_millis(600));
            drop(silent);
        });
        assert!(served(&at, LIMIT).unwrap_err().contains("not in a TLS"));
        let said = served(&at, Duration::from_millis(200)).unwrap_err();
        assert!(said.contains("answers, but"), "{said}");
        talk.join().unwrap();
    }

    #[test]
    fn a_port_where_nothing_listens_is_told_in_words() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x"), "").unwrap();
        assert!(served("127.0.0.1:1", LIMIT).unwrap_err().starts_with("nothing listens at 127.0.0.1:1"));
    }
}
