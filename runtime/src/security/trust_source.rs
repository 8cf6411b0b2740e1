//! Where a node's trust comes from: a policy given by its builder, or `trust.toml` of its keystore; and the certificates
//! that it shows to others, `identity.cert`.
//!
//! Both files are read as carefully as keys are: whoever can change them can change whom this machine believes. What is
//! missing, damaged or open to others is an error that names the file; no weaker policy ever takes its place.

use std::fmt;
use std::path::{Path, PathBuf};

use super::certificate::CertificateError;
use super::certificate_chain::CertificateChain;
use super::key::PublicKey;
use super::keystore::Keystore;
use super::trust_file::{TRUST_FILE_LEN_MAX, TrustFile, TrustFileError};
use super::trust_policy::{TrustMode, TrustPolicy};
use crate::name::Domain;
use crate::private_file::{self, FileError, Others};

/// The name of the trust file in a keystore.
pub(crate) const TRUST_FILE: &str = "trust.toml";
/// The name of the file with the certificates of the keystore's key.
pub(crate) const CERTIFICATE_FILE: &str = "identity.cert";

/// A chain of three certificates has at most 12 KiB.
const CERTIFICATE_FILE_LEN_MAX: u64 = 16 * 1024;

impl Keystore {
    /// Where the trust file is, or would be; `None` for an ephemeral keystore.
    pub fn trust_path(&self) -> Option<PathBuf> {
        self.path().map(|dir| dir.join(TRUST_FILE))
    }

    /// The trust file, if there is one.
    ///
    /// # Errors
    ///
    /// [`TrustSourceError`] when it cannot be used as it is.
    pub fn trust_file(&self) -> Result<Option<TrustFile>, TrustSourceError> {
        self.path().map_or(Ok(None), read_trust_file)
    }

    /// Where the certificates of the keystore's key are, or would be; `None` for an ephemeral keystore.
    pub fn certificate_path(&self) -> Option<PathBuf> {
        self.path().map(|dir| dir.join(CERTIFICATE_FILE))
    }

    /// The certificates of the key `subject`, if there are any.
    ///
    /// # Errors
    ///
    /// [`CertificateFileError`] when they cannot be used as they are, or are for another key.
    pub fn certificates(&self, subject: PublicKey) -> Result<Option<CertificateChain>, CertificateFileError> {
        self.path().map_or(Ok(None), |dir| read_certificates(dir, subject))
    }
}

/// What decides where the policy of a node comes from.
#[derive(Clone, Debug)]
pub(crate) struct TrustSource {
    pub(crate) domain: Domain,
    /// A policy that was given. Then no file is asked.
    pub(crate) fixed: Option<TrustPolicy>,
    /// A mode that was given. It overrides that of the policy.
    pub(crate) mode: Option<TrustMode>,
    /// The keystore's directory, if it has one.
    pub(crate) dir: Option<PathBuf>,
}

impl TrustSource {
    /// The policy to begin with.
    pub(crate) fn first_policy(&self) -> Result<TrustPolicy, TrustSourceError> {
        if let Some(policy) = self.policy()? {
            return Ok(policy);
        }
        match (self.mode.unwrap_or_default(), &self.dir) {
            (TrustMode::Enforce, Some(dir)) => Err(TrustSourceError::NeedsFile {
                path: dir.join(TRUST_FILE),
            }),
            (TrustMode::Enforce, None) => Err(TrustSourceError::NeedsPolicy),
            (mode, _) => Ok(TrustPolicy::in_mode(mode)),
        }
    }

    /// The policy as it is given or written now; `None` when there is neither.
    pub(crate) fn policy(&self) -> Result<Option<TrustPolicy>, TrustSourceError> {
        let (policy, path) = match (&self.fixed, &self.dir) {
            (Some(policy), _) => (policy.clone(), None),
            (None, Some(dir)) => match read_trust_file(dir)? {
                Some(file) => (file.into_policy(), Some(dir.join(TRUST_FILE))),
                None => return Ok(None),
            },
            (None, None) => return Ok(None),
        };
        if let Some(other) = policy.domain().filter(|other| **other != self.domain) {
            return Err(TrustSourceError::OtherDomain {
                path,
                found: other.clone(),
                domain: self.domain.clone(),
            });
        }
        let mode = self.mode.unwrap_or(policy.mode);
        Ok(Some(TrustPolicy { mode, ..policy }))
    }

    /// The directory whose files have to be watched: none when everything was given.
    pub(crate) fn watched_dir(&self) -> Option<&Path> {
        self.dir.as_deref()
    }
}

