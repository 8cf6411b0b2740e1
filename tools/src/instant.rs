//! Instants as they are written on the command line: `2027-01-01`, RFC 3339, or as far from now as `+30d` and `-12h`.
//!
//! This module reads no clock.

use std::time::Duration;

use nuncio::security::time_text::{parse_instant, utc_text};

/// An instant, or one that is told by how far it is from now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum When {
    /// In nanoseconds since 1970.
    At(i64),
    /// So long from now.
    After(Duration),
    /// So long ago.
    Before(Duration),
}

impl When {
    /// Reads what a person wrote.
    ///
    /// # Errors
    ///
    /// Says what is expected.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let span = |text: &str| humantime::parse_duration(text).ok();
        let parsed = match text.split_at_checked(1) {
            Some(("+", rest)) => span(rest).map(Self::After),
            Some(("-", rest)) => span(rest).map(Self::Before),
            _ if text == "now" => Some(Self::After(Duration::ZERO)),
            _ => parse_instant(text)
                .or_else(|| parse_instant(&format!("{text}T00:00:00Z")))
                .map(Self::At),
        };
        parsed.ok_or_else(|| {
            "expected a date such as 2027-01-01, a time such as 2027-01-01T12:00:00Z (with `Z` or an offset), \
             or a span from now such as +30d or -12h"
                .to_owned()
        })
    }

    /// The instant, in nanoseconds since 1970; the nearest one that certificates can name, 1970 to 2262.
    pub(crate) fn at_ns(self, now_ns: i64) -> i64 {
        let ns = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        let at_ns = match self {
            Self::At(at_ns) => at_ns,
            Self::After(span) => now_ns.saturating_add(ns(span)),
            Self::Before(span) => now_ns.saturating_sub(ns(span)),
        };
        at_ns.max(0)
    }
}

/// A span of validity in words.
pub(crate) fn validity(not_before_ns: Option<i64>, expires_ns: Option<i64>) -> String {
    match (not_before_ns, expires_ns) {
        (None, None) => "for ever".to_owned(),
        (Some(from), None) => format!("from {}", utc_text(from)),
        (None, Some(until)) => format!("until {}", utc_text(until)),
        (Some(from), Some(until)) => format!("from {} until {}", utc_text(from), utc_text(until)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_NS: i64 = 86_400_000_000_000;

    #[test]
    fn dates_times_and_spans_are_instants() {
        let at = |text: &str| When::parse(text).map(|when| when.at_ns(100 * DAY_NS));
        assert_eq!(at("1970-01-03"), Ok(2 * DAY_NS));
        assert_eq!(at("1970-01-03T00:00:00Z"), Ok(2 * DAY_NS));
        assert_eq!(at("1970-01-03T02:00:00+02:00"), Ok(2 * DAY_NS));
        assert_eq!(at("+30d"), Ok(130 * DAY_NS));
        assert_eq!(at("+1day 12h"), Ok(101 * DAY_NS + DAY_NS / 2));
        assert_eq!(at("-12h"), Ok(99 * DAY_NS + DAY_NS / 2));
        assert_eq!(at("now"), Ok(100 * DAY_NS));
    }

    #[test]
    fn what_is_out_of_range_is_the_nearest_instant_that_can_be_named() {
        assert_eq!(When::parse("-1000years").unwrap().at_ns(DAY_NS), 0);
        assert_eq!(When::parse("+1000years").unwrap().at_ns(DAY_NS), i64::MAX);
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "+",
            "-",
            "soon",
            "30d",
            "+30",
            "2027",
            "2027-13-01",
            "2027-02-30",
            "01.01.2027",
            "2027-01-01T12:00:00",
            "2027-01-01T25:00:00Z",
            "+é",
        ] {
            assert!(When::parse(text).is_err(), "{text:?} was accepted");
        }
    }
}
