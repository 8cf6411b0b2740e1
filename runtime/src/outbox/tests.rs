//! Outboxes on links of their own: room, order, counts, and what holds up whom.

use std::sync::{Mutex, mpsc};
use std::thread;

use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::TypeDefinition;

use super::*;
use crate::link::{Bytes, Declared, Discovery, Link, LinkConfig};
use crate::local_registry::reserve_loopback_port;
use crate::name::{Domain, TopicName};
use crate::node::close::Close;
use crate::qos::QosProfile;
use crate::security::frame::{Kind, Layout, Writer};
use crate::security::key::Identity;

/// How long anything may take that is waited for.
const DEADLINE: Duration = Duration::from_secs(20);

/// An outbox on a link of its own, and the desk that signs for it.
struct Bench {
    desk: Arc<SigningDesk>,
    outbox: Arc<Outbox>,
}

async fn link(listen: &str, connect: &[&str]) -> Link {
    let config = LinkConfig {
        listen: vec![listen.to_owned()],
        connect: connect.iter().map(|endpoint| (*endpoint).to_owned()).collect(),
        discovery: Some(Discovery::Off),
        ..LinkConfig::default()
    };
    Link::open(&config, &Domain::default()).await.unwrap()
}

fn desk() -> Arc<SigningDesk> {
    // No budget: everything is signed by the desk, unless the profile has no delay.
    Arc::new(SigningDesk::new("/test", Identity::from_seed(&[7; 32]), 0.0))
}

fn outbox(link: &Link, topic: &str, qos: QosProfile) -> Arc<Outbox> {
    let identity = Identity::from_seed(&[7; 32]);
    let type_hash = TypeHash::from_bytes([1; 32]);
    let definition = TypeDefinition {
        type_name: "test_msgs/msg/Bytes".to_owned(),
        type_hash: *type_hash.as_bytes(),
        ..TypeDefinition::default()
    };
    let writer = Writer::derive("/test", topic, 0);
    let name = TopicName::parse(topic).unwrap();
    let context = Context::new(
        &Domain::default(),
        topic,
        &definition.type_name,
        &type_hash,
        Kind::Message,
        &[],
    );
    let facts = PublisherFacts::new(name, &definition, writer, qos);
    let header = Header {
        kind: Kind::Message,
        replay: false,
        key: identity.public_key(),
        writer,
        epoch: 1,
        first_number: 1,
        first_time_ns: 0,
        type_hash_prefix: type_hash.prefix(),
    };
    let declared = link.declare_publisher(
        topic.trim_start_matches('/').to_owned(),
        &QosProfile {
            express: false,
            signing_delay: qos.signing_delay.max(Duration::from_nanos(1)),
            ..qos
        },
    );
    Arc::new(Outbox::new(
        Arc::new(facts),
        declared.unwrap(),
        context,
        header,
        1 << 20,
    ))
}

impl Bench {
    async fn new(qos: QosProfile) -> (Self, Link) {
        let link = link("tcp/127.0.0.1:0", &[]).await;
        let outbox = outbox(&link, "/things", qos);
        (Self { desk: desk(), outbox }, link)
    }

    fn publish_or(&self, no_room: NoRoom, payload: &[u8]) -> Result<u64, PublishError> {
        let none = Accompaniment::default();
        self.outbox.publish(&self.desk, none, no_room, |frame, time_ns| {
            frame.push(time_ns, none, |bytes| {
                bytes.extend_from_slice(payload);
                Ok(())
            })
        })
    }

    fn publish_apart(&self, payload: &Bytes) -> Result<u64, PublishError> {
        let none = Accompaniment::default();
        self.outbox
            .publish(&self.desk, none, NoRoom::AsProfiled, |frame, time_ns| {
                frame.push_apart(time_ns, none, payload)
            })
    }

    fn publish(&self, payload: &[u8]) -> Result<u64, PublishError> {
        self.publish_or(NoRoom::AsProfiled, payload)
    }

    fn count(&self, of: impl Fn(&PublisherFacts) -> u64) -> u64 {
        of(&self.outbox.facts)
    }

    /// Holds the outbox as a thread does that is held up by the link, and gives what that thread has taken.
    fn hold(&self) -> Vec<PendingFrame> {
        let mut frames = Vec::new();
        self.desk.strike_lanes();
        assert!(self.outbox.lane.take(8, &mut frames));
        frames
    }

    /// The payloads of a frame, as whoever receives it reads them.
    fn payloads(&self, frame: PendingFrame) -> Vec<Vec<u8>> {
        let sealed = self.desk.seal_alone(&self.outbox, frame).bytes.contiguous();
        let bytes = sealed.as_slice();
        let messages = Layout::parse(bytes).unwrap();
        messages
            .messages(bytes)
            .map(|span| bytes[span.payload].to_vec())
            .collect()
    }
}

