//! Receipts: what the node of a subscriber has signed about messages that it has accepted.
//!
//! A receipt is a frame of kind response around a `nuncio_msgs/msg/Receipt`. Its context holds the topic and the digest of the
//! request that it answers, so a receipt for another question, topic or domain has a signature that does not hold. Whoever
//! keeps a receipt as text can show it later to anybody: nothing else is needed to check it.
//!
//! No I/O here, no clock.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nuncio_msgs::Message;
use nuncio_msgs::nuncio_msgs::msg::{self, ReceiptRequest};
use serde::{Deserialize, Serialize};

use crate::generic_publisher::Published;
use crate::link::Bytes;
use crate::name::{Domain, NodeName, TopicName};
use crate::security::context::Context;
use crate::security::document;
use crate::security::frame::{Kind, Layout, Writer};
use crate::security::key::PublicKey;
use crate::security::missing::{Missing, StreamId};
use crate::security::peer_key::PeerKey;
use crate::security::refusal::{Reason, Refusal};
use crate::security::signature_check::layout_refusal;

/// The place of a request: the topic, and the one node that is asked, in one start of it.
pub(crate) fn request_context(domain: &Domain, topic: &TopicName, asked: (&PublicKey, u64, &NodeName)) -> Context {
    let (key, epoch, node) = asked;
    let mut id = key.as_bytes().to_vec();
    id.extend_from_slice(&epoch.to_le_bytes());
    id.extend_from_slice(node.as_str().as_bytes());
    let (name, hash) = (ReceiptRequest::TYPE_NAME, &ReceiptRequest::TYPE_HASH);
    Context::new(domain, topic.as_str(), name, hash, Kind::Request, &id)
}

/// The place of a receipt: the topic, and the request that it answers.
pub(crate) fn receipt_context(domain: &Domain, topic: &TopicName, request: &[u8; 32]) -> Context {
    let (name, hash) = (msg::Receipt::TYPE_NAME, &msg::Receipt::TYPE_HASH);
    Context::new(domain, topic.as_str(), name, hash, Kind::Response, request)
}

/// What the node of a subscriber has signed about the messages of one publisher that it was asked about. The signature has
/// been checked: there is no other way to get one.
///
/// Which content a number stands for is what the publisher has signed for it. A key that has signed two contents for one
/// number is proved to be copied ([`Reason::Equivocation`]), and nothing that it has signed proves anything.
#[derive(Clone)]
pub struct Receipt {
    domain: Domain,
    topic: TopicName,
    request: [u8; 32],
    key: PublicKey,
    node: NodeName,
    node_epoch: u64,
    time_ns: i64,
    frame: Bytes,
    said: msg::Receipt,
}

impl Receipt {
    /// Opens what answers a request.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when it is no receipt that the holder of this key has signed for this request.
    pub(crate) fn open(
        frame: Bytes,
        (domain, topic): (&Domain, &TopicName),
        request: &[u8; 32],
        key: &PeerKey,
    ) -> Result<Self, Refusal> {
        let context = receipt_context(domain, topic, request);
        let (said, header): (msg::Receipt, _) = document::open_with(frame.as_slice(), Kind::Response, &context, key)?;
        let malformed = |detail: String| Refusal::new(Reason::Malformed, Some(header.key), detail);
        Ok(Self {
            domain: domain.clone(),
            topic: topic.clone(),
            request: *request,
            key: header.key,
            node: NodeName::parse(&said.node).map_err(|error| malformed(error.to_string()))?,
            node_epoch: header.epoch,
            time_ns: header.first_time_ns,
            frame,
            said,
        })
    }

    /// Who signed it: the key of the subscriber's node.
    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// The name of the subscriber's node, by its own word.
    pub fn node(&self) -> &NodeName {
        &self.node
    }

    /// The start of the subscriber's node in which it was signed, in ms since 1970.
    pub fn node_epoch(&self) -> u64 {
        self.node_epoch
    }

    /// When it was signed, ns since 1970 by the clock of the subscriber's node.
    pub fn time_ns(&self) -> i64 {
        self.time_ns
    }

    /// The topic.
    pub fn topic(&self) -> &TopicName {
        &self.topic
    }

    /// Whose messages it is about.
    pub fn publisher(&self) -> PublicKey {
        PublicKey::from_bytes(self.said.publisher)
    }

