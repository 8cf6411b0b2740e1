//! Keys that sign and keys that verify: the only file that names `ed25519_dalek::`.
//!
//! # Invariants
//!
//! - The secret half of an [`Identity`] is never printed and is wiped from memory when its last holder drops it.
//! - Nothing verifies but an [`EnrolledKey`], and what it accepts does not depend on other messages, on the order
//!   of arrival or on the implementation: strict verification on keys without small factors, never in batches.

use std::fmt;
use std::io;
use std::sync::Arc;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{ALGORITHM_OID, KeypairBytes, PrivateKeyInfoRef, SecretDocument};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use pkcs8::EncryptedPrivateKeyInfoOwned;
use zeroize::{Zeroize, Zeroizing};

use super::key_table::KeyTable;
pub use super::public_key::{PublicKey, PublicKeyError};

/// A public key that passed enrolment: the only thing that verifies signatures.
///
/// Holding one proves that the key is a canonical encoding of a point in the prime-order group, so a signature has
/// one meaning for every receiver. The point is kept decompressed.
#[derive(Clone, Eq, PartialEq)]
pub struct EnrolledKey {
    verifying: VerifyingKey,
}

impl EnrolledKey {
    /// Checks that `key` is fit to verify with. Costs about as much as verifying one signature, once per key.
    ///
    /// # Errors
    ///
    /// [`WeakKey`] when some signature by the key would be valid for many messages, or for some receivers only.
    pub fn enrol(key: PublicKey) -> Result<Self, WeakKey> {
        let refused = |reason| WeakKey { key, reason };
        let verifying = VerifyingKey::from_bytes(key.as_bytes()).map_err(|_| refused(WeakKeyReason::NotOnTheCurve))?;
        let point = verifying.to_edwards();
        if point.compress().as_bytes() != key.as_bytes() {
            return Err(refused(WeakKeyReason::NotCanonical));
        }
        if verifying.is_weak() {
            return Err(refused(WeakKeyReason::SmallOrder));
        }
        if !point.is_torsion_free() {
            return Err(refused(WeakKeyReason::MixedOrder));
        }
        Ok(Self { verifying })
    }

    /// The key as a value.
    pub fn public_key(&self) -> PublicKey {
        PublicKey::from_bytes(self.verifying.to_bytes())
    }

    /// What verifies many signatures of this key, with the same verdicts.
    pub(super) fn table(&self) -> KeyTable {
        KeyTable::new(self.verifying.to_bytes(), self.verifying.to_edwards())
    }

    /// Whether `signature` is this key's signature of `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.verifying
            .verify_strict(message, &Signature::from_bytes(signature))
            .is_ok()
    }
}

impl fmt::Debug for EnrolledKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EnrolledKey").field(&self.public_key()).finish()
    }
}

/// A public key that must not verify anything.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WeakKey {
    /// The key.
    pub key: PublicKey,
    /// What is wrong with it.
    pub reason: WeakKeyReason,
}

/// What is wrong with a weak key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum WeakKeyReason {
    /// The bytes are no point of the curve.
    NotOnTheCurve,
    /// Other bytes stand for the same point.
    NotCanonical,
    /// The point has order 1, 2, 4 or 8: its signatures can be made by anyone.
    SmallOrder,
    /// The point has a part of small order: receivers can disagree about its signatures.
    MixedOrder,
}

impl fmt::Display for WeakKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.reason {
            WeakKeyReason::NotOnTheCurve => "it is not a point of the curve",
            WeakKeyReason::NotCanonical => "it is not the canonical encoding of its point",
            WeakKeyReason::SmallOrder => "its order is small, so that anyone can sign for it",
            WeakKeyReason::MixedOrder => "it has a part of small order, so that receivers can disagree about it",
        };
        write!(
            f,
            "{} cannot be a signing key: {reason}; no honest program makes such a key",
            self.key
        )
    }
}

impl std::error::Error for WeakKey {}

/// The node's own signing key.
///
/// Clones share one copy of the secret, which is wiped when the last of them is dropped. There is no way to get
/// the secret out except as the text of a key file.
#[derive(Clone)]
pub struct Identity {
    signing: Arc<SigningKey>,
}

