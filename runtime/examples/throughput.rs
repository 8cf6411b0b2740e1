//! How many signed messages a second, beside raw Zenoh: two processes over loopback TCP, raw and signed in turn.
//!
//! `cargo run --release -p nuncio --example throughput -- 64 1024` for payloads of these sizes, `-- robot` for a robot of
//! 200 topics at 50 Hz. It prints what each round gave, and the medians as a ratio.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a program to measure with"
)]

use std::io::{BufRead, BufReader, Write, stdin};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::{Accompaniment, Discovery, Identity, Keystore, Node, NodeBuilder, QosProfile, TypeSupport};
use zenoh::Wait;
use zenoh::qos::CongestionControl;

const ROUND: Duration = Duration::from_secs(2);
const ROUNDS: usize = 5;
const WAIT: Duration = Duration::from_secs(30);

fn builder(name: &str, seed: u8) -> NodeBuilder {
    let keystore = Keystore::ephemeral(Identity::from_seed(&[seed; 32]));
    Node::builder(name).keystore(keystore).discovery(Discovery::Off)
}

fn raw_config(listen: &str, connect: &str) -> zenoh::Config {
    let mut config = zenoh::Config::default();
    config.insert_json5("mode", "\"peer\"").unwrap();
    config.insert_json5("scouting/multicast/enabled", "false").unwrap();
    config.insert_json5("listen/endpoints", listen).unwrap();
    config.insert_json5("connect/endpoints", connect).unwrap();
    config
}

fn support() -> TypeSupport {
    TypeSupport::compile("bench_msgs/msg/Blob", &[("bench_msgs/msg/Blob", "uint8[] data\n")]).unwrap()
}

/// CPU time of this process so far, in seconds.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

async fn far_end(endpoint: &str, raw_endpoint: &str) {
    let node = builder("listener", 2).listen(endpoint).open().await.unwrap();
    let session = zenoh::open(raw_config(&format!("[\"{raw_endpoint}\"]"), "[]"))
        .await
        .unwrap();
    let raw = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&raw);
    let _raw = session
        .declare_subscriber("bench")
        .callback(move |sample| {
            std::hint::black_box(sample.payload().len());
            counting.fetch_add(1, Ordering::Relaxed);
        })
        .await
        .unwrap();
    let signed = Arc::new(AtomicU64::new(0));
    let subscriber = Arc::new(
        node.generic_subscriber("/bench", QosProfile::keep_last(1 << 16))
            .unwrap(),
    );
    let (taking, counting) = (Arc::clone(&subscriber), Arc::clone(&signed));
    thread::spawn(move || {
        while let Ok(received) = taking.recv_timeout(Duration::MAX) {
            std::hint::black_box(received.payload());
            counting.fetch_add(1, Ordering::Relaxed);
        }
    });
    let robot: Vec<_> = (0..200)
        .map(|nth| {
            node.subscriber_with::<Twist>(&format!("/robot/topic_{nth}"), QosProfile::keep_last(10))
                .unwrap()
        })
        .collect();
    let robot: Vec<_> = robot.into_iter().map(|topic| topic.on_message(drop).unwrap()).collect();
    println!("ready");
    for line in stdin().lines() {
        line.unwrap();
        let heard: u64 = robot.iter().map(|topic| topic.stats().received).sum();
        let stats = subscriber.stats();
        println!(
            "{} {} {} {} {} {}",
            raw.load(Ordering::Relaxed),
            signed.load(Ordering::Relaxed) + stats.dropped,
            stats.received,
            stats.refused_total() + stats.missing,
            heard,
            cpu_seconds(),
        );
        std::io::stdout().flush().unwrap();
    }
    std::process::exit(0);
}

struct FarEnd {
    input: std::process::ChildStdin,
    output: BufReader<std::process::ChildStdout>,
}