    /// Which of the publisher's writers.
    pub fn writer(&self) -> Writer {
        Writer(self.said.writer)
    }

    /// The start of the publisher's node in which the messages were signed.
    pub fn epoch(&self) -> u64 {
        self.said.epoch
    }

    /// The numbers that were asked about.
    pub fn asked(&self) -> (u64, u64) {
        (self.said.first, self.said.last)
    }

    /// The numbers among them that were accepted, as ranges with both ends included.
    pub fn accepted(&self) -> impl Iterator<Item = (u64, u64)> {
        let ranges = self.said.accepted.iter();
        let asked = ranges.map(|range| (range.first.max(self.said.first), range.last.min(self.said.last)));
        asked.filter(|(first, last)| first <= last)
    }

    /// Whether the message was accepted.
    pub fn accepts(&self, published: &Published) -> bool {
        self.stream() == published.stream() && self.accepts_number(published.number)
    }

    pub(crate) fn accepts_number(&self, number: u64) -> bool {
        self.accepted().any(|(first, last)| (first..=last).contains(&number))
    }

    /// Whether the node has a subscriber that takes the publisher's messages.
    pub fn is_subscribed(&self) -> bool {
        self.said.state != msg::Receipt::STATE_NOT_SUBSCRIBED
    }

    /// Why something that was asked about was refused, if it was: the reason, and what was found.
    pub fn refused(&self) -> Option<(Reason, &str)> {
        let reason = Reason::ALL
            .into_iter()
            .find(|reason| reason.number() == self.said.reason)?;
        Some((reason, &self.said.detail))
    }

    /// Whether the publisher as such is refused by the trust policy of the node.
    pub fn refuses_publisher(&self) -> bool {
        self.said.state == msg::Receipt::STATE_REFUSED
    }

    /// Whether it answers what was asked.
    pub(crate) fn answers(&self, asked: &Missing) -> bool {
        self.stream() == asked.stream && self.asked() == (asked.first, asked.last)
    }

    fn stream(&self) -> StreamId {
        StreamId {
            key: self.publisher(),
            writer: self.writer(),
            epoch: self.epoch(),
        }
    }

    /// The receipt as a text that anybody can check, now or a year later, with [`from_json`](Self::from_json).
    pub fn to_json(&self) -> String {
        let text = ReceiptText {
            domain: self.domain.as_str().to_owned(),
            topic: self.topic.as_str().to_owned(),
            request: crate::key_expr::hex(&self.request),
            frame: STANDARD.encode(self.frame.as_slice()),
        };
        // A struct of texts can always be written.
        serde_json::to_string(&text).unwrap_or_default()
    }

    /// Reads a receipt and checks its signature. Whether its key may be believed is for the caller to say.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when it is no such text, or the signature does not hold for what it says.
    pub fn from_json(text: &str) -> Result<Self, Refusal> {
        let malformed = |what: &str| Refusal::new(Reason::Malformed, None, format!("a receipt with {what}"));
        let text: ReceiptText = serde_json::from_str(text).map_err(|error| malformed(&error.to_string()))?;
        let domain = Domain::parse(&text.domain).map_err(|error| malformed(&error.to_string()))?;
        let topic = TopicName::parse(&text.topic).map_err(|error| malformed(&error.to_string()))?;
        let request = crate::key_expr::unhex(&text.request).ok_or_else(|| malformed("no digest of its request"))?;
        let frame = STANDARD
            .decode(&text.frame)
            .map_err(|_| malformed("a frame that is not base64"))?;
        let layout = Layout::parse(&frame).map_err(layout_refusal)?;
        let key = PeerKey::enrol(layout.header.key)?;
        Self::open(frame.into(), (&domain, &topic), &request, &key)
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt")
            .field("node", &self.node)
            .field("key", &self.key)
            .field("topic", &self.topic)
            .field("said", &self.said)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize, Serialize)]
struct ReceiptText {
    domain: String,
    topic: String,
    /// The digest of the request, in hexadecimal.
    request: String,
    /// The signed frame, in base64.
    frame: String,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use nuncio_msgs::nuncio_msgs::msg::NumberRange;

    use super::*;
    use crate::security::document::DocumentPlace;
    use crate::security::key::Identity;

    const REQUEST: [u8; 32] = [5; 32];

