//! Every command that has a schema is run here once with `--json`, so that none is held against its schema by luck alone.
//!
//! What each command is for is tested elsewhere; here it has to print a line, and [`program`](crate::program) holds it
//! against the schema.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use nuncio::msgs::rcl_interfaces::msg::Log;
use nuncio::msgs::std_msgs::msg::Float64;
use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio::{Identity, QosProfile};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::program::{User, listen, node};
use crate::{actions, approve, lifecycle, link, params, schema, services, state};

/// Which commands have printed something.
#[derive(Default)]
struct Tried(Mutex<BTreeSet<String>>);

impl Tried {
    /// Runs a command to its end.
    #[track_caller]
    fn run(&self, user: &User, command: &str, args: &[&str]) -> Vec<Value> {
        let words: Vec<&str> = command
            .split(' ')
            .chain(args.iter().copied())
            .chain(["--json"])
            .collect();
        let ended = user.run(&words);
        assert!(!ended.stdout.is_empty(), "{words:?} printed nothing: {}", ended.stderr);
        self.note(command);
        ended.json()
    }

    /// Reads the first line of a command that does not end by itself.
    #[track_caller]
    fn begin(&self, user: &User, command: &str, args: &[&str]) {
        let words: Vec<&str> = command
            .split(' ')
            .chain(args.iter().copied())
            .chain(["--json"])
            .collect();
        let mut running = user.start(&words);
        running.json();
        running.interrupt();
        running.end();
        self.note(command);
    }

    fn note(&self, command: &str) {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tried.insert(command.to_owned());
    }
}

#[test]
fn every_command_with_a_schema_prints_what_it_says() {
    let tried = Tried::default();
    let scenes = [
        interfaces,
        keys,
        trust,
        programs,
        bridges,
        linked,
        topics,
        nodes,
        second_signer,
        called,
        acted,
        parameters,
        led,
        documents,
        bags,
    ];
    thread::scope(|scope| {
        for scene in scenes {
            let tried = &tried;
            scope.spawn(move || scene(tried));
        }
    });
    let tried = tried.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    let untried: Vec<&str> = schema::commands().filter(|command| !tried.contains(*command)).collect();
    assert!(
        untried.is_empty(),
        "no line of these was held against a schema: {untried:?}"
    );
}

fn runtime() -> Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    runtime.expect("a runtime")
}

fn key() -> String {
    Identity::from_seed(&[7; 32]).public_key().to_string()
}

