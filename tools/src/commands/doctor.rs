//! `doctor`: looks at everything that keeps messages from arriving, and says what to do about it.
//!
//! First what is on this machine, so that a broken file is told even though no node can start; then the network.

use std::collections::BTreeSet;

use nuncio::graph::GraphNode;
use nuncio::security::certificate_chain::CertificateChain;
use nuncio::security::decision::Question;
use nuncio::security::role::Action;
use nuncio::{Reason, Refusal, TopicName, TrustPolicy, clock};

use super::{CommandError, Outcome, doctor_environment, doctor_keystore, doctor_nodes, doctor_routers, in_a_runtime};
use crate::answers::diagnosis::ReasonTold;
use crate::cli::{Doctor, GlobalArgs};
use crate::findings::{Finding, State};
use crate::render::{Render, Table, Tone, count, short_key, span};
use crate::session::Session;

/// How far the start of a node may seem to lie ahead before its clock is taken to be wrong.
const CLOCK_SLACK_MS: u64 = 2000;

pub(super) fn run(render: &Render, global: &GlobalArgs, args: &Doctor) -> Result<Outcome, CommandError> {
    if args.reasons {
        return reasons(render);
    }
    let mut findings = in_a_runtime(async || Ok(doctor_environment::look(global).await))?;
    findings.extend(doctor_keystore::look(global));
    let is_broken = findings.iter().any(|finding| finding.state == State::Problem);
    for finding in &findings {
        print(render, finding)?;
    }
    render.flush()?;
    let on_network = in_a_runtime(async || match Session::open(global, render).await {
        Ok(mut session) => {
            let found = look_at_network(&mut session).await;
            session.close().await;
            found
        }
        Err(error) if is_broken => Ok(vec![Finding::notice("network", format!("not looked at: {error}"))]),
        Err(error) => Ok(vec![Finding::problem("network", error.to_string())]),
    })?;
    let on_network = doctor_routers::look(global).into_iter().chain(on_network);
    for finding in on_network {
        print(render, &finding)?;
        findings.push(finding);
    }
    let problems = findings
        .iter()
        .filter(|finding| finding.state == State::Problem)
        .count();
    match problems {
        0 => render.note("healthy"),
        _ => render.warning(format!("{} found", count(problems, "problem"))),
    }
    Ok(if problems == 0 {
        Outcome::Found
    } else {
        Outcome::Refused
    })
}

/// All reasons for which messages are refused.
fn reasons(render: &Render) -> Result<Outcome, CommandError> {
    let mut table = Table::new(["NR", "REASON", "WHAT WAS FOUND", "WHAT TO DO"]);
    for reason in Reason::ALL {
        if render.is_json() {
            render.answer(&ReasonTold {
                number: reason.number(),
                reason: reason.to_string(),
                meaning: reason.meaning(),
                remedy: reason.remedy(),
            })?;
        } else {
            table.row([
                reason.number().to_string(),
                reason.to_string(),
                reason.meaning().to_owned(),
                reason.remedy().to_owned(),
            ]);
        }
    }
    if !render.is_json() {
        for (index, line) in table.lines(0).iter().enumerate() {
            render.line((index == 0).then_some(Tone::Strong), line)?;
        }
    }
    Ok(Outcome::Found)
}

fn print(render: &Render, finding: &Finding) -> Result<(), CommandError> {
    if render.is_json() {
        return Ok(render.answer(&finding.answer())?);
    }
    let reason = finding.reason.map(|reason| format!("{reason}: ")).unwrap_or_default();
    let mut lines = finding.text.lines();
    let first = lines.next().unwrap_or_default();
    let text = format!("{:<8} {}: {reason}{first}", finding.state.as_str(), finding.about);
    render.line((finding.state == State::Problem).then_some(Tone::Warning), &text)?;
    for line in lines {
        render.line(None, &format!("         {line}"))?;
    }
    if let Some(remedy) = &finding.remedy {
        render.line(None, &format!("         what to do: {remedy}"))?;
    }
    Ok(())
}

