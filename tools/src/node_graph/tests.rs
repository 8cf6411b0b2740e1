//! What a graph shows, of nodes that were never there, and that no name gets out of its quotes.

use std::sync::Arc;

use nuncio::graph::{Graph, GraphNode};
use nuncio::msgs::nuncio_msgs::msg::{CardPublisher, CardService, CardSubscriber, NodeCard};
use nuncio::{Identity, NodeName, PeerFacts, PublicKey, TopicPattern, Verdict};

use super::*;

/// Every character that means something to a terminal, to Graphviz or to XML.
const HOSTILE: &str = "evil\"]; </text><script>&lt;\\N\u{1b}[2J\n\u{202e}";

fn key(seed: u8) -> PublicKey {
    Identity::from_seed(&[seed; 32]).public_key()
}

fn node(name: &str, seed: u8, card: Option<NodeCard>) -> GraphNode {
    GraphNode {
        name: NodeName::parse(name).unwrap(),
        key: key(seed),
        epoch: 1,
        card: card.map(Arc::new),
    }
}

/// A card of what is published, subscribed to, served and called.
fn card(publishes: &[(&str, &str)], subscribes: &[(&str, &str)], services: &[(&str, &str, bool)]) -> Option<NodeCard> {
    let publisher = |(topic, type_name): &(&str, &str)| CardPublisher {
        topic: (*topic).to_owned(),
        type_name: (*type_name).to_owned(),
        ..CardPublisher::default()
    };
    let subscriber = |(topic, type_name): &(&str, &str)| CardSubscriber {
        topic: (*topic).to_owned(),
        type_name: (*type_name).to_owned(),
        ..CardSubscriber::default()
    };
    let service = |(name, type_name, is_server): &(&str, &str, bool)| CardService {
        name: (*name).to_owned(),
        type_name: (*type_name).to_owned(),
        is_server: *is_server,
        ..CardService::default()
    };
    Some(NodeCard {
        publishers: publishes.iter().map(publisher).collect(),
        subscribers: subscribes.iter().map(subscriber).collect(),
        services: services.iter().map(service).collect(),
        ..NodeCard::default()
    })
}

fn peer(name: &str, seed: u8, nickname: Option<&str>, verdict: Option<Verdict>) -> PeerFacts {
    PeerFacts {
        name: NodeName::parse(name).unwrap(),
        key: key(seed),
        nickname: nickname.map(|text| text.parse().unwrap()),
        epoch: 1,
        verdict,
        revoked: false,
        first_seen_ns: None,
        last_seen_ns: None,
        refused: 0,
        clock_offset_ns: None,
    }
}

/// A robot with a camera, an operator who drives it, a stranger, and somebody without a card.
fn system() -> (Graph, Vec<PeerFacts>) {
    let twist = "geometry_msgs/msg/Twist";
    let camera = card(
        &[
            ("/camera/image", "sensor_msgs/msg/Image"),
            ("/rosout", "rcl_interfaces/msg/Log"),
        ],
        &[],
        &[("/camera/get_parameters", "rcl_interfaces/srv/GetParameters", true)],
    );
    let base = card(
        &[("/odom", "nav_msgs/msg/Odometry")],
        &[("/cmd_vel", twist)],
        &[
            ("/stop", "std_srvs/srv/Trigger", true),
            (
                "/dock/_action/send_goal",
                "example_interfaces/action/Fibonacci_SendGoal",
                true,
            ),
        ],
    );
    let teleop = card(
        &[("/cmd_vel", twist)],
        &[("/camera/image", "")],
        &[("/stop", "std_srvs/srv/Trigger", false)],
    );
    let stranger = card(&[("/cmd_vel", HOSTILE)], &[], &[]);
    let tool = card(&[], &[("/odom", "")], &[]);
    let nodes = vec![
        node("/_nuncio_1", 8, None),
        node("/_tool", 7, tool),
        node("/base", 1, base),
        node("/camera", 2, camera),
        node("/ghost", 9, None),
        node("/teleop", 3, teleop),
        node("/teleop", 4, stranger),
    ];
    let peers = vec![
        peer("/base", 1, Some("base"), Some(Verdict::Pinned)),
        peer("/camera", 2, None, Some(Verdict::Pinned)),
        peer("/teleop", 3, Some("alice"), Some(Verdict::Permitted)),
        peer("/teleop", 4, None, Some(Verdict::PinMismatch)),
    ];
    (Graph { nodes }, peers)
}

fn shown(topics: &[&str], nodes: &[&str], all: bool) -> NodeGraph {
    let (graph, peers) = system();
    let patterns = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| TopicPattern::parse(text).unwrap())
            .collect::<Vec<_>>()
    };
    let own = NodeId::new(&NodeName::parse("/_nuncio_1").unwrap(), key(8));
    let (topics, nodes) = (patterns(topics), patterns(nodes));
    let selection = Selection {
        topics: &topics,
        nodes: &nodes,
        all,
    };
    NodeGraph::new(&graph, &peers, &own, selection)
}

