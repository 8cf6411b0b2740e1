//! Filters: a condition on messages, such as `percentage < 0.2 && signer == "alice"`, typed against the messages' schema.
//!
//! A filter is read once, checked against each type that it meets, and then asked of each message's JSON. What the schema does
//! not have is an error that points at the column, never a condition that silently fails.
//!
//! ```text
//! condition:  a || b   a && b   !a   (a)   a == b   a != b   a < b   a <= b   a > b   a >= b   or a field that is true or false
//!             a contains b, of texts
//! operand:    a field: pose.position.x, cells[0].voltage     a number: -1.5e3     a text: "alice" or 'alice'     true, false
//!             how long a list or a text is: len(cells)       a constant of the schema: level == ERROR
//!             what is known of the message: signer (key or nickname), node, topic or name, number, stamp and age in seconds
//! ```
//!
//! `!` binds closest, then comparisons, then `&&`, then `||`. A text is compared as a whole, letter by letter in the order of
//! Unicode; `\\`, a quote and `n` stand behind a backslash in it. A constant is looked for in the message that holds the field
//! it is compared with, then in the whole message; a field of its name counts before it. Whole numbers are compared exactly.
//!
//! Not-a-number is unequal to every number, itself included, and neither less nor greater: `x != x` finds it. Where a list is
//! shorter than an index, no comparison holds, `!=` included.
//!
//! `signer`, `node`, `topic`, `name`, `number`, `stamp` and `age` are what was verified. A field of the message that is called so
//! too is `.signer`, with a dot, so that no sender can pass a field off as its signature. `stamp` is when the message was
//! published, by its node's clock, and `age` how long ago that was when it was received.

mod compare;
mod parse;
mod typing;

use std::error::Error;
use std::fmt;

use nuncio::run_time_type::RunTimeType;
use serde_json::Value;

use self::compare::{Comparable, Number};

/// What is known of a message beside its fields.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The signer's key and its names.
    pub signer: Vec<String>,
    /// The node.
    pub node: String,
    /// The name of the document or topic.
    pub name: String,
    /// The number that its publisher gave it.
    pub number: u64,
    /// When it was published, by its node's clock, in ns since 1970.
    pub stamp_ns: i64,
    /// When it was received, in ns since 1970.
    pub received_ns: i64,
}

/// A filter as it was read; no type is known yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    text: String,
    root: Expression,
}

/// A filter that fits a type.
#[derive(Clone, Debug)]
pub struct TypedFilter(Expression);

#[derive(Clone, Debug, PartialEq)]
enum Expression {
    Any(Vec<Self>),
    All(Vec<Self>),
    Not(Box<Self>),
    Compare {
        left: Operand,
        operator: Operator,
        right: Operand,
        /// The column of the operator, from 1.
        column: usize,
    },
    /// An operand that is a condition by itself.
    Is(Operand),
}

#[derive(Clone, Debug, PartialEq)]
struct Operand {
    what: What,
    /// Its first column, from 1.
    column: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    Field(Vec<Step>),
    /// A field that holds a number, by the type.
    NumberField(Vec<Step>),
    /// How long a list or a text is.
    Length(Vec<Step>),
    Fact(Fact),
    Number(Number),
    Text(String),
    Truth(bool),
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Step {
    Field(String),
    Index(usize),
}

/// What is known of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fact {
    Signer,
    Node,
    Name,
    Number,
    Stamp,
    Age,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
}

impl Fact {
    const ALL: [(&'static str, Self); 7] = [
        ("signer", Self::Signer),
        ("node", Self::Node),
        ("name", Self::Name),
        ("topic", Self::Name),
        ("number", Self::Number),
        ("stamp", Self::Stamp),
        ("age", Self::Age),
    ];
}

impl Operator {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Contains => "contains",
        }
    }

    fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual)
    }

    /// Whether two values satisfy it; what cannot be compared, such as not-a-number, is unequal.
    fn holds(self, left: &Comparable<'_>, right: &Comparable<'_>) -> bool {
        let order = left.order(right);
        match self {
            Self::Equal => order.is_some_and(std::cmp::Ordering::is_eq),
            Self::NotEqual => order.is_none_or(std::cmp::Ordering::is_ne),
            Self::Less => order.is_some_and(std::cmp::Ordering::is_lt),
            Self::LessOrEqual => order.is_some_and(std::cmp::Ordering::is_le),
            Self::Greater => order.is_some_and(std::cmp::Ordering::is_gt),
            Self::GreaterOrEqual => order.is_some_and(std::cmp::Ordering::is_ge),
            Self::Contains => match (left, right) {
                (Comparable::Text(text), Comparable::Text(part)) => text.contains(part),
                _ => false,
            },
        }
    }
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    ///
    /// [`FilterError`] with the column of the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let root = parse::parse(text)?;
        let text = text.to_owned();
        Ok(Self { text, root })
    }

    /// Checks that the type has the fields, and that they can be compared so.
    ///
    /// # Errors
    ///
    /// [`FilterError`] with the column of the first thing that does not fit.
    pub fn for_type(&self, of: &RunTimeType) -> Result<TypedFilter, FilterError> {
        let root = self.root.settled(of);
        let checked = root.check(of);
        checked.map_err(|(column, problem)| FilterError::new(&self.text, column, problem))?;
        Ok(TypedFilter(root))
    }
}