async fn look_at_network(session: &mut Session<'_>) -> Result<Vec<Finding>, CommandError> {
    let render = session.render;
    let timeout = session.look_for_nodes();
    let settled = session.node.settled_graph(Session::QUIET, timeout);
    let graph = render.progress("looking for nodes", settled).await;
    let neighbours = session.node.neighbours().await;
    let others: Vec<&GraphNode> = graph.nodes.iter().filter(|node| !session.is_own(node)).collect();
    let discovery = format!(
        "{}; {} in domain {}; links: {}",
        session.node.discovery(),
        count(others.len(), "node"),
        session.node.domain(),
        if neighbours.is_empty() {
            "none".to_owned()
        } else {
            neighbours.join(" ")
        }
    );
    let mut findings = vec![match neighbours.is_empty() {
        false => Finding::good("discovery", discovery),
        true => Finding::notice("discovery", discovery).with_remedy(
            "no other program is linked; see that one runs in this domain, and that --discovery or --connect leads to it",
        ),
    }];
    let policy = session.node.trust_policy();
    let now_ms = clock::now_ms();
    for node in &others {
        findings.extend(look_at_node(session, &policy, node, now_ms));
    }
    findings.extend(doctor_nodes::look(session, &others).await);
    findings.extend(
        session
            .node
            .trust_problem()
            .map(|problem| Finding::problem("trust", problem)),
    );
    findings.extend(
        session
            .node
            .pin_problem()
            .map(|problem| Finding::problem("pins", problem)),
    );
    let mut seen: BTreeSet<Reason> = BTreeSet::new();
    while let Some(event) = session.node.try_next_refusal() {
        let Refusal { reason, detail, .. } = event.refusal;
        if seen.insert(reason) {
            findings.push(Finding::refusal(format!("refused on {}", event.topic), reason, detail));
        }
    }
    Ok(findings)
}

/// What a node shows, and what this user's policy makes of it.
fn look_at_node(session: &Session<'_>, policy: &TrustPolicy, node: &GraphNode, now_ms: u64) -> Vec<Finding> {
    let about = format!("node {}", node.name);
    let Some(card) = node.card.as_deref() else {
        let text = format!("a token claims it for {}, but it shows no card", short_key(&node.key));
        return vec![Finding::refusal(about, Reason::UnknownKey, text)];
    };
    let mut findings = Vec::new();
    if node.epoch > now_ms.saturating_add(CLOCK_SLACK_MS) {
        let ahead_ns = node.epoch.saturating_sub(now_ms).saturating_mul(1_000_000);
        let ahead = span(i64::try_from(ahead_ns).unwrap_or(i64::MAX));
        let text = format!("its clock is {ahead} ahead of this one, or was when it started");
        findings.push(Finding::notice(about.clone(), text).with_remedy(Reason::StampInFuture.remedy()));
    }
    let chain = (!card.certificates.is_empty()).then(|| CertificateChain::parse(&card.certificates));
    let topics = card
        .publishers
        .iter()
        .filter_map(|publisher| TopicName::parse(&publisher.topic).ok());
    let mut refused = 0;
    for topic in topics {
        let decision = policy.decide(&Question {
            key: node.key,
            certificate: chain.as_ref().map(Result::as_ref),
            action: Action::Publish,
            topic: &topic,
            domain: session.node.domain(),
            now_ns: clock::now_ns(),
        });
        if let Err(refusal) = decision.answer {
            refused += 1;
            let about = format!("{about} on {topic}");
            let (word, key) = (Action::Publish.as_str(), node.key);
            let text = format!(
                "{}; `nuncio trust check {key} {word} {topic}` explains it",
                refusal.detail
            );
            findings.push(Finding::refusal(about, refusal.reason, text));
        }
    }
    if refused == 0 {
        let published = count(card.publishers.len(), "publisher");
        let text = format!("{}, {published}, none refused", short_key(&node.key));
        findings.push(Finding::good(about, text));
    }
    findings
}
