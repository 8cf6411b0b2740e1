//! What goes on at the bridge, once or again and again.

use std::time::Duration;

use futures_util::Stream;
use futures_util::stream;
use tonic::Status;

use super::guest::Guest;
use super::messages::{duration, span};
use super::wire;
use crate::client::Client;

/// How often it is told where the request does not say.
const EACH: Duration = Duration::from_secs(1);

/// How often it is told at most.
const EACH_MIN: Duration = Duration::from_millis(100);

/// What the client may see now.
pub(super) fn stats(client: &Client) -> wire::Stats {
    let own = client.inner.id;
    let report = client.border().report_for(client.role(), Some(own));
    let clients = report.clients.into_iter().map(|of| wire::ClientStats {
        id: of.id,
        face: of.face.to_string(),
        who: of.who,
        role: of.role,
        connected: Some(span(of.connected_s)),
        subscriptions: of.subscriptions as u64,
        services: of.services as u64,
        received: of.received,
        received_bytes: of.received_bytes,
        sent: of.sent,
        sent_bytes: of.sent_bytes,
        dropped: of.dropped,
        refused: of.refused,
        is_caller: of.id == own,
    });
    let topics = report.topics.into_iter().map(|of| wire::TopicStats {
        topic: of.topic,
        clients: of.taps as u64,
        passed: of.passed,
        untranslated: of.untranslated,
        refused: of
            .refused
            .into_iter()
            .map(|(reason, count)| (reason.to_owned(), count))
            .collect(),
    });
    wire::Stats {
        node: report.node,
        key: report.key,
        domain: report.domain,
        uptime: Some(span(report.uptime_s)),
        clients: clients.collect(),
        topics: topics.collect(),
    }
}

/// The same at every turn of the clock, until the client has enough.
pub(super) fn watch(
    guest: &Guest,
    request: wire::WatchStatsRequest,
) -> Result<impl Stream<Item = Result<wire::Stats, Status>> + Send + use<>, Status> {
    let each = duration(request.interval, EACH)?.max(EACH_MIN);
    let mut clock = tokio::time::interval(each);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    Ok(stream::unfold(
        (clock, guest.client.clone()),
        |(mut clock, client)| async {
            clock.tick().await;
            Some((Ok(stats(&client)), (clock, client)))
        },
    ))
}
