//! The proving ground: the verifier of a live subscription, with one known publisher before it and no network between.
//!
//! Benchmarks and attacks on this very build use it. It goes through the same code as every subscription; what it gives
//! back is what became of a frame, never a message.

use std::sync::Arc;

use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::{CardPublisher, NodeCard};

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
use super::verifier::{ExpectedType, FRAME_LEN_MAX_DEFAULT, Opened, Verifier, VerifierSetup};
use crate::link::Bytes;
use crate::name::{Domain, NodeName, TopicName};

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
        match self.verifier.open(&Bytes::from(frame), now_ns) {
            Opened::Verified(verified) => Outcome::Delivered(verified.count()),
            Opened::Duplicate => Outcome::Duplicate,
            Opened::Stranger(_) => Outcome::Stranger,
            Opened::Refused(refusal) => Outcome::Refused(refusal),
        }
    }
}
