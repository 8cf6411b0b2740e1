//! The folder with the certificates of TLS links, and who signs them.
//!
//! ```text
//! tls/ca.pem     the authority's certificate: whom this host lets in, and connects to
//! tls/node.pem   the certificate of this user's key
//! tls/ca.key     the authority's private key, on the host that invites; it signs certificates for links and nothing else
//! ```
//!
//! A certificate is checked against the authority's before it is stored or handed out, by the rules of the links themselves.

use std::error::Error;
use std::fmt;
use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nuncio::security::trust_storage::ANCHOR_FILE;
use nuncio::security::x509::{Authority, Validity, X509Error};
use nuncio::{Identity, Keystore, PublicKey, clock};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;

use super::addresses::as_subject;
use super::channel::{der, provider};
use crate::cli::{GlobalArgs, PassphraseFrom};
use crate::commands::CommandError;
use crate::passphrase::write_new;
use crate::trust_home::TrustHome;

const AUTHORITY_CERTIFICATE: &str = "ca.pem";
const AUTHORITY_KEY: &str = "ca.key";
const OWN_CERTIFICATE: &str = "node.pem";

/// By which names a host is always reached from its own machine.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Clocks differ: a certificate begins this much before it is made.
const SLACK_NS: i64 = 3_600_000_000_000;

const DAY_NS: i64 = 86_400_000_000_000;

/// How long the authority's certificate holds. Nobody looks at that: it is left out by who does not trust it any more.
const AUTHORITY_DAYS: u16 = 3650;

/// What is left of a certificate's time when it is made anew, in days.
pub(crate) const RENEWED_BEFORE_DAYS: i64 = 30;

/// The folder.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TlsFolder {
    path: PathBuf,
}

impl TlsFolder {
    /// The one of the command line, else the one in the keystore.
    pub(crate) fn of(global: &GlobalArgs, keystore: &Keystore) -> Self {
        let usual = || keystore.path().map(|dir| dir.join("tls")).unwrap_or_default();
        Self {
            path: global.tls.clone().unwrap_or_else(usual),
        }
    }

