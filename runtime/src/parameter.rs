//! What a parameter is: a name, a value of one of ROS 2's types, and a description with its limits.
//!
//! Pure values, and their forms in `rcl_interfaces`. The rules of declaring and setting are in `parameter_table`.

use std::fmt;
use std::ops::RangeInclusive;

use nuncio_msgs::rcl_interfaces::msg;

/// The value of a parameter.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ParameterValue {
    /// No value. Only parameters with dynamic typing may be without.
    #[default]
    NotSet,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A floating point number.
    Double(f64),
    /// A text.
    String(String),
    /// Octets.
    ByteArray(Vec<u8>),
    /// Truth values.
    BoolArray(Vec<bool>),
    /// Integers.
    IntegerArray(Vec<i64>),
    /// Floating point numbers.
    DoubleArray(Vec<f64>),
    /// Texts.
    StringArray(Vec<String>),
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
#[expect(missing_docs, reason = "each is the variant of the same name of `ParameterValue`")]
pub enum ParameterType {
    NotSet = msg::ParameterType::PARAMETER_NOT_SET,
    Bool = msg::ParameterType::PARAMETER_BOOL,
    Integer = msg::ParameterType::PARAMETER_INTEGER,
    Double = msg::ParameterType::PARAMETER_DOUBLE,
    String = msg::ParameterType::PARAMETER_STRING,
    ByteArray = msg::ParameterType::PARAMETER_BYTE_ARRAY,
    BoolArray = msg::ParameterType::PARAMETER_BOOL_ARRAY,
    IntegerArray = msg::ParameterType::PARAMETER_INTEGER_ARRAY,
    DoubleArray = msg::ParameterType::PARAMETER_DOUBLE_ARRAY,
    StringArray = msg::ParameterType::PARAMETER_STRING_ARRAY,
}

/// The values that an integer or floating point parameter may have. Both bounds are allowed. `step` is the distance between
/// allowed values, from the lower bound on; 0 allows all between the bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are described above")]
pub enum ParameterRange {
    /// Of integers.
    Integer { from: i64, to: i64, step: u64 },
    /// Of floating point numbers.
    Double { from: f64, to: f64, step: f64 },
}

/// What a parameter is for, and which values it may have.
///
/// ```
/// # use nuncio::ParameterDescriptor;
/// let speed = ParameterDescriptor::new("top speed in m/s").range(0.0..=1.5);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParameterDescriptor {
    /// What it is for.
    pub description: String,
    /// Limits in words, where a range cannot say them.
    pub additional_constraints: String,
    /// Whether it stays what it was declared with.
    pub read_only: bool,
    /// Whether it may change its type, or be without a value.
    pub dynamic_typing: bool,
    /// The values allowed.
    pub range: Option<ParameterRange>,
}

/// What a node says of one of its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterInfo {
    /// The name, with dots between its parts.
    pub name: String,
    /// The type; not set where there is no such parameter.
    pub value_type: ParameterType,
    /// What it is for, and its limits.
    pub descriptor: ParameterDescriptor,
}

/// The names of parameters, and the prefixes that they are below.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ParameterNames {
    /// The parameters.
    pub names: Vec<String>,
    /// The prefixes of these parameters.
    pub prefixes: Vec<String>,
}

/// A number that stands for no type of a parameter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UnknownParameterType(pub u8);

impl ParameterValue {
    /// Its type.
    pub const fn value_type(&self) -> ParameterType {
        match self {
            Self::NotSet => ParameterType::NotSet,
            Self::Bool(_) => ParameterType::Bool,
            Self::Integer(_) => ParameterType::Integer,
            Self::Double(_) => ParameterType::Double,
            Self::String(_) => ParameterType::String,
            Self::ByteArray(_) => ParameterType::ByteArray,
            Self::BoolArray(_) => ParameterType::BoolArray,
            Self::IntegerArray(_) => ParameterType::IntegerArray,
            Self::DoubleArray(_) => ParameterType::DoubleArray,
            Self::StringArray(_) => ParameterType::StringArray,
        }
    }

