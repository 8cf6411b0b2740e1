//! Translation: the payload of one version of a type as the payload of another, field by name.
//!
//! What may be translated is what [`nuncio_codegen::diff()`] grades as additive, whichever of the two is the older. A
//! plan is made once for the pair; a payload is then walked once, and each value goes to its new place: fields that ours
//! does not have are passed over, fields that theirs does not have take our schema's default, also inside messages that
//! fields or list elements are made of.
//!
//! The values are not held against our schema's bounds and limits; whoever decodes the result does that.
//!
//! # What hostile input can do
//!
//! A payload is walked as any other; see [`run_time_type`](super). Defaults can make the result longer than what came,
//! so it ends at a length that the caller chose, and so do messages that no byte pays for.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use nuncio_codegen::model::{TypeDescription, TypeName};
use nuncio_codegen::{Change, ChangeKind, Grade, TypeDiff, diff};

use super::decode;
use super::decode_error::DecodeError;
use super::defaults::push_field;
use super::shape::{self, ElementShape, FieldShape, MessageShape, RunTimeTypeError};
use super::translation_writer::TranslationWriter;

/// The length of a translated payload, in bytes, beyond which translation ends when the caller chose no other.
pub const DEFAULT_MAX_TRANSLATED_LEN: usize = 64 * 1024 * 1024;

/// How payloads of one version of a type become payloads of another.
#[derive(Debug)]
pub struct Translation {
    theirs: Arc<MessageShape>,
    plan: Arc<MessagePlan>,
    max_len: usize,
}

impl Translation {
    /// Prepares the translation of payloads of `theirs` into payloads of `ours`.
    ///
    /// # Errors
    ///
    /// [`TranslationError`] when the two differ in more than additions, or one of them gives no codec.
    pub fn new(theirs: &TypeDescription, ours: &TypeDescription) -> Result<Self, TranslationError> {
        check_additive(theirs, ours)?;
        let theirs = shape::compile(theirs).map_err(TranslationError::Type)?;
        let ours = shape::compile(ours).map_err(TranslationError::Type)?;
        Ok(Self {
            plan: plan(&theirs, &ours, &mut HashMap::new()),
            theirs,
            max_len: DEFAULT_MAX_TRANSLATED_LEN,
        })
    }

    /// Lets translated payloads be at most `max_len` bytes long.
    #[must_use]
    pub fn with_max_len(self, max_len: usize) -> Self {
        Self { max_len, ..self }
    }

    /// Appends the payload, translated, to `out`. After an error `out` is as it was.
    ///
    /// # Errors
    ///
    /// [`TranslateError`] when the bytes are not a payload of their type or the result would be too long.
    pub fn translate(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), TranslateError> {
        let start = out.len();
        let mut writer = TranslationWriter::new(&self.plan, payload.len(), out, self.max_len);
        let Err(fault) = decode::walk(&self.theirs, payload, &mut writer) else {
            return Ok(());
        };
        out.truncate(start);
        Err(match fault.into_error(self.max_len) {
            DecodeError::TooLong { path, .. } => TranslateError::TooLong {
                path,
                max_len: self.max_len,
            },
            error => TranslateError::Payload(error),
        })
    }
}

/// Sees that one of the two is an additive version of the other.
fn check_additive(theirs: &TypeDescription, ours: &TypeDescription) -> Result<(), TranslationError> {
    match (breaking(&diff(theirs, ours)), breaking(&diff(ours, theirs))) {
        (Some(to_ours), Some(to_theirs)) => Err(TranslationError::Breaking { to_ours, to_theirs }),
        (None, _) | (_, None) => Ok(()),
    }
}

/// The first change that is breaking in itself; types that only contain such a type are not told of.
fn breaking(diffs: &[TypeDiff]) -> Option<Box<Difference>> {
    let itself =
        |kind: &ChangeKind| kind.grade() == Grade::Breaking && !matches!(kind, ChangeKind::NestedChanged { .. });
    diffs.iter().find_map(|TypeDiff { type_name, changes, .. }| {
        let change = changes.iter().find(|change| itself(&change.kind))?.clone();
        let type_name = type_name.clone();
        Some(Box::new(Difference { type_name, change }))
    })
}

