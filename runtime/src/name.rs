//! Names: domain, node name, topic name, parsed once and valid ever after.
//!
//! The rules are those of ROS 2 (design article "Topic and Service Names"): segments of letters, digits and
//! underscores that do not begin with a digit, joined by `/`. Names come from users and from the network, so each
//! has a greatest length, and nothing but parsing makes one.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The greatest length of a fully qualified name, in bytes; ROS 2 allows 255 for a topic.
pub const NAME_LEN_MAX: usize = 255;

/// What stands behind a topic's name in the name of the topic of its approvals.
const APPROVALS: &str = "/_approvals";

/// A fully qualified topic name, such as `/robot_1/imu`.
///
/// Invariant: starts with `/`, has no empty segment, every segment matches `[A-Za-z_][A-Za-z0-9_]*`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TopicName(Arc<str>);

/// A fully qualified node name, such as `/robot_1/driver`: namespace and node name in one.
///
/// The invariant is that of [`TopicName`].
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NodeName(Arc<str>);

/// The domain: nodes of different domains never meet. A text of letters, digits, `_` and `-`; `0` by default.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Domain(String);

impl TopicName {
    /// Parses a fully qualified topic name.
    ///
    /// # Errors
    ///
    /// [`NameError`] names the first rule broken and where.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nuncio::name::{TopicName, NameError};
    /// let topic = TopicName::parse("/robot_1/imu")?;
    /// assert_eq!(topic.as_str(), "/robot_1/imu");
    /// assert!(TopicName::parse("robot 1/imu").is_err());
    /// # Ok::<(), NameError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check_absolute(text)?;
        Ok(Self(text.into()))
    }

    /// Makes a name as a node's author writes it absolute: `/abs` stays, `~` and `~/x` are below the node,
    /// anything else is below the node's namespace.
    ///
    /// # Errors
    ///
    /// [`NameError`] as for [`TopicName::parse`], of the expanded name.
    pub fn resolve(text: &str, node: &NodeName) -> Result<Self, NameError> {
        if text.starts_with('/') {
            return Self::parse(text);
        }
        match text.strip_prefix('~') {
            Some("") => Self::parse(node.as_str()),
            Some(rest) if rest.starts_with('/') => Self::parse(&format!("{node}{rest}")),
            Some(_) => Err(NameError {
                text: text.to_owned(),
                problem: NameProblem::TildeWithoutSlash,
            }),
            None => Self::parse(&format!("{}{text}", node.namespace_with_slash())),
        }
    }

    /// The name, with its leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The service or topic of an action of this name: `send_goal`, `cancel_goal`, `get_result`, `feedback` or `status`.
    pub(crate) fn of_action(&self, part: &str) -> Result<Self, NameError> {
        Self::parse(&format!("{}/_action/{part}", self.0))
    }

    /// Whether lists leave it out unless they are asked for all: as in ROS 2, whatever lies below a part that begins with `_`.
    pub fn is_hidden(&self) -> bool {
        self.0.split('/').any(|part| part.starts_with('_'))
    }

    /// The topic of the events of a service of this name, for introspection.
    ///
    /// # Errors
    ///
    /// [`NameError`] when this name is so long that there is none.
    pub fn service_events(&self) -> Result<Self, NameError> {
        Self::parse(&format!("{}/_service_event", self.0))
    }

    /// The topic of the approvals of messages on this one.
    ///
    /// # Errors
    ///
    /// [`NameError`] when this name is so long that there is none.
    pub fn approvals(&self) -> Result<Self, NameError> {
        Self::parse(&format!("{}{APPROVALS}", self.0))
    }

    /// The topic whose messages are approved on this one, if this is a topic of approvals.
    pub fn approved(&self) -> Option<Self> {
        Self::parse(self.0.strip_suffix(APPROVALS)?).ok()
    }
}

