//! What there is on Nuncio's side that may cross: the endpoints in the verified cards of its nodes, under the names that they
//! have in ROS.
//!
//! Pure: a graph and rules in, endpoints out.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use nuncio::graph::Graph;
use nuncio::msgs::nuncio_msgs::msg::CardPublisher;
use nuncio::qos::compatibility::Offer;
use nuncio::{History, NodeName, QosProfile, TopicName, TypeHash};

use super::data_key::RosType;
use super::ros_graph::BridgeId;
use super::token::EndpointKind;
use crate::rules::{Direction, Face, Rules};

/// One endpoint of a node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NativeEnd {
    /// Its node.
    pub(crate) node: NodeName,
    /// What bridge that is, if it is one's.
    pub(crate) bridge: BridgeId,
    /// What it does.
    pub(crate) kind: EndpointKind,
    /// The name of its topic or service.
    pub(crate) native: TopicName,
    /// The same in ROS, when it may be seen there.
    pub(crate) outward: Option<TopicName>,
    /// Its type.
    pub(crate) ty: RosType,
    /// What it offers, where it publishes.
    pub(crate) qos: QosProfile,
}

/// What there is on Nuncio's side.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct NativeEnds {
    /// The endpoints.
    pub(crate) ends: Vec<NativeEnd>,
    /// All keys that run a node, as they would be called if they were those of bridges.
    pub(crate) keys: BTreeSet<BridgeId>,
}

impl NativeEnds {
    /// The endpoints of a graph.
    pub(crate) fn of(graph: &Graph, rules: &Rules) -> Self {
        let mut found = Self::default();
        for node in &graph.nodes {
            let Some(card) = &node.card else { continue };
            let bridge = BridgeId::of_key(&node.key);
            found.keys.insert(bridge.clone());
            let mut add = |kind, name: &str, (type_name, hash): (&str, [u8; 32]), qos| {
                let Ok(native) = TopicName::parse(name) else { return };
                if type_name.is_empty() {
                    return;
                }
                let outward = rules.foreign_name(Face::Ros2, &native, Direction::Out);
                found.ends.push(NativeEnd {
                    node: node.name.clone(),
                    bridge: bridge.clone(),
                    kind,
                    outward: outward.and_then(|name| TopicName::parse(&name).ok()),
                    native,
                    ty: RosType::new(type_name, TypeHash::from_bytes(hash)),
                    qos,
                });
            };
            for of in &card.publishers {
                add(
                    EndpointKind::Publisher,
                    &of.topic,
                    (&of.type_name, of.type_hash),
                    profile(of),
                );
            }
            for of in &card.subscribers {
                let qos = QosProfile::default();
                add(
                    EndpointKind::Subscription,
                    &of.topic,
                    (&of.type_name, of.type_hash),
                    qos,
                );
            }
            for of in &card.services {
                let kind = if of.is_server {
                    EndpointKind::Server
                } else {
                    EndpointKind::Client
                };
                add(kind, &of.name, (&of.type_name, of.type_hash), QosProfile::default());
            }
        }
        found
    }
}

/// The profile that a card says a publisher has.
fn profile(of: &CardPublisher) -> QosProfile {
    let offer = Offer::in_card(of);
    let depth = usize::try_from(of.depth).ok().and_then(NonZeroUsize::new);
    QosProfile {
        reliability: offer.reliability,
        durability: offer.durability,
        history: match of.history {
            CardPublisher::HISTORY_KEEP_ALL => History::KeepAll,
            _ => History::KeepLast,
        },
        deadline: offer.deadline,
        lifespan: offer.lifespan,
        liveliness: offer.liveliness,
        lease: offer.lease,
        ..QosProfile::keep_last(depth.map_or(10, NonZeroUsize::get))
    }
}
