//! `state list`, `get` and `watch`, of nodes in this process.

use nuncio::msgs::nuncio_msgs::msg::{AiModel, Capabilities};
use nuncio::msgs::sensor_msgs::msg::BatteryState;
use nuncio::{Node, StateDocument};
use serde_json::json;

use crate::program::{User, listen, node};

fn charged(percentage: f32) -> BatteryState {
    BatteryState {
        percentage,
        present: true,
        ..BatteryState::default()
    }
}

/// Two robots with batteries, one of which also says what it can do.
pub(crate) struct Fleet {
    first: Node,
    second: Node,
    pub(crate) endpoint: String,
    battery: StateDocument<BatteryState>,
    _others: (StateDocument<BatteryState>, StateDocument<Capabilities>),
}

impl Fleet {
    pub(crate) async fn new() -> Self {
        let (first, endpoint) = listen(node("driver", 1).namespace("/robot_1")).await;
        let second = node("driver", 2).namespace("/robot_2").connect(&endpoint);
        let second = second.open().await.expect("it opens");
        let battery = first.state_document("battery", &charged(0.9)).expect("it is published");
        battery.set(&charged(0.15)).expect("it is set");
        let other = second
            .state_document("battery", &charged(0.75))
            .expect("it is published");
        let capabilities = Capabilities {
            robot: "two".to_owned(),
            models: vec![AiModel {
                name: "eye".to_owned(),
                kind: AiModel::KIND_VISION,
                ..AiModel::default()
            }],
            ..Capabilities::default()
        };
        let capabilities = second
            .state_document("capabilities", &capabilities)
            .expect("it is published");
        Self {
            first,
            second,
            endpoint,
            battery,
            _others: (other, capabilities),
        }
    }

    fn run(&self, args: &[&str]) -> crate::program::Ended {
        User::new().run(&[&["state"], args, &["--connect", &self.endpoint]].concat())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn documents_are_gathered_from_all_nodes_each_with_its_signer() {
    let fleet = Fleet::new().await;
    let listed = fleet.run(&["list"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let rows: Vec<Vec<&str>> = listed
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let cells: Vec<_> = rows
        .iter()
        .skip(1)
        .map(|row| (row[0], row[1], row[2], row[3]))
        .collect();
    assert_eq!(
        cells,
        [
            ("battery", "/robot_1/driver", "sensor_msgs/msg/BatteryState", "#2"),
            ("battery", "/robot_2/driver", "sensor_msgs/msg/BatteryState", "#1"),
            ("capabilities", "/robot_2/driver", "nuncio_msgs/msg/Capabilities", "#1"),
        ],
        "{listed:?}"
    );
    let got = fleet.run(&["get", "battery", "--json"]).json();
    let [first, second] = got.as_slice() else {
        panic!("expected two documents: {got:?}");
    };
    assert_eq!(first["node"], "/robot_1/driver");
    assert_eq!(first["signer"], fleet.first.public_key().to_string());
    assert_eq!(first["epoch"], fleet.first.epoch());
    assert_eq!((&first["number"], &first["standing"]), (&json!(2), &json!("current")));
    assert_eq!(first["document"]["percentage"], 0.15);
    assert_eq!(second["signer"], fleet.second.public_key().to_string());
    let people = fleet.run(&["get", "capabilities"]);
    assert!(
        people
            .stdout
            .starts_with("# capabilities of /robot_2/driver, signed by z6Mk"),
        "{people:?}"
    );
    assert!(people.stdout.contains("name: eye"), "{people:?}");
    assert!(people.stdout.ends_with("---\n"), "{people:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn documents_are_chosen_by_node_signer_and_fields() {
    let fleet = Fleet::new().await;
    let key = fleet.second.public_key().to_string();
    for (args, expected) in [
        (["--filter", "percentage < 0.2"], "/robot_1/driver"),
        (["--filter", "present && !(percentage < 0.2)"], "/robot_2/driver"),
        (["--node", "/robot_2/driver"], "/robot_2/driver"),
        (["--signer", &key], "/robot_2/driver"),
        (["--filter", "node == '/robot_1/driver'"], "/robot_1/driver"),
    ] {
        let ended = fleet.run(&[&["get", "battery", "--json"], args.as_slice()].concat());
        let nodes: Vec<_> = ended.json().iter().map(|line| line["node"].clone()).collect();
        assert_eq!(nodes, [expected], "{args:?}: {ended:?}");
    }
    let none = fleet.run(&["get", "battery", "--filter", "percentage > 2"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(1), ""), "{none:?}");
    let some_types = fleet.run(&["list", "--filter", "percentage < 0.2"]);
    assert_eq!(some_types.stdout.lines().count(), 2, "{some_types:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_filter_or_name_that_cannot_be_meant_is_an_error_that_says_where() {
    let fleet = Fleet::new().await;
    let typo = fleet.run(&["get", "battery", "--filter", "percentge < 0.2"]);
    assert_eq!(typo.code, Some(2), "{typo:?}");
    assert!(typo.stderr.contains("did you mean `percentage`?"), "{typo:?}");
    assert!(typo.stderr.contains("column 1"), "{typo:?}");
    for (args, part) in [
        (["get", "battery", "--filter", "percentage <"].as_slice(), "column 13"),
        (&["get", "battery", "--filter", "present > 1"], "column 9"),
        (&["get", "battery", "--signer", "nobody"], "nobody"),
        (&["get", "/robot_1/battery"], "without its node"),
    ] {
        let ended = fleet.run(args);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(part), "{ended:?}");
    }
    let nobody = fleet.run(&["get", "mood"]);
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
    assert!(nobody.stderr.contains("no such document"), "{nobody:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn watching_shows_what_is_there_each_change_and_who_goes() {
    let fleet = Fleet::new().await;
    let user = User::new();
    let mut watching = user.start(&["state", "watch", "battery", "--json", "--connect", &fleet.endpoint]);
    let mut nodes = [watching.json(), watching.json()].map(|line| line["node"].to_string());
    nodes.sort();
    assert_eq!(nodes, ["\"/robot_1/driver\"", "\"/robot_2/driver\""]);
    fleet.battery.set(&charged(0.1)).expect("it is set");
    let change = watching.json();
    assert_eq!(
        (&change["number"], &change["node"]),
        (&json!(3), &json!("/robot_1/driver"))
    );
    fleet.second.close().await.expect("it closes");
    let gone = watching.json();
    assert_eq!(
        (&gone["standing"], &gone["node"]),
        (&json!("gone"), &json!("/robot_2/driver"))
    );
    assert_eq!(gone["document"]["percentage"], 0.75);
    watching.interrupt();
    let ended = watching.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn watching_ends_after_so_many_changes_or_when_nothing_comes() {
    let fleet = Fleet::new().await;
    let two = fleet.run(&["watch", "--times", "2", "--json"]);
    assert_eq!((two.code, two.json().len()), (Some(0), 2), "{two:?}");
    let nothing = fleet.run(&["watch", "mood", "--timeout", "1"]);
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
}
