//! Where a node listens, what it connects to and how it finds others; no session here.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use crate::link_error::LinkError;
use crate::tls_files::{TlsFiles, is_tls};
use crate::whereabouts::{Mode, Whereabouts};

/// How long opening waits for a router: time for it to be started, but an error while somebody still looks.
const TLS_ROUTER_TIMEOUT_MS: u32 = 5_000;

/// How long opening waits for the router of this machine, which lives and may have hundreds of clients to let in.
const ROUTER_TIMEOUT_MS: u32 = 20_000;

/// The smallest payload that goes through shared memory: for a smaller one the link's own copies cost less than its upkeep.
const SHARED_LEN_MIN: usize = 16 << 10;

/// The largest frame that a node sends and receives unless told otherwise, in bytes: 64 MiB.
pub const FRAME_LEN_MAX_DEFAULT: usize = 64 << 20;

/// What cards and other signed documents may have, however small frames have to be.
const DOCUMENT_LEN_MAX: usize = 2 << 20;

/// More than Zenoh puts around a frame: its key, and a few numbers.
const AROUND_LEN_MAX: usize = 64 << 10;

/// How nodes find each other without being told where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Discovery {
    /// Multicast where there is an interface for it, and the registry of this machine.
    Auto,
    /// The registry of this machine only; nothing leaves the machine and nothing from outside comes in.
    Local,
    /// Not at all: only the endpoints given.
    Off,
}

impl Discovery {
    /// The word for it on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Local => "local",
            Self::Off => "off",
        }
    }
}

impl FromStr for Discovery {
    type Err = DiscoveryError;

    fn from_str(text: &str) -> Result<Self, DiscoveryError> {
        [Self::Auto, Self::Local, Self::Off]
            .into_iter()
            .find(|discovery| discovery.as_str() == text)
            .ok_or_else(|| DiscoveryError { text: text.to_owned() })
    }
}

/// A word that names no way of discovery.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DiscoveryError {
    text: String,
}

impl fmt::Display for DiscoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "discovery is `auto`, `local` or `off`, found {:?}", self.text)
    }
}

impl std::error::Error for DiscoveryError {}

/// Where a node listens, what it connects to and how it finds others.
#[derive(Clone, Debug, Default)]
pub struct LinkConfig {
    /// Zenoh endpoints to listen on, such as `tcp/0.0.0.0:7448`.
    pub listen: Vec<String>,
    /// Zenoh endpoints to connect to, such as `tcp/192.168.1.5:7447` or `tls/router.local:7447`.
    pub connect: Vec<String>,
    /// `None`: [`Discovery::Auto`] when no endpoint is given, [`Discovery::Off`] otherwise.
    pub discovery: Option<Discovery>,
    /// The files for `tls/…` endpoints. `None`: those in the node's keystore.
    pub tls: Option<TlsFiles>,
    /// Whether large frames go to other processes of this machine through shared memory. `None`: where nothing gets lost by
    /// it, because this process may lock as much memory as it likes and run real-time threads.
    pub shared_memory: Option<bool>,
    /// The largest frame that the node sends and takes, in bytes. `None`: 64 MiB, [`FRAME_LEN_MAX_DEFAULT`].
    ///
    /// Large frames come in fragments, which the link puts together up to this size (or 2 MiB, which cards may have). A
    /// larger one is lost there without a word, and the next message tells what is missing; the link stays. Each neighbour
    /// can make the link hold a frame of this size for each of sixteen combinations of priority and reliability, so that
    /// small machines do well to lower it. [`SubscriptionOptions::frame_len_max`](crate::SubscriptionOptions) is the limit
    /// of one topic.
    pub frame_len_max: Option<usize>,
}

/// Whether large frames go to other processes of this machine through shared memory, and why not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SharedMemory {
    /// They do, with all that use it, too.
    Used,
    /// It was switched off.
    Off,
    /// The node has TLS endpoints: what it sends is to go through its router.
    BehindTls,
    /// The process may lock this many bytes only, and what a receiver cannot lock it loses.
    Limited(u64),
    /// The process may not run a real-time thread, without which Zenoh takes memory back too early on a busy machine.
    NoRealTime,
}

impl fmt::Display for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Used => f.write_str("used for frames of 16 KiB and more"),
            Self::Off => f.write_str("not used: it was switched off"),
            Self::BehindTls => f.write_str("not used: the node has TLS endpoints"),
            Self::Limited(bytes) => write!(
                f,
                "not used: the process may lock {} KiB of memory only (`ulimit -l unlimited` lifts that)",
                bytes / 1024
            ),
            Self::NoRealTime => {
                f.write_str("not used: the process may run no real-time thread (`ulimit -r 1` allows one)")
            }
        }
    }
}

