//! Why a node is not on the network.

use std::fmt;

use crate::local_registry::RegistryError;
use crate::tls_files::TlsFilesError;

/// Why there is no link.
#[derive(Debug)]
#[non_exhaustive]
pub enum LinkError {
    /// An endpoint or another part of the configuration is not what Zenoh understands.
    Config {
        /// The part.
        what: String,
        /// What Zenoh says of it.
        problem: String,
    },
    /// A file for TLS links is missing.
    Tls(TlsFilesError),
    /// There are TLS endpoints and no files for them, because the keystore is in memory.
    NoTlsFiles,
    /// The registry of this machine cannot be used.
    Registry(String),
    /// The session could not be opened, for example because the port is taken.
    Open(String),
    /// An operation on the session failed; it is closed, or the name is not a key expression.
    Session {
        /// What was tried.
        doing: &'static str,
        /// What Zenoh says.
        problem: String,
    },
}

impl From<RegistryError> for LinkError {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error.to_string())
    }
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config { what, problem } => {
                write!(
                    f,
                    "{what} is not usable: {problem}; an endpoint looks like tcp/127.0.0.1:7447"
                )
            }
            Self::Tls(error) => error.fmt(f),
            Self::NoTlsFiles => {
                f.write_str("a tls/ endpoint needs certificates; say in LinkConfig::tls where they are")
            }
            Self::Registry(problem) => write!(f, "{problem}; or start with discovery off and give endpoints"),
            Self::Open(problem) => write!(f, "the link could not be opened: {problem}"),
            Self::Session { doing, problem } => write!(f, "{doing} failed: {problem}"),
        }
    }
}

impl std::error::Error for LinkError {}
