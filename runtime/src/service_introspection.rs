//! Service introspection, as ROS 2 has it: what the two ends of a service see of each call, published for those who look on.
//!
//! Either end publishes on `<service>/_service_event`, in its own name: what a server says it was asked, the server has signed,
//! and nobody else. Where a trust policy is enforced, a role must permit to publish there.
//!
//! | event | who tells | contents |
//! |---|---|---|
//! | request sent | client | the request |
//! | request received | server, when it takes the request | the request |
//! | response sent | server | the response; none for a fault |
//! | response received | client | the response; none for a fault |
//!
//! The client is named by [`client_gid`], its calls by their numbers. A call never waits for its events: those that find no
//! room are not told.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use nuncio_msgs::Message;
use nuncio_msgs::message::Definition;
use nuncio_msgs::service_msgs::msg::ServiceEventInfo;

use crate::card::time_from_ns;
use crate::clock;
use crate::generic_publisher::GenericPublisher;
use crate::node::NodeCore;
use crate::outbox::NoRoom;
use crate::payload::{self, EncodeError};
use crate::qos::QosProfile;
use crate::security::frame::{Accompaniment, Header, MessageId, Writer};
use crate::security::key::PublicKey;
use crate::service_error::ServiceError;
use crate::service_facts::ServiceFacts;
use crate::type_support::{TypeSupport, sources_of};

/// How many events wait to leave.
const EVENTS_KEPT: usize = 100;

/// What the end of a service tells of its calls.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(u8)]
pub enum ServiceIntrospection {
    /// Nothing.
    #[default]
    Off,
    /// That there was a call, when, and of whom.
    Metadata,
    /// Requests and responses, too. Whoever can reach the network can read them.
    Contents,
}

impl ServiceIntrospection {
    const ALL: [Self; 3] = [Self::Off, Self::Metadata, Self::Contents];

    /// The word for it, as ROS 2 has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Metadata => "metadata",
            Self::Contents => "contents",
        }
    }
}

impl fmt::Display for ServiceIntrospection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ServiceIntrospection {
    type Err = UnknownIntrospection;

    fn from_str(word: &str) -> Result<Self, UnknownIntrospection> {
        let found = Self::ALL.into_iter().find(|level| level.as_str() == word);
        found.ok_or_else(|| UnknownIntrospection { found: word.to_owned() })
    }
}

/// A word that says nothing about introspection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnknownIntrospection {
    found: String,
}

impl fmt::Display for UnknownIntrospection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected off, metadata or contents, found {:?}", self.found)
    }
}

impl std::error::Error for UnknownIntrospection {}

/// What the events of a service call a client: the id of a message with number 0 of the writer that numbers its requests. No
/// message has that number.
pub fn client_gid(key: &PublicKey, writer: Writer, epoch: u64) -> [u8; 16] {
    MessageId::of(key, writer, epoch, 0).0
}

/// Whose call an event is about, and which one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IntrospectedCall {
    pub(crate) client_gid: [u8; 16],
    pub(crate) number: u64,
}

impl IntrospectedCall {
    /// The call that a request makes.
    pub(crate) fn of(header: &Header, number: u64) -> Self {
        Self {
            client_gid: client_gid(&header.key, header.writer, header.epoch),
            number,
        }
    }
}

