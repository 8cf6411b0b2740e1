//! `param list`, `get`, `set`, `describe`, `dump`, `load` and `delete`, of a node in this process.

use nuncio::msgs::rcl_interfaces::srv::{GetParameters, ListParameters, SetParametersAtomically};
use nuncio::{Node, ParameterDescriptor, ParameterValue, Parameters};
use serde_json::json;

use crate::program::{Ended, User, listen, node};

/// A node with parameters of several kinds.
pub(crate) async fn robot() -> (Node, String, Parameters) {
    let (node, endpoint) = listen(node("robot", 1)).await;
    let parameters = node.parameters();
    let (plain, about) = (ParameterDescriptor::default, ParameterDescriptor::new);
    let declare = |name, value: ParameterValue, descriptor| {
        parameters.declare(name, value, descriptor).expect("it is declared");
    };
    declare("speed", 0.5.into(), about("top speed in m/s").range(0.0..=1.5));
    declare("wheels.count", 4.into(), plain().range(2..=8));
    declare("wheels.radii", vec![0.1, 0.2].into(), plain());
    let read_only = ParameterDescriptor {
        read_only: true,
        ..plain()
    };
    declare("frame", "base link".into(), read_only);
    let dynamic_typing = ParameterDescriptor {
        dynamic_typing: true,
        ..plain()
    };
    declare("note", ParameterValue::NotSet, dynamic_typing);
    parameters.on_change(|changes| match changes.iter().any(|(_, value)| *value == 7.into()) {
        true => Err("seven wheels do not fit".to_owned()),
        false => Ok(()),
    });
    (node, endpoint, parameters)
}

/// Runs `param` as one user.
fn param(endpoint: &str) -> impl Fn(&[&str]) -> Ended {
    let user = User::new();
    move |args| user.run(&[&["param"], args, &["--connect", endpoint]].concat())
}

