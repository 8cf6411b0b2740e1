//! Where parameters are declared, set and read: the table, the callbacks that may refuse, and the events that are published.
//!
//! # Invariants
//!
//! - One change at a time: it is checked, the callbacks are asked, it is made and published, then comes the next.
//! - Callbacks are called while the table may be read.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};

use nuncio_msgs::rcl_interfaces::msg::{Parameter, ParameterEvent};

use crate::card::time_from_ns;
use crate::clock;
use crate::name::NodeName;
use crate::parameter::{ParameterDescriptor, ParameterValue};
use crate::parameter_table::{DeclareError, ParameterTable, SetError};
use crate::publisher::Publisher;

/// Is asked before parameters change.
pub(crate) type Callback = dyn Fn(&[(String, ParameterValue)]) -> Result<(), String> + Send + Sync;

/// Is told after parameters have changed.
pub(crate) type Listener = dyn Fn(&[(String, ParameterValue)]) + Send + Sync;

pub(crate) struct ParameterDesk {
    node: NodeName,
    table: Mutex<ParameterTable>,
    callbacks: Mutex<Vec<Arc<Callback>>>,
    listeners: Mutex<Vec<Arc<Listener>>>,
    /// Held by whoever makes a change.
    turn: Mutex<()>,
    /// The thread in which callbacks are being asked.
    asking: Mutex<Option<ThreadId>>,
    events: OnceLock<Publisher<ParameterEvent>>,
}

impl ParameterDesk {
    pub(crate) fn new(node: NodeName) -> Self {
        Self {
            node,
            table: Mutex::default(),
            callbacks: Mutex::default(),
            listeners: Mutex::default(),
            turn: Mutex::default(),
            asking: Mutex::default(),
            events: OnceLock::new(),
        }
    }

    pub(crate) fn table(&self) -> MutexGuard<'_, ParameterTable> {
        lock(&self.table)
    }

    pub(crate) fn add_callback(&self, callback: Arc<Callback>) {
        lock(&self.callbacks).push(callback);
    }

    pub(crate) fn add_listener(&self, listener: Arc<Listener>) {
        lock(&self.listeners).push(listener);
    }

    /// Where changes are told from now on.
    pub(crate) fn publish_on(&self, events: Publisher<ParameterEvent>) {
        let _ = self.events.set(events);
    }

    /// Declares a parameter. `serve` is called when it may be, before it is there.
    pub(crate) fn declare(
        &self,
        name: &str,
        value: ParameterValue,
        descriptor: ParameterDescriptor,
        serve: impl FnOnce() -> Result<(), DeclareError>,
    ) -> Result<(), DeclareError> {
        let _turn = self.take_turn().map_err(DeclareError::Set)?;
        self.table().check_new(name, &value, &descriptor)?;
        self.ask(&[(name.to_owned(), value.clone())])
            .map_err(DeclareError::Set)?;
        serve()?;
        let parameter = Parameter {
            name: name.to_owned(),
            value: value.to_message(),
        };
        self.table().insert(name, value.clone(), descriptor);
        self.tell(&[(name.to_owned(), value)]);
        self.publish(ParameterEvent {
            new_parameters: vec![parameter],
            ..ParameterEvent::default()
        });
        Ok(())
    }

    /// Sets all or none.
    pub(crate) fn set(&self, changes: Vec<(String, ParameterValue)>) -> Result<(), SetError> {
        if changes.is_empty() {
            return Ok(());
        }
        let _turn = self.take_turn()?;
        self.table().check(&changes)?;
        self.ask(&changes)?;
        let event = self.table().apply(changes.clone());
        self.tell(&changes);
        self.publish(event);
        Ok(())
    }

    fn take_turn(&self) -> Result<MutexGuard<'_, ()>, SetError> {
        if *lock(&self.asking) == Some(thread::current().id()) {
            return Err(SetError::InCallback);
        }
        Ok(lock(&self.turn))
    }

    fn ask(&self, changes: &[(String, ParameterValue)]) -> Result<(), SetError> {
        let callbacks = lock(&self.callbacks).clone();
        let _asking = Asking::begin(&self.asking);
        let asked = callbacks.iter().try_for_each(|callback| callback(changes));
        asked.map_err(|reason| SetError::Refused {
            names: changes.iter().map(|(name, _)| name.clone()).collect(),
            reason,
        })
    }

    fn tell(&self, changes: &[(String, ParameterValue)]) {
        let listeners = lock(&self.listeners).clone();
        let _asking = Asking::begin(&self.asking);
        listeners.iter().for_each(|listener| listener(changes));
    }

    fn publish(&self, event: ParameterEvent) {
        let Some(events) = self.events.get() else { return };
        // The change is made: a link that is closed or congested does not undo it.
        let _ = events.publish(&ParameterEvent {
            stamp: time_from_ns(clock::now_ns()),
            node: self.node.to_string(),
            ..event
        });
    }
}

/// Notes who is asking, for as long as it lasts, also when a callback panics.
struct Asking<'a>(&'a Mutex<Option<ThreadId>>);

impl<'a> Asking<'a> {
    fn begin(noted: &'a Mutex<Option<ThreadId>>) -> Self {
        *lock(noted) = Some(thread::current().id());
        Self(noted)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        *lock(self.0) = None;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for ParameterDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParameterDesk")
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}
