//! Publishing: one message, or a stream of them.

use std::time::Duration;

use nuncio::{Durability, QosProfile, ReaderAnswer, ReaderOutcome};
use tonic::{Status, Streaming};

use super::guest::{EntryId, Guest};
use super::messages::{Given, duration};
use super::refusing::status;
use super::wire;
use crate::border_error::BorderError;
use crate::entry::Entry;

/// How long the first message on a topic waits for the subscribers that the graph names.
const READERS_WITHIN: Duration = Duration::from_secs(1);

/// How often it is looked whether they are there.
const READERS_LOOK: Duration = Duration::from_millis(2);

/// How long acknowledgements are waited for where the request does not say.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(5);

/// The longest that they may be waited for.
const ACKNOWLEDGED_WITHIN_MAX: Duration = Duration::from_secs(60);

/// Publishes the one message of a request.
pub(super) async fn publish(guest: &Guest, request: wire::PublishRequest) -> Result<wire::Published, Status> {
    let given = Given::read(request.payload).inspect_err(|_| guest.client.count_refused())?;
    let entry = entry(guest, &id_of(&request.topic, &request.r#type, request.latched)).await?;
    let Some(acknowledge) = request.acknowledge else {
        let published = entry.publish(given.body()).map_err(status)?;
        return Ok(wire::Published {
            number: published.number,
            id: published.id().to_string(),
            ..wire::Published::default()
        });
    };
    let within = duration(acknowledge.timeout, ACKNOWLEDGED_WITHIN)?.min(ACKNOWLEDGED_WITHIN_MAX);
    let acknowledged = entry.publish_acked(given.body(), within).await.map_err(status)?;
    Ok(wire::Published {
        number: acknowledged.published.number,
        id: acknowledged.published.id().to_string(),
        readers: acknowledged.readers.iter().map(reader).collect(),
        accepted_by_all: acknowledged.is_accepted_by_all(),
    })
}

/// Publishes the messages of a stream until it ends, or until one is wrong.
pub(super) async fn publish_stream(
    guest: &Guest,
    mut requests: Streaming<wire::PublishRequest>,
) -> Result<wire::PublishSummary, Status> {
    let mut summary = wire::PublishSummary::default();
    let mut current = EntryId {
        topic: String::new(),
        type_name: String::new(),
        latched: false,
    };
    let mut count = 0_u64;
    while let Some(request) = requests.message().await? {
        count += 1;
        let at = |error: Status| Status::new(error.code(), format!("message {count}: {}", error.message()));
        if request.acknowledge.is_some() {
            let problem = "receivers are asked one message at a time; use Publish, or leave `acknowledge` out";
            return Err(at(Status::invalid_argument(problem)));
        }
        if !request.topic.is_empty() && (request.topic != current.topic || request.r#type != current.type_name) {
            current = id_of(&request.topic, &request.r#type, request.latched);
        }
        let given = Given::read(request.payload).inspect_err(|_| guest.client.count_refused());
        let entry = entry(guest, &current).await.map_err(at)?;
        match entry.publish(given.map_err(at)?.body()) {
            Ok(_) => summary.published += 1,
            Err(BorderError::TooMuch(problem)) => {
                summary.dropped += 1;
                summary.dropped_because = problem;
            }
            Err(other) => return Err(at(status(other))),
        }
    }
    Ok(summary)
}

fn id_of(topic: &str, type_name: &str, latched: bool) -> EntryId {
    EntryId {
        topic: topic.to_owned(),
        type_name: type_name.to_owned(),
        latched,
    }
}

/// The way to publish that is kept for the client; looked at again when the graph has changed, as the topic may have another
/// type now.
async fn entry(guest: &Guest, id: &EntryId) -> Result<Entry, Status> {
    let version = *guest.client.border().changes().borrow();
    let kept = guest.kept(id);
    if let Some((entry, seen)) = &kept
        && *seen == version
    {
        return Ok(entry.clone());
    }
    let ty = super::type_facts::type_to_publish(&guest.client, &id.topic, &id.type_name)
        .await
        .map_err(status)
        .inspect_err(|_| guest.client.count_refused())?;
    if let Some((entry, _)) = kept
        && entry.ty().hash() == ty.hash()
    {
        guest.keep(id.clone(), entry.clone(), version);
        return Ok(entry);
    }
    let qos = match id.latched {
        true => QosProfile {
            durability: Durability::TransientLocal,
            ..QosProfile::default()
        },
        false => QosProfile::default(),
    };
    let entry = guest.client.entry(&id.topic, &ty, qos).map_err(status)?;
    wait_for_readers(guest, &entry).await;
    guest.keep(id.clone(), entry.clone(), version);
    Ok(entry)
}

/// Waits a moment until those who subscribe have noticed the publisher, so that the first message reaches them.
async fn wait_for_readers(guest: &Guest, entry: &Entry) {
    let publisher = entry.publisher();
    let graph = guest.client.border().node().graph();
    let subscribers = graph.topics().remove(publisher.topic()).unwrap_or_default().subscribers;
    let own = (
        guest.client.border().node().public_key(),
        guest.client.border().node().name().clone(),
    );
    if !subscribers
        .iter()
        .any(|end| (end.node.key, end.node.name.clone()) != own)
    {
        return;
    }
    let is_noticed = || publisher.matched_subscribers() > 0 && publisher.has_subscribers().unwrap_or(true);
    let noticed = async {
        while !is_noticed() {
            tokio::time::sleep(READERS_LOOK).await;
        }
    };
    // Whoever does not notice in time may not want what is offered.
    let _ = tokio::time::timeout(READERS_WITHIN, noticed).await;
}

fn reader(answer: &ReaderAnswer) -> wire::Reader {
    let outcome = match answer.outcome {
        ReaderOutcome::Accepted(_) => wire::Outcome::Accepted,
        ReaderOutcome::Refused(_) => wire::Outcome::Refused,
        ReaderOutcome::NotSubscribed(_) => wire::Outcome::NotSubscribed,
        ReaderOutcome::NotYet(_) => wire::Outcome::NotYet,
        ReaderOutcome::Distrusted(_) => wire::Outcome::Distrusted,
        ReaderOutcome::Silent => wire::Outcome::Silent,
        _ => wire::Outcome::Unspecified,
    };
    wire::Reader {
        node: answer.node.as_str().to_owned(),
        key: answer.key.to_string(),
        outcome: outcome.into(),
        text: answer.outcome.to_string(),
    }
}
