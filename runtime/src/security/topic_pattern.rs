//! Topic patterns: Zenoh key expressions over topic names, as roles and scopes use them.
//!
//! The only file that names `zenoh_keyexpr::`: a pattern means here what it means to a Zenoh router. `*` is any one
//! segment, `**` any number of segments, none included, and `$*` any characters within a segment.
//!
//! # Invariants
//!
//! - A pattern is in Zenoh's canonical form and has no leading slash, so there is one spelling for each.
//! - It has at most [`PATTERN_LEN_MAX`] bytes, [`PATTERN_SEGMENTS_MAX`] segments and two `**`: matching tries all ways to
//!   place them, and patterns come from strangers too.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use zenoh_keyexpr::{OwnedKeyExpr, keyexpr};

use crate::name::{NAME_LEN_MAX, TopicName};

/// The greatest length of a pattern, in bytes.
pub const PATTERN_LEN_MAX: usize = NAME_LEN_MAX;

/// The most segments in a pattern.
pub const PATTERN_SEGMENTS_MAX: usize = 16;

/// The most `**` in one pattern.
const DOUBLE_WILD_MAX: usize = 2;

/// A set of topic names, such as `robot1/cmd_vel`, `robot1/**` or `*/heartbeat`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct TopicPattern(OwnedKeyExpr);

impl TopicPattern {
    /// Reads a pattern. A leading slash, as topic names have it, may stand there or not.
    ///
    /// # Errors
    ///
    /// [`TopicPatternError`] when it is empty or too long, has an empty segment, a character that no topic name has, a
    /// star that is not a whole segment, or too many `**`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nuncio::TopicName;
    /// # use nuncio::security::topic_pattern::TopicPattern;
    /// let pattern = TopicPattern::parse("/robot1/**").unwrap();
    /// assert!(pattern.matches(&TopicName::parse("/robot1/arm/state").unwrap()));
    /// assert!(!pattern.matches(&TopicName::parse("/robot2/arm/state").unwrap()));
    /// assert_eq!(pattern.as_str(), "robot1/**");
    /// ```
    pub fn parse(text: &str) -> Result<Self, TopicPatternError> {
        let refuse = |problem| TopicPatternError {
            text: text.chars().take(PATTERN_LEN_MAX).collect(),
            problem,
        };
        let relative = text.strip_prefix('/').unwrap_or(text);
        if relative.len() > PATTERN_LEN_MAX {
            return Err(refuse(PatternProblem::TooLong { len: relative.len() }));
        }
        for (index, segment) in relative.split('/').enumerate() {
            check_segment(segment).map_err(refuse)?;
            if index == PATTERN_SEGMENTS_MAX {
                return Err(refuse(PatternProblem::TooManySegments));
            }
        }
        let pattern =
            OwnedKeyExpr::autocanonize(relative.to_owned()).map_err(|_| refuse(PatternProblem::NotAPattern))?;
        if pattern.split('/').filter(|segment| *segment == "**").count() > DOUBLE_WILD_MAX {
            return Err(refuse(PatternProblem::TooManyDoubleWilds));
        }
        Ok(Self(pattern))
    }

    /// The canonical text, without a leading slash.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether the topic is in the set.
    pub fn matches(&self, topic: &TopicName) -> bool {
        let name = topic.as_str();
        keyexpr::new(name.strip_prefix('/').unwrap_or(name)).is_ok_and(|name| self.0.includes(name))
    }

    /// Whether every topic in `other` is in this set too.
    pub fn includes(&self, other: &Self) -> bool {
        self.0.includes(&other.0)
    }
}

fn check_segment(segment: &str) -> Result<(), PatternProblem> {
    if segment.is_empty() {
        return Err(PatternProblem::EmptySegment);
    }
    if segment == "*" || segment == "**" {
        return Ok(());
    }
    let literal = segment.replace("$*", "");
    match literal.chars().find(|c| !(c.is_ascii_alphanumeric() || *c == '_')) {
        None => Ok(()),
        Some('*') => Err(PatternProblem::StarInSegment),
        Some(character) => Err(PatternProblem::BadCharacter { character }),
    }
}

impl Ord for TopicPattern {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for TopicPattern {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TopicPattern {
    type Err = TopicPatternError;

