//! A node's clock: the wall clock, or that of a simulation.
//!
//! As in ROS 2 the parameter `use_sim_time` says which, also while the node runs, and a simulation tells its time on `/clock`.
//!
//! # Which clock stamps what
//!
//! This clock is for what an application does with time: stamps in its messages, periods, waiting. Everything that guards a node
//! goes by the wall clock, always: the signed source time of messages, limits of age, certificates, lifespans, and events of
//! parameters and lifecycles. Otherwise whoever may publish `/clock` could turn time back and have old commands obeyed again. A type
//! with `@max_age` is therefore stamped with the wall clock, in simulation too.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use event_listener::Event;
use nuncio_msgs::builtin_interfaces::msg::Time;
use nuncio_msgs::rosgraph_msgs::msg::Clock as ClockMessage;

use crate::card::time_from_ns;
use crate::clock;
use crate::event::{EventStream, Events};
use crate::generic_subscriber::SubscriberError;
use crate::node::Node;
use crate::parameter::{ParameterDescriptor, ParameterValue};
use crate::parameter_table::DeclareError;
use crate::parameters::Parameters;
use crate::qos::{QosProfile, Reliability};
use crate::sim_time::{SimTime, Taken, Tick};
use crate::stats::add;
use crate::subscriber::{Callback, Received};

/// The parameter that says which clock it is.
pub(crate) const USE_SIM_TIME: &str = "use_sim_time";

/// Where a clock's time comes from.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ClockSource {
    /// The wall clock of this machine.
    System,
    /// `/clock`.
    Simulation,
}

/// What happens to a clock beside that time goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ClockEvent {
    /// The simulation was set back. What was computed from times before may have to be forgotten.
    JumpedBack {
        /// The time that it was, ns.
        from_ns: i64,
        /// The time that it is, ns.
        to_ns: i64,
    },
    /// Time comes from somewhere else from now on.
    SourceChanged(ClockSource),
}

/// A node's clock. Cheap to clone; all clones, and what [`Node::clock`] gives, are the same clock.
///
/// ```no_run
/// # async fn run(node: nuncio::Node) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// let clock = node.clock()?;
/// let mut next = clock.now_ns();
/// loop {
///     next += 100_000_000;
///     clock.sleep_until(next).await?;     // ten times a second, of simulated seconds where time is simulated
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "the clock goes on only while this is kept"]
pub struct Clock {
    core: Arc<ClockCore>,
}

#[derive(Debug)]
pub(crate) struct ClockCore {
    node: Node,
    parameters: Parameters,
    is_simulated: AtomicBool,
    sim: Mutex<SimTime>,
    /// Where `/clock` is heard, as long as time is simulated.
    hearing: Mutex<Option<Callback>>,
    /// Something is other than it was.
    changed: Event,
    events: Events<ClockEvent>,
    ignored: AtomicU64,
}

impl Clock {
    pub(crate) fn begin(node: &Node) -> Result<Self, ClockError> {
        let parameters = node.parameters();
        let descriptor = ParameterDescriptor::new("Follow the time on /clock, not the wall clock.");
        match parameters.declare(USE_SIM_TIME, false, descriptor) {
            // Whoever declared it means the same.
            Ok(_) | Err(DeclareError::Twice { .. }) => {}
            Err(error) => return Err(ClockError::Parameter(error)),
        }
        let core = Arc::new(ClockCore {
            node: node.clone(),
            parameters,
            is_simulated: AtomicBool::new(false),
            sim: Mutex::default(),
            hearing: Mutex::default(),
            changed: Event::new(),
            events: Events::on("/clock"),
            ignored: AtomicU64::new(0),
        });
        let weak = Arc::downgrade(&core);
        core.parameters.after_change(move |changes| {
            if let Some(core) = weak
                .upgrade()
                .filter(|_| changes.iter().any(|(name, _)| name == USE_SIM_TIME))
            {
                // Where `/clock` cannot be heard, the clock stays what it was.
                if let Ok(Some(source)) = ClockCore::follow_parameter(&core) {
                    core.events.push(ClockEvent::SourceChanged(source));
                }
            }
        });
        ClockCore::follow_parameter(&core).map_err(ClockError::Subscriber)?;
        Ok(Self { core })
    }

    pub(crate) fn of(core: Arc<ClockCore>) -> Self {
        Self { core }
    }

    pub(crate) fn core(&self) -> &Arc<ClockCore> {
        &self.core
    }

    /// The time, in ns since 1970; in a simulation since whenever that counts from, and 0 until it has told the time.
    pub fn now_ns(&self) -> i64 {
        match self.source() {
            ClockSource::System => clock::now_ns(),
            ClockSource::Simulation => self.core.sim().now_ns().unwrap_or(0),
        }
    }

    /// The time, for the stamp of a message.
    pub fn now(&self) -> Time {
        time_from_ns(self.now_ns())
    }