    /// A folder in this one.
    pub(crate) fn inner(&self, name: &str) -> Self {
        Self {
            path: self.path.join(name),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The authority's own certificate, if it is there.
    ///
    /// # Errors
    ///
    /// [`FolderError::Io`] when it cannot be read.
    fn authority_certificate(&self) -> Result<Option<String>, FolderError> {
        self.read(AUTHORITY_CERTIFICATE)
    }

    /// The key of the authority: the one that is named, the one of this folder, the anchor's of the keystore, or a new one.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the file, and [`FolderError::Io`] when a new one cannot be written.
    pub(crate) fn authority(
        &self,
        home: &TrustHome,
        named: Option<&PathBuf>,
        passphrase: &PassphraseFrom,
    ) -> Result<Identity, CommandError> {
        let own = self.path.join(AUTHORITY_KEY);
        if let Some(path) = named {
            let found = home.anchor_key(Some(path), passphrase)?;
            let (_, key) = found.ok_or_else(|| FolderError::NoKey { path: path.clone() })?;
            return Ok(key);
        }
        for path in [&own, &home.path(ANCHOR_FILE)] {
            if let Some((_, key)) = home.anchor_key(Some(path), passphrase)? {
                return Ok(key);
            }
        }
        if self.authority_certificate()?.is_some() {
            return Err(self.other_authority().into());
        }
        let new = Identity::generate()?;
        self.make()?;
        write_new(&own, &new.to_pkcs8_pem(), true)?;
        Ok(new)
    }

    /// Sees that this host has a certificate from the authority, good for `hosts`. Gives the authority's certificate and that
    /// one, and whether it is new: one that is good for all of them and long enough is kept.
    ///
    /// # Errors
    ///
    /// [`FolderError`] when what is there comes from another authority, or a file cannot be written.
    pub(crate) fn certify_self(
        &self,
        identity: &Identity,
        authority: &Identity,
        hosts: &[String],
        days: u16,
    ) -> Result<OwnCertificate, FolderError> {
        let mut reachable_at: Vec<String> = LOCAL_NAMES.map(ToOwned::to_owned).to_vec();
        for host in hosts.iter().map(|host| as_subject(host)) {
            if !reachable_at.iter().any(|there| there == host) {
                reachable_at.push(host.to_owned());
            }
        }
        let signer = Authority::new(authority);
        let authority_certificate = match self.authority_certificate()? {
            Some(there) => there,
            None => signer
                .certificate(validity(AUTHORITY_DAYS))
                .map_err(FolderError::X509)?,
        };
        let is_new = |certificate, is_new| OwnCertificate {
            authority: authority_certificate.clone(),
            certificate,
            is_new,
        };
        let later_ns = clock::now_ns().saturating_add(RENEWED_BEFORE_DAYS * DAY_NS);
        let kept = self.read(OWN_CERTIFICATE)?.filter(|there| {
            check_certificate(&authority_certificate, there, identity, later_ns).is_ok()
                && is_good_for(&authority_certificate, there, &reachable_at, later_ns)
        });
        if let Some(there) = kept {
            return Ok(is_new(there, false));
        }
        let new = signer
            .certify(identity.public_key(), &reachable_at, validity(days))
            .map_err(FolderError::X509)?;
        check_certificate(&authority_certificate, &new, identity, clock::now_ns())
            .map_err(|_| self.other_authority())?;
        self.store(&authority_certificate, &new)?;
        Ok(is_new(new, true))
    }

    /// How this host's certificate is; `None` when there is none.
    ///
    /// # Errors
    ///
    /// [`FolderError::Io`] when a file cannot be read.
    pub(crate) fn standing(&self, identity: &Identity, now_ns: i64) -> Result<Option<Standing>, FolderError> {
        let (Some(authority), Some(own)) = (self.authority_certificate()?, self.read(OWN_CERTIFICATE)?) else {
            return Ok(None);
        };
        let later_ns = now_ns.saturating_add(RENEWED_BEFORE_DAYS * DAY_NS);
        let check = |at_ns| check_certificate(&authority, &own, identity, at_ns);
        Ok(Some(match (check(now_ns), check(later_ns)) {
            (Err(error), _) => Standing::Bad(error),
            (Ok(()), Err(_)) => Standing::EndsSoon,
            (Ok(()), Ok(())) => Standing::Good,
        }))
    }

    /// Whether links with this folder know another authority than the one with this certificate.
    ///
    /// # Errors
    ///
    /// [`FolderError::Io`] when a file cannot be read.
    pub(crate) fn has_other_authority(&self, certificate: &str, identity: &Identity) -> Result<bool, FolderError> {
        let there = self.authority_certificate()?;
        Ok(there.is_some_and(|there| check_certificate(&there, certificate, identity, clock::now_ns()).is_err()))
    }

    /// Stores both certificates, each whole or not at all.
    ///
    /// # Errors
    ///
    /// [`FolderError::Io`].
    pub(crate) fn store(&self, authority: &str, certificate: &str) -> Result<(), FolderError> {
        self.make()?;
        for (name, text) in [(AUTHORITY_CERTIFICATE, authority), (OWN_CERTIFICATE, certificate)] {
            let path = self.path.join(name);
            let write = || {
                let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
                file.write_all(text.as_bytes())?;
                file.as_file().sync_all()?;
                file.persist(&path)?;
                Ok(())
            };
            write().map_err(|error: io::Error| FolderError::Io {
                path: path.clone(),
                error,
            })?;
        }
        Ok(())
    }

    /// What is there comes from somebody else.
    fn other_authority(&self) -> FolderError {
        FolderError::OtherAuthority {
            path: self.path.join(AUTHORITY_CERTIFICATE),
        }
    }

    fn make(&self) -> Result<(), FolderError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.path);
        made.map_err(|error| FolderError::Io {
            path: self.path.clone(),
            error,
        })
    }

