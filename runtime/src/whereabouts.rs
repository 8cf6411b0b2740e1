//! Where a link listens, whom it calls, and which part it has among the processes of this machine: what was asked for, and
//! what the registry of the machine adds to it. No session here.
//!
//! A node that the registry alone introduces becomes the client of a router that it finds there, and calls nobody else.
//! Where it might miss somebody by that, because it was given endpoints or scouts by multicast, it stays a peer and calls the
//! router like everybody else.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

use crate::link_config::{
    Discovery, LinkConfig, as_seen_on_this_machine, is_on_this_machine, multicast_interface, some_of,
};
use crate::link_error::LinkError;
use crate::local_registry::{
    Entry, LocalRegistry, Members, Membership, Part, RegistryError, ReservedPort, reserve_loopback_port,
};
use crate::name::Domain;
use crate::reach::Reach;

/// Where a router listens unless it is told: where Zenoh's routers do.
const ROUTER_PORT: u16 = 7447;

/// How often at least a peer tries to have its link with a router again.
const ROUTER_RETRY: &str = "#retry_period_max_ms=2000";

/// What a link is for Zenoh.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    /// It has a link with everybody.
    Peer,
    /// It has one link, with a router.
    Client,
    /// It passes on what others send.
    Router,
}

impl Mode {
    /// Zenoh's word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Client => "client",
            Self::Router => "router",
        }
    }
}

/// Where a link listens, whom it calls, and how far it reaches.
#[derive(Debug)]
pub(crate) struct Whereabouts {
    pub(crate) mode: Mode,
    pub(crate) listen: Vec<String>,
    pub(crate) connect: Vec<String>,
    pub(crate) multicast: bool,
    pub(crate) reach: Reach,
    /// How it finds others, in words.
    pub(crate) discovery: String,
    /// The router of this machine that it is a client of.
    pub(crate) router: Option<String>,
    pub(crate) membership: Option<Membership>,
    /// Holds the port until Zenoh listens on it.
    pub(crate) reserved: Option<ReservedPort>,
}

impl Whereabouts {
    /// Those of a node. It looks for a router of this machine when it may be a client.
    pub(crate) fn of_node(config: &LinkConfig, domain: &Domain, may_be_client: bool) -> Result<Self, LinkError> {
        let multicast = config.discovery() == Discovery::Auto && multicast_interface().is_some();
        let mode = if config.is_behind_tls() {
            Mode::Client
        } else {
            Mode::Peer
        };
        let mut found = Self::by_hand(config, mode, multicast);
        if config.discovery() != Discovery::Off {
            let seeks_router = may_be_client && !multicast && found.listen.is_empty() && found.connect.is_empty();
            found.join_as_node(domain, seeks_router)?;
            if found.mode == Mode::Peer {
                found.discovery = in_words(config, multicast);
            }
        }
        if found.listen.is_empty() && found.mode == Mode::Peer {
            // Peers that meet through a third one talk to each other directly, so each has to be reachable.
            let near = found.connect.iter().all(|endpoint| is_on_this_machine(endpoint));
            found
                .listen
                .push(format!("tcp/{}:0", if near { "127.0.0.1" } else { "0.0.0.0" }));
        }
        found.reach = Reach::of(config, &found.listen, &found.connect, multicast);
        Ok(found)
    }

    /// Those of a router, which calls everybody who is there already: they would not look for it any more.
    pub(crate) fn of_router(config: &LinkConfig, domain: &Domain) -> Result<Self, LinkError> {
        let mut found = Self::by_hand(config, Mode::Router, false);
        if config.discovery == Some(Discovery::Off) {
            found.listen_by_default().map_err(RegistryError::Reserve)?;
        } else {
            let (membership, others) = LocalRegistry::open(domain.as_str())?.join(|_| {
                found.listen_by_default()?;
                let locators = called_at(&found.listen);
                let part = Part::Router;
                Ok((!locators.is_empty()).then_some(Entry { part, locators }))
            })?;
            found.membership = membership;
            found.connect.extend(others.locators());
            found.discovery = "the registry of this machine".to_owned();
        }
        found.reach = Reach::of_router(&found.listen, &found.connect);
        Ok(found)
    }

