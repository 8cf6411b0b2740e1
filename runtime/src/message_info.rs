//! What is known of a message that was received.

use nuncio_msgs::TypeHash;

use crate::approval::ApprovalState;
use crate::name::{NodeName, TopicName};
use crate::security::believer::Verdict;
use crate::security::frame::{MessageId, Writer};
use crate::security::key::PublicKey;
use crate::security::verifier::{Provenance, VerifiedMessage};

/// Who sent a message, when, and what is known of it. All of it was signed, except for the time of receipt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MessageInfo {
    /// The topic.
    pub topic: TopicName,
    /// The key that signed it.
    pub signer: PublicKey,
    /// The node that published it, by the card of that key.
    pub node: NodeName,
    /// Which of the node's publishers.
    pub writer: Writer,
    /// The start of the node's instance, in ms since 1970.
    pub epoch: u64,
    /// Its number: the first message of a publisher is 1.
    pub number: u64,
    /// How many messages of the publisher directly before it had not arrived when it did.
    pub missing_before: u64,
    /// When it was published, ns since 1970 by the publisher's clock.
    pub source_time_ns: i64,
    /// When it was received, ns since 1970 by this machine's clock.
    pub received_time_ns: i64,
    /// Whether it happens now.
    pub provenance: Provenance,
    /// What the trust policy says of the signer.
    pub verdict: Verdict,
    /// The message that led to it.
    pub cause: Option<MessageId>,
    /// On whose behalf it was published, by the publisher's word.
    pub origin: Option<String>,
    /// The hash of the version that was published, when the message was translated from it.
    pub translated_from: Option<TypeHash>,
    /// Whether a second signer has approved it, where the trust policy demands one.
    pub approval: ApprovalState,
}

impl MessageInfo {
    pub(crate) fn new(topic: TopicName, message: &VerifiedMessage, translated: bool, approval: ApprovalState) -> Self {
        let frame = message.frame();
        Self {
            topic,
            signer: frame.signer(),
            node: frame.node().clone(),
            writer: frame.header().writer,
            epoch: frame.header().epoch,
            number: message.number(),
            missing_before: message.missing_before(),
            source_time_ns: message.source_time_ns(),
            received_time_ns: frame.received_time_ns(),
            provenance: frame.provenance(),
            verdict: frame.verdict(),
            cause: message.cause(),
            origin: message.origin().map(ToOwned::to_owned),
            translated_from: translated.then(|| frame.type_hash()),
            approval,
        }
    }

    /// The message's id, by which another message can name it as its cause. It is computed here.
    pub fn id(&self) -> MessageId {
        MessageId::of(&self.signer, self.writer, self.epoch, self.number)
    }
}
