//! The part of `doctor` that asks nodes: their health, versions, clocks, and what they have refused.

use nuncio::graph::GraphNode;
use nuncio::msgs::nuncio_msgs::msg::NodeFacts;
use nuncio::{FactsError, NodeName, PeerFacts, Reason};

use super::node_facts::fetch_all;
use crate::findings::Finding;
use crate::render::span;
use crate::session::Session;

/// The most nodes that are asked: of a large fleet, `node health` asks all.
const NODES_MAX: usize = 64;

/// By how much clocks may stand apart before that is a problem.
const CLOCK_TOLERANCE_NS: i64 = 1_000_000_000;

pub(super) async fn look(session: &Session<'_>, nodes: &[&GraphNode]) -> Vec<Finding> {
    let own_version = env!("CARGO_PKG_VERSION");
    let verified = nodes.iter().filter(|node| node.is_verified() && !node.name.is_hidden());
    let asked: Vec<GraphNode> = verified.take(NODES_MAX).map(|node| (*node).clone()).collect();
    let mut findings: Vec<Finding> = asked
        .iter()
        .filter_map(|node| look_at_version(node, own_version))
        .collect();
    let peers = session.node.peers();
    findings.extend(look_at_clocks(&peers));
    for (node, facts) in fetch_all(session, asked).await {
        findings.extend(judge(&node.name, facts));
    }
    findings
}

fn look_at_version(node: &GraphNode, own: &str) -> Option<Finding> {
    let version = &node.card.as_deref()?.version;
    (version != own).then(|| {
        let text = format!("it was built with Nuncio {version}, this program with {own}");
        Finding::notice(format!("node {}", node.name), text)
            .with_remedy("messages of both are understood as long as the wire format is the same; update the older one")
    })
}

/// The clocks of those that answered at first contact, as far as they stand apart, and otherwise how well they agree.
fn look_at_clocks(peers: &[PeerFacts]) -> Vec<Finding> {
    let measured = peers.iter().filter_map(|peer| Some((peer, peer.clock_offset_ns?)));
    let measured: Vec<(&PeerFacts, i64)> = measured.collect();
    let (apart, near): (Vec<_>, Vec<_>) = measured
        .into_iter()
        .partition(|(_, offset)| offset.saturating_abs() > CLOCK_TOLERANCE_NS);
    let mut findings: Vec<Finding> = apart
        .into_iter()
        .map(|(peer, offset)| {
            let way = if offset > 0 { "ahead of" } else { "behind" };
            let text = format!("its clock is {} {way} this one", span(offset.saturating_abs()));
            Finding::problem(format!("clock of {}", peer.name), text)
                .with_remedy("set the clocks of both machines by the same source, such as chrony or NTP")
        })
        .collect();
    let furthest = near.iter().map(|(_, offset)| offset.saturating_abs()).max();
    findings.extend(furthest.map(|furthest| {
        let text = format!("those of {} agree with this one within {}", near.len(), span(furthest));
        Finding::good("clocks of nodes", text)
    }));
    findings
}

/// What a node says of itself.
fn judge(name: &NodeName, facts: Result<NodeFacts, FactsError>) -> Vec<Finding> {
    let about = format!("health of {name}");
    let facts = match facts {
        Ok(facts) => facts,
        Err(error) => {
            let remedy = "see whether its program hangs or was stopped, and start it again";
            return vec![Finding::problem(about, error.to_string()).with_remedy(remedy)];
        }
    };
    let mut findings: Vec<Finding> = facts
        .findings
        .iter()
        // Refusals are told below, with all there were.
        .filter(|finding| finding.code != "refused")
        .map(|found| {
            let subject = match found.subject.as_str() {
                "" => String::new(),
                subject => format!("{subject}: "),
            };
            let text = format!("{subject}{}", found.found);
            let finding = match found.level >= NodeFacts::LEVEL_ERROR {
                true => Finding::problem(about.clone(), text),
                false => Finding::notice(about.clone(), text),
            };
            finding.with_remedy(found.remedy.clone())
        })
        .collect();
    let refused = facts.refused.iter().filter(|refused| refused.count > 0);
    findings.extend(refused.map(|refused| {
        let reason = Reason::ALL.into_iter().find(|reason| reason.as_str() == refused.reason);
        let latest = facts
            .recent_refusals
            .iter()
            .find(|recent| recent.reason == refused.reason);
        let detail = latest.map_or_else(String::new, |latest| {
            format!(", the last on {}: {}", latest.topic, latest.detail)
        });
        let text = format!("it has refused {} for {}{detail}", refused.count, refused.reason);
        let finding = Finding::notice(format!("refusals of {name}"), text);
        match reason {
            Some(reason) => finding.with_remedy(reason.remedy()),
            None => finding,
        }
    }));
    if findings.is_empty() {
        findings.push(Finding::good(about, "well, and it has refused nothing"));
    }
    findings
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use nuncio::msgs::nuncio_msgs::msg::{HealthFinding, RecentRefusal, RefusalCounter};

    use super::*;
    use crate::findings::State;

    #[test]
    fn an_error_of_a_node_is_a_problem_and_what_strangers_can_cause_is_none() {
        let name = NodeName::parse("/arm").unwrap();
        let finding = |level, code: &str| HealthFinding {
            level,
            code: code.to_owned(),
            subject: "/scan".to_owned(),
            found: "7 in all".to_owned(),
            remedy: "look".to_owned(),
        };
        let facts = NodeFacts {
            findings: vec![
                finding(NodeFacts::LEVEL_ERROR, "messages_lost"),
                finding(NodeFacts::LEVEL_WARNING, "queue_overflow"),
                finding(NodeFacts::LEVEL_WARNING, "refused"),
            ],
            refused: vec![RefusalCounter {
                reason: "NotPermitted".to_owned(),
                count: 12,
            }],
            recent_refusals: vec![RecentRefusal {
                topic: "/scan".to_owned(),
                reason: "NotPermitted".to_owned(),
                detail: "no role".to_owned(),
                ..RecentRefusal::default()
            }],
            ..NodeFacts::default()
        };
        let found = judge(&name, Ok(facts));
        let said: Vec<_> = found
            .iter()
            .map(|finding| (finding.state, finding.text.as_str()))
            .collect();
        assert_eq!(
            said,
            [
                (State::Problem, "/scan: 7 in all"),
                (State::Notice, "/scan: 7 in all"),
                (
                    State::Notice,
                    "it has refused 12 for NotPermitted, the last on /scan: no role"
                ),
            ]
        );
        assert!(found.iter().all(|finding| finding.remedy.is_some()));
        assert_eq!(judge(&name, Ok(NodeFacts::default()))[0].state, State::Good);
        assert_eq!(
            judge(&name, Err(FactsError::NotVerified { node: name.clone() }))[0].state,
            State::Problem
        );
    }
}