    fn read(&self, name: &str) -> Result<Option<String>, FolderError> {
        let path = self.path.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FolderError::Io { path, error }),
        }
    }
}

/// How a certificate is.
#[derive(Debug)]
pub(crate) enum Standing {
    /// It holds for some time.
    Good,
    /// It holds no longer than [`RENEWED_BEFORE_DAYS`].
    EndsSoon,
    /// No link takes it.
    Bad(rustls::Error),
}

/// This host's certificate.
#[derive(Debug)]
pub(crate) struct OwnCertificate {
    /// The authority's (PEM).
    pub(crate) authority: String,
    /// This host's (PEM).
    pub(crate) certificate: String,
    /// It was made just now: a router that runs still shows the one before.
    pub(crate) is_new: bool,
}

/// A certificate for a host that only connects.
///
/// # Errors
///
/// [`X509Error`].
pub(crate) fn certify_other(authority: &Identity, key: PublicKey, days: u16) -> Result<String, X509Error> {
    Authority::new(authority).certify(key, &[], validity(days))
}

fn validity(days: u16) -> Validity {
    let now_ns = clock::now_ns();
    Validity {
        not_before_ns: now_ns.saturating_sub(SLACK_NS),
        not_after_ns: now_ns.saturating_add(DAY_NS.saturating_mul(i64::from(days))),
    }
}

/// Checks that a certificate (PEM) is from this authority (PEM), for this key, and holds at this instant.
///
/// # Errors
///
/// [`rustls::Error`] says what is wrong.
pub(crate) fn check_certificate(
    authority: &str,
    certificate: &str,
    identity: &Identity,
    now_ns: i64,
) -> Result<(), rustls::Error> {
    let certificate = der(certificate)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(authority)?, provider());
    let verifier = verifier
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    verifier.verify_client_cert(&certificate, &[], at(now_ns))?;
    let key = PrivateKeyDer::from_pem_slice(identity.to_pkcs8_pem().as_bytes())
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    CertifiedKey::from_der(vec![certificate], key, &provider()).map(|_| ())
}

fn is_good_for(authority: &str, certificate: &str, hosts: &[String], now_ns: i64) -> bool {
    let Ok(roots) = roots(authority) else { return false };
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider()).build();
    let (Ok(verifier), Ok(certificate)) = (verifier, der(certificate)) else {
        return false;
    };
    hosts.iter().all(|host| {
        ServerName::try_from(host.as_str()).is_ok_and(|name| {
            verifier
                .verify_server_cert(&certificate, &[], &name, &[], at(now_ns))
                .is_ok()
        })
    })
}

fn roots(authority: &str) -> Result<Arc<RootCertStore>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
        let certificate = certificate.map_err(|error| rustls::Error::General(error.to_string()))?;
        roots.add(certificate)?;
    }
    Ok(Arc::new(roots))
}

fn at(now_ns: i64) -> UnixTime {
    let seconds = u64::try_from(now_ns / 1_000_000_000).unwrap_or(0);
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// Why the certificates cannot be read, made or stored.
#[derive(Debug)]
pub(crate) enum FolderError {
    /// A file cannot be read or written.
    Io { path: PathBuf, error: io::Error },
    /// There is no key where one was said to be.
    NoKey { path: PathBuf },
    /// What is there was signed by somebody whose key is not here.
    OtherAuthority { path: PathBuf },
    /// A certificate cannot be made.
    X509(X509Error),
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, error } => write!(f, "{}: {error}", path.display()),
            Self::NoKey { path } => write!(
                f,
                "expected the authority's private key in {}, found none",
                path.display()
            ),
            Self::OtherAuthority { path } => write!(
                f,
                "{} is from another authority, such as that of a host whose invitation was accepted here: invite there, name \
                 its key with --anchor FILE, or name another folder with --tls DIR",
                path.display()
            ),
            Self::X509(error) => error.fmt(f),
        }
    }
}

impl Error for FolderError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            Self::X509(error) => Some(error),
            Self::NoKey { .. } | Self::OtherAuthority { .. } => None,
        }
    }
}
