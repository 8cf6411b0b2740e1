//! Which topics are recorded. Pure.

use nuncio::{TopicName, TopicPattern};
use regex_lite::Regex;

/// Which topics are recorded.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Every topic that is not hidden.
    pub all: bool,
    /// These, and those that match one of these patterns.
    pub topics: Vec<TopicPattern>,
    /// Those whose name matches, somewhere in it.
    pub regex: Option<Regex>,
    /// Those of these types.
    pub types: Vec<String>,
    /// The events of all services that tell of their calls.
    pub services: bool,
    /// Not these, whatever else says so.
    pub exclude: Option<Regex>,
    /// Hidden topics, too, where all, a pattern, a regular expression or a type names them.
    pub hidden: bool,
}

impl Selection {
    /// Whether a topic is recorded that has these types.
    pub fn has(&self, topic: &TopicName, types: &[&str]) -> bool {
        let name = topic.as_str();
        if self.exclude.as_ref().is_some_and(|exclude| exclude.is_match(name)) {
            return false;
        }
        // A topic that is named in full is meant, hidden or not.
        let is_named = self
            .topics
            .iter()
            .any(|pattern| pattern.as_str() == name.trim_start_matches('/'));
        if is_named || (self.services && name.ends_with("/_service_event")) {
            return true;
        }
        if topic.is_hidden() && !self.hidden {
            return false;
        }
        let is_of_type = || {
            types
                .iter()
                .any(|ty| self.types.iter().any(|wanted| is_type(wanted, ty)))
        };
        self.all
            || self.topics.iter().any(|pattern| pattern.matches(topic))
            || self.regex.as_ref().is_some_and(|regex| regex.is_match(name))
            || is_of_type()
    }
}

/// `std_msgs/String` is `std_msgs/msg/String`.
fn is_type(wanted: &str, found: &str) -> bool {
    wanted == found || found.replacen("/msg/", "/", 1) == wanted
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;

    fn has(selection: &Selection, topic: &str, ty: &str) -> bool {
        selection.has(&TopicName::parse(topic).unwrap(), &[ty])
    }

    #[test]
    fn all_is_all_but_what_is_hidden_or_excluded() {
        let mut selection = Selection {
            all: true,
            exclude: Some(Regex::new("camera").unwrap()),
            ..Selection::default()
        };
        assert!(has(&selection, "/chatter", "std_msgs/msg/String"));
        assert!(!has(&selection, "/front/camera", "sensor_msgs/msg/Image"));
        assert!(!has(&selection, "/add/_service_event", "x"));
        selection.services = true;
        assert!(has(&selection, "/add/_service_event", "x"));
    }

    #[test]
    fn topics_are_chosen_by_name_pattern_regular_expression_or_type() {
        let selection = Selection {
            topics: vec![
                TopicPattern::parse("/robot1/**").unwrap(),
                TopicPattern::parse("/a/_hidden").unwrap(),
            ],
            regex: Some(Regex::new("^/imu[0-9]$").unwrap()),
            types: vec!["std_msgs/String".to_owned()],
            ..Selection::default()
        };
        for topic in ["/robot1/odom", "/imu3", "/a/_hidden"] {
            assert!(has(&selection, topic, "x/msg/Y"), "{topic}");
        }
        assert!(has(&selection, "/any", "std_msgs/msg/String"));
        for topic in ["/robot2/odom", "/imu33", "/robot1/_x"] {
            assert!(!has(&selection, topic, "x/msg/Y"), "{topic}");
        }
    }
}
