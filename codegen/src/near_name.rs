//! What somebody may have meant: the nearest of some names, by edit distance.

/// Names longer than this are not compared.
const LONGEST: usize = 64;

/// The candidates nearest to `name`, nearest first, at most three, none further away than two edits.
pub fn near_names<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut near: Vec<(usize, &str)> = candidates
        .filter_map(|candidate| Some((edit_distance(name, candidate)?, candidate)))
        .filter(|(distance, candidate)| *distance <= 2 && *distance * 2 < candidate.len())
        .collect();
    near.sort_unstable();
    near.dedup();
    near.truncate(3);
    near.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Insertions, deletions, replacements and swaps of neighbours that lead from `a` to `b`, letter case aside.
///
/// `None` when the answer is more than two anyway.
pub(crate) fn edit_distance(a: &str, b: &str) -> Option<usize> {
    if a.len().abs_diff(b.len()) > 2 || a.len() > LONGEST || b.len() > LONGEST {
        return None;
    }
    let a: Vec<u8> = a.bytes().map(|byte| byte.to_ascii_lowercase()).collect();
    let b: Vec<u8> = b.bytes().map(|byte| byte.to_ascii_lowercase()).collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX - 1);
            let mut best = (at(&last, j) + usize::from(from != to))
                .min(at(&last, j + 1) + 1)
                .min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(to) && b.get(j - 1) == Some(from);
            if swapped {
                best = best.min(at(&before_last, j - 1) + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last.last().copied().filter(|distance| *distance <= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_slip_counts_once() {
        for (name, distance) in [
            ("range", 0),
            ("rnage", 1),
            ("ange", 1),
            ("rangee", 1),
            ("ronge", 1),
            ("rongee", 2),
        ] {
            assert_eq!(edit_distance(name, "range"), Some(distance), "{name}");
        }
        assert_eq!(edit_distance("note", "unit"), None);
        assert_eq!(edit_distance("", "ab"), Some(2));
    }

    #[test]
    fn the_nearest_comes_first() {
        let names = ["Twist", "Vector3", "Vector", "Vectors"];
        assert_eq!(
            near_names("Vectr3", names.into_iter()),
            ["Vector3", "Vector", "Vectors"]
        );
    }
}