/// How long a publisher waits for a link that takes nothing, in µs. A process that is merely slow takes something sooner; one
/// that is stopped costs all others of the publisher this much, once.
const LINK_PATIENCE_US: u32 = 500_000;

impl LinkConfig {
    pub(crate) fn discovery(&self) -> Discovery {
        let given = !self.listen.is_empty() || !self.connect.is_empty();
        self.discovery
            .unwrap_or(if given { Discovery::Off } else { Discovery::Auto })
    }

    /// Whether large frames go through shared memory.
    pub(crate) fn shared_memory(&self) -> SharedMemory {
        match self.shared_memory {
            _ if self.has_tls() => SharedMemory::BehindTls,
            Some(true) => SharedMemory::Used,
            Some(false) => SharedMemory::Off,
            None => match lockable_bytes() {
                Some(bytes) => SharedMemory::Limited(bytes),
                None if may_run_in_real_time() => SharedMemory::Used,
                None => SharedMemory::NoRealTime,
            },
        }
    }

    /// The largest frame, in bytes.
    pub(crate) fn frame_len_max(&self) -> usize {
        self.frame_len_max.unwrap_or(FRAME_LEN_MAX_DEFAULT)
    }

    /// The same, with the TLS files of the keystore in this directory unless others are said.
    pub(crate) fn in_keystore(mut self, directory: Option<&Path>) -> Self {
        self.tls = self.tls.or_else(|| Some(TlsFiles::new(directory?, None)));
        self
    }

    /// Whether the files for TLS are needed.
    pub(crate) fn has_tls(&self) -> bool {
        self.listen.iter().chain(&self.connect).any(|endpoint| is_tls(endpoint))
    }

    /// What Zenoh is told: paths in its configuration, and JSON.
    pub(crate) fn zenoh_settings(&self, at: &Whereabouts) -> Result<Vec<(&'static str, String)>, LinkError> {
        let quoted = |endpoints: &[String]| serde_json::Value::from(endpoints).to_string();
        let shares_memory = self.shared_memory() == SharedMemory::Used;
        let reassembled = self
            .frame_len_max()
            .max(DOCUMENT_LEN_MAX)
            .saturating_add(AROUND_LEN_MAX);
        let mut settings = vec![
            ("mode", format!("\"{}\"", at.mode.as_str())),
            ("listen/endpoints", quoted(&at.listen)),
            ("connect/endpoints", quoted(&at.connect)),
            ("scouting/multicast/enabled", at.multicast.to_string()),
            ("scouting/gossip/enabled", "true".to_owned()),
            // Whoever opens a node goes on at once; what appears later is announced by liveliness.
            ("open/return_conditions/connect_scouted", "false".to_owned()),
            // Batches on the way out. With Zenoh's two, whoever sends full frames waits for the link at every other one.
            ("transport/link/tx/queue/size/data", "4".to_owned()),
            ("transport/link/rx/max_message_size", reassembled.to_string()),
            ("transport/shared_memory/enabled", shares_memory.to_string()),
            (
                "transport/shared_memory/transport_optimization/message_size_threshold",
                SHARED_LEN_MIN.to_string(),
            ),
            // A link that takes nothing for this long, as when the process at its far end was stopped, loses messages from then
            // on, and holds up nobody else: until it takes some again, nobody waits for it.
            (
                "transport/link/tx/queue/congestion_control/drop/wait_before_drop",
                LINK_PATIENCE_US.to_string(),
            ),
            // A link that cannot send for this long is closed. Receivers here never block it.
            (
                "transport/link/tx/queue/congestion_control/block/wait_before_close",
                "60000000".to_owned(),
            ),
        ];
        let timeout_ms = match at.mode {
            Mode::Client if self.is_behind_tls() => Some(TLS_ROUTER_TIMEOUT_MS),
            Mode::Client => Some(ROUTER_TIMEOUT_MS),
            Mode::Peer | Mode::Router => None,
        };
        settings.extend(timeout_ms.map(|timeout_ms| ("connect/timeout_ms", timeout_ms.to_string())));
        if at.mode == Mode::Router {
            // Whoever opens a router goes on at once, too.
            settings.push(("scouting/delay", "0".to_owned()));
        }
        settings.extend(at.reach.zenoh_settings(at.mode));
        if self.has_tls() {
            let files = self.tls.as_ref().ok_or(LinkError::NoTlsFiles)?;
            files.check().map_err(LinkError::Tls)?;
            settings.push(("transport/link/tls", files.settings().to_string()));
        }
        Ok(settings)
    }

