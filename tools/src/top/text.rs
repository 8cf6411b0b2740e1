//! What is in a cell: numbers in few characters, and words. This module does no I/O.

use nuncio::msgs::nuncio_msgs::msg::NodeFacts;

use super::rows::{NodeRow, TopicRow};
use crate::render::short_key;

/// What stands where nobody has said anything yet.
pub(crate) const UNKNOWN: &str = "–";

/// So many a second, messages or bytes, in at most seven characters, such as `49.98` or `50.00k`.
pub(crate) fn rate(rate: Option<f64>) -> String {
    match rate {
        None => UNKNOWN.to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(rate) => scaled(rate, 4, &["", "k", "M", "G"]),
    }
}

/// A time, such as `312 µs`.
pub(crate) fn time(ns: Option<f64>) -> String {
    let Some(ns) = ns else { return UNKNOWN.to_owned() };
    let sign = if ns < 0.0 { "-" } else { "" };
    format!("{sign}{}", scaled(ns.abs(), 3, &[" ns", " µs", " ms", " s"]))
}

/// A count in at most five characters, unless nobody can have counted so far.
pub(crate) fn count(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        _ => scaled(count as f64, 3, &["", "k", "M", "G"]),
    }
}

/// How long something is there, such as `3 min`.
pub(crate) fn age(ns: u64) -> String {
    let seconds = ns / 1_000_000_000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Who signs what is published on a topic: the nickname or the key of the one publisher, or how many there are.
pub(crate) fn signer(row: &TopicRow) -> String {
    let mut publishers = row.publishers();
    match (publishers.next(), publishers.next()) {
        (None, _) => UNKNOWN.to_owned(),
        (Some(end), None) => end.nickname.clone().unwrap_or_else(|| short_key(&end.node.key)),
        (Some(_), Some(_)) => format!("{} signers", row.publishers().count()),
    }
}

/// How a node is, in a word.
pub(crate) fn health(row: &NodeRow) -> &'static str {
    match &row.answer {
        _ if row.problem.is_some() => "no answer",
        None => "unknown",
        Some(answer) => level(answer.level),
    }
}

/// The word for a level.
pub(crate) const fn level(level: u8) -> &'static str {
    match level {
        NodeFacts::LEVEL_OK => "ok",
        NodeFacts::LEVEL_WARNING => "warning",
        _ => "error",
    }
}

/// The rates of the last intervals as bars, newest last, highest full.
pub(crate) fn bars(history: &[f64], width: usize) -> String {
    // The full block is left out: bars of one row would touch those of the row above.
    const BARS: [char; 7] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇'];
    let shown = history.get(history.len().saturating_sub(width)..).unwrap_or_default();
    let highest = shown.iter().copied().fold(0.0, f64::max);
    let bar = |rate: &f64| {
        let place = if highest > 0.0 {
            (rate / highest * 6.0).round()
        } else {
            0.0
        };
        BARS.get(place as usize).copied().unwrap_or('▇')
    };
    let empty = width.saturating_sub(shown.len());
    std::iter::repeat_n(' ', empty).chain(shown.iter().map(bar)).collect()
}

/// So many digits at most, in the largest unit in which the number is at least one.
fn scaled(number: f64, digits: usize, units: &[&str]) -> String {
    // What would be rounded up to a thousand has a larger unit.
    let almost = 1.0 - 0.5 * 0.1_f64.powi(i32::try_from(digits).unwrap_or(i32::MAX));
    let (mut number, mut units) = (number, units.iter());
    let mut unit = units.next().copied().unwrap_or_default();
    for next in units {
        if number < 1000.0 * almost {
            break;
        }
        (number, unit) = (number / 1000.0, next);
    }
    if number >= 1e6 {
        return format!("{number:.1e}{unit}");
    }
    let whole = [10.0, 100.0, 1000.0]
        .into_iter()
        .filter(|limit| number >= limit * almost)
        .count()
        + 1;
    let decimals = digits.saturating_sub(whole);
    format!("{number:.decimals$}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits_and_a_unit() {
        let cases = [
            (0.5, "0.500"),
            (49.98, "49.98"),
            (999.97, "1.000k"),
            (50_000.0, "50.00k"),
            (7.3e6, "7.300M"),
        ];
        for (number, text) in cases {
            assert_eq!(rate(Some(number)), text);
        }
        assert_eq!((rate(None), rate(Some(0.0))), ("–".to_owned(), "0".to_owned()));
        assert_eq!(
            (time(Some(-312_400.0)), time(Some(1_230_000.0))),
            ("-312 µs".into(), "1.23 ms".into())
        );
        assert_eq!(
            (count(9999), count(10_000), count(u64::MAX)),
            ("9999".into(), "10.0k".into(), "1.8e10G".into())
        );
    }

    #[test]
    fn no_claim_is_too_large_for_a_cell() {
        for number in [f64::MAX, f64::INFINITY, u64::MAX as f64] {
            assert!(rate(Some(number)).len() <= 12, "{}", rate(Some(number)));
        }
    }

    #[test]
    fn bars_end_with_the_newest() {
        assert_eq!(bars(&[0.0, 25.0, 50.0], 5), "  ▁▄▇");
        assert_eq!(bars(&[1.0, 2.0, 50.0, 50.0], 2), "▇▇");
        assert_eq!(bars(&[0.0, 0.0], 2), "▁▁");
    }
}
