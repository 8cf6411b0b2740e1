//! The wall clock: the only file that reads the time; everything else is handed a `now`.

use std::time::{SystemTime, UNIX_EPOCH};

/// The time since 1970-01-01 UTC, in nanoseconds; negative before it.
///
/// A clock that stands outside the years 1678 to 2262 gives the nearest time that fits.
pub fn now_ns() -> i64 {
    ns_since_1970(SystemTime::now())
}

/// The time since 1970-01-01 UTC, in milliseconds; 0 when the clock stands before that.
pub fn now_ms() -> u64 {
    u64::try_from(now_ns() / 1_000_000).unwrap_or(0)
}

fn ns_since_1970(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_time_before_1970_is_negative_and_a_far_one_is_the_nearest_that_fits() {
        assert_eq!(ns_since_1970(UNIX_EPOCH + Duration::from_nanos(7)), 7);
        assert_eq!(ns_since_1970(UNIX_EPOCH - Duration::from_nanos(7)), -7);
        assert_eq!(ns_since_1970(UNIX_EPOCH + Duration::from_secs(1 << 40)), i64::MAX);
        assert_eq!(ns_since_1970(UNIX_EPOCH - Duration::from_secs(1 << 40)), i64::MIN);
    }

    #[test]
    fn milliseconds_and_nanoseconds_are_the_same_time() {
        let (before, ms, after) = (now_ns(), now_ms(), now_ns());
        let ms = i64::try_from(ms).unwrap();
        assert!((before / 1_000_000..=after / 1_000_000).contains(&ms));
    }
}