fn interfaces(tried: &Tried) {
    let user = User::new();
    user.write(&[
        ("wrong/odd_msgs/msg/Odd.msg", "float99 x\n"),
        ("own/own_msgs/msg/Own.msg", "float32 x\n"),
    ]);
    tried.run(&user, "interface list", &[]);
    tried.run(&user, "interface packages", &[]);
    tried.run(&user, "interface package", &["std_msgs"]);
    tried.run(&user, "interface show", &["nuncio_msgs/MotionCommand"]);
    tried.run(&user, "interface show", &["std_msgs/String", "--json-schema"]);
    tried.run(&user, "interface hash", &["std_msgs/String"]);
    tried.run(&user, "interface proto", &["geometry_msgs/Twist"]);
    tried.run(&user, "interface check", &["--path", &user.path("wrong")]);
    tried.run(&user, "interface diff", &["std_msgs/msg/Int32", "std_msgs/msg/Int64"]);
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a folder");
    let repository = repository.to_str().expect("a text");
    let generate = [&user.path("own"), "-o", &user.path("crate"), "--nuncio", repository];
    tried.run(&user, "interface generate", &generate);
    let transcode = ["std_msgs/String", "--from", "yaml", "--to", "json", "--json"];
    let transcode = [&["interface", "transcode"], transcode.as_slice()].concat();
    assert_eq!(user.start_with_stdin(&transcode, "data: x").line(), r#"{"data":"x"}"#);
    tried.note("interface transcode");
}

fn keys(tried: &Tried) {
    let user = User::new();
    tried.run(&user, "trust init", &[]);
    tried.run(&user, "key show", &[]);
    tried.run(&user, "key list", &[]);
    tried.run(&user, "key export", &["--public"]);
    let file = user.path("other.pem");
    tried.run(&user, "key new", &["-o", &file]);
    tried.run(&user, "key import", &[&file, "--force"]);
    tried.run(&user, "key rotate", &[]);
    tried.run(&user, "key revoke", &[&key()]);
    tried.run(&user, "trust show", &[]);
    assert_eq!(user.run(&["context", "set", "robot7", "--domain", "7"]).code, Some(0));
    tried.run(&user, "context list", &[]);
    tried.run(&user, "context show", &["robot7"]);
}

fn trust(tried: &Tried) {
    let user = User::new();
    let key = key();
    assert_eq!(user.run(&["trust", "init", "--mode", "enforce"]).code, Some(0));
    tried.run(&user, "trust add", &[&key, "--role", "everything", "--name", "anna"]);
    tried.run(&user, "trust list", &[]);
    let terms = ["--role", "everything", "--scope", "**", "--until", "+1d"];
    let signed = tried.run(&user, "trust sign", &[&[key.as_str()], terms.as_slice()].concat());
    let chain = signed.first().and_then(|signed| signed.get("text")?.as_str());
    user.write(&[
        ("chain.cert", chain.expect("a chain")),
        ("broken.toml", "mode = 7\n"),
        ("table.csv", "key,action,topic,expected\nme,publish,/x,permit\n"),
    ]);
    tried.run(&user, "trust show", &[]);
    for file in ["chain.cert", "broken.toml", "nuncio/identity.key"] {
        tried.run(&user, "trust show", &[&user.path(file)]);
    }
    tried.run(&user, "trust check", &["anna", "publish", "/x"]);
    tried.run(&user, "trust test", &[&user.path("table.csv")]);
    tried.run(&user, "trust export", &[]);
    tried.run(&user, "trust export", &["--out", &user.path("copy.toml")]);
    tried.run(&user, "trust export", &["--zenoh", &user.path("router")]);
    tried.run(&user, "trust remove", &["anna"]);
    tried.run(&user, "doctor", &["--timeout", "0.1"]);
    tried.run(&user, "doctor", &["--reasons"]);
}

fn programs(tried: &Tried) {
    let user = User::new();
    tried.run(&user, "manual", &[&user.path("man")]);
    assert_eq!(tried.run(&user, "json-schema", &[]).len(), schema::commands().count());
    tried.run(&user, "json-schema", &["topic", "list"]);
    tried.begin(&user, "router", &["--listen", "tcp/127.0.0.1:0"]);
    tried.run(&user, "prove", &["list"]);
    tried.run(&user, "bench", &["cost", "--quick"]);
    tried.run(&user, "demo", &["--seconds", "1"]);
}

fn bridges(tried: &Tried) {
    let user = User::new();
    let face = "[[route]]\ntopics = \"/**\"\n[foxglove]\naddress = \"127.0.0.1:0\"\n";
    user.write(&[("right.toml", face), ("wrong.toml", "[foxglove]\naddress = 7\n")]);
    for file in ["right.toml", "wrong.toml"] {
        tried.run(&user, "bridge check", &[&user.path(file)]);
    }
    tried.begin(&user, "bridge run", &[&user.path("right.toml")]);
    for command in ["bridge foxglove", "bridge rosbridge", "bridge grpc"] {
        tried.begin(&user, command, &["--port", "0", "--allow", "/**"]);
    }
    tried.begin(
        &user,
        "bridge ros2",
        &["--allow", "/**", "--ros-listen", "tcp/127.0.0.1:0"],
    );
}

fn linked(tried: &Tried) {
    let (robot, laptop) = (link::Robot::new(), User::new());
    let (inviting, code) = robot.invite(&["--no-router"]);
    assert_eq!(link::accept(&laptop, &code, "laptop").json().len(), 1);
    assert_eq!(inviting.end().json().len(), 1);
    tried.note("link accept");
    tried.note("link invite");
}

fn topics(tried: &Tried) {
    let user = User::new();
    let runtime = runtime();
    let (node, endpoint) = runtime.block_on(listen(node("talker", 1)));
    let texts = node.publisher::<Text>("/chatter").expect("a publisher");
    let numbers = node.publisher::<Float64>("/level").expect("a publisher");
    let log = node
        .publisher_with::<Log>("/rosout", QosProfile::rosout())
        .expect("a publisher");
    let first = texts
        .publish(&Text::default())
        .expect("it is published")
        .id()
        .to_string();
    runtime.spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        loop {
            ticks.tick().await;
            let line = Log {
                level: Log::WARN,
                ..Log::default()
            };
            let published = log.publish(&line).is_ok() && numbers.publish(&Float64 { data: 0.5 }).is_ok();
            if !published || texts.publish(&Text::default()).is_err() {
                return;
            }
        }
    });
    let run = |command: &str, args: &[&str]| tried.run(&user, command, &[args, &["--connect", &endpoint]].concat());
    run("topic list", &[]);
    run("topic type", &["/chatter"]);
    run("topic find", &["std_msgs/String"]);
    run("topic info", &["/chatter"]);
    run("topic echo", &["/chatter", "--once"]);
    run("topic echo", &["/chatter", "--once", "--raw"]);
    run("topic echo", &["/chatter", "--once", "--field", "data"]);
    run(
        "topic pub",
        &["/other", "std_msgs/String", "data: x", "--once", "--wait", "0"],
    );
    for command in ["topic hz", "topic bw", "topic delay"] {
        run(command, &["/chatter", "--duration", "0.5"]);
    }
    run("topic plot", &["/level", "--svg", &user.path("level.svg"), "-n", "3"]);
    run("log", &["-t", "1"]);
    run("why", &["/chatter"]);
    run("why", &["/nothing"]);
    run("trace", &[&first]);
}

