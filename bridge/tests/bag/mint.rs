//! Signed frames without a network, and bags made of them.

use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;

use nuncio::msgs::nuncio_msgs::msg::CardPublisher;
use nuncio::security::context::Context;
use nuncio::security::frame::{Accompaniment, FrameWriter, Header, Kind, PushError, Writer};
use nuncio::security::signer;
use nuncio::{Domain, Identity, NodeName, TopicName};
use nuncio_bridge::bag::{BagSettings, BagWriter, RecordedFrame, SealSigner, Signer};
use nuncio_bridge::{Body, BridgeType, TypeLibrary};
use serde_json::{Value, json};

/// When everything begins.
pub(crate) const START_NS: i64 = 1_700_000_000_000_000_000;
pub(crate) const SECOND_NS: i64 = 1_000_000_000;

/// A publisher of texts, or of what it is told.
pub(crate) struct Robot {
    identity: Identity,
    node: NodeName,
    topic: TopicName,
    pub(crate) ty: Arc<BridgeType>,
    pub(crate) epoch: u64,
    pub(crate) number: u64,
}

impl Robot {
    pub(crate) fn new(seed: u8, topic: &str, type_name: &str) -> Self {
        Self {
            identity: Identity::from_seed(&[seed; 32]),
            node: NodeName::parse(&format!("/robot_{seed}")).unwrap(),
            topic: TopicName::parse(topic).unwrap(),
            ty: TypeLibrary::open(&[]).unwrap().message(type_name).unwrap(),
            epoch: 7,
            number: 1,
        }
    }

    pub(crate) fn talker(seed: u8) -> Self {
        Self::new(seed, "/chatter", "std_msgs/msg/String")
    }

    pub(crate) fn key(&self) -> nuncio::PublicKey {
        self.identity.public_key()
    }

    /// A frame of texts.
    pub(crate) fn say(&mut self, texts: &[&str], at_ns: i64) -> RecordedFrame {
        let values: Vec<Value> = texts.iter().map(|text| json!({"data": text})).collect();
        self.frame(&values, at_ns)
    }

    pub(crate) fn frame(&mut self, values: &[Value], at_ns: i64) -> RecordedFrame {
        let payloads = values
            .iter()
            .map(|value| self.ty.payload_of(Body::Json(value)).unwrap());
        let payloads: Vec<Vec<u8>> = payloads.collect();
        self.sign(&payloads, at_ns)
    }

    pub(crate) fn sign(&mut self, payloads: &[Vec<u8>], at_ns: i64) -> RecordedFrame {
        let hash = self.ty.hash();
        let writer = Writer::derive(self.node.as_str(), self.topic.as_str(), 0);
        let header = Header {
            kind: Kind::Message,
            replay: false,
            key: self.key(),
            writer,
            epoch: self.epoch,
            first_number: self.number,
            first_time_ns: at_ns,
            type_hash_prefix: hash.prefix(),
        };
        let mut frame = FrameWriter::new(Vec::new(), &header, Accompaniment::default());
        for (payload, at) in payloads.iter().zip(at_ns..) {
            let pushed: Result<(), PushError<()>> = frame.push(at, Accompaniment::default(), |bytes| {
                bytes.extend_from_slice(payload);
                Ok(())
            });
            assert!(pushed.is_ok());
        }
        self.number += payloads.len() as u64;
        let (domain, topic) = (Domain::default(), self.topic.as_str());
        let context = Context::new(&domain, topic, self.ty.name(), &hash, Kind::Message, &[]);
        RecordedFrame {
            topic: self.topic.clone(),
            type_name: self.ty.name().into(),
            type_hash: hash,
            received_ns: at_ns + 1000,
            signer: Arc::new(Signer {
                node: self.node.clone(),
                key: self.key(),
                certificates: String::new(),
                successions: String::new(),
                qos: Signer::qos_of(&CardPublisher {
                    depth: 10,
                    ..CardPublisher::default()
                }),
            }),
            bytes: signer::seal(&self.identity, frame.finish(), &context),
        }
    }
}

pub(crate) fn recorder() -> SealSigner {
    SealSigner {
        identity: Identity::from_seed(&[99; 32]),
        domain: Domain::default(),
        node: NodeName::parse("/recorder").unwrap(),
        epoch: 3,
    }
}

pub(crate) fn settings(dir: &Path) -> BagSettings {
    BagSettings::new(dir.join("bag"), recorder())
}

pub(crate) fn bag(settings: BagSettings) -> BagWriter {
    BagWriter::create(settings, [5; 16], START_NS).unwrap()
}

pub(crate) fn files(count: u64) -> Option<NonZeroU64> {
    NonZeroU64::new(count)
}
