//! What should cross now, and what keeps the rest from it. Pure: both graphs in, a plan out.
//!
//! Outwards: a topic with a publisher, a service with a server on Nuncio's side. Inwards: the same on the side of ROS. Each
//! shows itself on the network of ROS by an endpoint of the bridge's session.
//!
//! # No loops
//!
//! What a bridge has taken from one side is never given back to it: endpoints of bridges on the side of ROS are no reason to
//! let something in, and a publisher of a bridge that subscribes to the same topic in ROS is none to let something out. What a bridge that is gone has left behind is none either.
//!
//! Between two bridges of the same two networks, whoever has an endpoint for a topic and a direction leads, and the lowest
//! key among those that have one; the others have none and wait until there is none. So nobody takes over from one who
//! works, and two that begin at the same moment agree.

use std::collections::{BTreeMap, BTreeSet};

use nuncio::{Durability, NodeName, QosProfile, Reliability, TopicName};

use super::data_key::RosType;
use super::native_ends::{NativeEnd, NativeEnds};
use super::ros_graph::{BridgeId, RosGraph};
use super::status::Ros2Status;
use super::token::{EndpointKind, RosEndpoint};
use crate::rules::{Direction, Face, Rules};

/// Something that crosses in one direction.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Crossing {
    /// What the bridge is on the side of ROS: a publisher or a server outwards, a subscription or a client inwards.
    pub(crate) kind: EndpointKind,
    /// The name in ROS.
    pub(crate) name: TopicName,
    /// The type.
    pub(crate) ty: RosType,
}

impl Crossing {
    /// `out` or `in`.
    pub(crate) const fn direction(&self) -> &'static str {
        match self.kind {
            EndpointKind::Publisher | EndpointKind::Server => "out",
            EndpointKind::Subscription | EndpointKind::Client => "in",
        }
    }

    /// `topic` or `service`.
    pub(crate) const fn what(&self) -> &'static str {
        match self.kind {
            EndpointKind::Publisher | EndpointKind::Subscription => "topic",
            EndpointKind::Server | EndpointKind::Client => "service",
        }
    }
}

/// Who is on the other side of a crossing: for what comes in, nodes of ROS; for what goes out, nodes of Nuncio.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Party {
    /// The nodes, with the profile of each.
    pub(crate) nodes: BTreeMap<NodeName, QosProfile>,
}

impl Party {
    fn add(&mut self, node: &NodeName, qos: QosProfile) {
        let known = self.nodes.entry(node.clone());
        known.and_modify(|known| *known = stronger(*known, qos)).or_insert(qos);
    }

    /// The profile that gives each of them what it offers; it keeps as much for late subscribers as all of them together.
    pub(crate) fn profile(&self) -> QosProfile {
        let all = self.nodes.values().copied();
        all.reduce(stronger).unwrap_or_default()
    }
}

/// The profile that gives what either offers.
fn stronger(one: QosProfile, other: QosProfile) -> QosProfile {
    let latched_by = |qos: QosProfile| match qos.durability {
        Durability::Volatile => 0,
        _ => qos.depth.get(),
    };
    let latched = latched_by(one).saturating_add(latched_by(other));
    let depth = match latched {
        0 => one.depth.max(other.depth).get(),
        latched => latched,
    };
    QosProfile {
        reliability: match (one.reliability, other.reliability) {
            (Reliability::BestEffort, Reliability::BestEffort) => Reliability::BestEffort,
            _ => Reliability::Reliable,
        },
        durability: match latched {
            0 => Durability::Volatile,
            _ => Durability::TransientLocal,
        },
        history: one.history.max(other.history),
        deadline: None,
        lifespan: one.lifespan.zip(other.lifespan).map(|(one, other)| one.max(other)),
        ..QosProfile::keep_last(depth)
    }
}

/// A type of a node of ROS that nobody on Nuncio's side has on the same name.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Mismatch {
    /// The name in ROS.
    pub(crate) name: TopicName,
    /// The node of ROS.
    pub(crate) node: NodeName,
    /// What that is there.
    pub(crate) kind: EndpointKind,
    /// Its type.
    pub(crate) found: RosType,
    /// The types on Nuncio's side.
    pub(crate) expected: Vec<RosType>,
}

