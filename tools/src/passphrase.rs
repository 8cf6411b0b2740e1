//! Private keys in files, and where the passphrase of an encrypted one comes from: a file, the environment, or a person.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nuncio::Identity;
use nuncio::security::key::{KeyTextError, needs_passphrase};
use nuncio::security::trust_storage::{TrustStorageError, read_key_text};
use zeroize::Zeroizing;

use crate::cli::PassphraseFrom;

/// The variable that may hold a passphrase.
const VARIABLE: &str = "NUNCIO_PASSPHRASE";

/// No key file and no passphrase is longer.
const FILE_LEN_MAX: u64 = 16 * 1024;

/// Reads a private key that only this user can read. `None`: there is no such file.
///
/// # Errors
///
/// [`PrivateKeyError`] when others can read it, when it is no key, or when the passphrase is wrong.
pub(crate) fn read_guarded_key(path: &Path, passphrase: &PassphraseFrom) -> Result<Option<Identity>, PrivateKeyError> {
    let text = read_key_text(path).map_err(PrivateKeyError::Storage)?;
    text.map(|text| decrypt(path, &text, passphrase)).transpose()
}

/// Reads a private key from any file, or from standard input when it is `-`.
///
/// # Errors
///
/// [`PrivateKeyError`] when there is none, when it is no key, or when the passphrase is wrong.
pub(crate) fn read_any_key(path: &Path, passphrase: &PassphraseFrom) -> Result<Identity, PrivateKeyError> {
    let text = if path == Path::new("-") {
        read_text(io::stdin().lock())
    } else {
        fs::File::open(path).and_then(read_text)
    };
    let text = text.map_err(|error| PrivateKeyError::Io {
        path: path.to_owned(),
        error,
    })?;
    decrypt(path, &text, passphrase)
}

/// The passphrase that a new file is to be encrypted with.
///
/// # Errors
///
/// [`PrivateKeyError`] when there is none.
pub(crate) fn new_passphrase(from: &PassphraseFrom) -> Result<Zeroizing<String>, PrivateKeyError> {
    if let Some(passphrase) = given_passphrase(from)? {
        return Ok(passphrase);
    }
    let first = ask("New passphrase: ")?;
    match *ask("Again: ")? == *first {
        true => Ok(first),
        false => Err(PrivateKeyError::NotTheSame),
    }
}

/// Writes what must not be there yet: a secret for this user alone, anything else for all to read.
///
/// # Errors
///
/// The operating system's own.
pub(crate) fn write_new(path: &Path, text: &str, is_secret: bool) -> Result<(), NewFileError> {
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(if is_secret { 0o600 } else { 0o644 })
        .open(path)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
    written.map_err(|error| NewFileError {
        path: path.to_owned(),
        error,
    })
}

fn decrypt(path: &Path, text: &str, from: &PassphraseFrom) -> Result<Identity, PrivateKeyError> {
    let identity = if needs_passphrase(text) {
        let passphrase = match given_passphrase(from)? {
            Some(passphrase) => passphrase,
            None => ask(&format!("Passphrase of {}: ", path.display()))?,
        };
        Identity::from_encrypted_pkcs8_pem(text, &passphrase)
    } else {
        Identity::from_pkcs8_pem(text)
    };
    identity.map_err(|error| PrivateKeyError::Text {
        path: path.to_owned(),
        error,
    })
}

fn given_passphrase(from: &PassphraseFrom) -> Result<Option<Zeroizing<String>>, PrivateKeyError> {
    let passphrase = match &from.passphrase_file {
        Some(path) => {
            let text = fs::File::open(path).and_then(read_text);
            let text = text.map_err(|error| PrivateKeyError::Io {
                path: path.clone(),
                error,
            })?;
            Some(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
        }
        None => std::env::var(VARIABLE).ok().map(Zeroizing::new),
    };
    match passphrase {
        Some(empty) if empty.is_empty() => Err(PrivateKeyError::Empty),
        passphrase => Ok(passphrase),
    }
}

fn ask(prompt: &str) -> Result<Zeroizing<String>, PrivateKeyError> {
    let passphrase = rpassword::prompt_password(prompt).map_err(PrivateKeyError::NobodyToAsk)?;
    match passphrase.is_empty() {
        true => Err(PrivateKeyError::Empty),
        false => Ok(Zeroizing::new(passphrase)),
    }
}

fn read_text(from: impl Read) -> io::Result<Zeroizing<String>> {
    // All the room at once: a text that grows would leave copies of a secret behind.
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(FILE_LEN_MAX).unwrap_or(0)));
    from.take(FILE_LEN_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// Why there is no private key, or no passphrase for one.
#[derive(Debug)]
pub(crate) enum PrivateKeyError {
    /// The file cannot be read.
    Io { path: PathBuf, error: io::Error },
    /// The file is open to others.
    Storage(TrustStorageError),
    /// The file holds no key, or not one that the passphrase opens.
    Text { path: PathBuf, error: KeyTextError },
    /// The passphrase is empty.
    Empty,
    /// The passphrase was typed differently the second time.
    NotTheSame,
    /// There is no terminal.
    NobodyToAsk(io::Error),
}

impl fmt::Display for PrivateKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, error } => write!(f, "cannot read {}: {error}", path.display()),
            Self::Storage(error) => error.fmt(f),
            Self::Text { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Empty => f.write_str("expected a passphrase, found an empty one"),
            Self::NotTheSame => f.write_str("the two passphrases are not the same; try again"),
            Self::NobodyToAsk(error) => write!(
                f,
                "expected a passphrase, and there is no terminal to ask for it ({error}); \
                 give it with --passphrase-file FILE or in {VARIABLE}"
            ),
        }
    }
}

impl Error for PrivateKeyError {}

/// Why a new file could not be written.
#[derive(Debug)]
pub(crate) struct NewFileError {
    path: PathBuf,
    error: io::Error,
}

impl fmt::Display for NewFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.error.kind() {
            io::ErrorKind::AlreadyExists => write!(f, "{path} is there already; move it away, or name another file"),
            _ => write!(f, "cannot write {path}: {}", self.error),
        }
    }
}

impl Error for NewFileError {}
