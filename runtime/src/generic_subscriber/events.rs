//! What happens around a subscription beside its messages.

use std::io;

use super::GenericSubscriber;
use crate::event::{EventCallback, EventStream, SubscriberEvent};
use crate::matching;

impl GenericSubscriber {
    /// What happens around this subscription: publishers that come and go, deadlines missed, messages lost, refusals.
    ///
    /// ```no_run
    /// # async fn run(node: nuncio::Node) -> Result<(), Box<dyn std::error::Error>> {
    /// use nuncio::SubscriberEvent;
    /// use nuncio::msgs::sensor_msgs::msg::Imu;
    ///
    /// let imu = node.subscriber::<Imu>("/imu")?;
    /// let events = imu.events();
    /// while let Ok(event) = events.next().await {
    ///     if let SubscriberEvent::IncompatibleQos { publisher, policy } = event {
    ///         eprintln!("{publisher} offers less {policy} than is requested");
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn events(&self) -> EventStream<SubscriberEvent> {
        self.reception.events.stream()
    }

    /// Calls `callback` with each event from now on, in a thread of its own, until what is returned or the subscription is
    /// dropped.
    ///
    /// ```no_run
    /// # async fn run(node: nuncio::Node) -> Result<(), Box<dyn std::error::Error>> {
    /// use nuncio::msgs::sensor_msgs::msg::Imu;
    /// use nuncio::{QosProfile, SubscriberEvent};
    /// use std::time::Duration;
    ///
    /// let deadline = Some(Duration::from_millis(20));
    /// let imu = node.subscriber_with::<Imu>("/imu", QosProfile { deadline, ..QosProfile::sensor_data() })?;
    /// let _callback = imu.on_event(|event| {
    ///     if let SubscriberEvent::DeadlineMissed { publisher, total } = event {
    ///         eprintln!("{publisher} is late, for the {total}th time");
    ///     }
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The operating system's own, when no thread can be started.
    pub fn on_event(&self, callback: impl FnMut(SubscriberEvent) + Send + 'static) -> io::Result<EventCallback> {
        self.reception.events.call(self.topic().as_str(), callback)
    }

    /// How many publishers match now, those of this node included: topic and type are the same, they may publish there, and
    /// what they offer is enough.
    pub fn matched_publishers(&self) -> usize {
        matching::lock(&self.facts.matches).count()
    }
}