/// What should be, and what keeps the rest from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    /// What this bridge lets cross.
    pub(crate) crossings: BTreeMap<Crossing, Party>,
    /// What another bridge lets cross instead.
    pub(crate) led_by_others: BTreeMap<Crossing, BridgeId>,
    /// Whose types do not fit.
    pub(crate) mismatches: BTreeSet<Mismatch>,
    /// What else is worth saying.
    pub(crate) statuses: BTreeSet<Ros2Status>,
}

/// What a plan is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation<'a> {
    /// This bridge.
    pub(crate) own: &'a BridgeId,
    /// `ROS_DOMAIN_ID`.
    pub(crate) domain: u32,
    /// What is there on the side of ROS.
    pub(crate) ros: &'a RosGraph,
    /// What is there on Nuncio's side.
    pub(crate) native: &'a NativeEnds,
    /// What may cross.
    pub(crate) rules: &'a Rules,
    /// What this bridge lets cross already.
    pub(crate) held: &'a BTreeSet<Crossing>,
    /// Whether this bridge may not know all of Nuncio's side yet: then every other bridge counts as one between the same
    /// networks.
    pub(crate) is_young: bool,
}

impl Situation<'_> {
    /// What should cross now.
    pub(crate) fn plan(&self) -> Plan {
        let mut wanted = BTreeMap::new();
        let mut plan = Plan::default();
        self.outwards(&mut wanted);
        self.inwards(&mut wanted, &mut plan);
        self.without_doubled_services(&mut wanted, &mut plan);
        let peers = self.peers();
        for (crossing, party) in wanted {
            match self.leader(&crossing, &peers) {
                None => {
                    plan.crossings.insert(crossing, party);
                }
                Some(leader) => {
                    plan.led_by_others.insert(crossing, leader);
                }
            }
        }
        let others = self.ros.other_domains().into_iter();
        plan.statuses
            .extend(others.map(|(domain, node)| Ros2Status::OtherDomain {
                domain,
                own: self.domain,
                node: node.name.as_str().to_owned(),
            }));
        plan
    }

    fn outwards(&self, wanted: &mut BTreeMap<Crossing, Party>) {
        for end in &self.native.ends {
            let Some(name) = &end.outward else { continue };
            let is_source = matches!(end.kind, EndpointKind::Publisher | EndpointKind::Server);
            if !is_source || self.is_echo(end, name) {
                continue;
            }
            let crossing = Crossing {
                kind: end.kind,
                name: name.clone(),
                ty: end.ty.clone(),
            };
            wanted.entry(crossing).or_default().add(&end.node, end.qos);
        }
    }

    /// Whether a bridge publishes or serves there what it has from ROS.
    fn is_echo(&self, end: &NativeEnd, name: &TopicName) -> bool {
        let source = match end.kind {
            EndpointKind::Publisher => EndpointKind::Subscription,
            _ => EndpointKind::Client,
        };
        if end.bridge == *self.own {
            return self.held.iter().any(|held| held.kind == source && held.name == *name);
        }
        if self.ros.is_gone(&end.bridge) {
            return true;
        }
        let mut ends = self.ros.bridge_endpoints();
        ends.any(|(bridge, of)| *bridge == end.bridge && of.kind == source && of.name == *name)
    }

    fn inwards(&self, wanted: &mut BTreeMap<Crossing, Party>, plan: &mut Plan) {
        for found in self.ros.ros_endpoints() {
            let kind = match found.kind {
                EndpointKind::Publisher => EndpointKind::Subscription,
                EndpointKind::Server => EndpointKind::Client,
                EndpointKind::Subscription | EndpointKind::Client => {
                    plan.mismatches.extend(self.mismatch(found, Direction::Out));
                    continue;
                }
            };
            if self.native_name(found, Direction::In).is_none() {
                continue;
            }
            if let Some(mismatch) = self.mismatch(found, Direction::In) {
                plan.mismatches.insert(mismatch);
                continue;
            }
            let crossing = Crossing {
                kind,
                name: found.name.clone(),
                ty: found.ty.clone(),
            };
            wanted.entry(crossing).or_default().add(&found.node.name, found.qos);
        }
    }

    fn native_name(&self, found: &RosEndpoint, direction: Direction) -> Option<TopicName> {
        self.rules.native_name(Face::Ros2, found.name.as_str(), direction).ok()
    }

    /// The endpoints of Nuncio's nodes with this name that are not there because of ROS.
    fn own_ends(&self, native: TopicName, is_topic: bool) -> impl Iterator<Item = &NativeEnd> {
        let bridges = self.ros.bridges();
        let is_of_bridge = move |end: &NativeEnd| end.bridge == *self.own || bridges.contains(&end.bridge);
        self.native.ends.iter().filter(move |end| {
            let is_one = matches!(end.kind, EndpointKind::Publisher | EndpointKind::Subscription);
            end.native == native && is_one == is_topic && !is_of_bridge(end)
        })
    }

    /// What does not fit, if nobody on Nuncio's side has the type of this endpoint, and somebody has another.
    fn mismatch(&self, found: &RosEndpoint, direction: Direction) -> Option<Mismatch> {
        let is_topic = matches!(found.kind, EndpointKind::Publisher | EndpointKind::Subscription);
        let native = self.native_name(found, direction)?;
        let types: BTreeSet<RosType> = self.own_ends(native, is_topic).map(|end| end.ty.clone()).collect();
        let fits = |ty: &RosType| ty.name == found.ty.name && (found.ty.hash.is_none() || ty.hash == found.ty.hash);
        (!types.is_empty() && !types.iter().any(fits)).then(|| Mismatch {
            name: found.name.clone(),
            node: found.node.name.clone(),
            kind: found.kind,
            found: found.ty.clone(),
            expected: types.into_iter().collect(),
        })
    }

    /// A service with servers on both sides crosses neither way: callers would not know who answers.
    fn without_doubled_services(&self, wanted: &mut BTreeMap<Crossing, Party>, plan: &mut Plan) {
        let names = |kind: EndpointKind| -> BTreeSet<TopicName> {
            let of_kind = wanted.keys().filter(|crossing| crossing.kind == kind);
            of_kind.map(|crossing| crossing.name.clone()).collect()
        };
        let doubled: BTreeSet<TopicName> = &names(EndpointKind::Server) & &names(EndpointKind::Client);
        for (crossing, party) in wanted.iter() {
            if crossing.kind == EndpointKind::Client && doubled.contains(&crossing.name) {
                plan.statuses.insert(Ros2Status::ServersOnBothSides {
                    name: crossing.name.as_str().to_owned(),
                    node: party.nodes.keys().next().map_or("", |node| node.as_str()).to_owned(),
                });
            }
        }
        wanted.retain(|crossing, _| crossing.what() == "topic" || !doubled.contains(&crossing.name));
    }

    /// The other bridges between the same two networks.
    pub(crate) fn peers(&self) -> BTreeSet<BridgeId> {
        let bridges = self.ros.bridges().into_iter();
        let both = bridges.filter(|bridge| self.is_young || self.native.keys.contains(bridge));
        both.cloned().collect()
    }

    /// The bridge that lets this cross, if it is not this one.
    fn leader(&self, crossing: &Crossing, peers: &BTreeSet<BridgeId>) -> Option<BridgeId> {
        let same = |of: &RosEndpoint| of.kind == crossing.kind && of.name == crossing.name && of.ty == crossing.ty;
        let having = self.ros.bridge_endpoints().filter(|(_, of)| same(of));
        let lowest = having
            .map(|(bridge, _)| bridge)
            .filter(|bridge| peers.contains(bridge))
            .min()?;
        let is_own = self.held.contains(crossing) && self.own < lowest;
        (!is_own).then(|| lowest.clone())
    }
}

#[cfg(test)]
mod tests;