impl TypedFilter {
    /// Whether a message of the type satisfies the filter.
    pub fn matches(&self, message: &Value, known: &Known) -> bool {
        self.0.holds(message, known)
    }
}

/// A column, and what is wrong there.
type Wrong = (usize, String);

impl Expression {
    fn holds(&self, message: &Value, known: &Known) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.holds(message, known)),
            Self::All(parts) => parts.iter().all(|part| part.holds(message, known)),
            Self::Not(inner) => !inner.holds(message, known),
            Self::Is(operand) => operand.values(message, known).contains(&Comparable::Truth(true)),
            Self::Compare {
                left, operator, right, ..
            } => {
                let (left, right) = (left.values(message, known), right.values(message, known));
                if left.is_empty() || right.is_empty() {
                    // A list is shorter than the index: there is nothing that could be so.
                    return false;
                }
                // A signer has several names; it is whoever one of them says.
                let any = |operator: Operator| {
                    left.iter()
                        .any(|left| right.iter().any(|right| operator.holds(left, right)))
                };
                match operator {
                    Operator::NotEqual => !any(Operator::Equal),
                    other => any(*other),
                }
            }
        }
    }
}

impl Operand {
    /// What it stands for in a message: nothing where a list is too short, several things for a signer.
    fn values<'a>(&'a self, message: &'a Value, known: &'a Known) -> Vec<Comparable<'a>> {
        match &self.what {
            What::Fact(Fact::Signer) => known.signer.iter().map(|name| Comparable::Text(name)).collect(),
            What::Fact(Fact::Node) => vec![Comparable::Text(&known.node)],
            What::Fact(Fact::Name) => vec![Comparable::Text(&known.name)],
            What::Fact(Fact::Number) => vec![Comparable::Number(Number::Whole(known.number.into()))],
            What::Fact(Fact::Stamp) => vec![Comparable::seconds(known.stamp_ns)],
            What::Fact(Fact::Age) => vec![Comparable::seconds(known.received_ns.saturating_sub(known.stamp_ns))],
            What::Number(number) => vec![Comparable::Number(*number)],
            What::Text(text) => vec![Comparable::Text(text)],
            What::Truth(truth) => vec![Comparable::Truth(*truth)],
            What::Field(steps) => found(steps, message).and_then(Comparable::of).into_iter().collect(),
            What::NumberField(steps) => found(steps, message).and_then(Comparable::number).into_iter().collect(),
            What::Length(steps) => {
                let length = found(steps, message).and_then(|value| match value {
                    Value::Array(items) => Some(items.len()),
                    Value::String(text) => Some(text.chars().count()),
                    _ => None,
                });
                let length = length.and_then(|length| i128::try_from(length).ok());
                length
                    .map(|length| Comparable::Number(Number::Whole(length)))
                    .into_iter()
                    .collect()
            }
        }
    }
}

/// What is at the end of a path, unless a list is too short.
fn found<'a>(steps: &[Step], message: &'a Value) -> Option<&'a Value> {
    steps.iter().try_fold(message, |value, step| match step {
        Step::Field(name) => value.get(name),
        Step::Index(index) => value.get(*index),
    })
}

/// A filter that cannot be read, or does not fit a type.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FilterError {
    text: String,
    /// From 1, in characters.
    column: usize,
    problem: String,
}

impl FilterError {
    fn new(text: &str, column: usize, problem: String) -> Self {
        let text = text.to_owned();
        Self { text, column, problem }
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, column, problem } = self;
        let indent = " ".repeat(column.saturating_sub(1));
        write!(f, "filter, column {column}: {problem}\n  {text}\n  {indent}^")
    }
}

impl Error for FilterError {}

#[cfg(test)]
mod tests;