    fn asked() -> Missing {
        Missing {
            stream: StreamId {
                key: PublicKey::from_bytes([7; 32]),
                writer: Writer(8),
                epoch: 9,
            },
            first: 10,
            last: 20,
        }
    }

    /// What an honest node says of it.
    fn honest() -> msg::Receipt {
        msg::Receipt {
            node: "/listener".to_owned(),
            publisher: [7; 32],
            writer: 8,
            epoch: 9,
            first: 10,
            last: 20,
            accepted: vec![NumberRange { first: 10, last: 12 }, NumberRange { first: 15, last: 15 }],
            ..msg::Receipt::default()
        }
    }

    fn sealed(said: &msg::Receipt, context: Context) -> Vec<u8> {
        let place = DocumentPlace {
            kind: Kind::Response,
            context,
            writer: Writer(1),
            epoch: 3,
            number: 4,
            time_ns: 5,
        };
        document::seal(&Identity::from_seed(&[1; 32]), said, &place).unwrap()
    }

    fn place() -> (Domain, TopicName) {
        (Domain::default(), TopicName::parse("/count").unwrap())
    }

    fn open(frame: Vec<u8>) -> Result<Receipt, Refusal> {
        let (domain, topic) = place();
        let key = PeerKey::enrol(Identity::from_seed(&[1; 32]).public_key()).unwrap();
        Receipt::open(frame.into(), (&domain, &topic), &REQUEST, &key)
    }

    fn context() -> Context {
        let (domain, topic) = place();
        receipt_context(&domain, &topic, &REQUEST)
    }

    #[test]
    fn a_receipt_says_which_numbers_were_accepted_and_no_others() {
        let receipt = open(sealed(&honest(), context())).unwrap();
        assert!(receipt.answers(&asked()));
        let accepted: Vec<_> = (1..40).filter(|number| receipt.accepts_number(*number)).collect();
        assert_eq!(accepted, [10, 11, 12, 15]);
        let later = Receipt::from_json(&receipt.to_json()).unwrap();
        assert_eq!((later.said, later.key, later.time_ns), (receipt.said, receipt.key, 5));
    }

    #[test]
    fn a_node_that_says_accepted_of_what_was_not_asked_is_not_heard() {
        let lies: [fn(&mut msg::Receipt); 6] = [
            |said| said.publisher = [6; 32],
            |said| said.writer = 1,
            |said| said.epoch = 8,
            |said| said.first = 1,
            |said| said.last = 30,
            |said| (said.first, said.last) = (20, 10),
        ];
        for (index, lie) in lies.into_iter().enumerate() {
            let mut said = honest();
            lie(&mut said);
            let receipt = open(sealed(&said, context())).unwrap();
            assert!(!receipt.answers(&asked()), "lie {index}");
        }
        let mut said = honest();
        said.accepted = vec![NumberRange {
            first: 1,
            last: u64::MAX,
        }];
        let receipt = open(sealed(&said, context())).unwrap();
        assert_eq!(
            receipt.accepted().collect::<Vec<_>>(),
            [(10, 20)],
            "no more than was asked"
        );
        assert!(!receipt.accepts_number(21));
    }

    #[test]
    fn a_receipt_for_another_request_topic_or_domain_is_none() {
        let (domain, topic) = place();
        let (other, elsewhere) = (TopicName::parse("/counts").unwrap(), Domain::parse("1").unwrap());
        for context in [
            receipt_context(&domain, &topic, &[6; 32]),
            receipt_context(&domain, &other, &REQUEST),
            receipt_context(&elsewhere, &topic, &REQUEST),
            request_context(
                &domain,
                &topic,
                (&PublicKey::from_bytes([1; 32]), 3, &NodeName::parse("/n").unwrap()),
            ),
        ] {
            assert_eq!(
                open(sealed(&honest(), context)).unwrap_err().reason,
                Reason::BadSignature
            );
        }
    }

    #[test]
    fn any_damage_to_a_receipt_is_refused() {
        let good = sealed(&honest(), context());
        assert!(open(good.clone()).is_ok());
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(open(bad).is_err(), "bit {bit}");
        }
        for len in 0..good.len() {
            assert!(open(good[..len].to_vec()).is_err(), "{len} bytes");
        }
        let text = open(good).unwrap().to_json();
        for at in 0..text.len() {
            assert!(Receipt::from_json(&text[..at]).is_err());
        }
    }
}
