//! Acknowledgements: what the subscribers of a message have said of it, each with a signed receipt.

use std::fmt;

use crate::generic_publisher::Published;
use crate::name::NodeName;
use crate::receipt::Receipt;
use crate::security::key::PublicKey;
use crate::security::refusal::Refusal;

/// What became of a message at each node that subscribed to its topic when it was published.
#[derive(Clone, Debug)]
pub struct Acknowledgement {
    /// The message.
    pub published: Published,
    /// The nodes, in the order of their names. None: nobody subscribed whose node had shown its card.
    pub readers: Vec<ReaderAnswer>,
}

impl Acknowledgement {
    /// Whether there were subscribers and all of them have accepted the message.
    pub fn is_accepted_by_all(&self) -> bool {
        !self.readers.is_empty() && self.readers.iter().all(ReaderAnswer::is_accepted)
    }

    /// The receipts of those who have accepted it.
    pub fn receipts(&self) -> impl Iterator<Item = &Receipt> {
        self.readers.iter().filter_map(|reader| match &reader.outcome {
            ReaderOutcome::Accepted(receipt) => Some(receipt),
            _ => None,
        })
    }
}

impl fmt::Display for Acknowledgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.readers.is_empty() {
            return f.write_str("nobody subscribes");
        }
        let mut between = "";
        for ReaderAnswer { node, outcome, .. } in &self.readers {
            write!(f, "{between}{node} {outcome}")?;
            between = "; ";
        }
        Ok(())
    }
}

/// What became of a message at one node.
#[derive(Clone, Debug)]
pub struct ReaderAnswer {
    /// The node.
    pub node: NodeName,
    /// Its key.
    pub key: PublicKey,
    /// What it has said.
    pub outcome: ReaderOutcome,
}

impl ReaderAnswer {
    /// Whether it has accepted the message.
    pub fn is_accepted(&self) -> bool {
        matches!(self.outcome, ReaderOutcome::Accepted(_))
    }
}

/// What one node has said of a message.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ReaderOutcome {
    /// It has verified the message, permits it and has put it into the queue of every subscriber of the topic that it has. A
    /// subscriber that keeps a cursor has acknowledged it.
    Accepted(Receipt),
    /// Its trust policy refuses the publisher, or it has refused a frame that bore the number of the message, which anybody
    /// may have made. [`Receipt::refused`] says why.
    Refused(Receipt),
    /// It says that it has no subscriber any more that takes messages of this publisher.
    NotSubscribed(Receipt),
    /// It had not accepted the message when the time was nearly over, and has not refused it.
    NotYet(Receipt),
    /// What came as its answer does not hold, or it is not trusted.
    Distrusted(Refusal),
    /// No answer came.
    Silent,
}

impl fmt::Display for ReaderOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted(_) => f.write_str("has accepted it"),
            Self::Refused(receipt) => match receipt.refused() {
                Some((reason, detail)) => write!(f, "has refused it: {reason}: {detail}"),
                None => f.write_str("has refused it"),
            },
            Self::NotSubscribed(_) => f.write_str("does not subscribe any more"),
            Self::NotYet(_) => f.write_str("has not accepted it in time"),
            Self::Distrusted(refusal) => write!(f, "has given no answer that holds: {refusal}"),
            Self::Silent => f.write_str("has not answered"),
        }
    }
}
