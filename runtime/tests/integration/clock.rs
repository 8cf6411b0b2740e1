//! A node's clock: where its time comes from, who may set it back, and that nothing that guards a node goes by it.

use std::pin::Pin;
use std::time::Duration;

use nuncio::msgs::builtin_interfaces::msg::Time;
use nuncio::msgs::rosgraph_msgs::msg::Clock as ClockMessage;
use nuncio::msgs::std_msgs::msg;
use nuncio::{Clock, ClockEvent, ClockSource, Node, ParameterDescriptor, Publisher, QosProfile, SleepError};

use crate::peers::{DEADLINE, Peers, next, node};

const SECOND: i64 = 1_000_000_000;

/// The talker is the simulator, another node follows its time.
struct Simulated {
    peers: Peers,
    follower: Node,
    clock: Clock,
    simulator: Publisher<ClockMessage>,
}

impl Simulated {
    async fn new() -> Self {
        let peers = Peers::new().await;
        let follower = node("follower", 3)
            .connect(&peers.endpoint)
            .parameter("use_sim_time", true);
        let follower = follower.open().await.expect("it opens");
        let clock = follower.clock().expect("it has a clock");
        let simulator = peers.talker.publisher::<ClockMessage>("/clock").expect("it publishes");
        heard(&peers.talker).await;
        Self {
            peers,
            follower,
            clock,
            simulator,
        }
    }

    fn tell(&self, ns: i64) {
        tell(&self.simulator, ns);
    }

