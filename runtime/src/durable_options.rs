//! How a durable publisher keeps its messages: chosen once, when it is declared.

use std::fmt;

use crate::name::NodeName;
use crate::qos::QosProfile;
use crate::security::key::PublicKey;

/// How many bytes of messages wait for acknowledgement unless it is said otherwise.
const BYTES_MAX_DEFAULT: u64 = 64 << 20;

/// Who has to acknowledge each message of a durable publisher before it is forgotten.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reader {
    /// The node that subscribes with this key.
    Key(PublicKey),
    /// The node of this name, with the key that is pinned to it. Pins are asked in mode `tofu` only: in other modes anybody
    /// could have the name, so name the key there.
    Node(NodeName),
}

impl fmt::Display for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => fmt::Display::fmt(key, f),
            Self::Node(name) => fmt::Display::fmt(name, f),
        }
    }
}

/// When messages are synced to the disk. Either way a message is on the disk before it is sent and before its publisher is
/// told that it is published.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SyncWrites {
    /// Those that are published while the disk is busy are written and synced together.
    #[default]
    Group,
    /// Each by itself.
    EachMessage,
}

/// How a durable publisher keeps its messages.
#[derive(Clone, Debug)]
pub struct DurableOptions {
    /// Who has to acknowledge each message, at least one. A subscriber with a cursor acknowledges what its application has
    /// done with, another one what it has put into its queue.
    pub readers: Vec<Reader>,
    /// How many bytes of frames may wait for acknowledgement; publishing is an error when there are more.
    pub bytes_max: u64,
    /// When messages are synced.
    pub sync: SyncWrites,
    /// The profile. It is always reliable.
    pub qos: QosProfile,
}

impl DurableOptions {
    /// For these readers, with 64 MiB and grouped syncs.
    pub fn new(readers: impl IntoIterator<Item = Reader>) -> Self {
        Self {
            readers: readers.into_iter().collect(),
            bytes_max: BYTES_MAX_DEFAULT,
            sync: SyncWrites::Group,
            qos: QosProfile::default(),
        }
    }
}
