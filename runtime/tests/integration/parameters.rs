//! Parameters: a node's own, and those of another node through the services of ROS 2.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use nuncio::msgs::rcl_interfaces::msg::ParameterEvent;
use nuncio::{
    CallError, OpenError, ParameterCallError, ParameterClient, ParameterDescriptor, ParameterType, ParameterValue,
    Parameters, QosProfile, Reason, SetError, TrustFile,
};

use crate::peers::{DEADLINE, Peers, identity, listen, next, node};

/// The listener has parameters, the talker reaches them.
async fn reached(peers: &Peers) -> (Parameters, ParameterClient) {
    let parameters = peers.listener.parameters();
    let speed = ParameterDescriptor::new("top speed in m/s").range(0.0..=1.5);
    parameters.declare("speed", 0.5, speed).unwrap();
    parameters
        .declare("arm.joints", 6, ParameterDescriptor::default())
        .unwrap();
    let client = peers.talker.parameter_client("/listener").unwrap();
    assert!(client.wait_for_node(DEADLINE).await);
    (parameters, client)
}

fn change(name: &str, value: impl Into<ParameterValue>) -> (String, ParameterValue) {
    (name.to_owned(), value.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_reads_lists_and_describes_parameters() {
    let peers = Peers::new().await;
    let (_parameters, client) = reached(&peers).await;
    let values = client.get(&["speed", "nothing", "arm.joints"]).await.unwrap();
    assert_eq!(values, [0.5.into(), ParameterValue::NotSet, 6.into()]);
    let listed = client.list(&["arm"], 0).await.unwrap();
    assert_eq!(
        (listed.names, listed.prefixes),
        (vec!["arm.joints".to_owned()], vec!["arm".to_owned()])
    );
    let infos = client.describe(&["speed", "nothing"]).await.unwrap();
    let [speed, nothing] = infos.as_slice() else {
        panic!("{infos:?}")
    };
    assert_eq!(speed.value_type, ParameterType::Double);
    assert_eq!(
        speed.descriptor,
        ParameterDescriptor::new("top speed in m/s").range(0.0..=1.5)
    );
    assert_eq!(nothing.value_type, ParameterType::NotSet);
    let error = client.get(&["speed", "speed"]).await.unwrap_err();
    assert!(error.to_string().contains("parameter speed stands twice"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_sets_each_by_itself_or_all_or_none() {
    let peers = Peers::new().await;
    let (parameters, client) = reached(&peers).await;
    let changes = [change("speed", 9.0), change("arm.joints", 7), change("sped", 1.0)];
    let each = client.set(&changes).await.unwrap();
    let told: Vec<_> = each.into_iter().map(Result::err).collect();
    assert_eq!(
        told,
        [
            Some("parameter speed cannot be 9.0; allowed is 0.0 to 1.5".to_owned()),
            None,
            Some("not declared: sped; list the parameters of the node to see which are".to_owned()),
        ]
    );
    assert_eq!(parameters.get("arm.joints"), Some(7.into()));

    let changes = [change("arm.joints", 8), change("speed", 9.0)];
    let error = client.set_atomically(&changes).await.unwrap_err();
    assert!(matches!(error, ParameterCallError::Refused { .. }), "{error}");
    assert_eq!(parameters.get("arm.joints"), Some(7.into()), "none was set");
    let changes = [change("arm.joints", 8), change("speed", 1.0)];
    client.set_atomically(&changes).await.unwrap();
    assert_eq!(parameters.get("arm.joints"), Some(8.into()));
    assert_eq!(parameters.get("speed"), Some(1.0.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_refuses_a_change_and_its_words_reach_the_caller() {
    let peers = Peers::new().await;
    let (parameters, client) = reached(&peers).await;
    let (asked, node) = (Arc::new(AtomicUsize::new(0)), peers.listener.clone());
    let count = Arc::clone(&asked);
    parameters.on_change(move |changes| {
        count.fetch_add(1, Ordering::SeqCst);
        let nested = node.parameters();
        assert_eq!(nested.set("speed", 0.1), Err(SetError::InCallback));
        assert!(nested.get("speed").is_some(), "it may read");
        match changes {
            [(_, ParameterValue::Double(speed))] if *speed > 1.0 => Err("the gripper holds glass".to_owned()),
            _ => Ok(()),
        }
    });
    let results = client.set(&[change("speed", 1.2), change("speed", 0.8)]).await.unwrap();
    let refused = "the node refuses to set speed: the gripper holds glass".to_owned();
    assert_eq!(results, [Err(refused), Ok(())]);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(parameters.get("speed"), Some(0.8.into()));
    assert!(matches!(parameters.set("speed", 1.3), Err(SetError::Refused { .. })));
    assert!(matches!(parameters.set("speed", 7.0), Err(SetError::OutOfRange { .. })));
    assert_eq!(
        asked.load(Ordering::SeqCst),
        3,
        "what is out of range is not asked about"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_told_on_parameter_events() {
    let peers = Peers::new().await;
    let events = peers
        .talker
        .subscriber_with::<ParameterEvent>("/parameter_events", QosProfile::parameters())
        .unwrap();
    let (parameters, _client) = reached(&peers).await;
    // The subscriber has met the publisher when it has heard of a change.
    let mut heard = None;
    for joints in 0..100 {
        parameters.set("arm.joints", joints).unwrap();
        heard = events.recv_timeout(std::time::Duration::from_millis(200)).ok();
        if heard.is_some() {
            break;
        }
    }
    heard.expect("an event");
    parameters.set("speed", 1.25).unwrap();
    let event = loop {
        let received = next(&events);
        assert_eq!(received.info.node.as_str(), "/listener");
        let event = received.message;
        if event
            .changed_parameters
            .iter()
            .any(|parameter| parameter.name == "speed")
        {
            break event;
        }
    };
    assert_eq!(event.node, "/listener");
    assert!(event.stamp.sec > 0);
    let value = &event.changed_parameters.first().unwrap().value;
    assert_eq!(value.double_value.to_bits(), 1.25_f64.to_bits());
}

#[tokio::test(flavor = "multi_thread")]
async fn yaml_is_loaded_as_a_whole_or_not_at_all() {
    let peers = Peers::new().await;
    let (parameters, _client) = reached(&peers).await;
    let dumped = parameters.dump();
    let unknown = "/listener:\n  ros__parameters:\n    arm: {joints: 3, jonts: 3}\n    sped: 1.0\n";
    let error = parameters.load(unknown).unwrap_err();
    assert_eq!(
        error.to_string(),
        "not declared: arm.jonts, sped; list the parameters of the node to see which are"
    );
    assert!(
        parameters
            .load("/**:\n  ros__parameters: {arm: {joints: 3}, speed: 2.0}\n")
            .is_err()
    );
    assert_eq!(parameters.dump(), dumped, "nothing was set");
    parameters
        .load("/**:\n  ros__parameters: {arm: {joints: 3}, speed: 1.0}\n")
        .unwrap();
    assert_eq!(parameters.get("arm.joints"), Some(3.into()));
    parameters.load(&dumped).unwrap();
    assert_eq!(parameters.dump(), dumped);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_the_builder_give_values_at_declaration() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("robot.yaml");
    std::fs::write(
        &path,
        "/*:\n  ros__parameters:\n    speed: 1.0\n    list: []\n    fast: yep\n    sped: 2.0\n",
    )
    .unwrap();
    let builder = node("driver", 3).parameter_file(&path).parameter("speed", 1.25);
    let node = builder.open().await.unwrap();
    let parameters = node.parameters();
    let plain = ParameterDescriptor::default;
    assert_eq!(parameters.declare("speed", 0.5, plain()).unwrap(), 1.25.into());
    assert_eq!(
        parameters.declare("list", vec![1.0], plain()).unwrap(),
        Vec::<f64>::new().into()
    );
    assert_eq!(parameters.declare("height", 2.0, plain()).unwrap(), 2.0.into());
    let error = parameters.declare("fast", false, plain()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "parameter fast is of type boolean; \"yep\" is of type string"
    );
    let error = node.parameters().check_given().unwrap_err();
    assert_eq!(
        error,
        SetError::Unknown {
            names: vec!["fast".to_owned(), "sped".to_owned()]
        }
    );

    std::fs::write(&path, "speed: 1.0\n").unwrap();
    let error = self::node("driver", 3).parameter_file(&path).open().await.unwrap_err();
    assert!(matches!(error, OpenError::Parameters(_)), "{error}");
    assert!(error.to_string().contains("robot.yaml"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_serves_parameters_from_the_first_declaration_until_they_are_dropped() {
    let peers = Peers::new().await;
    let served = |graph: &nuncio::graph::Graph, count: usize| {
        let listener = graph.nodes.iter().find(|node| node.name.as_str() == "/listener");
        listener
            .and_then(|node| node.card.as_ref())
            .map(|card| card.services.len())
            == Some(count)
    };
    let none = peers.talker.wait_for_graph(DEADLINE, |graph| served(graph, 0)).await;
    assert!(none.is_some());
    let parameters = peers.listener.parameters();
    parameters.declare("a", 1, ParameterDescriptor::default()).unwrap();
    let six = peers.talker.wait_for_graph(DEADLINE, |graph| served(graph, 6)).await;
    assert!(six.is_some());
    assert_eq!(peers.listener.parameters().get("a"), Some(1.into()));
    drop(parameters);
    let none = peers.talker.wait_for_graph(DEADLINE, |graph| served(graph, 0)).await;
    assert!(none.is_some());
    assert_eq!(peers.listener.parameters().get("a"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_read_but_not_set_sets_nothing() {
    let (robot, viewer) = (identity(2).public_key(), identity(1).public_key());
    let text = format!(
        "mode = \"enforce\"\n[roles.robot]\nserve = [\"listener/*\"]\n[roles.viewer]\ncall = [\"listener/get_parameters\"]\n\
         [grants.robot]\nkey = \"{robot}\"\nroles = [\"robot\"]\n[grants.viewer]\nkey = \"{viewer}\"\nroles = [\"viewer\"]\n"
    );
    let policy = || TrustFile::parse(&text).unwrap().into_policy();
    let (listener, endpoint) = listen(node("listener", 2).trust(policy())).await;
    let parameters = listener.parameters();
    parameters
        .declare("speed", 0.5, ParameterDescriptor::default())
        .unwrap();
    let talker = node("talker", 1).trust(policy()).connect(&endpoint);
    let talker = talker.open().await.unwrap();
    let client = talker.parameter_client("/listener").unwrap();
    assert!(client.wait_for_node(DEADLINE).await);
    assert_eq!(client.get(&["speed"]).await.unwrap(), [0.5.into()]);
    let error = client.set_atomically(&[change("speed", 1.0)]).await.unwrap_err();
    assert!(
        matches!(error, ParameterCallError::Call(CallError::Unanswered { .. })),
        "{error}"
    );
    let refusal = listener.next_refusal().await.unwrap();
    assert_eq!(refusal.topic.as_str(), "/listener/set_parameters_atomically");
    assert_eq!(refusal.refusal.reason, Reason::NotPermitted);
    assert_eq!(parameters.get("speed"), Some(0.5.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_dumps_all_values_and_loads_them_again_or_nothing() {
    let peers = Peers::new().await;
    let (parameters, client) = reached(&peers).await;
    let plain = ParameterDescriptor::default;
    parameters.declare("octets", vec![1_u8, 2], plain()).unwrap();
    parameters.declare("radii", vec![0.5], plain()).unwrap();
    let dumped = client.dump().await.unwrap();
    assert_eq!(dumped, parameters.dump());
    assert_eq!(client.of().as_str(), "/listener");

    let yaml = "/listener:\n  ros__parameters:\n    octets: [3, 255]\n    radii: []\n    arm: {joints: 7}\n";
    let set = client.load(yaml).await.unwrap();
    assert_eq!(set.len(), 3);
    let values = ["octets", "radii", "arm.joints"].map(|name| parameters.get(name).unwrap());
    assert_eq!(values, [vec![3_u8, 255].into(), Vec::<f64>::new().into(), 7.into()]);

    let yaml = "/**:\n  ros__parameters: {sped: 1.0, spede: 2, speed: 1.0}\n";
    let unknown = client.load(yaml).await.unwrap_err().to_string();
    assert!(unknown.starts_with("not declared: sped, spede;"), "{unknown}");
    let wide = client
        .load("/**: {ros__parameters: {octets: [256]}}")
        .await
        .unwrap_err();
    assert!(wide.to_string().contains("octets is of type byte array"), "{wide}");
    assert_eq!(parameters.get("speed"), Some(0.5.into()), "nothing was set");
    assert_eq!(
        client.load("/other: {ros__parameters: {speed: 1.0}}").await.unwrap(),
        []
    );
    assert!(client.load("- 1").await.is_err());
    client.load(&dumped).await.unwrap();
    assert_eq!(parameters.dump(), dumped);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn all_parameter_services_of_a_node_share_one_thread() {
    let threads = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        // The kernel keeps fifteen characters of a name.
        names.filter(|name| name.trim_end() == "nuncio/frugally").count()
    };
    let node = node("frugally", 9).open().await.unwrap();
    // A thread names itself when it begins.
    let end = Instant::now() + DEADLINE;
    while threads() < 1 && Instant::now() < end {
        tokio::task::yield_now().await;
    }
    let parameters = node.parameters();
    parameters
        .declare("speed", 0.5, ParameterDescriptor::default())
        .unwrap();
    let client = node.parameter_client("/frugally").unwrap();
    assert_eq!(client.get(&["speed"]).await.unwrap(), [0.5.into()]);
    assert_eq!(threads(), 2, "one for the node, one for its parameters");
    assert_eq!(client.list(&[], 0).await.unwrap().names, ["speed"]);
}
