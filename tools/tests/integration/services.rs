//! `service list`, `type`, `find`, `info` and `call`, of nodes in this process.

use nuncio::msgs::example_interfaces::srv::{AddTwoInts, AddTwoIntsResponse};
use nuncio::msgs::std_srvs::srv::Trigger;
use nuncio::{Node, ServiceFault, ServiceServer, Serving};
use serde_json::json;

use crate::program::{User, listen, node};

/// A node that adds, has a hidden service, and triggers nothing.
async fn served() -> (Node, String, (Serving, Serving, ServiceServer<Trigger>)) {
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
