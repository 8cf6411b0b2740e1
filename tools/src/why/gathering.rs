//! Looks around once: the graph, what nodes answer, what comes while this program listens.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use nuncio::graph::{Endpoint, GraphNode, GraphTopic};
use nuncio::link::multicast_interface;
use nuncio::msgs::nuncio_msgs::msg::{CardPublisher, CardSubscriber, NodeFacts};
use nuncio::security::certificate_chain::CertificateChain;
use nuncio::security::decision::Question;
use nuncio::security::role::Action;
use nuncio::{Discovery, GenericSubscriber, Node, PeerFacts, PublicKey, QosProfile, Refusal, clock};

use super::facts::{Answer, Asked, Facts, NodeSeen, PublisherSeen, RefusalSeen, Road, SubscriberSeen};
use super::{elsewhere, typing};
use crate::cli::GlobalArgs;
use crate::commands::CommandError;
use crate::render::Render;
use crate::session::Session;

/// How long this program listens, and waits for each answer, unless `--timeout` says otherwise.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long it listens at least when there are subscribers: what they count meanwhile is looked at.
const LISTEN_MIN: Duration = Duration::from_secs(1);

/// How long it listens at least to a publisher: what is refused for its rate shows only in several messages.
const HEAR_MIN: Duration = Duration::from_millis(500);

/// The most publishers and the most subscribers that are looked at.
const ENDS_MAX: usize = 64;

/// How many messages wait to be counted.
const QUEUE_DEPTH: NonZeroUsize = NonZeroUsize::new(1024).expect("it is not zero");

/// What nodes have answered, by key and name.
type Answers = BTreeMap<(PublicKey, String), Result<NodeFacts, String>>;

/// Looks around with a node that is open.
///
/// # Errors
///
/// Whatever keeps this program from subscribing to the topic.
pub(crate) async fn gather(
    session: &mut Session<'_>,
    global: &GlobalArgs,
    asked: Asked,
) -> Result<Facts, CommandError> {
    let (render, patience) = (session.render, session.timeout.unwrap_or(PATIENCE));
    let settled = session.node.settled_graph(Session::QUIET, session.look_for_nodes());
    let graph = render.progress("looking for nodes", settled).await;
    let topic = graph.topics().remove(&asked.topic).unwrap_or_default();
    let mut facts = empty(session.node.domain().clone(), asked);
    facts.nodes = graph
        .nodes
        .iter()
        .filter(|node| !session.is_own(node))
        .map(node_seen)
        .collect();
    facts.roles = roles(session, &facts.asked);
    let subscriber = session.node.generic_subscriber(
        facts.asked.topic.as_str(),
        QosProfile {
            depth: QUEUE_DEPTH,
            ..QosProfile::best_available()
        },
    )?;
    let (publishers, subscribers) = ends(session, topic, &facts.asked);
    let ask = ends_of(&publishers, &subscribers);
    let before = ask_all(render, &session.node, &ask, patience).await;
    let patient = match (publishers.is_empty(), subscribers.is_empty()) {
        (_, false) => LISTEN_MIN,
        (false, true) => HEAR_MIN,
        (true, true) => Duration::ZERO,
    };
    let patient = patient.min(patience);
    let (heard, listened) = listen(session, &subscriber, &publishers, (patient, patience)).await;
    let after = ask_all(render, &session.node, &ask, patience).await;
    let answer = |node: &GraphNode| answer_of(node, &before, &after);
    let peers = session.node.peers();
    facts.publishers = publishers
        .iter()
        .map(|end| publisher_seen(session, end, &peers, &heard, answer(&end.node)))
        .collect();
    facts.subscribers = subscribers
        .iter()
        .map(|end| SubscriberSeen {
            node: end.node.name.clone(),
            card: end.facts.clone(),
            answer: answer(&end.node),
        })
        .collect();
    facts.listened = listened;
    facts.refusals = refusals(&session.node, &subscriber, &facts.asked);
    facts.differences = typing::differences(session, &publishers, &subscribers, &facts).await;
    drop(subscriber);
    facts.road = road(session, global, &facts, patience).await;
    let is_lacking = facts.publishers.is_empty() || (facts.asked.to.is_some() && facts.subscribers.is_empty());
    if is_lacking {
        let looking = elsewhere::look(&session.node, global, &facts.asked.topic);
        facts.elsewhere = render.progress("looking at other domains", looking).await;
        facts.bridges = elsewhere::bridges(&graph);
    }
    Ok(facts)
}

