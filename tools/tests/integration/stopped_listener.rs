//! A process that is stopped in the middle: nobody else who hears the same publisher waits for it.

use std::process::Command;
use std::time::{Duration, Instant};

use nuncio::msgs::std_msgs::msg::String as Text;

use crate::program::{DEADLINE, Running, User, listen, node};

/// Far more than fits between two processes.
const MESSAGES: u64 = 600;
const LEN: usize = 60_000;

fn signal(process: &Running, name: &str) {
    let status = Command::new("kill").args([name, &process.id().to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_process_holds_up_nobody_who_hears_the_same_publisher() {
    let (node, endpoint) = listen(node("talker", 1).shared_memory(false)).await;
    let publisher = node.publisher::<Text>("/held").unwrap();
    let echo = ["topic", "echo", "/held", "--json", "--connect", &endpoint];
    let (mut stopped, mut listening) = (User::new().start(&echo), User::new().start(&echo));
    let heard = |graph: &nuncio::graph::Graph| {
        let topics = graph.topics().into_iter();
        let held = topics.filter(|(name, _)| name.as_str() == "/held");
        held.map(|(_, topic)| topic.subscribers.len()).sum::<usize>() == 2
    };
    assert!(node.wait_for_graph(DEADLINE, heard).await.is_some());
    let data = "x".repeat(LEN);
    let publish = || publisher.publish(&Text { data: data.clone() }).unwrap().number;
    let mut number = 0;
    // Both hear it; then one of them is stopped.
    while number < 3 {
        number = publish();
        assert_eq!(listening.json()["number"], number);
        assert_eq!(stopped.json()["number"], number);
    }
    signal(&stopped, "-STOP");
    let end = Instant::now() + DEADLINE;
    while number < MESSAGES {
        number = publish();
        assert_eq!(listening.json()["number"], number);
        assert!(Instant::now() < end, "the publisher waits for the stopped process");
    }
    // The link is still there. The last of what was missed may be shown by the next message only.
    signal(&stopped, "-CONT");
    let end = Instant::now() + DEADLINE;
    loop {
        assert!(Instant::now() < end, "it has heard nothing new since it went on");
        number = publish();
        assert_eq!(listening.json()["number"], number);
        let heard = std::iter::from_fn(|| stopped.json_within(Duration::from_millis(100)));
        if heard.last().is_some_and(|line| line["number"] == number) {
            return;
        }
    }
}
