//! `metadata.yaml`: what rosbag2 and its readers want to know of a bag before they open its files (version 9). Pure.

use std::collections::BTreeMap;
use std::fmt::Write;

use nuncio::msgs::nuncio_msgs::msg::CardPublisher;

/// What one file has.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct FileFacts {
    pub(crate) name: String,
    /// The first and the last `log_time`.
    pub(crate) times: Option<(u64, u64)>,
    pub(crate) messages: u64,
}

impl FileFacts {
    pub(crate) fn note(&mut self, log_time: u64) {
        self.messages += 1;
        let (first, last) = self.times.unwrap_or((log_time, log_time));
        self.times = Some((first.min(log_time), last.max(log_time)));
    }
}

/// What one topic has.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct TopicFacts {
    pub(crate) type_name: String,
    pub(crate) type_hash: String,
    pub(crate) messages: u64,
    /// YAML of its publishers' profiles; see [`qos_text`].
    pub(crate) qos: String,
}

/// The whole text.
pub(crate) fn metadata_text(files: &[FileFacts], topics: &BTreeMap<String, TopicFacts>) -> String {
    let times = files.iter().filter_map(|file| file.times);
    let (first, last) = times
        .reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
        .unwrap_or_default();
    let messages: u64 = files.iter().map(|file| file.messages).sum();
    let mut text = String::new();
    let mut line = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    line("rosbag2_bagfile_information:");
    line("  version: 9");
    line("  storage_identifier: mcap");
    line(&format!("  duration:\n    nanoseconds: {}", last - first));
    line(&format!("  starting_time:\n    nanoseconds_since_epoch: {first}"));
    line(&format!("  message_count: {messages}"));
    line(match topics.is_empty() {
        true => "  topics_with_message_count: []",
        false => "  topics_with_message_count:",
    });
    for (name, topic) in topics {
        line("    - topic_metadata:");
        line(&format!("        name: {}", quoted(name)));
        line(&format!("        type: {}", quoted(&topic.type_name)));
        line("        serialization_format: cdr");
        if topic.qos.is_empty() {
            line("        offered_qos_profiles: []");
        } else {
            line("        offered_qos_profiles:");
            topic.qos.lines().for_each(|qos| line(&format!("          {qos}")));
        }
        line(&format!("        type_description_hash: {}", quoted(&topic.type_hash)));
        line(&format!("      message_count: {}", topic.messages));
    }
    line("  compression_format: \"\"");
    line("  compression_mode: \"\"");
    line("  relative_file_paths:");
    files
        .iter()
        .for_each(|file| line(&format!("    - {}", quoted(&file.name))));
    line("  files:");
    for file in files {
        let (first, last) = file.times.unwrap_or_default();
        line(&format!("    - path: {}", quoted(&file.name)));
        line(&format!(
            "      starting_time:\n        nanoseconds_since_epoch: {first}"
        ));
        line(&format!("      duration:\n        nanoseconds: {}", last - first));
        line(&format!("      message_count: {}", file.messages));
    }
    line("  custom_data: ~");
    line("  ros_distro: jazzy");
    text
}

/// What a publisher offers, as a YAML list of one.
pub(crate) fn qos_text(offer: &CardPublisher) -> String {
    let word = |is: bool, yes: &'static str, no: &'static str| if is { yes } else { no };
    let mut text = String::new();
    let mut line = |key: &str, value: &dyn std::fmt::Display| {
        let lead = if text.is_empty() { "- " } else { "  " };
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{lead}{key}: {value}");
    };
    let keeps_all = offer.history == CardPublisher::HISTORY_KEEP_ALL;
    line("history", &word(keeps_all, "keep_all", "keep_last"));
    line("depth", &offer.depth);
    let reliable = offer.reliability == CardPublisher::RELIABILITY_RELIABLE;
    line("reliability", &word(reliable, "reliable", "best_effort"));
    let latched = offer.durability == CardPublisher::DURABILITY_TRANSIENT_LOCAL;
    line("durability", &word(latched, "transient_local", "volatile"));
    line("deadline", &duration(offer.deadline_ns));
    line("lifespan", &duration(offer.lifespan_ns));
    let manual = offer.liveliness == CardPublisher::LIVELINESS_MANUAL_BY_TOPIC;
    line("liveliness", &word(manual, "manual_by_topic", "automatic"));
    line("liveliness_lease_duration", &duration(offer.lease_ns));
    line("avoid_ros_namespace_conventions", &false);
    text
}

/// None is the longest that rosbag2 knows.
fn duration(ns: u64) -> String {
    let ns = if ns == 0 { i64::MAX.unsigned_abs() } else { ns };
    format!("{{sec: {}, nsec: {}}}", ns / 1_000_000_000, ns % 1_000_000_000)
}

/// A text in YAML's double quotes, which are JSON's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bag_lasts_from_the_first_to_the_last_message_of_all_files() {
        let mut files = [FileFacts::default(), FileFacts::default(), FileFacts::default()];
        files[0].note(70);
        files[0].note(50);
        files[2].note(90);
        let text = metadata_text(&files, &BTreeMap::new());
        assert!(text.contains("  duration:\n    nanoseconds: 40\n"), "{text}");
        assert!(
            text.contains("nanoseconds_since_epoch: 50\n  message_count: 3\n"),
            "{text}"
        );
    }

    #[test]
    fn an_offer_is_told_in_words() {
        let offer = CardPublisher {
            depth: 10,
            reliability: CardPublisher::RELIABILITY_RELIABLE,
            lifespan_ns: 1_500_000_000,
            ..CardPublisher::default()
        };
        let text = qos_text(&offer);
        assert!(
            text.starts_with("- history: keep_last\n  depth: 10\n  reliability: reliable\n"),
            "{text}"
        );
        assert!(text.contains("  lifespan: {sec: 1, nsec: 500000000}\n"), "{text}");
        assert!(
            text.contains("  deadline: {sec: 9223372036, nsec: 854775807}\n"),
            "{text}"
        );
    }
}
