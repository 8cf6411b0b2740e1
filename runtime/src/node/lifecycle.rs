//! The life of a managed node.

use super::Node;
use crate::lifecycle::{Lifecycle, LifecycleCallbacks, LifecycleError};

impl Node {
    /// Lets this node be managed as ROS 2 manages nodes: it begins unconfigured, and goes from state to state when it is asked to,
    /// as long as what is returned, or a clone of it, is kept.
    ///
    /// # Errors
    ///
    /// [`LifecycleError`] when the node is closed, or has no room for five more services.
    pub fn lifecycle(&self, callbacks: impl LifecycleCallbacks) -> Result<Lifecycle, LifecycleError> {
        Lifecycle::begin(self, callbacks)
    }
}
