//! State documents: what a node says of itself, of which only the newest version matters.
//!
//! A document is a signed topic of its node, `/<node>/state/<name>`, reliable and transient local with a depth of one: late
//! subscribers get the publisher's own signed frame, and nothing else is on the wire. Its version is what the signature covers
//! anyway, the start of the node and the message's number, so nobody can pass an old version off as a new one.
//!
//! Who watches the documents of others is [`StateWatch`](crate::StateWatch).

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nuncio_msgs::Message;
use nuncio_msgs::nuncio_msgs::msg::CardPublisher;

use crate::generic_publisher::{PublishError, Published, PublisherError};
use crate::name::{NameError, NodeName, TopicName};
use crate::publisher::Publisher;
use crate::qos::compatibility::Offer;
use crate::qos::{Durability, QosProfile};
use crate::security::verifier::VerifiedMessage;

/// What stands between a node's name and that of a document.
const STATE: &str = "/state/";

/// The name of a document within its node, such as `battery`.
///
/// Invariant: it is one segment of a topic name.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StateName(String);

impl StateName {
    /// Parses a name: letters, digits and underscores, no digit first.
    ///
    /// # Errors
    ///
    /// [`StateNameError`] when it is none.
    pub fn parse(text: &str) -> Result<Self, StateNameError> {
        let wrong = |problem: String| {
            let text = text.to_owned();
            Err(StateNameError { text, problem })
        };
        if text.contains('/') {
            return wrong("it has a slash; give the name alone, without its node".to_owned());
        }
        match TopicName::parse(&format!("/{text}")) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => wrong(error.to_string()),
        }
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The topic of the document of this name that a node publishes.
    ///
    /// # Errors
    ///
    /// [`NameError`] when both together are too long.
    pub fn topic_of(&self, node: &NodeName) -> Result<TopicName, NameError> {
        TopicName::parse(&format!("{node}{STATE}{self}"))
    }

    /// The document that a node publishes on a topic, if it is one of that very node.
    pub fn of_topic(topic: &TopicName, node: &NodeName) -> Option<Self> {
        let below = topic.as_str().strip_prefix(node.as_str())?;
        Self::parse(below.strip_prefix(STATE)?).ok()
    }
}

impl StateName {
    /// The document that a publisher of a node is, if it is one. One that late subscribers would not get is none.
    pub(crate) fn of_publisher(card: &CardPublisher, node: &NodeName) -> Option<(TopicName, Self)> {
        let topic = TopicName::parse(&card.topic).ok()?;
        let name = Self::of_topic(&topic, node)?;
        (Offer::in_card(card).durability == Durability::TransientLocal).then_some((topic, name))
    }
}

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for StateName {
    type Err = StateNameError;

    fn from_str(text: &str) -> Result<Self, StateNameError> {
        Self::parse(text)
    }
}

/// A text that is not the name of a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StateNameError {
    /// The text, as given.
    pub text: String,
    problem: String,
}

impl fmt::Display for StateNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, problem } = self;
        write!(
            f,
            "a state document has a name such as `battery`, found {text:?}: {problem}"
        )
    }
}

impl std::error::Error for StateNameError {}

/// Which version of a document: of two of one publisher the greater one is newer.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StateVersion {
    /// The start of the node, in ms since 1970.
    pub epoch: u64,
    /// The number of the version since then: 1, 2 and so on.
    pub number: u64,
}

impl StateVersion {
    /// That of the document in a message.
    pub(crate) fn of(message: &VerifiedMessage) -> Self {
        let epoch = message.frame().header().epoch;
        let number = message.number();
        Self { epoch, number }
    }
}

impl fmt::Display for StateVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.number)
    }
}

/// A state document of this node, which others see as it was last set. Dropping it withdraws the document.
///
/// ```no_run
/// # async fn run(node: nuncio::Node) -> Result<(), Box<dyn std::error::Error>> {
/// use nuncio::msgs::sensor_msgs::msg::BatteryState;
///
/// let battery = node.state_document("battery", &BatteryState { percentage: 0.8, ..Default::default() })?;
/// battery.update(|state| state.percentage = 0.7)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the document is there only while this is kept"]
pub struct StateDocument<M> {
    name: StateName,
    publisher: Publisher<M>,
    epoch: u64,
    /// Held while a version is published, so that what is here is what others see.
    newest: Mutex<Newest<M>>,
}

