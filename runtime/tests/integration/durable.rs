//! Messages that must not be lost, and are done once: durable publishers and subscribers over real links.

use std::path::Path;
use std::time::Duration;

use nuncio::msgs::std_msgs::msg::UInt64;
use nuncio::{
    Cursor, DurableError, DurableOptions, DurablePublishError, DurablePublisher, DurableSubscriber,
    DurableSubscriberError, JournalError, Keystore, Node, NodeBuilder, Provenance, QosProfile, Reader, SyncWrites,
};

use crate::peers::{DEADLINE, identity, listen, next, node};

/// A talker whose keystore is on the disk, and a listener. Each can be started again.
struct Pair {
    homes: tempfile::TempDir,
    endpoint: String,
    listener: Node,
}

impl Pair {
    async fn new() -> Self {
        let (listener, endpoint) = listen(node("listener", 2)).await;
        Self {
            homes: tempfile::tempdir().unwrap(),
            endpoint,
            listener,
        }
    }

    fn home(&self) -> &Path {
        self.homes.path()
    }

    async fn talker(&self) -> Node {
        self.talker_with(|builder| builder).await
    }

    async fn talker_with(&self, change: impl FnOnce(NodeBuilder) -> NodeBuilder) -> Node {
        let keystore = Keystore::open(self.home().join("talker")).unwrap();
        // There is one already from the second start on.
        let _ = keystore.store_identity(&identity(1));
        let builder = node("talker", 1).keystore(keystore).connect(&self.endpoint);
        change(builder).open().await.unwrap()
    }

    fn options(&self) -> DurableOptions {
        DurableOptions::new([Reader::Key(self.listener.public_key())])
    }

    fn publisher(&self, talker: &Node) -> DurablePublisher<UInt64> {
        talker.durable_publisher::<UInt64>("/tasks", self.options()).unwrap()
    }

    fn subscriber(&self, file: &str) -> DurableSubscriber<UInt64> {
        let cursor = Cursor::File(self.home().join(file));
        self.listener
            .durable_subscriber("/tasks", QosProfile::keep_last(8).into(), &cursor)
            .unwrap()
    }
}

async fn publish(publisher: &DurablePublisher<UInt64>, numbers: std::ops::RangeInclusive<u64>) {
    for data in numbers {
        assert_eq!(publisher.publish(&UInt64 { data }).await.unwrap().number, data);
    }
}