fn read_trust_file(dir: &Path) -> Result<Option<TrustFile>, TrustSourceError> {
    let path = dir.join(TRUST_FILE);
    let max = u64::try_from(TRUST_FILE_LEN_MAX).unwrap_or(u64::MAX);
    let Some(content) = private_file::read(&path, Others::Read, max).map_err(TrustSourceError::File)? else {
        return Ok(None);
    };
    let Ok(text) = str::from_utf8(&content) else {
        return Err(TrustSourceError::NotText { path });
    };
    match TrustFile::parse(text) {
        Ok(file) => Ok(Some(file)),
        Err(error) => Err(TrustSourceError::Content { path, error }),
    }
}

/// The certificates in `dir`, which must be for `subject`.
pub(crate) fn read_certificates(
    dir: &Path,
    subject: PublicKey,
) -> Result<Option<CertificateChain>, CertificateFileError> {
    let path = dir.join(CERTIFICATE_FILE);
    let content = private_file::read(&path, Others::Read, CERTIFICATE_FILE_LEN_MAX);
    let Some(content) = content.map_err(CertificateFileError::File)? else {
        return Ok(None);
    };
    let Ok(text) = str::from_utf8(&content) else {
        return Err(CertificateFileError::NotText { path });
    };
    let chain = match CertificateChain::parse(text) {
        Ok(chain) => chain,
        Err(error) => return Err(CertificateFileError::Content { path, error }),
    };
    let found = chain.leaf().terms().subject;
    if found == subject {
        Ok(Some(chain))
    } else {
        Err(CertificateFileError::OtherKey { path, found, subject })
    }
}

/// Why a node has no trust policy. It is not opened without one.
#[derive(Debug)]
#[non_exhaustive]
pub enum TrustSourceError {
    /// The file cannot be used as it is.
    File(FileError),
    /// The file is not UTF-8.
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// The file holds something that states no policy.
    Content {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong.
        error: TrustFileError,
    },
    /// The policy is for another domain.
    OtherDomain {
        /// The file, if it came from one.
        path: Option<PathBuf>,
        /// The policy's domain.
        found: Domain,
        /// The node's domain.
        domain: Domain,
    },
    /// Mode `enforce` was asked for and there is no file that says who is permitted what.
    NeedsFile {
        /// The file.
        path: PathBuf,
    },
    /// Mode `enforce` was asked for, the keystore is in memory, and no policy was given.
    NeedsPolicy,
    /// A file that was there when the node began is gone.
    Gone {
        /// The file.
        path: PathBuf,
    },
}

impl fmt::Display for TrustSourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::NotText { path } => write!(f, "{} must be UTF-8 text, found other bytes", path.display()),
            Self::Content { path, error } => {
                write!(f, "{} must state a trust policy, found problems:", path.display())?;
                error
                    .problems
                    .iter()
                    .try_for_each(|problem| write!(f, "\n{}:{problem}", path.display()))
            }
            Self::OtherDomain { path, found, domain } => {
                match path {
                    Some(path) => write!(f, "{} is", path.display())?,
                    None => f.write_str("the trust policy is")?,
                }
                write!(
                    f,
                    " for domain {found}, but the node is in domain {domain}; \
                     open the node in domain {found}, or correct the line `domain`"
                )
            }
            Self::NeedsFile { path } => write!(
                f,
                "mode enforce needs {}, which says who is permitted what, and there is none; \
                 make it with `nuncio trust init`",
                path.display()
            ),
            Self::NeedsPolicy => f.write_str(
                "mode enforce needs a trust policy, and a keystore in memory has none; \
                 give one with `NodeBuilder::trust`, or use a keystore in a directory",
            ),
            Self::Gone { path } => write!(
                f,
                "{} is gone; put it back, or restart the node to go on without it",
                path.display()
            ),
        }
    }
}

impl std::error::Error for TrustSourceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            Self::Content { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Why the certificates of a keystore's key cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum CertificateFileError {
    /// The file cannot be used as it is.
    File(FileError),
    /// The file is not UTF-8.
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// The file holds something else.
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: CertificateError,
    },
    /// The certificate is for another key.
    OtherKey {
        /// The file.
        path: PathBuf,
        /// The key that it is for.
        found: PublicKey,
        /// The keystore's key.
        subject: PublicKey,
    },
}

impl fmt::Display for CertificateFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::NotText { path } => write!(f, "{} must be UTF-8 text, found other bytes", path.display()),
            Self::Content { path, error } => write!(f, "{}: {error}", path.display()),
            Self::OtherKey { path, found, subject } => write!(
                f,
                "{path} is for the key {found}, but the key of this keystore is {subject}; \
                 have it issued again with `nuncio trust sign {subject}`, or move the file away",
                path = path.display()
            ),
        }
    }
}

impl std::error::Error for CertificateFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            Self::Content { error, .. } => Some(error),
            Self::NotText { .. } | Self::OtherKey { .. } => None,
        }
    }
}
