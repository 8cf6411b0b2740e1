//! What is looked at to tell whether a node is well.
//!
//! Each check reads counters that are there anyway, and when they last grew. Nothing is counted for health alone, and no
//! thread waits for it.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::sync::Arc;

use crate::clock;
use crate::generic_publisher::PublisherFacts;
use crate::health::{Finding, FindingKind, Health, LATELY, QueueKind, QueueUse};
use crate::matching;
use crate::node::{Node, NodeCore};
use crate::security::certificate_chain::CertificateChain;
use crate::security::time_text::utc_text;
use crate::sign_of_life::{nanoseconds, ticks};
use crate::stats::{PublisherStats, Tally};

/// How long before its end a certificate is said to expire soon.
const EXPIRES_SOON_NS: i64 = 7 * 24 * 3600 * 1_000_000_000;

/// By how much clocks may differ, or be set, before that is told.
const CLOCK_TOLERANCE_NS: i64 = 1_000_000_000;

/// The most nodes whose clocks are told about: when it is ours that is wrong, all of theirs are.
const CLOCKS_TOLD_MAX: usize = 8;

impl Node {
    /// Whether this node does its work, and if not, why.
    ///
    /// ```no_run
    /// # async fn run(node: nuncio::Node) {
    /// let health = node.health();
    /// for finding in &health.findings {
    ///     eprintln!("{}: {finding}", finding.level);
    /// }
    /// # }
    /// ```
    pub fn health(&self) -> Health {
        self.core.health()
    }
}

/// The findings so far.
struct Findings {
    now: u64,
    all: Vec<Finding>,
}

impl Findings {
    fn add(&mut self, kind: FindingKind, subject: &str, found: String) {
        self.add_with(kind, subject, found, kind.remedy());
    }

    fn add_with(&mut self, kind: FindingKind, subject: &str, found: String, remedy: &'static str) {
        self.all.push(Finding {
            kind,
            level: kind.level(),
            subject: subject.to_owned(),
            found,
            remedy: Cow::Borrowed(remedy),
        });
    }

    /// A finding if something was counted lately.
    fn lately(&mut self, kind: FindingKind, subject: &str, tally: &Tally, what: &str) {
        self.lately_at(kind, subject, (tally.get(), tally.last()), what);
    }

    fn lately_at(&mut self, kind: FindingKind, subject: &str, (count, last): (u64, u64), what: &str) {
        if self.is_lately(last) {
            self.add(kind, subject, told(count, what, self.now.saturating_sub(last)));
        }
    }

    fn is_lately(&self, last: u64) -> bool {
        last != 0 && self.now.saturating_sub(last) <= nanoseconds(LATELY)
    }
}

/// `what`, how often, and how long ago that was for the last time.
fn told(count: u64, what: &str, ago: u64) -> String {
    format!("{what} {count} in all, the last {:.1} s ago", ago as f64 / 1e9)
}

impl NodeCore {
    pub(crate) fn health(&self) -> Health {
        let mut findings = Findings {
            now: ticks(),
            all: Vec::new(),
        };
        let mut queues = Vec::new();
        self.check_link(&mut findings);
        self.check_trust(&mut findings);
        self.check_clocks(&mut findings);
        self.check_publishers(&mut findings, &mut queues);
        self.check_subscriptions(&mut findings, &mut queues);
        self.check_servers(&mut findings, &mut queues);
        self.check_refusals(&mut findings);
        findings.all.sort_by_key(|finding| Reverse(finding.level));
        Health {
            findings: findings.all,
            queues,
        }
    }

    fn check_link(&self, findings: &mut Findings) {
        if self.check_open().is_err() {
            return findings.add(FindingKind::Closed, "", "the node is closed".to_owned());
        }
        let router = self.link.router();
        if let Some(lost_for) = router.as_ref().and_then(|router| router.lost_for) {
            let found = format!("the router of this machine is gone for {} s", lost_for.as_secs());
            findings.add(FindingKind::RouterLost, "", found);
        } else if !self.link.connects_to().is_empty() && self.link.links().is_empty() {
            let found = format!(
                "no link is up; it was to connect to {}",
                self.link.connects_to().join(" ")
            );
            findings.add(FindingKind::NoLink, "", found);
        }
    }

