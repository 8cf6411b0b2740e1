//! The compiled form of a type: names resolved, constants of enumerations gathered, costs known.
//!
//! # Invariants
//!
//! - A shape refers to shapes that were finished before it, so following them always ends.
//! - Following them goes at most [`MAX_DEPTH`] messages deep.
//! - A value with empty sequences has at most [`MAX_FIXED_VALUES`] values in it.
//! - Every default fits its field.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use nuncio_codegen::model::{
    Count, DefaultValue, Element, Field, Message, Primitive, Scalar, TextKind, TypeDescription, TypeName,
};

use super::clock_word::ClockWord;

/// How deep messages may lie inside each other. Readers of JSON stop at 127 levels, and a level may be a list, too.
pub const MAX_DEPTH: usize = 50;

/// How many values a type may have in a message whose sequences are all empty: what fixed arrays cost.
pub const MAX_FIXED_VALUES: u64 = 4 * 1024 * 1024;

/// One message.
#[derive(Debug)]
pub(super) struct MessageShape {
    pub(super) type_name: String,
    pub(super) fields: Vec<FieldShape>,
    /// The fewest bytes that a payload has. When there are none, there never are any.
    pub(super) min_len: usize,
    /// Whether the word `now` may stand for it.
    pub(super) clock_word: Option<ClockWord>,
    depth: usize,
    fixed_values: u64,
}

/// One field.
#[derive(Debug)]
pub(super) struct FieldShape {
    pub(super) name: String,
    /// The name as a JSON text, with its colon.
    pub(super) key: String,
    pub(super) element: ElementShape,
    pub(super) count: Count,
    pub(super) default: Option<DefaultValue>,
    pub(super) range: Option<(f64, f64)>,
    pub(super) finite: bool,
    /// The constants that `@enum` allows, by name.
    pub(super) allowed: Option<Vec<(String, Scalar)>>,
    /// The fewest bytes that one element takes.
    pub(super) element_min_len: usize,
}

impl FieldShape {
    /// Whether the number of its elements stands on the wire.
    pub(super) fn is_sequence(&self) -> bool {
        matches!(self.count, Count::Sequence { .. })
    }
}

/// What one element of a field is.
#[derive(Debug)]
pub(super) enum ElementShape {
    Primitive(Primitive),
    Text { kind: TextKind, bound: Option<u32> },
    Message(Arc<MessageShape>),
}

/// Compiles the description's root.
pub(super) fn compile(description: &TypeDescription) -> Result<Arc<MessageShape>, RunTimeTypeError> {
    let messages = std::iter::once(&description.root).chain(&description.referenced);
    let mut compiler = Compiler {
        known: messages.map(|message| (&message.type_name, message)).collect(),
        finished: HashMap::new(),
        open: Vec::new(),
    };
    compiler.message(&description.root)
}

struct Compiler<'a> {
    known: HashMap<&'a TypeName, &'a Message>,
    finished: HashMap<&'a TypeName, Arc<MessageShape>>,
    /// From the root to the message at hand.
    open: Vec<&'a TypeName>,
}

impl<'a> Compiler<'a> {
    fn message(&mut self, message: &'a Message) -> Result<Arc<MessageShape>, RunTimeTypeError> {
        if let Some(finished) = self.finished.get(&message.type_name) {
            return Ok(Arc::clone(finished));
        }
        if let Some(first) = self.open.iter().position(|open| **open == message.type_name) {
            let cycle = self.open.iter().skip(first).map(|name| (*name).clone());
            return Err(RunTimeTypeError::Recursive { cycle: cycle.collect() });
        }
        let too_deep = || RunTimeTypeError::TooDeep {
            type_name: message.type_name.clone(),
        };
        if self.open.len() == MAX_DEPTH {
            return Err(too_deep());
        }
        self.open.push(&message.type_name);
        let shape = self.fields(message)?;
        self.open.pop();
        if shape.depth > MAX_DEPTH {
            return Err(too_deep());
        }
        let shape = Arc::new(shape);
        self.finished.insert(&message.type_name, Arc::clone(&shape));
        Ok(shape)
    }

    fn fields(&mut self, message: &'a Message) -> Result<MessageShape, RunTimeTypeError> {
        let mut names = HashSet::new();
        let mut shape = MessageShape {
            type_name: message.type_name.to_string(),
            fields: Vec::with_capacity(message.fields.len()),
            min_len: 0,
            clock_word: None,
            depth: 1,
            fixed_values: 1,
        };
        for field in &message.fields {
            let place = || format!("{}.{}", message.type_name, field.name);
            if !names.insert(&field.name) {
                return Err(RunTimeTypeError::FieldTwice { place: place() });
            }
            let element = self.element(field, place)?;
            let mut fixed_values = 1;
            if let ElementShape::Message(inner) = &element {
                shape.depth = shape.depth.max(inner.depth + 1);
                fixed_values = inner.fixed_values;
            }
            let element_min_len = element.min_len();
            let (times, count_len) = match field.field_type.count {
                Count::One => (1, 0),
                Count::Array(count) => (count as usize, 0),
                Count::Sequence { .. } => (0, 1),
            };
            shape.min_len = shape
                .min_len
                .saturating_add(element_min_len.saturating_mul(times).saturating_add(count_len));
            shape.fixed_values = shape
                .fixed_values
                .saturating_add(fixed_values.saturating_mul(times as u64).saturating_add(1));
            if shape.fixed_values > MAX_FIXED_VALUES {
                return Err(RunTimeTypeError::TooLarge { place: place() });
            }
            if !default_fits(&element, field) {
                return Err(RunTimeTypeError::Default { place: place() });
            }
            shape.fields.push(FieldShape {
                key: format!("{}:", serde_json::Value::from(field.name.as_str())),
                name: field.name.clone(),
                element,
                count: field.field_type.count,
                default: field.default.clone(),
                range: field.limits.range,
                finite: field.limits.finite,
                allowed: allowed(message, field),
                element_min_len,
            });
        }
        shape.clock_word = ClockWord::of(&shape);
        Ok(shape)
    }

