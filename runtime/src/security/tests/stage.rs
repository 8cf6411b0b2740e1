//! A verifier with one known publisher before it, without any network.

use std::sync::Arc;

use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::{CardPublisher, NodeCard};

use crate::link::{Bytes, FRAME_LEN_MAX_DEFAULT};
use crate::name::{Domain, NodeName, TopicName};
use crate::security::believer::Believer;
use crate::security::context::Context;
use crate::security::frame::{Accompaniment, FrameWriter, Header, Kind, UnsignedFrame, Writer};
use crate::security::key::Identity;
use crate::security::keystore::Pins;
use crate::security::peers::{AuthenticCard, CardRoad, Peer, Peers};
use crate::security::refusal::{Reason, Refusal};
use crate::security::signer;
use crate::security::trust_policy::TrustPolicy;
use crate::security::trust_store::TrustStore;
use crate::security::verifier::{ExpectedType, Opened, Verified, Verifier, VerifierSetup};

pub(crate) const TYPE_NAME: &str = "test_msgs/msg/Thing";
pub(crate) const TYPE_HASH: TypeHash = TypeHash::from_bytes([0xab; 32]);
pub(crate) const TOPIC: &str = "/things";
pub(crate) const NODE: &str = "/talker";
pub(crate) const EPOCH: u64 = 1000;
/// Now, on every clock of these tests.
pub(crate) const NOW_NS: i64 = 1_700_000_000_000_000_000;

/// What a verifier knows and what it is asked.
pub(crate) struct Stage {
    pub(crate) identity: Identity,
    pub(crate) peers: Arc<Peers>,
    pub(crate) verifier: Verifier,
}

impl Stage {
    /// The publisher is known, and so is its next number, 1.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut VerifierSetup)) -> Self {
        let identity = Identity::from_seed(&[7; 32]);
        let peers = Arc::new(Peers::default());
        let believer = Arc::new(Believer::new(Domain::default(), Pins::default()));
        let mut setup = setup();
        change(&mut setup);
        let verifier = Verifier::new(setup, Arc::clone(&peers), believer);
        let stage = Self {
            identity,
            peers,
            verifier,
        };
        stage.admit(&stage.identity, NODE, EPOCH, 1);
        stage
    }

    /// A later subscription of the same node.
    pub(crate) fn another_subscription(&self) -> Self {
        let (setup, believer) = (setup(), Believer::new(Domain::default(), Pins::default()));
        Self {
            identity: self.identity.clone(),
            verifier: Verifier::new(setup, Arc::clone(&self.peers), Arc::new(believer)),
            peers: Arc::clone(&self.peers),
        }
    }

    /// Enters a card that names one publisher on the topic.
    pub(crate) fn admit(&self, identity: &Identity, node: &str, epoch: u64, next_number: u64) {
        self.admit_with(identity, node, epoch, (Some(next_number), 1), "");
    }

    /// Enters a later card of the known publisher, with certificates.
    pub(super) fn show(&self, certificates: &str) {
        let peer = self
            .peers
            .node(self.identity.public_key(), &NodeName::parse(NODE).unwrap());
        let number = 2 + peer.unwrap().credentials_generation();
        self.admit_with(&self.identity, NODE, EPOCH, (Some(1), number), certificates);
    }

    /// As [`admit`](Self::admit), with the number of the card.
    pub(crate) fn admit_card(&self, identity: &Identity, node: &str, epoch: u64, next_number: u64, number: u64) {
        self.admit_with(identity, node, epoch, (Some(next_number), number), "");
    }

    /// The known publisher's node answers, and has no publisher any more.
    pub(crate) fn retire_publisher(&self, number: u64) {
        self.admit_with(&self.identity, NODE, EPOCH, (None, number), "");
    }

    /// The known publisher's node.
    pub(crate) fn peer(&self, node: &str) -> Arc<Peer> {
        let name = NodeName::parse(node).unwrap();
        self.peers.node(self.identity.public_key(), &name).unwrap()
    }

    fn admit_with(
        &self,
        identity: &Identity,
        node: &str,
        epoch: u64,
        (next_number, number): (Option<u64>, u64),
        certificates: &str,
    ) {
        let publisher = next_number.map(|next_number| CardPublisher {
            topic: TOPIC.to_owned(),
            type_name: TYPE_NAME.to_owned(),
            type_hash: *TYPE_HASH.as_bytes(),
            writer: Writer::derive(node, TOPIC, 0).0,
            next_number,
            reliability: CardPublisher::RELIABILITY_RELIABLE,
            durability: CardPublisher::DURABILITY_TRANSIENT_LOCAL,
            depth: 10,
            ..CardPublisher::default()
        });
        let card = NodeCard {
            node: node.to_owned(),
            publishers: publisher.into_iter().collect(),
            epoch,
            certificates: certificates.to_owned(),
            ..NodeCard::default()
        };
        let name = NodeName::parse(node).unwrap();
        let authentic = AuthenticCard {
            card,
            name,
            key: identity.public_key(),
            epoch,
            number,
            time_ns: NOW_NS,
        };
        self.peers.admit(authentic, CardRoad::Answered).unwrap();
    }

    pub(crate) fn open(&self, frame: &[u8]) -> Opened {
        self.verifier.open(&Bytes::from(frame.to_vec()), NOW_NS)
    }

    /// Opens a frame that must hold.
    pub(crate) fn accept(&self, frame: &[u8]) -> Arc<Verified> {
        match self.open(frame) {
            Opened::Verified(verified) => Arc::new(verified),
            other => panic!("not accepted: {other:?}"),
        }
    }

    /// Opens a frame that must be refused.
    pub(crate) fn refuse(&self, frame: &[u8]) -> Refusal {
        match self.open(frame) {
            Opened::Refused(refusal) => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }

    pub(crate) fn reason(&self, frame: &[u8]) -> Reason {
        self.refuse(frame).reason
    }

    /// A genuine frame of the known publisher.
    pub(crate) fn frame(&self, number: u64, payloads: &[&[u8]]) -> Vec<u8> {
        signer::seal(
            &self.identity,
            unsigned(&header(&self.identity, number), payloads),
            &context(),
        )
    }
}

