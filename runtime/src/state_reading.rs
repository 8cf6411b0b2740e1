//! State documents as a watch gives them: which are asked for, what is known of each, and what became of the others.

use nuncio_msgs::{Message, TypeHash};

use crate::generic_subscriber::{GenericReceived, MessageInfo};
use crate::name::NodeName;
use crate::payload::DecodeError;
use crate::security::key::PublicKey;
use crate::security::verifier::VerifiedMessage;
use crate::state_document::{StateName, StateVersion};
use crate::state_shelf::Held;
pub use crate::state_shelf::{StateLimits, StateStanding};

/// Which documents are watched. By default all.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StateFilter {
    /// Only documents of this name.
    pub name: Option<StateName>,
    /// Only those of nodes of this name.
    pub node: Option<NodeName>,
    /// Only those that this key has signed.
    pub signer: Option<PublicKey>,
    /// What is held at most.
    pub limits: StateLimits,
}

impl StateFilter {
    /// The documents of one name, of all nodes.
    pub fn named(name: StateName) -> Self {
        let name = Some(name);
        Self {
            name,
            ..Self::default()
        }
    }

    pub(crate) fn wants(&self, name: &StateName, node: &NodeName, signer: PublicKey) -> bool {
        self.name.as_ref().is_none_or(|wanted| wanted == name)
            && self.node.as_ref().is_none_or(|wanted| wanted == node)
            && self.signer.is_none_or(|wanted| wanted == signer)
    }
}

/// A document as it is held: verified, and with everything that is known of it.
#[derive(Clone, Debug)]
pub struct StateReading {
    name: StateName,
    standing: StateStanding,
    received: GenericReceived,
}

impl StateReading {
    pub(crate) fn of(held: Held<GenericReceived>) -> Self {
        Self {
            name: held.entry.name,
            standing: held.standing,
            received: held.entry.content,
        }
    }

    /// The document's name.
    pub fn name(&self) -> &StateName {
        &self.name
    }

    /// How it stands with its node.
    pub fn standing(&self) -> StateStanding {
        self.standing
    }

    /// Its version.
    pub fn version(&self) -> StateVersion {
        StateVersion::of(self.message())
    }

    /// Who signed it, and when.
    pub fn info(&self) -> MessageInfo {
        self.received.info()
    }

    /// Decodes it, when it is an `M`.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when it is of another type, or its values are not what the schema allows.
    pub fn decode<M: Message>(&self) -> Result<M, DecodeError> {
        self.received.decode()
    }

    /// The message that it came in, which carries the proof.
    pub fn message(&self) -> &VerifiedMessage {
        self.received.message()
    }

    /// Its bytes, for a [`RunTimeType`](crate::run_time_type::RunTimeType).
    pub fn payload(&self) -> &[u8] {
        self.received.payload()
    }

    /// Its type's full name, by the card of its node.
    pub fn type_name(&self) -> &str {
        self.received.type_name()
    }

    /// Its type's hash.
    pub fn type_hash(&self) -> TypeHash {
        self.received.type_hash()
    }
}

/// A document that a node's card names, and that is not here.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct StateSource {
    /// The document's name.
    pub name: StateName,
    /// The node.
    pub node: NodeName,
    /// The node's key.
    pub key: PublicKey,
}

/// What became of what a watch has received.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct StateWatchStats {
    /// Documents held now.
    pub documents: usize,
    /// Bytes that they take, with the frames that they came in.
    pub bytes: usize,
    /// Versions that were not newer than what was held.
    pub stale: u64,
    /// Versions that the limits have turned away.
    pub turned_away: u64,
    /// Messages on the topic of a document that were not of the document's node.
    pub foreign: u64,
    /// Documents that cards name now and that are not subscribed to: there are more than the limits allow.
    pub unwatched: usize,
    /// Changes that another one has overtaken before they were told.
    pub skipped: u64,
}
