//! X.509 certificates for TLS links: an anchor's key as the authority, nodes' own keys as subjects.
//!
//! Zenoh routers know TLS and no certificates of ours. So the anchor's key also signs certificates in their form. They
//! certify the *same* Ed25519 key that signs a node's messages: `identity.key` is the key of the TLS link too, no private
//! key travels, and the name that a router reads off a link is the key that receivers see in the frames.
//!
//! # Invariants
//!
//! - A certificate is for the key in it and names that key, `did:key:z6Mk…`, as its common name.
//! - What is signed here is DER, which begins with the octet 0x30. Nothing else that these keys sign begins so, and TLS 1.3
//!   signs a text that begins with 64 spaces: no signature of one kind is good as another.
//!
//! A certificate gives nobody a role. What its holder may do is in the router's configuration
//! ([`router_rules`](super::router_rules)) and, for receivers, in trust.toml.

use std::fmt;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyUsagePurpose, PKCS_ED25519, PublicKeyData, SerialNumber, SignatureAlgorithm, SigningKey, date_time_ymd,
};

use super::key::{Identity, PublicKey};

/// The time for which an X.509 certificate holds, in nanoseconds since 1970. It counts whole seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Validity {
    /// From this instant on.
    pub not_before_ns: i64,
    /// Up to this instant.
    pub not_after_ns: i64,
}

/// An anchor's key as an X.509 authority.
#[derive(Debug)]
pub struct Authority<'a> {
    key: IdentityKey<'a>,
}

impl<'a> Authority<'a> {
    /// The authority that this key is.
    pub fn new(anchor: &'a Identity) -> Self {
        let public = anchor.public_key();
        Self {
            key: IdentityKey { anchor, public },
        }
    }

    /// The authority's own certificate, in PEM form: what routers and nodes trust.
    ///
    /// # Errors
    ///
    /// [`X509Error`] when the operating system has no randomness for the serial number.
    pub fn certificate(&self, validity: Validity) -> Result<String, X509Error> {
        let params = self.params(validity)?;
        params
            .self_signed(&self.key)
            .map(|certificate| certificate.pem())
            .map_err(X509Error::from)
    }

    /// A certificate of `subject`, in PEM form. `reachable_at` are the names and addresses at which others connect to
    /// its holder: a router has some, a node that only connects has none.
    ///
    /// # Errors
    ///
    /// [`X509Error`] when a name in `reachable_at` is neither a DNS name nor an address.
    pub fn certify(
        &self,
        subject: PublicKey,
        reachable_at: &[String],
        validity: Validity,
    ) -> Result<String, X509Error> {
        let mut params = params(subject.to_string(), validity)?;
        params.subject_alt_names = CertificateParams::new(reachable_at)
            .map_err(|_| X509Error::Name {
                names: reachable_at.join(" "),
            })?
            .subject_alt_names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if !reachable_at.is_empty() {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        // Its time has no meaning here: an issuer gives its name and its signature only.
        let issuer = Issuer::new(self.params(validity)?, &self.key);
        let certified = params.signed_by(&CertifiedKey(subject), &issuer);
        Ok(certified?.pem())
    }

    fn params(&self, validity: Validity) -> Result<CertificateParams, X509Error> {
        let mut params = params(format!("nuncio anchor {}", short(self.key.public)), validity)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Ok(params)
    }
}

fn params(common_name: String, validity: Validity) -> Result<CertificateParams, X509Error> {
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).map_err(|error| X509Error::Refused(error.to_string()))?;
    // A serial number is positive, and has no zero in front.
    serial[0] = serial[0] & 0x7f | 0x40;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.not_before = date_time_ymd(1970, 1, 1) + since_1970(validity.not_before_ns);
    params.not_after = date_time_ymd(1970, 1, 1) + since_1970(validity.not_after_ns);
    Ok(params)
}

/// Whole seconds; instants before 1970 count as 1970. An i64 of nanoseconds ends in 2262, so the sum is always a date.
fn since_1970(ns: i64) -> Duration {
    Duration::from_secs(u64::try_from(ns).unwrap_or(0) / 1_000_000_000)
}

/// Enough of a key to tell anchors apart: a common name has at most 64 characters.
fn short(key: PublicKey) -> String {
    key.to_multibase().chars().take(16).collect()
}

#[derive(Debug)]
struct IdentityKey<'a> {
    anchor: &'a Identity,
    public: PublicKey,
}

impl PublicKeyData for IdentityKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.public.as_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

impl SigningKey for IdentityKey<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.anchor.sign(message).to_vec())
    }
}

struct CertifiedKey(PublicKey);

impl PublicKeyData for CertifiedKey {
    fn der_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

/// Why there is no X.509 certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum X509Error {
    /// One of these is no name of a machine.
    Name {
        /// All of them.
        names: String,
    },
    /// It cannot be made.
    Refused(String),
}

impl fmt::Display for X509Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { names } => write!(
                f,
                "expected DNS names and IP addresses such as router.local or 192.168.1.2, found {names:?}"
            ),
            Self::Refused(problem) => write!(f, "the X.509 certificate cannot be made: {problem}"),
        }
    }
}

