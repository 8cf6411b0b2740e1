//! Public keys as values: 32 bytes and their text form, `did:key:z6Mk…`.
//!
//! A [`PublicKey`] is a claim, not a proof: any 32 bytes make one. Before a key verifies anything it must pass
//! [`EnrolledKey::enrol`](super::key::EnrolledKey::enrol).

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// An Ed25519 public key, 32 bytes, written `did:key:z6Mk…`.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Wraps the 32 bytes of a key as they stand in a frame's header.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads the text form, `did:key:z6Mk…`.
    ///
    /// The text decides the bytes and the bytes decide the text: there is one spelling per key.
    ///
    /// # Errors
    ///
    /// [`PublicKeyError`] names the first thing that is wrong. A text of the right form whose bytes are no good
    /// key, such as a point of low order, passes here and is refused when it is enrolled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nuncio::security::key::{PublicKey, PublicKeyError};
    /// let key = PublicKey::parse("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK")?;
    /// assert_eq!(key.as_bytes()[..4], [0x2e, 0x6f, 0xcc, 0xe3]);
    /// # Ok::<(), PublicKeyError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, PublicKeyError> {
        let wrong_length = PublicKeyError::WrongLength {
            found_chars: text.chars().count(),
        };
        if text.len() > MAX_TEXT_BYTES {
            return Err(wrong_length);
        }
        let Some(multibase) = text.strip_prefix(DID_KEY) else {
            return Err(PublicKeyError::NotADidKey { text: text.to_owned() });
        };
        let Some(base58) = multibase.strip_prefix('z') else {
            return Err(PublicKeyError::NotBase58 {
                found: multibase.chars().next(),
            });
        };
        let bytes = bs58::decode(base58)
            .into_vec()
            .map_err(|error| bad_character(base58, &error))?;
        match bytes.strip_prefix(&ED25519_PUB) {
            Some(key) => key.try_into().map(Self).map_err(|_| wrong_length),
            // A missing or added character changes the whole number, the codec with it.
            None if base58.starts_with("6Mk") => Err(wrong_length),
            None => Err(PublicKeyError::NotEd25519 {
                found: name_of_codec(&bytes),
            }),
        }
    }

    /// The key as SubjectPublicKeyInfo in PEM form, `-----BEGIN PUBLIC KEY-----`, as openssl reads it.
    pub fn to_pem(self) -> String {
        let der = [SPKI_PREFIX.as_slice(), &self.0].concat();
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der)
        )
    }

    /// The base58 part of the text form, `z6Mk…`: letters and digits only, so it can be a file name.
    pub(crate) fn to_multibase(self) -> String {
        let mut bytes = Vec::with_capacity(ED25519_PUB.len() + self.0.len());
        bytes.extend_from_slice(&ED25519_PUB);
        bytes.extend_from_slice(&self.0);
        format!("z{}", bs58::encode(bytes).into_string())
    }
}

/// What every text form begins with.
const DID_KEY: &str = "did:key:";

/// `SEQUENCE { SEQUENCE { id-Ed25519 }, BIT STRING … 32 bytes }` (RFC 8410).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The multicodec number of an Ed25519 public key, 0xed, as the varint that stands before the key.
const ED25519_PUB: [u8; 2] = [0xed, 0x01];

/// The text form has 56 characters; anything much longer is not worth decoding.
const MAX_TEXT_BYTES: usize = 256;

/// The kinds of key that people mistake for ours, by their multicodec varint.
fn name_of_codec(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xec, 0x01, ..] => Some("X25519 (for key agreement, not for signatures)"),
        [0xe7, 0x01, ..] => Some("secp256k1"),
        [0x80, 0x24, ..] => Some("P-256"),
        [0x81, 0x24, ..] => Some("P-384"),
        [0x85, 0x24, ..] => Some("RSA"),
        [0x83, 0x24, ..] => Some("Ed448"),
        _ => None,
    }
}

fn bad_character(base58: &str, error: &bs58::decode::Error) -> PublicKeyError {
    let index = match *error {
        bs58::decode::Error::InvalidCharacter { index, .. } | bs58::decode::Error::NonAsciiCharacter { index } => index,
        _ => 0,
    };
    let found = base58.get(index..).and_then(|rest| rest.chars().next());
    PublicKeyError::BadCharacter {
        found,
        index: DID_KEY.len() + 1 + index,
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{DID_KEY}{}", self.to_multibase())
    }
}

/// Short enough for a log line: the first and the last characters of the text form.
impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_multibase();
        let (head, tail) = (
            text.get(..8).unwrap_or(&text),
            text.get(text.len().saturating_sub(4)..).unwrap_or(""),
        );
        write!(f, "PublicKey({head}…{tail})")
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        Self::parse(text)
    }
}

