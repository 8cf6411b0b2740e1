//! Medians and percentiles.

/// The `percent`-th percentile by nearest rank; 0 when there is nothing.
pub(super) fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// The 50th percentile.
pub(super) fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

/// Three digits after the point are more than any of the numbers is good for.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

/// `part / whole`, and 0 when there is no whole.
pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    match whole {
        0.0 => 0.0,
        _ => part / whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_there() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&values, 99), 99.0);
        assert_eq!(percentile(&values, 100), 100.0);
        assert_eq!(median(&values), 50.0);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(percentile(&[7.0], 1), 7.0);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn nothing_divided_by_nothing_is_nothing() {
        assert_eq!((ratio(0.0, 0.0), ratio(1.0, 4.0)), (0.0, 0.25));
    }
}
