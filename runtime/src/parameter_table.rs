//! The declared parameters of a node, and the rules of declaring and setting them.
//!
//! # Invariants
//!
//! - A value in the table fits its descriptor: type, range, step.
//! - What is set together is set as a whole, or nothing of it is.
//!
//! No I/O, no callbacks, no locks: see `parameter_desk`.

use std::collections::BTreeMap;
use std::fmt;

use nuncio_msgs::rcl_interfaces::msg::{Parameter, ParameterEvent};

use crate::generic_publisher::PublisherError;
use crate::parameter::{
    ParameterDescriptor, ParameterInfo, ParameterNames, ParameterRange, ParameterType, ParameterValue,
};
use crate::service_error::ServiceError;

/// The greatest length of a parameter's name, in bytes.
const NAME_LEN_MAX: usize = 255;

/// The declared parameters.
#[derive(Debug, Default)]
pub(crate) struct ParameterTable {
    declared: BTreeMap<String, Declared>,
}

#[derive(Debug)]
struct Declared {
    value: ParameterValue,
    descriptor: ParameterDescriptor,
}

impl ParameterTable {
    pub(crate) fn check_new(
        &self,
        name: &str,
        value: &ParameterValue,
        descriptor: &ParameterDescriptor,
    ) -> Result<(), DeclareError> {
        let name_owned = || name.to_owned();
        if name.len() > NAME_LEN_MAX || name.split('.').any(str::is_empty) || name.chars().any(char::is_control) {
            return Err(DeclareError::Name { name: name_owned() });
        }
        if self.declared.contains_key(name) {
            return Err(DeclareError::Twice { name: name_owned() });
        }
        if value.value_type() == ParameterType::NotSet && !descriptor.dynamic_typing {
            return Err(DeclareError::NoValue { name: name_owned() });
        }
        if let Some(range) = descriptor.range {
            let of = match range {
                ParameterRange::Integer { .. } => ParameterType::Integer,
                ParameterRange::Double { .. } => ParameterType::Double,
            };
            let makes_sense = match range {
                ParameterRange::Integer { from, to, .. } => from <= to,
                ParameterRange::Double { from, to, step } => from <= to && step >= 0.0,
            };
            if !makes_sense || (value.value_type() != of && !descriptor.dynamic_typing) {
                let found = value.value_type();
                return Err(DeclareError::Range {
                    name: name_owned(),
                    range,
                    found,
                });
            }
        }
        check_range(name, value, descriptor).map_err(DeclareError::Set)
    }

    /// Enters what was checked.
    pub(crate) fn insert(&mut self, name: &str, value: ParameterValue, descriptor: ParameterDescriptor) {
        self.declared.insert(name.to_owned(), Declared { value, descriptor });
    }

    /// Whether all changes may be made.
    pub(crate) fn check(&self, changes: &[(String, ParameterValue)]) -> Result<(), SetError> {
        let unknown = changes.iter().filter(|(name, _)| !self.declared.contains_key(name));
        let names: Vec<_> = unknown.map(|(name, _)| name.clone()).collect();
        if !names.is_empty() {
            return Err(SetError::Unknown { names });
        }
        for (name, value) in changes {
            let Some(Declared { value: old, descriptor }) = self.declared.get(name) else {
                continue;
            };
            // What was dumped can be loaded: one that stays what it is may be named.
            if descriptor.read_only && value != old {
                return Err(SetError::ReadOnly { name: name.clone() });
            }
            if !descriptor.dynamic_typing && value.value_type() != old.value_type() {
                return Err(SetError::Type {
                    name: name.clone(),
                    expected: old.value_type(),
                    value: value.clone(),
                });
            }
            check_range(name, value, descriptor)?;
        }
        Ok(())
    }

    /// Makes changes that were checked, and says what `/parameter_events` tells of them; time and node are left to the caller.
    pub(crate) fn apply(&mut self, changes: Vec<(String, ParameterValue)>) -> ParameterEvent {
        let mut event = ParameterEvent::default();
        for (name, value) in changes {
            let Some(declared) = self.declared.get_mut(&name) else {
                continue;
            };
            let parameter = Parameter {
                name,
                value: value.to_message(),
            };
            match (&declared.value, &value) {
                (_, ParameterValue::NotSet) => event.deleted_parameters.push(parameter),
                (ParameterValue::NotSet, _) => event.new_parameters.push(parameter),
                _ => event.changed_parameters.push(parameter),
            }
            declared.value = value;
        }
        event
    }

    pub(crate) fn get(&self, name: &str) -> Option<&ParameterValue> {
        self.declared.get(name).map(|declared| &declared.value)
    }

    pub(crate) fn describe(&self, name: &str) -> Option<ParameterInfo> {
        self.declared.get(name).map(|declared| ParameterInfo {
            name: name.to_owned(),
            value_type: declared.value.value_type(),
            descriptor: declared.descriptor.clone(),
        })
    }

    /// All names and values, by name.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &ParameterValue)> {
        self.declared
            .iter()
            .map(|(name, declared)| (name.as_str(), &declared.value))
    }

    /// As ROS 2 lists: of names below the prefixes, or of all, those with at most `depth` parts below; 0 is no limit.
    pub(crate) fn list(&self, prefixes: &[String], depth: u64) -> ParameterNames {
        let shallow = |below: &str| depth == 0 || (below.matches('.').count() as u64) < depth;
        let mut found = ParameterNames::default();
        for name in self.declared.keys() {
            let below = |prefix: &String| name.strip_prefix(prefix.as_str())?.strip_prefix('.');
            let listed = if prefixes.is_empty() {
                shallow(name)
            } else {
                prefixes
                    .iter()
                    .any(|prefix| name == prefix || below(prefix).is_some_and(shallow))
            };
            if !listed {
                continue;
            }
            found.names.push(name.clone());
            if let Some((prefix, _)) = name.rsplit_once('.')
                && !found.prefixes.iter().any(|known| known == prefix)
            {
                found.prefixes.push(prefix.to_owned());
            }
        }
        found
    }
}

