//! What a node tells of its link.

use crate::link::{RouterLink, SharedMemory};
use crate::node::Node;

impl Node {
    /// How this node finds others, in words.
    pub fn discovery(&self) -> &str {
        self.core.link.discovery()
    }

    /// Whether large frames go to other processes of this machine through shared memory, and why not. Both ends decide for
    /// themselves; where one does not use it, they go over the link. What arrives through it is copied before it is checked.
    pub fn shared_memory(&self) -> SharedMemory {
        self.core.link.shared_memory()
    }

    /// How this node stands with the router of this machine, if it is a client of it.
    pub fn router(&self) -> Option<RouterLink> {
        self.core.link.router()
    }

    /// The addresses that this node listens on.
    pub fn locators(&self) -> &[String] {
        &self.core.locators
    }

    /// The far ends of the links that are up.
    pub async fn neighbours(&self) -> Vec<String> {
        self.core.link.neighbours().await
    }
}
