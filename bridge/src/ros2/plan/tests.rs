//! What is planned for both sides, as each test makes them.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

use nuncio::{PublicKey, TopicPattern, TypeHash};

use super::*;
use crate::ros2::token::{RosNode, Token};

const SESSION: &str = "aa";

/// A bridge, whose key begins with this byte.
fn bridge(byte: u8) -> BridgeId {
    let mut key = [0; 32];
    key[0] = byte;
    BridgeId::of_key(&PublicKey::from_bytes(key))
}

fn ty(hash: u8) -> RosType {
    RosType::new("std_msgs/msg/String", TypeHash::from_bytes([hash; 32]))
}

fn topic(name: &str) -> TopicName {
    TopicName::parse(name).unwrap()
}

/// Both sides, as one of the tests has made them.
struct Sides {
    ros: RosGraph,
    native: NativeEnds,
    held: BTreeSet<Crossing>,
    rules: Rules,
    is_young: bool,
}

impl Sides {
    fn new() -> Self {
        let native = NativeEnds {
            keys: BTreeSet::from([bridge(5)]),
            ..NativeEnds::default()
        };
        Self {
            ros: RosGraph::new(0, SESSION),
            native,
            held: BTreeSet::new(),
            rules: Rules::allow([TopicPattern::parse("/**").unwrap()]),
            is_young: false,
        }
    }

    /// A node on Nuncio's side with the key of `bridge(key)`.
    fn native(mut self, key: u8, kind: EndpointKind, name: &str, ty: RosType) -> Self {
        self.native.keys.insert(bridge(key));
        self.native.ends.push(NativeEnd {
            node: NodeName::parse("/native").unwrap(),
            bridge: bridge(key),
            kind,
            native: topic(name),
            outward: self
                .rules
                .foreign_name(Face::Ros2, &topic(name), Direction::Out)
                .map(|name| topic(&name)),
            ty,
            qos: QosProfile::default(),
        });
        self
    }

    /// An endpoint of `/talker` in ROS.
    fn ros(self, session: &str, kind: EndpointKind, name: &str, ty: RosType) -> Self {
        self.ros_in(0, session, kind, name, ty)
    }

    fn ros_in(mut self, domain: u32, session: &str, kind: EndpointKind, name: &str, ty: RosType) -> Self {
        let node = RosNode {
            domain,
            session: session.to_owned(),
            id: 0,
            enclave: String::new(),
            name: NodeName::parse("/talker").unwrap(),
        };
        let id = self.ros.ros_endpoints().count() as u64 + 1;
        let endpoint = Token::Endpoint(RosEndpoint {
            node,
            id,
            kind,
            name: topic(name),
            ty,
            qos: QosProfile::default(),
        });
        self.ros.apply(&endpoint.to_string(), true).unwrap();
        self
    }

    /// The node of `bridge(key)` in ROS.
    fn ros_bridge(mut self, session: &str, key: u8) -> Self {
        self.ros.apply(&Self::bridge_token(session, key), true).unwrap();
        self
    }

    fn bridge_token(session: &str, key: u8) -> String {
        format!("@ros2_lv/0/{session}/0/0/NN/%/%{}", bridge(key).node_name())
    }

    fn holding(mut self, kind: EndpointKind, name: &str) -> Self {
        self.held.insert(crossing(kind, name));
        self
    }

    fn plan(&self) -> Plan {
        let own = bridge(5);
        let situation = Situation {
            own: &own,
            domain: 0,
            ros: &self.ros,
            native: &self.native,
            rules: &self.rules,
            held: &self.held,
            is_young: self.is_young,
        };
        situation.plan()
    }

    fn crossing(&self) -> Vec<Crossing> {
        self.plan().crossings.into_keys().collect()
    }
}

fn crossing(kind: EndpointKind, name: &str) -> Crossing {
    Crossing {
        kind,
        name: topic(name),
        ty: ty(1),
    }
}

