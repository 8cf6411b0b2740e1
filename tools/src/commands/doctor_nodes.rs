//! The part of `doctor` that asks nodes: their health, versions, clocks, and what they have refused.

use std::time::Duration;

use nuncio::graph::GraphNode;
use nuncio::msgs::nuncio_msgs::msg::NodeFacts;
use nuncio::{FactsError, NodeName, Reason, clock};
use tokio::task::JoinSet;

use crate::findings::Finding;
use crate::render::span;
use crate::session::Session;

/// The most nodes that are asked: of a large fleet, `node health` asks all.
const NODES_MAX: usize = 64;

/// How long a node may take to answer unless `--timeout` says otherwise.
const PATIENCE: Duration = Duration::from_secs(2);

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
    let answers = ask(session, asked).await;
    let offsets = answers.iter().filter_map(Answer::clock_offset).collect::<Vec<_>>();
    findings.extend(look_at_clocks(&offsets));
    for answer in answers {
        findings.extend(judge(&answer.node.name, answer.facts));
    }
    findings
}

/// What a node has answered, and when it was asked and heard, by the own clock in ns since 1970.
struct Answer {
    node: GraphNode,
    facts: Result<NodeFacts, FactsError>,
    asked_ns: i64,
    heard_ns: i64,
}

impl Answer {
    /// How far the clock of the node is ahead, and by how much that may be wrong: half of the round trip.
    fn clock_offset(&self) -> Option<(&NodeName, i64, i64)> {
        let facts = self.facts.as_ref().ok()?;
        let half = self.heard_ns.saturating_sub(self.asked_ns).max(0) / 2;
        let said = i64::from(facts.stamp.sec).saturating_mul(1_000_000_000);
        let said = said.saturating_add(i64::from(facts.stamp.nanosec));
        let offset = said.saturating_sub(self.asked_ns.saturating_add(half));
        Some((&self.node.name, offset, half))
    }
}

/// Asks nodes for their facts, all at once.
async fn ask(session: &Session<'_>, nodes: Vec<GraphNode>) -> Vec<Answer> {
    let patience = session.timeout.unwrap_or(PATIENCE);
    let mut asked = JoinSet::new();
    for node in nodes {
        let asking = session.node.clone();
        asked.spawn(async move {
            let asked_ns = clock::now_ns();
            let facts = asking.fetch_facts(&node, patience).await;
            let heard_ns = clock::now_ns();
            Answer {
                node,
                facts,
                asked_ns,
                heard_ns,
            }
        });
    }
    let mut answers = Vec::new();
    while let Some(answer) = session.render.progress("asking nodes", asked.join_next()).await {
        answers.extend(answer.ok());
    }
    answers.sort_by(|a, b| a.node.name.cmp(&b.node.name));
    answers
}

fn look_at_version(node: &GraphNode, own: &str) -> Option<Finding> {
    let version = &node.card.as_deref()?.version;
    (version != own).then(|| {
        let text = format!("it was built with Nuncio {version}, this program with {own}");
        Finding::notice(format!("node {}", node.name), text)
            .with_remedy("messages of both are understood as long as the wire format is the same; update the older one")
    })
}

/// The clocks of those that answered, as far as they stand apart, and otherwise how well they agree.
fn look_at_clocks(offsets: &[(&NodeName, i64, i64)]) -> Vec<Finding> {
    let is_apart = |offset: i64, error: i64| offset.saturating_abs() > CLOCK_TOLERANCE_NS.saturating_add(error);
    let apart = offsets.iter().filter(|(_, offset, error)| is_apart(*offset, *error));
    let mut findings: Vec<Finding> = apart
        .map(|(node, offset, error)| {
            let way = if *offset > 0 { "ahead of" } else { "behind" };
            let text = format!(
                "its clock is {} {way} this one, give or take {}",
                span(offset.saturating_abs()),
                span(*error)
            );
            Finding::problem(format!("clock of {node}"), text)
                .with_remedy("set the clocks of both machines by the same source, such as chrony or NTP")
        })
        .collect();
    let near = offsets.iter().filter(|(_, offset, error)| !is_apart(*offset, *error));
    let near: Vec<i64> = near
        .map(|(_, offset, error)| offset.saturating_abs().max(*error))
        .collect();
    findings.extend(near.iter().max().map(|furthest| {
        let text = format!("those of {} agree with this one within {}", near.len(), span(*furthest));
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
    fn a_clock_that_stands_apart_by_more_than_the_round_trip_explains_is_a_problem() {
        let (arm, base) = (NodeName::parse("/arm").unwrap(), NodeName::parse("/base").unwrap());
        let second = 1_000_000_000;
        let found = look_at_clocks(&[(&arm, -5 * second, second / 2), (&base, 2 * second, 2 * second)]);
        let said: Vec<_> = found
            .iter()
            .map(|finding| (finding.state, finding.about.as_str()))
            .collect();
        assert_eq!(
            said,
            [(State::Problem, "clock of /arm"), (State::Good, "clocks of nodes")]
        );
        assert!(found[0].text.contains("behind this one"), "{}", found[0].text);
        assert_eq!(look_at_clocks(&[]), []);
    }

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
