//! What two topic patterns have in common, as patterns again: for a router, which knows one list of key expressions and no
//! roles within scopes.
//!
//! The overlap of `robot1/**` and `**/cmd_vel` is `robot1/**/cmd_vel`. Other pairs need several patterns for it. Texts
//! come out and no [`TopicPattern`]: they may have more `**` than a person may write.
//!
//! # Invariant
//!
//! A topic is matched by one of the texts exactly when both patterns match it. The work is bounded; what would take more
//! is an error, never a wider or a narrower answer.

use std::collections::BTreeSet;
use std::fmt;

use super::topic_pattern::TopicPattern;

/// The most steps that one overlap may take. Patterns that people write take some dozens.
const STEPS_MAX: u32 = 20_000;

/// The key expressions that together match what both patterns match; none when they have nothing in common.
///
/// # Errors
///
/// [`TangledPatterns`] when the two have so many stars that the answer would be too long.
pub fn overlap(a: &TopicPattern, b: &TopicPattern) -> Result<BTreeSet<String>, TangledPatterns> {
    if a.includes(b) {
        return Ok(BTreeSet::from([b.as_str().to_owned()]));
    }
    if b.includes(a) {
        return Ok(BTreeSet::from([a.as_str().to_owned()]));
    }
    let mut steps = STEPS_MAX;
    let common = common_paths(&segments(a), &segments(b), &mut steps);
    let paths = common.ok_or_else(|| TangledPatterns {
        patterns: [a.clone(), b.clone()],
    })?;
    Ok(paths.iter().map(canonical).collect())
}

/// One part of a sequence with stars.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Part<T> {
    /// Any number of whatever: `**` among segments, `$*` among characters.
    Any,
    /// One of these.
    One(T),
}

type Path<T> = Vec<Part<T>>;

/// What two parts that are not [`Part::Any`] have in common; `None` when the steps are used up.
type Meet<'a, T> = &'a dyn Fn(&T, &T, &mut u32) -> Option<BTreeSet<T>>;

fn segments(pattern: &TopicPattern) -> Path<String> {
    let part = |segment: &str| match segment {
        "**" => Part::Any,
        other => Part::One(other.to_owned()),
    };
    pattern.as_str().split('/').map(part).collect()
}

fn common_paths(a: &[Part<String>], b: &[Part<String>], steps: &mut u32) -> Option<BTreeSet<Path<String>>> {
    common(a, b, &common_segments, steps)
}

/// What two segments that are not `**` have in common.
fn common_segments(a: &String, b: &String, steps: &mut u32) -> Option<BTreeSet<String>> {
    if a == b || b == "*" {
        return Some(BTreeSet::from([a.clone()]));
    }
    if a == "*" {
        return Some(BTreeSet::from([b.clone()]));
    }
    let same = |a: &char, b: &char, _: &mut u32| Some(a.eq(b).then_some(*a).into_iter().collect());
    let found = common(&characters(a), &characters(b), &same, steps)?;
    let text = |path: &Path<char>| {
        let mut text = String::new();
        for part in path {
            match part {
                Part::One(character) => text.push(*character),
                Part::Any if text.ends_with("$*") => {}
                Part::Any => text.push_str("$*"),
            }
        }
        text
    };
    // No segment of a name is empty, and `$*` alone is written `*`.
    let texts = found.iter().map(text).filter(|text| !text.is_empty());
    Some(
        texts
            .map(|text| if text == "$*" { "*".to_owned() } else { text })
            .collect(),
    )
}

fn characters(segment: &str) -> Path<char> {
    let mut rest = segment;
    let mut path = Vec::new();
    while let Some(character) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("$*") {
            path.push(Part::Any);
            rest = after;
        } else {
            path.push(Part::One(character));
            rest = rest.get(character.len_utf8()..).unwrap_or_default();
        }
    }
    path
}

/// The sequences that `a` and `b` have in common; `None` when the steps are used up.
fn common<T: Clone + Ord>(
    a: &[Part<T>],
    b: &[Part<T>],
    meet: Meet<'_, T>,
    steps: &mut u32,
) -> Option<BTreeSet<Path<T>>> {
    *steps = steps.checked_sub(1)?;
    let after = |part: Part<T>, rest: BTreeSet<Path<T>>| {
        rest.into_iter().map(move |mut path| {
            path.insert(0, part.clone());
            path
        })
    };
    Some(match (a.split_first(), b.split_first()) {
        (None, None) => BTreeSet::from([Vec::new()]),
        (Some((Part::Any, rest)), None) => common(rest, b, meet, steps)?,
        (None, Some((Part::Any, rest))) => common(a, rest, meet, steps)?,
        (Some(_), None) | (None, Some(_)) => BTreeSet::new(),
        (Some((Part::Any, rest_a)), Some((Part::Any, rest_b))) => {
            // One of the two stars ends first; before that anything may stand.
            let mut rest = common(rest_a, b, meet, steps)?;
            rest.extend(common(a, rest_b, meet, steps)?);
            after(Part::Any, rest).collect()
        }
        (Some((Part::Any, rest_a)), Some((one @ Part::One(_), rest_b))) => {
            let mut found = common(rest_a, b, meet, steps)?;
            found.extend(after(one.clone(), common(a, rest_b, meet, steps)?));
            found
        }
        (Some((one @ Part::One(_), rest_a)), Some((Part::Any, rest_b))) => {
            let mut found = common(a, rest_b, meet, steps)?;
            found.extend(after(one.clone(), common(rest_a, b, meet, steps)?));
            found
        }
        (Some((Part::One(one_a), rest_a)), Some((Part::One(one_b), rest_b))) => {
            let mut found = BTreeSet::new();
            let firsts = meet(one_a, one_b, steps)?;
            if !firsts.is_empty() {
                let rest = common(rest_a, rest_b, meet, steps)?;
                for first in firsts {
                    found.extend(after(Part::One(first), rest.clone()));
                }
            }
            found
        }
    })
}

