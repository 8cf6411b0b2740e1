//! Nobody is there to be heard, or to hear: the link, other domains, other names, bridges.

use std::collections::BTreeSet;

use nuncio::NodeName;
use nuncio_codegen::near_names;

use super::cause::{Cause, Confidence, Kind};
use super::facts::{Elsewhere, Endpoint, Facts, NodeSeen, Reached};
use super::refusing::seconds;
use crate::render::{count, short_key};

/// Which end of the topic nobody has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    Publisher,
    Subscriber,
}

/// Why there is no publisher, and no subscriber where one was named; and what is wrong with the link.
pub(super) fn look(facts: &Facts) -> Vec<Cause> {
    let lacks_publisher = facts.publishers.is_empty();
    let lacks_subscriber = facts.asked.to.is_some() && facts.subscribers.is_empty();
    let mut causes = Vec::new();
    if lacks_publisher || lacks_subscriber {
        look_at_road(facts, &mut causes);
    }
    let ends = [(lacks_publisher, End::Publisher), (lacks_subscriber, End::Subscriber)];
    for end in ends
        .into_iter()
        .filter(|(is_lacking, _)| *is_lacking)
        .map(|(_, end)| end)
    {
        match end.asked(facts) {
            Some(name) => look_for_node(facts, end, name, &mut causes),
            None => look_for_topic(facts, end, None, &mut causes),
        }
        causes.extend(
            facts
                .elsewhere
                .iter()
                .filter_map(|elsewhere| in_domain(facts, end, elsewhere)),
        );
    }
    if lacks_publisher {
        look_at_bridges(facts, &mut causes);
        causes.extend(facts.asked.from.is_none().then(|| nobody(facts)));
    }
    causes
}

impl End {
    fn asked(self, facts: &Facts) -> Option<&NodeName> {
        match self {
            Self::Publisher => facts.asked.from.as_ref(),
            Self::Subscriber => facts.asked.to.as_ref(),
        }
    }

    fn topics(self, node: &NodeSeen) -> &[String] {
        match self {
            Self::Publisher => &node.publishes,
            Self::Subscriber => &node.subscribes,
        }
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::Publisher => "publishes",
            Self::Subscriber => "subscribes to",
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::Publisher => Kind::NoPublisher,
            Self::Subscriber => Kind::NoSubscriber,
        }
    }
}

fn look_at_road(facts: &Facts, causes: &mut Vec<Cause>) {
    let road = &facts.road;
    let is_alone = road.neighbours.is_empty();
    let sure = if is_alone {
        Confidence::Certain
    } else {
        Confidence::Likely
    };
    let broken = road
        .endpoints
        .iter()
        .filter(|endpoint| is_alone || endpoint.reached != Reached::Yes);
    for endpoint in broken.filter(|endpoint| is_alone || endpoint.reached != Reached::NotTried) {
        causes.push(link_down(endpoint, sure, road.failed.as_deref()));
    }
    if let (Some(problem), true) = (&road.failed, road.endpoints.is_empty()) {
        let sentence = format!("this program has no link: {problem}");
        let remedy = "`nuncio doctor` looks at the endpoints, keys and files of the link".to_owned();
        causes.push(Cause::new(Kind::LinkDown, Confidence::Certain, sentence, remedy));
    }
    if let Some((router, lost_for)) = &road.lost_router {
        let sentence = format!(
            "the router of this machine, {router}, is gone for {}",
            seconds(*lost_for)
        );
        let remedy = "start it again: `nuncio router`".to_owned();
        causes.push(Cause::new(Kind::RouterLost, Confidence::Certain, sentence, remedy));
    }
    if road.lacks_multicast {
        let sentence =
            "multicast is unavailable: there is no network interface but loopback, so that nodes of other machines \
                        cannot be found by scouting"
                .to_owned();
        let remedy =
            "bring a network interface up, or name the other machine: `nuncio why TOPIC --connect tcp/HOST:7447` (and \
                      `nuncio router --listen tcp/0.0.0.0:7447` there)"
                .replace("TOPIC", facts.asked.topic.as_str());
        let confidence = if is_alone {
            Confidence::Likely
        } else {
            Confidence::Possible
        };
        causes.push(Cause::new(Kind::MulticastUnavailable, confidence, sentence, remedy));
    }
}