    /// Whether this node hangs on TLS routers and on nothing else.
    ///
    /// Then it has that one link and listens nowhere: a road around a router that refuses would make its refusals void.
    pub(crate) fn is_behind_tls(&self) -> bool {
        let connects_by_tls = !self.connect.is_empty() && self.connect.iter().all(|endpoint| is_tls(endpoint));
        connects_by_tls && self.listen.is_empty() && self.discovery() == Discovery::Off
    }
}

/// How much memory this process may lock; `None`: as much as it likes.
fn lockable_bytes() -> Option<u64> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Memlock).current?;
    (!privileges().0).then_some(limit)
}

/// Whether this process may have threads that go before all ordinary ones.
fn may_run_in_real_time() -> bool {
    #[cfg(target_os = "linux")]
    let allowed = rustix::process::getrlimit(rustix::process::Resource::Rtprio).current;
    #[cfg(not(target_os = "linux"))]
    let allowed = Some(0);
    allowed.is_none_or(|priority| priority > 0) || privileges().1
}

/// Whether this process is above the limits of locked memory, and of real-time threads.
#[cfg(target_os = "linux")]
fn privileges() -> (bool, bool) {
    use rustix::thread::{CapabilitySet, capabilities};
    capabilities(None).map_or((false, false), |sets| {
        let has = |capability| sets.effective.contains(capability);
        (has(CapabilitySet::IPC_LOCK), has(CapabilitySet::SYS_NICE))
    })
}

#[cfg(not(target_os = "linux"))]
fn privileges() -> (bool, bool) {
    (false, false)
}

/// The first few endpoints: what is said about a node has a bounded length.
pub(crate) fn some_of<'a>(endpoints: impl Iterator<Item = &'a String>) -> String {
    const NAMED_MAX: usize = 4;
    const NAME_LEN_MAX: usize = 128;
    let all: Vec<_> = endpoints.collect();
    let named = all
        .iter()
        .take(NAMED_MAX)
        .map(|endpoint| endpoint.chars().take(NAME_LEN_MAX).collect::<String>());
    let mut text = named.collect::<Vec<_>>().join(" ");
    if all.len() > NAMED_MAX {
        text.push_str(&format!(" and {} more", all.len() - NAMED_MAX));
    }
    text
}

pub(crate) fn is_on_this_machine(endpoint: &str) -> bool {
    ["tcp/127.", "tcp/localhost:", "tcp/[::1]:"]
        .iter()
        .any(|start| endpoint.starts_with(start))
}

/// How other processes of this machine reach an endpoint that is listened on; `None` when they cannot by TCP.
pub(crate) fn as_seen_on_this_machine(endpoint: &str) -> Option<String> {
    let (host, port) = endpoint.strip_prefix("tcp/")?.rsplit_once(':')?;
    match host {
        "0.0.0.0" | "[::]" => Some(format!("tcp/127.0.0.1:{port}")),
        _ => Some(endpoint.to_owned()),
    }
    .filter(|_| port != "0")
}

/// The first network interface that is up, can do multicast and is not loopback: what nodes of other machines are looked for on
/// with [`Discovery::Auto`]. `None`: there is none.
///
/// Read from `/proc/self/net/dev`, which knows this process's network namespace, and `/sys/class/net`, which knows the
/// flags (Linux). Where there are no such files, multicast is assumed to work.
pub fn multicast_interface() -> Option<Arc<str>> {
    const UP: u32 = 0x1;
    const LOOPBACK: u32 = 0x8;
    const MULTICAST: u32 = 0x1000;
    let Ok(listed) = std::fs::read_to_string("/proc/self/net/dev") else {
        return Some("all interfaces".into());
    };
    let usable = |name: &&str| {
        let flags = std::fs::read_to_string(format!("/sys/class/net/{name}/flags")).unwrap_or_default();
        let flags = u32::from_str_radix(flags.trim().trim_start_matches("0x"), 16).unwrap_or(0);
        flags & UP != 0 && flags & LOOPBACK == 0 && flags & MULTICAST != 0
    };
    let names = listed
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.trim());
    names.filter(usable).min().map(Into::into)
}