fn nodes(tried: &Tried) {
    let user = User::new();
    let runtime = runtime();
    let (node, endpoint) = runtime.block_on(listen(node("robot", 1)));
    let (_texts, _heard) = (node.publisher::<Text>("/a"), node.subscriber::<Text>("/b"));
    let run = |command: &str, args: &[&str]| tried.run(&user, command, &[args, &["--connect", &endpoint]].concat());
    run("node list", &[]);
    run("node info", &["/robot"]);
    run("node facts", &["/robot"]);
    run("node health", &[]);
    run("graph", &[]);
    run("top", &["--once", "--interval", "0.5"]);
}

fn second_signer(tried: &Tried) {
    let runtime = runtime();
    runtime.block_on(async {
        let scene = approve::Scene::new().await;
        let mut running = scene.approving(&["--yes", "--json", "-t", "1"], None).await;
        scene.shown(&mut running, 1);
        assert_eq!(running.json().get("decision"), Some(&"approved".into()));
        running.end();
    });
    tried.note("topic approve");
}

fn called(tried: &Tried) {
    let user = User::new();
    let runtime = runtime();
    let (_node, endpoint, _serving) = runtime.block_on(services::served());
    let run = |command: &str, args: &[&str]| tried.run(&user, command, &[args, &["--connect", &endpoint]].concat());
    run("service list", &[]);
    run("service type", &["/add"]);
    run("service find", &["std_srvs/Trigger"]);
    run("service info", &["/add"]);
    run("service call", &["/add", "a: 1"]);
    let (_told, endpoint, _serving) = runtime.block_on(services::told());
    let echo = ["service", "echo", "/add", "--json", "--connect", &endpoint];
    let mut echo = user.start(&echo);
    // Whoever comes too late hears of the next call.
    let call = ["service", "call", "/add", "a: 1", "--connect", &endpoint];
    while echo.json_within(Duration::from_millis(200)).is_none() {
        assert_eq!(User::new().run(&call).code, Some(0));
    }
    tried.note("service echo");
}