    /// Tells a time until it is taken.
    async fn tell_and_wait(&self, ns: i64) {
        let waiting = async {
            while self.clock.now_ns() != ns {
                self.tell(ns);
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, waiting)
            .await
            .expect("the time is heard");
    }
}

/// Waits until a node knows that somebody hears the simulation's time.
async fn heard(simulator: &Node) {
    let so = |graph: &nuncio::graph::Graph| {
        let mut topics = graph.topics().into_iter();
        topics.any(|(name, ends)| name.as_str() == "/clock" && !ends.subscribers.is_empty())
    };
    assert!(simulator.wait_for_graph(DEADLINE, so).await.is_some());
}

fn tell(simulator: &Publisher<ClockMessage>, ns: i64) {
    let clock = Time {
        sec: i32::try_from(ns / SECOND).expect("it fits"),
        nanosec: u32::try_from(ns % SECOND).expect("it fits"),
    };
    simulator.publish(&ClockMessage { clock }).expect("it leaves");
}

/// A wait that has begun.
async fn begun<F: Future<Output = Result<(), SleepError>>>(wait: F) -> Pin<Box<F>> {
    let mut wait = Box::pin(wait);
    assert!(
        tokio::time::timeout(Duration::ZERO, &mut wait).await.is_err(),
        "it waits"
    );
    wait
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("it ends in time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn without_a_simulation_it_is_the_wall_clock() {
    let node = node("alone", 1).open().await.expect("it opens");
    let clock = node.clock().expect("it has a clock");
    assert_eq!(clock.source(), ClockSource::System);
    let (before, now, after) = (nuncio::clock::now_ns(), clock.now_ns(), nuncio::clock::now_ns());
    assert!((before..=after).contains(&now));
    assert_eq!(clock.now().sec, i32::try_from(now / SECOND).expect("it fits"));
    let until = now + SECOND / 50;
    in_time(clock.sleep_until(until)).await.expect("it is later");
    assert!(clock.now_ns() >= until);
    in_time(clock.sleep_until(0)).await.expect("that is over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn in_a_simulation_time_is_what_is_told_on_clock_and_waits_end_by_it() {
    let simulated = Simulated::new().await;
    assert_eq!(
        (simulated.clock.source(), simulated.clock.now_ns()),
        (ClockSource::Simulation, 0)
    );
    simulated.tell_and_wait(5 * SECOND).await;
    let clock = simulated.clock.clone();
    let mut waiting = begun(clock.sleep(Duration::from_secs(1000))).await;
    for second in [6, 500, 1004] {
        simulated.tell_and_wait(second * SECOND).await;
    }
    let early = tokio::time::timeout(Duration::ZERO, &mut waiting).await;
    assert!(early.is_err(), "999 seconds are not enough");
    simulated.tell_and_wait(1005 * SECOND).await;
    in_time(waiting).await.expect("it is later");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_jump_back_is_told_and_another_key_cannot_make_one() {
    let simulated = Simulated::new().await;
    let events = simulated.clock.events();
    simulated.tell_and_wait(50 * SECOND).await;
    let other = node("other", 4)
        .connect(&simulated.peers.endpoint)
        .open()
        .await
        .expect("it opens");
    simulated.peers.meet(&other).await;
    let other = other.publisher::<ClockMessage>("/clock").expect("it publishes");
    let heard = async {
        while simulated.clock.ignored() == 0 {
            tell(&other, SECOND);
            tokio::task::yield_now().await;
        }
    };
    in_time(heard).await;
    assert_eq!(simulated.clock.now_ns(), 50 * SECOND);
    simulated.tell_and_wait(10 * SECOND).await;
    let (from_ns, to_ns) = (50 * SECOND, 10 * SECOND);
    assert_eq!(
        in_time(events.next()).await,
        Ok(ClockEvent::JumpedBack { from_ns, to_ns })
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_parameter_turns_simulated_time_on_and_off_and_ends_waits() {
    let simulated = Simulated::new().await;
    let events = simulated.clock.events();
    simulated.tell_and_wait(5 * SECOND).await;
    let clock = simulated.clock.clone();
    let waiting = begun(clock.sleep_until(i64::MAX)).await;
    let parameters = simulated.follower.parameters();
    parameters.set("use_sim_time", false).expect("it is set");
    assert_eq!(in_time(waiting).await, Err(SleepError::SourceChanged));
    assert_eq!(simulated.clock.source(), ClockSource::System);
    assert_eq!(
        in_time(events.next()).await,
        Ok(ClockEvent::SourceChanged(ClockSource::System))
    );
    assert!(simulated.clock.now_ns() > 1_000_000 * SECOND);
    parameters.on_change(|_| Err("not now".to_owned()));
    assert!(parameters.set("use_sim_time", true).is_err());
    assert_eq!(
        simulated.clock.source(),
        ClockSource::System,
        "a change that was refused changes nothing"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_signed_and_how_old_it_is_goes_by_the_wall_clock() {
    let simulated = Simulated::new().await;
    simulated.tell_and_wait(5 * SECOND).await;
    let lifespan = Some(Duration::from_secs(60));
    let qos = QosProfile {
        lifespan,
        ..QosProfile::default()
    };
    let subscriber = simulated
        .follower
        .subscriber::<msg::String>("/chatter")
        .expect("it hears");
    let publisher = simulated
        .peers
        .talker
        .publisher_with::<msg::String>("/chatter", qos)
        .expect("it publishes");
    let known = |graph: &nuncio::graph::Graph| {
        let mut topics = graph.topics().into_iter();
        topics.any(|(name, ends)| name.as_str() == "/chatter" && !ends.subscribers.is_empty())
    };
    assert!(simulated.peers.talker.wait_for_graph(DEADLINE, known).await.is_some());
    // By the simulation it is 1970; by what guards the node the message is some microseconds old.
    publisher
        .publish(&msg::String { data: "now".to_owned() })
        .expect("it leaves");
    let received = next(&subscriber);
    let age = received.info.received_time_ns - received.info.source_time_ns;
    assert!(received.info.source_time_ns > 1_000_000 * SECOND);
    assert!((-SECOND..60 * SECOND).contains(&age), "{age}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn closing_the_node_ends_waits_and_a_wrong_value_is_an_error() {
    let closing = node("closing", 1).open().await.expect("it opens");
    let clock = closing.clock().expect("it has a clock");
    let waiting = begun(clock.sleep_until(i64::MAX)).await;
    closing.close().await.expect("it closes");
    assert_eq!(in_time(waiting).await, Err(SleepError::Closed));

    let wrong = node("wrong", 2)
        .parameter("use_sim_time", "yes")
        .open()
        .await
        .expect("it opens");
    assert!(wrong.clock().is_err());
    let unused = node("unused", 3)
        .parameter("use_sim_time", true)
        .open()
        .await
        .expect("it opens");
    let parameters = unused.parameters();
    parameters
        .declare("speed", 1.0, ParameterDescriptor::default())
        .expect("it is declared");
    assert!(parameters.check_given().is_ok(), "every node may be given use_sim_time");
}
