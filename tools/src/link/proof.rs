//! What each side proves: that it knows the secret, and that it has the key that it names. Functions of their arguments.
//!
//! Both proofs are of one text, in which every part has its length before it, so that no part can pass for another.
//! It begins with the side that speaks: what one has said is nothing that the other could say.

use nuncio::security::key::EnrolledKey;
use nuncio::{Identity, PublicKey};

use super::code::Secret;
use super::message::Proofs;

/// What keeps these hashes and signatures apart from all others that are made of the same secrets and keys.
const CONTEXT: &str = "nuncio link 1";

/// Who speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Side {
    Accepter,
    Inviter,
}

/// The hash of what one side says, and of where it says it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Transcript([u8; 32]);

impl Transcript {
    /// `channel` is what the two ends of the connection know and nobody else; `said` are name, key and whatever else.
    pub(super) fn new(side: Side, channel: &[u8; 32], said: &[&[u8]]) -> Self {
        let side: &[u8] = match side {
            Side::Accepter => b"accepter",
            Side::Inviter => b"inviter",
        };
        let mut hasher = blake3::Hasher::new_derive_key("nuncio link 1 transcript");
        for part in [side, channel].iter().chain(said) {
            hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(part);
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// The bytes, to be part of what the other side says.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Both proofs.
    pub(super) fn prove(&self, secret: &Secret, identity: &Identity) -> Proofs {
        Proofs {
            secret: bs58::encode(self.tag(secret).as_bytes()).into_string(),
            signature: bs58::encode(identity.sign(&self.signed())).into_string(),
        }
    }

    /// Whether both proofs hold.
    pub(super) fn is_proven(&self, secret: &Secret, key: PublicKey, proofs: &Proofs) -> bool {
        let mut tag = [0; 32];
        let mut signature = [0; 64];
        let tag_len = bs58::decode(&proofs.secret).onto(&mut tag);
        let signature_len = bs58::decode(&proofs.signature).onto(&mut signature);
        // A `blake3::Hash` is compared in constant time.
        tag_len == Ok(tag.len())
            && signature_len == Ok(signature.len())
            && self.tag(secret) == blake3::Hash::from_bytes(tag)
            && EnrolledKey::enrol(key).is_ok_and(|key| key.verify(&self.signed(), &signature))
    }

    fn tag(&self, secret: &Secret) -> blake3::Hash {
        let key = blake3::derive_key("nuncio link 1 secret", secret.as_bytes());
        blake3::keyed_hash(&key, &self.0)
    }

    fn signed(&self) -> Vec<u8> {
        [CONTEXT.as_bytes(), b"\0", &self.0].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_hold_for_one_secret_key_side_channel_and_text_alone() {
        let (secret, other_secret) = (Secret::new().unwrap(), Secret::new().unwrap());
        let [one, other] = [1, 2].map(|seed| Identity::from_seed(&[seed; 32]));
        let said = Transcript::new(Side::Accepter, &[3; 32], &[b"name", b"key"]);
        let proofs = said.prove(&secret, &one);
        assert!(said.is_proven(&secret, one.public_key(), &proofs));
        assert!(!said.is_proven(&other_secret, one.public_key(), &proofs));
        assert!(!said.is_proven(&secret, other.public_key(), &proofs));
        for another in [
            Transcript::new(Side::Inviter, &[3; 32], &[b"name", b"key"]),
            Transcript::new(Side::Accepter, &[4; 32], &[b"name", b"key"]),
            Transcript::new(Side::Accepter, &[3; 32], &[b"namek", b"ey"]),
        ] {
            assert!(!another.is_proven(&secret, one.public_key(), &proofs), "{another:?}");
        }
    }

    #[test]
    fn texts_that_are_no_proofs_prove_nothing() {
        let secret = Secret::new().unwrap();
        let identity = Identity::from_seed(&[1; 32]);
        let said = Transcript::new(Side::Accepter, &[3; 32], &[]);
        for text in ["", "0", "z", &"z".repeat(1000)] {
            let proofs = |other: Proofs| {
                [
                    Proofs {
                        secret: text.to_owned(),
                        ..said.prove(&secret, &identity)
                    },
                    Proofs {
                        signature: text.to_owned(),
                        ..other
                    },
                ]
            };
            for wrong in proofs(said.prove(&secret, &identity)) {
                assert!(!said.is_proven(&secret, identity.public_key(), &wrong), "{wrong:?}");
            }
        }
    }
}
