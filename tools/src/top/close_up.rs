//! The close-up: one topic subscribed to in earnest, verified here, decoded, and one field of it as a curve.
//!
//! Messages that come faster than they can be looked at are verified and counted, and the last ones are shown.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nuncio::run_time_type::RunTimeType;
use nuncio::{GenericReceived, GenericSubscriber, Node, Provenance, QosProfile, SubscriptionStats, TopicName};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::bulk::fold_bytes;
use crate::catalog::Catalog;
use crate::field_notes::note;
use crate::known_types::KnownTypes;
use crate::leaves::{Leaf, leaves, number_at, value_at};
use crate::render::{bytes, short_key, span};
use crate::sanitize;

/// How many messages wait to be looked at.
const QUEUE_DEPTH: NonZeroUsize = NonZeroUsize::new(32).expect("it is not zero");
/// How often what has come is looked at.
const LOOK_PERIOD: Duration = Duration::from_millis(25);
/// How many fields are shown.
const FIELDS_MAX: usize = 400;
/// Longer lists of bytes are told by what they are and how large.
const BYTES_APART: usize = 8;
/// How many points a curve has at most.
const POINTS_MAX: usize = 2000;
/// Larger messages are not decoded here.
const DECODED_LEN_MAX: usize = 1 << 20;
/// Of larger messages only the last of each look is decoded.
const SMALL_LEN_MAX: usize = 4096;

/// A topic that is looked at; it is let go of when this is dropped.
#[derive(Debug)]
pub(crate) struct CloseUp {
    pub(crate) topic: TopicName,
    sight: Arc<Mutex<Sight>>,
    _looking: JoinSet<()>,
}

/// What is seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sight {
    /// Of the last message: who signed it, its number, its age.
    pub(crate) head: String,
    pub(crate) fields: Vec<(Leaf, Option<String>)>,
    /// Why messages are not shown.
    pub(crate) problem: Option<String>,
    /// What became of messages here.
    pub(crate) stats: SubscriptionStats,
    /// The field that is plotted.
    pub(crate) plotted: Option<String>,
    /// Source times in seconds, and what the field held.
    pub(crate) points: VecDeque<(f64, f64)>,
    /// Why the last message that was refused here was.
    pub(crate) refusal: Option<String>,
}

impl CloseUp {
    /// Begins to look.
    pub(crate) fn begin(node: &Node, topic: TopicName, catalog: Catalog) -> Self {
        let (sight, mut looking) = (Arc::<Mutex<Sight>>::default(), JoinSet::new());
        let (node, seen, name) = (node.clone(), Arc::clone(&sight), topic.clone());
        looking.spawn(async move {
            if let Err(problem) = look(&node, &name, KnownTypes::new(catalog), &seen).await {
                lock(&seen).problem = Some(problem);
            }
        });
        Self {
            topic,
            sight,
            _looking: looking,
        }
    }

    /// What is seen now.
    pub(crate) fn sight(&self) -> Sight {
        lock(&self.sight).clone()
    }

    /// Plots the field at this place of the list, if it is a number.
    pub(crate) fn plot(&self, place: usize) {
        let mut sight = lock(&self.sight);
        let field = sight.fields.get(place).filter(|(leaf, _)| leaf.number.is_some());
        let path = field.map(|(leaf, _)| leaf.path.clone());
        if path.is_some() && path != sight.plotted {
            sight.plotted = path;
            sight.points.clear();
        }
    }
}

async fn look(node: &Node, topic: &TopicName, mut types: KnownTypes, sight: &Mutex<Sight>) -> Result<(), String> {
    let options = QosProfile {
        depth: QUEUE_DEPTH,
        ..QosProfile::best_available()
    };
    let subscriber = node
        .generic_subscriber(topic.as_str(), options)
        .map_err(|error| error.to_string())?;
    let mut looks = tokio::time::interval(LOOK_PERIOD);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let mut received = Vec::new();
        while let Ok(message) = subscriber.try_recv() {
            received.push(message);
        }
        count(sight, &subscriber);
        let Some(last) = received.last() else { continue };
        let codec = match types.of(node, last.message()).await {
            Ok(codec) => codec.clone(),
            Err(error) => {
                lock(sight).problem = Some(sanitize::line(&error.to_string()).into_owned());
                continue;
            }
        };
        let is_small = last.payload().len() <= SMALL_LEN_MAX;
        let from = if is_small { 0 } else { received.len() - 1 };
        for (place, message) in received.iter().enumerate().skip(from) {
            show(sight, &codec, message, place + 1 == received.len());
        }
    }
}