fn link_down(endpoint: &Endpoint, confidence: Confidence, failed: Option<&str>) -> Cause {
    let name = &endpoint.name;
    let address = name.split_once('/').map_or(name.as_str(), |(_, address)| address);
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let (what, remedy) = match &endpoint.reached {
        Reached::Refused => (
            "the connection is refused: the host is there, but nothing listens on that port".to_owned(),
            format!("start what it should reach, such as `nuncio router --listen {name}` on that host, or correct the endpoint"),
        ),
        Reached::TimedOut => (
            "nothing answers in time: the host is off, or a firewall drops what is sent to it".to_owned(),
            format!("see that the host can be reached, `ping {host}`, and that a firewall lets its port through"),
        ),
        Reached::Failed(problem) => (
            problem.clone(),
            format!("correct the endpoint, or see that the host can be reached: `ping {host}`"),
        ),
        Reached::Yes => (
            "something listens there, but no link came about: it is no Zenoh node, or it refuses this one".to_owned(),
            "see that a Nuncio node or a Zenoh router listens there, and for tls/ that the certificates fit: `nuncio doctor`"
                .to_owned(),
        ),
        Reached::NotTried => (
            "no link came about".to_owned(),
            format!("see that what listens there runs and can be reached: `ping {host}`"),
        ),
    };
    let more = failed.map(|problem| format!(" ({problem})")).unwrap_or_default();
    let sentence = format!("the link is down: this program was told to connect to {name}, and {what}{more}");
    Cause::new(Kind::LinkDown, confidence, sentence, remedy)
}

/// A node was named that has not that end of the topic.
fn look_for_node(facts: &Facts, end: End, name: &NodeName, causes: &mut Vec<Cause>) {
    let topic = &facts.asked.topic;
    let Some(node) = facts.nodes.iter().find(|node| node.name == *name) else {
        let near = near_names(name.as_str(), facts.nodes.iter().map(|node| node.name.as_str()));
        let same_base = facts.nodes.iter().map(|node| node.name.as_str());
        let same_base = same_base.filter(|other| base(other) == base(name.as_str()));
        let others: BTreeSet<&str> = near.into_iter().chain(same_base).collect();
        for other in others {
            let sentence = format!("no node is called {name}, but one is called {other}");
            let remedy = format!("name that one, or start the other: `nuncio node info {other}`");
            causes.push(Cause::new(Kind::OtherName, Confidence::Likely, sentence, remedy));
        }
        let sentence = format!(
            "no node called {name} is there: {} seen in domain {}",
            count(facts.nodes.len(), "node"),
            facts.domain
        );
        let remedy = "start it, or see which nodes there are with `nuncio node list`".to_owned();
        return causes.push(Cause::new(end.kind(), Confidence::Certain, sentence, remedy));
    };
    if !node.is_verified {
        return causes.push(card_missing(node, Confidence::Certain));
    }
    look_for_topic(facts, end, Some(node), causes);
    let sentence = format!(
        "{name} is there, but nothing in its signed card says that it {} {topic}",
        end.verb()
    );
    let remedy = format!("see what it does instead: `nuncio node info {name}`");
    let cause = Cause::new(end.kind(), Confidence::Certain, sentence, remedy);
    causes.push(match end {
        End::Publisher => cause.from(name),
        End::Subscriber => cause.to(name),
    });
}

/// Topics with another name that may be meant: of one node, or of all.
fn look_for_topic(facts: &Facts, end: End, of: Option<&NodeSeen>, causes: &mut Vec<Cause>) {
    let topic = facts.asked.topic.as_str();
    let nodes = facts
        .nodes
        .iter()
        .filter(|node| of.is_none_or(|of| of.name == node.name));
    let named: Vec<(&NodeSeen, &str)> = nodes
        .flat_map(|node| end.topics(node).iter().map(move |name| (node, name.as_str())))
        .filter(|(_, name)| *name != topic && !name.contains("/_"))
        .collect();
    let near = near_names(topic, named.iter().map(|(_, name)| *name));
    for (node, name) in &named {
        let (kind, how) = if base(name) == base(topic) {
            (Kind::OtherNamespace, "in another namespace")
        } else if near.contains(name) {
            (Kind::OtherName, "under a name that is almost the same")
        } else {
            continue;
        };
        let sentence = format!(
            "{} {} {name}, {how}, and nobody {} {topic}",
            node.name,
            end.verb(),
            end.verb()
        );
        let remedy = match end {
            End::Publisher => format!(
                "subscribe to {name} (`nuncio topic echo {name}`), or start the program that publishes it with \
                 `--ros-args -r {name}:={topic}`"
            ),
            End::Subscriber => format!(
                "publish on {name}, or start the program that subscribes with `--ros-args -r {name}:={topic}`; \
                 `nuncio topic info {name}` shows who is there"
            ),
        };
        causes.push(Cause::new(kind, Confidence::Likely, sentence, remedy).from(&node.name));
    }
    let unverified = facts.nodes.iter().filter(|node| of.is_none() && !node.is_verified);
    causes.extend(unverified.map(|node| card_missing(node, Confidence::Possible)));
}

