//! Messages that are not passed on, told often enough to be noticed and seldom enough to be read.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio::TopicName;

use super::side::{RosSide, Side};
use super::status::Ros2Status;

/// The least time between two statuses about the same topic.
const PERIOD: Duration = Duration::from_secs(5);

/// The longest text that is told.
const TEXT_LEN_MAX: usize = 500;

/// What is not passed on, of one topic or service.
#[derive(Debug)]
pub(crate) struct Complaints {
    side: Side,
    name: TopicName,
    untold: u64,
    told: Option<Instant>,
}

impl Complaints {
    /// None so far.
    pub(crate) fn of(side: &Side, name: &TopicName) -> Self {
        Self {
            side: Arc::clone(side),
            name: name.clone(),
            untold: 0,
            told: None,
        }
    }

    /// Another one.
    pub(crate) fn add(&mut self, node: &str, problem: &dyn fmt::Display) {
        self.add_many(1, node, problem);
    }

    /// So many more.
    pub(crate) fn add_many(&mut self, count: u64, node: &str, problem: &dyn fmt::Display) {
        self.untold += count;
        if self.told.is_some_and(|told| told.elapsed() < PERIOD) {
            return;
        }
        self.told = Some(Instant::now());
        let side: &RosSide = &self.side;
        side.tell(Ros2Status::Dropped {
            name: self.name.as_str().to_owned(),
            node: node.to_owned(),
            count: std::mem::take(&mut self.untold),
            problem: problem.to_string().chars().take(TEXT_LEN_MAX).collect(),
        });
    }
}
