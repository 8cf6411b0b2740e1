//! A verified frame on its way into a bag, and who has signed it.

use std::sync::Arc;

use nuncio::msgs::nuncio_msgs::msg::CardPublisher;
use nuncio::{NodeName, PublicKey, TopicName, TypeHash};

use super::metadata::{TopicFacts, qos_text};

/// A frame to record. Whoever makes one has seen that it was verified.
#[derive(Clone, Debug)]
pub struct RecordedFrame {
    /// The topic.
    pub topic: TopicName,
    /// The type's full name.
    pub type_name: Arc<str>,
    /// The type's hash.
    pub type_hash: TypeHash,
    /// When it was received, ns since 1970.
    pub received_ns: i64,
    /// Who has signed it.
    pub signer: Arc<Signer>,
    /// Its bytes as they were signed.
    pub bytes: Vec<u8>,
}

/// A publisher, as its node's card shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signer {
    /// The node.
    pub node: NodeName,
    /// Its key.
    pub key: PublicKey,
    /// The certificates that it shows, from the anchor's to its own.
    pub certificates: String,
    /// The successions that have led to its key.
    pub successions: String,
    /// What the publisher offers: YAML, as rosbag2 has it; empty when that is not known.
    pub qos: String,
}

impl Signer {
    /// As YAML, as rosbag2 has it.
    pub fn qos_of(offer: &CardPublisher) -> String {
        qos_text(offer)
    }
}

impl RecordedFrame {
    /// How much memory it takes, about.
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + size_of::<Self>()
    }

    pub(crate) fn topic_facts(&self) -> TopicFacts {
        TopicFacts {
            type_name: self.type_name.to_string(),
            type_hash: self.type_hash.to_string(),
            messages: 0,
            qos: self.signer.qos.clone(),
        }
    }
}