/// The path as Zenoh writes it: one `**` where several meet, and `*` before it.
fn canonical(path: &Path<String>) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for part in path {
        match part {
            Part::Any if segments.last() == Some(&"**") => {}
            Part::Any => segments.push("**"),
            Part::One(segment) if segment == "*" && segments.last() == Some(&"**") => {
                segments.insert(segments.len() - 1, segment);
            }
            Part::One(segment) => segments.push(segment),
        }
    }
    segments.join("/")
}

/// Two patterns that have too much in common in too many ways.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TangledPatterns {
    /// The two.
    pub patterns: [TopicPattern; 2],
}

impl fmt::Display for TangledPatterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = &self.patterns;
        write!(
            f,
            "what {a} and {b} have in common cannot be said in few patterns; use fewer stars in one of them"
        )
    }
}

impl std::error::Error for TangledPatterns {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zenoh_keyexpr::keyexpr;

    use super::*;
    use crate::name::TopicName;

    fn both(a: &str, b: &str) -> Vec<String> {
        let [a, b] = [a, b].map(|text| TopicPattern::parse(text).unwrap());
        let found = overlap(&a, &b).unwrap();
        assert_eq!(found, overlap(&b, &a).unwrap(), "{a} and {b} the other way round");
        found.into_iter().collect()
    }

    #[test]
    fn the_narrower_of_two_patterns_is_their_overlap() {
        assert_eq!(both("robot1/**", "robot1/cmd_vel"), ["robot1/cmd_vel"]);
        assert_eq!(both("**", "*/pose"), ["*/pose"]);
        assert_eq!(both("a/b", "a/c"), [""; 0]);
        assert_eq!(both("a/*", "a/b/c"), [""; 0]);
    }

    #[test]
    fn patterns_that_cross_have_what_both_match() {
        assert_eq!(both("robot1/**", "**/cmd_vel"), ["robot1/**/cmd_vel"]);
        assert_eq!(both("*/pose", "robot1/*"), ["robot1/pose"]);
        assert_eq!(both("robot$*/pose", "$*1/*"), ["robot$*1/pose"]);
        assert_eq!(both("a/**", "**/a"), ["a", "a/**/a"]);
    }

    #[test]
    fn patterns_with_too_many_stars_are_an_error_and_no_guess() {
        let stars = TopicPattern::parse(&"a$*".repeat(60)).unwrap();
        let others = TopicPattern::parse(&"$*a".repeat(60)).unwrap();
        let error = overlap(&stars, &others).unwrap_err().to_string();
        assert!(error.ends_with("use fewer stars in one of them"), "{error}");
    }

    proptest! {
        #[test]
        fn a_topic_is_in_the_overlap_exactly_when_both_patterns_have_it(
            a in "(\\*|\\*\\*|a|b|a\\$\\*|\\$\\*b)(/(\\*|\\*\\*|a|b|ab|a\\$\\*|\\$\\*b)){0,3}",
            b in "(\\*|\\*\\*|a|b|a\\$\\*|\\$\\*b)(/(\\*|\\*\\*|a|b|ab|a\\$\\*|\\$\\*b)){0,3}",
            topics in proptest::collection::vec("/(a|b|ab|ba)(/(a|b|ab|ba)){0,4}", 32),
        ) {
            let (Ok(a), Ok(b)) = (TopicPattern::parse(&a), TopicPattern::parse(&b)) else { return Ok(()) };
            let found = overlap(&a, &b).unwrap();
            for text in &found {
                prop_assert!(keyexpr::new(text.as_str()).is_ok(), "{text} is not canonical, from {a} and {b}");
            }
            for topic in topics {
                let name = TopicName::parse(&topic).unwrap();
                let plain = keyexpr::new(topic.trim_start_matches('/')).unwrap();
                let in_overlap = found.iter().any(|text| keyexpr::new(text.as_str()).unwrap().includes(plain));
                prop_assert_eq!(in_overlap, a.matches(&name) && b.matches(&name), "{} in {} and {}", topic, a, b);
            }
        }
    }
}
