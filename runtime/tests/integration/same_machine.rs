//! What is quicker when both ends are on one machine: callbacks in the receiving thread, and shared memory.

use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use nuncio::msgs::std_msgs::msg::{UInt8MultiArray, UInt32};
use nuncio::{Node, SharedMemory};

use crate::peers::{DEADLINE, Peers, next, node};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_callback_in_place_is_called_in_order_by_the_thread_that_received() {
    let peers = Peers::new().await;
    let (heard, numbers) = mpsc::channel();
    let subscriber = peers.listener.subscriber::<UInt32>("/numbers").unwrap();
    let callback = subscriber.on_message_in_place(move |received| {
        let name = thread::current().name().map(str::to_owned);
        let _ = heard.send((received.message.data, received.info.number, name));
    });
    let publisher = peers.talker.publisher::<UInt32>("/numbers").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    for data in 1..=100 {
        publisher.publish(&UInt32 { data }).unwrap();
    }
    for data in 1..=100 {
        let (found, number, thread) = numbers.recv_timeout(DEADLINE).unwrap();
        assert_eq!((found, number), (data, data.into()));
        assert_ne!(thread.as_deref(), Some("nuncio/numbers"), "that is a thread of its own");
    }
    assert_eq!((callback.stats().received, callback.stats().dropped), (100, 0));
    // What the callback has hold of goes when it ends.
    drop(callback);
    assert!(numbers.recv_timeout(DEADLINE).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_callback_in_place_may_publish_on_its_own_topic() {
    let peers = Peers::new().await;
    let publisher = peers.listener.publisher::<UInt32>("/countdown").unwrap();
    let subscriber = peers.listener.subscriber::<UInt32>("/countdown").unwrap();
    let first = peers.talker.publisher::<UInt32>("/countdown").unwrap();
    assert!(first.wait_for_subscribers(DEADLINE).unwrap());
    let (heard, numbers) = mpsc::channel();
    let _callback = subscriber.on_message_in_place(move |received| {
        let data = received.message.data;
        let _ = heard.send(data);
        if let Some(data) = data.checked_sub(1) {
            publisher.publish(&UInt32 { data }).unwrap();
        }
    });
    first.publish(&UInt32 { data: 5 }).unwrap();
    for expected in (0..=5).rev() {
        assert_eq!(numbers.recv_timeout(DEADLINE), Ok(expected));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_callback_in_place_that_panics_costs_one_message_and_not_the_link() {
    let peers = Peers::new().await;
    let (heard, numbers) = mpsc::channel();
    let subscriber = peers.listener.subscriber::<UInt32>("/numbers").unwrap();
    let _callback = subscriber.on_message_in_place(move |received| {
        assert_ne!(received.message.data, 2, "a mistake of the application");
        let _ = heard.send(received.message.data);
    });
    let publisher = peers.talker.publisher::<UInt32>("/numbers").unwrap();
    assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
    for data in [1, 2, 3] {
        publisher.publish(&UInt32 { data }).unwrap();
        assert!(publisher.flush(DEADLINE));
    }
    assert_eq!(numbers.recv_timeout(DEADLINE), Ok(1));
    assert_eq!(numbers.recv_timeout(DEADLINE), Ok(3));
    // What else comes over the same link goes on, too.
    let graph = peers.talker.graph();
    let of = graph
        .nodes
        .iter()
        .find(|node| node.name.as_str() == "/listener")
        .unwrap();
    assert!(peers.talker.fetch_facts(of, DEADLINE).await.is_ok());
}

/// Whether this process has memory mapped that others share, as large as what Zenoh keeps messages in.
pub(crate) fn shares_memory() -> bool {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines().filter(|line| line.contains("/dev/shm/")).any(|line| {
        let range = line.split_whitespace().next().and_then(|range| range.split_once('-'));
        let [from, to] = range
            .map(|(from, to)| [from, to].map(|at| u64::from_str_radix(at, 16).unwrap_or(0)))
            .unwrap_or_default();
        to - from >= 16 << 20
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn large_messages_arrive_whole_through_shared_memory_and_without_it() {
    let chosen: Node = node("chooser", 9).open().await.unwrap();
    let may_share = chosen.shared_memory() == SharedMemory::Used;
    for shared in [false, true] {
        let (listener, endpoint) = crate::peers::listen(node("listener", 1).shared_memory(shared)).await;
        let talker = node("talker", 2)
            .connect(&endpoint)
            .shared_memory(shared)
            .open()
            .await
            .unwrap();
        assert_eq!(talker.shared_memory() == SharedMemory::Used, shared);
        let subscriber = listener.subscriber::<UInt8MultiArray>("/image").unwrap();
        let publisher = talker.publisher::<UInt8MultiArray>("/image").unwrap();
        assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
        let end = Instant::now() + DEADLINE;
        let mut round = 0_u8;
        // The memory is made ready beside the first large messages, which do not wait for it.
        while round < 5 || (shared && may_share && !shares_memory()) {
            assert!(Instant::now() < end, "no shared memory was used");
            round = round.wrapping_add(1);
            let message = UInt8MultiArray {
                data: (0..1_000_000_u32).map(|at| at as u8 ^ round).collect(),
                ..UInt8MultiArray::default()
            };
            publisher.publish(&message).unwrap();
            assert!(next(&subscriber).message == message, "round {round}");
        }
        assert_eq!(subscriber.stats().refused_total(), 0);
    }
}