    fn from_str(text: &str) -> Result<Self, TopicPatternError> {
        Self::parse(text)
    }
}

/// A text that is no topic pattern.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TopicPatternError {
    /// The text, cut to [`PATTERN_LEN_MAX`] characters.
    pub text: String,
    /// The first rule broken.
    pub problem: PatternProblem,
}

/// The rule that a topic pattern breaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PatternProblem {
    /// Nothing between two slashes, at the end, or at all.
    EmptySegment,
    /// More bytes than a pattern may have.
    TooLong {
        /// Bytes found.
        len: usize,
    },
    /// A character that no topic name has.
    BadCharacter {
        /// The character.
        character: char,
    },
    /// A star next to something else.
    StarInSegment,
    /// More than [`PATTERN_SEGMENTS_MAX`] segments.
    TooManySegments,
    /// More than two `**`.
    TooManyDoubleWilds,
    /// Zenoh does not take it for a key expression.
    NotAPattern,
}

impl fmt::Display for TopicPatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a topic pattern: ", self.text)?;
        match self.problem {
            PatternProblem::EmptySegment => {
                f.write_str("a segment is empty; write names as in `robot1/cmd_vel`, and `**` for every topic")
            }
            PatternProblem::TooLong { len } => {
                write!(f, "it has {len} bytes, at most {PATTERN_LEN_MAX} are allowed")
            }
            PatternProblem::BadCharacter { character } => write!(
                f,
                "topic names have no {character:?}; they are letters, digits and `_`, joined by `/`"
            ),
            PatternProblem::StarInSegment => {
                f.write_str("`*` and `**` stand alone between slashes; within a name write `$*`, as in `robot$*/pose`")
            }
            PatternProblem::TooManySegments => {
                write!(
                    f,
                    "at most {PATTERN_SEGMENTS_MAX} segments are allowed; end it earlier, with `**`"
                )
            }
            PatternProblem::TooManyDoubleWilds => {
                write!(
                    f,
                    "at most {DOUBLE_WILD_MAX} `**` are allowed; split it into several patterns"
                )
            }
            PatternProblem::NotAPattern => f.write_str("Zenoh does not take it for a key expression"),
        }
    }
}

impl std::error::Error for TopicPatternError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(text: &str) -> TopicPattern {
        TopicPattern::parse(text).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_pattern_is_read_with_and_without_its_slash_and_has_one_spelling() {
        for (text, canonical) in [
            ("/robot1/cmd_vel", "robot1/cmd_vel"),
            ("robot1/**", "robot1/**"),
            ("*/heartbeat", "*/heartbeat"),
            ("**", "**"),
            ("**/**", "**"),
            ("**/*", "*/**"),
            ("$*/pose", "*/pose"),
            ("robot$*/pose", "robot$*/pose"),
            ("robot$*$*/pose", "robot$*/pose"),
        ] {
            assert_eq!(pattern(text).as_str(), canonical, "{text}");
            assert_eq!(pattern(canonical).as_str(), canonical);
        }
    }

