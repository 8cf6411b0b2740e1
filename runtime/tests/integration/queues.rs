//! What happens when a reader is slow.

use std::sync::mpsc;

use nuncio::QosProfile;
use nuncio::msgs::geometry_msgs::msg::Twist;

use crate::peers::{DEADLINE, Peers};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_full_queue_drops_the_oldest_and_counts_exactly() {
    let peers = Peers::new().await;
    let slow = peers
        .listener
        .subscriber_with::<Twist>("/cmd_vel", QosProfile::keep_last(3))
        .unwrap();
    let quick = peers
        .listener
        .subscriber_with::<Twist>("/cmd_vel", QosProfile::keep_last(1000))
        .unwrap();
    let publisher = peers.talker.publisher::<Twist>("/cmd_vel").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    for _ in 0..100 {
        publisher.publish(&Twist::default()).unwrap();
    }
    (1..=100).for_each(|number| assert_eq!(quick.recv_timeout(DEADLINE).unwrap().info.number, number));
    // The slow one is served by the same thread just before or after the quick one.
    while slow.stats().received < 100 {
        tokio::task::yield_now().await;
    }
    let stats = slow.stats();
    assert_eq!(
        (stats.received, stats.dropped, stats.queue_len, stats.missing),
        (100, 97, 3, 0)
    );
    assert_eq!(slow.try_recv().unwrap().info.number, 98);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_callback_that_hangs_holds_up_nobody_else() {
    let peers = Peers::new().await;
    let (hang, until) = mpsc::channel::<()>();
    let stuck = peers.listener.subscriber::<Twist>("/cmd_vel").unwrap();
    let stuck = stuck
        .on_message(move |_| {
            let _ = until.recv();
        })
        .unwrap();
    let (heard, numbers) = mpsc::channel();
    let free = peers
        .listener
        .subscriber_with::<Twist>("/cmd_vel", QosProfile::keep_last(1000))
        .unwrap();
    let _free = free
        .on_message(move |received| {
            let _ = heard.send(received.info.number);
        })
        .unwrap();
    let publisher = peers.talker.publisher::<Twist>("/cmd_vel").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    for _ in 0..100 {
        publisher.publish(&Twist::default()).unwrap();
    }
    (1..=100).for_each(|number| assert_eq!(numbers.recv_timeout(DEADLINE).unwrap(), number));
    assert!(stuck.stats().dropped > 0, "{:?}", stuck.stats());
    drop(hang);
}
