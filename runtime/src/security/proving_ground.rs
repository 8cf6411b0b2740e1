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
use super::refusal::{Reason, Refusal};
use super::signer;
use super::trust_policy::TrustPolicy;
use super::trust_store::TrustStore;
use super::verifier::{ExpectedType, Opened, VerifiedMessage, Verifier, VerifierSetup};
use crate::link::{Bytes, FRAME_LEN_MAX_DEFAULT};
use crate::name::{Domain, NameError, NodeName, TopicName};
use crate::payload::{self, DecodeError, EncodeError};

const NODE: &str = "/proving_ground/publisher";
const EPOCH: u64 = 1;

/// Where a subscription stands and what it takes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// The domain.
    pub domain: Domain,
    /// The topic.
    pub topic: TopicName,
    /// The type's full name.
    pub type_name: String,
    /// The type's hash.
    pub type_hash: TypeHash,
}

impl Place {
    /// A topic of its own type in the default domain.
    ///
    /// # Errors
    ///
    /// [`NameError`] when `topic` is no topic name.
    pub fn new(topic: &str) -> Result<Self, NameError> {
        Ok(Self {
            domain: Domain::default(),
            topic: TopicName::parse(topic)?,
            type_name: "nuncio_msgs/msg/ProvingGround".to_owned(),
            type_hash: TypeHash::from_bytes([0x4e; 32]),
        })
    }

    /// What a signature in this place covers beside the frame.
    pub fn context(&self, kind: Kind) -> Context {
        Context::new(
            &self.domain,
            self.topic.as_str(),
            &self.type_name,
            &self.type_hash,
            kind,
            &[],
        )
    }
}

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
    place: Place,
    writer: Writer,
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
        Self::at(place("/proving_ground")?, identity, policy)
    }

    /// As [`new`](Self::new), in another place.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn at(place: Place, identity: Identity, policy: TrustPolicy) -> Result<Self, Refusal> {
        let writer = Writer::derive(NODE, place.topic.as_str(), 0);
        Self::with_writer(place, writer, identity, policy)
    }

    /// As [`at`](Self::at), where the card names this very writer: the publisher vouches for it here as well as in any
    /// other place where the same writer is used.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_writer(place: Place, writer: Writer, identity: Identity, policy: TrustPolicy) -> Result<Self, Refusal> {
        let name = NodeName::parse(NODE).map_err(malformed)?;
        let peers = Arc::new(Peers::default());
        let believer = Arc::new(Believer::new(place.domain.clone(), Pins::default()));
        let expected = ExpectedType::Exactly {
            name: place.type_name.clone(),
            hash: place.type_hash,
            exclusive: false,
        };
        let setup = VerifierSetup {
            domain: place.domain.clone(),
            kind: Kind::Message,
            request_id: Vec::new(),
            topic: place.topic.clone(),
            expected,
            trust: Arc::new(TrustStore::new(place.domain.clone(), policy)),
            frame_len_max: FRAME_LEN_MAX_DEFAULT,
            accept_replay: false,
            keeps_cursor: false,
        };
        let verifier = Verifier::new(setup, Arc::clone(&peers), believer);
        let publisher = CardPublisher {
            topic: place.topic.as_str().to_owned(),
            type_name: place.type_name.clone(),
            type_hash: *place.type_hash.as_bytes(),
            writer: writer.0,
            next_number: 1,
            ..CardPublisher::default()
        };
        let card = NodeCard {
            node: NODE.to_owned(),
            epoch: EPOCH,
            publishers: vec![publisher],
            ..NodeCard::default()
        };
        let authentic = AuthenticCard {
            card,
            name,
            key: identity.public_key(),
            epoch: EPOCH,
            number: 1,
            time_ns: 0,
        };
        peers.admit(authentic, CardRoad::Answered)?;
        Ok(Self {
            identity,
            context: place.context(Kind::Message),
            place,
            writer,
            verifier,
        })
    }

    /// Which of the publisher's it is.
    pub fn writer(&self) -> Writer {
        self.writer
    }

    /// The header of a genuine frame.
    pub fn header(&self, number: u64, time_ns: i64) -> Header {
        Header {
            kind: Kind::Message,
            replay: false,
            key: self.identity.public_key(),
            writer: self.writer,
            epoch: EPOCH,
            first_number: number,
            first_time_ns: time_ns,
            type_hash_prefix: self.place.type_hash.prefix(),
        }
    }

    /// A genuine frame of one message.
    pub fn seal(&self, number: u64, time_ns: i64, payload: &[u8]) -> Vec<u8> {
        let header = self.header(number, time_ns);
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

fn place(topic: &str) -> Result<Place, Refusal> {
    Place::new(topic).map_err(malformed)
}

fn malformed(error: NameError) -> Refusal {
    Refusal::new(Reason::Malformed, None, error.to_string())
}
