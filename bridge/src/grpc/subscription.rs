//! Subscriptions: the messages of topics and patterns, one stream of events for the client.
//!
//! The stream is read as fast as the client takes it; what waits meanwhile is bounded by the taps, which drop the oldest and
//! count it. Each drop is told in the stream, before the next message of the topic.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{self, BoxStream, SelectAll};
use futures_util::{Stream, StreamExt};
use nuncio::{TopicName, TopicPattern};
use tokio::sync::{broadcast, watch};
use tonic::Status;

use super::guest::Guest;
use super::messages::{duration, encoding_of, info, payload, type_id};
use super::refusing::status;
use super::selection::Selection;
use super::wire;
use crate::border::RefusalNotice;
use crate::client::Client;
use crate::out_message::OutMessage;
use crate::role::Act;
use crate::rules::{Direction, Face};
use crate::tap::{Tap, TapOptions};

/// How many names and patterns one subscription may have.
const TOPICS_MAX: usize = 256;

/// How many messages of a topic wait where the request does not say.
const QUEUE: usize = 10;

type Event = wire::subscribe_event::Event;

/// A message of a topic, and how many were dropped so far.
struct Taken {
    topic: Arc<str>,
    message: Arc<OutMessage>,
    dropped: u64,
}

/// What a client is subscribed to.
struct Subscription {
    client: Client,
    encoding: wire::Encoding,
    with_ids: bool,
    options: TapOptions,
    patterns: Vec<TopicPattern>,
    selection: Selection,
    taps: SelectAll<BoxStream<'static, Taken>>,
    /// The topics joined: their names on Nuncio's side, with the client's name for each and the drops that it was told.
    joined: BTreeMap<TopicName, (Arc<str>, u64)>,
    /// What is told next.
    events: VecDeque<Event>,
    refusals: broadcast::Receiver<Arc<RefusalNotice>>,
    changes: watch::Receiver<u64>,
}

/// Subscribes.
///
/// # Errors
///
/// What is wrong with the request, or not permitted.
pub(super) fn subscribe(
    guest: &Guest,
    request: &wire::SubscribeRequest,
) -> Result<impl Stream<Item = Result<wire::SubscribeEvent, Status>> + Send + use<>, Status> {
    let mut subscription = Subscription::open(&guest.client, request).inspect_err(|_| guest.client.count_refused())?;
    let (patterns, names): (Vec<&String>, Vec<&String>) = request.topics.iter().partition(|name| name.contains('*'));
    for pattern in patterns {
        let parsed = TopicPattern::parse(pattern).map_err(|error| Status::invalid_argument(error.to_string()))?;
        subscription.patterns.push(parsed);
    }
    for name in names {
        subscription.join(name).map_err(status)?;
    }
    subscription.join_patterns();
    Ok(stream::unfold(Some(subscription), |subscription| async {
        let mut subscription = subscription?;
        match subscription.next().await {
            Ok(event) => Some((Ok(wire::SubscribeEvent { event: Some(event) }), Some(subscription))),
            Err(error) => Some((Err(error), None)),
        }
    }))
}

impl Subscription {
    fn open(client: &Client, request: &wire::SubscribeRequest) -> Result<Self, Status> {
        if request.topics.is_empty() {
            return Err(Status::invalid_argument(
                "name a topic, such as /odom, or a pattern, such as /robot1/**",
            ));
        }
        if request.topics.len() > TOPICS_MAX {
            let found = request.topics.len();
            return Err(Status::invalid_argument(format!(
                "{found} topics; one subscription may have {TOPICS_MAX}, and patterns say more with less"
            )));
        }
        let min_interval = duration(request.min_interval, Duration::ZERO)?;
        let border = client.border();
        let selection = Selection::read(request, min_interval, border.node())?;
        let queue = match request.queue {
            0 => QUEUE,
            asked => asked as usize,
        };
        let options = TapOptions {
            queue,
            // What is not wanted must not take the place of what is.
            min_interval: if selection.is_everything() {
                min_interval
            } else {
                Duration::ZERO
            },
            wants_latched: !request.skip_latched,
        };
        Ok(Self {
            client: client.clone(),
            encoding: encoding_of(request.encoding)?,
            with_ids: request.with_ids,
            options,
            patterns: Vec::new(),
            selection,
            taps: SelectAll::new(),
            joined: BTreeMap::new(),
            events: VecDeque::new(),
            refusals: border.refusals(),
            changes: border.changes(),
        })
    }

