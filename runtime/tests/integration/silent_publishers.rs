//! Publishers that fall silent: one whose process is stopped, one whose process is killed, one whose link is cut.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Duration;
use std::{env, io, thread};

use nuncio::adversary::Adversary;
use nuncio::msgs::std_msgs::msg::UInt32;
use nuncio::{Discovery, EventStream, LinkConfig, NodeName, PublisherEvent, QosProfile, Subscriber, SubscriberEvent};
use rustix::process::{Pid, Signal, kill_process};

use crate::events::await_event;
use crate::peers::{DEADLINE, listen, node};

/// Where the other process connects to.
const TALKS_TO: &str = "NUNCIO_TEST_TALKS_TO";
/// This test, by its name: the other process runs it.
const OTHER_PROCESS: &str = "silent_publishers::the_other_process_publishes_until_it_ends";

fn profile() -> QosProfile {
    QosProfile {
        deadline: Some(Duration::from_millis(300)),
        lease: Some(Duration::from_millis(900)),
        ..QosProfile::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "it is the other process of the tests here, which start it"]
async fn the_other_process_publishes_until_it_ends() {
    let Ok(endpoint) = env::var(TALKS_TO) else { return };
    let talker = node("talker", 1).connect(&endpoint).open().await.unwrap();
    let publisher = talker.publisher_with::<UInt32>("/numbers", profile()).unwrap();
    let (ends, ended) = mpsc::channel();
    thread::spawn(move || {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        drop::<mpsc::Sender<()>>(ends);
    });
    while ended.recv_timeout(Duration::from_millis(20)) == Err(mpsc::RecvTimeoutError::Timeout) {
        publisher.publish(&UInt32 { data: 1 }).unwrap();
    }
}

/// The process, which is killed when this is dropped.
struct OtherProcess(Child);

impl OtherProcess {
    fn start(endpoint: &str) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args([OTHER_PROCESS, "--exact", "--ignored"])
            .env(TALKS_TO, endpoint)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }
}

impl Drop for OtherProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn gained(events: &EventStream<SubscriberEvent>) {
    await_event(events, |event| {
        matches!(event, SubscriberEvent::LivelinessGained { .. }).then_some(())
    });
}

fn lost(events: &EventStream<SubscriberEvent>) {
    await_event(events, |event| {
        matches!(event, SubscriberEvent::LivelinessLost { .. }).then_some(())
    });
}