fn text(graph: &NodeGraph) -> String {
    let lines: Vec<String> = tree(graph).into_iter().map(|(_, line)| line).collect();
    lines.join("\n")
}

#[test]
fn the_tree_names_who_is_at_the_other_end() {
    insta::assert_snapshot!(text(&shown(&[], &[], false)));
}

#[test]
fn what_every_node_has_and_what_is_hidden_is_shown_when_it_is_asked_for() {
    let names = |graph: &NodeGraph| -> Vec<String> { graph.meetings.iter().map(|of| of.name.to_string()).collect() };
    assert_eq!(
        names(&shown(&[], &[], false)),
        ["/camera/image", "/cmd_vel", "/odom", "/stop", "/dock"]
    );
    let all = names(&shown(&[], &[], true));
    for name in ["/rosout", "/camera/get_parameters", "/dock/_action/send_goal"] {
        assert!(all.contains(&name.to_owned()), "{all:?}");
    }
    assert!(text(&shown(&[], &[], true)).contains("/_tool  "));
}

#[test]
fn patterns_narrow_it_to_what_they_name_and_its_other_ends() {
    assert_eq!(text(&shown(&["/odom"], &[], false)).lines().count(), 2);
    let camera = shown(&[], &["/camera"], false);
    assert_eq!(camera.nodes.len(), 2, "the camera, and who looks at its image");
    assert_eq!(text(&camera).lines().count(), 2, "{}", text(&camera));
    assert!(shown(&["/nothing"], &[], false).nodes.is_empty());
    assert!(shown(&[], &["/nothing"], false).nodes.is_empty());
}

#[test]
fn the_json_has_everything_by_its_name() {
    insta::assert_snapshot!(
        serde_json::to_string_pretty(&Listing::of(&shown(&["/camera/**", "/stop", "/dock"], &[], false))).unwrap()
    );
}

#[test]
fn the_text_for_graphviz_is_whole() {
    insta::assert_snapshot!(dot(&shown(&[], &[], false)));
}

#[test]
fn the_drawing_is_whole_and_nothing_in_a_name_is_markup() {
    let drawing = svg(&shown(&[], &[], false));
    assert!(
        !drawing.contains("<script") && !drawing.contains('\u{1b}') && !drawing.contains('\u{202e}'),
        "{drawing}"
    );
    for (open, close) in [
        ("<g>", "</g>"),
        ("<text ", "</text>"),
        ("<title>", "</title>"),
        ("<svg ", "</svg>"),
    ] {
        assert_eq!(drawing.matches(open).count(), drawing.matches(close).count(), "{open}");
    }
    for name in [
        "/camera/image",
        "service: std_srvs/srv/Trigger",
        "alice",
        "pin mismatch",
        "/ghost",
    ] {
        assert!(drawing.contains(name), "{name}: {drawing}");
    }
}

#[test]
fn boxes_of_many_topics_stand_below_each_other() {
    let topics: Vec<String> = (0..40).map(|index| format!("/robot/topic_{index:02}")).collect();
    let ends: Vec<(&str, &str)> = topics
        .iter()
        .map(|topic| (topic.as_str(), "std_msgs/msg/String"))
        .collect();
    let mut nodes = vec![node("/talker", 1, card(&ends, &[], &[]))];
    for (index, end) in ends.iter().enumerate() {
        nodes.push(node(&format!("/listener_{index}"), 2, card(&[], &[*end], &[])));
        nodes.push(node(&format!("/other_{index}"), 2, card(&[], &ends[..1], &[])));
    }
    let own = NodeId::new(&NodeName::parse("/_own").unwrap(), key(9));
    let selection = Selection {
        topics: &[],
        nodes: &[],
        all: false,
    };
    let drawing = svg(&NodeGraph::new(&Graph { nodes }, &[], &own, selection));
    let mut boxes: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for of in drawing.split("<rect class=").filter(|of| of.contains("rx=")) {
        let number = |name: &str| {
            of.split(&format!(" {name}=\""))
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap()
                .to_owned()
        };
        boxes.entry(number("x")).or_default().push(number("y").parse().unwrap());
    }
    assert_eq!(boxes.len(), 3, "columns");
    for column in boxes.values_mut() {
        column.sort_by(f64::total_cmp);
        assert!(column.windows(2).all(|two| two[1] - two[0] >= 42.0), "{column:?}");
    }
    assert_eq!(boxes.values().map(Vec::len).sum::<usize>(), 1 + 40 + 80);
}
