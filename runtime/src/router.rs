//! A router: Zenoh's own engine, in this process; and how fleets on several hosts are built of routers.
//!
//! Without one each node has a link with each other. Nodes that find a router in the registry of the machine when they start
//! have one link, with it. Nodes that run already go on as they are, and are linked with it, too.
//!
//! A router is transport. It passes frames on, and nothing that it does is evidence of anything: receivers verify as ever.
//!
//! # Which topology
//!
//! | fleet | what to run |
//! |---|---|
//! | a few dozen nodes on one machine | nothing |
//! | hundreds of nodes on one machine | `nuncio router`, before them |
//! | a few machines on one network that is your own | nothing: they meet by multicast |
//! | a robot and a laptop, over any network | `nuncio link invite` on the robot, `nuncio link accept` on the laptop |
//! | many robots and an office | one `zenohd` in the office; on each robot a `nuncio router` that connects to it |
//!
//! In the last one each robot has *one* link to the office, however many nodes it has, and its own nodes talk to each other
//! through its own router, also while the office cannot be reached:
//!
//! ```sh
//! nuncio link accept CODE --as robot7                            # once, on robot7, with a code of the office's host
//! nuncio router --listen tcp/127.0.0.1:7447 --connect tls/office.local:7447 --discovery local    # on robot7, always
//! ```
//!
//! Nodes with discovery `local` find it by themselves. Nodes need no change: names, keys and trust are the same everywhere.
//! Domains keep fleets apart that share routers; a router passes on all of them.
//!
//! # TLS
//!
//! A `tls/` link is authenticated at both ends: each shows a certificate of the same authority, for the key that signs its
//! messages. There are two ways to the certificates, with one authority if the anchor's key is in the keystore of who invites:
//!
//! - One host at a time: `nuncio link invite` and `accept`. The authority is `tls/ca.key` on the host that invites.
//! - All at once, from trust.toml: `nuncio trust export --zenoh DIR`. The authority is the anchor.
//!
//! `zenohd` serves links of the first kind with the files of the host that invites:
//!
//! ```json5
//! // zenohd --config router.json5
//! {
//!   mode: "router",
//!   listen: { endpoints: ["tls/0.0.0.0:7447", "tcp/127.0.0.1:7448"] },
//!   scouting: { multicast: { enabled: false } },
//!   transport: { link: { tls: {
//!     enable_mtls: true,
//!     root_ca_certificate: "/home/office/.config/nuncio/tls/ca.pem",
//!     listen_certificate: "/home/office/.config/nuncio/tls/node.pem",
//!     listen_private_key: "/home/office/.config/nuncio/identity.key",
//!   } } },
//! }
//! ```
//!
//! Certificates hold for a year unless `--days` says otherwise; `nuncio doctor` tells when one ends within 30 days, and
//! inviting and accepting again makes a new one. A certificate cannot be
//! called back: a router that may not let in a host any more needs the access rules below, or a new authority (remove
//! `tls/ca.key` and `tls/ca.pem`, and invite all others again). What a lost host *says* ends with `nuncio key revoke`, at once.
//!
//! # Who may say what: access rules
//!
//! `nuncio trust export --zenoh DIR` writes trust.toml in the terms of a router: which key may put what, and nothing else
//! passes. It is a second fence, for the traffic: receivers refuse the same by themselves, with or without it. A host that
//! joined by `link accept` is let through where trust.toml names its key: `nuncio link invite --role ROLE`, or `nuncio trust add`,
//! and export again. The router reads its rules when it starts.
//!
//! # What routers see
//!
//! Everything that passes: signing does not hide. They see topics, types, sizes, times, keys and payloads; they can delay, drop
//! and repeat. They cannot change a frame, move it to another topic or domain, or make an old one pass for a live one, and
//! receivers tell each loss with its numbers. So a router belongs on a machine whose owner may read the traffic; it need not be
//! one whose word you take for anything.
//!
//! # Sizing
//!
//! A router's work follows from links, nodes and messages, not from keys: it verifies nothing. On two busy cores the router of
//! two hundred nodes with 500 topics took 47 MiB, and at rest less than a hundredth of a core; each further link takes some
//! 80 KiB, and two batches for what waits to be sent. When many nodes start at once, meeting takes longest: a hundred knew each
//! other after 4 to 6 s, two hundred after half a minute (`nuncio bench fleet --router` measures yours). A frame passes as it is,
//! so that the slowest link decides what arrives: for a radio link, let publishers on the robot have a `lifespan`, subscribe to
//! what is needed on the other side only, and lower [`frame_len_max`](crate::NodeBuilder::frame_len_max), which bounds what a
//! neighbour can make a link hold.
//!
//! # Outages
//!
//! A link that breaks is looked for until it is back: whoever has `--connect` calls again, at most four seconds apart. A link
//! that takes nothing is not waited for longer than half a second; what finds no way meanwhile is dropped, and a link from
//! which nothing was heard for ten seconds is closed. After that:
//!
//! - On reliable topics a subscriber asks the publisher for what it missed, by number, and gets the very frames that were signed
//!   then, marked as history. A publisher has its last 32 frames, or as many messages as its depth says where it is
//!   transient local: to ride out 30 seconds at 50 Hz it needs a depth of 1500. What it has not any more is reported as lost,
//!   with its exact numbers: received and lost are what was published.
//! - Best-effort topics go on with what is new, and count what is missing.
//! - A durable topic ([`durable_publisher`](crate::durable_publisher)) loses nothing, as long as the journal has room.
//! - Calls that were under way end with their deadlines. Liveliness is lost when the lease ends, and comes back.
//! - Nobody is believed the less or the more for it: pins, roles and replay windows are those of before.
//!
//! A router that is started anew is found again by its clients. It keeps nothing, so that nothing is lost with it but what was
//! under way.

use crate::link::{Link, LinkConfig, LinkError};
use crate::name::Domain;

/// A router that runs until it is closed or dropped.
#[derive(Debug)]
pub struct Router {
    link: Link,
}

impl Router {
    /// Opens a router. It passes on the traffic of all domains; nodes of `domain` find it by themselves when it listens where
    /// they can call it, unless discovery is [`Off`](crate::Discovery::Off). Without an endpoint it listens on port 7447 of
    /// the loopback interface, or another one when that is taken. It scouts for nobody by multicast.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when an endpoint is wrong, a port is taken, the registry cannot be used, or a file for TLS is missing.
    pub async fn open(config: &LinkConfig, domain: &Domain) -> Result<Self, LinkError> {
        let link = Link::open_router(config, domain).await?;
        Ok(Self { link })
    }

    /// The addresses that it listens on.
    pub async fn locators(&self) -> Vec<String> {
        self.link.locators().await
    }

    /// The far ends of the links that are up.
    pub async fn neighbours(&self) -> Vec<String> {
        self.link.neighbours().await
    }

    /// How it finds others, in words.
    pub fn discovery(&self) -> &str {
        self.link.discovery()
    }

    /// Closes it; its clients look for another.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when it cannot be closed in order.
    pub async fn close(self) -> Result<(), LinkError> {
        self.link.close().await
    }
}
