//! What every message type can say about itself.

use std::fmt::{self, Debug};

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::TypeHash;
use crate::limit::Place;

/// One schema file, as the publisher's program was built with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Definition {
    /// The type that it defines, such as `geometry_msgs/msg/Twist`.
    pub type_name: &'static str,
    /// The text of the file, comments and all.
    pub text: &'static str,
}

/// A type that can be published: implemented by generated code only.
///
/// The constants are what two programs need to agree on a type without ever having met.
pub trait Message:
    Serialize + DeserializeOwned + JsonSchema + Clone + Debug + Default + PartialEq + Send + Sync + 'static
{
    /// The fully qualified name, such as `geometry_msgs/msg/Twist`.
    const TYPE_NAME: &'static str;
    /// The RIHS01 hash, equal to ROS 2's.
    const TYPE_HASH: TypeHash;
    /// The file that defines the type, or the service or action that it is derived from.
    const DEFINITION: Definition;
    /// This type's own definition first, then those of all types that it refers to, sorted by name.
    const DEFINITIONS: &'static [Definition];
    /// The ROS 2 type description as JSON text, one line.
    const TYPE_DESCRIPTION: &'static str;
    /// The greatest number of bytes that a value takes on the wire, where the type is bounded.
    const MAX_ENCODED_LEN: Option<usize>;
    /// Whether a topic of this type belongs to one key (`@exclusive`).
    const EXCLUSIVE: bool;

    /// Whether [`Self::check_age`] has something to check: whoever reads a clock for it can save the reading.
    const HAS_MAX_AGE: bool = false;

    /// Checks the bounds and limits that the schema gives, in field order.
    ///
    /// # Errors
    ///
    /// The first violation, with the path of the field, the value and the bound.
    fn check(&self) -> Result<(), LimitViolation>;

    /// Checks stamps that have a `@max_age`, against the time `now_ns` in nanoseconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// The first stamp that is too old, or so far in the future that it would not grow old.
    fn check_age(&self, now_ns: i64) -> Result<(), LimitViolation> {
        _ = now_ns;
        Ok(())
    }
}

/// A value outside of what its schema allows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LimitViolation {
    /// The path of the field, such as `linear.x` or `names[3]`.
    pub path: String,
    /// The value found.
    pub found: String,
    /// What the schema allows.
    pub allowed: String,
}

impl LimitViolation {
    /// The same violation, seen from the message that has the violating one at `place`.
    #[doc(hidden)]
    #[cold]
    #[must_use]
    pub fn inside(self, place: Place) -> Self {
        Self {
            path: format!("{place}.{}", self.path),
            ..self
        }
    }
}

impl fmt::Display for LimitViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, the schema allows {}", self.path, self.found, self.allowed)
    }
}

impl std::error::Error for LimitViolation {}