impl std::error::Error for X509Error {}

impl From<rcgen::Error> for X509Error {
    fn from(error: rcgen::Error) -> Self {
        Self::Refused(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::crypto::{CryptoProvider, ring};
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
    use rustls::server::WebPkiClientVerifier;
    use rustls::sign::CertifiedKey;

    use super::*;
    use crate::security::time_text::parse_instant;

    const NOW: &str = "2026-11-21T14:00:00Z";

    fn identity(seed: u8) -> Identity {
        Identity::from_seed(&[seed; 32])
    }

    fn this_year() -> Validity {
        let at = |text| parse_instant(text).unwrap();
        Validity {
            not_before_ns: at("2026-01-01T00:00:00Z"),
            not_after_ns: at("2027-01-01T00:00:00Z"),
        }
    }

    fn certified(anchor: u8, subject: u8, reachable_at: &[&str]) -> String {
        let names: Vec<String> = reachable_at.iter().map(ToString::to_string).collect();
        let anchor = identity(anchor);
        let subject = identity(subject).public_key();
        Authority::new(&anchor).certify(subject, &names, this_year()).unwrap()
    }

    fn der(pem: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
    }

    fn provider() -> Arc<CryptoProvider> {
        Arc::new(ring::default_provider())
    }

    /// What somebody trusts who has the certificate of the authority that anchor 1 is.
    fn roots() -> Arc<RootCertStore> {
        let authority = Authority::new(&identity(1)).certificate(this_year()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(der(&authority)).unwrap();
        Arc::new(roots)
    }

    fn at(text: &str) -> UnixTime {
        let seconds = u64::try_from(parse_instant(text).unwrap() / 1_000_000_000).unwrap();
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    /// What a router says of a node that connects.
    fn as_client(certificate: &str, now: &str) -> Result<(), rustls::Error> {
        let verifier = WebPkiClientVerifier::builder_with_provider(roots(), provider());
        let verifier = verifier.build().unwrap();
        verifier.verify_client_cert(&der(certificate), &[], at(now)).map(|_| ())
    }

    /// What a node says of the router that it has connected to.
    fn as_router(certificate: &str, name: &str) -> Result<(), rustls::Error> {
        let verifier = WebPkiServerVerifier::builder_with_provider(roots(), provider());
        let verifier = verifier.build().unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        verifier
            .verify_server_cert(&der(certificate), &[], &name, &[], at(NOW))
            .map(|_| ())
    }

    #[test]
    fn a_node_that_the_anchor_certified_is_let_in() {
        as_client(&certified(1, 2, &[]), NOW).unwrap();
    }

    #[test]
    fn a_node_that_another_anchor_certified_is_not_let_in() {
        as_client(&certified(3, 2, &[]), NOW).unwrap_err();
    }

    #[test]
    fn a_certificate_holds_in_its_time_only() {
        let node = certified(1, 2, &[]);
        for (now, holds) in [
            ("2025-12-31T23:59:59Z", false),
            ("2026-01-01T00:00:00Z", true),
            ("2027-01-01T00:00:00Z", true),
            ("2027-01-01T00:00:01Z", false),
        ] {
            assert_eq!(as_client(&node, now).is_ok(), holds, "{now}");
        }
    }

    #[test]
    fn a_router_is_what_its_names_say_and_nothing_else() {
        let router = certified(1, 2, &["router.local", "192.168.1.2"]);
        as_router(&router, "router.local").unwrap();
        as_router(&router, "192.168.1.2").unwrap();
        as_router(&router, "other.local").unwrap_err();
    }

    #[test]
    fn a_node_cannot_pose_as_a_router() {
        let error = as_router(&certified(1, 2, &[]), "router.local").unwrap_err();
        assert!(matches!(error, rustls::Error::InvalidCertificate(_)), "{error}");
    }

    #[test]
    fn a_certified_node_certifies_nobody() {
        let by_a_node = certified(2, 4, &[]);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots(), provider());
        let verifier = verifier.build().unwrap();
        let between = der(&certified(1, 2, &[]));
        verifier
            .verify_client_cert(&der(&by_a_node), &[between], at(NOW))
            .unwrap_err();
    }

    #[test]
    fn the_certified_key_is_the_one_that_signs_messages() {
        let node = identity(2);
        let key = |identity: &Identity| PrivateKeyDer::from_pem_slice(identity.to_pkcs8_pem().as_bytes()).unwrap();
        let certificate = der(&certified(1, 2, &[]));
        CertifiedKey::from_der(vec![certificate.clone()], key(&node), &provider()).unwrap();
        CertifiedKey::from_der(vec![certificate.clone()], key(&identity(5)), &provider()).unwrap_err();

        let name = node.public_key().to_string();
        assert!(certificate.windows(name.len()).any(|part| part == name.as_bytes()));
    }

    #[test]
    fn what_is_no_name_of_a_machine_is_refused() {
        let anchor = identity(1);
        let subject = identity(2).public_key();
        let error = Authority::new(&anchor)
            .certify(subject, &["röuter".to_owned()], this_year())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected DNS names and IP addresses such as router.local or 192.168.1.2, found \"röuter\""
        );
    }
}