    /// The truth value, if it is one.
    pub const fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self {
            Some(*value)
        } else {
            None
        }
    }

    /// The integer, if it is one.
    pub const fn as_integer(&self) -> Option<i64> {
        if let Self::Integer(value) = self {
            Some(*value)
        } else {
            None
        }
    }

    /// The floating point number, if it is one.
    pub const fn as_double(&self) -> Option<f64> {
        if let Self::Double(value) = self {
            Some(*value)
        } else {
            None
        }
    }

    /// The text, if it is one.
    pub const fn as_str(&self) -> Option<&str> {
        if let Self::String(value) = self {
            Some(value.as_str())
        } else {
            None
        }
    }

    /// A value as YAML gives it, as one of this type where YAML cannot tell: an empty list fits all lists, and octets are
    /// written as integers. Anything else stays as it is.
    pub(crate) fn fitted(self, to: ParameterType) -> Self {
        let empty = matches!(&self, Self::StringArray(list) if list.is_empty());
        match (self, to) {
            (_, ParameterType::ByteArray) if empty => Self::ByteArray(Vec::new()),
            (_, ParameterType::BoolArray) if empty => Self::BoolArray(Vec::new()),
            (_, ParameterType::IntegerArray) if empty => Self::IntegerArray(Vec::new()),
            (_, ParameterType::DoubleArray) if empty => Self::DoubleArray(Vec::new()),
            (Self::IntegerArray(list), ParameterType::ByteArray) => {
                match list.iter().map(|value| u8::try_from(*value)).collect() {
                    Ok(octets) => Self::ByteArray(octets),
                    Err(_) => Self::IntegerArray(list),
                }
            }
            (value, _) => value,
        }
    }

    pub(crate) fn to_message(&self) -> msg::ParameterValue {
        let mut message = msg::ParameterValue {
            r#type: self.value_type() as u8,
            ..msg::ParameterValue::default()
        };
        match self {
            Self::NotSet => {}
            Self::Bool(value) => message.bool_value = *value,
            Self::Integer(value) => message.integer_value = *value,
            Self::Double(value) => message.double_value = *value,
            Self::String(value) => message.string_value.clone_from(value),
            Self::ByteArray(list) => message.byte_array_value.clone_from(list),
            Self::BoolArray(list) => message.bool_array_value.clone_from(list),
            Self::IntegerArray(list) => message.integer_array_value.clone_from(list),
            Self::DoubleArray(list) => message.double_array_value.clone_from(list),
            Self::StringArray(list) => message.string_array_value.clone_from(list),
        }
        message
    }

    /// The value that a message of ROS 2 has, such as those on `/parameter_events`.
    ///
    /// # Errors
    ///
    /// [`UnknownParameterType`] when it names a type that there is not.
    pub fn from_message(message: msg::ParameterValue) -> Result<Self, UnknownParameterType> {
        Ok(match ParameterType::from_number(message.r#type)? {
            ParameterType::NotSet => Self::NotSet,
            ParameterType::Bool => Self::Bool(message.bool_value),
            ParameterType::Integer => Self::Integer(message.integer_value),
            ParameterType::Double => Self::Double(message.double_value),
            ParameterType::String => Self::String(message.string_value),
            ParameterType::ByteArray => Self::ByteArray(message.byte_array_value),
            ParameterType::BoolArray => Self::BoolArray(message.bool_array_value),
            ParameterType::IntegerArray => Self::IntegerArray(message.integer_array_value),
            ParameterType::DoubleArray => Self::DoubleArray(message.double_array_value),
            ParameterType::StringArray => Self::StringArray(message.string_array_value),
        })
    }
}

impl ParameterType {
    const ALL: [Self; 10] = [
        Self::NotSet,
        Self::Bool,
        Self::Integer,
        Self::Double,
        Self::String,
        Self::ByteArray,
        Self::BoolArray,
        Self::IntegerArray,
        Self::DoubleArray,
        Self::StringArray,
    ];

    pub(crate) fn from_number(number: u8) -> Result<Self, UnknownParameterType> {
        let found = Self::ALL.into_iter().find(|value_type| *value_type as u8 == number);
        found.ok_or(UnknownParameterType(number))
    }
}

impl ParameterDescriptor {
    /// Says what a parameter is for.
    #[must_use]
    pub fn new(description: &str) -> Self {
        Self {
            description: description.to_owned(),
            ..Self::default()
        }
    }