/// Why a text is not a public key.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PublicKeyError {
    /// The text does not begin with `did:key:`.
    NotADidKey {
        /// The whole text.
        text: String,
    },
    /// What follows `did:key:` is not base58btc, which begins with `z`.
    NotBase58 {
        /// The character in place of `z`, if there is one.
        found: Option<char>,
    },
    /// A character outside the base58 alphabet.
    BadCharacter {
        /// The character.
        found: Option<char>,
        /// Where it stands in the text, in bytes from its beginning.
        index: usize,
    },
    /// A key of another kind.
    NotEd25519 {
        /// The kind, where it is a known one.
        found: Option<&'static str>,
    },
    /// The text was cut off or has something added.
    WrongLength {
        /// The number of characters of the text.
        found_chars: usize,
    },
}

impl fmt::Display for PublicKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotADidKey { text } => write!(f, "a public key is written `did:key:z6Mk…`, found {text:?}"),
            Self::NotBase58 { found: Some(found) } => {
                write!(
                    f,
                    "a public key is written `did:key:z6Mk…`, found {found:?} where base58 has `z`"
                )
            }
            Self::NotBase58 { found: None } => {
                f.write_str("a public key is written `did:key:z6Mk…`, found nothing after `did:key:`")
            }
            Self::BadCharacter {
                found: Some(found),
                index,
            } => write!(
                f,
                "base58 has no character {found:?} (at byte {index}; it leaves out 0, O, I and l); copy the key again"
            ),
            Self::BadCharacter { found: None, index } => {
                write!(f, "the text is not base58 (at byte {index}); copy the key again")
            }
            Self::NotEd25519 { found } => write!(
                f,
                "the key must be Ed25519 (`did:key:z6Mk…`), found {}",
                found.unwrap_or("a key of an unknown kind")
            ),
            Self::WrongLength { found_chars } => write!(
                f,
                "an Ed25519 key is written in 56 characters, found {found_chars}; copy the whole key again"
            ),
        }
    }
}

impl std::error::Error for PublicKeyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_damage_has_its_own_reason() {
        let reason = |text: &str| PublicKey::parse(text).unwrap_err().to_string();

        assert_eq!(
            reason("z6Mk\u{1b}"),
            r#"a public key is written `did:key:z6Mk…`, found "z6Mk\u{1b}""#
        );
        assert_eq!(
            reason("did:key:"),
            "a public key is written `did:key:z6Mk…`, found nothing after `did:key:`"
        );
        assert_eq!(
            reason("did:key:mabc"),
            "a public key is written `did:key:z6Mk…`, found 'm' where base58 has `z`"
        );
        assert_eq!(
            reason("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2dol"),
            "base58 has no character 'l' (at byte 55; it leaves out 0, O, I and l); copy the key again"
        );
        assert_eq!(
            reason("did:key:z6é"),
            "base58 has no character 'é' (at byte 10; it leaves out 0, O, I and l); copy the key again"
        );
        assert_eq!(
            reason("did:key:z6LSeoSo7cnMZoT2JxZ8xk8qUPNkjmHgB3G51ZbXtTa5pnnh"),
            "the key must be Ed25519 (`did:key:z6Mk…`), found X25519 (for key agreement, not for signatures)"
        );
        assert_eq!(
            reason("did:key:zQebt6zPwbE4Vw5GFAjjARHrNXFALofERVv4q6Z4db8cnDRQT"),
            "an Ed25519 key is written in 56 characters, found 57; copy the whole key again"
        );
        assert_eq!(
            reason("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2do"),
            "an Ed25519 key is written in 56 characters, found 55; copy the whole key again"
        );
        assert_eq!(
            reason(&format!("did:key:z{}", "1".repeat(1 << 20))),
            "an Ed25519 key is written in 56 characters, found 1048585; copy the whole key again"
        );
    }

    #[test]
    fn no_other_spelling_of_a_key_is_accepted() {
        let good = PublicKey::from_bytes([0x5a; 32]).to_string();
        assert_eq!(PublicKey::parse(&good), Ok(PublicKey::from_bytes([0x5a; 32])));
        for other in [
            format!(" {good}"),
            format!("{good} "),
            format!("{good}\n"),
            good.to_uppercase(),
            good.replace(":z", ":z1"),
            format!("{good}#{}", good.trim_start_matches("did:key:")),
        ] {
            assert!(PublicKey::parse(&other).is_err(), "{other}");
        }
    }

    #[test]
    fn debug_is_short_and_still_tells_keys_apart() {
        let key = PublicKey::parse("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK").unwrap();
        assert_eq!(format!("{key:?}"), "PublicKey(z6MkhaXg…2doK)");
    }
}