    #[test]
    fn a_pattern_matches_what_a_router_would_match() {
        for (text, topic, expected) in [
            ("robot1/cmd_vel", "/robot1/cmd_vel", true),
            ("robot1/cmd_vel", "/robot1/cmd_vel2", false),
            ("robot1/**", "/robot1", true),
            ("robot1/**", "/robot1/arm/state", true),
            ("robot1/**", "/robot10/arm", false),
            ("*/heartbeat", "/robot1/heartbeat", true),
            ("*/heartbeat", "/heartbeat", false),
            ("*/heartbeat", "/fleet/robot1/heartbeat", false),
            ("robot$*/pose", "/robot7/pose", true),
            ("robot$*/pose", "/robot7/arm/pose", false),
            ("**/pose/**", "/a/b/pose/c", true),
            ("**/pose/**", "/a/b/poses/c", false),
        ] {
            let topic = TopicName::parse(topic).unwrap();
            assert_eq!(pattern(text).matches(&topic), expected, "{text} {topic}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_the_rule_it_breaks() {
        let reason = |text: &str| TopicPattern::parse(text).unwrap_err().to_string();
        let empty = "a segment is empty; write names as in `robot1/cmd_vel`, and `**` for every topic";
        for text in ["", "/", "//a", "a//b", "a/"] {
            assert_eq!(reason(text), format!("{text:?} is not a topic pattern: {empty}"));
        }
        for (text, character) in [
            ("a/@b", '@'),
            ("@v/**", '@'),
            ("a#b", '#'),
            ("a?b", '?'),
            ("a$b", '$'),
            ("a/$", '$'),
            ("$*$", '$'),
            ("a b", ' '),
            ("a\nb", '\n'),
            ("é", 'é'),
            ("a/../b", '.'),
            ("a\0", '\0'),
        ] {
            let rule = format!("topic names have no {character:?}; they are letters, digits and `_`, joined by `/`");
            assert_eq!(reason(text), format!("{text:?} is not a topic pattern: {rule}"));
        }
        let star = "`*` and `**` stand alone between slashes; within a name write `$*`, as in `robot$*/pose`";
        for text in ["a*", "*a", "***", "a/**b"] {
            assert_eq!(reason(text), format!("{text:?} is not a topic pattern: {star}"));
        }
        assert_eq!(
            reason("**/a/**/b/**"),
            "\"**/a/**/b/**\" is not a topic pattern: at most 2 `**` are allowed; split it into several patterns"
        );
        assert!(TopicPattern::parse(&["a"; PATTERN_SEGMENTS_MAX].join("/")).is_ok());
        let deep = ["a"; PATTERN_SEGMENTS_MAX + 1].join("/");
        assert!(reason(&deep).ends_with("at most 16 segments are allowed; end it earlier, with `**`"));
        assert!(TopicPattern::parse(&"a".repeat(PATTERN_LEN_MAX)).is_ok());
        assert!(reason(&"a".repeat(PATTERN_LEN_MAX + 1)).ends_with("it has 256 bytes, at most 255 are allowed"));
        assert!(reason(&"é".repeat(1 << 20)).len() < 1000);
    }

    /// Whether a name matches, written as the definition says it and with no thought of speed.
    fn matches_by_definition(pattern: &[&str], name: &[&str]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((&"**", rest)), _) => {
                (0..=name.len()).any(|skip| matches_by_definition(rest, name.get(skip..).unwrap_or_default()))
            }
            (Some((chunk, pattern)), Some((segment, name))) => {
                segment_matches(chunk, segment) && matches_by_definition(pattern, name)
            }
            _ => false,
        }
    }

    fn segment_matches(chunk: &str, segment: &str) -> bool {
        if chunk == "*" {
            return true;
        }
        match chunk.split_once("$*") {
            None => chunk == segment,
            Some((before, after)) => segment.strip_prefix(before).is_some_and(|rest| {
                (0..=rest.len()).any(|skip| segment_matches(after, rest.get(skip..).unwrap_or_default()))
            }),
        }
    }

    fn any_pattern() -> impl Strategy<Value = TopicPattern> {
        let chunk = prop::sample::select(vec!["a", "b", "ab", "ba", "*", "**", "a$*", "$*b", "a$*b", "$*a$*"]);
        prop::collection::vec(chunk, 1..5).prop_filter_map("more `**` than allowed", |chunks| {
            TopicPattern::parse(&chunks.join("/")).ok()
        })
    }

    fn any_topic() -> impl Strategy<Value = TopicName> {
        let segment = prop::sample::select(vec!["a", "b", "ab", "ba", "aab", "bab"]);
        prop::collection::vec(segment, 1..6)
            .prop_map(|parts| TopicName::parse(&format!("/{}", parts.join("/"))).unwrap())
    }

    proptest! {
        #[test]
        fn matching_is_what_its_definition_says(pattern in any_pattern(), topic in any_topic()) {
            let chunks: Vec<_> = pattern.as_str().split('/').collect();
            let name: Vec<_> = topic.as_str().split('/').skip(1).collect();
            prop_assert_eq!(pattern.matches(&topic), matches_by_definition(&chunks, &name));
        }

        #[test]
        fn an_included_pattern_matches_nothing_more(
            wide in any_pattern(),
            narrow in any_pattern(),
            topics in prop::collection::vec(any_topic(), 40),
        ) {
            if wide.includes(&narrow) {
                for topic in topics {
                    prop_assert!(!narrow.matches(&topic) || wide.matches(&topic), "{} {} {}", wide, narrow, topic);
                }
            }
        }

        #[test]
        fn no_text_is_read_in_a_way_that_is_not_its_own(text in "[ab*$/@#?]{0,12}") {
            if let Ok(pattern) = TopicPattern::parse(&text) {
                let again = TopicPattern::parse(pattern.as_str());
                prop_assert_eq!(again.as_ref().map(TopicPattern::as_str), Ok(pattern.as_str()));
            }
        }
    }
}
