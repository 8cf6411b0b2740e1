//! `topic info`: who publishes on a topic, who subscribes to it, and whether they mean the same type.

use nuncio::TypeHash;
use nuncio::graph::{Endpoint, GraphNode, GraphTopic};
use nuncio::msgs::nuncio_msgs::msg::{CardPublisher, CardSubscriber};
use nuncio::qos::compatibility::{Offer, Policy, Request};

use super::{CommandError, Outcome};
use crate::answers::topic::{Incompatible, PublisherDetails, Qos, SubscriberDetails, TopicDetails, TypeAndHash};
use crate::cli::TopicInfo;
use crate::qos_words::{in_words, offered, policy_in_words, requested};
use crate::render::{OutputError, Render, Table, Tone, short_key};
use crate::session::Session;

pub(super) async fn run(session: &mut Session<'_>, args: TopicInfo) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    let topic = graph.topics().remove(&args.topic).unwrap_or_default();
    let render = session.render;
    if topic.publishers.is_empty() && topic.subscribers.is_empty() {
        render.note(format!("nobody publishes on {} or subscribes to it", args.topic));
        session.explain_nothing(&graph).await;
        return Ok(Outcome::Nothing);
    }
    if render.is_json() {
        render.answer(&details(args.topic.as_str(), &topic, &topic.types()))?;
    } else {
        show(render, &args, &topic)?;
    }
    Ok(Outcome::Found)
}

fn details<'a>(name: &'a str, topic: &'a GraphTopic, types: &'a [(String, TypeHash)]) -> TopicDetails<'a> {
    let typed = types.iter().map(|(type_name, hash)| TypeAndHash {
        type_name,
        hash: hash.to_string(),
    });
    TopicDetails {
        topic: name,
        types: typed.collect(),
        types_differ: types.len() > 1,
        publishers: topic.publishers.iter().map(publisher).collect(),
        subscribers: topic.subscribers.iter().map(subscriber).collect(),
        incompatible: misfits(topic).iter().map(Misfit::details).collect(),
    }
}

fn publisher(Endpoint { node, facts }: &Endpoint<CardPublisher>) -> PublisherDetails<'_> {
    PublisherDetails {
        node: node.name.as_str(),
        key: node.key.to_string(),
        verified: node.is_verified(),
        type_name: &facts.type_name,
        type_hash: TypeHash::from_bytes(facts.type_hash).to_string(),
        next_number: facts.next_number,
        qos: offered(facts),
    }
}

fn subscriber(Endpoint { node, facts }: &Endpoint<CardSubscriber>) -> SubscriberDetails<'_> {
    let typed = !facts.type_name.is_empty();
    SubscriberDetails {
        node: node.name.as_str(),
        key: node.key.to_string(),
        verified: node.is_verified(),
        type_name: typed.then_some(facts.type_name.as_str()),
        type_hash: typed.then(|| TypeHash::from_bytes(facts.type_hash).to_string()),
        qos: requested(facts),
    }
}

