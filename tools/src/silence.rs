//! Why no message comes, as far as it is known.

use std::convert::Infallible;
use std::time::Duration;

use nuncio::graph::Graph;
use nuncio::{GenericSubscriber, Node};

use crate::render::Render;

/// After which time without any message the reason is told, as far as it is known.
const EXPLAIN_AFTER: Duration = Duration::from_secs(2);

/// Says on stderr, once, why nothing may be coming; never ends. `nobody` says why there is no publisher.
pub(crate) async fn explain(
    render: &Render,
    node: &Node,
    subscriber: &GenericSubscriber,
    nobody: impl Fn(&Graph) -> String,
) -> Infallible {
    tokio::time::sleep(EXPLAIN_AFTER).await;
    let stats = subscriber.stats();
    // Messages that are refused are told about as they come.
    if stats.received == 0 && stats.refused.is_empty() {
        let graph = node.graph();
        let topics = graph.topics();
        let publishers = topics.get(subscriber.topic()).map_or(0, |topic| topic.publishers.len());
        let unfit = publishers.saturating_sub(subscriber.matched_publishers());
        let why = match publishers {
            1.. if unfit > 0 => format!(
                "{unfit} of {publishers} publishers offer less than is requested here, or may not publish here: `nuncio topic info \
                 -v {}` tells what",
                subscriber.topic()
            ),
            0 => nobody(&graph),
            1 => "its one publisher is known, but silent".to_owned(),
            many => format!("its {many} publishers are known, but silent"),
        };
        render.note(format!("no message yet: {why}; discovery: {}", node.discovery()));
    }
    std::future::pending().await
}