fn setup() -> VerifierSetup {
    VerifierSetup {
        domain: Domain::default(),
        kind: Kind::Message,
        request_id: Vec::new(),
        topic: topic(TOPIC),
        expected: ExpectedType::Exactly {
            name: TYPE_NAME.to_owned(),
            hash: TYPE_HASH,
            exclusive: false,
        },
        trust: store(TrustPolicy::default()),
        frame_len_max: FRAME_LEN_MAX_DEFAULT,
        accept_replay: false,
        keeps_cursor: false,
    }
}

pub(crate) fn store(policy: TrustPolicy) -> Arc<TrustStore> {
    Arc::new(TrustStore::new(Domain::default(), policy))
}

pub(crate) fn topic(text: &str) -> TopicName {
    TopicName::parse(text).unwrap()
}

pub(crate) fn context() -> Context {
    Context::new(&Domain::default(), TOPIC, TYPE_NAME, &TYPE_HASH, Kind::Message, &[])
}

pub(crate) fn header(identity: &Identity, number: u64) -> Header {
    Header {
        kind: Kind::Message,
        replay: false,
        key: identity.public_key(),
        writer: Writer::derive(NODE, TOPIC, 0),
        epoch: EPOCH,
        first_number: number,
        first_time_ns: NOW_NS,
        type_hash_prefix: TYPE_HASH.prefix(),
    }
}

/// A frame with one message per payload, a microsecond apart.
pub(crate) fn unsigned(header: &Header, payloads: &[&[u8]]) -> UnsignedFrame {
    let mut writer = FrameWriter::new(Vec::new(), header, Accompaniment::default());
    for (index, payload) in payloads.iter().enumerate() {
        let time_ns = header.first_time_ns + 1000 * index as i64;
        let push = writer.push(time_ns, Accompaniment::default(), |bytes| {
            bytes.extend_from_slice(payload);
            Ok::<(), ()>(())
        });
        push.unwrap();
    }
    writer.finish()
}
