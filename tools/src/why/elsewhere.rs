//! Looks beyond the own domain and the own links: other domains, endpoints that give no link, bridges.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::process;
use std::time::Duration;

use nuncio::graph::Graph;
use nuncio::local_registry::LocalRegistry;
use nuncio::{Discovery, Domain, Identity, Keystore, LinkConfig, Node, NodeName, TlsFiles, TopicName};
use tokio::net::TcpStream;

use super::facts::{BridgeSeen, Elsewhere, Endpoint, Reached};
use crate::cli::GlobalArgs;

/// How long other domains are asked for, and each is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How long a graph there must not have changed to be taken for complete.
const QUIET: Duration = Duration::from_millis(200);

/// The most domains that are looked into.
const DOMAINS_MAX: usize = 6;

/// The most endpoints that are tried.
const ENDPOINTS_MAX: usize = 16;

/// Who has an end of the topic in other domains, on the links of this node or on this machine.
pub(super) async fn look(node: &Node, global: &GlobalArgs, topic: &TopicName) -> Vec<Elsewhere> {
    let mut domains: BTreeSet<Domain> = match node.domains(LOOK).await {
        Ok(found) => found.into_keys().collect(),
        Err(_) => BTreeSet::new(),
    };
    let by_hand = !global.connect.is_empty() || !global.listen.is_empty();
    let asks_registry = !matches!((global.discovery, by_hand), (Some(Discovery::Off), _) | (None, true));
    if asks_registry && let Ok(found) = LocalRegistry::domains() {
        domains.extend(found.iter().filter_map(|name| Domain::parse(name).ok()));
    }
    domains.remove(node.domain());
    let mut seen = Vec::new();
    for domain in domains.into_iter().take(DOMAINS_MAX) {
        seen.extend(visit(domain, link_there(node, global, by_hand), topic).await);
    }
    seen
}

/// The link of a visitor: as this program's own, and with this program where that only listens.
fn link_there(node: &Node, global: &GlobalArgs, by_hand: bool) -> LinkConfig {
    let mut connect = global.connect.clone();
    if by_hand {
        connect.extend(node.locators().iter().cloned());
    }
    LinkConfig {
        connect,
        discovery: global.discovery.or(by_hand.then_some(Discovery::Off)),
        tls: global
            .keystore_dir()
            .ok()
            .map(|dir| TlsFiles::new(&dir, global.tls.as_deref())),
        ..LinkConfig::default()
    }
}

/// Goes into a domain for a moment, with a key that is forgotten afterwards.
async fn visit(domain: Domain, link: LinkConfig, topic: &TopicName) -> Option<Elsewhere> {
    let visitor = Node::builder(&format!("_nuncio_{}", process::id()))
        .domain(domain.clone())
        .keystore(Keystore::ephemeral(Identity::generate().ok()?))
        .link(link);
    let visitor = visitor.open().await.ok()?;
    let graph = visitor.settled_graph(QUIET, LOOK).await;
    let _ = visitor.close().await;
    let own = visitor.public_key();
    let topic = graph.topics().remove(topic).unwrap_or_default();
    Some(Elsewhere {
        domain,
        publishers: topic.publishers.into_iter().map(|end| end.node.name).collect(),
        subscribers: topic.subscribers.into_iter().map(|end| end.node.name).collect(),
        nodes: graph
            .nodes
            .iter()
            .filter(|node| node.key != own && !node.name.is_hidden())
            .count(),
    })
}

/// Tries to open a TCP connection to each endpoint.
pub(crate) async fn try_endpoints(endpoints: &[String], patience: Duration) -> Vec<Endpoint> {
    let mut tried = Vec::new();
    for name in endpoints.iter().take(ENDPOINTS_MAX) {
        tried.push(Endpoint {
            name: name.clone(),
            reached: try_endpoint(name, patience).await,
        });
    }
    tried
}

async fn try_endpoint(name: &str, patience: Duration) -> Reached {
    let Some((protocol, address)) = name.split_once('/') else {
        return Reached::NotTried;
    };
    if !matches!(protocol, "tcp" | "tls" | "ws") {
        return Reached::NotTried;
    }
    let address = address.split(['?', '#']).next().unwrap_or(address);
    match tokio::time::timeout(patience, TcpStream::connect(address)).await {
        Err(_) => Reached::TimedOut,
        Ok(Ok(_)) => Reached::Yes,
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Reached::Refused,
        Ok(Err(error)) if error.kind() == ErrorKind::TimedOut => Reached::TimedOut,
        Ok(Err(error)) => Reached::Failed(error.to_string()),
    }
}

/// The bridges among the nodes, by the names that they have unless they were given others, and what they bring in.
pub(super) fn bridges(graph: &Graph) -> Vec<BridgeSeen> {
    let is_bridge = |name: &NodeName| {
        name.as_str()
            .rsplit('/')
            .next()
            .is_some_and(|base| base.starts_with("bridge_"))
    };
    let bridges = graph.nodes.iter().filter(|node| is_bridge(&node.name));
    bridges
        .map(|node| {
            let publishers = node.card.iter().flat_map(|card| &card.publishers);
            let topics = publishers.map(|publisher| publisher.topic.clone());
            BridgeSeen {
                node: node.name.clone(),
                brings_in: topics
                    .filter(|topic| !topic.contains("/_") && topic != "/parameter_events")
                    .collect(),
            }
        })
        .collect()
}