impl FarEnd {
    fn counts(&mut self) -> Vec<f64> {
        writeln!(self.input, "?").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.split_whitespace().map(|word| word.parse().unwrap()).collect()
    }
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == "far") {
        return far_end(&args[1], &args[2]).await;
    }
    let ports = [(); 2].map(|()| nuncio::local_registry::reserve_loopback_port().unwrap());
    let [endpoint, raw_endpoint] = [ports[0].locator(), ports[1].locator()];
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["far", &endpoint, &raw_endpoint])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut far = FarEnd {
        input: child.stdin.take().unwrap(),
        output: BufReader::new(child.stdout.take().unwrap()),
    };
    let mut line = String::new();
    far.output.read_line(&mut line).unwrap();
    let node = builder("talker", 1).connect(&endpoint).open().await.unwrap();
    let session = zenoh::open(raw_config("[]", &format!("[\"{raw_endpoint}\"]")))
        .await
        .unwrap();
    let met = |graph: &nuncio::graph::Graph| graph.nodes.iter().filter(|node| node.is_verified()).count() >= 2;
    node.wait_for_graph(WAIT, met).await.unwrap();
    for arg in &args {
        if arg == "robot" {
            robot(&node, &mut far);
            continue;
        }
        let size: usize = arg.parse().unwrap();
        let signed = node
            .generic_publisher("/bench", &support(), QosProfile::default())
            .unwrap();
        assert!(signed.wait_for_subscribers(WAIT).unwrap());
        let raw = session
            .declare_publisher("bench")
            .congestion_control(CongestionControl::Block)
            .wait()
            .unwrap();
        let payload = vec![7; size];
        signed.publish(&payload, Accompaniment::default()).unwrap();
        let mut rates = [Vec::new(), Vec::new()];
        for round in 0..2 * ROUNDS {
            let before = far.counts();
            let (start, cpu) = (Instant::now(), cpu_seconds());
            let mut sent = 0_u64;
            while start.elapsed() < ROUND {
                for _ in 0..(200_000 / size).clamp(1, 1000) {
                    if round % 2 == 0 {
                        raw.put(payload.clone()).wait().unwrap();
                    } else {
                        signed.publish(&payload, Accompaniment::default()).unwrap();
                    }
                    sent += 1;
                }
            }
            signed.flush(WAIT);
            let which = round % 2;
            let end = Instant::now() + WAIT;
            let after = loop {
                let now = far.counts();
                if now[which] - before[which] >= sent as f64 || Instant::now() > end {
                    break now;
                }
                thread::sleep(Duration::from_millis(2));
            };
            let rate = (after[which] - before[which]) / start.elapsed().as_secs_f64();
            println!(
                "{size} B {} {rate:>12.0}/s sent {sent} arrived {} refused or missing {} cpu here {:.2} there {:.2}",
                ["raw   ", "signed"][which],
                after[which] - before[which],
                after[3],
                (cpu_seconds() - cpu) / start.elapsed().as_secs_f64(),
                (after[5] - before[5]) / start.elapsed().as_secs_f64(),
            );
            rates[which].push(rate);
        }
        let [raw, signed] = rates.map(median);
        println!(
            "{size} B: raw {raw:.0}/s, signed {signed:.0}/s, ratio {:.2}; {:?}",
            signed / raw,
            node.signing_stats()
        );
    }
    drop(far);
    let _ = child.kill();
    let _ = child.wait();
}

fn robot(node: &Node, far: &mut FarEnd) {
    let topics: Vec<_> = (0..200)
        .map(|nth| node.publisher::<Twist>(&format!("/robot/topic_{nth}")).unwrap())
        .collect();
    topics
        .iter()
        .for_each(|topic| assert!(topic.wait_for_subscribers(WAIT).unwrap()));
    let message = Twist::default();
    // Once evenly over the time, once all at the same moment.
    for (words, at_once) in [("evenly", 1), ("in bursts", 200)] {
        for topic in &topics {
            topic.publish(&message).unwrap();
        }
        thread::sleep(Duration::from_secs(1));
        let (before, signing, cpu, start) = (far.counts(), node.signing_stats(), cpu_seconds(), Instant::now());
        let mut next = start;
        let mut sent = 0_u64;
        while sent < 50_000 {
            for _ in 0..at_once {
                topics[(sent % 200) as usize].publish(&message).unwrap();
                sent += 1;
            }
            next += Duration::from_micros(100) * at_once;
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        let took = start.elapsed().as_secs_f64();
        thread::sleep(Duration::from_millis(200));
        let (after, signed) = (far.counts(), node.signing_stats());
        println!(
            "robot, {words}: {:.0} messages/s, arrived {} of {sent}, {:.0} signatures/s, signing {:.2} % of a core, \
             all of the talker {:.1} %, all of the listener {:.1} %",
            sent as f64 / took,
            after[4] - before[4],
            (signed.signatures - signing.signatures) as f64 / took,
            (signed.time - signing.time).as_secs_f64() / took * 100.0,
            (cpu_seconds() - cpu) / took * 100.0,
            (after[5] - before[5]) / took * 100.0,
        );
    }
}
