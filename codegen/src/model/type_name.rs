//! The rules for names of packages, types, fields and constants, and the text form of a type name.

use std::fmt;

use super::{InterfaceKind, TypeName};

/// ROS 2 describes types in messages whose name fields hold this many bytes.
pub(crate) const MAX_NAME_LEN: usize = 255;

/// A text that is not a type name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TypeNameError {
    text: String,
}

impl fmt::Display for TypeNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a type name is `package/msg/Name`, `package/srv/Name` or `package/action/Name`, found {:?}",
            self.text.chars().take(MAX_NAME_LEN).collect::<String>()
        )
    }
}

impl std::error::Error for TypeNameError {}

impl TypeName {
    /// Reads `package/kind/Name`; `package/Name`, the short form of ROS 2, means a message.
    ///
    /// # Errors
    ///
    /// [`TypeNameError`] when a part is missing or breaks ROS 2's rules for names.
    pub fn parse(text: &str) -> Result<Self, TypeNameError> {
        let wrong = || TypeNameError { text: text.to_owned() };
        let (package, rest) = text.split_once('/').ok_or_else(wrong)?;
        let (kind, name) = match rest.split_once('/') {
            None => (InterfaceKind::Msg, rest),
            Some((kind, name)) => (InterfaceKind::from_word(kind).ok_or_else(wrong)?, name),
        };
        let fits = text.len() <= MAX_NAME_LEN;
        if !fits || !is_lower_name(package) || !name.split('_').all(is_type_name) {
            return Err(wrong());
        }
        Ok(Self {
            package: package.to_owned(),
            kind,
            name: name.to_owned(),
        })
    }

    /// The name of a type that ROS 2 derives from this one, such as `SetBool_Request`.
    pub(crate) fn derived(&self, suffix: &str) -> Self {
        Self {
            package: self.package.clone(),
            kind: self.kind,
            name: format!("{}_{suffix}", self.name),
        }
    }

    /// The name of the file's own type, of which this one may be derived: `SetBool` for `SetBool_Request`.
    pub fn file_type(&self) -> Self {
        let name = self.name.split('_').next().unwrap_or_default().to_owned();
        Self {
            package: self.package.clone(),
            kind: self.kind,
            name,
        }
    }
}

impl InterfaceKind {
    /// The kind that this folder name stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "msg" => Some(Self::Msg),
            "srv" => Some(Self::Srv),
            "action" => Some(Self::Action),
            _ => None,
        }
    }
}

/// Whether `text` may name a package or a field: `[a-z][a-z0-9_]*` without `__` and without `_` at the end.
pub(crate) fn is_lower_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && has_single_inner_underscores(text)
}

/// Whether `text` may name a message, service or action: `[A-Z][A-Za-z0-9]*`.
pub(crate) fn is_type_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_uppercase()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether `text` may name a constant: `[A-Z][A-Z0-9_]*` without `__` and without `_` at the end.
pub(crate) fn is_constant_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_uppercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        && has_single_inner_underscores(text)
}

fn has_single_inner_underscores(text: &str) -> bool {
    !text.contains("__") && !text.ends_with('_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_means_a_message() {
        let short = TypeName::parse("geometry_msgs/Twist").unwrap();
        assert_eq!(short, TypeName::parse("geometry_msgs/msg/Twist").unwrap());
        assert_eq!(short.to_string(), "geometry_msgs/msg/Twist");
    }

    #[test]
    fn derived_names_lead_back_to_their_file() {
        let name = TypeName::parse("a/action/Fold_SendGoal_Request").unwrap();
        assert_eq!(name.file_type().to_string(), "a/action/Fold");
    }

    #[test]
    fn names_that_ros_refuses_are_refused() {
        let long = format!("a/msg/{}", "A".repeat(MAX_NAME_LEN));
        for text in [
            "",
            "/",
            "a",
            "a/",
            "a/msg/",
            "A/msg/B",
            "a/idl/B",
            "a/msg/b",
            "a/msg/B/C",
            "a__b/msg/C",
            &long,
        ] {
            assert!(TypeName::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn constant_names_follow_the_pattern_of_ros() {
        for good in ["A", "A1", "A_B", "A1_2"] {
            assert!(is_constant_name(good), "{good} was refused");
        }
        for bad in ["", "a", "A_", "A__B", "_A", "1A", "Ab"] {
            assert!(!is_constant_name(bad), "{bad} was accepted");
        }
    }
}