    fn element(&mut self, field: &'a Field, place: impl Fn() -> String) -> Result<ElementShape, RunTimeTypeError> {
        match &field.field_type.element {
            Element::Primitive(primitive) => Ok(ElementShape::Primitive(*primitive)),
            Element::Text { kind, bound } => Ok(ElementShape::Text {
                kind: *kind,
                bound: *bound,
            }),
            Element::Message(name) => match self.known.get(name).copied() {
                Some(message) => self.message(message).map(ElementShape::Message),
                None => Err(RunTimeTypeError::Unknown {
                    place: place(),
                    type_name: name.clone(),
                }),
            },
        }
    }
}

impl ElementShape {
    fn min_len(&self) -> usize {
        match self {
            Self::Primitive(Primitive::Float32) => 4,
            Self::Primitive(Primitive::Float64) => 8,
            Self::Primitive(_) | Self::Text { .. } => 1,
            Self::Message(message) => message.min_len,
        }
    }

    /// Whether a value can be held by an element of this kind.
    pub(super) fn fits(&self, value: &Scalar) -> bool {
        match (self, value) {
            (Self::Primitive(Primitive::Bool), Scalar::Bool(_)) | (Self::Text { .. }, Scalar::Text(_)) => true,
            (Self::Primitive(primitive), Scalar::Float(_)) => primitive.is_float(),
            (Self::Primitive(primitive), Scalar::Integer(value)) => primitive
                .integer_range()
                .is_some_and(|(least, greatest)| (least..=greatest).contains(value)),
            _ => false,
        }
    }
}

fn default_fits(element: &ElementShape, field: &Field) -> bool {
    match (&field.default, field.field_type.count) {
        (None, _) => true,
        (Some(DefaultValue::One(value)), Count::One) => element.fits(value),
        (Some(DefaultValue::List(values)), Count::Array(count)) => {
            values.len() == count as usize && values.iter().all(|value| element.fits(value))
        }
        (Some(DefaultValue::List(values)), Count::Sequence { .. }) => values.iter().all(|value| element.fits(value)),
        (Some(DefaultValue::One(_)), Count::Array(_) | Count::Sequence { .. })
        | (Some(DefaultValue::List(_)), Count::One) => false,
    }
}

/// The constants that the field's `@enum` allows, those aside that the field could not hold anyway.
fn allowed(message: &Message, field: &Field) -> Option<Vec<(String, Scalar)>> {
    let prefix = field.limits.enumeration.as_deref()?;
    let constants = message.constants.iter().filter(|constant| {
        constant.name.starts_with(prefix)
            && match (&field.field_type.element, &constant.value) {
                (Element::Primitive(primitive), Scalar::Integer(value)) => primitive
                    .integer_range()
                    .is_some_and(|(least, greatest)| (least..=greatest).contains(value)),
                (Element::Text { .. }, Scalar::Text(_)) => true,
                _ => false,
            }
    });
    Some(
        constants
            .map(|constant| (constant.name.clone(), constant.value.clone()))
            .collect(),
    )
}

/// Why a type description gives no codec.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RunTimeTypeError {
    /// A field is of a type that the description does not hold.
    Unknown {
        /// The field, such as `my_msgs/msg/Status.battery`.
        place: String,
        /// The type that is missing.
        type_name: TypeName,
    },
    /// A type contains itself.
    Recursive {
        /// Each contains the next, and the last contains the first.
        cycle: Vec<TypeName>,
    },
    /// Messages lie inside each other more than [`MAX_DEPTH`] deep.
    TooDeep {
        /// The type at which it was too much.
        type_name: TypeName,
    },
    /// Fixed arrays give a message more than [`MAX_FIXED_VALUES`] values.
    TooLarge {
        /// The field at which it was too much.
        place: String,
    },
    /// A message has two fields of one name.
    FieldTwice {
        /// The field.
        place: String,
    },
    /// A field's default is not of the field's type.
    Default {
        /// The field.
        place: String,
    },
}

impl fmt::Display for RunTimeTypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { place, type_name } => write!(
                f,
                "{place} is of type {type_name}, which the type description does not hold; add its definition"
            ),
            Self::Recursive { cycle } => {
                f.write_str("a message cannot contain itself: ")?;
                cycle.iter().try_for_each(|name| write!(f, "{name} -> "))?;
                cycle.first().map_or(Ok(()), |first| write!(f, "{first}"))
            }
            Self::TooDeep { type_name } => write!(
                f,
                "messages may lie at most {MAX_DEPTH} deep inside each other, {type_name} goes beyond; use flatter types"
            ),
            Self::TooLarge { place } => write!(
                f,
                "fixed arrays may give a message at most {MAX_FIXED_VALUES} values, {place} goes beyond; use a sequence"
            ),
            Self::FieldTwice { place } => write!(f, "{place} is defined twice; rename one of the two"),
            Self::Default { place } => write!(f, "the default value of {place} does not fit its type"),
        }
    }
}

impl std::error::Error for RunTimeTypeError {}
