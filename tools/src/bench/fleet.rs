//! The fleet: many nodes with many topics in one process, all of which meet each other over the loopback interface. How
//! long that takes, what they cost when nothing happens, and how much memory each has.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio::graph::Graph;
use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::{Discovery, Identity, LinkConfig, Node, NodeBuilder, Publisher, Subscriber};
use nuncio::{Domain, Keystore};
use serde_json::{Value, json};

use super::quantile::rounded;
use super::{BenchError, failed, late};
use crate::fabric::Fabric;

/// How long all of them may take to meet.
const MEETING_MAX: Duration = Duration::from_secs(300);

/// How long they are watched when nothing happens, after a pause.
const IDLE: Duration = Duration::from_secs(5);

/// What was measured.
#[derive(Clone, Debug)]
pub(crate) struct Fleet {
    nodes: usize,
    topics: usize,
    links: usize,
    opened: Duration,
    met: Duration,
    /// Cores, all nodes together.
    idle_cores: f64,
    node_kib: f64,
}

impl Fleet {
    /// The line for scripts.
    pub(crate) fn json(&self) -> Value {
        json!({
            "case": "fleet",
            "nodes": self.nodes,
            "topics": self.topics,
            "links_of_first": self.links,
            "opened_ms": self.opened.as_millis(),
            "met_ms": self.met.as_millis(),
            "idle_node_percent": rounded(self.idle_cores * 100.0 / self.nodes as f64),
            "node_kib": rounded(self.node_kib),
        })
    }

    /// What people read, one sentence on each line.
    pub(crate) fn words(&self) -> [String; 3] {
        [
            format!(
                "{} nodes with {} topics in one process were open after {:.1} s; each knew all others {:.1} s later.",
                self.nodes,
                self.topics,
                self.opened.as_secs_f64(),
                self.met.as_secs_f64()
            ),
            format!(
                "When nothing happens, each takes {:.2} % of a core, and the first has {} links.",
                self.idle_cores * 100.0 / self.nodes as f64,
                self.links
            ),
            format!("Each has {:.0} KiB of memory, its links included.", self.node_kib),
        ]
    }
}

/// One node with its share of the topics: it publishes them and subscribes to those of the node after it.
struct Member {
    node: Node,
    _publishers: Vec<Publisher<Twist>>,
    _subscribers: Vec<Subscriber<Twist>>,
}

/// Opens them, waits until they have met, and watches them at rest.
pub(crate) async fn measure(nodes: usize, topics: usize) -> Result<Fleet, BenchError> {
    let before_kib = resident_kib();
    let start = Instant::now();
    let members = open(nodes, topics).await?;
    let opened = start.elapsed();
    let start = Instant::now();
    let meetings = members.iter().map(|member| {
        let (member, others) = (Arc::clone(member), nodes.saturating_sub(1));
        tokio::spawn(async move {
            let own = member.node.public_key();
            let all = move |graph: &Graph| {
                graph
                    .nodes
                    .iter()
                    .filter(|node| node.is_verified() && node.key != own)
                    .count()
                    >= others
            };
            member.node.wait_for_graph(MEETING_MAX, all).await.is_some()
        })
    });
    for meeting in meetings.collect::<Vec<_>>() {
        if !meeting.await.map_err(failed("waiting for the nodes"))? {
            return Err(late("the meeting of all nodes", MEETING_MAX));
        }
    }
    let met = start.elapsed();
    tokio::time::sleep(IDLE).await;
    let (cpu, watched) = (cpu_seconds(), Instant::now());
    tokio::time::sleep(IDLE).await;
    let idle_cores = (cpu_seconds() - cpu) / watched.elapsed().as_secs_f64();
    let links = match members.first() {
        Some(first) => first.node.neighbours().await.len(),
        None => 0,
    };
    Ok(Fleet {
        nodes,
        topics,
        links,
        opened,
        met,
        idle_cores,
        node_kib: (resident_kib() - before_kib) / nodes.max(1) as f64,
    })
}

/// All connect to the first; it tells them of each other.
async fn open(nodes: usize, topics: usize) -> Result<Vec<Arc<Member>>, BenchError> {
    let mut members = Vec::new();
    let (mut place, _reserved) = Fabric::new("bench")
        .and_then(|mut fabric| fabric.place())
        .map_err(failed("finding a port"))?;
    let domain = Domain::parse(&format!("bench_fleet_{}", std::process::id())).map_err(failed("naming a domain"))?;
    let meeting_point = place.listen.clone();
    for index in 0..nodes {
        let identity = Identity::generate().map_err(failed("making a key"))?;
        let builder = Node::builder(&format!("node_{index}"))
            .domain(domain.clone())
            .keystore(Keystore::ephemeral(identity))
            .link(place);
        members.push(Arc::new(Member::open(builder, index, nodes, topics).await?));
        place = LinkConfig {
            connect: meeting_point.clone(),
            discovery: Some(Discovery::Off),
            ..LinkConfig::default()
        };
    }
    Ok(members)
}

impl Member {
    async fn open(builder: NodeBuilder, index: usize, nodes: usize, topics: usize) -> Result<Self, BenchError> {
        let node = builder.open().await.map_err(failed("opening a node"))?;
        let of = |index: usize| {
            (index..topics)
                .step_by(nodes)
                .map(|topic| format!("/fleet/topic_{topic}"))
        };
        let publishers = of(index).map(|topic| node.publisher(&topic).map_err(failed("opening a publisher")));
        let publishers = publishers.collect::<Result<_, _>>()?;
        let subscribers = of((index + 1) % nodes).map(|topic| node.subscriber(&topic).map_err(failed("subscribing")));
        let subscribers = subscribers.collect::<Result<_, _>>()?;
        Ok(Self {
            node,
            _publishers: publishers,
            _subscribers: subscribers,
        })
    }
}

/// How much memory this process has, in KiB, by Linux's word; 0 elsewhere.
fn resident_kib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or_default()
}

/// How much processor time this process has taken, by Linux's word; 0 elsewhere. It counts in hundredths.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in parentheses, may have spaces; user and system time are the 12th and 13th after it.
    let rest = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks = rest
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