fn acted(tried: &Tried) {
    let user = User::new();
    let runtime = runtime();
    let (_node, endpoint) = runtime.block_on(actions::served());
    let run = |command: &str, args: &[&str]| tried.run(&user, command, &[args, &["--connect", &endpoint]].concat());
    run("action list", &[]);
    run("action type", &["/fibonacci"]);
    run("action find", &["example_interfaces/Fibonacci"]);
    let (sending, _id) = actions::pending(&user, &endpoint);
    run("action info", &["/fibonacci"]);
    run("action cancel", &["/fibonacci", "--all"]);
    sending.end();
    tried.note("action send_goal");
}

fn parameters(tried: &Tried) {
    let user = User::new();
    let runtime = runtime();
    let (_node, endpoint, _parameters) = runtime.block_on(params::robot());
    user.write(&[("robot.yaml", "/robot:\n  ros__parameters:\n    speed: 0.25\n")]);
    let run = |command: &str, args: &[&str]| tried.run(&user, command, &[args, &["--connect", &endpoint]].concat());
    run("param list", &["/robot"]);
    run("param get", &["/robot", "speed"]);
    run("param set", &["/robot", "note", "x"]);
    run("param describe", &["/robot", "speed", "wheels.count"]);
    run("param dump", &["/robot"]);
    run("param load", &["/robot", &user.path("robot.yaml")]);
    run("param delete", &["/robot", "note"]);
}

fn led(tried: &Tried) {
    let user = User::new();
    let runtime = runtime();
    let (_node, _life, endpoint) = runtime.block_on(lifecycle::camera());
    let run = |command: &str, args: &[&str]| tried.run(&user, command, &[args, &["--connect", &endpoint]].concat());
    run("lifecycle nodes", &[]);
    run("lifecycle nodes", &["--count-nodes"]);
    run("lifecycle get", &[]);
    run("lifecycle list", &["/camera"]);
    run("lifecycle set", &["/camera", "configure"]);
}

fn documents(tried: &Tried) {
    let user = User::new();
    let runtime = runtime();
    let fleet = runtime.block_on(state::Fleet::new());
    let run =
        |command: &str, args: &[&str]| tried.run(&user, command, &[args, &["--connect", &fleet.endpoint]].concat());
    run("state list", &[]);
    run("state get", &["battery"]);
    run("state watch", &["battery", "-t", "1"]);
}

fn bags(tried: &Tried) {
    let user = User::new();
    let runtime = runtime();
    let (node, endpoint) = runtime.block_on(listen(node("talker", 1)));
    let texts = node
        .publisher_with::<Text>("/chatter", QosProfile::default().transient_local())
        .expect("a publisher");
    texts.publish(&Text::default()).expect("it is published");
    let [bag, slice, filter, merge, plain, taken] =
        ["bag", "slice", "filter", "merge", "plain", "taken"].map(|name| user.path(name));
    tried.run(
        &user,
        "bag record",
        &["-o", &bag, "-a", "--timeout", "2", "--connect", &endpoint],
    );
    let report = tried.run(&user, "bag verify", &[&bag]);
    assert_eq!(
        report.first().and_then(|report| report.get("messages")),
        Some(&1.into())
    );
    tried.run(&user, "bag info", &[&bag]);
    tried.run(&user, "bag cat", &[&bag]);
    tried.run(&user, "bag cat", &[&bag, "--field", "data"]);
    tried.run(&user, "bag slice", &[&bag, "-o", &slice]);
    tried.run(&user, "bag filter", &[&bag, "/chatter", "-o", &filter]);
    tried.run(&user, "bag merge", &[&slice, &filter, "-o", &merge]);
    tried.run(&user, "bag play", &[&bag]);
    tried.run(&user, "bag convert", &[&bag, "--to", "rosbag2", "-o", &plain]);
    tried.run(&user, "bag convert", &[&plain, "--to", "nuncio", "-o", &taken]);
}