fn card_missing(node: &NodeSeen, confidence: Confidence) -> Cause {
    let sentence = format!(
        "somebody announces a node {} with the key {}, but shows no card that this key has signed, so that nothing of it is believed",
        node.name,
        short_key(&node.key)
    );
    let remedy = format!(
        "start the node again, and see that both sides run versions of Nuncio that fit; `nuncio node info {}` asks for its card again",
        node.name
    );
    Cause::new(Kind::CardMissing, confidence, sentence, remedy).from(&node.name)
}

fn in_domain(facts: &Facts, end: End, elsewhere: &Elsewhere) -> Option<Cause> {
    let (topic, domain) = (&facts.asked.topic, &elsewhere.domain);
    let ends = match end {
        End::Publisher => &elsewhere.publishers,
        End::Subscriber => &elsewhere.subscribers,
    };
    let meant = match end.asked(facts) {
        Some(name) => ends.iter().find(|node| *node == name),
        None => ends.first(),
    };
    let (confidence, sentence, remedy) = match meant {
        Some(node) => (
            Confidence::Certain,
            format!(
                "{node} {} {topic} in domain {domain}, and this is domain {}",
                end.verb(),
                facts.domain
            ),
            format!(
                "start both in the same domain, with `--domain {domain}` or NUNCIO_DOMAIN={domain}: `nuncio why {topic} --domain {domain}`"
            ),
        ),
        None if elsewhere.nodes == 0 => return None,
        None => (
            Confidence::Possible,
            format!(
                "there {} in domain {domain}, of which none {} {topic}; this is domain {}",
                match elsewhere.nodes {
                    1 => "is 1 node".to_owned(),
                    many => format!("are {many} nodes"),
                },
                end.verb(),
                facts.domain
            ),
            format!("see whether the right domain was named: `nuncio topic list --domain {domain}`"),
        ),
    };
    let mut cause = Cause::new(Kind::OtherDomain, confidence, sentence, remedy);
    cause.domain = Some(domain.clone());
    cause.publisher = meant.filter(|_| end == End::Publisher).cloned();
    cause.subscriber = meant.filter(|_| end == End::Subscriber).cloned();
    Some(cause)
}

/// A bridge says what it brings in, not what it would bring in: that a route is missing is likely at most.
fn look_at_bridges(facts: &Facts, causes: &mut Vec<Cause>) {
    const NAMED_MAX: usize = 4;
    let topic = &facts.asked.topic;
    for bridge in &facts.bridges {
        let node = &bridge.node;
        let brings_in = match bridge.brings_in.len() {
            0 => "nothing".to_owned(),
            some => {
                let named: Vec<&str> = bridge.brings_in.iter().take(NAMED_MAX).map(String::as_str).collect();
                let more = some - named.len();
                let more = if more > 0 {
                    format!(" and {more} more")
                } else {
                    String::new()
                };
                format!("{}{more}", named.join(" "))
            }
        };
        let sentence = format!(
            "nobody on this side of the bridge {node} publishes {topic}, and it brings in {brings_in}: if {topic} is on its other \
             side, its route is missing, or the type is not known there"
        );
        let remedy = format!(
            "let it cross: a route in bridge.toml, or `nuncio bridge ros2 --allow {topic}` (foxglove, rosbridge, grpc); \
             `nuncio bridge check bridge.toml` explains the routes"
        );
        causes.push(Cause::new(Kind::BridgeRoute, Confidence::Likely, sentence, remedy).from(node));
    }
}

/// That nobody publishes, and on what that rests.
fn nobody(facts: &Facts) -> Cause {
    let (topic, domain) = (&facts.asked.topic, &facts.domain);
    let links = match facts.road.neighbours.len() {
        0 => "no link is up".to_owned(),
        some => format!("{} up", count(some, "link")),
    };
    let looked = format!("discovery: {}; {links}", facts.road.discovery);
    if facts.nodes.is_empty() {
        let sentence = format!("no other node was seen in domain {domain} ({looked})");
        let remedy =
            format!("start the node that publishes, or say where it is: `nuncio why {topic} --connect tcp/HOST:7447`");
        return Cause::new(Kind::NobodyThere, Confidence::Certain, sentence, remedy);
    }
    let sentence = format!(
        "no node publishes {topic} in domain {domain}: {} seen ({looked})",
        count(facts.nodes.len(), "node")
    );
    let remedy = "start the node that publishes it, or see what there is with `nuncio topic list`".to_owned();
    Cause::new(Kind::NoPublisher, Confidence::Certain, sentence, remedy)
}

fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
