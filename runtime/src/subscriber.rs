//! The typed subscriber: verified messages, decoded.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nuncio_msgs::Message;

use crate::delivery::Delivery;
use crate::generic_subscriber::{GenericReceived, GenericSubscriber, MessageInfo, ReceiveError, SubscriberError};
use crate::name::TopicName;
use crate::payload;
use crate::reception::Reception;
use crate::security::key::PublicKey;
use crate::security::refusal::Refusal;
use crate::shield::shielded;
use crate::stats::SubscriptionStats;

/// A message and everything known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Received<M> {
    /// The message.
    pub message: M,
    /// Who sent it, when, and what is known of it.
    pub info: MessageInfo,
}

/// Receives messages of type `M` from one topic. What does not verify, or is not an `M`, never appears here; it is
/// counted and reported as a refusal.
///
/// Everything that does not depend on the type is on [`GenericSubscriber`], which this dereferences to.
#[derive(Debug)]
pub struct Subscriber<M> {
    generic: GenericSubscriber,
    of: PhantomData<fn() -> M>,
}

impl<M: Message> Subscriber<M> {
    pub(crate) fn new(generic: GenericSubscriber) -> Self {
        Self {
            generic,
            of: PhantomData,
        }
    }

    /// Waits for the next message.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Closed`] when the node was closed and everything received was taken.
    pub async fn recv(&self) -> Result<Received<M>, ReceiveError> {
        loop {
            if let Some(received) = self.decode(self.generic.recv().await?) {
                return Ok(received);
            }
        }
    }

    /// Takes the next message if there is one.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Empty`] when there is none now, [`ReceiveError::Closed`] when there will be none.
    pub fn try_recv(&self) -> Result<Received<M>, ReceiveError> {
        loop {
            if let Some(received) = self.decode(self.generic.try_recv()?) {
                return Ok(received);
            }
        }
    }

    /// Waits for the next message in this thread, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Empty`] when none came in time, [`ReceiveError::Closed`] when none will.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Received<M>, ReceiveError> {
        // Whoever finds something need not know what time it is.
        match self.try_recv() {
            Err(ReceiveError::Empty) => {}
            found => return found,
        }
        let start = Instant::now();
        loop {
            let left = timeout.saturating_sub(start.elapsed());
            if let Some(received) = self.decode(self.generic.recv_timeout(left)?) {
                return Ok(received);
            }
        }
    }

    /// Calls `callback` with each message, in a thread of its own: a slow callback fills its own queue and slows nobody
    /// else. One that panics loses that message, and is called with the next. The thread ends when what is returned is dropped
    /// or the node is closed.
    ///
    /// # Errors
    ///
    /// [`SubscriberError::Thread`] when no thread can be started.
    pub fn on_message(
        self,
        mut callback: impl FnMut(Received<M>) + Send + 'static,
    ) -> Result<Callback, SubscriberError> {
        let reception = Arc::clone(&self.generic.reception);
        let thread = thread::Builder::new().name(format!("nuncio{}", self.topic()));
        let run = move || {
            while let Ok(received) = self.recv_timeout(Duration::MAX) {
                shielded(self.topic().as_str(), || callback(received));
            }
        };
        thread.spawn(run).map_err(SubscriberError::Thread)?;
        Ok(Callback {
            reception,
            _subscriber: None,
        })
    }

    /// Calls `callback` with each message in the thread that received and verified it, which saves a wake-up of another one
    /// (some 30 µs on a machine that sleeps between messages). Until the callback returns this node receives nothing else, so
    /// it has to be quick and must not wait for anything. One that panics loses that message, and is called with the next. It
    /// ends when what is returned is dropped.
    pub fn on_message_in_place(self, mut callback: impl FnMut(Received<M>) + Send + 'static) -> Callback {
        let (topic, refusing) = (self.topic().clone(), Arc::downgrade(&self.generic.reception));
        let call = move |delivery| {
            let refuse = |refusal| {
                if let Some(reception) = refusing.upgrade() {
                    reception.refuse(refusal);
                }
            };
            if let Some(received) = decode(&topic, delivery, refuse) {
                callback(received);
            }
        };
        self.generic.call_in_place(call)
    }

    fn decode(&self, received: GenericReceived) -> Option<Received<M>> {
        let (topic, delivery) = received.into_delivery();
        decode(&topic, delivery, |refusal| self.generic.reception.refuse(refusal))
    }
}

/// Decodes what was verified, or refuses it with why it could not be.
fn decode<M: Message>(topic: &TopicName, delivery: Delivery, refuse: impl FnOnce(Refusal)) -> Option<Received<M>> {
    let Delivery {
        message,
        translation,
        approval,
    } = delivery;
    let decoded = match translation.as_deref() {
        None => payload::decode(&message),
        Some(translation) => payload::decode_translated(&message, translation),
    };
    let error = match decoded {
        Ok(decoded) => {
            return Some(Received {
                message: decoded,
                info: MessageInfo::new(topic.clone(), &message, translation.is_some(), approval),
            });
        }
        Err(error) => error,
    };
    refuse(error.refusal(message.frame().signer()));
    None
}

/// A subscription whose messages go to a callback. Dropping it ends the subscription.
#[derive(Debug)]
#[must_use = "the callback is called only while this is kept"]
pub struct Callback {
    reception: Arc<Reception>,
    /// Kept here where no thread keeps it.
    _subscriber: Option<GenericSubscriber>,
}

impl Callback {
    pub(crate) fn in_place(subscriber: GenericSubscriber) -> Self {
        Self {
            reception: Arc::clone(&subscriber.reception),
            _subscriber: Some(subscriber),
        }
    }

    /// Whether messages that name this key wait until first contact was made with it.
    pub(crate) fn awaits_contact(&self, key: PublicKey) -> bool {
        self.reception.awaits_contact(key)
    }

    /// Refuses a message that turned out later to be none of its type.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.reception.refuse(refusal);
    }

    /// What became of everything received.
    pub fn stats(&self) -> SubscriptionStats {
        self.reception.stats()
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        self.reception.close();
    }
}

impl<M> Deref for Subscriber<M> {
    type Target = GenericSubscriber;

    fn deref(&self) -> &GenericSubscriber {
        &self.generic
    }
}
