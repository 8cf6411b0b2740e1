//! The fleet: many nodes with many topics, each in a process of its own, that find each other through the registry of this
//! machine. How long that takes, and what each costs when nothing happens.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::quantile::rounded;
use super::{BenchError, Settings, failed, late};
use crate::answers::bench::FleetMeasured;
use crate::other_process::OtherProcess;

/// How long all of them may take to meet.
const MEETING_MAX: Duration = Duration::from_secs(180);

/// How much later whoever has not met says so: a machine may be busy.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// How large a fleet is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FleetSize {
    pub(crate) nodes: usize,
    pub(crate) topics: usize,
    /// One more process is a router.
    pub(crate) has_router: bool,
}

/// What the router took, which is in none of the other numbers.
#[derive(Clone, Copy, Debug)]
struct RouterCost {
    cpu_seconds: f64,
    idle_cores: f64,
    kib: f64,
}

/// What was measured.
#[derive(Clone, Debug)]
pub(crate) struct Fleet {
    nodes: usize,
    topics: usize,
    router: Option<RouterCost>,
    /// How many came to know all others, and how many others the one that knew least came to know.
    met: usize,
    known_least: usize,
    /// From the start of the first process until the last node knew all others, or it was too late.
    took: Duration,
    /// Processor time of all until then.
    cpu_seconds: f64,
    links_least: usize,
    links_most: usize,
    /// Cores, all nodes together.
    idle_cores: f64,
    /// Memory that each process has for itself.
    node_kib: f64,
}

impl Fleet {
    /// The line for scripts.
    pub(crate) fn answer(&self) -> FleetMeasured {
        let router = |measure: fn(&RouterCost) -> f64| self.router.as_ref().map(|router| rounded(measure(router)));
        FleetMeasured {
            case: "fleet",
            nodes: self.nodes,
            topics: self.topics,
            met: self.met,
            known_least: self.known_least,
            took_ms: u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            cpu_seconds: rounded(self.cpu_seconds),
            links_least: self.links_least,
            links_most: self.links_most,
            idle_node_percent: rounded(self.idle_node_percent()),
            node_kib: rounded(self.node_kib),
            router_cpu_seconds: router(|router| router.cpu_seconds),
            router_idle_percent: router(|router| router.idle_cores * 100.0),
            router_kib: router(|router| router.kib),
        }
    }

    /// What people read, one sentence on each line.
    pub(crate) fn words(&self) -> Vec<String> {
        let (nodes, topics, took) = (self.nodes, self.topics, self.took.as_secs_f64());
        let met = match self.is_complete() {
            true => {
                format!("{nodes} nodes with {topics} topics, a process each, all knew each other after {took:.1} s.")
            }
            false => format!(
                "{} of {nodes} nodes with {topics} topics knew all others after {took:.1} s; one knew {} others only.",
                self.met, self.known_least
            ),
        };
        let router = self.router.map(|router| {
            format!(
                "The router took {:.1} s of processor time; it takes {:.2} % of a core at rest, and has {:.0} KiB.",
                router.cpu_seconds,
                router.idle_cores * 100.0,
                router.kib
            )
        });
        let nodes = [
            format!("{met} That took {:.1} s of processor time in all.", self.cpu_seconds),
            format!(
                "When nothing happens, each takes {:.2} % of a core; it has {} to {} links.",
                self.idle_node_percent(),
                self.links_least,
                self.links_most
            ),
            format!(
                "Each has {:.0} KiB of memory for itself, its links included.",
                self.node_kib
            ),
        ];
        nodes.into_iter().chain(router).collect()
    }

    /// Every node came to know every other.
    ///
    /// # Errors
    ///
    /// [`BenchError::Late`] when some did not.
    pub(crate) fn check_all_met(&self) -> Result<(), BenchError> {
        match self.is_complete() {
            true => Ok(()),
            false => Err(late("the meeting of all nodes", MEETING_MAX)),
        }
    }

    fn is_complete(&self) -> bool {
        self.met == self.nodes
    }

    fn idle_node_percent(&self) -> f64 {
        self.idle_cores * 100.0 / self.nodes.max(1) as f64
    }
}