/// How one message of theirs becomes one of ours.
#[derive(Debug)]
pub(super) struct MessagePlan {
    /// For each field of theirs.
    pub(super) fields: Vec<FieldPlan>,
    /// For each field of ours, its default where theirs does not have it.
    pub(super) defaults: Vec<Option<Vec<u8>>>,
    /// Whether the fields that both have stand in the same order.
    pub(super) in_order: bool,
}

/// What becomes of a field of theirs.
#[derive(Debug)]
pub(super) struct FieldPlan {
    /// Which field of ours it becomes; none passes over it.
    pub(super) becomes: Option<usize>,
    /// How the messages that it is made of are translated.
    pub(super) nested: Option<Arc<MessagePlan>>,
}

/// Plans for two shapes that differ in nothing but additions. Each pair of messages is planned once: both have one name.
fn plan<'a>(
    theirs: &'a MessageShape,
    ours: &MessageShape,
    finished: &mut HashMap<&'a str, Arc<MessagePlan>>,
) -> Arc<MessagePlan> {
    if let Some(plan) = finished.get(theirs.type_name.as_str()) {
        return Arc::clone(plan);
    }
    let places: HashMap<&str, (usize, &FieldShape)> = ours
        .fields
        .iter()
        .enumerate()
        .map(|(index, field)| (field.name.as_str(), (index, field)))
        .collect();
    let default = |field: &FieldShape| {
        let mut default = Vec::new();
        push_field(field, &mut default);
        default
    };
    let is_theirs = |field: &FieldShape| theirs.fields.iter().any(|other| other.name == field.name);
    let defaults = ours.fields.iter();
    let defaults = defaults
        .map(|field| (!is_theirs(field)).then(|| default(field)))
        .collect();
    let fields: Vec<FieldPlan> = theirs
        .fields
        .iter()
        .map(|field| {
            let heir = places.get(field.name.as_str());
            let nested = heir.and_then(|(_, heir)| match (&field.element, &heir.element) {
                (ElementShape::Message(theirs), ElementShape::Message(ours)) => Some(plan(theirs, ours, finished)),
                _ => None,
            });
            FieldPlan {
                becomes: heir.map(|(index, _)| *index),
                nested,
            }
        })
        .collect();
    let plan = Arc::new(MessagePlan {
        in_order: fields.iter().filter_map(|field| field.becomes).is_sorted(),
        fields,
        defaults,
    });
    finished.insert(&theirs.type_name, Arc::clone(&plan));
    plan
}

/// Why there is no translation between two types.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TranslationError {
    /// They differ in more than additions: neither is an additive version of the other.
    Breaking {
        /// The first change from theirs to ours that is no addition.
        to_ours: Box<Difference>,
        /// The first from ours to theirs.
        to_theirs: Box<Difference>,
    },
    /// One of the types gives no codec.
    Type(RunTimeTypeError),
}

impl fmt::Display for TranslationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Breaking { to_ours, to_theirs } => write!(
                f,
                "neither is an additive version of the other: from theirs to ours, {to_ours}; from ours to theirs, \
                 {to_theirs}"
            ),
            Self::Type(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for TranslationError {}

/// What differs between two versions, and in which type: the one at hand, or one that it refers to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Difference {
    /// The type.
    pub type_name: TypeName,
    /// The change.
    pub change: Change,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in {}: {}", self.type_name, self.change)
    }
}

/// Why a payload was not translated.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TranslateError {
    /// The bytes are not a payload of their type.
    Payload(DecodeError),
    /// The result would be longer than allowed, or more empty messages are in it than any payload needs.
    TooLong {
        /// Where it was too much, by the names of theirs.
        path: String,
        /// How many bytes are allowed.
        max_len: usize,
    },
}

impl fmt::Display for TranslateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payload(error) => fmt::Display::fmt(error, f),
            Self::TooLong { path, max_len } => write!(
                f,
                "translated, the payload would be longer than {max_len} bytes or full of empty messages, at `{path}`; \
                 accept larger frames or publish the version subscribed to"
            ),
        }
    }
}

impl std::error::Error for TranslateError {}
