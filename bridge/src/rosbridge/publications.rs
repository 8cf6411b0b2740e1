//! The topics that a client publishes on.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use nuncio::QosProfile;
use serde_json::Value;

use super::inbound;
use crate::bridge_type::{Body, BridgeType};
use crate::client::Client;
use crate::entry::Entry;

/// How many topics a client may have advertised at a time.
const TOPICS_MAX: usize = 1024;

/// How many ids a client may advertise one topic with.
const IDS_MAX: usize = 1024;

/// The greatest depth of a publisher that a client gets.
const DEPTH_MAX: usize = 1000;

pub(super) struct Publications {
    client: Client,
    topics: HashMap<String, Advertised>,
}

struct Advertised {
    /// Those who have advertised it: it is unadvertised with the last of them.
    ids: Vec<Option<Value>>,
    entry: Entry,
}

impl Publications {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            topics: HashMap::new(),
        }
    }

    pub(super) async fn advertise(
        &mut self,
        topic: &str,
        type_name: &str,
        id: Option<&Value>,
        (latch, queue_size): (bool, Option<usize>),
    ) -> Result<(), String> {
        if let Some(advertised) = self.topics.get_mut(topic) {
            if !same_type(advertised.entry.ty().name(), type_name) {
                return Err(format!(
                    "{topic} is advertised already, with the type {}; unadvertise it first",
                    advertised.entry.ty().name()
                ));
            }
            if !advertised.ids.iter().any(|known| known.as_ref() == id) && advertised.ids.len() < IDS_MAX {
                advertised.ids.push(id.cloned());
            }
            return Ok(());
        }
        let ty = self.type_named(type_name).await?;
        self.open(topic, &ty, latch, queue_size)?.ids.push(id.cloned());
        Ok(())
    }

    fn open(
        &mut self,
        topic: &str,
        ty: &Arc<BridgeType>,
        latch: bool,
        queue_size: Option<usize>,
    ) -> Result<&mut Advertised, String> {
        if self.topics.len() >= TOPICS_MAX {
            return Err(format!(
                "a client may advertise {TOPICS_MAX} topics at a time; unadvertise one first"
            ));
        }
        let depth = match (latch, queue_size) {
            (true, None | Some(0)) => 1,
            (_, Some(depth)) if depth > 0 => depth.min(DEPTH_MAX),
            _ => 10,
        };
        let qos = QosProfile::keep_last(NonZeroUsize::new(depth).map_or(1, NonZeroUsize::get));
        let qos = if latch { qos.transient_local() } else { qos };
        let entry = self.client.entry(topic, ty, qos).map_err(|error| error.to_string())?;
        let ids = Vec::new();
        Ok(self
            .topics
            .entry(topic.to_owned())
            .insert_entry(Advertised { ids, entry })
            .into_mut())
    }

    pub(super) fn unadvertise(&mut self, topic: &str, id: Option<&Value>) -> Result<(), String> {
        let Some(advertised) = self.topics.get_mut(topic) else {
            return Err(format!("{topic} is not advertised by this client"));
        };
        if id.is_some() {
            advertised.ids.retain(|known| known.as_ref() != id);
        }
        if id.is_none() || advertised.ids.is_empty() {
            self.topics.remove(topic);
        }
        Ok(())
    }

    /// Publishes; a topic that was not advertised is, with the type that it has.
    pub(super) async fn publish(&mut self, topic: &str, mut msg: Value, latch: bool) -> Result<(), String> {
        if !self.topics.contains_key(topic) {
            let offered = self.client.topics();
            let offer = offered.iter().find(|offer| same_name(&offer.name, topic));
            let offer =
                offer.ok_or_else(|| format!("nobody has the topic {topic}; advertise it first, with its type"))?;
            let ty = self.client.type_of(offer).await.map_err(|error| error.to_string())?;
            self.open(topic, &ty, latch, None)?;
        }
        let Some(Advertised { entry, .. }) = self.topics.get(topic) else {
            return Ok(());
        };
        inbound::prepare(entry.ty().codec().description(), &mut msg);
        let published = entry.publish(Body::Json(&msg));
        published.map(drop).map_err(|error| format!("{topic}: {error}"))
    }

    /// A type from the library, or one that somebody publishes or subscribes to here.
    async fn type_named(&self, type_name: &str) -> Result<Arc<BridgeType>, String> {
        let unknown = match self.client.border().library().message(type_name) {
            Ok(known) => return Ok(known),
            Err(error) => error,
        };
        let offered = self.client.topics();
        let offer = offered
            .iter()
            .find(|offer| offer.types.iter().any(|(name, _)| same_type(name, type_name)));
        match offer {
            Some(offer) => self.client.type_of(offer).await.map_err(|error| error.to_string()),
            None => Err(unknown.to_string()),
        }
    }
}

/// Whether a client means this topic, with or without a slash.
pub(super) fn same_name(name: &str, asked: &str) -> bool {
    name.trim_start_matches('/') == asked.trim_start_matches('/')
}

/// Whether a client means this type, in the long form or in the short one.
pub(super) fn same_type(full: &str, asked: &str) -> bool {
    full == asked
        || {
            let (mut full, mut asked) = (full.split('/'), asked.split('/'));
            let ends = (full.next(), full.next(), full.next());
            matches!(ends, (package, Some(_), name) if name.is_some() && (asked.next(), asked.next(), asked.next()) == (package, name, None))
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_types_have_two_forms() {
        assert!(same_type("std_msgs/msg/String", "std_msgs/String"));
        assert!(same_type("std_msgs/msg/String", "std_msgs/msg/String"));
        assert!(!same_type("std_msgs/msg/String", "std_msgs/msg"));
        assert!(!same_type("std_msgs/msg/String", "String"));
        assert!(same_name("/chatter", "chatter") && !same_name("/chatter", "/a/chatter"));
    }
}
