//! `node health`: which nodes do their work, and why the others do not.

use nuncio::FactsError;
use nuncio::graph::GraphNode;
use nuncio::msgs::nuncio_msgs::msg::{HealthFinding, NodeFacts};

use super::node_facts::{fetch_all, level_word};
use super::{CommandError, Outcome};
use crate::answers::node as answers;
use crate::cli::NodeHealth;
use crate::render::{OutputError, Render, Tone, count, short_key};
use crate::session::Session;

pub(super) async fn run(session: &mut Session<'_>, args: NodeHealth) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    let is_meant = |node: &&GraphNode| match &args.node {
        Some(name) => node.name == *name,
        None => !node.name.is_hidden(),
    };
    let nodes: Vec<_> = graph.nodes.iter().filter(is_meant).cloned().collect();
    let render = session.render;
    if nodes.is_empty() {
        match &args.node {
            Some(name) => render.note(format!("no node is called {name}")),
            None => render.note("no nodes"),
        }
        session.explain_nothing(&graph).await;
        return Ok(Outcome::Nothing);
    }
    let answers = fetch_all(session, nodes).await;
    let mut unwell = 0;
    for (node, facts) in &answers {
        let is_well = facts.as_ref().is_ok_and(|facts| facts.level < NodeFacts::LEVEL_ERROR);
        unwell += usize::from(!is_well);
        match render.is_json() {
            true => render.answer(&health(node, facts))?,
            false => show(render, node, facts)?,
        }
    }
    if unwell > 0 {
        render.note(format!("{unwell} of {} not well", count(answers.len(), "node")));
        return Ok(Outcome::Refused);
    }
    Ok(Outcome::Found)
}

fn health<'a>(node: &'a GraphNode, facts: &'a Result<NodeFacts, FactsError>) -> answers::NodeHealth<'a> {
    let findings = facts.iter().flat_map(|facts| &facts.findings);
    answers::NodeHealth {
        node: node.name.as_str(),
        key: node.key.to_string(),
        level: facts.as_ref().map_or("error", |facts| level_word(facts.level)),
        healthy: facts.as_ref().is_ok_and(|facts| facts.level < NodeFacts::LEVEL_ERROR),
        problem: facts.as_ref().err().map(ToString::to_string),
        findings: findings.map(finding_of).collect(),
    }
}

fn finding_of(finding: &HealthFinding) -> answers::HealthFinding<'_> {
    answers::HealthFinding {
        kind: &finding.code,
        level: level_word(finding.level),
        subject: &finding.subject,
        found: &finding.found,
        remedy: &finding.remedy,
    }
}

fn show(render: &Render, node: &GraphNode, facts: &Result<NodeFacts, FactsError>) -> Result<(), OutputError> {
    let who = format!("{}  {}", node.name, short_key(&node.key));
    let facts = match facts {
        Ok(facts) => facts,
        Err(error) => return render.line(Some(Tone::Warning), &format!("{who}  NO ANSWER: {error}")),
    };
    let tone = (facts.level > NodeFacts::LEVEL_OK).then_some(Tone::Warning);
    render.line(
        tone.or(Some(Tone::Strong)),
        &format!("{who}  {}", level_word(facts.level)),
    )?;
    for finding in &facts.findings {
        let subject = match finding.subject.as_str() {
            "" => String::new(),
            subject => format!("{subject}: "),
        };
        render.line(
            None,
            &format!("  {}: {subject}{}", level_word(finding.level), finding.found),
        )?;
        render.line(Some(Tone::Quiet), &format!("    {}", finding.remedy))?;
    }
    Ok(())
}
