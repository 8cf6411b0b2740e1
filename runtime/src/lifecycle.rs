//! Managed nodes, as ROS 2 has them: somebody else decides when a node takes its settings, begins to work and ends.
//!
//! Others ask through the services `~/change_state`, `~/get_state`, `~/get_available_states`, `~/get_available_transitions` and
//! `~/get_transition_graph`, and hear of changes on `~/transition_event`. Who may change a state is a matter of trust as for every
//! service: where a trust policy is enforced, a role must permit to call `/<node>/change_state`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use nuncio_msgs::Message;

use crate::generic_publisher::{PublishError, Published, PublisherError};
use crate::lifecycle_desk::LifecycleDesk;
pub use crate::lifecycle_desk::{LifecycleCallbacks, TransitionError};
use crate::lifecycle_services;
pub use crate::lifecycle_state::{CallbackReturn, LifecycleState, Transition, UnknownLifecycleState};
use crate::name::TopicName;
use crate::node::Node;
use crate::publisher::Publisher;
use crate::qos::QosProfile;
use crate::security::frame::Accompaniment;
use crate::service_error::ServiceError;
use crate::service_server::Serving;
use crate::stats::{PublisherStats, add};

/// The life of a managed node. It begins unconfigured. Cheap to clone; when the last clone is dropped its services end.
///
/// ```no_run
/// use nuncio::{CallbackReturn, LifecycleCallbacks};
///
/// struct Camera;
///
/// impl LifecycleCallbacks for Camera {
///     fn on_configure(&mut self) -> CallbackReturn {
///         CallbackReturn::Success     // open the device
///     }
/// }
///
/// # async fn run(node: nuncio::Node) -> Result<(), Box<dyn std::error::Error>> {
/// use nuncio::msgs::sensor_msgs::msg::Image;
///
/// let life = node.lifecycle(Camera)?;
/// let images = life.publisher::<Image>("image", Default::default())?;     // silent until the node is active
/// life.configure()?;
/// life.activate()?;
/// images.publish(&Image::default())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "the node is managed only while this is kept"]
pub struct Lifecycle {
    node: Node,
    desk: Arc<LifecycleDesk>,
    _serving: Arc<Vec<Serving>>,
}

impl Lifecycle {
    pub(crate) fn begin(node: &Node, callbacks: impl LifecycleCallbacks) -> Result<Self, LifecycleError> {
        let events = node.publisher_with("~/transition_event", QosProfile::default());
        let events = events.map_err(LifecycleError::Publisher)?;
        let desk = Arc::new(LifecycleDesk::new(Box::new(callbacks), events));
        let serving = lifecycle_services::serve(node, &desk).map_err(LifecycleError::Service)?;
        Ok(Self {
            node: node.clone(),
            desk,
            _serving: Arc::new(serving),
        })
    }

    /// The state that the node is in now.
    pub fn state(&self) -> LifecycleState {
        self.desk.state()
    }

    /// Waits until the node is in a state; `false` when it was not in time. States that it only passes may be missed.
    pub async fn wait_for(&self, state: LifecycleState, timeout: Duration) -> bool {
        let wait = async {
            loop {
                let changed = self.desk.listen();
                if self.state() == state {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(timeout, wait).await.is_ok()
    }

    /// Makes a transition; gives the state that it led to. Waits for one that is under way.
    ///
    /// # Errors
    ///
    /// [`TransitionError`] when there is no such transition now, or its callback does not succeed.
    pub fn change(&self, transition: Transition) -> Result<LifecycleState, TransitionError> {
        self.desk.change(|_| Some(transition))
    }

    /// From unconfigured to inactive.
    ///
    /// # Errors
    ///
    /// As [`change`](Self::change).
    pub fn configure(&self) -> Result<LifecycleState, TransitionError> {
        self.change(Transition::Configure)
    }

    /// From inactive to active.
    ///
    /// # Errors
    ///
    /// As [`change`](Self::change).
    pub fn activate(&self) -> Result<LifecycleState, TransitionError> {
        self.change(Transition::Activate)
    }

    /// From active to inactive.
    ///
    /// # Errors
    ///
    /// As [`change`](Self::change).
    pub fn deactivate(&self) -> Result<LifecycleState, TransitionError> {
        self.change(Transition::Deactivate)
    }

    /// From inactive to unconfigured.
    ///
    /// # Errors
    ///
    /// As [`change`](Self::change).
    pub fn cleanup(&self) -> Result<LifecycleState, TransitionError> {
        self.change(Transition::Cleanup)
    }

    /// From wherever it may be to finalized.
    ///
    /// # Errors
    ///
    /// As [`change`](Self::change).
    pub fn shutdown(&self) -> Result<LifecycleState, TransitionError> {
        let label = Transition::UnconfiguredShutdown.label();
        self.desk.change(|state| Transition::labelled(label, state))
    }

    /// A publisher that speaks while the node is active, and is silent otherwise.
    ///
    /// # Errors
    ///
    /// As [`Node::publisher`].
    pub fn publisher<M: Message>(&self, topic: &str, qos: QosProfile) -> Result<ManagedPublisher<M>, PublisherError> {
        Ok(ManagedPublisher {
            publisher: self.node.publisher_with(topic, qos)?,
            is_active: Arc::clone(&self.desk.is_active),
            held_back: AtomicU64::new(0),
        })
    }
}

/// A publisher of a managed node: it speaks while the node is active.
#[derive(Debug)]
pub struct ManagedPublisher<M> {
    publisher: Publisher<M>,
    is_active: Arc<AtomicBool>,
    held_back: AtomicU64,
}

impl<M: Message> ManagedPublisher<M> {
    /// Publishes a message if the node is active; `None` when it is not, and nothing was published.
    ///
    /// # Errors
    ///
    /// As [`Publisher::publish`].
    pub fn publish(&self, message: &M) -> Result<Option<Published>, PublishError> {
        self.publish_with(message, Accompaniment::default())
    }

    /// As [`publish`](Self::publish), with a cause or an origin.
    ///
    /// # Errors
    ///
    /// As [`Publisher::publish_with`].
    pub fn publish_with(&self, message: &M, with: Accompaniment<'_>) -> Result<Option<Published>, PublishError> {
        if !self.is_active() {
            add(&self.held_back, 1);
            return Ok(None);
        }
        self.publisher.publish_with(message, with).map(Some)
    }

    /// Whether it speaks.
    pub fn is_active(&self) -> bool {
        self.is_active.load(Ordering::Acquire)
    }

    /// How many messages were not published because the node was not active.
    pub fn held_back(&self) -> u64 {
        self.held_back.load(Ordering::Relaxed)
    }

    /// The topic.
    pub fn topic(&self) -> &TopicName {
        self.publisher.topic()
    }

    /// What was sent so far.
    pub fn stats(&self) -> PublisherStats {
        self.publisher.stats()
    }
}

/// Why a node is not managed.
#[derive(Debug)]
#[non_exhaustive]
pub enum LifecycleError {
    /// Its changes cannot be published.
    Publisher(PublisherError),
    /// It cannot be asked.
    Service(ServiceError),
}

impl fmt::Display for LifecycleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Publisher(error) => fmt::Display::fmt(error, f),
            Self::Service(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for LifecycleError {}
