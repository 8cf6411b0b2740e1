//! `service list`, `type`, `find`, `info`, `call` and `echo`, of nodes in this process.

use nuncio::msgs::example_interfaces::srv::{AddTwoInts, AddTwoIntsResponse};
use nuncio::msgs::std_srvs::srv::Trigger;
use nuncio::{Node, ServiceFault, ServiceIntrospection, ServiceServer, ServiceServerOptions, Serving};
use serde_json::json;

use crate::program::{DEADLINE, User, listen, node};

/// A node that adds, has a hidden service, and triggers nothing.
pub(crate) async fn served() -> (Node, String, (Serving, Serving, ServiceServer<Trigger>)) {
    let (node, endpoint) = listen(node("adder", 1)).await;
    let adding = node.service_server::<AddTwoInts>("/add").expect("it serves");
    let adding = adding.on_request(|request, _| match request.a {
        13 => Err(ServiceFault {
            code: ServiceFault::CODE_FAILED,
            text: "not thirteen".to_owned(),
        }),
        a => Ok(AddTwoIntsResponse { sum: a + request.b }),
    });
    let hidden = node.service_server::<Trigger>("/_hidden/x").expect("it serves");
    let hidden = hidden.on_request(|_, _| Ok(Default::default()));
    let silent = node.service_server::<Trigger>("/silent").expect("it serves");
    (
        node,
        endpoint,
        (adding.expect("it serves"), hidden.expect("it serves"), silent),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn services_are_listed_found_and_looked_into() {
    let (node, endpoint, _serving) = served().await;
    let run = |args: &[&str]| User::new().run(&[&["service"], args, &["--connect", &endpoint]].concat());
    assert_eq!(run(&["list"]).stdout, "/add\n/silent\n");
    assert_eq!(
        run(&["list", "-t", "--all"]).stdout,
        "/_hidden/x [std_srvs/srv/Trigger]\n/add [example_interfaces/srv/AddTwoInts]\n/silent [std_srvs/srv/Trigger]\n"
    );
    assert_eq!(run(&["type", "add"]).stdout, "example_interfaces/srv/AddTwoInts\n");
    assert_eq!(run(&["find", "std_srvs/Trigger"]).stdout, "/_hidden/x\n/silent\n");
    let info = run(&["info", "/add", "--json"]).json().remove(0);
    assert_eq!(info["servers"][0]["node"], "/adder");
    assert_eq!(info["servers"][0]["key"], node.public_key().to_string());
    assert_eq!(info["clients"], json!([]));
    let people = run(&["info", "/add"]);
    assert!(
        people
            .stdout
            .starts_with("/add\ntype: example_interfaces/srv/AddTwoInts\nservers: 1\n  /adder"),
        "{people:?}"
    );
    for nothing in [
        ["type", "/nobody"],
        ["find", "std_srvs/srv/SetBool"],
        ["info", "/nobody"],
    ] {
        assert_eq!(run(&nothing).code, Some(1), "{nothing:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_service_is_called_with_or_without_its_type() {
    let (node, endpoint, _serving) = served().await;
    let call = |args: &[&str]| User::new().run(&[&["service", "call"], args, &["--connect", &endpoint]].concat());
    let people = call(&["/add", "example_interfaces/srv/AddTwoInts", "{a: 1, b: 2}"]);
    assert_eq!(people.code, Some(0), "{people:?}");
    assert!(people.stdout.starts_with("# /adder, signed by "), "{people:?}");
    assert!(people.stdout.ends_with("\nsum: 3\n"), "{people:?}");
    let program = call(&["add", "a: 4", "--json"]).json().remove(0);
    assert_eq!(program["response"], json!({"sum": 4}));
    assert_eq!(program["signer"], node.public_key().to_string());
    assert_eq!(program["verified"], true);

    let fault = call(&["/add", "{a: 13}"]);
    assert_eq!(fault.code, Some(2), "{fault:?}");
    assert!(fault.stderr.contains("/adder failed: not thirteen"), "{fault:?}");
    let wrong = call(&["/add", "{c: 1}"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    let other_type = call(&["/add", "std_srvs/srv/Trigger"]);
    assert_eq!(other_type.code, Some(1), "{other_type:?}");
    let nobody = call(&["/nobody"]);
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
    let unexpected = call(&["/add", "{a: 1}", "--expect", "adder"]);
    assert_eq!(unexpected.code, Some(3), "{unexpected:?}");
    assert!(
        unexpected.stderr.contains("does not hold the role adder"),
        "{unexpected:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_call_that_nobody_answers_ends_in_time() {
    let (_node, endpoint, _serving) = served().await;
    let late = User::new().run(&["service", "call", "/silent", "--connect", &endpoint, "--timeout", "1"]);
    assert_eq!(late.code, Some(1), "{late:?}");
    assert!(late.stderr.contains("did not answer within 1000 ms"), "{late:?}");
}

/// A node that adds and tells of its calls.
pub(crate) async fn told() -> (Node, String, Serving) {
    let (node, endpoint) = listen(node("adder", 1)).await;
    let options = ServiceServerOptions {
        introspection: ServiceIntrospection::Contents,
        ..ServiceServerOptions::default()
    };
    let server = node
        .service_server_with::<AddTwoInts>("/add", options)
        .expect("it serves");
    let serving = server.on_request(|request, _| {
        Ok(AddTwoIntsResponse {
            sum: request.a + request.b,
        })
    });
    (node, endpoint, serving.expect("it serves"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_a_server_tells_of_its_calls_is_echoed_with_who_signed_it() {
    let (node, endpoint, _serving) = told().await;
    let (listener, caller) = (User::new(), User::new());
    let args = ["service", "echo", "/add", "--connect", &endpoint, "--timeout", "25"];
    let mut programs = listener.start(&[args.as_slice(), &["--times", "2", "--json"]].concat());
    let people = listener.start(&[args.as_slice(), &["--once", "--no-arr"]].concat());
    let heard = |graph: &nuncio::graph::Graph| {
        let topics = graph.topics().into_iter();
        let events = topics.filter(|(name, _)| name.as_str() == "/add/_service_event");
        events.map(|(_, topic)| topic.subscribers.len()).sum::<usize>() == 2
    };
    assert!(node.wait_for_graph(DEADLINE, heard).await.is_some());
    let called = caller.run(&["service", "call", "/add", "{a: 1, b: 2}", "--connect", &endpoint]);
    assert_eq!(called.code, Some(0), "{called:?}");

    let [received, responded] = [programs.json(), programs.json()];
    assert_eq!(received["signer"], node.public_key().to_string());
    assert_eq!(received["message"]["info"]["event_type"], 1);
    assert_eq!(received["message"]["request"], json!([{"a": 1, "b": 2}]));
    assert_eq!(responded["message"]["response"], json!([{"sum": 3}]));
    assert_eq!(
        received["message"]["info"]["client_gid"],
        responded["message"]["info"]["client_gid"]
    );
    assert_eq!(programs.end().code, Some(0));
    let people = people.end();
    assert_eq!(people.code, Some(0), "{people:?}");
    for line in [
        "  event_type: REQUEST_RECEIVED",
        "  client_gid: \"<list of 16>\"",
        "- a: 1",
        "  b: 2",
    ] {
        assert!(
            people.stdout.lines().any(|printed| printed == line),
            "{line}: {people:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_hears_nothing_is_told_which_option_to_set() {
    let (_node, endpoint, _serving) = served().await;
    let echo = |service: &str| {
        let ended = User::new().run(&["service", "echo", service, "--connect", &endpoint, "--timeout", "3"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        ended.stderr
    };
    let silent = echo("/add");
    assert!(
        silent.contains("/add is served, but no end of it tells of calls"),
        "{silent}"
    );
    assert!(
        silent.contains("introspection: ServiceIntrospection::Contents"),
        "{silent}"
    );
    let nobody = echo("/nobody");
    assert!(nobody.contains("nobody is known to serve /nobody"), "{nobody}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_caller_tells_of_its_own_call_where_the_server_does_not() {
    let (node, endpoint, _serving) = served().await;
    let mut echo = User::new().start(&[
        "service",
        "echo",
        "/add",
        "--connect",
        &endpoint,
        "--times",
        "2",
        "--json",
    ]);
    let heard = |graph: &nuncio::graph::Graph| graph.topics().keys().any(|name| name.as_str() == "/add/_service_event");
    assert!(node.wait_for_graph(DEADLINE, heard).await.is_some());
    let call = [
        "service",
        "call",
        "/add",
        "{a: 1}",
        "--introspection",
        "metadata",
        "--connect",
        &endpoint,
    ];
    let called = User::new().run(&call);
    assert_eq!(called.code, Some(0), "{called:?}");
    for step in [0, 3] {
        let event = echo.json();
        assert_eq!(event["message"]["info"]["event_type"], step);
        assert_eq!(
            (&event["message"]["request"], &event["message"]["response"]),
            (&json!([]), &json!([]))
        );
    }
    assert_eq!(echo.end().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn all_servers_are_called_and_those_without_an_answer_are_told() {
    let (adder, endpoint, _serving) = served().await;
    let empty = node("empty", 2).connect(&endpoint).open().await.expect("it opens");
    let nothing = empty.service_server::<AddTwoInts>("/add").expect("it serves");
    let _nothing = nothing.on_request(|_, _| {
        Err(ServiceFault {
            code: ServiceFault::CODE_NOTHING_FOUND,
            text: "nothing here".to_owned(),
        })
    });
    let silent = node("silent", 3).connect(&endpoint).open().await.expect("it opens");
    let _silent = silent.service_server::<AddTwoInts>("/add").expect("it serves");
    let called = User::new().run(&[
        "service",
        "call",
        "/add",
        "{a: 1, b: 2}",
        "--all",
        "--json",
        "--timeout",
        "3",
        "--connect",
        &endpoint,
    ]);
    let answers = called.json();
    assert_eq!((called.code, answers.len()), (Some(0), 1), "{called:?}");
    assert_eq!(answers[0]["response"], json!({"sum": 3}));
    assert_eq!(answers[0]["signer"], adder.public_key().to_string());
    assert!(called.stderr.contains("/silent did not answer"), "{called:?}");
    assert!(
        called
            .stderr
            .contains("3 servers asked: 1 answered, 1 found nothing, 1 gave no response"),
        "{called:?}"
    );
}
