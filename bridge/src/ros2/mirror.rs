//! Nuncio's nodes as ROS sees them.
//!
//! Each node whose messages or services go out has a node of its own name in ROS, so that `ros2 node list`, `ros2 node info`
//! and `ros2 topic info -v` say who it is, and the id beside each message says whose it is; with the bridge's node alone, all
//! of Nuncio would be one anonymous relay there. What comes in from ROS is subscribed to and called by the bridge's own node,
//! because that is who does it. The bridge is recognised by its session, which all of them share.
//!
//! Each of these nodes describes its types, as nodes of ROS do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use nuncio::NodeName;

use super::describing;
use super::session::Declared;
use super::session::SessionError;
use super::side::{DeclaredEndpoint, RosSide, Side};
use super::token::{RosNode, Token};

/// A node that ROS sees, until it is dropped.
#[derive(Debug)]
pub(crate) struct Mirror {
    /// Its name and numbers.
    pub(crate) node: RosNode,
    _token: Declared,
    _describes: Option<(Declared, DeclaredEndpoint)>,
}

/// The nodes that ROS sees.
#[derive(Debug, Default)]
pub(crate) struct Mirrors {
    nodes: Mutex<HashMap<NodeName, Weak<Mirror>>>,
}

impl Mirrors {
    /// Whether ROS sees a node of Nuncio, or it is the bridge's own.
    pub(crate) fn shows(&self, side: &RosSide, name: &NodeName) -> bool {
        let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        name == side.client.border().node().name() || nodes.get(name).is_some_and(|mirror| mirror.strong_count() > 0)
    }
}

/// The node that ROS sees for one of Nuncio's.
///
/// # Errors
///
/// [`SessionError`] when the session is closed.
pub(crate) fn mirror_of(side: &Side, name: &NodeName) -> Result<Arc<Mirror>, SessionError> {
    let is_own = name == side.client.border().node().name();
    let own = NodeName::parse(&side.own.node_name()).ok().filter(|_| is_own);
    let name = own.as_ref().unwrap_or(name);
    let mut nodes = side.mirrors.nodes.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = nodes.get(name).and_then(Weak::upgrade) {
        return Ok(known);
    }
    let node = side.new_node(name);
    let token = side.session.declare_token(&Token::Node(node.clone()).to_string())?;
    let mirror = Arc::new(Mirror {
        _describes: describing::serve(side, &node)?,
        _token: token,
        node,
    });
    nodes.retain(|_, mirror| mirror.strong_count() > 0);
    nodes.insert(name.clone(), Arc::downgrade(&mirror));
    Ok(mirror)
}
