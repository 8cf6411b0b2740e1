//! What one client was told, and what it asked for: the channels, services and the graph that it knows, and the subscriptions that
//! run for it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

use super::channels::ChannelTable;
use super::connection_graph::ConnectionGraph;
use super::services::ServiceTable;

/// How many parameters one client can be told of by name.
const WANTED_MAX: usize = 10_000;

/// Shared by the tasks of one client.
#[derive(Debug, Default)]
pub(super) struct Known {
    channels: Mutex<ChannelTable>,
    services: Mutex<ServiceTable>,
    subscriptions: Mutex<HashMap<u32, Running>>,
    parameters: Mutex<WantedParameters>,
    /// `None` as long as the client does not want it. Held while it is told, so that updates arrive in order.
    pub(super) graph: tokio::sync::Mutex<Option<ConnectionGraph>>,
}

/// The parameters of which a client wants to be told when they change.
#[derive(Debug, Default)]
pub(super) struct WantedParameters {
    pub(super) all: bool,
    pub(super) names: BTreeSet<String>,
}

impl WantedParameters {
    /// Wants these too; says whether they are too many, and then takes none.
    pub(super) fn take(&mut self, names: Vec<String>) -> bool {
        let is_full = self.names.len() + names.len() > WANTED_MAX;
        if !is_full {
            self.names.extend(names);
        }
        is_full
    }

    pub(super) fn wants(&self, name: &str) -> bool {
        self.all || self.names.contains(name)
    }
}

/// A subscription's task, which ends with this.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) channel: u64,
    pub(super) task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Known {
    pub(super) fn channels(&self) -> MutexGuard<'_, ChannelTable> {
        lock(&self.channels)
    }

    pub(super) fn services(&self) -> MutexGuard<'_, ServiceTable> {
        lock(&self.services)
    }

    pub(super) fn subscriptions(&self) -> MutexGuard<'_, HashMap<u32, Running>> {
        lock(&self.subscriptions)
    }

    pub(super) fn parameters(&self) -> MutexGuard<'_, WantedParameters> {
        lock(&self.parameters)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
