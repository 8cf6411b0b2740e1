//! A router: Zenoh's own engine, in this process, for fleets of nodes on one machine.
//!
//! Without one each node has a link with each other. Nodes that find a router in the registry of the machine when they start
//! have one link, with it. Nodes that run already go on as they are, and are linked with it, too.
//!
//! A router is transport. It passes frames on, and nothing that it does is evidence of anything: receivers verify as ever.

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
