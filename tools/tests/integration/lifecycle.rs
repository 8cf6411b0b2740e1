//! `lifecycle nodes`, `get`, `list` and `set`, of nodes in this process.

use nuncio::{CallbackReturn, Lifecycle, LifecycleCallbacks, LifecycleState, Node};

use crate::program::{Ended, User, listen, node};

/// Cannot be cleaned up.
struct Camera;

impl LifecycleCallbacks for Camera {
    fn on_cleanup(&mut self) -> CallbackReturn {
        CallbackReturn::Failure
    }
}

/// A managed node.
pub(crate) async fn camera() -> (Node, Lifecycle, String) {
    let (node, endpoint) = listen(node("camera", 1)).await;
    let life = node.lifecycle(Camera).expect("it is managed");
    (node, life, endpoint)
}

async fn served() -> (Node, Lifecycle, impl Fn(&[&str]) -> Ended) {
    let (node, life, endpoint) = camera().await;
    let run = move |args: &[&str]| User::new().run(&[&["lifecycle"], args, &["--connect", &endpoint]].concat());
    (node, life, run)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_is_found_and_led_through_its_life_as_with_ros_2() {
    let (node, life, run) = served().await;
    assert_eq!(run(&["nodes"]).stdout, "/camera\n");
    assert_eq!(run(&["get"]).stdout, "/camera: unconfigured [1]\n");
    assert_eq!(run(&["get", "camera"]).stdout, "unconfigured [1]\n");
    assert_eq!(
        run(&["list", "/camera"]).stdout,
        "- configure [1]\n\tStart: unconfigured\n\tGoal: configuring\n\
         - shutdown [5]\n\tStart: unconfigured\n\tGoal: shuttingdown\n"
    );
    let set = run(&["set", "/camera", "configure"]);
    assert_eq!(
        (set.code, set.stdout.as_str()),
        (Some(0), "Transitioning successful\n"),
        "{set:?}"
    );
    let set = run(&["set", "/camera", "3", "--json"]).json().remove(0);
    assert_eq!(set["success"], true);
    assert_eq!(set["signer"], node.public_key().to_string());
    assert_eq!(life.state(), LifecycleState::Active);
    assert_eq!(run(&["list", "/camera", "--all"]).stdout.lines().count(), 3 * 25);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_transition_that_cannot_be_made_is_an_error_that_says_where_the_node_is() {
    let (_node, life, run) = served().await;
    let early = run(&["set", "/camera", "activate"]);
    assert_eq!(early.code, Some(2), "{early:?}");
    assert!(early.stderr.contains("it is unconfigured now"), "{early:?}");
    life.configure().expect("it is configured");
    let failing = run(&["set", "/camera", "cleanup", "--json"]);
    assert_eq!(
        (failing.code, &failing.json()[0]["success"]),
        (Some(2), &false.into()),
        "{failing:?}"
    );
    assert_eq!(life.state(), LifecycleState::Inactive);
    for nobody in [
        ["get", "/nobody"].as_slice(),
        &["list", "/nobody"],
        &["set", "/nobody", "configure"],
    ] {
        let ended = run(nobody);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    }
    life.shutdown().expect("it ends");
    assert_eq!(run(&["list", "/camera"]).code, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn node_info_shows_the_state_of_a_managed_node() {
    let (camera, endpoint) = listen(node("camera", 1)).await;
    let _life = camera.lifecycle(Camera).expect("it is managed");
    let args = ["node", "info", "/camera", "--connect", &endpoint];
    let people = User::new().run(&args);
    assert!(people.stdout.contains("  lifecycle   unconfigured [1]\n"), "{people:?}");
    let program = User::new().run(&[args.as_slice(), &["--json"]].concat());
    assert_eq!(program.json()[0]["lifecycle"], "unconfigured");
}