    fn check_trust(&self, findings: &mut Findings) {
        let problems = [self.trust_watch.problem(), self.revocations.problem()];
        for problem in problems.into_iter().flatten() {
            findings.add(FindingKind::TrustProblem, "", problem);
        }
        if let Some(problem) = self.believer.problem() {
            findings.add(FindingKind::PinProblem, "", problem);
        }
        let Ok(chain) = CertificateChain::parse(&self.trust_watch.certificates()) else {
            return;
        };
        let ends = chain.certificates().map(|certificate| certificate.terms().not_after_ns);
        let (end, now_ns) = (ends.min().unwrap_or(i64::MAX), clock::now_ns());
        if end <= now_ns {
            let found = format!("the certificate of this node's key has expired at {}", utc_text(end));
            findings.add(FindingKind::CertificateExpired, "", found);
        } else if end - now_ns < EXPIRES_SOON_NS {
            let found = format!("the certificate of this node's key expires at {}", utc_text(end));
            findings.add(FindingKind::CertificateExpires, "", found);
        }
    }

    fn check_clocks(&self, findings: &mut Findings) {
        let seconds = |ns: i64| ns as f64 / 1e9;
        let set_by = self.clock_set_by();
        if set_by.saturating_abs() > CLOCK_TOLERANCE_NS {
            let found = format!(
                "the clock was set by {:+.1} s since the node was opened",
                seconds(set_by)
            );
            findings.add(FindingKind::ClockSet, "", found);
        }
        let peers = self.peers.all();
        let apart = peers.iter().filter_map(|peer| {
            let offset = peer.clock_offset_ns()?;
            (offset.saturating_abs() > CLOCK_TOLERANCE_NS).then_some((peer, offset))
        });
        for (peer, offset) in apart.take(CLOCKS_TOLD_MAX) {
            let found = format!("its clock is {:+.1} s ahead of ours", seconds(offset));
            findings.add(FindingKind::ClockOffset, peer.name().as_str(), found);
        }
    }

    fn check_publishers(&self, findings: &mut Findings, queues: &mut Vec<QueueUse>) {
        for outbox in self.signing_desk.outboxes() {
            let (facts, topic) = (outbox.facts(), outbox.facts().topic.as_str());
            for (kind, tally, what) in of_publisher(facts) {
                findings.lately(kind, topic, tally, what);
            }
            let misfits = matching::lock(&facts.matches).misfits().next().map(|(of, policy)| {
                format!("the subscriber of {of} requests more {policy} than is offered, and gets nothing")
            });
            if let Some(found) = misfits {
                findings.add(FindingKind::IncompatibleQos, topic, found);
            }
            let bytes = outbox.stats().queue_bytes;
            queues.push(QueueUse {
                kind: QueueKind::Publisher,
                subject: topic.to_owned(),
                fraction: fraction(bytes, PublisherStats::QUEUE_BYTES_MAX),
            });
        }
    }

    fn check_subscriptions(&self, findings: &mut Findings, queues: &mut Vec<QueueUse>) {
        for facts in self.endpoints.subscribers() {
            let Some(reception) = facts.reception.upgrade() else {
                continue;
            };
            let (topic, counters, queue) = (facts.topic.as_str(), &reception.counters, &reception.queue);
            let deadlines = &facts.deadlines_missed;
            findings.lately(
                FindingKind::RequestedDeadlineMissed,
                topic,
                deadlines,
                "deadlines missed:",
            );
            findings.lately(FindingKind::MessagesLost, topic, &counters.missing, "messages lost:");
            findings.lately(
                FindingKind::Expired,
                topic,
                &counters.expired,
                "messages that were too old:",
            );
            let dropped = (queue.dropped(), queue.last_drop());
            findings.lately_at(
                FindingKind::QueueOverflow,
                topic,
                dropped,
                "messages that a full queue dropped:",
            );
            let misfits = matching::lock(&facts.matches).misfits().next().map(|(of, policy)| {
                format!("the publisher of {of} offers less {policy} than is requested, and nothing of it is delivered")
            });
            if let Some(found) = misfits {
                findings.add(FindingKind::IncompatibleQos, topic, found);
            }
            queues.push(QueueUse {
                kind: QueueKind::Subscription,
                subject: topic.to_owned(),
                fraction: fraction(queue.len() as u64, queue.depth() as u64),
            });
        }
        for (publisher, topic) in self.watch.silent() {
            let found = format!("the publisher of {publisher} has not shown within its lease that it is alive");
            findings.add(FindingKind::LivelinessLost, topic.as_str(), found);
        }
    }