/// What is known when no node could be opened because of the link.
pub(crate) async fn without_link(global: &GlobalArgs, asked: Asked, problem: &dyn Error) -> Facts {
    let mut facts = empty(global.domain.clone(), asked);
    let patience = global.timeout.unwrap_or(PATIENCE);
    facts.road = Road {
        endpoints: elsewhere::try_endpoints(&global.connect, patience).await,
        discovery: "its endpoints".to_owned(),
        failed: Some(problem.to_string()),
        ..Road::default()
    };
    facts
}

fn empty(domain: nuncio::Domain, asked: Asked) -> Facts {
    Facts {
        asked,
        domain,
        road: Road::default(),
        nodes: Vec::new(),
        publishers: Vec::new(),
        subscribers: Vec::new(),
        differences: Vec::new(),
        refusals: Vec::new(),
        listened: Duration::ZERO,
        roles: BTreeSet::new(),
        elsewhere: Vec::new(),
        bridges: Vec::new(),
    }
}

fn node_seen(node: &GraphNode) -> NodeSeen {
    let card = node.card.as_deref();
    let publishers = card.map_or(&[][..], |card| &card.publishers);
    let subscribers = card.map_or(&[][..], |card| &card.subscribers);
    NodeSeen {
        name: node.name.clone(),
        key: node.key,
        is_verified: node.is_verified(),
        publishes: publishers.iter().map(|entry| entry.topic.clone()).collect(),
        subscribes: subscribers.iter().map(|entry| entry.topic.clone()).collect(),
    }
}

/// The roles that permit to publish on the topic, those that permit the least first.
fn roles(session: &Session<'_>, asked: &Asked) -> BTreeSet<String> {
    let policy = session.node.trust_policy();
    let permits = policy
        .roles()
        .filter(|(_, role)| role.permits(Action::Publish, &asked.topic).is_some());
    permits.map(|(name, _)| name.to_string()).collect()
}

type Publishers = [Endpoint<CardPublisher>];
type Subscribers = [Endpoint<CardSubscriber>];

/// The ends of the topic that are asked about, without this program's.
fn ends(
    session: &Session<'_>,
    topic: GraphTopic,
    asked: &Asked,
) -> (Vec<Endpoint<CardPublisher>>, Vec<Endpoint<CardSubscriber>>) {
    let publishers = topic.publishers.into_iter().filter(|end| !session.is_own(&end.node));
    let publishers = publishers.filter(|end| asked.from.as_ref().is_none_or(|name| end.node.name == *name));
    let subscribers = topic.subscribers.into_iter().filter(|end| !session.is_own(&end.node));
    let subscribers = subscribers.filter(|end| asked.to.as_ref().is_none_or(|name| end.node.name == *name));
    (
        publishers.take(ENDS_MAX).collect(),
        subscribers.take(ENDS_MAX).collect(),
    )
}

fn ends_of(publishers: &Publishers, subscribers: &Subscribers) -> Vec<GraphNode> {
    let nodes = publishers.iter().map(|end| &end.node);
    let mut nodes: Vec<GraphNode> = nodes.chain(subscribers.iter().map(|end| &end.node)).cloned().collect();
    nodes.sort_by(|a, b| (a.key, &a.name).cmp(&(b.key, &b.name)));
    nodes.dedup_by(|a, b| (a.key, &a.name) == (b.key, &b.name));
    nodes
}

/// Asks nodes how they are, all at once.
async fn ask_all(render: &Render, node: &Node, nodes: &[GraphNode], patience: Duration) -> Answers {
    let mut asked = tokio::task::JoinSet::new();
    for of in nodes.iter().cloned() {
        let node = node.clone();
        asked.spawn(async move {
            let facts = node.fetch_facts(&of, patience).await;
            ((of.key, of.name.to_string()), facts.map_err(|error| error.to_string()))
        });
    }
    let mut answers = Answers::new();
    while let Some(answer) = render.progress("asking nodes", asked.join_next()).await {
        answers.extend(answer.ok());
    }
    answers
}

fn answer_of(node: &GraphNode, before: &Answers, after: &Answers) -> Answer {
    let id = (node.key, node.name.to_string());
    let (before, after) = (before.get(&id), after.get(&id));
    let fine = |answer: Option<&Result<NodeFacts, String>>| answer.and_then(|answer| answer.as_ref().ok()).cloned();
    Answer {
        before: fine(before),
        after: fine(after),
        problem: after.and_then(|answer| answer.as_ref().err()).cloned(),
    }
}