    /// Those of whoever takes the place of the router with this locator; `None` when somebody has it.
    pub(crate) fn of_stand_in(router: &str, domain: &Domain) -> Result<Option<Self>, LinkError> {
        let locators = vec![router.to_owned()];
        let (membership, others) = LocalRegistry::open(domain.as_str())?.join(|others| {
            let part = Part::Router;
            let is_free = !others.routers.iter().any(|locator| locator == router);
            Ok(is_free.then(|| Entry {
                part,
                locators: locators.clone(),
            }))
        })?;
        let Some(membership) = membership else { return Ok(None) };
        let connect = others.locators();
        Ok(Some(Self {
            mode: Mode::Router,
            reach: Reach::of_router(&locators, &connect),
            listen: locators,
            connect,
            multicast: false,
            discovery: "the registry of this machine".to_owned(),
            router: None,
            membership: Some(membership),
            reserved: None,
        }))
    }

    fn by_hand(config: &LinkConfig, mode: Mode, multicast: bool) -> Self {
        let (listen, connect) = (config.listen.clone(), config.connect.clone());
        Self {
            mode,
            multicast,
            reach: Reach::Network,
            discovery: format!("off; endpoints: {}", some_of(listen.iter().chain(&connect))),
            listen,
            connect,
            router: None,
            membership: None,
            reserved: None,
        }
    }

    fn join_as_node(&mut self, domain: &Domain, seeks_router: bool) -> Result<(), LinkError> {
        let (membership, others) = LocalRegistry::open(domain.as_str())?.join(|others| {
            if let Some(router) = others.routers.first().filter(|_| seeks_router) {
                self.router = Some(router.clone());
                return Ok(Some(Entry {
                    part: Part::Client(router.clone()),
                    locators: Vec::new(),
                }));
            }
            let (part, locators) = (Part::Peer, self.places_to_be_called()?);
            Ok(Some(Entry { part, locators }))
        })?;
        self.membership = membership;
        if let Some(router) = &self.router {
            self.mode = Mode::Client;
            self.discovery = format!("the router of this machine, {router}");
            self.connect.push(router.clone());
            return Ok(());
        }
        let Members { peers, routers, .. } = others;
        let routers = routers.into_iter().map(|router| router + ROUTER_RETRY);
        self.connect.extend(routers.chain(peers));
        Ok(())
    }

    /// Where others of this machine call a node that listens where it was told to, or else on a port that it gets now.
    fn places_to_be_called(&mut self) -> io::Result<Vec<String>> {
        if !self.listen.is_empty() {
            return Ok(called_at(&self.listen));
        }
        let host = if self.multicast { "0.0.0.0" } else { "127.0.0.1" };
        let port = self.reserved.insert(reserve_loopback_port()?);
        self.listen.push(format!("tcp/{host}:{}", port.port()));
        Ok(vec![port.locator()])
    }

    /// A router that was not told where to listen does so where the last one did, so that its clients find it again; when
    /// that is taken, on any port.
    fn listen_by_default(&mut self) -> io::Result<()> {
        if self.listen.is_empty() {
            self.listen
                .push(match TcpListener::bind((Ipv4Addr::LOCALHOST, ROUTER_PORT)) {
                    Ok(_) => format!("tcp/{}:{ROUTER_PORT}", Ipv4Addr::LOCALHOST),
                    Err(_) => self.reserved.insert(reserve_loopback_port()?).locator(),
                });
        }
        Ok(())
    }
}

fn called_at(listen: &[String]) -> Vec<String> {
    let seen = |endpoint: &String| as_seen_on_this_machine(endpoint);
    listen.iter().filter_map(seen).collect()
}

/// How a peer finds others.
fn in_words(config: &LinkConfig, multicast: bool) -> String {
    match multicast_interface().filter(|_| multicast) {
        Some(interface) => format!("multicast on {interface}, and the registry of this machine"),
        None if config.discovery() == Discovery::Local => "the registry of this machine".to_owned(),
        None => "the registry of this machine (multicast is unavailable: no network interface but loopback)".to_owned(),
    }
}
