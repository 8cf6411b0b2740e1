//! Nodes and topics appear, are confirmed by cards, and vanish.

use nuncio::adversary::Adversary;
use nuncio::graph::Graph;
use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::{Domain, Message, TopicName};

use crate::peers::{DEADLINE, Peers, next, node};

fn knows(graph: &Graph, topic: &str, publishers: usize, subscribers: usize) -> bool {
    let topics = graph.topics();
    let found = topics.get(&TopicName::parse(topic).unwrap());
    found.map_or((0, 0), |topic| (topic.publishers.len(), topic.subscribers.len())) == (publishers, subscribers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn topics_come_and_go_with_their_publishers_and_subscribers() {
    let peers = Peers::new().await;
    let publisher = peers.talker.publisher::<Twist>("/cmd_vel").unwrap();
    let graph = peers
        .listener
        .wait_for_graph(DEADLINE, |graph| knows(graph, "/cmd_vel", 1, 0))
        .await
        .unwrap();
    let topics = graph.topics();
    let topic = &topics[&TopicName::parse("/cmd_vel").unwrap()];
    assert_eq!(topic.types(), [(Twist::TYPE_NAME.to_owned(), Twist::TYPE_HASH)]);
    assert_eq!(topic.publishers[0].node.key, peers.talker.public_key());

    let subscriber = peers.listener.subscriber::<Twist>("/cmd_vel").unwrap();
    assert!(
        peers
            .talker
            .wait_for_graph(DEADLINE, |graph| knows(graph, "/cmd_vel", 1, 1))
            .await
            .is_some()
    );
    drop(publisher);
    assert!(
        peers
            .listener
            .wait_for_graph(DEADLINE, |graph| knows(graph, "/cmd_vel", 0, 1))
            .await
            .is_some()
    );
    drop(subscriber);
    assert!(
        peers
            .talker
            .wait_for_graph(DEADLINE, |graph| knows(graph, "/cmd_vel", 0, 0))
            .await
            .is_some()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_closed_node_vanishes() {
    let peers = Peers::new().await;
    peers.talker.close().await.unwrap();
    let gone = |graph: &Graph| graph.nodes_named(peers.talker.name()).next().is_none();
    assert!(peers.listener.wait_for_graph(DEADLINE, gone).await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_card_tells_what_a_node_is() {
    let peers = Peers::new().await;
    let graph = peers.listener.graph();
    let talker = graph.nodes_named(peers.talker.name()).next().unwrap();
    let card = talker.card.as_ref().unwrap();
    assert_eq!((talker.epoch, card.epoch), (peers.talker.epoch(), peers.talker.epoch()));
    assert_eq!((card.node.as_str(), card.domain.as_str()), ("/talker", "0"));
    assert_eq!(card.version, env!("CARGO_PKG_VERSION"));
    assert!(
        card.discovery.starts_with("off; endpoints: tcp/127.0.0.1:"),
        "{}",
        card.discovery
    );
}

/// A presence token is a claim: without a card of that key the node is listed as unverified and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_token_that_no_card_confirms_is_unverified() {
    let peers = Peers::new().await;
    let attacker = Adversary::join(&peers.link(), Domain::default()).await.unwrap();
    let claimed = nuncio::NodeName::parse("/robot").unwrap();
    let _token = attacker
        .claim_presence(&peers.talker.public_key(), 77, &claimed)
        .unwrap();
    let seen = |graph: &Graph| graph.nodes_named(&claimed).next().is_some();
    let graph = peers.listener.wait_for_graph(DEADLINE, seen).await.unwrap();
    let node = graph.nodes_named(&claimed).next().unwrap();
    assert!(!node.is_verified());
    assert!(
        graph.nodes_named(peers.talker.name()).next().unwrap().is_verified(),
        "the real node of that key stays"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nodes_of_another_domain_are_neither_seen_nor_heard() {
    let peers = Peers::new().await;
    let stranger = node("stranger", 4)
        .domain(Domain::parse("other").unwrap())
        .connect(&peers.endpoint);
    let stranger = stranger.open().await.unwrap();
    let subscriber = peers.listener.subscriber::<Twist>("/cmd_vel").unwrap();
    let publisher = stranger.publisher::<Twist>("/cmd_vel").unwrap();
    publisher.publish(&Twist::default()).unwrap();
    // Something that is heard comes after it on the same fabric.
    let third = node("third", 5).connect(&peers.endpoint).open().await.unwrap();
    let heard = third.publisher::<Twist>("/cmd_vel").unwrap();
    assert!(heard.wait_for_subscribers(DEADLINE).unwrap());
    heard.publish(&Twist::default()).unwrap();
    assert_eq!(next(&subscriber).info.signer, third.public_key());
    assert!(!publisher.has_subscribers().unwrap());
    assert!(peers.listener.graph().nodes_named(stranger.name()).next().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_graph_settles_once_every_node_has_shown_its_card() {
    let peers = Peers::new().await;
    let _publisher = peers.talker.publisher::<Twist>("/cmd_vel").unwrap();
    let late = node("late", 3).connect(&peers.endpoint).open().await.unwrap();
    let graph = late
        .settled_graph(std::time::Duration::from_millis(300), DEADLINE)
        .await;
    assert!(graph.nodes.iter().all(nuncio::graph::GraphNode::is_verified));
    assert!(graph.nodes_named(peers.listener.name()).next().is_some(), "{graph:?}");
}

/// What a node says about itself is cut to what a card has room for; a card that breaks its own schema would leave the
/// node unverified everywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_with_very_many_endpoints_still_has_a_card() {
    let peers = Peers::new().await;
    let mut builder = node("connected", 5).connect(&peers.endpoint);
    for port in 1..100 {
        builder = builder.connect(format!("tcp/127.0.0.1:{port}"));
    }
    let connected = builder.open().await.unwrap();
    peers.meet(&connected).await;
}
