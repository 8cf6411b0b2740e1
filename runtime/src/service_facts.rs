//! What the two ends of a service have to agree on, and what each of them and the card of its node share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nuncio_msgs::nuncio_msgs::msg::{CardService, ServiceCancel, ServiceFault};
use nuncio_msgs::service::Service;
use nuncio_msgs::{Message, TypeHash};

use crate::name::{NodeName, TopicName};
use crate::security::frame::Writer;
use crate::security::key::PublicKey;

/// A type's full name and hash.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TypeId {
    pub(crate) name: String,
    pub(crate) hash: TypeHash,
}

impl TypeId {
    pub(crate) fn of<M: Message>() -> Self {
        Self {
            name: M::TYPE_NAME.to_owned(),
            hash: M::TYPE_HASH,
        }
    }

    /// What is answered in the place of a response.
    pub(crate) fn fault() -> Self {
        Self::of::<ServiceFault>()
    }

    /// What takes a request back.
    pub(crate) fn cancel() -> Self {
        Self::of::<ServiceCancel>()
    }
}

/// The type of a service, of what is asked and of what is answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ServiceTypes {
    pub(crate) service: TypeId,
    pub(crate) request: TypeId,
    pub(crate) response: TypeId,
}

impl ServiceTypes {
    pub(crate) fn of<S: Service>() -> Self {
        Self {
            service: TypeId {
                name: S::TYPE_NAME.to_owned(),
                hash: S::TYPE_HASH,
            },
            request: TypeId::of::<S::Request>(),
            response: TypeId::of::<S::Response>(),
        }
    }
}

/// Which end of a service.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum ServiceEnd {
    Client,
    Server,
}

impl ServiceEnd {
    /// The writer of a node's `index`th client or server of a service. It is never that of a publisher, whose topic may have
    /// the same name.
    pub(crate) fn writer(self, node: &NodeName, service: &TopicName, index: u32) -> Writer {
        let place = match self {
            Self::Client => format!("@call{service}"),
            Self::Server => format!("@serve{service}"),
        };
        Writer::derive(node.as_str(), &place, index)
    }
}

/// What a service client or server and the card of its node share.
#[derive(Debug)]
pub(crate) struct ServiceFacts {
    pub(crate) end: ServiceEnd,
    pub(crate) name: TopicName,
    pub(crate) types: ServiceTypes,
    pub(crate) writer: Writer,
    next_number: AtomicU64,
    /// Whether requests reach it: a card that named it before would have them asked of nobody.
    is_reachable: AtomicBool,
}

impl ServiceFacts {
    pub(crate) fn new(end: ServiceEnd, name: TopicName, types: ServiceTypes, writer: Writer) -> Self {
        Self {
            end,
            name,
            types,
            writer,
            next_number: AtomicU64::new(1),
            is_reachable: AtomicBool::new(end == ServiceEnd::Client),
        }
    }

    /// Whether the card may name it.
    pub(crate) fn is_reachable(&self) -> bool {
        self.is_reachable.load(Ordering::Acquire)
    }

    /// The server listens on the link.
    pub(crate) fn becomes_reachable(&self) {
        self.is_reachable.store(true, Ordering::Release);
    }

    /// The number of the next request or response, which nobody else gets.
    pub(crate) fn take_number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::AcqRel)
    }

    pub(crate) fn card_entry(&self) -> CardService {
        CardService {
            name: self.name.as_str().to_owned(),
            type_name: self.types.service.name.clone(),
            type_hash: *self.types.service.hash.as_bytes(),
            is_server: self.end == ServiceEnd::Server,
            writer: self.writer.0,
            next_number: self.next_number.load(Ordering::Acquire),
        }
    }
}

/// What the context of a request names: the one server, of one start of its node, that may carry it out.
pub(crate) fn server_id(key: &PublicKey, epoch: u64, writer: Writer) -> Vec<u8> {
    let mut id = key.as_bytes().to_vec();
    id.extend_from_slice(&epoch.to_le_bytes());
    id.extend_from_slice(&writer.0.to_le_bytes());
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_a_server_and_a_publisher_of_one_name_are_three_writers() {
        let (node, name) = (NodeName::parse("/arm").unwrap(), TopicName::parse("/add").unwrap());
        let writers = [
            ServiceEnd::Client.writer(&node, &name, 0),
            ServiceEnd::Server.writer(&node, &name, 0),
            Writer::derive("/arm", "/add", 0),
        ];
        assert!(writers[0] != writers[1] && writers[1] != writers[2] && writers[0] != writers[2]);
    }

    #[test]
    fn another_start_of_a_server_is_another_server() {
        let key = PublicKey::from_bytes([1; 32]);
        assert_eq!(server_id(&key, 2, Writer(3)).len(), 48);
        assert_ne!(server_id(&key, 2, Writer(3)), server_id(&key, 3, Writer(3)));
        assert_ne!(server_id(&key, 2, Writer(3)), server_id(&key, 2, Writer(4)));
    }
}
