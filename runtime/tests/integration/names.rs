//! Other names than a program has: from its builder, its command line and files; and what other nodes see of it.

use nuncio::msgs::example_interfaces::srv::{AddTwoInts, AddTwoIntsRequest, AddTwoIntsResponse};
use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::{NodeArguments, OpenError, ParameterDescriptor, ParameterValue};

use crate::peers::{DEADLINE, Peers, listen, next, node};

fn arguments(line: &str) -> NodeArguments {
    NodeArguments::take(line.split(' ')).unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_started_with_other_names_is_met_under_these() {
    let folder = tempfile::tempdir().unwrap();
    let (rules, values) = (folder.path().join("rules"), folder.path().join("values.yaml"));
    std::fs::write(&rules, "# the second robot\n~/sum:=sum\nvelocity:=never/taken\n").unwrap();
    std::fs::write(&values, "/left/motor:\n  ros__parameters: {speed: 0.1, torque: 7}\n").unwrap();
    let line = format!(
        "--ros-args -r __ns:=/left -r driver:__node:=motor -r velocity:=/safe/velocity --remap-file {} \
         --params-file {} -p speed:=0.5 -p camera:torque:=9",
        rules.display(),
        values.display()
    );
    let (driver, endpoint) = listen(node("driver", 2).namespace("/robot").arguments(&arguments(&line))).await;
    assert_eq!(driver.name().as_str(), "/left/motor");

    let other = node("other", 1).connect(&endpoint).open().await.unwrap();
    let velocity = driver.subscriber::<Twist>("velocity").unwrap();
    let commands = other.publisher::<Twist>("/safe/velocity").unwrap();
    assert!(commands.wait_for_subscribers(DEADLINE).unwrap());
    commands.publish(&Twist::default()).unwrap();
    assert_eq!(next(&velocity).message, Twist::default());

    let server = driver.service_server::<AddTwoInts>("~/sum").unwrap();
    let _serving = server
        .on_request(|request: AddTwoIntsRequest, _| {
            Ok(AddTwoIntsResponse {
                sum: request.a + request.b,
            })
        })
        .unwrap();
    let client = other.service_client::<AddTwoInts>("/left/sum").unwrap();
    assert!(client.wait_for_server(DEADLINE).await);
    let response = client.call(&AddTwoIntsRequest { a: 2, b: 3 }).await.unwrap();
    assert_eq!(response.message.sum, 5);

    let parameters = driver.parameters();
    let declared = |name, default: ParameterValue| parameters.declare(name, default, ParameterDescriptor::default());
    assert_eq!(declared("speed", 0.0.into()).unwrap(), 0.5.into());
    assert_eq!(declared("torque", 0.into()).unwrap(), 7.into());
    parameters.check_given().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_belong_to_the_topic_that_a_name_stands_for() {
    let peers = Peers::new().await;
    let builder = node("supervisor", 3).link(peers.link());
    let supervisor = builder
        .remap("/arm:=/right/arm")
        .remap("/right/arm:=/left/arm")
        .open()
        .await
        .unwrap();
    let _approver = supervisor.approver("/arm").unwrap();
    let told = |graph: &nuncio::graph::Graph| {
        let topics = graph.topics();
        let topic = |name: &str| {
            topics
                .iter()
                .find(|(topic, _)| topic.as_str() == name)
                .map(|(_, topic)| topic)
        };
        topic("/right/arm/_approvals").is_some_and(|approvals| !approvals.publishers.is_empty())
            && topic("/right/arm").is_some_and(|arm| !arm.subscribers.is_empty())
    };
    assert!(peers.listener.wait_for_graph(DEADLINE, told).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_cannot_be_used_keep_a_node_from_opening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules");
    let refused = async |builder: nuncio::NodeBuilder| match builder.open().await {
        Err(error @ (OpenError::Remapping(_) | OpenError::RemappingFile(_) | OpenError::Name(_))) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(refused(node("driver", 1).remap("a=b")).await.contains("write FROM:=TO"));
    assert!(
        refused(node("driver", 1).remap_file(&path))
            .await
            .contains("cannot be read")
    );
    std::fs::write(&path, "a:=b\nc:=d e\n").unwrap();
    assert!(refused(node("driver", 1).remap_file(&path)).await.contains("rules:2: "));
    let long = format!("__ns:=/{}", "x".repeat(250));
    assert!(refused(node("driver", 1).remap(&long)).await.contains("bytes"));
    std::fs::write(&path, "#".repeat(2 * 1024 * 1024)).unwrap();
    assert!(
        refused(node("driver", 1).remap_file(&path))
            .await
            .contains("at most 1048576")
    );
}