use EndpointKind::{Client, Publisher, Server, Subscription};

#[test]
fn what_one_side_publishes_or_serves_crosses_to_the_other() {
    let sides = Sides::new()
        .native(1, Publisher, "/out", ty(1))
        .native(1, Subscription, "/nobody_publishes", ty(1))
        .native(1, Server, "/out_service", ty(1))
        .ros("c1", Publisher, "/in", ty(1))
        .ros("c1", Subscription, "/out", ty(1))
        .ros("c1", Server, "/in_service", ty(1));
    let expected = [
        crossing(Publisher, "/out"),
        crossing(Subscription, "/in"),
        crossing(Server, "/out_service"),
        crossing(Client, "/in_service"),
    ];
    assert_eq!(sides.crossing(), expected);
}

#[test]
fn a_topic_with_publishers_on_both_sides_crosses_both_ways() {
    let sides = Sides::new()
        .native(1, Publisher, "/t", ty(1))
        .ros("c1", Publisher, "/t", ty(1));
    assert_eq!(
        sides.crossing(),
        [crossing(Publisher, "/t"), crossing(Subscription, "/t")]
    );
}

#[test]
fn nothing_crosses_that_no_route_names() {
    let mut sides = Sides::new();
    sides.rules = Rules::allow([TopicPattern::parse("/camera/**").unwrap()]);
    let sides = sides
        .native(1, Publisher, "/out", ty(1))
        .ros("c1", Publisher, "/in", ty(1));
    assert_eq!(sides.plan(), Plan::default());
}

#[test]
fn what_the_bridge_has_let_in_is_not_let_out_again() {
    let sides = Sides::new()
        .ros("c1", Publisher, "/in", ty(1))
        .ros("c1", Server, "/in_service", ty(1))
        .native(5, Publisher, "/in", ty(1))
        .native(5, Server, "/in_service", ty(1))
        .holding(Subscription, "/in")
        .holding(Client, "/in_service");
    assert_eq!(
        sides.crossing(),
        [crossing(Subscription, "/in"), crossing(Client, "/in_service")]
    );
}

#[test]
fn what_another_bridge_has_let_through_is_left_alone_on_both_sides() {
    // It has let /in into Nuncio, and /out into ROS.
    let sides = Sides::new()
        .ros_bridge("b9", 9)
        .ros("b9", Subscription, "/in", ty(1))
        .native(9, Publisher, "/in", ty(1))
        .ros("b9", Publisher, "/out", ty(1))
        .native(1, Subscription, "/out", ty(1));
    assert_eq!(sides.crossing(), []);
}

#[test]
fn what_a_bridge_that_is_gone_has_left_behind_does_not_cross() {
    let mut sides = Sides::new().ros_bridge("b9", 9).native(9, Publisher, "/in", ty(1));
    assert_eq!(
        sides.crossing(),
        [crossing(Publisher, "/in")],
        "a client of its other faces publishes"
    );
    sides.ros.apply(&Sides::bridge_token("b9", 9), false).unwrap();
    assert_eq!(sides.crossing(), []);
}

#[test]
fn a_bridge_stands_by_while_another_has_the_endpoint_and_takes_over_when_it_is_gone() {
    let leading = |key: u8| {
        let sides = Sides::new().native(1, Publisher, "/out", ty(1)).ros_bridge("b1", key);
        let mut sides = sides.ros("b1", Publisher, "/out", ty(1));
        sides.native.keys.insert(bridge(key));
        sides
    };
    for key in [2, 9] {
        let sides = leading(key);
        assert_eq!(sides.crossing(), [], "{key}");
        assert_eq!(
            sides.plan().led_by_others.into_values().collect::<Vec<_>>(),
            [bridge(key)]
        );
    }
    // When both have begun, the lower key goes on.
    assert_eq!(leading(2).holding(Publisher, "/out").crossing(), []);
    assert_eq!(
        leading(9).holding(Publisher, "/out").crossing(),
        [crossing(Publisher, "/out")]
    );
    let mut sides = leading(2);
    sides.ros.apply(&Sides::bridge_token("b1", 2), false).unwrap();
    assert_eq!(sides.plan().led_by_others.len(), 0);
}

