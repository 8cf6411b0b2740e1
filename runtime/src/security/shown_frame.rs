//! Shown frames: frames that were kept, such as those of a recording, checked long after and without a node.
//!
//! What is checked is what nobody can forge: the bytes are a frame, and its signature holds for the place where it is said to
//! have been published. Who is behind the key, and whether the key may do that, is open: ask a
//! [`TrustPolicy`](super::trust_policy::TrustPolicy). Nothing here makes a [`Verified`](super::verified::Verified): what is
//! shown later was never received.
//!
//! No I/O, no clock. An [`Examiner`] may be used by several threads at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::context::Context;
use super::frame::{Kind, Layout};
use super::key::PublicKey;
use super::peer_key::PeerKey;
use super::refusal::{Reason, Refusal};
use super::signature_check::{check_signature, layout_refusal};

/// How many keys are remembered. Beyond that all are forgotten and enrolled again, which costs time only.
const KEYS_MAX: usize = 4096;
/// After so many frames of a key further ones are expected, and made cheaper.
const MANY: u64 = 64;
/// For how many keys, because it costs memory.
const TABLES_MAX: usize = 32;

/// Examines frames that are shown. It remembers keys, and the tree roots lately verified, so that further frames of a tree cost
/// hashes only.
#[derive(Debug, Default)]
pub struct Examiner {
    keys: Mutex<HashMap<PublicKey, Known>>,
}

/// A key, and how many frames it has signed.
#[derive(Debug)]
struct Known {
    key: Arc<PeerKey>,
    frames: u64,
}

impl Examiner {
    /// Checks that the bytes are a frame of this kind and that its signature holds in this context. Gives where its parts are.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when the layout, the kind, the key or the signature is not right.
    pub fn examine(&self, bytes: &[u8], kind: Kind, context: &Context) -> Result<Layout, Refusal> {
        let layout = Layout::parse(bytes).map_err(layout_refusal)?;
        if layout.header.kind != kind {
            let detail = format!("a frame of kind {:?} where a {kind:?} is due", layout.header.kind);
            return Err(Refusal::new(Reason::Malformed, Some(layout.header.key), detail));
        }
        let key = self.key(layout.header.key)?;
        check_signature(&layout, bytes, &layout.digest(bytes), context, &key)?;
        Ok(layout)
    }

    fn key(&self, key: PublicKey) -> Result<Arc<PeerKey>, Refusal> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = keys.get_mut(&key) {
            known.frames += 1;
            let (key, is_time) = (Arc::clone(&known.key), known.frames == MANY);
            if is_time && keys.values().filter(|known| known.frames >= MANY).count() <= TABLES_MAX {
                key.expect_many();
            }
            return Ok(key);
        }
        let enrolled = Arc::new(PeerKey::enrol(key)?);
        if keys.len() >= KEYS_MAX {
            keys.clear();
        }
        let known = Known {
            key: Arc::clone(&enrolled),
            frames: 1,
        };
        keys.insert(key, known);
        Ok(enrolled)
    }
}

#[cfg(test)]
mod tests {
    use nuncio_msgs::TypeHash;

    use super::*;
    use crate::name::Domain;
    use crate::security::frame::{Accompaniment, FrameWriter, Header, PushError, Writer};
    use crate::security::key::Identity;
    use crate::security::signer;

    fn context(topic: &str, kind: Kind) -> Context {
        let hash = TypeHash::from_bytes([7; 32]);
        Context::new(&Domain::default(), topic, "std_msgs/msg/String", &hash, kind, &[])
    }

    fn frame(identity: &Identity, topic: &str) -> Vec<u8> {
        let header = Header {
            kind: Kind::Message,
            replay: false,
            key: identity.public_key(),
            writer: Writer::derive("/talker", topic, 0),
            epoch: 5,
            first_number: 1,
            first_time_ns: 9,
            type_hash_prefix: [7; 8],
        };
        let mut writer = FrameWriter::new(Vec::new(), &header, Accompaniment::default());
        let pushed: Result<_, PushError<()>> = writer.push(9, Accompaniment::default(), |bytes| {
            bytes.extend_from_slice(b"hello");
            Ok(())
        });
        assert!(pushed.is_ok());
        signer::seal(identity, writer.finish(), &context(topic, Kind::Message))
    }

    #[test]
    fn a_frame_holds_in_its_own_place_only() {
        let (identity, examiner) = (Identity::from_seed(&[1; 32]), Examiner::default());
        let bytes = frame(&identity, "/chatter");
        let layout = examiner
            .examine(&bytes, Kind::Message, &context("/chatter", Kind::Message))
            .unwrap();
        assert_eq!((layout.header.key, layout.count), (identity.public_key(), 1));
        let moved = examiner.examine(&bytes, Kind::Message, &context("/other", Kind::Message));
        assert_eq!(moved.unwrap_err().reason, Reason::BadSignature);
        let other_kind = examiner.examine(&bytes, Kind::Card, &context("/chatter", Kind::Card));
        assert_eq!(other_kind.unwrap_err().reason, Reason::Malformed);
    }

    #[test]
    fn the_many_frames_of_one_key_are_judged_as_the_first_is() {
        let (identity, examiner) = (Identity::from_seed(&[1; 32]), Examiner::default());
        let bytes = frame(&identity, "/chatter");
        let mut altered = bytes.clone();
        altered[84] ^= 1;
        let place = context("/chatter", Kind::Message);
        for at in 0..3 * MANY {
            assert!(examiner.examine(&bytes, Kind::Message, &place).is_ok(), "frame {at}");
            let refused = examiner.examine(&altered, Kind::Message, &place).unwrap_err();
            assert_eq!(refused.reason, Reason::BadSignature, "frame {at}");
        }
    }

    #[test]
    fn no_byte_of_a_shown_frame_can_be_changed() {
        let (identity, examiner) = (Identity::from_seed(&[1; 32]), Examiner::default());
        let bytes = frame(&identity, "/chatter");
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            let shown = examiner.examine(&altered, Kind::Message, &context("/chatter", Kind::Message));
            assert!(shown.is_err(), "byte {at}");
        }
    }
}
