//! Where the transitions of a managed node are made: one at a time, each with its callback, each told on a topic.
//!
//! # Invariants
//!
//! - The state is changed here only, along the graph of ROS 2.
//! - A callback that panics has returned an error; the node is never left between two states.
//! - Publishers that are managed speak in the state active and in no other.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use event_listener::{Event, EventListener};
use nuncio_msgs::lifecycle_msgs::msg::TransitionEvent;

use crate::clock;
use crate::lifecycle_state::{CallbackReturn, LifecycleState, Transition, describe};
use crate::publisher::Publisher;

/// What a managed node does in its transitions. Each callback runs in the thread that asks for the transition: that of the
/// service `~/change_state`, or the caller's of [`Lifecycle`](crate::Lifecycle).
pub trait LifecycleCallbacks: Send + 'static {
    /// Takes settings and resources.
    fn on_configure(&mut self) -> CallbackReturn {
        CallbackReturn::Success
    }

    /// Begins to work.
    fn on_activate(&mut self) -> CallbackReturn {
        CallbackReturn::Success
    }

    /// Comes to rest.
    fn on_deactivate(&mut self) -> CallbackReturn {
        CallbackReturn::Success
    }

    /// Gives back what `on_configure` has taken.
    fn on_cleanup(&mut self) -> CallbackReturn {
        CallbackReturn::Success
    }

    /// Ends, from the state `from`.
    fn on_shutdown(&mut self, _from: LifecycleState) -> CallbackReturn {
        CallbackReturn::Success
    }

    /// Deals with an error that came from `from`. With [`CallbackReturn::Success`] the node is unconfigured then and may be
    /// configured again; otherwise it is finalized.
    fn on_error(&mut self, _from: LifecycleState) -> CallbackReturn {
        CallbackReturn::Failure
    }
}

pub(crate) struct LifecycleDesk {
    callbacks: Mutex<Box<dyn LifecycleCallbacks>>,
    /// Held by whoever makes a transition.
    turn: Mutex<()>,
    /// The thread in which a callback runs.
    calling: Mutex<Option<ThreadId>>,
    state: AtomicU8,
    /// Whether managed publishers speak.
    pub(crate) is_active: Arc<AtomicBool>,
    changed: Event,
    events: Publisher<TransitionEvent>,
}

impl LifecycleDesk {
    pub(crate) fn new(callbacks: Box<dyn LifecycleCallbacks>, events: Publisher<TransitionEvent>) -> Self {
        Self {
            callbacks: Mutex::new(callbacks),
            turn: Mutex::default(),
            calling: Mutex::default(),
            state: AtomicU8::new(LifecycleState::Unconfigured.id()),
            is_active: Arc::default(),
            changed: Event::new(),
            events,
        }
    }

    pub(crate) fn state(&self) -> LifecycleState {
        LifecycleState::of_id(self.state.load(Ordering::Acquire)).unwrap_or(LifecycleState::Unknown)
    }

    /// Is notified when the state changes.
    pub(crate) fn listen(&self) -> EventListener {
        self.changed.listen()
    }

    /// Makes the transition that `chosen` finds in the state at hand; gives the state that it led to.
    pub(crate) fn change(
        &self,
        chosen: impl FnOnce(LifecycleState) -> Option<Transition>,
    ) -> Result<LifecycleState, TransitionError> {
        if *lock(&self.calling) == Some(thread::current().id()) {
            return Err(TransitionError::InCallback);
        }
        let _turn = lock(&self.turn);
        let state = self.state();
        let transition = chosen(state).filter(|transition| transition.start() == state);
        let Some(transition) = transition else {
            return Err(TransitionError::NotAvailable { state });
        };
        self.go(transition.goal(), transition.id(), transition.label());
        let returned = self.call(transition.goal(), state);
        let reached = self.end_of(transition.goal(), returned, state);
        match returned {
            CallbackReturn::Success => Ok(reached),
            _ => Err(TransitionError::Callback { returned, reached }),
        }
    }

    /// Goes on to where a callback's return leads, over the callback for errors if it must.
    fn end_of(&self, ran_in: LifecycleState, returned: CallbackReturn, from: LifecycleState) -> LifecycleState {
        let (next, id) = ran_in.after(returned);
        self.go(next, id, returned.label());
        match next {
            LifecycleState::ErrorProcessing => {
                let returned = self.call(next, from);
                self.end_of(next, returned, from)
            }
            _ => next,
        }
    }

    fn call(&self, state: LifecycleState, from: LifecycleState) -> CallbackReturn {
        let _calling = Calling::begin(&self.calling);
        let mut callbacks = lock(&self.callbacks);
        let call = AssertUnwindSafe(|| match state {
            LifecycleState::Configuring => callbacks.on_configure(),
            LifecycleState::CleaningUp => callbacks.on_cleanup(),
            LifecycleState::Activating => callbacks.on_activate(),
            LifecycleState::Deactivating => callbacks.on_deactivate(),
            LifecycleState::ShuttingDown => callbacks.on_shutdown(from),
            LifecycleState::ErrorProcessing => callbacks.on_error(from),
            _ => CallbackReturn::Error,
        });
        catch_unwind(call).unwrap_or(CallbackReturn::Error)
    }

    /// The state is another from now on, and that is told.
    fn go(&self, to: LifecycleState, id: u8, label: &str) {
        let from = self.state();
        self.is_active.store(to == LifecycleState::Active, Ordering::Release);
        self.state.store(to.id(), Ordering::Release);
        self.changed.notify(usize::MAX);
        let edge = describe(id, label, (from, to));
        // The transition is made: a link that is closed or congested does not undo it.
        let _ = self.events.publish(&TransitionEvent {
            timestamp: u64::try_from(clock::now_ns()).unwrap_or_default(),
            transition: edge.transition,
            start_state: edge.start_state,
            goal_state: edge.goal_state,
        });
    }
}

/// Notes in which thread a callback runs, for as long as it does.
struct Calling<'a>(&'a Mutex<Option<ThreadId>>);

impl<'a> Calling<'a> {
    fn begin(noted: &'a Mutex<Option<ThreadId>>) -> Self {
        *lock(noted) = Some(thread::current().id());
        Self(noted)
    }
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        *lock(self.0) = None;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for LifecycleDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LifecycleDesk")
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// Why a node is not in the state that was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TransitionError {
    /// There is no such transition from the state that the node is in.
    NotAvailable {
        /// The state.
        state: LifecycleState,
    },
    /// The callback did not succeed.
    Callback {
        /// What it returned.
        returned: CallbackReturn,
        /// The state that the node is in now.
        reached: LifecycleState,
    },
    /// It was asked for by a callback of this node, which cannot wait for itself.
    InCallback,
}

impl fmt::Display for TransitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAvailable { state } => {
                let labels: Vec<_> = Transition::available_in(*state).map(Transition::label).collect();
                write!(f, "the node is {state}; from there it can ")?;
                match labels.as_slice() {
                    [] => f.write_str("go nowhere"),
                    labels => f.write_str(&labels.join(", ")),
                }
            }
            Self::Callback { returned, reached } => {
                let how = match returned {
                    CallbackReturn::Error => "broke",
                    _ => "failed",
                };
                write!(f, "the node's callback {how}; the node is {reached} now")
            }
            Self::InCallback => {
                f.write_str("a callback of a node cannot ask for another transition of it; return first")
            }
        }
    }
}

impl std::error::Error for TransitionError {}