#[test]
fn a_bridge_to_another_network_of_nuncio_is_no_peer_once_all_of_it_is_known() {
    let mut sides = Sides::new()
        .native(1, Publisher, "/out", ty(1))
        .ros_bridge("b2", 2)
        .ros("b2", Publisher, "/out", ty(1));
    assert_eq!(sides.crossing(), [crossing(Publisher, "/out")]);
    sides.is_young = true;
    assert_eq!(sides.crossing(), []);
}

#[test]
fn another_type_is_named_and_does_not_cross() {
    let sides = Sides::new()
        .native(1, Subscription, "/t", ty(1))
        .ros("c1", Publisher, "/t", ty(2))
        .native(1, Publisher, "/u", ty(1))
        .ros("c1", Subscription, "/u", ty(2))
        .native(1, Client, "/s", ty(1))
        .ros("c1", Server, "/s", ty(2));
    let plan = sides.plan();
    assert_eq!(
        plan.crossings.into_keys().collect::<Vec<_>>(),
        [crossing(Publisher, "/u")]
    );
    let named: Vec<(&str, EndpointKind)> = plan.mismatches.iter().map(|m| (m.name.as_str(), m.kind)).collect();
    assert_eq!(named, [("/s", Server), ("/t", Publisher), ("/u", Subscription)]);
    let first = plan.mismatches.first().unwrap();
    assert_eq!(
        (first.node.as_str(), &first.found, first.expected.as_slice()),
        ("/talker", &ty(2), [ty(1)].as_slice())
    );
}

#[test]
fn a_node_without_hashes_is_believed_by_the_name_of_its_type() {
    let humble = RosType { hash: None, ..ty(1) };
    let sides = Sides::new()
        .native(1, Subscription, "/t", ty(1))
        .ros("c1", Publisher, "/t", humble.clone());
    let plan = sides.plan();
    assert_eq!(plan.mismatches.len(), 0);
    assert_eq!(plan.crossings.into_keys().next().unwrap().ty, humble);
}

#[test]
fn a_service_with_servers_on_both_sides_crosses_neither_way() {
    let sides = Sides::new()
        .native(1, Server, "/s", ty(1))
        .ros("c1", Server, "/s", ty(1));
    let plan = sides.plan();
    assert_eq!(plan.crossings.len(), 0);
    assert!(matches!(plan.statuses.first(), Some(Ros2Status::ServersOnBothSides { name, .. }) if name == "/s"));
}

#[test]
fn nodes_of_another_domain_are_named_and_nothing_of_them_crosses() {
    let sides = Sides::new().ros_in(7, "d1", Publisher, "/t", ty(1));
    let plan = sides.plan();
    assert_eq!(plan.crossings.len(), 0);
    assert!(matches!(
        plan.statuses.first(),
        Some(Ros2Status::OtherDomain { domain: 7, .. })
    ));
}

#[test]
fn a_party_keeps_as_much_for_late_subscribers_as_all_of_them_together() {
    let mut party = Party::default();
    let node = |name: &str| NodeName::parse(name).unwrap();
    party.add(&node("/a"), QosProfile::keep_last(3).transient_local());
    assert_eq!(party.profile(), QosProfile::keep_last(3).transient_local());
    party.add(&node("/b"), QosProfile::keep_last(2).transient_local());
    party.add(&node("/c"), QosProfile::sensor_data());
    let profile = party.profile();
    assert_eq!(
        (profile.depth.get(), profile.durability),
        (5, Durability::TransientLocal)
    );
    assert_eq!(profile.reliability, Reliability::Reliable);
}
