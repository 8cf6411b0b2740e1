//! Which messages of a recording are wanted: by topic, and by how long after its beginning they were received. Pure.

use std::time::Duration;

use nuncio::{TopicName, TopicPattern};

/// A part of a recording.
#[derive(Clone, Debug, Default)]
pub struct BagPart {
    /// These topics; none means all.
    pub topics: Vec<TopicPattern>,
    /// Not these.
    pub exclude: Vec<TopicPattern>,
    /// From so long after the beginning on.
    pub start: Duration,
    /// Until so long after the beginning.
    pub until: Option<Duration>,
}

impl BagPart {
    /// Whether messages of a topic are in it.
    pub fn has_topic(&self, topic: &TopicName) -> bool {
        let is_one = |patterns: &[TopicPattern]| patterns.iter().any(|pattern| pattern.matches(topic));
        (self.topics.is_empty() || is_one(&self.topics)) && !is_one(&self.exclude)
    }

    /// Whether a message is in it that was received so many nanoseconds after the beginning.
    pub fn has_time(&self, after_ns: u64) -> bool {
        let after = Duration::from_nanos(after_ns);
        after >= self.start && !self.is_over(after_ns)
    }

    /// Whether nothing of it comes so many nanoseconds after the beginning.
    pub fn is_over(&self, after_ns: u64) -> bool {
        self.until.is_some_and(|until| Duration::from_nanos(after_ns) > until)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;

    #[test]
    fn what_is_excluded_is_not_in_the_part_and_both_ends_of_its_time_are() {
        let patterns = |text: &str| vec![TopicPattern::parse(text).unwrap()];
        let part = BagPart {
            topics: patterns("/robot/**"),
            exclude: patterns("/robot/camera/*"),
            start: Duration::from_secs(1),
            until: Some(Duration::from_secs(2)),
        };
        let has = |topic: &str| part.has_topic(&TopicName::parse(topic).unwrap());
        assert!(has("/robot/imu") && !has("/robot/camera/left") && !has("/other"));
        let second = 1_000_000_000;
        let times = [second - 1, second, 2 * second, 2 * second + 1];
        assert_eq!(times.map(|at| part.has_time(at)), [false, true, true, false]);
    }
}