fn hourly() -> QosProfile {
    QosProfile {
        signing_delay: Duration::from_secs(3600),
        ..QosProfile::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_best_effort_publisher_drops_the_oldest_and_counts_them_exactly() {
    let qos = QosProfile {
        reliability: Reliability::BestEffort,
        ..hourly()
    };
    let (bench, _link) = Bench::new(qos).await;
    bench.publish(&[0; 1000]).unwrap();
    let held: u64 = bench.hold().iter().map(|frame| u64::from(frame.count())).sum();
    for number in 2..=5000 {
        assert_eq!(bench.publish(&[0; 1000]).unwrap(), number);
    }
    let (dropped, waiting) = (bench.count(|facts| facts.dropped.get()), bench.outbox.stats().queue_len);
    assert_eq!(held + dropped + waiting, 5000);
    let most = (PENDING_BYTES_MAX + FRAME_LEN_MAX) as u64 / 1000;
    assert!(waiting <= most, "{waiting} kilobytes wait");
    let state = bench.outbox.lane.lock();
    let oldest = state.ready.front().unwrap();
    assert_eq!(oldest.first_number(), 5000 - waiting + 1, "the newest are kept");
    drop(state);
    bench.outbox.finish(&bench.desk);
    assert!(bench.outbox.flush(&bench.desk, Instant::now() + DEADLINE));
    assert_eq!(bench.count(|facts| facts.sent.load(Ordering::Relaxed)), waiting);
    assert_eq!(bench.count(|facts| facts.dropped.get()), dropped);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_reliable_publisher_waits_for_room_and_says_when_that_was_in_vain() {
    let qos = QosProfile {
        blocking_time: Duration::from_millis(10),
        ..hourly()
    };
    let (bench, _link) = Bench::new(qos).await;
    bench.publish(&[0; 1000]).unwrap();
    let held = bench.hold();
    let full = loop {
        match bench.publish(&[0; 1000]) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(full, PublishError::TimedOut { .. }), "{full}");
    let waiting = bench.outbox.stats().queue_len;
    let refused = bench.publish_or(NoRoom::GiveBack, &[0; 1000]).unwrap_err();
    assert!(matches!(refused, PublishError::WouldBlock), "{refused}");
    assert_eq!(bench.outbox.stats().queue_len, waiting, "nothing was queued");
    let next = bench.outbox.facts.next_number();
    assert_eq!(next, 2 + waiting, "and no number is lost");
    drop(held);
    bench.outbox.finish(&bench.desk);
    assert!(bench.outbox.flush(&bench.desk, Instant::now() + DEADLINE));
    assert_eq!(bench.publish(&[0; 1000]).unwrap(), next);
    assert!(bench.outbox.flush(&bench.desk, Instant::now() + DEADLINE));
    assert_eq!(bench.count(|facts| facts.dropped.get()), 0);
    assert_eq!(bench.count(|facts| facts.sent.load(Ordering::Relaxed)), waiting + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_publisher_that_waits_for_room_goes_on_when_there_is_some() {
    let (bench, _link) = Bench::new(hourly()).await;
    bench.publish(&[0; 1000]).unwrap();
    let _held = bench.hold();
    while bench.publish_or(NoRoom::GiveBack, &[0; 1000]).is_ok() {}
    thread::scope(|scope| {
        let waiting = scope.spawn(|| bench.publish(&[0; 1000]));
        bench.outbox.finish(&bench.desk);
        waiting.join().unwrap().unwrap();
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_frame_is_ended_by_its_size_its_count_and_another_accompaniment() {
    let (bench, _link) = Bench::new(hourly()).await;
    bench.publish(b"").unwrap();
    let _held = bench.hold();
    for _ in 0..usize::from(FRAME_MESSAGES_MAX) + 1 {
        bench.publish(b"").unwrap();
    }
    let with_origin = Accompaniment {
        origin: Some("web user 7"),
        ..Accompaniment::default()
    };
    let publish_with = |with, len: usize| {
        bench
            .outbox
            .publish(&bench.desk, with, NoRoom::GiveBack, |frame, time_ns| {
                frame.push(time_ns, with, |bytes| {
                    bytes.resize(bytes.len() + len, 7);
                    Ok(())
                })
            })
    };
    publish_with(with_origin, 1).unwrap();
    publish_with(with_origin, 20_000).unwrap();
    // Nobody could have known that this one does not fit.
    publish_with(with_origin, 50_000).unwrap();
    let state = bench.outbox.lane.lock();
    let counts: Vec<_> = state.ready.iter().chain(&state.open).map(PendingFrame::count).collect();
    assert_eq!(counts, [FRAME_MESSAGES_MAX, 1, 2, 1]);
    let numbers: Vec<_> = state
        .ready
        .iter()
        .chain(&state.open)
        .map(PendingFrame::first_number)
        .collect();
    let first = 2 + u64::from(FRAME_MESSAGES_MAX);
    assert_eq!(numbers, [2, first, first + 1, first + 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_message_that_is_refused_leaves_no_trace() {
    let (bench, _link) = Bench::new(hourly()).await;
    let too_large = bench.publish(&vec![0; 1 << 20]).unwrap_err();
    assert!(matches!(too_large, PublishError::TooLarge { .. }), "{too_large}");
    assert!(bench.outbox.lane.lock().is_idle());
    assert_eq!(bench.publish(b"x").unwrap(), 1);
    let none = Accompaniment::default();
    let broken = bench
        .outbox
        .publish(&bench.desk, none, NoRoom::AsProfiled, |frame, time_ns| {
            frame.push(time_ns, none, |bytes| {
                bytes.extend_from_slice(b"half of it");
                Err(EncodeError::Encoder("broken".to_owned()))
            })
        });
    assert!(matches!(broken, Err(PublishError::Encode(_))));
    assert_eq!(bench.publish(b"y").unwrap(), 2);
    let frames = bench.hold();
    let frame = frames.into_iter().next().unwrap();
    assert_eq!(bench.payloads(frame), [b"x", b"y"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_payload_that_lies_apart_has_a_frame_of_its_own_and_keeps_its_turn() {
    let (bench, _link) = Bench::new(hourly()).await;
    bench.publish(b"").unwrap();
    let _held = bench.hold();
    bench.publish(b"before").unwrap();
    let large = Bytes::from(vec![7; FRAME_LEN_MAX]);
    assert_eq!(bench.publish_apart(&large).unwrap(), 3);
    assert_eq!(bench.publish_apart(&large).unwrap(), 4);
    assert_eq!(bench.publish(b"behind").unwrap(), 5);
    let too_large = bench.publish_apart(&Bytes::from(vec![0; 1 << 20])).unwrap_err();
    assert!(matches!(too_large, PublishError::TooLarge { .. }), "{too_large}");
    assert_eq!(bench.outbox.facts.next_number(), 6, "no number was used");
    let frames = bench.hold();
    let numbers: Vec<_> = frames.iter().map(PendingFrame::first_number).collect();
    let payloads: Vec<_> = frames.into_iter().map(|frame| bench.payloads(frame)).collect();
    let large = large.as_slice().to_vec();
    assert_eq!(numbers, [2, 3, 4, 5]);
    assert_eq!(
        payloads,
        [
            vec![b"before".to_vec()],
            vec![large.clone()],
            vec![large],
            vec![b"behind".to_vec()]
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_topic_that_the_link_does_not_take_holds_up_no_other() {
    let ports = [reserve_loopback_port().unwrap(), reserve_loopback_port().unwrap()];
    let [stuck_at, free_at] = [ports[0].locator(), ports[1].locator()];
    let (stuck, free) = (link(&stuck_at, &[]).await, link(&free_at, &[]).await);
    let (release, until) = mpsc::channel::<()>();
    let until = Mutex::new(until);
    let _never_reads: Declared = stuck
        .subscribe("stuck", move |_, _| {
            let _ = until.lock().unwrap().recv();
        })
        .unwrap();
    let (heard, hears) = mpsc::channel();
    let _reads: Declared = free
        .subscribe("free", move |_, bytes| heard.send(bytes.as_slice().len()).unwrap())
        .unwrap();
    let talker = link("tcp/127.0.0.1:0", &[&stuck_at, &free_at]).await;
    let desk = desk();
    let qos = QosProfile {
        blocking_time: Duration::from_millis(100),
        ..QosProfile::keep_all()
    };
    let bench = |topic| Bench {
        outbox: outbox(&talker, topic, qos),
        desk: Arc::clone(&desk),
    };
    let (to_stuck, to_free) = (bench("/stuck"), bench("/free"));
    for bench in [&to_stuck, &to_free] {
        let end = Instant::now() + DEADLINE;
        while !bench.outbox.link().has_subscribers().unwrap() {
            assert!(Instant::now() < end, "no subscriber was found");
            thread::yield_now();
        }
    }
    // Until the buffers on the way are full and the thread of the desk is held up.
    let mut in_vain = 0;
    while in_vain < 3 {
        in_vain = if to_stuck.publish(&[7; 50_000]).is_ok() {
            0
        } else {
            in_vain + 1
        };
    }
    let sent = to_stuck.count(|facts| facts.sent.load(Ordering::Relaxed));
    for _ in 0..100 {
        to_free.publish(b"still there").unwrap();
        hears.recv_timeout(DEADLINE).unwrap();
    }
    assert_eq!(
        to_stuck.count(|facts| facts.sent.load(Ordering::Relaxed)),
        sent,
        "it is still held up"
    );
    drop(release);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_desk_that_closes_says_which_numbers_did_not_leave() {
    for how in [Close::Drain(Duration::from_millis(10)), Close::Now] {
        let (bench, _link) = Bench::new(hourly()).await;
        bench.desk.serve(&bench.outbox);
        for _ in 1..=3 {
            bench.publish(b"left").unwrap();
        }
        assert!(bench.outbox.flush(&bench.desk, Instant::now() + DEADLINE));
        bench.publish(b"held up by the link").unwrap();
        let _held = bench.hold();
        bench.publish(b"waits").unwrap();
        bench.publish(b"waits").unwrap();
        let unsent = bench.desk.close(how).await;
        let said: Vec<_> = unsent.iter().map(|unsent| (unsent.first, unsent.last)).collect();
        assert_eq!(said, [(4, 6)], "{how:?}");
        assert_eq!(bench.outbox.stats().queue_len, 0);
    }
}
