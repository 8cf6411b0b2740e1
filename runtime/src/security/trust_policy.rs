//! The trust policy: how strictly a node believes, and within which bounds of time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How a node treats keys that it has not been told about. No mode delivers anything whose signature does not hold.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum TrustMode {
    /// Verify, count, and deliver with the verdict; a changed key is delivered and marked.
    Observe,
    /// Trust on first use: the first key seen under a node name, and on a topic of an `@exclusive` type, is pinned;
    /// a change is refused and explained.
    #[default]
    Tofu,
}

impl TrustMode {
    /// The word for it in configuration and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Tofu => "tofu",
        }
    }
}

impl fmt::Display for TrustMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TrustMode {
    type Err = TrustModeError;

    fn from_str(text: &str) -> Result<Self, TrustModeError> {
        [Self::Observe, Self::Tofu]
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or_else(|| TrustModeError { text: text.to_owned() })
    }
}

/// A word that names no trust mode.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustModeError {
    text: String,
}

impl fmt::Display for TrustModeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a trust mode is `observe` or `tofu`, found {:?}", self.text)
    }
}

impl std::error::Error for TrustModeError {}

/// Whom a node believes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TrustPolicy {
    /// How keys are accepted.
    pub mode: TrustMode,
    /// How far back a source time may lie by the receiver's clock. `None`: not checked, which is right where clocks
    /// are not synchronised; freshness then follows from the first-contact query alone.
    pub stamp_age_max: Option<Duration>,
    /// How far ahead a source time may lie by the receiver's clock. `None`: not checked.
    pub stamp_ahead_max: Option<Duration>,
}

impl TrustPolicy {
    /// The default policy in another mode.
    pub fn in_mode(mode: TrustMode) -> Self {
        Self {
            mode,
            ..Self::default()
        }
    }
}
