//! The time that the viewer is told: that of this machine, or of the simulation where the bridge's node has `use_sim_time`.

use std::time::Duration;

use nuncio::{Clock, ClockSource, MessageInfo};
use tokio::time::MissedTickBehavior;

use super::outbox::Outbox;
use super::wire::Time;

/// How often a viewer is told the time of the simulation.
const TIME_EVERY: Duration = Duration::from_millis(20);

/// The clock of the face. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct FaceTime {
    clock: Clock,
}

impl FaceTime {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock }
    }

    pub(super) fn is_simulated(&self) -> bool {
        self.clock.source() == ClockSource::Simulation
    }

    pub(super) fn now_ns(&self) -> i64 {
        self.clock.now_ns()
    }

    /// When a message came, in the viewer's time. A simulation's time of receipt is not kept, so that it is the time now.
    pub(super) fn of(&self, info: &MessageInfo) -> i64 {
        match self.is_simulated() {
            true => self.now_ns(),
            false => info.received_time_ns,
        }
    }

    /// Tells one viewer the time of the simulation, whenever it has changed.
    pub(super) async fn tell(self, outbox: Outbox) {
        let mut ticks = tokio::time::interval(TIME_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = None;
        loop {
            ticks.tick().await;
            let now = u64::try_from(self.now_ns()).unwrap_or(0);
            if told != Some(now) && outbox.binary(&Time::new(now)).await.is_err() {
                return;
            }
            told = Some(now);
        }
    }
}
