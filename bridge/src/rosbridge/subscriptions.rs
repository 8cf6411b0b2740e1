//! The topics that a client is subscribed to: several subscriptions of one client to a topic are one.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::op::Level;
use super::outbox::{Gone, Outbox};
use super::publications::{same_name, same_type};
use super::terms::{Terms, Throttle};
use super::written_ops::written;
use crate::client::Client;
use crate::out_message::OutMessage;
use crate::tap::{Tap, TapOptions};

/// How many messages of a topic wait for a client that is slow.
const QUEUE: usize = 64;

/// How many ids a client may subscribe to one topic with.
const IDS_MAX: usize = 1024;

pub(super) struct Subscriptions {
    client: Client,
    outbox: Outbox,
    topics: HashMap<String, Subscribed>,
}

struct Subscribed {
    each: Vec<(Option<Value>, Terms)>,
    merged: watch::Sender<Terms>,
    task: AbortHandle,
}

impl Drop for Subscribed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Subscriptions {
    pub(super) fn new(client: Client, outbox: Outbox) -> Self {
        Self {
            client,
            outbox,
            topics: HashMap::new(),
        }
    }

    pub(super) fn subscribe(
        &mut self,
        topic: &str,
        type_name: Option<&str>,
        id: Option<&Value>,
        terms: Terms,
    ) -> Result<(), String> {
        if let Some(subscribed) = self.topics.get_mut(topic) {
            subscribed.each.retain(|(known, _)| known.as_ref() != id);
            if subscribed.each.len() >= IDS_MAX {
                return Err(format!(
                    "{topic} is subscribed to with {IDS_MAX} ids already; unsubscribe one first"
                ));
            }
            subscribed.each.push((id.cloned(), terms));
            subscribed.merge();
            return Ok(());
        }
        if let Some(type_name) = type_name {
            self.check_type(topic, type_name)?;
        }
        let options = TapOptions {
            queue: QUEUE,
            ..TapOptions::default()
        };
        let tap = self.client.tap(topic, options).map_err(|error| error.to_string())?;
        let (merged, current) = watch::channel(terms);
        let task = tokio::spawn(forward(tap, current, self.outbox.clone()));
        let subscribed = Subscribed {
            each: vec![(id.cloned(), terms)],
            merged,
            task: task.abort_handle(),
        };
        self.topics.insert(topic.to_owned(), subscribed);
        Ok(())
    }

    /// Whether the topic has the type that a client expects, as far as it has one yet.
    fn check_type(&self, topic: &str, type_name: &str) -> Result<(), String> {
        let offered = self.client.topics();
        let Some(offer) = offered.iter().find(|offer| same_name(&offer.name, topic)) else {
            return Ok(());
        };
        let mut types = offer.types.iter();
        match types.clone().any(|(name, _)| same_type(name, type_name)) {
            true => Ok(()),
            false => types.next().map_or(Ok(()), |(found, _)| {
                Err(format!(
                    "{topic} has the type {found}, not {type_name}; subscribe with that, or without a type"
                ))
            }),
        }
    }

    pub(super) fn unsubscribe(&mut self, topic: &str, id: Option<&Value>) -> Result<(), String> {
        let Some(subscribed) = self.topics.get_mut(topic) else {
            return Err(format!("this client is not subscribed to {topic}"));
        };
        if id.is_some() {
            subscribed.each.retain(|(known, _)| known.as_ref() != id);
        }
        match id.is_none() || subscribed.each.is_empty() {
            true => drop(self.topics.remove(topic)),
            false => subscribed.merge(),
        }
        Ok(())
    }
}

impl Subscribed {
    fn merge(&self) {
        if let Some(merged) = Terms::merged(self.each.iter().map(|(_, terms)| *terms)) {
            self.merged.send_replace(merged);
        }
    }
}

/// Passes on the messages of one topic, as the terms have it, until there are no more or the client is gone.
async fn forward(mut tap: Tap, terms: watch::Receiver<Terms>, outbox: Outbox) {
    let mut waiting: VecDeque<Arc<OutMessage>> = VecDeque::new();
    let mut throttle = Throttle::default();
    loop {
        let message = match waiting.pop_front() {
            Some(message) => message,
            None => match tap.recv().await {
                Some(message) => message,
                None => return,
            },
        };
        let terms = *terms.borrow();
        let now = Instant::now();
        if let Some(due) = throttle.due(terms.throttle_rate, now) {
            if terms.waits() {
                waiting.push_front(message);
                gather_until(due, &mut tap, &mut waiting, terms.queue_length).await;
            }
            continue;
        }
        throttle.passed(now);
        if pass_on(&message, tap.topic(), &terms, &outbox).await.is_err() {
            return;
        }
    }
}

/// Waits; of what comes meanwhile, the newest are kept.
async fn gather_until(due: Instant, tap: &mut Tap, waiting: &mut VecDeque<Arc<OutMessage>>, queue_length: usize) {
    let until = tokio::time::sleep_until(due.into());
    tokio::pin!(until);
    loop {
        tokio::select! {
            () = &mut until => return,
            more = tap.recv() => match more {
                Some(message) => waiting.push_back(message),
                None => return until.await,
            },
        }
        while waiting.len() > queue_length {
            waiting.pop_front();
        }
    }
}

async fn pass_on(message: &OutMessage, topic: &str, terms: &Terms, outbox: &Outbox) -> Result<(), Gone> {
    match written(message, topic, terms) {
        Ok(axum::extract::ws::Message::Text(text)) => outbox.send_text(text, terms.fragment_size).await,
        Ok(frame) => outbox.send(frame).await,
        Err(problem) => outbox.tell(Level::Error, &problem, None).await,
    }
}
