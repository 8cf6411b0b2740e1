//! Deliveries: verified messages on their way through a subscription's queue. They are taken out of their frame by whoever
//! takes them out of the queue, so that the thread that receives only hands frames over.

use std::fmt;
use std::sync::Arc;

use crate::approval::{ApprovalState, Passing};
use crate::queue::Parcel;
use crate::reception::Reception;
use crate::run_time_type::Translation;
use crate::security::frame::MessagePlace;
use crate::security::verifier::{Verified, VerifiedMessage};
use crate::shield::shielded;

/// A verified message in a subscription's queue.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) message: VerifiedMessage,
    /// How it becomes one of the type subscribed to, when it is of another version.
    pub(crate) translation: Option<Arc<Translation>>,
    /// Whether a second signer has approved it.
    pub(crate) approval: ApprovalState,
}

/// What is called with each message where it arrives.
pub(crate) struct DeliveryCallback(pub(crate) Box<dyn FnMut(Delivery) + Send>);

impl DeliveryCallback {
    /// Calls it with each message of a frame that is not too old.
    pub(crate) fn take(&mut self, mut frame: DeliveredFrame, reception: &Reception) {
        let mut expired = 0;
        while let Some(delivery) = frame.take_first() {
            match delivery.is_expired() {
                true => expired += 1,
                false => shielded(reception.topic.as_str(), || (self.0)(delivery)),
            }
        }
        if expired > 0 {
            reception.count_expired(frame.frame.facts(), expired);
        }
    }
}

impl fmt::Debug for DeliveryCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeliveryCallback")
    }
}

/// The messages of a frame, or one of them, in a subscription's queue.
#[derive(Debug)]
pub(crate) struct DeliveredFrame {
    frame: Arc<Verified>,
    next: MessagePlace,
    left: usize,
    translation: Option<Arc<Translation>>,
    approval: ApprovalState,
}

impl DeliveredFrame {
    pub(crate) fn new(passing: &Passing, translation: Option<&Arc<Translation>>) -> Self {
        let Passing { frame, only, approval } = passing;
        let mut all = Self {
            frame: Arc::clone(frame),
            next: frame.first_place(),
            left: frame.count().into(),
            translation: translation.cloned(),
            approval: approval.clone(),
        };
        if let Some(number) = only {
            let before = number.saturating_sub(frame.first_number());
            all.skip_first(usize::try_from(before).unwrap_or(usize::MAX).min(all.left));
            all.left = all.left.min(1);
        }
        all
    }
}

impl Parcel for DeliveredFrame {
    type Item = Delivery;

    fn len(&self) -> usize {
        self.left
    }

    fn take_first(&mut self) -> Option<Delivery> {
        self.left = self.left.checked_sub(1)?;
        Some(Delivery {
            message: self.frame.take_message(&mut self.next)?,
            translation: self.translation.clone(),
            approval: self.approval.clone(),
        })
    }

    fn skip_first(&mut self, count: usize) {
        self.left -= count;
        for _ in 0..count {
            self.frame.skip_message(&mut self.next);
        }
    }
}