/// Counts what comes from whom until everybody was heard, but at least so long; gives how long that was.
async fn listen(
    session: &mut Session<'_>,
    subscriber: &GenericSubscriber,
    publishers: &Publishers,
    (at_least, at_most): (Duration, Duration),
) -> (BTreeMap<(PublicKey, String), u64>, Duration) {
    let (mut heard, since) = (BTreeMap::new(), Instant::now());
    if publishers.is_empty() && at_least.is_zero() {
        return (heard, Duration::ZERO);
    }
    let (render, interrupt) = (session.render, &mut session.interrupt);
    let listening = async {
        let is_everybody = |heard: &BTreeMap<(PublicKey, String), u64>| {
            let mut publishers = publishers.iter();
            publishers.all(|end| heard.contains_key(&(end.node.key, end.node.name.to_string())))
        };
        while !(is_everybody(&heard) && since.elapsed() >= at_least) {
            let end = if is_everybody(&heard) { at_least } else { at_most };
            let left = end.saturating_sub(since.elapsed());
            match tokio::time::timeout(left, subscriber.recv()).await {
                Ok(Ok(received)) => {
                    let info = received.info();
                    *heard.entry((info.signer, info.node.to_string())).or_default() += 1;
                }
                // The time is over, or the node is closed.
                _ => break,
            }
        }
    };
    tokio::select! {
        () = render.progress("listening", listening) => {}
        () = interrupt.wished() => {}
    }
    (heard, since.elapsed())
}

fn publisher_seen(
    session: &Session<'_>,
    end: &Endpoint<CardPublisher>,
    peers: &[PeerFacts],
    heard: &BTreeMap<(PublicKey, String), u64>,
    answer: Answer,
) -> PublisherSeen {
    let node = &end.node;
    let peer = peers
        .iter()
        .find(|peer| (peer.key, &peer.name) == (node.key, &node.name));
    PublisherSeen {
        node: node.name.clone(),
        key: node.key,
        card: end.facts.clone(),
        nickname: peer.and_then(|peer| peer.nickname.clone()),
        verdict: peer.and_then(|peer| peer.verdict),
        refusal: refusal_of(session, node, &end.facts.topic),
        clock_offset_ns: peer.and_then(|peer| peer.clock_offset_ns),
        heard: heard
            .get(&(node.key, node.name.to_string()))
            .copied()
            .unwrap_or_default(),
        answer,
    }
}

/// Why the own trust.toml refuses what a node publishes, if it does.
fn refusal_of(session: &Session<'_>, node: &GraphNode, topic: &str) -> Option<Refusal> {
    let topic = nuncio::TopicName::parse(topic).ok()?;
    let certificates = node
        .card
        .as_deref()
        .map(|card| card.certificates.as_str())
        .unwrap_or_default();
    let chain = (!certificates.is_empty()).then(|| CertificateChain::parse(certificates));
    let decision = session.node.trust_policy().decide(&Question {
        key: node.key,
        certificate: chain.as_ref().map(Result::as_ref),
        action: Action::Publish,
        topic: &topic,
        domain: session.node.domain(),
        now_ns: clock::now_ns(),
    });
    decision.answer.err()
}

/// What this program has refused on the topic, by key and reason.
fn refusals(node: &Node, subscriber: &GenericSubscriber, asked: &Asked) -> Vec<RefusalSeen> {
    let mut seen: Vec<RefusalSeen> = Vec::new();
    while let Some(event) = node.try_next_refusal() {
        if event.topic != asked.topic {
            continue;
        }
        let Refusal {
            reason,
            claimed_key,
            detail,
            ..
        } = event.refusal;
        let known = seen
            .iter_mut()
            .find(|seen| (seen.reason, seen.key) == (reason, claimed_key));
        match known {
            Some(known) => known.detail = detail.into_owned(),
            None => seen.push(RefusalSeen {
                reason,
                key: claimed_key,
                detail: detail.into_owned(),
            }),
        }
    }
    // What came too fast to be kept was counted.
    for reason in subscriber.stats().refused.into_keys() {
        if !seen.iter().any(|seen| seen.reason == reason) {
            seen.push(RefusalSeen {
                reason,
                key: None,
                detail: String::new(),
            });
        }
    }
    seen
}

async fn road(session: &Session<'_>, global: &GlobalArgs, facts: &Facts, patience: Duration) -> Road {
    let neighbours = session.node.neighbours().await;
    let is_lacking = facts.publishers.is_empty() || facts.subscribers.is_empty();
    let router = session.node.router();
    let by_hand = !global.connect.is_empty() || !global.listen.is_empty();
    let discovery = global
        .discovery
        .unwrap_or(if by_hand { Discovery::Off } else { Discovery::Auto });
    Road {
        endpoints: match is_lacking {
            true => elsewhere::try_endpoints(&global.connect, patience).await,
            false => Vec::new(),
        },
        discovery: session.node.discovery().to_owned(),
        lacks_multicast: discovery == Discovery::Auto && multicast_interface().is_none(),
        lost_router: router.and_then(|router| Some((router.locator, router.lost_for?))),
        failed: None,
        neighbours,
    }
}
