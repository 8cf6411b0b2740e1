//! Roles: names for what a key may do, and the actions that are asked about.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::topic_pattern::TopicPattern;
use crate::name::TopicName;

/// What a key wants to do with a topic or a service.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Action {
    /// Publish messages on a topic.
    Publish,
    /// Answer the requests of a service.
    Serve,
    /// Send requests to a service.
    Call,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 3] = [Self::Publish, Self::Serve, Self::Call];

    /// The word for it in trust.toml and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Serve => "serve",
            Self::Call => "call",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Action {
    type Err = ActionError;

    fn from_str(text: &str) -> Result<Self, ActionError> {
        Self::ALL
            .into_iter()
            .find(|action| action.as_str() == text)
            .ok_or_else(|| ActionError { text: text.to_owned() })
    }
}

/// A word that names no action.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ActionError {
    text: String,
}

impl fmt::Display for ActionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an action is `publish`, `serve` or `call`, found {:?}", self.text)
    }
}

impl std::error::Error for ActionError {}

/// What the holders of a role may do.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Role {
    /// The topics that they may publish on.
    pub publish: BTreeSet<TopicPattern>,
    /// The services that they may serve.
    pub serve: BTreeSet<TopicPattern>,
    /// The services that they may call.
    pub call: BTreeSet<TopicPattern>,
}

impl Role {
    /// The patterns for one action.
    pub const fn patterns(&self, action: Action) -> &BTreeSet<TopicPattern> {
        match action {
            Action::Publish => &self.publish,
            Action::Serve => &self.serve,
            Action::Call => &self.call,
        }
    }

    /// The first pattern that permits the action on the topic.
    pub fn permits(&self, action: Action, topic: &TopicName) -> Option<&TopicPattern> {
        self.patterns(action).iter().find(|pattern| pattern.matches(topic))
    }
}

/// The name of a role: a small letter, then small letters, digits, `_` and `-`, at most 64.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RoleName(String);

/// What people call a key: letters, digits, `_`, `-` and `.`, at most 64. It decides nothing.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Nickname(String);

/// The greatest length of a role's name and of a nickname.
pub const LABEL_LEN_MAX: usize = 64;

impl RoleName {
    /// Reads the name of a role.
    ///
    /// # Errors
    ///
    /// [`LabelError`] when the text is not one.
    pub fn parse(text: &str) -> Result<Self, LabelError> {
        let is_good = text.len() <= LABEL_LEN_MAX
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'));
        let rule =
            "the name of a role begins with a small letter and has small letters, digits, `_` and `-`, at most 64";
        label(text, is_good, rule).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Nickname {
    /// Reads a nickname.
    ///
    /// # Errors
    ///
    /// [`LabelError`] when the text is not one.
    pub fn parse(text: &str) -> Result<Self, LabelError> {
        let is_good = !text.is_empty()
            && text.len() <= LABEL_LEN_MAX
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
        let rule = "a nickname has letters, digits, `_`, `-` and `.`, 1 to 64 of them";
        label(text, is_good, rule).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn label(text: &str, is_good: bool, rule: &'static str) -> Result<String, LabelError> {
    if is_good {
        Ok(text.to_owned())
    } else {
        Err(LabelError {
            text: text.chars().take(LABEL_LEN_MAX + 1).collect(),
            rule,
        })
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Nickname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RoleName {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        Self::parse(text)
    }
}

impl FromStr for Nickname {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        Self::parse(text)
    }
}

/// A text that is no role's name or no nickname.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LabelError {
    text: String,
    rule: &'static str,
}

impl fmt::Display for LabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, found {:?}", self.rule, self.text)
    }
}

impl std::error::Error for LabelError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_roles_and_nicknames_keep_their_rules() {
        for good in ["operator", "a", "sensor_2", "line-driver", &"a".repeat(64)] {
            assert_eq!(RoleName::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "Operator",
            "2nd",
            "_x",
            "-x",
            "a b",
            "a,b",
            "é",
            "a.b",
            &"a".repeat(65),
        ] {
            assert!(RoleName::parse(bad).is_err(), "{bad}");
        }
        for good in ["robot1", "Alice", "2nd", "r2-d2.arm_3"] {
            assert_eq!(Nickname::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a\nb", "a\u{1b}[2J", "a/b", &"a".repeat(65)] {
            assert!(Nickname::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            RoleName::parse("Boss").unwrap_err().to_string(),
            "the name of a role begins with a small letter and has small letters, digits, `_` and `-`, at most 64, found \
             \"Boss\""
        );
    }

    #[test]
    fn a_role_permits_each_action_by_its_own_patterns() {
        let patterns = |text: &str| BTreeSet::from([TopicPattern::parse(text).unwrap()]);
        let role = Role {
            publish: patterns("a"),
            serve: patterns("b"),
            call: BTreeSet::new(),
        };
        let [a, b] = ["/a", "/b"].map(|name| TopicName::parse(name).unwrap());
        let permitted = |topic: &TopicName| Action::ALL.map(|action| role.permits(action, topic).is_some());
        assert_eq!(permitted(&a), [true, false, false]);
        assert_eq!(permitted(&b), [false, true, false]);
    }
}
