//! The QoS chunk of a liveliness token: six fields of numbers, empty where they are rmw_zenoh's defaults.
//!
//! `<reliability>:<durability>:<history>,<depth>:<deadline s>,<ns>:<lifespan s>,<ns>:<liveliness>,<lease s>,<ns>`. The numbers
//! are those of rmw's enums. The depth is always written: rmw_zenoh reads a missing one as 42, other readers as 10 or not at
//! all.
//!
//! Pure text, both ways.

use std::num::NonZeroUsize;
use std::time::Duration;

use nuncio::{Durability, History, Liveliness, QosProfile, Reliability};

use super::data_key::decimal;

/// What rmw_zenoh keeps of a topic when nobody says how much.
const DEPTH_DEFAULT: usize = 42;

/// The seconds and nanoseconds that mean "for ever".
const INFINITE: (u64, u32) = (9_223_372_036, 854_775_807);

/// The chunk for a profile.
pub(crate) fn write(qos: &QosProfile) -> String {
    let reliability = match qos.reliability {
        Reliability::BestEffort => "2",
        Reliability::Reliable | Reliability::BestAvailable => "",
    };
    let durability = match qos.durability {
        Durability::TransientLocal => "1",
        Durability::Volatile | Durability::BestAvailable => "",
    };
    let history = match qos.history {
        History::KeepLast => "",
        History::KeepAll => "2",
    };
    let liveliness = match qos.liveliness {
        Liveliness::Automatic => "",
        Liveliness::ManualByTopic => "3",
    };
    format!(
        "{reliability}:{durability}:{history},{}:{}:{}:{liveliness},{}",
        qos.depth,
        write_time(qos.deadline),
        write_time(qos.lifespan),
        write_time(qos.lease)
    )
}

fn write_time(time: Option<Duration>) -> String {
    let (seconds, ns) = time.map_or(INFINITE, |time| (time.as_secs(), time.subsec_nanos()));
    let unless_default = |is_default: bool, text: String| if is_default { String::new() } else { text };
    format!(
        "{},{}",
        unless_default(seconds == INFINITE.0, seconds.to_string()),
        unless_default(ns == INFINITE.1, ns.to_string())
    )
}

/// The profile that a chunk means; `None` when it is none.
pub(crate) fn read(chunk: &str) -> Option<QosProfile> {
    let fields: Vec<&str> = chunk.split(':').collect();
    let &[reliability, durability, kept, deadline, lifespan, liveliness] = fields.as_slice() else {
        return None;
    };
    let (history, depth) = kept.split_once(',')?;
    let (liveliness, lease) = liveliness.split_once(',')?;
    let depth: usize = if depth.is_empty() { 0 } else { decimal(depth)? };
    Some(QosProfile {
        reliability: match reliability {
            "" | "0" | "1" => Reliability::Reliable,
            "2" => Reliability::BestEffort,
            "4" => Reliability::BestAvailable,
            _ => return None,
        },
        durability: match durability {
            "1" => Durability::TransientLocal,
            "" | "0" | "2" => Durability::Volatile,
            "4" => Durability::BestAvailable,
            _ => return None,
        },
        history: match history {
            "" | "0" | "1" => History::KeepLast,
            "2" => History::KeepAll,
            _ => return None,
        },
        depth: NonZeroUsize::new(depth).or(NonZeroUsize::new(DEPTH_DEFAULT))?,
        deadline: read_time(deadline)?,
        lifespan: read_time(lifespan)?,
        liveliness: match liveliness {
            "" | "0" | "1" | "5" => Liveliness::Automatic,
            "3" => Liveliness::ManualByTopic,
            _ => return None,
        },
        lease: read_time(lease)?,
        ..QosProfile::default()
    })
}

/// A time, or that there is none; `None` when it is neither.
#[expect(clippy::option_option, reason = "no limit is a value of its own")]
fn read_time(text: &str) -> Option<Option<Duration>> {
    let (seconds, ns) = text.split_once(',')?;
    let seconds = if seconds.is_empty() {
        INFINITE.0
    } else {
        decimal(seconds)?
    };
    let ns = if ns.is_empty() { INFINITE.1 } else { decimal(ns)? };
    let is_infinite = (seconds, ns) == INFINITE;
    let time = (ns < 1_000_000_000).then(|| Duration::new(seconds, ns))?;
    Some((!is_infinite).then_some(time))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_chunks_are_those_of_rmw_zenoh() {
        for (qos, chunk) in [
            (QosProfile::keep_last(10), "::,10:,:,:,,"),
            (QosProfile::keep_last(42), "::,42:,:,:,,"),
            (QosProfile::keep_last(1).transient_local(), ":1:,1:,:,:,,"),
            (QosProfile::sensor_data(), "2::,5:,:,:,,"),
            (QosProfile::keep_all(), "::2,10:,:,:,,"),
        ] {
            assert_eq!(write(&qos), chunk);
            assert_eq!(read(chunk), Some(qos));
        }
        let timed = QosProfile {
            deadline: Some(Duration::from_millis(1500)),
            lease: Some(Duration::from_secs(2)),
            liveliness: Liveliness::ManualByTopic,
            ..QosProfile::keep_last(10)
        };
        assert_eq!(write(&timed), "::,10:1,500000000:,:3,2,0");
        assert_eq!(read("::,10:1,500000000:,:3,2,0"), Some(timed));
    }

    #[test]
    fn what_is_left_out_is_rmw_zenohs_default() {
        assert_eq!(read("::,:,:,:,,"), Some(QosProfile::keep_last(42)));
        assert_eq!(read("1:2:1,10:,:,:1,,"), Some(QosProfile::keep_last(10)));
    }

    #[test]
    fn what_is_no_chunk_is_none() {
        for chunk in [
            "",
            ":::::",
            "::,10:,:,:,",
            "9::,10:,:,:,,",
            "::,-1:,:,:,,",
            "::,10:1,1000000000:,:,,",
            "::,x:,:,:,,",
        ] {
            assert_eq!(read(chunk), None, "{chunk}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic_and_what_is_read_is_written_alike(chunk in "[0-9:,]{0,40}|.{0,40}") {
            if let Some(qos) = read(&chunk) {
                let best = qos.reliability == Reliability::BestAvailable || qos.durability == Durability::BestAvailable;
                prop_assert!(best || read(&write(&qos)) == Some(qos));
            }
        }
    }
}
