//! The believer: what the trust policy and the pins say of a signer whose signature held.
//!
//! Trust on first use: the first key that is accepted under a node's name is pinned to the name, and the first one
//! that is accepted on a topic of an `@exclusive` type is pinned to the topic. A pin is written before the message that
//! caused it is delivered. Names of tools (hidden ones) are not pinned: they change with every run, and a name that was
//! never seen is accepted all the same.

use std::sync::{Mutex, PoisonError};

use super::key::PublicKey;
use super::keystore::{PinError, Pins};
use super::peers::{WriterFacts, is_set, set};
use super::refusal::{Reason, Refusal};
use super::trust_policy::TrustMode;
use crate::name::{Domain, TopicName};

/// What the trust policy says of the signer of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// The key is the one pinned to the node's name, and to the topic where that matters.
    Pinned,
    /// Nothing is pinned to the name, and nothing will be: it is a tool's, or the mode is `observe`.
    Unpinned,
    /// Another key is pinned. Delivered in mode `observe` only.
    PinMismatch,
}

impl Verdict {
    /// The word for it in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::Unpinned => "unpinned",
            Self::PinMismatch => "pin_mismatch",
        }
    }
}

/// Asks and sets the pins of one node's keystore.
#[derive(Debug)]
pub(crate) struct Believer {
    domain: Domain,
    pins: Mutex<Pins>,
    /// Why the last pin that could not be stored could not.
    problem: Mutex<Option<String>>,
}

impl Believer {
    pub(crate) fn new(domain: Domain, pins: Pins) -> Self {
        Self {
            domain,
            pins: Mutex::new(pins),
            problem: Mutex::default(),
        }
    }

    /// Why pins are not stored, if they are not.
    pub(crate) fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Judges the signer of a frame whose signature held, and pins what is to be pinned.
    ///
    /// # Errors
    ///
    /// `PinMismatch` in mode `tofu`. A pin that cannot be written is an error of the disk and not of the publisher: it
    /// is reported by [`problem`](Self::problem), and the first key holds for as long as its node runs.
    pub(crate) fn judge(
        &self,
        facts: &WriterFacts,
        topic: &TopicName,
        exclusive: bool,
        mode: TrustMode,
    ) -> Result<Verdict, Refusal> {
        let hidden = facts.peer.name.is_hidden();
        if is_set(&facts.peer.name_believed) && is_set(&facts.topic_believed) {
            return Ok(if hidden || mode == TrustMode::Observe {
                Verdict::Unpinned
            } else {
                Verdict::Pinned
            });
        }
        let key = facts.peer.public_key();
        let (domain, node) = (self.domain.as_str(), facts.peer.name.as_str());
        let mut pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        let name_pin = pins.node(domain, node);
        let topic_pin = pins.topic(domain, topic.as_str());
        let mismatch = [(name_pin, "node", node), (topic_pin, "topic", topic.as_str())]
            .into_iter()
            .find_map(|(pin, what, name)| pin.filter(|pin| *pin != key).map(|pin| (pin, what, name)));
        match (mismatch, mode) {
            (Some(_), TrustMode::Observe) => return Ok(Verdict::PinMismatch),
            (None, TrustMode::Observe) => {
                return Ok(if name_pin.is_some() {
                    Verdict::Pinned
                } else {
                    Verdict::Unpinned
                });
            }
            (Some((pin, what, name)), TrustMode::Tofu) => return Err(pin_refusal(key, pin, what, name)),
            (None, TrustMode::Tofu) => {}
        }
        if name_pin.is_none() && !hidden {
            let holder = pins.pin_node(domain, node, key);
            self.settle(key, holder, "node", node)?;
        }
        if topic_pin.is_none() && exclusive {
            let holder = pins.pin_topic(domain, topic.as_str(), key);
            self.settle(key, holder, "topic", topic.as_str())?;
        }
        set(&facts.peer.name_believed);
        set(&facts.topic_believed);
        Ok(if hidden { Verdict::Unpinned } else { Verdict::Pinned })
    }

    /// Another process may have pinned another key a moment ago: the pin that is stored decides.
    fn settle(
        &self,
        key: PublicKey,
        holder: Result<PublicKey, PinError>,
        what: &str,
        name: &str,
    ) -> Result<(), Refusal> {
        match holder {
            Ok(holder) if holder != key => Err(pin_refusal(key, holder, what, name)),
            Ok(_) => Ok(()),
            Err(error) => {
                *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
                Ok(())
            }
        }
    }
}

fn pin_refusal(key: PublicKey, pinned: PublicKey, what: &str, name: &str) -> Refusal {
    let detail =
        format!("the key of {what} {name} has changed: known.toml has {pinned}, the message is signed by {key}");
    Refusal::new(Reason::PinMismatch, Some(key), detail)
}