/// Starts them, waits until they have met or it is too late, and watches them at rest.
pub(crate) async fn measure(settings: Settings, size: FleetSize) -> Result<Fleet, BenchError> {
    let FleetSize { nodes, topics, .. } = size;
    let place = tempfile::tempdir().map_err(failed("making a folder for the registry"))?;
    let router = match size.has_router {
        true => Some(start_router(&place).await?),
        false => None,
    };
    let start = Instant::now();
    let mut members = (0..nodes)
        .map(|index| start_member(&place, index, nodes, topics))
        .collect::<Result<Vec<_>, _>>()?;
    let mut answers = Vec::new();
    let last = tokio::time::Instant::now() + MEETING_MAX + ANSWER_MAX;
    for member in &mut members {
        // Whoever has died says nothing, and has met nobody.
        let answer = tokio::time::timeout_at(last, member.next()).await;
        answers.push(answer.ok().flatten().unwrap_or_default());
    }
    let took = start.elapsed();
    let cpu = |members: &[OtherProcess]| members.iter().map(|member| cpu_seconds(member.id())).sum::<f64>();
    let router_cpu = || router.as_ref().map_or(0.0, |router| cpu_seconds(router.id()));
    let (cpu_met, router_cpu_met) = (cpu(&members), router_cpu());
    tokio::time::sleep(settings.idle).await;
    let (before, router_before, watched) = (cpu(&members), router_cpu(), Instant::now());
    tokio::time::sleep(settings.idle).await;
    let (after, router_after, watched) = (cpu(&members), router_cpu(), watched.elapsed().as_secs_f64());
    let own_kib_all: f64 = members.iter().map(|member| own_kib(member.id())).sum();
    let number = |answer: &Value, name| answer.get(name).and_then(Value::as_u64).unwrap_or_default() as usize;
    let least = |name| answers.iter().map(|answer| number(answer, name)).min();
    let most = |name| answers.iter().map(|answer| number(answer, name)).max();
    let has_met = |answer: &&Value| answer.get("met_ms").is_some_and(Value::is_u64);
    Ok(Fleet {
        nodes,
        topics,
        met: answers.iter().filter(has_met).count(),
        known_least: least("known").unwrap_or_default(),
        took,
        cpu_seconds: cpu_met,
        links_least: least("links").unwrap_or_default(),
        links_most: most("links").unwrap_or_default(),
        idle_cores: (after - before) / watched,
        node_kib: own_kib_all / nodes.max(1) as f64,
        router: router.as_ref().map(|router| RouterCost {
            cpu_seconds: router_cpu_met,
            idle_cores: (router_after - router_before) / watched,
            kib: own_kib(router.id()),
        }),
    })
}

/// The router of the fleet, once it listens.
async fn start_router(place: &TempDir) -> Result<OtherProcess, BenchError> {
    let mut router = start(place, &["router"], Vec::new()).map_err(failed("starting a router"))?;
    match tokio::time::timeout(ANSWER_MAX, router.next()).await {
        Ok(Some(_)) => Ok(router),
        Ok(None) | Err(_) => Err(late("the start of a router", ANSWER_MAX)),
    }
}

fn start_member(place: &TempDir, index: usize, nodes: usize, topics: usize) -> Result<OtherProcess, BenchError> {
    let patience = MEETING_MAX.as_secs() as usize;
    let numbers = [
        ("--index", index),
        ("--nodes", nodes),
        ("--topics", topics),
        ("--patience", patience),
    ];
    let numbers = numbers
        .iter()
        .flat_map(|(flag, number)| [OsString::from(flag), number.to_string().into()]);
    start(place, &["bench-member"], numbers.collect()).map_err(failed("starting a node"))
}

/// A process with a registry of the fleet's own: no node of the user's is met.
fn start(place: &TempDir, command: &[&str], more: Vec<OsString>) -> io::Result<OtherProcess> {
    let domain = format!("bench_fleet_{}", process::id());
    let common = ["--json", "--discovery", "local", "--domain", &domain];
    let args = command.iter().chain(&common).map(OsString::from).chain(more);
    OtherProcess::start(args.collect(), |command| {
        // Ctrl-C is for this process, and the members go with it.
        command.env("XDG_RUNTIME_DIR", place.path()).process_group(0);
    })
}

/// How much memory a process has for itself, in KiB, by Linux's word; 0 elsewhere.
pub(super) fn own_kib(pid: u32) -> f64 {
    let status = fs::read_to_string(in_proc(pid, "status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or_default()
}

/// How much processor time a process has taken, by Linux's word; 0 elsewhere. It counts in hundredths.
pub(super) fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(in_proc(pid, "stat")).unwrap_or_default();
    // The name of the program, in parentheses, may have spaces; user and system time are the 12th and 13th after it.
    let rest = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks = rest
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

fn in_proc(pid: u32, file: &str) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join(file)
}