    fn check_servers(&self, findings: &mut Findings, queues: &mut Vec<QueueUse>) {
        for port in self.endpoints.servers() {
            let name = port.facts.name.as_str();
            let overloaded = &port.counters.overloaded;
            findings.lately(
                FindingKind::RequestOverflow,
                name,
                overloaded,
                "requests that found no room:",
            );
            queues.push(QueueUse {
                kind: QueueKind::Server,
                subject: name.to_owned(),
                fraction: fraction(port.desk.len() as u64, port.desk.depth() as u64),
            });
        }
    }

    fn check_refusals(&self, findings: &mut Findings) {
        for (reason, tally) in self.refusals.counters.tallies() {
            if findings.is_lately(tally.last()) {
                let what = format!("refused as {reason} ({}):", reason.meaning());
                let found = told(tally.get(), &what, findings.now - tally.last());
                findings.add_with(FindingKind::Refused, "", found, reason.remedy());
            }
        }
    }
}

/// What a publisher counts that should not happen.
fn of_publisher(facts: &Arc<PublisherFacts>) -> [(FindingKind, &Tally, &'static str); 6] {
    [
        (
            FindingKind::PublishFailed,
            &facts.failed,
            "messages that the link did not take:",
        ),
        (
            FindingKind::PublishTimedOut,
            &facts.timed_out,
            "messages given up for want of room:",
        ),
        (
            FindingKind::PublishBlocked,
            &facts.blocked,
            "times that `publish` waited for room:",
        ),
        (
            FindingKind::PublishDropped,
            &facts.dropped,
            "messages dropped for want of room:",
        ),
        (
            FindingKind::OfferedDeadlineMissed,
            &facts.deadlines_missed,
            "deadlines missed:",
        ),
        (
            FindingKind::LivelinessLost,
            &facts.liveliness_lost,
            "times that liveliness was not asserted:",
        ),
    ]
}

fn fraction(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Level;

    #[test]
    fn a_finding_stands_for_a_while_after_what_it_is_about_and_then_goes() {
        let tally = Tally::default();
        let window = nanoseconds(LATELY);
        let found_at = |now| {
            let mut findings = Findings { now, all: Vec::new() };
            findings.lately(FindingKind::MessagesLost, "/scan", &tally, "messages lost:");
            findings.all
        };
        assert_eq!(found_at(ticks()), [], "nothing has ever happened");
        tally.add(0);
        assert_eq!(found_at(ticks()), [], "none is none");
        tally.add(3);
        let [finding] = &*found_at(tally.last() + window) else {
            panic!("nothing found")
        };
        assert_eq!(finding.found, "messages lost: 3 in all, the last 10.0 s ago");
        assert_eq!((finding.level, finding.subject.as_str()), (Level::Error, "/scan"));
        assert_eq!(found_at(tally.last() + window + 1), []);
        let [finding] = &*found_at(tally.last() - 1) else {
            panic!("what is counted while the node is looked at is found, too")
        };
        assert_eq!(finding.found, "messages lost: 3 in all, the last 0.0 s ago");
    }

    #[test]
    fn what_strangers_can_cause_is_no_error() {
        for kind in [
            FindingKind::Refused,
            FindingKind::ClockOffset,
            FindingKind::IncompatibleQos,
        ] {
            assert_eq!(kind.level(), Level::Warning);
        }
    }
}
