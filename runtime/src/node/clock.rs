//! The clock of a node.

use std::sync::{Arc, PoisonError};

use super::Node;
use crate::node_clock::{Clock, ClockError};

impl Node {
    /// The clock of this node: the wall clock, or with the parameter `use_sim_time` that of a simulation. The parameter is
    /// declared, and the node serves parameters, as long as what is returned, or a clone of it, is kept.
    ///
    /// # Errors
    ///
    /// [`ClockError`] when the parameter was given something else than true or false, or the node is closed.
    pub fn clock(&self) -> Result<Clock, ClockError> {
        let mut known = self.core.clock.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(core) = known.upgrade() {
            return Ok(Clock::of(core));
        }
        let clock = Clock::begin(self)?;
        *known = Arc::downgrade(clock.core());
        Ok(clock)
    }
}