impl Identity {
    /// Makes a new key from the operating system's randomness.
    ///
    /// # Errors
    ///
    /// The operating system's own, when it has no randomness to give.
    pub fn generate() -> io::Result<Self> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut())?;
        Ok(Self::from_seed(&seed))
    }

    /// The key that the 32 secret bytes `seed` stand for. The caller wipes its own copy.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self {
            signing: Arc::new(SigningKey::from_bytes(seed)),
        }
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey::from_bytes(self.signing.verifying_key().to_bytes())
    }

    /// The public half, ready to verify what this identity signs.
    pub fn enrolled_key(&self) -> EnrolledKey {
        // Made from a clamped secret and the base point, so it is canonical and of prime order by construction.
        EnrolledKey {
            verifying: self.signing.verifying_key(),
        }
    }

    /// Signs `message`, which is hashed twice on the way: sign a hash of what is long, not the thing itself.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.signing.sign(message).to_bytes()
    }

    /// Reads a PKCS#8 private key in PEM form, such as `openssl genpkey -algorithm ed25519` writes.
    ///
    /// Both versions are read: without the public key, and with it, in which case the two must belong together.
    ///
    /// # Errors
    ///
    /// [`KeyTextError`] says what was found instead and how to make a right one.
    pub fn from_pkcs8_pem(text: &str) -> Result<Self, KeyTextError> {
        let Some(label) = pem_label(text) else {
            return Err(KeyTextError::NotPem);
        };
        if label != PRIVATE_KEY {
            return Err(KeyTextError::OtherPem {
                label: label.chars().take(64).collect(),
            });
        }
        let (_, document) = SecretDocument::from_pem(text).map_err(|_| KeyTextError::Damaged)?;
        Self::from_pkcs8(&document)
    }

    /// Reads an encrypted PKCS#8 private key in PEM form (PBES2), such as `openssl pkcs8 -topk8` writes. One that is not
    /// encrypted is read, too.
    ///
    /// # Errors
    ///
    /// [`KeyTextError::WrongPassphrase`], or as [`from_pkcs8_pem`](Self::from_pkcs8_pem).
    pub fn from_encrypted_pkcs8_pem(text: &str, passphrase: &str) -> Result<Self, KeyTextError> {
        if pem_label(text) != Some(ENCRYPTED_PRIVATE_KEY) {
            return Self::from_pkcs8_pem(text);
        }
        let (_, document) = SecretDocument::from_pem(text).map_err(|_| KeyTextError::Damaged)?;
        let info = EncryptedPrivateKeyInfoOwned::try_from(document.as_bytes());
        let info = info.map_err(|_| KeyTextError::OtherEncryption)?;
        let kdf = info.encryption_algorithm.pbes2().map(|parameters| &parameters.kdf);
        let Some(kdf) = kdf else {
            return Err(KeyTextError::OtherEncryption);
        };
        // A file must not decide how much memory and time it takes.
        let is_costly = match (kdf.scrypt(), kdf.pbkdf2()) {
            (Some(scrypt), _) => {
                let blocks = scrypt.cost_parameter.saturating_mul(u64::from(scrypt.block_size));
                blocks.saturating_mul(u64::from(scrypt.parallelization)) > SCRYPT_BLOCKS_MAX
            }
            (None, Some(pbkdf2)) => pbkdf2.iteration_count > PBKDF2_ROUNDS_MAX,
            (None, None) => true,
        };
        if is_costly {
            return Err(KeyTextError::OtherEncryption);
        }
        let decrypted = info.decrypt(passphrase).map_err(|_| KeyTextError::WrongPassphrase)?;
        Self::from_pkcs8(&decrypted)
    }

    fn from_pkcs8(document: &SecretDocument) -> Result<Self, KeyTextError> {
        let info = PrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|_| KeyTextError::Damaged)?;
        if info.algorithm.oid != ALGORITHM_OID {
            return Err(KeyTextError::OtherAlgorithm {
                found: name_of_algorithm(&info.algorithm.oid.to_string()),
            });
        }
        let names_public_key = info.public_key.is_some();
        let mut pair = KeypairBytes::try_from(info).map_err(|_| KeyTextError::Damaged)?;
        let identity = Self::from_seed(&pair.secret_key);
        pair.secret_key.zeroize();
        match &pair.public_key {
            Some(public) if public.to_bytes() != *identity.public_key().as_bytes() => Err(KeyTextError::HalvesDiffer),
            None if names_public_key => Err(KeyTextError::Damaged),
            _ => Ok(identity),
        }
    }

    /// The private key as PKCS#8 in PEM form, version 1, which every version of openssl reads.
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        self.to_pkcs8()
            .to_pem(PRIVATE_KEY, LineEnding::LF)
            .expect("48 bytes of DER always have a PEM form")
    }

    /// The private key as encrypted PKCS#8 in PEM form: AES-256 under a key that scrypt makes from the passphrase.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when the operating system has no randomness to give.
    pub fn to_encrypted_pkcs8_pem(&self, passphrase: &str) -> io::Result<Zeroizing<String>> {
        let document = self.to_pkcs8();
        let info = PrivateKeyInfoRef::try_from(document.as_bytes()).expect("it was made just now");
        let encrypted = info
            .encrypt(passphrase)
            .map_err(|_| io::Error::other("no randomness"))?;
        encrypted
            .to_pem(ENCRYPTED_PRIVATE_KEY, LineEnding::LF)
            .map_err(|error| io::Error::other(error.to_string()))
    }

    fn to_pkcs8(&self) -> SecretDocument {
        let mut der = Zeroizing::new([0_u8; PKCS8_V1_PREFIX.len() + 32]);
        let (prefix, secret) = der.split_at_mut(PKCS8_V1_PREFIX.len());
        prefix.copy_from_slice(&PKCS8_V1_PREFIX);
        secret.copy_from_slice(self.signing.as_bytes());
        SecretDocument::try_from(der.as_slice()).expect("the prefix announces 48 bytes")
    }
}

