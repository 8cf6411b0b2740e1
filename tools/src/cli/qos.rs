//! The flags that choose a QoS profile, as ROS 2 tools have them.

use std::num::NonZeroUsize;
use std::time::Duration;

use nuncio::{Durability, History, Liveliness, QosProfile, Reliability};

use super::seconds;

/// The profile that the command starts from, and what is other than in it.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Quality of service")]
pub(crate) struct QosArgs {
    /// Start from this profile
    #[arg(long, value_name = "NAME", value_parser = profile_name)]
    qos_profile: Option<QosProfile>,
    /// reliable, best_effort, or best_available: as each publisher offers
    #[arg(long, value_name = "POLICY")]
    qos_reliability: Option<Reliability>,
    /// volatile, transient_local: late subscribers get the last messages, or best_available
    #[arg(long, value_name = "POLICY")]
    qos_durability: Option<Durability>,
    /// keep_last or keep_all
    #[arg(long, value_name = "POLICY")]
    qos_history: Option<History>,
    /// How many messages are kept
    #[arg(long, value_name = "N")]
    qos_depth: Option<NonZeroUsize>,
    /// The longest time between two messages
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    qos_deadline: Option<Duration>,
    /// How old a message may become before nobody gets it any more
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    qos_lifespan: Option<Duration>,
    /// What shows that a publisher is alive: automatic or manual_by_topic
    #[arg(long, value_name = "POLICY")]
    qos_liveliness: Option<Liveliness>,
    /// Within what time it is shown again
    #[arg(long, value_name = "SECONDS", value_parser = seconds, alias = "qos-liveliness-lease-duration")]
    qos_lease: Option<Duration>,
}

impl QosArgs {
    /// The profile that the flags say, where they say nothing as `unless_said`.
    pub(crate) fn profile(&self, unless_said: QosProfile) -> QosProfile {
        let from = self.qos_profile.unwrap_or(unless_said);
        QosProfile {
            reliability: self.qos_reliability.unwrap_or(from.reliability),
            durability: self.qos_durability.unwrap_or(from.durability),
            history: self.qos_history.unwrap_or(from.history),
            depth: self.qos_depth.unwrap_or(from.depth),
            deadline: self.qos_deadline.or(from.deadline),
            lifespan: self.qos_lifespan.or(from.lifespan),
            liveliness: self.qos_liveliness.unwrap_or(from.liveliness),
            lease: self.qos_lease.or(from.lease),
            ..from
        }
    }
}

fn profile_name(name: &str) -> Result<QosProfile, String> {
    Ok(match name {
        "default" | "system_default" => QosProfile::default(),
        "sensor_data" => QosProfile::sensor_data(),
        "services" | "services_default" => QosProfile::services(),
        "parameters" | "parameter_events" => QosProfile::parameters(),
        "commands" => QosProfile::commands(),
        "alerts" => QosProfile::alerts(),
        "best_available" => QosProfile::best_available(),
        _ => {
            return Err(
                "expected default, sensor_data, services, parameters, commands, alerts or best_available".to_owned(),
            );
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        qos: QosArgs,
    }

    fn read(line: &str) -> Result<QosProfile, String> {
        let words = std::iter::once("x").chain(line.split_whitespace());
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        Ok(line.qos.profile(QosProfile::best_available()))
    }

    #[test]
    fn a_profile_is_what_its_name_says_and_what_the_other_flags_change() {
        assert_eq!(read(""), Ok(QosProfile::best_available()));
        assert_eq!(read("--qos-profile sensor_data"), Ok(QosProfile::sensor_data()));
        let changed = QosProfile {
            depth: NonZeroUsize::new(7).unwrap(),
            deadline: Some(Duration::from_millis(500)),
            liveliness: Liveliness::ManualByTopic,
            lease: Some(Duration::from_secs(2)),
            ..QosProfile::sensor_data()
        };
        let line =
            "--qos-profile sensor_data --qos-depth 7 --qos-deadline 0.5 --qos-liveliness manual_by_topic --qos-lease 2";
        assert_eq!(read(line), Ok(changed));
    }

    #[test]
    fn what_is_no_policy_is_told_with_what_is_one() {
        for (line, told) in [
            ("--qos-profile fast", "sensor_data"),
            ("--qos-reliability sometimes", "`best_effort`"),
            ("--qos-depth 0", "--qos-depth"),
            ("--qos-deadline 0", "more than 0 seconds"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(told), "{line}: {error}");
        }
    }
}