/// Takes and acknowledges messages until the one with this number.
fn take_until(subscriber: &DurableSubscriber<UInt64>, last: u64) -> Vec<u64> {
    let mut taken = Vec::new();
    while taken.last() != Some(&last) {
        let received = next(&**subscriber);
        assert_eq!(received.info.number, received.message.data);
        subscriber.acknowledge(&received.info).unwrap();
        taken.push(received.message.data);
    }
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_published_before_a_restart_is_given_after_it_in_order_and_once() {
    let pair = Pair::new().await;
    let talker = pair.talker().await;
    let publisher = pair.publisher(&talker);
    publish(&publisher, 1..=30).await;
    drop(publisher);
    talker.close().await.unwrap();

    let talker = pair.talker().await;
    let publisher = pair.publisher(&talker);
    publish(&publisher, 31..=40).await;
    let subscriber = pair.subscriber("cursor");
    assert_eq!(take_until(&subscriber, 40), (1..=40).collect::<Vec<_>>());
    publish(&publisher, 41..=45).await;
    assert_eq!(take_until(&subscriber, 45), (41..=45).collect::<Vec<_>>());
    let last = publisher.publish(&UInt64 { data: 46 }).await.unwrap();
    assert!(!publisher.acknowledged(&last, Duration::from_millis(1)).await);
    take_until(&subscriber, 46);
    assert!(publisher.acknowledged(&last, DEADLINE).await);
    assert_eq!((publisher.journal().waiting_bytes, publisher.journal().kept), (0, 46));
    assert_eq!(subscriber.stats().missing, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_goes_on_behind_its_cursor_while_its_publisher_starts_again() {
    let pair = Pair::new().await;
    let talker = pair.talker().await;
    let publisher = pair.publisher(&talker);
    let subscriber = pair.subscriber("cursor");
    publish(&publisher, 1..=20).await;
    take_until(&subscriber, 10);
    // Taken and not acknowledged, as when it is killed now.
    assert_eq!(next(&*subscriber).message.data, 11);
    drop(subscriber);
    drop(publisher);
    talker.close().await.unwrap();
    let subscriber = pair.subscriber("cursor");
    let talker = pair.talker().await;
    let publisher = pair.publisher(&talker);
    publish(&publisher, 21..=25).await;
    let first = next(&*subscriber);
    assert_eq!((first.message.data, first.info.provenance), (11, Provenance::History));
    assert!(first.info.epoch < talker.epoch(), "as it was signed then");
    subscriber.acknowledge(&first.info).unwrap();
    assert_eq!(take_until(&subscriber, 25), (12..=25).collect::<Vec<_>>());
    // The publisher starts again under a subscriber that lives on.
    drop(publisher);
    talker.close().await.unwrap();
    let talker = pair.talker().await;
    let publisher = pair.publisher(&talker);
    publish(&publisher, 26..=30).await;
    assert_eq!(take_until(&subscriber, 30), (26..=30).collect::<Vec<_>>());
    assert_eq!(subscriber.stats().missing, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_keeps_its_positions_itself_begins_where_it_says() {
    let pair = Pair::new().await;
    let talker = pair.talker().await;
    let publisher = pair.publisher(&talker);
    publish(&publisher, 1..=9).await;
    let given = |positions| Cursor::Given(positions);
    let options = || QosProfile::keep_last(100).into();
    let subscriber = pair
        .listener
        .durable_subscriber::<UInt64>("/tasks", options(), &given(Vec::new()))
        .unwrap();
    take_until(&subscriber, 6);
    let positions = subscriber.positions();
    drop(subscriber);
    let subscriber = pair
        .listener
        .durable_subscriber::<UInt64>("/tasks", options(), &given(positions))
        .unwrap();
    assert_eq!(take_until(&subscriber, 9), [7, 8, 9]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_application_loses_nothing_however_small_its_queue() {
    let pair = Pair::new().await;
    let talker = pair.talker().await;
    let publisher = std::sync::Arc::new(pair.publisher(&talker));
    let subscriber = pair.subscriber("cursor");
    let publishing: Vec<_> = (0..32)
        .map(|_| {
            let publisher = std::sync::Arc::clone(&publisher);
            tokio::spawn(async move {
                for _ in 0..200 {
                    publisher.publish(&UInt64 { data: 0 }).await.unwrap();
                }
            })
        })
        .collect();
    for one in publishing {
        one.await.unwrap();
    }
    for number in 1..=6400 {
        let received = next(&*subscriber);
        assert_eq!(received.info.number, number);
        if number % 100 == 0 {
            subscriber.acknowledge(&received.info).unwrap();
        }
    }
    assert_eq!((subscriber.stats().dropped, subscriber.stats().missing), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_is_full_is_an_error_and_has_room_again_when_its_readers_have_acknowledged() {
    let pair = Pair::new().await;
    let talker = pair.talker().await;
    let options = DurableOptions {
        bytes_max: 2000,
        sync: SyncWrites::EachMessage,
        ..pair.options()
    };
    let publisher = talker.durable_publisher::<UInt64>("/tasks", options).unwrap();
    let mut last = 0;
    let error = loop {
        match publisher.publish(&UInt64 { data: last + 1 }).await {
            Ok(published) => last = published.number,
            Err(error) => break error,
        }
    };
    let DurablePublishError::Full { behind, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*behind, [Reader::Key(pair.listener.public_key())]);
    assert!(last > 5);
    let subscriber = pair.subscriber("cursor");
    assert_eq!(take_until(&subscriber, last), (1..=last).collect::<Vec<_>>());
    let wait = async {
        while publisher.journal().waiting_bytes > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.unwrap();
    publish(&publisher, last + 1..=last + 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_journal_and_one_cursor_are_an_error_each() {
    let pair = Pair::new().await;
    let talker = pair.talker().await;
    let publisher = pair.publisher(&talker);
    let again = talker
        .durable_publisher::<UInt64>("/tasks", pair.options())
        .unwrap_err();
    assert!(
        matches!(again, DurableError::Journal(JournalError::InUse { .. })),
        "{again}"
    );
    drop(publisher);
    let _publisher = pair.publisher(&talker);
    let _subscriber = pair.subscriber("cursor");
    let cursor = Cursor::File(pair.home().join("cursor"));
    let again = pair
        .listener
        .durable_subscriber::<UInt64>("/tasks", QosProfile::default().into(), &cursor);
    assert!(matches!(again, Err(DurableSubscriberError::Cursor(_))));
    let nobody = talker
        .durable_publisher::<UInt64>("/other", DurableOptions::new([]))
        .unwrap_err();
    assert!(matches!(nobody, DurableError::NoReader));
    let in_memory = pair
        .listener
        .durable_publisher::<UInt64>("/tasks", pair.options())
        .unwrap_err();
    assert!(matches!(in_memory, DurableError::NoDisk));
}
