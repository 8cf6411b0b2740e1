//! The time of a simulation, where the bridge's node goes by it.

use nuncio::msgs::builtin_interfaces::msg::Time;
use nuncio::msgs::rosgraph_msgs::msg::Clock;
use nuncio::msgs::std_msgs::msg::String as Text;
use serde_json::json;

use crate::stage::{DEADLINE, Stage};
use crate::viewer::{Heard, Viewer};

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_follows_the_clock_of_a_simulation() {
    let stage = Stage::new().await;
    let simulator = stage.robot.publisher::<Clock>("/clock").unwrap();
    let chatter = stage.robot.publisher::<Text>("/chatter").unwrap();
    stage.border.node().parameters().set("use_sim_time", true).unwrap();
    assert!(simulator.wait_for_subscribers(DEADLINE).unwrap());
    let tell = |sec| {
        let clock = Time { sec, nanosec: 5 };
        simulator.publish(&Clock { clock }).unwrap();
    };
    let mut viewer = Viewer::connect(&stage.url, "foxglove.sdk.v1", None).await.unwrap();
    let info = viewer.json("serverInfo", |_| true).await;
    assert!(
        info["capabilities"].as_array().unwrap().contains(&json!("time")),
        "{info}"
    );
    for sec in [1000, 2000] {
        tell(sec);
        let expected = u64::try_from(sec).unwrap() * 1_000_000_000 + 5;
        let is_it = |heard: &Heard| match heard {
            Heard::Binary(bytes) if bytes[0] == 2 => (bytes[1..9] == expected.to_le_bytes()).then_some(()),
            _ => None,
        };
        viewer.until("the time of the simulation", is_it).await;
    }
    // Messages are shown at that time, too.
    let channel = viewer.channel("/chatter").await;
    viewer.subscribe(1, &channel).await;
    assert!(chatter.wait_for_subscribers(DEADLINE).unwrap());
    chatter.publish(&Text::default()).unwrap();
    assert_eq!(viewer.data(1).await.time_ns, 2_000_000_000_005);
}