#[derive(Debug)]
struct Newest<M> {
    document: M,
    number: u64,
}

impl<M: Message> StateDocument<M> {
    /// Publishes the first version.
    pub(crate) fn begin(
        name: StateName,
        publisher: Publisher<M>,
        epoch: u64,
        initial: &M,
    ) -> Result<Self, PublishError> {
        let Published { number, .. } = publisher.publish(initial)?;
        let document = initial.clone();
        Ok(Self {
            name,
            publisher,
            epoch,
            newest: Mutex::new(Newest { document, number }),
        })
    }

    /// What documents are published with.
    pub(crate) fn qos() -> QosProfile {
        QosProfile::keep_last(1).transient_local()
    }

    /// Replaces the document.
    ///
    /// # Errors
    ///
    /// As [`Publisher::publish`]; the document is as it was then.
    pub fn set(&self, document: &M) -> Result<StateVersion, PublishError> {
        self.replace(self.lock(), document.clone())
    }

    /// Changes the document: `change` is given the newest version. Nobody else sets it meanwhile.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    pub fn update(&self, change: impl FnOnce(&mut M)) -> Result<StateVersion, PublishError> {
        let newest = self.lock();
        let mut document = newest.document.clone();
        change(&mut document);
        self.replace(newest, document)
    }

    /// The document as it was last set.
    pub fn get(&self) -> M {
        self.lock().document.clone()
    }

    /// The newest version.
    pub fn version(&self) -> StateVersion {
        self.version_of(self.lock().number)
    }

    /// The document's name.
    pub fn name(&self) -> &StateName {
        &self.name
    }

    /// The topic that it is published on.
    pub fn topic(&self) -> &TopicName {
        self.publisher.topic()
    }

    fn replace(&self, mut newest: MutexGuard<'_, Newest<M>>, document: M) -> Result<StateVersion, PublishError> {
        let Published { number, .. } = self.publisher.publish(&document)?;
        *newest = Newest { document, number };
        Ok(self.version_of(number))
    }

    fn version_of(&self, number: u64) -> StateVersion {
        let epoch = self.epoch;
        StateVersion { epoch, number }
    }

    fn lock(&self) -> MutexGuard<'_, Newest<M>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<NameError> for StateError {
    fn from(error: NameError) -> Self {
        Self::Publisher(PublisherError::Name(error))
    }
}

/// Why a node has no such document.
#[derive(Debug)]
#[non_exhaustive]
pub enum StateError {
    /// It is not a document's name.
    Name(StateNameError),
    /// The node has this document already.
    Exists(StateName),
    /// It cannot be published on its topic.
    Publisher(PublisherError),
    /// Its first version cannot be published.
    Publish(PublishError),
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => fmt::Display::fmt(error, f),
            Self::Exists(name) => write!(
                f,
                "this node publishes a state document {name} already; keep one handle and set that"
            ),
            Self::Publisher(error) => fmt::Display::fmt(error, f),
            Self::Publish(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for StateError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_topic_below_the_very_node_is_its_document() {
        let node = |text| NodeName::parse(text).expect("a name");
        let topic = |text| TopicName::parse(text).expect("a name");
        let battery = StateName::parse("battery").expect("a name");
        assert_eq!(
            battery.topic_of(&node("/a/b")).expect("it fits").as_str(),
            "/a/b/state/battery"
        );
        assert_eq!(
            StateName::of_topic(&topic("/a/b/state/battery"), &node("/a/b")),
            Some(battery)
        );
        for (other, of) in [
            ("/a/b/state/battery", "/a"),
            ("/a/bb/state/battery", "/a/b"),
            ("/a/b/state/battery/x", "/a/b"),
            ("/a/b/state", "/a/b"),
            ("/a/b/battery", "/a/b"),
        ] {
            assert_eq!(StateName::of_topic(&topic(other), &node(of)), None, "{other} of {of}");
        }
    }

    #[test]
    fn a_name_with_its_node_is_no_name_and_the_error_says_so() {
        let error = StateName::parse("/robot/state/battery").expect_err("it has slashes");
        assert!(error.to_string().contains("without its node"), "{error}");
        for wrong in ["", "1st", "a b", "a-b"] {
            assert!(StateName::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_later_start_is_newer_whatever_its_number() {
        let version = |epoch, number| StateVersion { epoch, number };
        assert!(version(2, 1) > version(1, 900));
        assert!(version(2, 2) > version(2, 1));
    }
}