impl NodeName {
    /// Parses a fully qualified node name, such as `/talker` or `/robot_1/talker`.
    ///
    /// # Errors
    ///
    /// [`NameError`] names the first rule broken and where.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check_absolute(text)?;
        Ok(Self(text.into()))
    }

    /// Joins a namespace (`/`, `/robot_1`, or the same without the slash) and a base name without slashes.
    ///
    /// # Errors
    ///
    /// [`NameError`] when either breaks the rules.
    pub fn join(namespace: &str, base: &str) -> Result<Self, NameError> {
        if base.contains('/') {
            return Err(NameError {
                text: base.to_owned(),
                problem: NameProblem::SlashInBase,
            });
        }
        let namespace = namespace.trim_matches('/');
        if namespace.is_empty() {
            Self::parse(&format!("/{base}"))
        } else {
            Self::parse(&format!("/{namespace}/{base}"))
        }
    }

    /// The name, with its leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the last segment begins with `_`: a tool's node that lists leave out and that is not pinned.
    pub fn is_hidden(&self) -> bool {
        self.0.rsplit('/').next().is_some_and(|base| base.starts_with('_'))
    }

    /// The namespace with a slash at both ends: `/` or `/robot_1/`.
    fn namespace_with_slash(&self) -> &str {
        let end = self.0.rfind('/').map_or(0, |at| at + 1);
        self.0.get(..end).unwrap_or("/")
    }
}

impl Domain {
    /// Parses a domain: 1 to 64 letters, digits, `_` or `-`.
    ///
    /// # Errors
    ///
    /// [`NameError`] when it is empty, too long or has another character.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let wrong = |problem| {
            Err(NameError {
                text: text.to_owned(),
                problem,
            })
        };
        if text.is_empty() {
            return wrong(NameProblem::Empty);
        }
        if text.len() > 64 {
            return wrong(NameProblem::TooLong {
                len: text.len(),
                max: 64,
            });
        }
        match text
            .chars()
            .find(|c| !(c.is_ascii_alphanumeric() || *c == '_' || *c == '-'))
        {
            Some(character) => wrong(NameProblem::BadCharacter { character, segment: 0 }),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The domain's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Domain {
    fn default() -> Self {
        Self("0".to_owned())
    }
}

fn check_absolute(text: &str) -> Result<(), NameError> {
    let wrong = |problem| {
        Err(NameError {
            text: text.to_owned(),
            problem,
        })
    };
    let Some(relative) = text.strip_prefix('/') else {
        return wrong(NameProblem::NotAbsolute);
    };
    if text.len() > NAME_LEN_MAX {
        return wrong(NameProblem::TooLong {
            len: text.len(),
            max: NAME_LEN_MAX,
        });
    }
    for (segment, part) in relative.split('/').enumerate() {
        let Some(first) = part.chars().next() else {
            return wrong(NameProblem::EmptySegment { segment });
        };
        if first.is_ascii_digit() {
            return wrong(NameProblem::LeadingDigit { segment });
        }
        if let Some(character) = part.chars().find(|c| !(c.is_ascii_alphanumeric() || *c == '_')) {
            return wrong(NameProblem::BadCharacter { character, segment });
        }
    }
    Ok(())
}

/// A text that is not the name it should be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NameError {
    /// The text, as given.
    pub text: String,
    /// The first rule broken.
    pub problem: NameProblem,
}

