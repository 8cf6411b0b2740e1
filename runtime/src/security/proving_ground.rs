//! The proving ground: the verifier of a live subscription, with one known publisher before it and no network between.
//!
//! Benchmarks and attacks on this very build use it. It goes through the same code as every publisher and subscription;
//! what it gives back is what became of a frame, or the messages in it, never a [`Verified`](crate::Verified): a key
//! that somebody made for a proving ground proves nothing elsewhere.

use std::sync::Arc;

use nuncio_msgs::nuncio_msgs::msg::{CardPublisher, NodeCard};
use nuncio_msgs::{Message, TypeHash};

use super::believer::Believer;
use super::context::Context;
use super::frame::{Accompaniment, FrameWriter, Header, Kind, Writer};
use super::key::Identity;
use super::keystore::Pins;
use super::peers::{AuthenticCard, CardRoad, Peers};
use super::refusal::Refusal;
use super::signer;
use super::trust_policy::TrustPolicy;
use super::trust_store::TrustStore;
use super::verifier::{ExpectedType, FRAME_LEN_MAX_DEFAULT, Opened, VerifiedMessage, Verifier, VerifierSetup};
use crate::link::Bytes;
use crate::name::{Domain, NodeName, TopicName};
use crate::payload::{self, DecodeError, EncodeError};

const NODE: &str = "/proving_ground/publisher";
const TOPIC: &str = "/proving_ground";
const TYPE_NAME: &str = "nuncio_msgs/msg/ProvingGround";
const TYPE_HASH: TypeHash = TypeHash::from_bytes([0x4e; 32]);
const EPOCH: u64 = 1;

/// What became of a frame.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// All checks held: a subscriber would have received this many messages.
    Delivered(u16),
    /// It was delivered before.
    Duplicate,
    /// A subscriber would have asked for a card first.
    Stranger,
    /// It was refused.
    Refused(Refusal),
}

impl From<Opened> for Outcome {
    fn from(opened: Opened) -> Self {
        match opened {
            Opened::Verified(verified) => Self::Delivered(verified.count()),
            Opened::Duplicate => Self::Duplicate,
            Opened::Stranger(_) => Self::Stranger,
            Opened::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

/// A message that went through the proving ground.
#[derive(Clone, Debug)]
pub struct Proven(VerifiedMessage);

impl Proven {
    /// Decodes it as a subscriber does, limits and all.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the payload is not of type `M` or violates its schema.
    pub fn decode<M: Message>(&self) -> Result<M, DecodeError> {
        payload::decode(&self.0)
    }
}

/// Appends a message to `bytes` as a publisher does, limits and all. `now_ns` is what stamps are held against.
///
/// # Errors
///
/// [`EncodeError`] names the field that violates the schema.
pub fn encode<M: Message>(message: &M, now_ns: i64, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
    payload::encode(message, now_ns, bytes)
}

/// A publisher and the verifier of a subscription to it.
#[derive(Debug)]
pub struct ProvingGround {
    identity: Identity,
    context: Context,
    verifier: Verifier,
}

impl ProvingGround {
    /// A subscriber that has met the publisher with this key.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when the key is weak.
    pub fn new(identity: Identity, policy: TrustPolicy) -> Result<Self, Refusal> {
        let refuse =
            |error: crate::name::NameError| Refusal::new(super::refusal::Reason::Malformed, None, error.to_string());
        let (topic, name) = (
            TopicName::parse(TOPIC).map_err(refuse)?,
            NodeName::parse(NODE).map_err(refuse)?,
        );
        let domain = Domain::default();
        let peers = Arc::new(Peers::default());
        let publisher = CardPublisher {
            topic: TOPIC.to_owned(),
            type_name: TYPE_NAME.to_owned(),
            type_hash: *TYPE_HASH.as_bytes(),
            writer: Writer::derive(NODE, TOPIC, 0).0,
            next_number: 1,
            ..CardPublisher::default()
        };
        let card = NodeCard {
            node: NODE.to_owned(),
            epoch: EPOCH,
            publishers: vec![publisher],
            ..NodeCard::default()
        };
        let key = identity.public_key();
        peers.admit(
            AuthenticCard {
                card,
                name,
                key,
                epoch: EPOCH,
                number: 1,
                time_ns: 0,
            },
            CardRoad::Answered,
        )?;
        let context = Context::new(&domain, TOPIC, TYPE_NAME, &TYPE_HASH, Kind::Message, &[]);
        let believer = Arc::new(Believer::new(domain.clone(), Pins::default()));
        let expected = ExpectedType::Exactly {
            name: TYPE_NAME.to_owned(),
            hash: TYPE_HASH,
            exclusive: false,
        };
        let setup = VerifierSetup {
            trust: Arc::new(TrustStore::new(domain.clone(), policy)),
            domain,
            topic,
            expected,
            frame_len_max: FRAME_LEN_MAX_DEFAULT,
            accept_replay: false,
        };
        Ok(Self {
            identity,
            context,
            verifier: Verifier::new(setup, peers, believer),
        })
    }

    /// A genuine frame of one message.
    pub fn seal(&self, number: u64, time_ns: i64, payload: &[u8]) -> Vec<u8> {
        let header = Header {
            kind: Kind::Message,
            replay: false,
            key: self.identity.public_key(),
            writer: Writer::derive(NODE, TOPIC, 0),
            epoch: EPOCH,
            first_number: number,
            first_time_ns: time_ns,
            type_hash_prefix: TYPE_HASH.prefix(),
        };
        let mut frame = FrameWriter::new(
            Vec::with_capacity(256 + payload.len()),
            &header,
            Accompaniment::default(),
        );
        let pushed = frame.push(time_ns, Accompaniment::default(), |bytes| {
            bytes.extend_from_slice(payload);
            Ok::<(), ()>(())
        });
        debug_assert!(pushed.is_ok(), "a message without accompaniment fits a frame without");
        signer::seal(&self.identity, frame.finish(), &self.context)
    }

    /// Opens a frame as the subscription would.
    pub fn open(&self, frame: Vec<u8>, now_ns: i64) -> Outcome {
        self.verifier.open(&Bytes::from(frame), now_ns).into()
    }

    /// Seals a payload and opens the frame: its message, or what became of it.
    ///
    /// # Errors
    ///
    /// The [`Outcome`] when it is anything but delivered.
    pub fn prove(&self, number: u64, time_ns: i64, payload: &[u8]) -> Result<Proven, Outcome> {
        let frame = self.seal(number, time_ns, payload);
        match self.verifier.open(&Bytes::from(frame), time_ns) {
            Opened::Verified(verified) => {
                let message = Arc::new(verified).messages().next();
                message.map(Proven).ok_or(Outcome::Delivered(0))
            }
            opened => Err(Outcome::from(opened)),
        }
    }
}
