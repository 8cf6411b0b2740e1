//! Instants and durations as people write them: `2026-11-21T14:00:00Z`, `200ms`.

use std::time::{Duration, UNIX_EPOCH};

use toml_edit::{Datetime, Offset};

/// Nanoseconds in a second.
pub(super) const SECOND_NS: i64 = 1_000_000_000;

/// Writes an instant in whole seconds of UTC, `2026-11-21T14:00:00Z`. What lies before 1970 is written as its beginning.
pub fn utc_text(time_ns: i64) -> String {
    let since_1970 = Duration::from_nanos(u64::try_from(time_ns).unwrap_or(0));
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since_1970).to_string()
}

/// Reads what [`utc_text`] writes, and nothing else.
pub(super) fn parse_utc(text: &str) -> Option<i64> {
    let time = humantime::parse_rfc3339(text).ok()?;
    let time_ns = i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()?;
    (utc_text(time_ns) == text).then_some(time_ns)
}

/// Reads a date and time with an offset from UTC, as TOML has them.
pub fn parse_instant(text: &str) -> Option<i64> {
    instant(text.parse::<Datetime>().ok()?)
}

/// The instant that a TOML date and time stand for, in nanoseconds since 1970; `None` without an offset, before 1970 or
/// after 2262.
pub(super) fn instant(datetime: Datetime) -> Option<i64> {
    let (date, time) = (datetime.date?, datetime.time?);
    let offset_minutes = match datetime.offset? {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    let (second, nanosecond) = (time.second.unwrap_or(0), time.nanosecond.unwrap_or(0));
    let utc = parse_utc(&format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{second:02}Z",
        date.year, date.month, date.day, time.hour, time.minute
    ))?;
    let time_ns = utc
        .checked_sub(offset_minutes.checked_mul(60 * SECOND_NS)?)?
        .checked_add(i64::from(nanosecond))?;
    (time_ns >= 0).then_some(time_ns)
}

/// Reads a duration such as `200ms` or `1h 30m`. Nothing else than a number above 0 with its unit.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text)
        .ok()
        .filter(|duration| !duration.is_zero())
}

/// Writes a duration as [`parse_duration`] reads it.
pub(super) fn duration_text(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_as_it_is_written() {
        assert_eq!(utc_text(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc_text(i64::MIN), "1970-01-01T00:00:00Z");
        assert_eq!(utc_text(i64::MAX), "2262-04-11T23:47:16Z");
        assert_eq!(
            parse_utc("2262-04-11T23:47:16Z"),
            Some(i64::MAX / SECOND_NS * SECOND_NS)
        );
        assert_eq!(parse_utc("2026-11-21T14:00:00Z"), Some(1_795_269_600 * SECOND_NS));
        for other in [
            "",
            "2026-11-21",
            "2026-11-21T14:00:00",
            "2026-11-21 14:00:00Z",
            "2026-11-21T14:00:00+00:00",
            "2026-11-21T14:00:00.5Z",
            "2026-11-21T14:00:00.0Z",
            "2026-11-21T14:00:60Z",
            "2026-11-21T24:00:00Z",
            "2026-02-29T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2262-04-11T23:47:17Z",
            "9999-12-31T23:59:59Z",
            "2026-11-21T14:00:00Z ",
            "é026-11-21T14:00:00Z",
            "2026-11-21T14:00:0é",
        ] {
            assert_eq!(parse_utc(other), None, "{other}");
        }
    }

    #[test]
    fn an_offset_and_a_fraction_are_reckoned_in() {
        let at = |text| parse_instant(text).map(|time_ns| time_ns - 1_795_269_600 * SECOND_NS);
        assert_eq!(at("2026-11-21T14:00:00Z"), Some(0));
        assert_eq!(at("2026-11-21T15:30:00+01:30"), Some(0));
        assert_eq!(at("2026-11-21 10:00:00-04:00"), Some(0));
        assert_eq!(at("2026-11-21T14:00:00.25Z"), Some(SECOND_NS / 4));
        assert_eq!(at("2026-11-21T14:00:00"), None);
        assert_eq!(at("2026-11-21"), None);
        assert_eq!(at("14:00:00"), None);
        assert_eq!(at("1970-01-01T00:00:00+01:00"), None);
    }
}