    /// Limits the values, as in `range(0..=10)` or `range(0.0..=1.5)`.
    #[must_use]
    pub fn range(self, range: impl Into<ParameterRange>) -> Self {
        Self {
            range: Some(range.into()),
            ..self
        }
    }
}

impl ParameterInfo {
    pub(crate) fn to_message(&self) -> msg::ParameterDescriptor {
        let descriptor = &self.descriptor;
        let mut message = msg::ParameterDescriptor {
            name: self.name.clone(),
            r#type: self.value_type as u8,
            description: descriptor.description.clone(),
            additional_constraints: descriptor.additional_constraints.clone(),
            read_only: descriptor.read_only,
            dynamic_typing: descriptor.dynamic_typing,
            ..msg::ParameterDescriptor::default()
        };
        match descriptor.range {
            None => {}
            Some(ParameterRange::Integer { from, to, step }) => message.integer_range.push(msg::IntegerRange {
                from_value: from,
                to_value: to,
                step,
            }),
            Some(ParameterRange::Double { from, to, step }) => {
                message.floating_point_range.push(msg::FloatingPointRange {
                    from_value: from,
                    to_value: to,
                    step,
                });
            }
        }
        message
    }

    pub(crate) fn from_message(message: msg::ParameterDescriptor) -> Result<Self, UnknownParameterType> {
        let integers = message.integer_range.first().map(|range| ParameterRange::Integer {
            from: range.from_value,
            to: range.to_value,
            step: range.step,
        });
        let doubles = message
            .floating_point_range
            .first()
            .map(|range| ParameterRange::Double {
                from: range.from_value,
                to: range.to_value,
                step: range.step,
            });
        Ok(Self {
            value_type: ParameterType::from_number(message.r#type)?,
            name: message.name,
            descriptor: ParameterDescriptor {
                description: message.description,
                additional_constraints: message.additional_constraints,
                read_only: message.read_only,
                dynamic_typing: message.dynamic_typing,
                range: integers.or(doubles),
            },
        })
    }
}

impl From<RangeInclusive<i64>> for ParameterRange {
    fn from(range: RangeInclusive<i64>) -> Self {
        let (from, to) = range.into_inner();
        Self::Integer { from, to, step: 0 }
    }
}

impl From<RangeInclusive<f64>> for ParameterRange {
    fn from(range: RangeInclusive<f64>) -> Self {
        let (from, to) = range.into_inner();
        Self::Double { from, to, step: 0.0 }
    }
}

impl From<&str> for ParameterValue {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

macro_rules! value_from {
    ($($type:ty => $variant:ident),*) => {
        $(impl From<$type> for ParameterValue {
            fn from(value: $type) -> Self {
                Self::$variant(value)
            }
        })*
    };
}

value_from!(
    bool => Bool, i64 => Integer, f64 => Double, String => String, Vec<u8> => ByteArray, Vec<bool> => BoolArray,
    Vec<i64> => IntegerArray, Vec<f64> => DoubleArray, Vec<String> => StringArray
);

impl fmt::Display for ParameterValue {
    /// As YAML has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::parameter_yaml::value_text(self))
    }
}

impl fmt::Display for ParameterType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSet => "not set",
            Self::Bool => "boolean",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::String => "string",
            Self::ByteArray => "byte array",
            Self::BoolArray => "boolean array",
            Self::IntegerArray => "integer array",
            Self::DoubleArray => "double array",
            Self::StringArray => "string array",
        })
    }
}

impl fmt::Display for ParameterRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer { from, to, step: 0 } => write!(f, "{from} to {to}"),
            Self::Integer { from, to, step } => write!(f, "{from} to {to} in steps of {step}"),
            Self::Double { from, to, step } if *step == 0.0 => write!(f, "{from:?} to {to:?}"),
            Self::Double { from, to, step } => write!(f, "{from:?} to {to:?} in steps of {step:?}"),
        }
    }
}

impl fmt::Display for UnknownParameterType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is no type of a parameter; 0 to 9 are", self.0)
    }
}

impl std::error::Error for UnknownParameterType {}
