//! The limits that schemas can give, one function each, for generated `check` functions.
//!
//! A value inside its limits costs a comparison and no allocation: texts are made for violations only.

use std::fmt::Display;

use crate::LimitViolation;

/// Which value of a message is meant.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// A field.
    Field(&'static str),
    /// An element of a list.
    Element(&'static str, usize),
}

impl Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Field(name) => f.write_str(name),
            Self::Element(name, index) => write!(f, "{name}[{index}]"),
        }
    }
}

#[cold]
fn violation(place: Place, found: impl Display, allowed: impl Display) -> Result<(), LimitViolation> {
    Err(LimitViolation {
        path: place.to_string(),
        found: found.to_string(),
        allowed: allowed.to_string(),
    })
}

/// `string<=N`: at most `bound` bytes of UTF-8.
///
/// # Errors
///
/// A longer text.
#[inline]
pub fn text(place: Place, value: &str, bound: usize) -> Result<(), LimitViolation> {
    if value.len() <= bound {
        return Ok(());
    }
    violation(
        place,
        format_args!("{} bytes long", value.len()),
        format_args!("at most {bound} bytes"),
    )
}

/// `wstring<=N`: at most `bound` UTF-16 code units.
///
/// # Errors
///
/// A longer text.
#[inline]
pub fn wide_text(place: Place, value: &str, bound: usize) -> Result<(), LimitViolation> {
    // No character has more UTF-16 units than bytes of UTF-8.
    if value.len() <= bound {
        return Ok(());
    }
    let units = value.encode_utf16().count();
    if units <= bound {
        return Ok(());
    }
    violation(
        place,
        format_args!("{units} UTF-16 units long"),
        format_args!("at most {bound} UTF-16 units"),
    )
}

/// `T[<=N]`: at most `bound` elements.
///
/// # Errors
///
/// More elements.
#[inline]
pub fn elements(place: Place, len: usize, bound: usize) -> Result<(), LimitViolation> {
    if len <= bound {
        return Ok(());
    }
    violation(
        place,
        format_args!("{len} elements long"),
        format_args!("at most {bound} elements"),
    )
}

/// `@range [low, high]`
///
/// # Errors
///
/// A value outside, or one that is not a number.
#[inline]
pub fn range<T: PartialOrd + Display>(place: Place, value: &T, low: &T, high: &T) -> Result<(), LimitViolation> {
    if value >= low && value <= high {
        return Ok(());
    }
    violation(place, value, format_args!("{low} to {high}"))
}

/// `@finite`
///
/// # Errors
///
/// NaN and the infinities.
#[inline]
pub fn finite(place: Place, value: &impl Display, is_finite: bool) -> Result<(), LimitViolation> {
    if is_finite {
        return Ok(());
    }
    violation(place, value, "a finite number")
}

/// `@enum PREFIX`
///
/// # Errors
///
/// A value that is none of the constants.
#[inline]
pub fn one_of<T: PartialEq + Display>(place: Place, value: T, allowed: &[(&str, T)]) -> Result<(), LimitViolation> {
    if allowed.iter().any(|(_, constant)| *constant == value) {
        return Ok(());
    }
    let names: Vec<String> = allowed
        .iter()
        .map(|(name, constant)| format!("{name} ({constant})"))
        .collect();
    violation(place, value, names.join(", "))
}

/// `@max_age`: a stamp of seconds and nanoseconds lies at most `max_ns` before `now_ns`, and at most as far ahead of
/// it: clocks differ, and a stamp from far in the future would never grow old.
///
/// # Errors
///
/// An older stamp, or one from the future.
pub fn age(place: Place, (sec, nanosec): (i32, u32), max_ns: i64, now_ns: i64) -> Result<(), LimitViolation> {
    let stamp = i64::from(sec) * 1_000_000_000 + i64::from(nanosec);
    let age = now_ns.saturating_sub(stamp);
    let milliseconds = |nanoseconds: i64| nanoseconds.unsigned_abs() as f64 / 1e6;
    if (-max_ns..=max_ns).contains(&age) {
        return Ok(());
    }
    let direction = if age > 0 { "old" } else { "in the future" };
    violation(
        place,
        format_args!("{} ms {direction}", milliseconds(age)),
        format_args!("at most {} ms old", milliseconds(max_ns)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: Place = Place::Field("x");

    #[test]
    fn both_ends_of_a_range_belong_to_it_and_nan_does_not() {
        assert!(range(X, &1.0, &1.0, &2.0).is_ok() && range(X, &2.0, &1.0, &2.0).is_ok());
        assert!(range(X, &f64::NAN, &1.0, &2.0).is_err());
        let violation = range(X, &2.5_f32, &1.0, &2.0).unwrap_err();
        assert_eq!(violation.to_string(), "x is 2.5, the schema allows 1 to 2");
    }

    #[test]
    fn wide_texts_count_utf16_units() {
        assert!(wide_text(X, "€€", 2).is_ok() && wide_text(X, "😀", 2).is_ok());
        assert!(wide_text(X, "😀x", 2).is_err());
        assert!(text(X, "€", 3).is_ok() && text(X, "€", 2).is_err());
    }

    #[test]
    fn a_stamp_may_be_neither_too_old_nor_from_the_future() {
        let at = |now| age(X, (10, 500_000_000), 200_000_000, now);
        assert!(at(10_700_000_000).is_ok() && at(10_300_000_000).is_ok());
        assert_eq!(
            at(11_000_000_000).unwrap_err().to_string(),
            "x is 500 ms old, the schema allows at most 200 ms old"
        );
        assert!(at(10_000_000_000).unwrap_err().found.contains("future"));
        assert!(age(X, (i32::MIN, u32::MAX), i64::MAX - 1, i64::MAX).is_err());
    }

    #[test]
    fn the_constants_of_an_enumeration_are_named() {
        let violation = one_of(X, 3_u8, &[("MODE_A", 0), ("MODE_B", 1)]).unwrap_err();
        assert_eq!(violation.allowed, "MODE_A (0), MODE_B (1)");
        assert_eq!(violation.inside(Place::Element("items", 4)).path, "items[4].x");
    }
}
