//! What a node has done so far: the counters of all its publishers, subscriptions, service servers and service clients.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::generic_service_server::ServiceServerStats;
use crate::matching;
use crate::name::TopicName;
use crate::node::{Node, NodeCore};
use crate::security::refusal::Reason;
use crate::service_calls::ServiceClientStats;
use crate::stats::{PublisherStats, SigningStats, SubscriptionStats};

/// The counters of a node at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeStats {
    /// Those of its publishers, by topic.
    pub publishers: Vec<PublisherReport>,
    /// Those of its subscriptions, by topic.
    pub subscriptions: Vec<SubscriptionReport>,
    /// Those of the services that it serves, by name.
    pub servers: Vec<ServiceReport<ServiceServerStats>>,
    /// Those of the services that it calls, by name.
    pub clients: Vec<ServiceReport<ServiceClientStats>>,
    /// What was refused, by reason, wherever in the node that was.
    pub refused: BTreeMap<Reason, u64>,
    /// What the signatures of its messages have cost.
    pub signing: SigningStats,
    /// Signatures of others that it has checked.
    pub verifications: u64,
    /// The far ends of its links.
    pub links: Vec<String>,
    /// Other nodes that it knows.
    pub peers: usize,
    /// How long it has been open.
    pub uptime: Duration,
}

/// One publisher.
#[derive(Clone, Debug, PartialEq)]
pub struct PublisherReport {
    /// Its topic.
    pub topic: TopicName,
    /// The full name of its type.
    pub type_name: String,
    /// Subscribers that match now.
    pub matched: usize,
    /// How often nothing was published within the deadline.
    pub deadlines_missed: u64,
    /// How often it was not shown within the lease that the publisher is alive.
    pub liveliness_lost: u64,
    /// What it has sent.
    pub stats: PublisherStats,
}

/// One subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct SubscriptionReport {
    /// Its topic.
    pub topic: TopicName,
    /// The full name of its type; empty is any.
    pub type_name: String,
    /// Publishers that match now.
    pub matched: usize,
    /// How often nothing came within the deadline.
    pub deadlines_missed: u64,
    /// What it has received.
    pub stats: SubscriptionStats,
}

/// One end of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceReport<S> {
    /// The service.
    pub name: TopicName,
    /// The full name of its type.
    pub type_name: String,
    /// What became of the requests or calls.
    pub stats: S,
}

impl Node {
    /// The counters of everything in this node. Reading them disturbs nobody.
    ///
    /// ```no_run
    /// # async fn run(node: nuncio::Node) {
    /// for subscription in node.stats().subscriptions {
    ///     println!("{}: {} lost", subscription.topic, subscription.stats.missing);
    /// }
    /// # }
    /// ```
    pub fn stats(&self) -> NodeStats {
        self.core.stats()
    }
}

impl NodeCore {
    pub(crate) fn stats(&self) -> NodeStats {
        let is_closed = self.check_open().is_err();
        let own = (self.public_key(), &self.name);
        let peers = self.peers.all();
        NodeStats {
            publishers: self.publisher_reports(),
            subscriptions: self.subscription_reports(),
            servers: self.server_reports(),
            clients: self.client_reports(),
            refused: self.refusals.counters.read(),
            signing: self.signing_desk.stats(),
            verifications: self.peers.verifications(),
            links: if is_closed { Vec::new() } else { self.link.links() },
            peers: peers
                .iter()
                .filter(|peer| (peer.public_key(), peer.name()) != own)
                .count(),
            uptime: self.started.elapsed(),
        }
    }

    fn publisher_reports(&self) -> Vec<PublisherReport> {
        let outboxes = self.signing_desk.outboxes();
        let report = |outbox: &Arc<crate::outbox::Outbox>| {
            let facts = outbox.facts();
            PublisherReport {
                topic: facts.topic.clone(),
                type_name: facts.type_name.clone(),
                matched: matching::lock(&facts.matches).count(),
                deadlines_missed: facts.deadlines_missed.get(),
                liveliness_lost: facts.liveliness_lost.get(),
                stats: outbox.stats(),
            }
        };
        let mut reports: Vec<_> = outboxes.iter().map(report).collect();
        reports.sort_by(|a, b| a.topic.cmp(&b.topic));
        reports
    }

    fn subscription_reports(&self) -> Vec<SubscriptionReport> {
        let mut reports: Vec<_> = self
            .endpoints
            .subscribers()
            .iter()
            .filter_map(|facts| {
                Some(SubscriptionReport {
                    topic: facts.topic.clone(),
                    type_name: facts.type_name.clone(),
                    matched: matching::lock(&facts.matches).count(),
                    deadlines_missed: facts.deadlines_missed.get(),
                    stats: facts.reception.upgrade()?.stats(),
                })
            })
            .collect();
        reports.sort_by(|a, b| a.topic.cmp(&b.topic));
        reports
    }

    fn server_reports(&self) -> Vec<ServiceReport<ServiceServerStats>> {
        let servers = self.endpoints.servers();
        let mut reports: Vec<_> = servers
            .iter()
            .map(|port| ServiceReport {
                name: port.facts.name.clone(),
                type_name: port.facts.types.service.name.clone(),
                stats: port.stats(),
            })
            .collect();
        reports.sort_by(|a, b| a.name.cmp(&b.name));
        reports
    }

    fn client_reports(&self) -> Vec<ServiceReport<ServiceClientStats>> {
        let clients = self.endpoints.clients();
        let mut reports: Vec<_> = clients
            .iter()
            .map(|(facts, calls)| ServiceReport {
                name: facts.name.clone(),
                type_name: facts.types.service.name.clone(),
                stats: calls.stats(),
            })
            .collect();
        reports.sort_by(|a, b| a.name.cmp(&b.name));
        reports
    }

    /// How far the wall clock has been set since the node was opened, in nanoseconds.
    pub(crate) fn clock_set_by(&self) -> i64 {
        let passed = i64::try_from(self.started.elapsed().as_nanos()).unwrap_or(i64::MAX);
        clock::now_ns().saturating_sub(self.started_ns).saturating_sub(passed)
    }
}