/// It did nothing, ended so, and said this.
#[track_caller]
fn said(ended: &Ended, code: i32, text: &str) {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{ended:?}");
    assert!(ended.stderr.contains(text), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn parameters_are_listed_read_and_described() {
    let (_node, endpoint, _parameters) = robot().await;
    let param = param(&endpoint);
    insta::assert_snapshot!(param(&["list"]).stdout, @r"
    /robot:
      frame
      note
      speed
      wheels.count
      wheels.radii
    ");
    assert_eq!(
        param(&["list", "/robot", "-t", "--prefix", "wheels"]).stdout,
        "wheels.count (type: integer)\nwheels.radii (type: double array)\n"
    );
    assert_eq!(
        param(&["list", "/robot", "--json"]).json()[2],
        json!({"node": "/robot", "name": "speed"})
    );
    assert_eq!(param(&["get", "robot", "speed"]).stdout, "Double value is: 0.5\n");
    assert_eq!(param(&["get", "/robot", "frame", "--hide-type"]).stdout, "base link\n");
    assert_eq!(
        param(&["get", "/robot", "wheels.radii", "note"]).stdout,
        "wheels.radii: [0.1, 0.2]\nnote: null\n"
    );
    assert_eq!(
        param(&["get", "/robot", "wheels.radii", "--json"]).json(),
        [json!({"node": "/robot", "name": "wheels.radii", "type": "double array", "value": [0.1, 0.2]})]
    );
    insta::assert_snapshot!(param(&["describe", "/robot", "speed", "note", "frame"]).stdout, @r"
    Parameter name: speed
      Type: double
      Description: top speed in m/s
      Constraints:
        Min value: 0.0
        Max value: 1.5
    Parameter name: note
      Type: not set
      Constraints:
        Dynamic typing: true
    Parameter name: frame
      Type: string
      Constraints:
        Read only: true
    ");
    let described = param(&["describe", "/robot", "wheels.count", "--json"])
        .json()
        .remove(0);
    assert_eq!(described["range"], json!({"from": 2, "to": 8, "step": 0}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_not_there_is_told_with_what_is_near() {
    let (_node, endpoint, _parameters) = robot().await;
    let param = param(&endpoint);
    said(
        &param(&["get", "/robot", "sped"]),
        1,
        "/robot has no parameter sped; did you mean speed?",
    );
    said(&param(&["describe", "/robot", "sped"]), 1, "did you mean speed?");
    said(
        &param(&["get", "/robto", "speed"]),
        1,
        "no node is called /robto; did you mean /robot?",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_without_parameters_is_said_to_have_none() {
    let (_node, endpoint) = listen(node("bare", 2)).await;
    let param = param(&endpoint);
    said(&param(&["get", "/bare", "x"]), 1, "/bare has no parameters");
    said(&param(&["list"]), 1, "no node has parameters");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn parameters_are_set_all_or_nothing() {
    let (_node, endpoint, parameters) = robot().await;
    let param = param(&endpoint);
    let set = |args: &[&str]| param(&[&["set", "/robot"], args].concat());
    assert_eq!(set(&["speed", "0.9"]).stdout, "set speed: 0.9\n");
    let several = set(&["wheels.count", "3", "wheels.radii", "[]", "note", "-2", "--json"]);
    assert_eq!(several.code, Some(0), "{several:?}");
    assert_eq!(
        several.json()[1],
        json!({"node": "/robot", "name": "wheels.radii", "type": "double array", "value": [], "successful": true})
    );
    let values = ["speed", "wheels.count", "wheels.radii", "note"].map(|name| parameters.get(name).unwrap());
    assert_eq!(values, [0.9.into(), 3.into(), Vec::<f64>::new().into(), (-2).into()]);
    assert_eq!(param(&["delete", "/robot", "note"]).stdout, "deleted note\n");

    said(
        &set(&["wheels.count", "4", "speed", "9.0"]),
        2,
        "parameter speed cannot be 9.0; allowed is 0.0 to 1.5",
    );
    said(
        &set(&["speed", "1"]),
        2,
        "parameter speed is of type double; 1 is of type integer, write 1.0",
    );
    said(&set(&["sped", "1.0", "speeed", "1.0"]), 2, "not declared: sped, speeed");
    said(&set(&["frame", "map"]), 2, "parameter frame is read-only");
    said(&set(&["wheels.count", "7"]), 2, "seven wheels do not fit");
    said(&set(&["speed", "1.0", "frame"]), 2, "found none behind frame");
    said(
        &set(&["wheels.radii", "[a, 1]"]),
        2,
        "wheels.radii cannot be [a, 1]: the values of a list must be of one type",
    );
    said(&set(&["speed", "[1"]), 2, "parameter speed cannot be [1: not YAML");
    said(
        &param(&["delete", "/robot", "speed"]),
        2,
        "parameter speed is of type double and keeps a value",
    );
    assert_eq!(parameters.get("wheels.count"), Some(3.into()), "nothing more was set");
    assert_eq!(parameters.get("speed"), Some(0.9.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_was_dumped_is_loaded_and_a_file_that_is_wrong_sets_nothing() {
    let (_node, endpoint, parameters) = robot().await;
    let user = User::new();
    let param = |args: &[&str]| user.run(&[&["param"], args, &["--connect", &endpoint]].concat());
    let dumped = param(&["dump", "/robot"]);
    insta::assert_snapshot!(dumped.stdout, @r#"
    /robot:
      ros__parameters:
        frame: "base link"
        speed: 0.5
        wheels:
          count: 4
          radii: [0.1, 0.2]
    "#);
    assert_eq!(
        param(&["dump", "/robot", "--json"]).json()[0]["parameters"],
        json!({"frame": "base link", "speed": 0.5, "wheels.count": 4, "wheels.radii": [0.1, 0.2]})
    );
    let unknown = "/robot:\n  ros__parameters: {speed: 1.0, sped: 1.0, whels: {count: 3}}\n";
    user.write(&[
        ("dumped.yaml", &dumped.stdout),
        ("unknown.yaml", unknown),
        (
            "range.yaml",
            "/**:\n  ros__parameters: {speed: 1.0, wheels: {count: 99}}\n",
        ),
        ("other.yaml", "/other:\n  ros__parameters: {speed: 1.0}\n"),
        ("broken.yaml", "/robot: [\n"),
        ("flat.yaml", "speed: 1.0\n"),
    ]);
    let load = |file: &str| param(&["load", "/robot", &user.path(file)]);
    said(&load("unknown.yaml"), 2, "not declared: sped, whels.count");
    said(
        &load("range.yaml"),
        2,
        "parameter wheels.count cannot be 99; allowed is 2 to 8",
    );
    said(&load("other.yaml"), 1, "has no parameters for /robot; nothing was set");
    said(&load("broken.yaml"), 2, "broken.yaml: not YAML");
    said(&load("flat.yaml"), 2, "flat.yaml: no parameters below \"/speed\"");
    said(&load("missing.yaml"), 2, "missing.yaml cannot be read");
    assert_eq!(parameters.get("speed"), Some(0.5.into()), "nothing was set");

    parameters.set("speed", 1.25).unwrap();
    let loaded = load("dumped.yaml");
    assert_eq!(loaded.code, Some(0), "{loaded:?}");
    assert!(loaded.stdout.contains("set speed: 0.5\n"), "{loaded:?}");
    assert_eq!(parameters.get("speed"), Some(0.5.into()));
    let text = "/*: {ros__parameters: {speed: 0.75}}";
    let piped = user.start_with_stdin(&["param", "load", "/robot", "-", "--connect", &endpoint], text);
    assert_eq!(piped.end().stdout, "set speed: 0.75\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_that_never_answers_is_waited_for_in_vain_and_not_for_ever() {
    let (node, endpoint) = listen(node("robot", 1)).await;
    let _list = node.service_server::<ListParameters>("~/list_parameters").unwrap();
    let _get = node.service_server::<GetParameters>("~/get_parameters").unwrap();
    let _set = node
        .service_server::<SetParametersAtomically>("~/set_parameters_atomically")
        .unwrap();
    let param = param(&endpoint);
    for args in [
        ["list", "--timeout", "0.5", "--json"].as_slice(),
        &["list", "/robot", "--timeout", "0.5"],
        &["get", "/robot", "speed", "--timeout", "0.5"],
        &["set", "/robot", "speed", "0.5", "--timeout", "0.5"],
    ] {
        said(&param(args), 1, "/robot did not answer within 500 ms");
    }
    let set = param(&["set", "/robot", "speed", "0.5", "--timeout", "0.5"]);
    assert!(set.stderr.contains("whether anything was set is not known"), "{set:?}");
    assert_eq!(
        param(&["describe", "/robot", "speed"]).code,
        Some(3),
        "that service is not there"
    );
}