fn count(sight: &Mutex<Sight>, subscriber: &GenericSubscriber) {
    let mut refusal = None;
    while let Some(next) = subscriber.try_next_refusal() {
        refusal = Some(next);
    }
    let mut sight = lock(sight);
    sight.stats = subscriber.stats();
    if let Some(refusal) = refusal {
        sight.refusal = Some(sanitize::line(&format!("{refusal}; {}", refusal.reason.remedy())).into_owned());
    }
}

/// Adds a message's point to the curve, and shows it if it is the last one.
fn show(sight: &Mutex<Sight>, codec: &RunTimeType, received: &GenericReceived, is_last: bool) {
    let (info, payload) = (received.info(), received.payload());
    if payload.len() > DECODED_LEN_MAX {
        let limit = bytes(DECODED_LEN_MAX as f64);
        let mut sight = lock(sight);
        sight.fields.clear();
        sight.head = head(received);
        sight.problem = Some(format!("messages of more than {limit} are not taken apart here"));
        return;
    }
    let message = match codec.to_json(payload) {
        Ok(message) => message,
        Err(error) => {
            lock(sight).problem = Some(sanitize::line(&error.to_string()).into_owned());
            return;
        }
    };
    let mut sight = lock(sight);
    if is_last || sight.plotted.is_none() {
        sight.head = head(received);
        sight.problem = None;
        sight.fields = fields(codec, &message);
    }
    if sight.plotted.is_none() {
        sight.plotted = first_to_plot(&sight.fields);
    }
    let plotted = sight.plotted.as_deref().and_then(|path| number_at(&message, path));
    if let Some(number) = plotted.filter(|number| number.is_finite()) {
        if sight.points.len() >= POINTS_MAX {
            sight.points.pop_front();
        }
        sight.points.push_back((info.source_time_ns as f64 / 1e9, number));
    }
}

/// Who signed a message, and when.
fn head(received: &GenericReceived) -> String {
    let info = received.info();
    let age = span(info.received_time_ns.saturating_sub(info.source_time_ns));
    let provenance = match info.provenance {
        Provenance::Live => String::new(),
        other => format!(", {}", other.as_str()),
    };
    format!(
        "#{} of {} {}, {}, {age} old, {}{provenance}",
        info.number,
        info.node,
        short_key(&info.signer),
        info.verdict.as_str(),
        bytes(received.payload().len() as f64),
    )
}

/// The fields of a message with what their schema adds: units, names of constants.
fn fields(codec: &RunTimeType, message: &Value) -> Vec<(Leaf, Option<String>)> {
    let noted = |leaf: Leaf| {
        let value = value_at(message, &leaf.path);
        let note = value.and_then(|value| note(codec, &leaf.path, value));
        (leaf, note.map(|note| sanitize::line(&note).into_owned()))
    };
    let mut folded = message.clone();
    fold_bytes(codec, None, &mut folded, BYTES_APART);
    leaves(&folded, FIELDS_MAX).into_iter().map(noted).collect()
}

/// The first number that is no part of a header.
fn first_to_plot(fields: &[(Leaf, Option<String>)]) -> Option<String> {
    let numbers = || fields.iter().map(|(leaf, _)| leaf).filter(|leaf| leaf.number.is_some());
    let is_of_header = |leaf: &&Leaf| leaf.path.starts_with("header.") || leaf.path.contains("stamp");
    let found = numbers().find(|leaf| !is_of_header(leaf)).or_else(|| numbers().next());
    found.map(|leaf| leaf.path.clone())
}

fn lock(sight: &Mutex<Sight>) -> MutexGuard<'_, Sight> {
    sight.lock().unwrap_or_else(PoisonError::into_inner)
}
