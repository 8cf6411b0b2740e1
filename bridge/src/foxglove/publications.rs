//! What one client publishes: the channels that it advertises, each one an entry to a topic.

use std::collections::HashMap;
use std::sync::Arc;

use nuncio::QosProfile;

use super::channels::Encoding;
use super::wire::client;
use crate::border_error::BorderError;
use crate::bridge_type::{Body, BridgeType};
use crate::client::Client;
use crate::entry::Entry;

/// How many channels a client may have advertised at a time.
const PUBLICATIONS_MAX: usize = 1024;

/// The channels that one client has advertised, by the numbers that it gave them.
#[derive(Debug, Default)]
pub(super) struct Publications {
    by_id: HashMap<u32, Publication>,
}

/// One of them. One that was refused is kept, so that its messages are refused with the reason.
#[derive(Debug)]
struct Publication {
    topic: String,
    way: Result<(Entry, Encoding), String>,
}

impl Publications {
    /// Takes an advertisement, or says why nothing can be published on it.
    pub(super) async fn advertise(
        &mut self,
        client: &Client,
        channel: &client::advertise::Channel<'_>,
    ) -> Result<(), String> {
        if self.by_id.contains_key(&channel.id) {
            client.count_refused();
            return Err(format!(
                "the channel {} is advertised already; unadvertise it first",
                channel.id
            ));
        }
        if self.by_id.len() >= PUBLICATIONS_MAX {
            client.count_refused();
            return Err(format!(
                "there are {PUBLICATIONS_MAX} advertised channels already, which is the limit"
            ));
        }
        let way = way(client, channel).await;
        let outcome = way.as_ref().map(|_| ()).map_err(Clone::clone);
        let publication = Publication {
            topic: channel.topic.to_string(),
            way,
        };
        self.by_id.insert(channel.id, publication);
        outcome
    }

    /// Forgets a channel; says whether there was one.
    pub(super) fn unadvertise(&mut self, id: u32) -> bool {
        self.by_id.remove(&id).is_some()
    }

    /// Publishes a message, or says on which topic it was not published, and why.
    pub(super) fn publish(&self, client: &Client, message: &client::MessageData<'_>) -> Result<(), (String, String)> {
        let Some(publication) = self.by_id.get(&message.channel_id) else {
            client.count_refused();
            let problem = format!("no channel {} is advertised; advertise it first", message.channel_id);
            return Err(("publishing".to_owned(), problem));
        };
        publication.publish(client, &message.data).map_err(|problem| {
            let problem = format!("not published on {}: {problem}", publication.topic);
            (publication.topic.clone(), problem)
        })
    }
}

impl Publication {
    fn publish(&self, client: &Client, message: &[u8]) -> Result<(), String> {
        let published = match &self.way {
            Ok((entry, Encoding::Cdr)) => entry.publish(Body::Cdr(message)),
            Ok((entry, Encoding::Json)) => match serde_json::from_slice(message) {
                Ok(json) => entry.publish(Body::Json(&json)),
                Err(error) => {
                    client.count_refused();
                    return Err(format!("the message is no JSON: {error}"));
                }
            },
            Err(problem) => {
                client.count_refused();
                return Err(problem.clone());
            }
        };
        published.map(drop).map_err(|error| error.to_string())
    }
}

async fn way(client: &Client, channel: &client::advertise::Channel<'_>) -> Result<(Entry, Encoding), String> {
    let refused = |error: BorderError| format!("{} cannot be published on: {error}", channel.topic);
    let Some(encoding) = Encoding::parse(&channel.encoding) else {
        client.count_refused();
        return Err(format!(
            "{} cannot be published on as `{}`; the bridge reads `cdr` and `json`",
            channel.topic, channel.encoding
        ));
    };
    let ty = type_for(client, channel).await;
    let ty = ty.inspect_err(|_| client.count_refused()).map_err(refused)?;
    let entry = client
        .entry(&channel.topic, &ty, QosProfile::default())
        .map_err(refused)?;
    Ok((entry, encoding))
}

/// The type that the client names, in the version that the topic has if it has one: nodes bring types that the bridge has no files
/// of.
async fn type_for(client: &Client, channel: &client::advertise::Channel<'_>) -> Result<Arc<BridgeType>, BorderError> {
    let topics = client.topics().into_iter();
    let mut offers = topics.filter(|offer| offer.name == channel.topic);
    if let Some(offer) = offers.next()
        && offer.types.iter().any(|(name, _)| *name == channel.schema_name)
    {
        return client.type_of(&offer).await;
    }
    client.border().library().message(&channel.schema_name)
}