    /// Where its time comes from.
    pub fn source(&self) -> ClockSource {
        match self.core.is_simulated.load(Ordering::Acquire) {
            true => ClockSource::Simulation,
            false => ClockSource::System,
        }
    }

    /// Waits until it is `time_ns` or later. When the simulation is set back meanwhile, that takes longer.
    ///
    /// # Errors
    ///
    /// [`SleepError`] when time comes from somewhere else than before, or the node is closed.
    pub async fn sleep_until(&self, time_ns: i64) -> Result<(), SleepError> {
        let source = self.source();
        loop {
            let changed = self.core.changed.listen();
            if self.core.events.is_closed() {
                return Err(SleepError::Closed);
            }
            if self.source() != source {
                return Err(SleepError::SourceChanged);
            }
            let left = time_ns.saturating_sub(self.now_ns());
            let Some(left) = u64::try_from(left).ok().filter(|left| *left > 0) else {
                return Ok(());
            };
            match source {
                ClockSource::Simulation => changed.await,
                // Woken or in time: looking again tells which.
                ClockSource::System => drop(tokio::time::timeout(Duration::from_nanos(left), changed).await),
            }
        }
    }

    /// Waits for so long, by this clock.
    ///
    /// # Errors
    ///
    /// As [`sleep_until`](Self::sleep_until).
    pub async fn sleep(&self, time: Duration) -> Result<(), SleepError> {
        let ns = i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        self.sleep_until(self.now_ns().saturating_add(ns)).await
    }

    /// What happens to this clock from now on.
    pub fn events(&self) -> EventStream<ClockEvent> {
        self.core.events.stream()
    }

    /// How many messages on `/clock` were left out: they came late, or from another key than the one that is followed. Another is
    /// followed when the first was silent for five seconds.
    pub fn ignored(&self) -> u64 {
        self.core.ignored.load(Ordering::Relaxed)
    }
}

impl ClockCore {
    /// The node is closed: nobody waits any longer.
    pub(crate) fn close(&self) {
        self.events.close();
        self.changed.notify(usize::MAX);
    }

    /// Takes time from where the parameter says; gives that when it is another source than before.
    fn follow_parameter(core: &Arc<Self>) -> Result<Option<ClockSource>, SubscriberError> {
        let wanted = core.parameters.get(USE_SIM_TIME) == Some(ParameterValue::Bool(true));
        let mut hearing = core.hearing.lock().unwrap_or_else(PoisonError::into_inner);
        if core.is_simulated.load(Ordering::Acquire) == wanted {
            return Ok(None);
        }
        let ended = hearing.take();
        if wanted {
            *core.sim() = SimTime::default();
            *hearing = Some(Self::hear(core)?);
        }
        core.is_simulated.store(wanted, Ordering::Release);
        drop(hearing);
        drop(ended);
        core.changed.notify(usize::MAX);
        Ok(Some(match wanted {
            true => ClockSource::Simulation,
            false => ClockSource::System,
        }))
    }

    fn hear(core: &Arc<Self>) -> Result<Callback, SubscriberError> {
        let qos = QosProfile {
            reliability: Reliability::BestEffort,
            ..QosProfile::keep_last(1)
        };
        let subscriber = core.node.subscriber_with::<ClockMessage>("/clock", qos)?;
        let weak = Arc::downgrade(core);
        Ok(subscriber.on_message_in_place(move |received| {
            if let Some(core) = weak.upgrade() {
                core.take(&received);
            }
        }))
    }

    fn take(&self, received: &Received<ClockMessage>) {
        let Time { sec, nanosec } = received.message.clock;
        let tick = Tick {
            key: received.info.signer,
            version: (received.info.epoch, received.info.number),
            time_ns: i64::from(sec) * 1_000_000_000 + i64::from(nanosec),
        };
        let taken = self.sim().take(tick, Instant::now());
        match taken {
            Taken::Forward => {}
            Taken::JumpedBack { from_ns } => {
                let to_ns = tick.time_ns;
                self.events.push(ClockEvent::JumpedBack { from_ns, to_ns });
            }
            Taken::Ignored => return add(&self.ignored, 1),
        }
        self.changed.notify(usize::MAX);
    }

    fn sim(&self) -> MutexGuard<'_, SimTime> {
        self.sim.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a node has no clock.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClockError {
    /// The parameter `use_sim_time` cannot be declared, or what it was given is not true or false.
    Parameter(DeclareError),
    /// `/clock` cannot be heard.
    Subscriber(SubscriberError),
}

impl fmt::Display for ClockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(error) => fmt::Display::fmt(error, f),
            Self::Subscriber(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for ClockError {}

/// Why waiting has ended before its time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SleepError {
    /// Time comes from somewhere else now, where that instant means something else.
    SourceChanged,
    /// The node is closed.
    Closed,
}

impl fmt::Display for SleepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SourceChanged => "time comes from another clock than when the wait began; ask the clock anew",
            Self::Closed => "the node is closed",
        })
    }
}

impl std::error::Error for SleepError {}