    fn join(&mut self, name: &str) -> Result<(), crate::BorderError> {
        let tap = self.client.tap(name, self.options)?;
        let native = tap.native().clone();
        if self.joined.contains_key(&native) {
            return Ok(());
        }
        let topic: Arc<str> = Arc::from(tap.topic());
        self.joined.insert(native, (Arc::clone(&topic), 0));
        self.events.push_back(Event::Joined(wire::Joined {
            topic: topic.to_string(),
        }));
        self.taps.push(taken(topic, tap).boxed());
        Ok(())
    }

    /// Joins the topics that a pattern has and that are there now, as far as the client may.
    fn join_patterns(&mut self) {
        if self.patterns.is_empty() {
            return;
        }
        let client = self.client.clone();
        let (rules, role) = (client.border().rules(), client.role());
        for offer in client.topics() {
            let crosses = rules.foreign_name(Face::Grpc, &offer.native, Direction::Out).is_some();
            let is_new = !self.joined.contains_key(&offer.native);
            if !is_new || !crosses || !role.may(Act::Subscribe, &offer.native) {
                continue;
            }
            let Ok(name) = TopicName::parse(&offer.name) else {
                continue;
            };
            if self.patterns.iter().any(|pattern| pattern.matches(&name))
                && let Err(error) = self.join(&offer.name)
            {
                // Too many: the client is told which topic it does not get, and why.
                self.events.push_back(Event::Refused(wire::Refused {
                    topic: offer.name,
                    reason: error.as_str().to_owned(),
                    text: error.to_string(),
                    claimed_key: String::new(),
                }));
                self.joined.insert(offer.native, (Arc::from(""), 0));
            }
        }
    }

    /// The next event.
    async fn next(&mut self) -> Result<Event, Status> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            let has_patterns = !self.patterns.is_empty();
            tokio::select! {
                Some(taken) = self.taps.next(), if !self.taps.is_empty() => self.take(taken)?,
                changed = self.changes.changed(), if has_patterns => match changed {
                    Ok(()) => self.join_patterns(),
                    Err(_) => return Err(closed()),
                },
                heard = self.refusals.recv() => match heard {
                    Ok(notice) => self.tell_refusal(&notice),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return Err(closed()),
                },
            }
        }
    }

    /// Turns a message into events: what was dropped before it, and itself.
    fn take(
        &mut self,
        Taken {
            topic,
            message,
            dropped,
        }: Taken,
    ) -> Result<(), Status> {
        if let Some((_, told)) = self.joined.get_mut(&message.info().topic)
            && dropped > *told
        {
            self.events.push_back(Event::Dropped(wire::Dropped {
                topic: topic.to_string(),
                count: dropped - *told,
                total: dropped,
            }));
            *told = dropped;
        }
        if !self.selection.wants(&topic, &message, Instant::now())? {
            return Ok(());
        }
        let payload = payload(
            self.encoding,
            || message.json().map(|text| text.to_string()).map_err(Clone::clone),
            || message.protobuf().cloned().map_err(Clone::clone),
            || message.cdr().cloned().map_err(Clone::clone),
        );
        self.events.push_back(match payload {
            Ok(payload) => Event::Message(wire::Message {
                topic: topic.to_string(),
                r#type: Some(type_id(message.ty())),
                payload: Some(payload),
                info: Some(info(message.info(), self.with_ids)),
            }),
            Err(error) => Event::Refused(wire::Refused {
                topic: topic.to_string(),
                reason: error.as_str().to_owned(),
                text: error.to_string(),
                claimed_key: message.info().signer.to_string(),
            }),
        });
        Ok(())
    }

    fn tell_refusal(&mut self, notice: &RefusalNotice) {
        if let Some((topic, _)) = self.joined.get(&notice.topic) {
            self.events.push_back(Event::Refused(wire::Refused {
                topic: topic.to_string(),
                reason: notice.reason.as_str().to_owned(),
                text: notice.text.clone(),
                claimed_key: notice.claimed_key.map(|key| key.to_string()).unwrap_or_default(),
            }));
        }
    }
}

fn closed() -> Status {
    Status::unavailable("the bridge ends; connect again")
}

/// What a tap gives, with its topic and what it has dropped.
fn taken(topic: Arc<str>, tap: Tap) -> impl Stream<Item = Taken> + Send {
    stream::unfold((topic, tap), |(topic, mut tap)| async {
        let message = tap.recv().await?;
        let taken = Taken {
            topic: Arc::clone(&topic),
            message,
            dropped: tap.dropped(),
        };
        Some((taken, (topic, tap)))
    })
}
