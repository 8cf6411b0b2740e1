//! The files of TLS links, and what they become in Zenoh's configuration.
//!
//! A `tls/…` endpoint is authenticated at both ends: the router shows a certificate and so does the node. The node's private
//! key is the one that signs its messages, so a router knows by which key a link came in. `nuncio link invite` and `accept`
//! make the certificates on two hosts, `nuncio trust export --zenoh DIR` makes them for many, with a router's configuration.
//!
//! Nothing of the files is believed here: they are looked for, so that an error can name them; Zenoh reads them.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// Where the folder with the certificates is, in a keystore.
const TLS_DIR: &str = "tls";

/// Where the certificates and the key of a node's TLS links are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsFiles {
    /// The certificate of the authority that the other end's certificate must come from (PEM).
    pub authority: PathBuf,
    /// This node's own certificate (PEM).
    pub certificate: PathBuf,
    /// The private key that it is for (PKCS#8 PEM).
    pub key: PathBuf,
}

impl TlsFiles {
    /// `ca.pem` and `node.pem` in the folder `certificates`, by default `tls` in the keystore at `keystore`, and the
    /// keystore's own `identity.key`.
    pub fn new(keystore: &Path, certificates: Option<&Path>) -> Self {
        let certificates = certificates.map_or_else(|| keystore.join(TLS_DIR), Path::to_owned);
        Self {
            authority: certificates.join("ca.pem"),
            certificate: certificates.join("node.pem"),
            key: keystore.join("identity.key"),
        }
    }

    /// Looks whether the files are there and can be read.
    ///
    /// # Errors
    ///
    /// [`TlsFilesError`] for the first that is not.
    pub(crate) fn check(&self) -> Result<(), TlsFilesError> {
        let missing = |path: &Path, comes_as| {
            let error = File::open(path).err()?;
            let path = path.to_owned();
            Some(TlsFilesError { path, comes_as, error })
        };
        let problem = missing(&self.authority, "ca.pem")
            .or_else(|| missing(&self.certificate, "nodes/NICKNAME.pem"))
            .or_else(|| missing(&self.key, ""));
        problem.map_or(Ok(()), Err)
    }

    /// Zenoh's settings below `transport/link/tls`.
    pub(crate) fn settings(&self) -> Value {
        json!({
            "root_ca_certificate": self.authority,
            "enable_mtls": true,
            "verify_name_on_connect": true,
            "close_link_on_expiration": true,
            "connect_certificate": self.certificate,
            "connect_private_key": self.key,
            "listen_certificate": self.certificate,
            "listen_private_key": self.key,
        })
    }
}

/// Whether an endpoint is one of TLS.
pub(crate) fn is_tls(endpoint: &str) -> bool {
    endpoint.starts_with("tls/")
}

/// A file that a TLS link needs and that is not there.
#[derive(Debug)]
pub struct TlsFilesError {
    /// The file.
    pub path: PathBuf,
    /// What it is called where it is made.
    comes_as: &'static str,
    /// What the operating system says.
    pub error: io::Error,
}

impl fmt::Display for TlsFilesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, comes_as, error } = self;
        write!(
            f,
            "a tls/ endpoint needs {}, which cannot be read: {error}; ",
            path.display()
        )?;
        match comes_as.is_empty() {
            true => f.write_str("it is this user's key, `nuncio key show` makes it"),
            false => write!(
                f,
                "`nuncio link accept` makes it, with a code of `nuncio link invite` on the other host; or it is {comes_as} of what \
                 `nuncio trust export --zenoh DIR` writes, where the anchor's key is"
            ),
        }
    }
}

impl std::error::Error for TlsFilesError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_named_with_what_makes_it() {
        let dir = tempfile::tempdir().unwrap();
        let files = TlsFiles::new(dir.path(), None);
        let missing = || files.check().unwrap_err();
        let begins = |name: &str| format!("a tls/ endpoint needs {}", dir.path().join(name).display());
        assert!(
            missing().to_string().starts_with(&begins("tls/ca.pem")),
            "{}",
            missing()
        );
        assert!(
            missing().to_string().contains("nuncio trust export --zenoh"),
            "{}",
            missing()
        );

        std::fs::create_dir(dir.path().join("tls")).unwrap();
        std::fs::write(&files.authority, "").unwrap();
        assert!(
            missing().to_string().starts_with(&begins("tls/node.pem")),
            "{}",
            missing()
        );
        std::fs::write(&files.certificate, "").unwrap();
        assert!(missing().to_string().contains("nuncio key show"), "{}", missing());
        std::fs::write(&files.key, "").unwrap();
        files.check().unwrap();
    }

    #[test]
    fn a_folder_of_its_own_holds_the_certificates_but_not_the_key() {
        let files = TlsFiles::new(Path::new("/home/a/nuncio"), Some(Path::new("/etc/tls")));
        assert_eq!(files.certificate, Path::new("/etc/tls/node.pem"));
        assert_eq!(files.key, Path::new("/home/a/nuncio/identity.key"));
    }
}
