//! Where a node listens, what it connects to and how it finds others; no session here.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use crate::tls_files::{TlsFiles, is_tls};

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
}

impl LinkConfig {
    pub(crate) fn discovery(&self) -> Discovery {
        let given = !self.listen.is_empty() || !self.connect.is_empty();
        self.discovery
            .unwrap_or(if given { Discovery::Off } else { Discovery::Auto })
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

    /// Whether this node hangs on TLS routers and on nothing else.
    ///
    /// Then it has that one link and listens nowhere: a road around a router that refuses would make its refusals void.
    pub(crate) fn is_behind_tls(&self) -> bool {
        let connects_by_tls = !self.connect.is_empty() && self.connect.iter().all(|endpoint| is_tls(endpoint));
        connects_by_tls && self.listen.is_empty() && self.discovery() == Discovery::Off
    }
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

/// The first network interface that is up, can do multicast and is not loopback.
///
/// Read from `/proc/self/net/dev`, which knows this process's network namespace, and `/sys/class/net`, which knows the
/// flags (Linux). Where there are no such files, multicast is assumed to work.
pub(crate) fn multicast_interface() -> Option<Arc<str>> {
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
