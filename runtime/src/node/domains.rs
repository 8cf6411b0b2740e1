//! Which other domains there are on the links of a node.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Node;
use crate::key_expr;
use crate::link::LinkError;
use crate::name::Domain;
use crate::queue::{CloseOnDrop, Queue};

/// The most nodes that are counted: whoever is on the link can claim any number.
const TOKENS_MAX: usize = 4096;

impl Node {
    /// The domains of which nodes are on the fabric that this node has links to, with how many say so; its own is among them
    /// when others are in it. Nodes of other domains are never met: this tells somebody who looks for one where it may be.
    /// These are claims, which nobody has signed.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the link is closed.
    pub async fn domains(&self, timeout: Duration) -> Result<BTreeMap<Domain, usize>, LinkError> {
        let tokens = Arc::new(Queue::new(TOKENS_MAX));
        let closing = CloseOnDrop(Arc::clone(&tokens));
        let receive = move |token: &str, _| {
            if let Some(domain) = key_expr::parse_domain(token) {
                closing.0.push(domain);
            }
        };
        let link = &self.core.link;
        link.ask_tokens(key_expr::NODE_TOKENS_OF_ALL_DOMAINS, timeout, receive)?;
        let mut domains = BTreeMap::new();
        while let Ok(domain) = tokens.take().await {
            *domains.entry(domain).or_default() += 1;
        }
        Ok(domains)
    }
}
