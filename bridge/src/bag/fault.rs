//! What is wrong with a bag, and where.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// What is wrong.
#[derive(Clone, Copy, Debug, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A frame whose signature does not hold on its topic: it was altered, or moved there.
    Signature,
    /// A message that is not what its frame says.
    Altered,
    /// A message that was not recorded here, or is here twice.
    Added,
    /// A message that was recorded and is not here.
    Removed,
    /// A message that was recorded in another order.
    Reordered,
    /// A message or seal whose time is another one than it was.
    Backdated,
    /// A file of which the beginning, the end or a piece is not here.
    Cut,
    /// A seal that does not hold, or does not fit what it seals.
    Seal,
    /// A schema that is not the one that was signed for.
    Schema,
    /// A file that cannot be read from some place on.
    Damaged,
    /// Messages of a key that was revoked.
    Revoked,
    /// Seals of another recorder than the one that it has to be.
    Recorder,
}

impl FaultKind {
    /// The word for it in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Altered => "altered",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Reordered => "reordered",
            Self::Backdated => "backdated",
            Self::Cut => "cut",
            Self::Seal => "seal",
            Self::Schema => "schema",
            Self::Damaged => "damaged",
            Self::Revoked => "revoked",
            Self::Recorder => "recorder",
        }
    }
}

/// Something that is wrong, and where.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// The topic; empty where it is of none.
    pub topic: String,
    /// The message's number; of a seal, the seal's.
    pub number: u64,
    /// The file, without its folder.
    pub file: String,
    /// The `log_time` there, ns since 1970; 0 where there is none.
    pub log_time: u64,
    /// The same in words.
    pub detail: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            topic,
            number,
            file,
            detail,
            ..
        } = self;
        write!(f, "{}: {detail}", kind.as_str())?;
        if !topic.is_empty() {
            write!(f, " ({topic} number {number})")?;
        }
        write!(f, " in {file}")
    }
}