fn show(render: &Render, args: &TopicInfo, topic: &GraphTopic) -> Result<(), OutputError> {
    render.line(Some(Tone::Strong), args.topic.as_str())?;
    let types = topic.types();
    let hashed = args.verbose || types.len() > 1;
    for (name, hash) in &types {
        let hash = if hashed { format!("  {hash}") } else { String::new() };
        render.line(None, &format!("type: {name}{hash}"))?;
    }
    if types.len() > 1 {
        let same_name = types
            .iter()
            .all(|(name, _)| Some(name) == types.first().map(|(first, _)| first));
        let how = if same_name {
            "the same name, but different definitions"
        } else {
            "different types"
        };
        let text = format!("the nodes mean {how}: messages of one are refused by subscribers of another");
        render.line(Some(Tone::Warning), &text)?;
    }
    let mut publishers = Table::default();
    for Endpoint { node, facts } in &topic.publishers {
        let profile = profile(args, || offered(facts));
        let type_name = typed(hashed, &facts.type_name, &facts.type_hash);
        publishers.row([
            node.name.to_string(),
            key(node, args.verbose),
            verified(node),
            type_name,
            profile,
        ]);
    }
    list(render, "publishers", topic.publishers.len(), &publishers)?;
    let mut subscribers = Table::default();
    for Endpoint { node, facts } in &topic.subscribers {
        let profile = profile(args, || requested(facts));
        let type_name = match facts.type_name.as_str() {
            "" => "any type".to_owned(),
            name => typed(hashed, name, &facts.type_hash),
        };
        subscribers.row([
            node.name.to_string(),
            key(node, args.verbose),
            verified(node),
            type_name,
            profile,
        ]);
    }
    list(render, "subscribers", topic.subscribers.len(), &subscribers)?;
    let misfits = misfits(topic);
    if !misfits.is_empty() {
        let how_many = match misfits.len() {
            1 => "1 pair does not fit".to_owned(),
            many => format!("{many} pairs do not fit"),
        };
        let more = if args.verbose { "" } else { "; -v says which" };
        render.line(Some(Tone::Warning), &format!("{how_many}{more}"))?;
    }
    let told = misfits.iter().filter(|_| args.verbose);
    told.map(Misfit::in_words)
        .try_for_each(|line| render.line(Some(Tone::Warning), &line))
}

/// A publisher that offers less than a subscriber of its type requests.
struct Misfit<'a> {
    publisher: &'a Endpoint<CardPublisher>,
    subscriber: &'a Endpoint<CardSubscriber>,
    policy: Policy,
}

fn misfits(topic: &GraphTopic) -> Vec<Misfit<'_>> {
    let mut misfits = Vec::new();
    for publisher in &topic.publishers {
        let offer = Offer::in_card(&publisher.facts);
        for subscriber in &topic.subscribers {
            let any_type = subscriber.facts.type_name.is_empty();
            if (any_type || subscriber.facts.type_hash == publisher.facts.type_hash)
                && let Some(policy) = offer.misses(&Request::in_card(&subscriber.facts))
            {
                misfits.push(Misfit {
                    publisher,
                    subscriber,
                    policy,
                });
            }
        }
    }
    misfits
}

impl<'a> Misfit<'a> {
    fn in_words(&self) -> String {
        let (offered, requested) = (offered(&self.publisher.facts), requested(&self.subscriber.facts));
        format!(
            "`{}` offers {}, `{}` requests {}: nothing is delivered ({})",
            self.publisher.node.name,
            policy_in_words(self.policy, &offered),
            self.subscriber.node.name,
            policy_in_words(self.policy, &requested),
            self.policy,
        )
    }

    fn details(&self) -> Incompatible<'a> {
        Incompatible {
            publisher: self.publisher.node.name.as_str(),
            publisher_key: self.publisher.node.key.to_string(),
            subscriber: self.subscriber.node.name.as_str(),
            subscriber_key: self.subscriber.node.key.to_string(),
            policy: self.policy.as_str(),
        }
    }
}

fn list(render: &Render, what: &str, count: usize, table: &Table) -> Result<(), OutputError> {
    render.line(None, &format!("{what}: {count}"))?;
    table.lines(2).iter().try_for_each(|line| render.line(None, line))
}

fn key(node: &GraphNode, whole: bool) -> String {
    match whole {
        true => node.key.to_string(),
        false => short_key(&node.key),
    }
}

fn verified(node: &GraphNode) -> String {
    if node.is_verified() { "verified" } else { "NOT VERIFIED" }.to_owned()
}

/// The type of one endpoint, where it has to be told from that of another.
fn typed(hashed: bool, name: &str, hash: &[u8; 32]) -> String {
    match hashed {
        // The first digits are enough to see which of the hashes above it is.
        true => format!("{name} {:.16}…", TypeHash::from_bytes(*hash).to_string()),
        false => String::new(),
    }
}

/// A profile in a line, where it is asked for.
fn profile(args: &TopicInfo, profile: impl FnOnce() -> Qos) -> String {
    if args.verbose {
        in_words(&profile())
    } else {
        String::new()
    }
}