fn check_range(name: &str, value: &ParameterValue, descriptor: &ParameterDescriptor) -> Result<(), SetError> {
    let Some(range) = descriptor.range else { return Ok(()) };
    let inside = match (range, value) {
        (ParameterRange::Integer { from, to, step }, ParameterValue::Integer(value)) => {
            let on_step = || step == 0 || (i128::from(*value) - i128::from(from)) % i128::from(step) == 0;
            (from..=to).contains(value) && (*value == to || on_step())
        }
        (ParameterRange::Double { from, to, step }, ParameterValue::Double(value)) => {
            let on_step = || step == 0.0 || near(from + ((value - from) / step).round() * step, *value);
            near(from, *value) || near(to, *value) || ((from..=to).contains(value) && on_step())
        }
        _ => true,
    };
    if inside {
        return Ok(());
    }
    Err(SetError::OutOfRange {
        name: name.to_owned(),
        value: value.clone(),
        range,
    })
}

/// Whether two numbers are the same but for rounding, as ROS 2 has it.
fn near(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= f64::EPSILON * (a + b).abs() * 100.0
}

/// Why a parameter cannot be declared.
#[derive(Debug)]
#[non_exhaustive]
pub enum DeclareError {
    /// It is not a name.
    Name {
        /// The name.
        name: String,
    },
    /// It is declared already.
    Twice {
        /// The name.
        name: String,
    },
    /// It has no value and no dynamic typing.
    NoValue {
        /// The name.
        name: String,
    },
    /// Its range allows nothing, or is a range of another type.
    Range {
        /// The name.
        name: String,
        /// The range.
        range: ParameterRange,
        /// The type of the value.
        found: ParameterType,
    },
    /// Its value cannot be set.
    Set(SetError),
    /// A service that others reach the parameters with cannot be served.
    Service(ServiceError),
    /// There is no publisher for `/parameter_events`.
    Publisher(PublisherError),
}

/// Why parameters cannot be set. None of them was.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SetError {
    /// They are not declared.
    Unknown {
        /// All of those that are not.
        names: Vec<String>,
    },
    /// It stays what it was declared with.
    ReadOnly {
        /// The name.
        name: String,
    },
    /// It is of another type.
    Type {
        /// The name.
        name: String,
        /// Its type.
        expected: ParameterType,
        /// What it should become.
        value: ParameterValue,
    },
    /// The value is out of range, or between two steps.
    OutOfRange {
        /// The name.
        name: String,
        /// What it should become.
        value: ParameterValue,
        /// What is allowed.
        range: ParameterRange,
    },
    /// A callback of the node has refused.
    Refused {
        /// The names, as they were to be set together.
        names: Vec<String>,
        /// What the callback says.
        reason: String,
    },
    /// A callback that is asked about a change cannot make another one.
    InCallback,
}

impl fmt::Display for DeclareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name } => write!(
                f,
                "{name:?} is not a parameter's name; write words with dots between them, {NAME_LEN_MAX} bytes at most"
            ),
            Self::Twice { name } => write!(
                f,
                "parameter {name} is declared already; declare it once and set it after"
            ),
            Self::NoValue { name } => write!(
                f,
                "parameter {name} has no value; give one, or allow dynamic typing in its descriptor"
            ),
            Self::Range { name, range, found } => write!(
                f,
                "the range {range} of parameter {name} does not fit its type, {found}; give a range of that type, the \
                 lower bound first"
            ),
            Self::Set(error) => fmt::Display::fmt(error, f),
            Self::Service(error) => fmt::Display::fmt(error, f),
            Self::Publisher(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { names } => write!(
                f,
                "not declared: {}; list the parameters of the node to see which are",
                names.join(", ")
            ),
            Self::ReadOnly { name } => write!(
                f,
                "parameter {name} is read-only; give its value when the node starts, in a parameter file"
            ),
            Self::Type {
                name,
                expected,
                value: ParameterValue::NotSet,
            } => write!(
                f,
                "parameter {name} is of type {expected} and keeps a value; only one with dynamic typing can be without"
            ),
            Self::Type { name, expected, value } => {
                let found = value.value_type();
                write!(f, "parameter {name} is of type {expected}; {value} is of type {found}")?;
                match (expected, value) {
                    (ParameterType::Double, ParameterValue::Integer(_)) => write!(f, ", write {value}.0"),
                    (
                        ParameterType::String,
                        ParameterValue::Bool(_) | ParameterValue::Integer(_) | ParameterValue::Double(_),
                    ) => {
                        write!(f, ", write \"{value}\" with its quotes")
                    }
                    _ => Ok(()),
                }
            }
            Self::OutOfRange { name, value, range } => {
                write!(f, "parameter {name} cannot be {value}; allowed is {range}")
            }
            Self::Refused { names, reason } => write!(f, "the node refuses to set {}: {reason}", names.join(", ")),
            Self::InCallback => f.write_str(
                "a callback that is asked about a change cannot set or declare parameters; do it after the change",
            ),
        }
    }
}

impl std::error::Error for DeclareError {}
impl std::error::Error for SetError {}

#[cfg(test)]
mod tests;