/// The label of a PKCS#8 file.
const PRIVATE_KEY: &str = "PRIVATE KEY";

/// The label of an encrypted one.
const ENCRYPTED_PRIVATE_KEY: &str = "ENCRYPTED PRIVATE KEY";

/// The most work for one passphrase: blocks of 128 bytes that scrypt fills (128 MiB), and rounds of PBKDF2 (seconds).
const SCRYPT_BLOCKS_MAX: u64 = 1 << 20;
const PBKDF2_ROUNDS_MAX: u32 = 10_000_000;

/// Whether the text is a private key in PEM form that needs a passphrase.
pub fn needs_passphrase(text: &str) -> bool {
    pem_label(text) == Some(ENCRYPTED_PRIVATE_KEY)
}

/// `SEQUENCE { version 0, SEQUENCE { id-Ed25519 }, OCTET STRING { OCTET STRING { … 32 bytes } } }` (RFC 8410).
const PKCS8_V1_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// The label of the first block that is not mere parameters, which openssl writes before keys on named curves.
fn pem_label(text: &str) -> Option<&str> {
    text.lines()
        .filter_map(|line| line.trim_end().strip_prefix("-----BEGIN ")?.strip_suffix("-----"))
        .find(|label| !label.ends_with("PARAMETERS"))
}

fn name_of_algorithm(oid: &str) -> String {
    match oid {
        "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" => "RSA".to_owned(),
        "1.2.840.10045.2.1" => "elliptic curve (ECDSA)".to_owned(),
        "1.2.840.10040.4.1" => "DSA".to_owned(),
        "1.3.101.110" => "X25519 (for key agreement, not for signatures)".to_owned(),
        "1.3.101.111" => "X448 (for key agreement, not for signatures)".to_owned(),
        "1.3.101.113" => "Ed448".to_owned(),
        oid => format!("algorithm {oid}"),
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("public_key", &self.public_key())
            .finish_non_exhaustive()
    }
}

/// Why a text is not the private key of an identity. Never holds any of the key's bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum KeyTextError {
    /// No PEM block at all.
    NotPem,
    /// A PEM block of another sort.
    OtherPem {
        /// What stands after `BEGIN`.
        label: String,
    },
    /// A PKCS#8 private key for another algorithm.
    OtherAlgorithm {
        /// The algorithm.
        found: String,
    },
    /// The block says that it is a private key, but its content is cut off or changed.
    Damaged,
    /// The public key in the file is not the one that belongs to the private key.
    HalvesDiffer,
    /// The passphrase does not open the encrypted key, or the file is damaged.
    WrongPassphrase,
    /// An encrypted key in a form that is not read.
    OtherEncryption,
}

impl fmt::Display for KeyTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongPassphrase => {
                return f.write_str(
                    "the passphrase does not open this key; try again, or restore the file if it is damaged",
                );
            }
            Self::OtherEncryption => {
                return f.write_str(
                    "expected a private key encrypted by PBES2 with AES, and PBKDF2 or scrypt within reason, found another \
                     encryption; convert it with `openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE -out NEW`",
                );
            }
            _ => f.write_str("expected an Ed25519 private key (PKCS#8 in PEM form), found ")?,
        }
        match self {
            Self::WrongPassphrase | Self::OtherEncryption => {}
            Self::NotPem => f.write_str("no `-----BEGIN PRIVATE KEY-----` line")?,
            Self::OtherPem { label } => match label.as_str() {
                "ENCRYPTED PRIVATE KEY" => {
                    return f.write_str(
                        "an encrypted one; move it elsewhere and put it back with `nuncio key import FILE`, which asks for \
                         its passphrase",
                    );
                }
                "OPENSSH PRIVATE KEY" => f.write_str("a key of ssh")?,
                "RSA PRIVATE KEY" => f.write_str("an RSA key")?,
                "EC PRIVATE KEY" => f.write_str("an elliptic curve key (ECDSA)")?,
                "PUBLIC KEY" => f.write_str("only a public key")?,
                "CERTIFICATE" => f.write_str("a certificate")?,
                label => write!(f, "a PEM block {label:?}")?,
            },
            Self::OtherAlgorithm { found } => write!(f, "a key for {found}")?,
            Self::Damaged => f.write_str("one whose content is damaged")?,
            Self::HalvesDiffer => f.write_str("one whose public key belongs to another private key")?,
        }
        f.write_str("; make a new one with `openssl genpkey -algorithm ed25519`")
    }
}

impl std::error::Error for KeyTextError {}

#[cfg(test)]
mod tests;
