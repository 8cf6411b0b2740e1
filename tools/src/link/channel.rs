//! The connection of the two ends: TLS 1.3, with the one certificate whose hash stands in the code.

use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme, version};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::addresses::as_subject;

/// What both ends say that they speak: a router does not, which is how the end of an invitation is recognised.
const PROTOCOL: &[u8] = b"nuncio-link/1";

/// The label of the bytes that TLS gives to both ends.
const EXPORTER: &[u8] = b"EXPORTER-nuncio-link-1";

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The hash of a certificate (PEM) by which the code names it.
///
/// # Errors
///
/// [`rustls::Error`] when it is no certificate.
pub(crate) fn fingerprint(certificate: &str) -> Result<[u8; 32], rustls::Error> {
    Ok(*blake3::hash(&der(certificate)?).as_bytes())
}

/// A certificate out of its PEM text.
///
/// # Errors
///
/// [`rustls::Error`] when it is no certificate.
pub(super) fn der(certificate: &str) -> Result<CertificateDer<'static>, rustls::Error> {
    CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(|_| CertificateError::BadEncoding.into())
}

/// The inviter's side.
///
/// # Errors
///
/// [`rustls::Error`] when the certificate is not for the key.
pub(super) fn acceptor(certificate: &str, key: &str) -> Result<TlsAcceptor, rustls::Error> {
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|_| rustls::Error::General("expected a private key".to_owned()))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![der(certificate)?], key)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    // Nobody comes back with the keys of an earlier connection.
    config.send_tls13_tickets = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// What the two ends of this very connection know, and nobody else.
///
/// # Errors
///
/// When the handshake has not ended.
pub(super) fn of_server(stream: &server::TlsStream<TcpStream>) -> io::Result<[u8; 32]> {
    let (_, connection) = stream.get_ref();
    let channel = connection.export_keying_material([0; 32], EXPORTER, None);
    channel.map_err(io::Error::other)
}

/// The accepter's end of a connection.
pub(super) struct Connected {
    pub(super) stream: client::TlsStream<TcpStream>,
    /// What the two ends of this very connection know, and nobody else.
    pub(super) channel: [u8; 32],
}

/// Why an address is not where the code can be accepted.
#[derive(Debug)]
pub(super) enum NotConnected {
    /// Nobody answers, or nobody who speaks TLS 1.3.
    Io(io::Error),
    /// Somebody answers who has another certificate.
    OtherCertificate,
    /// The inviter answers, but does not wait for anybody any more.
    NoInvitation,
}

/// Connects to the holder of the certificate with this hash.
pub(super) async fn connect(host: &str, door: u16, fingerprint: [u8; 32]) -> Result<Connected, NotConnected> {
    let stream = TcpStream::connect((as_subject(host), door))
        .await
        .map_err(NotConnected::Io)?;
    let provider = provider();
    let pinned = Pinned {
        fingerprint,
        algorithms: provider.signature_verification_algorithms,
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])
        .map_err(|error| NotConnected::Io(io::Error::other(error)))?;
    let mut config = config
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(pinned))
        .with_no_client_auth();
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    // What it is called has no meaning here.
    let name = ServerName::try_from("nuncio.invalid").map_err(|error| NotConnected::Io(io::Error::other(error)))?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(told)?;
    let (_, connection) = stream.get_ref();
    if connection.alpn_protocol() != Some(PROTOCOL) {
        return Err(NotConnected::NoInvitation);
    }
    let channel = connection.export_keying_material([0; 32], EXPORTER, None);
    let channel = channel.map_err(|error| NotConnected::Io(io::Error::other(error)))?;
    Ok(Connected { stream, channel })
}

fn told(error: io::Error) -> NotConnected {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)) => {
            NotConnected::OtherCertificate
        }
        _ => NotConnected::Io(error),
    }
}

/// Takes one certificate and no other. That its holder has signed the handshake is checked as ever.
#[derive(Debug)]
struct Pinned {
    fingerprint: [u8; 32],
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match blake3::hash(certificate) == blake3::Hash::from_bytes(self.fingerprint) {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("only TLS 1.3 is spoken here".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}
