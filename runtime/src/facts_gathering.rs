//! The facts of a node as a message: counters, health and peers, cut to what the message has room for.

use std::collections::BTreeMap;

use nuncio_msgs::builtin_interfaces::msg::Time;
use nuncio_msgs::nuncio_msgs::msg::{
    HealthFinding, NodeFacts, PeerFacts as PeerEntry, PublisherCounters, RecentRefusal as RecentEntry, RefusalCounter,
    ServiceCounters, SubscriptionCounters,
};

use crate::card::time_from_ns;
use crate::clock;
use crate::endpoints::{ENDPOINTS_MAX, SERVICES_MAX};
use crate::generic_service_server::ServiceServerStats;
use crate::health::{Finding, Level};
use crate::node::{Node, NodeCore};
use crate::node_stats::{PublisherReport, ServiceReport, SubscriptionReport};
use crate::peer_facts::PeerFacts;
use crate::recent_refusals::RecentRefusal;
use crate::security::refusal::Reason;
use crate::service_calls::ServiceClientStats;
use crate::stats::PublisherStats;

/// What the message has room for; see `NodeFacts.msg`.
const FINDINGS_MAX: usize = 256;
const PEERS_MAX: usize = 1024;
const LINKS_MAX: usize = 64;
const LINK_LEN_MAX: usize = 256;
const SUBJECT_LEN_MAX: usize = 512;
const TEXT_LEN_MAX: usize = 1024;

impl Node {
    /// What this node says of itself to those who ask: [`stats`](Self::stats), [`health`](Self::health) and
    /// [`peers`](Self::peers) as one message.
    pub fn facts(&self) -> NodeFacts {
        self.core.facts()
    }
}

impl NodeCore {
    pub(crate) fn facts(&self) -> NodeFacts {
        let (stats, health, peers) = (self.stats(), self.health(), self.peer_facts());
        let services = stats.servers.iter().map(server).chain(stats.clients.iter().map(client));
        NodeFacts {
            stamp: time_from_ns(clock::now_ns()),
            node: self.name.as_str().to_owned(),
            epoch: self.epoch,
            started: time_from_ns(self.started_ns),
            uptime_ns: u64::try_from(stats.uptime.as_nanos()).unwrap_or(u64::MAX),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            level: level(health.level()),
            findings: health.findings.iter().take(FINDINGS_MAX).map(finding).collect(),
            publishers: stats.publishers.iter().take(ENDPOINTS_MAX).map(publisher).collect(),
            subscriptions: stats
                .subscriptions
                .iter()
                .take(ENDPOINTS_MAX)
                .map(subscription)
                .collect(),
            services: services.take(SERVICES_MAX).collect(),
            peers: peers.iter().take(PEERS_MAX).map(peer).collect(),
            peers_total: u32::try_from(peers.len()).unwrap_or(u32::MAX),
            refused: refused(&stats.refused),
            recent_refusals: self.refusals.recent.newest_first().iter().map(recent).collect(),
            signatures: stats.signing.signatures,
            signed_frames: stats.signing.frames,
            signing_ns: u64::try_from(stats.signing.time.as_nanos()).unwrap_or(u64::MAX),
            verifications: stats.verifications,
            discovery: cut(self.link.discovery(), TEXT_LEN_MAX),
            links: stats
                .links
                .iter()
                .take(LINKS_MAX)
                .map(|link| cut(link, LINK_LEN_MAX))
                .collect(),
            links_total: u32::try_from(stats.links.len()).unwrap_or(u32::MAX),
            router: self
                .link
                .router()
                .map_or_else(String::new, |router| cut(&router.to_string(), TEXT_LEN_MAX)),
            metrics: self
                .metrics_address()
                .map(|address| address.to_string())
                .unwrap_or_default(),
        }
    }
}

const fn level(level: Level) -> u8 {
    match level {
        Level::Ok => NodeFacts::LEVEL_OK,
        Level::Warning => NodeFacts::LEVEL_WARNING,
        Level::Error => NodeFacts::LEVEL_ERROR,
    }
}

fn finding(finding: &Finding) -> HealthFinding {
    HealthFinding {
        level: level(finding.level),
        code: finding.kind.as_str().to_owned(),
        subject: cut(&finding.subject, SUBJECT_LEN_MAX),
        found: cut(&finding.found, TEXT_LEN_MAX),
        remedy: cut(&finding.remedy, SUBJECT_LEN_MAX),
    }
}

fn publisher(report: &PublisherReport) -> PublisherCounters {
    let stats = &report.stats;
    PublisherCounters {
        topic: report.topic.as_str().to_owned(),
        type_name: report.type_name.clone(),
        matched: u32::try_from(report.matched).unwrap_or(u32::MAX),
        sent: stats.sent,
        sent_bytes: stats.sent_bytes,
        dropped: stats.dropped,
        failed: stats.failed,
        blocked: stats.blocked,
        timed_out: stats.timed_out,
        would_block: stats.would_block,
        deadlines_missed: report.deadlines_missed,
        liveliness_lost: report.liveliness_lost,
        queued: stats.queue_len,
        queued_bytes: stats.queue_bytes,
        queue_bytes_max: PublisherStats::QUEUE_BYTES_MAX,
    }
}