/// One step of a call, and what was sent or received with it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CallStep<'a> {
    RequestSent(&'a [u8]),
    RequestReceived(&'a [u8]),
    /// `None`: a fault.
    ResponseSent(Option<&'a [u8]>),
    /// `None`: a fault.
    ResponseReceived(Option<&'a [u8]>),
}

/// What one end of a service tells, and where.
#[derive(Debug, Default)]
pub(crate) struct Introspection {
    level: AtomicU8,
    events: Mutex<Option<Arc<GenericPublisher>>>,
}

impl Introspection {
    /// Begins to tell, tells more or less, or ends.
    pub(crate) fn configure(
        &self,
        node: &Arc<NodeCore>,
        service: &ServiceFacts,
        level: ServiceIntrospection,
    ) -> Result<(), ServiceError> {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = match level {
            ServiceIntrospection::Off => events.take(),
            _ if events.is_none() => {
                *events = Some(Arc::new(publisher(node, service)?));
                None
            }
            _ => None,
        };
        self.level.store(level as u8, Ordering::Release);
        drop(events);
        // What was told has left when this returns.
        drop(ended);
        Ok(())
    }

    fn shows_contents(&self) -> bool {
        self.level.load(Ordering::Acquire) == ServiceIntrospection::Contents as u8
    }

    /// As `encode`, and keeps in `shown` what it has appended, if contents are told.
    pub(crate) fn showing(
        &self,
        shown: &mut Vec<u8>,
        encode: impl FnOnce(i64, &mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> impl FnOnce(i64, &mut Vec<u8>) -> Result<(), EncodeError> {
        let shows = self.shows_contents();
        move |now_ns, bytes| {
            let start = bytes.len();
            encode(now_ns, bytes)?;
            shown.extend_from_slice(bytes.get(start..).filter(|_| shows).unwrap_or_default());
            Ok(())
        }
    }

    /// Tells of a step, if anything is told.
    pub(crate) fn tell(&self, call: impl FnOnce() -> IntrospectedCall, step: CallStep<'_>) {
        if self.level.load(Ordering::Acquire) == ServiceIntrospection::Off as u8 {
            return;
        }
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(events) = events else { return };
        let (event_type, request, response) = match step {
            CallStep::RequestSent(request) => (ServiceEventInfo::REQUEST_SENT, Some(request), None),
            CallStep::RequestReceived(request) => (ServiceEventInfo::REQUEST_RECEIVED, Some(request), None),
            CallStep::ResponseSent(response) => (ServiceEventInfo::RESPONSE_SENT, None, response),
            CallStep::ResponseReceived(response) => (ServiceEventInfo::RESPONSE_RECEIVED, None, response),
        };
        let contents = [request, response].map(|part| part.filter(|_| self.shows_contents()));
        let IntrospectedCall { client_gid, number } = call();
        let info = ServiceEventInfo {
            event_type,
            stamp: time_from_ns(clock::now_ns()),
            client_gid,
            sequence_number: i64::try_from(number).unwrap_or(i64::MAX),
        };
        let encode = |now_ns, bytes: &mut Vec<u8>| {
            payload::encode(&info, now_ns, bytes)?;
            contents.iter().for_each(|part| payload::push_at_most_one(*part, bytes));
            Ok(())
        };
        // The call goes on, whether this is told or not.
        let _ = events.publish_encoded(Accompaniment::default(), NoRoom::GiveBack, encode);
    }
}

/// Where the events of a service are published.
fn publisher(node: &Arc<NodeCore>, service: &ServiceFacts) -> Result<GenericPublisher, ServiceError> {
    let topic = service.name.service_events().map_err(ServiceError::Name)?;
    let of_type = &service.types.service;
    let definition = node.endpoints.definition(of_type.hash.as_bytes());
    let definition = definition.unwrap_or_default();
    let mut sources = sources_of(&definition);
    for Definition { type_name, text } in ServiceEventInfo::DEFINITIONS {
        if sources.iter().all(|(known, _)| known != type_name) {
            sources.push((type_name, text));
        }
    }
    let event = TypeSupport::compile(&format!("{}_Event", of_type.name), &sources).map_err(ServiceError::EventType)?;
    let qos = QosProfile::keep_last(EVENTS_KEPT);
    GenericPublisher::declare(Arc::clone(node), topic, event.definition().clone(), qos).map_err(ServiceError::Events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_read_by_its_word_and_nothing_else_is() {
        for level in ServiceIntrospection::ALL {
            assert_eq!(level.to_string().parse(), Ok(level));
        }
        let error = "Contents".parse::<ServiceIntrospection>().unwrap_err().to_string();
        assert_eq!(error, "expected off, metadata or contents, found \"Contents\"");
    }

    #[test]
    fn clients_have_other_names_than_their_requests() {
        let (key, writer) = (PublicKey::from_bytes([1; 32]), Writer(7));
        assert_ne!(client_gid(&key, writer, 1), MessageId::of(&key, writer, 1, 1).0);
        assert_ne!(client_gid(&key, writer, 1), client_gid(&key, writer, 2));
    }
}