/// Waits until the only publisher is gone.
fn gone(events: &EventStream<SubscriberEvent>) {
    await_event(events, |event| {
        matches!(
            event,
            SubscriberEvent::Matched {
                appeared: false,
                count: 0,
                ..
            }
        )
        .then_some(())
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_publisher_that_is_stopped_is_late_and_not_alive_until_it_goes_on() {
    let (listener, endpoint) = listen(node("listener", 2)).await;
    let numbers: Subscriber<UInt32> = listener.subscriber_with("/numbers", profile()).unwrap();
    let events = numbers.events();
    let other = OtherProcess::start(&endpoint);
    gained(&events);
    other.signal(Signal::STOP);
    let mut late = false;
    await_event(&events, |event| {
        late |= matches!(event, SubscriberEvent::DeadlineMissed { .. });
        matches!(event, SubscriberEvent::LivelinessLost { .. }).then_some(())
    });
    assert!(late, "the deadline is shorter than the lease");
    assert_eq!(numbers.matched_publishers(), 1, "its link is still there");
    other.signal(Signal::CONT);
    gained(&events);
    drop(other);
    gone(&events);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_publisher_that_is_killed_is_gone() {
    let (listener, endpoint) = listen(node("listener", 2)).await;
    // As long a lease as in `profile`, but nothing requested: what counts is what the publisher offers.
    let numbers: Subscriber<UInt32> = listener.subscriber("/numbers").unwrap();
    let events = numbers.events();
    let other = OtherProcess::start(&endpoint);
    gained(&events);
    other.signal(Signal::KILL);
    lost(&events);
    gone(&events);
    assert_eq!(numbers.matched_publishers(), 0);
}

/// A cable: what comes in at one end goes out at the other, unless it is blocked or cut.
struct Cable {
    endpoint: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    wires: Mutex<Wires>,
    changed: Condvar,
}

#[derive(Default)]
struct Wires {
    blocked: bool,
    cut: bool,
    ends: Vec<TcpStream>,
}

impl Cable {
    /// A cable to `endpoint`, which is one of TCP.
    fn to(endpoint: &str) -> Self {
        let far = endpoint.trim_start_matches("tcp/").to_owned();
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("tcp/{}", socket.local_addr().unwrap());
        let state = Arc::new(State::default());
        let laid = Arc::clone(&state);
        thread::spawn(move || {
            for near in socket.incoming().map_while(Result::ok) {
                let far = TcpStream::connect(&far).unwrap();
                let mut wires = laid.wires.lock().unwrap();
                if wires.cut {
                    return;
                }
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    wires.ends.push(from.try_clone().unwrap());
                    let state = Arc::clone(&laid);
                    thread::spawn(move || state.pass_on(from, to));
                }
            }
        });
        Self { endpoint, state }
    }

    fn block(&self, blocked: bool) {
        self.state.wires.lock().unwrap().blocked = blocked;
        self.state.changed.notify_all();
    }

    fn cut(&self) {
        let mut wires = self.state.wires.lock().unwrap();
        (wires.cut, wires.blocked) = (true, false);
        wires.ends.iter().for_each(|end| drop(end.shutdown(Shutdown::Both)));
        self.state.changed.notify_all();
    }
}

impl State {
    fn pass_on(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = [0; 4096];
        while let Ok(len @ 1..) = from.read(&mut bytes) {
            let wires = self.wires.lock().unwrap();
            drop(self.changed.wait_while(wires, |wires| wires.blocked).unwrap());
            if to.write_all(bytes.get(..len).unwrap_or_default()).is_err() {
                return;
            }
        }
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.cut();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_publisher_behind_a_dead_link_is_not_alive_and_behind_a_cut_one_gone() {
    let (listener, endpoint) = listen(node("listener", 2)).await;
    let cable = Cable::to(&endpoint);
    let talker = node("talker", 1).connect(&cable.endpoint).open().await.unwrap();
    let numbers: Subscriber<UInt32> = listener.subscriber("/numbers").unwrap();
    let quiet = QosProfile {
        lease: profile().lease,
        ..QosProfile::default()
    };
    let publisher = talker.publisher_with::<UInt32>("/numbers", quiet).unwrap();
    let events = numbers.events();
    gained(&events);
    cable.block(true);
    lost(&events);
    assert_eq!(numbers.matched_publishers(), 1, "the link has not noticed yet");
    cable.block(false);
    gained(&events);
    cable.cut();
    lost(&events);
    gone(&events);
    await_event(&publisher.events(), |event| {
        matches!(
            event,
            PublisherEvent::Matched {
                appeared: false,
                count: 0,
                ..
            }
        )
        .then_some(())
    });
}

/// What the node of a stopped process has said is put again, by somebody who has recorded it.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn statements_that_were_recorded_keep_nobody_alive() {
    let (listener, endpoint) = listen(node("listener", 2)).await;
    let link = LinkConfig {
        connect: vec![endpoint.clone()],
        discovery: Some(Discovery::Off),
        ..LinkConfig::default()
    };
    let numbers: Subscriber<UInt32> = listener.subscriber_with("/numbers", profile()).unwrap();
    let events = numbers.events();
    let other = OtherProcess::start(&endpoint);
    let talker = await_event(&events, |event| match event {
        SubscriberEvent::LivelinessGained { publisher } => Some(publisher.clone()),
        _ => None,
    });
    let adversary = Adversary::join(&link, listener.domain().clone()).await.unwrap();
    let graph = listener.graph();
    let epoch = graph.nodes_named(&talker.node).next().unwrap().epoch;
    let key: String = talker.key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let key_expr = format!("nuncio/0/@alive/{key}/{epoch:016x}{}", talker.node);
    let capture = adversary.capture_on(&key_expr).unwrap();
    let recorded = capture.next(DEADLINE).unwrap();
    // The listener has heard it, too, by the time that there is another one.
    capture.next(DEADLINE).unwrap();
    other.signal(Signal::STOP);
    // It is not alive, and what was on its way has come.
    let (mut alive, mut quiet) = (true, 0);
    await_event(&events, |event| {
        match event {
            SubscriberEvent::LivelinessGained { .. } => (alive, quiet) = (true, 0),
            SubscriberEvent::LivelinessLost { .. } => (alive, quiet) = (false, 0),
            SubscriberEvent::DeadlineMissed { .. } => quiet += 1,
            _ => {}
        }
        (!alive && quiet >= 3).then_some(())
    });
    for _ in 0..10 {
        adversary.put_on(&key_expr, &recorded).unwrap();
    }
    // What comes behind them by the same link has arrived when this is seen.
    let marker = NodeName::parse("/marker").unwrap();
    let _claimed = adversary.claim_presence(&talker.key, 1, &marker).unwrap();
    let seen = |graph: &nuncio::graph::Graph| graph.nodes_named(&marker).next().is_some();
    assert!(listener.wait_for_graph(DEADLINE, seen).await.is_some());
    other.signal(Signal::KILL);
    let revived = await_event(&events, |event| match event {
        SubscriberEvent::LivelinessGained { .. } => Some(true),
        SubscriberEvent::Matched { appeared: false, .. } => Some(false),
        _ => None,
    });
    assert!(!revived, "a recorded statement has brought it back to life");
}