/// The rule that a name breaks. Segments are counted from 0.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum NameProblem {
    /// Nothing at all.
    Empty,
    /// No leading slash.
    NotAbsolute,
    /// More bytes than a name may have.
    TooLong {
        /// Bytes found.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Two slashes in a row, or one at the end.
    EmptySegment {
        /// Which segment.
        segment: usize,
    },
    /// A segment that begins with a digit.
    LeadingDigit {
        /// Which segment.
        segment: usize,
    },
    /// A character that names do not have.
    BadCharacter {
        /// The character.
        character: char,
        /// Which segment.
        segment: usize,
    },
    /// `~x` instead of `~/x`.
    TildeWithoutSlash,
    /// A slash in a node's base name.
    SlashInBase,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a name: ", self.text)?;
        match &self.problem {
            NameProblem::Empty => f.write_str("it is empty; a domain is letters, digits, `_` and `-`"),
            NameProblem::NotAbsolute => {
                write!(
                    f,
                    "a full name begins with `/`; did you mean {:?}?",
                    format!("/{}", self.text)
                )
            }
            NameProblem::TooLong { len, max } => write!(f, "it has {len} bytes, at most {max} are allowed"),
            NameProblem::EmptySegment { segment } => {
                write!(
                    f,
                    "segment {} is empty; write one `/` between segments and none at the end",
                    segment + 1
                )
            }
            NameProblem::LeadingDigit { segment } => {
                write!(
                    f,
                    "segment {} begins with a digit; begin it with a letter or `_`",
                    segment + 1
                )
            }
            NameProblem::BadCharacter { character, segment } => write!(
                f,
                "segment {} has {character:?}; letters, digits and `_` are allowed",
                segment + 1
            ),
            NameProblem::TildeWithoutSlash => f.write_str("`~` stands for the node's name and is followed by `/`"),
            NameProblem::SlashInBase => f.write_str("a node's base name has no `/`; give the namespace apart"),
        }
    }
}

impl std::error::Error for NameError {}

macro_rules! text_like {
    ($type:ty) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }
    };
}

text_like!(TopicName);
text_like!(NodeName);
text_like!(Domain);

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> NameProblem {
        TopicName::parse(text).unwrap_err().problem
    }

    #[test]
    fn ros_names_are_accepted() {
        for text in ["/a", "/_a", "/robot_1/imu", "/A/b/C9"] {
            assert_eq!(TopicName::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn each_broken_rule_is_named() {
        assert_eq!(problem("imu"), NameProblem::NotAbsolute);
        assert_eq!(problem(""), NameProblem::NotAbsolute);
        assert_eq!(problem("/"), NameProblem::EmptySegment { segment: 0 });
        assert_eq!(problem("/a//b"), NameProblem::EmptySegment { segment: 1 });
        assert_eq!(problem("/a/"), NameProblem::EmptySegment { segment: 1 });
        assert_eq!(problem("/a/1b"), NameProblem::LeadingDigit { segment: 1 });
        assert_eq!(
            problem("/a/*"),
            NameProblem::BadCharacter {
                character: '*',
                segment: 1
            }
        );
        assert_eq!(
            problem("/a\u{1b}[2J"),
            NameProblem::BadCharacter {
                character: '\u{1b}',
                segment: 0
            }
        );
        assert_eq!(
            problem("/ä"),
            NameProblem::BadCharacter {
                character: 'ä',
                segment: 0
            }
        );
        assert_eq!(
            problem(&format!("/{}", "x".repeat(255))),
            NameProblem::TooLong { len: 256, max: 255 }
        );
    }

    #[test]
    fn relative_and_private_names_resolve_as_in_ros() {
        let node = NodeName::join("/robot_1", "driver").unwrap();
        let resolved = |text| TopicName::resolve(text, &node).unwrap().as_str().to_owned();
        assert_eq!(resolved("/imu"), "/imu");
        assert_eq!(resolved("imu"), "/robot_1/imu");
        assert_eq!(resolved("~/imu"), "/robot_1/driver/imu");
        assert_eq!(resolved("~"), "/robot_1/driver");
        assert!(TopicName::resolve("~imu", &node).is_err());
        let rooted = NodeName::join("/", "driver").unwrap();
        assert_eq!(TopicName::resolve("imu", &rooted).unwrap().as_str(), "/imu");
    }

    #[test]
    fn a_tools_node_is_hidden() {
        assert!(NodeName::parse("/ns/_nuncio_12").unwrap().is_hidden());
        assert!(!NodeName::parse("/_ns/talker").unwrap().is_hidden());
    }

    #[test]
    fn a_domain_is_one_plain_word() {
        assert_eq!(Domain::default().as_str(), "0");
        assert!(Domain::parse("plant-7_b").is_ok());
        for text in ["", "a/b", "*", "a b", &"x".repeat(65)] {
            assert!(Domain::parse(text).is_err(), "{text:?}");
        }
    }
}
