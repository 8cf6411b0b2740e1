//! Topic patterns: Zenoh key expressions over topic names, as roles and scopes use them.
//!
//! The only file that names `zenoh_keyexpr::`: a pattern means here what it means to a Zenoh router. `*` is any one
//! segment, `**` any number of segments, none included, and `$*` any characters within a segment.
//!
//! # Invariants
//!
//! - A pattern is in Zenoh's canonical form and has no leading slash, so there is one spelling for each.
//! - It has at most [`PATTERN_LEN_MAX`] bytes and two `**`: matching tries all ways to place them, and patterns come
//!   from strangers too.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use zenoh_keyexpr::{OwnedKeyExpr, keyexpr};

use crate::name::{NAME_LEN_MAX, TopicName};

/// The greatest length of a pattern, in bytes.
pub const PATTERN_LEN_MAX: usize = NAME_LEN_MAX;

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
        for segment in relative.split('/') {
            check_segment(segment).map_err(refuse)?;
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