fn subscription(report: &SubscriptionReport) -> SubscriptionCounters {
    let stats = &report.stats;
    SubscriptionCounters {
        topic: report.topic.as_str().to_owned(),
        type_name: report.type_name.clone(),
        matched: u32::try_from(report.matched).unwrap_or(u32::MAX),
        received: stats.received,
        received_bytes: stats.received_bytes,
        recovered: stats.recovered,
        missing: stats.missing,
        duplicates: stats.duplicates,
        dropped: stats.dropped,
        expired: stats.expired,
        incompatible: stats.incompatible,
        deadlines_missed: report.deadlines_missed,
        queued: stats.queue_len as u64,
        depth: stats.queue_depth as u64,
        timed_frames: stats.timed_frames,
        delay_sum_ns: stats.delay_sum_ns,
        jitter_sum_ns: stats.jitter_sum_ns,
        refused: refused(&stats.refused),
    }
}

fn server(report: &ServiceReport<ServiceServerStats>) -> ServiceCounters {
    let stats = &report.stats;
    ServiceCounters {
        name: report.name.as_str().to_owned(),
        type_name: report.type_name.clone(),
        is_server: true,
        requests: stats.requests.received,
        answered: stats.answered,
        faults: stats.faults,
        overloaded: stats.overloaded,
        refused: stats.requests.refused_total(),
        waiting: stats.waiting as u64,
        depth: stats.depth as u64,
    }
}

fn client(report: &ServiceReport<ServiceClientStats>) -> ServiceCounters {
    let stats = &report.stats;
    ServiceCounters {
        name: report.name.as_str().to_owned(),
        type_name: report.type_name.clone(),
        is_server: false,
        requests: stats.sent,
        answered: stats.answered,
        faults: stats.faults,
        refused: stats.refused,
        waiting: stats.open as u64,
        ..ServiceCounters::default()
    }
}

fn peer(facts: &PeerFacts) -> PeerEntry {
    let time = |ns: Option<i64>| ns.map_or_else(Time::default, time_from_ns);
    PeerEntry {
        node: facts.name.as_str().to_owned(),
        key: *facts.key.as_bytes(),
        nickname: facts.nickname.as_ref().map(ToString::to_string).unwrap_or_default(),
        epoch: facts.epoch,
        is_verified: facts.verdict.is_some(),
        verdict: facts.verdict.map_or("", |verdict| verdict.as_str()).to_owned(),
        first_seen: time(facts.first_seen_ns),
        last_seen: time(facts.last_seen_ns),
        refused: facts.refused,
        has_clock_offset: facts.clock_offset_ns.is_some(),
        clock_offset_ns: facts.clock_offset_ns.unwrap_or_default(),
    }
}

fn recent(refusal: &RecentRefusal) -> RecentEntry {
    RecentEntry {
        stamp: time_from_ns(refusal.time_ns),
        topic: refusal.topic.as_str().to_owned(),
        reason: refusal.reason.to_string(),
        has_key: refusal.key.is_some(),
        key: refusal.key.map(|key| *key.as_bytes()).unwrap_or_default(),
        count: refusal.count,
        detail: cut(&refusal.detail, SUBJECT_LEN_MAX),
    }
}

fn refused(counts: &BTreeMap<Reason, u64>) -> Vec<RefusalCounter> {
    let counter = |(reason, count): (&Reason, &u64)| RefusalCounter {
        reason: reason.to_string(),
        count: *count,
    };
    counts.iter().map(counter).collect()
}

/// The text, or as much of it as there is room for.
fn cut(text: &str, len_max: usize) -> String {
    text.get(..text.floor_char_boundary(len_max))
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use nuncio_msgs::Message;

    use super::*;
    use crate::health::FindingKind;

    #[test]
    fn what_is_too_long_is_cut_between_characters_so_that_the_facts_can_be_signed() {
        assert_eq!(cut("größe", 4), "grö");
        assert_eq!(cut("größe", 3), "gr");
        assert_eq!(cut("short", 100), "short");
        let long = Finding {
            kind: FindingKind::NoLink,
            level: Level::Error,
            subject: "ß".repeat(1000),
            found: "ß".repeat(1000),
            remedy: "ß".repeat(1000).into(),
        };
        let facts = NodeFacts {
            findings: vec![finding(&long); FINDINGS_MAX],
            links: vec![cut(&"x".repeat(1000), LINK_LEN_MAX); LINKS_MAX],
            ..NodeFacts::default()
        };
        assert_eq!(facts.check(), Ok(()));
        let one_more = NodeFacts {
            findings: vec![finding(&long); FINDINGS_MAX + 1],
            ..NodeFacts::default()
        };
        assert!(one_more.check().is_err(), "the bound is that of the message");
    }
}
