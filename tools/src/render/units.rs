//! Numbers as people read them: times, spans, rates, sizes, keys.

use nuncio::PublicKey;

/// A span of nanoseconds in the unit that suits it, such as `3.20 ms`.
pub(crate) fn span(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let ns = ns.unsigned_abs();
    let (unit, scale) = match ns {
        0..1_000 => return format!("{sign}{ns} ns"),
        1_000..1_000_000 => ("µs", 1e3),
        1_000_000..1_000_000_000 => ("ms", 1e6),
        1_000_000_000..120_000_000_000 => ("s", 1e9),
        120_000_000_000..7_200_000_000_000 => ("min", 60e9),
        7_200_000_000_000..172_800_000_000_000 => ("h", 3600e9),
        _ => ("d", 86_400e9),
    };
    format!("{sign}{} {unit}", three_digits(ns as f64 / scale))
}

/// A number of bytes, such as `1.50 KiB`.
pub(crate) fn bytes(bytes: f64) -> String {
    let (unit, scale) = match bytes {
        ..1024.0 => return format!("{bytes:.0} B"),
        ..1_048_576.0 => ("KiB", 1024.0),
        ..1_073_741_824.0 => ("MiB", 1_048_576.0),
        _ => ("GiB", 1_073_741_824.0),
    };
    format!("{} {unit}", three_digits(bytes / scale))
}

/// Bytes per second.
pub(crate) fn bytes_per_second(rate: f64) -> String {
    format!("{}/s", bytes(rate))
}

/// A whole number with its thousands apart, such as `1,234,567`.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Messages per second.
pub(crate) fn hz(rate: f64) -> String {
    format!("{rate:.3} Hz")
}

/// How many of something, in words: `1 node`, `2 nodes`.
pub(crate) fn count(number: usize, one: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {one}s"),
    }
}

/// The part of a key that people recognise it by: `z6Mkha…ta2doK`, without `did:key:` and the middle.
pub(crate) fn short_key(key: &PublicKey) -> String {
    let text = key.to_string();
    let base58 = text.strip_prefix("did:key:").unwrap_or(&text);
    match (base58.get(..8), base58.get(base58.len().saturating_sub(6)..)) {
        (Some(first), Some(last)) => format!("{first}…{last}"),
        _ => base58.to_owned(),
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A time in ns since 1970 as `2026-11-21 08:45:07.123 UTC`.
pub(crate) fn utc(ns: i64) -> String {
    let (second, ms) = (ns.div_euclid(1_000_000_000), ns.rem_euclid(1_000_000_000) / 1_000_000);
    let (day, second) = (second.div_euclid(86_400), second.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(day);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{ms:03} UTC")
}

/// Year, month and day of a number of days since 1970-01-01 in the Gregorian calendar (Hinnant's algorithm).
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn three_digits(number: f64) -> String {
    match number {
        ..10.0 => format!("{number:.2}"),
        ..100.0 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_the_unit_that_suits_them() {
        let cases = [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_500, "1.50 µs"),
            (-3_200_000, "-3.20 ms"),
            (59_000_000_000, "59.0 s"),
            (600_000_000_000, "10.0 min"),
            (i64::MAX, "106752 d"),
            (i64::MIN, "-106752 d"),
        ];
        for (ns, text) in cases {
            assert_eq!(span(ns), text);
        }
    }

    #[test]
    fn sizes_count_in_1024() {
        assert_eq!(
            [bytes(0.0), bytes(1023.0), bytes(1536.0), bytes(3.5e9)],
            ["0 B", "1023 B", "1.50 KiB", "3.26 GiB"]
        );
    }

    #[test]
    fn thousands_stand_apart() {
        let texts = [0.0, 999.4, 999.5, 12_345.0, 1_234_567.0].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(utc(0), "1970-01-01 00:00:00.000 UTC");
        assert_eq!(utc(1_709_210_096_789_000_000), "2024-02-29 12:34:56.789 UTC");
        assert_eq!(utc(-1), "1969-12-31 23:59:59.999 UTC");
        assert_eq!(utc(i64::MAX), "2262-04-11 23:47:16.854 UTC");
    }

    #[test]
    fn a_short_key_shows_both_ends() {
        let key = PublicKey::parse("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK").unwrap();
        assert_eq!(short_key(&key), "z6MkhaXg…ta2doK");
    }
}
